"""The filtered pass: any stretch of any stem or of the remix, made when needed and never kept.

    s_i   = ISTFT(M_i STFT(mixture))
    remix = master x (mixture + sum_i (P_i - I) s_i)

Playback and export call these two functions and nothing else, so what is heard is what is written.
"""

from dataclasses import dataclass

import numpy as np

from engine.masks import Masks
from engine.mix import gain_of, matrices
from engine.samples import from_float, to_float
from engine.stft import OVERLAP, istft, n_fft_for, slots, stft
from engine.types import Array, Mix, Mixture

SLOTS_AT_ONCE = 96  # 2.2 s: four stereo stems of complex128 stay below 60 MB at 44.1 kHz


@dataclass(frozen=True)
class Rendered:
    """A stretch of the remix: samples (channel, sample) in the recording's own type, and how many were clipped."""

    samples: Array
    n_clipped: int


def render_stems(mixture: Mixture, masks: Masks, start: int, n_samples: int, only: tuple[int, ...] | None = None) -> Array:
    """Stems of samples [start, start + n_samples): float64 (stem, channel, sample), 1.0 = full scale.

    `only` picks stems by index (default: all). Where masks are not known yet the stems are silent.
    """
    info = mixture.info
    chosen = list(range(len(masks.stems))) if only is None else list(only)
    n_fft = n_fft_for(info.rate_hz)
    hop = n_fft // OVERLAP
    first_slot, end_slot = slots(start, n_samples, hop)
    out = np.empty((len(chosen), info.n_channels, (end_slot - first_slot) * hop))
    for slot in range(first_slot, end_slot, SLOTS_AT_ONCE):
        n_slots = min(SLOTS_AT_ONCE, end_slot - slot)
        # frames slot - 1 .. slot + n_slots + 1; the first one's window begins two hops before its centre
        samples = to_float(mixture.read((slot - 3) * hop, (n_slots + 6) * hop), info.sample_type)
        spectrum = stft(samples, n_fft)  # (channel, bin, frame)
        shares = masks.on_stft(slot - 1, n_slots + 3, info.rate_hz, n_fft, hop)  # (stem, channel or 1, bin, frame)
        at = (slot - first_slot) * hop
        for i, stem in enumerate(chosen):
            out[i, :, at : at + n_slots * hop] = istft(spectrum * shares[stem], n_fft)  # (channel, sample)
    begin = start - first_slot * hop
    return out[:, :, begin : begin + n_samples]


def render_float(mixture: Mixture, masks: Masks, mix: Mix, start: int, n_samples: int, force: bool = False) -> Array:
    """The remix as float64 (channel, sample), 1.0 = full scale, not yet rounded; see `render`."""
    info = mixture.info
    p = matrices(mix, masks.stems, info.n_channels)  # (stem, channel, channel)
    remix = to_float(mixture.read(start, n_samples), info.sample_type)
    if np.all(p == p[0]) and not force:  # the stems add up to the mixture, so one matrix for all moves the mixture itself
        if not np.array_equal(p[0], np.eye(info.n_channels)):
            remix = p[0] @ remix
    else:
        moved = tuple(i for i in range(len(masks.stems)) if force or not np.array_equal(p[i], np.eye(info.n_channels)))
        stems = render_stems(mixture, masks, start, n_samples, moved)
        for i, stem in zip(moved, stems, strict=True):
            remix += (p[i] - np.eye(info.n_channels)) @ stem
    return remix if mix.master_db == 0.0 else remix * gain_of(mix.master_db)


def render(mixture: Mixture, masks: Masks, mix: Mix, start: int, n_samples: int, force: bool = False) -> Rendered:
    """Samples [start, start + n_samples) of the remix in the recording's own sample type.

    Neutral: a copy of the mixture, bit for bit, and no pass is run. All stems alike: the mixture times that gain.
    Otherwise float64, rounded half to even, saturated; saturated samples are counted. `force` runs the pass in any
    case, for tests: at unity it must give the mixture within rounding.
    """
    info = mixture.info
    if not force and mix.master_db == 0.0 and np.all(matrices(mix, masks.stems, info.n_channels) == np.eye(info.n_channels)):
        return Rendered(mixture.read(start, n_samples).copy(), 0)
    return Rendered(*from_float(render_float(mixture, masks, mix, start, n_samples, force), info.sample_type))
