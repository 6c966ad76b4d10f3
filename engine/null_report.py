"""The report that lies beside exported stems: the null test of the files as they were written, with all that a reader should know."""

import contextlib
from pathlib import Path
from typing import Any

from engine.audio import FileMixture, open_mixture
from engine.export import Stretch, Written
from engine.formats import OutputFormat
from engine.nulltest import NullReport, NullResult, null_test, versions
from engine.separate import identity
from engine.types import AudioInfo, IsCancelled, Method, Report


def report_on(
    mixture: FileMixture, method: Method, written: Written, whole: dict[str, Path], fmt: OutputFormat, stretch: Stretch, report: Report,
    is_cancelled: IsCancelled,
) -> NullReport:  # fmt: skip
    """Re-read what was written, from where it lies (`whole`) until it appears under its name, and compare it with the source."""
    with contextlib.ExitStack() as stack:
        stems = {name: stack.enter_context(open_mixture(path)) for name, path in whole.items()}
        result: NullResult = null_test(
            mixture, dict(stems), fmt.sample_type, stretch.start, stretch.n_samples, stretch.headroom_db, report, is_cancelled
        )
        facts = {n: {"file": written.files[n].name, "format": f"{s.info.container} {s.info.subtype}",
                     "overflowed": written.n_overflowed[n]} for n, s in stems.items()}  # fmt: skip
    info = mixture.info
    source: dict[str, Any] = {
        "file": info.path.name if info.path else "", "format": f"{info.container} {info.subtype}", "rate_hz": info.rate_hz,
        "channels": info.n_channels, "samples": info.n_samples, "from": stretch.start, "count": stretch.n_samples,
        "decoder": info.decoder,
    }  # fmt: skip
    said = {"name": method.info.name, "title": method.info.title, **identity(method)["settings"],
            "weights": method.info.weights_sha256 or "none"}  # fmt: skip
    return NullReport(result, source, facts, said, _notes(info, fmt, stretch, written, result), versions())


def _notes(info: AudioInfo, fmt: OutputFormat, stretch: Stretch, written: Written, result: NullResult) -> list[str]:
    """What a reader of the report should know."""
    notes = []
    if info.is_lossy:
        notes.append(f"The source is lossy ({info.subtype}); the mixture is what {info.decoder} decoded.")
    if fmt.is_lossy:
        notes.append(f"The stems were written as {fmt.container} {fmt.subtype}, which is lossy: they are not null.")
    if not fmt.sample_type.is_float and (info.sample_type.is_float or fmt.sample_type.bits < info.sample_type.bits):
        bits = fmt.sample_type.bits
        notes.append(f"Written at {bits} bits: the stems add up to the source rounded to {bits} bits.")
    if stretch.headroom_db:
        notes.append(f"The whole output was scaled by {stretch.headroom_db:+g} dB, the source it is compared with too.")
    if result.n_clipped:
        notes.append(f"{result.n_clipped:,} samples of the source clipped on the way; the stems add up to the clipped source.")
    n = sum(written.n_overflowed.values())
    if n:
        notes.append(f"{n:,} stem samples overflowed and were moved to other stems so that the sum stays exact.")
    if written.tags_lost:
        notes.append("Not carried on from the source: " + ", ".join(written.tags_lost) + ".")
    return notes
