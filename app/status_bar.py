"""The status line: the last message; work in hand, its time left and a way to cancel it; sound; the compute device."""

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QToolTip, QWidget

from app import icons, theme
from app.binding import show
from app.state import State
from engine.types import Progress

STALE_MS = 15_000  # how long a message stands


def left_text(seconds: float | None) -> str:
    """Time left in words that do not promise too much.

    >>> left_text(None), left_text(4.2), left_text(83.0), left_text(5400.0)
    ('', '5 s left', '1:25 left', '1 h 30 min left')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, int(seconds) + 1)} s left"
    if seconds < 3600:
        whole = -(-int(seconds) // 5) * 5  # in steps of five: it does not flicker
        return f"{whole // 60}:{whole % 60:02d} left"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min left"


def progress_text(progress: Progress) -> str:
    """What is done, how far, how long it takes.

    >>> progress_text(Progress("Separating", 0.421, 83.0))
    'Separating 42 % · 1:25 left'
    """
    left = left_text(progress.seconds_left)
    return f"{progress.what} {int(progress.done * 100)} %" + (f" · {left}" if left else "")


class ElidedLabel(QLabel):
    """A line that ends in ... where the room ends; the whole of it is in the tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(48)

    def set_line(self, text: str) -> None:
        """Show a line."""
        self.setText(text)
        self.setToolTip(text)
        self.setAccessibleDescription(text)

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p = QPainter(self)
        line = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        p.setPen(self.palette().windowText().color())
        p.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)


class StatusBar(QStatusBar):
    """Reads the state; all that it can do is ask for a cancel, and for what was paused to go on."""

    cancel_wanted = Signal()
    resume_wanted = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("status")
        self.setSizeGripEnabled(False)
        self.setFixedHeight(32)
        self.message = ElidedLabel()
        self.message.setAccessibleName("Message")
        self.sound = ElidedLabel()  # a long complaint must not make the window wider than the screen
        self.sound.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.sound.setAccessibleName("Sound device")
        self.sound.setStyleSheet(f"color: {theme.DIM}")
        self.device = QToolButton(objectName="device")
        self.device.setProperty("flat", True)
        self.device.setFixedHeight(24)
        self.device.setStyleSheet(f"color: {theme.DIM}")
        self.device.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.device.clicked.connect(self._say_why)
        self._cancelled = ""  # what was asked to end and has not yet
        self._stale = QTimer(self, interval=STALE_MS, singleShot=True)
        self._stale.timeout.connect(self._forget)
        self.addWidget(self.message, 1)
        self.addPermanentWidget(self._work())
        self.addPermanentWidget(self.sound)
        self.addPermanentWidget(self.device)
        self.setContentsMargins(8, 0, 4, 0)
        show(self, state, "message", self._show_message)
        show(self, state, "progress", self._show_progress)
        show(self, state, "paused", self._show_paused)
        show(self, state, "sound", self._show_sound)
        show(self, state, "device", self._show_device)
        show(self, state, "device_why", self._show_device)

    def _work(self) -> QWidget:
        self.work = QWidget()
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(8)
        self.percent = QLabel(accessibleName="Work in hand")
        self.percent.setFont(theme.digits(self.font()))
        self.bar = QProgressBar(textVisible=False, accessibleName="Progress")
        self.bar.setRange(0, 1000)
        self.bar.setFixedSize(120, 6)
        self.cancel = QToolButton(icon=icons.icon("cancel"), objectName="cancel", accessibleName="Cancel")
        self.cancel.setProperty("flat", True)
        self.cancel.setIconSize(QSize(16, 16))
        self.cancel.setFixedSize(28, 24)
        self.cancel.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cancel.clicked.connect(self._cancel)
        self.resume = QToolButton(text="Resume", objectName="resume", accessibleName="Resume the separation")
        self.resume.setToolTip("Go on with the separation (R)")
        self.resume.setFixedHeight(24)
        self.resume.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.resume.clicked.connect(self.resume_wanted)
        for part in (self.percent, self.bar, self.cancel, self.resume):
            row.addWidget(part)
        return self.work

    def _show_message(self, message: str) -> None:
        self.message.set_line(message)
        self._stale.start()

    @Slot()
    def _forget(self) -> None:
        """What was said a while ago may no longer be so."""
        self._state.message = ""

    def _show_paused(self, _: bool) -> None:
        self._show_progress(self._state.progress)

    @Slot()
    def _cancel(self) -> None:
        progress: Progress | None = self._state.progress
        self._cancelled = progress.what if progress else ""
        self._show_progress(progress)  # at once: what is in hand ends at its next step
        self.cancel_wanted.emit()

    def _show_progress(self, progress: Progress | None) -> None:
        if progress is None or progress.what != self._cancelled:
            self._cancelled = ""
        is_paused = progress is None and self._state.paused
        self.work.setVisible(progress is not None or is_paused)
        self.cancel.setEnabled(not self._cancelled)
        for part, is_seen in ((self.bar, not is_paused), (self.cancel, not is_paused), (self.resume, is_paused)):
            part.setVisible(is_seen)
        if progress is None:
            self.percent.setText("Separation paused" if is_paused else "")
            return
        self.percent.setText("Cancelling …" if self._cancelled else progress_text(progress))
        self.bar.setValue(round(progress.done * 1000))
        what = f"Cancel: {progress.what.lower()}. What was there before stays"
        self.cancel.setToolTip(what)
        self.cancel.setAccessibleDescription(what)

    def _show_sound(self, sound: str) -> None:
        self.sound.set_line(sound)
        self.sound.setStyleSheet(f"color: {theme.WARN if sound.startswith('No sound') else theme.DIM}")
        self.sound.setVisible(bool(sound))

    def _show_device(self, _text: str) -> None:
        device, why = self._state.device, self._state.device_why
        self.device.setText(device)
        self.device.setVisible(bool(device))
        self.device.setAccessibleName(f"Compute device: {device}")
        self.device.setAccessibleDescription(why)
        self.device.setToolTip(f"Computes on: {device}" + (f"<br>{why}" if why else ""))

    @Slot()
    def _say_why(self) -> None:
        text = self._state.device_why or f"Computes on: {self._state.device}"
        self._state.message = text
        QToolTip.showText(self.device.mapToGlobal(self.device.rect().topLeft()), text, self.device)
