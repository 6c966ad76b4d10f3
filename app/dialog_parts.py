"""What all dialogs are made of: their ground, a form of labels and fields, a switch of segments, a notice, sizes in words."""

from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QFont, QFontDatabase
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import dialog_fields, theme

STYLE = f"""
QDialog {{ background: {theme.PANEL}; }}
QPlainTextEdit, QTreeWidget {{ background: {theme.WINDOW}; border: 1px solid {theme.LINE}; border-radius: 3px; padding: 4px; }}
QPlainTextEdit:focus, QTreeWidget:focus {{ border-color: {theme.ACCENT}; }}
QTreeWidget::item {{ padding: 3px 4px; border: 0; }}
QTreeWidget::item:selected {{ background: {theme.ON}; color: {theme.TEXT}; }}
QTreeWidget::branch {{ background: transparent; }}
QHeaderView::section {{ background: {theme.WINDOW}; color: {theme.DIM}; border: 0; border-bottom: 1px solid {theme.LINE}; padding: 4px; }}
QPushButton:default:disabled {{ border-color: {theme.RAISED}; }}
QToolButton[segment]:disabled {{ color: {theme.FAINT}; }}
QToolButton[segment]:checked:disabled {{ background: {theme.RAISED}; color: {theme.DIM}; }}
"""
COLOURS = {"info": theme.DIM, "plain": theme.TEXT, "good": theme.GOOD, "warn": theme.WARN, "error": theme.CLIP}
FIELD_HEIGHT = 28
LABEL_WIDTH = 96


def size_text(n_bytes: float) -> str:
    """A number of bytes as people say it.

    >>> size_text(900), size_text(45_300), size_text(119_600_000), size_text(2_340_000_000)
    ('1 KB', '45 KB', '120 MB', '2.3 GB')
    """
    if n_bytes < 999_500:
        return f"{max(1, round(n_bytes / 1e3))} KB"
    if n_bytes < 999.5e6:
        return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 9.95e6 else f"{n_bytes / 1e6:.0f} MB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes < 99.95e9 else f"{n_bytes / 1e9:,.0f} GB"


def mono_font() -> QFont:
    """The system's font with letters of one width."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(theme.FONT_PX)
    return font


class Dialog(QDialog):
    """A window on the panel's ground. One that has a parent is gone when it is closed; Esc closes."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, parent is not None)
        self.setStyleSheet(STYLE + dialog_fields.STYLE)

    def column(self, spacing: int = 12) -> QVBoxLayout:
        """The dialog's own layout."""
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(spacing)
        return column


class Note(QLabel):
    """A small explanation that wraps."""

    def __init__(self, text: str = "", n_lines: int = 1) -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setMinimumHeight(16 * n_lines)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.say(text)

    def say(self, text: str, kind: str = "info") -> None:
        """Show a text in the colour of its kind: info, plain, good, warn or error."""
        self.setText(text)
        self.setStyleSheet(f"color: {COLOURS[kind]}")


class Notice(QLabel):
    """One sentence that must be seen, on a ground with a bar in the colour of its kind; hidden without a sentence."""

    def __init__(self, keep_place: bool = True) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAccessibleName("Notice")
        self.setMinimumHeight(44)  # two lines
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(keep_place)  # so that nothing jumps
        self.setSizePolicy(policy)
        self.say("")

    def say(self, text: str, kind: str = "info") -> None:
        """Show and announce a sentence; an empty one hides the notice."""
        is_new = text != self.text()
        self.setText(text)
        self.setVisible(bool(text))
        self.setAccessibleDescription(text)
        self.setStyleSheet(
            f"background: {theme.RAISED}; border-left: 3px solid {COLOURS[kind]}; padding: 4px 8px 4px 10px;"
        )
        if is_new and text:
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))


class Form(QGridLayout):
    """Rows of a label and its field, with a note below the field where there is something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(12)
        self.setVerticalSpacing(4)
        self.setColumnMinimumWidth(0, LABEL_WIDTH)
        self.setColumnStretch(1, 1)

    def heading(self, text: str) -> None:
        """A title above rows that belong together."""
        label = QLabel(text)
        label.setStyleSheet("font-weight: bold")
        label.setFixedHeight(24)
        self.addWidget(label, self.rowCount(), 0, 1, 2)

    def row(self, title: str, *fields: QWidget | QHBoxLayout, buddy: QWidget | None = None, note: QLabel | None = None) -> QLabel:
        """A label (& marks its letter), fields side by side and perhaps a note; 8 px follow."""
        label, line, at = QLabel(title), QHBoxLayout(), self.rowCount()
        label.setStyleSheet(f"color: {theme.DIM}")
        label.setFixedHeight(FIELD_HEIGHT)
        line.setSpacing(8)
        for field in fields:
            if isinstance(field, QWidget):
                field.setFixedHeight(FIELD_HEIGHT)
                line.addWidget(field)
                buddy = buddy or field
            else:
                line.addLayout(field)
        if buddy:
            label.setBuddy(buddy)
            if not buddy.accessibleName():
                buddy.setAccessibleName(title.replace("&", ""))
        self.addWidget(label, at, 0)
        self.addLayout(line, at, 1)
        if note:
            self.addWidget(note, at + 1, 1)
        self.setRowMinimumHeight(at + 2, 4)
        return label


class Segments(QHBoxLayout):
    """A switch of buttons side by side, one of them down; `group.idClicked` and `chosen` tell which."""

    def __init__(self, owner: QWidget, name: str, options: dict[str, str]) -> None:
        super().__init__()
        self.setSpacing(0)
        self.group, self.buttons = QButtonGroup(owner), {}
        for i, (key, title) in enumerate(options.items()):
            button = QToolButton(text=title, checkable=True, objectName=f"{name}-{key}", accessibleName=title)
            button.setProperty("segment", "first" if i == 0 else "last" if i == len(options) - 1 else "middle")
            button.setFixedHeight(FIELD_HEIGHT)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.group.addButton(button, i)
            self.buttons[key] = button
            self.addWidget(button)
        self.addStretch(1)

    @property
    def chosen(self) -> str:
        """The key of the button that is down."""
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Press a button; no click is emitted."""
        self.buttons[key].setChecked(True)


def button(text: str, name: str, tip: str = "", default: bool = False) -> QPushButton:
    """A push button that takes Enter only where it is the default or has the focus."""
    made = QPushButton(text, objectName=name, toolTip=tip, autoDefault=False, default=default)
    made.setFixedHeight(FIELD_HEIGHT)
    made.setMinimumWidth(80)
    made.setAccessibleName(text.replace("&", "").rstrip("…"))
    made.setAccessibleDescription(tip)
    return made


def buttons(left: Iterable[QWidget], right: Iterable[QWidget]) -> QHBoxLayout:
    """The last row of a dialog."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for one in left:
        row.addWidget(one)
    row.addStretch(1)
    for one in right:
        row.addWidget(one)
    return row


def line() -> QFrame:
    """A line across."""
    made = QFrame()
    made.setFixedHeight(1)
    made.setStyleSheet(f"background: {theme.LINE}")
    return made


def tab_order(*chain: QWidget) -> None:
    """The Tab key goes this way."""
    for one, next_ in pairwise(chain):
        QWidget.setTabOrder(one, next_)
