"""What is played: tempo, harmony, tune, words and rhythm of the demo song. Data and look-ups only; nothing here makes a sound.

A song about adding things up, in A major, 100 beats a minute, 24 bars of four beats. Words and music are original.

    bar   0-3 intro   4-11 verse   12-19 chorus   20-22 outro   23 last chord, which rings out
    beat  0           16           48             80            92

Beats count quarter notes from 0. Pitches are MIDI numbers (69 = A4 = 440 Hz). Loudness ("weight") runs from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np

SONG_S = 60.5
# (beat, s): 0.2 s of silence, 0.6 s a beat, a breath of 0.06 s before the chorus, and a ritardando before the final chord.
TEMPO = ((0.0, 0.2), (47.0, 28.4), (48.0, 29.06), (88.0, 53.06), (90.0, 54.32), (92.0, 55.76), (100.0, 61.04))

# All instruments but the drums fall silent here, so that a fill and the singer's pick-up open the chorus.
STOP_BEAT, CHORUS_BEAT, OUTRO_BEAT, LAST_BEAT = 45.5, 48.0, 80.0, 92.0

# Stretches, in beats, in which a stem has nothing to play. What is still heard there is only the room dying away.
RESTS = {
    "vocals": ((0.0, 15.0),),
    "drums": ((0.0, 7.8),),
    "bass": ((0.0, 7.8), (46.5, 47.8)),
    "other": ((46.9, 47.9),),
}


def seconds_at(beat: float) -> float:
    """Beat -> s, along the tempo map (linear between its points)."""
    beats, seconds = zip(*TEMPO, strict=True)
    return float(np.interp(beat, beats, seconds))


def hz_of(pitch: float) -> float:
    """MIDI pitch -> Hz, equal temperament, A4 = 440 Hz."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


@dataclass(frozen=True)
class Chord:
    """Harmony from `beat` for `n_beats`: one bass pitch, and the voicing of the keys, led with the smallest steps."""

    beat: float
    n_beats: float
    bass: int
    keys: tuple[int, ...]


def _chords() -> tuple[Chord, ...]:
    loop = ((33, (56, 59, 61, 64)), (42, (56, 57, 61, 64)), (38, (54, 57, 61, 64)), (40, (54, 57, 59, 62)))  # Amaj9 F#m9 Dmaj9 E9sus
    bars = [(4, *chord) for chord in loop + loop]
    bars += [(4, 33, (56, 59, 61, 64)), (4, 37, (56, 59, 61, 66)), (4, 38, (54, 57, 61, 66))]  # Amaj9 C#m11 Dmaj7
    bars += [(2, 35, (54, 57, 59, 62)), (2, 40, (56, 59, 62, 66))]  # Bm7 E9
    bars += [(4, 38, (57, 61, 64, 66)), (4, 40, (56, 59, 64, 66)), (4, 37, (56, 59, 61, 64)), (4, 42, (57, 61, 64, 68))]  # D E C#m7 F#m9
    bars += [(4, 35, (57, 61, 62, 66)), (2, 40, (57, 59, 62, 66)), (2, 40, (56, 59, 62, 66))]  # Bm9 E9sus E9
    bars += [(4, 33, (57, 59, 61, 64)), (4, 37, (55, 57, 61, 64))]  # Aadd9, A7/C# which leads to D
    bars += [(4, 38, (54, 57, 61, 64)), (4, 38, (53, 57, 59, 62)), (2, 40, (52, 57, 61, 64)), (2, 40, (54, 57, 59, 62))]  # D Dm6 A/E E9sus
    bars += [(4, 33, (57, 59, 61, 64, 69))]  # Aadd9
    chords, beat = [], 0.0
    for n_beats, bass, keys in bars:
        chords.append(Chord(beat, n_beats, bass, keys))
        beat += n_beats
    return tuple(chords)


CHORDS = _chords()


@dataclass(frozen=True)
class Sung:
    """One sung note. `sounds` are its phonemes (see `voice`), "+" holds the vowel before; `third` is the second voice's pitch."""

    beat: float
    n_beats: float
    pitch: int
    sounds: str
    third: int = 0


def _line(first_beat: float, *notes: tuple) -> tuple[Sung, ...]:
    return tuple(Sung(first_beat + note[0], *note[1:]) for note in notes)


