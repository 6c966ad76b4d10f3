"""Wave-U-Net: a U-Net over samples; halve the rate twelve times, double it twelve times, with skips between equal rates.

D. Stoller, S. Ewert, S. Dixon, "Wave-U-Net: a multi-scale neural network for end-to-end audio source separation", ISMIR 2018
(arXiv 1806.03185). Table 1 of the paper, levels i = 1 .. n_levels, n features times i at level i:

    down i:  conv 15, leaky ReLU ─┬─ keep every second                       one conv 15 at the bottom
                                  └───────── skip ─────────┐
    up i:    linear interpolation to twice the rate ─ concatenate ─ conv 5, leaky ReLU
    out:     concatenate the mixture ─ conv 1, tanh: all stems but the last, which is the mixture minus these (section 3.2.1)

Keeping every second of an odd number of values and interpolating between them fit each other exactly: the ends stay where they
were, and nothing is invented beyond them (section 3.2.2). With `context` the convolutions are not padded either: they are
given more sound than they return (147,443 samples in, 16,389 out for the paper's setting); without it they are padded by zeros.

This differs from the paper in: samples are brought to an RMS of one inside, zeros stand for sound beyond what is given, and
`equal_start` (COMPACT) sets the last layer's first weights such that what the net hears passes through to every stem alike,
which in trials was worth the first hundred steps of training.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import LEVEL, crop_centre, crop_end, with_rest
from engine.nets.contract import Look, WaveformNet

SLOPE = 0.2  # of the leaky ReLU below zero; the authors' framework's


@dataclass(frozen=True)
class WaveUNetConfig:
    """Sizes; the defaults are the paper's stereo net for several instruments (M6), printed as 10.20 M by others."""

    look: Look = Look(rate_hz=22050, n_fft=2048, hop=512, context_s=3.0)  # section 4.1; context on each side: 65,527 samples
    n_stems: int = 4
    n_levels: int = 12  # table 1: L
    n_features: int = 24  # table 1: F_c, more at each level
    kernel_down: int = 15  # table 1: f_d
    kernel_up: int = 5  # table 1: f_u
    context: bool = True  # section 3.2.2: convolutions without padding
    equal_start: bool = False  # begin by giving every stem the same share of the mixture


COMPACT = WaveUNetConfig(look=Look(rate_hz=22050, n_fft=2048, hop=512, context_s=1.0), n_features=10, context=False, equal_start=True)


class WaveUNet(WaveformNet):
    """Samples in, samples out; see the module."""

    def __init__(self, config: WaveUNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or WaveUNetConfig()
        self.look = c.look
        widths = [c.look.n_channels, *(c.n_features * i for i in range(1, c.n_levels + 2))]
        pad_down, pad_up = (0, 0) if c.context else (c.kernel_down // 2, c.kernel_up // 2)
        self.down = nn.ModuleList(nn.Conv1d(a, b, c.kernel_down, padding=pad_down) for a, b in pairwise(widths[:-1]))
        self.bottom = nn.Conv1d(widths[-2], widths[-1], c.kernel_down, padding=pad_down)
        self.up = nn.ModuleList(nn.Conv1d(a + b, a, c.kernel_up, padding=pad_up) for a, b in pairwise(widths[1:]))
        self.out = nn.Conv1d(c.look.n_channels + widths[1], (c.n_stems - 1) * c.look.n_channels, 1)
        if c.equal_start:
            self._start_equal()

    @torch.no_grad()
    def _start_equal(self) -> None:
        """Each channel of the mixture, divided by the number of stems, to that channel of each stem; little of the features."""
        c = self.config
        self.out.weight.mul_(0.1)
        if self.out.bias is not None:
            self.out.bias.zero_()
        through = torch.eye(c.look.n_channels).repeat(c.n_stems - 1, 1) / c.n_stems  # (stem x channel, channel)
        self.out.weight[:, : c.look.n_channels, 0] = through

    def lengths(self, n_samples: int) -> tuple[int, int]:
        """How many samples must go in, and how many then come out, for at least n_samples; both fit the halving and doubling.

        >>> with torch.device("meta"):
        ...     print(WaveUNet().lengths(16384))
        (147443, 16389)
        """
        c = self.config
        step = 2**c.n_levels
        if not c.context:
            n = step * max(1, -(-(n_samples - 1) // step)) + 1
            return n, n
        down, up = c.kernel_down - 1, c.kernel_up - 1  # what a convolution takes away
        at_bottom = 1 + up + max(1, -(-(n_samples - 1 - up) // step))
        return step * (at_bottom + 2 * down - 1) + 1 - down, step * (at_bottom - 1 - up) + 1 + up

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> (batch, stem, channel, sample), the stems adding up to the mixture."""
        c, n_samples = self.config, mixture.shape[-1]
        n_in, n_out = self.lengths(n_samples)
        before = (n_in - n_out) // 2  # the sound that is given lies where the sound comes out
        x = given = F.pad(mixture / LEVEL, (before, n_in - before - n_samples))
        skips = []
        for conv in self.down:
            x = F.leaky_relu(conv(x), SLOPE)
            skips.append(x)
            x = x[..., ::2]
        x = F.leaky_relu(self.bottom(x), SLOPE)
        for conv, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = F.interpolate(x, size=2 * x.shape[-1] - 1, mode="linear", align_corners=True)
            x = F.leaky_relu(conv(torch.cat([crop_centre(skip, x.shape[-1]), x], dim=1)), SLOPE)
        out = self.out(torch.cat([crop_centre(given, x.shape[-1]), x], dim=1))
        stems = torch.tanh(LEVEL * crop_end(out, n_samples)).unflatten(1, (c.n_stems - 1, c.look.n_channels))
        return with_rest(stems, mixture)
