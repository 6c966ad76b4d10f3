"""Changes that make one recording many: speed, gain, width, equaliser, reverb, doubling, drive, tighter kicks, absent stems.

Every function takes and returns float32 (channel=2, sample) and draws only from the generator it is given.
"""

import numpy as np
import scipy.fft
import soxr
from scipy import signal

from engine.training.data import RATE_HZ, ROLES, Corpus
from engine.training.stretch import HOP, bent, stretched
from engine.training.voices import another_singer


def resampled(samples: np.ndarray, factor: float) -> np.ndarray:
    """Played `factor` times as fast (pitch and formants move along), by cubic interpolation: shorter by 1/factor."""
    return np.asarray(soxr.resample(samples.T, factor * RATE_HZ, RATE_HZ, quality="QQ").T)


def width(samples: np.ndarray, amount: float) -> np.ndarray:
    """Side signal times `amount`: 0 mono, 1 unchanged."""
    mid, side = 0.5 * (samples[0] + samples[1]), 0.5 * amount * (samples[0] - samples[1])
    return np.stack([mid + side, mid - side])


def panned(samples: np.ndarray, position: float) -> np.ndarray:
    """Balanced towards one side: -1 left only, 0 unchanged, 1 right only."""
    return samples * np.array([[min(1.0, 1.0 - position)], [min(1.0, 1.0 + position)]], dtype=np.float32)


def filtered(samples: np.ndarray, rng: np.random.Generator, tilt_db: float, peaks: int, reverb_s: float) -> np.ndarray:
    """An equaliser (tilt and random bells) and, where reverb_s > 0, a room: one pass through the frequency domain.

    The room is noise under an exponential decay with a little pre-delay, different in each channel.
    """
    n = scipy.fft.next_fast_len(samples.shape[1] + int(reverb_s * RATE_HZ), real=True)
    spectrum = scipy.fft.rfft(samples, n, axis=1)
    octave = np.log2(np.maximum(scipy.fft.rfftfreq(n, 1 / RATE_HZ), 20.0) / 1000.0).astype(np.float32)
    gain_db = tilt_db * octave / 4
    for _ in range(peaks):
        centre, bell_width = rng.uniform(-4, 4), rng.uniform(0.3, 1.5)
        gain_db = gain_db + rng.uniform(-9, 6) * np.exp(-0.5 * np.square((octave - centre) / bell_width))
    spectrum *= 10 ** (gain_db / 20)
    if reverb_s > 0:
        length = int(reverb_s * RATE_HZ)
        decay = np.exp(-6.9 * np.arange(length) / length).astype(np.float32)
        tail = rng.standard_normal((2, length), dtype=np.float32) * decay
        tail[:, : int(rng.uniform(0, 0.02) * RATE_HZ)] = 0
        tail *= rng.uniform(0.1, 0.7) / np.sqrt(np.sum(np.square(tail), axis=1, keepdims=True) + 1e-9)
        tail[:, 0] += 1.0
        spectrum *= scipy.fft.rfft(tail, n, axis=1)
    return scipy.fft.irfft(spectrum, n, axis=1)[:, : samples.shape[1]].astype(np.float32)


