"""The built-in network: groups of bands share their recurrent layers, over time and over groups in turn; softmax shares out.

After Luo and Yu, "Music source separation with band-split RNN", IEEE/ACM TASLP 31, 2023 (BSRNN): the spectrum is cut into
groups of bands, each group gets a feature vector of its own, one BLSTM runs along time in every group (the same weights
for all), another along the groups in every frame. What is learned of a voice at one pitch then holds at another, which a
net that reads a frame as one long vector must learn anew. It differs from the paper in six ways: one network for all
stems with a softmax over them (shares that sum to one as they leave), level and stereo picture of 400 bands instead of
complex bins, groups of equal size in those bands, `stack` frames read at once (half the cost), a narrower body, and a
direct path from the features of a band to its own logits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


@dataclass(frozen=True)
class BandSplitConfig:
    """Sizes of the network; the defaults are those of the bundled weights."""

    n_bands: int = 400  # full resolution below 2.7 kHz at 4096 / 44.1 kHz
    n_features: int = 3  # log power, level difference, cross-spectrum
    group: int = 16  # bands in a group: 172 Hz low down
    stack: int = 2  # frames read as one: 46 ms at a hop of 1024
    width: int = 96  # of a group's feature vector (paper: 128)
    hidden: int = 96  # of the recurrent layers, each direction (paper: 256)
    n_layers: int = 4  # pairs of time and band layers (paper: 12)
    decoder: int = 192  # hidden units of a group's decoder
    n_stems: int = 4
    across: int = 0  # hidden units of a dense layer along the groups in the place of the BLSTM there; 0: the BLSTM
    dropout: float = 0.1  # of what a layer adds, while learning: there are few real voices to learn from


def dropped(y: Tensor, p: float, learning: bool) -> Tensor:
    """Dropout of (many, step, width) with one draw for all steps of a sequence: a draw for each was a fifth of a training step's time.

    Y. Gal, Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NeurIPS 2016.
    """
    if not learning or p == 0.0:
        return y
    kept = torch.rand(y.shape[0], 1, y.shape[2], device=y.device) >= p
    return y * (kept / (1.0 - p)).to(y.dtype)


class Residual(nn.Module):
    """x + dense(BLSTM(norm(x))) along the middle axis of (many, step, width)."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.recur = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        y: Tensor = self.out(self.recur(self.norm(x))[0])
        return x + dropped(y, self.dropout, self.training)


class DenseAcross(nn.Module):
    """x + dense(two dense layers along the middle axis, the same for every feature), of (many, group, width).

    After I. Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision", NeurIPS 2021. A step of
    learning takes two thirds of its time with it.
    """

    def __init__(self, n_groups: int, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(nn.Linear(n_groups, hidden), nn.GELU(), nn.Linear(hidden, n_groups))
        self.out = nn.Linear(width, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        y: Tensor = self.out(self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2))
        return x + dropped(y, self.dropout, self.training)


class GroupDense(nn.Module):
    """A dense layer of its own for every group: (group, many, n_in) -> (group, many, n_out)."""

    def __init__(self, n_groups: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_groups, n_in, n_out) / n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_groups, 1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.bmm(x, self.weight.to(x.dtype)) + self.bias.to(x.dtype)


class BandSplit(nn.Module):
    """(batch, feature, band, frame) -> logits (batch, stem, band, frame); softmax over stem gives the shares."""

    def __init__(self, config: BandSplitConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or BandSplitConfig()
        self.n_groups = c.n_bands // c.group
        self.shift = nn.Parameter(torch.zeros(c.n_features, c.n_bands, 1))
        self.scale = nn.Parameter(torch.ones(c.n_features, c.n_bands, 1))
        self.encode = GroupDense(self.n_groups, c.n_features * c.group * c.stack, c.width)
        self.layers = nn.ModuleList(  # time, bands, time, bands ...
            DenseAcross(self.n_groups, c.width, c.across, c.dropout) if i % 2 and c.across else Residual(c.width, c.hidden, c.dropout)
            for i in range(2 * c.n_layers)
        )
        self.norm = nn.LayerNorm(c.width)
        self.widen = GroupDense(self.n_groups, c.width, 2 * c.decoder)
        self.decode = GroupDense(self.n_groups, c.decoder, c.n_stems * c.group * c.stack)
        self.direct = nn.Parameter(torch.zeros(c.n_stems, c.n_features, c.n_bands))

    def forward(self, features: Tensor) -> Tensor:
        """See the class; the whole stretch is heard at once, forwards and backwards."""
        c, g = self.config, self.n_groups
        batch, _, _, n_frames = features.shape
        x = features * self.scale + self.shift
        direct = torch.einsum("bfnt,sfn->bsnt", x, self.direct)
        x = pad(x, (0, -n_frames % c.stack))  # (batch, feature, band, frame)
        t = x.shape[-1] // c.stack
        x = x.reshape(batch, c.n_features, g, c.group, t, c.stack).permute(2, 0, 4, 1, 3, 5)  # (group, batch, t, feature, band, stack)
        x = self.encode(x.reshape(g, batch * t, -1)).reshape(g * batch, t, c.width)
        for i, layer in enumerate(self.layers):
            if i % 2 == 0:  # along time: (group x batch, t, width)
                x = layer(x)
            else:  # along the groups: (batch x t, group, width)
                across = x.reshape(g, batch * t, c.width).transpose(0, 1)
                x = layer(across).transpose(0, 1).reshape(g * batch, t, c.width)
        y = nn.functional.glu(self.widen(self.norm(x).reshape(g, batch * t, c.width)))
        y = self.decode(y).reshape(g, batch, t, c.n_stems, c.group, c.stack)
        logits = y.permute(1, 3, 0, 4, 2, 5).reshape(batch, c.n_stems, c.n_bands, t * c.stack)[..., :n_frames]
        out: Tensor = logits.float() + direct
        return out
