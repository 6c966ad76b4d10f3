"""State and player: what is set is heard, what is heard stands in the state; no device is needed."""

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from rig import STEMS, masks_of, noise, wanted

from app.playback import Playback
from app.player import Player
from app.sinks import NullSink
from app.sound_devices import SinkError
from app.state import State, StemLook
from engine.audio import ArrayMixture
from engine.types import AudioInfo, Mix, StemMix

LONG_MS = 20_000  # a busy machine makes moments long
LOOKS = tuple(StemLook(s, s.title(), "#ffffff") for s in STEMS)


class Desk:
    """A state with a song, its player and a sink that is pulled by hand."""

    def __init__(self, sink: NullSink) -> None:
        self.state, self.sink = State(), sink
        self.mixture = noise(seconds=1.0)
        self.player = Player(lambda: sink)
        self.opened: list[AudioInfo] = []
        self.playback = Playback(self.state, self.player, self.open)
        self.state.stems = LOOKS
        self.state.song = self.mixture.info
        assert self.player.settle()

    def open(self, info: AudioInfo) -> ArrayMixture:
        self.opened.append(info)
        return self.mixture

    def pull(self, n_samples: int) -> np.ndarray:
        assert self.player.settle()
        return self.sink.pull(n_samples)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    desk = Desk(NullSink(by_hand=True))
    yield desk
    desk.playback.close()


def test_the_state_is_heard(desk: Desk, qtbot: QtBot) -> None:
    state, masks = desk.state, masks_of(desk.mixture)
    state.masks = masks
    mix = Mix({"drums": StemMix(mute=True), "vocals": StemMix(gain_db=-6.0)})
    state.load_mix(mix)
    state.playing = True
    assert np.array_equal(desk.pull(3000)[300:], wanted(desk.mixture, masks, mix, 0, 3000)[300:])
    state.listening = "original"
    desk.pull(1000)
    assert np.array_equal(desk.pull(2000), wanted(desk.mixture, masks, Mix(), 4000, 2000))
    state.output_db = -200.0
    desk.pull(1000)
    assert not desk.pull(1000).any()
    state.output_db, state.listening = 0.0, "remix"
    state.seek_wanted.emit(0.5)
    assert state.position_s == 0.5
    desk.pull(1000)
    assert np.array_equal(desk.pull(2000), wanted(desk.mixture, masks, mix, 23050, 2000))
    state.playing = False
    desk.pull(1000)
    assert not desk.pull(1000).any() and desk.opened == [desk.mixture.info]


def test_the_state_is_told(desk: Desk, qtbot: QtBot) -> None:
    state = desk.state
    qtbot.waitUntil(lambda: state.sound == "Silent clock, 44.1 kHz", timeout=LONG_MS)
    state.masks = masks_of(desk.mixture)
    state.selection, state.looping = (0.2, 0.4), True
    state.playing = True
    desk.pull(1000)
    qtbot.waitUntil(lambda: 0.2 < state.position_s < 0.4, timeout=LONG_MS)
    qtbot.waitUntil(lambda: state.levels is not None, timeout=LONG_MS)
    desk.pull(4000)
    qtbot.waitUntil(lambda: set(state.levels.stems) == set(STEMS) and state.levels.master[0] > 0.3, timeout=LONG_MS)
    qtbot.waitUntil(lambda: state.levels.master == (0.0, 0.0), timeout=LONG_MS)  # nothing more was pulled
    state.looping = False
    for _ in range(50):
        desk.pull(1000)
    qtbot.waitUntil(lambda: not state.playing, timeout=LONG_MS)  # the song is over
    assert state.position_s == pytest.approx(desk.mixture.info.seconds)


def test_another_song_and_none(desk: Desk, qtbot: QtBot) -> None:
    state = desk.state
    state.playing = True
    desk.pull(1000)
    desk.mixture = noise(seconds=0.5, seed=2)
    state.song = desk.mixture.info
    assert not state.playing and state.position_s == 0.0
    assert not desk.pull(500).any()
    state.playing = True
    assert np.array_equal(desk.pull(2000)[300:], wanted(desk.mixture, masks_of(desk.mixture), Mix(), 0, 2000)[300:])
    state.song = None
    state.playing = True
    assert not state.playing  # there is nothing to play
    state.mix = Mix(master_db=-1.0)
    assert desk.player.settle() and not desk.player.problem


def test_a_song_that_cannot_be_opened_is_said(qtbot: QtBot) -> None:
    def refuse(info: AudioInfo) -> ArrayMixture:
        raise OSError("the disk is gone")

    state, player = State(), Player(lambda: NullSink(by_hand=True))
    playback = Playback(state, player, refuse)
    state.song = noise(seconds=0.1).info
    qtbot.waitUntil(lambda: state.message == "Playback stopped: the disk is gone", timeout=LONG_MS)
    playback.close()


def test_no_sound_is_said_and_time_goes_on(qtbot: QtBot) -> None:
    def none() -> NullSink:
        raise SinkError("No sound: nothing there.")

    state, player, mixture = State(), Player(none), noise(seconds=60.0)  # not over before it was looked at, however busy the machine
    playback = Playback(state, player, lambda info: mixture)
    state.song = mixture.info
    qtbot.waitUntil(lambda: state.sound == "No sound: nothing there.", timeout=LONG_MS)
    state.playing = True
    qtbot.waitUntil(lambda: state.position_s > 0.1, timeout=LONG_MS)
    qtbot.waitUntil(lambda: state.levels.master[0] > 0.3, timeout=LONG_MS)
    assert state.playing
    playback.close()
