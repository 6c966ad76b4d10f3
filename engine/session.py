"""THE DOOR to what is open: one recording, its masks, its mix; open, separate, render, export, test. Plain data in and out.

Everything above the engine (window, command line) goes through here. A Session starts no thread; `masks` and `mix` are
immutable snapshots that are replaced whole, so one thread may separate while another renders.
"""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine import export as _export
from engine.audio import FileMixture, open_mixture
from engine.audio_write import Pending, TextWriter, expected_bytes, free_bytes
from engine.cache import Cache
from engine.device import choose
from engine.errors import BadInputError
from engine.export import Stretch, Written
from engine.formats import SUBTYPES, OutputFormat, chosen_format
from engine.masks import Masks
from engine.measure import Apart, Measured, apart_db, distance_db, measure, measure_apart
from engine.methods import build, methods
from engine.mix import is_neutral
from engine.nulltest import NullReport, NullResult, null_test, versions
from engine.render import Rendered, render, render_stems
from engine.separate import empty_masks, identity, separate, why_not
from engine.tags import Tags, read_tags
from engine.types import Array, AudioInfo, IsCancelled, Method, Mix, Report, never_cancelled, silent_report

__all__ = [  # what the app may take from here besides Session
    "Apart", "Cache", "ExportPlan", "Measured", "NullReport", "Session", "Stretch", "Written",
    "apart_db", "device_words", "distance_db", "is_neutral", "measure", "measure_apart", "methods", "why_not",
]  # fmt: skip
TRAINED = ("built-in", "research")  # groups of methods that have weights, and so a device that they run on


def device_words(wanted: str) -> tuple[str, str]:
    """The compute device in words, and why it is no GPU (empty if it is one). Imports torch."""
    device = choose(wanted)
    return device.words, device.why_no_gpu


@dataclass(frozen=True)
class ExportPlan:
    """What an export would write, told before it begins."""

    fmt: OutputFormat
    files: tuple[Path, ...]  # the sound files: stems, then the remix
    reports: tuple[Path, ...]  # the null report beside them, where stems are written
    there: tuple[Path, ...]  # those of both that exist already
    n_bytes: int  # at most; compressed files come out smaller
    n_free: int  # where they would be written


