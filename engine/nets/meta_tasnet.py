"""Meta-TasNet: Conv-TasNets at three rates whose separators' weights are generated, stem by stem, by a second network.

D. Samuel, A. Ganeshan, J. Naradowsky, "Meta-learning extractors for music source separation", ICASSP 2020 (arXiv 2002.07016).

    stem ─ embedding (E1 numbers) ─ for each layer of the separator: linear to E2 numbers ─ linear to all numbers of the layer

    mixture at  8 kHz ─ encoder ─ separator of each stem ─ softmax over stems ─ x ─┬─ decoder ─ stems at  8 kHz
                                                                    masked latents │
    mixture at 16 kHz ─ encoder ─────────────────────────── and ───────────────────┴─ separator ... decoder ─ stems at 16 kHz
    mixture at 32 kHz ─ the same again ............................................................ stems at 32 kHz

Stems share the encoder, the decoder and the generator; only what makes their masks differs, and the generator knows in E2
numbers a layer how they differ. Strides double from stage to stage, so all stages have the same frames. The encoder (section
2.3) joins filters of three lengths with a log spectrum that is projected by a learned matrix.

Of a setting's parameters most lie in the generator: the authors' setting (the defaults) has 45.5 M of them, of which a stem's
generated separators take 5.4 M. The 12.0 M that Sams-Net's authors print for it can be neither.

This differs from the paper in: the separator is that of engine.nets.conv_tasnet (no norms around its last convolution and behind
the bottleneck, no PReLU before the first norm; the slopes of its PReLUs are generated like all else); the log spectrum is scaled by
learned numbers instead of by the statistics of a data set; stereo is allowed; lower rates are made inside. The authors' loss sums
over stages the SI-SNR of the stems and of the mixture made anew and two terms on the latents; here `stages` are told their squared
errors, summed (criterion "stages-mse").
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from engine.nets.blocks import LEVEL, crop_end, pad_end
from engine.nets.contract import Look, WaveformNet
from engine.nets.conv_tasnet import Separator, TcnConfig

_TCN = TcnConfig(160, 160, 160, n_blocks=6, n_repeats=3, n_norm_groups=8, bias=False)


@dataclass(frozen=True)
class MetaTasNetConfig:
    """Sizes; the defaults are those of the authors' published setting. Sizes of stage i are those named here times 2^i."""

    look: Look = Look(rate_hz=32000, n_channels=1, n_fft=2048, hop=512, context_s=1.0)  # section 3: 8, 16 and 32 kHz, mono
    n_stems: int = 4
    n_stages: int = 3  # the rate halves from the last to the first
    n_latent: int = 440  # N of the first stage
    stride: int = 20  # W of the first stage; also the shortest filter
    n_filters: int = 3  # lengths of filters: stride times 1, 2, 4
    n_spectrum: int = 256  # numbers that the log spectrum is projected to, in every stage
    n_fft: int = 1024  # of the log spectrum in the first stage
    n_embedding: int = 8  # E1: numbers that stand for a stem
    n_squeezed: int = 5  # E2: what a layer sees of them
    tcn: TcnConfig = _TCN


# mono as in the paper: the decoder must have more features than a frame has samples
COMPACT = MetaTasNetConfig(
    look=Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=1.0), n_latent=64, stride=32, n_spectrum=64, n_squeezed=3,
    tcn=TcnConfig(48, 48, 48, n_blocks=5, n_repeats=2, n_norm_groups=8, bias=False),
)  # fmt: skip


