"""What the command line needs around its commands: inputs and targets, numbers, progress, Ctrl-C."""

import contextlib
import glob
import math
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from engine.errors import BadInputError, Cancelled
from engine.types import Progress

LONGEST_S = 1e9  # 31 years: no recording is so long, and a count of samples beyond has no integer
AUDIO_SUFFIXES = frozenset(".wav .wave .aif .aiff .aifc .flac .caf .rf64 .w64 .au .ogg .oga .opus .mp3 .m4a .mp4 .aac".split())


def inputs(words: list[str]) -> list[Path]:
    """Files, folders (their audio files, in order) and globs -> files, each once. BadInputError when a word finds nothing."""
    found: list[Path] = []
    for word in words:
        try:
            found += _files(word)
        except OSError as e:
            raise BadInputError(f"{short(word)} cannot be opened ({e.strerror}); check the name and its permissions.") from None
    return list(dict.fromkeys(found))


def one_input(word: str) -> Path:
    """The file that a word means; BadInputError where it means none or several."""
    found = inputs([word])
    if len(found) != 1:
        raise BadInputError(f"{word} means {len(found)} files, but one song is wanted here; name one of them.")
    return found[0]


def _files(word: str) -> list[Path]:
    """What one word means; OSError where the system lets nobody look."""
    path = Path(word)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file())
        if not inside:
            raise BadInputError(f"The folder {path} holds no audio files; name a song or another folder.")
        return inside
    if path.exists() or not any(c in word for c in "*?["):
        return [path]  # a missing file is told by whoever opens it
    matches = sorted(p for m in glob.glob(word, recursive=True) if (p := Path(m)).is_file())  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not matches:
        raise BadInputError(f"Nothing matches {word} (folders apart); check the pattern.")
    return matches


def short(word: str) -> str:
    """A name as it fits into a sentence."""
    return f'"{word}"' if len(word) <= 100 else f'"{word[:60]}..." ({len(word)} characters)'


def target_folders(paths: list[Path], out: Path) -> dict[Path, Path]:
    """DIR/<song> for each input; inputs that would share one are told apart by their ending, then by a number.

    Names that differ in case alone would share one on macOS and Windows. A song called "..wav" gets its whole name.
    """
    n_same = Counter(p.stem.casefold() for p in paths)
    taken: set[str] = set()
    folders: dict[Path, Path] = {}
    for p in sorted(paths, key=lambda p: n_same[p.stem.casefold()]):  # whose name nobody else has gets it first
        own = p.stem if n_same[p.stem.casefold()] == 1 and p.stem.strip(".") else p.name
        n = 2
        while own.casefold() in taken or own == "..":
            own, n = f"{p.stem} ({n}){p.suffix}", n + 1
        taken.add(own.casefold())
        folders[p] = out / own
    return folders


def parse_db(name: str, word: str) -> float:
    """A gain in dB: +2, -3.5, -inf. BadInputError for anything else and beyond +12 dB for nothing but -inf below."""
    try:
        value = float(word)
    except ValueError:
        raise BadInputError(f"{name} is '{word}', which is not a gain in dB; give a number such as +2, -3.5 or -inf.") from None
    if math.isnan(value) or value > 60:
        raise BadInputError(f"{name} is {word} dB; give a gain between -inf and +60 dB.")
    return value


def parse_range(word: str | None) -> tuple[float, float | None]:
    """Read "30:60", "30:", ":60": start and end in seconds (end None: to the end)."""
    if word is None:
        return 0.0, None
    start, colon, end = word.partition(":")
    try:
        if not colon:
            raise ValueError
        begin, finish = float(start or 0), float(end) if end else None
        if not (math.isfinite(begin) and (finish is None or math.isfinite(finish))) or begin < 0:
            raise ValueError
    except ValueError:
        raise BadInputError(f"The range '{word}' cannot be read; give start and end in seconds, such as 30:60, 30: or :60.") from None
    if max(begin, abs(finish or 0.0)) > LONGEST_S:
        raise BadInputError(f"The range {short(word)} lies beyond any recording; give start and end in seconds, such as 30:60.")
    return begin, finish


def with_gains_joined(words: list[str]) -> list[str]:
    """["--drums", "-inf"] -> ["--drums=-inf"], so that a negative value is never taken for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and re.fullmatch(r"[+-](inf|[\d.]+)", word):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    return joined


def human_bytes(n: float) -> str:
    """1234567 -> "1.2 MB"."""
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"


def prose(result: dict[str, Any]) -> str:
    """What `separate` says of one song."""
    names = ", ".join(Path(p).name for p in result["stems"].values())
    lines = [f"{Path(result['song']).name}: {names} in {result['folder']}", f"  {result['verdict']}", f"  Null report: {result['report']}"]
    return "\n".join(lines + [f"  Note: {n}" for n in result["notes"]])


_stop = threading.Event()  # Ctrl-C was pressed


def interrupted() -> bool:
    """Whether Ctrl-C was pressed: looked at between chunks, so that work ends tidily."""
    return _stop.is_set()


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    if not _stop.is_set():
        _stop.set()  # no exception: imports and half-written files take them badly
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what follows is tidying up, which nothing may disturb
    raise KeyboardInterrupt  # pressed twice: at once


@contextlib.contextmanager
def ctrl_c() -> Iterator[None]:
    """Within it the first Ctrl-C is told by `interrupted`, the second raises KeyboardInterrupt, further ones do nothing."""
    _stop.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Ticker:
    """Progress on stderr with time left, on a terminal; a second Ctrl-C within it stops at once (see ctrl_c)."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Ticker":
        if interrupted():
            raise Cancelled("The work")  # pressed while it was prepared
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            words = TextColumn("{task.fields[song]}", markup=False), TextColumn("{task.description}")  # a name may hold [brackets]
            self._bar = Bar(*words, BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("Opening", total=1.0, song=self._title)
        return self

    def report(self, progress: Progress) -> None:
        """Show how far the work is."""
        if self._bar:
            self._bar.update(self._task, description=progress.what, completed=progress.done)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()


def unforeseen(error: BaseException) -> str:
    """One sentence that names an error which nobody foresaw, and what to do."""
    return (
        f"Something went wrong that should not have ({type(error).__name__}: {error}); nothing that was there before has changed. "
        "Please report it; NULLSUM_DEBUG=1 shows where it happened."
    )
