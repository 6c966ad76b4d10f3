"""Masks as the eye needs them: the shares of a few columns of a picture, the picture of the remix, one cell in numbers.

Shares are uint8 (stem, row, frame) on the rows and columns of an engine.display.Picture: 255 is all of a cell, and all
stems are 0 where masks are not known yet.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from engine.display import FLOOR_DB, TOP_DB, Picture, rows_hz
from engine.errors import EngineError
from engine.masks import ONE, Masks
from engine.mix import effective_gains, gain_of
from engine.types import Array, MaskGrid, Mix

BYTES_PER_DB = 255.0 / (TOP_DB - FLOOR_DB)
FINE = 240  # weight of the loudest stem: FINE * (255 and a rounding or two) still fits uint16


@dataclass(frozen=True)
class Reading:
    """One cell in numbers."""

    db: float  # relative to a full-scale sine; -inf at or below the picture's floor
    shares: dict[str, float] = field(default_factory=dict)  # 0..1 by stem; empty where masks are not known


def mask_chunks(masks: Masks, picture: Picture, first_frame: int, n_frames: int, stride: int = 1) -> tuple[object, ...]:
    """What share_columns would read: the known chunks (or None) of these columns. Equal tuples give equal shares."""
    native = _native_frames(masks, picture, first_frame, n_frames, stride) // masks.grid.chunk_frames
    return tuple(masks.chunks.get(k) for k in range(int(native[0]), int(native[-1]) + 1))


def share_columns(masks: Masks, picture: Picture, first_frame: int, n_frames: int, stride: int = 1) -> Array:
    """Shares of n_frames columns, each `stride` frames of level 0 wide, from frame first_frame of level 0 on.

    uint8 (stem, row, frame). Linear between mask rows, the nearest mask column in time: at the middle of each column
    of the picture. Reads only the mask columns it needs, so a whole song costs no more than a bar of it.
    """
    native = _native_frames(masks, picture, first_frame, n_frames, stride)
    low, weight = _mask_rows(masks.grid, picture.rate_hz)
    out = np.zeros((len(masks.stems), len(picture.rows_hz), n_frames), np.uint8)
    owner = native // masks.grid.chunk_frames
    edges = np.flatnonzero(np.diff(owner, prepend=-1, append=-1))
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        k = int(owner[a])
        if k not in masks.chunks:
            continue
        try:
            chunk = masks.chunks[k]()  # uint16 (stem, channel or 1, frame, row)
        except EngineError:
            continue  # gone from the cache: unknown to the eye, and rendering says why
        columns = chunk[:, :, native[a:b] - k * masks.grid.chunk_frames]
        part = columns[:, 0] if columns.shape[1] == 1 else columns.mean(axis=1)  # (stem, frame, row)
        below = part[..., low]
        shares = below * ((1.0 - weight) * np.float32(255 / ONE))
        shares += part[..., np.minimum(low + 1, part.shape[-1] - 1)] * (weight * np.float32(255 / ONE))
        shares += np.float32(0.5)
        out[:, :, a:b] = np.swapaxes(shares.astype(np.uint8), 1, 2)
    return out


def remix_gains(mix: Mix, stems: tuple[str, ...]) -> tuple[float, ...]:
    """Factor of each stem as heard: fader, mute, solo and master. Balance and width do not show in the picture."""
    gains = effective_gains(mix, stems)
    return tuple(gains[s] * gain_of(mix.master_db) for s in stems)


def remixed(image: Array, shares: Array, gains: tuple[float, ...]) -> Array:
    """The picture of the remix: mixture dB + 20 log10(sum of gain x share), cell by cell; uint8 (row, frame), a new array.

    image: uint8 (row, frame) of the mixture; shares: uint8 (stem, row, frame). Columns without shares stay as they are;
    cells at the floor stay there. Good to 1 dB down to 30 dB below the loudest fader.
    """
    top = max(gains, default=1.0)
    known: Array = np.any(shares[:, 0], axis=0)  # (frame,): where masks are known some stem owns the lowest row
    if top == 0.0:
        return np.where(known, np.uint8(0), image)
    total = np.zeros(image.shape, np.uint16)
    for share, gain in zip(shares, gains, strict=True):
        total += np.multiply(share, np.uint16(round(FINE * gain / top)), dtype=np.uint16)
    offset = np.take(_offsets(top), total)
    offset[:, ~known] = 0
    out = np.clip(offset + image, 0, 255).astype(np.uint8)
    out[image == 0] = 0
    return out


def readout(picture: Picture, masks: Masks | None, t_s: float, hz: float) -> Reading | None:
    """The cell at a time and a frequency; None outside the picture or where it is not drawn yet."""
    frame, row = int(t_s * picture.fps), int(picture.row_at(hz))
    if t_s < 0 or not (0 <= frame < picture.n_frames and 0 <= row < len(picture.rows_hz)) or not picture.done_at(frame):
        return None
    byte = int(picture.levels[0][row, frame])
    db = byte / BYTES_PER_DB + FLOOR_DB if byte else float("-inf")
    if masks is None:
        return Reading(db)
    shares = share_columns(masks, picture, frame, 1)[:, row, 0].astype(float)
    total = float(shares.sum())
    return Reading(db, {s: float(v) / total for s, v in zip(masks.stems, shares, strict=True)} if total else {})


def loudest_hz(picture: Picture, t_s: float) -> float | None:
    """The frequency of the loudest cell at a time, for those who read without a mouse; None if silent or not drawn."""
    frame = int(t_s * picture.fps)
    if not 0 <= frame < picture.n_frames or not picture.done_at(frame):
        return None
    column = picture.levels[0][:, frame]
    return float(picture.rows_hz[int(column.argmax())]) if column.any() else None


@lru_cache(maxsize=64)
def _offsets(top: float) -> Array:
    """int16 (65536,): what remixed adds for each sum of weighted shares, in picture bytes."""
    with np.errstate(divide="ignore"):
        db = 20.0 * np.log10(top * np.arange(65536) / (FINE * 255.0))
    return np.clip(np.rint(db * BYTES_PER_DB), -255, 255).astype(np.int16)


def _native_frames(masks: Masks, picture: Picture, first_frame: int, n_frames: int, stride: int) -> Array:
    """The mask column nearest to the middle of each column of the picture, (n_frames,)."""
    middle_s = (first_frame + (np.arange(n_frames) + 0.5) * stride) / picture.fps
    native = np.rint(middle_s * (masks.grid.rate_hz / masks.grid.hop)).astype(np.int64)
    return np.clip(native, 0, masks.grid.n_frames(masks.seconds) - 1)


@lru_cache(maxsize=8)
def _mask_rows(grid: MaskGrid, rate_hz: int) -> tuple[Array, Array]:
    """For each row of a picture: the mask row below it, and float32 weight of the next one."""
    hz, freqs = rows_hz(rate_hz), np.array(grid.freqs_hz)
    last = len(freqs) - 1
    low = np.clip(np.searchsorted(freqs, hz, side="right") - 1, 0, max(last - 1, 0))
    step = freqs[np.minimum(low + 1, last)] - freqs[low]
    weight = np.clip((hz - freqs[low]) / np.where(step > 0, step, 1.0), 0.0, 1.0)
    if grid.has_top:  # row last + 1 holds all above the highest frequency
        above = hz > freqs[-1]
        low, weight = np.where(above, last, low), np.where(above, 1.0, weight)
    return low, weight.astype(np.float32)
