"""Sounds to learn from, decoded once and mixed at random for ever: clips by role and songs by name.

What lies where is engine.training.sources' affair. A mix takes its stems from one song (true to how parts belong together) or
each from anywhere (many more mixes); engine.training.augment decides.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from engine.audio import open_mixture
from engine.errors import BadInputError
from engine.samples import to_float
from engine.training.sources import ROLES, Sound, find_sounds, seen

__all__ = ["RATE_HZ", "ROLES", "Clip", "Corpus", "decoded"]
RATE_HZ = 44100
BLOCK = 2**20  # samples decoded at a time


@dataclass(frozen=True)
class Clip:
    """One decoded file: int16 samples (sample, channel=2), memory-mapped."""

    role: str
    song: str | None
    samples: np.ndarray


def decoded(source: Path, cache: Path) -> np.ndarray:
    """The file at 44.1 kHz as an int16 memory map (sample, channel=2), decoded into the cache folder on first sight.

    The copy's name tells path, size and time of change, so that neither a namesake nor a changed file is taken for it.
    """
    found = seen(source)
    tag = hashlib.sha256(f"{source.resolve()} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:12]
    target = cache / f"{source.parent.name}--{source.stem}--{tag}.npy"
    if not target.exists():
        partial = target.with_suffix(f".{os.getpid()}.part.npy")  # several processes may meet the same file
        np.save(partial, _samples_of(source))
        partial.replace(target)
    return np.load(target, mmap_mode="r")


def _samples_of(source: Path) -> np.ndarray:
    """All of a file, resampled to 44.1 kHz: int16 (sample, channel=2); mono becomes two channels, of more the first two are taken."""
    parts = []
    with open_mixture(source) as recording:
        info = recording.info
        resampler = soxr.ResampleStream(info.rate_hz, RATE_HZ, 2, dtype="float32") if info.rate_hz != RATE_HZ else None
        for start in range(0, info.n_samples, BLOCK):
            n = min(BLOCK, info.n_samples - start)
            part = to_float(recording.read(start, n), info.sample_type).astype(np.float32)[:2].T  # (sample, channel)
            part = np.repeat(part, 2, axis=1) if part.shape[1] == 1 else part
            if resampler:
                part = resampler.resample_chunk(np.ascontiguousarray(part), last=start + n == info.n_samples)
            parts.append(np.clip(np.rint(part * 32768.0), -32768, 32767).astype(np.int16))
    return np.ascontiguousarray(np.concatenate(parts))  # both channels of an instant side by side: excerpts are read from one place


def _refuse_unknown(without_songs: Sequence[str], sounds: Sequence[Sound]) -> None:
    songs = sorted({s.song for s in sounds if s.song})
    if unknown := [song for song in without_songs if song not in songs]:
        raise BadInputError(
            f"There is no song {' and no song '.join(map(repr, unknown))} to leave out; there are: {', '.join(songs) or 'none'}."
        )


class Corpus:
    """Clips by role and songs by name of one or several folders.

    `made` is a folder of stems and songs, the ones of engine.training.synthesis; they are kept apart, because there can be any
    amount of them: made_share says how often a song, or a stem that is not a song's, comes from there, song_stem_share how often
    a single stem is one of a song.
    """

    def __init__(
        self, folder: Path | Sequence[Path], cache: Path, split: str = "train", without_songs: tuple[str, ...] = (),
        made: Path | None = None, made_share: float = 0.0, song_stem_share: float = 0.0,
    ) -> None:  # fmt: skip
        cache.mkdir(parents=True, exist_ok=True)
        every = find_sounds(folder)
        _refuse_unknown(without_songs, every)
        sounds = [s for s in every if s.split == split and (s.song is None or s.song not in without_songs)]
        made_sounds = find_sounds(made) if made is not None and split == "train" else []
        self.sources = sorted({s.source for s in [*sounds, *made_sounds]})
        clips = [Clip(s.role, s.song, decoded(s.path, cache)) for s in sounds]
        self.pool = {r: [c for c in clips if c.role == r and c.song is None] for r in ROLES}
        self.made_share, self.song_stem_share = made_share, song_stem_share
        self.made: dict[str, list[Clip]] = {r: [] for r in ROLES}
        self.made_songs: dict[str, dict[str, Clip]] = {}
        for s in made_sounds:
            clip = Clip(s.role, s.song, decoded(s.path, cache))
            self.made[s.role].append(clip)
            if s.song is not None:
                self.made_songs.setdefault(s.song, {})[s.role] = clip
        self.song_clips = {r: [c for c in clips if c.role == r and c.song is not None] for r in ROLES}
        names = sorted({c.song for c in clips if c.song})
        self.songs = {n: {c.role: c for c in clips if c.song == n} for n in names}
        if split == "train":
            self._refuse_missing_roles()

    def _refuse_missing_roles(self) -> None:
        n = {r: len(self.pool[r]) + len(self.song_clips[r]) + len(self.made[r]) for r in ROLES}
        if missing := [r for r in ROLES if not n[r]]:
            found = ", ".join(f"{n[r]} of {r}" for r in ROLES if n[r]) or "none at all"
            raise BadInputError(
                f"There is no sound of {' and of '.join(missing)} to learn from (found: {found}); add songs that have it or a folder of "
                "single stems."
            )

    def excerpt(self, clip: Clip, start: int, n_samples: int) -> np.ndarray:
        """Samples [start, start + n_samples) as float32 (channel=2, sample), zero beyond the end."""
        part = np.asarray(clip.samples[start : start + n_samples], dtype=np.float32).T / 32768.0
        return np.pad(part, ((0, 0), (0, n_samples - part.shape[1])))

    def random_song(self, rng: np.random.Generator, n_samples: int) -> dict[str, np.ndarray]:
        """The true stems of a random stretch of a random song, a real one or a made one: role -> (channel=2, sample)."""
        is_made = bool(self.made_songs) and (not self.songs or rng.random() < self.made_share)
        songs = self.made_songs if is_made else self.songs
        song = songs[list(songs)[rng.integers(len(songs))]]
        longest = max(len(c.samples) for c in song.values())
        start = int(rng.integers(max(1, longest - n_samples)))
        return {role: self.excerpt(c, start, n_samples) for role, c in song.items()}

    def random_stem(self, rng: np.random.Generator, role: str, n_samples: int) -> np.ndarray:
        """A random stretch of one role that is not silent, from a song's stem, the pool or what was made."""
        clips = self.pool[role]
        if self.song_clips[role] and rng.random() < self.song_stem_share:
            clips = self.song_clips[role]
        elif self.made[role] and rng.random() < self.made_share:
            clips = self.made[role]
        clips = clips or self.song_clips[role] or self.made[role]
        weights = np.sqrt([len(c.samples) for c in clips])
        part = np.zeros((2, n_samples), dtype=np.float32)
        for _ in range(4):  # songs rest: try a few places before accepting silence
            clip = clips[rng.choice(len(clips), p=weights / weights.sum())]
            part = self.excerpt(clip, int(rng.integers(max(1, len(clip.samples) - n_samples))), n_samples)
            if np.sqrt(np.mean(np.square(part))) > 1e-3:
                break
        return part
