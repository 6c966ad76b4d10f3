"""Pan positions by azimuth discrimination: ADRess.

D. Barry, B. Lawlor, E. Coyle, "Sound source separation: azimuth discrimination and resynthesis", DAFx-04, Naples 2004
(the same authors' real-time version: 117th AES Convention, San Francisco 2004).

A source that was placed with a pan pot is g times as loud in one channel as in the other. Scale the louder channel by the
right g and subtract: the source vanishes. The paper tries g = i / beta for i = 0 .. beta on either side and takes, for every
bin, the place of that null in its frequency-azimuth plane |L - g R| (right half) and |R - g L| (left half):

    azimuth   -1 ......... -0.5 .......... 0 .......... 0.5 ......... 1
    g          0 (left)     0.5        1 (both)         0.5     0 (right)       azimuth = -(1 - g) or 1 - g
    stem       left      mid-left       centre      mid-right     right         triangles that sum to one

This differs from the paper in:
- The null in closed form. With S = |L|^2 - |R|^2, C = max(0, 2 Re(L R*)) and T = |L|^2 + |R|^2, the smallest
  |L - g R| / sqrt(1 + g^2) lies at g = C / (|S| + hypot(S, C)), the louder channel being the one that is scaled. That is
  the paper's azimuth scale with beta without end, so there is no beta to set: steps would make a share jump when a file
  is turned up by a hair. The root makes both channels equals; without it a cell of equal channels that differ in phase
  would lie left or right by the toss of a rounding error.
- Soft, overlapping triangles over azimuth in place of a subspace with hard edges, and shares of the mixture (whose phase
  and level they keep) in place of magnitudes estimated from the depth of the null: the stems sum to the mixture.
- What no azimuth explains. Of the power T a part D T / 2 is left in the null, D = 1 - hypot(S, C) / T: 0 for one panned
  source, 1 for channels that are equal in level and 90 degrees or more apart (wide pads, reverberation, anti-phase). The part
  D of such a cell is spread evenly over all positions: moving one fader then moves its room in proportion and no stem,
  above all not the centre with its lead vocal, collects all the ambience.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from engine.errors import MethodError
from engine.methods.options import check, setting
from engine.methods.spectra import look_grid, look_stft, near_unit_peak, noise_floor, power
from engine.types import Array, MaskGrid, MethodInfo

POSITIONS = {  # from left to right, evenly spaced in azimuth
    3: ("left", "centre", "right"),
    5: ("left", "mid-left", "centre", "mid-right", "right"),
    7: ("left", "mid-left", "near-left", "centre", "near-right", "mid-right", "right"),
}

INFO = MethodInfo(
    name="adress",
    title="Pan positions",
    group="spatial",
    stems=POSITIONS[5],
    sentence="Splits a stereo mix by where things are panned, from left to right; good for studio mixes with pan pots, "
    "little use where everything sits in the centre.",
    paper="D. Barry, B. Lawlor, E. Coyle, Sound source separation: azimuth discrimination and resynthesis, DAFx-04, 2004",
    needs_stereo=True,
)


@dataclass(frozen=True, slots=True)
class AdressSettings:
    """How finely the stereo image is cut."""

    n_positions: int = setting(
        5, "Places from left to right: 3 lets hard pans leak less into each other's faders, 7 is finer than most mixes are panned.",
        choices=POSITIONS,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse numbers of positions that have no honest names."""
        check(self)


class Adress:
    """The method behind the door `engine.types.Method`."""

    look_rate_hz: int | None = None  # a look at every cell costs little: use the file's own rate and resample nothing
    context_s = 0.1  # each column is judged alone: half a window (at most 66 ms) is all it hears

    def __init__(self, settings: AdressSettings | None = None) -> None:
        """Five positions unless told otherwise."""
        self._cut = settings or AdressSettings()

    @property
    def info(self) -> MethodInfo:
        """Stems follow the number of positions."""
        return replace(INFO, stems=POSITIONS[self._cut.n_positions])

    @property
    def settings(self) -> dict[str, float | int | str]:
        """The number of positions."""
        return asdict(self._cut)

    def grid(self, rate_hz: int) -> MaskGrid:
        """The paper's 4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates."""
        return look_grid(rate_hz)

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel=2, sample) float32 -> shares (stem, channel=1, bin, n_frames) float32, summing to one."""
        if samples.shape[0] != 2:
            found = "1 channel" if samples.shape[0] == 1 else f"{samples.shape[0]} channels"
            raise MethodError(f"{INFO.title} needs a stereo recording, and this one has {found}; choose another method.")
        n_fft = 2 * (len(grid.freqs_hz) - 1)
        spectrum = look_stft(near_unit_peak(samples), n_fft, grid.hop, first_frame, n_frames)  # (channel=2, bin, frame)
        azimuth, diffuse = azimuths(spectrum)  # (bin, frame) each
        return position_shares(azimuth, diffuse, self._cut.n_positions)[:, None]


def azimuths(spectrum: Array) -> tuple[Array, Array]:
    """Where each cell is panned, and how little one place explains it: (channel=2, bin, frame) -> two (bin, frame).

    azimuth: -1 left .. 1 right on the paper's scale (1 - g). diffuse: 0 (a deep null) .. 1 (no null, or silence).
    """
    left, right = power(spectrum[0]), power(spectrum[1])
    total, side = left + right, left - right  # T, S
    cross = 2.0 * (spectrum[0].real * spectrum[1].real + spectrum[0].imag * spectrum[1].imag)
    np.maximum(cross, 0.0, out=cross)  # C; anti-phase has no place between the loudspeakers
    explained = np.sqrt(np.square(side) + np.square(cross))  # at most T; np.hypot takes several times as long
    floor = noise_floor(total)
    gain = cross / (np.abs(side) + explained + floor)  # g, 0 .. 1
    azimuth = np.copysign(1.0 - gain, -side)
    diffuse = 1.0 - explained / (total + floor)
    return azimuth, np.clip(diffuse, 0.0, 1.0)


def position_shares(azimuth: Array, diffuse: Array, n_positions: int) -> Array:
    """Triangles over azimuth, the diffuse part spread evenly: two (bin, frame) -> (stem, bin, frame), summing to one."""
    out = np.empty((n_positions, *azimuth.shape), dtype=np.float32)
    place = (azimuth + 1.0) * np.float32((n_positions - 1) / 2.0)  # 0 (left) .. n_positions - 1 (right)
    placed, spread = 1.0 - diffuse, diffuse / n_positions
    for position in range(n_positions):
        triangle = np.maximum(1.0 - np.abs(place - position), 0.0)
        np.add(triangle * placed, spread, out=out[position])
    return out
