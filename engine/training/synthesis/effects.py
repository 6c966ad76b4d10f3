"""What happens after the instrument: filters, amplifiers, compressors, echoes and rooms, all with random settings.

Sounds are float (sample,) or (channel=2, sample) at 44.1 kHz; every function returns a new array.
"""

import numpy as np
from scipy import signal

from engine.training.synthesis.score import RATE_HZ


def low_pass(x: np.ndarray, hz: float, order: int = 2) -> np.ndarray:
    """Butterworth low-pass."""
    return signal.sosfilt(signal.butter(order, min(hz, 20000), "low", fs=RATE_HZ, output="sos"), x)


def high_pass(x: np.ndarray, hz: float, order: int = 2) -> np.ndarray:
    """Butterworth high-pass."""
    return signal.sosfilt(signal.butter(order, hz, "high", fs=RATE_HZ, output="sos"), x)


def band_pass(x: np.ndarray, low_hz: float, high_hz: float, order: int = 1) -> np.ndarray:
    """Butterworth band-pass."""
    return signal.sosfilt(signal.butter(order, (low_hz, min(high_hz, 20000)), "band", fs=RATE_HZ, output="sos"), x)


def bell(x: np.ndarray, hz: float, gain_db: float, q: float) -> np.ndarray:
    """Peaking equaliser (R. Bristow-Johnson, Audio EQ Cookbook)."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / RATE_HZ
    alpha = np.sin(w) / (2 * q)
    b = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
    return signal.lfilter(b, [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a], x)


def shelf(x: np.ndarray, hz: float, gain_db: float, high: bool) -> np.ndarray:
    """Low or high shelf of first order: the sound plus its filtered part."""
    b, a = signal.butter(1, hz, "high" if high else "low", fs=RATE_HZ)
    return x + (10 ** (gain_db / 20) - 1) * signal.lfilter(b, a, x)


def coloured(rng: np.random.Generator, x: np.ndarray, most_db: float = 4.0) -> np.ndarray:
    """Another microphone and another engineer: both shelves and two bells at random."""
    x = shelf(x, rng.uniform(100, 300), rng.uniform(-most_db, most_db), high=False)
    x = shelf(x, rng.uniform(2500, 8000), rng.uniform(-most_db, most_db), high=True)
    for _ in range(2):
        x = bell(x, np.exp(rng.uniform(np.log(150), np.log(8000))), rng.uniform(-most_db, most_db), rng.uniform(0.6, 2.5))
    return x


def compressed(x: np.ndarray, threshold_db: float, ratio: float, attack_s: float = 0.01, release_s: float = 0.15) -> np.ndarray:
    """Feed-forward compressor on the level of blocks of 64 samples, the louder channel ruling both; the threshold is below its peaks."""
    block = 64
    y = np.atleast_2d(x)
    n = y.shape[1] // block
    power = np.mean(np.square(y[:, : n * block]).reshape(len(y), n, block), axis=2).max(axis=0)
    level = 10 * np.log10(power + 1e-10)
    over = np.maximum(level - (np.percentile(level, 97) + threshold_db), 0) * (1 - 1 / ratio)
    up, down = 1 - np.exp(-block / RATE_HZ / attack_s), 1 - np.exp(-block / RATE_HZ / release_s)
    state, gains = 0.0, np.empty(n)
    for i, target in enumerate(over.tolist()):
        state += (target - state) * (up if target > state else down)
        gains[i] = state
    gain = np.interp(np.arange(y.shape[1]), (np.arange(n) + 0.5) * block, 10 ** (-gains / 20)) if n else 1.0
    return (y * gain).reshape(x.shape)


def driven(x: np.ndarray, drive: float, bias: float = 0.0) -> np.ndarray:
    """Soft clipping tanh(drive x + bias) at twice the rate (fewer aliases), without the offset, at about the old peak."""
    up = signal.resample_poly(x, 2, 1, axis=-1, window=("kaiser", 5.0))
    down = signal.resample_poly(np.tanh(drive * up + bias) - np.tanh(bias), 1, 2, axis=-1, window=("kaiser", 5.0))
    return down[..., : x.shape[-1]] / np.tanh(max(drive, 0.1))


def panned(x: np.ndarray, pan: float) -> np.ndarray:
    """Mono to stereo with constant power, pan -1 (left) .. 1 (right)."""
    angle = (pan + 1) * np.pi / 4
    return np.stack([np.cos(angle) * x, np.sin(angle) * x])


def room(rng: np.random.Generator, decay_s: float, size_s: float, brightness_hz: float) -> np.ndarray:
    """Stereo impulse response (channel=2, sample) of unit energy without the direct sound.

    Early reflections up to size_s, then noise that decays by 60 dB in decay_s, the high band two to three times faster.
    """
    n = int((decay_s * 1.1 + size_s) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    noise = rng.standard_normal((2, n))
    edges = (400.0, 2500.0)
    low = low_pass(noise, edges[0], 1)
    high = high_pass(noise, edges[1], 1)
    mid = noise - low - high
    tail = sum(
        band * 10 ** (-3 * t / (decay_s * s))
        for band, s in zip((low, mid, high), (rng.uniform(0.7, 1.3), 1.0, rng.uniform(0.3, 0.7)), strict=True)
    )
    tail = tail * (1 - np.exp(-t / (0.3 * size_s + 1e-4)))
    tail /= np.sqrt(np.sum(np.square(tail)) / 2)
    early = np.zeros((2, n))
    n_early = int(rng.integers(6, 18))
    when = (rng.uniform(0.05, 1.0, n_early) ** 0.7 * size_s * RATE_HZ).astype(int)
    for i in when:
        early[:, i] += rng.choice([-1, 1]) * rng.uniform(0.3, 1.0, 2) * (1 - 0.7 * i / (size_s * RATE_HZ + 1))
    early /= np.sqrt(np.sum(np.square(early)) / 2) + 1e-9
    ir = low_pass(tail + rng.uniform(0.3, 1.2) * early, brightness_hz, 1)
    return ir / np.sqrt(np.sum(np.square(ir)) / 2)


def in_room(x: np.ndarray, ir: np.ndarray, wet_db: float) -> np.ndarray:
    """Stereo sound with the room added at wet_db (energy of the room's answer against the direct sound's)."""
    x = x if x.ndim == 2 else np.stack([x, x])
    wet = signal.oaconvolve(x, ir, axes=1)[:, : x.shape[1]]
    return x + 10 ** (wet_db / 20) * wet


def echoed(x: np.ndarray, delay_s: float, feedback: float, wet_db: float, ping_pong: bool = False) -> np.ndarray:
    """Echoes that grow darker; ping-pong swaps the sides."""
    out, tap = x.copy(), x
    gain, step = 10 ** (wet_db / 20), max(1, int(delay_s * RATE_HZ))
    for _ in range(5):
        tap = low_pass(np.concatenate([np.zeros_like(tap[..., :step]), tap[..., :-step]], axis=-1), 5000, 1)
        tap = tap[::-1] if ping_pong and tap.ndim == 2 else tap
        out = out + gain * tap
        gain *= feedback
        if gain < 0.02:
            break
    return out


def read_at(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Values of a mono sound between its samples by cubic (Catmull-Rom) interpolation; silence outside."""
    padded = np.concatenate([np.zeros(2), x, np.zeros(4)])
    p = np.clip(positions, -1, len(x) + 0.99)
    i = np.floor(p).astype(np.intp)
    f = p - i
    a, b, c, d = padded[i + 1], padded[i + 2], padded[i + 3], padded[i + 4]
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def chorused(rng: np.random.Generator, x: np.ndarray, depth_s: float, rate_hz: float, mix: float) -> np.ndarray:
    """Stereo chorus of a mono sound: one moving delay a side."""
    n = np.arange(len(x))
    phase = rng.uniform(0, 2 * np.pi)
    sides = []
    for turn in (0.0, np.pi / 2):
        delay = (0.006 + depth_s * np.sin(2 * np.pi * rate_hz * n / RATE_HZ + phase + turn)) * RATE_HZ
        sides.append((1 - mix) * x + mix * read_at(x, n - delay))
    return np.stack(sides)


def levelled(rng: np.random.Generator, x: np.ndarray, n_samples: int) -> np.ndarray:
    """The finished piece: float32 (channel=2, sample), its sounding parts near -20 dB RMS, no offset, peak at most 0.98."""
    x = x if x.ndim == 2 else np.stack([x, x])
    x = high_pass(x[:, :n_samples], 22.0)
    x = np.pad(x, ((0, 0), (0, n_samples - x.shape[1])))
    whole = x[:, : n_samples // 2205 * 2205]
    power = np.mean(np.square(whole).reshape(2, -1, 2205), axis=(0, 2)) if whole.size else np.mean(np.square(x), keepdims=True)
    active = power[power > 1e-3 * power.max()] if power.max() > 0 else np.ones(1)
    x = x * 10 ** ((-20 + rng.uniform(-2, 2)) / 20) / np.sqrt(active.mean())
    knee = 0.7  # what stands above it is bent towards 0.98, as a limiter would
    over = np.abs(x) > knee
    x[over] = np.sign(x[over]) * (knee + 0.27 * np.tanh((np.abs(x[over]) - knee) / 0.27))
    x[:, -2000:] *= np.linspace(1, 0, min(2000, n_samples))
    return x.astype(np.float32)
