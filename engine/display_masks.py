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
from engine.mix import gain_of, matrices
from engine.types import Array, MaskGrid, Mix

BYTES_PER_DB = 255.0 / (TOP_DB - FLOOR_DB)
SIDE = 0.14  # of a song's power is in the side signal: typically 8 dB below the middle
FINE = 240  # weight of the loudest stem: FINE * (255 and a rounding or two) still fits uint16

Gains = tuple[tuple[float, tuple[float, ...]], ...]  # part of the power, factor of each stem in it; one part where all are alike


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


def differences(a: Array, b: Array) -> tuple[Array, Array]:
    """How far two results disagree about each cell, and which stem has more of it by b than by a.

    a, b: uint8 (stem, row, frame), 255 in sum, as share_columns gives them. Returns uint8 (row, frame) twice: the total variation
    distance of the two shares (half the sum of |a - b|; 255: they have nothing in common) and the stem that gains most (its index,
    the first of equals). Where a result is not known its shares are no shares: the caller knows.
    """
    gain = b.astype(np.int16)
    gain -= a
    total = np.abs(gain).sum(axis=0, dtype=np.uint16)  # 2 x 255 and a few roundings
    return np.minimum((total + 1) // 2, 255).astype(np.uint8), gain.argmax(axis=0).astype(np.uint8)


def remix_gains(mix: Mix, stems: tuple[str, ...], n_channels: int) -> Gains:
    """What the strips (fader, mute, solo, balance, width, master) do to the stems, each part of the sound by itself.

    The picture keeps no stereo. So balance and width act on channels that are supposed to be equally loud, m + s and m - s, where s
    holds SIDE of the power: left and right are two parts each, and P_i takes m by P[c, 0] + P[c, 1], s by |P[c, 0] - P[c, 1]|.
    """
    placed = matrices(mix, stems, n_channels) * gain_of(mix.master_db)  # (stem, channel, channel)
    if n_channels != 2:
        return ((1.0, tuple(placed[:, 0, 0].tolist())),)
    parts: dict[tuple[float, ...], float] = {}
    for channel in (0, 1):
        one, other = placed[:, channel, 0], placed[:, channel, 1]
        for part, gains in (((1.0 - SIDE) / 2.0, one + other), (SIDE / 2.0, np.abs(one - other))):
            row = tuple(gains.tolist())
            parts[row] = parts.get(row, 0.0) + part
    return tuple((part, row) for row, part in parts.items())


def remixed(image: Array, shares: Array, gains: Gains) -> Array:
    """The picture of the remix: mixture dB + 10 log10(sum over parts of part x (sum of gain x share)^2), cell by cell.

    image: uint8 (row, frame) of the mixture; shares: uint8 (stem, row, frame). A new array uint8 (row, frame). Columns without shares
    stay as they are; cells at the floor stay there. Good to 1 dB down to 30 dB below the loudest fader.
    """
    top = max((gain for _, row in gains for gain in row), default=1.0)
    known: Array = np.any(shares[:, 0], axis=0)  # (frame,): where masks are known some stem owns the lowest row
    if top == 0.0:
        return np.where(known, np.uint8(0), image)
    totals = [_weighted(shares, row, top) for _, row in gains]
    total = totals[0]
    if len(totals) > 1:
        power = np.zeros(image.shape, np.float32)
        for (part, _), of_part in zip(gains, totals, strict=True):
            power += np.float32(part) * np.square(of_part, dtype=np.float32)
        total = np.rint(np.sqrt(power)).astype(np.uint16)
    offset = np.take(_offsets(top), total)
    offset[:, ~known] = 0
    out = np.clip(offset + image, 0, 255).astype(np.uint8)
    out[image == 0] = 0
    return out


def _weighted(shares: Array, gains: tuple[float, ...], top: float) -> Array:
    """Sum of gain x share, uint16 (row, frame); FINE * 255 is gain `top` of all of a cell."""
    total = np.zeros(shares.shape[1:], np.uint16)
    for share, gain in zip(shares, gains, strict=True):
        total += np.multiply(share, np.uint16(round(FINE * gain / top)), dtype=np.uint16)
    return total


def readout(picture: Picture, masks: Masks | None, t_s: float, hz: float, gains: Gains | None = None) -> Reading | None:
    """The cell at a time and a frequency, of the remix where gains are given; None outside the picture or where it is not drawn yet."""
    frame, row = int(t_s * picture.fps), int(picture.row_at(hz))
    if t_s < 0 or not (0 <= frame < picture.n_frames and 0 <= row < len(picture.rows_hz)) or not picture.done_at(frame):
        return None
    cell = picture.levels[0][row : row + 1, frame : frame + 1]
    owned: dict[str, float] = {}
    if masks is not None:
        shares = share_columns(masks, picture, frame, 1)[:, row : row + 1]
        total = float(shares.sum())
        owned = {s: float(v) / total for s, v in zip(masks.stems, shares[:, 0, 0], strict=True)} if total else {}
        cell = cell if gains is None else remixed(cell, shares, gains)
    byte = int(cell[0, 0])
    return Reading(byte / BYTES_PER_DB + FLOOR_DB if byte else float("-inf"), owned)


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
