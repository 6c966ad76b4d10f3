"""Tracks with true stems, found by name: an indexed corpus, folders in the MUSDB layout, or vocals with an accompaniment.

    DIR/INDEX.json + the files it names        songs of a split, or any song by name; a stem that is absent is silence
    DIR/<song>/{vocals,drums,bass,other}.wav   MUSDB layout; in DIR/<split>/<song>/ where a split or a song is named
    DIR/<song>/{vocals,accompaniment}.ogg      two-stem truth: vocals, and everything else

The mixture is always the sum of the stems that are there; a mixture file is never read. One song is held at a time, in float32.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio import open_mixture
from engine.errors import BadInputError
from engine.samples import to_float
from engine.types import Array

FOUR = ("vocals", "drums", "bass", "other")
TWO = ("vocals", "accompaniment")
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".caf", ".mp3", ".m4a")


@dataclass(frozen=True)
class TrackFiles:
    """Where the true stems of a song lie; a stem without a path is silence."""

    name: str
    names: tuple[str, ...]  # FOUR or TWO
    paths: dict[str, Path]  # stem -> file


@dataclass(frozen=True, eq=False)
class Track:
    """A song with its true stems in memory."""

    name: str
    names: tuple[str, ...]  # of the stems, FOUR or TWO
    stems: Array  # float32 (stem, channel, sample), 1.0 = full scale
    mixture: Array  # float32 (channel, sample), the sum of the stems
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.mixture.shape[-1] / self.rate_hz)


def make_track(name: str, names: tuple[str, ...], stems: Array, rate_hz: int) -> Track:
    """A track from float stems (stem, channel, sample) in memory."""
    stems = stems.astype(np.float32, copy=False)
    return Track(name, names, stems, stems.sum(axis=0, dtype=np.float32), rate_hz)


def find_tracks(folder: Path, songs: tuple[str, ...] = (), split: str | None = None) -> list[TrackFiles]:
    """The songs of a folder in any of the three layouts, by name; `songs` picks some by name and wins over `split`.

    An index without either gives its split "valid". Raises BadInputError where nothing is found and where no such split is.
    """
    if not folder.is_dir():
        raise BadInputError(
            f"There is no folder {folder.name!r} to take true stems from; name one with an INDEX.json or with song folders."
        )
    if (folder / "INDEX.json").is_file():
        found = _from_index(folder, None if songs else split or "valid")
    else:
        inside = sorted(p for p in folder.iterdir() if p.is_dir())
        if split and not songs and not (folder / split).is_dir():
            raise BadInputError(
                f"There is no split {split!r}, a folder, in {folder.name!r}; there are: {', '.join(p.name for p in inside) or 'none'}."
            )
        found = _from_folders(folder / split if split and not songs else folder)
        if songs and not found:  # whatever their split
            found = [track for place in inside for track in _from_folders(place)]
    if not found:
        raise BadInputError(_no_song(folder, split))
    by_name = {track.name: track for track in found}
    for song in songs:
        if song not in by_name:
            raise BadInputError(f"There is no song {song!r} in {folder.name!r}; there are: {', '.join(sorted(by_name))}.")
    return [by_name[name] for name in songs or sorted(by_name)]


def _no_song(folder: Path, split: str | None) -> str:
    """That there is no song, and where there may be some."""
    said = f"holds no song with true stems ({', '.join(FOUR)}, or {' and '.join(TWO)})"
    if (folder / "INDEX.json").is_file():
        entries = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))
        splits = sorted({str(e["split"]) for e in entries if e["kind"] == "song-stem"})
        told = f"; songs are in the splits {', '.join(splits)}: give one by --split" if splits else ""
        return f"The folder {folder.name!r}, split {split or 'valid'!r}, {said}{told}."
    place = folder / (split or "")
    inside = sorted(p.name for p in place.iterdir() if p.is_dir())
    told = f"; it holds the folders {', '.join(inside)}" + ("" if split else ": give one of them by --split") if inside else ""
    return f"The folder {folder.name!r}" + (f", split {split!r}," if split else "") + f" {said}{told}."


def _from_index(folder: Path, split: str | None) -> list[TrackFiles]:
    """Songs of an INDEX.json: entries of kind "song-stem" with path, role, song and split; split None takes all."""
    try:
        entries: list[dict[str, Any]] = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))
        paths: dict[str, dict[str, Path]] = {}
        for e in entries:
            if e["kind"] == "song-stem" and split in (None, e["split"]) and e["role"] in FOUR:
                song = paths.setdefault(e["song"], {})
                if e["role"] in song:
                    raise BadInputError(
                        f"The INDEX.json of {folder.name!r} names two files for the {e['role']} of {e['song']!r}; keep one."
                    )
                song[e["role"]] = folder / e["path"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInputError(
            f"The INDEX.json of {folder.name!r} cannot be read ({type(e).__name__}: {e}); see the README of the data."
        ) from None
    return [TrackFiles(name, FOUR, files) for name, files in paths.items()]


def _from_folders(folder: Path) -> list[TrackFiles]:
    """Songs of a folder of folders; a folder that holds stems itself is one song."""
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    return [song for place in places if (song := song_in(place))]


def song_in(place: Path) -> TrackFiles | None:
    """The song whose stems lie in this very folder, paired by file name; None where no stem does.

    Raises BadInputError for two files of one stem and for vocals alone.
    """
    stems: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        name = path.stem.lower()
        if path.suffix.lower() in SUFFIXES and name in {*FOUR, *TWO}:
            if name in stems:
                raise BadInputError(f"{place.name!r} holds both {stems[name].name} and {path.name}; keep one of them.")
            stems[name] = path
    if any(name in stems for name in ("drums", "bass", "other")):
        return TrackFiles(place.name, FOUR, {name: stems[name] for name in FOUR if name in stems})
    if "accompaniment" in stems:
        return TrackFiles(place.name, TWO, {name: stems[name] for name in TWO if name in stems})
    if stems:
        raise BadInputError(f"{place.name!r} holds vocals alone; put the other stems or an accompaniment beside them.")
    return None


def load(files: TrackFiles, start_s: float = 0.0, end_s: float | None = None) -> Track:
    """Read the stretch [start_s, end_s) of a song; mono beside stereo becomes stereo, what ends early goes on as silence.

    Raises BadInputError for stems of different rates, of three and more channels beside two, and for a stretch outside the song.
    """
    parts: dict[str, Array] = {}
    rates: dict[str, int] = {}
    for name, path in files.paths.items():
        with open_mixture(path) as recording:
            info = recording.info
            rates[name] = info.rate_hz
            begin = round(start_s * info.rate_hz)
            end = info.n_samples if end_s is None else min(info.n_samples, round(end_s * info.rate_hz))
            parts[name] = to_float(recording.read(begin, max(0, end - begin)), info.sample_type).astype(np.float32)  # (channel, sample)
    if len(set(rates.values())) > 1:
        told = ", ".join(f"{name} {rate} Hz" for name, rate in rates.items())
        raise BadInputError(f"The stems of {files.name!r} have different rates ({told}); resample them to one first.")
    n_channels = max(part.shape[0] for part in parts.values())
    if any(part.shape[0] not in (1, n_channels) for part in parts.values()):
        raise BadInputError(f"The stems of {files.name!r} have different numbers of channels; export them alike.")
    n_samples = max(part.shape[1] for part in parts.values())
    if n_samples == 0:
        raise BadInputError(f"{files.name!r} ends before {start_s:g} s; choose an earlier stretch.")
    stems = np.zeros((len(files.names), n_channels, n_samples), np.float32)
    for i, name in enumerate(files.names):
        if name in parts:
            stems[i, :, : parts[name].shape[1]] = parts[name]
    return make_track(files.name, files.names, stems, next(iter(rates.values())))
