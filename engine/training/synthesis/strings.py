"""The plucked string: a lossy, stiff loop with pick and pickup, solved in the frequency domain, one transform a note.

A string is a delay line closed upon itself (K. Karplus and A. Strong, Digital Synthesis of Plucked-String and Drum Timbres, 1983;
D. Jaffe and J. Smith, Extensions, 1983): Y = E / (1 - g(f) e^(-j 2 pi k(f))), with k(f) the (fractional) number of the partial at f. The
closed form allows exact pitch, any loss g(f) and stiffness f_k = k f0 sqrt(1 + B k^2) (H. Fletcher 1964) at no cost. The loop is solved on
a decaying time axis (times e^-at, undone afterwards), so that what still rings at the end of the transform does not wrap around.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from engine.training.synthesis.effects import read_at
from engine.training.synthesis.score import RATE_HZ


@dataclass(frozen=True)
class Pluck:
    """How a string is made, struck and heard; positions are shares of its length from the bridge."""

    decay_s: float = 4.0  # of low partials, to -60 dB
    damping: float = 1.0  # how much faster the high ones go
    stiffness: float = 1e-4
    pick_at: float = 0.15
    pickup_at: float | None = 0.1  # None: the bridge's force (acoustic)
    softness_hz: float = 4000.0  # the finger's or pick's own low-pass
    noise: float = 0.02  # of the contact
    detune_cents: float = 1.0  # between the two directions of swing
    glide_cents: float = 4.0  # a struck string starts sharp


def plucked(rng: np.random.Generator, f0_hz: float, seconds: float, how: Pluck) -> np.ndarray:
    """One note (sample,), about unit peak, ringing freely."""
    n = int(seconds * RATE_HZ)
    size = fft.next_fast_len(n + 64, real=True)
    f = np.arange(int(min(17000.0, 14 * how.softness_hz) / RATE_HZ * size)) * (RATE_HZ / size)  # nothing is left above
    ratio = f / f0_hz
    b = how.stiffness * (f0_hz / 100) ** 1.5
    k = np.sqrt((np.sqrt(1 + 4 * b * ratio * ratio) - 1) / (2 * b))
    alpha = 5.0 / seconds
    loss = 6.91 / how.decay_s * (1 + how.damping * (0.35 * f / 1000 + 0.25 * (f / 1500) ** 2)) / f0_hz
    # Excitation: a step of displacement (1/f in velocity), softened, with a little noise of the contact, combed by where it happens.
    shape = 1 / (1 + 1j * ratio / 0.7) / (1 + (f / how.softness_hz) ** 2)
    burst = rng.standard_normal(int(rng.uniform(0.002, 0.006) * RATE_HZ))
    near = fft.rfft(burst * np.hanning(len(burst)), 16384) / np.sqrt(len(burst))  # smooth in f: a coarse grid will do
    contact = np.interp(f, np.arange(8193) * (RATE_HZ / 16384), near) / (1 + (f / (2.5 * how.softness_hz)) ** 2)
    drive = (shape + how.noise * contact) * (1 - _turned(-(loss + alpha / f0_hz) * how.pick_at, k * how.pick_at))
    if how.pickup_at is not None:
        drive *= 1 - 0.95 * _turned(0.0, k * how.pickup_at)
    total = np.zeros(len(f), dtype=np.complex64)
    for cents, weight, faster in ((0.0, 1.0, 1.0), (how.detune_cents, 0.4, 0.6)):
        total += weight / (1 - _turned(-loss / faster - alpha / f0_hz, k * 2 ** (-cents / 1200)))
    total *= np.clip((f[-1] - f) / (0.25 * f[-1]), 0, 1) ** 2  # a hard edge would ring before the note
    y = fft.irfft(total * drive, size)[:n] * np.exp(alpha / RATE_HZ * np.arange(n))
    # Tension: the note starts sharp by the glide; the whole shift is made an integer, so that only the first second is interpolated.
    shift = round((2 ** (how.glide_cents / 1200) - 1) * 0.12 * RATE_HZ)
    if shift > 0:
        t = np.arange(min(n, RATE_HZ)) / RATE_HZ
        first = read_at(y, RATE_HZ * t + shift * (1 - np.exp(-t / 0.12)))
        y = np.concatenate([first, y[len(first) + shift :]])
    return y / (np.abs(y).max() + 1e-9)


def _turned(logarithm: np.ndarray | float, turns: np.ndarray) -> np.ndarray:
    """exp(logarithm - 2j pi turns) in single precision, the turns reduced before they lose theirs."""
    phase = ((turns % 1.0) * (-2 * np.pi)).astype(np.float32)
    size = np.exp(np.float32(1.0) * np.asarray(logarithm, dtype=np.float32))
    out = np.empty(phase.shape, dtype=np.complex64)
    out.real, out.imag = size * np.cos(phase), size * np.sin(phase)
    return out


def stopped(y: np.ndarray, seconds: float, release_s: float) -> np.ndarray:
    """A note ended by the hand after `seconds`: it fades within the release."""
    n = int(seconds * RATE_HZ)
    tail = int(4 * release_s * RATE_HZ)
    y = y[: n + tail].copy()
    if len(y) > n:
        y[n:] *= np.exp(-np.arange(len(y) - n) / RATE_HZ / release_s) * np.linspace(1, 0, len(y) - n)
    return y


def bent(y: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """The note with its pitch moved by a curve of semitones (sample,), by reading it at a varying pace."""
    return read_at(y, np.cumsum(2.0 ** (semitones / 12)) - 1)


def laid(out: np.ndarray, y: np.ndarray, at_s: float, gain: float) -> None:
    """Add a sound into the piece (in place) at a time; what falls outside is lost."""
    start = int(at_s * RATE_HZ)
    if start < 0:
        y, start = y[-start:], 0
    y = y[: max(0, len(out) - start)]
    out[start : start + len(y)] += gain * y
