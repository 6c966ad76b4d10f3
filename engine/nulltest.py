"""The null test: how far a set of stems is from adding up to its mixture, measured on files read back from disk.

All arithmetic is float64, in which sums of 32-bit integers and their differences are exact: a zero here is a true zero.
"""

import hashlib
import math
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from engine.chunks import Clock
from engine.errors import Cancelled
from engine.mix import gain_of
from engine.samples import from_float, to_float
from engine.types import Array, IsCancelled, Mixture, Report, SampleType, never_cancelled, silent_report

BLOCK = 2**17  # samples at once
FLOAT_LAW_DB = -130.0  # float stems add up to within this of max(1, peak)


@dataclass(frozen=True)
class NullResult:
    """What was measured. A sample here is one value of one channel."""

    adds_up: bool
    exact: bool  # compared as integers, where only zero counts
    n_compared: int
    n_different: int
    peak_lsb: float | None  # largest difference in steps of the target's depth; None for floats
    peak_dbfs: float  # largest difference; -inf when there is none
    peak_at_s: float | None  # where it is, in seconds
    source_sha256: str  # of the samples that the stems must add up to
    stems_sha256: dict[str, str]  # of each stem's samples
    length_difference: int = 0  # samples by which the longest stem differs from the mixture
    n_clipped: int = 0  # samples of the source that its own gain put above full scale: the stems add up to what was clipped


def decibels(value: float) -> float:
    """20 log10, -inf for zero."""
    return 20 * math.log10(value) if value > 0 else -math.inf


def as_written(block: Array, source: SampleType, target: SampleType, gain_db: float = 0.0) -> tuple[Array, int]:
    """The source as an export at `target` must add up to: unchanged, or rounded and saturated by the one rule.

    block: own-type samples (channel, sample); returns own-type samples of the target, and how many of them were clipped. Rounding
    to fewer bits alone clips the topmost half step, which counts too.
    """
    if source == target and gain_db == 0.0:
        return block, 0
    value = to_float(block, source)
    return from_float(value if gain_db == 0.0 else value * gain_of(gain_db), target)


