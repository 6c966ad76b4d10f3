"""What the header of a sound file says before it is decoded: where the sound lies, what follows it, which speakers its channels belong to.

WAV, RF64, AIFF, CAF and W64 are made of chunks, each with a name and the size of what it holds:

    RIFF  size WAVE | fmt  size ... | data size sound ......... | LIST size title, artist ... | ID3 | 00 00 00
                                                begin, n_bytes    what may follow: chunks, tags, zeros
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from engine.types import Speakers

FOUR_GB = 2**32  # what a size of 32 bits cannot say
_SLACK = 2**24  # tags and cover may lie behind a sound that only just fits
_EXTENSIBLE = 0xFFFE  # WAVE_FORMAT_EXTENSIBLE: 40 bytes of `fmt `, with the mask of speakers at 20 and a GUID at 24
_MASK_AT, _GUID_END_AT = 20, 28
_AMBISONIC = (0x0721, 0x11D3, b"\x86\x44\xc8\xc1\xca\x00\x00\x00")  # how the GUID of B-format ends (the .amb file, Dobson 2003)
_TAGS = (b"ID3", b"TAG", b"APETAGEX")  # what music programs put behind any file
_HARMLESS = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"_PMX", b"JUNK", b"PAD ", b"FLLR")  # may themselves be cut off


class _Kind(NamedTuple):
    """How one kind of file is cut into chunks."""

    first: int  # where the first chunk begins
    name_bytes: int
    size: str  # of the size field, as struct says it
    align: int  # chunks begin at multiples of it


_KINDS = {
    b"RIFF": _Kind(12, 4, "<I", 2), b"RF64": _Kind(12, 4, "<I", 2), b"RIFX": _Kind(12, 4, ">I", 2), b"FORM": _Kind(12, 4, ">I", 2),
    b"caff": _Kind(8, 4, ">q", 1), b"riff": _Kind(40, 16, "<Q", 8),
}  # fmt: skip
_WAVES = (b"RIFF", b"RIFX", b"RF64", b"riff")


class Sound(NamedTuple):
    """Where the sound lies by the header's own word, in bytes."""

    begin: int
    n_bytes: int  # for a stream that never said it: all that follows, or what a size field can say at most
    is_streamed: bool  # n_bytes is a placeholder
    n_unknown: int  # bytes behind it that are no chunk, no tag and not zero
    past_4_gb: bool  # the file is longer than the sizes in its header can say


def find_sound(file: BinaryIO, head: bytes, size: int) -> Sound | None:
    """Where the sound lies in a file of `size` bytes that begins with `head` (64 bytes); None for other kinds and where it does not say."""
    kind = _KINDS.get(head[:4])
    if head[:4] == b".snd" and len(head) >= 12:  # AU: no chunks
        begin, n_bytes = struct.unpack(">II", head[4:12])
        is_streamed, is_short = n_bytes == 0xFFFFFFFF, True
        n_bytes = max(0, size - begin) if is_streamed else n_bytes
    elif kind and (found := _promise(file, head, size)):
        begin, n_bytes, is_streamed, is_short = found
    else:
        return None
    past_4_gb = is_short and size > FOUR_GB
    if past_4_gb and size > FOUR_GB + _SLACK:
        n_unknown = max(0, size - begin - n_bytes)  # whatever it looks like
    else:
        n_unknown = _unknown_behind(file, kind, begin + n_bytes, size)
    return Sound(begin, n_bytes, is_streamed, n_unknown, past_4_gb)


def speakers_of(file: BinaryIO, head: bytes, size: int) -> Speakers | None:
    """What an extensible WAV, RF64 or W64 says of its speakers; None where it says nothing, as a plain WAV does."""
    if (at := _extension_at(file, head, size)) is None:
        return None
    order = _KINDS[head[:4]].size[0]
    file.seek(at)
    raw = file.read(40)
    (mask,) = struct.unpack_from(order + "I", raw, _MASK_AT)
    return Speakers(mask, struct.unpack_from(order + "HH8s", raw, _GUID_END_AT) == _AMBISONIC)


def put_speakers(file: BinaryIO, speakers: Speakers) -> None:
    """Write into a finished WAVEX or RF64, open for reading and writing, where its channels belong: no other byte changes."""
    head, size = file.read(64), file.seek(0, 2)
    if (at := _extension_at(file, head, size)) is None:
        raise ValueError("only an extensible WAV or RF64 can say which speakers its channels belong to")
    file.seek(at + _MASK_AT)
    file.write(struct.pack("<I", speakers.mask))
    if speakers.is_ambisonic:
        file.seek(at + _GUID_END_AT)
        file.write(struct.pack("<HH8s", *_AMBISONIC))


