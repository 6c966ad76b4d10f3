"""Small stand-ins for tests: a recording in memory, a method whose masks are known, signals that are awkward on purpose."""

import dataclasses
import hashlib

import numpy as np

from engine.audio import ArrayMixture
from engine.stft import n_fft_for
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32, Array, MaskGrid, MethodInfo, SampleType

SAMPLE_TYPES = (SampleType(False, 8), INT16, INT24, INT32, FLOAT32, FLOAT64)
RATES_HZ = (8000, 22050, 44100, 48000, 96000, 192000)
SIGNALS = ("noise", "silence", "square", "dc", "loud", "denormal", "impulse")


def signal(kind: str, n_channels: int, n_samples: int, sample_type: SampleType, seed: int = 0) -> Array:
    """A test signal (channel, sample) in the sample type's dtype."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n_channels, n_samples))
    if kind == "noise":
        x = rng.uniform(-0.5, 0.5, x.shape)
    elif kind == "square":
        x[:] = np.where(np.arange(n_samples) // 50 % 2, 1.0, -1.0)
    elif kind == "dc":
        x[:] = 0.7
    elif kind == "loud":
        x = rng.uniform(-1e6, 1e6, x.shape) if sample_type.is_float else rng.uniform(-1, 1, x.shape)
    elif kind == "denormal":
        x = rng.uniform(-1, 1, x.shape) * (1e-40 if sample_type.is_float else 2.0 / sample_type.full_scale)
    elif kind == "impulse":
        x[:, n_samples // 2] = 1.0
    if sample_type.is_float:
        return x.astype(sample_type.dtype)
    top = sample_type.full_scale
    return np.clip(np.rint(x * top), -top, top - 1).astype(sample_type.dtype)


def recording(kind: str = "noise", rate_hz: int = 44100, n_channels: int = 2, n_samples: int = 20000,
              sample_type: SampleType = INT16, seed: int = 0) -> ArrayMixture:
    """A recording in memory."""
    return ArrayMixture(signal(kind, n_channels, n_samples, sample_type, seed), rate_hz, sample_type)


@dataclasses.dataclass(frozen=True)
class Toy:
    """A method whose shares are arbitrary but fixed by the sound: hashed noise, some of it sharp, some of it unnormalised."""

    info: MethodInfo = MethodInfo("toy", "Toy", "test", ("vocals", "drums", "bass", "other"), "For tests.", "none")
    settings: dict[str, float | int | str] = dataclasses.field(default_factory=dict)
    context_s: float = 0.1
    look_rate_hz: int | None = None
    n_frames: int = 40

    def grid(self, rate_hz: int) -> MaskGrid:
        rate_hz = self.look_rate_hz or rate_hz
        n_fft = n_fft_for(rate_hz)
        n_rows = n_fft // 2 + 1 if self.look_rate_hz is None else 100
        return MaskGrid(rate_hz, n_fft // 4, tuple(np.linspace(0, rate_hz / 2, n_rows)), self.n_frames)

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(samples)).digest()[:8], "big")
        rng = np.random.default_rng(seed)
        shares = rng.random((len(self.info.stems), 1, len(grid.freqs_hz), n_frames)) ** 3
        shares[0, :, :, ::7] = 0.0
        shares[1:, :, ::5] = 0.0  # cells with one owner
        shares[:, :, ::11, ::3] = 0.0  # cells that nobody claims
        return np.asarray(shares * 10.0 ** rng.uniform(-30, 30))
