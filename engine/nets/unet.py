"""The auto-encoder and the U-Net of a study that varied one part at a time: depth, skips, kind of output, kind of convolution.

B. van der Linden, "A component analysis of neural network architectures for spectral based audio source separation", bachelor
thesis, Radboud University 2022 (document 004). Levels k = 0 .. depth, 8 x 2^k maps at level k; conv is 3 x 3, batch norm, leaky
ReLU and spatial dropout, thin is 1 x 1:

    level 0      input ── conv 8 ──┬──────────────── skip ───────────────── concatenate ── conv 8 ── head
    down k       max-pool 2, thin ── conv ─┬─ next level             up k       │
                                           └─ skip            thin, transposed 2 x 2 ── the next level above
    head         transposed 2 x 2 to the output maps, batch norm, thin, output activation

The auto-encoder is the same without skips and concatenations (section 3.1.5). The figure that holds the layers is not among the
thesis's words, so they were found from its numbers of parameters: with a bias in every convolution, batch norms counted with
their running statistics, and Keras's separable convolution in place of every 3 x 3 one, these layers have to the last digit
every number printed in tables 3.3 and 3.5: 5759, 27855, 115567, 465071, 1860399; separable 165776 and 649360. Table 3.5's row
for depth 3 is of another net than table 3.3's: its 156847 and 51280 come out when the deepest 3 x 3 has twice as many maps
(is_wide). Only the head, 39 parameters, could be divided otherwise.

This differs from the thesis in: one net may hold all stems; estimates leave as magnitudes (eq. 3 undone), and what the leaky
ReLU leaves below zero counts as silence (its slope still teaches); the topmost bin of 257 is not heard, the head makes it anew.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import at_least_zero, crop_end, lay_out, pad_end
from engine.nets.contract import Look, SpectrogramNet

TOP = 2.10  # section 3.1.2: the largest log10(1 + magnitude); eq. 3 divides by it
SLOPE = 0.3  # of the leaky ReLU below zero: Keras's, the thesis names none


@dataclass(frozen=True)
class UNetConfig:
    """The parts that the study varies; the defaults are table 3.1's."""

    look: Look = Look(rate_hz=22050, n_channels=1, n_fft=512, hop=128, window="hamming", context_s=1.0)  # section 3.1.2
    depth: int = 3  # table 3.1; tables 3.3 and 3.5 go from 1 to 5
    has_skips: bool = True  # without: the auto-encoder of section 3.2.3
    is_separable: bool = False  # section 3.2.6
    output: str = "direct"  # section 3.2.4: "direct", "leaky" (leaky ReLU mask) or "swish" (swish mask)
    n_filters: int = 8  # from the parameter counts
    is_wide: bool = False  # table 3.5, depth 3
    dropout: float = 0.1  # table 3.1: spatial dropout
    n_stems: int = 4  # the thesis trains one net for vocals: 1


PAPER_AE = UNetConfig(has_skips=False)
PAPER = UNetConfig(depth=5, output="swish")  # the best of table 3.3 and of table 3.4
_SMALL = Look(rate_hz=22050, n_channels=1, n_fft=1024, hop=512, window="hamming", context_s=1.0)  # an eighth of the cells a second
COMPACT_AE = UNetConfig(look=_SMALL, has_skips=False)
COMPACT = UNetConfig(look=_SMALL, depth=5, output="leaky", dropout=0.05)


class _Conv(nn.Sequential):
    """3 x 3 convolution, plain or separable, batch norm, leaky ReLU, spatial dropout."""

    def __init__(self, n_in: int, n_out: int, c: UNetConfig) -> None:
        conv: list[nn.Module] = [nn.Conv2d(n_in, n_out, 3, padding=1)]
        if c.is_separable:  # a kernel a map without bias, then a 1 x 1 convolution across the maps (section 2.4)
            conv = [nn.Conv2d(n_in, n_in, 3, padding=1, groups=n_in, bias=False), nn.Conv2d(n_in, n_out, 1)]
        super().__init__(*conv, nn.BatchNorm2d(n_out), nn.LeakyReLU(SLOPE), nn.Dropout2d(c.dropout))


class UNet(SpectrogramNet):
    """Magnitudes in, magnitudes out; see the module."""

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or UNetConfig()
        if c.output not in ("direct", "leaky", "swish"):
            raise ValueError(f"output={c.output!r} must be 'direct', 'leaky' or 'swish'.")
        self.look = c.look
        widths = [c.n_filters * 2**k for k in range(c.depth + 1)]
        n_out = c.n_stems * c.look.n_channels
        self.first = _Conv(c.look.n_channels, widths[0], c)
        self.down, self.thin, self.rise, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for f, g in pairwise(widths):
            wide = 2 * g if c.is_wide and g == widths[-1] else g
            self.down.append(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(f, g, 1), nn.LeakyReLU(SLOPE), _Conv(g, wide, c)))
            self.thin.append(nn.Sequential(nn.Conv2d(wide, g, 1), nn.LeakyReLU(SLOPE)))
            self.rise.append(nn.ConvTranspose2d(g, g, 2, stride=2))
            self.up.append(_Conv(g + f if c.has_skips else g, f, c))
        self.head = nn.Sequential(nn.ConvTranspose2d(widths[0], n_out, 2), nn.BatchNorm2d(n_out), nn.Conv2d(n_out, n_out, 1))
        nn.init.constant_(self.head[1].weight, 0.1)  # type: ignore[arg-type]  # begin near one value everywhere: 10^I is steep
        nn.init.constant_(self.head[2].bias, 0.1 if c.output == "direct" else 0.5)  # type: ignore[arg-type]
        lay_out(self)

    def spectrogram(self, magnitude: Tensor) -> Tensor:
        """I of eq. 3: magnitudes, any shape -> about 0 .. 1."""
        return torch.log10(magnitude.float() + 1.0) / TOP

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        c, n_frames = self.config, magnitude.shape[-1]
        given = self.spectrogram(magnitude)
        x = crop_end(given, given.shape[-2] - 1, dim=-2)  # 257 bins -> 256, which halve as often as there are levels
        x = self.first(pad_end(pad_end(x, 2**c.depth), 2**c.depth, dim=-2))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for skip, thin, rise, up in zip(reversed(skips), reversed(self.thin), reversed(self.rise), reversed(self.up), strict=True):
            x = rise(thin(x))
            x = up(torch.cat([skip, x], dim=1) if c.has_skips else x)
        x = self.head(x)[..., : given.shape[-2], :n_frames].float()  # the head adds one bin and one frame
        x = x.unflatten(1, (c.n_stems, c.look.n_channels))  # (batch, stem, channel, bin, frame)
        x = F.silu(x) if c.output == "swish" else F.leaky_relu(x, SLOPE)
        if c.output != "direct":
            x = x * given[:, None]
        return torch.expm1((at_least_zero(x) * (TOP * 2.302585093)).clamp_max(12.0))  # eq. 3 undone; e^12: 40 times what can be


def n_parameters(net: nn.Module) -> int:
    """Parameters as Keras counts them: with the running statistics of batch norms, without their counters."""
    return sum(t.numel() for t in net.state_dict().values() if t.is_floating_point())


__all__ = ["COMPACT", "COMPACT_AE", "PAPER", "PAPER_AE", "UNet", "UNetConfig", "n_parameters"]
