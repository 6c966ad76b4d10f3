"""Recurrent nets over frames: masks straight from them, or deep clustering, which learns a place for every cell.

Mask inference is the plain recurrent net of E. Manilow, P. Seetharaman, J. Salamon, "Open source tools and data for music source
separation", ISMIR tutorial 2020 (document 000): recurrent layers over frames (LSTM or GRU, both directions or forwards only), a
dense layer that turns each frame into masks, a sigmoid. It finds L1 of the truncated phase-sensitive target best; the small
weights that come with Nullsum were trained by its square, which did better in their minutes.

Deep clustering is J. R. Hershey, Z. Chen, J. Le Roux, S. Watanabe, "Deep clustering: discriminative embeddings for segmentation
and separation", ICASSP 2016 (its hidden units), with the other sizes that Y. Luo, Z. Chen, J. R. Hershey, J. Le Roux, N.
Mesgarani, "Deep clustering and conventional networks for music separation", ICASSP 2017, took for music:

    level of every cell ── BLSTM layers ── dense to (row x dim), tanh ── unit length: v of every cell, |v| = 1
    trained so that <v_i, v_j> is 1 where cells i and j belong to one stem and 0 where not
    heard: k-means over the cells of a stretch; each cluster is a binary mask

Clusters have no names. Here a running mean of each stem's v is kept while training (learn_centroids), and k-means starts from
these, so the first cluster is vocals and so on. It differs from the papers in that, in four stems in place of two, and in bands
that are Nullsum's own in place of mel bands; k-means counts cells by their magnitude, as the criterion does, and lets a quarter
of its start stay in each centre, so that a stem which is silent does not have to take part of another.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import Bands, usual_magnitude
from engine.nets.contract import Look, SpectrogramNet

_MUSIC = Look(rate_hz=16000, n_channels=1, n_fft=1024, hop=256, context_s=1.0)  # Luo et al. 2017
_SMALL = Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=1.0)
DECAY = 0.98  # of the running mean of centroids


@dataclass(frozen=True)
class BlstmConfig:
    """Sizes of mask inference; document 000 names layers but no sizes, so the defaults are those of deep clustering for music."""

    look: Look = _MUSIC
    cell: str = "lstm"  # or "gru" (document 000)
    is_bidirectional: bool = True  # document 000: otherwise it could work live
    n_hidden: int = 300  # in each direction
    n_layers: int = 4
    dropout: float = 0.3
    n_bands: int = 0  # 0: every bin
    n_stems: int = 4


@dataclass(frozen=True)
class DeepClusteringConfig:
    """Sizes of deep clustering."""

    look: Look = _MUSIC
    n_hidden: int = 300  # in each direction (Hershey et al. 2016: 300; Luo et al. 2017: 500)
    n_layers: int = 4  # Luo et al. 2017 (Hershey et al. 2016: 2)
    dropout: float = 0.3
    n_bands: int = 150  # Luo et al. 2017: 150 mel bands
    dim: int = 20  # of a cell's place (Luo et al. 2017; Hershey et al. 2016: 40)
    n_rounds: int = 10  # of k-means
    n_stems: int = 4


COMPACT = BlstmConfig(look=_SMALL, n_hidden=144, n_layers=3, dropout=0.1, n_bands=256)
COMPACT_DEEP_CLUSTERING = DeepClusteringConfig(look=_SMALL, n_hidden=144, n_layers=3, dropout=0.1, n_bands=150, dim=12)


class _Body(nn.Module):
    """Levels in bands, batch norm, recurrent layers: (batch, channel, bin, frame) -> (batch, frame, feature)."""

    def __init__(self, look: Look, n_bands: int, kind: str, n_hidden: int, n_layers: int, is_bidirectional: bool, dropout: float) -> None:
        super().__init__()
        if kind not in ("lstm", "gru"):
            raise ValueError(f"cell={kind!r} must be 'lstm' or 'gru'.")
        self.bands = Bands(look.n_bins, n_bands)
        self.n_rows, self._usual = look.n_channels * self.bands.n_rows, usual_magnitude(look.n_fft)
        self.norm = nn.BatchNorm1d(self.n_rows)
        self.recur = (nn.LSTM if kind == "lstm" else nn.GRU)(
            self.n_rows, n_hidden, n_layers, batch_first=True, bidirectional=is_bidirectional, dropout=dropout if n_layers > 1 else 0.0
        )
        self.n_features = n_hidden * (2 if is_bidirectional else 1)

    def forward(self, magnitude: Tensor) -> Tensor:
        """See the class."""
        rows = self.bands(magnitude).float().flatten(1, 2)  # (batch, row, frame)
        level = torch.log10(rows / self._usual + 1e-4)  # -4 in silence, about 0 for what is usual
        out: Tensor = self.recur(self.norm(level).mT)[0]
        return out


class Blstm(SpectrogramNet):
    """Magnitudes in, mask times magnitude out; see the module."""

    def __init__(self, config: BlstmConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or BlstmConfig()
        self.look = c.look
        self.body = _Body(c.look, c.n_bands, c.cell, c.n_hidden, c.n_layers, c.is_bidirectional, c.dropout)
        self.out = nn.Linear(self.body.n_features, c.n_stems * self.body.n_rows)

    def masks(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame), 0 .. 1."""
        c = self.config
        rows = self.out(self.body(magnitude)).float().sigmoid().mT  # (batch, stem x row, frame)
        return self.body.bands.spread(rows.unflatten(1, (c.n_stems, c.look.n_channels, self.body.bands.n_rows)))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        return self.masks(magnitude) * magnitude[:, None]


