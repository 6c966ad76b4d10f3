"""What an export came to: the verdict big and clear, the files, what to know, and the ways on from here."""

from typing import Any

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHeaderView, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app import theme
from app.bridge_work import Exported
from app.dialog_parts import COLOURS, Note, button, buttons, size_text, tab_order
from app.export_words import at_home, verdict_words
from app.report_dialog import ReportDialog
from app.settings import Settings
from app.state import State

SAID = ("Written at ", "The stems were written as ", "The whole output was scaled ")  # notes that the verdict says already


class ExportResult(QWidget):
    """The last page of the export dialog."""

    done = Signal()

    def __init__(self, state: State, bridge: Any, settings: Settings, exported: Exported, headroom_db: float, subtype: str,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self._parts = (state, bridge, settings)
        self._exported = exported
        if exported.report is None:
            self.verdict = ("Remix written", "What is heard, in one file. Only stems are compared with the source.", "info")
        else:
            self.verdict = verdict_words(exported.report, state.song, subtype, len(state.stems), headroom_db)
        self.folder_button = button("Show in &folder", "show-folder", "Open the folder with the files")
        self.report_button = button("&Null report…", "null-report", "All that was measured on the files")
        self.close_button = button("Close", "close", default=True)
        self.report_button.setVisible(exported.report is not None)
        self.folder_button.clicked.connect(self._show_folder)
        self.report_button.clicked.connect(self._show_report)
        self.close_button.clicked.connect(self.done)
        self.files = self._list()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._banner())
        n = len(exported.files)
        column.addWidget(Note(f"{n} file{'s' if n != 1 else ''} in {at_home(exported.files[0].parent)}"))
        column.addWidget(self.files)
        for note in exported.notes:
            if not note.startswith(SAID):
                column.addWidget(Note(note))
        column.addStretch(1)
        column.addLayout(buttons([self.folder_button, self.report_button], [self.close_button]))
        tab_order(self.files, self.folder_button, self.report_button, self.close_button)

    def _banner(self) -> QFrame:
        big, sentence, kind = self.verdict
        colour = theme.TEXT if kind == "info" else COLOURS[kind]
        frame, title, text = QFrame(objectName="banner"), QLabel(big, objectName="verdict"), QLabel(sentence)
        frame.setStyleSheet(f"QFrame#banner {{ background: {theme.WINDOW}; border-left: 4px solid {colour}; }}")
        title.setStyleSheet(f"font-size: 22px; font-weight: bold; color: {colour}")
        title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for label in (title, text):
            label.setWordWrap(True)
        frame.setAccessibleName(f"{big}. {sentence}")
        column = QVBoxLayout(frame)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(text)
        return frame

    def _list(self) -> QTreeWidget:
        tree = QTreeWidget(objectName="files", accessibleName="Files written", rootIsDecorated=False)
        tree.setHeaderLabels(["File", "Size"])
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.headerItem().setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for path in self._exported.files:
            size = size_text(path.stat().st_size) if path.exists() else "gone"
            item = QTreeWidgetItem([path.name, size])
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(0, str(path))
            tree.addTopLevelItem(item)
        rows = min(8, len(self._exported.files))
        tree.setFixedHeight(44 + 20 * rows)
        return tree

    @Slot()
    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._exported.files[0].parent)))

    @Slot()
    def _show_report(self) -> None:
        ReportDialog(*self._parts, self, text=self._exported.report_text).open()
