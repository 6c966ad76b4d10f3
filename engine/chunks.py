"""Long work in pieces: which chunk next, how long it still takes. The grid is fixed; only the order follows the playhead.

    frames   | context |        core: kept         | context |
             first     k * n                 (k+1) * n       end

Cores abut; each is computed with its context on both sides, cut at the ends of the recording. Nothing is cross-faded:
a chunk depends on its own stretch of sound and on nothing else (but, for a method that listens, on excerpts that are the same for
every chunk: engine.listen), so it comes out the same in any order and can be cached alone.
"""

import time
from dataclasses import dataclass

from engine.types import MaskGrid, Progress, Report


@dataclass(frozen=True)
class Window:
    """One chunk with its context, in frames of the native grid."""

    chunk: int
    first: int  # first frame of the stretch, context included
    core: int  # first frame that is kept
    core_end: int  # first frame after those that are kept
    end: int  # first frame after the stretch


def window(grid: MaskGrid, chunk: int, seconds: float, context_s: float) -> Window:
    """The stretch of frames that chunk needs; context is rounded up to whole frames and cut at the recording's ends."""
    n_frames = grid.n_frames(seconds)
    context = int(-(-context_s * grid.rate_hz // grid.hop))
    core = chunk * grid.chunk_frames
    core_end = min(n_frames, core + grid.chunk_frames)
    return Window(chunk, max(0, core - context), core, core_end, min(n_frames, core_end + context))


def next_chunk(missing: list[int], playhead: int) -> int:
    """The chunk under the playhead or the next one after it; when all those are done, the first that is missing."""
    ahead = [k for k in missing if k >= playhead]
    return min(ahead or missing)


class Clock:
    """Turns counted steps into Progress with an estimate of the time left."""

    def __init__(self, what: str, n_steps: int, report: Report) -> None:
        self._what, self._n, self._report = what, max(1, n_steps), report
        self._started, self._done = time.monotonic(), 0
        report(Progress(what, 0.0))

    def step(self, n: int = 1) -> None:
        """n more steps are done."""
        self._done += n
        spent = time.monotonic() - self._started
        left = spent / self._done * (self._n - self._done) if self._done else None
        self._report(Progress(self._what, min(1.0, self._done / self._n), left))
