"""Files that appear whole or not at all, several together or none: written beside their places, locked, renamed in the end."""

import contextlib
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, Self

from engine.errors import TargetError

TEMP_PREFIX = ".nullsum-"  # of unfinished files beside their targets; `sweep` looks for it

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


class Pending(Protocol):
    """A file on its way: written beside its target, which it replaces only when it is whole."""

    def __enter__(self) -> object:
        """Begin it."""
        ...

    def finish(self) -> None:
        """It is whole now, under its temporary name."""
        ...

    def appear(self, can_go_back: bool = False) -> None:
        """Take the target's place; what stood there is kept aside where it must be possible to go back."""
        ...

    def go_back(self) -> None:
        """Undo `appear`: what stood there before stands there again. Never raises."""
        ...

    def settle(self) -> None:
        """It stays: forget what stood there before. Never raises."""
        ...

    def give_up(self) -> None:
        """Remove it; harmless when it has appeared already. Never raises."""
        ...


class Beside:
    """What files on their way share: a temporary file beside the target, locked against `sweep`, renamed or removed in the end."""

    def __init__(self, target: Path, may_replace: bool = True) -> None:
        """Without may_replace a file that stands at the target by the end is left alone, whenever it came."""
        self._target, self._may_replace = Path(target), may_replace
        self.temporary = self._target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.tmp"  # where the file lies until it appears
        self._old: Path | None = None  # where what stood there before is kept
        self._has_appeared = False
        self._lock: int | None = None

    def begin(self) -> None:
        """Make it, empty, held for as long as this process lives or the handle is open. Raises OSError."""
        self._lock = os.open(self.temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if sys.platform == "win32":
            self._release()  # no file is renamed there while it is open
        else:
            with contextlib.suppress(OSError):  # a disk that knows no locks: nobody can sweep there either
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def appear(self, can_go_back: bool = False) -> None:
        """Take the target's place, see Pending. Raises TargetError."""
        try:
            if not self._may_replace:
                _moved_to_free_place(self.temporary, self._target)
            else:
                if can_go_back and os.path.lexists(self._target):
                    self._old = _kept(self._target)
                self.temporary.replace(self._target)
        except OSError as problem:
            self.go_back()
            self.give_up()
            raise target_error(self._target, problem) from problem
        self._has_appeared = True
        self._release()

    def go_back(self) -> None:
        """Undo `appear`, see Pending."""
        old, self._old = self._old, None
        with contextlib.suppress(OSError):
            if old is not None:
                old.replace(self._target)
                old.unlink(missing_ok=True)  # both names are one file where nothing had been replaced yet
            elif self._has_appeared:
                self._target.unlink(missing_ok=True)
        self._has_appeared = False

    def settle(self) -> None:
        """Forget what stood there before, see Pending."""
        old, self._old = self._old, None
        if old is not None:
            with contextlib.suppress(OSError):
                old.unlink()

    def give_up(self) -> None:
        """Remove what was written and leave the target as it was; never raises."""
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        handle, self._lock = self._lock, None
        if handle is not None:
            os.close(handle)


def _moved_to_free_place(path: Path, target: Path) -> None:
    """Rename, but never over another file (FileExistsError), as Windows does by itself."""
    if sys.platform == "win32":
        path.rename(target)
        return
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links: take the place first
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        path.replace(target)
    else:
        path.unlink()


def _kept(target: Path) -> Path:
    """A second name for the file that stands at the target, or where links are unknown its new one."""
    if target.is_dir() and not target.is_symlink():
        raise OSError(errno.EISDIR, "it is a folder")
    old = target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.old"
    if not target.is_symlink():  # not every system gives a second name to a link itself
        with contextlib.suppress(OSError):
            os.link(target, old)
            return old
    target.rename(old)
    return old


class Moved(Beside):
    """A file that is whole already, elsewhere on the same disk, on its way; see Pending."""

    def __init__(self, path: Path, target: Path, may_replace: bool = True) -> None:
        super().__init__(target, may_replace)
        self.temporary = path

    def __enter__(self) -> Self:
        return self

    def finish(self) -> None:
        """Nothing is left to do."""


class TextWriter(Beside):
    """A text file (UTF-8) on its way, see Pending; what UTF-8 cannot say (a broken file name) gets a backslash."""

    def __init__(self, target: Path, text: str, may_replace: bool = True) -> None:
        super().__init__(target, may_replace)
        self._text = text

    def __enter__(self) -> Self:
        try:
            self.begin()
            with self.temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(self._text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.give_up()
            raise target_error(self._target, error) from error
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
            file.appear(can_go_back=len(pending) > 1)
    except BaseException:
        _each(pending, lambda file: file.go_back())
        _each(pending, lambda file: file.give_up())
        raise
    _each(pending, lambda file: file.settle())


def _each(pending: list[Pending], do: Callable[[Pending], None]) -> None:
    """For all of them, the last one first, even where Ctrl-C is pressed meanwhile (the first error is the one that is told)."""
    left = list(pending)
    while left:
        with contextlib.suppress(KeyboardInterrupt):
            do(left[-1])
            left.pop()


def target_error(target: Path, error: BaseException) -> TargetError:
    """What the system said, as a sentence."""
    name, folder = f'"{target.name}"', target.parent
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return TargetError(f"{name} cannot be written: the folder {folder} is read-only for you; choose another folder.")
    if number in (errno.ENOENT, errno.ENOTDIR):
        return TargetError(f"{name} cannot be written: there is no folder {folder}; make it or choose another one.")
    if number == errno.EEXIST:
        return TargetError(f"{name} came to be there meanwhile; give --overwrite to replace it or choose another folder.")
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


def _free_mb(folder: Path) -> str:
    try:
        return f"{free_bytes(folder) / 1e6:.1f} MB"
    except OSError:
        return "unknown room"
