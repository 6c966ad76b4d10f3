"""Building blocks that more than one family of nets uses: padding and cropping, and what is added below."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.bands import band_edges

LEVEL = 0.1  # RMS of the samples that a net is given (engine.nets.contract); waveform nets divide by it to work near one


def pad_end(x: Tensor, multiple: int, dim: int = -1, least: int = 1) -> Tensor:
    """Zeros appended along `dim` until its length is a multiple of `multiple` and at least `least`; a new tensor or x itself.

    >>> import torch
    >>> pad_end(torch.ones(2, 5), 4).shape, pad_end(torch.ones(5, 2), 4, dim=0).shape, pad_end(torch.ones(8), 4).shape
    (torch.Size([2, 8]), torch.Size([8, 2]), torch.Size([8]))
    """
    length = x.shape[dim]
    wanted = -(-max(length, least) // multiple) * multiple
    if wanted == length:
        return x
    after = x.ndim - 1 - (dim % x.ndim)  # axes behind `dim`, which F.pad counts from the last one
    return F.pad(x, (0, 0) * after + (0, wanted - length))


def crop_end(x: Tensor, length: int, dim: int = -1) -> Tensor:
    """The first `length` entries along `dim`: undoes pad_end."""
    return x.narrow(dim, 0, length)


def crop_centre(x: Tensor, length: int, dim: int = -1) -> Tensor:
    """The middle `length` entries along `dim`, where a chain of unpadded convolutions has lost its edges."""
    return x.narrow(dim, (x.shape[dim] - length) // 2, length)


def with_rest(stems: Tensor, mixture: Tensor) -> Tensor:
    """One stem more, namely what is left: (batch, stem, channel, sample) and (batch, channel, sample); they add up to the mixture."""
    return torch.cat([stems, (mixture - stems.sum(dim=1))[:, None]], dim=1)


def at_least_zero(x: Tensor) -> Tensor:
    """max(x, 0), but with the slope of x everywhere: what a net puts below zero can still learn to rise."""
    return x.clamp_min(0.0).detach() + (x - x.detach())


def lay_out(net: nn.Module) -> None:
    """Put the kernels of two-dimensional convolutions in the order that processors like best; values stay, steps get shorter."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs do not know it


def usual_magnitude(n_fft: int) -> float:
    """The root mean square of |STFT| of noise at the level that nets are given, under a Hann window: what to divide by."""
    return float(LEVEL * (0.375 * n_fft) ** 0.5)


class Bands(nn.Module):
    """Bins as fewer bands: a third of them single bins, the others wider and wider (engine.bands); n_bands=0 keeps every bin.

    >>> bands = Bands(513, 128)
    >>> bands(torch.ones(2, 513, 7)).shape, bands.spread(torch.ones(2, 128, 7)).shape, Bands(513, 0).n_rows
    (torch.Size([2, 128, 7]), torch.Size([2, 513, 7]), 513)
    """

    _owner: Tensor  # the band of each bin
    _mean: Tensor  # (band, bin): the mean over the bins of a band

    def __init__(self, n_bins: int, n_bands: int) -> None:
        super().__init__()
        self.n_rows = min(n_bands or n_bins, n_bins)
        self.is_every_bin = self.n_rows == n_bins
        if self.is_every_bin:
            return
        edges = torch.tensor(band_edges(n_bins, self.n_rows // 3, self.n_rows))
        owner = torch.bucketize(torch.arange(n_bins), edges[1:], right=True)
        self.register_buffer("_owner", owner, persistent=False)
        self.register_buffer("_mean", F.one_hot(owner, self.n_rows).T / edges.diff()[:, None], persistent=False)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Means of the bins of each band: (..., bin, frame) -> (..., band, frame)."""
        return magnitude if self.is_every_bin else self._mean @ magnitude

    def spread(self, rows: Tensor) -> Tensor:
        """Every bin gets what its band has: (..., band, frame) -> (..., bin, frame)."""
        return rows if self.is_every_bin else rows[..., self._owner, :]
