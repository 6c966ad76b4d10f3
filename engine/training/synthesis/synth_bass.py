"""Bass synthesisers: sub and 808 lines, plucks, stabs, reeses and frequency modulation, as electronic music and hip-hop have them.

What tells their low notes from a kick drum is that the pitch stays; some begin with a short fall all the same, as many real ones do.
"""

from dataclasses import dataclass

import numpy as np

from engine.training.synthesis import effects as fx
from engine.training.synthesis.bass import Note, bass_line
from engine.training.synthesis.score import RATE_HZ, Song, hertz, random_song
from engine.training.synthesis.strings import laid

MOST_PARTIALS = 40
HIGHEST_HZ = 9000.0
# Sixteenths of a bar on which a line may begin a note: every one a figure of some style.
FIGURES = (
    (0, 4, 8, 12), (2, 6, 10, 14), (0, 6, 12), (0, 3, 6, 10, 12), (0, 8), (0, 10), (0, 3, 8, 11), (2, 4, 6, 10, 12, 14),
    (0, 2, 3, 6, 8, 10, 11, 14), tuple(range(16)), tuple(range(0, 16, 2)), (0,), (0, 7, 10), (3, 6, 11, 14),
)  # fmt: skip


@dataclass(frozen=True)
class Patch:
    """One sound: partials' strengths, and how loudness, brightness and pitch run over a note."""

    partials: np.ndarray  # (partial,) strength of f0, 2 f0, ...
    attack_s: float
    decay_s: float  # to 1/e of the way to the sustained level
    sustain: float  # 0: a pluck
    release_s: float
    cutoff_hz: float  # the filter where it comes to rest
    sweep_octaves: float  # that it starts above (or below) it
    sweep_s: float
    slope: float  # of the filter: 2 is 12 dB an octave
    resonance: float
    drop_semitones: float  # the pitch starts so much higher
    drop_s: float
    wobble_hz: float  # of the filter; 0: none
    detune: float  # semitones between two oscillators; 0: one
    index: float  # of frequency modulation; 0: none
    ratio: float


def random_patch(rng: np.random.Generator) -> Patch:
    """A sound of one of the kinds, everything else by chance."""
    kind = str(rng.choice(["sub", "boom", "pluck", "saw", "square", "reese", "fm"], p=[0.22, 0.3, 0.12, 0.12, 0.08, 0.08, 0.08]))
    k = np.arange(1, MOST_PARTIALS + 1)
    saw, square = 1.0 / k, (k % 2) / k
    sine = (k == 1) + rng.uniform(0, 0.15) * (k == 2) + rng.uniform(0, 0.08) * (k == 3)
    triangle = (k % 2) / k**2.0
    blend = rng.random()
    soft = blend * sine + (1 - blend) * triangle
    pluck = soft if rng.random() < 0.5 else blend * sine + (1 - blend) * saw
    shapes = {"sub": soft, "boom": soft, "pluck": pluck, "saw": saw, "square": square, "reese": saw, "fm": sine}
    sustained = rng.random() < {"sub": 0.55, "pluck": 0.0, "reese": 1.0}.get(kind, 0.5)
    low, boom = kind in ("sub", "pluck") and rng.random() < 0.6, kind == "boom"  # a boom: a drum machine's kick drum, held and tuned
    return Patch(
        partials=shapes[kind] + (rng.uniform(0, 1) * sine if kind not in ("sub", "boom") else 0),
        attack_s=rng.uniform(0.0005, 0.006) if boom or rng.random() < 0.7 else rng.uniform(0.01, 0.06),
        decay_s=rng.uniform(0.3, 1.5) if boom else np.exp(rng.uniform(np.log(0.06), np.log(0.9))),
        sustain=rng.uniform(0.3, 1.0) if sustained else 0.0,
        release_s=rng.uniform(0.008, 0.12),
        cutoff_hz=np.exp(rng.uniform(np.log(60), np.log(250))) if low else np.exp(rng.uniform(np.log(120), np.log(2500))),
        sweep_octaves=rng.uniform(0, 4) if rng.random() < 0.7 else rng.uniform(-2, 0),
        sweep_s=np.exp(rng.uniform(np.log(0.02), np.log(0.5))),
        slope=float(rng.choice([2.0, 4.0])),
        resonance=rng.uniform(0, 1.5) if rng.random() < 0.5 else 0.0,
        drop_semitones=rng.uniform(24, 46) if boom else rng.uniform(3, 24) if rng.random() < 0.2 else 0.0,
        drop_s=rng.uniform(0.012, 0.045) if boom else rng.uniform(0.004, 0.025),
        wobble_hz=rng.uniform(1.0, 9.0) if kind in ("reese", "saw") and rng.random() < 0.3 else 0.0,
        detune=rng.uniform(0.04, 0.35) if kind == "reese" else rng.uniform(0, 0.06) if rng.random() < 0.3 else 0.0,
        index=rng.uniform(0.5, 5.0) if kind == "fm" else 0.0,
        ratio=float(rng.choice([0.5, 1.0, 2.0, 3.0])),
    )


