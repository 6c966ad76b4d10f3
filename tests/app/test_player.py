"""Playback sample by sample: what is heard is what render gives, and nothing clicks."""

import threading

import numpy as np
import pytest
from rig import STEMS, Rig, masks_of, noise, wanted

from app.realtime_mix import FADE_S, MASKS_S, TRANSITION_S
from engine.masks import Masks
from engine.render import render_float
from engine.samples import from_float, to_float
from engine.types import FLOAT32, FLOAT64, INT16, INT24, Mix, Mixture, SampleType, StemMix

MIX = Mix({"vocals": StemMix(gain_db=-4.5, balance=0.3), "drums": StemMix(mute=True), "bass": StemMix(gain_db=3.0, width=0.4)}, -1.5)
LOUD = Mix({s: StemMix(gain_db=12.0 - i) for i, s in enumerate(STEMS)})
ALIKE = Mix({s: StemMix(gain_db=-3.0) for s in STEMS})
A_CAPPELLA = Mix({"vocals": StemMix(solo=True)})


# ------------------------------------------------------------------------------------------------------------- exactness


SETTINGS = {"neutral": Mix(), "mix": MIX, "loud": LOUD, "alike": ALIKE, "a-cappella": A_CAPPELLA}
CASES = [*[(name, INT16, 2) for name in SETTINGS], *[(name, t, c) for name in ("neutral", "mix", "loud")
         for t, c in ((SampleType(False, 8), 1), (INT24, 2), (INT24, 1), (FLOAT32, 2), (FLOAT32, 1), (FLOAT64, 2))]]  # fmt: skip


@pytest.mark.parametrize("name, sample_type, n_channels", CASES, ids=str)
def test_what_is_heard_is_what_render_gives(name: str, sample_type: SampleType, n_channels: int) -> None:
    mixture, mix = noise(sample_type, n_channels, seconds=0.4), SETTINGS[name]
    masks, n = masks_of(mixture), mixture.info.n_samples
    rng = np.random.default_rng(1)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(mix, STEMS)
        rig.player.play()
        got = np.concatenate([rig.pull(int(rng.integers(1, 3000)), most=4000) for _ in range(18)])
        fade = rig.samples(FADE_S)
        want = wanted(mixture, masks, mix, 0, n)
        assert np.array_equal(got[fade:n], want[fade:])
        assert not got[n:].any() and len(got) > n + 1000
        assert rig.player.underruns == 0 and not rig.player.is_playing and rig.position_s == mixture.info.seconds
        n_clipped = rig.player.take_levels().n_clipped
        assert (n_clipped > 0) == (mix is LOUD)


@pytest.mark.parametrize("rate_hz, n_channels", [(8000, 2), (96000, 2), (44100, 6)])
def test_other_rates_and_channels(rate_hz: int, n_channels: int) -> None:
    mixture = noise(INT24, n_channels, rate_hz, 0.5)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(MIX, STEMS)
        rig.player.play()
        n, fade = rig.samples(0.5), rig.samples(FADE_S)
        assert np.array_equal(rig.pull(n)[fade:], wanted(mixture, masks, MIX, 0, n)[fade:])


def test_fader_moves_ramp_and_are_exact_afterwards() -> None:
    mixture = noise(seconds=1.0)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.play()
        ramp = rig.samples(TRANSITION_S)
        at, old = rig.samples(FADE_S), Mix()
        rig.pull(at)
        for mix in (MIX, A_CAPPELLA, ALIKE, Mix(), LOUD):
            rig.player.set_mix(mix, STEMS)
            got = rig.pull(5000, most=700)
            a, b = (wanted(mixture, masks, m, at, 5000) for m in (old, mix))
            assert np.array_equal(got[ramp:], b[ramp:])
            weight = np.arange(1, ramp + 1)[:, None] / (ramp + 1)
            assert np.abs(got[:ramp] - (a[:ramp] + (b[:ramp] - a[:ramp]) * weight)).max() < 1e-6
            at, old = at + 5000, mix


def test_without_masks_the_mixture_plays_and_alike_faders_still_work() -> None:
    mixture = noise(seconds=0.5)
    with Rig(mixture, None) as rig:
        rig.player.set_mix(MIX, STEMS)
        rig.player.play()
        fade = rig.samples(FADE_S)
        nothing = Masks(masks_of(mixture).grid, STEMS, mixture.info.seconds)
        assert np.array_equal(rig.pull(4000)[fade:], wanted(mixture, nothing, MIX, 0, 4000)[fade:])
        rig.player.set_mix(ALIKE, STEMS)
        rig.pull(1000)
        assert np.array_equal(rig.pull(4000), wanted(mixture, nothing, ALIKE, 5000, 4000))


