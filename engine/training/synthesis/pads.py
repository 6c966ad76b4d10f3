"""Sustained company: drawbar organs through a turning horn, and string sections of many bows, playing the chords of a song."""

from itertools import pairwise

import numpy as np
from scipy import signal

from engine.training.synthesis import effects as fx
from engine.training.synthesis.score import RATE_HZ, Song, hertz, random_song

DRAWBARS = np.array([0.5, 1.5, 1, 2, 3, 4, 5, 6, 8])


def _voicings(rng: np.random.Generator, song: Song, low: int) -> list[tuple[float, float, list[int]]]:
    """(start, end, MIDI notes) of every chord, voices moving as little as they can."""
    out: list[tuple[float, float, list[int]]] = []
    before: list[int] = []
    halves = rng.random() < 0.25
    for bar, chord in enumerate(song.chords):
        tones = [(chord.root + i) % 12 for i in chord.intervals]
        centres = before or [low + 4 + 5 * i for i in range(4)]
        notes = sorted({c + min((d for d in range(-6, 7) if (c + d) % 12 in tones), key=abs) for c in centres})
        before = [n + 12 * (n < low) - 12 * (n > low + 26) for n in (notes if len(notes) > 2 else [*notes, notes[-1] + 12])]
        edges = [0, song.beats / 2, song.beats] if halves else [0, song.beats]
        out += [(song.at(bar, a), song.at(bar, b), before) for a, b in pairwise(edges)]
    return out


def organ_pad(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A drawbar organ: nine sines a key, key click, percussion, a rotating speaker, a little drive; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds)
    bars = rng.uniform(0, 1, 9) ** 2 * (rng.random(9) < 0.75)
    bars[2] = rng.uniform(0.5, 1)
    out = np.zeros(n + RATE_HZ)
    legato, click = rng.uniform(0.7, 1.0), rng.uniform(0, 0.05)
    for start, end, notes in _voicings(rng, song, int(rng.integers(48, 60))):
        m = int((end - start) * legato * RATE_HZ)
        a = int(start * RATE_HZ)
        m = min(m, len(out) - a)
        if m < 1000 or rng.random() < 0.05:
            continue
        t = np.arange(m) / RATE_HZ
        phases = (hertz(np.array(notes))[:, None] * DRAWBARS).ravel()
        chord = sum(
            g * np.sin(2 * np.pi * f * t + p)
            for f, g, p in zip(phases, np.tile(bars, len(notes)), rng.uniform(0, 6, len(phases)), strict=True)
            if g > 0.02 and f < 9000
        )
        edge = np.minimum(1, np.minimum(t / 0.004, (t[-1] - t) / 0.012))
        out[a : a + m] += chord * edge + click * fx.high_pass(rng.standard_normal(m), 1000) * np.exp(-t / 0.004)
    y = out[:n] / (np.abs(out).max() + 1e-9)
    y = fx.driven(y, rng.uniform(0.3, 4.0))
    # The horn: pitch and loudness turn, faster or slower.
    t = np.arange(n) / RATE_HZ
    speed = np.interp(t, np.sort(rng.uniform(0, seconds, 4)), rng.choice([0.8, 6.5], 4))
    turn = 2 * np.pi * np.cumsum(speed) / RATE_HZ
    depth = rng.uniform(0, 1)
    sides = [
        fx.read_at(y, np.arange(n) - 12 - 10 * depth * np.sin(turn + p)) * (1 - 0.3 * depth * (1 + np.cos(turn + p)))
        for p in (0, rng.uniform(0.5, 2.5))
    ]
    y = fx.coloured(rng, fx.low_pass(np.stack(sides), rng.uniform(3500, 8000)), 3.0)
    y = fx.in_room(y, fx.room(rng, rng.uniform(0.3, 2.5), 0.03, 6000), rng.uniform(-24, -8))
    return fx.levelled(rng, y, n)


def strings_pad(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A string section: several bowed saws a voice, each with its own vibrato, through bodies, swelling; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds, bpm=(60, 130))
    out = np.zeros((2, n + RATE_HZ))
    players, attack, soft = int(rng.integers(2, 5)), rng.uniform(0.04, 0.35), rng.uniform(2500, 8000)
    for start, end, notes in _voicings(rng, song, int(rng.integers(48, 62))):
        a, m = int(start * RATE_HZ), int((end - start + attack) * RATE_HZ)
        m = min(m, out.shape[1] - a)
        if m < 2000:
            continue
        t = np.arange(m) / RATE_HZ
        edge = np.clip(t / attack, 0, 1) ** 1.5 * np.clip((t[-1] - t) / attack, 0, 1) * (1 + rng.uniform(-0.3, 0.3) * t / t[-1])
        for note in notes:
            for _ in range(players):
                cents = rng.normal(0, 7) + rng.uniform(5, 18) * np.sin(2 * np.pi * rng.uniform(4.6, 6.2) * t + rng.uniform(0, 6))
                step = hertz(note + cents / 100) / RATE_HZ
                phase = np.cumsum(step) + rng.random()
                p = phase - np.floor(phase)
                # The saw as the slope of its square (V. Valimaki 2005, differentiated parabolic wave): fewer aliases.
                saw = np.diff((2 * p - 1) ** 2, prepend=0.0) / (4 * step)
                saw[0] = 0.0
                saw += rng.standard_normal(len(saw)) * 0.03
                out[:, a : a + m] += fx.panned(saw * edge, rng.uniform(-0.8, 0.8))
    y = fx.low_pass(out[:, :n], soft)
    for _ in range(10):
        y = fx.bell(y, np.exp(rng.uniform(np.log(250), np.log(5000))), rng.normal(0, 4), rng.uniform(2, 8))
    y = fx.coloured(rng, signal.sosfilt(signal.butter(1, 150, "high", fs=RATE_HZ, output="sos"), y), 3.0)
    y = fx.in_room(y, fx.room(rng, rng.uniform(0.6, 3.0), 0.05, 8000), rng.uniform(-15, -3))
    return fx.levelled(rng, y, n)
