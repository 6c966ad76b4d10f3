"""Changes that make one singer many: throats of other sizes, breath, harmonies, and singing turned into something like talk.

Every function takes and returns float32 (channel=2, sample) of the same length and draws only from the generator it is given.
A spectral envelope is the exponential of the low part of the cepstrum (A. V. Oppenheim, "Speech analysis-synthesis system based
on homomorphic filtering", JASA 45, 1969); it is taken from the mid signal and serves both channels, so the stereo image stays.
"""

import numpy as np
import scipy.fft
import soxr

from engine.training.data import RATE_HZ
from engine.training.stretch import stretched, swayed

N_FFT, HOP = 2048, 512
LIFTER_S = 0.0012  # what returns sooner in the cepstrum is the throat, later the pitch: of voices below 800 Hz
MOST_DB = 15.0  # of an envelope's change in a bin: where there is next to no voice there is noise to be raised

AS_LOUD = np.sqrt(2.0) * 10 ** (2.5 / 20)  # windows cost drawn spectra half their power, and the mean logarithm of noise lies 2.5 dB low

INTERVALS = (-12, -5, -4, -3, 3, 4, 5, 7, 12)  # semitones of a second voice


def spectra(samples: np.ndarray) -> np.ndarray:
    """(channel, sample) -> complex64 (channel, frame, bin); `samples_of` turns it back."""
    padded = np.pad(samples, ((0, 0), (N_FFT, N_FFT)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)[:, ::HOP]
    return np.asarray(scipy.fft.rfft(frames * _WINDOW, axis=-1))


def samples_of(bins: np.ndarray, n_samples: int) -> np.ndarray:
    """Overlap-add of `spectra`: complex (channel, frame, bin) -> float32 (channel, n_samples)."""
    pieces = scipy.fft.irfft(bins, N_FFT, axis=-1) * _WINDOW
    out = np.zeros((len(bins), bins.shape[1] * HOP + N_FFT), dtype=np.float32)
    for k in range(N_FFT // HOP):  # frames that do not overlap are added in one go
        own = pieces[:, k :: N_FFT // HOP]
        out[:, k * HOP : k * HOP + own.shape[1] * N_FFT] += own.reshape(len(bins), -1)
    return out[:, N_FFT : N_FFT + n_samples] * np.float32(1 / 1.5)  # squared Hann windows at a quarter of their length add up to 1.5


_WINDOW = np.hanning(N_FFT + 1)[:-1].astype(np.float32)


def log_envelope(bins: np.ndarray) -> np.ndarray:
    """Natural logarithm of the magnitude's envelope of the mid: complex (channel, frame, bin) -> float32 (frame, bin)."""
    log_magnitude = np.log(np.abs(bins.mean(axis=0)) + 1e-5)
    cepstrum = scipy.fft.irfft(log_magnitude, N_FFT, axis=-1)
    keep = int(LIFTER_S * RATE_HZ)
    cepstrum[:, keep : N_FFT - keep + 1] = 0.0
    return np.asarray(scipy.fft.rfft(cepstrum, axis=-1).real, dtype=np.float32)


def throat(samples: np.ndarray, ratio: float) -> np.ndarray:
    """Formants at `ratio` times their frequencies (1.15: a smaller throat), the pitch as it was."""
    bins = spectra(samples)
    envelope = log_envelope(bins)
    where = np.minimum(np.arange(envelope.shape[1]) / ratio, envelope.shape[1] - 1.001)
    low, part = where.astype(int), (where % 1.0).astype(np.float32)
    moved = envelope[:, low] * (1.0 - part) + envelope[:, low + 1] * part
    most = MOST_DB * np.log(10.0) / 20.0
    return samples_of(bins * np.exp(np.clip(moved - envelope, -most, most)), samples.shape[1])


def breath(samples: np.ndarray, rng: np.random.Generator, level_db: float) -> np.ndarray:
    """With noise in the voice's own envelope, level_db to the voice above 2 kHz and less below, as air past half-closed folds."""
    bins = spectra(samples)
    envelope = np.exp(log_envelope(bins))
    hz = np.arange(envelope.shape[1]) * RATE_HZ / N_FFT
    noise = rng.standard_normal((2, *envelope.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    noise *= envelope * (AS_LOUD * 10 ** (level_db / 20) * hz / np.hypot(hz, 2000.0)).astype(np.float32)
    return samples + samples_of(noise, samples.shape[1])


def pitched(samples: np.ndarray, semitones: float) -> np.ndarray:
    """Higher by so many semitones at the same speed; the throat moves along."""
    factor = 2.0 ** (semitones / 12)
    slow = stretched(samples, 1.0 / factor)
    out = np.asarray(soxr.resample(slow.T, factor * RATE_HZ, RATE_HZ, quality="QQ").T)[:, : samples.shape[1]]
    return np.pad(out, ((0, 0), (0, samples.shape[1] - out.shape[1])))


def harmony(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With one or two softer voices at an interval, a little late, each at a place of its own between the speakers."""
    out = samples.copy()
    for interval in rng.choice(INTERVALS, size=int(rng.integers(1, 3)), replace=False):
        late = int(rng.uniform(0.0, 0.03) * RATE_HZ)
        second = throat(pitched(samples, float(interval)), 2.0 ** (-float(interval) / 24))  # half the way back to the singer's own
        place = rng.uniform(-0.8, 0.8)
        sides = np.array([[min(1.0, 1.0 - place)], [min(1.0, 1.0 + place)]], dtype=np.float32)
        out[:, late:] += np.float32(rng.uniform(0.25, 0.8)) * sides * second[:, : samples.shape[1] - late]
    return out


def talk(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hurried and with a pitch that glides all the time instead of standing on notes; what is left at the end is silence."""
    quick = stretched(samples, rng.uniform(1.2, 1.7))
    for rate_hz in (rng.uniform(0.3, 0.8), rng.uniform(1.5, 3.0)):  # a sentence's melody and its accents
        quick = swayed(quick, rate_hz, rng.uniform(1.0, 4.0), rng.uniform(0, 2 * np.pi))
    return np.pad(quick, ((0, 0), (0, samples.shape[1] - quick.shape[1])))


def another_singer(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random selection of the changes above: nearly always another throat."""
    chance = rng.random()
    if chance < 0.15:
        samples = talk(samples, rng)
    elif chance < 0.35:
        samples = harmony(samples, rng)
    if rng.random() < 0.8:
        samples = throat(samples, 2.0 ** (rng.uniform(-4, 4) / 12))
    if rng.random() < 0.25:
        samples = breath(samples, rng, rng.uniform(-18, 3))
    return samples
