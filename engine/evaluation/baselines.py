"""Estimates that need no method: what knowing nothing scores (floor), what a fixed equaliser can do, what masks can do (ceiling).

All are stems of a track as arrays float32 (stem, channel, sample), in the order of its names, and add up to the mixture.
Masks are applied in the renderer's own STFT (engine.stft), so the ceiling is that of our renderer.
"""

from collections.abc import Callable, Iterator

import numpy as np

from engine.evaluation.data import Track
from engine.masks import normalised
from engine.render import SLOTS_AT_ONCE
from engine.stft import OVERLAP, istft, n_fft_for, stft
from engine.types import Array

Shares = Callable[[Array], Array]  # spectra of the true stems (stem, channel, bin, frame) -> shares (stem, channel or 1, bin, frame or 1)


def mixture_as_estimate(track: Track) -> Array:
    """The floor: every stem is the whole mixture (the one estimate here that does not add up to it). A view, read-only."""
    return np.broadcast_to(track.mixture, track.stems.shape)


def equal_shares(track: Track) -> Array:
    """Every stem is mixture / n_stems: what masks that know nothing give. A view, read-only."""
    return np.broadcast_to(track.mixture / np.float32(len(track.names)), track.stems.shape)


def ideal_ratio_mask(track: Track) -> Array:
    """M_i = |S_i| / sum_j |S_j| in every cell and channel (G. Roma, O. Green, P. A. Tremblay 2018, eq. 8)."""
    return _masked(track, lambda spectra: normalised(np.abs(spectra)))


def ideal_binary_mask(track: Track) -> Array:
    """M_i = 1 where stem i has the largest magnitude, else 0 (the same paper, eq. 4 and 5); ties go to the first stem."""

    def shares(spectra: Array) -> Array:
        owner = np.abs(spectra).argmax(axis=0)
        return np.asarray(owner == np.arange(len(spectra)).reshape(-1, 1, 1, 1), np.float64)

    return _masked(track, shares)


def ideal_shared_mask(track: Track) -> Array:
    """The same with one mask for all channels: M_i = 1 where stem i has the largest power in all of them together."""

    def shares(spectra: Array) -> Array:
        owner = np.square(np.abs(spectra)).sum(axis=1, keepdims=True).argmax(axis=0)
        return np.asarray(owner == np.arange(len(spectra)).reshape(-1, 1, 1, 1), np.float64)

    return _masked(track, shares)


def third_octaves(n_bins: int, hz_per_bin: float) -> Array:
    """Which third-octave band (about 1 kHz, base 2) each bin lies in: int (bin,), ascending; all below 20 Hz are band 0."""
    hz = np.maximum(np.arange(n_bins) * hz_per_bin, 20.0)
    return np.asarray(np.round(3 * np.log2(hz / 1000.0)) - np.round(3 * np.log2(20.0 / 1000.0)), dtype=np.intp)