# Morning came in layers, light upon the floor, every colour leaving through the open door.
VERSE = (
    _line(16, (0.5, 0.5, 57, "m AO"), (1, 0.5, 59, "n IH ng"), (1.5, 1, 61, "k EY m"), (2.5, 0.5, 59, "IH n"),
          (3, 1.5, 64, "l EY"), (4.5, 1.6, 61, "y ER z")),
    _line(24, (0.5, 0.5, 61, "l AY t"), (1, 0.5, 61, "AH"), (1.5, 1, 59, "p AO n"), (2.5, 0.5, 57, "dh AH"),
          (3, 1, 57, "f l AO"), (4, 2.1, 59, "+ r")),
    _line(32, (0.5, 0.5, 57, "EH v"), (1, 0.5, 59, "r IY"), (1.5, 1, 61, "k AH"), (2.5, 0.5, 64, "l ER"),
          (3, 1.5, 66, "l IY"), (4.5, 1.7, 64, "v IH ng")),
    _line(40, (0.5, 0.5, 61, "th r UW"), (1, 0.5, 61, "dh IY"), (1.5, 1, 64, "OW"), (2.5, 0.5, 61, "p AH n"),
          (3, 1, 62, "d AO"), (4, 0.5, 61, "+"), (4.5, 1.3, 59, "+ r")),
)
# (and we) Fall, fall into one, every road that we run. Add it all, and the sum is the song we begun.
CHORUS = (
    _line(48, (-1, 0.5, 61, "AE n"), (-0.5, 0.5, 64, "w IY"), (0, 1.5, 69, "f AO l", 66), (1.5, 1.5, 66, "f AO l", 62),
          (3, 0.5, 64, "IH n", 61), (3.5, 0.5, 66, "t UW", 62), (4, 2.4, 68, "w AH n", 64)),
    _line(48, (7, 0.5, 64, "EH v", 61), (7.5, 0.5, 66, "r IY", 62), (8, 1.5, 68, "r OW d", 64), (9.5, 0.5, 66, "dh AE t", 61),
          (10, 1.5, 64, "w IY", 61), (11.5, 1.5, 69, "r AH", 66), (13, 0.5, 68, "+", 64), (13.5, 1.6, 66, "+ n", 61)),
    _line(64, (0, 1, 66, "AE d", 62), (1, 0.5, 66, "IH t", 62), (1.5, 1.5, 69, "AO l", 66), (3, 0.5, 66, "AE n", 62),
          (3.5, 0.5, 69, "dh AH", 66), (4, 2.4, 71, "s AH m", 66)),
    _line(64, (7, 0.5, 66, "IH z", 62), (7.5, 0.5, 68, "dh AH", 64), (8, 1.5, 69, "s AO ng", 64), (9.5, 0.5, 64, "w IY", 61),
          (10, 1, 64, "b IY", 61), (11, 3.4, 61, "g AH n", 57)),
)
# Fall, fall into one ... into one.
OUTRO = (
    _line(80, (0, 1.5, 66, "f AO l"), (1.5, 1.5, 64, "f AO l"), (3, 0.5, 62, "IH n"), (3.5, 0.5, 64, "t UW"),
          (4, 1.5, 65, "w AH"), (5.5, 1.7, 64, "+ n")),
    _line(88, (2, 1, 61, "IH n"), (3, 1, 59, "t UW"), (4, 2.9, 57, "w AH n")),
)

# The vibraphone's hook opens the song, answers the singer and comes back before the end: (beat, pitch, weight).
HOOK = (
    (0.5, 76, 0.8), (1, 73, 0.6), (1.5, 71, 0.7), (2.5, 73, 0.8), (4.5, 76, 0.7), (5, 80, 0.7), (5.5, 78, 0.8), (6.5, 76, 0.6),
    (8.5, 76, 0.8), (9, 73, 0.6), (9.5, 69, 0.7), (10.5, 71, 0.7), (11.5, 73, 0.6), (12, 71, 0.8), (13.5, 69, 0.5), (14, 66, 0.7),
    (22.5, 73, 0.45), (23, 76, 0.5), (30.5, 69, 0.45), (31, 71, 0.5), (31.5, 74, 0.45), (38.5, 76, 0.5), (39, 80, 0.5),
    (53.5, 76, 0.6), (54, 80, 0.65), (54.5, 78, 0.6), (61.5, 73, 0.55), (62, 76, 0.6), (62.5, 80, 0.6), (63, 81, 0.65),
    (69.5, 78, 0.6), (70, 80, 0.6), (70.5, 83, 0.7), (76, 76, 0.6), (76.5, 73, 0.5), (77, 79, 0.65), (78, 76, 0.6), (79, 73, 0.6),
    (84.5, 77, 0.55), (85, 74, 0.5), (86, 71, 0.5), (92.5, 76, 0.6), (93, 73, 0.5), (93.5, 71, 0.5), (94.5, 81, 0.4),
)

