"""Harmonic and percussive parts by median filtering.

D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx-10, Graz 2010; read together with
J. Driedger, M. Mueller, S. Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014.

In a spectrogram a held note is a horizontal ridge and a drum hit is a vertical one:

    bin                          median over 17 frames keeps ---- and drops |    -> H
     |     |   |                 median over 17 bins   keeps |    and drops ---- -> P
     |-----|---|------
     |     |   |                 harmonic share   = H^2 / (H^2 + P^2)
     +--------------> frame      percussive share = P^2 / (H^2 + P^2)

H is the magnitude filtered over time ("harmonic-enhanced"), P the magnitude filtered over frequency
("percussion-enhanced"), and the shares are the paper's soft, Wiener-like masks with its exponent p = 2.

This differs from the paper in four ways. The filter lengths are seconds and hertz, so that a song sounds alike at every
rate. All channels share one mask, from the sum of their powers, so that the stereo image of a stem stays where it was.
The spectrogram is mirrored at the ends of the recording, so that a note that sounds from the first sample on is not taken
for a hit. Cells 120 dB below their frame's loudest are shared equally. From Driedger's paper comes only the thought of
stating the lengths in seconds and hertz: its margins leave a residual, which a two-stem mask that sums to one cannot hold.
"""

from dataclasses import asdict, dataclass

import numpy as np

from engine.methods.options import check, setting
from engine.methods.spectra import look_grid, look_stft, near_unit_peak, noise_floor, power
from engine.types import Array, MaskGrid, MethodInfo

INFO = MethodInfo(
    name="hpss",
    title="Harmonic and percussive",
    group="classic",
    stems=("harmonic", "percussive"),
    sentence="Splits held notes from hits in a few seconds, for any music and any number of channels; "
    "good for taking drums down or up as a whole.",
    paper="D. FitzGerald, Harmonic/percussive separation using median filtering, DAFx-10, 2010",
)

PIECE = 16384  # values filtered at once: the arrays of the network stay in the processor's cache
LONGEST = 16  # reach of a network; beyond that SciPy is faster, but it holds the interpreter's lock, for which the sound card waits


