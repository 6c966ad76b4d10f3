"""A drum kit made of modes and noise: kick, snare, toms, hats, cymbals and small percussion, every kit tuned anew.

Drums are membranes: a few modes at the ratios of a circular skin (N. Fletcher and T. Rossing, The Physics of Musical Instruments, ch. 18),
their pitch falling after the stroke, with the noise of stick, shell and snare wires. Cymbals are thousands of modes, written straight into
the spectrum as lines A / (j (f - f_m) + b), one transform a stroke; their high modes wake late and die early.
"""

from collections.abc import Callable

import numpy as np
from scipy import fft, signal

from engine.training.synthesis import effects as fx
from engine.training.synthesis.score import RATE_HZ

SKIN = np.array([1.0, 1.593, 2.135, 2.295, 2.653, 2.917, 3.156, 3.5, 3.6])
Voice = Callable[[np.random.Generator, float], np.ndarray]  # (rng, velocity 0..1) -> (sample,)


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE_HZ)) / RATE_HZ


def _noise(rng: np.random.Generator, t: np.ndarray, low_hz: float, high_hz: float, decay_s: float, attack_s: float = 0.0005) -> np.ndarray:
    """Band noise with an onset and a decay to 1/e in decay_s."""
    return fx.band_pass(rng.standard_normal(len(t)), low_hz, high_hz) * np.exp(-t / decay_s) * (1 - np.exp(-t / attack_s))


def _membrane(
    rng: np.random.Generator, t: np.ndarray, f0_hz: float, decay_s: float, sweep: float, sweep_s: float, weights: np.ndarray
) -> np.ndarray:
    """Modes of a skin whose tension relaxes after the stroke: pitch starts (1 + sweep) higher."""
    turns = np.cumsum(f0_hz * (1 + sweep * np.exp(-t / sweep_s))) / RATE_HZ
    y = np.zeros(len(t))
    for i, weight in enumerate(weights):
        ratio = SKIN[i] * rng.normal(1, 0.004)
        y += weight * np.sin(2 * np.pi * ratio * turns + 0.3 * i) * np.exp(-t / (decay_s / (1 + 0.9 * i)))
    return y * (1 - np.exp(-t / 0.0006))


def _edge(t: np.ndarray, seconds: float) -> np.ndarray:
    return np.clip((seconds - t) / 0.05, 0, 1)


def kick(rng: np.random.Generator) -> Voice:
    """Bass drum: soft or wooden beater, open or stuffed."""
    f0, decay, sweep, sweep_s = (
        rng.uniform(44, 78),
        np.exp(rng.uniform(np.log(0.03), np.log(0.13))),
        rng.uniform(0.3, 2.5),
        rng.uniform(0.008, 0.04),
    )
    click_hz, click, click_s = rng.uniform(1500, 5000), rng.uniform(0.1, 1.2), rng.uniform(0.0015, 0.006)
    skin, box, box_hz, rattle = rng.uniform(0.05, 0.6, 3), rng.uniform(0.05, 0.5), rng.uniform(120, 420), rng.uniform(0, 0.06)

    def strike(rng: np.random.Generator, velocity: float) -> np.ndarray:
        t = _time(min(1.2, 5 * decay + 0.15))
        y = _membrane(
            rng, t, f0 * rng.normal(1, 0.003), decay, sweep * (0.6 + 0.4 * velocity), sweep_s, np.concatenate([[1.0], skin * velocity])
        )
        y += click * velocity**1.5 * _noise(rng, t, click_hz * 0.5, click_hz * 1.6, click_s)
        y += box * _noise(rng, t, box_hz * 0.7, box_hz * 1.5, 0.04) + rattle * _noise(rng, t, 1500, 7000, 0.09, 0.004)
        return np.tanh(1.3 * y) * velocity * _edge(t, t[-1])

    return strike


