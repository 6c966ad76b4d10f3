"""The stems that a method makes of a track, by the same road as in the window: mixture -> masks -> the filtered pass."""

import numpy as np

from engine.audio import ArrayMixture
from engine.cache import Cache
from engine.errors import MethodError
from engine.evaluation.data import TWO, Track
from engine.render import render_stems
from engine.separate import separate
from engine.types import FLOAT32, Array, IsCancelled, Method, MethodInfo, Report, never_cancelled, silent_report

BLOCK_S = 20.0  # rendered at once: four stereo stems in float64 stay below 60 MB


def why_not(info: MethodInfo, names: tuple[str, ...]) -> str:
    """Empty where a method's stems can be held against true stems of these names, else a sentence that says why not."""
    wanted = ("vocals",) if names == TWO else names  # accompaniment is everything that is not vocals
    missing = [name for name in wanted if name not in info.stems]
    if not missing:
        return ""
    return f"{info.name} gives {', '.join(info.stems)}, but the true stems are {', '.join(names)}: there is nothing to compare it with."


def estimate(
    track: Track,
    method: Method,
    cache: Cache | None = None,
    report: Report = silent_report,
    is_cancelled: IsCancelled = never_cancelled,
) -> Array:
    """Stems of a track in the order of its names, float32 (stem, channel, sample), 1.0 = full scale.

    For two-stem truth the accompaniment is mixture - vocals. Raises MethodError where the method cannot serve this track.
    """
    reason = why_not(method.info, track.names)
    if reason:
        raise MethodError(reason)
    mixture = ArrayMixture(track.mixture, track.rate_hz, FLOAT32)
    masks = separate(mixture, method, cache, report=report, is_cancelled=is_cancelled)
    wanted = track.names[:1] if track.names == TWO else track.names
    chosen = tuple(masks.stems.index(name) for name in wanted)  # by name: a method may order its stems as it likes
    out = np.empty(track.stems.shape, np.float32)
    n_samples = track.mixture.shape[-1]
    block = max(1, round(BLOCK_S * track.rate_hz))
    for start in range(0, n_samples, block):
        n = min(block, n_samples - start)
        out[: len(wanted), :, start : start + n] = render_stems(mixture, masks, start, n, chosen)
    if track.names == TWO:
        out[1] = track.mixture - out[0]
    return out
