"""What the network is asked to make small, by name, computed from band sums so that no full spectrum is kept.

For real masks M on the mixture X the squared error of stem S over a band is exactly
    sum |M X - S|^2 = M^2 sum |X|^2 - 2 M sum Re(X* S) + sum |S|^2,
so three sums a band say all that a phase-sensitive loss (Erdogan et al. 2015) needs to know. Every loss takes shares M
(batch, stem, band, frame) and the sums mix = sum |X|^2 (batch, 1, band, frame), cross = sum Re(X* S) and power = sum |S|^2
(batch, stem, band, frame), over bins and channels, and gives a scalar. Where it treats a band as one cell, the cell's
magnitude is the root of its sum; that is the same thing wherever a band holds one bin and the channels are alike.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.training.criteria import QUIET, TINY
from engine.training.criteria import _error_over_signal_db as error_over_signal_db

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
WINDOW = 43  # frames: about a second at the network's hop


def band_error(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Squared error of each stem in each band, >= 0: all (batch, stem or 1, band, frame)."""
    return (shares.square() * mix - 2 * shares * cross + power).clamp_min(0)


def separation_loss(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor, window: int = WINDOW, floor: float = 5e-3) -> Tensor:
    """Amplitude-weighted squared error of the shares plus the log of the error over windows of about a second; a scalar.

    The first part is quadratic in the shares, so where the net cannot tell it says how likely each stem is: an L1 of the
    band errors was tried first and made it claim nothing of an unknown voice (SIR 13 dB, ISR 1 dB). Dividing by the root of
    the band's power lets quiet bands count. The second part is what the median SDR over one-second windows rewards; its
    floor (relative to the mixture) keeps silent stems from dominating.
    """
    level = mix.mean(dim=(1, 2, 3), keepdim=True) + 1e-12
    error, whole = band_error(shares, mix, cross, power) / level, mix / level
    weighted = (error / (whole + 1e-3).sqrt()).mean()
    windows = _windows(error, window)  # (batch, stem, window)
    total = _windows(whole, window)
    log = torch.log10((windows + floor * total + 1e-3) / (total + 1e-3)).mean()
    return weighted + 0.1 * log


def _windows(cells: Tensor, window: int) -> Tensor:
    """Sums over whole windows: (batch, stem, band, frame) -> (batch, stem, window); frames that are left over do not count."""
    n = cells.shape[-1] // window * window
    return cells[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))


def magnitude_l1(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Magnitude spectrum approximation, mean | M |X| - |S| | over the mean |X|; blind to phase.

    E. Manilow, P. Seetharaman, J. Salamon, "Open source tools and data for music source separation", ISMIR tutorial 2020.
    """
    heard = mix.sqrt()
    return (shares * heard - power.sqrt()).abs().mean() / (heard.mean() + TINY)


def magnitude_l2(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """The same, squared, over the mean |X|^2.

    F. Weninger, J. R. Hershey, J. Le Roux, B. Schuller, "Discriminatively trained recurrent neural networks for single-channel
    speech separation", GlobalSIP 2014: their signal approximation.
    """
    return (shares * mix.sqrt() - power.sqrt()).square().mean() / (mix.mean() + TINY)


def reachable(mix: Tensor, cross: Tensor) -> Tensor:
    """The share within 0 .. 1 whose error over the band is smallest, cross / mix cut to that range; 0 where nothing is heard.

    In one bin it is |S| cos(angle S - angle X) / |X|, the truncated phase-sensitive mask (Erdogan et al. 2015).
    """
    return torch.minimum(cross.clamp_min(0.0), mix) / mix.clamp_min(1e-30)


def tpsa_l1(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Truncated phase-sensitive approximation, L1: mean |X| | M - reachable | over the mean |X|.

    Z.-Q. Wang, J. Le Roux, J. R. Hershey, "Alternative objective functions for deep clustering", ICASSP 2018.
    """
    heard = mix.sqrt()
    return ((shares - reachable(mix, cross)).abs() * heard).mean() / (heard.mean() + TINY)


def tpsa_l2(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """The same, squared: where nothing had to be cut, the error of the band less what no share can mend.

    H. Erdogan, J. R. Hershey, S. Watanabe, J. Le Roux, "Phase-sensitive and recognition-boosted speech separation using deep
    recurrent neural networks", ICASSP 2015.
    """
    return ((shares - reachable(mix, cross)).square() * mix).mean() / (mix.mean() + TINY)


def nll(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Negative log likelihood of the loudest stem of each band, over bands in which something is heard.

    G. Roma, O. Green, P. A. Tremblay, "Improving single-network single-channel separation of musical audio with convolutional
    layers", LVA/ICA 2018, eq. 4, 6 and 7: the shares are read as probabilities.
    """
    owner = power.argmax(1, keepdim=True)
    error = -shares.gather(1, owner).clamp_min(1e-20).log()  # (batch, 1, band, frame)
    is_heard = mix > QUIET**2 * mix.amax(dim=(1, 2, 3), keepdim=True)
    return (error * is_heard).sum() / is_heard.sum().clamp_min(1)


def snr(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Minus the signal-to-noise ratio in dB over windows of about a second, at most 30 dB (engine.training.criteria)."""
    own, whole, estimate = (_windows(x, WINDOW) for x in (power, mix, shares.square() * mix))
    return error_over_signal_db(_windows(band_error(shares, mix, cross, power), WINDOW), own, estimate, own, whole)


def si_sdr(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Minus the scale-invariant SDR in dB over windows of about a second, at most 30 dB: <e, s> = M cross and |e|^2 = M^2 mix.

    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019, eq. 5, of spectra.
    It leaves the level of every stem open, which the softmax over stems settles only in part; see snr.
    """
    own, whole, estimate = (_windows(x, WINDOW) for x in (power, mix, shares.square() * mix))
    along = _windows(shares * cross, WINDOW).square() / (own + TINY)
    return error_over_signal_db((estimate - along).clamp_min(0.0), along, estimate, own, whole)


LOSSES: dict[str, Loss] = {
    "shares": separation_loss,
    "magnitude-l1": magnitude_l1,
    "magnitude-l2": magnitude_l2,
    "tpsa-l1": tpsa_l1,
    "tpsa-l2": tpsa_l2,
    "nll": nll,
    "snr": snr,
    "si-sdr": si_sdr,
}
