"""Titles, artists, covers: read from any sound file, written to those that can hold them, with an account of what was lost.

mutagen writes WAV, AIFF and MP3 (ID3), FLAC, OGG and Opus (comments) and M4A. It cannot write RF64, CAF, W64 and AU; the first two
keep a few text fields that libsndfile writes with the sound (ATTRIBUTES; engine.audio_write does it), the last two keep nothing.
What else a file says (chunks such as bext and cue, fields without a word of ours, further pictures) is carried nowhere, but named.
"""

import base64
import contextlib
import os
import secrets
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mutagen
import mutagen.aiff
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.mp4
import mutagen.oggopus
import mutagen.oggvorbis
import mutagen.wave
import soundfile as sf

from engine.atomic import TEMP_PREFIX
from engine.audio_checks import system_name
from engine.errors import BadInputError, TargetError
from engine.tags_riff import read_riff

# our word -> ID3 frame, MP4 atom; the comments of FLAC and Ogg use our word in capitals
_WORDS = {
    "title": ("TIT2", "\xa9nam"), "artist": ("TPE1", "\xa9ART"), "album": ("TALB", "\xa9alb"), "albumartist": ("TPE2", "aART"),
    "composer": ("TCOM", "\xa9wrt"), "date": ("TDRC", "\xa9day"), "genre": ("TCON", "\xa9gen"), "tracknumber": ("TRCK", "trkn"),
    "discnumber": ("TPOS", "disk"), "comment": ("COMM", "\xa9cmt"), "bpm": ("TBPM", "tmpo"), "copyright": ("TCOP", "cprt"),
    "isrc": ("TSRC", "----:com.apple.iTunes:ISRC"),
}  # fmt: skip
ATTRIBUTES = ("title", "artist", "album", "date", "genre", "tracknumber", "comment", "copyright")  # what libsndfile can write
ATTRIBUTE_CONTAINERS = ("WAV", "WAVEX", "RF64", "CAF")
_ELSEWHERE = {  # pictures, and the programs that wrote a file
    "apic", "covr", "metadata_block_picture", "tsse", "tenc", "encoder", "encoded-by", "\xa9too", "\xa9enc",
}  # fmt: skip
_m: Any = mutagen  # its own types are half done
_MAX_COVER_BYTES = 15 * 2**20  # FLAC holds no picture of 16 MiB, and that much is left free in a WAV near 4 GB
_KINDS: dict[str, Any] = {
    "WAV": _m.wave.WAVE, "WAVEX": _m.wave.WAVE, "AIFF": _m.aiff.AIFF, "FLAC": _m.flac.FLAC, "MP3": _m.mp3.MP3, "M4A": _m.mp4.MP4,
}  # fmt: skip


@dataclass(frozen=True)
class Tags:
    """What is said about a recording: text by our words (title, artist, album ...), and the front cover's bytes, if any."""

    text: Mapping[str, str] = field(default_factory=dict)  # several values of one word are joined by "; "
    cover: bytes | None = None
    cover_mime: str = ""  # image/jpeg or image/png
    others: tuple[str, ...] = ()  # names of what else the file says and no export carries on: "bext", "cue", "2 more pictures"

    def __bool__(self) -> bool:
        return bool(self.text or self.cover or self.others)


class _Format(Protocol):
    @property
    def container(self) -> str: ...


def read_tags(path: Path) -> Tags:
    """What a sound file says about itself; empty where it says nothing or nothing that can be understood. Never raises for that."""
    text: dict[str, str] = {}
    cover, mime = None, ""
    others: list[str] = []
    try:
        file = _open(path, _container_of(path))
        if file is not None and file.tags is not None:
            text, pictures = _text_of(file.tags), _pictures_of(file)
            cover, mime = pictures[0] if pictures else (None, "")
            others = _others_of(file.tags, len(pictures) - 1)
    except (mutagen.MutagenError, OSError, ValueError, LookupError, struct.error):
        pass  # damaged tags are no tags
    own, more = _own_text(path)
    text |= {word: value for word, value in own.items() if word not in text}
    return Tags(text, cover, mime, tuple(dict.fromkeys(name for name in (*more, *others) if name not in text)))


