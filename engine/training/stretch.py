"""Slower or faster at the same pitch, and the slow bends of pitch that a voice or a tape makes.

`stretched` is a phase vocoder: M. Dolson, "The phase vocoder: a tutorial", Computer Music Journal 10 (4), 1986. It smears a
little, which does no harm here: a smeared voice is still to be known as a voice.
"""

import numpy as np
import scipy.fft

from engine.training.data import RATE_HZ

N_FFT, HOP = 2048, 512


def stretched(samples: np.ndarray, speed: float) -> np.ndarray:
    """Played at `speed` (0.5: twice as long) with the pitch kept: float32 (channel, sample) -> (channel, about sample / speed).

    Phases advance as the mid signal's do and channels keep their phase differences, so the stereo image stays.
    """
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, ((0, 0), (N_FFT // 2, N_FFT)))
    n_out = int(samples.shape[1] / speed) // HOP + 1
    at = np.arange(n_out) * HOP * speed  # where each output frame looks
    starts = at.astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)
    now = scipy.fft.rfft(frames[:, starts] * window, axis=-1)  # (channel, frame, bin)
    mid = now.mean(axis=0) + 1e-12
    before = scipy.fft.rfft(frames[:, np.maximum(starts - HOP, 0)].mean(axis=0) * window, axis=-1) + 1e-12
    advance = np.angle(mid) - np.angle(before)
    advance[0] = np.angle(mid[0])
    bins = 2 * np.pi * HOP * np.arange(N_FFT // 2 + 1) / N_FFT
    off = advance[1:] - bins
    advance[1:] = bins + off - 2 * np.pi * np.round(off / (2 * np.pi))  # radians in one hop, near what the bin's centre would make
    turn = (np.remainder(np.cumsum(advance, axis=0), 2 * np.pi) - np.angle(mid)).astype(np.float32)
    turned = np.empty_like(now)
    turned.real = np.cos(turn) * now.real - np.sin(turn) * now.imag
    turned.imag = np.cos(turn) * now.imag + np.sin(turn) * now.real
    pieces = scipy.fft.irfft(turned, N_FFT, axis=-1) * window
    out = np.zeros((samples.shape[0], n_out * HOP + N_FFT), dtype=np.float32)
    for part in range(N_FFT // HOP):  # frames that do not overlap are added in one go
        own = pieces[:, part :: N_FFT // HOP]
        length = own.shape[1] * N_FFT
        out[:, part * HOP : part * HOP + length] += own.reshape(samples.shape[0], -1)[:, : out.shape[1] - part * HOP]
    return out[:, N_FFT // 2 : N_FFT // 2 + int(samples.shape[1] / speed)] * np.float32(1 / 1.5)


def bent(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vibrato that comes and goes, up to half a semitone at 4 to 7 Hz, on top of a slow drift: same length."""
    n = samples.shape[1]
    t = np.arange(n, dtype=np.float32) / RATE_HZ
    rate_hz, depth = rng.uniform(4, 7), rng.uniform(0.1, 0.5) * 0.0578 / (2 * np.pi * 5.5) * RATE_HZ  # samples of delay either way
    swell = np.clip(np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * t + rng.uniform(0, 6.28)) + 0.5, 0, 1)
    drift = rng.uniform(0, 60) * np.sin(2 * np.pi * rng.uniform(0.1, 0.6) * t + rng.uniform(0, 6.28))
    return _read_at(samples, np.arange(n) + depth * swell * np.sin(2 * np.pi * rate_hz * t) + drift)


def swayed(samples: np.ndarray, rate_hz: float, semitones: float, phase: float = 0.0) -> np.ndarray:
    """The pitch rises and falls by `semitones` either way, rate_hz times a second: same length."""
    t = np.arange(samples.shape[1]) / RATE_HZ
    depth = (2.0 ** (semitones / 12) - 1.0) * RATE_HZ / (2 * np.pi * rate_hz)  # samples of delay; its slope is the change of pitch
    return _read_at(samples, np.arange(samples.shape[1]) + depth * np.sin(2 * np.pi * rate_hz * t + phase))


def _read_at(samples: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Samples (channel, sample) at fractional places, silence outside."""
    inside = (where >= 0) & (where < samples.shape[1] - 1)
    where = np.where(inside, where, 0.0)
    low = where.astype(np.int64)
    part = (where - low).astype(np.float32)
    return np.where(inside, samples[:, low] * (1 - part) + samples[:, np.minimum(low + 1, samples.shape[1] - 1)] * part, np.float32(0.0))
