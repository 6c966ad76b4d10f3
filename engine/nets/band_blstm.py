"""The built-in network, first version: bands in, three bidirectional LSTM layers, softmax shares of four stems out.

After Open-Unmix (Stoeter et al. 2019): a dense layer, three BLSTM layers with a skip around them, dense layers out,
learned input and output scale. It differs from the paper in five ways: one network for all stems with a softmax over
them (shares that sum to one as they leave), 400 bands instead of 2,049 bins, log power instead of magnitude, the
stereo picture (level difference and cross-spectrum of every band) as input, layer norm instead of batch norm.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BandBlstmConfig:
    """Sizes of the network; the defaults are those of the bundled weights."""

    n_bands: int = 400  # full resolution below 2.7 kHz at 4096 / 44.1 kHz
    n_features: int = 3  # log power, level difference, cross-spectrum
    n_hidden: int = 512  # Open-Unmix's hidden size
    n_layers: int = 3  # Open-Unmix's
    n_stems: int = 4


class BandBlstm(nn.Module):
    """(batch, feature, band, frame) -> logits (batch, stem, band, frame); softmax over stem gives the shares."""

    def __init__(self, config: BandBlstmConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or BandBlstmConfig()
        self.scale = nn.Parameter(torch.ones(c.n_features, c.n_bands, 1))
        self.shift = nn.Parameter(torch.zeros(c.n_features, c.n_bands, 1))
        self.encode = nn.Sequential(nn.Linear(c.n_features * c.n_bands, c.n_hidden), nn.LayerNorm(c.n_hidden), nn.Tanh())
        self.recur = nn.LSTM(c.n_hidden, c.n_hidden // 2, c.n_layers, batch_first=True, bidirectional=True)
        self.decode = nn.Sequential(
            nn.Linear(2 * c.n_hidden, c.n_hidden), nn.LayerNorm(c.n_hidden), nn.ReLU(), nn.Linear(c.n_hidden, c.n_stems * c.n_bands)
        )
        # a direct path from the log power of a band to its own logits (Open-Unmix multiplies by the input: same reason)
        self.direct = nn.Parameter(torch.zeros(c.n_stems, c.n_features, c.n_bands))

    def forward(self, features: Tensor) -> Tensor:
        """See the class; the whole stretch is heard at once, forwards and backwards."""
        c = self.config
        x = features * self.scale + self.shift  # (batch, feature, band, frame)
        direct = torch.einsum("bfnt,sfn->bsnt", x, self.direct)
        flat = x.flatten(1, 2).transpose(1, 2)  # (batch, frame, feature x band)
        encoded = self.encode(flat)  # (batch, frame, hidden)
        recurred, _ = self.recur(encoded)  # (batch, frame, hidden)
        decoded = self.decode(torch.cat([encoded, recurred], dim=-1))  # (batch, frame, stem x band)
        logits: Tensor = decoded.transpose(1, 2).unflatten(1, (c.n_stems, c.n_bands))  # (batch, stem, band, frame)
        return logits + direct