class Generator(nn.Module):
    """Makes the numbers of a module, a set for every stem, from an embedding of the stem."""

    def __init__(self, module: nn.Module, c: MetaTasNetConfig) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(c.n_stems, c.n_embedding))
        self.layers: list[tuple[str, list[tuple[str, torch.Size]]]] = []  # name of a layer, names and shapes of its numbers
        self.squeeze, self.expand = nn.ModuleList(), nn.ModuleList()
        for name, layer in module.named_modules():
            numbers = list(layer.named_parameters(recurse=False))
            if numbers:
                self.layers.append((name, [(key, p.shape) for key, p in numbers]))
                self.squeeze.append(nn.Linear(c.n_embedding, c.n_squeezed))
                self.expand.append(_around([p for _, p in numbers], c.n_squeezed))

    def forward(self) -> list[dict[str, Tensor]]:
        """For every stem the module's parameters by name."""
        out: list[dict[str, Tensor]] = [{} for _ in self.embedding]
        for (name, numbers), squeeze, expand in zip(self.layers, self.squeeze, self.expand, strict=True):
            made = expand(squeeze(self.embedding))  # (stem, number)
            parts = made.split([shape.numel() for _, shape in numbers], dim=1)
            for (key, shape), part in zip(numbers, parts, strict=True):
                for stem, values in enumerate(part):
                    out[stem][f"{name}.{key}"] = values.view(shape)
        return out


@torch.no_grad()
def _around(numbers: list[nn.Parameter], n_squeezed: int) -> nn.Linear:
    """A linear layer that makes numbers around these, as far from them (kernels) as they spread themselves, or not at all (norms)."""
    expand = nn.Linear(n_squeezed, sum(p.numel() for p in numbers))
    spreads = [(p.std() if p.ndim > 1 else p.new_zeros(())).expand(p.numel()) for p in numbers]
    expand.bias.copy_(torch.cat([p.flatten() for p in numbers]))
    expand.weight.copy_(torch.randn_like(expand.weight) * torch.cat(spreads)[:, None] / n_squeezed**0.5)
    return expand