def _own_text(path: Path) -> tuple[dict[str, str], list[str]]:
    """What a container says by itself, apart from what mutagen reads: text by our words, and names of what else there is."""
    text: dict[str, str] = {}
    others: list[str] = []
    with contextlib.suppress(OSError):  # it is gone, or may not be read
        text, others = read_riff(path)
    try:
        with sf.SoundFile(system_name(path)) as sound:
            own = sound.copy_metadata() if sound.format in ("AIFF", "CAF") else {}  # of the others mutagen and read_riff told all
    except (sf.LibsndfileError, OSError, TypeError):
        own = {}  # what libsndfile cannot open has no attributes of its kind
    for word, value in own.items():
        if word in ATTRIBUTES and value and "\ufffd" in value:
            others.append(word)  # libsndfile could not read it, and it is not written back damaged
        elif word in ATTRIBUTES and value:
            text[word] = value
    return text, others


def tags_lost(tags: Tags, fmt: _Format) -> list[str]:
    """What a format cannot hold or no export carries on, told beforehand: words of tags.text, "cover" and tags.others."""
    if fmt.container in _KINDS or fmt.container == "OGG":
        keeps, cover = set(_WORDS), len(tags.cover or b"") <= _MAX_COVER_BYTES
    else:
        keeps, cover = set(ATTRIBUTES) if fmt.container in ATTRIBUTE_CONTAINERS else set(), False
    return sorted(word for word in tags.text if word not in keeps) + (["cover"] if tags.cover and not cover else []) + list(tags.others)


def write_tags(target: Path, tags: Tags) -> list[str]:
    """Tag a finished sound file without touching its samples; returns what of the tags it does not hold afterwards, as tags_lost.

    The file is copied, tagged and renamed, so it is always whole. Raises TargetError where that cannot be done.
    """
    temp = target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.tmp"
    try:
        shutil.copy2(target, temp)
        lost = tag_in_place(temp, tags, _container_of(target))
        with temp.open("rb+") as file:
            os.fsync(file.fileno())
        temp.replace(target)
    except OSError as error:
        raise TargetError(f'"{target.name}" could not be tagged ({error.strerror}); check the folder and its free space.') from error
    finally:
        temp.unlink(missing_ok=True)
    return lost


def tag_in_place(path: Path, tags: Tags, container: str) -> list[str]:
    """Tag a file that nobody else sees yet; returns what it does not hold afterwards. Raises OSError as it comes."""
    try:
        file = _open(path, container) if tags.text or tags.cover else None
        if file is not None:
            if file.tags is None:
                file.add_tags()
            _put_text(file.tags, tags.text)
            if tags.cover and len(tags.cover) <= _MAX_COVER_BYTES:
                _put_cover(file, tags.cover, tags.cover_mime or "image/jpeg")
            file.save()
    except mutagen.MutagenError as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, OSError):
            raise cause from error
        raise BadInputError(f"The tags do not fit into a file of this kind ({error}); try again without tags or cover.") from error
    held = read_tags(path)
    lost = [word for word, value in tags.text.items() if held.text.get(word) != value]
    missing = [name for name in tags.others if name not in held.others]
    return sorted(lost) + (["cover"] if tags.cover and held.cover != tags.cover else []) + missing


def _container_of(path: Path) -> str:
    """Container by content, in AudioInfo's words; "" where unknown."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
        known = {b"ftyp": "M4A"}.get(head[4:8]) or {b"fLaC": "FLAC"}.get(head[:4])  # libsndfile opens none or not all of these
        return known or str(sf.info(system_name(path)).format)
    except (sf.LibsndfileError, OSError, TypeError):
        return ""


def _open(path: Path, container: str) -> Any:
    """mutagen's object for a file, or None where mutagen has none."""
    if container == "OGG":
        with path.open("rb") as file:
            return (_m.oggopus.OggOpus if b"OpusHead" in file.read(64) else _m.oggvorbis.OggVorbis)(path)
    return _KINDS[container](path) if container in _KINDS else None


def _text_of(tags: Any) -> dict[str, str]:
    """Our words out of mutagen's tags of any kind."""
    text = {}
    for word, (frame, atom) in _WORDS.items():
        if isinstance(tags, _m.id3.ID3):
            found = tags.getall(frame)
            if word == "comment":  # players hide numbers in comments that have a description
                found = [f for f in found if not f.desc][:1]
            values = [str(value) for f in found for value in f.text]
        elif isinstance(tags, _m.mp4.MP4Tags):
            values = [_from_atom(value) for value in tags.get(atom, [])]
        else:
            values = [str(value) for value in tags.get(word, [])]
        if joined := "; ".join(value for value in values if value):
            text[word] = joined
    return text


