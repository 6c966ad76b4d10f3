"""Open-Unmix: dense, three recurrent layers with a way around them, dense; learned scales in and out; a mask times the magnitude.

F.-R. Stöter, S. Uhlich, A. Liutkus, Y. Mitsufuji, "Open-Unmix: a reference implementation for music source separation", Journal
of Open Source Software 4 (41), 2019 (document 003):

    bins below 16 kHz ── (x + mean) x scale, learned for every bin ── dense, batch norm, tanh ──┬─ BLSTM x 3 ─┐
                                                                                                └─────────────┴─ concatenate
    ── dense, batch norm, ReLU ── dense to all bins, batch norm ── x scale + mean, learned ── ReLU: the mask

One net for one stem has 8.89 M parameters (printed: 8.90 M). This differs from the paper in: all stems may come from one net; the
learned input scales begin at a spectrum that falls with frequency, as music's does, not at measurements of the training songs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import usual_magnitude
from engine.nets.contract import Look, SpectrogramNet


@dataclass(frozen=True)
class OpenUnmixConfig:
    """Sizes; the defaults are the paper's."""

    look: Look = Look(context_s=2.0)  # 4096 / 1024 at 44.1 kHz, stereo
    bandwidth_hz: float = 16000.0  # what is heard; all bins are masked
    n_hidden: int = 512
    n_layers: int = 3
    dropout: float = 0.4  # between recurrent layers
    n_stems: int = 4  # the paper trains a net for each stem: 1


COMPACT = OpenUnmixConfig(look=Look(rate_hz=22050, n_fft=2048, hop=512, context_s=1.5), n_hidden=144, dropout=0.1)


class OpenUnmix(SpectrogramNet):
    """Magnitudes in, mask times magnitude out; see the module."""

    def __init__(self, config: OpenUnmixConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or OpenUnmixConfig()
        self.look = c.look
        bin_hz = c.look.rate_hz / c.look.n_fft
        self.n_heard = min(c.look.n_bins, int(c.bandwidth_hz / bin_hz) + 1)
        usual = 8.0 * usual_magnitude(c.look.n_fft) / (1.0 + torch.arange(self.n_heard) * bin_hz / 200.0)  # 1/f above 200 Hz
        n_in, n_out = c.look.n_channels * self.n_heard, c.n_stems * c.look.n_channels * c.look.n_bins
        self.input_mean = nn.Parameter(-usual)
        self.input_scale = nn.Parameter(1.0 / usual)
        self.encode = nn.Sequential(nn.Linear(n_in, c.n_hidden, bias=False), _FrameNorm(c.n_hidden), nn.Tanh())
        self.recur = nn.LSTM(
            c.n_hidden, c.n_hidden // 2, c.n_layers, batch_first=True, bidirectional=True, dropout=c.dropout if c.n_layers > 1 else 0.0
        )
        self.decode = nn.Sequential(
            nn.Linear(2 * c.n_hidden, c.n_hidden, bias=False), _FrameNorm(c.n_hidden), nn.ReLU(),
            nn.Linear(c.n_hidden, n_out, bias=False), _FrameNorm(n_out),
        )  # fmt: skip
        self.output_scale = nn.Parameter(torch.full((c.n_stems, 1, c.look.n_bins, 1), 1.0 / c.n_stems))
        self.output_mean = nn.Parameter(torch.full((c.n_stems, 1, c.look.n_bins, 1), 1.0 / c.n_stems))

    def masks(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame), 0 and more."""
        c = self.config
        heard = (magnitude[..., : self.n_heard, :].float() + self.input_mean[:, None]) * self.input_scale[:, None]
        encoded = self.encode(heard.flatten(1, 2).mT)  # (batch, frame, hidden)
        recurred, _ = self.recur(encoded)
        decoded = self.decode(torch.cat([encoded, recurred], dim=2)).float().mT  # (batch, stem x channel x bin, frame)
        decoded = decoded.unflatten(1, (c.n_stems, c.look.n_channels, c.look.n_bins))
        return F.relu(decoded * self.output_scale + self.output_mean)

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        return self.masks(magnitude) * magnitude[:, None]


class _FrameNorm(nn.BatchNorm1d):
    """Batch norm of features over all frames of a batch: (batch, frame, feature)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).view_as(x)