class Session:
    """One open recording with a method; see the module's docstring for who may call what from where."""

    def __init__(
        self, path: Path, method: str = "nullsum-4", cache: Cache | None = None, device: str = "auto",
        settings: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.mixture: FileMixture = open_mixture(path)
        self.cache = cache
        self.mix = Mix()
        self.device = device
        self._lock = threading.Lock()
        self._generation = 0  # of masks: a job that was let go may still finish a chunk of masks that nobody wants any more
        self.method: Method
        self.masks: Masks
        try:
            self.choose_method(method, settings)
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> AudioInfo:
        """What is known of the recording."""
        return self.mixture.info

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems that the chosen method tells apart."""
        return self.method.info.stems

    def choose_method(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        """Another method: all masks are unknown again (or wait in the cache). MethodError for unknown or unsuitable ones.

        `settings` are the method's options by name (engine.methods.options); what is not named has its default.
        """
        known = methods().get(name)
        options = {"device": self.device} if known and known.group in TRAINED else {}
        method = build(name, **options, **(settings or {}))
        masks = empty_masks(self.info, method)
        with self._lock:
            self.masks, self.method = masks, method
            self._generation += 1

    def beside(self, method: str) -> "Session":
        """A second result of the same recording, by another method: masks of its own; cache, device and mix as they are here.

        Both read the one recording that is open, and closing either closes it. MethodError for unknown or unsuitable methods.
        """
        other = copy(self)
        other._lock = threading.Lock()
        other.choose_method(method)
        return other

    def forget_masks(self) -> None:
        """All masks are unknown again; to be called before the cache is cleared, in which they lie."""
        with self._lock:
            self.masks = empty_masks(self.info, self.method)
            self._generation += 1

    def close(self) -> None:
        """Let go of the file."""
        self.mixture.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def stretch(self, start_s: float = 0.0, end_s: float | None = None, headroom_db: float = 0.0) -> Stretch:
        """A stretch in seconds as samples; BadInputError when it does not lie in the recording or headroom_db is out of bounds."""
        if not -200.0 <= headroom_db <= 60.0:
            raise BadInputError(f"The headroom is {headroom_db:g} dB; give decibels between -200 and +60, such as -3.")
        info = self.info
        start = round(start_s * info.rate_hz)
        end = info.n_samples if end_s is None else min(info.n_samples, round(end_s * info.rate_hz))
        if not 0 <= start < end:
            raise BadInputError(
                f"The range {start_s:g}:{'' if end_s is None else f'{end_s:g}'} does not lie in the recording, "
                f"which is {info.seconds:.2f} s long; give start and end in seconds, such as 30:60."
            )
        return Stretch(start, end - start, headroom_db)

    def separate(
        self,
        stretch: Stretch | None = None,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
        playhead_s: Callable[[], float] = lambda: 0.0,
        publish: Callable[[Masks], None] | None = None,
    ) -> None:
        """Make (or fetch) the masks of a stretch, by default of everything; `masks` grows chunk by chunk."""
        s = stretch or Stretch(0, self.info.n_samples)
        rate_hz = self.info.rate_hz
        with self._lock:
            method, known, generation = self.method, self.masks, self._generation

        def grown(masks: Masks) -> None:
            with self._lock:
                if generation != self._generation:
                    return
                masks = replace(masks, chunks={**self.masks.chunks, **masks.chunks})  # another job may have made some as well
                self.masks = masks
            if publish:
                publish(masks)

        separate(
            self.mixture, method, self.cache, s.start / rate_hz, (s.start + s.n_samples) / rate_hz,
            report, is_cancelled, playhead_s, grown, known,
        )  # fmt: skip

    def render(self, start: int, n_samples: int) -> Rendered:
        """The remix as it would be exported: samples (channel, sample) in the recording's own type."""
        return render(self.mixture, self.masks, self.mix, start, n_samples)

    def render_stems(self, start: int, n_samples: int) -> Array:
        """All stems at 0 dB: float64 (stem, channel, sample), 1.0 = full scale."""
        return render_stems(self.mixture, self.masks, start, n_samples)

    def tags(self) -> Tags:
        """Title, artist, cover and so on of the source file."""
        assert self.info.path is not None
        return read_tags(self.info.path)

    def output_format(self, container: str | None = None, subtype: str | None = None) -> OutputFormat:
        """The source's own format, or what was asked for; BadInputError for what cannot be."""
        return chosen_format(self.info, container, subtype)

    def export_choices(self) -> dict[str, tuple[str, ...]]:
        """Containers and their subtypes that hold this recording's rate, channels and length, and what encodes them is installed."""
        found = {c: tuple(s for s in subtypes if self._can_be(c, s)) for c, subtypes in SUBTYPES.items()}
        return {container: subtypes for container, subtypes in found.items() if subtypes}

    def _can_be(self, container: str, subtype: str) -> bool:
        try:
            return chosen_format(self.info, container, subtype) == OutputFormat(container, subtype)
        except BadInputError:
            return False

    def export_plan(
        self, folder: Path, fmt: OutputFormat, stretch: Stretch, stems: bool, remix: bool, name_template: str, overwrite: bool = True
    ) -> ExportPlan:
        """What would be written where, and how big; BadInputError or TargetError for what is known to fail."""
        assert self.info.path is not None
        files = self._stem_targets(folder, name_template, fmt.extension) if stems else {}
        reports = self._report_targets(folder, name_template) if stems else []
        sound = [*files.values(), *([folder / self.file_name(name_template, "remix", fmt.extension)] if remix else [])]
        _export.check_targets([*sound, *reports], [self.info.path], overwrite)
        above = _export.check_folder(folder)
        there = tuple(p for p in (*sound, *reports) if p.exists())
        n_bytes = len(sound) * expected_bytes(stretch.n_samples, self.info.n_channels, fmt)
        return ExportPlan(fmt, tuple(sound), tuple(reports), there, n_bytes, free_bytes(above))

    def _stem_targets(self, folder: Path, name_template: str, extension: str) -> dict[str, Path]:
        targets = {stem: folder / self.file_name(name_template, stem, extension) for stem in self.stems}
        if len(set(targets.values())) < len(targets):
            raise BadInputError(f"The name '{name_template}' is the same for every stem; put {{stem}} into it.")
        return targets

    def _report_targets(self, folder: Path, name_template: str) -> list[Path]:
        return [folder / self.file_name(name_template, "null-report", ending) for ending in (".txt", ".json")]

    def file_name(self, template: str, stem: str, extension: str) -> str:
        """A file's name from a template with {song}, {stem} and {method}; what no disk allows becomes "_"."""
        assert self.info.path is not None
        try:
            name = template.format(song=self.info.path.stem, stem=stem, method=self.method.info.name)
        except (KeyError, IndexError, ValueError, AttributeError):
            raise BadInputError(f"The name '{template}' cannot be read; use {{song}}, {{stem}} and {{method}} in it.") from None
        name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
        if not name:
            raise BadInputError("The name is empty; use {song}, {stem} and {method} in it.")
        return name + extension

    def export_stems(
        self,
        folder: Path,
        fmt: OutputFormat,
        stretch: Stretch,
        overwrite: bool = False,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
        name_template: str = "{stem}",
    ) -> tuple[Written, NullReport]:
        """Stems and null report (txt and json, made from the files as they lie on disk) into a folder.

        Separates first what the stretch still needs. Nothing is left behind when it fails or is cancelled.
        """
        targets = self._stem_targets(folder, name_template, fmt.extension)
        reports = self._report_targets(folder, name_template)
        assert self.info.path is not None
        _export.check_targets([*targets.values(), *reports], [self.info.path], overwrite)
        _export.check_folder(folder)
        _export.check_room(folder, self.mixture, fmt, len(targets), stretch.n_samples)
        _export.check_full_scale(self.mixture, fmt, stretch)
        tags, said = self.tags(), []

        def null_report(written: Written, whole: dict[str, Path]) -> list[Pending]:
            self._refuse_changed()
            found = self.null_report(written, whole, fmt, stretch, report, is_cancelled)
            said.append(found)
            as_json = json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n"
            return [TextWriter(reports[0], found.as_text()), TextWriter(reports[1], as_json)]

        with _export.made_folder(folder):
            self.separate(stretch, report, is_cancelled)
            written = _export.write_stems(self.mixture, self.masks, targets, fmt, stretch, tags, report, is_cancelled, null_report)
        return written, said[0]

    def export_remix(
        self,
        target: Path,
        fmt: OutputFormat,
        stretch: Stretch,
        overwrite: bool = False,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Written:
        """The remix as it is heard, in one file. A neutral mix needs no separation and is the recording itself."""
        assert self.info.path is not None
        _export.check_targets([target], [self.info.path], overwrite)
        _export.check_folder(target.parent, may_be_made=False)
        _export.check_room(target.parent, self.mixture, fmt, 1, stretch.n_samples)
        _export.check_full_scale(self.mixture, fmt, stretch)
        tags, mix = self.tags(), self.mix
        if not is_neutral(mix, self.stems, self.info.n_channels):
            self.separate(stretch, report, is_cancelled)
        self._refuse_changed()
        return _export.write_remix(self.mixture, self.masks, mix, target, fmt, stretch, tags, report, is_cancelled)

    def _refuse_changed(self) -> None:
        """BadInputError where the file is another one than was opened. One that is gone can still be read to its end."""
        path = self.info.path
        assert path is not None
        if self.mixture.changed_on_disk() and path.exists():
            raise BadInputError(f'"{path.name}" was changed on disk since it was opened; open it again and start anew.')

    def null_report(
        self,
        written: Written,
        whole: dict[str, Path],
        fmt: OutputFormat,
        stretch: Stretch,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> NullReport:
        """Re-read what was written, from where it lies until it appears under its name, and compare it with the source."""
        with contextlib.ExitStack() as stack:
            stems = {name: stack.enter_context(open_mixture(path)) for name, path in whole.items()}
            result: NullResult = null_test(
                self.mixture, dict(stems), fmt.sample_type, stretch.start, stretch.n_samples, stretch.headroom_db, report, is_cancelled
            )
            facts = {n: {"file": written.files[n].name, "format": f"{s.info.container} {s.info.subtype}",
                         "overflowed": written.n_overflowed[n]} for n, s in stems.items()}  # fmt: skip
        info = self.info
        source: dict[str, Any] = {
            "file": info.path.name if info.path else "", "format": f"{info.container} {info.subtype}", "rate_hz": info.rate_hz,
            "channels": info.n_channels, "samples": info.n_samples, "from": stretch.start, "count": stretch.n_samples,
            "decoder": info.decoder,
        }  # fmt: skip
        method = {"name": self.method.info.name, "title": self.method.info.title, **identity(self.method)["settings"],
                  "weights": self.method.info.weights_sha256 or "none"}  # fmt: skip
        return NullReport(result, source, facts, method, self._notes(fmt, stretch, written), versions())

    def _notes(self, fmt: OutputFormat, stretch: Stretch, written: Written) -> list[str]:
        """What a reader of the report should know."""
        notes, info = [], self.info
        if info.is_lossy:
            notes.append(f"The source is lossy ({info.subtype}); the mixture is what {info.decoder} decoded.")
        if fmt.is_lossy:
            notes.append(f"The stems were written as {fmt.container} {fmt.subtype}, which is lossy: they are not null.")
        if not fmt.sample_type.is_float and (info.sample_type.is_float or fmt.sample_type.bits < info.sample_type.bits):
            bits = fmt.sample_type.bits
            notes.append(f"Written at {bits} bits: the stems add up to the source rounded to {bits} bits.")
        if stretch.headroom_db:
            notes.append(f"The whole output was scaled by {stretch.headroom_db:+g} dB, the source it is compared with too.")
        n = sum(written.n_overflowed.values())
        if n:
            notes.append(f"{n:,} stem samples overflowed and were moved to other stems so that the sum stays exact.")
        if written.tags_lost:
            notes.append("Tags that this format cannot hold: " + ", ".join(written.tags_lost) + ".")
        return notes
