"""What the window shows while no song is open: what to do first, in three buttons."""

from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon


class Opener(Protocol):
    """Who opens songs: the main window."""

    def ask_open(self) -> None:
        """Ask for a file."""

    def open_demo(self) -> None:
        """Open the song that comes with Nullsum."""


class Welcome(QWidget):
    """A quiet page in the place of the picture."""

    def __init__(self, opener: Opener, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Drop a song here")
        title.setStyleSheet(f"font-size: 22px; color: {theme.TEXT}")
        text = QLabel(
            "Any finished mix: WAV, AIFF, FLAC, MP3, OGG and more, at its own rate and depth.\n"
            "With all faders at neutral you hear the original, sample for sample."
        )
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setStyleSheet(f"color: {theme.DIM}")
        choose = QPushButton(icon("open"), "Open song\u2026")
        choose.clicked.connect(opener.ask_open)
        demo = QPushButton("Try the demo song")
        demo.clicked.connect(opener.open_demo)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (choose, demo):
            button.setMinimumHeight(32)
            button.setMinimumWidth(148)
            buttons.addWidget(button)
        inner = QVBoxLayout()
        inner.setSpacing(16)
        inner.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        inner.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        inner.addLayout(buttons)
        whole = QVBoxLayout(self)
        whole.addStretch(1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(inner)
        row.addStretch(1)
        whole.addLayout(row)
        whole.addStretch(1)
