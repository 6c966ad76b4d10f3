"""What lies in a folder of sounds to learn from: an index, songs in folders, pools of single stems; one Sound a file.

    DIR/INDEX.json + the files it names                      path, role, kind, song, split, source and weights_ok of each
    DIR/<song>/{vocals,drums,bass,other}.wav                 songs; a tenth of them, chosen by name, is kept for validation
    DIR/{train,valid}/<song>/{vocals,drums,bass,other}.wav   the same, split by hand (MUSDB: test/ where there is no valid/)
    DIR/{vocals,drums,bass,other}/**/*.wav                   pools of single stems, also beside songs

Any format that engine.audio opens, any rate. Stems are paired by file name; a stem that is absent is silence.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import BadInputError
from engine.evaluation.data import FOUR, SUFFIXES, song_in

ROLES = FOUR
ONE_IN = 10  # songs of which one is kept for validation


@dataclass(frozen=True)
class Sound:
    """One file."""

    path: Path
    role: str
    song: str | None  # None: a single stem, heard with anything
    split: str  # "train" or "valid"
    source: str  # what a model card names


def find_sounds(folders: Path | Sequence[Path]) -> list[Sound]:
    """Every sound of every split in these folders, in an order that never changes.

    Raises BadInputError where a folder holds nothing to learn from and where two folders or splits hold a song of one name:
    what is learned must not be validation as well.
    """
    found: list[Sound] = []
    where: dict[str, tuple[Path, str]] = {}
    for folder in [folders] if isinstance(folders, Path) else folders:
        own = _in_folder(folder)
        for song, split in dict.fromkeys((s.song, s.split) for s in own if s.song):
            other, other_split = where.setdefault(song, (folder, split))
            if (other, other_split) != (folder, split):
                raise BadInputError(
                    f"The song {song!r} lies in {other.name!r} for {other_split} and in {folder.name!r} for {split}; "
                    "rename one of them or leave it out."
                )
        found += own
    return found


def seen(path: Path) -> os.stat_result:
    """Size and time of change of a sound's file. Raises BadInputError where it is not there."""
    try:
        return path.stat()
    except OSError as error:
        raise BadInputError(f"The sound {str(path)!r} cannot be read ({error.strerror}); is the data complete?") from None


LEARNED, VALIDATED = "sounds to learn from", "songs to validate with"  # keys of `digests`, and their words


def digests(folders: Path | Sequence[Path], made: Path | None = None, without_songs: Sequence[str] = ()) -> dict[str, str]:
    """Names for what is learned from and what is validated with: the same wherever the folders lie and whenever they were copied."""
    sounds = find_sounds(folders)
    train = [s for s in sounds if s.split == "train" and (s.song is None or s.song not in without_songs)]
    return {
        LEARNED: _digest([*train, *(find_sounds(made) if made else [])]),
        VALIDATED: _digest(s for s in sounds if s.split == "valid"),
    }


def _digest(sounds: Iterable[Sound]) -> str:
    """16 digits of a SHA-256 over role, song, file name and size of each."""
    told = sorted(f"{s.role}/{s.song}/{s.path.name}/{seen(s.path).st_size}" for s in sounds)
    return hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()[:16]


def _in_folder(folder: Path) -> list[Sound]:
    if not folder.is_dir():
        raise BadInputError(f"There is no folder {str(folder)!r} to learn from; name one with an INDEX.json, with songs or with pools.")
    if (folder / "INDEX.json").is_file():
        return _indexed(folder)
    found = [*_songs(folder), *_pools(folder)]
    if not found:
        seen = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        raise BadInputError(
            f"Nothing to learn from was found in {folder.name!r} (it holds: {seen}); put an INDEX.json there, folders of songs with "
            f"{', '.join(ROLES)}, or folders of single stems called {', '.join(ROLES)}."
        )
    return found


def _indexed(folder: Path) -> list[Sound]:
    """Entries of an INDEX.json whose licence allows weights, in its order."""
    entry: Any = None
    try:
        found = []
        for entry in json.loads((folder / "INDEX.json").read_text(encoding="utf-8")):
            if entry["weights_ok"]:
                song = entry["song"] if entry["kind"] == "song-stem" else None
                found.append(Sound(folder / entry["path"], entry["role"], song, entry["split"], entry["source"]))
                if entry["role"] not in ROLES:
                    raise BadInputError(
                        f"The INDEX.json of {folder.name!r} gives {entry['path']} the role {entry['role']!r}; "
                        f"it must be one of {', '.join(ROLES)}."
                    )
    except KeyError as missing:
        raise BadInputError(
            f"An entry of the INDEX.json of {folder.name!r} ({entry.get('path', 'without a path')}) lacks {missing}; "
            "each needs path, role, kind, split, source and weights_ok, and a song-stem its song."
        ) from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"The INDEX.json of {folder.name!r} cannot be read ({type(error).__name__}: {error}); it must be a list of entries."
        ) from None
    return found


def _songs(folder: Path) -> list[Sound]:
    """Songs in folders: split by hand where there is a train/, else by name."""
    if not (folder / "train").is_dir():
        return _split_by_name(_songs_of(folder, "train"))
    train = _songs_of(folder / "train", "train")
    for name in ("valid", "test"):
        if (folder / name).is_dir():
            return [*train, *_songs_of(folder / name, "valid")]
    return _split_by_name(train)


def _songs_of(folder: Path, split: str) -> list[Sound]:
    found = []
    for place in sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in ROLES):
        song = song_in(place)
        if song and song.names != FOUR:
            raise BadInputError(
                f"The song {song.name!r} has an accompaniment for everything but vocals; training needs {', '.join(FOUR[1:])} each alone."
            )
        found += [Sound(path, role, place.name, split, place.name) for role, path in song.paths.items()] if song else []
    return found


def _split_by_name(sounds: list[Sound]) -> list[Sound]:
    """About one song in ten as validation, by a hash of its name alone: songs that come later move none of the others.

    Where that chooses none of several songs, the one with the smallest hash is taken until it does.
    """
    digests = {s.song: hashlib.sha256(str(s.song).encode()).digest() for s in sounds}
    kept = {song for song, digest in digests.items() if digest[0] < 256 / ONE_IN}
    if not kept and len(digests) > 1:
        kept = {min(digests, key=lambda song: digests[song])}
    if kept == set(digests):
        kept = set()  # something must be learned from
    return [replace(s, split="valid") if s.song in kept else s for s in sounds]


def _pools(folder: Path) -> Iterator[Sound]:
    for role in ROLES:
        for path in sorted((folder / role).rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
                yield Sound(path, role, None, "train", folder.name)