def best_equaliser(track: Track) -> Array:
    """The best fixed equaliser split: a third-octave equaliser for each stem, set once for this song by least squares on the truth."""
    return _equalised(track, third_octaves(n_fft_for(track.rate_hz) // 2 + 1, track.rate_hz / n_fft_for(track.rate_hz)))


def best_bin_equaliser(track: Track) -> Array:
    """The same with a gain of its own for every bin of 11 Hz: tuned to the very notes of the song, which no equaliser is."""
    return _equalised(track, np.arange(n_fft_for(track.rate_hz) // 2 + 1))


def _equalised(track: Track, band_of_bin: Array) -> Array:
    """One real gain a band and stem for the whole song, by least squares on the truth.

    For gains h >= 0 that sum to one in a band, sum_i |S_i - h_i X|^2 over its frames and channels is least where h is the
    point of the simplex nearest to c_i = sum Re(X* S_i) / sum |X|^2. An upper bound, in energy over the song, of what any
    static equaliser reaches; a method below it has understood nothing that moves.
    """
    power: Array | float = 0.0
    cross: Array | float = 0.0
    for _, n_slots, spectra in _spectra(track):
        own = spectra[..., 1 : n_slots + 1]  # frames that no other block holds
        mixture = own.sum(axis=0)
        power = power + np.square(np.abs(mixture)).sum(axis=(0, 2))  # (bin,)
        cross = cross + (mixture.conj() * own).real.sum(axis=(1, 3))  # (stem, bin)
    n_bands = int(band_of_bin[-1]) + 1
    power = np.bincount(band_of_bin, np.asarray(power), n_bands)[band_of_bin]
    cross = np.stack([np.bincount(band_of_bin, c, n_bands)[band_of_bin] for c in np.asarray(cross)])
    nearest = np.divide(cross, power, out=np.full(cross.shape, 1.0 / len(cross)), where=power > 0.0)
    gains = on_simplex(nearest)[:, None, :, None]  # (stem, 1, bin, 1)
    return _masked(track, lambda spectra: gains)


BASELINES: dict[str, tuple[str, str, Callable[[Track], Array]]] = {  # name -> kind, words, estimate
    "equaliser": ("baseline", "best fixed equaliser, third octaves", best_equaliser),
    "bin-equaliser": ("baseline", "best fixed gains, 11 Hz apart", best_bin_equaliser),
    "equal": ("baseline", "equal shares", equal_shares),
    "mixture": ("floor", "the mixture as every stem", mixture_as_estimate),
    "ibm": ("ceiling", "ideal binary mask", ideal_binary_mask),
    "irm": ("ceiling", "ideal ratio mask", ideal_ratio_mask),
}
CHEAP = ("equal", "mixture")  # the others need a pass over the song each


def on_simplex(points: Array) -> Array:
    """Nearest points that are >= 0 and sum to one over the first axis: (stem, ...) -> (stem, ...).

    J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient projections onto the l1-ball", ICML 2008, fig. 1.
    """
    ordered = -np.sort(-points, axis=0)
    count = np.arange(1, len(points) + 1).reshape(-1, *[1] * (points.ndim - 1))
    excess = (np.cumsum(ordered, axis=0) - 1.0) / count
    last = (ordered > excess).sum(axis=0, keepdims=True) - 1  # the last place whose value stays positive
    return np.asarray(np.maximum(points - np.take_along_axis(excess, last, axis=0), 0.0))


def _spectra(track: Track) -> Iterator[tuple[int, int, Array]]:
    """The true stems block by block: first slot, number of slots, complex128 (stem, channel, bin, frame) as engine.render sees them."""
    n_fft = n_fft_for(track.rate_hz)
    hop = n_fft // OVERLAP
    n_samples = track.mixture.shape[-1]
    end_slot = -(-n_samples // hop)
    for slot in range(0, end_slot, SLOTS_AT_ONCE):
        n_slots = min(SLOTS_AT_ONCE, end_slot - slot)
        begin, end = (slot - 3) * hop, (slot + n_slots + 3) * hop  # frames slot - 1 .. slot + n_slots + 1
        part = track.stems[..., max(0, begin) : min(n_samples, end)].astype(np.float64)
        part = np.pad(part, ((0, 0), (0, 0), (max(0, -begin), max(0, end - n_samples))))
        yield slot, n_slots, np.stack([stft(stem, n_fft) for stem in part])


def _masked(track: Track, shares: Shares) -> Array:
    """Stems that masks make of the mixture: ISTFT(M_i X), float32 (stem, channel, sample)."""
    n_fft = n_fft_for(track.rate_hz)
    hop = n_fft // OVERLAP
    out = np.empty(track.stems.shape, np.float32)
    for slot, n_slots, spectra in _spectra(track):
        mixture = spectra.sum(axis=0)  # (channel, bin, frame): the STFT is linear
        masks = shares(spectra)
        at = slot * hop
        for i, mask in enumerate(masks):
            block = istft(mask * mixture, n_fft)  # (channel, n_slots * hop)
            part = out[i, :, at : at + n_slots * hop]
            part[:] = block[:, : part.shape[-1]]
    return out
