"""What unfinished exports leave aside: swept away when nobody works on it any more; and a folder aside for files that belong together."""

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from engine.atomic import TEMP_PREFIX, target_error

if sys.platform != "win32":
    import fcntl

def sweep(folder: Path) -> int:
    """Remove what killed exports left in a folder; how many files and folders. What a living one still writes is locked and stays."""
    swept = 0
    for path in (*folder.glob(f"{TEMP_PREFIX}*.tmp"), *folder.glob(f"{TEMP_PREFIX}*/{LOCK}")):
        with contextlib.suppress(OSError):
            if sys.platform == "win32" and time.time() - path.stat().st_mtime < 3600:
                continue  # no locks there: it may be finished and about to appear
            handle = os.open(path, os.O_RDWR)
            try:
                if sys.platform != "win32":
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where somebody holds it
                if path.name == LOCK:
                    shutil.rmtree(path.parent, ignore_errors=True)
                else:
                    path.unlink()
                swept += 1
            finally:
                os.close(handle)
    return swept


LOCK = ".lock"  # in a folder aside


@contextlib.contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """A folder in `folder` for files that will replace others there: locked against `sweep`, removed in the end with what is left in it.

    Raises TargetError where it cannot be made.
    """
    sweep(folder)
    aside = folder / f"{TEMP_PREFIX}{secrets.token_hex(6)}"
    try:
        aside.mkdir()
        handle = os.open(aside / LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as problem:
        with contextlib.suppress(OSError):
            aside.rmdir()
        raise target_error(aside, problem) from problem
    try:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a disk that knows no locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield aside
    finally:
        os.close(handle)
        shutil.rmtree(aside, ignore_errors=True)