# Drums, one bar each: 16 sixteenths, "." is a rest, a digit is the weight in ninths, "o" an opened hi-hat.
_SILENT = {"hat": "................"}
_COUNT = {"hat": "3.2.4.2.3.2.4.22"}
_ENTRY = {"hat": "4.3.5.3.4.......", "kick": "..............6.", "snare": "..........3.5.68", "tom": "........6.7....."}
_VERSE_A = {"hat": "6.3.7.3.6.3.7.33", "kick": "9.........7.....", "stick": "....8.......8..."}
_VERSE_B = {"hat": "6.3.7.323.6.7.o.", "kick": "9......4..7...5.", "stick": "....8.......8..3"}
_STOP = {"hat": "6.3.7...........", "kick": "9.....8.........", "stick": "....8...........",
         "tom": "...........7.78.", "snare": "........57.5...9"}
_CHORUS_A = {"hat": "7.4.8.4.7.4.8.o.", "kick": "9.....7.8.......", "snare": "....9..2.2..9...", "shaker": "5243524352435243"}
_CHORUS_B = {"hat": "7.4.8.4.7.4.8.4.", "kick": "9.....7.8.....6.", "snare": "....9..2.2..9..3", "shaker": "5243524352435243"}
_TURN = {"hat": "7.4.8.4.7.......", "kick": "9.....7.8.......", "snare": "....9.....57.68.",
         "tom": "...........5.7.8", "shaker": "52435243........"}
_SOFT = {"hat": "5.2.6.2.5.2.6.2.", "kick": "8.........6.....", "stick": "....7.......7..."}
_CLOSE = {"hat": "4...4...3.......", "kick": "7..............."}
_END = {"kick": "8..............."}
BARS = (
    [_SILENT, _SILENT, _COUNT, _ENTRY] + [_VERSE_A, _VERSE_B] * 3 + [_VERSE_A, _STOP]
    + [_CHORUS_A, _CHORUS_B, _CHORUS_A, _TURN, _CHORUS_A, _CHORUS_B, _CHORUS_A, _TURN] + [_SOFT, _SOFT, _CLOSE, _END]
)
CRASHES = ((16.0, 0.45), (48.0, 1.0), (64.0, 0.8), (80.0, 0.7), (92.0, 0.6))


def drum_hits() -> list[tuple[float, str, float]]:
    """All strokes as (beat, drum, weight 0..1), in the order of the bars."""
    hits = []
    for bar, patterns in enumerate(BARS):
        for drum, steps in patterns.items():
            for step, mark in enumerate(steps):
                if mark == "o":
                    hits.append((4 * bar + step / 4, "open_hat", 0.7))
                elif mark != ".":
                    hits.append((4 * bar + step / 4, drum, int(mark) / 9))
    return hits + [(beat, "crash", weight) for beat, weight in CRASHES]


def _neighbour(pitch: int, way: int) -> int:
    """The next step of A major below (-1) or above (1) a pitch."""
    return pitch + way if (pitch + way) % 12 in (1, 2, 4, 6, 8, 9, 11) else pitch + 2 * way


def bass_notes() -> list[tuple[float, float, int, float]]:
    """The bass line as (beat, n_beats, pitch, weight): sparse with approach notes in the verse, driving eighths in the chorus."""
    notes = []
    for chord, after in zip(CHORDS, CHORDS[1:] + CHORDS[-1:], strict=True):
        beat, root = chord.beat, chord.bass
        if beat < 8 or STOP_BEAT <= beat < CHORUS_BEAT:
            continue
        towards = _neighbour(after.bass, -1 if after.bass > root else 1)
        if beat >= LAST_BEAT:
            notes.append((beat, 5.0, root, 0.8))
        elif beat < CHORUS_BEAT or beat >= OUTRO_BEAT:
            if chord.n_beats == 2:
                notes.append((beat, 1.4, root, 0.8))
            else:
                notes += [(beat, 2.3, root, 0.9), (beat + 2.5, 0.9, root, 0.7), (beat + 3.5, 0.45, towards, 0.6)]
        else:
            eighths = (0, 0, 0, 12, 0, 0, 7, 0)[: int(2 * chord.n_beats)]
            for step, up in enumerate(eighths):
                last = step == len(eighths) - 1
                pitch = towards if last and chord.n_beats == 4 else root + up
                notes.append((beat + step / 2, 0.42 if step % 2 else 0.47, pitch, 0.9 if step in (0, 3) else 0.7))
    return notes
