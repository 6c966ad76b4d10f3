"""Classifiers of time-frequency cells: `dnn`, `cnn1` and `cnn2` of Roma, Green and Tremblay.

G. Roma, O. Green, P. A. Tremblay, "Improving single-network single-channel separation of musical audio with convolutional
layers", LVA/ICA 2018. A texture window of 2c + 1 magnitude frames (eq. 3) goes through the layers of an image classifier, which
say for every bin of its middle frame how much of it belongs to each stem:

    dnn    5 frames ---------------------------------------- dense, sigmoid -- dense -- sigmoid: masks (9), made to sum to one
    cnn1  11 frames - [conv, batch norm, ReLU, max-pool] x 2 - dense, sigmoid -- dense -- sigmoid: masks (9), made to sum to one
    cnn2  the same ------------------------------------------------------------------- softmax (6): the loudest stem takes the cell (5)

This differs from the paper in:
- The paper's figure of the layers is not among its words. Sizes that the text does not give were chosen so that the networks
  have the printed numbers of parameters: one hidden layer of 4,096 makes the dnn 37.8 M (printed: 38 M), two convolutions that
  bring 1025 x 11 cells down to 64 x 1 make the others 33.6 M (printed: 34 M).
- Convolutions are padded along frequency only. Along time they use the window up (11 -> 9 -> 3 -> 1 frames), so that windows
  which overlap share their work: one pass over a stretch, with steps as wide as what was pooled before, gives to the last
  digit what eleven times the work gives window by window (a test compares them).
- "Training data was normalized to zero mean and unit variance": here the running mean and variance of what passes in training.
- The compact sizes see bands that widen above 1 kHz (engine.bands) in place of all bins, and the logarithm of their magnitude.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.bands import band_edges
from engine.nets.contract import Look, SpectrogramNet

LOOK = Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=256, context_s=0.2)  # section 3.1: mono, 100 ms windows, 10 ms steps


@dataclass(frozen=True)
class DnnConfig:
    """Sizes of the fully connected baseline."""

    look: Look = LOOK
    n_context: int = 5  # section 3: "extending the input layer to accommodate 5 input frames"
    n_hidden: int = 4096  # not printed; see above
    n_bands: int = 0  # 0: every bin, as in the paper
    is_log: bool = False  # the paper's magnitudes are not compressed
    n_stems: int = 4


@dataclass(frozen=True)
class CnnConfig:
    """Sizes of the convolutional networks; is_softmax tells cnn2 from cnn1."""

    look: Look = LOOK
    n_context: int = 11  # section 3.1: about 200 ms
    n_maps: tuple[int, ...] = (32, 64)  # not printed, nor are the next two; see above
    kernels: tuple[tuple[int, int], ...] = ((5, 3), (3, 3))  # (bin, frame)
    pools: tuple[tuple[int, int], ...] = ((4, 3), (4, 1))  # (bin, frame)
    n_hidden: int = 4096
    is_softmax: bool = False
    n_bands: int = 0
    is_log: bool = False
    n_stems: int = 4


PAPER_CNN2 = CnnConfig(is_softmax=True)

_SMALL = Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=0.3)  # half as many frames: half the work
COMPACT_DNN = DnnConfig(look=_SMALL, n_hidden=512, n_bands=256, is_log=True)
COMPACT_CNN1 = CnnConfig(look=_SMALL, n_maps=(16, 32), n_hidden=512, n_bands=256, is_log=True)
COMPACT_CNN2 = CnnConfig(look=_SMALL, n_maps=(16, 32), n_hidden=512, is_softmax=True, n_bands=256, is_log=True)


class _Textures(SpectrogramNet):
    """What the three share: bands, texture windows, and the way from logits to estimates. Mono."""

    _owner: Tensor  # the band of each bin
    _mean: Tensor  # (band, bin): the mean over the bins of a band

    def __init__(self, config: DnnConfig | CnnConfig) -> None:
        super().__init__()
        self.look, self.n_context, self.n_stems = config.look, config.n_context, config.n_stems
        self.is_log, self.is_softmax = config.is_log, isinstance(config, CnnConfig) and config.is_softmax
        n_bins = config.look.n_bins
        self.n_rows = min(config.n_bands or n_bins, n_bins)
        edges = torch.arange(n_bins + 1)
        if self.n_rows < n_bins:
            edges = torch.from_numpy(band_edges(n_bins, 3 * self.n_rows // 8, self.n_rows))  # single bins below 1 kHz
        owner = torch.bucketize(torch.arange(n_bins), edges[1:], right=True)
        self.register_buffer("_owner", owner, persistent=False)
        self.register_buffer("_mean", F.one_hot(owner, self.n_rows).T / edges.diff()[:, None], persistent=False)

    def rows(self, magnitude: Tensor) -> Tensor:
        """(batch, channel=1, bin, frame) -> (batch, band, c + frame + c): what texture windows are cut from, silence around it."""
        x = magnitude[:, 0] if self.n_rows == self.look.n_bins else self._mean @ magnitude[:, 0]
        if self.is_log:
            x = torch.log10(x + 1e-3) + 3.0  # 0 in silence, about 5 where a signal at RMS 0.1 is loudest
        c = self.n_context // 2
        return F.pad(x, (c, c))

    @abstractmethod
    def classify(self, rows: Tensor) -> Tensor:
        """(batch, band, c + frame + c) -> logits (batch, stem x band, frame)."""

    def logits(self, magnitude: Tensor) -> Tensor:
        """O of eq. 6 and 9: (batch, channel=1, bin, frame) -> (batch, stem, channel=1, bin, frame)."""
        of_rows = self.classify(self.rows(magnitude)).unflatten(1, (self.n_stems, self.n_rows))  # (batch, stem, band, frame)
        return of_rows[:, :, None, self._owner]

    def masks(self, magnitude: Tensor) -> Tensor:
        """P of eq. 6 or 9, before it is made to sum to one: (batch, stem, channel=1, bin, frame)."""
        logits = self.logits(magnitude).float()
        return logits.softmax(1) if self.is_softmax else logits.sigmoid()

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel=1, bin, frame) -> (batch, stem, channel=1, bin, frame)."""
        masks = self.masks(magnitude)
        if self.is_softmax:  # the class takes it all (eq. 5)
            masks = torch.zeros_like(masks).scatter_(1, masks.argmax(1, keepdim=True), 1.0)
        elif self.n_stems > 1:
            masks = masks / masks.sum(1, keepdim=True).clamp_min(1e-9)  # "need to be normalized again" (section 2.2)
        return masks * magnitude[:, None]


