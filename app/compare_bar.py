"""The bar of a comparison, above the transport: which of two results is heard, how far they are apart, where, and the way out."""

import math

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QStyle, QStyleOptionToolButton, QStylePainter, QToolButton, QWidget

from app import icons, theme
from app.binding import show
from app.null_badge import beside_the_mix
from app.state import Compared, Side, State
from app.status_bar import ElidedLabel

EQUAL = "equal with these faders"
HINT = "tint: what B hears more of"


def apart_text(db: float | None) -> str:
    """How far the remix by A is from the remix by B, at the faders as they stand.

    >>> apart_text(None), apart_text(-23.44), apart_text(float("-inf"))
    ('', 'their difference lies 23.4 dB below the mix', 'equal with these faders')
    """
    if db is None:
        return ""
    return EQUAL if db == -math.inf else f"their difference {beside_the_mix(db)}"


def side_text(letter: str, side: Side) -> str:
    """The words of a switch: its letter, the method, and how much of the song is separated where that is not all."""
    masks = side.masks
    return f"{letter}  {side.title}" + ("" if masks.is_complete else f"  {100 * len(masks.chunks) // masks.n_chunks} %")


class SideButton(QToolButton):
    """A button whose words end in ... where the room ends."""

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 26, 28)

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(64, 28)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: D102, N802 - Qt's
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - 22)
        QStylePainter(self).drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)


class CompareBar(QWidget):
    """Seen only while two results are compared."""

    switch_wanted = Signal()  # the other one is to be heard
    end_wanted = Signal()

    def __init__(self, state: State, difference: QAction, parent: QWidget | None = None) -> None:
        """difference: the action that tints the picture where both differ; its button stands here."""
        super().__init__(parent)
        self._state = state
        self.setObjectName("compare")
        self.setAccessibleName("Comparison of two results")
        self.setFixedHeight(40)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 4)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self.sides: dict[str, SideButton] = {}
        for letter, place in (("a", "first"), ("b", "last")):
            button = SideButton(checkable=True, objectName=f"result-{letter}")
            button.setProperty("segment", place)
            button.setFixedHeight(28)
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(self._press)
            self._group.addButton(button)
            self.sides[letter] = button
            row.addWidget(button)
        row.addSpacing(8)
        self.difference = QToolButton(objectName="difference", accessibleName="Tint where the results differ")
        self.difference.setDefaultAction(difference)
        self.difference.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.difference.setIconSize(QSize(16, 16))
        self.difference.setFixedSize(36, 28)
        self.difference.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row.addWidget(self.difference)
        row.addSpacing(10)
        self.words = ElidedLabel()
        self.words.setFont(theme.digits(self.font()))
        self.words.setStyleSheet(f"color: {theme.DIM}")
        self.words.setAccessibleName("How far the results are apart")
        row.addWidget(self.words, 1)
        row.addSpacing(8)
        self.end = QToolButton(icon=icons.icon("cancel"), objectName="end-comparison", accessibleName="End the comparison")
        self.end.setProperty("flat", True)
        self.end.setToolTip("End the comparison: what is heard now stays")
        self.end.setFixedSize(28, 28)
        self.end.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.end.clicked.connect(self.end_wanted)
        row.addWidget(self.end)
        for name, setter in (("compared", self._show), ("apart_db", self._say), ("difference", self._say), ("mix", self._say)):
            show(self, state, name, setter)

    @Slot()
    def _press(self) -> None:
        compared: Compared | None = self._state.compared
        if compared is not None and self.sender() is not self.sides[compared.heard]:
            self.switch_wanted.emit()

    def _show(self, compared: Compared | None) -> None:
        self.setVisible(compared is not None)
        if compared is None:
            return
        for letter, side in (("a", compared.a), ("b", compared.b)):
            button, text = self.sides[letter], side_text(letter.upper(), side)
            if text != button.text():
                button.setText(text)
                button.updateGeometry()
            heard = letter == compared.heard
            button.setToolTip(f"{side.title}: {'is heard' if heard else 'hear it on the same faders (X)'}")
            button.setAccessibleName(f"Result {letter.upper()}: {side.title}")
            button.setAccessibleDescription(button.toolTip())
            with QSignalBlocker(button):
                button.setChecked(heard)
        self._say(None)

    def _say(self, _: object) -> None:
        state = self._state
        if state.compared is None:
            return
        apart = apart_text(state.apart_db)
        hint = HINT if state.difference else ""
        self.words.set_line(" · ".join(w for w in (apart, hint) if w))
        if apart == EQUAL:
            tip = "While all faders stand alike the remix is the original with either result; move one to hear them differ."
        elif apart:
            tip = "RMS of the remix by A minus the remix by B, relative to the mix, with the faders as they stand."
        else:
            tip = "Measured when both are separated."
        self.words.setToolTip(tip + (" In the picture grey cells are those where both agree." if hint else ""))
