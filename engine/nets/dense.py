"""Dense blocks at several scales and in several bands: MDenseNet, MMDenseNet and MMDenseLSTM.

N. Takahashi, Y. Mitsufuji, "Multi-scale multi-band DenseNets for audio source separation", WASPAA 2017 (document 002), and
N. Takahashi, N. Goswami, Y. Mitsufuji, "MMDenseLSTM: an efficient combination of convolutional and recurrent neural networks for
audio source separation", IWAENC 2018 (document 003):

    dense block   every layer (batch norm, ReLU, convolution to `growth` maps) hears the input and all layers before it; the last
                  layer's maps leave the block
    MDenseNet     convolution ── block ─ 1x1, mean of 2x2 ── block ─ ... ── block in the middle ── transposed 2x2 ─ concatenate with
                  the block of the same scale on the way down ── block ── ... : `depths` layers a block, middle one in the middle
    MMDenseNet    an MDenseNet for each band of bins and one for all of them; the bands' maps, joined along frequency, and those
                  of the whole go through a last block ── batch norm, ReLU, 1x1 to the estimates
    MMDenseLSTM   after some blocks: 1x1 to one map, a bidirectional LSTM along time, dense to the bins: one map more

MDenseNet is the same with no bands. Printed for one stem: MMDenseNet 0.33 M (here 0.34 M), MMDenseLSTM 1.22 M, which makes the
4.88 M that document 003 prints for four (here 1.38 M and 5.51 M: where the printed table puts LSTM layers was known here from
others' readings of it only, and three quarters of the parameters are in those). This differs from the papers in: all stems may
come from one net; `is_mask` makes the last layer a sigmoid mask in place of magnitudes, as the compact sizes need to learn in
minutes; a 1x1 convolution brings the bands to equal numbers of maps where they are joined.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.nets.blocks import at_least_zero, crop_end, lay_out, pad_end, usual_magnitude
from engine.nets.contract import Look, SpectrogramNet


@dataclass(frozen=True)
class Scales:
    """One MDenseNet: blocks from full resolution down to the middle and up again, so an odd number of them."""

    n_first: int  # maps of the first convolution
    growth: tuple[int, ...]  # maps that each layer of a block adds
    depths: tuple[int, ...]  # layers of a block
    n_units: tuple[int, ...] = ()  # LSTM units after a block, both directions together; 0 or none: no LSTM
    kernel: tuple[int, int] = (3, 3)  # (bin, frame)


@dataclass(frozen=True)
class DenseConfig:
    """Bands and their nets; the defaults are a plain MDenseNet, the paper's others are PAPER_... below."""

    look: Look = Look(context_s=1.5)
    edges: tuple[int, ...] = ()  # the first bin of every band but the lowest
    bands: tuple[Scales, ...] = ()  # one more than edges; none: MDenseNet
    full: Scales = Scales(32, (12,) * 7, (4,) * 7)
    last_growth: int = 4
    last_depth: int = 2
    last_kernel: tuple[int, int] = (3, 3)
    n_shared: int = 16  # maps of every band where they are joined
    is_mask: bool = False
    n_stems: int = 4


_LOOK_2017 = Look(n_fft=2048, hop=1024, context_s=1.5)  # Takahashi and Mitsufuji 2017
PAPER_MDENSENET = DenseConfig(look=_LOOK_2017)  # the figure without bands; its sizes are not printed
PAPER_MMDENSENET = DenseConfig(  # two halves of the spectrum
    look=_LOOK_2017,
    edges=(512,),
    bands=(Scales(32, (14, *(16,) * 6), (4,) * 7, kernel=(4, 3)), Scales(32, (10,) * 7, (3,) * 7)),
    full=Scales(32, (6,) * 7, (2, 2, 2, 4, 2, 2, 2), kernel=(4, 3)),
    last_kernel=(2, 1),
)
PAPER_MMDENSELSTM = DenseConfig(  # 4096 / 1024; bands up to 4.1, 11 and 22 kHz
    edges=(380, 1024),
    bands=(
        Scales(32, (14,) * 7, (5,) * 7, (0, 0, 0, 128, 0, 128, 0)),
        Scales(32, (4,) * 7, (4,) * 7, (0, 0, 0, 32, 0, 0, 0)),
        Scales(32, (2,) * 5, (1, 1, 0, 1, 1), (0, 0, 8, 0, 0)),
    ),
    full=Scales(32, (7,) * 9, (3, 3, 4, 5, 5, 5, 4, 3, 3), (0, 0, 0, 0, 128, 0, 0, 128, 0)),
    last_growth=12,
    last_depth=3,
)

_SMALL = Look(rate_hz=22050, n_channels=1, n_fft=1024, hop=512, context_s=1.0)
_FULL = Scales(8, (4, 6, 8, 8, 8, 6, 4), (2, 2, 3, 3, 3, 2, 2))
_BANDS = (Scales(16, (8, 10, 12, 12, 12, 10, 8), (2, 3, 3, 3, 3, 3, 2)), Scales(8, (4, 6, 8, 6, 4), (2, 2, 3, 2, 2)))
COMPACT_MDENSENET = DenseConfig(
    look=_SMALL, full=Scales(12, (8, 10, 12, 16, 12, 10, 8), (2, 3, 4, 5, 4, 3, 2)), last_growth=8, last_depth=1, is_mask=True
)
COMPACT_MMDENSENET = DenseConfig(
    look=_SMALL, edges=(192,), bands=_BANDS, full=_FULL, last_growth=8, last_depth=1, n_shared=8, is_mask=True
)
COMPACT_MMDENSELSTM = DenseConfig(
    look=_SMALL,
    edges=(192,),
    bands=(replace(_BANDS[0], n_units=(0, 0, 0, 128, 0, 128, 0)), replace(_BANDS[1], n_units=(0, 0, 32, 0, 0))),
    full=replace(_FULL, n_units=(0, 0, 0, 128, 0, 0, 0)),
    last_growth=8,
    last_depth=1,
    n_shared=8,
    is_mask=True,
)