def test_listening() -> None:
    mixture = noise(INT16, seconds=0.6)
    masks = masks_of(mixture)
    source = mixture.read(0, mixture.info.n_samples)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(MIX, STEMS)
        rig.player.set_listening("original")
        rig.player.play()
        got = rig.pull(4000)
        assert np.array_equal(got[300:], (source.T[300:4000] / 32768).astype(np.float32))
        rig.player.set_listening("difference")
        rig.pull(1000)
        remix = render_float(mixture, masks, MIX, 5000, 4000)
        difference = from_float(remix - to_float(source[:, 5000:9000], INT16), INT16)[0]
        assert np.array_equal(rig.pull(4000), (difference.T / 32768).astype(np.float32))
        rig.player.set_mix(Mix(), STEMS)
        rig.pull(1000)
        assert not rig.pull(2000).any()  # unity: nothing differs
        with pytest.raises(ValueError, match="must be one of"):
            rig.player.set_listening("louder")
        rig.player.set_listening("remix")


def test_output_gain_saves_what_would_clip() -> None:
    mixture = noise(INT16, seconds=0.6)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(LOUD, STEMS)
        rig.player.play()
        rig.pull(3000)
        clipped = rig.player.take_levels().n_clipped
        assert clipped > 0
        rig.player.set_output_db(-20.0)
        rig.pull(1000)
        clipped = rig.player.take_levels().n_clipped
        want = from_float(render_float(mixture, masks, LOUD, 4000, 4000) * 10 ** (-20 / 20), INT16)[0]
        assert np.array_equal(rig.pull(4000), (want.T / 32768).astype(np.float32))
        assert rig.player.take_levels().n_clipped == clipped
        rig.player.set_output_db(0.0)
        rig.pull(1000)
        assert np.array_equal(rig.pull(4000), wanted(mixture, masks, LOUD, 9000, 4000))


# --------------------------------------------------------------------------------------------------- transport and loops


def test_play_pause_and_position() -> None:
    mixture = noise(seconds=1.0)
    with Rig(mixture, masks_of(mixture)) as rig:
        assert not rig.pull(1000).any() and rig.player.position_s == 0.0 and not rig.player.is_playing
        rig.player.play()
        rig.pull(8820)
        assert rig.player.is_playing and 0.0 <= rig.player.position_s <= 0.2
        rig.player.pause()
        got = rig.pull(2000)
        fade = rig.samples(FADE_S)
        assert got[fade - 5].any() and not got[fade:].any()
        assert rig.position_s == pytest.approx((8820 + fade) / 44100, abs=1 / 44100)
        rig.player.play()
        want = wanted(mixture, masks_of(mixture), Mix(), 8820 + fade, 3000)
        assert np.array_equal(rig.pull(3000)[fade:], want[fade:])


def test_seek_while_playing_and_while_paused() -> None:
    mixture = noise(seconds=2.0)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(MIX, STEMS)
        rig.player.seek(1.0)
        assert rig.player.position_s == 1.0
        rig.player.play()
        fade, ramp = rig.samples(FADE_S), rig.samples(TRANSITION_S)
        assert np.array_equal(rig.pull(3000)[fade:], wanted(mixture, masks, MIX, 44100, 3000)[fade:])
        rig.player.seek(0.25)
        assert rig.player.position_s == 0.25  # at once, for the playhead
        assert np.array_equal(rig.pull(3000)[ramp:], wanted(mixture, masks, MIX, 11025, 3000)[ramp:])
        for at_s in (-1.0, 5.0):  # beyond the song
            rig.player.seek(at_s)
            rig.pull(1000)
            assert 0.0 <= rig.player.position_s <= 2.0


def test_at_the_end_it_stops_and_begins_again_at_the_start() -> None:
    mixture = noise(seconds=0.3)
    masks, n = masks_of(mixture), mixture.info.n_samples
    with Rig(mixture, masks) as rig:
        rig.player.play()
        rig.pull(n + 500)
        assert not rig.player.is_playing and rig.position_s == mixture.info.seconds
        rig.player.seek(0.1)  # does not start by itself
        assert not rig.pull(1000).any() and not rig.player.is_playing
        rig.player.seek(9.0)
        rig.pull(100)
        rig.player.play()
        assert rig.player.is_playing
        fade = rig.samples(FADE_S)
        assert np.array_equal(rig.pull(3000)[fade:], wanted(mixture, masks, Mix(), 0, 3000)[fade:])
        assert rig.player.underruns == 0