def doubled(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A second, detuned and late take of the same part added off centre, as singers double a chorus."""
    late = int(rng.uniform(0.008, 0.035) * RATE_HZ)
    take = resampled(samples, 1.0 + rng.uniform(-0.006, 0.006))[:, : samples.shape[1] - late]
    out = samples.copy()
    out[:, late : late + take.shape[1]] += rng.uniform(0.3, 0.9) * panned(take, rng.uniform(-1, 1))
    return out


def driven(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft saturation as of a tube or tape, level kept."""
    drive = rng.uniform(1.0, 6.0) / (np.max(np.abs(samples)) + 1e-6)
    return (np.tanh(samples * drive) / drive).astype(np.float32)


def tightened(samples: np.ndarray, amount: float, below_hz: float = 120.0) -> np.ndarray:
    """What lies below below_hz dies away faster after each stroke, as behind a gate (which a soft stroke passes softer still).

    The kits of drum machines ring for half a second at 50 Hz; a network that heard too many took plucked sub-basses for drums.
    """
    low = signal.sosfiltfilt(signal.butter(2, below_hz, fs=RATE_HZ, output="sos"), samples, axis=1).astype(np.float32)
    middle = low.mean(axis=0)
    now, before = _envelope(middle, 0.03), _envelope(middle, 2.0)
    return samples + low * ((now / (before + 1e-6)) ** amount - 1.0).astype(np.float32)


def varied(samples: np.ndarray, role: str, rng: np.random.Generator) -> np.ndarray:
    """One stem with a random selection of the changes above; the same length."""
    if role == "vocals" and rng.random() < 0.12:
        samples = bent(samples, rng)
    if rng.random() < 0.3:
        samples = width(samples, rng.choice([0.0, rng.uniform(0.2, 1.5)]))
    if rng.random() < 0.3:
        samples = panned(samples, rng.uniform(-0.7, 0.7) * (0.4 if role in ("bass", "vocals") else 1.0))
    if role in ("vocals", "other") and rng.random() < 0.15:
        samples = doubled(samples, rng)
    if role == "drums" and rng.random() < 0.7:
        samples = tightened(samples, rng.uniform(1.0, 6.0))
    if rng.random() < (0.05 if role == "vocals" else 0.16):
        samples = driven(samples, rng)
    reverb_s = rng.uniform(0.2, 2.0) if rng.random() < (0.4 if role == "vocals" else 0.15) else 0.0
    if reverb_s or rng.random() < 0.5:
        samples = filtered(samples, rng, rng.uniform(-6, 6), int(rng.integers(0, 4)), reverb_s)
    return samples[::-1] if rng.random() < 0.5 else samples


def mastered(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a mix bus does to stems (stem, channel, sample) in the order of ROLES: ducking, compression, limiting, clipping, a low-pass.

    Every one is a gain over time (or a filter) that each stem gets alike, so the stems still add up to the mix: a clipped sample is a
    gain below one at that sample. Only ducking is for some: the drums ask for it, bass and other (perhaps vocals) get it.
    """
    if rng.random() < 0.12:  # the kick pushes everything else down, as in dance music
        key = _envelope(stems[1].mean(axis=0), 0.12)
        gain = 1.0 - rng.uniform(0.3, 0.9) * np.minimum(1.0, key / (np.max(key) + 1e-6))
        stems = stems.copy()
        stems[[0, 2, 3] if rng.random() < 0.3 else [2, 3]] *= gain.astype(np.float32)
    mix = stems.sum(axis=0)
    peak = float(np.max(np.abs(mix))) + 1e-9
    if rng.random() < 0.3:  # compression or limiting
        level = _envelope(np.max(np.abs(mix), axis=0), rng.uniform(0.02, 0.3))
        over = np.maximum(level / (np.max(level) * 10 ** (-rng.uniform(3, 15) / 20) + 1e-9), 1.0)
        stems = stems * (over ** -rng.uniform(0.3, 1.0)).astype(np.float32)
    elif rng.random() < 0.12:  # clipped
        top = peak * 10 ** (-rng.uniform(1, 8) / 20)
        stems = stems * np.minimum(1.0, top / np.maximum(np.abs(mix), 1e-9)).astype(np.float32)
    if rng.random() < 0.15:  # from a lossy or an old source
        n = scipy.fft.next_fast_len(stems.shape[-1], real=True)
        freqs = scipy.fft.rfftfreq(n, 1 / RATE_HZ)
        low_pass = 1.0 / (1.0 + (freqs / rng.uniform(7000, 17000)) ** rng.choice([4, 24]))
        stems = scipy.fft.irfft(scipy.fft.rfft(stems, n, axis=-1) * low_pass.astype(np.float32), n, axis=-1)[..., : stems.shape[-1]]
    return stems.astype(np.float32)


def _envelope(sound: np.ndarray, release_s: float) -> np.ndarray:
    """Peak level that falls with the release time: (sample,) -> (sample,), in steps of 256 samples joined by lines."""
    n = len(sound)
    blocks = np.max(np.abs(np.pad(sound, (0, -n % 256))).reshape(-1, 256), axis=1)
    keep, level = float(np.exp(-256 / (release_s * RATE_HZ))), 0.0
    for i, value in enumerate(blocks.tolist()):
        level = max(value, level * keep)
        blocks[i] = level
    return np.interp(np.arange(n), np.arange(len(blocks)) * 256 + 128, blocks)


GAIN_DB = {"vocals": (-2.0, 4.5), "drums": (-2.0, 4.5), "bass": (-2.5, 4.5), "other": (-1.5, 5.0)}  # mean, deviation


def random_mix(
    corpus: Corpus, rng: np.random.Generator, n_samples: int, song_share: float = 0.25, other_singers: float = 0.0
) -> np.ndarray:
    """The four stems of one training mix, shape (stem=4, channel=2, sample), at about -20 dB RMS for the sum.

    song_share of the mixes are a true stretch of one song (its balance kept within a few dB, all stems played at one
    speed); the rest combine stems from anywhere at random levels, other_singers of their vocals changed to pass for another
    singer's. Some stems are left out.
    """
    factor = 2.0 ** (rng.uniform(-3, 3) / 12) if rng.random() < 0.5 else 1.0
    need = int(n_samples * factor) + 8
    out = np.zeros((len(ROLES), 2, n_samples), dtype=np.float32)
    from_song = rng.random() < song_share and bool(corpus.songs or corpus.made_songs)
    song = corpus.random_song(rng, need) if from_song else {}
    for i, role in enumerate(ROLES):
        if rng.random() < (0.04 if from_song else 0.1):
            continue
        if from_song:
            if role not in song:
                continue
            part = resampled(song[role], factor)[:, :n_samples] if factor != 1.0 else song[role][:, :n_samples]
            part = part * 10 ** (rng.normal(0, 2.5) / 20)
            out[i] = filtered(part, rng, rng.uniform(-3, 3), 2, 0.0) if rng.random() < 0.3 else part
            continue
        own = 2.0 ** (rng.uniform(-5, 5) / 12) if rng.random() < 0.6 else 1.0
        part = corpus.random_stem(rng, role, int(n_samples * own) + 8)
        if role == "vocals" and rng.random() < 0.15:  # a second singer
            part = part + rng.uniform(0.3, 1.0) * corpus.random_stem(rng, role, part.shape[1])
        if role == "other" and rng.random() < 0.35:  # a denser accompaniment
            part = part + rng.uniform(0.4, 1.2) * corpus.random_stem(rng, role, part.shape[1])
        part = resampled(part, own)[:, :n_samples] if own != 1.0 else part[:, :n_samples]
        if role in ("vocals", "other") and rng.random() < 0.1:  # held longer or hurried, at the same pitch
            speed = rng.uniform(0.55, 1.25)
            part = stretched(part[:, : int(n_samples * speed) + HOP], speed)[:, :n_samples]
            part = np.pad(part, ((0, 0), (0, n_samples - part.shape[1])))
        if role == "vocals" and other_singers > 0.0 and rng.random() < other_singers:
            part = another_singer(part, rng)
        part = varied(part, role, rng)
        rms = np.sqrt(np.mean(np.square(part)))
        if rms > 1e-4:
            out[i] = part / rms * 0.08 * 10 ** (rng.normal(*GAIN_DB[role]) / 20)
    if from_song and rng.random() < 0.5:
        out = out[:, ::-1]
    chance = rng.random()
    if chance < 0.15:
        out = np.repeat(out.mean(axis=1, keepdims=True), 2, axis=1)  # a mono recording
    elif chance < 0.3:
        out = np.stack([width(part, rng.uniform(0.1, 0.6)) for part in out])  # or a narrow one: where a stem stands says little
    return np.ascontiguousarray(mastered(out, rng))