class DenseBlock(nn.Module):
    """`depth` layers of batch norm, ReLU and convolution to `growth` maps; gives those of the last: (batch, map, bin, frame)."""

    def __init__(self, n_in: int, growth: int, depth: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        padding = (kernel[0] // 2, kernel[1] // 2)  # even kernels make a row too many, see below
        for i in range(depth):
            n = n_in + i * growth
            self.layers.append(nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, growth, kernel, padding=padding, bias=False)))
        self.n_out = growth if depth else n_in

    def forward(self, x: Tensor) -> Tensor:
        """See the class; a block without layers gives what it gets."""
        made: list[Tensor] = []
        for layer in self.layers:
            made.append(layer(torch.cat([x, *made], dim=1))[..., : x.shape[-2], : x.shape[-1]])
        return made[-1] if made else x


class LstmBlock(nn.Module):
    """One map more, made by a bidirectional LSTM that reads the frames of one map of `n_bins` bins."""

    def __init__(self, n_in: int, n_bins: int, n_units: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(n_in, 1, 1)
        self.recur = nn.LSTM(n_bins, n_units // 2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(n_units // 2 * 2, n_bins)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, map, bin, frame) -> (batch, map + 1, bin, frame)."""
        rows = self.squeeze(x)[:, 0].mT  # (batch, frame, bin)
        made = self.out(self.recur(rows)[0]).mT[:, None]
        return torch.cat([x, made.to(x.dtype)], dim=1)


class MultiScale(nn.Module):
    """One MDenseNet without its output: (batch, channel, bin, frame) -> (batch, n_out, bin, frame)."""

    def __init__(self, n_in: int, n_bins: int, s: Scales) -> None:
        super().__init__()
        n_blocks = len(s.depths)
        if n_blocks % 2 == 0 or len(s.growth) != n_blocks or (s.n_units and len(s.n_units) != n_blocks):
            raise ValueError(f"depths, growth and n_units must be as many, and an odd number; found {s}.")
        units = s.n_units or (0,) * n_blocks
        self.n_down = n_blocks // 2
        self.step = 2**self.n_down
        rows = -(-n_bins // self.step) * self.step
        self.first = nn.Conv2d(n_in, s.n_first, 3, padding=1)
        self.blocks, self.down, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        n = s.n_first
        widths: list[int] = []
        for i in range(n_blocks):
            scale = min(i, n_blocks - 1 - i)
            if i > self.n_down:
                self.up.append(nn.ConvTranspose2d(n, n, 2, stride=2))
                n += widths[scale]
            dense = DenseBlock(n, s.growth[i], s.depths[i], s.kernel)
            lstm = LstmBlock(dense.n_out, rows >> scale, units[i]) if units[i] else nn.Identity()
            self.blocks.append(nn.Sequential(dense, lstm))
            n = dense.n_out + (1 if units[i] else 0)
            widths.append(n)
            if i < self.n_down:
                self.down.append(nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, n, 1), nn.AvgPool2d(2)))
        self.n_out = n

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        n_bins, n_frames = x.shape[-2:]
        x = self.first(pad_end(pad_end(x, self.step), self.step, dim=-2))
        skips: list[Tensor] = []
        for block, down in zip(self.blocks, self.down, strict=False):
            skips.append(block(x))
            x = down(skips[-1])
        x = self.blocks[self.n_down](x)
        for block, up in zip(self.blocks[self.n_down + 1 :], self.up, strict=True):
            x = block(torch.cat([up(x), skips.pop()], dim=1))
        return crop_end(crop_end(x, n_frames), n_bins, dim=-2)


class DenseNet(SpectrogramNet):
    """Magnitudes in, magnitudes out; see the module."""

    def __init__(self, config: DenseConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DenseConfig()
        if c.bands and len(c.bands) != len(c.edges) + 1:
            raise ValueError(f"{len(c.bands)} bands need {len(c.bands) - 1} edges between them, not {len(c.edges)}.")
        self.look = c.look
        bounds = [0, *c.edges, c.look.n_bins]
        self.sizes = [b - a for a, b in pairwise(bounds)]
        self.bands, self.join = nn.ModuleList(), nn.ModuleList()
        for size, scales in zip(self.sizes, c.bands, strict=False):
            net = MultiScale(c.look.n_channels, size, scales)
            self.bands.append(net)
            self.join.append(nn.Conv2d(net.n_out, c.n_shared, 1))
        self.full = MultiScale(c.look.n_channels, c.look.n_bins, c.full)
        n = self.full.n_out + (c.n_shared if c.bands else 0)
        self.last = DenseBlock(n, c.last_growth, c.last_depth, c.last_kernel)
        n_out = c.n_stems * c.look.n_channels
        self.out = nn.Sequential(nn.BatchNorm2d(self.last.n_out), nn.ReLU(), nn.Conv2d(self.last.n_out, n_out, 1))
        lay_out(self)

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        c, usual = self.config, usual_magnitude(self.config.look.n_fft)
        given = magnitude / usual
        x = self.full(given)
        if c.bands:
            parts = [join(net(part)) for net, join, part in zip(self.bands, self.join, given.split(self.sizes, dim=-2), strict=True)]
            x = torch.cat([torch.cat(parts, dim=-2), x], dim=1)
        y = self.out(self.last(x)).float().unflatten(1, (c.n_stems, c.look.n_channels))
        return y.sigmoid() * magnitude[:, None] if c.is_mask else at_least_zero(y) * usual
