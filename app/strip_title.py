"""The name of a stem on its strip, to read and to change."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.knob import change_look
from app.state import State, StemLook

BESIDE_PX = 4  # that a line edit leaves free on either side of its text


class Title(QLineEdit):
    """The name of a stem: a double click or F2 edits it, Enter takes it, Esc leaves it; an empty name is not taken.

    A name that is longer than its strip ends in "…"; the whole of it is in the tip and there to be edited.
    """

    def __init__(self, state: State, stem: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._stem, self._name = state, stem, stem
        self.setObjectName(f"title-{stem}")
        self.setProperty("title", True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedHeight(24)
        self.setMaxLength(40)
        self.setReadOnly(True)
        self.editingFinished.connect(self._take)

    def set_look(self, look: StemLook) -> None:
        """Show the name."""
        self._name = look.title
        self._show()
        self.setAccessibleName(f"{look.title} name")
        self.setAccessibleDescription("Press F2 to change it")
        self.setToolTip(f"{look.title} (double click or F2: another name)")

    @Slot()
    def begin(self) -> None:
        """Start editing."""
        self.setReadOnly(False)
        self.setText(self._name)
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selectAll()

    @Slot()
    def _take(self) -> None:
        if self.isReadOnly():
            return
        title = " ".join(self.text().split())
        self._end()
        if title:
            change_look(self._state, self._stem, title=title)

    def _end(self) -> None:
        self.setReadOnly(True)
        self._show()
        self.deselect()

    def _show(self) -> None:
        """The name, or as much of it as there is room for; what is being typed stays."""
        if self.isReadOnly():
            room = self.contentsRect().width() - 2 * BESIDE_PX
            self.setText(self.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, room))
            self.setCursorPosition(0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802 - Qt's
        super().resizeEvent(event)
        self._show()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        self.begin()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if self.isReadOnly():
            self.begin() if event.key() in {Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter} else event.ignore()
        elif event.key() == Qt.Key.Key_Escape:
            self._end()
        else:
            super().keyPressEvent(event)
