"""Conv-TasNet: a learned transform in place of the spectrum, and masks for it from a stack of dilated convolutions.

Y. Luo, N. Mesgarani, "Conv-TasNet: surpassing ideal time-frequency magnitude masking for speech separation", IEEE/ACM TASLP 27,
2019 (arXiv 1809.07454); for music in stereo: A. Defossez, N. Usunier, L. Bottou, F. Bach, "Music source separation in the
waveform domain", 2019 (arXiv 1911.13254), section 3. The paper's letters stand behind the fields of the Config.

    samples ─ encoder: conv L, stride L/2, ReLU ─┬──────────────────────────────── x mask i ─ decoder: transposed conv ─ stem i
                                                 └─ norm ─ conv 1 ─ blocks ─ PReLU ─ conv 1 ─ sigmoid or ReLU
    block:   conv 1 (B to H) ─ PReLU ─ gLN ─ conv P of each feature alone, dilated ─ PReLU ─ gLN ─┬─ conv 1 (H to B), added to its input
                                                                                                  └─ conv 1 (H to Sc), summed over blocks

gLN, global layer normalisation (equation 9 of TASLP): zero mean and unit variance over features *and* frames, then a gain and
a shift a feature, that is group normalisation with one group. The blocks are used by engine.nets.meta_tasnet as well.

This differs from the papers in: norms of the encoder's output are global too (there they are taken frame by frame), and samples
are brought to an RMS of one inside. Luo and Mesgarani train with SI-SNR, which leaves the loudness of a stem open; Defossez et al.
with L1, which does not and so suits masks made from estimates. Tried for COMPACT: where training is short, squared errors do
better than either (the others soon prefer silence to a wrong guess), and a start as a modified cosine transform gains nothing.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import LEVEL, pad_end
from engine.nets.contract import Look, WaveformNet


@dataclass(frozen=True)
class TcnConfig:
    """The stack of dilated convolutions between the transform and its masks."""

    n_bottleneck: int = 256  # B: features between blocks
    n_hidden: int = 512  # H: features inside a block
    n_skip: int = 0  # Sc: features of the sum over blocks; 0: there is none, and the last block's output goes on
    kernel: int = 3  # P
    n_blocks: int = 10  # X: dilations 1, 2, 4 ... 512
    n_repeats: int = 4  # R
    n_norm_groups: int = 1  # 1 is gLN
    bias: bool = True  # of the convolutions


@dataclass(frozen=True)
class ConvTasNetConfig:
    """Sizes; the defaults are those for music (Defossez et al. 2019, section 3), SPEECH those of Luo and Mesgarani."""

    look: Look = Look(rate_hz=44100, n_fft=4096, hop=1024, context_s=1.0)
    n_stems: int = 4  # C
    n_latent: int = 256  # N: filters of the encoder
    kernel: int = 20  # L: samples of a filter, 0.45 ms
    tcn: TcnConfig = TcnConfig()
    mask: str = "relu"  # "relu" or "sigmoid"


SPEECH = ConvTasNetConfig(  # the best of their table II, printed there as 5.1 M
    look=Look(rate_hz=8000, n_channels=1, n_fft=512, hop=128),
    n_stems=2, n_latent=512, kernel=16, tcn=TcnConfig(128, 512, 128, n_blocks=8, n_repeats=3), mask="sigmoid",
)  # fmt: skip
# filters of 12 ms: 172 frames a second are cheap, and what is not resolved in time the dilated convolutions hear over 1.5 s
COMPACT = ConvTasNetConfig(
    look=Look(rate_hz=22050, n_fft=2048, hop=512, context_s=1.0),
    n_latent=512, kernel=256, tcn=TcnConfig(96, 192, 96, n_blocks=6, n_repeats=2), mask="sigmoid",
)  # fmt: skip


class TcnBlock(nn.Module):
    """One dilated block: (batch, B, frame) -> the same for the next block, and its part of the sum (or None without Sc)."""

    def __init__(self, c: TcnConfig, dilation: int) -> None:
        super().__init__()
        hidden = c.n_hidden
        self.enter = nn.Conv1d(c.n_bottleneck, hidden, 1, bias=c.bias)
        self.first = nn.Sequential(nn.PReLU(), norm(hidden, c.n_norm_groups))
        padding = dilation * (c.kernel - 1) // 2
        self.alone = nn.Conv1d(hidden, hidden, c.kernel, padding=padding, dilation=dilation, groups=hidden, bias=c.bias)
        self.second = nn.Sequential(nn.PReLU(), norm(hidden, c.n_norm_groups))
        self.residual = nn.Conv1d(hidden, c.n_bottleneck, 1, bias=c.bias)
        self.skip = nn.Conv1d(hidden, c.n_skip, 1, bias=c.bias) if c.n_skip else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """See the class."""
        inside = self.second(self.alone(self.first(self.enter(x))))
        return x + self.residual(inside), self.skip(inside) if self.skip is not None else None


class Separator(nn.Module):
    """From the transform to what masks are made of: (batch, n_in, frame) -> (batch, n_out, frame), no non-linearity at the end."""

    def __init__(self, n_in: int, n_out: int, c: TcnConfig) -> None:
        super().__init__()
        self.enter = nn.Sequential(norm(n_in, c.n_norm_groups), nn.Conv1d(n_in, c.n_bottleneck, 1, bias=c.bias))
        self.blocks = nn.ModuleList(TcnBlock(c, 2**i) for _ in range(c.n_repeats) for i in range(c.n_blocks))
        self.leave = nn.Sequential(nn.PReLU(), nn.Conv1d(c.n_skip or c.n_bottleneck, n_out, 1, bias=c.bias))

    def forward(self, latent: Tensor) -> Tensor:
        """See the class."""
        x, total = self.enter(latent), None
        for block in self.blocks:
            x, skip = block(x)
            if skip is not None:
                total = skip if total is None else total + skip
        out: Tensor = self.leave(x if total is None else total)
        return out


def norm(n_features: int, n_groups: int = 1) -> nn.GroupNorm:
    """gLN for one group: statistics over all features of a group and all frames."""
    return nn.GroupNorm(n_groups, n_features, eps=1e-8)


class ConvTasNet(WaveformNet):
    """Samples in, samples out; see the module."""

    def __init__(self, config: ConvTasNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or ConvTasNetConfig()
        self.look = c.look
        self.stride = c.kernel // 2
        self.encoder = nn.Conv1d(c.look.n_channels, c.n_latent, c.kernel, self.stride, bias=False)
        self.separator = Separator(c.n_latent, c.n_stems * c.n_latent, c.tcn)
        self.decoder = nn.ConvTranspose1d(c.n_latent, c.look.n_channels, c.kernel, self.stride, bias=False)

    def masks(self, latent: Tensor) -> Tensor:
        """(batch, N, frame) -> a mask a stem (batch, stem, N, frame): 0 .. 1 for sigmoid, 0 or more for ReLU."""
        logits = self.separator(latent).unflatten(1, (self.config.n_stems, self.config.n_latent))
        return logits.sigmoid() if self.config.mask == "sigmoid" else F.relu(logits)

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> (batch, stem, channel, sample)."""
        n_samples, lead = mixture.shape[-1], self.config.kernel - self.stride
        # silence before and after, so that the first and last samples lie in as many filters as all others
        padded = pad_end(F.pad(mixture / LEVEL, (lead, lead)), self.stride, least=self.config.kernel)
        latent = F.relu(self.encoder(padded))  # (batch, N, frame)
        masked = latent[:, None] * self.masks(latent)  # (batch, stem, N, frame)
        stems = self.decoder(masked.flatten(0, 1)).unflatten(0, masked.shape[:2])  # (batch, stem, channel, sample)
        return LEVEL * stems[..., lead : lead + n_samples]
