"""Guitar players: strummed, picked and distorted, six strings that stop one another, doubled left and right."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import signal

from engine.training.synthesis import effects as fx
from engine.training.synthesis.score import RATE_HZ, Chord, Song, hertz, random_song
from engine.training.synthesis.strings import Pluck, bent, laid, plucked, stopped

TUNING = (40, 45, 50, 55, 59, 64)
# Strums of a bar in eighths (and sixteenths): D down, U up, x muted stroke, - nothing.
STRUMS = ("D-DU-UDU", "D-D-D-DU", "DUDUDUDU", "D---D-DU", "D-DUD-DU", "D-------", "D-xUD-xU", "DxxUxUDU", "D-DUxUDUD-DUxUDU", "D---D---")
PICKED = ("0-3-2-4-", "05324352", "02345432", "0-42354-", "03254352", "0--3-4-5", "0-5-4-3-")


@dataclass(frozen=True)
class Stroke:
    """One string sounded: which, when, how long, which note, how hard, muted by the palm or the left hand."""

    string: int
    start_s: float
    length_s: float
    midi: int
    velocity: float
    muted: bool = False


def shape(chord: Chord, position: int, power: bool = False) -> list[int | None]:
    """MIDI note of every string (None: not played) for a chord near a fret; power chords are root, fifth and octave."""
    tones = [(chord.root + i) % 12 for i in (chord.intervals if not power else (0, 7))]
    notes: list[int | None] = []
    started = False
    for string, open_note in enumerate(TUNING):
        frets = [0, *range(position, position + 4)] if position < 2 else range(position, position + 4)
        options = [open_note + fret for fret in frets if (open_note + fret) % 12 in tones]
        if not started and (power or string < 2):
            options = [o for o in options if o % 12 == chord.root % 12]  # the root is lowest, where the hand can reach it
        started = started or bool(options)
        notes.append(options[0] if options else None)
    if power:
        first = next((i for i, note in enumerate(notes) if note is not None), 0)
        notes = [note if first <= i < first + 3 else None for i, note in enumerate(notes)]
    return notes


def strummed(rng: np.random.Generator, song: Song, position: int) -> list[Stroke]:
    """Chords strummed down and up through the song, the hand never quite even."""
    out: list[Stroke] = []
    patterns = {e: str(rng.choice(STRUMS)) for e in set(song.energies)}
    spread, loose = rng.uniform(0.004, 0.022), rng.uniform(0.003, 0.012)
    for bar, chord in enumerate(song.chords):
        notes, pattern = shape(chord, position), patterns[song.energies[bar]]
        for i, stroke in enumerate(pattern):
            beat = i * 4 / len(pattern)
            if stroke == "-" or beat >= song.beats or rng.random() < 0.04:
                continue
            strings = [s for s in range(6) if notes[s] is not None]
            strings = strings if stroke in "Dx" else strings[::-1][: int(rng.integers(2, 6))]
            strings = strings[int(rng.integers(0, 2)) * (i > 0) :]
            start, pace = song.at(bar, beat) + rng.normal(0, loose), spread * rng.uniform(0.6, 1.4)
            force = np.clip((0.5 + 0.4 * song.energies[bar]) * (1.1 if beat % 2 == 0 else 0.85) + rng.normal(0, 0.08), 0.15, 1.0)
            for j, s in enumerate(strings):
                note = notes[s]
                assert note is not None
                when = start + pace * j * rng.uniform(0.7, 1.3)
                out.append(Stroke(s, when, 0.05 if stroke == "x" else 9.0, note, float(force * rng.uniform(0.7, 1.0)), stroke == "x"))
    return out


def arpeggios(rng: np.random.Generator, song: Song, position: int) -> list[Stroke]:
    """Broken chords in eighths or sixteenths, the thumb on the lowest string."""
    out: list[Stroke] = []
    pattern, step = str(rng.choice(PICKED)), 0.25 if song.bpm < 95 and rng.random() < 0.6 else 0.5
    for bar, chord in enumerate(song.chords):
        notes = [(s, m) for s, m in enumerate(shape(chord, position)) if m is not None]
        for i in range(int(song.beats / step)):
            finger = pattern[i % len(pattern)]
            if finger == "-" or rng.random() < 0.03:
                continue
            s, m = notes[min(int(finger), len(notes) - 1)]
            force = float(np.clip(0.6 + 0.15 * (i == 0) + rng.normal(0, 0.1), 0.2, 1.0))
            out.append(Stroke(s, song.at(bar, i * step) + rng.normal(0, 0.008), 9.0, m, force))
    return out


def power_chords(rng: np.random.Generator, song: Song) -> list[Stroke]:
    """Fifths: sustained, in eighths, or palm-muted with accents, by section."""
    out: list[Stroke] = []
    ways = {e: rng.choice(["held", "eighths", "chug", "syncopated"]) for e in set(song.energies)}
    for bar, chord in enumerate(song.chords):
        way, notes = ways[song.energies[bar]], shape(chord, 1, power=True)
        hits = {
            "held": [(0.0, False)],
            "eighths": [(b / 2, False) for b in range(8)],
            "chug": [(b / 2, bool(b % 4 not in (0, 3))) for b in range(8)],
            "syncopated": [(0.0, False), (1.5, False), (2.5, True), (3.0, False)],
        }[str(way)]
        for beat, muted in hits:
            if beat >= song.beats:
                continue
            start = song.at(bar, beat) + rng.normal(0, 0.006)
            for s, m in enumerate(notes):
                if m is not None:
                    out.append(Stroke(s, start + 0.003 * s, 9.0, m, float(rng.uniform(0.75, 1.0)), muted))
    return out


def rung(rng: np.random.Generator, strokes: list[Stroke], n_samples: int, how: Pluck, palm_s: float = 0.12) -> np.ndarray:
    """The six strings of one guitar (sample,): a string sounds until it is struck again or stopped."""
    out = np.zeros(n_samples + RATE_HZ)
    known: dict[tuple[int, int, int, bool, int], np.ndarray] = {}
    offsets = rng.normal(0, rng.uniform(0.5, 4), 6)  # cents: nobody is in tune
    for string in range(6):
        own = sorted((s for s in strokes if s.string == string), key=lambda s: s.start_s)
        for i, stroke in enumerate(own):
            layer = int(stroke.velocity * 2.99)
            name = (string, stroke.midi, layer, stroke.muted, int(rng.integers(2)))
            if name not in known:
                wound = string < 3
                one = replace(
                    how,
                    decay_s=(how.decay_s * 2 ** ((45 - stroke.midi) / 24)) if not stroke.muted else palm_s * rng.uniform(0.7, 1.3),
                    damping=how.damping * (1.4 if wound else 0.8) * (3 if stroke.muted else 1),
                    softness_hz=how.softness_hz * (0.55 + 0.25 * layer),
                    pick_at=how.pick_at * rng.uniform(0.85, 1.15),
                    noise=how.noise * rng.uniform(0.5, 1.6),
                    stiffness=how.stiffness * (1.5 if string in (2, 3) else 0.7),
                )
                known[name] = plucked(rng, float(hertz(stroke.midi + offsets[string] / 100)), 0.6 if stroke.muted else 3.2, one)
            room = own[i + 1].start_s - stroke.start_s if i + 1 < len(own) else 9.0
            y = stopped(known[name], max(0.03, min(stroke.length_s, room)), 0.012)
            laid(out, y, stroke.start_s, stroke.velocity**1.4)
    return out


def _body(rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a guitar's box: air and top resonances, then many small ones, over the direct sound."""
    t = np.arange(int(0.12 * RATE_HZ)) / RATE_HZ
    hz = np.concatenate(
        [[rng.uniform(90, 115), rng.uniform(180, 230), rng.uniform(350, 430)], np.exp(rng.uniform(np.log(450), np.log(7000), 50))]
    )
    gains = np.concatenate([rng.uniform(0.5, 1.2, 3), rng.normal(0, 0.5, 50)])
    modes = (
        gains[:, None]
        * hz[:, None]
        / 3000
        * np.exp(-t * np.pi * hz[:, None] / rng.uniform(15, 40, (53, 1)))
        * np.sin(2 * np.pi * hz[:, None] * t)
    )
    ir = modes.sum(axis=0) * rng.uniform(0.05, 0.25)
    ir[0] += 0.6
    return ir