@dataclass(frozen=True, slots=True)
class HpssSettings:
    """Lengths of the two median filters; longer is stricter about what counts as held, or as a hit."""

    held_s: float = setting(
        0.395, "How long a note is held: it outlives half of this, a hit does not (the paper's 17 frames of 1024 samples at 44.1 kHz).",
        low=0.0, high=1.0, is_open=True, unit="second",
    )  # fmt: skip
    wide_hz: float = setting(
        183.0, "How wide a hit is: it is wider than half of this, a partial (4 bins) is not (the paper's 17 bins of 10.8 Hz).",
        low=0.0, high=5000.0, is_open=True, unit="Hz",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse lengths that mean nothing, or that outgrow the context."""
        check(self)


class Hpss:
    """The method behind the door `engine.types.Method`."""

    info = INFO
    look_rate_hz: int | None = None  # medians cost little: look at the file's own rate and resample nothing

    def __init__(self, settings: HpssSettings | None = None) -> None:
        """Defaults are the paper's."""
        self._lengths = settings or HpssSettings()

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Both lengths."""
        return asdict(self._lengths)

    @property
    def context_s(self) -> float:
        """Half a time median and half a window (66 ms at most), with room for a stretch that was cut at whole frames."""
        return self._lengths.held_s / 2.0 + 0.3

    def grid(self, rate_hz: int) -> MaskGrid:
        """The paper's 4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates."""
        return look_grid(rate_hz)

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel, sample) float32 -> shares (stem=2, channel=1, bin, n_frames) float32, summing to one."""
        n_fft, n_bins = 2 * (len(grid.freqs_hz) - 1), len(grid.freqs_hz)
        reach = odd_length(self._lengths.held_s * grid.rate_hz / grid.hop) // 2  # frames on either side
        reach_bins = min(odd_length(self._lengths.wide_hz * n_fft / grid.rate_hz) // 2, (n_bins - 1) // 2)

        last = -(-samples.shape[1] // grid.hop)  # the last column that hears anything of this stretch
        wanted = np.arange(first_frame - reach, first_frame + n_frames + reach)
        wanted = np.abs(wanted)  # mirrored at the start of the stretch ...
        wanted = np.clip(np.where(wanted > last, 2 * last - wanted, wanted), 0, last)  # ... and at its end
        low, high = int(wanted.min()), int(wanted.max())
        level = near_unit_peak(samples)
        heard = np.zeros((n_bins, high - low + 1), dtype=np.float32)
        for channel in level:  # one after the other: six channels at 192 kHz would fill 200 MB
            heard += power(look_stft(channel[None], n_fft, grid.hop, low, high - low + 1)[0])
        heard = heard[:, wanted - low]  # (bin, reach + n_frames + reach)

        # The median of squares is the square of the median: filtering powers gives H^2 and P^2 at once.
        core = heard[:, reach : reach + n_frames]  # (bin, frame)
        held = median_along_rows(heard, reach)[:, reach : reach + n_frames]
        mirrored = np.pad(core.T, ((0, 0), (reach_bins, reach_bins)), mode="reflect")  # (frame, bins)
        hits = median_along_rows(mirrored, reach_bins)[:, reach_bins : reach_bins + n_bins].T

        floor = noise_floor(core)  # (1, frame)
        out = np.empty((2, 1, n_bins, n_frames), dtype=np.float32)
        np.divide(held + floor, held + hits + 2.0 * floor, out=out[0, 0])
        np.subtract(1.0, out[0, 0], out=out[1, 0])
        return out


def odd_length(wanted: float) -> int:
    """The odd whole number nearest to a length, at least 1: the middle of a median must be one value.

    >>> [odd_length(length) for length in (0.2, 2.9, 17.0, 18.5)]
    [1, 3, 17, 19]
    """
    return max(1, 2 * round((wanted - 1.0) / 2.0) + 1)


def median_along_rows(rows: Array, reach: int) -> Array:
    """Running median over 2 * reach + 1 values of each row: (row, column) -> (row, column) of the same type.

    Only columns at least `reach` from both ends of a row are meant to be used. All rows are filtered as one long line.
    """
    if reach == 0:
        return rows
    line = np.pad(np.ascontiguousarray(rows).ravel(), reach, mode="edge")
    filtered = np.empty(rows.size, rows.dtype)
    running_median = _running_median if reach <= LONGEST else _running_median_by_scipy
    for at in range(0, rows.size, PIECE):
        filtered[at : at + PIECE] = running_median(line[at : at + PIECE + 2 * reach], reach)
    return filtered.reshape(rows.shape)


def _running_median_by_scipy(line: Array, reach: int) -> Array:
    """The same as _running_median."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(line, size=2 * reach + 1)[reach : len(line) - reach])


def _running_median(line: Array, reach: int) -> Array:
    """Medians of all windows of 2 * reach + 1 values in a line, (value,) -> (value - 2 * reach,), by sorting networks.

    The window at i is a half of `reach` values at i and a half of reach + 1 at i + reach. Sorted halves are made once for the whole
    line, from halves of halves, and shifted:

        median = largest of the reach + 1 smallest = max(b0, max_i min(a_i, b_(reach - i)))      a, b: the halves, ascending
    """
    n = len(line) - 2 * reach
    a, b = _sorted_windows(line, reach), _sorted_windows(line, reach + 1)
    median = b[0][reach : reach + n].copy()
    for i, smaller in enumerate(a):
        np.maximum(median, np.minimum(smaller[:n], b[reach - i][reach : reach + n]), out=median)
    return median


def _sorted_windows(line: Array, size: int) -> list[Array]:
    """Every window of `size` values, sorted: entry k at i is the k-th smallest of line[i : i + size]."""
    if size == 1:
        return [line]
    half = size // 2
    n = len(line) - size + 1
    return _merged([a[:n] for a in _sorted_windows(line, half)], [b[half : half + n] for b in _sorted_windows(line, size - half)])


def _merged(a: list[Array], b: list[Array]) -> list[Array]:
    """Two ascending lists of arrays as one: Batcher's odd-even merge (D. Knuth, The Art of Computer Programming 3, 5.3.4, exercise 10)."""
    if not a or not b:
        return a or b
    if len(a) == len(b) == 1:
        return [np.minimum(a[0], b[0]), np.maximum(a[0], b[0])]
    first, *odd = _merged(a[0::2], b[0::2])
    even = _merged(a[1::2], b[1::2])
    out = [first]
    for low, high in zip(even, odd, strict=False):
        out += [np.minimum(low, high), np.maximum(low, high)]
    return out + even[len(odd) :] + odd[len(even) :]
