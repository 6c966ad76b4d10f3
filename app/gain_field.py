"""The value of a fader in decibels, to read and to type."""

import math
import re

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QToolTip, QWidget

from app import theme
from app.binding import show
from app.fader import Fader
from app.meters import MAX_DB, db_text
from app.state import State


def parse_db(text: str, max_db: float = MAX_DB) -> float:
    """What somebody typed -> decibels; a ValueError says why it cannot be.

    >>> parse_db("+1.5"), parse_db("-3 dB"), parse_db("−3,5"), parse_db("-inf")
    (1.5, -3.0, -3.5, -inf)
    """
    plain = text.strip().lower().replace("−", "-").replace("–", "-").removesuffix("db").strip().replace(",", ".")
    if re.fullmatch(r"-\s*(inf|infinity|∞|oo)", plain):
        return -math.inf
    if not re.fullmatch(r"[+-]?\s*(\d+\.?\d*|\.\d+)", plain):
        raise ValueError(f"“{text.strip()}” is not a level. Type decibels such as +1.5, −3 or -inf.")
    db = float(plain.replace(" ", ""))
    if db > max_db:
        raise ValueError(f"The fader ends at {db_text(max_db)} dB; {db_text(db)} dB is above it.")
    return db + 0.0  # no minus zero


class GainField(QLineEdit):
    """The value of a fader, to read and to type. What it cannot understand it says, and the old value stays."""

    def __init__(self, state: State, fader: Fader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._fader = state, fader
        self._was_clicked = False  # it took the focus by a press of the mouse that has not ended
        self.setObjectName(fader.objectName().replace("fader", "gain"))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedHeight(24)
        self.setFont(theme.digits(self.font()))
        self.setTitle(fader.accessibleName().removesuffix(" fader"))
        self.editingFinished.connect(self._take)
        self.returnPressed.connect(self._leave)
        fader.typing_began.connect(self.begin)
        show(self, state, "mix", self._show)

    def setTitle(self, title: str) -> None:  # noqa: N802 - beside Qt's setters
        """Name it for screen readers and the tool tip."""
        self.setAccessibleName(f"{title} gain in decibels")
        self.setAccessibleDescription("Type +1.5, −3 or -inf and press Enter")
        self.setToolTip(f"{title} gain in dB: type +1.5, −3 or -inf, then Enter (Esc: as it was)")

    def _show(self, _mix: object) -> None:
        if not (self.hasFocus() and self.isModified()):
            db = self._fader.gain_db
            self.setText(db_text(db, 1 if db == -math.inf or round(db, 1) == round(db, 2) else 2))
            if self.hasFocus():
                self.selectAll()  # what is typed next still takes its place

    @Slot(str)
    def begin(self, text: str) -> None:
        """Take the keyboard, with text typed so far (nothing: the value, selected)."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selectAll()
        if text:
            self.insert(text)

    @Slot()
    def _leave(self) -> None:
        """The keys are the fader's and the window's again: Space plays, Ctrl+Z takes back."""
        self._fader.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _take(self) -> None:
        if not self.isModified():
            return
        self.setModified(False)
        try:
            db = parse_db(self.text())
        except ValueError as error:
            self._state.message = str(error)
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), str(error), self)
        else:
            self._fader.move_to(db)
        self._show(None)
        if self.hasFocus():
            self.selectAll()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802 - Qt's
        super().focusInEvent(event)
        self._was_clicked = event.reason() == Qt.FocusReason.MouseFocusReason

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        super().mouseReleaseEvent(event)
        if self._was_clicked and not self.hasSelectedText():
            self.selectAll()  # what is typed takes the place of the value
        self._was_clicked = False

    def _is_for_others(self, event: QKeyEvent) -> bool:
        """Whether a key is no part of a level while nothing is being typed: Space plays, M mutes."""
        plain = event.modifiers() in {Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier}
        return plain and not self.isModified() and event.text().isprintable() and event.text() not in set("0123456789+-−–.,∞")

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._is_for_others(event):
            event.ignore()
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.text() and self._is_for_others(event):
            event.ignore()
        elif event.key() == Qt.Key.Key_Escape:
            self.setModified(False)
            self._show(None)
            self._fader.setFocus(Qt.FocusReason.OtherFocusReason)
        elif event.key() in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self._fader.step(1 if event.key() == Qt.Key.Key_Up else -1)
        else:
            super().keyPressEvent(event)
