"""What the callback does to a block: the same arithmetic as engine.render, from blocks that are ready, into buffers that exist.

    remix  = master x (mixture + sum_i (P_i - I) s_i)        only stems with P_i != I; one matrix for all moves the mixture itself
    heard  = output gain x (remix | mixture | remix - mixture)
    rounded half to even and saturated to the recording's own integers, then float32, 1.0 = full scale

A desk never changes: another fader position is another desk, and the callback fades from one to the other.
"""

from dataclasses import dataclass

import numpy as np

from app.ring import Block
from engine.mix import gain_of, matrices
from engine.samples import int_range
from engine.types import Array, Mix, SampleType

LISTENING = ("remix", "original", "difference")


@dataclass(frozen=True, eq=False)
class Desk:
    """How everything is set, as numbers."""

    names: tuple[str, ...]  # stems that the matrices are for
    placed: Array  # P_i, float64 (stem, channel, channel)
    same: Array | None  # the one matrix of all stems where they are alike (and not the identity)
    moved: tuple[tuple[int, Array], ...]  # (stem, P_i - I) of the others
    master: float  # factor; exactly 1 leaves as it is
    output: float  # factor of the safe output gain
    listening: str
    full_scale: float  # of the recording's integers; 0 for floats
    low: float
    high: float


def desk_for(mix: Mix, names: tuple[str, ...], listening: str, output_db: float, n_channels: int, sample_type: SampleType) -> Desk:
    """The desk for these settings and a recording of this kind."""
    if listening not in LISTENING:
        raise ValueError(f"listening={listening!r} must be one of {', '.join(LISTENING)}.")
    eye = np.eye(n_channels)
    placed = matrices(mix, names, n_channels) if names else np.empty((0, n_channels, n_channels))
    alike = len(names) > 0 and bool(np.all(placed == placed[0]))
    moved = () if alike else tuple((i, p - eye) for i, p in enumerate(placed) if not np.array_equal(p, eye))
    same = placed[0] if alike and not np.array_equal(placed[0], eye) else None
    low, high = (0, 0) if sample_type.is_float else int_range(sample_type)
    full_scale = 0.0 if sample_type.is_float else sample_type.full_scale
    master = 1.0 if mix.master_db == 0.0 else gain_of(mix.master_db)
    output = 1.0 if output_db == 0.0 else gain_of(output_db)
    return Desk(names, placed, same, moved, master, output, listening, full_scale, float(low), float(high))


def mixed(desk: Desk, block: Block, begin: int, end: int, out: Array, spare: Array) -> None:
    """What is heard of block[begin:end], not yet rounded, into out; both buffers float64 (channel, end - begin)."""
    mixture = block.mixture[:, begin:end]
    np.copyto(out, mixture)
    if desk.listening != "original":
        if desk.same is not None:
            np.matmul(desk.same, mixture, out=out)
        elif desk.names == block.names:  # else the stems are not known yet, or those of another method
            for stem, matrix in desk.moved:
                np.matmul(matrix, block.stems[stem, :, begin:end], out=spare)
                out += spare
        if desk.master != 1.0:
            out *= desk.master
        if desk.listening == "difference":
            out -= mixture
    if desk.output != 1.0:
        out *= desk.output


def rounded(desk: Desk, out: Array) -> int:
    """Bring `out` (channel, sample) to the recording's own sample type, in place and still 1.0 = full scale.

    Returns how many samples had to be clipped. Floats stay as they are; counted is then what lies above full scale,
    because the sound card will clip it.
    """
    if desk.full_scale == 0.0:
        return 0 if max(out.max(), -out.min()) <= 1.0 else int(np.count_nonzero(np.abs(out) > 1.0))
    out *= desk.full_scale
    np.rint(out, out=out)
    n_clipped = 0
    if out.max() > desk.high or out.min() < desk.low:
        n_clipped = int(np.count_nonzero((out > desk.high) | (out < desk.low)))
        np.clip(out, desk.low, desk.high, out=out)
    out /= desk.full_scale
    return n_clipped
