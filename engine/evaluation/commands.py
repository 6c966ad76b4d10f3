"""What the workshop's commands share: bounds of their numbers, folders that are ready before the work, what went wrong as a sentence."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import EngineError, TargetError

Number = TypeVar("Number", int, float)
FAILURES = (EngineError, OSError)  # what a command ends with a sentence for: ours, and what the system refuses


def at_least(least: Number) -> Callable[[str], Number]:
    """A type for argparse: numbers of `least`'s own kind that are not smaller.

    >>> at_least(1)("12"), at_least(0.5)("1")
    (12, 1.0)
    """

    def number(text: str) -> Number:
        try:
            value = type(least)(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' if type(least) is int else ''}number") from None
        if not value >= least:  # nan is not
            raise argparse.ArgumentTypeError(f"{text} must be at least {least:g}")
        return value

    return number


def ready(*folders: Path) -> None:
    """Make these folders, before the work and not after it. Raises TargetError where nothing can be written there."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise TargetError(f"Nothing can be written to the folder {str(folder)!r} ({error.strerror}); choose another one.") from None


def sentence(error: Exception) -> str:
    """One of FAILURES in a sentence."""
    if isinstance(error, OSError):
        what = repr(str(error.filename)) if error.filename else "A file"
        return f"{what} cannot be read or written ({error.strerror or error}); check the disk and its permissions, or choose another place."
    return str(error)