class Dnn(_Textures):
    """Two dense layers over the cells of five frames; a dense layer over every window of five frames is a convolution."""

    def __init__(self, config: DnnConfig | None = None) -> None:
        c = config or DnnConfig()
        super().__init__(c)
        self.scale = nn.BatchNorm1d(self.n_rows, affine=False)  # zero mean, unit variance; nothing is learned
        self.hidden = nn.Conv1d(self.n_rows, c.n_hidden, c.n_context)
        self.out = nn.Conv1d(c.n_hidden, c.n_stems * self.n_rows, 1)

    def classify(self, rows: Tensor) -> Tensor:
        """See _Textures."""
        out: Tensor = self.out(self.hidden(self.scale(rows)).sigmoid())
        return out


class Cnn(_Textures):
    """Convolutions with batch norm, ReLU and max-pooling, then two dense layers (figure 1)."""

    def __init__(self, config: CnnConfig | None = None) -> None:
        c = config or CnnConfig()
        super().__init__(c)
        layers: list[nn.Module] = []
        n_in, n_bins, n_frames, step = 1, self.n_rows, c.n_context, 1
        for n_out, kernel, pool in zip(c.n_maps, c.kernels, c.pools, strict=True):
            # within a window each layer would begin anew every `step` frames; over a whole stretch it looks that far apart instead
            layers += [nn.Conv2d(n_in, n_out, kernel, padding=(kernel[0] // 2, 0), dilation=(1, step)), nn.BatchNorm2d(n_out)]
            layers += [nn.ReLU(), nn.MaxPool2d(pool, stride=(pool[0], 1), dilation=(1, step))]
            n_in, n_bins, n_frames = n_out, n_bins // pool[0], (n_frames - kernel[1] + 1) // pool[1]
            step *= pool[1]
        if n_frames != 1:
            raise ValueError(f"The layers leave {n_frames} frames of a window of {c.n_context}; choose kernels and pools that leave one.")
        self.convolve = nn.Sequential(*layers)
        self.hidden = nn.Conv1d(n_in * n_bins, c.n_hidden, 1)
        self.out = nn.Conv1d(c.n_hidden, c.n_stems * self.n_rows, 1)

    def classify(self, rows: Tensor) -> Tensor:
        """See _Textures."""
        maps = self.convolve(rows[:, None]).flatten(1, 2)  # (batch, map x bin, frame)
        out: Tensor = self.out(self.hidden(maps).sigmoid())
        return out