def snare(rng: np.random.Generator) -> dict[str, Voice]:
    """Snare drum: centre, rimshot, cross-stick and brush of one and the same drum."""
    f0, decay, tone, wires = rng.uniform(150, 260), rng.uniform(0.02, 0.08), rng.uniform(0.3, 1.0), rng.uniform(0.5, 1.6)
    wire_s, low, high, buzz = rng.uniform(0.05, 0.2), rng.uniform(700, 2200), rng.uniform(4500, 12000), rng.uniform(0.0, 0.5)
    weights = np.concatenate([[1.0, rng.uniform(0.4, 1.0)], rng.uniform(0.05, 0.5, 7)])
    ring_hz, ring, thud = rng.uniform(350, 950), rng.uniform(0, 0.25), rng.uniform(0.3, 1.6)

    def hit(rng: np.random.Generator, velocity: float, rim: float = 0.0) -> np.ndarray:
        t = _time(0.7)
        y = tone * _membrane(rng, t, f0 * rng.normal(1, 0.004), decay, 0.12 * velocity, 0.015, weights * rng.uniform(0.7, 1.3, 9))
        wire = _noise(rng, t, low, high, wire_s * (0.6 + 0.5 * velocity), 0.0015) + buzz * _noise(rng, t, low, high, 2.2 * wire_s, 0.02)
        wire += thud * _noise(rng, t, 250, 1600, 0.6 * wire_s, 0.001)
        wire *= 1 + 0.4 * np.sin(2 * np.pi * f0 * t) * np.exp(-t / 0.05)  # the lower skin throws the wires
        y += wires * (0.5 + 0.5 * velocity) * wire + 0.6 * velocity * _noise(rng, t, 2500, 9000, 0.003, 0.0002)
        y += (ring + rim) * velocity * np.sin(2 * np.pi * ring_hz * t) * np.exp(-t / 0.06)
        y += rim * _noise(rng, t, 1200, 5000, 0.012, 0.0002)
        return np.tanh(y) * velocity * _edge(t, 0.7)

    def cross(rng: np.random.Generator, velocity: float) -> np.ndarray:
        t = _time(0.2)
        y = sum(
            a * np.sin(2 * np.pi * hz * t) * np.exp(-t / d)
            for a, hz, d in ((1, ring_hz * 1.3, 0.012), (0.7, ring_hz * 2.9, 0.007), (0.4, 4100, 0.004))
        )
        return (y + 0.5 * _noise(rng, t, 1000, 6000, 0.006)) * 0.7 * velocity * _edge(t, 0.2)

    def brush(rng: np.random.Generator, velocity: float) -> np.ndarray:
        t = _time(0.5)
        rise = rng.uniform(0.01, 0.15)
        y = _noise(rng, t, 600, 9000, 0.12, rise) * (0.6 if rise > 0.05 else 0.8)
        return (y + 0.3 * _membrane(rng, t, f0, decay, 0.05, 0.02, weights[:3])) * velocity * _edge(t, 0.5)

    return {"snare": hit, "rim": lambda r, v: hit(r, v, 0.5), "cross": cross, "brush": brush}


def tom(rng: np.random.Generator, f0_hz: float) -> Voice:
    """A tom at a pitch."""
    decay, sweep, skin = rng.uniform(0.12, 0.4), rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.6, 5)

    def strike(rng: np.random.Generator, velocity: float) -> np.ndarray:
        t = _time(min(1.5, 4.5 * decay + 0.1))
        y = _membrane(rng, t, f0_hz * rng.normal(1, 0.004), decay, sweep * velocity, 0.05, np.concatenate([[1.0], skin * velocity]))
        y += 0.4 * velocity * _noise(rng, t, 800, 5000, 0.006) + 0.1 * _noise(rng, t, 150, 900, 0.05)
        return np.tanh(1.2 * y) * velocity * _edge(t, t[-1])

    return strike


