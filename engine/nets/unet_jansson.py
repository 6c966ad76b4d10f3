"""The spectrogram U-Net: strided convolutions down, transposed ones up, skips, and a sigmoid mask times the magnitude.

A. Jansson, E. Humphrey, N. Montecchio, R. Bittner, A. Kumar, T. Weyde, "Singing voice separation with deep U-Net convolutional
networks", ISMIR 2017:

    down   5 x 5 convolution of stride 2, batch norm, leaky ReLU (0.2); maps double: 16, 32, 64, 128, 256, 512
    up     5 x 5 transposed convolution of stride 2, batch norm, ReLU, half of the cells dropped in the first three; from the
           second on the input is concatenated with the down layer of the same size
    last   transposed convolution to the output, sigmoid: the mask

One net for vocals has 9.82 M parameters (printed by others: 9.84 M). This differs from the paper in: all stems may come from one
net, with a mask each; frames of any number instead of patches of 128; the top bin of 513 takes the mask of the bin below it.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import crop_end, lay_out, pad_end, usual_magnitude
from engine.nets.contract import Look, SpectrogramNet

KERNEL = 5
SLOPE = 0.2  # of the leaky ReLU below zero


@dataclass(frozen=True)
class JanssonConfig:
    """Sizes; the defaults are the paper's."""

    look: Look = Look(rate_hz=8192, n_channels=1, n_fft=1024, hop=768, context_s=2.0)  # patches of 128 frames: 12 s
    n_filters: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    n_dropout: int = 3  # up layers with dropout
    dropout: float = 0.5
    n_stems: int = 4  # the paper trains one net for vocals and one for the rest: 1


COMPACT = JanssonConfig(
    look=Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=1.0), n_filters=(8, 16, 32, 64, 128, 128), dropout=0.1
)


class UNetJansson(SpectrogramNet):
    """Magnitudes in, magnitudes out; see the module."""

    def __init__(self, config: JanssonConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or JanssonConfig()
        self.look = c.look
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for n_in, n_out in pairwise((c.look.n_channels, *c.n_filters)):
            conv = nn.Conv2d(n_in, n_out, KERNEL, stride=2, padding=KERNEL // 2)
            self.down.append(nn.Sequential(conv, nn.BatchNorm2d(n_out), nn.LeakyReLU(SLOPE)))
        for i, (n_in, n_out) in enumerate(pairwise(c.n_filters[::-1])):
            rise = _rise(n_in if i == 0 else 2 * n_in, n_out)
            drop = nn.Dropout(c.dropout if i < c.n_dropout else 0.0)
            self.up.append(nn.Sequential(rise, nn.BatchNorm2d(n_out), nn.ReLU(), drop))
        self.last = _rise((2 if len(c.n_filters) > 1 else 1) * c.n_filters[0], c.n_stems * c.look.n_channels)
        lay_out(self)

    def masks(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame), 0 .. 1."""
        c, n_frames = self.config, magnitude.shape[-1]
        step = 2 ** len(c.n_filters)
        x = crop_end(magnitude, magnitude.shape[-2] - 1, dim=-2) / usual_magnitude(c.look.n_fft)  # 513 bins -> 512
        n_bins = x.shape[-2]
        x = pad_end(pad_end(x, step), step, dim=-2)
        skips: list[Tensor] = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        x = self.last(x)[..., :n_bins, :n_frames].float().sigmoid()
        x = F.pad(x, (0, 0, 0, 1), mode="replicate")  # the top bin
        return x.unflatten(1, (c.n_stems, c.look.n_channels))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        return self.masks(magnitude) * magnitude[:, None]


def _rise(n_in: int, n_out: int) -> nn.ConvTranspose2d:
    """Transposed convolution that doubles bins and frames."""
    return nn.ConvTranspose2d(n_in, n_out, KERNEL, stride=2, padding=KERNEL // 2, output_padding=1)
