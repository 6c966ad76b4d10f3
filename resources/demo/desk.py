"""The mixing desk: small pure functions on sound. Mono is (sample,), stereo (channel, sample), float64, full scale 1, at RATE_HZ."""

import itertools

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import butter, oaconvolve, sosfilt, sosfiltfilt

RATE_HZ = 44100


def n_samples_of(seconds: float) -> int:
    """s -> samples, to the nearest."""
    return round(seconds * RATE_HZ)


def ratio_of(db: float) -> float:
    """dB -> amplitude ratio."""
    return 10.0 ** (db / 20.0)


def noise(seed: int, *shape: int) -> np.ndarray:
    """White Gaussian noise of unit variance. Every use has its own seed, so that no part changes when another one is edited."""
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)


def mixed(sounds: list[tuple[float, np.ndarray]], n_samples: int) -> np.ndarray:
    """Lay stereo sounds (start in s, (2, n)) on one track (2, n_samples); what reaches past the end is cut."""
    track = np.zeros((2, n_samples))
    for start_s, sound in sounds:
        first = max(n_samples_of(start_s), 0)
        end = min(first + sound.shape[-1], n_samples)
        track[:, first:end] += sound[..., : end - first]
    return track


def panned(sound: np.ndarray, position: float) -> np.ndarray:
    """Mono (n,) -> (2, n) with constant power; position -1 is left, 0 the middle, 1 right."""
    angle = (position + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound])


def filtered(sound: np.ndarray, kind: str, hz: float | tuple[float, float], order: int = 2) -> np.ndarray:
    """Butterworth "low", "high" or "band" pass along the last axis."""
    name = {"low": "lowpass", "high": "highpass", "band": "bandpass"}[kind]
    return sosfilt(butter(order, hz, name, fs=RATE_HZ, output="sos"), sound, axis=-1)


def lifted(sound: np.ndarray, low_hz: float, high_hz: float, db: float) -> np.ndarray:
    """A broad bell: the band (zero phase, so nothing smears) is raised or lowered by `db`."""
    band = sosfiltfilt(butter(1, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos"), sound, axis=-1)
    return sound + (ratio_of(db) - 1) * band


def room(decay_s: float, delay_s: float, seed: int, dark_hz: float = 5000.0) -> np.ndarray:
    """A stereo impulse response (2, n), unit energy: a few early echoes, then noise that falls by 60 dB in `decay_s`.

    High bands die sooner, as in air and on soft walls. The noise differs left and right: that is what makes a room wide.
    """
    n_samples = n_samples_of(decay_s)
    time_s = np.arange(n_samples) / RATE_HZ
    edges_hz = (180.0, 700.0, 2200.0, dark_hz, 11000.0)
    tail = np.zeros((2, n_samples))
    for band, (low, high) in enumerate(itertools.pairwise(edges_hz)):
        lasting = decay_s * (0.85, 1.0, 0.75, 0.45)[band]
        level = (0.9, 1.0, 0.8, 0.5)[band]
        tail += level * filtered(noise(seed + band, 2, n_samples), "band", (low, high)) * np.exp(-6.9 * time_s / lasting)
    tail *= 1 - np.exp(-time_s / 0.012)  # the tail builds up
    echoes = np.random.Generator(np.random.PCG64(seed + 99)).uniform(0.004, 0.045, (2, 5))
    for channel in range(2):
        for order, echo_s in enumerate(np.sort(echoes[channel])):
            tail[channel, n_samples_of(echo_s)] += 3.0 * (-0.75) ** order
    tail *= np.minimum(1, (time_s[-1] - time_s) / 0.05)
    tail = filtered(tail, "low", 9000.0)
    tail /= np.sqrt(np.mean(np.sum(tail**2, axis=1)))
    return np.concatenate([np.zeros((2, n_samples_of(delay_s))), tail], axis=1)


def with_room(sound: np.ndarray, response: np.ndarray, wet_db: float) -> np.ndarray:
    """Stereo in its room: dry (2, n) plus the room's answer at `wet_db`, as long as it was."""
    wet = oaconvolve(sound, response, axes=-1)[:, : sound.shape[1]]
    return sound + ratio_of(wet_db) * wet


def compressor_gain(sound: np.ndarray, threshold_db: float, ratio: float, smooth_hz: float = 12.0) -> np.ndarray:
    """Gain (sample,) that evens out stereo loudness: what rises above `threshold_db` (RMS) grows by 1/ratio only.

    Zero phase, so it looks ahead as far as back.
    """
    sos = butter(1, smooth_hz, fs=RATE_HZ, output="sos")
    power = np.maximum(sosfiltfilt(sos, np.mean(sound**2, axis=0)), 0.0)
    over = np.maximum(power / ratio_of(threshold_db) ** 2, 1.0)
    return over ** ((1 / ratio - 1) / 2)


def limiter_gain(sound: np.ndarray, ceiling: float) -> np.ndarray:
    """Gain (sample,) that keeps |sound| (channel, sample) at or below `ceiling` and moves smoothly, over 6 ms.

    The minimum over a window, averaged twice over windows that together are no wider: no sample escapes.
    """
    needed = ceiling / np.maximum(np.max(np.abs(sound), axis=0), ceiling)
    half = n_samples_of(0.003) // 2
    held = minimum_filter1d(needed, 4 * half + 1)
    return uniform_filter1d(uniform_filter1d(held, 2 * half + 1), 2 * half + 1)


def faded(sound: np.ndarray, in_s: float, out_s: float) -> np.ndarray:
    """Half-cosine fades at both ends, along the last axis, so that nothing starts or stops with a jump."""
    n_samples = sound.shape[-1]
    shape = np.ones(n_samples)
    for seconds, end in ((in_s, slice(None)), (out_s, slice(None, None, -1))):
        length = min(n_samples_of(seconds), n_samples)
        shape[end][:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return sound * shape
