"""The STFT and its inverse for everything that is rendered: scipy.fft, float64, frames on an absolute grid.

Frame f is centred on sample f * hop and its window covers four hops:

    slot      q-2     q-1      q      q+1     q+2            sample s lies in slot q = s // hop
    frame q          [....... ....... ....... .......]       (hop = n_fft / 4)

so slot q is covered by frames q-1, q, q+1, q+2 and nothing else. The inverse adds those four in this order, which is
why any way of cutting a song into blocks gives the same bits. Outside the recording there is silence.
"""

import math
from functools import lru_cache

import numpy as np
import scipy.fft

from engine.types import Array

OVERLAP = 4  # hops in a window: Hann analysis and synthesis add up to exactly 1.5


def n_fft_for(rate_hz: int) -> int:
    """Window length in samples: the power of two nearest to 4096 at 44.1 kHz (93 ms), at least 16."""
    return max(16, 1 << round(math.log2(4096 * rate_hz / 44100)))


@lru_cache(maxsize=16)
def hann(n_fft: int) -> Array:
    """Periodic Hann window, float64 (n_fft,)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    window.flags.writeable = False
    return window


def slots(start: int, n_samples: int, hop: int) -> tuple[int, int]:
    """First slot touched by [start, start + n_samples) and the first one after."""
    return start // hop, -(-(start + n_samples) // hop)


def stft(samples: Array, n_fft: int) -> Array:
    """(channel, sample) -> complex128 (channel, bin, frame); the first frame's window begins at the first sample.

    There are n_samples / hop - 3 frames; n_samples must be a multiple of hop. Memory order is frame-major.
    """
    hop = n_fft // OVERLAP
    windows = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)[..., ::hop, :]  # (channel, frame, n_fft)
    spectrum: Array = scipy.fft.rfft(windows * hann(n_fft), axis=-1)  # (channel, frame, bin)
    return np.swapaxes(spectrum, -1, -2)


def istft(spectrum: Array, n_fft: int) -> Array:
    """(..., bin, frame) -> float64 (..., sample): the n_frames - 3 slots that all four of their frames cover."""
    hop = n_fft // OVERLAP
    blocks = scipy.fft.irfft(np.swapaxes(spectrum, -1, -2), n_fft, axis=-1)  # (..., frame, n_fft)
    blocks *= hann(n_fft) / 1.5
    quarters = blocks.reshape(*blocks.shape[:-1], OVERLAP, hop)  # (..., frame, quarter, hop)
    n_slots = quarters.shape[-3] - OVERLAP + 1
    out = quarters[..., 0:n_slots, 3, :] + quarters[..., 1 : n_slots + 1, 2, :]  # the oldest frame ends here, and so on
    out += quarters[..., 2 : n_slots + 2, 1, :]
    out += quarters[..., 3 : n_slots + 3, 0, :]
    return out.reshape(*out.shape[:-2], n_slots * hop)


def bin_hz(rate_hz: int, n_fft: int) -> Array:
    """Centre of each bin in Hz, (n_fft // 2 + 1,)."""
    return np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