def _cabinet(rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a guitar speaker and its microphone: hump, presence, steep roll-off, and the ripples of paper and box."""
    ir = np.zeros(2048)
    ir[0] = 1.0
    ir = fx.bell(fx.high_pass(ir, rng.uniform(70, 110)), rng.uniform(100, 160), rng.uniform(0, 6), 1.2)
    ir = fx.bell(ir, rng.uniform(350, 700), rng.uniform(-6, 0), 0.9)
    ir = fx.low_pass(fx.bell(ir, rng.uniform(2000, 3500), rng.uniform(3, 9), 1.3), rng.uniform(3800, 6000), 4)
    for _ in range(14):
        ir = fx.bell(ir, np.exp(rng.uniform(np.log(300), np.log(6000))), rng.normal(0, 3), rng.uniform(3, 9))
    return ir


def solo(rng: np.random.Generator, song: Song, n_samples: int, how: Pluck) -> np.ndarray:
    """A lead (sample,): phrases on the scale with rests, bends from a tone or half a tone below, vibrato on long notes."""
    out = np.zeros(n_samples + RATE_HZ)
    scale = song.pitches(57, 84)
    at, spot = song.at(0, float(rng.choice([0, 1, 2]))), int(rng.integers(5, len(scale) - 5))
    beat_s = 60 / song.bpm
    while at < n_samples / RATE_HZ:
        for _ in range(int(rng.integers(3, 12))):
            length = float(rng.choice([0.25, 0.5, 0.5, 1.0, 1.5, 3.0], p=[0.2, 0.25, 0.2, 0.2, 0.1, 0.05])) * beat_s
            spot = int(np.clip(spot + rng.choice([-3, -2, -1, -1, 1, 1, 2, 3]), 0, len(scale) - 1))
            y = stopped(plucked(rng, float(hertz(scale[spot])), max(0.5, length + 0.2), how), length * rng.uniform(0.85, 1.0), 0.03)
            t = np.arange(len(y)) / RATE_HZ
            curve = np.zeros(len(y))
            if length > 0.4 * beat_s and rng.random() < 0.35:
                curve -= float(rng.choice([1, 2])) * np.clip(1 - (t - rng.uniform(0, 0.1)) / rng.uniform(0.08, 0.25), 0, 1)
            if length > 0.3:
                curve += rng.uniform(0.1, 0.4) * np.clip((t - 0.2) / 0.25, 0, 1) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * t)
            laid(out, bent(y, curve), at + rng.normal(0, 0.008), float(rng.uniform(0.6, 1.0)))
            at += length
        at += float(rng.choice([0.5, 1, 2, 4])) * beat_s
    return out


def _electric(rng: np.random.Generator) -> Pluck:
    return Pluck(
        decay_s=rng.uniform(4, 12),
        damping=rng.uniform(0.8, 5),
        stiffness=rng.uniform(0.2e-4, 1.2e-4),
        pick_at=rng.uniform(0.06, 0.25),
        pickup_at=rng.uniform(0.04, 0.25),
        softness_hz=np.exp(rng.uniform(np.log(2000), np.log(8000))),
        noise=rng.uniform(0.005, 0.04),
        detune_cents=rng.uniform(0.2, 1.5),
        glide_cents=rng.uniform(2, 9),
    )


def _amplified(rng: np.random.Generator, x: np.ndarray, way: str) -> np.ndarray:
    """Pickup, pedal, amplifier and speaker."""
    x = fx.low_pass(fx.bell(x, rng.uniform(2200, 4500), rng.uniform(2, 7), 1.5), rng.uniform(4500, 9000))
    drive = {"clean": (0.2, 0.9), "crunch": (2, 7), "lead": (6, 25), "heavy": (15, 80)}[way]
    if way != "clean":
        x = fx.bell(fx.high_pass(x, rng.uniform(100, 250), 1), rng.uniform(600, 1000), rng.uniform(0, 6), 0.7)
    x = fx.driven(x / (np.percentile(np.abs(x), 99.5) + 1e-9), np.exp(rng.uniform(*np.log(drive))), rng.uniform(-0.3, 0.3))
    if way in ("lead", "heavy"):
        x = fx.driven(fx.low_pass(x, rng.uniform(5000, 8000), 1), rng.uniform(1.0, 3.0))
    wide = way == "clean" and rng.random() < 0.4
    return x if wide else signal.oaconvolve(x, _cabinet(rng))[: len(x)]


def electric_guitar(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """An electric guitar part, clean to heavy, rhythm or lead, single, doubled or with an effect; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds)
    way = str(rng.choice(["clean", "crunch", "heavy", "lead"], p=[0.32, 0.25, 0.25, 0.18]))
    position = int(rng.choice([0, 0, 2, 3, 5, 7]))
    palm = rng.uniform(0.1, 0.35)
    doubled = way in ("crunch", "heavy") and rng.random() < 0.75
    if way == "lead":
        takes = [_amplified(rng, solo(rng, song, n, _electric(rng)), way)]
    else:
        if way == "heavy":
            strokes = power_chords(rng, song)
        elif way == "crunch":
            strokes = power_chords(rng, song) if rng.random() < 0.5 else strummed(rng, song, position)
        else:
            strokes = arpeggios(rng, song, position) if rng.random() < 0.5 else strummed(rng, song, position)
        loose = rng.uniform(0.004, 0.012)
        again = [replace(s, start_s=s.start_s + rng.normal(0, loose)) for s in strokes]
        takes = [_amplified(rng, rung(rng, part, n, _electric(rng), palm), way) for part in ([strokes, again] if doubled else [strokes])]
    if doubled:
        width = rng.uniform(0.5, 1.0)
        y = fx.panned(takes[0], -width) + fx.panned(takes[1] * rng.uniform(0.8, 1.25), width)
    elif way == "clean" and rng.random() < 0.45:
        y = fx.chorused(rng, takes[0], rng.uniform(0.0008, 0.003), rng.uniform(0.2, 1.2), rng.uniform(0.3, 0.5))
    else:
        y = fx.panned(takes[0], rng.uniform(-0.6, 0.6))
    if way == "clean" and rng.random() < 0.3:
        t = np.arange(y.shape[1]) / RATE_HZ
        y = y * (1 - rng.uniform(0.2, 0.6) * (0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 8) * t)))
    if way == "lead" or rng.random() < 0.25:
        y = fx.echoed(
            y, 60 / song.bpm * float(rng.choice([0.5, 0.75, 1.0])), rng.uniform(0.2, 0.5), rng.uniform(-18, -8), rng.random() < 0.5
        )
    if way == "clean":
        y = fx.compressed(y, rng.uniform(-14, -3), rng.uniform(1.5, 4))
    y = fx.coloured(rng, y, 3.0)
    y = fx.in_room(y, fx.room(rng, np.exp(rng.uniform(np.log(0.25), np.log(2.2))), rng.uniform(0.01, 0.04), 7000), rng.uniform(-24, -9))
    return fx.levelled(rng, y, n)


