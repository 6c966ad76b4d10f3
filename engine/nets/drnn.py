"""The deep recurrent network whose last layer makes masks: the network learns through them, not before them.

P.-S. Huang, M. Kim, M. Hasegawa-Johnson, P. Smaragdis, "Singing-voice separation from monaural recordings using deep recurrent
neural networks", ISMIR 2014 (ICASSP 2014 for speech); the mask layer stands in document 003:

    3 frames of magnitudes ── dense, ReLU ── dense, ReLU, recurrent along time ── dense, ReLU ── dense: y_1, y_2 ...
    estimate i = |y_i| / sum_j |y_j| x mixture, a layer of the network without parameters

One of the hidden layers is recurrent (DRNN-k in the paper), forwards in time only. This differs from the paper in: four stems in
place of two; a small constant in the numerators, so that masks sum to one in silence too; the recurrent layer begins at half the
identity, which keeps ReLU loops from growing. The discriminative term of the paper's criterion is left to the trainer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.nets.blocks import Bands, usual_magnitude
from engine.nets.contract import Look, SpectrogramNet


@dataclass(frozen=True)
class DrnnConfig:
    """Sizes; the defaults are the paper's."""

    look: Look = Look(rate_hz=16000, n_channels=1, n_fft=1024, hop=512, context_s=1.0)  # 16 kHz, 1024 points, half overlap
    n_context: int = 3  # frames heard at once: one before, one after
    n_hidden: int = 1000
    n_layers: int = 3
    recurrent: int = 2  # which hidden layer is recurrent, from 1; 0: none (the paper's plain DNN), -1: all (its stacked RNN)
    n_bands: int = 0  # 0: every bin, as in the paper
    n_stems: int = 4  # the paper: 2, singing and accompaniment


COMPACT = DrnnConfig(look=Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=1.0), n_hidden=448, n_bands=256)


class Drnn(SpectrogramNet):
    """Magnitudes in, magnitudes out; see the module."""

    def __init__(self, config: DrnnConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DrnnConfig()
        if c.n_context % 2 == 0 or not -1 <= c.recurrent <= c.n_layers:
            raise ValueError(f"n_context={c.n_context} must be odd and recurrent={c.recurrent} one of -1 .. {c.n_layers}.")
        self.look = c.look
        self.bands = Bands(c.look.n_bins, c.n_bands)
        n_rows = c.look.n_channels * self.bands.n_rows
        widths = [n_rows * c.n_context] + [c.n_hidden] * c.n_layers
        self.layers = nn.ModuleList()
        for i in range(c.n_layers):
            if c.recurrent in (i + 1, -1):
                layer: nn.Module = nn.RNN(widths[i], widths[i + 1], nonlinearity="relu", batch_first=True)
                with torch.no_grad():
                    layer.weight_hh_l0.copy_(0.5 * torch.eye(widths[i + 1]))  # type: ignore[operator]  # nn.RNN keeps it by this name
            else:
                layer = nn.Sequential(nn.Linear(widths[i], widths[i + 1]), nn.ReLU())
            self.layers.append(layer)
        self.out = nn.Linear(widths[-1], c.n_stems * n_rows)

    def masks(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame), summing to one over the stems."""
        c = self.config
        rows = (self.bands(magnitude) / usual_magnitude(c.look.n_fft)).flatten(1, 2).mT  # (batch, frame, row)
        around = nn.functional.pad(rows, (0, 0, c.n_context // 2, c.n_context // 2)).unfold(1, c.n_context, 1)
        x = around.flatten(2)  # (batch, frame, row x context)
        for layer in self.layers:
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        y = self.out(x).float().abs() + 1e-6  # (batch, frame, stem x row)
        y = y.mT.unflatten(1, (c.n_stems, c.look.n_channels, self.bands.n_rows))
        return self.bands.spread(y / y.sum(1, keepdim=True))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        return self.masks(magnitude) * magnitude[:, None]
