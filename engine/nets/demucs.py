"""Demucs: a waveform U-Net with gated linear units, a bidirectional LSTM at the bottom and rescaled weights at the start.

A. Defossez, N. Usunier, L. Bottou, F. Bach, "Music source separation in the waveform domain", 2019 (arXiv 1911.13254), after
their "Demucs: deep extractor for music sources with extra unlabeled data remixed", 2019 (arXiv 1909.01174). Section 4:

    encoder i:  conv 8, stride 4, ReLU ─ conv 1 to twice the features, GLU        features double from level to level
    bottom:     BLSTM of two layers ─ linear from both directions to one
    decoder i:  + skip of encoder i ─ conv 3 to twice the features, GLU ─ transposed conv 8, stride 4, ReLU (not the last)

At the start every convolution's weights w are divided by sqrt(std(w) / 0.1) (section 4.3), because with the usual random weights
each level leaves the sound quieter than it found it, and what comes out is a twentieth of what went in. Trained with L1, there and here.

This differs from the paper in: the convolutions of width 3 are padded by zeros (the paper's lose a value at either end), samples
are brought to an RMS of one inside, and the sound is not upsampled to twice its rate (later versions of the authors' code do).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import LEVEL, crop_end
from engine.nets.contract import Look, WaveformNet


@dataclass(frozen=True)
class DemucsConfig:
    """Sizes; the defaults are the paper's. 32 features give the 66.4 M parameters that others print for Demucs."""

    look: Look = Look(rate_hz=44100, n_fft=4096, hop=1024, context_s=1.0)
    n_stems: int = 4
    n_levels: int = 6  # section 4.1: L
    n_features: int = 64  # section 4.1: C_1, doubled at each level
    kernel: int = 8  # section 4.1: K
    stride: int = 4  # section 4.1: S
    n_lstm_layers: int = 2  # section 4.1
    kernel_decoder: int = 3  # section 4.1: the decoder looks at its neighbours
    reference: float = 0.1  # section 4.3: a, the standard deviation that weights are drawn towards; 0 leaves them alone


# a level less and fewer features; the bottom sees 86 steps a second
COMPACT = DemucsConfig(look=Look(rate_hz=22050, n_fft=2048, hop=512, context_s=1.0), n_levels=4, n_features=20)


class Encoder(nn.Module):
    """(batch, n_in, sample) -> (batch, n_out, about sample / stride)."""

    def __init__(self, n_in: int, n_out: int, c: DemucsConfig) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, c.kernel, c.stride)
        self.gated = nn.Conv1d(n_out, 2 * n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.glu(self.gated(F.relu(self.conv(x))), dim=1)


class Decoder(nn.Module):
    """(batch, n_in, sample) -> (batch, n_out, about sample x stride), before any ReLU."""

    def __init__(self, n_in: int, n_out: int, c: DemucsConfig) -> None:
        super().__init__()
        self.gated = nn.Conv1d(n_in, 2 * n_in, c.kernel_decoder, padding=c.kernel_decoder // 2)
        self.conv = nn.ConvTranspose1d(n_in, n_out, c.kernel, c.stride)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.conv(F.glu(self.gated(x), dim=1))
        return out


class Demucs(WaveformNet):
    """Samples in, samples out; see the module."""

    def __init__(self, config: DemucsConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DemucsConfig()
        self.look = c.look
        widths = [c.look.n_channels, *(c.n_features * 2**i for i in range(c.n_levels))]
        outs = [c.n_stems * c.look.n_channels, *widths[1:-1]]
        self.encoders = nn.ModuleList(Encoder(a, b, c) for a, b in pairwise(widths))
        self.lstm = nn.LSTM(widths[-1], widths[-1], c.n_lstm_layers, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * widths[-1], widths[-1])
        self.decoders = nn.ModuleList(Decoder(a, b, c) for a, b in zip(widths[1:], outs, strict=True))
        if c.reference > 0:
            rescale(self, c.reference)

    def padded_length(self, n_samples: int) -> int:
        """The least length >= n_samples that the strides divide without a rest, so that the decoder returns as much."""
        c = self.config
        n = n_samples
        for _ in range(c.n_levels):
            n = max(1, -(-(n - c.kernel) // c.stride) + 1)
        for _ in range(c.n_levels):
            n = (n - 1) * c.stride + c.kernel
        return n

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> (batch, stem, channel, sample)."""
        c, n_samples = self.config, mixture.shape[-1]
        x = F.pad(mixture / LEVEL, (0, self.padded_length(n_samples) - n_samples))
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        recurred, _ = self.lstm(x.transpose(1, 2))  # (batch, step, 2 x feature)
        x = self.linear(recurred).transpose(1, 2)
        for i in reversed(range(c.n_levels)):
            x = self.decoders[i](x + skips[i])
            x = F.relu(x) if i else x  # the last one makes samples
        stems: Tensor = crop_end(x, n_samples).unflatten(1, (c.n_stems, c.look.n_channels))
        return LEVEL * stems


@torch.no_grad()
def rescale(net: nn.Module, reference: float) -> None:
    """Section 4.3: divide the weights and the bias of every convolution by sqrt(std of its weights / reference), in place."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            scale = (layer.weight.std() / reference).sqrt()
            layer.weight /= scale
            if layer.bias is not None:
                layer.bias /= scale
