"""What is looked at before a sound file is opened, and why it is refused: one sentence each."""

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from engine.errors import BadInputError
from engine.types import Array, AudioInfo

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
LOUDEST = 1e30  # +600 dB: floats beyond are damage, and with a few faders up they would overflow 32 bits
_CHUNKED = {  # first bytes -> where chunks begin, bytes of a chunk's name, its size field, alignment of chunks
    b"RIFF": (12, 4, "<I", 2), b"RF64": (12, 4, "<I", 2), b"FORM": (12, 4, ">I", 2), b"caff": (8, 4, ">q", 1), b"riff": (40, 16, "<Q", 8),
}  # fmt: skip


def system_name(path: Path) -> str | bytes:
    """A path as libsndfile takes it: soundfile cannot spell names that are no valid text, which Linux allows."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def look_at(path: Path) -> tuple[bytes, int, int]:
    """First 64 bytes, size in bytes and time of change of a file that can be read."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise BadInputError(f'"{path.name}" is a folder, not a sound file; choose a file inside it.')
        if not stat.S_ISREG(found.st_mode):
            raise BadInputError(f'"{path.name}" is a device or a pipe, not a file; save the sound to a file first.')
        with path.open("rb") as file:
            head = file.read(64)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInputError(f'"{path.name}" was not found in {path.parent}; check the name and the folder.') from None
    except PermissionError:
        raise BadInputError(f'"{path.name}" may not be read by you; change its permissions or copy it to a folder of yours.') from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f'"{path.name}" could not be read ({reason}); check the disk or copy the file elsewhere.') from None
    if found.st_size == 0:
        raise BadInputError(f'"{path.name}" is empty (0 bytes); get a whole copy of it.')
    return head, found.st_size, found.st_mtime_ns


def cut_off(path: Path, found: str, promised: str) -> BadInputError:
    """The error for a file that ends too early."""
    return BadInputError(f'"{path.name}" is cut off: it promises {promised} of sound and holds {found}; get a whole copy of it.')


def refuse_cut_off(path: Path, head: bytes, size: int) -> None:
    """Compare what a file promises with its length: libsndfile would shorten it silently."""
    with path.open("rb") as file:
        if head[:4] == b"OggS":
            file.seek(max(0, size - 65536))  # a page takes less than this
            tail = file.read()
            page = tail[tail.rfind(b"OggS") :]
            whole = len(page) > 27 and 27 + page[26] + sum(page[27 : 27 + page[26]]) <= len(page)
            if not whole:
                raise cut_off(path, "only a part of it", "one more page")
            return
        promised, begin = _promised_bytes(file, head, size)
    if promised is not None and begin + promised > size:
        raise cut_off(path, f"{max(0, size - begin)} bytes", f"{promised} bytes")


def _promised_bytes(file: BinaryIO, head: bytes, size: int) -> tuple[int | None, int]:
    """How many bytes of sound the header promises (None where it does not say) and where they begin."""
    if head[:4] == b".snd" and len(head) >= 12:
        begin, promised = struct.unpack(">II", head[4:12])
        return (None if promised == 0xFFFFFFFF else promised), begin
    at, name_bytes, field, align = _CHUNKED.get(head[:4], (size, 0, "<I", 1))
    long_size = None  # RF64 keeps the true size in a chunk of its own
    header = name_bytes + struct.calcsize(field)
    while at + header <= size:
        file.seek(at)
        raw = file.read(header)
        name, (length,) = raw[:4], struct.unpack(field, raw[name_bytes:])
        if head[:4] == b"riff":
            length -= header  # W64 counts the header too
        if name == b"ds64":
            long_size = struct.unpack("<Q", file.read(24)[8:16].ljust(8, b"\0"))[0]
        if name in (b"data", b"SSND"):
            if name == b"data" and long_size is not None and length == 0xFFFFFFFF:
                return long_size, at + header
            # what programs write that stream and never come back to fill in the length
            streamed = length < 0 or (field == "<I" and (0x7FFFF000 <= length <= 0x80000000 or length >= 0xFFFFF000))
            return (None if streamed else length), at + header
        if length < 0:
            break
        at += -(-(header + length) // align) * align
    return None, 0


def refuse_unsuitable(info: AudioInfo, name: str) -> None:
    """Refuse what no method can serve."""
    if not 1 <= info.n_channels <= MAX_CHANNELS:
        raise BadInputError(f"{name} has {info.n_channels} channels, at most {MAX_CHANNELS} can be opened; split it into several files.")
    if not MIN_RATE_HZ <= info.rate_hz <= MAX_RATE_HZ:
        raise BadInputError(
            f"{name} has a sample rate of {info.rate_hz} Hz, only {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be opened; "
            "check its header or resample it."
        )
    if info.n_samples < 1:
        raise BadInputError(
            f"{name} holds no samples: its header says that the sound is 0 samples long; "
            "export it again from the program that made it."
        )


def refuse_nan(block: Array, start: int, rate_hz: int, name: str) -> None:
    """Refuse a float block (sample, channel) that holds NaN, Inf or values no pass could hold, naming the first place."""
    fit = np.abs(block) <= LOUDEST  # false for NaN too
    if not fit.all():
        row, channel = np.argwhere(~fit)[0]
        value = float(block[row, channel])
        what = "NaN (not a number)" if np.isnan(value) else "an infinite value" if np.isinf(value) else f"the absurd value {value:.2g}"
        raise BadInputError(
            f"{name} holds {what} at {(start + row) / rate_hz:.3f} s in channel {channel + 1}; "
            "repair that place in an editor or export the file again."
        )
