"""The export dialog: a form, the plan that it comes to, progress in the same place, and at the end the verdict of the null report."""

from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.binding import show
from app.bridge_work import Exported, ExportWish
from app.dialog_parts import Dialog, Note, Notice, button, buttons, line, size_text
from app.export_form import ExportForm
from app.export_result import ExportResult
from app.export_words import in_window_words, is_lossy, plan_line
from app.settings import Settings
from app.state import State
from app.status_bar import left_text
from engine.types import AudioInfo, Progress

STEPS = {"Separating": 8, "Writing stems": 3, "Checking the files": 1, "Writing the remix": 2}  # how long they take, roughly
LOOK_MS = 1500  # how often free space and files that are there are looked at again


class ExportDialog(Dialog):
    """Asks, says what will happen, does it, says what came of it. Fields stay as they are whatever happens."""

    def __init__(self, state: State, bridge: Any, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("Export", parent)
        self._state, self._bridge, self._settings = state, bridge, settings
        self._running = False
        self._refusal = ""  # of the export in hand
        self._said = ("", "info")  # what ended the last one; gone with the next edit
        self._wish: ExportWish | None = None
        self._subtype = ""
        self._steps: dict[str, float] = {}
        self.form = ExportForm(state, bridge, settings)
        self.plan, self.notice = Note(), Notice()
        self.plan.setAccessibleName("Plan")
        self.start = button("&Export", "start", "Write the files", default=True)
        self.stop = button("Cancel", "stop")
        self.result: ExportResult | None = None
        self.pages = QStackedWidget()
        self.column().addWidget(self.pages)
        self.asking = self._asking()
        self.pages.addWidget(self.asking)
        self.setMinimumWidth(600)
        self.form.changed.connect(self._look_anew)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self.reject)
        bridge.refused.connect(self._on_refused)
        bridge.exported.connect(self._on_exported)
        bridge.export_ended.connect(self._on_ended)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._look)
        self._clock.start()
        show(self, state, "progress", self._show_progress)
        show(self, state, "song", self._show_song)
        self._look()
        self.start.setFocus()

    def _asking(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.form)
        column.addWidget(line())
        column.addWidget(self._foot())
        column.addWidget(self.notice)
        column.addStretch(1)
        column.addLayout(buttons([], [self.stop, self.start]))
        return page

    def _foot(self) -> QWidget:
        """The plan; while it runs: what is being done."""
        self.foot, work = QStackedWidget(), QWidget()
        self.foot.setFixedHeight(36)
        self.step = QLabel(accessibleName="Work in hand")
        self.step.setFont(theme.digits(self.font()))
        self.bar = QProgressBar(textVisible=False, accessibleName="Progress")
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(8)
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.step)
        column.addWidget(self.bar)
        self.plan.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.foot.addWidget(self.plan)
        self.foot.addWidget(work)
        return self.foot

    # --------------------------------------------------------------------------------------------- before

    @Slot()
    def _look_anew(self) -> None:
        self._said = ("", "info")
        self._look()

    @Slot()
    def _look(self) -> None:
        """What the fields come to: names, size, room, and whether it can begin."""
        if self._running or self.result or self._state.song is None:
            return
        wish = self.form.wish()
        found = self._bridge.export_plan(wish)
        self.form.show_names([] if isinstance(found, str) else [p.name for p in found.files])
        self.plan.say("" if isinstance(found, str) else self._plan_line(found, wish), "plain")
        stop, hint = self._objection(found, wish)
        if stop:
            self.notice.say(*stop)
        elif self._said[0]:
            self.notice.say(*self._said)
        else:
            self.notice.say(hint)
        self.start.setEnabled(stop is None)
        self._subtype = self.form.subtype

    def _objection(self, found: Any, wish: ExportWish) -> tuple[tuple[str, str] | None, str]:
        """What keeps it from beginning, as (sentence, kind); and a hint that does not."""
        if isinstance(found, str):
            return (in_window_words(found), "error"), ""
        if found.n_bytes > found.n_free:
            need, free = size_text(found.n_bytes), size_text(found.n_free)
            return (f"There is not enough room: at most {need} are needed, {free} are free. Make room or use another folder.", "error"), ""
        if found.there and not wish.overwrite:
            n = len(found.there)
            are = f"{found.there[0].name} is" if n == 1 else f"{found.there[0].name} and {n - 1} more are"
            return (f"{are} there already: tick “Replace files that are there”, or choose another name or folder.", "warn"), ""
        masks = self._state.masks
        if wish.stems and masks is not None and not masks.is_complete:
            return None, "The song is not separated to its end yet; the export first does what it needs."
        return None, ""

    def _plan_line(self, found: Any, wish: ExportWish) -> str:
        return plan_line(len(found.files), bool(found.reports), found.n_bytes, self._is_exact(), wish.folder, found.n_free)

    def _is_exact(self) -> bool:
        """Whether the size can be told: not where it is compressed."""
        return self.form.format[0] not in ("FLAC", "M4A") and not is_lossy(self.form.subtype)

    @Slot()
    def _start(self) -> None:
        self._wish = wish = self.form.wish()
        self._settings.choose(export_folder=str(wish.folder), name_template=wish.name_template)
        self._refusal, self._running = "", True
        masks = self._state.masks
        needed = {"Separating": wish.stems and not (masks and masks.is_complete), "Writing stems": wish.stems,
                  "Checking the files": wish.stems, "Writing the remix": wish.remix}  # fmt: skip
        self._steps = {name: STEPS[name] for name, is_needed in needed.items() if is_needed}
        self.notice.say("")
        self.form.setEnabled(False)
        self.start.setEnabled(False)
        self.stop.setText("Cancel export")
        self.step.setText("Beginning …")
        self.bar.setValue(0)
        self.foot.setCurrentIndex(1)
        self.stop.setFocus()
        self._bridge.export(wish)

    # --------------------------------------------------------------------------------------------- while

    def _show_progress(self, progress: Progress | None) -> None:
        """One bar for all steps; it never goes back."""
        if not self._running or progress is None:
            return
        before = 0.0
        for name, weight in self._steps.items():
            if name == progress.what:
                done = (before + weight * progress.done) / sum(self._steps.values())
                self.bar.setValue(max(self.bar.value(), round(1000 * done)))
            before += weight
        left = left_text(progress.seconds_left)
        self.step.setText(f"{progress.what} · {int(self.bar.value() / 10)} %" + (f" · {left}" if left else ""))

    @Slot()
    def reject(self) -> None:
        """Esc, Cancel, the window's cross: while it runs the export is cancelled and the dialog stays, else it closes."""
        if self._running:
            self.stop.setEnabled(False)
            self.step.setText("Cancelling …")
            self._bridge.cancel()
        else:
            super().reject()

    # --------------------------------------------------------------------------------------------- after

    @Slot(str)
    def _on_refused(self, sentence: str) -> None:
        self._refusal = sentence
        if not self._running:  # other work that failed meanwhile; nobody else says it while this dialog is open
            self._said = (sentence, "error")
            self._look()

    @Slot(object)
    def _on_exported(self, exported: Exported) -> None:
        if self._running and self._wish and self._state.song:
            self._running = False
            parts = (self._state, self._bridge, self._settings)
            self.result = ExportResult(*parts, exported, self._wish.headroom_db, self._subtype, self)
            self.result.done.connect(self.accept)
            self.pages.addWidget(self.result)
            self.pages.setCurrentWidget(self.result)
            self.pages.removeWidget(self.asking)  # the result is smaller than the form
            self.asking.hide()
            QTimer.singleShot(0, self, self._shrink)  # when the page has been laid out
            self.setWindowTitle("Exported")
            self.result.close_button.setDefault(True)
            self.result.close_button.setFocus()

    @Slot()
    def _shrink(self) -> None:
        self.pages.updateGeometry()
        self.layout().activate()  # else the smallest height is still the form's
        self.resize(self.width(), self.sizeHint().height())

    @Slot()
    def _on_ended(self) -> None:
        if not self._running:
            return
        self._running = False
        self.form.setEnabled(True)
        self.stop.setText("Cancel")
        self.stop.setEnabled(True)
        self.foot.setCurrentIndex(0)
        self._said = (in_window_words(self._refusal), "error") if self._refusal else ("Cancelled; nothing was written.", "info")
        self._look()
        self.start.setFocus()

    def _show_song(self, song: AudioInfo | None) -> None:
        if song is None and self.isVisible() and not self.result:
            self._running = False
            super().reject()
