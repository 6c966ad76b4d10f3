"""What the network is asked to make small, computed from band sums so that no full spectrum is kept.

For real masks M on the mixture X the squared error of stem S over a band is exactly
    sum |M X - S|^2 = M^2 sum |X|^2 - 2 M sum Re(X* S) + sum |S|^2,
so three sums a band say all that a phase-sensitive loss (Erdogan et al. 2015) needs to know.
"""

import torch
from torch import Tensor


def band_error(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor) -> Tensor:
    """Squared error of each stem in each band, >= 0: all (batch, stem or 1, band, frame)."""
    return (shares.square() * mix - 2 * shares * cross + power).clamp_min(0)


def separation_loss(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor, window: int = 43, floor: float = 5e-3) -> Tensor:
    """Amplitude-weighted squared error of the shares plus the log of the error over windows of about a second; a scalar.

    The first part is quadratic in the shares, so where the net cannot tell it says how likely each stem is: an L1 of the
    band errors was tried first and made it claim nothing of an unknown voice (SIR 13 dB, ISR 1 dB). Dividing by the root of
    the band's power lets quiet bands count. The second part is what the median SDR over one-second windows rewards; its
    floor (relative to the mixture) keeps silent stems from dominating.
    """
    level = mix.mean(dim=(1, 2, 3), keepdim=True) + 1e-12
    error, whole = band_error(shares, mix, cross, power) / level, mix / level
    weighted = (error / (whole + 1e-3).sqrt()).mean()
    n = error.shape[-1] // window * window
    windows = error[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))  # (batch, stem, window)
    total = whole[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))
    log = torch.log10((windows + floor * total + 1e-3) / (total + 1e-3)).mean()
    return weighted + 0.1 * log
