"""Four players made of sines and noise, for mixtures whose every part is known: a singer, drums, a plucked bass line, chords.

All mono, float64, always the same for the same seed. They share the spectrum as players do: partials meet, hits cover notes.
"""

import numpy as np

from engine.types import Array

PLAYERS = ("voice", "drums", "bass", "chords")
RMS = 0.05  # of each player: four add up to about -20 dBFS


def players(seed: int, seconds: float, rate_hz: int) -> Array:
    """The four players, equally loud: float64 (player, sample)."""
    rng, n_samples = np.random.default_rng(seed), round(seconds * rate_hz)
    parts = np.stack([play(rng, n_samples, rate_hz) for play in (_voice, _drums, _bass, _chords)])
    return np.asarray(RMS * parts / np.sqrt(np.mean(np.square(parts), axis=1, keepdims=True)))


def panned(part: Array, angle: float, delay_s: float, rate_hz: int) -> Array:
    """A player at an angle in radians, 0 left .. pi / 2 right, the right channel delay_s late: (sample,) -> (channel=2, sample)."""
    late = part
    if delay_s:
        n_fft = 1 << int(np.ceil(np.log2(len(part) + rate_hz // 10)))  # room for the delay, so that nothing comes in again in front
        turned = np.fft.rfft(part, n_fft) * np.exp(-2j * np.pi * np.fft.rfftfreq(n_fft, 1.0 / rate_hz) * delay_s)
        late = np.fft.irfft(turned, n_fft)[: len(part)]
    return np.stack([np.cos(angle) * part, np.sin(angle) * late])


def _add(out: Array, start: int, sound: Array) -> None:
    """Lay a sound into a part, cut at its end."""
    end = min(len(out), start + len(sound))
    out[start:end] += sound[: max(0, end - start)]


def _tone(rng: np.random.Generator, t: Array, f0_hz: float, n_partials: int, slope: float, decay_s: float = np.inf) -> Array:
    """Partials of k^-slope, higher ones dying sooner, at phases of chance: (sample,)."""
    out = np.zeros(len(t))
    for k in range(1, n_partials + 1):
        if k * f0_hz < 9000.0:
            out += np.sin(2.0 * np.pi * k * f0_hz * t + rng.uniform(0.0, 6.28)) * np.exp(-t * np.sqrt(k) / decay_s) * k**-slope
    return out


def _voice(rng: np.random.Generator, n_samples: int, rate_hz: int) -> Array:
    """Syllables between 160 and 420 Hz: a hiss, a glide into the note, vibrato, three formants."""
    out, at_s = np.zeros(n_samples), 0.05
    while at_s * rate_hz < n_samples:
        length_s, f0_hz = rng.uniform(0.18, 0.7), 160.0 * 2.6 ** rng.random()
        t = np.arange(round(length_s * rate_hz)) / rate_hz
        pitch_hz = f0_hz * 2.0 ** (rng.choice([-0.5, 0.5]) / 12.0 * np.exp(-t / 0.06)) * (1.0 + 0.008 * np.sin(2.0 * np.pi * 5.5 * t))
        phase = 2.0 * np.pi * np.cumsum(pitch_hz) / rate_hz
        places = rng.uniform([350.0, 900.0, 2400.0], [850.0, 2200.0, 3200.0])
        formants = tuple(zip(places, (80.0, 110.0, 160.0), (1.0, 0.6, 0.3), strict=True))  # centre, width in Hz, gain
        syllable = np.zeros(len(t))
        for k in range(1, int(min(8000.0, 0.4 * rate_hz) / f0_hz)):
            level = 0.01 + sum(gain / (1.0 + ((k * f0_hz - centre) / width) ** 2) for centre, width, gain in formants)
            syllable += level * k**-0.3 * np.sin(k * phase + rng.uniform(0.0, 6.28))
        syllable *= np.clip(np.minimum(t / 0.03, (t[-1] - t) / 0.06), 0.0, 1.0)
        hiss = np.diff(rng.standard_normal(round(0.04 * rate_hz) + 1)) * np.hanning(round(0.04 * rate_hz))
        _add(out, round(at_s * rate_hz), 0.6 * syllable.std() * hiss)
        _add(out, round((at_s + 0.03) * rate_hz), syllable)
        at_s += length_s + rng.choice([0.05, 0.1, 0.3], p=[0.5, 0.3, 0.2])
    return out


def _drums(rng: np.random.Generator, n_samples: int, rate_hz: int) -> Array:
    """Bass drum, snare and hi-hat in sixteenths at 112 beats a minute, a few milliseconds off."""
    out, t = np.zeros(n_samples), np.arange(round(0.35 * rate_hz)) / rate_hz
    for i in range(int(n_samples / rate_hz / (60.0 / 112.0 / 4.0)) + 1):
        at = max(0, round((i * 60.0 / 112.0 / 4.0 + rng.uniform(-0.004, 0.004)) * rate_hz))
        if i % 8 == 0 or (i % 8 == 5 and rng.random() < 0.5):
            _add(out, at, np.sin(2.0 * np.pi * (48.0 * t + 6.0 * (1.0 - np.exp(-t / 0.03)))) * np.exp(-t / 0.12))
        if i % 8 == 4:
            snare = rng.standard_normal(len(t)) * np.exp(-t / 0.07) + 0.6 * np.sin(2.0 * np.pi * 190.0 * t) * np.exp(-t / 0.08)
            _add(out, at, 0.45 * snare)
        hat = np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / (0.06 if i % 4 == 0 else 0.02))
        _add(out, at, rng.uniform(0.07, 0.12) * hat)
    return out


def _bass(rng: np.random.Generator, n_samples: int, rate_hz: int) -> Array:
    """Plucked notes of the two octaves above 65 Hz, about four a second."""
    out, t = np.zeros(n_samples), np.arange(round(1.5 * rate_hz)) / rate_hz
    for start_s in np.arange(0.0, n_samples / rate_hz, 0.27):
        if rng.random() < 0.85:
            note = _tone(rng, t, 440.0 * 2.0 ** ((rng.integers(36, 52) - 69) / 12.0), 14, 1.0, 0.5)
            _add(out, round(start_s * rate_hz), note * np.minimum(1.0, t / 0.004))
    return out


def _chords(rng: np.random.Generator, n_samples: int, rate_hz: int) -> Array:
    """Held chords of four notes from the G below middle C upwards, one a second."""
    out, t = np.zeros(n_samples), np.arange(round(1.18 * rate_hz)) / rate_hz
    for start_s in np.arange(0.0, n_samples / rate_hz, 1.07):
        root, third = rng.integers(55, 64), rng.choice([3, 4])
        chord = sum(_tone(rng, t, 440.0 * 2.0 ** ((note - 69) / 12.0), 8, 1.3) for note in (root, root + third, root + 7, root + 12))
        _add(out, round(start_s * rate_hz), chord * np.clip(np.minimum(t / 0.05, (t[-1] - t) / 0.1), 0.0, 1.0))
    return out
