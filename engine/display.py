"""What the eye gets: the mixture as a log-frequency picture in uint8 decibels with a max pyramid in time; no colour.

    row 511  Nyquist      high rows: the loudest pair of FFT bins that falls into the row
        :                 below about 700 Hz rows lie closer than bins: the Fourier sum is taken at the row's own
    row 0    30 Hz        frequency, on a decimated copy, with a window that grows to twice the length in the bass

Column `frame` covers samples [frame * hop, (frame + 1) * hop) and its windows are centred on the middle of them. A byte
stands for FLOOR_DB (0, or quieter) to TOP_DB (255, or louder) relative to a full-scale sine. The picture is made in
blocks of 256 frames on a fixed grid, so it is the same however it was cut into stretches, and it takes no memory beyond
itself: 1 byte per row and frame, twice that with its pyramid (10 MiB for 4 minutes).
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy.fft

from engine.stft import OVERLAP, hann, n_fft_for
from engine.types import Array, AudioInfo, Mixture

N_ROWS = 512  # one and a half a pixel at 1600x900; 66 rows an octave ... 56 at 192 kHz
LOWEST_HZ = 30.0
FLOOR_DB, TOP_DB = -96.0, 0.0  # 0.38 dB a step
BLOCK_FRAMES = 256  # 6 s: 30 ms of work, and 2**8 so that a column of any level lies in one block
MAX_LEVEL = 8
MARGIN_HOPS = 6  # what a block looks at beyond its own samples: 4 hops of bass window, 2 of decimation filter
LOUDEST = 1e9  # larger floats than that are only clipped for the eye; their squares would overflow float32
PAIR_POWER = 1.34  # two neighbouring bins of a Hann window hold 1.25 .. 1.44 of a sine's peak power


@dataclass(frozen=True, eq=False)
class Picture:
    """A snapshot of the picture; compared by identity, so a new snapshot always counts as a change.

    Snapshots of one song share the big arrays. A column is written once, before the first snapshot that calls its block
    done, and never changes after; columns of other blocks mean nothing yet (0 until they are drawn).
    """

    rate_hz: int
    n_samples: int
    hop: int  # samples a column of level 0
    rows_hz: Array  # float64 (row,): centre of each row, ascending
    levels: tuple[Array, ...]  # uint8 (row, frame); a column of level k is the maximum of 2**k columns of level 0
    wave: Array  # int8 (2, frame): lowest and highest sample of all channels in each column, 127 = full scale
    done: Array  # bool (block,)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.n_samples / self.rate_hz

    @property
    def fps(self) -> float:
        """Columns of level 0 per second."""
        return self.rate_hz / self.hop

    @property
    def n_frames(self) -> int:
        """Columns of level 0."""
        return int(self.levels[0].shape[1])

    @property
    def is_complete(self) -> bool:
        """Whether every stretch is drawn."""
        return bool(self.done.all())

    def done_at(self, frame: int) -> bool:
        """Whether a column of level 0 is drawn."""
        return bool(self.done[frame // BLOCK_FRAMES])

    @property
    def stretches(self) -> tuple[tuple[float, float], ...]:
        """What is drawn: (start_s, end_s), ascending, neighbours joined."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.done.astype(np.int8), [0]])))
        block_s = BLOCK_FRAMES / self.fps
        return tuple((a * block_s, min(b * block_s, self.seconds)) for a, b in edges.reshape(-1, 2).tolist())

    def row_at(self, hz: float) -> float:
        """Place of a frequency on the row axis: 0.5 is the middle of row 0, 511.5 that of the highest row."""
        lowest, highest = float(self.rows_hz[0]), float(self.rows_hz[-1])
        return math.log(max(hz, 1e-3) / lowest) / math.log(highest / lowest) * (len(self.rows_hz) - 1) + 0.5

    def hz_at(self, row: float) -> float:
        """The frequency at a place on the row axis; the inverse of row_at."""
        lowest, highest = float(self.rows_hz[0]), float(self.rows_hz[-1])
        return lowest * (highest / lowest) ** ((row - 0.5) / (len(self.rows_hz) - 1))


