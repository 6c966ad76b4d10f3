"""What is played: a random song's tempo, key, chords and sections, and the drifting clock of the people who play it."""

from dataclasses import dataclass

import numpy as np

RATE_HZ = 44100
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
# Degrees of one chord a bar; common loops of rock, pop and folk.
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 3, 4, 4), (0, 5, 3, 4), (0, 0, 3, 0, 4, 3, 0, 4), (5, 3, 0, 4), (0, 3, 0, 4), (0, 2, 3, 4), (1, 4, 0, 0)),
    "minor": ((0, 5, 2, 6), (0, 6, 5, 6), (0, 3, 0, 4), (0, 2, 6, 3), (0, 5, 3, 4), (0, 0, 5, 6), (0, 6, 5, 4)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 0, 6, 3), (0, 4, 6, 3)),
    "dorian": ((0, 3, 0, 3), (0, 0, 3, 3), (0, 6, 3, 0), (0, 2, 3, 0)),
}


@dataclass(frozen=True)
class Chord:
    """A chord: pitch class of its root, its intervals above the root in semitones."""

    root: int
    intervals: tuple[int, ...]


@dataclass(frozen=True)
class Song:
    """Tempo, key and chords by bar, with a clock that is human: `times` holds the second of every beat, drifting."""

    bpm: float
    key: int
    scale: tuple[int, ...]
    beats: int
    swing: float
    chords: tuple[Chord, ...]
    energies: tuple[float, ...]
    times: np.ndarray

    @property
    def n_bars(self) -> int:
        """Bars that begin inside the piece."""
        return len(self.chords)

    def at(self, bar: int, beat: float) -> float:
        """Second of a beat (a fraction of quarters) of a bar; the second eighth of every beat comes late by the swing."""
        whole, part = divmod(beat, 1.0)
        part = part + self.swing * (1 - abs(2 * part - 1)) if self.swing else part
        return float(np.interp(bar * self.beats + whole + part, np.arange(len(self.times)), self.times))

    def pitches(self, low: int, high: int) -> np.ndarray:
        """MIDI notes of the scale from low to high."""
        notes = np.arange(low, high + 1)
        return notes[np.isin((notes - self.key) % 12, self.scale)]


def _chord(rng: np.random.Generator, key: int, scale: tuple[int, ...], degree: int, sevenths: float) -> Chord:
    steps = [scale[(degree + s) % 7] + 12 * ((degree + s) // 7) - scale[degree] for s in (0, 2, 4, 6)]
    kind = rng.random()
    intervals = tuple(steps) if kind < sevenths else (0, 5 if rng.random() < 0.5 else 2, 7) if kind > 0.95 else tuple(steps[:3])
    return Chord((key + scale[degree]) % 12, intervals)


def random_song(rng: np.random.Generator, seconds: float, bpm: tuple[float, float] = (68, 168), waltz: float = 0.1) -> Song:
    """A song of sections of 4 to 8 bars, each with its loop of chords and its energy 0..1, long enough for the seconds."""
    tempo = float(rng.uniform(*bpm))
    name = str(rng.choice(list(SCALES), p=[0.45, 0.3, 0.15, 0.1]))
    scale, key, beats = SCALES[name], int(rng.integers(12)), 3 if rng.random() < waltz else 4
    n_bars = int(np.ceil(seconds * tempo / 60 / beats)) + 1
    sevenths = float(rng.choice([0.0, 0.15, 0.6]))
    chords: list[Chord] = []
    energies: list[float] = []
    loops = [[_chord(rng, key, scale, d, sevenths) for d in PROGRESSIONS[name][rng.integers(len(PROGRESSIONS[name]))]] for _ in range(2)]
    while len(chords) < n_bars:
        loop, length, energy = loops[rng.integers(2)], int(rng.choice([4, 8])), float(rng.uniform(0.25, 1.0))
        chords += [loop[b % len(loop)] for b in range(length)]
        energies += [energy] * length
    n_beats = (n_bars + 1) * beats + 1
    drift = np.cumsum(rng.normal(0, rng.uniform(0, 0.002), n_beats))
    times = np.concatenate([[0.0], np.cumsum(60 / tempo * (1 + drift - np.linspace(0, 1, n_beats) * drift[-1]))])
    swing = float(rng.uniform(0.05, 0.17)) if rng.random() < 0.25 else 0.0
    return Song(tempo, key, scale, beats, swing, tuple(chords[:n_bars]), tuple(energies[:n_bars]), times + rng.uniform(0, 0.4))


def hertz(midi: float | np.ndarray) -> np.ndarray:
    """Frequency of MIDI notes (69 is 440 Hz)."""
    return 440.0 * 2.0 ** ((np.asarray(midi, dtype=np.float64) - 69) / 12)
