"""The method around any research net: a copy is resampled to the net's rate, heard by the net, and its estimates become shares.

    samples -> level -> |STFT| -> spectrogram net -> estimated magnitudes ---------------> shares = estimates / their sum
                    '--------------> waveform net -> estimated samples -> |STFT| ---------'

Level: the stretch is scaled to an RMS of 0.1 before the net hears it, so masks do not depend on how loud the file is. A mono
net hears the mean of the channels and gives one mask for all of them. A stereo net gives a mask for either channel of a
stereo recording; of other channel counts it hears what the built-in network hears (mono twice; the means of the odd and of
the even channels), and its two masks become one.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft

from engine.errors import MethodError, WeightsError
from engine.methods.research import INFOS
from engine.nets.look import STEMS, Look
from engine.types import Array, MaskGrid, MethodInfo
from engine.weights import WeightsCard, load_tensors, read_card, zoo_folder

RMS = 0.1  # the level at which nets are trained and used: -20 dB, that of most music
CHUNK_S = 10.24  # as the built-in network: a first picture soon, little spent on context
NOTHING = 1e-20  # estimates that sum to less belong to nobody: a cell of music at RMS 0.1 lies above 1e-6


def train_command(name: str) -> str:
    """What makes the weights of a net where Nullsum looks for them; said from the root of its source tree."""
    return f"python -m engine.training zoo {name} --data DIR --work DIR --weights resources/weights/zoo"


class Network:
    """A research net as a method; torch is imported and the weights are loaded at the first chunk."""

    def __init__(self, name: str, device: str = "auto", folder: Path | None = None) -> None:
        folder = folder or zoo_folder()
        if not is_installed(name, folder):
            raise WeightsError(
                f"The network '{name}' has no weights yet ({name}.json and {name}.safetensors are not both in {folder}); "
                f"train it with `{train_command(name)}`."
            )
        self._card = read_card(name, folder)
        self._look = _look(self._card)
        self._device_name = device
        self._net: Any = None
        self.info: MethodInfo = replace(INFOS[name], weights_sha256=self._card.sha256)
        self.look_rate_hz: int | None = self._look.rate_hz
        self.context_s = self._look.context_s

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Precision and device class: masks may differ in their last bits between them."""
        from engine.device import choose

        return {"precision": "float32", "device": choose(self._device_name).kind}

    def grid(self, rate_hz: int) -> MaskGrid:
        """Every bin of the net's spectrum, the same for every rate."""
        look = self._look
        freqs_hz = tuple(np.fft.rfftfreq(look.n_fft, 1.0 / look.rate_hz).tolist())
        return MaskGrid(look.rate_hz, look.hop, freqs_hz, max(1, round(CHUNK_S * look.rate_hz / look.hop)))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel, sample) float32 at the look rate -> (stem, channel=2 or 1, bin, n_frames); the whole stretch gives the context."""
        heard = at_level(hear(samples, self._look.n_channels))  # (channel=1 or 2, sample)
        n_all = max(first_frame + n_frames, -(-heard.shape[1] // grid.hop))
        estimates = self._magnitudes(heard, n_all)[..., first_frame : first_frame + n_frames]  # (stem, channel, bin, n_frames)
        if samples.shape[0] != heard.shape[0]:
            estimates = estimates.sum(axis=1, keepdims=True)  # one mask for all channels
        return to_shares(estimates)

    def raw_estimates(self, samples: Array) -> Array:
        """What a waveform net itself makes of a stretch, before only its magnitudes are kept: for evaluation, never for a listener.

        (channel, sample) at the look rate -> float32 (stem, channel=1 or 2, sample) at the level of `samples`; one channel where the
        net hears the mono sum. Raises MethodError for a net that gives magnitudes and no sound.
        """
        if not self.makes_sound:
            raise MethodError(f"{self.info.name} gives magnitudes and no sound of its own; there are no raw estimates to compare.")
        plain = hear(samples, self._look.n_channels)
        return np.asarray(self._said(at_level(plain)) * (rms(plain) / RMS), dtype=np.float32)

    @property
    def makes_sound(self) -> bool:
        """Whether this is a waveform net; loads the weights."""
        from engine.nets.contract import WaveformNet

        return isinstance(self._ready()[0], WaveformNet)

    def _magnitudes(self, heard: Array, n_frames: int) -> Array:
        """What the net makes of a stretch (channel, sample): magnitudes of the stems (stem, channel, bin, n_frames)."""
        if self.makes_sound:
            return np.abs(spectrum(self._said(heard), self._look, n_frames))
        return self._said(np.abs(spectrum(heard, self._look, n_frames)))

    def _said(self, seen: Array) -> Array:
        """The net's answer to one input without its batch axis."""
        import torch

        net, device = self._ready()
        with torch.inference_mode():
            answer: Array = net(torch.from_numpy(seen)[None].to(device))[0].float().cpu().numpy()
        return answer

    def _ready(self) -> tuple[Any, str]:
        """The net with its weights, and torch's name of where it runs."""
        import torch

        from engine.device import choose
        from engine.nets import build_net

        device = choose(self._device_name).name
        if self._net is None:
            try:
                net: Any = build_net(self._card.net, self._card.config.get("net_config", {}))
                net.load_state_dict(load_tensors(self._card))
            except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:  # unknown net or field; other shapes
                raise self._foreign(f"{type(e).__name__}") from None
            if net.look != self._look:
                raise self._foreign("it looks at sound in another way")
            self._net = net.eval().to(torch.device(device))
        return self._net, device

    def _foreign(self, why: str) -> WeightsError:
        name = self._card.name
        return WeightsError(
            f"The weights file {self._card.path.name} belongs to another network than this version's {name} ({why}); "
            f"install Nullsum again, or train it anew with `{train_command(name)}`."
        )


