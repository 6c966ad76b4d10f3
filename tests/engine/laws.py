"""What tests of methods share: the law of masks, stems by mask alone (not through the renderer), and the SDR."""

import numpy as np

from engine.masks import ONE, Masks
from engine.methods.spectra import look_stft
from engine.types import Array, MaskGrid


def values(masks: Masks) -> Array:
    """All columns on the native grid: uint16 (stem, channel or 1, row, frame)."""
    return masks.frames(0, masks.grid.n_frames(masks.seconds))


def same_law(masks: Masks) -> None:
    """Masks of a whole song: every cell sums to ONE."""
    assert masks.is_complete
    assert (values(masks).astype(np.int64).sum(axis=0) == ONE).all()


def check_laws(shares: Array, n_stems: int, n_masks: int = 1) -> None:
    """Finite, not below zero, one in sum; n_masks: 1 for all channels, or one for each."""
    assert shares.shape[:2] == (n_stems, n_masks)
    assert np.all(np.isfinite(shares))
    assert np.all(shares >= 0.0)
    total = shares.sum(axis=0, dtype=np.float64)
    assert np.all(total > 0.5)
    np.testing.assert_allclose((shares / total).sum(axis=0), 1.0, atol=1e-6)


def stems_by_mask(shares: Array, samples: Array, grid: MaskGrid) -> Array:
    """Mask, inverse STFT, overlap-add: (stem, channel or 1, bin, frame) and (channel, sample) -> (stem, channel, sample)."""
    n_fft, hop = 2 * (len(grid.freqs_hz) - 1), grid.hop
    n_samples, n_frames = samples.shape[1], shares.shape[3]
    spectrum = look_stft(samples, n_fft, hop, 0, n_frames).astype(np.complex128)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    sound = np.zeros((shares.shape[0], samples.shape[0], (n_frames - 1) * hop + n_fft))
    weight = np.zeros(sound.shape[2])
    pieces = np.fft.irfft(shares * spectrum, n=n_fft, axis=2) * window[:, None]
    for frame in range(n_frames):
        sound[:, :, frame * hop : frame * hop + n_fft] += pieces[..., frame]
        weight[frame * hop : frame * hop + n_fft] += window**2
    core = slice(n_fft // 2, n_fft // 2 + n_samples)
    return sound[:, :, core] / weight[core]


def sdr_db(reference: Array, estimate: Array) -> float:
    """Energy of the truth over the energy of what is wrong, in dB."""
    return float(10.0 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2)))
