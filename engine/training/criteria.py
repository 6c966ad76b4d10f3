"""What a net is asked to make small, by name: each a function (net, mixture, stems) -> scalar, with its source.

For spectrogram nets mixture is a complex spectrum (batch, channel, bin, frame) and stems (batch, stem, channel, bin, frame); for
waveform nets they are samples (batch, channel, sample) and (batch, stem, channel, sample). Errors of magnitudes and samples are
told relative to the mean of the mixture's own, so that a learning rate means the same for every look; that changes no minimum
(log_mse is as it was printed).
"Document" is one of the source documents; 000 is E. Manilow, P. Seetharaman, J. Salamon, "Open source tools and data for music
source separation" (ISMIR tutorial 2020), 001 is G. Roma, O. Green, P. A. Tremblay (LVA/ICA 2018), 004 B. van der Linden (2022).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import BadInputError
from engine.nets.contract import WaveformNet
from engine.nets.meta_tasnet import halved

Criterion = Callable[[Any, Tensor, Tensor], Tensor]
TINY = 1e-8
QUIET = 1e-4  # cells 80 dB below the loudest of their stretch have no owner worth learning


def mse(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Magnitude spectrum approximation, squared: mean (|S| - estimate)^2 (document 000)."""
    heard = mixture.abs()
    return (net(heard).float() - stems.abs()).square().mean() / (heard.square().mean() + TINY)


