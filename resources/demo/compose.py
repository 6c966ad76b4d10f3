"""The demo song: the score is sung and played, mixed, and written as exact 24-bit stems.

    python -m resources.demo.compose DIR [--stems]

    score -> stems (2, sample) -> each in its room -> one common gain -> integers -> mix = vocals + drums + bass + other, exactly

Everything is synthesised here: no recording is used. The result is the same every time; other machines may differ by an LSB,
where their sine does.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from resources.demo import desk, instruments, score, voice
from resources.demo.desk import RATE_HZ, compressor_gain, filtered, lifted, mixed, n_samples_of, panned, ratio_of, room, with_room
from resources.demo.score import seconds_at

STEMS = ("vocals", "drums", "bass", "other")
FULL_SCALE = 2**23  # 24-bit integers lie in -FULL_SCALE .. FULL_SCALE - 1
PEAK_DB = -1.0  # of the mix, below full scale
N_SAMPLES = n_samples_of(score.SONG_S)
MASTER_DRIVE = 0.5  # level into the limiter: this much gives -14 to -15 LUFS and takes off only the highest peaks
TITLE, ARTIST = "Nullsum Demo Song", "Nullsum"


def compose() -> dict[str, np.ndarray]:
    """The four stems as 24-bit integers: name -> int32 (channel, sample), two channels, 44.1 kHz, `score.SONG_S` long.

    Their sum, as integers, is the mix and never exceeds 24 bits. What the master does is one gain for all four, changing with time:
    a gain common to all terms is a gain of the sum, so the stems remain true parts of the mastered mix.
    """
    stems = {"vocals": _vocals(), "drums": _drums(), "bass": _bass(), "other": _other()}
    stems = {name: desk.faded(filtered(stems[name], "high", 24.0), 0.0, 1.6) for name in STEMS}
    gain = _master_gain(sum(stems.values()))
    return {name: np.rint(stems[name] * gain * FULL_SCALE).astype(np.int32) for name in STEMS}


def mix_of(stems: dict[str, np.ndarray]) -> np.ndarray:
    """The mix: the exact integer sum of the stems, int32 (channel, sample)."""
    return np.sum([stems[name] for name in STEMS], axis=0, dtype=np.int32)


def write_demo(folder: str | Path, stems: bool = False) -> Path:
    """Write `demo-song.flac` (24 bit) into `folder` and return its path; with `stems` also the four beside it in `demo-song-stems/`."""
    made = compose()
    path = Path(folder) / "demo-song.flac"
    _write_flac(path, mix_of(made), TITLE)
    if stems:
        for name in STEMS:
            _write_flac(path.with_name("demo-song-stems") / f"{name}.flac", made[name], f"{TITLE} ({name})")
    return path


def _write_flac(path: Path, samples: np.ndarray, title: str) -> None:
    """24-bit integers (channel, sample) -> FLAC: written beside and renamed, so that the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with soundfile.SoundFile(beside, "w", RATE_HZ, len(samples), "PCM_24", format="FLAC", compression_level=1.0) as file:
            file.title, file.artist, file.comment = title, ARTIST, "Original, synthesised by resources/demo/compose.py"
            file.write(samples.T << 8)  # libsndfile takes the upper 24 of 32 bits
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _vocals() -> np.ndarray:
    """Vocals (2, sample): the lead in the middle; the chorus adds two doubles and a second voice to either side."""
    lead = voice.Singer(seed=100)
    lines = score.VERSE + score.CHORUS + score.OUTRO
    sounds = [voice.sung_line(line, replace(lead, seed=lead.seed + 20 * number)) for number, line in enumerate(lines)]
    backing = []
    for number, line in enumerate(score.CHORUS):
        for seed, late_s, detune, side in ((300, 0.014, 0.07, -0.75), (500, 0.021, -0.06, 0.75)):
            start_s, sound = voice.sung_line(line, voice.Singer(seed + 20 * number, late_s, detune, 0.05, 1.02, 8000.0))
            backing.append((start_s, panned(0.34 * sound, side)))
        second = tuple(replace(note, pitch=note.third) for note in line if note.third)
        for seed, late_s, side in ((700, 0.010, 0.45), (900, 0.018, -0.45)):
            start_s, sound = voice.sung_line(second, voice.Singer(seed + 20 * number, late_s, 0.03, 0.05, 0.97, 8000.0))
            backing.append((start_s, panned(0.27 * sound, side)))
    front = mixed([(start_s, panned(sound, 0.0)) for start_s, sound in sounds], N_SAMPLES)
    front = 1.1 * lifted(front, 2400.0, 9000.0, 3.5)
    front = front * compressor_gain(front, -27.0, 3.0)
    both = front + filtered(mixed(backing, N_SAMPLES), "high", 200.0)
    echo_s = 0.45  # a dotted eighth
    echo = filtered(np.roll(both, n_samples_of(echo_s), axis=1)[::-1], "band", (350.0, 3200.0), 1)
    echo[:, : n_samples_of(echo_s)] = 0.0
    return 2.05 * with_room(both + ratio_of(-21.0) * echo, room(1.7, 0.028, 11), -13.5)


