"""Stretching keeps the pitch, bending keeps the length, and what a mix bus does is one gain for all stems."""

import numpy as np
import pytest

from engine.training.augment import mastered
from engine.training.stretch import HOP, N_FFT, bent, stretched

RATE_HZ = 44100
SPEEDS = (0.55, 0.8, 1.0, 1.1, 1.25)


def sine(hz: float, seconds: float = 1.0, left: float = 0.4, right: float = 0.1) -> np.ndarray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.stack([left * np.sin(2 * np.pi * hz * t), right * np.sin(2 * np.pi * hz * t)]).astype(np.float32)


def peak_hz(samples: np.ndarray) -> float:
    """The loudest frequency, by a parabola through the logs of three bins."""
    power = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**18)) + 1e-12)
    k = int(np.argmax(power))
    a, b, c = power[k - 1 : k + 2]
    return float((k + 0.5 * (a - c) / (a - 2 * b + c)) * RATE_HZ / 2**18)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("hz", [82.4, 440.0, 3000.0])
def test_pitch_level_and_length(hz: float, speed: float) -> None:
    samples = sine(hz)
    before = samples.copy()
    out = stretched(samples, speed)
    assert out.shape == (2, int(samples.shape[1] / speed)) and out.dtype == np.float32
    assert np.array_equal(samples, before)
    middle = out[:, N_FFT : -N_FFT - HOP]
    assert peak_hz(middle[0]) == pytest.approx(hz, rel=2e-3)
    assert 20 * np.log10(np.sqrt(2 * np.mean(middle[0] ** 2)) / 0.4) == pytest.approx(0.0, abs=1.0)  # slower: bins drift apart a little


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("right", [1.0, 0.25, -0.25, 0.0])
def test_the_stereo_picture_stays(right: float, speed: float) -> None:
    rng = np.random.default_rng(0)
    mono = np.convolve(rng.standard_normal(RATE_HZ), np.hanning(9), "same").astype(np.float32) * 0.05
    out = stretched(np.stack([mono, right * mono]).astype(np.float32), speed)
    assert np.allclose(out[1], right * out[0], atol=1e-6)
    assert np.any(out[0])


def test_at_its_own_speed_a_sound_stays_as_it_is() -> None:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 20000)).astype(np.float32)
    out = stretched(samples, 1.0)
    inner = slice(N_FFT, -N_FFT)
    assert np.abs(out - samples)[:, inner].max() < 5e-3


@pytest.mark.parametrize("n_samples", [1, 100, 5000])
def test_silence_and_short_sounds(n_samples: int) -> None:
    for samples in (np.zeros((2, n_samples), np.float32), np.full((2, n_samples), 0.5, np.float32)):
        out = stretched(samples, 0.7)
        assert out.shape == (2, int(n_samples / 0.7))
        assert np.isfinite(out).all()
        assert np.any(out) == np.any(samples)


@pytest.mark.parametrize("seed", range(4))
def test_bending_keeps_the_length_and_stays_within_a_semitone(seed: int) -> None:
    import scipy.signal

    samples = sine(440.0, 3.0)
    out = bent(samples, np.random.default_rng(seed))
    assert out.shape == samples.shape
    assert np.allclose(out[1], 0.25 * out[0], atol=1e-6)
    phase = np.unwrap(np.angle(scipy.signal.hilbert(out[0])))[4410:-4410]
    semitones = 12 * np.log2(np.diff(phase[::441]) / 441 * RATE_HZ / (2 * np.pi) / 440.0)  # over 10 ms each
    assert np.abs(semitones).max() < 1.0
    assert np.ptp(semitones) > 0.02
    assert abs(np.mean(semitones)) < 0.15


# -------------------------------------------------------------------------------------------------------------- mastering


class Dice:
    """A generator whose decisions are written down; amounts lie in the middle of their range."""

    def __init__(self, *decisions: float) -> None:
        self._left = list(decisions)

    def random(self) -> float:
        return self._left.pop(0)

    def uniform(self, low: float, high: float) -> float:
        return 0.5 * (low + high)

    def choice(self, options: list[int]) -> int:
        return options[0]


NO, YES = 0.99, 0.0


