"""What WAV, RF64 and AIFF files say in chunks of their own: the text of LIST INFO, and which chunks no export carries on.

libsndfile reads INFO too, but as UTF-8 alone, and puts U+FFFD in the place of every "é" that an older program wrote.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

# INFO's word -> ours (RIFF MCI, 1991; IPRT and ITRK are two habits of later programs)
_WORDS = {
    "INAM": "title", "IART": "artist", "IPRD": "album", "ICRD": "date", "IGNR": "genre", "ITRK": "tracknumber", "IPRT": "tracknumber",
    "ICMT": "comment", "ICOP": "copyright",
}  # fmt: skip
_SILENT = {  # chunks that are the sound itself, room to grow, or read elsewhere (ID3 by mutagen, AIFF's four texts by libsndfile)
    b"RIFF": {"fmt", "data", "fact", "PEAK", "JUNK", "junk", "PAD", "FLLR", "id3", "ID3"},
    b"RF64": {"fmt", "data", "fact", "PEAK", "JUNK", "junk", "PAD", "FLLR", "ds64"},  # mutagen reads no ID3 in RF64: it is lost
    b"RIFX": {"fmt", "data", "fact", "PEAK", "JUNK", "junk", "PAD", "FLLR"},  # the other byte order
    b"FORM": {"COMM", "SSND", "FVER", "PEAK", "CHAN", "JUNK", "FLLR", "ID3", "NAME", "AUTH", "(c)", "ANNO"},
}
_PROGRAM = "ISFT"  # names the program that wrote the file, which is another one now
_LONGEST = 2**20  # bytes of a LIST chunk; a longer one is damage


def read_riff(path: Path) -> tuple[dict[str, str], list[str]]:
    """Text by our words, and names of what else there is: chunks (bext, iXML, cue, smpl, adtl ...), INFO fields, texts nobody can read.

    Nothing for files of other kinds; a damaged file counts as far as it can be read. Raises OSError.
    """
    text: dict[str, str] = {}
    others: dict[str, None] = {}  # a set that keeps its order
    with path.open("rb") as file:
        kind = file.read(4)
        for name, at, length in _chunks(file, kind):
            if name != "LIST":
                if name not in _SILENT[kind]:
                    others[name] = None
                continue
            file.seek(at)
            body = file.read(min(length, _LONGEST))
            if body[:4] != b"INFO":
                others[_spelled(body[:4]) or name] = None
                continue
            for field, value in _fields(body, _order(kind)):
                word = _WORDS.get(field)
                said = _text(value)
                if word and said:
                    text.setdefault(word, said)
                elif value and field != _PROGRAM:
                    others[word or field] = None
    return text, [name for name in others if name not in text]


def _chunks(file: BinaryIO, kind: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and length of every chunk, as far as they are sound."""
    if kind not in _SILENT:
        return
    at, long_size = 12, 0  # RF64 keeps the length of its sound in a chunk of its own
    while True:
        file.seek(at)
        head = file.read(8)
        name = _spelled(head[:4])
        if len(head) < 8 or not name:
            return
        length = int.from_bytes(head[4:], _order(kind))
        if name == "ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if name == "data" and length == 0xFFFFFFFF:
            length = long_size
        if name == "data" and not length:  # saved as it came: nobody knows where the sound ends
            return
        yield name, at + 8, length
        at += 8 + length + length % 2


def _order(kind: bytes) -> Literal["big", "little"]:
    return "big" if kind in (b"FORM", b"RIFX") else "little"


def _fields(body: bytes, order: Literal["big", "little"]) -> Iterator[tuple[str, bytes]]:
    """Name and value of the fields of a LIST INFO chunk."""
    at = 4
    while at + 8 <= len(body):
        name, length = _spelled(body[at : at + 4]), int.from_bytes(body[at + 4 : at + 8], order)
        if not name:
            return
        yield name, body[at + 8 : at + 8 + length].partition(b"\0")[0]
        at += 8 + length + length % 2


def _spelled(name: bytes) -> str:
    """A chunk's name without the spaces that fill it up; empty where it is none."""
    return name.decode("ascii").strip() if name.isascii() and name.decode("ascii").isprintable() else ""


def _text(value: bytes) -> str:
    """UTF-8, else what Windows wrote for decades; empty where it is neither."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return value.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
