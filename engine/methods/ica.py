"""Two independent axes of the stereo image: ICA.

A. Hyvarinen, E. Oja, "Independent component analysis: algorithms and applications", Neural Networks 13, 2000. Two channels that
are sums of two independent sources, x = A s, are taken apart in two steps (the paper's sections 5 and 6; numbers are ours):

    (1)  z = V x          whitening: V = E{x x*}^-1/2, so that the channels of z have unit power and nothing in common
    (2)  y = U(turn) z    the rotation whose outputs are least like Gaussian noise; then y are the sources, A = (U V)^-1

        right |   . side-like          each dot a cell; the two axes are the columns of A,
              |    .  .:               the one nearer to the centre is called centre-like
              |  . ..::: centre-like
              +----------------- left

A sum of sources is nearer to Gaussian than any of them, so (2) finds them. More than two sources share the two axes: a studio
mix usually gives what stands in the middle (lead vocal, bass, bass drum, snare) and what lies wide (doubled guitars, pads, room).

This differs from the paper in:
- Cells of the spectrogram in place of samples: music is nearly Gaussian in time, but most of its cells are nearly silent. Each
  bin is brought to unit power, so that bass does not decide alone, and excerpts of the song are heard in place of all of it.
- The contrast. E{sqrt(1/10 + |y|^2)}, a smooth |y|, is least where y is sparsest (G1 of E. Bingham, A. Hyvarinen, "A fast
  fixed-point algorithm for independent component analysis of complex valued signals", 2000); it is read from a table of turns by
  half a degree in place of the fixed-point iteration: with two channels there is one angle to find, and no local optimum.
- Masks. The paper would give y itself, which unmixes two sources without a trace and more of them without a sense. Here a
  cell is shared in proportion to the power that each axis has in both channels, |a_k|^2 |y_k|^2: stems add up to the mixture.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from engine.methods.places import check_stereo, heard_spectra
from engine.methods.spectra import look_grid, look_stft, near_unit_peak, noise_floor, power
from engine.types import Array, IsCancelled, MaskGrid, MethodInfo, never_cancelled

INFO = MethodInfo(
    name="ica",
    title="Centre and sides by independence",
    group="spatial",
    stems=("centre-like", "side-like"),
    sentence="Finds the two directions of the stereo image that have least to do with each other: usually what stands in the middle, "
    "and what lies wide around it.",
    paper="A. Hyvarinen, E. Oja, Independent component analysis: algorithms and applications, Neural Networks 13, 2000",
    needs_stereo=True,
)

EVERY = 5  # one frame in so many is heard: 36 s hold two million cells, and half a million tell the angle to a degree
N_TURNS = 180  # rotations tried, half a degree apart: a quarter turn only swaps the axes
SMOOTH = 0.1  # keeps the contrast smooth at silence
FAINT = 1e-6  # of the louder axis: power that the other one is given at least, where the recording is mono


@dataclass(frozen=True, slots=True)
class IcaSettings:
    """Nothing to set: two channels have two axes."""


class Ica:
    """The method behind the door `engine.types.Method`."""

    info = INFO
    look_rate_hz: int | None = None
    context_s = 0.1  # each column is judged alone: half a window (at most 66 ms) is all it hears

    def __init__(self, settings: IcaSettings | None = None, axes: Array | None = None) -> None:
        """Without axes it does not know its song yet; see engine.types.Listening."""
        self._wanted = settings or IcaSettings()
        self.axes = axes  # A, float64 (channel, component): the columns in the order of the stems

    @property
    def settings(self) -> dict[str, float | int | str]:
        """None."""
        return asdict(self._wanted)

    def grid(self, rate_hz: int) -> MaskGrid:
        """4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates."""
        return look_grid(rate_hz)

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> "Ica":
        """Find the axes of the excerpts."""
        n_kept, kept, per_bin = 0, [], None
        for spectrum in heard_spectra(excerpts, grid, is_cancelled):
            found = np.square(np.abs(spectrum)).sum(axis=(0, 2), dtype=np.float64)
            per_bin = found if per_bin is None else per_bin + found
            kept.append(spectrum[:, :, -n_kept % EVERY :: EVERY].copy())  # (channel, bin, frame)
            n_kept += spectrum.shape[2]
        cells = np.concatenate(kept, axis=2)
        loud = np.asarray(per_bin) > 1e-12 * np.max(np.asarray(per_bin))
        if not loud.any():
            return Ica(self._wanted, axes_of(np.zeros((2, 1), np.complex64)))
        level = np.sqrt(np.asarray(per_bin)[loud])[:, None].astype(np.float32)
        return Ica(self._wanted, axes_of((cells[:, loud] / level).reshape(2, -1)))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel=2, sample) float32 -> shares (stem=2, channel=1, bin, n_frames) float32, summing to one."""
        check_stereo(samples, INFO)
        if self.axes is None:
            return self.listen([near_unit_peak(samples)], grid, never_cancelled).shares(samples, grid, first_frame, n_frames)
        n_fft = 2 * (len(grid.freqs_hz) - 1)
        spectrum = look_stft(near_unit_peak(samples), n_fft, grid.hop, first_frame, n_frames)
        return axis_shares(spectrum, self.axes)[:, None]


def axes_of(cells: Array) -> Array:
    """A of cells (channel=2, cell) complex: float64 (channel, component), the axis nearer to the centre first."""
    cells = cells.astype(np.complex128)
    covariance = (cells @ cells.conj().T).real / cells.shape[1]
    values, vectors = np.linalg.eigh(covariance + np.diag([1e-9, -1e-9]) * np.trace(covariance))  # two equal values: left and right
    if values[1] <= 0.0:
        return np.array([[1.0, 1.0], [1.0, -1.0]])  # silence: middle and side
    values = np.maximum(values, FAINT * values[1])
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    z = whiten @ cells
    first, second, both = power(z[0]), power(z[1]), 2.0 * (z[0] * z[1].conj()).real
    turns = np.arange(N_TURNS) * (np.pi / 2.0 / N_TURNS)
    contrast = np.empty(N_TURNS)
    for i, turn in enumerate(turns):
        c, s = np.cos(turn), np.sin(turn)
        along = c * c * first + s * s * second + c * s * both  # |y_1|^2; the powers of y_1 and y_2 add up to those of z
        contrast[i] = np.mean(np.sqrt(SMOOTH + along) + np.sqrt(SMOOTH + np.maximum(first + second - along, 0.0)))
    best = int(np.argmin(contrast))
    before, here, after = contrast[best - 1], contrast[best], contrast[(best + 1) % N_TURNS]
    bend = before - 2.0 * here + after
    turn = turns[best] + (0.5 * (before - after) / bend if bend > 0.0 else 0.0) * turns[1]  # the parabola's lowest point
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    axes = np.linalg.inv(rotation @ whiten)
    central = np.abs(axes.sum(axis=0)) / np.sqrt(np.square(axes).sum(axis=0))
    return np.asarray(axes if central[0] >= central[1] else axes[:, ::-1])


def axis_shares(spectrum: Array, axes: Array) -> Array:
    """Shares by the power of each axis: (channel=2, bin, frame), A (channel, component) -> float32 (component, bin, frame)."""
    unmixing, strength = np.linalg.inv(axes).astype(np.float32), np.square(axes).sum(axis=0)
    parts = np.stack([power(w[0] * spectrum[0] + w[1] * spectrum[1]) * np.float32(a) for w, a in zip(unmixing, strength, strict=True)])
    floor = noise_floor(power(spectrum).sum(axis=0))
    out: Array = (parts + floor) / (parts.sum(axis=0) + 2.0 * floor)
    return out