def _drums() -> np.ndarray:
    """Drums (2, sample): a kit heard from the front, in a small room."""
    random = np.random.Generator(np.random.PCG64(21))
    sounds = []
    for number, (beat, drum, weight) in enumerate(score.drum_hits()):
        seed = 10000 + 10 * number
        weight = float(np.clip(weight * random.normal(1.0, 0.06), 0.05, 1.0))
        laid_back_s = 0.004 if drum in ("snare", "stick") else 0.0
        start_s = seconds_at(beat) + laid_back_s + random.normal(0.0, 0.0022 if drum == "kick" else 0.0035)
        if drum == "kick":
            sound, level, side = instruments.kick(weight, seed), 0.62, 0.0
        elif drum == "snare":
            sound, level, side = instruments.snare(weight, seed), 0.50, 0.06
        elif drum == "stick":
            sound, level, side = instruments.stick(weight, seed), 0.34, 0.1
        elif drum == "tom":
            high = beat % 1 < 0.5
            sound, level, side = instruments.tom(weight, seed, 150.0 if high else 104.0), 0.42, -0.25 if high else 0.4
        elif drum == "hat":
            sound, level, side = instruments.cymbal(weight, 31 + number % 4, 0.09, 42.0, 5200.0), 0.115, 0.35
        elif drum == "open_hat":
            sound, level, side = instruments.cymbal(weight, 31, 0.32, 11.0, 5200.0), 0.115, 0.35
        elif drum == "shaker":
            sound, level, side = instruments.shaker(weight, seed), 0.13, -0.45
        else:
            sound, level, side = instruments.cymbal(weight, 41, 2.8, 1.7, 2600.0), 0.10, -0.3
        sounds.append((start_s, panned(level * sound, side)))
    return 1.25 * with_room(mixed(sounds, N_SAMPLES), room(0.55, 0.006, 13, 6500.0), -15.0)


def _bass() -> np.ndarray:
    """Bass (2, sample): in the middle and dry, as low notes should be."""
    random = np.random.Generator(np.random.PCG64(22))
    sounds = []
    for beat, n_beats, pitch, weight in score.bass_notes():
        n_s = seconds_at(beat + n_beats) - seconds_at(beat)
        sound = instruments.bass(pitch, n_s, weight * random.normal(1.0, 0.04))
        sounds.append((seconds_at(beat) + 0.004 + random.normal(0.0, 0.003), panned(sound, 0.0)))
    line = mixed(sounds, N_SAMPLES)
    return 0.9 * line * compressor_gain(line, -16.0, 2.5)


def _other() -> np.ndarray:
    """Other (2, sample): guitar a little left, electric piano swaying right, wide pad, vibraphone by the singer, all in one hall."""
    time_s = np.arange(N_SAMPLES) / RATE_HZ
    sway = 0.32 * np.sin(2 * np.pi * 1.7 * time_s)  # the piano's own slow panning
    piano = filtered(mixed(_keys(), N_SAMPLES) * np.stack([0.85 - sway, 1.15 + sway]), "high", 110.0)
    strings = lifted(mixed(_guitar(), N_SAMPLES) * np.array([[1.1], [0.72]]), 2500.0, 9000.0, 5.0)
    parts = 0.105 * lifted(piano, 900.0, 3000.0, -1.5) + 0.28 * strings
    parts = parts + 0.135 * filtered(mixed(_pads(), N_SAMPLES), "high", 150.0) + 0.29 * mixed(_bells(), N_SAMPLES)
    return 1.5 * with_room(parts, room(1.9, 0.02, 17), -12.5)


def _played_chords() -> list[tuple[score.Chord, float]]:
    """The chords with the beat where each ends: they break off at the stop before the chorus."""
    chords = [chord for chord in score.CHORDS if not score.STOP_BEAT <= chord.beat < score.CHORUS_BEAT]
    ends = [chord.beat + chord.n_beats for chord in chords]
    cut = [score.STOP_BEAT if chord.beat < score.STOP_BEAT < end else end for chord, end in zip(chords, ends, strict=True)]
    return list(zip(chords, cut, strict=True))


def _in_chorus(chord: score.Chord) -> bool:
    return score.CHORUS_BEAT <= chord.beat < score.OUTRO_BEAT


