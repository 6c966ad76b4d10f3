"""The null report as text: what was measured while listening and on the last export; to copy and to save."""

import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QWidget

from app.binding import show
from app.dialog_parts import Dialog, Notice, button, buttons, mono_font, tab_order
from app.paths import music_folder
from app.settings import Settings
from app.state import State


class ReportDialog(Dialog):
    """Shows `text`, or what the bridge has measured so far, and that anew when more is measured."""

    def __init__(self, state: State, bridge: Any, settings: Settings, parent: QWidget | None = None, text: str | None = None) -> None:
        super().__init__("Null report", parent)
        self._bridge, self._settings, self._given = bridge, settings, text
        self.view = QPlainTextEdit(readOnly=True, objectName="report", accessibleName="Null report", tabChangesFocus=True)
        self.view.setFont(mono_font())
        self.view.setStyleSheet(f"font-family: '{mono_font().family()}'")
        self.view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.notice = Notice(keep_place=False)
        self.copy = button("&Copy", "copy", "Copy the whole report")
        self.save = button("&Save…", "save", "Save the report as a text file")
        self.close_button = button("Close", "close", default=True)
        self._copied = QTimer(self, singleShot=True, interval=1500)
        self._copied.timeout.connect(self._forget_copied)
        self.copy.clicked.connect(self._copy)
        self.save.clicked.connect(self._ask_where)
        self.close_button.clicked.connect(self.accept)
        column = self.column()
        column.addWidget(self.view, 1)
        column.addWidget(self.notice)
        column.addLayout(buttons([self.copy, self.save], [self.close_button]))
        tab_order(self.view, self.copy, self.save, self.close_button)
        self.resize(720, 480)
        show(self, state, "null", self._show)
        self.close_button.setFocus()

    def _show(self, _null: object) -> None:
        text = self._bridge.null_text() if self._given is None else self._given
        if text != self.view.toPlainText():
            self.view.setPlainText(text)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.view.toPlainText())
        self.copy.setText("Copied")
        self._copied.start()

    @Slot()
    def _forget_copied(self) -> None:
        self.copy.setText("&Copy")

    @Slot()
    def _ask_where(self) -> None:
        folder = self._settings.choices.export_folder or str(music_folder())
        name, _ = QFileDialog.getSaveFileName(self, "Save report", str(Path(folder) / "null-report.txt"), "Text (*.txt);;All files (*)")
        if name:
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Write the text; the file appears whole or not at all."""
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_text(self.view.toPlainText(), encoding="utf-8", errors="backslashreplace", newline="\n")
            part.replace(path)
        except OSError as e:
            part.unlink(missing_ok=True)
            self.notice.say(f"{path.name} cannot be written ({e.strerror or e}); choose another folder.", "error")
        else:
            self.notice.say(f"Saved as {path}.", "good")
