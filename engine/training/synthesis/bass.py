"""Bass players: fingers, pick, slap, fretless and upright, through a small amplifier, playing lines of rock, pop, funk, folk and jazz."""

from dataclasses import dataclass, replace

import numpy as np

from engine.training.synthesis import effects as fx
from engine.training.synthesis.score import RATE_HZ, Song, hertz, random_song
from engine.training.synthesis.strings import Pluck, bent, laid, plucked, stopped

# One bar of four beats: (beat, length in beats, degree); degrees: r root, o octave, f fifth, t third, s seventh, a approach, g ghost.
PATTERNS: dict[str, tuple[tuple[tuple[float, float, str], ...], ...]] = {
    "eighths": (
        tuple((b / 2, 0.48, "r") for b in range(8)),
        tuple((b / 2, 0.45, d) for b, d in enumerate("rrrrrrfa")),
        tuple((b / 2, 0.3, d) for b, d in enumerate("rrrorrro")),
    ),
    "pop": (
        ((0, 1.4, "r"), (1.5, 0.5, "r"), (2, 1.4, "r"), (3.5, 0.5, "f")),
        ((0, 1.5, "r"), (1.5, 1.5, "f"), (3, 1, "o")),
        ((0, 0.9, "r"), (1.5, 0.5, "r"), (2.5, 0.5, "r"), (3, 0.5, "f"), (3.5, 0.5, "a")),
        ((0, 1.9, "r"), (2, 1.4, "r"), (3.5, 0.5, "a")),
    ),
    "folk": (
        ((0, 1.6, "r"), (2, 1.6, "f")),
        ((0, 0.9, "r"), (1, 0.8, "r"), (2, 0.9, "f"), (3, 0.7, "a")),
        ((0, 1.8, "r"), (2, 1, "f"), (3, 0.9, "t")),
    ),
    "funk": (
        (
            (0, 0.4, "r"),
            (0.75, 0.2, "g"),
            (1, 0.2, "o"),
            (1.5, 0.2, "g"),
            (1.75, 0.3, "r"),
            (2.5, 0.4, "s"),
            (3.25, 0.2, "o"),
            (3.5, 0.3, "f"),
        ),
        ((0, 0.7, "r"), (1.5, 0.2, "o"), (1.75, 0.15, "g"), (2.25, 0.2, "r"), (2.5, 0.2, "s"), (3, 0.2, "g"), (3.5, 0.4, "a")),
        ((0, 0.2, "r"), (0.5, 0.2, "o"), (1, 0.2, "r"), (1.5, 0.2, "o"), (2, 0.2, "r"), (2.5, 0.2, "o"), (3, 0.2, "r"), (3.5, 0.2, "o")),
    ),
    "walking": (
        ((0, 0.95, "r"), (1, 0.95, "t"), (2, 0.95, "f"), (3, 0.95, "a")),
        ((0, 0.95, "r"), (1, 0.95, "f"), (2, 0.9, "o"), (2.66, 0.3, "g"), (3, 0.95, "a")),
        ((0, 0.95, "r"), (1, 0.95, "s"), (2, 0.95, "f"), (3, 0.95, "t")),
    ),
    "sustained": (((0, 3.9, "r"),), ((0, 2.9, "r"), (3, 0.9, "a")), ((0, 1.95, "r"), (2, 1.95, "r"))),
    "rests": (((0, 0.8, "r"), (2.5, 0.5, "r"), (3, 0.5, "f")), ((0, 2.5, "r"),), ((0, 0.4, "r"), (0.5, 0.4, "r"), (1.5, 0.4, "r"))),
}


@dataclass(frozen=True)
class Note:
    """One note of a line: second it starts, seconds it lasts, MIDI pitch, velocity 0..1, ghost (a muffled click), slide in semitones."""

    start_s: float
    length_s: float
    midi: int
    velocity: float
    ghost: bool = False
    slide: int = 0


