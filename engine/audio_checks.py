"""What is looked at before a sound file is opened, and why it is refused: one sentence each."""

import os
import stat
from pathlib import Path

import numpy as np

from engine.audio_layout import find_sound
from engine.errors import BadInputError
from engine.types import Array, AudioInfo

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
LOUDEST = 1e30  # +600 dB: floats beyond are damage, and with a few faders up they would overflow 32 bits
_FEW_BYTES, _MANY_BYTES = 4096, 2**20  # behind the sound: fewer may be anything, more are surely something


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
    """Compare what a file promises with its length: libsndfile would shorten it silently where they differ."""
    with path.open("rb") as file:
        if head[:4] == b"OggS":
            file.seek(max(0, size - 65536))  # a page takes less than this
            tail = file.read()
            page = tail[tail.rfind(b"OggS") :]
            whole = len(page) > 27 and 27 + page[26] + sum(page[27 : 27 + page[26]]) <= len(page)
            if not whole:
                raise cut_off(path, "only a part of it", "one more page")
            return
        sound = find_sound(file, head, size)
    if sound is None:
        return
    if not sound.is_streamed and sound.begin + sound.n_bytes > size:
        raise cut_off(path, f"{max(0, size - sound.begin)} bytes", f"{sound.n_bytes} bytes")
    # behind a placeholder everything is sound; else some odd bytes behind the sound do no harm
    if sound.n_unknown > (0 if sound.is_streamed else min(_MANY_BYTES, max(sound.n_bytes, _FEW_BYTES))):
        if sound.past_4_gb:
            raise BadInputError(
                f'"{path.name}" holds {size / 2**30:.2f} GiB, but its header, which cannot say more than 4 GiB, tells of '
                f"{sound.n_bytes / 2**30:.2f} GiB; convert it to RF64 or W64 with the program that wrote it."
            )
        raise BadInputError(
            f'"{path.name}" tells of {sound.n_bytes:,} bytes of sound, but {sound.n_unknown:,} bytes follow that may be sound as well; '
            "export it again from the program that made it."
        )


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
