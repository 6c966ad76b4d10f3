"""The law of masks: at least zero, one in sum, never NaN; kept as uint16 that add up to exactly 65535.

A chunk on disk or in memory is uint16 (stem, channel or 1, frame, row): frame-major, because the renderer walks
along frames. What functions take and return is (stem, channel or 1, bin, frame) as everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from engine.types import Array, MaskGrid

ONE = 65535  # the uint16 that stands for a share of 1

Chunk = Callable[[], Array]  # gives uint16 (stem, channel or 1, frame, row), from memory or from disk


def normalised(shares: Array) -> Array:
    """Shares of any sign and sum -> float64 >= 0 that sum to one over the first axis (stem).

    NaN, infinities and negative values count as nothing; a cell where nothing is left is shared equally.
    """
    out = np.nan_to_num(shares.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    np.maximum(out, 0.0, out=out)
    peak = out.max(axis=0, keepdims=True)  # divide by the peak first: a sum of huge values may overflow
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(peak > 0, out / peak, 1.0)
    return np.asarray(out / out.sum(axis=0, keepdims=True))


def sharpened(masks: Array, power: float) -> Array:
    """(M / max M) ** power, normalised again: 1 leaves as it is, larger gives each cell more to its main owner."""
    return normalised((masks / masks.max(axis=0, keepdims=True)) ** power)


def quantised(masks: Array) -> Array:
    """Float masks that sum to one -> uint16 that sum to exactly 65535, by largest remainder, ties to the first stem."""
    scaled = masks * float(ONE)
    whole = np.floor(scaled)
    fraction = scaled - whole
    missing = ONE - whole.sum(axis=0)  # 0 .. n_stems - 1 at every cell
    out = whole
    for i in range(masks.shape[0]):
        ahead = np.zeros(masks.shape[1:], dtype=np.int16)  # how many stems have a larger claim than stem i
        for j in range(masks.shape[0]):
            if j != i:
                ahead += (fraction[j] >= fraction[i]) if j < i else (fraction[j] > fraction[i])
        out[i] += ahead < missing
    return out.astype(np.uint16)


@dataclass(frozen=True)
class Masks:
    """All masks of one recording as far as they are known: an immutable snapshot, cheap to replace.

    Chunk k of the grid is chunks[k], or absent. n_channels is 1 where all channels share a mask.
    """

    grid: MaskGrid
    stems: tuple[str, ...]
    seconds: float  # length of the recording
    chunks: dict[int, Chunk] = field(default_factory=dict)

    @property
    def n_chunks(self) -> int:
        """Chunks that the whole recording needs."""
        return self.grid.n_chunks(self.seconds)

    @property
    def is_complete(self) -> bool:
        """Whether every chunk is there."""
        return len(self.chunks) == self.n_chunks

    def with_chunk(self, index: int, chunk: Chunk) -> "Masks":
        """A new snapshot with one chunk more."""
        return replace(self, chunks={**self.chunks, index: chunk})

    def needed(self, start_s: float, end_s: float) -> list[int]:
        """The chunks that a stretch of sound needs, in order."""
        last_frame = self.grid.n_frames(self.seconds) - 1
        first = min(last_frame, max(0, int(start_s * self.grid.rate_hz / self.grid.hop) - 4))
        last = min(last_frame, max(0, int(np.ceil(end_s * self.grid.rate_hz / self.grid.hop)) + 4))
        return list(range(first // self.grid.chunk_frames, last // self.grid.chunk_frames + 1))

    def frames(self, first: int, n_frames: int) -> Array:
        """Columns of the native grid, uint16 (stem, channel or 1, frame, row); clamped to the recording; all zero if unknown."""
        last = self.grid.n_frames(self.seconds) - 1
        index = np.clip(np.arange(first, first + n_frames), 0, last)
        parts = []
        for k in range(int(index[0]) // self.grid.chunk_frames, int(index[-1]) // self.grid.chunk_frames + 1):
            columns = index[(index // self.grid.chunk_frames) == k] - k * self.grid.chunk_frames
            if k in self.chunks:
                parts.append(self.chunks[k]()[:, :, columns])
            else:
                parts.append(np.zeros((len(self.stems), 1, len(columns), self.grid.n_rows), np.uint16))
        widest = max(p.shape[1] for p in parts)
        return np.concatenate([np.broadcast_to(p, (p.shape[0], widest, *p.shape[2:])) for p in parts], axis=2)

    def on_stft(self, first: int, n_frames: int, rate_hz: int, n_fft: int, hop: int) -> Array:
        """Masks for frames [first, first + n_frames) of the STFT of a recording at its own rate.

        Returns float64 (stem, channel or 1, bin, frame): shares that sum to one, or zeros where masks are not known yet.
        Linear interpolation in time and in hertz: convex, so shares stay shares.
        """
        grid = self.grid
        # position of file frame f on the native grid: f * hop / rate_hz seconds, in exact integers
        numerator = np.arange(first, first + n_frames, dtype=object) * (hop * grid.rate_hz)
        denominator = rate_hz * grid.hop
        low = np.array([int(n // denominator) for n in numerator])
        weight = np.array([float(n % denominator) / denominator for n in numerator])
        native = self.frames(int(low[0]), int(low[-1] - low[0]) + 2)
        rows = _on_bins(native, _rows(grid, rate_hz, n_fft))  # (stem, channel, native frame, bin)
        at = low - low[0]
        if not weight.any():
            out = rows[:, :, at]
        else:
            w = weight[:, None]
            out = rows[:, :, at] * (1.0 - w) + rows[:, :, at + 1] * w
            known = np.asarray(native.any(axis=(0, 1, 3)))  # a column between a known and an unknown one is unknown
            out[:, :, ~(known[at] & (known[at + 1] | (weight == 0.0)))] = 0.0
        return np.swapaxes(out, -1, -2)


@lru_cache(maxsize=16)
def _rows(grid: MaskGrid, rate_hz: int, n_fft: int) -> tuple[Array, Array]:
    """For each bin of an STFT: the mask row below it and the weight of the next row."""
    hz = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    freqs = np.array(grid.freqs_hz)
    last = len(freqs) - 1
    if last == 0:
        low, weight = np.zeros(len(hz), int), np.zeros(len(hz))
    else:
        low = np.clip(np.searchsorted(freqs, hz, side="right") - 1, 0, last - 1)
        weight = np.clip((hz - freqs[low]) / (freqs[low + 1] - freqs[low]), 0.0, 1.0)
    if grid.has_top:
        above = hz > freqs[-1]
        low, weight = np.where(above, last, low), np.where(above, 1.0, weight)  # row last + 1 is the top row
    return low, weight


def _on_bins(native: Array, rows: tuple[Array, Array]) -> Array:
    """uint16 (stem, channel, frame, row) -> float64 shares (stem, channel, frame, bin) by interpolation over rows."""
    low, weight = rows
    shares = native / float(ONE)
    if len(low) == native.shape[-1] and not (weight[:-1].any()):
        return shares  # the file's STFT is the native grid
    high = np.minimum(low + 1, native.shape[-1] - 1)
    return shares[..., low] * (1.0 - weight) + shares[..., high] * weight