def _from_atom(value: Any) -> str:
    if isinstance(value, tuple):  # track 3 of 12
        return f"{value[0]}/{value[1]}" if value[1] else str(value[0])
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _put_text(tags: Any, text: Mapping[str, str]) -> None:
    """Write our words into mutagen's tags of any kind; what a kind cannot say is left out."""
    for word, value in text.items():
        if word not in _WORDS or not value:
            continue
        frame, atom = _WORDS[word]
        if isinstance(tags, _m.id3.ID3):
            if word == "comment":
                tags.add(_m.id3.COMM(encoding=3, lang="eng", desc="", text=[value]))
            else:
                tags.setall(frame, [getattr(_m.id3, frame)(encoding=3, text=[value])])
        elif not isinstance(tags, _m.mp4.MP4Tags):
            tags[word.upper()] = value
        elif word in ("tracknumber", "discnumber"):
            number, _, total = value.partition("/")
            if number.isdecimal() and (total or "0").isdecimal() and max(int(number), int(total or 0)) < 65536:
                tags[atom] = [(int(number), int(total or 0))]
        elif word == "bpm":
            if value.isdecimal() and int(value) < 65536:
                tags[atom] = [int(value)]
        else:
            tags[atom] = [_m.mp4.MP4FreeForm(value.encode())] if word == "isrc" else [value]


def _pictures_of(file: Any) -> list[tuple[bytes, str]]:
    """All pictures and their kind (image/jpeg, image/png), the front cover first."""
    tags = file.tags
    if isinstance(tags, _m.mp4.MP4Tags):
        png = _m.mp4.MP4Cover.FORMAT_PNG
        return [(bytes(cover), "image/png" if cover.imageformat == png else "image/jpeg") for cover in tags.get("covr", [])]
    if isinstance(tags, _m.id3.ID3):
        pictures = tags.getall("APIC")
    elif isinstance(file, _m.flac.FLAC):
        pictures = file.pictures
    else:
        pictures = []
        for packed in tags.get("metadata_block_picture", []):
            try:
                pictures.append(_m.flac.Picture(base64.b64decode(packed)))
            except (_m.flac.error, ValueError):
                continue
    pictures = sorted(pictures, key=lambda picture: picture.type != 3)  # 3 is the front cover
    return [(bytes(picture.data), picture.mime) for picture in pictures]


def _others_of(tags: Any, n_more_pictures: int) -> list[str]:
    """Names of what mutagen found and does not end in our words, but for the program that wrote the file: it is another one now."""
    word_of = {name.lower(): word for word in _WORDS for name in (word, *_WORDS[word])}
    names = {str(name) if isinstance(tags, _m.mp4.MP4Tags) else str(name).partition(":")[0] for name in tags.keys()}  # noqa: SIM118
    names = {name.rpartition(":")[2] for name in names if name.lower() not in _ELSEWHERE and name.lower() not in word_of}
    unread = {word_of.get(name.lower(), name) for name in getattr(tags, "_failed_atoms", {})}  # MP4 text that is no UTF-8
    found = sorted(name for name in names | unread if not name.startswith("iTun"))
    more = [f"{n_more_pictures} more picture{'s' if n_more_pictures > 1 else ''}"] if n_more_pictures > 0 else []
    return found + more


def _put_cover(file: Any, cover: bytes, mime: str) -> None:
    """Write the front cover in place of any other."""
    if isinstance(file.tags, _m.mp4.MP4Tags):
        kind = _m.mp4.MP4Cover.FORMAT_PNG if mime == "image/png" else _m.mp4.MP4Cover.FORMAT_JPEG
        file.tags["covr"] = [_m.mp4.MP4Cover(cover, imageformat=kind)]
    elif isinstance(file.tags, _m.id3.ID3):
        file.tags.setall("APIC", [_m.id3.APIC(encoding=3, mime=mime, type=3, desc="Cover", data=cover)])
    else:
        picture = _m.flac.Picture()
        picture.data, picture.mime, picture.type, picture.desc = cover, mime, 3, "Cover"
        if isinstance(file, _m.flac.FLAC):
            file.clear_pictures()
            file.add_picture(picture)
        else:
            file.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode("ascii")
