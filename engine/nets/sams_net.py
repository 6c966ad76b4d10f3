"""Sams-Net: attention over time within slices of the feature maps, between convolutions down and up the spectrum.

T. Li, J. Chen, H. Hou, M. Li, "Sams-Net: a sliced attention-based neural network for music source separation", ISCSLP 2021 (arXiv
1909.05746; document 003). Only its abstract was at hand: multi-head attention on the magnitude spectrogram lets spectral features
of distant moments inform each other; it is sliced, so that each part of the maps has its own attention at a lower price; fewer
parameters than others. What stands here is built from that, with sizes chosen to reach the printed 3.70 M:

    magnitude ── convolutions, each halving the bins, batch norm, ELU ──┬─ maps cut into slices ── sliced attention ─┐
                                                                        └── skips ── transposed convolutions up ─────┴─ sigmoid mask
    sliced attention   a slice's maps in one frame are a token; tokens of a slice attend to each other over all frames (scaled dot
                       products, several heads), then a dense layer for each token; layer norm before, sum after, as transformers

Slices share their weights, and nothing tells tokens when they are: convolutions over neighbouring frames do.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import crop_end, lay_out, pad_end, usual_magnitude
from engine.nets.contract import Look, SpectrogramNet


@dataclass(frozen=True)
class SamsNetConfig:
    """Sizes; the printed results name none but the number of parameters."""

    look: Look = Look(context_s=3.0)
    n_maps: tuple[int, ...] = (16, 32, 64, 64)  # each convolution halves the bins
    n_slices: int = 8
    n_blocks: int = 2
    n_heads: int = 4
    n_key: int = 32  # of each head
    n_dense: int = 585
    dropout: float = 0.1
    n_stems: int = 4


COMPACT = SamsNetConfig(
    look=Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=2.0), n_maps=(8, 16, 24, 32), n_key=24, n_dense=256
)


class SlicedAttention(nn.Module):
    """One block of attention and a dense layer over the tokens of each slice: (batch, slice, frame, feature) -> the same."""

    def __init__(self, n_features: int, n_heads: int, n_key: int, n_dense: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(n_features)
        self.query_key_value = nn.Linear(n_features, 3 * n_heads * n_key)
        self.out = nn.Linear(n_heads * n_key, n_features)
        self.dense = nn.Sequential(
            nn.LayerNorm(n_features), nn.Linear(n_features, n_dense), nn.ReLU(), nn.Dropout(dropout), nn.Linear(n_dense, n_features)
        )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        parts = self.query_key_value(self.norm(x)).unflatten(-1, (3, self.n_heads, -1))  # (batch, slice, frame, 3, head, key)
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5)  # each (batch, slice, head, frame, key)
        heard = F.scaled_dot_product_attention(query, key, value).transpose(2, 3).flatten(3)  # (batch, slice, frame, head x key)
        x = x + self.out(heard)
        y: Tensor = x + self.dense(x)
        return y


class SamsNet(SpectrogramNet):
    """Magnitudes in, mask times magnitude out; see the module."""

    def __init__(self, config: SamsNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or SamsNetConfig()
        if c.n_maps[-1] % c.n_slices:
            raise ValueError(f"n_slices={c.n_slices} must divide the {c.n_maps[-1]} maps that are sliced.")
        self.look = c.look
        step = 2 ** len(c.n_maps)
        self.n_rows = -(-(c.look.n_bins - 1) // step)  # bins left where attention works; the top bin is not heard
        n_features = c.n_maps[-1] // c.n_slices * self.n_rows
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for n_in, n_out in pairwise((c.look.n_channels, *c.n_maps)):
            conv = nn.Conv2d(n_in, n_out, (4, 3), stride=(2, 1), padding=1)
            self.down.append(nn.Sequential(conv, nn.BatchNorm2d(n_out), nn.ELU()))
        for n_in, n_out in pairwise(c.n_maps[::-1]):
            self.up.append(nn.Sequential(_rise(2 * n_in, n_out), nn.BatchNorm2d(n_out), nn.ELU()))
        self.last = _rise(2 * c.n_maps[0], c.n_stems * c.look.n_channels)
        self.blocks = nn.Sequential(
            *(SlicedAttention(n_features, c.n_heads, c.n_key, c.n_dense, c.dropout) for _ in range(c.n_blocks))
        )
        lay_out(self)

    def masks(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame), 0 .. 1."""
        c = self.config
        n_bins = c.look.n_bins - 1
        x = torch.log10(crop_end(magnitude, n_bins, dim=-2).float() / usual_magnitude(c.look.n_fft) + 1e-2) + 2.0  # 0 in silence
        x = pad_end(x, 2 ** len(c.n_maps), dim=-2)
        skips: list[Tensor] = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        slices = x.unflatten(1, (c.n_slices, -1)).permute(0, 1, 4, 2, 3)  # (batch, slice, frame, map of slice, row)
        slices = self.blocks(slices.flatten(3)).unflatten(3, (-1, self.n_rows))
        x = slices.permute(0, 1, 3, 4, 2).flatten(1, 2)  # (batch, map, row, frame)
        for up in self.up:
            x = up(torch.cat([x, skips.pop()], dim=1))
        x = self.last(torch.cat([x, skips.pop()], dim=1))[..., :n_bins, :].float().sigmoid()
        return F.pad(x, (0, 0, 0, 1), mode="replicate").unflatten(1, (c.n_stems, c.look.n_channels))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        return self.masks(magnitude) * magnitude[:, None]


def _rise(n_in: int, n_out: int) -> nn.ConvTranspose2d:
    """Transposed convolution that doubles the bins and keeps the frames."""
    return nn.ConvTranspose2d(n_in, n_out, (4, 3), stride=(2, 1), padding=1)
