"""Places that the song itself tells, by projections: PROJET.

D. FitzGerald, A. Liutkus, R. Badeau, "PROJET - spatial audio separation using projections", ICASSP, Shanghai 2016; with
delays: the same authors, "Projection-based demixing of spatial audio", IEEE/ACM TASLP 24(9), 2016. The papers' symbols, our numbers:

A source at the angle theta whose right channel comes tau late reaches the ears as a(theta, tau) = (cos theta, sin theta e^-iwtau).
Project the mixture x on M directions b(phi, tau') = (sin phi, -cos phi e^iwtau'), each of which silences one place, and model how
loud each projection c_m = b_m . x is by J objects. Object j has a level P_j(f, t) in every cell and weights Q_jl over L places:

    (1)   |c_m|^alpha  ~  sigma_m = sum_j P_j (Q K)_jm,   K_lm = |b_m . a_l|^alpha        scales of alpha-stable sources add
    (2)   P_j   <-  P_j   sum_m (QK)_jm |c_m|^alpha / sigma_m   /  sum_m (QK)_jm          multiplicative updates
    (3)   Q_jl  <-  Q_jl  sum_ftm P_j K_lm |c_m|^alpha / sigma_m  /  sum_ftm P_j K_lm     for alpha = 1 and Kullback-Leibler
    (4)   c_jm  =   c_m  P_j (QK)_jm / sigma_m                                            the part of object j in a projection

(4) follows from (1): given a sum of independent alpha-stable parts, the expected share of a part is its scale over the sum of
scales, and the scale of object j in projection m is the PRODUCT P_j (QK)_jm that (2) and (3) were fitted with. The authors'
program multiplies; nussl's divides (QK)_jm by P_j, which hands each cell to the objects that are absent from it.

This differs from the papers in:
- The divergence. They offer several; the first paper's program takes Cauchy's unless told otherwise, here it is Kullback-Leibler.
- Masks. The papers take all c_jm back to stereo by a pseudo-inverse, a 2 x 2 matrix a cell. The channels themselves are two of
  the projections (phi = 90 and 0 degrees): (4) for these two is a share a channel, between 0 and 1, and sums to one.
- Squares. In the shares of the channels the scales stand squared, as powers do in a Wiener filter (SHARP = 2; 1 is (4) itself):
  on four players 10 and 30 degrees apart SDR rises by 1.0 and 0.3 dB, SIR by 5.0 and 1.7 dB.
- A table. (2) reads of a cell only its angle and phase, for sigma and |c_m| grow alike with its level. So (2) is run to its
  end on a grid of angles and phases, and a cell looks its shares up. For (3) the song is a histogram on the same grid, weighted by
  magnitude: the same sums with the terms of equal cells taken together. Delays make K depend on frequency: a table a band.
- Excerpts of the song are heard in place of all of it, and each object starts as a hill around one of DUET's peaks in place of
  noise: the same song always gives the same objects. Without delays any start ends in the same place; with delays, phases
  that go round hold many wrong ones (up to 3 dB worse). Objects are sorted by their mean angle.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np

from engine.errors import Cancelled
from engine.methods import duet
from engine.methods.options import check
from engine.methods.places import (
    IN_ORDER,
    RIGHT_ANGLE,
    angles_and_phases,
    check_stereo,
    delay_setting,
    heard_rows,
    heard_spectra,
    places_setting,
)
from engine.methods.spectra import FLOOR, look_grid, look_stft, near_unit_peak
from engine.types import Array, IsCancelled, MaskGrid, MethodInfo, never_cancelled

INFO = MethodInfo(
    name="projet",
    title="Places by projections",
    group="spatial",
    stems=IN_ORDER[5],
    sentence="Learns from the song where things are panned and gives a stem to each place, named in order from left to right; "
    "for studio mixes with pan pots.",
    paper="D. FitzGerald, A. Liutkus, R. Badeau, PROJET - spatial audio separation using projections, ICASSP 2016",
    needs_stereo=True,
)

N_PLACES, N_PROJECTIONS = 31, 10  # L and M, 3 degrees and 10 apart (the papers' programs: 30 and 10)
HILL = np.array([np.deg2rad(5.0), 0.06e-3])  # standard deviation of what Q starts as: radians, seconds
PASSES = 100  # of (2) and (3); figures change by less than 0.1 dB beyond
SHARP = 2.0  # exponent of the scales in the shares
LAST_PASSES, HASTE = 50, 1.7  # of (2) with the Q that was found, and its exponent: below 2 it still converges, in half the passes
DELAYED_PLACES, DELAYED_PROJECTIONS = (16, 11), (6, 3)  # angles, delays
BAND_HZ, TOP_HZ = 86.0, 22050.0  # distance of the tables where there are delays: 0.5 ms turns by 15 degrees from one to the next
LEARN_BELOW_HZ = 5000.0  # places with delays are learned from every second band below: above, phases have gone round too often
TINY = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class ProjetSettings:
    """How many places, and how late one channel may come."""

    n_places: int = places_setting(5, "How many places the song is cut into, a stem each.")
    max_delay_ms: float = delay_setting(
        0.0, "How late one channel may come: pan pots have no delay; 0.5 is the distance of two ears, and ten times as slow to learn."
    )

    def __post_init__(self) -> None:
        """Refuse what has no names or no meaning."""
        check(self)


@dataclass(frozen=True)
class Model:
    """Grids of places, projections, and of the cells that there can be; all angles in radians, delays in seconds."""

    angles: Array  # of the cells, (angle,): 0 .. pi / 2
    phases: Array  # of the cells, (phase,): -pi up to below pi
    bands_hz: Array  # (band,): one, 0 Hz, where there are no delays
    places: Array  # theta_l and tau_l, (place, 2)
    kernel: Array  # K, float32 (band, place, projection)
    seen: Array  # |c_m| of a cell of unit level, float32 (band, cell = angle x phase, projection)


class Projet:
    """The method behind the door `engine.types.Method`."""

    look_rate_hz: int | None = None
    context_s = 0.1  # each column is judged alone: half a window (at most 66 ms) is all it hears

    def __init__(self, settings: ProjetSettings | None = None, table: Array | None = None) -> None:
        """Without a table it does not know its song yet; see engine.types.Listening."""
        self._wanted = settings or ProjetSettings()
        self._table = table  # shares, float32 (stem, channel, band, angle, phase)

    @property
    def info(self) -> MethodInfo:
        """Stems follow the number of places."""
        return replace(INFO, stems=IN_ORDER[self._wanted.n_places])

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Both numbers."""
        return asdict(self._wanted)

    def grid(self, rate_hz: int) -> MaskGrid:
        """The papers' 4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates.

        Chunks are half as long as those of the other methods, for there are twice as many masks in them.
        """
        look = look_grid(rate_hz)
        return replace(look, chunk_frames=-(-look.chunk_frames // 2))

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> "Projet":
        """Learn Q from the excerpts, and from Q the shares of every cell that there can be."""
        max_delay_s = self._wanted.max_delay_ms / 1000.0
        model = make_model(max_delay_s)
        weight, peaked = np.zeros(model.seen.shape[:2]), np.zeros(duet.histogram_shape(max_delay_s))
        freqs_hz = np.array(grid.freqs_hz)[heard_rows(grid)]
        for spectrum in heard_spectra(excerpts, grid, is_cancelled):
            weight += histogram(spectrum, freqs_hz, model)
            peaked += duet.histogram(spectrum, freqs_hz, max_delay_s)
        q = learned(weight, model, np.array(duet.peaks(peaked, max_delay_s, self._wanted.n_places)), is_cancelled)
        return Projet(self._wanted, table_of(q, model, is_cancelled))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel=2, sample) float32 -> shares (stem, channel=2, bin, n_frames) float32, summing to one."""
        check_stereo(samples, INFO)
        if self._table is None:
            return self.listen([near_unit_peak(samples)], grid, never_cancelled).shares(samples, grid, first_frame, n_frames)
        n_fft = 2 * (len(grid.freqs_hz) - 1)
        spectrum = look_stft(near_unit_peak(samples), n_fft, grid.hop, first_frame, n_frames)
        return looked_up(self._table, spectrum, np.array(grid.freqs_hz))


def make_model(max_delay_s: float) -> Model:
    """Grids for panning alone (0), or for panning with delays up to max_delay_s either way."""
    if max_delay_s == 0.0:
        bands_hz, n_angles, n_phases = np.zeros(1), 91, 48
        n_places, n_projections, late, late_projections = N_PLACES, N_PROJECTIONS, np.zeros(1), np.zeros(1)
    else:
        bands_hz, n_angles, n_phases = np.arange(0.0, TOP_HZ + BAND_HZ, BAND_HZ), 25, 24
        (n_places, n_late), (n_projections, n_late_projections) = DELAYED_PLACES, DELAYED_PROJECTIONS
        late, late_projections = (np.linspace(-max_delay_s, max_delay_s, n) for n in (n_late, n_late_projections))
    angles = np.linspace(0.0, RIGHT_ANGLE, n_angles)
    phases = 2.0 * np.pi * np.arange(n_phases) / n_phases - np.pi
    theta, tau = (a.ravel() for a in np.meshgrid(np.linspace(0.0, RIGHT_ANGLE, n_places), late, indexing="ij"))
    phi, tau_m = (a.ravel() for a in np.meshgrid(np.linspace(0.0, RIGHT_ANGLE, n_projections), late_projections, indexing="ij"))
    turn = 2.0 * np.pi * bands_hz[:, None]  # w
    place = np.stack([np.cos(theta) + 0.0 * turn, np.sin(theta) * np.exp(-1j * turn * tau)], axis=-1)  # (band, place, channel)
    projection = np.stack([np.sin(phi) + 0.0 * turn, -np.cos(phi) * np.exp(1j * turn * tau_m)], axis=-1)
    cell = np.stack(np.broadcast_arrays(np.cos(angles)[:, None], np.sin(angles)[:, None] * np.exp(1j * phases)), axis=-1).reshape(-1, 2)
    return Model(
        angles, phases, bands_hz, np.stack([theta, tau], axis=1),
        np.abs(np.einsum("blc,bmc->blm", place, projection)).astype(np.float32),
        np.abs(np.einsum("pc,bmc->bpm", cell, projection)).astype(np.float32),
    )  # fmt: skip


def histogram(spectrum: Array, freqs_hz: Array, model: Model) -> Array:
    """How much magnitude lies at each point of the grid: (channel=2, bin, frame) -> float64 (band, cell)."""
    angle, phase, cell_power = angles_and_phases(spectrum)
    n_angles, n_phases, n_bands = len(model.angles), len(model.phases), len(model.bands_hz)
    at = np.rint(angle * ((n_angles - 1) / RIGHT_ANGLE)).astype(np.intp) * n_phases
    at += np.rint((phase + np.pi) * (n_phases / (2.0 * np.pi))).astype(np.intp) % n_phases
    if n_bands > 1:
        at += np.minimum(np.rint(freqs_hz / BAND_HZ).astype(np.intp), n_bands - 1)[:, None] * (n_angles * n_phases)
    found = np.bincount(at.ravel(), np.sqrt(cell_power).ravel(), n_bands * n_angles * n_phases)
    return found.reshape(n_bands, n_angles * n_phases)


def learned(weight: Array, model: Model, starts: Array, is_cancelled: IsCancelled) -> Array:
    """Q by updates (2) and (3) in turn: weights of cells (band, cell), where to begin (object, 2) -> float32 (object, place).

    Objects come out in order from left to right.
    """
    rows = slice(0, int(np.searchsorted(model.bands_hz, LEARN_BELOW_HZ)), 2) if len(model.bands_hz) > 1 else slice(0, 1)
    total = weight[rows].sum()
    w = (weight[rows] / total if total > 0.0 else np.full(weight[rows].shape, 1.0 / weight[rows].size)).astype(np.float32)[..., None]
    kernel, seen = model.kernel[rows], model.seen[rows]
    q = np.exp(-0.5 * np.square((model.places - starts[:, None]) / HILL).sum(axis=-1)) + 0.001  # nowhere zero: a zero would stay one
    q = (q / q.sum(axis=1, keepdims=True)).astype(np.float32)
    p = np.full((*seen.shape[:2], len(q)), 0.5, np.float32)
    for _ in range(PASSES):
        if is_cancelled():
            raise Cancelled("Separating")
        qk = np.einsum("jl,blm->bjm", q, kernel)
        p = fitted_once(p, qk, seen)
        ratio = seen / (p @ qk + TINY)
        weighted = p * w  # (band, cell, object)
        up = np.einsum("bjm,blm->jl", np.swapaxes(weighted, 1, 2) @ ratio, kernel)
        down = np.einsum("bj,bl->jl", weighted.sum(axis=1), kernel.sum(axis=2))
        q *= up / (down + TINY)
        scale = q.sum(axis=1, keepdims=True) + TINY
        q, p = q / scale, p * scale[:, 0]
    return q[np.argsort(q @ model.places[:, 0].astype(np.float32), kind="stable")]


def fitted_once(p: Array, qk: Array, seen: Array, haste: float = 1.0) -> Array:
    """Update (2): P (band, cell, object), QK (band, object, projection), |c| (band, cell, projection) -> P."""
    step = (seen / (p @ qk + TINY)) @ np.swapaxes(qk, 1, 2) / (qk.sum(axis=2)[:, None] + TINY)
    new: Array = p * (step if haste == 1.0 else step ** np.float32(haste))
    return new


def table_of(q: Array, model: Model, is_cancelled: IsCancelled) -> Array:
    """Shares of all cells that there can be: Q (object, place) -> float32 (stem, channel=2, band, angle, phase)."""
    qk = np.einsum("jl,blm->bjm", q, model.kernel)
    p = np.full((*model.seen.shape[:2], len(q)), 0.5, np.float32)
    for _ in range(LAST_PASSES):
        if is_cancelled():
            raise Cancelled("Separating")
        p = fitted_once(p, qk, model.seen, HASTE)
    ears = np.stack([np.cos(model.places[:, 0]), np.sin(model.places[:, 0])], axis=1)  # K of b = (1, 0) and (0, 1)
    parts = part_shares(p, np.broadcast_to(q @ ears.astype(np.float32), (len(qk), len(q), 2)), SHARP)  # (band, cell, object, channel)
    shape = (len(q), 2, len(model.bands_hz), len(model.angles), len(model.phases))
    return np.ascontiguousarray(np.moveaxis(parts, (2, 3), (0, 1))).reshape(shape)


def part_shares(p: Array, qk: Array, sharp: float = 1.0) -> Array:
    """Equation (4): P (band, cell, object) and QK (band, object, projection) -> (band, cell, object, projection), summing to one."""
    part = (p[..., None] * qk[:, None]) ** np.float32(sharp) + TINY
    out: Array = part / part.sum(axis=2, keepdims=True)
    return out


def looked_up(table: Array, spectrum: Array, freqs_hz: Array) -> Array:
    """Shares of cells, linear between the points of the table, equal where there is only rounding noise.

    Table (stem, channel, band, angle, phase), spectrum (channel=2, bin, frame) -> float32 (stem, channel, bin, frame).
    """
    n_stems, n_channels, n_bands, n_angles, n_phases = table.shape
    angle, phase, cell_power = angles_and_phases(spectrum)
    angle *= (n_angles - 1) / RIGHT_ANGLE
    phase += np.float32(np.pi)
    phase *= n_phases / (2.0 * np.pi)
    low, turn = np.minimum(angle.astype(np.intp), n_angles - 2), np.floor(phase).astype(np.intp)
    angle -= low  # now the weight of the next point
    phase -= turn
    band = np.clip(freqs_hz / BAND_HZ, 0.0, n_bands - 1.0) if n_bands > 1 else np.zeros(len(freqs_hz))
    low_band = np.minimum(band.astype(np.intp), max(0, n_bands - 2))
    flat = table.reshape(n_stems * n_channels, -1)
    out = np.zeros((n_stems * n_channels, *angle.shape), dtype=np.float32)
    for next_band in (0, 1) if n_bands > 1 else (0,):
        of_band = (band - low_band if next_band else low_band + 1.0 - band).astype(np.float32)[:, None]
        for next_angle in (0, 1):
            of_angle = of_band * (angle if next_angle else 1.0 - angle)
            row = ((low_band + next_band)[:, None] * n_angles + low + next_angle) * n_phases
            for next_phase in (0, 1):
                at, weight = row + (turn + next_phase) % n_phases, of_angle * (phase if next_phase else 1.0 - phase)
                for i, values in enumerate(flat):
                    out[i] += values[at] * weight
    floor = np.float32(FLOOR) * cell_power.max(axis=0, keepdims=True) + np.float32(1e-30)
    out *= cell_power / (cell_power + floor)
    out += floor / (cell_power + floor) / n_stems
    return out.reshape(n_stems, n_channels, *angle.shape)
