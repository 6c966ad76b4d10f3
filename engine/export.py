"""Stems and remix to files: rendered block by block, integer stems that add up exactly, whole files or none."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.atomic import Pending, all_or_none, free_bytes, nearest_there
from engine.audio_write import AudioWriter, expected_bytes
from engine.chunks import Clock
from engine.errors import BadInputError, Cancelled, TargetError
from engine.formats import OutputFormat
from engine.masks import Masks
from engine.mix import gain_of
from engine.nulltest import as_written
from engine.render import render_float, render_stems
from engine.samples import exact_stems, from_float, to_float
from engine.tags import Tags
from engine.types import Array, IsCancelled, Mix, Mixture, Report, never_cancelled, silent_report

BLOCK = 2**17  # samples at once: 3 s at 44.1 kHz


@dataclass(frozen=True)
class Stretch:
    """What to write of a recording: samples [start, start + n_samples), all of it scaled by headroom_db."""

    start: int
    n_samples: int
    headroom_db: float = 0.0


@dataclass(frozen=True)
class Written:
    """What was written: files by stem, and how many samples of each had to leave their rounded value."""

    files: dict[str, Path]
    n_overflowed: dict[str, int]
    tags_lost: list[str]


def check_targets(targets: list[Path], sources: list[Path], overwrite: bool) -> None:
    """Refuse, before anything is done, targets that are a source (the first is the song itself), a folder, there or out of reach."""
    for target in targets:
        try:
            if target.is_dir():
                raise TargetError(f'"{target.name}" is a folder; choose another name for the file.')
            for i, source in enumerate(sources):
                if target.exists() and source.exists() and target.samefile(source):
                    which = "one of the songs" if i else "the song itself"
                    raise TargetError(f"{target.name} is {which}, and Nullsum never writes over its source: choose another name.")
        except OSError as e:
            raise TargetError(f"{target} cannot be written ({e.strerror}); choose another name or folder.") from None
        if os.path.lexists(target) and not overwrite:  # a link that leads nowhere is there, too
            raise TargetError(f"{target} is there already; give --overwrite to replace it or choose another folder.")


def check_folder(folder: Path, may_be_made: bool = True) -> Path:
    """The folder or the nearest one above it that is there; TargetError unless files can be put into it."""
    try:
        there = nearest_there(folder)
    except OSError as e:
        raise TargetError(f"The folder {folder} cannot be made ({e.strerror}); choose another one.") from None
    if there != folder.absolute() and not may_be_made:
        raise TargetError(f"There is no folder {folder}; make it or choose another one.")
    if not there.is_dir():
        raise TargetError(f"The folder {folder} cannot be made: {there.name} is a file, not a folder; choose another one.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise TargetError(f"The folder {there} is read-only for you; choose another one.")
    return there


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """The folder exists within; those that had to be made are taken away again when the work fails (TargetError if impossible)."""
    made: list[Path] = []
    try:
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        for path in reversed(missing):
            path.mkdir()
            made.append(path)
    except OSError as e:
        _take_away(made)
        raise TargetError(f"The folder {folder} cannot be made ({e.strerror or e}); choose another one.") from None
    try:
        yield
    except BaseException:
        _take_away(made)
        raise


def _take_away(made: list[Path]) -> None:
    with contextlib.suppress(OSError):  # somebody else put something there: then it stays
        for path in reversed(made):
            path.rmdir()


def check_room(folder: Path, mixture: Mixture, fmt: OutputFormat, n_files: int, n_samples: int) -> None:
    """Refuse when the files cannot fit where they are to be written (TargetError)."""
    need = n_files * expected_bytes(n_samples, mixture.info.n_channels, fmt)
    free = free_bytes(folder)
    if free < need:
        raise TargetError(
            f"There is not enough room in {folder}: {need / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free; "
            "free some or choose another folder."
        )


def peak_of(mixture: Mixture, stretch: Stretch) -> float:
    """Largest absolute sample of a stretch before headroom, 1.0 = full scale."""
    peak = 0.0
    for at in range(0, stretch.n_samples, BLOCK):
        block = mixture.read(stretch.start + at, min(BLOCK, stretch.n_samples - at))
        peak = max(peak, float(np.abs(to_float(block, mixture.info.sample_type)).max(initial=0.0)))
    return peak


def check_full_scale(mixture: Mixture, fmt: OutputFormat, stretch: Stretch) -> None:
    """Refuse integer export of a float recording that goes above full scale, with what to do instead (BadInputError)."""
    info = mixture.info
    if fmt.sample_type.is_float or not info.sample_type.is_float:
        return
    peak = peak_of(mixture, stretch)
    if peak * gain_of(stretch.headroom_db) > 1.0:
        over_db = 20 * np.log10(peak)
        raise BadInputError(
            f"The recording is in floats and peaks {over_db:.1f} dB above full scale, which integers cannot hold; "
            f"write floats (--subtype FLOAT) or lower the whole output (--headroom {-np.ceil(over_db * 10) / 10:.1f})."
        )


def write_stems(
    mixture: Mixture,
    masks: Masks,
    targets: dict[str, Path],
    fmt: OutputFormat,
    stretch: Stretch,
    tags: Tags | None = None,
    report: Report = silent_report,
    is_cancelled: IsCancelled = never_cancelled,
    then: Callable[[Written, dict[str, Path]], Iterable[Pending]] = lambda written, whole: (),
    overwrite: bool = True,
) -> Written:
    """Write every stem at 0 dB to its target, all of them or none; without `overwrite` over nothing, whenever it came there.

    `then` is told what is about to appear and where each stem's file lies, whole, until it does: it may read and refuse
    them and add files (a report) that appear with them; see all_or_none.

    Integer formats: the stems add up to the source (at a lower depth or with headroom: to the source rounded by the
    same rule) at every sample, exactly. Float formats: within -130 dB. No dither.
    """
    info = mixture.info
    overflowed = np.zeros(len(masks.stems), dtype=np.int64)
    clock = Clock("Writing stems", -(-stretch.n_samples // BLOCK), report)
    writers = [AudioWriter(targets[s], info.rate_hz, info.n_channels, fmt, tags, overwrite) for s in masks.stems]

    def written() -> Written:
        counts = dict(zip(masks.stems, overflowed.tolist(), strict=True))
        return Written(dict(targets), counts, list(writers[0].tags_lost) if tags else [])

    whole = {stem: writer.temporary for stem, writer in zip(masks.stems, writers, strict=True)}
    with all_or_none(writers, lambda: then(written(), whole)):
        for at in range(0, stretch.n_samples, BLOCK):
            if is_cancelled():
                raise Cancelled("The export")
            n = min(BLOCK, stretch.n_samples - at)
            stems = render_stems(mixture, masks, stretch.start + at, n)  # (stem, channel, sample)
            if stretch.headroom_db:
                stems *= gain_of(stretch.headroom_db)
            if fmt.sample_type.is_float:
                blocks: Array = stems.astype(fmt.sample_type.dtype)
            else:
                source, _ = as_written(mixture.read(stretch.start + at, n), info.sample_type, fmt.sample_type, stretch.headroom_db)
                blocks, moved = exact_stems(stems, source, fmt.sample_type, masks.stems)
                overflowed += moved
            for writer, block in zip(writers, blocks, strict=True):
                writer.write(block)
            clock.step()
    return written()


def write_remix(
    mixture: Mixture,
    masks: Masks,
    mix: Mix,
    target: Path,
    fmt: OutputFormat,
    stretch: Stretch,
    tags: Tags | None = None,
    report: Report = silent_report,
    is_cancelled: IsCancelled = never_cancelled,
    then: Callable[[], None] = lambda: None,
    overwrite: bool = True,
) -> Written:
    """Write the remix as it is heard. Neutral: the recording's own samples.

    Samples that were clipped, or in a lossy file will be when it is played, are counted under "remix". `then` is called before the
    file appears and may refuse it by raising.
    """
    info = mixture.info
    clock, n_clipped = Clock("Writing the remix", -(-stretch.n_samples // BLOCK), report), 0
    with AudioWriter(target, info.rate_hz, info.n_channels, fmt, tags, overwrite) as writer:
        for at in range(0, stretch.n_samples, BLOCK):
            if is_cancelled():
                raise Cancelled("The export")
            n = min(BLOCK, stretch.n_samples - at)
            remix = render_float(mixture, masks, mix, stretch.start + at, n)  # exact for a neutral mix: only ever copied
            if stretch.headroom_db:
                remix = remix * gain_of(stretch.headroom_db)
            block, clipped = from_float(remix, fmt.sample_type)
            n_clipped += int(np.count_nonzero(np.abs(remix) > 1.0)) if fmt.is_lossy else clipped
            writer.write(block)
            clock.step()
        then()
    return Written({"remix": target}, {"remix": n_clipped}, list(writer.tags_lost) if tags else [])
