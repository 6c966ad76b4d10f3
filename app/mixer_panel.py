"""The mixer: a strip per stem and a master, presets, undo. Strips read and move the state; they remember nothing."""

from itertools import pairwise

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import icons, theme
from app.binding import edit, show
from app.fader import Fader
from app.gain_field import GainField
from app.knob import Knob, Swatch
from app.meters import Meter
from app.presets import PresetsButton
from app.state import State, StemLook
from app.strip_title import Title
from app.transport import OutputButton
from engine.types import AudioInfo, Mix

STRIP_WIDTH = 108
NO_SONG = "Open a song to mix it: drop a file on the window or press Ctrl+O"


class Strip(QFrame):
    """Colour, name, balance, width, mute, solo, fader and meter of one stem."""

    def __init__(self, state: State, stem: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self.stem = state, stem
        self.setObjectName(f"strip-{stem}")
        self.setFixedWidth(STRIP_WIDTH)
        self.swatch, self.title = Swatch(state, stem), Title(state, stem)
        self.balance, self.width_ = Knob(state, stem, "balance"), Knob(state, stem, "width")
        self.mute, self.solo = self._switch("mute"), self._switch("solo")
        self.fader, self.meter = Fader(state, stem), Meter(state, stem, foot=28)
        self.gain = GainField(state, self.fader)
        lay_out(self, [self.swatch], [self.title], [self.balance, self.width_], [self.mute, self.solo], self.fader, self.gain, self.meter)
        show(self, state, "stems", self._show_look)
        show(self, state, "mix", self._show_mix)
        show(self, state, "song", self._show_song)

    def _switch(self, field: str) -> QToolButton:
        button = QToolButton(text=field[0].upper(), checkable=True, objectName=f"{field}-{self.stem}")
        button.setProperty("switch", field)
        button.setFixedSize(44, 24)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        edit(button, button.clicked, lambda on: self._state.move_strip(self.stem, **{field: on}))
        return button

    def _show_look(self, stems: tuple[StemLook, ...]) -> None:
        look = next((look for look in stems if look.name == self.stem), None)
        if look is None:
            return  # another method's stems: this strip is on its way out
        self.swatch.set_look(look)
        self.title.set_look(look)
        for part in (self.fader, self.meter, self.balance, self.width_):
            part.setTitle(look.title)
            part.set_colour(look.colour)
        self.gain.setTitle(look.title)
        for button, verb, more in ((self.mute, "mute", "wins over solo"), (self.solo, "solo", "silences all strips without solo")):
            button.setAccessibleName(f"{look.title} {verb}")
            button.setAccessibleDescription(more)
            button.setToolTip(f"{verb.capitalize()} {look.title} ({verb[0].upper()}): {more}")

    def _show_mix(self, mix: Mix) -> None:
        strip = self._state.strip(self.stem)
        for button, on in ((self.mute, strip.mute), (self.solo, strip.solo)):
            with QSignalBlocker(button):
                button.setChecked(on)
        silent = strip.mute or (not strip.solo and any(other.solo for other in mix.stems.values()))
        self.title.setStyleSheet(f"color: {theme.DIM}" if silent else "")

    def _show_song(self, song: AudioInfo | None) -> None:
        for knob in (self.balance, self.width_):
            knob.set_stereo(song is None or song.n_channels == 2)

    def event(self, event: QEvent) -> bool:
        """M and S are this strip's while anything in it has the focus, whatever they are in the window."""
        is_key = event.type() == QEvent.Type.ShortcutOverride and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if is_key and event.key() in {Qt.Key.Key_M, Qt.Key.Key_S}:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if plain and event.key() == Qt.Key.Key_M:
            self.mute.click()
        elif plain and event.key() == Qt.Key.Key_S:
            self.solo.click()
        elif event.key() == Qt.Key.Key_F2:
            self.title.begin()
        else:
            super().keyPressEvent(event)


class MasterStrip(QFrame):
    """Output gain, master fader and meter."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip-master")
        self.setFixedWidth(STRIP_WIDTH)
        bar = QFrame(styleSheet=f"background: {theme.LINE}; margin-bottom: 4px")
        bar.setFixedHeight(10)
        name, caption = QLabel("Master", alignment=Qt.AlignmentFlag.AlignCenter), QLabel("Output gain")
        name.setFixedHeight(24)
        caption.setFixedHeight(44)
        caption.setStyleSheet(f"QLabel {{ color: {theme.DIM}; font-size: 11px }} QLabel:disabled {{ color: {theme.FAINT} }}")
        self.fader, self.meter = Fader(state, None), Meter(state, None, foot=28)
        self.gain, self.output = GainField(state, self.fader), OutputButton(state, self.meter)
        self.output.setFixedHeight(24)
        lay_out(self, [bar], [name], [caption], [self.output], self.fader, self.gain, self.meter)
        caption.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)


def lay_out(strip: QFrame, bar: list[QWidget], name: list[QWidget], place: list[QWidget], switches: list[QWidget], fader: QWidget,
            gain: QWidget, meter: QWidget) -> None:  # fmt: skip
    """Put the parts of a strip where every strip has them, in the order of the Tab key."""
    column = QVBoxLayout(strip)
    column.setContentsMargins(0, 0, 0, 8)
    column.setSpacing(0)
    for parts, gap, margin in ((bar, 0, 0), (name, 4, 4), (place, 4, 8), (switches, 4, 8)):
        row = QHBoxLayout()
        row.setContentsMargins(margin, 0, margin, gap)
        row.setSpacing(4)
        for part in parts:
            row.addWidget(part)
        column.addLayout(row)
    body = QGridLayout()
    body.setContentsMargins(8, 4, 8, 0)
    body.setHorizontalSpacing(4)
    body.setVerticalSpacing(4)
    body.addWidget(fader, 0, 0)
    body.addWidget(gain, 1, 0)
    body.addWidget(meter, 0, 1, 2, 1)
    column.addLayout(body, 1)
    strip.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    strip.setStyleSheet(f"QFrame#{strip.objectName()} {{ background: {theme.PANEL}; border-radius: 4px; }}")


class MixerPanel(QWidget):
    """Strips that scroll, a master that stays, and above them presets, undo and redo."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self.strips = state, {}
        self.setObjectName("mixer")
        self.master = MasterStrip(state)
        self.hint = QLabel(NO_SONG)
        self.hint.setStyleSheet(f"color: {theme.DIM}")
        self.hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # a hint never widens the window
        self._inner = QWidget()
        self._row = QHBoxLayout(self._inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self.scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame, focusPolicy=Qt.FocusPolicy.NoFocus)
        self.scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(self._inner)
        self.scroll.horizontalScrollBar().rangeChanged.connect(self._make_room)
        self._under_master = QWidget(maximumHeight=0)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(8)
        whole.addLayout(self._tools())
        desk = QGridLayout(horizontalSpacing=8, verticalSpacing=0)
        desk.addWidget(self.scroll, 0, 0, 2, 1)
        desk.addWidget(self.master, 0, 1)
        desk.addWidget(self._under_master, 1, 1)
        desk.setColumnStretch(0, 10_000)  # all, up to its greatest width; what is left lies to the right of the master
        desk.setColumnStretch(2, 1)
        whole.addLayout(desk, 1)
        show(self, state, "stems", self._show_stems)
        show(self, state, "song", self._show_song)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.presets = PresetsButton(self._state)
        self.undo, self.redo = QToolButton(icon=icons.icon("undo")), QToolButton(icon=icons.icon("redo"))
        stack = self._state.undo
        for button, name, verb in ((self.undo, "Undo", stack.undo), (self.redo, "Redo", stack.redo)):
            button.clicked.connect(verb)
            button.setAccessibleName(f"{name} mixer change")
            button.setAccessibleDescription(f"{name} the last change of the mixer")
        for button in (self.presets, self.undo, self.redo):
            button.setFixedHeight(28)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self.hint, 1)
        row.addStretch(0)  # takes the room while there is no hint
        stack.canUndoChanged.connect(self.undo.setEnabled)
        stack.canRedoChanged.connect(self.redo.setEnabled)
        stack.undoTextChanged.connect(self._show_undo)
        stack.redoTextChanged.connect(self._show_redo)
        self.undo.setEnabled(stack.canUndo())
        self.redo.setEnabled(stack.canRedo())
        self._show_undo(stack.undoText())
        self._show_redo(stack.redoText())
        return row

    @Slot(str)
    def _show_undo(self, text: str) -> None:
        self.undo.setToolTip(f"Undo {text}" if text else "Nothing to undo")

    @Slot(str)
    def _show_redo(self, text: str) -> None:
        self.redo.setToolTip(f"Redo {text}" if text else "Nothing to redo")

    @Slot(int, int)
    def _make_room(self, _low: int, high: int) -> None:
        """Keep the faders of strips and master at one height: the scroll bar takes as much from both."""
        bar = self.scroll.horizontalScrollBar().sizeHint().height() if high > 0 else 0
        self._under_master.setFixedHeight(bar)
        self.scroll.setMinimumHeight(self._inner.minimumSizeHint().height() + bar)

    def _show_song(self, song: AudioInfo | None) -> None:
        for part in (self._inner, self.master, self.presets):
            part.setEnabled(song is not None)
        self.hint.setVisible(song is None)

    def _show_stems(self, stems: tuple[StemLook, ...]) -> None:
        if [look.name for look in stems] != list(self.strips):
            self._rebuild([look.name for look in stems])

    def _rebuild(self, names: list[str]) -> None:
        for strip in self.strips.values():
            self._row.removeWidget(strip)
            strip.hide()
            strip.deleteLater()
        self.strips = {name: Strip(self._state, name) for name in names}
        for strip in self.strips.values():
            self._row.addWidget(strip)
        n = len(names)
        self.scroll.setVisible(n > 0)
        self.scroll.setMaximumWidth(max(1, n * STRIP_WIDTH + (n - 1) * self._row.spacing()))
        self._inner.setMinimumWidth(self.scroll.maximumWidth())
        self._order()

    def full_width(self) -> int:
        """Pixels at which no strip has to scroll."""
        margins = self.layout().contentsMargins()
        return self.scroll.maximumWidth() + STRIP_WIDTH + margins.left() + margins.right() + 8  # the gap between

    def _order(self) -> None:
        """The Tab key goes strip by strip, from above to below, then to the master."""
        chain = [self.presets, self.undo, self.redo]
        for s in self.strips.values():
            chain += [s.swatch, s.title, s.balance, s.width_, s.mute, s.solo, s.fader, s.gain, s.meter]
        chain += [self.master.output, self.master.fader, self.master.gain, self.master.meter]
        policies = [part.focusPolicy() for part in chain]
        for part in chain:
            part.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # Qt leaves out what takes no focus: meters that do not clip yet
        for one, next_ in pairwise(chain):
            QWidget.setTabOrder(one, next_)
        for part, policy in zip(chain, policies, strict=True):
            part.setFocusPolicy(policy)
