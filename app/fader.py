"""A vertical fader in decibels, and the field beneath it that takes a typed value."""

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from app import theme
from app.binding import show
from app.knob import STEPS, Gestures, claim_keys
from app.meters import BOTTOM, FLOOR_DB, MAX_DB, TICKS_DB, TOP, ZERO_AT, db_at, db_text, place
from app.state import State

CAP_W, CAP_H = 26, 16
DETENT_PX = 2.5  # a drag that ends this near to 0 dB ends on it; Ctrl goes past
TYPED = "+-−.,"  # what begins a value; digits do not, for 1, 2 and 3 say what is heard, wherever the focus is


class Fader(QSlider):
    """The fader of a stem, or of the master where stem is None. It shows state.mix and moves it, nothing else.

    As a QSlider it has a role and a value (tenths of a dB) for screen readers; painting and handling are its own.
    """

    typing_began = Signal(str)  # somebody types on the fader: the field takes over

    def __init__(self, state: State, stem: str | None, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._state, self._stem, self._db = state, stem, 0.0
        self._gestures, self._drag = Gestures(), None
        self._colour = theme.TEXT
        self.setObjectName(f"fader-{stem or 'master'}")
        self.setRange(round(FLOOR_DB * 10), round(MAX_DB * 10))
        self.setMinimumSize(50, 132)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setTitle(stem.capitalize() if stem else "Master")
        self.valueChanged.connect(self._moved_by_reader)
        show(self, state, "mix", self._show)

    def setTitle(self, title: str) -> None:  # noqa: N802 - beside Qt's setters
        """Name it for screen readers and the tool tip."""
        self._title = title
        self.setAccessibleName(f"{title} fader")
        self._describe()

    def set_colour(self, colour: str) -> None:
        """Colour of the line on the cap, #rrggbb."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(50, 220)

    # ---------------------------------------------------------------------------------------------------- state

    @property
    def gain_db(self) -> float:
        """What is shown."""
        return self._db

    def _show(self, _mix: object) -> None:
        state = self._state
        self._db = state.mix.master_db if self._stem is None else state.strip(self._stem).gain_db
        blocked = self.blockSignals(True)
        self.setValue(round(max(self._db, FLOOR_DB) * 10))
        self.blockSignals(blocked)
        self._describe()
        self.update()

    def _describe(self) -> None:
        value = "silent (−∞ dB)" if self._db == -math.inf else f"{db_text(self._db)} dB"
        self.setAccessibleDescription(value)
        self.setToolTip(
            f"<b>{self._title} {db_text(self._db)} dB</b><br>Drag (Ctrl: finely) · wheel or arrows 0.1 dB, with Shift 1 dB<br>"
            "Double click or Home: 0 dB · Delete: −∞ · Enter, + or −: type a value"
        )

    def move_to(self, db: float, gesture: object = None) -> None:
        """Move the strip (or master) of the state."""
        db = min(MAX_DB, db)
        if self._stem is None:
            self._state.move_master(db, gesture)
        else:
            self._state.move_strip(self._stem, gesture, gain_db=db)

    def step(self, tenths: int) -> None:
        """Move by tenths of a dB; steps that follow each other closely are one undo step."""
        if max(self._db, FLOOR_DB) + tenths / 10 < FLOOR_DB:
            db = -math.inf
        elif self._db < FLOOR_DB:
            db = FLOOR_DB if tenths > 0 else -math.inf
        else:
            db = round(self._db + tenths / 10, 1) + 0.0
        self.move_to(db, self._gestures.step())

    @Slot(int)
    def _moved_by_reader(self, tenths: int) -> None:
        self.move_to(-math.inf if tenths <= self.minimum() else tenths / 10, self._gestures.step())

    # ------------------------------------------------------------------------------------------------- handling

    def _length(self) -> float:
        return max(1.0, self.height() - TOP - BOTTOM)

    def cap_y(self) -> float:
        """Height of the middle of the cap, in pixels from above."""
        return TOP + (1.0 - place(self._db)) * self._length()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = (self._gestures.begin(), event.position().y(), place(self._db))
            self.setSliderDown(True)
            self.update()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if self._drag is None:
            return
        gesture, y, at = self._drag
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        at -= (event.position().y() - y) / self._length() * (0.1 if fine else 1.0)
        self._drag = (gesture, event.position().y(), at)
        near_zero = abs(at - ZERO_AT) * self._length() < DETENT_PX
        self.move_to(0.0 if near_zero and not fine else round(db_at(at), 1) + 0.0, gesture)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        self._drag = None
        self.setSliderDown(False)
        self.update()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self.move_to(0.0)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102, N802 - Qt's
        notches = self._gestures.notches(event)
        if notches and self._drag is None:
            self.step(notches * (10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1))

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        return claim_keys(event, TYPED) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in STEPS:
            self.step(STEPS[key] * (10 if shift and abs(STEPS[key]) == 1 else 1))
        elif key == Qt.Key.Key_Home:
            self.move_to(0.0)
        elif key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.move_to(-math.inf)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.typing_began.emit("")
        elif event.text() and event.text() in TYPED:
            self.typing_began.emit(event.text())
        else:
            event.ignore()  # QSlider's own keys (End) are not wanted; the strip may know it

    # ------------------------------------------------------------------------------------------------- painting

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setFont(theme.digits(self.font(), 10))
        middle, on = 4 + CAP_W / 2, self.isEnabled()
        self._paint_scale(p, middle)
        groove = QRectF(middle - 2, TOP - 2, 4, self._length() + 4)
        p.setPen(QPen(QColor(theme.LINE), 1))
        p.setBrush(QColor(theme.WINDOW))
        p.drawRoundedRect(groove, 2, 2)
        y = self.cap_y()
        cap = QRectF(middle - CAP_W / 2, y - CAP_H / 2, CAP_W, CAP_H)
        if self.hasFocus():
            p.setPen(QPen(QColor(theme.ACCENT), 2))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(cap.adjusted(-2, -2, 2, 2), 5, 5)
        grabbed = self._drag is not None or self.underMouse()
        p.setPen(QPen(QColor(theme.WINDOW), 1))
        p.setBrush(QColor((theme.CAP_HOT if grabbed else theme.CAP) if on else theme.RAISED))
        p.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        p.setPen(QPen(QColor(self._colour if on else theme.FAINT), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        p.drawLine(QPointF(cap.left() + 4, y), QPointF(cap.right() - 4, y))

    def _paint_scale(self, p: QPainter, middle: float) -> None:
        metrics, last_y = QFontMetrics(p.font()), -math.inf
        for db in TICKS_DB:
            y = round(TOP + (1.0 - place(db)) * self._length()) + 0.5
            if y - last_y < metrics.ascent() + 1 and db != -math.inf:
                continue
            last_y, strong = y, db == 0.0
            colour = QColor(theme.FAINT if not self.isEnabled() else theme.TEXT if strong else theme.DIM)
            p.setPen(QPen(QColor(theme.FAINT if strong else theme.LINE), 1))
            p.drawLine(QPointF(middle + 4, y), QPointF(middle + 8, y))
            p.drawLine(QPointF(middle - 8, y), QPointF(middle - 4, y))
            p.setPen(colour)
            text = "∞" if db == -math.inf else f"{db:+.0f}" if db > 0 else f"{-db:.0f}" if db else "0"
            box = QRectF(middle + 10, y - 8, self.width() - middle - 12, 16)
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
