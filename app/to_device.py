"""For devices that cannot take a song as it is: other channels, another rate. Playback alone; nothing that is exported passes here.

Channels in the order of WAV files: L R C LFE Ls Rs ... To stereo, centre and surrounds come 3 dB down into their side, the LFE stays
out, and every row is divided by its sum, so that the result can never exceed full scale; the status line says by how many dB.
"""

import math
from collections.abc import Callable

import numpy as np

from engine.types import Array

HALF = math.sqrt(0.5)
_SIDES = {  # per number of channels: what each adds to left and right
    3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRC.lr", 7: "LRC.clr", 8: "LRC.lrlr",
}  # fmt: skip
_WEIGHTS = {"L": (1.0, 0.0), "R": (0.0, 1.0), "C": (HALF, HALF), ".": (0.0, 0.0), "l": (HALF, 0.0), "r": (0.0, HALF), "c": (0.5, 0.5)}


def channel_matrix(n_from: int, n_to: int) -> Array:
    """Weights (n_to, n_from): mono goes to both front channels, stereo to mono is the mean, more go to stereo as said above.

    A device with more than two channels gets sound on its first two. No row sums to more than 1.
    """
    if n_from == n_to:
        return np.eye(n_from)
    if n_from == 1:
        front = np.ones((2, 1))
    elif n_from == 2:
        front = np.eye(2)
    else:
        front = np.array([_WEIGHTS[side] for side in _SIDES.get(n_from, "LR" + "." * (n_from - 2))]).T
        front = front / front.sum(axis=1, keepdims=True)
    if n_to == 1:
        return np.asarray(front[:1] if n_from == 1 else front.mean(axis=0, keepdims=True))
    return np.concatenate([front, np.zeros((n_to - 2, n_from))])


def downmix_words(n_from: int, n_to: int) -> str:
    """What the status line says about it."""
    plural = "s" if n_from > 1 else ""
    if n_from <= 2 <= n_to:
        return "mono on both channels" if n_from == 1 else f"stereo on the first 2 of {n_to} channels"
    left = channel_matrix(n_from, n_to)[0, 0]
    return f"{n_from} channel{plural} mixed to {min(2, n_to)} ({20 * math.log10(left):.1f} dB)".replace("-", "−")


def adapted(
    fill: Callable[[Array], None], rate_hz: int, n_channels: int, device_rate_hz: int, device_channels: int
) -> Callable[[Array], None]:
    """A fill for the device out of the song's: the song's own where nothing differs."""
    ask = fill
    if n_channels != device_channels:
        ask = _Channels(ask, channel_matrix(n_channels, device_channels))
    return ask if rate_hz == device_rate_hz else _Rate(ask, rate_hz, device_rate_hz, device_channels)


class _Channels:
    """Fills with other channels."""

    def __init__(self, fill: Callable[[Array], None], matrix: Array) -> None:
        self._fill, self._matrix = fill, matrix.T.astype(np.float32)  # (from, to)
        self._most = 4096
        self._in = np.zeros((self._most, matrix.shape[1]), np.float32)

    def __call__(self, out: Array) -> None:
        for at in range(0, len(out), self._most):
            part = out[at : at + self._most]
            self._fill(self._in[: len(part)])
            np.matmul(self._in[: len(part)], self._matrix, out=part)


class _Rate:
    """Fills at another rate: soxr, streaming."""

    def __init__(self, fill: Callable[[Array], None], rate_hz: int, device_rate_hz: int, n_channels: int) -> None:
        import soxr

        self._fill, self._ratio = fill, rate_hz / device_rate_hz
        self._stream = soxr.ResampleStream(rate_hz, device_rate_hz, n_channels, dtype="float32", quality="HQ")
        self._ready = np.zeros((0, n_channels), np.float32)  # (sample, channel) that nobody asked for yet

    def __call__(self, out: Array) -> None:
        while len(self._ready) < len(out):
            block = np.zeros((math.ceil((len(out) - len(self._ready)) * self._ratio) + 16, out.shape[1]), np.float32)
            self._fill(block)
            self._ready = np.concatenate([self._ready, self._stream.resample_chunk(block)])
        out[:] = self._ready[: len(out)]
        self._ready = self._ready[len(out) :]
