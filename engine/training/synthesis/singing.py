"""Songs to be sung: syllables and melodies turned into gestures of a voice; solo, doubled, in harmony, spoken, in a room."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from engine.training.synthesis import effects as fx
from engine.training.synthesis.score import RATE_HZ, Song, hertz, random_song
from engine.training.synthesis.tune import Syllable, another_take, melody
from engine.training.synthesis.voice import CONTROL_HZ, NOISE_NAMES, NOISES, SONORANTS, VOWELS, Gesture, Singer, random_singer, spoken

CLUSTERS = {"st": ("s", "t"), "tr": ("t", "r"), "kl": ("k", "l"), "br": ("b", "r"), "sl": ("s", "l"), "fl": ("f", "l"), "nd": ("n", "d")}
GLIDES = {"e": "I", "o": "U", "a": "I", "A": "U", "O": "I"}  # diphthongs
LENGTHS = {"h": 0.06, "s": 0.11, "sh": 0.11, "f": 0.09, "th": 0.07, "z": 0.08, "v": 0.06, "p": 0.07, "t": 0.07, "k": 0.08, "ch": 0.1}


def _smooth(x: np.ndarray, seconds: float) -> np.ndarray:
    size = max(1, round(seconds * CONTROL_HZ))
    return ndimage.uniform_filter1d(ndimage.uniform_filter1d(x, size, axis=0, mode="nearest"), size, axis=0, mode="nearest")


def _pitch_curve(rng: np.random.Generator, part: list[Syllable], n: int, style: str, habits: dict[str, float]) -> np.ndarray:
    """MIDI pitch (frame,): portamento, scoops, falls, vibrato that waits, and the drift of a living voice."""
    t = np.arange(n) / CONTROL_HZ
    notes = np.full(n, part[0].midi[0] if part else 60.0)
    ornament = np.zeros(n)
    for k, s in enumerate(part):
        a, b = int((s.start_s - 0.03) * CONTROL_HZ), int((part[k + 1].start_s - 0.03) * CONTROL_HZ) if k + 1 < len(part) else n
        a = max(0, a)
        if style == "rap":
            notes[a:b] = s.midi[0]
        else:
            each = min(0.16, (s.end_s - s.start_s) / (len(s.midi) + 1))
            first = s.end_s - s.start_s - each * (len(s.midi) - 1)
            first = first if rng.random() < 0.5 else each
            for r, m in enumerate(s.midi):
                notes[max(0, a + int((first + each * (r - 1)) * CONTROL_HZ) if r else a) : b] = m
        own = slice(a, min(n, int(s.end_s * CONTROL_HZ)))
        local = t[own] - s.start_s
        long = s.end_s - s.start_s
        if style == "rap":
            ornament[own] += rng.normal(0, 1.5) + rng.uniform(-6, 3) * local / max(long, 0.1)
            continue
        if rng.random() < habits["scoop"]:
            ornament[own] -= rng.uniform(0.4, 2.5) * np.exp(-np.clip(local + 0.03, 0, None) / rng.uniform(0.03, 0.09))
        if s.last and rng.random() < habits["fall"]:
            ornament[own] -= rng.uniform(1, 5) * np.clip((local - long + 0.2) / 0.2, 0, 1) ** 2
        if long > 0.35 and rng.random() < habits["vibrato_share"]:
            depth = (
                habits["depth"]
                * rng.uniform(0.6, 1.3)
                * np.clip((local - habits["wait"]) / 0.35, 0, 1)
                * np.clip((long - local) / 0.1, 0, 1)
            )
            rate = habits["rate"] * (1 + 0.06 * _smooth(rng.standard_normal(len(local)), 0.3)) if len(local) else local
            ornament[own] += depth * np.sin(2 * np.pi * np.cumsum(np.broadcast_to(rate, local.shape)) / CONTROL_HZ + rng.uniform(0, 1))
    drift = _smooth(rng.standard_normal(n), 0.15)
    drift = drift / (drift.std() + 1e-9) * habits["drift"]
    flutter = _smooth(rng.standard_normal(n), 0.02)
    flutter = flutter / (flutter.std() + 1e-9) * 0.05
    return _smooth(notes, habits["glide"]) + _smooth(ornament, 0.008) + drift + flutter


def _sounds(onset: str, coda: str) -> tuple[list[str], list[str]]:
    return [s for s in CLUSTERS.get(onset, (onset,)) if s], [s for s in CLUSTERS.get(coda, (coda,)) if s]


def gesture_of(rng: np.random.Generator, part: list[Syllable], seconds: float, style: str, habits: dict[str, float]) -> Gesture:
    """Curves for a singer from syllables: consonants stand before the beat, vowels on it; breaths are taken in the rests."""
    n = int(seconds * CONTROL_HZ) + 2
    formants = np.tile(np.array(VOWELS["@"], dtype=np.float64), (n, 1))
    voicing, effort, breath, widening = np.zeros(n), np.full(n, 0.4), np.zeros(n), np.ones(n)
    noise = np.zeros((n, len(NOISE_NAMES)))

    def cut(a: float, b: float) -> slice:
        return slice(int(np.clip(a * CONTROL_HZ, 0, n)), int(np.clip(b * CONTROL_HZ, 0, n)))

    def consonant(name: str, a: float, b: float, force: float) -> None:
        where = cut(a, b)
        if name == "h":
            breath[where], voicing[where] = 0.03 + 0.06 * force, 0.0
        elif name in SONORANTS:
            *place, level, wide = SONORANTS[name]
            formants[where], voicing[where], widening[where] = place, force * 10 ** (level / 20), wide
            if name in "bdg":
                noise[cut(b - 0.012, b), NOISE_NAMES.index({"b": "p", "d": "t", "g": "k"}[name])] = 0.1 * force
        else:
            voiced = NOISES[name][3]
            voicing[where] = 0.12 * force if voiced else 0.0
            column, loud = NOISE_NAMES.index(name), habits["sibilants"] * (0.4 + 0.6 * force)
            if name in "ptk":
                noise[cut(b - 0.035, b - 0.02), column] = loud
                breath[cut(b - 0.025, b + 0.01)] = 0.05 * force
            else:
                noise[where, column] = loud

    for k, s in enumerate(part):
        onset, coda = _sounds(s.onset, s.coda)
        pace = min(1.0, 0.5 + (s.end_s - s.start_s)) * habits["diction"]
        previous = part[k - 1].end_s if k else -9.0
        before = min(sum(LENGTHS.get(c, 0.06) for c in onset) * pace, max(0.05, s.start_s - previous + 0.09))
        after = min(sum(LENGTHS.get(c, 0.07) for c in coda) * pace, 0.4 * (s.end_s - s.start_s))
        a, b = s.start_s, s.end_s - after
        here = cut(a, b)
        length = max(1, here.stop - here.start)
        x = np.linspace(0, 1, length)[: here.stop - here.start]
        target = np.array(VOWELS[s.vowel]) * (1 + rng.normal(0, 0.03, 3))
        target = target + habits["neutral"] * (np.array(VOWELS["@"]) - target)
        formants[here] = target
        if s.vowel in GLIDES and rng.random() < 0.4:
            turn = here.start + int(length * rng.uniform(0.5, 0.85))
            formants[turn : here.stop] = VOWELS[GLIDES[s.vowel]]
        swell = 1 + rng.uniform(-0.3, 0.5) * (x - 0.5) - 0.35 * np.clip((x - 0.8) / 0.2, 0, 1) * s.last
        voicing[here] = (0.25 + 0.75 * s.force) * swell
        effort[cut(a - before, s.end_s)] = s.force + habits["effort"]
        widening[here] = 1.0
        at = a - before
        for c in onset:
            size = before / len(onset)
            consonant(c, at, at + size, s.force)
            at += size
        at = b
        for c in coda:
            consonant(c, at, at + after / len(coda), 0.7 * s.force)
            at += after / len(coda)
        rest = (part[k + 1].start_s if k + 1 < len(part) else seconds) - s.end_s
        if s.last and rest > 0.5 and rng.random() < habits["breaths"]:
            stop = s.end_s + rest - 0.12
            inhale = cut(stop - rng.uniform(0.2, min(0.45, rest - 0.1)), stop)
            breath[inhale] = np.exp(rng.uniform(np.log(0.002), np.log(0.025))) * np.linspace(0.1, 1, inhale.stop - inhale.start) ** 1.5
            formants[inhale], widening[inhale] = (650, 1600, 2600), 2.0
    wander = _smooth(rng.standard_normal((n, 3)), 0.12)  # the mouth never stands still
    formants *= 1 + 0.035 * wander / (wander.std() + 1e-9)
    tremor = _smooth(rng.standard_normal(n), 0.05)
    midi = _pitch_curve(rng, part, n, style, habits)
    shake = 1 + habits["depth"] * 0.15 * np.sin(2 * np.pi * np.arange(n) / CONTROL_HZ * habits["rate"])
    return Gesture(
        f0_hz=np.clip(hertz(midi), 50, 1400),
        voicing=_smooth(voicing, 0.018) * (1 + 0.06 * tremor / (tremor.std() + 1e-9)) * shake,
        effort=np.clip(_smooth(effort, 0.06), 0, 1.1),
        breath=_smooth(breath, 0.012),
        formants_hz=_smooth(formants, habits["slur"]),
        widening=_smooth(widening, 0.02),
        noise=_smooth(noise, 0.006),
    )


def _habits(rng: np.random.Generator, style: str) -> dict[str, float]:
    return {
        "scoop": rng.uniform(0, 0.5), "fall": rng.uniform(0, 0.4), "vibrato_share": rng.uniform(0.3, 1.0), "depth": rng.uniform(0.15, 0.9),
        "wait": rng.uniform(0.0, 0.4), "rate": rng.uniform(4.3, 6.8), "drift": rng.uniform(0.08, 0.3), "glide": rng.uniform(0.02, 0.07),
        "sibilants": np.exp(rng.uniform(np.log(0.02), np.log(0.1))), "diction": rng.uniform(0.7, 1.2), "neutral": rng.uniform(0, 0.35),
        "breaths": rng.uniform(0, 1),
        "effort": rng.uniform(-0.15, 0.25), "slur": rng.uniform(0.015, 0.035) if style == "rap" else rng.uniform(0.02, 0.05),
    }  # fmt: skip


def _produced(rng: np.random.Generator, y: np.ndarray, song: Song) -> np.ndarray:
    """Microphone, compressor, echo and room of a vocal (channel=2, sample)."""
    y = fx.high_pass(y, rng.uniform(60, 130))
    if rng.random() < 0.5:
        y = fx.shelf(y, rng.uniform(6000, 10000), rng.uniform(0, 5), high=True)
    y = fx.compressed(fx.coloured(rng, y, 3.0), rng.uniform(-18, -4), rng.uniform(2, 6), rng.uniform(0.002, 0.02), rng.uniform(0.06, 0.25))
    if rng.random() < 0.15:
        y = fx.driven(y / (np.abs(y).max() + 1e-9), rng.uniform(1.5, 8))
    kind = rng.random()
    if kind < 0.2:
        y = fx.echoed(y, rng.uniform(0.07, 0.16), 0.2, rng.uniform(-18, -8))
    elif kind < 0.4:
        y = fx.echoed(y, 60 / song.bpm * float(rng.choice([0.5, 0.75, 1.0])), rng.uniform(0.2, 0.5), rng.uniform(-22, -11), True)
    decay = np.exp(rng.uniform(np.log(0.3), np.log(3.2)))
    return fx.in_room(y, fx.room(rng, decay, rng.uniform(0.01, 0.05), rng.uniform(3500, 11000)), rng.uniform(-28, -9))


def singing(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A vocal track: a singer or a few, a style, words without meaning, a production; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    style = str(rng.choice(["pop", "ballad", "long", "melisma", "rap"], p=[0.35, 0.27, 0.14, 0.14, 0.1]))
    song = song or random_song(rng, seconds, bpm=(64, 140))
    high = bool(rng.random() < 0.5)
    low = int(rng.integers(52, 63)) if high else int(rng.integers(40, 52))
    part = melody(rng, song, seconds, low, style)
    lead, habits = random_singer(rng, high), _habits(rng, style)
    kind = str(rng.choice(["solo", "double", "harmony", "choir"], p=[0.62, 0.14, 0.16, 0.08]))

    def sung(singer: Singer, syllables: list[Syllable], ways: dict[str, float]) -> np.ndarray:
        return spoken(rng, singer, gesture_of(rng, syllables, seconds, style, ways), n)

    y = fx.panned(sung(lead, part, habits), 0.0 if rng.random() < 0.8 else rng.uniform(-0.4, 0.4))
    if kind == "double":
        width = rng.uniform(0, 0.9)
        y = rng.uniform(0.4, 1.0) * y + fx.panned(sung(lead, another_take(rng, part, 0.015), habits), width)
        if rng.random() < 0.5:
            y += fx.panned(sung(lead, another_take(rng, part, 0.015), habits), -width)
    elif kind == "harmony":
        for steps, pan in ((2, 0.6), (-3, -0.6), (4, 0.3))[: int(rng.integers(1, 3))]:
            other = replace(lead, tilt_hz=lead.tilt_hz * 0.8) if rng.random() < 0.5 else random_singer(rng, high)
            y += fx.panned(sung(other, another_take(rng, part, 0.012, song, steps), habits), pan) * rng.uniform(0.35, 0.9)
    elif kind == "choir":
        for i in range(int(rng.integers(2, 5))):
            other, ways = random_singer(rng, high), _habits(rng, style)
            y += fx.panned(
                sung(other, another_take(rng, part, 0.02, song, int(rng.choice([0, 0, 2, -3]))), ways), (-1) ** i * rng.uniform(0.2, 1)
            )
    return fx.levelled(rng, _produced(rng, y, song), n)