def null_test(
    mixture: Mixture,
    stems: dict[str, Mixture],
    target: SampleType | None = None,
    start: int = 0,
    n_samples: int | None = None,
    gain_db: float = 0.0,
    report: Report = silent_report,
    is_cancelled: IsCancelled = never_cancelled,
) -> NullResult:
    """Compare the sum of stems, each read from its beginning, with samples [start, start + n_samples) of the mixture.

    target: the sample type the stems were written in (default: the mixture's own); gain_db: headroom they were given.
    Lengths that differ are counted as a failure and the longer side is compared with silence.
    """
    info = mixture.info
    target = target or info.sample_type
    n = info.n_samples - start if n_samples is None else n_samples
    longest = max((s.info.n_samples for s in stems.values()), default=0)
    exact = not target.is_float and not any(s.info.sample_type.is_float for s in stems.values())
    source_hash, stem_hashes = hashlib.sha256(), {name: hashlib.sha256() for name in stems}
    n_compared = n_different = n_clipped = 0
    peak, peak_at, loudest = 0.0, None, 1.0
    total = max(n, longest)
    clock = Clock("Checking the files", -(-total // BLOCK), report)
    for at in range(0, total, BLOCK):
        if is_cancelled():
            raise Cancelled("The null test")
        size = min(BLOCK, total - at)
        inside = max(0, min(size, n - at))
        expected, clipped = as_written(mixture.read(start + at, inside), info.sample_type, target, gain_db)
        n_clipped += clipped if gain_db > 0.0 else 0  # rounding to fewer bits alone clips by half a step at most
        source_hash.update(np.ascontiguousarray(expected.T).data)
        difference = -np.pad(to_float(expected, target), ((0, 0), (0, size - inside)))
        loudest = max(loudest, float(np.abs(difference).max(initial=0.0)))
        for name, stem in stems.items():
            block = stem.read(at, size)
            stem_hashes[name].update(np.ascontiguousarray(block[:, : max(0, stem.info.n_samples - at)].T).data)
            difference += to_float(block, stem.info.sample_type)
        n_compared += difference.size
        n_different += int(np.count_nonzero(difference))
        worst = np.abs(difference).max(axis=0)
        if worst.size and worst.max() > peak:
            peak, peak_at = float(worst.max()), (start + at + int(worst.argmax())) / info.rate_hz
        clock.step()
    within = n_different == 0 if exact else decibels(peak) <= FLOAT_LAW_DB + decibels(loudest)
    return NullResult(
        adds_up=within and longest == n,
        exact=exact,
        n_compared=n_compared,
        n_different=n_different,
        peak_lsb=None if target.is_float else peak * target.full_scale,
        peak_dbfs=decibels(peak),
        peak_at_s=peak_at,
        source_sha256=source_hash.hexdigest(),
        stems_sha256={name: h.hexdigest() for name, h in stem_hashes.items()},
        length_difference=longest - n,
        n_clipped=n_clipped,
    )


def verdict(result: NullResult) -> str:
    """The result in one sentence."""
    if result.length_difference:
        return f"The stems do not add up: they differ from the mixture in length by {abs(result.length_difference):,} samples."
    if result.n_different == 0:
        return f"The stems add up to the mixture exactly: 0 of {result.n_compared:,} samples differ."
    lsb = "" if result.peak_lsb is None else f"{result.peak_lsb:,.4g} LSB, "
    how_far = f"{result.n_different:,} of {result.n_compared:,} samples differ, by at most {lsb}{result.peak_dbfs:.1f} dBFS"
    where = "" if result.peak_at_s is None else f" (at {result.peak_at_s:.2f} s)"
    if result.adds_up:
        return f"The stems add up to the mixture within the float law of {FLOAT_LAW_DB:.0f} dB: {how_far}{where}."
    return f"The stems do not add up to the mixture: {how_far}{where}."


@dataclass(frozen=True)
class NullReport:
    """What an export says of itself, as null-report.json and null-report.txt."""

    result: NullResult
    source: dict[str, Any]  # file, format, rate, channels, samples, decoder
    stems: dict[str, dict[str, Any]]  # name -> file, format, overflowed samples
    method: dict[str, Any]  # name, weights, settings
    notes: list[str] = field(default_factory=list)  # what the user should know: lossy source, headroom, a partial set
    versions: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data; -inf becomes the string "-inf", which JSON can hold."""
        said = asdict(self)
        if said["result"]["peak_dbfs"] == -math.inf:
            said["result"]["peak_dbfs"] = "-inf"
        return {"verdict": verdict(self.result), **said}

    def as_text(self) -> str:
        """The same for people."""
        r, lines = self.result, [verdict(self.result), ""]
        lines += [f"Samples compared   {r.n_compared:,}", f"Samples that differ {r.n_different:,}"]
        lines += [f"Peak difference    {'-' if r.peak_lsb is None else f'{r.peak_lsb:g} LSB'}, {r.peak_dbfs:.1f} dBFS", ""]
        lines += ["Source"] + [f"  {k:<12}{v}" for k, v in self.source.items()] + [f"  {'sha256':<12}{r.source_sha256}", ""]
        for name, facts in self.stems.items():
            lines += [f"Stem {name}"] + [f"  {k:<12}{v}" for k, v in facts.items()] + [f"  {'sha256':<12}{r.stems_sha256.get(name, '')}"]
        lines += ["", "Method"] + [f"  {k:<16}{v}" for k, v in self.method.items()]  # n_repetitions is the longest setting
        lines += ["", "Versions"] + [f"  {k:<12}{v}" for k, v in self.versions.items()]
        return "\n".join(lines + ([""] + [f"Note: {n}" for n in self.notes] if self.notes else [])) + "\n"


def versions() -> dict[str, str]:
    """Versions of what made the files."""
    import scipy
    import soundfile

    try:
        own = version("nullsum")
    except PackageNotFoundError:
        own = "not installed"
    found = {"nullsum": own, "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    return {**found, "libsndfile": soundfile.__libsndfile_version__}