class DeepClustering(SpectrogramNet):
    """Magnitudes in, the clusters' cells out; see the module."""

    centroids: Tensor  # (stem, dim), of unit length once they are learned
    seen: Tensor  # how many batches they have followed

    def __init__(self, config: DeepClusteringConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DeepClusteringConfig()
        if c.look.n_channels != 1 or c.dim < c.n_stems:
            raise ValueError("Deep clustering places the cells of one channel, in at least as many dimensions as there are stems.")
        self.look = c.look
        self.body = _Body(c.look, c.n_bands, "lstm", c.n_hidden, c.n_layers, True, c.dropout)
        self.out = nn.Linear(self.body.n_features, self.body.n_rows * c.dim)
        self.register_buffer("centroids", torch.eye(c.n_stems, c.dim))
        self.register_buffer("seen", torch.zeros(()))

    def places(self, magnitude: Tensor) -> Tensor:
        """Unit vectors (batch, dim, row, frame): the v of the paper, one for all bins of a band."""
        c = self.config
        v = torch.tanh(self.out(self.body(magnitude)).float()).unflatten(2, (c.dim, self.body.n_rows))  # (batch, frame, dim, row)
        return F.normalize(v, dim=2).permute(0, 2, 3, 1)

    def embed(self, magnitude: Tensor) -> Tensor:
        """Unit vectors (batch, bin x frame, dim)."""
        return self.body.bands.spread(self.places(magnitude)).flatten(2).mT

    @torch.no_grad()
    def learn_centroids(self, embedding: Tensor, owner: Tensor, weight: Tensor) -> None:
        """Move each stem's centroid towards the mean place of its cells.

        embedding (batch, cell, dim), owner (batch, cell, stem) of zeros and ones, weight (batch, cell) >= 0. A stem that owns
        nothing stays where it is.
        """
        weighted = owner * weight[..., None]
        mean = torch.einsum("bns,bnd->sd", weighted, embedding)
        share = weighted.sum((0, 1)) / weighted.sum().clamp_min(1e-12)  # (stem,)
        keep = torch.where(share > 1e-3, torch.clamp(self.seen / (self.seen + 1.0), max=DECAY), 1.0)[:, None]
        self.centroids.copy_(F.normalize(keep * self.centroids + (1.0 - keep) * F.normalize(mean, dim=1), dim=1))
        self.seen += 1.0

    @torch.no_grad()
    def set_centroids(self, magnitude: Tensor, stem_magnitudes: Tensor) -> None:
        """The same from magnitudes of the mixture (batch, channel=1, bin, frame) and its stems (batch, stem, channel=1, bin, frame)."""
        owner = F.one_hot(stem_magnitudes.sum(2).flatten(2).argmax(1), self.config.n_stems).to(magnitude.dtype)
        self.learn_centroids(self.embed(magnitude), owner, magnitude.sum(1).flatten(1))

    def cluster(self, magnitude: Tensor) -> Tensor:
        """Binary masks (batch, stem, row, frame): weighted k-means of each stretch, started from the learned centroids."""
        v = self.places(magnitude)
        batch, _, n_rows, n_frames = v.shape
        cells = v.flatten(2).mT  # (batch, row x frame, dim)
        weight = self.body.bands(magnitude).float().flatten(1)[..., None]
        weight = weight / weight.sum(1, keepdim=True).clamp_min(1e-12)
        start = F.normalize(self.centroids, dim=1).expand(batch, -1, -1)  # (batch, stem, dim)
        centres = start
        for _ in range(self.config.n_rounds):
            mine = F.one_hot((cells @ centres.mT).argmax(2), start.shape[1]).to(v.dtype)  # nearest: all have unit length
            mean = (mine * weight).mT @ cells  # (batch, stem, dim); shorter the less of the stretch a cluster holds
            centres = F.normalize(F.normalize(mean, dim=2) * 0.75 + start * 0.25, dim=2)
        mine = F.one_hot((cells @ centres.mT).argmax(2), start.shape[1]).to(v.dtype)
        return mine.mT.unflatten(2, (n_rows, n_frames))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel=1, bin, frame) -> (batch, stem, channel=1, bin, frame); every cell goes to one stem, undivided."""
        masks = self.body.bands.spread(self.cluster(magnitude))
        return masks[:, :, None] * magnitude[:, None]
