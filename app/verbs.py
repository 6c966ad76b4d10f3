"""What the actions of the Edit, Play and View menus do: a verb each, on the state or on the view."""

from PySide6.QtCore import QObject, Slot

from app.spectrogram_view import SpectrogramView
from app.state import State
from engine.types import Mix


class Verbs(QObject):
    """Slots for app.actions; all of them live in the GUI thread."""

    def __init__(self, state: State, view: SpectrogramView, parent: QObject) -> None:
        super().__init__(parent)
        self.state, self.view = state, view

    @Slot()
    def play(self) -> None:
        """Play or pause."""
        if self.state.song is not None:
            self.state.playing = not self.state.playing

    @Slot()
    def to_start(self) -> None:
        """To the beginning, or that of the loop."""
        start = self.state.selection[0] if self.state.looping and self.state.selection else 0.0
        self.state.seek_wanted.emit(start)

    @Slot()
    def back(self) -> None:
        """Five seconds back."""
        self.state.seek_wanted.emit(max(0.0, self.state.position_s - 5.0))

    @Slot()
    def forward(self) -> None:
        """Five seconds on."""
        self.state.seek_wanted.emit(min(self.state.seconds, self.state.position_s + 5.0))

    @Slot(bool)
    def set_looping(self, on: bool) -> None:
        """Repeat the selection."""
        self.state.looping = on

    @Slot()
    def hear_remix(self) -> None:
        """What the strips make of it."""
        self.state.listening = "remix"

    @Slot()
    def hear_original(self) -> None:
        """The untouched mix."""
        self.state.listening = "original"

    @Slot()
    def hear_difference(self) -> None:
        """Remix minus original."""
        self.state.listening = "difference"

    @Slot()
    def flip(self) -> None:
        """Remix or original."""
        self.state.listening = "original" if self.state.listening == "remix" else "remix"

    @Slot(bool)
    def set_overlay(self, on: bool) -> None:
        """Tint cells in the colours of their owners."""
        self.state.overlay = on
        self.state.difference = self.state.difference and not on  # one tint at a time

    @Slot(bool)
    def set_difference(self, on: bool) -> None:
        """Tint cells where two results differ."""
        self.state.difference = on
        self.state.overlay = self.state.overlay and not on

    @Slot(bool)
    def set_follow(self, on: bool) -> None:
        """Show the remix."""
        self.state.follow_faders = on

    @Slot()
    def reset_mix(self) -> None:
        """Neutral strips."""
        self.state.load_mix(Mix(), "reset mix")

    @Slot()
    def select_all(self) -> None:
        """Everything."""
        self.state.selection = (0.0, self.state.seconds)

    @Slot()
    def select_none(self) -> None:
        """Nothing."""
        self.state.selection = None

    @Slot()
    def zoom_in(self) -> None:
        """Closer."""
        self.view.zoom(1 / 1.5)

    @Slot()
    def zoom_out(self) -> None:
        """Farther."""
        self.view.zoom(1.5)

    @Slot()
    def zoom_all(self) -> None:
        """Everything."""
        self.view.show_all()

    @Slot()
    def zoom_selection(self) -> None:
        """The selection."""
        if self.state.selection:
            self.view.show_window(*self.state.selection)
