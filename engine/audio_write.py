"""Writes sound files: is there room, and a writer whose file appears whole or not at all.

Integers go to libsndfile as integers, always: its own conversion from float to PCM rounds down.
"""

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import soundfile as sf

from engine.audio_checks import system_name
from engine.audio_sinks import TROUBLE, AvSink, Sink, SndfileSink, av_trouble
from engine.errors import BadInputError, TargetError
from engine.formats import OutputFormat, objection_to, shift_of
from engine.samples import int_range
from engine.tags import TEMP_PREFIX, Tags, tag_in_place
from engine.types import Array, AudioInfo

_BLOCK = 65536  # samples per channel handed to an encoder at a time; libsndfile's Vorbis takes no very long ones

if sys.platform != "win32":  # where a file that is open cannot be removed, and needs no lock
    import fcntl


def nearest_there(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists. Raises OSError where the system lets nobody look."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def free_bytes(folder: Path) -> int:
    """Free bytes for this user on the disk of a folder (of its nearest parent, where it does not exist yet)."""
    return shutil.disk_usage(nearest_there(folder)).free


def expected_bytes(n_samples: int, n_channels: int, fmt: OutputFormat) -> int:
    """At most so many bytes a file takes, tags aside; compressed formats usually need far less."""
    width = 2 if fmt.is_lossy else fmt.sample_type.bits // 8
    plain = n_samples * n_channels * width
    return plain + plain // 64 + 65536


class Pending(Protocol):
    """A file on its way: written beside its target, which it replaces only when it is whole."""

    def __enter__(self) -> object:
        """Begin it."""
        ...

    def finish(self) -> None:
        """It is whole now, under its temporary name."""
        ...

    def appear(self) -> None:
        """Take the target's place."""
        ...

    def give_up(self) -> None:
        """Remove it; harmless when it has appeared already. Never raises."""
        ...


class _Beside:
    """What files on their way share: a temporary file beside the target, locked against `sweep`, renamed or removed in the end."""

    def __init__(self, target: Path) -> None:
        self._target = Path(target)
        self.temporary = self._target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.tmp"  # where the file lies until it appears
        self._lock: int | None = None

    def _begin(self) -> None:
        """Make it, empty, held for as long as this process lives or the handle is open. Raises OSError."""
        self._lock = os.open(self.temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if sys.platform == "win32":
            self._release()  # no file is renamed there while it is open
        else:
            with contextlib.suppress(OSError):  # a disk that knows no locks: nobody can sweep there either
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def appear(self) -> None:
        """Take the target's place. Raises TargetError."""
        try:
            self.temporary.replace(self._target)
        except OSError as problem:
            self.give_up()
            raise _target_error(self._target, problem) from problem
        self._release()

    def give_up(self) -> None:
        """Remove what was written and leave the target as it was; never raises."""
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        handle, self._lock = self._lock, None
        if handle is not None:
            os.close(handle)


class AudioWriter(_Beside):
    """Writes one sound file: a context manager whose target appears, whole and tagged, when its block ends without an error.

    Until then a file ".nullsum-*.tmp" stands beside the target; any exception removes it and leaves the target as it was.
    Raises TargetError where the place cannot take the file, BadInputError where the format cannot hold rate or channels.
    """

    def __init__(self, target: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags | None = None) -> None:
        super().__init__(target)
        self._rate_hz, self._n_channels, self._fmt, self._tags = rate_hz, n_channels, fmt, tags or Tags()
        self._sink: Sink | None = None
        self.n_samples = 0  # written so far
        self.tags_lost: list[str] = []  # words of the tags that the finished file does not hold

    def __enter__(self) -> Self:
        info = AudioInfo(None, self._fmt.container, self._fmt.subtype, self._fmt.sample_type, self._rate_hz, self._n_channels, 1)
        if objection := objection_to(self._fmt, info):
            raise BadInputError(objection)
        try:
            self._look_at_target()
            sweep(self._target.parent)
            self._begin()
            kind = AvSink if self._fmt.container == "M4A" else SndfileSink
            self._sink = kind(self.temporary, self._rate_hz, self._n_channels, self._fmt, self._tags)
        except BaseException as error:
            self.give_up()
            if isinstance(error, TROUBLE):
                raise _target_error(self._target, error) from error
            raise
        return self

    def write(self, samples: Array) -> None:
        """Append samples (channel, sample) in fmt.sample_type's dtype, integers unscaled. The array is not changed.

        Raises ValueError for another shape or type, integers beyond their bits, NaN or Inf; TargetError where the disk is full.
        """
        kind = self._fmt.sample_type
        if samples.ndim != 2 or samples.shape[0] != self._n_channels or samples.dtype != kind.dtype:
            raise ValueError(f"samples must be ({self._n_channels}, n) of {kind.dtype}; found {samples.shape} of {samples.dtype}")
        if self._sink is None:
            raise ValueError("write needs an open AudioWriter: use it in a with statement")
        shift = shift_of(kind)
        for start in range(0, samples.shape[1], _BLOCK):
            block = samples[:, start : start + _BLOCK].T
            if kind.is_float and not np.isfinite(block).all():
                raise ValueError("samples hold NaN or Inf; nothing of the kind is written to a file")
            if shift and (block.min() < int_range(kind)[0] or block.max() > int_range(kind)[1]):
                raise ValueError(f"samples lie outside {int_range(kind)}; clip them to {kind.bits} bits first")
            try:
                self._sink.write(np.ascontiguousarray(block << shift if shift else block))
            except TROUBLE as error:
                raise _target_error(self._target, error) from error
            self.n_samples += len(block)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self.give_up()
            return
        try:
            self.finish()
            self.appear()
        except BaseException:
            self.give_up()  # also where Ctrl-C was pressed between the two
            raise

    def finish(self) -> None:
        """Write the end and the tags; the file is whole, under its temporary name. Raises TargetError."""
        try:
            self._finish()
        except BaseException as problem:
            self.give_up()
            if isinstance(problem, TROUBLE):
                raise _target_error(self._target, problem) from problem
            raise

    def _finish(self) -> None:
        if self.n_samples == 0:
            raise TargetError(f'Nothing was written to "{self._target.name}", so no file was made; choose a stretch that holds sound.')
        assert self._sink is not None
        self._sink.close()
        self._sink = None
        if _length_of(self.temporary, self._fmt) != self.n_samples:
            raise OSError(errno.EIO, "the file came out shorter than what was written")
        if self._tags:
            self.tags_lost = tag_in_place(self.temporary, self._tags, self._fmt.container)
        with self.temporary.open("rb+") as file:
            os.fsync(file.fileno())

    def _look_at_target(self) -> None:
        """Refuse at once what would fail only at the end."""
        target = self._target
        try:
            target.lstat()
        except FileNotFoundError:
            return  # a missing folder is told by opening the temporary file
        if target.is_dir():
            raise TargetError(f'"{target.name}" is a folder; choose another name for the file.')
        if not target.is_symlink() and not os.access(target, os.W_OK):
            raise TargetError(f'"{target.name}" exists and is write-protected; choose another name or change its permissions.')

    def give_up(self) -> None:
        """Remove what was written and leave the target as it was; never raises."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.drop()
        super().give_up()


class TextWriter(_Beside):
    """A text file (UTF-8) on its way, see Pending; what UTF-8 cannot say (a broken file name) gets a backslash."""

    def __init__(self, target: Path, text: str) -> None:
        super().__init__(target)
        self._text = text

    def __enter__(self) -> Self:
        try:
            self._begin()
            with self.temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(self._text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.give_up()
            raise _target_error(self._target, error) from error
        return self

    def finish(self) -> None:
        """Nothing is left to do."""


@contextlib.contextmanager
def all_or_none(files: Iterable[Pending], then: Callable[[], Iterable[Pending]] = tuple) -> Iterator[None]:
    """Files that belong together: first all are finished, then all take their places; or none does.

    `then` is called between the two, while the files are whole under their temporary names: it may read them, refuse
    them by raising, and add further files to those that appear.
    """
    pending = list(files)
    try:
        for file in pending:
            file.__enter__()
        yield
        for file in pending:
            file.finish()
        for file in then():
            pending.append(file)
            file.__enter__()
            file.finish()
        for file in pending:
            file.appear()
    except BaseException:
        _give_up_all(pending)
        raise


def _give_up_all(pending: list[Pending]) -> None:
    """Remove them all, even where Ctrl-C is pressed once more meanwhile (the first error is the one that is told)."""
    left = list(pending)
    while left:
        with contextlib.suppress(KeyboardInterrupt):
            left[-1].give_up()
            left.pop()


def sweep(folder: Path) -> int:
    """Remove what killed exports left in a folder; how many files. Those that a living one still writes are locked and stay."""
    swept = 0
    for path in folder.glob(f"{TEMP_PREFIX}*.tmp"):
        with contextlib.suppress(OSError):
            if sys.platform == "win32" and time.time() - path.stat().st_mtime < 3600:
                continue  # no locks there: it may be finished and about to appear
            handle = os.open(path, os.O_RDWR)
            try:
                if sys.platform != "win32":
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where somebody holds it
                path.unlink()
                swept += 1
            finally:
                os.close(handle)
    return swept


def _target_error(target: Path, error: BaseException) -> TargetError:
    """What the system said, as a sentence."""
    name, folder = f'"{target.name}"', target.parent
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return TargetError(f"{name} cannot be written: the folder {folder} is read-only for you; choose another folder.")
    if number in (errno.ENOENT, errno.ENOTDIR):
        return TargetError(f"{name} cannot be written: there is no folder {folder}; make it or choose another one.")
    if number == errno.ENAMETOOLONG:
        return TargetError(f"{name} is too long a name for this disk ({len(os.fsencode(target.name))} bytes); choose a shorter one.")
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or not isinstance(error, OSError):  # libsndfile says no more than "failed"
        return TargetError(
            f"{name} cannot be written: the disk is full or refuses the data ({_free_mb(folder)} free); make room or choose another folder."
        )
    return TargetError(f"{name} cannot be written ({error.strerror or error}); check the disk or choose another folder.")


def atomic_text(target: Path, text: str) -> None:
    """Write a text file (UTF-8) that appears whole or not at all. Raises TargetError."""
    with all_or_none([TextWriter(target, text)]):
        pass


def _length_of(path: Path, fmt: OutputFormat) -> int:
    """Samples in a file that was just written, by its own header."""
    if fmt.container != "M4A":
        return int(sf.info(system_name(path)).frames)
    import av

    with av_trouble(), av.open(str(path)) as file:
        return int(file.streams.audio[0].duration or 0)  # its unit is one sample, see AvSink


def _free_mb(folder: Path) -> str:
    try:
        return f"{free_bytes(folder) / 1e6:.1f} MB"
    except OSError:
        return "unknown room"