def tone(patch: Patch, semitones: np.ndarray, held_s: float) -> np.ndarray:
    """One note: MIDI pitch by sample (sample,), the key held so long -> float64 (sample,).

    Every partial is a sine of its own under the filter's gain at its frequency, so nothing aliases (but far sidebands of modulation).
    """
    n = len(semitones)
    t = np.arange(n) / RATE_HZ
    coarse = np.arange(0, n + 63, 64) / RATE_HZ  # the filter moves in steps of 64 samples joined by lines
    f = hertz(semitones + patch.drop_semitones * np.exp(-t / patch.drop_s))
    cutoff = patch.cutoff_hz * 2.0 ** (patch.sweep_octaves * np.exp(-coarse / patch.sweep_s))
    if patch.wobble_hz:
        cutoff = cutoff * 2.0 ** (1.2 * np.sin(2 * np.pi * patch.wobble_hz * coarse))
    out = np.zeros(n)
    for turn in (2.0 ** (patch.detune / 24), 2.0 ** (-patch.detune / 24)) if patch.detune else (1.0,):
        phase = 2 * np.pi * np.cumsum(f * turn) / RATE_HZ + (turn - 1.0) * 40.0
        if patch.index:
            phase = phase + patch.index * np.exp(-t / (2 * patch.decay_s)) * np.sin(patch.ratio * phase)
        for k, strength in enumerate(patch.partials, start=1):
            hz = k * f[::64]
            if strength < 1e-3 or hz.min() > HIGHEST_HZ:
                continue
            x = hz / cutoff[: len(hz)]
            gain = (hz < HIGHEST_HZ) * (1 + patch.resonance * np.exp(-4 * np.square(np.log2(x)))) / np.sqrt(1 + x ** (2 * patch.slope))
            out += strength * np.interp(t, coarse[: len(hz)], gain) * np.sin(k * phase)
    loud = np.minimum(1.0, t / patch.attack_s) * (patch.sustain + (1 - patch.sustain) * np.exp(-t / patch.decay_s))
    return out * loud * np.where(t < held_s, 1.0, np.exp(-np.maximum(t - held_s, 0) / patch.release_s))


