"""THE DOOR to what is open: one recording, its masks, its mix; open, separate, render, export, test. Plain data in and out.

Everything above the engine (window, command line) goes through here. A Session starts no thread; `masks` and `mix` are
immutable snapshots that are replaced whole, so one thread may separate while another renders.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import export as _export
from engine.aside import folder_aside
from engine.atomic import Moved, Pending, TextWriter, all_or_none
from engine.audio import FileMixture, open_mixture
from engine.cache import Cache, StoredChunk
from engine.device import choose
from engine.errors import BadInputError
from engine.export import Stretch, Written, made_folder
from engine.export_plan import ExportPlan, Naming, export_choices, planned
from engine.formats import OutputFormat, chosen_format
from engine.masks import Masks
from engine.measure import Apart, Measured, apart_db, distance_db, measure, measure_apart
from engine.methods import build, methods
from engine.mix import is_neutral
from engine.null_report import report_on
from engine.nulltest import NullReport
from engine.render import Rendered, render, render_stems
from engine.separate import empty_masks, separate, why_not
from engine.tags import Tags, read_tags
from engine.types import Array, AudioInfo, IsCancelled, Method, Mix, Report, never_cancelled, silent_report

__all__ = [  # what the app may take from here besides Session
    "Apart", "Cache", "ExportPlan", "Measured", "Moved", "NullReport", "Session", "Stretch", "Written", "all_or_none",
    "apart_db", "device_words", "distance_db", "folder_aside", "is_neutral", "made_folder", "measure", "measure_apart", "methods",
    "why_not",
]  # fmt: skip
TRAINED = ("built-in", "research")  # groups of methods that have weights, and so a device that they run on


def device_words(wanted: str) -> tuple[str, str]:
    """The compute device in words, and why it is no GPU (empty if it is one). Imports torch."""
    device = choose(wanted)
    return device.words, device.why_no_gpu


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

    def forget_lost_masks(self) -> bool:
        """Forget all masks where some are no longer in the cache; whether that was so."""
        lost = any(isinstance(chunk, StoredChunk) and not chunk.path.exists() for chunk in self.masks.chunks.values())
        if lost:
            self.forget_masks()
        return lost

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
        in_use: Callable[[], Iterable[Callable[[], Array]]] = tuple,
    ) -> None:
        """Make (or fetch) the masks of a stretch, by default of everything; `masks` grows chunk by chunk.

        Chunks that `in_use` gives stay in the cache when room is made there in the end, beside those of this session.
        """
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
            report, is_cancelled, playhead_s, grown, known, in_use,
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
        return export_choices(self.info)

    def export_plan(
        self, folder: Path, fmt: OutputFormat, stretch: Stretch, stems: bool, remix: bool, name_template: str, overwrite: bool = True
    ) -> ExportPlan:
        """What would be written where, and how big; BadInputError or TargetError for what is known to fail."""
        return planned(self.info, self.naming(name_template), folder, self.stems if stems else (), fmt, stretch, remix, overwrite)

    def naming(self, template: str) -> Naming:
        """How the files of an export are called after a template."""
        assert self.info.path is not None
        return Naming(template, self.info.path.stem, self.method.info.name)

    def export_stems(
        self,
        folder: Path,
        fmt: OutputFormat,
        stretch: Stretch,
        overwrite: bool = False,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
        name_template: str = "{stem}",
        sources: Iterable[Path] = (),
    ) -> tuple[Written, NullReport]:
        """Stems and null report (txt and json, made from the files as they lie on disk) into a folder.

        Separates first what the stretch still needs. Nothing is left behind when it fails or is cancelled. `sources` are
        further songs that must not be written over.
        """
        naming = self.naming(name_template)
        self._refuse_changed()
        targets, reports = naming.stems(folder, self.stems, fmt.extension), naming.reports(folder)
        assert self.info.path is not None
        _export.check_targets([*targets.values(), *reports], [self.info.path, *sources], overwrite)
        _export.check_folder(folder)
        _export.check_room(folder, self.mixture, fmt, len(targets), stretch.n_samples)
        _export.check_full_scale(self.mixture, fmt, stretch)
        tags, said = self.tags(), []

        def null_report(written: Written, whole: dict[str, Path]) -> list[Pending]:
            self._refuse_changed()
            found = report_on(self.mixture, self.method, written, whole, fmt, stretch, report, is_cancelled)
            said.append(found)
            as_json = json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n"
            return [TextWriter(reports[0], found.as_text(), overwrite), TextWriter(reports[1], as_json, overwrite)]

        with _export.made_folder(folder):
            self.separate(stretch, report, is_cancelled)
            written = _export.write_stems(
                self.mixture, self.masks, targets, fmt, stretch, tags, report, is_cancelled, null_report, overwrite
            )
        return written, said[0]

    def export_remix(
        self,
        target: Path,
        fmt: OutputFormat,
        stretch: Stretch,
        overwrite: bool = False,
        report: Report = silent_report,
        is_cancelled: IsCancelled = never_cancelled,
        mix: Mix | None = None,
    ) -> Written:
        """The remix as it is heard now, or with the faders as they stood when `mix` was taken, in one file.

        A neutral mix needs no separation and is the recording itself.
        """
        assert self.info.path is not None
        _export.check_targets([target], [self.info.path], overwrite)
        _export.check_folder(target.parent, may_be_made=False)
        _export.check_room(target.parent, self.mixture, fmt, 1, stretch.n_samples)
        self._refuse_changed()
        tags, mix = self.tags(), self.mix if mix is None else mix
        if is_neutral(mix, self.stems, self.info.n_channels):
            _export.check_full_scale(self.mixture, fmt, stretch)  # of a moved mix clipped samples are counted
        else:
            self.separate(stretch, report, is_cancelled)
        self._refuse_changed()
        return _export.write_remix(
            self.mixture, self.masks, mix, target, fmt, stretch, tags, report, is_cancelled, self._refuse_changed, overwrite
        )

    def changed(self) -> str:
        """A sentence where the file is another one than was opened, else empty. One that is gone can still be read to its end."""
        path = self.info.path
        assert path is not None
        is_other = self.mixture.changed_on_disk() and path.exists()
        return f'"{path.name}" was changed on disk since it was opened; open it again and start anew.' if is_other else ""

    def _refuse_changed(self) -> None:
        if sentence := self.changed():
            raise BadInputError(sentence)
