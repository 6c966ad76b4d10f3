"""`nullsum-4`: the built-in network. Vocals, drums, bass and other in one pass, shares by softmax.

The network (engine.nets.band_split, after BSRNN) sees 400 bands of a 44.1 kHz copy with their stereo picture.
Trained by us on openly licensed data; the model card lies beside the weights.
"""

from pathlib import Path

import numpy as np
import scipy.fft

from engine.bands import band_centres_hz, band_edges, band_features
from engine.types import Array, MaskGrid, MethodInfo
from engine.weights import fill, read_card

RATE_HZ = 44100
N_FFT = 4096
HOP = 1024
CHUNK_FRAMES = 441  # 10.24 s: a whole number of samples at every common rate, and a first picture within a second
CONTEXT_S = 2.0  # the recurrent layers have settled after about a second

INFO = MethodInfo(
    name="nullsum-4",
    title="Nullsum four stems",
    group="built-in",
    stems=("vocals", "drums", "bass", "other"),
    sentence="Vocals, drums, bass and everything else, by the network that comes with Nullsum.",
    paper="After Y. Luo and J. Yu, Music source separation with band-split RNN, IEEE/ACM TASLP 31, 2023; trained by the Nullsum authors.",
)


class Builtin:
    """The method; torch is imported and the weights are loaded at the first chunk."""

    look_rate_hz: int | None = RATE_HZ
    context_s = CONTEXT_S

    def __init__(self, device: str = "auto", weights: str = "nullsum-4", folder: Path | None = None) -> None:
        import dataclasses

        self._card = read_card(weights, folder)
        self._device_name = device
        self._net: object | None = None
        self.info = dataclasses.replace(INFO, weights_sha256=self._card.sha256)

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Precision and device class: masks may differ in their last bits between them."""
        from engine.device import choose

        return {"precision": "float32", "device": choose(self._device_name).kind}

    def grid(self, rate_hz: int) -> MaskGrid:
        """Bands of the network, the same for every rate."""
        edges = band_edges(N_FFT // 2 + 1)
        freqs = tuple(float(f) for f in band_centres_hz(RATE_HZ, N_FFT, edges))
        return MaskGrid(RATE_HZ, HOP, freqs, CHUNK_FRAMES)

    def _ready(self) -> tuple[object, str]:
        import torch

        from engine.device import choose
        from engine.nets import build_net

        device = choose(self._device_name).name
        if self._net is None:
            net = build_net(self._card.net, self._card.config.get("net_config", {}))
            fill(net, self._card)
            self._net = net.eval().to(torch.device(device))
        return self._net, device

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel, sample) float32 at 44.1 kHz -> (stem, 1, band, n_frames); the whole stretch gives the context."""
        import torch

        net, device = self._ready()
        stereo = _two_channels(samples)
        n_all = max(first_frame + n_frames, -(-stereo.shape[1] // HOP))
        features = torch.from_numpy(band_features(_spectrum(stereo, n_all), band_edges(N_FFT // 2 + 1)))
        with torch.inference_mode():
            logits = net(features[None].to(device))  # type: ignore[operator]  # (1, stem, band, frame)
            shares = logits[0].softmax(0).float().cpu().numpy()
        return np.asarray(shares[:, None, :, first_frame : first_frame + n_frames])


def _two_channels(samples: Array) -> Array:
    """What the stereo network hears of any channel count: mono twice; of more, the mean of the odd and of the even ones."""
    if samples.shape[0] == 1:
        return np.repeat(samples, 2, axis=0)
    return np.stack([samples[0::2].mean(axis=0), samples[1::2].mean(axis=0)]) if samples.shape[0] > 2 else samples


def _spectrum(samples: Array, n_frames: int) -> Array:
    """Float32 STFT with frame i centred on sample i * HOP, zero outside: complex64 (channel, bin, frame)."""
    need = (n_frames - 1) * HOP + N_FFT
    padded = np.pad(samples, ((0, 0), (N_FFT // 2, max(0, need - N_FFT // 2 - samples.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)[:, ::HOP][:, :n_frames]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    return np.asarray(np.swapaxes(scipy.fft.rfft(frames * window, axis=-1), -1, -2))
