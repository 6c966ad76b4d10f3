"""Frequency bands of the built-in network: single bins low down, wider bands above, and sums over them.

Why bands: below about 2.7 kHz the harmonics of a voice and a guitar interleave, so every bin counts; above,
neighbouring bins mostly share an owner, and 2,049 bins become 400 rows at a fifth of the cost.
"""

from functools import lru_cache

import numpy as np

FloatArray = np.ndarray


@lru_cache(maxsize=8)
def band_edges(n_bins: int = 2049, n_single: int = 250, n_bands: int = 400) -> np.ndarray:
    """First bin of each band, then n_bins: shape (n_bands + 1,), strictly ascending.

    The first n_single bands hold one bin each; the rest widen geometrically up to the last bin.
    """
    n_wide = n_bands - n_single
    ideal = np.geomspace(n_single, n_bins, n_wide + 1)
    edges = np.round(ideal).astype(int)
    for i in range(1, len(edges)):  # geometric steps shorter than one bin are pushed to one bin
        edges[i] = max(edges[i], edges[i - 1] + 1)
    edges[-1] = n_bins
    for i in range(len(edges) - 2, -1, -1):
        edges[i] = min(edges[i], edges[i + 1] - 1)
    return np.concatenate([np.arange(n_single), edges])


def band_centres_hz(rate_hz: int, n_fft: int, edges: np.ndarray) -> np.ndarray:
    """Middle of each band in Hz, shape (band,)."""
    return (edges[:-1] + edges[1:] - 1) / 2.0 * rate_hz / n_fft


def band_sums(power: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sum over the bins of each band: (..., bin, frame) -> (..., band, frame)."""
    return np.add.reduceat(power, edges[:-1], axis=-2)


def band_features(spectrum: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """What the network sees of a stereo spectrum, level-free: (channel=2, bin, frame) complex -> (3, band, frame).

    Row 0: log10 of the mean power in the band relative to the mean power of the whole stretch (silence: -7).
    Row 1: level difference of the channels, -1 (right only) .. 1 (left only).
    Row 2: normalised real cross-spectrum, 1 (in phase, equal) .. -1 (out of phase).
    """
    left, right = spectrum[0], spectrum[1]
    left_power = np.square(left.real) + np.square(left.imag)
    right_power = np.square(right.real) + np.square(right.imag)
    cross = left.real * right.real + left.imag * right.imag
    return features_of_sums(band_sums(left_power, edges), band_sums(right_power, edges), band_sums(cross, edges), np.diff(edges)[:, None])


def features_of_sums(e_left: np.ndarray, e_right: np.ndarray, e_cross: np.ndarray, n_bins: np.ndarray) -> np.ndarray:
    """The same from the band sums of the channels' powers and of their real cross-spectrum: three alike -> (3, ...).

    n_bins: bins of each band, in a shape that goes with the sums.
    """
    total = e_left + e_right
    n_bins = n_bins.astype(total.dtype)
    mean = float(np.sum(total, dtype=np.float64)) / (total.size * float(n_bins.mean()))
    if mean <= 0.0:
        return np.stack([np.full_like(total, -7.0), np.zeros_like(total), np.zeros_like(total)])
    share = total / n_bins / mean
    out = np.empty((3, *total.shape), dtype=total.dtype)
    np.log10(share + 1e-7, out=out[0])
    safe = total + np.asarray(mean * 1e-9, dtype=total.dtype)
    np.divide(e_left - e_right, safe, out=out[1])
    np.divide(2.0 * e_cross, safe, out=out[2])
    return out