def bass_line(rng: np.random.Generator, song: Song, low: int = 28) -> list[Note]:
    """A line over the song's chords: a few patterns a style, repeated, with fills, pushes and uneven hands."""
    styles = list(PATTERNS)
    style = str(rng.choice(styles, p=[0.25, 0.2, 0.14, 0.13, 0.1, 0.1, 0.08]))
    other = str(rng.choice(styles))
    tight = rng.uniform(0.003, 0.014)
    late = rng.uniform(-0.008, 0.02)
    top = low + int(rng.integers(14, 22))
    base = low + int(rng.integers(0, 5))
    length = rng.uniform(0.75, 1.05)
    notes: list[Note] = []
    chosen = {e: PATTERNS[other if rng.random() < 0.25 else style] for e in set(song.energies)}
    for bar, chord in enumerate(song.chords):
        family = chosen[song.energies[bar]]
        pattern = family[0 if rng.random() < 0.65 else rng.integers(len(family))]
        root = base + (chord.root - base) % 12
        following = song.chords[min(bar + 1, song.n_bars - 1)].root
        third = chord.intervals[1]
        steps = {"r": 0, "o": 12, "f": 7 if root + 7 < top else -5, "t": third, "s": 10 if root + 10 < top else -2, "g": 0}
        for beat, beats, degree in pattern:
            if beat >= song.beats or rng.random() < 0.03:
                continue
            if degree == "a":
                target = base + (following - base) % 12
                midi = target + int(rng.choice([-1, 1, -2, 2, 7, -5]))
            else:
                midi = root + steps[degree]
            midi = midi - 12 if midi > top else midi + 12 if midi < low - 1 else midi
            start = song.at(bar, beat) + late + rng.normal(0, tight)
            end = song.at(bar, beat + beats * length)
            velocity = float(np.clip(0.55 + 0.3 * song.energies[bar] + (0.12 if beat in (0, 2) else 0) + rng.normal(0, 0.08), 0.2, 1.0))
            slide = int(rng.choice([-2, -1, 2])) if beats > 0.9 and rng.random() < 0.08 else 0
            notes.append(Note(start, max(0.06, end - start), int(midi), velocity, degree == "g" or rng.random() < 0.02, slide))
    return sorted(notes, key=lambda note: note.start_s)


def _player(rng: np.random.Generator) -> tuple[str, Pluck]:
    """A technique and a string, at random."""
    kind = str(rng.choice(["finger", "pick", "slap", "fretless", "muted"], p=[0.42, 0.26, 0.1, 0.1, 0.12]))
    softness = {"finger": (500, 2500), "pick": (1500, 5000), "slap": (2500, 8000), "fretless": (400, 1200), "muted": (250, 800)}[kind]
    decay = {"finger": (4, 12), "pick": (4, 14), "slap": (3, 10), "fretless": (4, 9), "muted": (0.5, 1.4)}[kind]
    return kind, Pluck(
        decay_s=rng.uniform(*decay),
        damping=rng.uniform(2, 12) if rng.random() < 0.6 else rng.uniform(12, 40),  # new or old strings
        stiffness=rng.uniform(0.5e-4, 4e-4),
        pick_at=rng.uniform(0.08, 0.32) if kind != "slap" else rng.uniform(0.2, 0.4),
        pickup_at=rng.uniform(0.06, 0.28),
        softness_hz=np.exp(rng.uniform(*np.log(softness))),
        noise=rng.uniform(0.005, 0.05) * (3 if kind in ("pick", "slap") else 1),
        detune_cents=rng.uniform(0.2, 1.5),
        glide_cents=rng.uniform(1, 10),
    )


def _sung(rng: np.random.Generator, y: np.ndarray, note: Note, fretless: bool) -> np.ndarray:
    """Slides into the note and, without frets, the vibrato of the left hand."""
    t = np.arange(len(y)) / RATE_HZ
    curve = np.zeros(len(y))
    if note.slide or (fretless and rng.random() < 0.5):
        curve += (note.slide or rng.choice([-1.0, -0.5, -2.0])) * np.clip(1 - t / rng.uniform(0.06, 0.16), 0, 1)
    if fretless and note.length_s > 0.4:
        depth = rng.uniform(0.08, 0.25) * np.clip((t - 0.25) / 0.3, 0, 1)
        curve += depth * np.sin(2 * np.pi * rng.uniform(4.0, 6.0) * t)
    return bent(y, curve) if np.any(curve) else y


