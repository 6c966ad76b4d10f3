"""The small controls of a strip: balance and width knobs, the colour swatch; and what wheel, keys and drags of all of them share."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QColorDialog, QDial, QMenu, QSizePolicy, QWidget

from app import theme
from app.binding import edit, show
from app.state import State, StemLook

STEPS = {
    Qt.Key.Key_Up: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_Left: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10,
}  # fmt: skip
OWN_KEYS = {*STEPS, Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace}


def claim_keys(event: QEvent, typed: str = "") -> bool:
    """Whether this asks if a shortcut of the window may take a key that a fader or knob with the focus needs: it may not.

    typed: characters that are needed as well.
    """
    if event.type() != QEvent.Type.ShortcutOverride or not (event.key() in OWN_KEYS or (event.text() and event.text() in typed)):
        return False
    if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return False
    event.accept()
    return True


class Gestures:
    """Which moves are one undo step: those of a drag, and steps by wheel or key that follow each other closely."""

    PAUSE_S = 0.6

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last, self._gesture, self._rest = clock, -math.inf, object(), 0.0

    def begin(self) -> object:
        """A new gesture that nothing joins but who holds it."""
        self._last = -math.inf
        return object()

    def step(self) -> object:
        """The gesture of a single step."""
        now = self._clock()
        if now - self._last > self.PAUSE_S:
            self._gesture = object()
        self._last = now
        return self._gesture

    def notches(self, event: QWheelEvent) -> int:
        """Whole notches turned, up is positive; touch pads send fractions, which are gathered. Sideways is for who scrolls."""
        delta, keys = event.angleDelta().y(), Qt.KeyboardModifier
        if not delta and event.modifiers() & (keys.AltModifier | keys.ShiftModifier):
            delta = event.angleDelta().x()  # Alt (and Shift on a Mac) turn the wheel sideways
        event.setAccepted(delta != 0)
        self._rest += (-delta if event.inverted() else delta) / 120.0
        whole = int(self._rest)
        self._rest -= whole
        return whole


def balance_text(balance: float) -> str:
    """How a balance is written: C, L 30, R 100.

    >>> balance_text(0.0), balance_text(-0.3), balance_text(1.0)
    ('C', 'L 30', 'R 100')
    """
    percent = round(abs(balance) * 100)
    return "C" if percent == 0 else f"{'L' if balance < 0 else 'R'} {percent}"


def width_text(width: float) -> str:
    """How a width is written: 0 % is mono, 100 % as it is.

    >>> width_text(0.0), width_text(1.0)
    ('Mono', '100 %')
    """
    return "Mono" if round(width * 100) == 0 else f"{round(width * 100)} %"


class Knob(QDial):
    """The balance or the width of a stem; neutral points up. It shows state.mix and moves it, nothing else.

    As a QDial it has a role and a value (per cent) for screen readers; painting and handling are its own.
    """

    SWEEP = 270.0  # degrees from one end to the other

    def __init__(self, state: State, stem: str, field: str, parent: QWidget | None = None) -> None:
        """field: "balance" or "width" of StemMix."""
        super().__init__(parent)
        self._state, self._stem, self._field = state, stem, field
        self._neutral = 0 if field == "balance" else 100
        self._gestures, self._drag = Gestures(), None
        self._colour, self._why = theme.TEXT, ""
        self.setObjectName(f"{field}-{stem}")
        self.setRange(*((-100, 100) if field == "balance" else (0, 200)))
        self.setFixedSize(44, 44)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setTitle(stem.capitalize())
        self.valueChanged.connect(self._moved_by_reader)
        show(self, state, "mix", self._show)

    def setTitle(self, title: str) -> None:  # noqa: N802 - beside Qt's setters
        """Name it for screen readers and the tool tip."""
        self._title = title
        self.setAccessibleName(f"{title} {self._field}")
        self._describe()

    def set_colour(self, colour: str) -> None:
        """Colour of the arc, #rrggbb."""
        self._colour = colour
        self.update()

    def set_stereo(self, is_stereo: bool) -> None:
        """There is nothing to place in a recording that is not stereo."""
        self._why = "" if is_stereo else "<br>Off: the recording is not stereo"
        self.setEnabled(is_stereo)
        self._describe()

    # ---------------------------------------------------------------------------------------------------- state

    @property
    def text(self) -> str:
        """The value as it is written."""
        return balance_text(self.value() / 100) if self._field == "balance" else width_text(self.value() / 100)

    def _show(self, _mix: object) -> None:
        blocked = self.blockSignals(True)
        self.setValue(round(getattr(self._state.strip(self._stem), self._field) * 100))
        self.blockSignals(blocked)
        self._describe()
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.text)
        self.setToolTip(
            f"<b>{self._title} {self._field} {self.text}</b>{self._why}<br>"
            "Drag up or down (Ctrl: finely) · wheel or arrows 1 %, Shift 10 %<br>"
            f"Double click or Home: {'centre' if self._field == 'balance' else '100 %, as it is'}"
        )

    def move_to(self, percent: float, gesture: object = None) -> None:
        """Move the strip of the state."""
        percent = min(self.maximum(), max(self.minimum(), round(percent)))
        self._state.move_strip(self._stem, gesture, **{self._field: percent / 100})

    @Slot(int)
    def _moved_by_reader(self, percent: int) -> None:
        self.move_to(percent, self._gestures.step())

    # ------------------------------------------------------------------------------------------------- handling

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = (self._gestures.begin(), event.position(), float(self.value()))
            self.update()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if self._drag is None:
            return
        gesture, at, percent = self._drag
        moved = event.position() - at
        percent += (moved.x() - moved.y()) * (0.2 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1.0)
        self._drag = (gesture, event.position(), percent)
        self.move_to(self._neutral if abs(percent - self._neutral) < 3.0 else percent, gesture)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        self._drag = None
        self.update()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self.move_to(self._neutral)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102, N802 - Qt's
        notches = self._gestures.notches(event)
        if notches and self._drag is None:
            ten = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.move_to(self.value() + notches * (10 if ten else 1), self._gestures.step())

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        return claim_keys(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.key() in STEPS:
            step, shift = STEPS[event.key()], event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.move_to(self.value() + step * (10 if shift and abs(step) == 1 else 1), self._gestures.step())
        elif event.key() in {Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.move_to(self._neutral)
        else:
            event.ignore()

    # ------------------------------------------------------------------------------------------------- painting

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, moved = self.isEnabled(), self.value() != self._neutral
        ring = QRectF((self.width() - 24) / 2, 3, 24, 24)
        middle, half = ring.center(), self.SWEEP / 2
        angle = (self.value() - self._neutral) / (self.maximum() - self.minimum()) * self.SWEEP  # 0 is up, clockwise
        flat = Qt.PenCapStyle.FlatCap
        p.setPen(QPen(QColor(theme.LINE), 3, Qt.PenStyle.SolidLine, flat))
        p.drawArc(ring, round((90 + half) * 16), round(-self.SWEEP * 16))
        if on and moved:
            p.setPen(QPen(QColor(self._colour), 3, Qt.PenStyle.SolidLine, flat))
            p.drawArc(ring, 90 * 16, round(-angle * 16))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(theme.CAP if on else theme.RAISED))
        p.drawEllipse(middle, 8.5, 8.5)
        turn = math.radians(angle)
        tip = QPointF(math.sin(turn), -math.cos(turn))
        p.setPen(QPen(QColor(theme.TEXT if on else theme.FAINT), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawLine(middle + tip * 3, middle + tip * 7.5)
        if self.hasFocus():
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.setPen(QPen(QColor(theme.ACCENT), 2))
            p.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        named = not moved and not (self.underMouse() and on) and self._drag is None
        p.setFont(theme.digits(self.font(), 11))
        p.setPen(QColor(theme.FAINT if not on else theme.DIM if named else theme.TEXT))
        text = ("Balance" if self._field == "balance" else "Width") if named else self.text
        p.drawText(QRectF(0, 28, self.width(), 14), Qt.AlignmentFlag.AlignCenter, text)


def change_look(state: State, stem: str, **changes: str) -> None:
    """Give a stem another title or colour."""
    state.stems = tuple(replace(look, **changes) if look.name == stem else look for look in state.stems)


class Swatch(QAbstractButton):
    """The colour of a stem, along the upper edge of its strip; Enter, a click or the context menu changes it."""

    def __init__(self, state: State, stem: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._stem = state, stem
        self.setObjectName(f"colour-{stem}")
        self.setFixedHeight(10)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(self.choose)

    def set_look(self, look: StemLook) -> None:
        """Show colour and name."""
        self._look = look
        self.setAccessibleName(f"{look.title} colour")
        self.setAccessibleDescription(f"{look.colour}; press Enter to change it")
        self.setToolTip(f"Colour of {look.title}: click or press Enter to change it, right click to reset it")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(108, 10)

    @Slot()
    def choose(self) -> None:
        """Open the colour dialog; it leaves the colour alone when cancelled."""
        dialog = QColorDialog(QColor(self._look.colour), self)
        dialog.setWindowTitle(f"Colour of {self._look.title}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        edit(dialog, dialog.colorSelected, lambda colour: change_look(self._state, self._stem, colour=colour.name()))
        dialog.open()

    @Slot()
    def reset(self) -> None:
        """Back to the colour it had at first."""
        index = [look.name for look in self._state.stems].index(self._stem)
        change_look(self._state, self._stem, colour=theme.stem_colour(self._stem, index))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: D102, N802 - Qt's
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Colour…").triggered.connect(self.choose)
        menu.addAction("Default colour").triggered.connect(self.reset)
        menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p = QPainter(self)
        bar = self.rect().adjusted(0, 0, 0, -2 if self.underMouse() else -4)
        p.fillRect(bar, QColor(self._look.colour if self.isEnabled() else theme.LINE))
        if self.hasFocus():
            p.setPen(QPen(QColor(theme.TEXT), 2))
            p.drawRect(self.rect().adjusted(1, 1, -1, -1))
