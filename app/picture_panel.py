"""Overview, spectrogram and readout as one widget, wired: what the main window puts in its middle."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.overview import Overview
from app.readout import Readout
from app.spectrogram_view import SpectrogramView
from app.state import State


class PicturePanel(QWidget):
    """The window in sight belongs to the spectrogram; the overview shows it and asks for another."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.overview, self.view, self.readout = Overview(state), SpectrogramView(state), Readout(state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.overview)
        column.addWidget(self.view, 1)
        self._under = QHBoxLayout(spacing=4)
        self._under.setContentsMargins(0, 0, 8, 0)
        self._under.addWidget(self.readout, 1)
        column.addLayout(self._under)
        self.view.window_changed.connect(self.overview.show_window)
        self.overview.window_wanted.connect(self.view.show_window)
        self.view.pointed.connect(self.readout.point)
        self.overview.show_window(*self.view.window)
        # the line under the picture may be cut off at its end, but never keeps the mixer from its room
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusProxy(self.view)

    def add_switches(self, *actions: QAction) -> None:
        """Buttons at the right end of the line under the picture that say what the picture shows, and change it."""
        for action in actions:
            button = QToolButton(objectName=f"show-{action.objectName()}", accessibleName=action.text())
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setIconSize(QSize(16, 16))
            button.setFixedSize(32, 24)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._under.addWidget(button)
