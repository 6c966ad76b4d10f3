"""Samples between their integer and float forms, and the exact sum: stems that add up to the source, always.

Rounding is half to even in float64 and saturates (never wraps). No dither: a neutral pass must change nothing.
"""

import numpy as np

from engine.types import Array, SampleType


def to_float(samples: Array, sample_type: SampleType) -> Array:
    """Float64 copy where full scale is 1.0; exact for every integer type (a division by a power of two)."""
    out = samples.astype(np.float64)
    if not sample_type.is_float:
        out /= sample_type.full_scale
    return out


def int_range(sample_type: SampleType) -> tuple[int, int]:
    """Lowest and highest integer of an integer sample type."""
    return -(2 ** (sample_type.bits - 1)), 2 ** (sample_type.bits - 1) - 1


def from_float(samples: Array, sample_type: SampleType) -> tuple[Array, int]:
    """Float64 (1.0 = full scale) to a sample type: the samples in their dtype, and how many had to be clipped.

    A float target keeps what lies above full scale, so nothing is counted for it.
    """
    if sample_type.is_float:
        return samples.astype(sample_type.dtype), 0
    low, high = int_range(sample_type)
    rounded = np.rint(samples * sample_type.full_scale)
    clipped = int(np.count_nonzero((rounded < low) | (rounded > high)))
    return np.clip(rounded, low, high).astype(sample_type.dtype), clipped


def exact_stems(stems: Array, source: Array, sample_type: SampleType, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Integer stems whose sum is the integer source at every sample, exactly.

    stems: float64 (stem, channel, sample), 1.0 = full scale; source: integers (channel, sample) of sample_type.
    Returns the integers (stem, channel, sample) and, per stem, how many samples lie more than 1 LSB from their
    float value (which happens only where a stem overflows or has to take up what another cannot hold).

    Each stem is rounded and clipped to range; the remainder is spread one LSB at a time over the stems with room,
    largest rounding error first, ties by stem name. What is still left after each stem took its LSB (a clipped
    master) goes in bulk to the stems with room in the same order. N stems hold N times the range: it always fits.
    """
    low, high = int_range(sample_type)
    scaled = stems * sample_type.full_scale
    by_name = np.argsort(np.array(names), kind="stable")
    scaled_by_name = scaled[by_name]  # ties resolve by name because every sort below is stable
    out = np.clip(np.rint(scaled_by_name), low, high).astype(np.int64)
    remainder = source.astype(np.int64) - out.sum(axis=0)  # (channel, sample)
    open_at = np.nonzero(remainder)
    if len(open_at[0]):
        channel, sample = open_at
        part, left = out[:, channel, sample], remainder[channel, sample]  # (stem, point), (point,)
        out[:, channel, sample] = _spread(part, left, scaled_by_name[:, channel, sample], low, high)
    moved = (np.abs(out - scaled_by_name) > 1.0).sum(axis=(1, 2))
    back = np.argsort(by_name, kind="stable")
    return out[back].astype(sample_type.dtype), moved[back]


def _spread(part: Array, left: Array, wanted: Array, low: int, high: int) -> Array:
    """Give every point's remainder to its stems: (stem, point) integers whose sum grew by `left` (point,)."""
    part, left = part.copy(), left.copy()
    n_stems = part.shape[0]
    sign = np.sign(left)
    error = (wanted - part) * sign  # how much this stem was rounded against the direction that is still missing
    order = np.argsort(-error, axis=0, kind="stable")  # (rank, point)
    points = np.arange(part.shape[1])
    for step in ("one LSB each", "the rest in bulk"):
        for rank in range(n_stems):
            stem = order[rank]
            room = np.where(sign > 0, high - part[stem, points], part[stem, points] - low)
            most = np.minimum(np.abs(left), 1) if step == "one LSB each" else np.abs(left)
            take = np.minimum(room, most) * sign
            part[stem, points] += take
            left -= take
    return part