class Encoder(nn.Module):
    """(batch, channel, sample) -> latent (batch, n_latent, sample / stride): filters of several lengths and a log spectrum."""

    def __init__(self, n_latent: int, stride: int, n_fft: int, c: MetaTasNetConfig) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, n_fft // 4
        lengths = [stride * 2**i for i in range(c.n_filters)]
        self.filters = nn.ModuleList(
            nn.Conv1d(c.look.n_channels, n_latent // 4, k, stride, padding=(k - stride) // 2, bias=False) for k in lengths
        )
        n_bins = n_fft // 2 + 1
        self.scale, self.shift = nn.Parameter(torch.full((n_bins, 1), 0.5)), nn.Parameter(torch.zeros(n_bins, 1))
        self.project = nn.Conv1d(n_bins, c.n_spectrum, 1)
        self.join = nn.Sequential(
            nn.Conv1d(c.n_filters * (n_latent // 4) + c.n_spectrum, n_latent, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(n_latent, n_latent, 1, bias=False),
        )
        window = torch.hann_window(n_fft)
        self.register_buffer("window", window / window.square().sum().sqrt(), persistent=False)  # noise at RMS 1 has power 1

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        filtered = F.relu(torch.cat([conv(samples) for conv in self.filters], dim=1))
        assert isinstance(self.window, Tensor)
        spectrum = torch.stft(
            samples.mean(dim=1).float(), self.n_fft, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()  # (batch, bin, column)
        seen = self.project(torch.log10(power + 1e-6) * self.scale + self.shift)
        seen = F.interpolate(seen, size=filtered.shape[-1], mode="linear", align_corners=True)
        latent: Tensor = self.join(torch.cat([filtered, seen], dim=1))
        return latent


class Decoder(nn.Module):
    """Masked latents (batch, stem, n_latent, frame) -> (batch, stem, channel, frame x stride): filters of several lengths, added up."""

    def __init__(self, n_latent: int, stride: int, c: MetaTasNetConfig) -> None:
        super().__init__()
        self.widths = [n_latent // 2 ** (i + 1) for i in range(c.n_filters)]
        self.spread = nn.Conv1d(n_latent, sum(self.widths), 1, bias=False)
        lengths = [stride * 2**i for i in range(c.n_filters)]
        self.filters = nn.ModuleList(
            nn.ConvTranspose1d(n, c.look.n_channels, k, stride, padding=(k - stride) // 2, bias=False)
            for n, k in zip(self.widths, lengths, strict=True)
        )

    def forward(self, masked: Tensor) -> Tensor:
        """See the class."""
        parts = F.relu(self.spread(masked.flatten(0, 1))).split(self.widths, dim=1)
        added = torch.stack([conv(part) for conv, part in zip(self.filters, parts, strict=True)]).sum(dim=0)
        return LEVEL * added.unflatten(0, masked.shape[:2])


class Stage(nn.Module):
    """Encoder and separators of one rate, a separator a stem, all of them generated."""

    def __init__(self, i: int, c: MetaTasNetConfig) -> None:
        super().__init__()
        n_latent = c.n_latent * 2**i
        self.encoder = Encoder(n_latent, c.stride * 2**i, c.n_fft * 2**i, c)
        separator = Separator(n_latent + (n_latent // 2 if i else 0), n_latent, c.tcn)
        self.generator = Generator(separator, c)
        self.separator = [separator.to("meta")]  # in a list: a mould without numbers, no part of what is trained or saved

    def forward(self, mixture: Tensor, before: Tensor | None) -> Tensor:
        """(batch, channel, sample) and the masked latents of the stage before -> masked latents (batch, stem, n_latent, frame)."""
        latent = self.encoder(mixture)
        logits = []
        for stem, weights in enumerate(self.generator()):
            seen = latent if before is None else torch.cat([latent, before[:, stem]], dim=1)
            logits.append(functional_call(self.separator[0], weights, (seen,), strict=True))
        return latent[:, None] * torch.stack(logits, dim=1).softmax(dim=1)


class MetaTasNet(WaveformNet):
    """Samples in, samples out; see the module."""

    def __init__(self, config: MetaTasNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or MetaTasNetConfig()
        self.look = c.look
        self.levels = nn.ModuleList(Stage(i, c) for i in range(c.n_stages))
        self.decoders = nn.ModuleList(Decoder(c.n_latent * 2**i, c.stride * 2**i, c) for i in range(c.n_stages))

    def _masked(self, mixture: Tensor) -> list[Tensor]:
        """The masked latents of every stage (batch, stem, n_latent of the stage, frame)."""
        rates = [pad_end(mixture / LEVEL, self.config.stride * 2 ** (self.config.n_stages - 1))]
        for _ in self.levels[1:]:
            rates.insert(0, halved(rates[0]))
        out: list[Tensor] = []
        for level, samples in zip(self.levels, rates, strict=True):
            out.append(level(samples, out[-1] if out else None))
        return out

    def stages(self, mixture: Tensor) -> list[Tensor]:
        """Estimates (batch, stem, channel, sample) of every stage at its own rate, for a loss on each; the last are `forward`'s."""
        out: list[Tensor] = []
        n_samples = mixture.shape[-1]
        for decoder, latent in zip(reversed(self.decoders), reversed(self._masked(mixture)), strict=True):
            out.insert(0, crop_end(decoder(latent), n_samples))
            n_samples = -(-n_samples // 2)
        return out

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> (batch, stem, channel, sample)."""
        return crop_end(self.decoders[-1](self._masked(mixture)[-1]), mixture.shape[-1])


def halved(samples: Tensor, reach: int = 16) -> Tensor:
    """Half the rate: a windowed sinc of 2 x reach + 1 taps, then every second sample; (..., sample) -> (..., ceil(sample / 2))."""
    n = torch.arange(-reach, reach + 1, device=samples.device, dtype=samples.dtype)
    taps = torch.sinc(n / 2) * (0.5 + 0.5 * torch.cos(torch.pi * n / (reach + 1)))
    flat = samples.reshape(-1, 1, samples.shape[-1])
    return F.conv1d(flat, (taps / taps.sum())[None, None], stride=2, padding=reach).view(*samples.shape[:-1], -1)
