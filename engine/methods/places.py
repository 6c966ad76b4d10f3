"""What the stereo methods that learn where things are have in common: names, the angle and phase of a cell, their refusal.

A pan pot places a source at an angle: left = cos(angle) s, right = sin(angle) s.

    angle    0 (left) ......... 45 degrees (both alike) ......... 90 degrees (right)

A cell's angle is atan2(|R|, |L|), its phase that of R L*: 0 for a pan pot, -2 pi f tau where the right channel comes tau later.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from engine.errors import Cancelled, MethodError
from engine.methods.options import setting
from engine.methods.spectra import look_stft, power
from engine.types import Array, IsCancelled, MaskGrid, MethodInfo

IN_ORDER = {  # names by order from left to right, not by place: where things are is for the song to say
    2: ("leftmost", "rightmost"),
    3: ("leftmost", "middle", "rightmost"),
    4: ("leftmost", "mid-left", "mid-right", "rightmost"),
    5: ("leftmost", "mid-left", "middle", "mid-right", "rightmost"),
}
RIGHT_ANGLE = np.pi / 2.0
HEARD_HZ = (50.0, 16000.0)  # what is listened to: below it nothing is panned, above it lossy files hold little that is true


def places_setting(default: int, sentence: str) -> Any:
    """The field of a Settings that says how many places there are: only numbers that have names."""
    return setting(default, sentence, choices=IN_ORDER)


def delay_setting(default: float, sentence: str) -> Any:
    """The field of a Settings that says how late one channel may come: longer delays are echoes."""
    return setting(default, sentence, low=0.0, high=1.0, unit="millisecond")


def check_stereo(samples: Array, info: MethodInfo) -> None:
    """Refuse everything but two channels with a sentence."""
    if samples.shape[0] != 2:
        found = "1 channel" if samples.shape[0] == 1 else f"{samples.shape[0]} channels"
        raise MethodError(f"{info.title} needs a stereo recording, and this one has {found}; choose another method.")


def heard_rows(grid: MaskGrid) -> slice:
    """The rows of a grid that are listened to; everything where a recording has none of them."""
    low, high = np.searchsorted(grid.freqs_hz, HEARD_HZ)
    return slice(int(low), int(high)) if high > low else slice(0, len(grid.freqs_hz))


def heard_spectra(excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> Iterator[Array]:
    """Spectrum of each excerpt in the rows that are listened to: complex64 (channel, heard bin, frame). Raises Cancelled."""
    rows = heard_rows(grid)
    for excerpt in excerpts:
        if is_cancelled():
            raise Cancelled("Separating")
        n_frames = -(-excerpt.shape[1] // grid.hop) + 1
        yield look_stft(excerpt, 2 * (len(grid.freqs_hz) - 1), grid.hop, 0, n_frames)[:, rows]


def angles_and_phases(spectrum: Array) -> tuple[Array, Array, Array]:
    """Angle 0 .. pi / 2, phase -pi .. pi and power of each cell: (channel=2, bin, frame) complex -> three (bin, frame)."""
    left, right = power(spectrum[0]), power(spectrum[1])
    angle = np.arctan2(np.sqrt(right), np.sqrt(left))
    phase = np.angle(spectrum[1] * np.conj(spectrum[0]))
    return angle, phase, left + right
