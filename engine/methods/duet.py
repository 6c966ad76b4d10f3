"""Directions by their level and delay: DUET.

A. Jourjine, S. Rickard, O. Yilmaz, "Blind separation of disjoint orthogonal signals: demixing N sources from 2 mixtures",
ICASSP, Istanbul 2000; read in S. Rickard, "The DUET blind source separation algorithm", chapter 8 of "Blind speech separation",
Springer 2007. Numbers are ours, in the order of the chapter:

    (1)  left = s, right = a s(t - d): in a cell that one source owns, R / L = a e^-iwd
    (2)  so each cell tells a level |R / L| and a delay d = -arg(R / L) / w, unambiguous while w d stays below pi
    (3)  a histogram of all cells over level and delay, weighted by their magnitude, has a peak for each source
    (4)  the owner j of a cell is the likeliest: the least  e_j = |a_j e^-iwd_j L - R|^2 / (1 + a_j^2)

        delay  |      .                     the song's histogram; peaks are named from left to right
               |  .        O      o
             0 |  O   o        .            leftmost, mid-left, middle, ...
               +------------------------> angle, 0 (left) to 90 degrees (right)

This differs from the chapter in:
- Level as the angle atan2(|R|, |L|) in place of a - 1 / a, which goes to infinity where something is panned hard to one side;
  and weights (|L|^2 + |R|^2)^(1/2) in place of |L R|, which would not see it at all. (4) reads |sin e^-iwd L - cos R|^2.
- Delay times sin(2 angle) as the second axis: near the sides the quiet channel tells the delay badly, and a hard-panned source,
  whose delay is anything, would have no peak.
- Soft masks, e_j^-2 over the sum of these, in place of 1 for the owner and 0 for the rest: 0.3 to 0.5 dB better on mixtures with
  known truth, and no musical noise. Where an e_j is below -40 dB of the cell, its owner is certain enough.
- A number of peaks that is given. They are at least 7 degrees or 0.12 ms apart, the tallest first; where the song has fewer, the
  rest stand where the arc from left to right is emptiest. Peaks are sought in excerpts of the song.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np

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
from engine.methods.spectra import look_grid, look_stft, near_unit_peak, noise_floor, power
from engine.types import Array, IsCancelled, MaskGrid, MethodInfo, never_cancelled

INFO = MethodInfo(
    name="duet",
    title="Directions by level and delay",
    group="spatial",
    stems=IN_ORDER[5],
    sentence="Finds the directions from which the song's sounds come, also where two microphones heard them at different times, and "
    "gives a stem to each, named in order from left to right.",
    paper="S. Rickard, The DUET blind source separation algorithm, in Blind speech separation, Springer 2007; after Jourjine et al. 2000",
    needs_stereo=True,
)

N_ANGLES, N_DELAYS = 91, 41  # points of the histogram: one degree, and a twentieth of the largest delay
SMOOTH = 1.5  # points; standard deviation of the Gaussian that the histogram is smoothed with
APART = np.array([np.deg2rad(7.0), 0.12e-3])  # nearer peaks are one source: radians, seconds
CERTAIN = 1e-4  # of a cell's power: -40 dB
Direction = tuple[float, float]  # angle in radians, delay of the right channel in seconds


@dataclass(frozen=True, slots=True)
class DuetSettings:
    """How many directions, and how late one channel may come."""

    n_places: int = places_setting(5, "How many directions the song is cut into, a stem each.")
    max_delay_ms: float = delay_setting(
        0.5, "How late one channel may come: 0.5 is two ears, or two microphones 17 cm apart; 0 is panning alone."
    )

    def __post_init__(self) -> None:
        """Refuse what has no names or no meaning."""
        check(self)


class Duet:
    """The method behind the door `engine.types.Method`."""

    look_rate_hz: int | None = None
    context_s = 0.1  # each column is judged alone: half a window (at most 66 ms) is all it hears

    def __init__(self, settings: DuetSettings | None = None, directions: list[Direction] | None = None) -> None:
        """Without directions it does not know its song yet; see engine.types.Listening."""
        self._wanted = settings or DuetSettings()
        self.directions = directions  # from left to right

    @property
    def info(self) -> MethodInfo:
        """Stems follow the number of directions."""
        return replace(INFO, stems=IN_ORDER[self._wanted.n_places])

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Both numbers."""
        return asdict(self._wanted)

    def grid(self, rate_hz: int) -> MaskGrid:
        """4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates."""
        return look_grid(rate_hz)

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> "Duet":
        """Find the peaks in the histogram of the excerpts."""
        max_delay_s = self._wanted.max_delay_ms / 1000.0
        total = np.zeros(histogram_shape(max_delay_s))
        freqs_hz = np.array(grid.freqs_hz)[heard_rows(grid)]
        for spectrum in heard_spectra(excerpts, grid, is_cancelled):
            total += histogram(spectrum, freqs_hz, max_delay_s)
        return Duet(self._wanted, peaks(total, max_delay_s, self._wanted.n_places))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel=2, sample) float32 -> shares (stem, channel=1, bin, n_frames) float32, summing to one."""
        check_stereo(samples, INFO)
        if self.directions is None:
            return self.listen([near_unit_peak(samples)], grid, never_cancelled).shares(samples, grid, first_frame, n_frames)
        n_fft = 2 * (len(grid.freqs_hz) - 1)
        spectrum = look_stft(near_unit_peak(samples), n_fft, grid.hop, first_frame, n_frames)
        return owner_shares(spectrum, np.array(grid.freqs_hz), self.directions)[:, None]


def histogram_shape(max_delay_s: float) -> tuple[int, int]:
    """Points over angle and delay; one delay, 0, where max_delay_s is 0."""
    return N_ANGLES, N_DELAYS if max_delay_s else 1


def histogram(spectrum: Array, freqs_hz: Array, max_delay_s: float) -> Array:
    """(2) and (3): (channel=2, bin, frame) -> weight float64 (angle, delay x sin(2 angle))."""
    if max_delay_s:
        clear = freqs_hz < 0.5 / max_delay_s  # above, phases have gone round and tell no delay
        spectrum, freqs_hz = spectrum[:, clear], freqs_hz[clear]
    angle, phase, cell_power = angles_and_phases(spectrum)
    at, weight = np.rint(angle * ((N_ANGLES - 1) / RIGHT_ANGLE)).astype(np.intp), np.sqrt(cell_power)
    if max_delay_s:
        late = -phase / (2.0 * np.pi * np.maximum(freqs_hz, 1.0))[:, None] / max_delay_s  # -1 .. 1 where it is in bounds
        weight = np.where(np.abs(late) <= 1.0, weight, 0.0)
        late = np.clip(late, -1.0, 1.0) * np.sin(2.0 * angle)
        at = at * N_DELAYS + np.rint((late + 1.0) * ((N_DELAYS - 1) / 2.0)).astype(np.intp)
    n_angles, n_delays = histogram_shape(max_delay_s)
    return np.bincount(at.ravel(), weight.ravel(), n_angles * n_delays).reshape(n_angles, n_delays)


def peaks(weight: Array, max_delay_s: float, n_places: int) -> list[Direction]:
    """The tallest peaks of a histogram (angle, delay) that are far enough apart, from left to right."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    smooth = gaussian_filter(weight, (SMOOTH, SMOOTH if weight.shape[1] > 1 else 0.0), mode="nearest")
    tops = np.argwhere((smooth == maximum_filter(smooth, 3, mode="nearest")) & (smooth > 0.0))
    tops = tops[np.argsort(-smooth[tuple(tops.T)], kind="stable")]
    found: list[Direction] = []
    for i, j in tops:
        angle = i / (N_ANGLES - 1) * RIGHT_ANGLE
        squeezed = (2.0 * j / (N_DELAYS - 1) - 1.0) * max_delay_s if weight.shape[1] > 1 else 0.0  # delay x sin(2 angle)
        sine = np.sin(2.0 * angle)
        delay = float(np.clip(squeezed / sine, -max_delay_s, max_delay_s)) if sine > 0.1 else 0.0
        here = np.array([angle, delay * sine])
        if all(np.square((here - [a, d * np.sin(2.0 * a)]) / APART).sum() >= 1.0 for a, d in found):
            found.append((float(angle), delay))
        if len(found) == n_places:
            break
    arc = np.linspace(0.0, RIGHT_ANGLE, N_ANGLES)
    while len(found) < n_places:  # the emptiest place, the middle first where there is nothing at all
        nearest = np.abs(arc[:, None] - [angle for angle, _ in found]).min(axis=1) if found else -np.abs(arc - RIGHT_ANGLE / 2.0)
        found.append((float(arc[int(np.argmax(nearest))]), 0.0))
    return sorted(found)


def owner_shares(spectrum: Array, freqs_hz: Array, directions: list[Direction]) -> Array:
    """(4), softened: (channel=2, bin, frame) -> float32 (stem, bin, frame), summing to one."""
    total = power(spectrum).sum(axis=0)  # (bin, frame)
    floor = np.float32(CERTAIN) * total + noise_floor(total)
    out = np.empty((len(directions), *total.shape), dtype=np.float32)
    for j, (angle, delay) in enumerate(directions):
        turned = (np.sin(angle) * np.exp(-2j * np.pi * freqs_hz * delay)).astype(np.complex64)[:, None]
        off = power(turned * spectrum[0] - np.float32(np.cos(angle)) * spectrum[1])  # e_j
        out[j] = np.square(floor / (off + floor))
    out /= out.sum(axis=0)
    return out