@pytest.fixture
def stems() -> np.ndarray:
    rng = np.random.default_rng(3)
    swell = np.sin(np.linspace(0, 40, 30000)) ** 2
    return (rng.standard_normal((4, 2, 30000)) * swell * np.array([0.2, 0.3, 0.1, 0.2])[:, None, None]).astype(np.float32)


def gains(out: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """What the stems were multiplied by where all of them are loud enough to tell: (stem x channel, instant)."""
    loud = (np.abs(stems) > 1e-3).all(axis=(0, 1))
    assert loud.sum() > 1000
    return (out / np.where(stems == 0, 1, stems)).reshape(8, -1)[:, loud]


def test_clipping_is_a_gain_of_0_to_1_that_all_stems_share(stems: np.ndarray) -> None:
    out = mastered(stems, Dice(NO, NO, YES, NO))  # type: ignore[arg-type]
    mix = stems.sum(axis=0)
    top = float(np.abs(mix).max()) * 10 ** (-4.5 / 20)
    assert np.allclose(out.sum(axis=0), np.clip(mix, -top, top), atol=1e-5)
    found = gains(out, stems)
    assert found.min() >= 0.0 and found.max() <= 1.0 + 1e-6 and found.min() < 0.9
    assert np.ptp(found[0::2], axis=0).max() < 1e-4  # left
    assert np.ptp(found[1::2], axis=0).max() < 1e-4  # right


def test_compression_is_a_gain_of_0_to_1_that_all_stems_and_channels_share(stems: np.ndarray) -> None:
    out = mastered(stems, Dice(NO, YES, NO))  # type: ignore[arg-type]
    found = gains(out, stems)
    assert found.min() > 0.0 and found.max() <= 1.0 + 1e-6 and found.min() < 0.9
    assert np.ptp(found, axis=0).max() < 1e-4
    softer = np.abs(out.sum(axis=0)) <= np.abs(stems.sum(axis=0)) + 1e-6
    assert softer.all()


@pytest.mark.parametrize(("decision", "ducked"), [(YES, [0, 2, 3]), (NO, [2, 3])])
def test_the_kick_ducks_the_others_and_not_itself(stems: np.ndarray, decision: float, ducked: list[int]) -> None:
    before = stems.copy()
    out = mastered(stems, Dice(YES, decision, NO, NO, NO))  # type: ignore[arg-type]
    assert np.array_equal(stems, before)
    for i in range(4):
        found = gains(out, stems)[2 * i : 2 * i + 2]
        if i in ducked:
            assert 0.35 < found.min() < 0.6 and found.max() <= 1.0 + 1e-6
        else:
            assert np.array_equal(out[i], stems[i])


def test_a_low_pass_is_the_same_filter_for_every_stem(stems: np.ndarray) -> None:
    out = mastered(stems, Dice(NO, NO, NO, YES))  # type: ignore[arg-type]
    whole = mastered(stems.sum(axis=0, keepdims=True), Dice(NO, NO, NO, YES))  # type: ignore[arg-type]
    assert np.allclose(out.sum(axis=0), whole[0], atol=1e-5)
    assert np.sum(np.square(out)) < np.sum(np.square(stems))


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_drawn_nothing_grows_and_nothing_breaks(stems: np.ndarray, seed: int) -> None:
    out = mastered(stems, np.random.default_rng(seed))
    assert out.shape == stems.shape and out.dtype == np.float32 and np.isfinite(out).all()
    assert np.sum(np.square(out, dtype=np.float64)) <= np.sum(np.square(stems, dtype=np.float64)) * (1 + 1e-5)


def test_silence_is_mastered_to_silence() -> None:
    for seed in range(20):
        assert not mastered(np.zeros((4, 2, 3000), np.float32), np.random.default_rng(seed)).any()


def test_clipping_leaves_alone_what_cancels() -> None:
    """Where the mix is silent because two stems cancel nothing is clipped, however loud the rest."""
    rng = np.random.default_rng(3)
    stems = np.zeros((4, 2, 20000), np.float32)
    stems[0, :, :10000] = 0.1 * rng.standard_normal((2, 10000))
    stems[1, :, :10000] = -stems[0, :, :10000]
    stems[3, :, 10000:] = np.sin(np.arange(10000) * 0.05)
    for seed in range(80):
        assert np.any(mastered(stems, np.random.default_rng(seed))[0, :, 2000:8000])