def played_bass(rng: np.random.Generator, notes: list[Note], n_samples: int, kind: str, how: Pluck) -> np.ndarray:
    """The bare string (sample,): every pitch plucked in a few ways, reused over the piece, one string at a time."""
    out = np.zeros(n_samples + RATE_HZ)
    known: dict[tuple[int, int, int], np.ndarray] = {}
    release = rng.uniform(0.012, 0.05)
    clack = rng.uniform(0.1, 0.5)
    for i, note in enumerate(notes):
        layer = int(note.velocity * 3)
        name = (note.midi, layer, int(rng.integers(2)))
        if name not in known:
            own = replace(
                how,
                softness_hz=how.softness_hz * (0.5 + 0.25 * layer),
                pick_at=how.pick_at * rng.uniform(0.9, 1.1),
                noise=how.noise * rng.uniform(0.5, 1.5),
                decay_s=how.decay_s * 2 ** ((40 - note.midi) / 24),
            )
            known[name] = plucked(rng, float(hertz(note.midi)), min(4.5, max(2.2, note.length_s + 0.3)), own)
        room = notes[i + 1].start_s - note.start_s if i + 1 < len(notes) else 9.0
        y = known[name]
        if note.ghost:
            y = fx.low_pass(y[: int(0.12 * RATE_HZ)], 900) * np.exp(-np.arange(min(len(y), int(0.12 * RATE_HZ))) / RATE_HZ / 0.02)
            laid(out, y, note.start_s, 0.4 * note.velocity)
            continue
        y = stopped(y, max(0.05, min(note.length_s, room)), release)
        y = _sung(rng, y, note, kind == "fretless")
        if kind == "slap":
            knock = rng.standard_normal(900) * np.exp(-np.arange(900) / 130)
            y = y.copy()
            y[: min(900, len(y))] += (clack * fx.band_pass(knock, 1200, 6000))[: len(y)]
            y = np.tanh(1.6 * y)  # the string hits the frets
        laid(out, y, note.start_s, note.velocity**1.3)
        if rng.random() < 0.04:  # a finger moves along the string
            squeak = fx.band_pass(rng.standard_normal(3000) * np.hanning(3000), 700, rng.uniform(1500, 3500))
            laid(out, squeak, note.start_s + note.length_s - 0.05, 0.015)
    return out


def electric_bass(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A bass guitar, mono or nearly so: player, instrument, amplifier and line by chance; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds)
    kind, how = _player(rng)
    notes = bass_line(rng, song, low=28 - (int(rng.integers(1, 6)) if rng.random() < 0.12 else 0))
    dry = played_bass(rng, notes, n, kind, how)
    # Pickup and tone knob, then an amplifier beside the direct sound.
    dry = fx.low_pass(fx.bell(dry, rng.uniform(1800, 4500), rng.uniform(0, 6), 1.2), np.exp(rng.uniform(np.log(1200), np.log(9000))))
    amp = fx.driven(fx.shelf(dry, 180, rng.uniform(-3, 5), high=False), rng.uniform(0.5, 2.0) if rng.random() < 0.8 else rng.uniform(3, 12))
    amp = fx.low_pass(
        fx.bell(fx.high_pass(amp, rng.uniform(30, 60)), rng.uniform(60, 120), rng.uniform(0, 5), 0.9), rng.uniform(2500, 6500), 3
    )
    blend = rng.uniform(0, 1)
    y = blend * dry + (1 - blend) * amp
    y = fx.compressed(y, rng.uniform(-20, -8), rng.uniform(2.5, 8), rng.uniform(0.003, 0.025), rng.uniform(0.08, 0.3))
    y = fx.driven(y / (np.percentile(np.abs(y), 99) + 1e-9), rng.uniform(0.4, 1.6))  # tape or a limiter takes the peaks
    y = fx.coloured(rng, y, 3.0)
    y = fx.shelf(y, rng.uniform(100, 160), rng.uniform(0, 5), high=False)
    style = rng.random()
    if style < 0.12:
        y = fx.chorused(rng, y, 0.001, rng.uniform(0.4, 1.2), rng.uniform(0.15, 0.4))
    elif style < 0.35:
        y = fx.in_room(y, fx.room(rng, rng.uniform(0.15, 0.6), 0.02, 4000), rng.uniform(-26, -14))
    return fx.levelled(rng, y, n)


def upright_bass(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A double bass, plucked: short, soft, woody notes, walking or folk lines, in a small room."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds, bpm=(70, 190))
    how = Pluck(
        decay_s=rng.uniform(1.2, 3.2),
        damping=rng.uniform(6, 25),
        stiffness=rng.uniform(1e-4, 5e-4),
        pick_at=rng.uniform(0.15, 0.3),
        pickup_at=None,
        softness_hz=np.exp(rng.uniform(np.log(250), np.log(900))),
        noise=rng.uniform(0.02, 0.12),
        detune_cents=rng.uniform(1, 5),
        glide_cents=rng.uniform(2, 14),
    )
    y = played_bass(rng, bass_line(rng, song), n, "fretless", how)
    body = y.copy()
    for hz in (rng.uniform(58, 75), rng.uniform(95, 120), rng.uniform(150, 220), rng.uniform(250, 500), rng.uniform(600, 1200)):
        body = fx.bell(body, hz, rng.uniform(-2, 7), rng.uniform(2, 6))
    y = fx.coloured(rng, fx.low_pass(body, rng.uniform(2500, 7000)), 3.0)
    y = fx.compressed(y, rng.uniform(-12, -3), rng.uniform(1.5, 4))
    y = fx.in_room(y, fx.room(rng, rng.uniform(0.2, 0.9), 0.025, 5000), rng.uniform(-22, -8))
    return fx.levelled(rng, y, n)
