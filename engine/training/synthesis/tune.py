"""What a singer is given: syllables without meaning on a melody, in phrases that come back, over the chords of a song."""

from dataclasses import dataclass, replace

import numpy as np

from engine.training.synthesis.score import Song
from engine.training.synthesis.voice import VOWELS

# "-" is no consonant at all.
ONSETS = tuple("- - h m n l r w j b d g s sh f th z v p t k ch st tr kl br sl fl".split())
CODAS = tuple("- - - - - m n ng l r s t k d v z nd st".split())


@dataclass(frozen=True)
class Syllable:
    """One syllable: second its vowel begins, second it ends, MIDI pitches (more than one: melisma), its sounds, its force 0..1."""

    start_s: float
    end_s: float
    midi: tuple[float, ...]
    onset: str
    vowel: str
    coda: str
    force: float
    last: bool = False


def _word(rng: np.random.Generator, legato: float) -> tuple[str, str, str]:
    onset, coda = str(rng.choice(ONSETS)).strip("-"), str(rng.choice(CODAS)).strip("-")
    vowel = str(rng.choice(list(VOWELS)))
    return ("" if rng.random() < legato else onset), vowel, ("" if rng.random() < legato else coda)


def melody(rng: np.random.Generator, song: Song, seconds: float, low: int, style: str) -> list[Syllable]:
    """Phrases with rests over the song's chords; motifs of rhythm and words come back, as in a verse and its chorus."""
    scale = song.pitches(low, low + int(rng.integers(12, 20)))
    steps = {
        "ballad": ([1.0, 1.5, 2.0, 3.0, 0.5], [0.3, 0.15, 0.25, 0.15, 0.15]),
        "pop": ([0.5, 1.0, 0.25, 1.5, 2.0], [0.5, 0.25, 0.1, 0.1, 0.05]),
        "rap": ([0.25, 0.5, 0.33], [0.6, 0.3, 0.1]),
        "long": ([4.0, 3.0, 2.0, 6.0], [0.4, 0.2, 0.25, 0.15]),
        "melisma": ([1.0, 2.0, 0.5, 3.0], [0.3, 0.3, 0.2, 0.2]),
    }[style]
    legato = {"long": 0.7, "melisma": 0.5}.get(style, 0.0)
    motifs = []
    for _ in range(3):
        target = float(rng.choice([4, 6, 7, 8])) * (1.5 if style == "long" else 1)
        rhythm: list[float] = []
        while sum(rhythm) < target - 1.0:
            rhythm.append(float(rng.choice(steps[0], p=steps[1])))
        contour = np.cumsum(rng.choice([-2, -1, -1, 0, 0, 1, 1, 2, 3, -3], len(rhythm)))
        motifs.append((rhythm, contour - int(np.mean(contour)), [_word(rng, legato) for _ in rhythm], float(rng.choice([0, 0, 0.5, 1.0]))))
    out: list[Syllable] = []
    now = 0.0  # in beats
    late = rng.normal(0.01, 0.015)
    while song.at(0, now) < seconds and now < song.n_bars * song.beats:
        rhythm, contour, words, pickup = motifs[rng.integers(3)]
        beat = now + pickup
        centre = int(rng.integers(len(scale) // 4, max(len(scale) // 4 + 1, 3 * len(scale) // 4)))
        energy = song.energies[int(now // song.beats)]
        fresh = rng.random() < 0.4
        for j, length in enumerate(rhythm):
            spot = int(np.clip(centre + contour[j] + (rng.integers(-1, 2) if fresh else 0), 0, len(scale) - 1))
            pitch = float(scale[spot])
            here = min(int(beat // song.beats), song.n_bars - 1)
            tones = [(song.chords[here].root + i) % 12 for i in song.chords[here].intervals]
            if length >= 1 and rng.random() < 0.7:  # long notes belong to the chord
                pitch = min(scale, key=lambda note: abs(note - pitch) + 50 * (note % 12 not in tones))
            run = [float(pitch)]
            if (style == "melisma" and length >= 1 and rng.random() < 0.6) or (length >= 2 and rng.random() < 0.15):
                for _ in range(int(rng.integers(2, 7))):
                    spot = int(np.clip(spot + rng.choice([-1, -1, 1, 1, 2, -2]), 0, len(scale) - 1))
                    run.append(float(scale[spot]))
            onset, vowel, coda = _word(rng, legato) if fresh and rng.random() < 0.6 else words[j]
            start = song.at(0, beat) + late + rng.normal(0, 0.012)
            end = song.at(0, beat + length * (0.97 if j < len(rhythm) - 1 else rng.uniform(0.7, 1.0)))
            force = float(np.clip(0.25 + 0.5 * energy + 0.02 * (pitch - low - 8) + rng.normal(0, 0.06), 0.05, 1.0))
            if rng.random() > 0.04:
                out.append(Syllable(start, max(end, start + 0.09), tuple(run), onset, vowel, coda, force, j == len(rhythm) - 1))
            beat += length
        half = song.beats / 2  # the next phrase begins on a half bar after a rest that is mostly short
        now = half * np.ceil((beat + rng.uniform(0.2, 1.0)) / half) + song.beats * (rng.random() < 0.12)
    return [s for s in out if s.start_s < seconds - 0.1]


def another_take(
    rng: np.random.Generator, part: list[Syllable], loose_s: float, shift: Song | None = None, steps: int = 0
) -> list[Syllable]:
    """The same words again, a little off in time; with steps, in harmony so many steps of the scale away."""
    out = []
    scale = shift.pitches(20, 110) if shift else np.zeros(0)
    for s in part:
        midi = s.midi
        if shift and steps:
            midi = tuple(float(scale[np.clip(np.argmin(np.abs(scale - m)) + steps, 0, len(scale) - 1)]) for m in midi)
        d = rng.normal(0, loose_s, 2)
        out.append(replace(s, start_s=s.start_s + d[0], end_s=max(s.end_s + d[1], s.start_s + d[0] + 0.08), midi=midi))
    return out
