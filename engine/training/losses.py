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


def separation_loss(shares: Tensor, mix: Tensor, cross: Tensor, power: Tensor, window: int = 43, floor: float = 2e-3) -> Tensor:
    """L1 of the band errors plus the log of their sum over windows of about a second, as SDR counts it; a scalar.

    The log is what the median SDR over one-second windows rewards; the floor (relative to the mixture) keeps
    silent stems from dominating. The L1 part steadies it and cares for quiet bands.
    """
    level = mix.mean(dim=(1, 2, 3), keepdim=True) + 1e-12
    error = band_error(shares, mix, cross, power) / level
    l1 = (error + 1e-4).sqrt().mean()
    n = error.shape[-1] // window * window
    windows = error[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))  # (batch, stem, window)
    whole = (mix / level)[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))
    log = torch.log10((windows + floor * whole + 1e-3) / (whole + 1e-3)).mean()
    return l1 + 0.25 * log