def l1(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Magnitude spectrum approximation: mean ||S| - estimate| (document 000)."""
    heard = mixture.abs()
    return (net(heard).float() - stems.abs()).abs().mean() / (heard.mean() + TINY)


def log_mse(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Mean squared error of log10(1 + magnitude) / 2.10: the loss that document 004 trains by and prints (section 3.1.2, eq. 3)."""
    estimate = torch.log10(net(mixture.abs()).float().clamp_min(0.0) + 1.0)
    return ((estimate - torch.log10(stems.abs() + 1.0)) / 2.10).square().mean()


def mask_mse(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Mean squared error of the masks, before they are made to sum to one, against the ideal soft masks (document 001, eq. 8-10).

    Needs net.masks(magnitude). Cells in which nothing is heard count as nothing.
    """
    heard = mixture.abs()
    parts = stems.abs()
    ideal = parts / parts.sum(1, keepdim=True).clamp_min(TINY)
    error = (net.masks(heard).float() - ideal).square().mean(1)  # (batch, channel, bin, frame)
    return _mean_where(error, _is_heard(heard))


def truncated_target(mixture: Tensor, stems: Tensor) -> Tensor:
    """|S| cos(angle S - angle X), cut to 0 .. |X|: what a mask of 0 .. 1 can reach (document 000, tPSA; Erdogan et al. 2015)."""
    heard = mixture.abs()[:, None]
    along = (stems * mixture.conj()[:, None]).real / heard.clamp_min(TINY)
    return torch.minimum(along.clamp_min(0.0), heard)


def tpsa(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Truncated phase-sensitive approximation, L1: "the best option for loss and target" (document 000)."""
    heard = mixture.abs()
    return (net(heard).float() - truncated_target(mixture, stems)).abs().mean() / (heard.mean() + TINY)


def tpsa_l2(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """The same, squared (H. Erdogan, J. R. Hershey, S. Watanabe, J. Le Roux, ICASSP 2015)."""
    heard = mixture.abs()
    return (net(heard).float() - truncated_target(mixture, stems)).square().mean() / (heard.square().mean() + TINY)


def nll(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Negative log likelihood of the loudest stem of each cell (document 001, eq. 4, 6 and 7); needs net.logits(magnitude).

    Cells in which nothing is heard have no loudest stem and are left out.
    """
    heard = mixture.abs()
    owner = stems.abs().argmax(1)  # (batch, channel, bin, frame)
    error = F.cross_entropy(net.logits(heard).float(), owner, reduction="none")
    return _mean_where(error, _is_heard(heard))


def affinity_error(embedding: Tensor, owner: Tensor, weight: Tensor) -> Tensor:
    """sum_ij w_i w_j (<v_i, v_j> - <y_i, y_j>)^2 for each of a batch, by the three small matrices of Hershey et al. 2016, eq. 4.

    ||VV' - YY'||^2 = ||V'V||^2 - 2 ||V'Y||^2 + ||Y'Y||^2: no matrix of cells x cells is made.
    embedding (batch, cell, dim), owner (batch, cell, stem), weight (batch, cell) summing to one; gives (batch,).
    """
    root = weight.sqrt()[..., None]
    v, y = embedding * root, owner * root
    vv, vy, yy = v.mT @ v, v.mT @ y, y.mT @ y
    return vv.square().sum((1, 2)) - 2.0 * vy.square().sum((1, 2)) + yy.square().sum((1, 2))


def deep_clustering(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """||VV' - YY'||^2 over pairs of cells, weighted by their magnitudes (Hershey et al. 2016; weights: Wang et al. 2018).

    Needs net.embed(magnitude) -> (batch, bin x frame, dim) of one channel. A net with learn_centroids(embedding, owner, weight)
    is shown where each stem's cells lie, so that its clusters can carry names.
    """
    heard = mixture.abs()
    embedding = net.embed(heard).float()
    parts = stems.abs().sum(2).flatten(2)  # (batch, stem, bin x frame)
    owner = F.one_hot(parts.argmax(1), parts.shape[1]).to(embedding.dtype)  # (batch, bin x frame, stem)
    weight = heard.sum(1).flatten(1)
    weight = weight / weight.sum(1, keepdim=True).clamp_min(TINY)
    if hasattr(net, "learn_centroids") and net.training:
        net.learn_centroids(embedding.detach(), owner, weight)
    with torch.autocast(embedding.device.type, enabled=False):  # small differences of large sums
        return affinity_error(embedding, owner, weight).mean()


def wave_l1(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Mean |estimate - stem| of samples (document 000; Demucs: Défossez et al. 2019)."""
    return (net(mixture).float() - stems).abs().mean() / (mixture.abs().mean() + TINY)


def wave_mse(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Mean (estimate - stem)^2 of samples (document 000; Wave-U-Net: Stoller et al. 2018)."""
    return (net(mixture).float() - stems).square().mean() / (mixture.square().mean() + TINY)


def stages_mse(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """wave-mse summed over the stages of a net that works at several rates, against the stems at each (Meta-TasNet's structure).

    Needs net.stages(mixture): estimates at their own rates, each half of the next one's.
    """
    total, heard = torch.zeros((), device=mixture.device), mixture
    for estimate in reversed(net.stages(mixture)):
        total = total + (estimate.float() - stems).square().mean() / (heard.square().mean() + TINY)
        heard, stems = halved(heard), halved(stems)
    return total


SOFT = 1e-3  # beyond 30 dB nothing more is gained: else a stem that is nearly alone would rule the mean (Wisdom et al. 2020)


def _powers(net: Any, mixture: Tensor, stems: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums of squares of estimates and stems and their product (batch, stem), and of the mixture (batch, 1)."""
    estimate, target = net(mixture).float().flatten(2), stems.flatten(2)
    return estimate.square().sum(-1), target.square().sum(-1), (estimate * target).sum(-1), mixture.square().sum((1, 2))[:, None]


def _error_over_signal_db(error: Tensor, signal: Tensor, estimate: Tensor, stem: Tensor, mixture: Tensor) -> Tensor:
    """10 log10 of error over signal with a floor, mean over batch and stem; all are powers (batch, stem or 1).

    A silent stem has no such ratio: there the estimate is held against the mixture instead (Wisdom et al. 2021, FUSS).
    """
    heard = torch.log10((error + SOFT * signal + TINY) / (signal + TINY))
    silent = torch.log10((estimate + SOFT * mixture + TINY) / (mixture + TINY))
    return 10.0 * torch.where(stem < 1e-4 * mixture, silent, heard).mean()


def snr(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Minus the signal-to-noise ratio in dB: SI-SDR that also asks for the right level, which shares depend on."""
    estimate, stem, product, whole = _powers(net, mixture, stems)
    return _error_over_signal_db((estimate - 2.0 * product + stem).clamp_min(0.0), stem, estimate, stem, whole)


def si_sdr(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Minus the scale-invariant SDR in dB: what of the estimate lies along the stem, over the rest (document 000, SI-SNR).

    A net trained by this alone gives every stem a level of its own choice, and shares compare levels; see snr.
    """
    estimate, stem, product, whole = _powers(net, mixture, stems)
    along = product.square() / (stem + TINY)
    return _error_over_signal_db((estimate - along).clamp_min(0.0), along, estimate, stem, whole)


RESOLUTIONS = (512, 1024, 2048)  # samples of a window; hops are a quarter


def mrstft(net: Any, mixture: Tensor, stems: Tensor) -> Tensor:
    """Errors of magnitudes at several resolutions (R. Yamamoto, E. Song, J.-M. Kim, Parallel WaveGAN, ICASSP 2020), plus wave-l1.

    Their spectral convergence ||(|S| - |S^|)|| / ||S||, and the mean error of magnitudes where they take logarithms, both relative
    to the mixture because stems rest; the wave term holds the phase, which magnitudes leave open.
    """
    estimate = net(mixture).float()
    total = (estimate - stems).abs().mean() / (mixture.abs().mean() + TINY)
    for n_fft in RESOLUTIONS:
        window = torch.hann_window(n_fft, device=mixture.device)
        found, true, heard = (_magnitude(x, n_fft, window) for x in (estimate, stems, mixture))
        difference = found - true
        total = total + difference.square().mean().add(TINY).sqrt() / (heard.square().mean().sqrt() + TINY) / len(RESOLUTIONS)
        total = total + difference.abs().mean() / (heard.mean() + TINY) / len(RESOLUTIONS)
    return total


def _magnitude(samples: Tensor, n_fft: int, window: Tensor) -> Tensor:
    flat = samples.flatten(0, -2)
    spectrum = torch.stft(flat, n_fft, n_fft // 4, window=window, center=True, pad_mode="constant", return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + TINY).sqrt()  # abs() has no gradient at zero


def _is_heard(magnitude: Tensor) -> Tensor:
    return magnitude > QUIET * magnitude.amax(dim=(1, 2, 3), keepdim=True)


def _mean_where(error: Tensor, is_counted: Tensor) -> Tensor:
    return (error * is_counted).sum() / is_counted.sum().clamp_min(1)


CRITERIA: dict[str, Criterion] = {
    "mse": mse,
    "l1": l1,
    "log-mse": log_mse,
    "mask-mse": mask_mse,
    "tpsa": tpsa,
    "tpsa-l2": tpsa_l2,
    "nll": nll,
    "deep-clustering": deep_clustering,
    "wave-l1": wave_l1,
    "wave-mse": wave_mse,
    "stages-mse": stages_mse,
    "snr": snr,
    "si-sdr": si_sdr,
    "mrstft": mrstft,
}
OF_SOUND = ("wave-l1", "wave-mse", "stages-mse", "snr", "si-sdr", "mrstft")  # of samples; the others are of spectra
NEEDS = {"mask-mse": "masks", "nll": "logits", "deep-clustering": "embed", "stages-mse": "stages"}  # what a net must have


def check(name: str, net: Any) -> None:
    """Raise BadInputError where this net cannot be trained by the criterion of this name."""
    makes_sound = isinstance(net, WaveformNet)
    fit = [n for n in CRITERIA if (n in OF_SOUND) == makes_sound and hasattr(net, NEEDS.get(n, "forward"))]
    if name not in fit:
        kind = "makes sound" if makes_sound else "makes spectra"
        raise BadInputError(f"{type(net).__name__} {kind} and cannot be trained by {name!r}; choose one of {', '.join(fit)}.")
