"""What an export would write, told before it begins: formats that can be, names of the files, what is there, how big."""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.atomic import free_bytes
from engine.audio_write import expected_bytes
from engine.errors import BadInputError
from engine.export import Stretch, check_folder, check_targets
from engine.formats import SUBTYPES, OutputFormat, chosen_format
from engine.types import AudioInfo


@dataclass(frozen=True)
class ExportPlan:
    """What an export would write, told before it begins."""

    fmt: OutputFormat
    files: tuple[Path, ...]  # the sound files: stems, then the remix
    reports: tuple[Path, ...]  # the null report beside them, where stems are written
    there: tuple[Path, ...]  # those of both that exist already
    n_bytes: int  # at most; compressed files come out smaller
    n_free: int  # where they would be written


@dataclass(frozen=True)
class Naming:
    """A template with {song}, {stem} and {method}, and what the fields stand for."""

    template: str
    song: str
    method: str

    def file(self, stem: str, extension: str) -> str:
        """A file's name; what no disk allows becomes "_". BadInputError for a template that says nothing or cannot be read."""
        try:
            name = self.template.format(song=self.song, stem=stem, method=self.method)
        except (KeyError, IndexError, ValueError, AttributeError):
            raise BadInputError(f"The name '{self.template}' cannot be read; use {{song}}, {{stem}} and {{method}} in it.") from None
        name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
        if not name:
            raise BadInputError("The name is empty; use {song}, {stem} and {method} in it.")
        return name + extension

    def stems(self, folder: Path, stems: tuple[str, ...], extension: str) -> dict[str, Path]:
        """Stem -> its file; BadInputError where two would be one."""
        targets = {stem: folder / self.file(stem, extension) for stem in stems}
        if len(set(targets.values())) < len(targets):
            raise BadInputError(f"The name '{self.template}' is the same for every stem; put {{stem}} into it.")
        return targets

    def reports(self, folder: Path) -> list[Path]:
        """The null report, as text and as JSON."""
        return [folder / self.file("null-report", ending) for ending in (".txt", ".json")]


def planned(
    info: AudioInfo, naming: Naming, folder: Path, stems: tuple[str, ...], fmt: OutputFormat, stretch: Stretch, remix: bool, overwrite: bool
) -> ExportPlan:
    """What would be written where, and how big; BadInputError or TargetError for what is known to fail. No stems: the remix alone."""
    assert info.path is not None
    files = naming.stems(folder, stems, fmt.extension)
    reports = naming.reports(folder) if stems else []
    sound = [*files.values(), *([folder / naming.file("remix", fmt.extension)] if remix else [])]
    check_targets([*sound, *reports], [info.path], overwrite)
    above = check_folder(folder)
    there = tuple(p for p in (*sound, *reports) if p.exists())
    n_bytes = len(sound) * expected_bytes(stretch.n_samples, info.n_channels, fmt)
    return ExportPlan(fmt, tuple(sound), tuple(reports), there, n_bytes, free_bytes(above))


def export_choices(info: AudioInfo) -> dict[str, tuple[str, ...]]:
    """Containers and their subtypes that hold this rate, channels and length, and what encodes them is installed."""
    found = {container: tuple(s for s in subtypes if _can_be(info, container, s)) for container, subtypes in SUBTYPES.items()}
    return {container: subtypes for container, subtypes in found.items() if subtypes}


def _can_be(info: AudioInfo, container: str, subtype: str) -> bool:
    try:
        return chosen_format(info, container, subtype) == OutputFormat(container, subtype)
    except BadInputError:
        return False