def empty_picture(info: AudioInfo) -> Picture:
    """Nothing drawn yet. The arrays are zeros that take no memory before they are written."""
    hop = n_fft_for(info.rate_hz) // OVERLAP
    n_frames = max(1, -(-info.n_samples // hop))
    widths = [n_frames]
    while len(widths) <= MAX_LEVEL and widths[-1] > 1:
        widths.append(-(-widths[-1] // 2))
    return Picture(
        info.rate_hz, info.n_samples, hop, rows_hz(info.rate_hz), tuple(np.zeros((N_ROWS, n), np.uint8) for n in widths),
        np.zeros((2, n_frames), np.int8), np.zeros(-(-n_frames // BLOCK_FRAMES), bool),
    )  # fmt: skip


def next_stretch(picture: Picture, playhead_s: float = 0.0, n_blocks: int = 4) -> tuple[float, float] | None:
    """What to draw next, (start_s, end_s): up to n_blocks missing blocks from the playhead on, then from the beginning."""
    block_s = BLOCK_FRAMES / picture.fps
    missing = np.flatnonzero(~picture.done)
    if not len(missing):
        return None
    ahead = missing[missing >= int(playhead_s / block_s)]
    first = int(ahead[0] if len(ahead) else missing[0])
    end = first + 1
    while end < min(first + n_blocks, len(picture.done)) and not picture.done[end]:
        end += 1
    return (first + 0.25) * block_s, (end - 0.25) * block_s  # well inside: no rounding reaches a neighbour


def drawn(mixture: Mixture, picture: Picture, start_s: float = 0.0, end_s: float | None = None) -> Picture:
    """A new snapshot in which [start_s, end_s) (default: everything) is drawn, rounded outwards to whole blocks.

    Blocks that are done are left alone, so nothing changes under those who hold an earlier snapshot. One drawer at a
    time: two of them would write the same arrays.
    """
    done = picture.done.copy()
    end_frame = picture.n_frames if end_s is None else int(np.ceil(end_s * picture.fps))
    first = max(0, int(start_s * picture.fps)) // BLOCK_FRAMES
    for block in range(first, min(len(done), -(-end_frame // BLOCK_FRAMES))):
        if not done[block]:
            _draw_block(mixture, picture, block)
            done[block] = True
    return replace(picture, done=done)


def wave_columns(picture: Picture, n_columns: int) -> Array:
    """The whole song's waveform in n_columns: int8 (2, column), lowest and highest sample, 127 = full scale."""
    n_frames = picture.wave.shape[1]
    starts = np.arange(n_columns) * n_frames // n_columns  # with fewer frames than columns they repeat
    return np.stack([np.minimum.reduceat(picture.wave[0], starts), np.maximum.reduceat(picture.wave[1], starts)])


def _draw_block(mixture: Mixture, picture: Picture, block: int) -> None:
    """Compute one block and write it into the shared arrays: level 0, the waveform, then the pyramid."""
    rate_hz, hop = picture.rate_hz, picture.hop
    margin = MARGIN_HOPS * hop
    first = block * BLOCK_FRAMES
    n_frames = min(BLOCK_FRAMES, picture.n_frames - first)
    # a block has the same shapes, and so the same bits, whichever stretch asked for it
    samples = mixture.read(first * hop - margin, n_frames * hop + 2 * margin)
    kind = mixture.info.sample_type
    if kind.is_float:
        x = np.clip(samples, -LOUDEST, LOUDEST).astype(np.float32)
        x[np.abs(x) < 1e-12] = 0.0  # denormals are silence to the eye, and slow
    else:
        x = samples * np.float32(1.0 / kind.full_scale)
    core = x[:, margin : margin + n_frames * hop].reshape(len(x), n_frames, hop)  # (channel, frame, sample)
    extremes = np.stack([core.min(axis=(0, 2)), core.max(axis=(0, 2))])
    picture.wave[:, first : first + n_frames] = np.rint(np.clip(extremes, -1.0, 1.0) * 127.0)

    power = np.zeros((N_ROWS, n_frames), np.float32)
    for channel in x:  # the mean over channels of their powers: what is out of phase stays in sight
        power += _row_powers(channel, rate_hz, hop, n_frames)
    db = 10.0 * np.log10(power / len(x) + np.float32(1e-12))
    image = np.rint((np.clip(db, FLOOR_DB, TOP_DB) - FLOOR_DB) * (255.0 / (TOP_DB - FLOOR_DB))).astype(np.uint8)
    for level in picture.levels:
        level[:, first : first + image.shape[1]] = image
        first //= 2
        pairs = np.pad(image, ((0, 0), (0, image.shape[1] % 2)))
        image = np.maximum(pairs[:, 0::2], pairs[:, 1::2])


# ------------------------------------------------------------------------------------------------ from samples to rows


@dataclass(frozen=True)
class _Plan:
    """The tables of one sample rate; n_low rows are Fourier sums on a copy decimated by `step`."""

    step: int
    taps: Array  # float32 (tap block, step): decimation low-pass, cut into blocks of `step`
    cosine: Array  # float32 (half window, low row)
    sine: Array  # float32 (half window, low row)
    pairs: Array  # int (high row,): first bin pair of each high row


def rows_hz(rate_hz: int) -> Array:
    """Centres of the rows: LOWEST_HZ .. Nyquist, equal steps in log frequency."""
    nyquist = rate_hz / 2.0
    return np.geomspace(min(LOWEST_HZ, nyquist / 8.0), nyquist, N_ROWS)


@lru_cache(maxsize=4)
def _plan(rate_hz: int) -> _Plan:
    """The tables for a sample rate."""
    n_fft, rows = n_fft_for(rate_hz), rows_hz(rate_hz)
    bin_hz = rate_hz / n_fft
    growth = (rows[-1] / rows[0]) ** (1.0 / (N_ROWS - 1))
    n_low = int(np.searchsorted(rows * (growth - 1.0), 0.85 * bin_hz))  # wider rows would miss sines between two of them by over 1 dB
    step = max(1, n_fft // 512)
    low_rate, window = rate_hz / step, n_fft // step

    # decimation: windowed sinc, flat to 0.3 and -90 dB from 0.7 of the low rate on; what folds back lies above the low rows
    at = np.arange(-10 * step, 11 * step)
    taps = np.sinc(at / step) * np.pad(np.kaiser(20 * step + 1, 9.0), (0, step - 1))
    taps = taps / taps.sum() if step > 1 else (at == 0).astype(float)
    low_hz = rows[:n_low]
    response = np.exp(-2j * np.pi * np.outer(low_hz / rate_hz, at)) @ taps  # of the filter at each low row, to be undone

    # a Hann window twice as long as the FFT's up to about 220 Hz, as long as that from 440 Hz on: no seam at the last low row
    length = np.clip(window * low_rate * 0.08 / low_hz, window, 2 * window)
    n = np.arange(window)[:, None]  # distance from the centre; the window is even, so half of it is enough
    shape = np.where(n < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * n / length), 0.0)
    shape *= 2.0 / (2.0 * shape.sum(axis=0) - shape[0]) / np.abs(response)  # a full-scale sine gives 1
    phase = 2 * np.pi * n * (low_hz / low_rate)
    cosine, sine = shape * np.cos(phase), shape * np.sin(phase)

    edges_hz = np.concatenate([[0.0], rows * growth**-0.5])[n_low + 1 :]
    pairs = np.clip(np.ceil(edges_hz / bin_hz - 0.5).astype(int), 0, n_fft // 2 - 1)  # pair k: bins k and k + 1
    return _Plan(step, taps.reshape(-1, step).astype(np.float32), cosine.astype(np.float32), sine.astype(np.float32), pairs)


def _row_powers(x: Array, rate_hz: int, hop: int, n_frames: int) -> Array:
    """One channel of a block with its margins, float32 (sample,) -> power of each cell (row, frame), full-scale sine = 1."""
    plan = _plan(rate_hz)
    low = _low_powers(x, plan, hop, n_frames)
    if not len(plan.pairs):
        return low
    n_fft = hop * OVERLAP
    begin = MARGIN_HOPS * hop + hop // 2 - n_fft // 2
    windows = np.lib.stride_tricks.sliding_window_view(x, n_fft)[begin::hop][:n_frames]  # (frame, sample)
    weights = hann(n_fft) / (n_fft / 4.0 * np.sqrt(PAIR_POWER))
    spectrum = scipy.fft.rfft(windows * weights.astype(np.float32), axis=-1)[:, plan.pairs[0] :]  # (frame, bin)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    pairs = np.ascontiguousarray((power[:, :-1] + power[:, 1:]).T)  # (pair, frame)
    return np.concatenate([low, np.maximum.reduceat(pairs, plan.pairs - plan.pairs[0], axis=0)])


def _low_powers(x: Array, plan: _Plan, hop: int, n_frames: int) -> Array:
    """The low rows of _row_powers: decimate, then Fourier sums at the rows' own frequencies (low row, frame)."""
    step, half = plan.step, len(plan.cosine)
    if step > 1:
        # low[m] = sum_j taps[j] x[(m - 10) step + j], cut into blocks of `step` taps
        parts = x[: len(x) // step * step].reshape(-1, step) @ plan.taps.T  # (low sample, tap block)
        n = len(parts) - len(plan.taps) + 1
        low = sum((parts[q : q + n, q] for q in range(1, len(plan.taps))), parts[:n, 0].copy())
        offset = 10
    else:
        low, offset = x, 0
    low_hop = hop // step
    centre = MARGIN_HOPS * low_hop + low_hop // 2 - offset  # of the first frame, in low samples
    spans = np.lib.stride_tricks.sliding_window_view(low, 2 * half - 1)[centre - half + 1 :: low_hop][:n_frames]
    after, before = spans[:, half - 1 :], spans[:, half - 1 :: -1]  # (frame, distance from the centre)
    even, odd = after + before, after - before
    even[:, 0] = after[:, 0]
    return np.asarray((np.square(even @ plan.cosine) + np.square(odd @ plan.sine)).T)