def sequenced(rng: np.random.Generator, song: Song, low: int) -> list[Note]:
    """A line as a step sequencer plays it: a figure of sixteenths on the chords' tones, repeated, every fourth bar another."""
    main, fill = (FIGURES[rng.integers(len(FIGURES))] for _ in range(2))
    jump = [str(d) for d in rng.choice(list("rrroof5t"), 16)]  # degrees as in engine.training.synthesis.bass; 5: the fifth below
    moves, gate = rng.random() < 0.5, rng.uniform(0.3, 1.0)
    out: list[Note] = []
    for bar, chord in enumerate(song.chords):
        figure = [s for s in (fill if bar % 4 == 3 else main) if s < 4 * song.beats]
        root = low + (chord.root - low) % 12
        steps = {"r": 0, "o": 12, "f": 7, "5": -5, "t": chord.intervals[1]}
        for step, following in zip(figure, [*figure[1:], 4 * song.beats], strict=True):
            start, end = song.at(bar, step / 4), song.at(bar, step / 4 + gate * (following - step) / 4)
            slide = int(rng.choice([-12, -5, 7, 12])) if rng.random() < 0.04 else 0
            out.append(Note(start, max(0.05, end - start), root + (steps[jump[step]] if moves else 0), rng.uniform(0.8, 1.0), slide=slide))
    return out


def played(patch: Patch, notes: list[Note], n: int) -> np.ndarray:
    """The notes by one voice, a note ends where the next begins: float64 (sample,) of n, about 1 at most."""
    out = np.zeros(n + 2 * RATE_HZ)
    known: dict[tuple[int, int, int], np.ndarray] = {}
    for i, note in enumerate(notes):
        room = notes[i + 1].start_s - note.start_s if i + 1 < len(notes) else 4.0
        held = min(note.length_s, room, 5.0)
        name = (note.midi, note.slide, int(held * 50))
        if name not in known:
            length = int((held + min(4 * patch.release_s, 0.3)) * RATE_HZ)
            slid = note.slide * np.clip(1 - np.arange(length) / RATE_HZ / min(0.12, held), 0, 1)  # into the note
            y = tone(patch, note.midi + slid, held)
            y[-64:] *= np.linspace(1, 0, min(64, length))
            known[name] = y
        laid(out, known[name], note.start_s, 0.3 if note.ghost else note.velocity)
    return np.asarray(out[:n] / (np.percentile(np.abs(out), 99.5) + 1e-9))


def pumped(rng: np.random.Generator, y: np.ndarray, song: Song) -> np.ndarray:
    """Pushed down on every beat of the song, as by a kick drum in a compressor's side chain: (sample,) -> (sample,)."""
    bar, beat = np.divmod(np.arange(song.n_bars * song.beats), song.beats)
    beats = np.array([song.at(int(a), float(b)) for a, b in zip(bar, beat, strict=True)])
    t = np.arange(len(y)) / RATE_HZ
    since = t - beats[np.clip(np.searchsorted(beats, t) - 1, 0, None)]
    return np.asarray(y * (1 - rng.uniform(0.4, 1.0) * np.exp(-np.clip(since, 0, None) / rng.uniform(0.05, 0.2))))


def synth_bass(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A synthesised bass, low end in the middle: patch, line and treatment by chance; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds, bpm=(70, 176), waltz=0.03)
    low = int(rng.integers(24, 37))
    patch = random_patch(rng)
    notes = sequenced(rng, song, low) if rng.random() < 0.65 else bass_line(rng, song, low)
    if rng.random() < 0.15:  # half the notes rest
        notes = [note for note in notes if rng.random() < 0.5]
    y = played(patch, notes, n)
    chance = rng.random()
    if chance < 0.45:
        y = fx.driven(y, rng.uniform(0.5, 2.0) if chance < 0.3 else rng.uniform(3, 10), rng.uniform(0, 0.3))
    if rng.random() < 0.25:
        y = pumped(rng, y, song)
    if rng.random() < 0.3:  # wide above, narrow below
        cut = rng.uniform(150, 400)
        y = fx.low_pass(y, cut) + fx.chorused(rng, fx.high_pass(y, cut), rng.uniform(0.001, 0.004), rng.uniform(0.2, 2.0), 0.5)
    if rng.random() < 0.3:
        y = fx.compressed(y, rng.uniform(-15, -5), rng.uniform(2, 6))
    return fx.levelled(rng, fx.coloured(rng, y, 2.5) if rng.random() < 0.7 else y, n)
