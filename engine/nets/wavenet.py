"""Wavenet for separation: dilated convolutions with gates over the samples themselves, the stems read off by regression.

F. Lluis, J. Pons, X. Serra, "End-to-end music source separation: is it possible in the waveform domain?", Interspeech
2019 (arXiv 1810.12187); non-causal layers after D. Rethage, J. Pons, X. Serra, "A Wavenet for speech denoising", ICASSP 2018.

    mixture ─ conv 3 ─┬─ layer d=1 ─┬─ layer d=2 ─ ... ─ layer d=512 ─ (the same again, n_stacks times)
                      └── skip ─────┴── skip ────── + ──── skip ── ReLU ─ conv 3 ─ ReLU ─ conv 3 ─ conv 1 ─ stems

A layer: a dilated convolution to twice the features, tanh of one half times sigmoid of the other, then a 1 x 1 convolution whose
one half is added to the layer's input and whose other half goes to the sum of skips. All stems but the last come out of the
net; the last is what they leave of the mixture, so that the estimates add up to it.

This differs from the paper in:
- Convolutions are padded with zeros to keep the length, where the paper gives up the edges of a longer input.
- `fold` (the paper's is 1): neighbouring samples may be laid side by side as channels, so that the layers run at a fraction of
  the sample rate. That is what makes COMPACT fast enough for one processor core.
- `equal_start` (COMPACT): what comes out is added to the mixture divided by the number of stems, so that training begins with
  equal shares. Without it the first hundreds of steps are spent on letting the mixture through.
- Every convolution has a bias; of the authors' program only the last has.
- No input for conditions (the authors' code has one and does not use it here) and no term of dissimilarity in a loss.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from engine.nets.blocks import LEVEL, crop_end, pad_end, with_rest
from engine.nets.contract import Look, WaveformNet


@dataclass(frozen=True)
class WavenetConfig:
    """Sizes; the defaults are the authors' multi-instrument setting, 3.30 M parameters as printed by others."""

    look: Look = Look(rate_hz=16000, n_channels=1, n_fft=1024, hop=256, context_s=0.3)  # section 3: 16 kHz, mono
    n_stems: int = 4  # vocals, drums, bass from the net and the rest by subtraction
    n_features: int = 64  # of every residual layer and of every skip
    n_stacks: int = 4  # how often the row of dilations is run through
    n_dilations: int = 10  # 1, 2, 4 ... 512
    kernel: int = 3
    n_final: tuple[int, int] = (2048, 256)  # features of the two convolutions behind the sum of skips
    fold: int = 1  # samples side by side as channels
    equal_start: bool = False  # the net tells how a stem differs from its equal share of the mixture


# 689 blocks a second; the dilations reach 0.37 s to either side, more than the paper's 0.26 s
COMPACT = WavenetConfig(
    look=Look(rate_hz=22050, n_fft=2048, hop=512, context_s=0.5),
    n_features=96, n_stacks=2, n_dilations=7, n_final=(256, 128), fold=32, equal_start=True,
)  # fmt: skip


class GatedLayer(nn.Module):
    """One residual layer: (batch, feature, block) -> the same for the next layer, and for the sum of skips."""

    def __init__(self, n_features: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.gates = nn.Conv1d(n_features, 2 * n_features, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)
        self.out = nn.Conv1d(n_features, 2 * n_features, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        signal, gate = self.gates(x).chunk(2, dim=1)
        residual, skip = self.out(signal.tanh() * gate.sigmoid()).chunk(2, dim=1)
        return x + residual, skip


class Wavenet(WaveformNet):
    """Samples in, samples out; see the module."""

    def __init__(self, config: WavenetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or WavenetConfig()
        self.look = c.look
        folded, (n_first, n_second) = c.look.n_channels * c.fold, c.n_final
        self.enter = nn.Conv1d(folded, c.n_features, c.kernel, padding=c.kernel // 2)
        dilations = [2**i for i in range(c.n_dilations)] * c.n_stacks
        self.layers = nn.ModuleList(GatedLayer(c.n_features, c.kernel, d) for d in dilations)
        self.leave = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(c.n_features, n_first, c.kernel, padding=c.kernel // 2),
            nn.ReLU(),
            nn.Conv1d(n_first, n_second, c.kernel, padding=c.kernel // 2),
            nn.Conv1d(n_second, (c.n_stems - 1) * folded, 1),
        )

    @property
    def receptive_field(self) -> int:
        """How many blocks of `fold` samples decide about one: 1 + (kernel - 1) x (all dilations and three plain convolutions)."""
        c = self.config
        return 1 + (c.kernel - 1) * (c.n_stacks * (2**c.n_dilations - 1) + 3)

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> (batch, stem, channel, sample), the stems adding up to the mixture."""
        c = self.config
        padded = pad_end(mixture / LEVEL, c.fold)
        x = padded.unflatten(-1, (-1, c.fold)).transpose(2, 3).flatten(1, 2)  # (batch, channel x fold, block)
        x, skips = self.layers[0](self.enter(x))
        for layer in self.layers[1:]:
            x, skip = layer(x)
            skips = skips + skip
        out = self.leave(skips).unflatten(1, (c.n_stems - 1, c.look.n_channels, c.fold))  # (batch, stem, channel, fold, block)
        stems = out.transpose(3, 4).flatten(3, 4)  # (batch, stem, channel, sample)
        stems = LEVEL * crop_end(stems, mixture.shape[-1])
        if c.equal_start:
            stems = stems + mixture[:, None] / c.n_stems
        return with_rest(stems, mixture)
