"""Puts the parts together without the window: state, settings, bridge, player. Tests make them the same way."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from app.bridge import Bridge
from app.playback import Playback
from app.player import Player
from app.settings import Choices, Settings
from app.sinks import NullSink, Sink, SoundDeviceSink
from app.state import State


def card_sink(choices: Choices) -> Sink:
    """The sound card as the preferences name it."""
    return SoundDeviceSink(choices.sound_device or None, choices.buffer_ms / 1000)


@dataclass
class Made:
    """What lives as long as the application."""

    state: State
    settings: Settings
    bridge: Bridge
    player: Player
    playback: Playback
    follower: QObject

    def close(self) -> bool:
        """End every thread; False where one hangs."""
        self.playback.close()
        return self.bridge.shut_down()


class _Follower(QObject):
    """Applies changed preferences to what is running."""

    def __init__(self, settings: Settings, player: Player) -> None:
        super().__init__()
        self._player, self._choices = player, settings.choices
        settings.changed.connect(self._on_choices)

    @Slot(object)
    def _on_choices(self, choices: Choices) -> None:
        before, self._choices = self._choices, choices
        if (before.sound_device, before.buffer_ms) != (choices.sound_device, choices.buffer_ms):
            self._player.set_sink(partial(card_sink, choices))


def make(settings_path: Path | None = None, silent: bool = False) -> Made:
    """All parts, connected. `silent` plays against a clock instead of a card (tests)."""
    state, settings = State(), Settings(settings_path)
    state.method = settings.choices.method
    bridge = Bridge(state, settings)
    player = Player(NullSink if silent else partial(card_sink, settings.choices))
    playback = Playback(state, player, bridge.mixture)
    return Made(state, settings, bridge, player, playback, _Follower(settings, player))
