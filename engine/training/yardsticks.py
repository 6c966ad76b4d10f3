"""What a trained net is worth on held-out stretches: the same figures for every net of one rate, whatever it was trained by.

loss is criteria.log_mse of the net's estimates, as document 004 prints it. SDR, SIR and SAR (engine.evaluation.images, dB) are of
stems that the net's shares filter out of the mixture, in groups of stretches; a stem counts in a group where it is heard.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.evaluation.images import Images
from engine.evaluation.metrics import energy
from engine.methods.network import analysis_window, to_shares
from engine.nets.contract import Look
from engine.training.criteria import CRITERIA
from engine.types import Array

GROUP = 4  # stretches joined to one recording: a stem that rests in one sounds in another
HEARD_DB = -30.0  # of the mixture's energy: below, a stem's figures are about next to nothing
Estimates = Callable[[Tensor, Tensor], Tensor]  # spectra of the mixture (1, channel, bin, frame) and of its stems -> magnitudes of stems


def spectra(samples: Tensor, look: Look) -> Tensor:
    """Complex spectra, silence outside: (..., sample) -> (..., bin, frame); they can be turned back."""
    window = torch.from_numpy(analysis_window(look))
    flat = samples.reshape(-1, samples.shape[-1])
    out = torch.stft(flat, look.n_fft, look.hop, window=window, center=True, pad_mode="constant", return_complex=True)
    return out.reshape(*samples.shape[:-1], *out.shape[-2:])


def samples_of(spectrum: Tensor, look: Look, n_samples: int) -> Tensor:
    """The way back: (..., bin, frame) -> (..., n_samples)."""
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    out = torch.istft(flat, look.n_fft, look.hop, window=torch.from_numpy(analysis_window(look)), length=n_samples)
    return out.reshape(*spectrum.shape[:-2], n_samples)


@torch.inference_mode()
def of_net(net: Any, stretches: Tensor) -> dict[str, Any]:
    """The figures of a spectrogram net on stretches (stretch, stem, channel, sample)."""
    net.eval()
    losses = []
    for stems in stretches.split(1):
        true = spectra(stems, net.look)
        losses.append(float(CRITERIA["log-mse"](net, true.sum(1), true)))
    found = of_estimates(lambda mixture, _: net(mixture.abs())[0].float(), net.look, stretches)
    return {"loss": float(np.mean(losses)), **found}


@torch.inference_mode()
def of_estimates(estimates: Estimates, look: Look, stretches: Tensor) -> dict[str, Any]:
    """sdr, sir and sar: means in dB; and "units", the same for every group and stem, NaN where a stem is not heard."""
    masked = []
    for stems in stretches.split(1):
        true = spectra(stems, look)  # (1, stem, channel, bin, frame)
        mixture = true.sum(1)  # (1, channel, bin, frame)
        shares = torch.from_numpy(to_shares(estimates(mixture, true).numpy()))  # (stem, channel, bin, frame)
        masked.append(samples_of(shares * mixture, look, stems.shape[-1]).numpy())
    units = units_of(stretches.numpy(), np.stack(masked))
    means = {measure: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for measure, values in units.items()}
    return {**means, "units": {measure: values.tolist() for measure, values in units.items()}}


def units_of(stems: Array, masked: Array) -> dict[str, Array]:
    """SDR, SIR, SAR of true and masked stems (stretch, stem, channel, sample) in groups of GROUP stretches: each (group x stem,)."""
    out: dict[str, list[float]] = {"sdr": [], "sir": [], "sar": []}
    for start in range(0, len(stems), GROUP):
        truth, guess = (np.concatenate(list(x[start : start + GROUP]), axis=-1).astype(np.float64) for x in (stems, masked))
        whole = float(energy(truth.sum(axis=0))) * 10.0 ** (HEARD_DB / 10.0)
        heard = [i for i in range(len(truth)) if float(energy(truth[i])) > whole]
        images = Images(truth[heard]) if heard else None
        for i in range(len(truth)):
            found = images.scores(guess[i], heard.index(i)) if images and i in heard else {}
            for measure, values in out.items():
                values.append(found.get(measure.upper(), float("nan")))
    return {measure: np.array(values) for measure, values in out.items()}


def ideal_ratio(mixture: Tensor, stems: Tensor) -> Tensor:
    """Document 001, eq. 8: to_shares makes |S_i| / sum_j |S_j| of it."""
    return stems[0].abs()


def ideal_binary(mixture: Tensor, stems: Tensor) -> Tensor:
    """Document 001, eq. 4 and 5: the loudest stem takes the cell; where nothing sounds, the first."""
    magnitude = stems[0].abs()
    return torch.zeros_like(magnitude).scatter_(0, magnitude.argmax(0, keepdim=True), 1.0)


ORACLES: dict[str, Estimates] = {"ibm": ideal_binary, "irm": ideal_ratio}