def _extension_at(file: BinaryIO, head: bytes, size: int) -> int | None:
    """Where the `fmt ` chunk's content begins in a WAV that is extensible."""
    if head[:4] in _WAVES:
        for name, at, length in _chunks(file, head, size):
            if name == b"fmt ":
                file.seek(at)
                raw = file.read(2)
                is_extensible = length >= 40 and at + 40 <= size and struct.unpack(_KINDS[head[:4]].size[0] + "H", raw) == (_EXTENSIBLE,)
                return at if is_extensible else None
    return None


def _chunks(file: BinaryIO, head: bytes, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a file in their order: first 4 bytes of the name, where the content begins, its length as it is said."""
    kind = _KINDS[head[:4]]
    at, header = kind.first, kind.name_bytes + struct.calcsize(kind.size)
    while at + header <= size:
        name, length = _chunk_at(file, kind, at)
        yield name[:4], at + header, length
        if length < 0:
            return
        at += -(-(header + length) // kind.align) * kind.align


def _chunk_at(file: BinaryIO, kind: _Kind, at: int) -> tuple[bytes, int]:
    """Name and length of the content of the chunk that begins here."""
    header = kind.name_bytes + struct.calcsize(kind.size)
    file.seek(at)
    raw = file.read(header)
    length = struct.unpack(kind.size, raw[kind.name_bytes :])[0]
    return raw[: kind.name_bytes], length - header if kind.name_bytes == 16 else length  # W64 counts the header too


def _promise(file: BinaryIO, head: bytes, size: int) -> tuple[int, int, bool, bool] | None:
    """Where the sound begins, how long it is said to be, whether that is a placeholder, whether 32 bits say it."""
    is_short = struct.calcsize(_KINDS[head[:4]].size) == 4
    long_size = None  # RF64 keeps the true size in a chunk of its own
    for name, begin, length in _chunks(file, head, size):
        if name == b"ds64":
            file.seek(begin)
            long_size = struct.unpack("<Q", file.read(24)[8:16].ljust(8, b"\0"))[0]
        if name in (b"data", b"SSND"):
            if name == b"data" and long_size is not None and length == 0xFFFFFFFF:
                return begin, long_size, False, False
            unfinished = length == 0 and head[:4] in (b"RIFF", b"RIFX") and struct.unpack(_KINDS[head[:4]].size, head[4:8]) == (8,)
            if length < 0 or unfinished:  # never closed: libsndfile takes all that is there
                return begin, size - begin, True, is_short
            # what programs write that stream and never come back to fill in the length
            is_streamed = head[:4] in (b"RIFF", b"RIFX", b"RF64") and (0x7FFFF000 <= length <= 0x80000000 or length >= 0xFFFFF000)
            return begin, length, is_streamed, is_short
    return None


def _unknown_behind(file: BinaryIO, kind: _Kind | None, at: int, size: int) -> int:
    """How many bytes from the first one on that begins neither a chunk nor a tag and is not zero."""
    align = kind.align if kind else 1
    while at < size:
        aligned = -(-at // align) * align
        if aligned >= size:
            break
        # some programs leave out the byte that fills an odd chunk up
        ends = [end for start in {aligned: 0, at: 0} if (end := _end_of(file, kind, start, size)) is not None]
        past = ends[0] if ends else _past_zeros(file, at, size)
        if past == at:
            return size - at
        at = past
    return 0


def _end_of(file: BinaryIO, kind: _Kind | None, at: int, size: int) -> int | None:
    """Where the chunk or tag ends that begins here; None where none does."""
    file.seek(at)
    if file.read(8).startswith(_TAGS):
        return size
    if kind is None or at + (header := kind.name_bytes + struct.calcsize(kind.size)) > size:
        return None
    name, length = _chunk_at(file, kind, at)
    if name in _HARMLESS:
        return min(at + header + length, size)
    has_name = kind.name_bytes == 16 or all(0x20 <= byte < 0x7F for byte in name)  # a GUID may be anything
    return at + header + length if has_name and 0 <= length <= size - at - header else None


def _past_zeros(file: BinaryIO, at: int, size: int) -> int:
    """Where the first byte lies that is not zero."""
    file.seek(at)
    while block := file.read(2**20):
        if rest := block.lstrip(b"\0"):
            return at + len(block) - len(rest)
        at += len(block)
    return size
