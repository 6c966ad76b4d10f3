"""The voice: pulses of the glottis and breath through a moving vocal tract, one spectrum a pulse.

Every glottal period is a pulse with its own spectrum: the glottal formant (an anticausal pole pair), the tilt of the closing
(B. Doval, C. d'Alessandro, N. Henrich, The Spectrum of Glottal Flow Models, 2006) and a cascade of formants as in D. Klatt (Software for a
Cascade/Parallel Formant Synthesizer, 1980), transformed and laid at its exact place in time. So nothing aliases, and pitch, effort and
vowel may change from pulse to pulse. Breath and fricatives are one noise, shaped frame by frame. Control curves run at 400 Hz.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from engine.training.synthesis.score import RATE_HZ

CONTROL_HZ = 400
N_FORMANTS = 5
# Vowels of an average male tract: F1..F3 in Hz (G. Peterson and H. Barney 1952, with neighbours).
VOWELS: dict[str, tuple[float, float, float]] = {
    "i": (280, 2250, 2950), "I": (400, 1950, 2550), "e": (420, 2050, 2600), "E": (550, 1800, 2500), "ae": (670, 1700, 2430),
    "a": (740, 1150, 2480), "A": (690, 1280, 2550), "o": (480, 870, 2450), "O": (580, 880, 2430), "u": (310, 850, 2260),
    "U": (440, 1020, 2250), "3": (490, 1350, 1690), "@": (520, 1450, 2450), "y": (290, 1850, 2250),
}  # fmt: skip
# Voiced consonants as places of the tract: F1..F3, level in dB, widening of the bandwidths.
SONORANTS: dict[str, tuple[float, float, float, float, float]] = {
    "m": (260, 1050, 2200, -11, 2.2), "n": (270, 1450, 2450, -11, 2.0), "ng": (280, 1950, 2500, -12, 2.2), "l": (350, 1150, 2650, -6, 1.3),
    "r": (380, 1200, 1650, -5, 1.2), "w": (320, 680, 2250, -6, 1.2), "j": (270, 2200, 2950, -6, 1.2),
    "b": (220, 800, 2200, -24, 3.0), "d": (220, 1700, 2600, -24, 3.0), "g": (220, 1900, 2300, -24, 3.0),
}  # fmt: skip
# Noises: centre in Hz, width in octaves, level in dB, voiced at the same time.
NOISES: dict[str, tuple[float, float, float, bool]] = {
    "s": (7200, 0.55, -3, False), "sh": (3600, 0.65, -3, False), "f": (7000, 1.8, -15, False), "th": (6500, 1.6, -18, False),
    "z": (7000, 0.55, -9, True), "v": (6000, 1.8, -19, True), "p": (1200, 1.8, -9, False), "t": (4800, 0.9, -3, False),
    "k": (2100, 0.7, -4, False), "ch": (3900, 0.7, -2, False),
}  # fmt: skip
NOISE_NAMES = tuple(NOISES)


@dataclass(frozen=True)
class Singer:
    """A person: tract length (scale of formants), higher formants, bandwidths, and the habits of the larynx."""

    tract: float  # 1 male, about 1.17 female, 1.3 child
    upper: tuple[float, ...]  # F4 and above, in Hz
    widths: tuple[float, ...]  # bandwidths of F1..F5
    ring: float  # how far F3..F5 draw together (the singer's formant)
    tilt_hz: float  # corner of the tilt at medium effort
    open_share: float  # open quotient
    breath: float  # amplitude of aspiration
    jitter: float
    shimmer: float
    rasp: float  # share of alternation from pulse to pulse
    dullness: float  # decline of the tract above 4.5 kHz, as a power of the frequency
    sibilance: float  # scale of the noises' centre


def random_singer(rng: np.random.Generator, high: bool) -> Singer:
    """Somebody else: high voices (women, children) have shorter tracts."""
    tract = rng.uniform(1.1, 1.26) if high else rng.uniform(0.94, 1.08)
    quality = rng.choice(["plain", "breathy", "raspy", "bright"], p=[0.45, 0.2, 0.15, 0.2])
    f4 = rng.uniform(3200, 3700)
    upper = [f4, f4 + rng.uniform(600, 1100)]
    while upper[-1] < 15500:
        upper.append(upper[-1] + rng.uniform(850, 1350))
    return Singer(
        tract=tract,
        upper=tuple(u * tract for u in upper),
        widths=tuple(w * rng.uniform(0.8, 1.6) for w in (70, 90, 130, 180, 250)),
        ring=rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0,
        tilt_hz=np.exp(rng.uniform(np.log(600), np.log(2200))) * {"breathy": 0.5, "bright": 1.8}.get(str(quality), 1.0),
        open_share=rng.uniform(0.45, 0.65) + (0.2 if quality == "breathy" else 0),
        breath=rng.uniform(0.004, 0.02) * {"breathy": 4.0, "raspy": 2.0}.get(str(quality), 1.0),
        jitter=rng.uniform(0.0001, 0.0008) * (4 if quality == "raspy" else 1),
        shimmer=rng.uniform(0.01, 0.05) * (3 if quality == "raspy" else 1),
        rasp=rng.uniform(0.1, 0.45) if quality == "raspy" else 0.0,
        dullness=rng.uniform(0.0, 1.8),
        sibilance=rng.uniform(0.85, 1.15),
    )


@dataclass
class Gesture:
    """Control curves of a performance, one value every 1/400 s: what the throat and mouth do."""

    f0_hz: np.ndarray  # (frame,)
    voicing: np.ndarray  # (frame,) amplitude of the pulses
    effort: np.ndarray  # (frame,) 0 soft .. 1 belted
    breath: np.ndarray  # (frame,) amplitude of aspiration, times the singer's own while voiced
    formants_hz: np.ndarray  # (frame, 3)
    widening: np.ndarray  # (frame,)
    noise: np.ndarray  # (frame, noise of NOISE_NAMES) amplitudes


def _places(singer: Singer, gesture: Gesture, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Formants and bandwidths in Hz (place, formant=5) at control frames `at` (fractions allowed)."""
    frames = np.arange(len(gesture.f0_hz))
    low = np.stack([np.interp(at, frames, gesture.formants_hz[:, i]) for i in range(3)], axis=1) * singer.tract
    f0 = np.interp(at, frames, gesture.f0_hz)
    low[:, 0] = np.maximum(low[:, 0], 1.02 * f0)  # high notes raise the first formant with them
    low[:, 1] = np.maximum(low[:, 1], low[:, 0] + 180)
    centre = 2950 * singer.tract**0.6
    f3 = low[:, 2] + singer.ring * 0.4 * (centre - low[:, 2])
    f4 = singer.upper[0] + singer.ring * (centre * 1.1 - singer.upper[0])
    f5 = singer.upper[1] + singer.ring * 0.8 * (centre * 1.25 - singer.upper[1])
    places = np.stack([low[:, 0], low[:, 1], np.maximum(f3, low[:, 1] + 200), np.full(len(at), f4), np.full(len(at), f5)], axis=1)
    widen = np.interp(at, frames, gesture.widening)[:, None]
    return places, np.array(singer.widths) * widen * (0.75 + 0.25 * places / np.array([500, 1500, 2500, 3500, 4500]))