def is_installed(name: str, folder: Path | None = None) -> bool:
    """Whether a net's card and numbers lie in the folder; two glances at the disk, no torch."""
    folder = folder or zoo_folder()
    return all((folder / f"{name}{suffix}").is_file() for suffix in (".json", ".safetensors"))


def hear(samples: Array, n_channels: int) -> Array:
    """What a mono or stereo net hears of any channel count: (channel, sample) -> (n_channels, sample) float32."""
    if n_channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), dtype=np.float32)
    if samples.shape[0] == 2:
        return np.asarray(samples, dtype=np.float32)
    odd, even = (samples, samples) if samples.shape[0] == 1 else (samples[0::2], samples[1::2])
    return np.stack([odd.mean(axis=0), even.mean(axis=0)]).astype(np.float32)


def rms(samples: Array) -> float:
    """Root mean square over all channels and samples, in float64: squares of 1e-30 and of 1e+30 fit there."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


def at_level(samples: Array) -> Array:
    """A float32 copy at an RMS of 0.1 over all channels and samples; silence stays silence."""
    level = rms(samples)
    loud = samples.astype(np.float64)
    return np.asarray(loud * (RMS / level) if level > 0.0 else loud, dtype=np.float32)


def analysis_window(look: Look) -> Array:
    """The periodic window of a look, float32 (n_fft,)."""
    cosine = np.cos(2.0 * np.pi * np.arange(look.n_fft) / look.n_fft)
    half = {"hann": 0.5, "hamming": 0.54}[look.window]
    return np.asarray(half - (1.0 - half) * cosine, dtype=np.float32)


def spectrum(samples: Array, look: Look, n_frames: int) -> Array:
    """Float32 STFT with frame i centred on sample i * hop, silence outside: (..., sample) -> complex64 (..., bin, frame)."""
    half = look.n_fft // 2
    need = (n_frames - 1) * look.hop + look.n_fft
    kept = samples[..., : max(0, need - half)]
    padded = np.pad(kept, [(0, 0)] * (samples.ndim - 1) + [(half, need - half - kept.shape[-1])])
    frames = np.lib.stride_tricks.sliding_window_view(padded, look.n_fft, axis=-1)[..., :: look.hop, :]
    return np.asarray(np.swapaxes(scipy.fft.rfft(frames * analysis_window(look), axis=-1, workers=1), -1, -2))


def to_shares(estimates: Array) -> Array:
    """Magnitudes (stem, ...) -> shares that sum to one over the stems, equal where nothing is estimated; NaN counts as nothing."""
    clean = np.nan_to_num(estimates, nan=0.0, posinf=0.0, neginf=0.0)
    np.maximum(clean, 0.0, out=clean)
    total = clean.sum(axis=0, keepdims=True, dtype=np.float64)  # a sum of huge float32 would overflow
    equal = np.full(clean.shape, 1.0 / len(clean), dtype=np.float32)
    return np.asarray(np.divide(clean, total, out=equal, where=total > NOTHING))


def _look(card: WeightsCard) -> Look:
    """How the net of a card looks at sound; WeightsError where the card does not say it or says what cannot be."""
    try:
        look = Look(**card.config["look"])
        whole = (look.rate_hz, look.n_channels, look.n_fft, look.hop)
        if not all(isinstance(n, int) for n in whole) or not (0 < look.hop <= look.n_fft and look.rate_hz > 0 <= float(look.context_s)):
            raise ValueError(look)
        if look.n_channels not in (1, 2) or look.n_fft % 2 or look.window not in ("hann", "hamming"):
            raise ValueError(look)
        if not isinstance(card.config.get("net_config", {}), dict) or tuple(card.config.get("stems", STEMS)) != STEMS:
            raise ValueError(look)
    except (KeyError, TypeError, ValueError):
        raise WeightsError(
            f"The description of the weights '{card.name}' ({card.name}.json) does not say how the network looks at sound; "
            f"install Nullsum again, or train it anew with `{train_command(card.name)}`."
        ) from None
    return look
