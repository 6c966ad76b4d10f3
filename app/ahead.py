r"""Makes the blocks that playback is about to need: the mixture and all stems of a stretch, round the loop where one is set.

A loop [a, b) plays a .. b-1 and then a again; its length is exact. So that the jump does not click, the last LOOP_FADE before b fade
over into what lies as far before a, and the samples from a on are untouched:

    before b     \______ (1 - w) song[b - X .. b)
    before a   + /       w song[a - X .. a)          silence where a < X: there the song begins
    then a ...           song[a ..)
"""

import numpy as np

from app.ring import Block, Reel
from engine.masks import Masks
from engine.render import render_stems
from engine.samples import to_float
from engine.stft import OVERLAP, n_fft_for
from engine.types import Array, Mixture

LOOP_FADE_S = 0.008
SHORTEST_LOOP_S = 0.05  # shorter ones are not looped: they would be a tone
SLOTS_A_BLOCK = 4  # hops of the STFT, 93 ms: the pass costs 3 frames more than it has slots


def usable_loop(loop_s: tuple[float, float] | None, rate_hz: int, n_samples: int) -> tuple[int, int] | None:
    """A loop in samples [start, end) within the song, None where it is none or too short."""
    if loop_s is None:
        return None
    start, end = (min(max(0, round(s * rate_hz)), n_samples) for s in loop_s)
    return (start, end) if end - start >= SHORTEST_LOOP_S * rate_hz else None


def same_masks(old: Masks | None, new: Masks | None, start_s: float, end_s: float) -> bool:
    """Whether a stretch sounds the same with both, because the very same chunks serve it."""
    if old is new:
        return True
    if old is None or new is None or old.stems != new.stems or old.grid != new.grid or old.seconds != new.seconds:
        return False
    return all(old.chunks.get(k) is new.chunks.get(k) for k in new.needed(start_s, end_s))


class Ahead:
    """Fills reels from one recording; owned by the player thread."""

    def __init__(self, mixture: Mixture) -> None:
        self.mixture, self.info = mixture, mixture.info
        self._step = SLOTS_A_BLOCK * (n_fft_for(self.info.rate_hz) // OVERLAP)

    def extend(self, reel: Reel, masks: Masks | None) -> None:
        """Put one more block on a reel, or say that it has ended."""
        at, end = reel.next_at, self.info.n_samples
        n_fade = 0
        if reel.loop is not None and at < reel.loop[1]:
            n_fade = min(round(LOOP_FADE_S * self.info.rate_hz), reel.loop[1] - reel.loop[0])
            end = reel.loop[1] - n_fade if at < reel.loop[1] - n_fade else reel.loop[1]
        if at >= end:
            reel.ended = True
            return
        n_samples = min(end, (at // self._step + 1) * self._step) - at
        mixture, stems = self._stretch(at, n_samples, masks)
        if reel.loop is not None and at >= reel.loop[1] - n_fade:
            start, stop = reel.loop
            other_mixture, other_stems = self._stretch(at - (stop - start), n_samples, masks)
            weight = (at - (stop - n_fade) + np.arange(1.0, n_samples + 1.0)) / (n_fade + 1)
            mixture = mixture + (other_mixture - mixture) * weight
            stems = stems + (other_stems - stems) * weight
        reel.next_at = at + n_samples
        if reel.loop is not None and reel.next_at == reel.loop[1]:
            reel.next_at = reel.loop[0]
        reel.append(Block(reel.end, at, mixture, stems, masks.stems if masks is not None else ()))
        if reel.next_at >= self.info.n_samples:
            reel.ended = True

    def _stretch(self, at: int, n_samples: int, masks: Masks | None) -> tuple[Array, Array]:
        """Mixture float64 (channel, sample) and stems (stem, channel, sample); zeros where no masks are known yet."""
        info = self.info
        mixture = to_float(self.mixture.read(at, n_samples), info.sample_type)
        if masks is None:
            return mixture, np.zeros((0, *mixture.shape))
        needed = masks.needed(at / info.rate_hz, (at + n_samples) / info.rate_hz)
        if not any(k in masks.chunks for k in needed):
            return mixture, np.broadcast_to(0.0, (len(masks.stems), *mixture.shape))
        return mixture, render_stems(self.mixture, masks, at, n_samples)

    def close(self) -> None:
        """Let go of the recording."""
        close = getattr(self.mixture, "close", None)
        if close is not None:
            close()