def _keys() -> list[tuple[float, np.ndarray]]:
    """Electric piano, (start in s, (2, n)): from bar 2 a held chord and a soft push after beat 2; in the chorus a syncopated pulse."""
    random = np.random.Generator(np.random.PCG64(23))
    sounds = []
    for chord, end in _played_chords():
        strokes = ((0, 1.4, 0.62), (1.5, 1.4, 0.48), (3, 0.9, 0.55)) if _in_chorus(chord) else ((0, 2.4, 0.5), (2.5, 1.3, 0.36))
        strokes = ((0, 4.0, 0.55),) if chord.beat == score.LAST_BEAT else strokes
        for at, n_beats, weight in strokes:
            beat = chord.beat + at
            if chord.beat < 8 or beat >= end:
                continue
            n_s = seconds_at(min(beat + n_beats, end)) - seconds_at(beat)
            for step, pitch in enumerate(chord.keys):
                top = 1.12 if step == len(chord.keys) - 1 else 1.0  # the upper voice sings out
                sound = instruments.electric_piano(pitch, n_s, top * weight * random.normal(1.0, 0.06))
                sounds.append((seconds_at(beat) + random.normal(0.0, 0.004) + 0.006 * step, panned(sound, 0.0)))
    return sounds


def _guitar() -> list[tuple[float, np.ndarray]]:
    """Guitar, (start in s, (2, n)): chords broken into eighths that ring into one another, two shapes in turn; the last one is strummed."""
    random = np.random.Generator(np.random.PCG64(24))
    sounds = []
    for number, (chord, end) in enumerate(_played_chords()):
        voices = (chord.bass + 12, *chord.keys[:4])
        shape = (0, 2, 3, 4, 2, 3, 1, 3) if number % 2 == 0 else (0, 2, 4, 3, 1, 3, 4, 2)
        eighths = int(2 * (end - chord.beat))
        plucks = [(seconds_at(chord.beat + step / 2), voices[which], 1.25) for step, which in enumerate(shape[:eighths])]
        if chord.beat == score.LAST_BEAT:
            plucks = [(seconds_at(chord.beat) + 0.055 * step, pitch, 4.6) for step, pitch in enumerate((*voices, 73))]
        for step, (start_s, pitch, most_s) in enumerate(plucks):
            weight = (0.85 if step % 4 == 0 else 0.6) * random.normal(1.0, 0.07)
            sound = instruments.guitar(pitch, min(most_s, seconds_at(end + 0.25) - start_s), weight, 1000 + 20 * number + step)
            sounds.append((start_s + random.normal(0.0, 0.005), panned(sound, 0.0)))
    return sounds


def _pads() -> list[tuple[float, np.ndarray]]:
    """Strings from the chorus to the end, (start in s, (2, n)): they come in a little early, as slow sounds must."""
    sounds = []
    for chord, end in _played_chords():
        if chord.beat >= score.CHORUS_BEAT:
            n_s = 1.5 if chord.beat == score.LAST_BEAT else seconds_at(end) - seconds_at(chord.beat)
            level = 1.0 if _in_chorus(chord) else 0.75
            sounds += [(seconds_at(chord.beat) - 0.08, level * instruments.pad(pitch, round(n_s, 3), 50 + pitch)) for pitch in chord.keys]
    return sounds


def _bells() -> list[tuple[float, np.ndarray]]:
    """The vibraphone's hook and answers, (start in s, (2, n))."""
    late_s = np.random.Generator(np.random.PCG64(25)).normal(0.0, 0.005, len(score.HOOK))
    return [
        (seconds_at(beat) + late, panned(instruments.vibraphone(pitch, weight), 0.25 if pitch % 2 else 0.1))
        for late, (beat, pitch, weight) in zip(late_s, score.HOOK, strict=True)
    ]


def _master_gain(mix: np.ndarray) -> np.ndarray:
    """One gain per sample, (sample,), for the whole mix (channel, sample): a little glue, a limiter, and the peak at PEAK_DB."""
    mix = MASTER_DRIVE * mix
    glue = compressor_gain(mix, -18.0, 1.5, 3.0)
    gain = MASTER_DRIVE * glue * desk.limiter_gain(mix * glue, 0.7)
    return gain * ratio_of(PEAK_DB) / np.max(np.abs(mix * gain)) * MASTER_DRIVE


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compose the demo song and write it as 24-bit FLAC.")
    parser.add_argument("folder", type=Path, help="where demo-song.flac goes")
    parser.add_argument("--stems", action="store_true", help="write the four stems too, into demo-song-stems/")
    arguments = parser.parse_args()
    sys.stdout.write(f"{write_demo(arguments.folder, arguments.stems)}\n")


if __name__ == "__main__":
    main()
