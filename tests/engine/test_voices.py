"""Laws of the changes that make one singer many."""

from pathlib import Path

import numpy as np
import pytest
from corpora import tiny_corpus
from scipy import signal

from engine.training import augment
from engine.training.data import RATE_HZ, Corpus
from engine.training.stretch import swayed
from engine.training.voices import another_singer, breath, harmony, pitched, samples_of, spectra, talk, throat

SECONDS = 1.5


def vowel(f0: float, formants: tuple[float, ...], right: float = 0.5) -> np.ndarray:
    """Pulses at f0 through resonances of 120 Hz width; the right channel is `right` times the left: (2, sample)."""
    n = int(SECONDS * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    mono = sum(np.cos(2 * np.pi * f0 * k * t) for k in range(1, int(8000 / f0)))
    for hz in formants:
        radius = np.exp(-np.pi * 120 / RATE_HZ)
        mono = signal.lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / RATE_HZ), radius**2], mono)
    mono = mono / np.max(np.abs(mono)) * 0.3
    return np.stack([mono, right * mono]).astype(np.float32)


def power(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hz, power = signal.welch(samples[0], RATE_HZ, nperseg=8192)
    return hz, power


def middle(samples: np.ndarray) -> np.ndarray:
    return samples[:, 8192:-8192]


def test_spectra_and_back_is_the_identity() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32)
    assert np.max(np.abs(samples_of(spectra(samples), 20_000) - samples)) < 1e-5


@pytest.mark.parametrize("f0", [110.0, 220.0, 440.0])
@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.25])
def test_a_throat_moves_formants_and_keeps_pitch_and_place(f0: float, ratio: float) -> None:
    samples = vowel(f0, (1500.0, 3500.0))
    out = throat(samples, ratio)
    assert np.max(np.abs(middle(out)[1] - 0.5 * middle(out)[0])) < 1e-5  # still where it stood
    if ratio == 1.0:
        assert np.max(np.abs(out - samples)) < 1e-5
        return
    hz, before = power(samples)
    _, after = power(out)

    def centre(power: np.ndarray) -> float:
        return float(np.sum(hz * np.sqrt(power)) / np.sum(np.sqrt(power)))

    assert (centre(after) > 1.03 * centre(before)) if ratio > 1 else (centre(after) < 0.95 * centre(before))
    bins = np.rint(np.arange(1, 8) * f0 / hz[1]).astype(int)
    between = np.rint((np.arange(1, 8) + 0.5) * f0 / hz[1]).astype(int)
    assert all(after[b - 1 : b + 2].max() > 30 * after[c] for b, c in zip(bins, between, strict=True))  # partials stand where they stood


@pytest.mark.parametrize("level_db", [-12.0, 0.0])
def test_breath_is_as_loud_as_asked_where_voices_have_air(level_db: float) -> None:
    voice = signal.lfilter([1.0], [1.0, -0.7], np.random.default_rng(1).standard_normal(3 * RATE_HZ) * 0.02).astype(np.float32)
    voice = np.stack([voice, voice])
    added = breath(voice, np.random.default_rng(2), level_db) - voice
    hz, of_voice = power(voice)
    _, of_air = power(added)
    high, low = (hz > 5000) & (hz < 12000), (hz > 100) & (hz < 400)
    assert 10 * np.log10(of_air[high].sum() / of_voice[high].sum()) == pytest.approx(level_db, abs=2.5)
    assert 10 * np.log10(of_air[low].sum() / of_voice[low].sum()) < level_db - 12.0


@pytest.mark.parametrize("semitones", [-12, -5, 3, 7])
def test_pitched_moves_every_partial_alike(semitones: int) -> None:
    t = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    samples = np.stack([np.sin(2 * np.pi * 500.0 * t)] * 2).astype(np.float32) * 0.3
    out = pitched(samples, semitones)
    assert out.shape == samples.shape
    hz, loud = power(middle(out))
    assert hz[np.argmax(loud)] == pytest.approx(500.0 * 2 ** (semitones / 12), rel=0.012)


@pytest.mark.parametrize("semitones", [1.0, 4.0])
def test_swayed_reaches_the_pitches_asked_for(semitones: float) -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    out = swayed(np.stack([np.sin(2 * np.pi * 1000.0 * t)] * 2).astype(np.float32), 1.0, semitones)
    turned = np.diff(np.unwrap(np.angle(signal.hilbert(out[0]))))[RATE_HZ // 2 : -RATE_HZ // 2] * RATE_HZ / (2 * np.pi)
    assert np.max(turned) == pytest.approx(1000.0 * 2 ** (semitones / 12), rel=0.01)
    assert np.min(turned) < 1000.0


@pytest.mark.parametrize("change", [harmony, talk, another_singer])
@pytest.mark.parametrize("seed", range(6))
def test_a_singer_changed_is_finite_as_long_and_decided_by_the_seed(change, seed: int) -> None:  # type: ignore[no-untyped-def]
    samples = vowel(180.0, (700.0, 2300.0))
    out = change(samples, np.random.default_rng(seed))
    assert out.shape == samples.shape and out.dtype == np.float32 and np.isfinite(out).all()
    assert np.array_equal(out, change(samples, np.random.default_rng(seed)))
    assert np.abs(out).max() > 0.03
    if change is not another_singer:
        assert np.max(np.abs(out - samples)) > 0.03


def test_silence_stays_silent() -> None:
    silence = np.zeros((2, RATE_HZ), np.float32)
    for seed in range(20):
        assert np.max(np.abs(another_singer(silence, np.random.default_rng(seed)))) < 1e-3


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_so_many_of_the_single_vocals_are_another_singers(share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(tiny_corpus(tmp_path / "data"), tmp_path / "decoded")
    asked = []
    monkeypatch.setattr(augment, "another_singer", lambda samples, rng: asked.append(1) or samples)
    with_vocals = 0
    for seed in range(150):
        with_vocals += bool(np.any(augment.random_mix(corpus, np.random.default_rng(seed), 2048, 0.0, share)[0]))
    assert len(asked) == pytest.approx(share * with_vocals, abs=0.12 * with_vocals)
