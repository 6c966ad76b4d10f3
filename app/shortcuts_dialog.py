"""All actions and their keys in one table, with a field that finds them."""

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from app.actions import ACTIONS
from app.dialog_parts import FIELD_HEIGHT, Dialog, button, buttons, tab_order
from app.settings import Settings
from app.state import State

WITH_FOCUS = (  # (group, title, keys, tip): what has the focus knows these by itself
    ("A strip", "Mute, solo", "M, S", "In any part of the strip"),
    ("A strip", "Rename", "F2", "Enter takes the name, Esc leaves it"),
    ("A fader or knob", "A step up or down", "Up, Down", "0.1 dB; ten times that with Shift or PgUp, PgDown. The wheel does it too"),
    ("A fader or knob", "Type a value", "Return", "Enter takes it, Esc leaves it; + and − begin at once"),
    ("A fader or knob", "Back to neutral", "Home", "As a double click"),
    ("A fader or knob", "All the way down", "Del", "A fader to −∞"),
    ("The picture", "Scroll", "Left, Right, Up, Down", "In time and in frequency"),
    ("The picture", "Zoom in frequency", "Ctrl++, Ctrl+-", ""),
    ("The picture", "Select from the playhead, up to it", "[, ]", "Sets the start or the end of the selection"),
    ("The picture", "Zoom in time, the whole song", "+, -, 0", "As the wheel, and a double click"),
    ("The picture", "The first page, the last one", "Home, End", ""),
    ("The picture", "Hear from the selection or the view's start", "Return", "As a click"),
    ("The picture", "Select nothing", "Esc", ""),
    ("The picture", "Grow or shrink the selection", "Shift+Right, Shift+Left", "Its end moves"),
)


WITH_THE_MOUSE = (  # (title, gesture, tip) on the picture
    ("Hear from there", "Click", "On the ruler above, press and drag to scrub"),
    ("Select a stretch", "Drag", "Take hold of an edge to move it"),
    ("Zoom in time", "Wheel", ""),
    ("Zoom in frequency", "Ctrl+wheel", ""),
    ("Scroll", "Shift+wheel, middle drag", ""),
    ("Whole song", "Double click", ""),
)


class ShortcutsDialog(Dialog):
    """A sheet to look at; it changes nothing."""

    def __init__(self, state: State, bridge: Any, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("Keyboard shortcuts", parent)
        self.find = QLineEdit(objectName="find", placeholderText="Find an action or a key", accessibleName="Find", clearButtonEnabled=True)
        self.find.setFixedHeight(FIELD_HEIGHT)
        self.table = QTreeWidget(objectName="shortcuts", accessibleName="Actions and their keys", indentation=12)
        self.table.setHeaderLabels(["Action", "Keys", "What it does"])
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setItemsExpandable(False)
        self.table.setRootIsDecorated(False)
        for spec in ACTIONS:
            self._add(spec.menu, spec.title, QKeySequence(spec.shortcut).toString(QKeySequence.SequenceFormat.NativeText), spec.tip)
        for group, title, keys, tip in WITH_FOCUS:
            self._add(f"{group} that has the focus", title, keys, tip)
        for title, gesture, tip in WITH_THE_MOUSE:
            self._add("The mouse on the picture", title, gesture, tip)
        self.table.expandAll()
        header = self.table.header()
        for column_, mode in enumerate((QHeaderView.ResizeMode.ResizeToContents, QHeaderView.ResizeMode.ResizeToContents,
                                        QHeaderView.ResizeMode.Stretch)):  # fmt: skip
            header.setSectionResizeMode(column_, mode)
        self.close_button = button("Close", "close", default=True)
        self.find.textChanged.connect(self._filter)
        self.close_button.clicked.connect(self.accept)
        column = self.column()
        column.addWidget(self.find)
        column.addWidget(self.table, 1)
        column.addLayout(buttons([], [self.close_button]))
        tab_order(self.find, self.table, self.close_button)
        self.resize(800, 640)
        self.find.setFocus()

    def _add(self, group: str, title: str, keys: str, tip: str) -> None:
        found = [self.table.topLevelItem(i) for i in range(self.table.topLevelItemCount())]
        head = next((item for item in found if item.text(0) == group), None)
        if head is None:
            head = QTreeWidgetItem([group])
            font = head.font(0)
            font.setBold(True)
            head.setFont(0, font)
            self.table.addTopLevelItem(head)
            head.setFirstColumnSpanned(True)
        row = QTreeWidgetItem([title.rstrip("…"), keys, tip])
        row.setToolTip(2, tip)
        head.addChild(row)

    @Slot(str)
    def _filter(self, text: str) -> None:
        wanted = text.strip().casefold()
        for i in range(self.table.topLevelItemCount()):
            head = self.table.topLevelItem(i)
            rows = [head.child(j) for j in range(head.childCount())]
            for row in rows:
                row.setHidden(not any(wanted in row.text(c).casefold() for c in range(3)))
            head.setHidden(all(row.isHidden() for row in rows))
