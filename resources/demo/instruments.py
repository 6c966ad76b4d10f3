"""The band: drums, bass, guitar, electric piano, pad and vibraphone. Pitch and weight in, sound out, full scale about 1.

Tuned things are sums of dying partials (`ringing`), which cannot alias; drums add shaped noise. Mono is (sample,).
"""

import functools

import numpy as np

from resources.demo.desk import RATE_HZ, faded, filtered, n_samples_of, noise
from resources.demo.score import hz_of

TOP_HZ = 13000.0  # partials above are left out


def ringing(hz: np.ndarray, weights: np.ndarray, per_s: np.ndarray, seconds: float) -> np.ndarray:
    """Sum of sines (partial,) that start at phase 0 and die as exp(-per_s t): mono (sample,).

    exp(a (256 j + m)) = exp(256 a j) exp(a m), so one matrix product of (block, partial) by (partial, 256) does it all.
    """
    kept = hz < TOP_HZ
    pole = (-per_s[kept] + 2j * np.pi * hz[kept]) / RATE_HZ
    n_samples = n_samples_of(seconds)
    coarse = np.exp(np.outer(np.arange(-(-n_samples // 256)) * 256, pole)) * weights[kept]
    fine = np.exp(np.outer(pole, np.arange(256)))
    return (coarse @ fine).imag.ravel()[:n_samples]


def _decay(seconds: float, per_s: float) -> np.ndarray:
    return np.exp(-per_s * np.arange(n_samples_of(seconds)) / RATE_HZ)


@functools.cache
def string(pitch: int, seconds: float, bright: float, per_s: float, pluck: float = 0.18) -> np.ndarray:
    """A plucked string: partial k has sin(pi k pluck) / k, is a little sharp from stiffness, and dies the sooner the higher it is."""
    f0_hz = hz_of(pitch)
    k = np.arange(1, 61)
    hz = k * f0_hz * np.sqrt(1 + 6e-5 * k**2)
    weights = np.sin(np.pi * k * pluck) / k * np.exp(-hz / (900 + 4200 * bright))
    per_s_k = per_s * (f0_hz / 220.0) ** 0.4 * (1 + (hz / 1500.0) ** 1.1)
    return faded(ringing(hz, weights, per_s_k, seconds), 0.0015, 0.045)


def guitar(pitch: int, n_s: float, weight: float, seed: int) -> np.ndarray:
    """One note of an acoustic guitar: two polarisations of a string a cent apart, the body's low glow, and the plectrum."""
    bright = round(0.35 + 0.5 * weight, 1)
    seconds = round(n_s, 2)
    tone = string(pitch, seconds, bright, 1.5) + 0.5 * string(pitch + 0.015, seconds, bright, 3.5, 0.31)
    tone = tone + 0.35 * filtered(tone, "band", (160.0, 320.0), 1)
    pick = filtered(noise(seed, n_samples_of(0.02)), "band", (1800.0, 5200.0)) * _decay(0.02, 260.0)
    tone[: pick.size] += 0.10 * pick
    return 0.5 * weight * tone


def bass(pitch: int, n_s: float, weight: float) -> np.ndarray:
    """A finger-played electric bass: round, with a soft edge that saturates a little; most of it lies below 250 Hz."""
    tone = string(pitch, round(n_s, 2), 0.02, 2.4, 0.27)
    tone = np.tanh(0.9 * weight * tone)
    return filtered(faded(filtered(tone, "low", 420.0, 1), 0.006, 0.05), "low", 1400.0)


def electric_piano(pitch: int, n_s: float, weight: float) -> np.ndarray:
    """A tine piano by frequency modulation (Chowning 1973): the 1:1 pair is the bar, a fast-dying 1:14 pair the hammer on the tine."""
    time_s = np.arange(n_samples_of(n_s + 0.25)) / RATE_HZ
    f0_hz = hz_of(pitch)
    theta = 2 * np.pi * f0_hz * time_s
    bark = (0.35 + 1.1 * weight) * np.exp(-time_s * 2.6) + 0.12
    tine_hz = min(14 * f0_hz, 6200.0)
    tine = 0.22 * weight * np.exp(-time_s * 22.0) * np.sin(2 * np.pi * tine_hz * time_s)
    tone = np.sin(theta + bark * np.sin(theta)) * np.exp(-time_s * 0.85) + np.sin(theta + tine) * 0.6 * np.exp(-time_s * 3.0)
    return 0.4 * weight * faded(tone, 0.003, 0.22)


def vibraphone(pitch: int, weight: float) -> np.ndarray:
    """A vibraphone bar, partials 1 : 3.98 : 9.9, softly struck, with the slow tremolo of its motor."""
    f0_hz = hz_of(pitch)
    tone = ringing(f0_hz * np.array([1.0, 3.98, 9.9]), np.array([1.0, 0.22 * weight, 0.10 * weight]), np.array([2.0, 7.0, 26.0]), 2.2)
    tremolo = 1 - 0.22 * (0.5 + 0.5 * np.sin(2 * np.pi * 4.6 * np.arange(tone.size) / RATE_HZ))
    return 0.5 * weight * faded(tone * tremolo, 0.002, 0.4)


@functools.cache
def pad(pitch: int, n_s: float, seed: int) -> np.ndarray:
    """A soft string pad (2, sample): per side three slightly detuned tones whose upper partials arrive later than the lower ones."""
    random = np.random.Generator(np.random.PCG64(seed))
    seconds = n_s + 0.9
    n_samples = n_samples_of(seconds)
    time_s = np.arange(n_samples) / RATE_HZ
    k = np.arange(1, 13)
    sides = []
    for _ in range(2):
        cents = np.array([[-7.0], [0.5], [8.0]]) + random.uniform(-2, 2, (3, 1))
        hz = k * hz_of(pitch + cents / 100)  # (tone, partial)
        weights = k**-1.25 * np.exp(-hz / 2100.0) * random.choice([-1.0, 1.0], hz.shape)
        low, high = (ringing(hz[:, p].ravel(), weights[:, p].ravel(), np.zeros(hz[:, p].size), seconds) for p in (slice(3), slice(3, 12)))
        sides.append(low + high * np.minimum(1, time_s / max(0.7 * n_s, 0.1)))
    return 0.1 * faded(np.stack(sides), 0.35, 0.85)


def kick(weight: float, seed: int) -> np.ndarray:
    """A bass drum: a sine that falls from 190 to 52 Hz, its beater's click, a trace of skin noise."""
    time_s = np.arange(n_samples_of(0.42)) / RATE_HZ
    theta = 2 * np.pi * (52.0 * time_s + 100 / 38.0 * (1 - np.exp(-38.0 * time_s)) + 45 / 260.0 * (1 - np.exp(-260.0 * time_s)))
    body = np.sin(theta) * np.exp(-8.5 * time_s)
    click = filtered(noise(seed, time_s.size), "band", (1400.0, 4800.0)) * np.exp(-320.0 * time_s)
    return weight * faded(np.tanh(1.5 * body) + 0.35 * weight * click, 0.0008, 0.08)


def snare(weight: float, seed: int) -> np.ndarray:
    """A snare drum: two modes of the skin, bending down, and the rattle of the wires, brighter the harder it is hit."""
    time_s = np.arange(n_samples_of(0.34)) / RATE_HZ
    bend = 1.2 * (1 - np.exp(-90.0 * time_s))
    skin = np.sin(2 * np.pi * 188 * time_s + bend) * np.exp(-21.0 * time_s)
    skin = skin + 0.55 * np.sin(2 * np.pi * 331 * time_s + bend) * np.exp(-30.0 * time_s)
    hiss = noise(seed, time_s.size)
    wires = filtered(hiss, "band", (1100.0, 7600.0), 1) * (np.exp(-15.0 * time_s) + 0.7 * np.exp(-75.0 * time_s))
    return weight * faded(np.tanh(0.75 * skin + (0.3 + 0.42 * weight) * wires), 0.0006, 0.08)


def stick(weight: float, seed: int) -> np.ndarray:
    """A cross-stick on the rim: short wooden knocks."""
    rng = np.random.Generator(np.random.PCG64(seed))
    hz = np.array([430.0, 960.0, 1720.0, 2650.0, 4100.0]) * rng.uniform(0.985, 1.015, 5)
    tone = ringing(hz, np.array([0.35, 0.7, 0.9, 0.45, 0.2]), np.array([45.0, 60.0, 75.0, 110.0, 160.0]), 0.12)
    return 0.6 * weight * faded(tone, 0.0005, 0.03)


def tom(weight: float, seed: int, hz: float) -> np.ndarray:
    """A tom: a sine that bends down to `hz`, an upper mode, and a soft stroke."""
    time_s = np.arange(n_samples_of(0.55)) / RATE_HZ
    theta = 2 * np.pi * hz * time_s + 2 * np.pi * hz * 0.45 / 24.0 * (1 - np.exp(-24.0 * time_s))
    stroke = filtered(noise(seed, time_s.size), "band", (700.0, 3500.0)) * np.exp(-110.0 * time_s)
    skin = np.sin(theta) * np.exp(-7.5 * time_s) + 0.3 * np.sin(1.58 * theta) * np.exp(-16.0 * time_s)
    return weight * faded(skin + 0.3 * stroke, 0.001, 0.1)


def cymbal(weight: float, seed: int, seconds: float, per_s: float, low_hz: float) -> np.ndarray:
    """Metal: a hundred and sixty inharmonic partials and noise above `low_hz`; hi-hats are short, a crash rings and darkens."""
    rng = np.random.Generator(np.random.PCG64(seed))
    hz = low_hz * (12000.0 / low_hz) ** rng.uniform(0.0, 1.0, 160)
    tone = ringing(hz, rng.uniform(-0.13, 0.13, 160), per_s * (0.55 + 0.5 * hz / 6000.0), seconds)
    hiss = noise(seed + 1, tone.size) * _decay(seconds, 1.5 * per_s)
    sound = filtered(filtered(tone + 0.6 * hiss, "high", low_hz, 3), "low", 11500.0 - 2500.0 * (1 - weight), 3)
    return weight * faded(sound, 0.001, 0.3 * seconds)


def shaker(weight: float, seed: int) -> np.ndarray:
    """A shaker's stroke: noise that swells and falls within 70 ms."""
    length = n_samples_of(0.075)
    return weight * filtered(noise(seed, length), "band", (4200.0, 8800.0)) * np.sin(np.pi * np.linspace(0, 1, length) ** 0.6) ** 2