@pytest.mark.parametrize("start, end", [(11025, 22050), (0, 4410), (70000, 88200), (30000, 33001)])
def test_a_loop_is_exact_in_length(start: int, end: int) -> None:
    mixture = noise(seconds=2.0)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.set_mix(MIX, STEMS)
        rig.player.set_loop((start / 44100, end / 44100))
        rig.player.seek(start / 44100)
        rig.player.play()
        fade, length = rig.samples(TRANSITION_S), end - start
        got = rig.pull(3 * length + 1000)
        want = wanted(mixture, masks, MIX, start, length)
        for turn in range(3):
            part = got[turn * length : (turn + 1) * length]
            begin = fade if turn == 0 else 0
            assert np.array_equal(part[begin : length - fade], want[begin : length - fade]), turn
        assert rig.player.underruns == 0 and start / 44100 <= rig.position_s < end / 44100
        rig.player.set_loop(None)  # and out of it, to the end of the song
        rig.pull(mixture.info.n_samples)
        assert not rig.player.is_playing


def test_outside_its_loop_playback_goes_to_the_loop() -> None:
    mixture = noise(seconds=2.0)
    masks = masks_of(mixture)
    with Rig(mixture, masks) as rig:
        rig.player.play()
        rig.pull(2000)
        rig.player.set_loop((1.0, 1.5))
        ramp = rig.samples(MASKS_S)
        assert np.array_equal(rig.pull(3000)[ramp:], wanted(mixture, masks, Mix(), 44100, 3000)[ramp:])
        rig.player.set_loop((1.0, 1.01))  # too short to be one
        rig.pull(mixture.info.n_samples)
        assert not rig.player.is_playing


# ----------------------------------------------------------------------------------------------------------------- masks


def test_new_masks_are_heard_at_once() -> None:
    mixture = noise(seconds=2.0)
    masks = masks_of(mixture)
    some = Masks(masks.grid, masks.stems, masks.seconds)
    with Rig(mixture, some) as rig:
        rig.player.set_mix(A_CAPPELLA, STEMS)
        rig.player.play()
        at = rig.samples(FADE_S)
        rig.pull(at)
        assert np.array_equal(rig.pull(2000), wanted(mixture, some, A_CAPPELLA, at, 2000))
        rig.masks = masks
        rig.player.masks_changed()
        ramp = rig.samples(MASKS_S)
        assert np.array_equal(rig.pull(4000)[ramp:], wanted(mixture, masks, A_CAPPELLA, at + 2000, 4000)[ramp:])
        reel = rig.player._feeder.reel
        last = masks.n_chunks - 1
        rig.masks = masks.with_chunk(last, masks.chunks[0])  # far away: nothing is made again
        rig.player.masks_changed()
        assert rig.player.settle() and rig.player._feeder.reel is reel
        rig.player.seek(1.5)
        rig.pull(1000)
        assert np.array_equal(rig.pull(20000), wanted(mixture, rig.masks, A_CAPPELLA, 66150 + 1000, 20000))


# ----------------------------------------------------------------------------------------------------------------- songs


def test_another_song_and_none() -> None:
    first, second = noise(seconds=0.5), noise(INT24, 1, 48000, 0.5, seed=1)
    opened: list[str] = []

    def open_second() -> Mixture:
        opened.append(threading.current_thread().name)
        return second

    with Rig(first, masks_of(first)) as rig:
        rig.player.play()
        rig.pull(1000)
        rig.player.set_song(open_second)
        assert rig.player.settle()
        assert opened == ["nullsum player"] and rig.player.info == second.info and not rig.player.is_playing
        assert "48 kHz" in rig.player.sound
        rig.player.play()
        assert np.array_equal(rig.pull(2000)[300:], wanted(second, masks_of(second), Mix(), 0, 2000)[300:])
        rig.player.set_song(None)
        assert rig.player.settle() and rig.player.info is None and rig.player.position_s == 0.0
        rig.player.play()
        rig.player.seek(1.0)
        rig.player.set_mix(MIX, STEMS)
        assert rig.player.take_levels().master == () and rig.player.settle()


def test_a_song_that_cannot_be_read_is_a_sentence() -> None:
    def fail() -> Mixture:
        raise OSError('"song.wav" was not found')

    mixture = noise(seconds=0.3)
    with Rig(mixture) as rig:
        rig.player.set_song(fail)
        assert rig.player.settle()
        assert rig.player.problem == 'Playback stopped: "song.wav" was not found'
        rig.player.set_song(lambda: mixture)
        assert rig.player.settle()
        assert rig.player.problem == "" and rig.player.info == mixture.info


def test_close_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    mixture = noise(seconds=0.3)
    rig = Rig(mixture, masks_of(mixture))
    rig.player.play()
    rig.pull(1000)
    rig.player.close()
    rig.player.close()
    assert set(threading.enumerate()) == before
