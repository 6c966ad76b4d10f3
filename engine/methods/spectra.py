"""What the methods without a network look through: their grid, their STFT, and a level that cannot overflow.

Only for finding masks. The STFT of render and export (float64, inverted exactly) is engine.stft.
"""

import math

import numpy as np

from engine.types import Array, MaskGrid

PAPER_N_FFT, PAPER_RATE_HZ = 4096, 44100  # the window of ADRess and of the median filters: 93 ms, 10.8 Hz a bin
HOPS_PER_WINDOW = 4  # both papers step by a quarter of the window
CHUNK_S = 10.0  # short enough to hear the first result soon, long enough that the context costs little
FLOOR = 1e-12  # 120 dB below the loudest cell of a frame: what lies under it is rounding noise, of 24-bit files or of float32


def look_n_fft(rate_hz: int) -> int:
    """Window length in samples: the power of two nearest to 93 ms in ratio, so that all rates see alike.

    >>> [look_n_fft(rate) for rate in (8000, 22050, 44100, 48000, 96000, 192000)]
    [1024, 2048, 4096, 4096, 8192, 16384]
    """
    return max(16, int(2 ** round(math.log2(PAPER_N_FFT * rate_hz / PAPER_RATE_HZ))))


def look_grid(rate_hz: int) -> MaskGrid:
    """Grid on which masks lie at a file's own rate: every bin of the window, up to and with half the rate."""
    n_fft = look_n_fft(rate_hz)
    hop = n_fft // HOPS_PER_WINDOW
    freqs_hz = tuple(np.fft.rfftfreq(n_fft, 1.0 / rate_hz).tolist())
    return MaskGrid(rate_hz, hop, freqs_hz, chunk_frames=max(1, round(CHUNK_S * rate_hz / hop)))


def near_unit_peak(samples: Array) -> Array:
    """A float32 copy with its peak in [0.5, 1), scaled by a power of two: exact, so shares do not depend on level.

    Powers of samples of 1e-30 would vanish in float32, those of 1e+30 overflow. Silence stays silence.
    """
    out = np.asarray(samples, dtype=np.float32)
    peak = float(np.max(np.abs(out), initial=0.0))
    exponent = int(np.frexp(peak)[1])  # peak = mantissa in [0.5, 1) * 2**exponent
    scaled: Array = np.ldexp(out, -exponent)
    return scaled


def look_stft(samples: Array, n_fft: int, hop: int, first_frame: int, n_frames: int) -> Array:
    """Some columns of the STFT: (channel, sample) float32 -> (channel, bin, n_frames) complex64.

    Column i is centred on sample (first_frame + i) * hop; outside the samples there is silence. Periodic Hann window.

        sample   0 . . . hop . . . 2 hop . . .
        column   0        1          2          each with n_fft / 2 samples on either side
    """
    from scipy.fft import rfft

    n_channels, n_samples = samples.shape
    start = first_frame * hop - n_fft // 2
    stop = (first_frame + n_frames - 1) * hop + n_fft // 2  # one past the last sample looked at
    padded = np.zeros((n_channels, stop - start), dtype=np.float32)
    inside = slice(max(start, 0), max(0, start, min(stop, n_samples)))
    padded[:, inside.start - start : inside.stop - start] = samples[:, inside]
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop]  # (channel, frame, n_fft)
    spectrum: Array = rfft(pieces * window, axis=-1, workers=1)  # (channel, frame, bin)
    return np.ascontiguousarray(np.swapaxes(spectrum, 1, 2))


def power(spectrum: Array) -> Array:
    """Squared magnitude, real, of the same shape; twice as fast as abs() ** 2."""
    squared: Array = np.square(spectrum.real) + np.square(spectrum.imag)
    return squared


def noise_floor(cell_power: Array) -> Array:
    """Power under which a cell is nobody's: (bin, frame) -> (1, frame), above zero even where there is silence.

    Added to what competes for a cell it draws the shares towards equal ones, gently, where only rounding noise is left.
    """
    floor: Array = FLOOR * np.max(cell_power, axis=0, keepdims=True) + np.float32(1e-30)
    return floor
