"""What the bridge's jobs do in their threads: draw the picture, write files. No Qt but the job's own signals."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.jobs import Job
from engine.display import drawn, empty_picture, next_stretch
from engine.session import NullReport, Session, Stretch, Written
from engine.types import AudioInfo, Mixture


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


class Shared:
    """A recording lent to the player, which must not close it."""

    def __init__(self, mixture: Mixture) -> None:
        self._mixture = mixture

    @property
    def info(self) -> AudioInfo:
        return self._mixture.info

    def read(self, start: int, n_samples: int) -> Any:
        return self._mixture.read(start, n_samples)


def draw(session: Session, job: Job, playhead_s: Callable[[], float]) -> Any:
    """Draw the picture stretch by stretch, from the playhead on; every snapshot is published."""
    picture = empty_picture(session.info)
    while (stretch := next_stretch(picture, playhead_s())) is not None and not job.is_cancelled():
        picture = drawn(session.mixture, picture, *stretch)
        job.published.emit(picture)
    return picture


def write_files(session: Session, wish: ExportWish, job: Job) -> Exported:
    """Stems, remix or both, as wished."""
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
        target = wish.folder / session.file_name(wish.name_template, "remix", fmt.extension)
        remix: Written = session.export_remix(target, fmt, stretch, wish.overwrite, job.report, job.is_cancelled)
        files.append(target)
        if remix.n_overflowed["remix"]:
            notes.append(f"{remix.n_overflowed['remix']:,} samples of the remix clipped; give the output some headroom.")
    return Exported(tuple(files), report, report.as_text() if report else "", tuple(notes))
