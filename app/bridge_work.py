"""What the bridge's jobs do in their threads: draw the picture, write files. No Qt but the job's own signals."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.jobs import Job
from engine.display import drawn, empty_picture, next_stretch
from engine.errors import TargetError
from engine.session import ExportPlan, Moved, NullReport, Session, Stretch, Written, all_or_none, folder_aside, made_folder
from engine.types import AudioInfo, Mix, Mixture


@dataclass(frozen=True)
class ExportWish:
    """What the export dialog asks for."""

    folder: Path
    stems: bool = True
    remix: bool = False
    start_s: float = 0.0
    end_s: float | None = None
    container: str | None = None  # None: the source's own
    subtype: str | None = None
    headroom_db: float = 0.0
    name_template: str = "{song} - {stem}"
    overwrite: bool = False


@dataclass(frozen=True)
class Exported:
    """What an export came to: the files, and the null report where stems were written."""

    files: tuple[Path, ...]
    report: NullReport | None
    report_text: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What came of asking for a compute device: the one to use, in words, and why it is no GPU."""

    wanted: str
    use: str
    said: tuple[str, str]


class Shared:
    """A recording lent to the player, which must not close it."""

    def __init__(self, mixture: Mixture) -> None:
        self._mixture = mixture

    @property
    def info(self) -> AudioInfo:
        """What is known without reading."""
        return self._mixture.info

    def read(self, start: int, n_samples: int) -> Any:
        """See engine.types.Mixture."""
        return self._mixture.read(start, n_samples)


def draw(session: Session, job: Job, playhead_s: Callable[[], float]) -> Any:
    """Draw the picture stretch by stretch, from the playhead on; every snapshot is published."""
    picture = empty_picture(session.info)
    while (stretch := next_stretch(picture, playhead_s())) is not None and not job.is_cancelled():
        picture = drawn(session.mixture, picture, *stretch)
        job.published.emit(picture)
    return picture


def plan_of(session: Session, wish: ExportWish, overwrite: bool = True) -> ExportPlan:
    """What a wish would write; an EngineError for what is known to fail."""
    fmt = session.output_format(wish.container, wish.subtype)
    end_s = wish.end_s if wish.end_s is None or math.isfinite(wish.end_s) else None
    stretch: Stretch = session.stretch(wish.start_s, end_s, wish.headroom_db)
    return session.export_plan(wish.folder, fmt, stretch, wish.stems, wish.remix, wish.name_template, overwrite)


def write_files(session: Session, wish: ExportWish, job: Job, mix: Mix) -> Exported:
    """Stems, remix or both, as wished, the faders as in `mix`.

    When it fails or is cancelled, everything is as it was before.
    """
    plan = plan_of(session, wish, wish.overwrite)  # refuses a remix that is there before it begins with the stems
    with made_folder(wish.folder):
        return _in_one_go(session, wish, job, mix, plan) if wish.stems and wish.remix else _written(session, wish, job, mix)


def _in_one_go(session: Session, wish: ExportWish, job: Job, mix: Mix, plan: ExportPlan) -> Exported:
    """Stems and remix are written aside first: a cancel during the remix must not leave stems, nor have replaced older ones."""
    for path in plan.there:
        if not path.is_symlink() and not os.access(path, os.W_OK):
            raise TargetError(f"{path.name} exists and is write-protected; choose another name or change its permissions.")
    with folder_aside(wish.folder) as aside:
        done = _written(session, replace(wish, folder=aside), job, mix)
        with all_or_none([Moved(aside / path.name, path, wish.overwrite) for path in (*plan.files, *plan.reports)]):
            pass
    return replace(done, files=tuple(wish.folder / path.name for path in done.files))


def _written(session: Session, wish: ExportWish, job: Job, mix: Mix) -> Exported:
    fmt = session.output_format(wish.container, wish.subtype)
    end_s = wish.end_s if wish.end_s is None or math.isfinite(wish.end_s) else None
    stretch: Stretch = session.stretch(wish.start_s, end_s, wish.headroom_db)
    files: list[Path] = []
    notes: list[str] = []
    report: NullReport | None = None
    if wish.stems:
        written, report = session.export_stems(wish.folder, fmt, stretch, wish.overwrite, job.report, job.is_cancelled, wish.name_template)
        files += written.files.values()
        notes += report.notes
    if wish.remix:
        target = wish.folder / session.naming(wish.name_template).file("remix", fmt.extension)
        remix: Written = session.export_remix(target, fmt, stretch, wish.overwrite, job.report, job.is_cancelled, mix)
        files.append(target)
        if remix.n_overflowed["remix"]:
            notes.append(f"{remix.n_overflowed['remix']:,} samples of the remix clipped; give the output some headroom.")
        if remix.tags_lost and not wish.stems:  # the null report of the stems says it too
            notes.append(f"Not carried on from the source: {', '.join(remix.tags_lost)}.")
    return Exported(tuple(files), report, report.as_text() if report else "", tuple(notes))
