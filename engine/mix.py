"""From strips to matrices: what each stem's fader, mute, solo, balance and width do to its channels."""

import numpy as np

from engine.errors import BadInputError
from engine.types import Array, Mix, StemMix


def gain_of(gain_db: float) -> float:
    """Decibels to a factor; -inf is 0 and 0 dB is exactly 1."""
    if np.isnan(gain_db):
        raise BadInputError("A gain is not a number; give decibels such as +1.5, -3 or -inf.")
    return 0.0 if gain_db == -np.inf else float(10.0 ** (gain_db / 20.0))


def effective_gains(mix: Mix, stems: tuple[str, ...]) -> dict[str, float]:
    """Factor of each stem after mute and solo: mute wins over solo, any solo silences the others. Master not included."""
    strips = {s: mix.stems.get(s, StemMix()) for s in stems}
    any_solo = any(strip.solo for strip in strips.values())
    return {
        s: 0.0 if strip.mute or (any_solo and not strip.solo) else gain_of(strip.gain_db) for s, strip in strips.items()
    }


def placement(strip: StemMix, n_channels: int) -> Array:
    """Balance and width as a matrix (channel, channel); exactly the identity when neutral or not stereo.

    Width scales the side signal, balance turns one channel down: left = 0 dB at balance 0, silent at 1.
    """
    if n_channels != 2:
        return np.eye(n_channels)
    mid, side = (1.0 + strip.width) / 2.0, (1.0 - strip.width) / 2.0
    balance = np.diag([min(1.0, 1.0 - strip.balance), min(1.0, 1.0 + strip.balance)])
    return np.asarray(balance @ np.array([[mid, side], [side, mid]]))


def matrices(mix: Mix, stems: tuple[str, ...], n_channels: int) -> Array:
    """P_i of every stem, float64 (stem, channel, channel): effective gain times placement; identities when neutral."""
    gains = effective_gains(mix, stems)
    return np.stack([gains[s] * placement(mix.stems.get(s, StemMix()), n_channels) for s in stems])


def is_neutral(mix: Mix, stems: tuple[str, ...], n_channels: int) -> bool:
    """Whether the remix is the mixture itself."""
    return mix.master_db == 0.0 and bool(np.all(matrices(mix, stems, n_channels) == np.eye(n_channels)))
