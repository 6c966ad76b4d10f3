"""Sounds to learn from: an indexed corpus of single stems and songs, decoded once, mixed at random for ever.

`Corpus` reads INDEX.json (one entry a file: path, role, kind, song, split, weights_ok). `stem_batch` draws the four
stems of one training mix: from one song (true to how parts belong together) or each from anywhere (many more mixes).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

ROLES = ("vocals", "drums", "bass", "other")
RATE_HZ = 44100


@dataclass(frozen=True)
class Clip:
    """One decoded file: int16 samples (sample, channel=2), memory-mapped."""

    role: str
    song: str | None
    samples: np.ndarray


def _decoded(source: Path, cache: Path) -> np.ndarray:
    """The file as an int16 memory map (sample, 2), decoded into the cache folder on first sight."""
    target = cache / (source.parent.name + "--" + source.stem + ".npy")
    if not target.exists():
        samples, rate_hz = sf.read(source, dtype="int16", always_2d=True)
        if rate_hz != RATE_HZ:
            raise ValueError(f"{source} has {rate_hz} Hz; training needs {RATE_HZ} Hz: resample it first")
        if samples.shape[1] == 1:
            samples = np.repeat(samples, 2, axis=1)
        partial = target.with_suffix(".part.npy")
        np.save(partial, samples[:, :2])
        partial.replace(target)
    return np.load(target, mmap_mode="r")


class Corpus:
    """Clips by role and songs by name from a folder with an INDEX.json; only entries whose licence allows weights."""

    def __init__(self, folder: Path, cache: Path, split: str = "train", without_songs: tuple[str, ...] = ()) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        entries = [e for e in json.loads((folder / "INDEX.json").read_text()) if e["split"] == split and e["weights_ok"]]
        entries = [e for e in entries if e.get("song") not in without_songs]
        self.sources = sorted({e["source"] for e in entries})
        clips = [
            Clip(e["role"], e["song"] if e["kind"] == "song-stem" else None, _decoded(folder / e["path"], cache)) for e in entries
        ]
        self.pool = {r: [c for c in clips if c.role == r and c.song is None] for r in ROLES}
        self.song_clips = {r: [c for c in clips if c.role == r and c.song is not None] for r in ROLES}
        names = sorted({c.song for c in clips if c.song})
        self.songs = {n: {c.role: c for c in clips if c.song == n} for n in names}

    def excerpt(self, clip: Clip, start: int, n_samples: int) -> np.ndarray:
        """Samples [start, start + n_samples) as float32 (channel=2, sample), zero beyond the end."""
        part = np.asarray(clip.samples[start : start + n_samples], dtype=np.float32).T / 32768.0
        return np.pad(part, ((0, 0), (0, n_samples - part.shape[1])))

    def random_song(self, rng: np.random.Generator, n_samples: int) -> dict[str, np.ndarray]:
        """The true stems of a random stretch of a random song: role -> (channel=2, sample)."""
        song = self.songs[list(self.songs)[rng.integers(len(self.songs))]]
        longest = max(len(c.samples) for c in song.values())
        start = int(rng.integers(max(1, longest - n_samples)))
        return {role: self.excerpt(c, start, n_samples) for role, c in song.items()}

    def random_stem(self, rng: np.random.Generator, role: str, n_samples: int, song_share: float = 0.4) -> np.ndarray:
        """A random stretch of one role that is not silent, from a song's stem (song_share of the time) or the pool."""
        clips = self.song_clips[role] if self.song_clips[role] and rng.random() < song_share else self.pool[role]
        weights = np.sqrt([len(c.samples) for c in clips])
        part = np.zeros((2, n_samples), dtype=np.float32)
        for _ in range(4):  # songs rest: try a few places before accepting silence
            clip = clips[rng.choice(len(clips), p=weights / weights.sum())]
            part = self.excerpt(clip, int(rng.integers(max(1, len(clip.samples) - n_samples))), n_samples)
            if np.sqrt(np.mean(np.square(part))) > 1e-3:
                break
        return part