def _tract(f: np.ndarray, places: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Response (place, bin) of a cascade of resonances, 1 at 0 Hz."""
    f2 = (f * f).astype(np.float32)
    h = np.ones((len(places), len(f)), dtype=np.complex64)
    for i in range(places.shape[1]):
        p = places[:, i : i + 1].astype(np.float32)
        below = np.empty_like(h)
        below.real = 1 - f2 / (p * p)
        below.imag = f.astype(np.float32) * (widths[:, i : i + 1].astype(np.float32) / (p * p))
        h *= below
    return 1 / h


def _upper_tract(f: np.ndarray, singer: Singer) -> np.ndarray:
    """Response (bin,) of the formants above the fifth, which stand still: without them no voice has air.

    Every pole takes 12 dB an octave away above itself, which the endless row of poles above it would give back (G. Fant's higher-pole
    correction); here the whole tract at rest is measured, and its smoothed decline above 4.5 kHz is replaced by the singer's own.
    """
    h = np.ones(len(f), dtype=np.complex128)
    for hz in singer.upper[2:]:
        h /= 1 - (f / hz) ** 2 + 1j * f * (0.12 * hz) / hz**2
    rest = np.array([[500.0, 1500.0, 2500.0]]) * singer.tract
    places = np.concatenate([rest, [singer.upper[:2]]], axis=1)
    level = np.log(np.abs(_tract(f, places, np.full((1, N_FORMANTS), 150.0))[0] * h))
    smooth = ndimage.uniform_filter1d(level, max(3, int(2000 / (f[2] - f[1]))), mode="nearest")
    corner = int(np.searchsorted(f, 4500.0))
    wanted = smooth[corner] - singer.dullness * np.log(f / 4500.0)
    return h * np.exp(np.where(f > 4500.0, wanted - smooth, 0.0))


def pulses(rng: np.random.Generator, singer: Singer, gesture: Gesture, n_samples: int) -> np.ndarray:
    """The voiced sound (sample,): one pulse a period, each through the tract of its moment."""
    n_fft, lead = 2048, 768
    frames = np.arange(len(gesture.f0_hz))
    wobble = np.exp(np.interp(frames, frames[::4], rng.normal(0, singer.jitter, len(frames[::4]))))
    cycles = np.concatenate([[0.0], np.cumsum(gesture.f0_hz[:-1] * wobble[:-1] / CONTROL_HZ)])
    at = np.interp(np.arange(1, int(cycles[-1])), cycles, frames)
    rough = 0.5 + np.abs(np.interp(at, frames[::80], rng.normal(0, 0.8, len(frames[::80]))))  # it comes and goes
    at = at + rough * rng.normal(0, singer.jitter, len(at)) * CONTROL_HZ / np.interp(at, frames, gesture.f0_hz)
    level = np.interp(at, frames, gesture.voicing)
    odd = np.where(np.arange(len(at)) % 2, 1 - singer.rasp, 1.0)
    effort = np.interp(at, frames, gesture.effort)
    level = level * np.exp(rng.normal(0, singer.shimmer, len(at))) * (1 - (1 - odd) * (effort > 0.55))
    keep = level > 1e-4
    at, level, effort = at[keep], level[keep], effort[keep]
    f = np.arange(n_fft // 2 + 1) * (RATE_HZ / n_fft)
    f[0] = 1.0
    f0 = np.interp(at, frames, gesture.f0_hz)
    fixed = _upper_tract(f, singer)
    fixed = fixed / (1 + (30 / f) ** 2) * np.where(f > 19000, 0, 1)
    out = np.zeros(n_samples + 2 * n_fft)
    fade = np.ones(n_fft, dtype=np.float32)
    fade[:128] = np.linspace(0, 1, 128)
    fade[-256:] = np.linspace(1, 0, 256)
    for start in range(0, len(at), 256):
        a = at[start : start + 256]
        places, widths = _places(singer, gesture, a)
        spectrum = _tract(f, places, widths)
        e, pitch = effort[start : start + 256, None], f0[start : start + 256, None]
        glottal = pitch * (0.66 / (singer.open_share * (1.15 - 0.3 * e)))
        corner = singer.tilt_hz * 2 ** (2.6 * (e - 0.5)) + pitch
        source = 1j * f * glottal / (glottal**2 - f * f - 1j * f * glottal * 0.7) / (1 + 1j * f / corner)
        position = a / CONTROL_HZ * RATE_HZ
        whole = np.floor(position).astype(int)
        shift = (position - whole)[:, None] + lead
        spectrum *= (source * fixed).astype(np.complex64)
        spectrum *= np.exp((-2j * np.pi / RATE_HZ) * f * shift).astype(np.complex64)
        waves = fft.irfft(spectrum, n_fft, axis=1) * (fade * level[start : start + 256, None])
        for wave, i in zip(waves, whole.tolist(), strict=True):
            if 0 <= i < n_samples:
                out[i : i + n_fft] += wave
    return out[lead : lead + n_samples]


def breath_and_noise(rng: np.random.Generator, singer: Singer, gesture: Gesture, n_samples: int) -> np.ndarray:
    """Aspiration through the tract and consonants' noise through their own shapes (sample,), frame by frame on white noise."""
    n_fft, hop = 512, 192
    white = rng.standard_normal(n_samples + 2 * n_fft)
    n_frames = n_samples // hop + 2
    window = np.hanning(n_fft + 1)[:-1] ** 0.75  # analysis times synthesis is near constant at this hop
    f = np.arange(n_fft // 2 + 1) * (RATE_HZ / n_fft)
    f[0] = 20.0
    at = (np.arange(n_frames) * hop) / RATE_HZ * CONTROL_HZ
    index = np.clip(at.astype(int), 0, len(gesture.f0_hz) - 1)
    shapes = []
    for centre, octaves, level_db, _ in NOISES.values():
        distance = np.log2(f / (centre * singer.sibilance)) / octaves
        ripple = 1 + 0.35 * np.sin(f / rng.uniform(250, 500) + rng.uniform(0, 6))
        shapes.append(10 ** (level_db / 20) * ripple * np.exp(-0.5 * distance**2) / (1 + (500 / f) ** 2))
    out = np.zeros(n_samples + 2 * n_fft)
    air = np.abs(_upper_tract(f, singer)) / (1 + (700 / f) ** 2)
    for start in range(0, n_frames, 1024):
        i = index[start : start + 1024]
        breath = gesture.breath[i] + singer.breath * gesture.voicing[i] * (1.2 - 0.8 * gesture.effort[i])
        hiss = gesture.noise[i]
        if not (np.any(breath > 1e-5) or np.any(hiss > 1e-5)):
            continue
        gain = hiss @ np.array(shapes)
        gain = gain + 0.5 * breath[:, None] * np.abs(_tract(f, *_places(singer, gesture, i.astype(np.float64)))) * air
        places = (np.arange(start, start + len(i)) * hop)[:, None] + np.arange(n_fft)
        waves = fft.irfft(fft.rfft(white[places] * window, axis=1) * gain, n_fft, axis=1) * window
        for row, wave in enumerate(waves):
            first = (start + row) * hop
            out[first : first + n_fft] += wave
    return out[n_fft // 2 : n_fft // 2 + n_samples] * 0.6


def spoken(rng: np.random.Generator, singer: Singer, gesture: Gesture, n_samples: int) -> np.ndarray:
    """The whole voice (sample,), dry; breath swells with every opening of the glottis."""
    voiced = pulses(rng, singer, gesture, n_samples)
    noise = breath_and_noise(rng, singer, gesture, n_samples)
    frames = np.arange(len(gesture.f0_hz))
    t = np.arange(n_samples) / RATE_HZ * CONTROL_HZ
    cycles = np.interp(t, frames, np.cumsum(gesture.f0_hz / CONTROL_HZ))
    voicing = np.interp(t, frames, np.clip(gesture.voicing * 3, 0, 1))
    return voiced + noise * (1 - 0.45 * voicing * np.cos(2 * np.pi * cycles))
