"""Binds the player to the state: what is set there is heard, what is heard stands there. Lives in the GUI thread."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot

from app.player import Player
from app.state import Levels, State
from engine.masks import Masks
from engine.types import AudioInfo, Mixture

LOOK_MS = 33  # 30 Hz: position and meters
MOST_EMPTY = 10  # looks without anything played, after which the meters fall


class Playback(QObject):
    """state -> player at once, player -> state 30 times a second."""

    def __init__(self, state: State, player: Player, open_mixture: Callable[[AudioInfo], Mixture], parent: QObject | None = None) -> None:
        """open_mixture: opens the song once more, for the player thread alone; called there."""
        super().__init__(parent)
        self._state, self._player, self._open = state, player, open_mixture
        self._masks: Masks | None = None  # the newest snapshot; the player thread reads this reference
        self._problem = ""
        self._n_empty = 0  # looks since something was played
        state.song_changed.connect(self._song)
        state.masks_changed.connect(self._new_masks)
        state.stems_changed.connect(self._mix)
        state.mix_changed.connect(self._mix)
        state.listening_changed.connect(self._listening)
        state.output_db_changed.connect(self._output)
        state.playing_changed.connect(self._playing)
        state.looping_changed.connect(self._loop)
        state.selection_changed.connect(self._loop)
        state.seek_wanted.connect(self._seek)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._masks = state.masks
        self._mix()
        self._listening()
        self._output()
        if state.song is not None:
            self._song()
        self._timer.start()

    @Slot(object)
    def _song(self, _: object = None) -> None:
        state = self._state
        state.playing, state.position_s, state.levels, self._problem = False, 0.0, None, ""
        song: AudioInfo | None = state.song
        if song is None:
            self._player.set_song(None)
            return
        open_mixture = self._open

        def masks() -> Masks | None:  # called in the player thread
            newest = self._masks
            return newest if newest is not None and newest.seconds == song.seconds else None  # not those of the song before

        self._player.set_song(lambda: open_mixture(song), masks)
        self._loop()

    @Slot(object)
    def _new_masks(self, masks: Masks | None) -> None:
        self._masks = masks
        self._player.masks_changed()

    @Slot(object)
    def _mix(self, _: object = None) -> None:
        self._player.set_mix(self._state.mix, tuple(look.name for look in self._state.stems))

    @Slot(object)
    def _listening(self, _: object = None) -> None:
        self._player.set_listening(self._state.listening)

    @Slot(object)
    def _output(self, _: object = None) -> None:
        self._player.set_output_db(self._state.output_db)

    @Slot(object)
    def _playing(self, playing: Any) -> None:
        if not playing:
            self._player.pause()
        elif self._state.song is None:
            self._state.playing = False
        else:
            self._player.set_sink()  # a device that was missing may be back
            self._player.play()
            self._problem = self._player.problem  # the same one again is news

    @Slot(object)
    def _loop(self, _: object = None) -> None:
        state = self._state
        self._player.set_loop((state.selection or (0.0, state.seconds)) if state.looping else None)

    @Slot(float)
    def _seek(self, position_s: float) -> None:
        self._player.seek(position_s)
        self._state.position_s = self._player.position_s

    @Slot()
    def _look(self) -> None:
        state, player = self._state, self._player
        state.sound = player.sound
        if player.problem != self._problem:
            self._problem = player.problem
            if self._problem:
                state.message = self._problem
                state.playing = False
        if state.song is None:
            return
        if state.playing and not player.is_playing:
            state.playing = False  # the song is over
        state.position_s = player.position_s
        peaks = player.take_levels()
        self._n_empty = 0 if peaks.n_samples else self._n_empty + 1
        if self._n_empty and player.is_playing and self._n_empty < MOST_EMPTY:
            return  # a large buffer: the card has not asked for anything since the last look
        state.levels = Levels(peaks.stems, peaks.master, peaks.n_clipped)

    def close(self) -> None:
        """Stop looking and end the player."""
        self._timer.stop()
        self._player.close()