def _metal(
    rng: np.random.Generator, modes_hz: np.ndarray, gains: np.ndarray, decays_s: np.ndarray, delays_s: np.ndarray, seconds: float
) -> np.ndarray:
    """Sum of decaying modes by their spectral lines (300 bins around each), unit peak."""
    n = fft.next_fast_len(int(seconds * RATE_HZ), real=True)
    step = RATE_HZ / n
    spectrum = np.zeros(n // 2 + 1, dtype=np.complex128)
    reach = 150
    centres = np.clip((modes_hz / step).astype(int), reach, n // 2 - reach)
    bins = centres[:, None] + np.arange(-reach, reach)
    f = bins * step
    phase = np.exp(1j * rng.uniform(0, 2 * np.pi, len(modes_hz)))[:, None]
    lines = (
        gains[:, None]
        * phase
        / (2j * np.pi * (f - modes_hz[:, None]) + 1 / decays_s[:, None])
        * np.exp(-2j * np.pi * f * delays_s[:, None])
    )
    np.add.at(spectrum, bins.ravel(), lines.ravel())
    y = fft.irfft(spectrum, n)
    return y / (np.abs(y).max() + 1e-9)


def cymbal(rng: np.random.Generator, kind: str) -> Voice:
    """Hats (closed, open, foot), ride (bow, bell), crash: one plate, many modes, high ones late and short."""
    low = {"hat": 350, "ride": 250, "crash": 220}[kind] * rng.uniform(0.8, 1.4)
    count = {"hat": 700, "ride": 900, "crash": 1500}[kind]
    modes = np.sort(low + (17500 - low) * rng.random(count) ** 1.25)
    peak_hz, width = rng.uniform(4500, 10500), rng.uniform(0.7, 1.6)
    gains = np.abs(rng.normal(0, 1, count)) * np.exp(-0.5 * (np.log2(modes / peak_hz) / width) ** 2)
    bell = np.array([rng.uniform(500, 1100), rng.uniform(1300, 2600), rng.uniform(2800, 4200)])
    life = {"hat": rng.uniform(0.15, 0.5), "ride": rng.uniform(0.7, 1.8), "crash": rng.uniform(0.5, 1.5)}[kind]
    closed, ping, wash = rng.uniform(0.012, 0.05), rng.uniform(0.2, 0.9), rng.uniform(0.1, 0.6)

    def strike(rng: np.random.Generator, velocity: float, way: str = "") -> np.ndarray:
        whole = {"closed": closed, "foot": closed * 0.7, "open": life}.get(way, life)
        decays = whole * (modes / 1500) ** -0.45 * rng.uniform(0.5, 1.5, count)
        soft = np.exp(-modes / (2500 + 16000 * velocity))
        late = rng.exponential(0.006 if kind == "crash" else 0.0006, count) * (modes > 2000)
        seconds = float(min(4.5, 7 * np.percentile(decays, 95) + 0.1))
        y = _metal(rng, modes, gains * soft * rng.uniform(0.4, 1.6, count), decays, late, seconds)
        t = np.arange(len(y)) / RATE_HZ
        y += wash * 0.6 * _noise(rng, t, peak_hz * 0.6, 15000, whole * 0.5, 0.001)
        if kind == "ride":
            ring = (
                (0.15 + 0.7 * (way == "bell"))
                * np.sin(2 * np.pi * bell[:, None] * t + rng.uniform(0, 6, (3, 1))).sum(axis=0)
                * np.exp(-t / 0.35)
            )
            y = wash * 0.6 * y + ping * (ring * 0.4 + 0.8 * _noise(rng, t, 3000, 12000, 0.012, 0.0002))
        elif way != "foot":
            y += 0.4 * velocity * _noise(rng, t, 3500, 14000, 0.003, 0.0001)
        return fx.high_pass(y, 250) * velocity * _edge(t, t[-1]) * {"hat": 0.45, "ride": 0.45, "crash": 0.6}[kind]

    return strike


def small(rng: np.random.Generator, kind: str) -> Voice:
    """Claps, tambourine, shaker, cowbell-like block."""
    low, high, spread = rng.uniform(700, 1300), rng.uniform(2500, 9000), rng.uniform(0.004, 0.014)
    jingles = rng.uniform(3500, 13000, 24)
    decay, peak = rng.uniform(0.05, 0.2), rng.uniform(4000, 9000)

    def strike(rng: np.random.Generator, velocity: float) -> np.ndarray:
        t = _time(0.5)
        if kind == "clap":
            y = sum(
                np.roll(_noise(rng, t, low, high, 0.006), int(rng.uniform(0, 3 * spread) * RATE_HZ)) for _ in range(int(rng.integers(3, 7)))
            )
            return (y + 0.6 * _noise(rng, t, low, high, decay * 0.6, 0.01)) * 0.6 * velocity * _edge(t, 0.5)
        if kind == "tambourine":
            y = np.zeros(len(t))
            for hz in jingles[rng.integers(24, size=10)]:
                d = rng.uniform(0, 0.02)
                y += np.sin(2 * np.pi * hz * (t - d)) * np.exp(-np.clip(t - d, 0, None) / (decay * rng.uniform(0.3, 1.0))) * (t > d)
            return (0.12 * y + 0.3 * _noise(rng, t, 5000, 14000, 0.03, 0.002)) * velocity * _edge(t, 0.5)
        return _noise(rng, t, peak * 0.7, 15000, 0.035, rng.uniform(0.01, 0.03)) * 0.5 * velocity * _edge(t, 0.5)

    return strike


def hall_of_kit(rng: np.random.Generator) -> np.ndarray:
    """The kit's room as the far microphones hear it, from a dry booth to a stone room."""
    ir = fx.room(rng, np.exp(rng.uniform(np.log(0.18), np.log(1.8))), rng.uniform(0.008, 0.045), rng.uniform(4000, 13000))
    return signal.sosfilt(signal.butter(1, 60, "high", fs=RATE_HZ, output="sos"), ir)
