"""Laws 2 to 6 and 8 on the filtered pass: neutral is the mixture, forced passes are within the law, cuts change nothing."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from toys import RATES_HZ, SAMPLE_TYPES, SIGNALS, Toy, recording

from engine.audio import ArrayMixture
from engine.masks import Masks
from engine.render import render, render_float, render_stems
from engine.samples import from_float, to_float
from engine.separate import separate
from engine.types import FLOAT32, FLOAT64, INT16, INT24, Mix, SampleType, StemMix

STEMS = Toy().info.stems
LAW = 10 ** (-130 / 20)


def masks_of(mixture: ArrayMixture, look_rate_hz: int | None = None) -> Masks:
    return separate(mixture, Toy(look_rate_hz=look_rate_hz))


def floats(mixture: ArrayMixture) -> np.ndarray:
    return to_float(mixture.read(0, mixture.info.n_samples), mixture.info.sample_type)


def bound(mixture: ArrayMixture) -> float:
    return LAW * max(1.0, float(np.abs(floats(mixture)).max()))


CORNERS = [
    *[("noise", r, 2, 20000, INT16) for r in RATES_HZ],
    *[("noise", r, 1, 20000, FLOAT32) for r in RATES_HZ],
    *[("noise", 44100, c, 9000, INT24) for c in (1, 2, 6, 8)],
    *[("noise", 44100, 2, n, INT24) for n in (1, 2, 1023, 1024, 1025, 4096, 50001)],
    *[(s, 48000, 2, 9000, t) for s in SIGNALS for t in SAMPLE_TYPES],
]


@pytest.fixture(params=CORNERS, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}ch-{c[3]}-{'f' if c[4].is_float else 'i'}{c[4].bits}")
def mixture(request: pytest.FixtureRequest) -> ArrayMixture:
    kind, rate_hz, n_channels, n_samples, sample_type = request.param
    return recording(kind, rate_hz, n_channels, n_samples, sample_type)


def test_neutral_is_the_mixture_bit_for_bit(mixture: ArrayMixture) -> None:
    n = mixture.info.n_samples
    got = render(mixture, masks_of(mixture), Mix(), 0, n)
    want = mixture.read(0, n)
    assert got.samples.tobytes() == want.tobytes() and got.samples.dtype == want.dtype and got.n_clipped == 0


def test_forced_at_unity_is_the_mixture_within_rounding(mixture: ArrayMixture) -> None:
    n, masks = mixture.info.n_samples, masks_of(mixture)
    got = render_float(mixture, masks, Mix(), 0, n, force=True)
    assert np.abs(got - floats(mixture)).max() <= bound(mixture)
    if not mixture.info.sample_type.is_float:  # the pass is far below half an LSB, so even forced it rounds to the source
        assert np.array_equal(render(mixture, masks, Mix(), 0, n, force=True).samples, mixture.read(0, n))


def test_stems_sum_to_the_mixture(mixture: ArrayMixture) -> None:
    stems = render_stems(mixture, masks_of(mixture), 0, mixture.info.n_samples)
    assert np.isfinite(stems).all()
    assert np.abs(stems.sum(axis=0) - floats(mixture)).max() <= bound(mixture)


def test_a_hundredth_of_a_decibel_moves_by_just_that(mixture: ArrayMixture) -> None:
    n, masks = mixture.info.n_samples, masks_of(mixture)
    got = render_float(mixture, masks, Mix({"vocals": StemMix(gain_db=0.01)}), 0, n)
    vocals = render_stems(mixture, masks, 0, n, (0,))[0]
    assert np.abs(got - (floats(mixture) + (10 ** (0.01 / 20) - 1) * vocals)).max() <= bound(mixture)
    one = render_float(mixture, masks, Mix({s: StemMix(gain_db=0.01) for s in STEMS}), 0, n, force=True)
    assert np.abs(one - floats(mixture) * 10 ** (0.01 / 20)).max() <= bound(mixture)


@pytest.mark.parametrize("gain_db", [-math.inf, -6.0, 3.0])
def test_equal_gains_scale_the_mixture_and_saturate(mixture: ArrayMixture, gain_db: float) -> None:
    n = mixture.info.n_samples
    got = render(mixture, masks_of(mixture), Mix({s: StemMix(gain_db=gain_db) for s in STEMS}), 0, n)
    want, clipped = from_float(floats(mixture) * 10 ** (gain_db / 20), mixture.info.sample_type)
    assert np.array_equal(got.samples, want) and got.n_clipped == clipped
    if gain_db == -math.inf:
        assert not got.samples.any()


def test_any_cut_gives_the_same_bits(mixture: ArrayMixture) -> None:
    n, masks = mixture.info.n_samples, masks_of(mixture, 44100)
    whole = render_stems(mixture, masks, 0, n)
    rng = np.random.default_rng(3)
    cuts = sorted({0, n, *rng.integers(0, n + 1, 5).tolist(), min(n, 1), max(0, n - 1)})
    parts = [render_stems(mixture, masks, a, b - a) for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts, axis=-1), whole)


@pytest.mark.parametrize("look_rate_hz", [None, 44100])
def test_mute_and_solo(look_rate_hz: int | None) -> None:
    mixture = recording(sample_type=INT16, rate_hz=48000)
    masks, n = masks_of(mixture, look_rate_hz), 20000
    stems = render_stems(mixture, masks, 0, n)
    for i, stem in enumerate(STEMS):
        solo = render(mixture, masks, Mix({stem: StemMix(solo=True)}), 0, n).samples
        assert np.abs(solo - stems[i] * 32768).max() <= 1.0
        both = render(mixture, masks, Mix({stem: StemMix(solo=True, mute=True)}), 0, n).samples
        assert not both.any()  # mute wins over solo, and nobody else may sound
        mute = render_float(mixture, masks, Mix({stem: StemMix(mute=True)}), 0, n)
        assert np.abs(mute - (floats(mixture) - stems[i])).max() <= LAW
    assert not render(mixture, masks, Mix({s: StemMix(mute=True) for s in STEMS}), 0, n).samples.any()


def test_balance_and_width_do_what_they_say_and_the_master_comes_last() -> None:
    mixture = recording(sample_type=FLOAT64)
    masks, n = masks_of(mixture), 20000
    stems, x = render_stems(mixture, masks, 0, n), floats(mixture)
    left = render_float(mixture, masks, Mix({"drums": StemMix(balance=-1.0)}), 0, n)
    assert np.abs(left[0] - x[0]).max() <= LAW and np.abs(left[1] - (x[1] - stems[1, 1])).max() <= LAW
    mono = render_float(mixture, masks, Mix({"bass": StemMix(width=0.0)}, master_db=-6.0), 0, n)
    want = (x + (stems[2].mean(axis=0, keepdims=True) - stems[2])) * 10 ** (-6 / 20)
    assert np.abs(mono - want).max() <= LAW


def test_unknown_stretches_sound_as_the_mixture() -> None:
    mixture = recording(n_samples=200_000, sample_type=FLOAT32)
    complete = masks_of(mixture)
    half = dataclasses.replace(complete, chunks={0: complete.chunks[0]})
    mix = Mix({"vocals": StemMix(mute=True)})
    got = render_float(mixture, half, mix, 0, 200_000)
    assert np.abs(got[:, 100_000:] - floats(mixture)[:, 100_000:]).max() <= LAW
    assert np.array_equal(got[:, :30_000], render_float(mixture, complete, mix, 0, 30_000))


def test_a_minute_and_a_second() -> None:
    mixture = recording(n_samples=44100 * 61, n_channels=2, sample_type=INT24)
    masks = separate(mixture, Toy(look_rate_hz=44100, n_frames=441))
    n = mixture.info.n_samples
    assert np.array_equal(render(mixture, masks, Mix(), 0, n, force=True).samples, mixture.read(0, n))


def test_the_order_of_stems_changes_nothing() -> None:
    mixture = recording(sample_type=SampleType(False, 24))
    masks = masks_of(mixture)
    mix = Mix({"vocals": StemMix(gain_db=2), "drums": StemMix(gain_db=-3)})
    turned = Mix(dict(reversed(mix.stems.items())))
    assert np.array_equal(render(mixture, masks, mix, 0, 9000).samples, render(mixture, masks, turned, 0, 9000).samples)