def acoustic_guitar(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """An acoustic guitar, steel or nylon, strummed or picked, single or doubled, near microphones; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds, bpm=(66, 150))
    nylon = rng.random() < 0.3
    how = Pluck(
        decay_s=rng.uniform(2.0, 5.0) if not nylon else rng.uniform(1.2, 2.8),
        damping=rng.uniform(1.0, 5.0) * (2.5 if nylon else 1),
        stiffness=rng.uniform(0.2e-4, 1.2e-4),
        pick_at=rng.uniform(0.1, 0.3),
        pickup_at=None,
        softness_hz=np.exp(rng.uniform(np.log(2500), np.log(9000))) * (0.35 if nylon else 1),
        noise=rng.uniform(0.01, 0.08),
        detune_cents=rng.uniform(0.5, 3),
        glide_cents=rng.uniform(0, 5),
    )
    position, capo = int(rng.choice([0, 0, 0, 2, 5])), int(rng.choice([0, 0, 2, 3, 5]))
    strokes = strummed(rng, song, position) if rng.random() < 0.6 else arpeggios(rng, song, position)
    strokes = [replace(s, midi=s.midi + capo) for s in strokes]

    def take(part: list[Stroke]) -> np.ndarray:
        y = rung(rng, part, n, how, 0.06)
        y = y - np.concatenate([[0], y[:-1]]) * rng.uniform(0.4, 0.85)  # the bridge passes on the string's slope
        return signal.oaconvolve(y, _body(rng))[: len(y)]

    kind = rng.random()
    if kind < 0.35:  # two takes
        again = [replace(s, start_s=s.start_s + rng.normal(0, 0.01)) for s in strokes]
        width = rng.uniform(0.4, 1.0)
        y = fx.panned(take(strokes), -width) + fx.panned(take(again), width)
    elif kind < 0.7:  # two microphones
        y = np.stack([fx.coloured(rng, side, 3.0) for side in [take(strokes)] * 2])
        y[1] = np.roll(y[1], int(rng.integers(0, 30)))
    else:
        y = fx.panned(take(strokes), rng.uniform(-0.5, 0.5))
    y = fx.compressed(fx.coloured(rng, fx.high_pass(y, rng.uniform(50, 110)), 3.0), rng.uniform(-12, -2), rng.uniform(1.5, 4))
    y = fx.in_room(y, fx.room(rng, rng.uniform(0.2, 1.6), 0.02, 9000), rng.uniform(-24, -9))
    return fx.levelled(rng, y, n)
