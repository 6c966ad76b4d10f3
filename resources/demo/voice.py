"""The singer: phonemes and notes -> sound, by formant synthesis.

Source and filter, after Klatt, "Software for a cascade/parallel formant synthesizer" (JASA 67, 1980). This differs from the paper: the
source is a sum of harmonics, each weighted with the vocal tract's response at its own frequency, so nothing aliases and pitch may
move freely; breath and consonants are noise whose spectrum is drawn frame by frame.

    notes -> control tracks at 689 Hz (pitch, formants, levels), smoothed as a mouth moves -> harmonics + noise -> mono (sample,)
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from resources.demo.desk import RATE_HZ, faded, filtered, noise
from resources.demo.score import Sung, hz_of, seconds_at

HOP = 64  # samples per control value
CONTROL_HZ = RATE_HZ / HOP
BEFORE_S, AFTER_S = 0.7, 0.6  # room around a line for its first consonant, an intake of breath, and the release

# Resonances F1, F2, F3 in Hz of an adult voice between tenor and alto.
VOWELS = {
    "IY": (310, 2250, 3050), "IH": (430, 2050, 2750), "EH": (580, 1900, 2700), "AE": (720, 1800, 2650), "AA": (800, 1200, 2650),
    "AO": (620, 960, 2650), "UH": (480, 1120, 2500), "UW": (350, 1000, 2450), "AH": (700, 1280, 2650), "ER": (520, 1420, 1850),
}
GLIDES = {"EY": ("EH", "IY"), "AY": ("AA", "IH"), "OW": ("AO", "UH")}
UPPER_HZ = np.array([3650, 4550, 5600, 6700, 7800, 8900, 10000, 11200])  # F4 and up hardly move
UPPER_WIDTH_HZ = np.array([190, 250, 400, 500, 600, 700, 800, 900])


@dataclass(frozen=True)
class Consonant:
    """How a consonant is made: its length, where its resonances head, how much voice and hiss it has, and the hiss's place."""

    seconds: float
    formants_hz: tuple[int, int, int]
    voice: float
    hiss: float = 0.0
    hiss_hz: float = 5000.0
    hiss_octaves: float = 0.6
    closed: float = 0.0  # the silent part of a stop, before its burst


CONSONANTS = {
    "m": Consonant(0.075, (270, 1050, 2250), 0.40),
    "n": Consonant(0.070, (270, 1550, 2500), 0.40),
    "ng": Consonant(0.09, (280, 1900, 2500), 0.36),
    "l": Consonant(0.070, (370, 1150, 2850), 0.60),
    "r": Consonant(0.075, (400, 1200, 1650), 0.65),
    "w": Consonant(0.080, (320, 700, 2300), 0.60),
    "y": Consonant(0.060, (300, 2250, 3000), 0.65),
    "v": Consonant(0.065, (300, 1150, 2400), 0.40, 0.10, 5500, 1.0),
    "z": Consonant(0.080, (300, 1600, 2500), 0.34, 0.16, 6800, 0.45),
    "dh": Consonant(0.050, (320, 1350, 2500), 0.45, 0.08, 6000, 1.0),
    "f": Consonant(0.090, (340, 1100, 2400), 0.0, 0.16, 5500, 1.1),
    "th": Consonant(0.080, (340, 1350, 2500), 0.0, 0.14, 6500, 1.0),
    "s": Consonant(0.105, (330, 1600, 2550), 0.0, 0.50, 7000, 0.4),
    "p": Consonant(0.075, (330, 950, 2300), 0.0, 0.40, 1100, 1.2, 0.68),
    "t": Consonant(0.080, (330, 1750, 2650), 0.0, 0.60, 4800, 0.7, 0.60),
    "k": Consonant(0.085, (330, 1900, 2350), 0.0, 0.50, 2100, 0.7, 0.62),
    "b": Consonant(0.060, (320, 950, 2250), 0.18, 0.25, 900, 1.2, 0.75),
    "d": Consonant(0.055, (320, 1700, 2650), 0.18, 0.35, 4000, 0.8, 0.70),
    "g": Consonant(0.060, (320, 1900, 2350), 0.18, 0.30, 2000, 0.8, 0.70),
}


@dataclass(frozen=True)
class Singer:
    """One take. Doubles differ by seed: their timing, drift and vibrato are their own."""

    seed: int
    late_s: float = 0.0
    detune: float = 0.0  # semitones
    breath: float = 0.035
    size: float = 1.0  # 1.05 is a smaller head: all resonances 5 % up
    top_hz: float = 11000.0  # harmonics above are left out


@dataclass(frozen=True)
class Tracks:
    """Control values over one line, one per HOP samples (control,), formants_hz (3, control)."""

    pitch: np.ndarray
    formants_hz: np.ndarray
    voice: np.ndarray
    hiss: np.ndarray
    hiss_hz: np.ndarray
    hiss_octaves: np.ndarray
    breath: np.ndarray


def sung_line(notes: tuple[Sung, ...], singer: Singer) -> tuple[float, np.ndarray]:
    """Sing one line: (start in s, mono (sample,)), about 0.1 in RMS where it is loud."""
    start_s = seconds_at(notes[0].beat) - BEFORE_S
    tracks = _tracks(notes, singer, start_s)
    theta, voiced = _harmonics(tracks, singer)
    breath, hiss = _noises(tracks, singer)
    pulses = 0.55 + 0.45 * np.cos(theta)  # breath escapes while the vocal folds are open
    return start_s + singer.late_s, faded(filtered(voiced + breath * pulses + hiss, "high", 110.0), 0.01, 0.05)


def _tracks(notes: tuple[Sung, ...], singer: Singer, start_s: float) -> Tracks:
    """Lay the phonemes out in time, vowels on the beat and consonants before it, then smooth every track as a mouth would."""
    random = np.random.Generator(np.random.PCG64(singer.seed))
    late = random.normal(0.0, 0.011, len(notes))
    begins = [seconds_at(note.beat) - start_s + late[i] for i, note in enumerate(notes)]
    ends = [seconds_at(note.beat + note.n_beats) - start_s for note in notes]
    n_control = int((ends[-1] + AFTER_S) * CONTROL_HZ)
    pitch, voice, hiss = np.full(n_control, float(notes[0].pitch)), np.zeros(n_control), np.zeros(n_control)
    hiss_hz, hiss_octaves, breath = np.full(n_control, 5000.0), np.full(n_control, 0.7), np.zeros(n_control)
    formants = np.tile(np.array(VOWELS["AH"], float)[:, None], (1, n_control))

    def span(a_s: float, b_s: float) -> slice:
        return slice(max(round(a_s * CONTROL_HZ), 0), max(round(b_s * CONTROL_HZ), 0))

    def consonant(name: str, at_s: float, weight: float) -> None:
        made = CONSONANTS[name]
        whole, burst = span(at_s, at_s + made.seconds), span(at_s + made.closed * made.seconds, at_s + made.seconds)
        formants[:, whole.start :] = np.array(made.formants_hz, float)[:, None]
        voice[whole] = made.voice * weight
        hiss[whole] = 0.0
        hiss[burst] = made.hiss * weight
        hiss_hz[whole], hiss_octaves[whole] = made.hiss_hz, made.hiss_octaves

    vowel = "AH"
    for i, note in enumerate(notes):
        sounds = note.sounds.split()
        at = next(k for k, sound in enumerate(sounds) if sound == "+" or sound in VOWELS or sound in GLIDES)
        onset, vowel, coda = sounds[:at], vowel if sounds[at] == "+" else sounds[at], sounds[at + 1 :]
        weight = (0.78 + 0.022 * (note.pitch - 60)) * (1.0 + random.normal(0.0, 0.05)) * (1.0 if note.beat % 1 == 0 else 0.93)
        begin, end = begins[i], ends[i]
        if i + 1 < len(notes):
            following = [s for s in notes[i + 1].sounds.split()[:2] if s in CONSONANTS]
            end = min(end, begins[i + 1] - sum(CONSONANTS[s].seconds for s in following))
        coda_s = sum(CONSONANTS[s].seconds for s in coda)
        at_s = begin - sum(CONSONANTS[s].seconds for s in onset)
        pitch[span(begin - 0.035, n_control / CONTROL_HZ)] = note.pitch
        for name in onset:
            consonant(name, at_s, weight)
            at_s += CONSONANTS[name].seconds
        held = span(begin, max(end - coda_s, begin + 0.08))
        first, last = (np.array(VOWELS[v], float)[:, None] for v in GLIDES.get(vowel, (vowel, vowel)))
        turn = np.clip((np.linspace(0, 1, held.stop - held.start) - 0.35) / 0.55, 0, 1)
        if sounds[at] == "+":
            turn = np.ones_like(turn)
        formants[:, held] = first + (last - first) * turn
        formants[:, held.stop :] = last
        swell = np.linspace(0, 1, held.stop - held.start)
        voice[held] = weight * (1.0 + 0.12 * np.sin(np.pi * swell) - 0.22 * swell)
        voice[held.stop :] = 0.0
        hiss[held.start :] = 0.0
        at_s = held.stop / CONTROL_HZ
        for name in coda:
            consonant(name, at_s, 0.75 * weight)
            at_s += CONSONANTS[name].seconds
        voice[span(at_s, n_control / CONTROL_HZ)] = 0.0
        hiss[span(at_s, n_control / CONTROL_HZ)] = 0.0

    breath[:] = singer.breath
    breath[voice == 0] = 0.012
    in_from, in_to = begins[0] - 0.52, begins[0] - 0.17  # the singer takes air
    breath[span(in_from, in_to)] = 0.16 * np.sin(np.pi * np.linspace(0, 1, span(in_from, in_to).stop - span(in_from, in_to).start)) ** 2
    breath[: span(0, in_from).stop] = 0.0
    breath[span(ends[-1] + 0.15, n_control / CONTROL_HZ)] = 0.0

    def smooth(track: np.ndarray, seconds: float) -> np.ndarray:
        return gaussian_filter1d(track, seconds * CONTROL_HZ, axis=-1, mode="nearest")

    return Tracks(
        smooth(pitch, 0.020) + singer.detune + _pitch_life(notes, begins, ends, n_control, singer.seed + 1),
        smooth(formants, 0.018) * singer.size, smooth(voice, 0.013), smooth(hiss, 0.005), hiss_hz, hiss_octaves, smooth(breath, 0.03),
    )


def _pitch_life(notes: tuple[Sung, ...], begins: list, ends: list, n_control: int, seed: int) -> np.ndarray:
    """What a singer adds to the written pitch, in semitones (control,): scoops, drift, jitter, and a vibrato that comes late."""
    time_s = np.arange(n_control) / CONTROL_HZ
    drift = gaussian_filter1d(noise(seed, n_control), 0.25 * CONTROL_HZ) * np.sqrt(0.25 * CONTROL_HZ) * 0.09
    jitter = gaussian_filter1d(noise(seed + 1, n_control), 0.006 * CONTROL_HZ) * 0.05
    rate_hz = 5.3 + 0.5 * gaussian_filter1d(noise(seed + 2, n_control), 0.3 * CONTROL_HZ) * np.sqrt(0.3 * CONTROL_HZ)
    depth = np.full(n_control, 0.03)
    scoop = np.zeros(n_control)
    for i, (note, begin, end) in enumerate(zip(notes, begins, ends, strict=True)):
        inside = (time_s >= begin) & (time_s < end + 0.2)
        if end - begin > 0.55:
            depth[inside] = 0.36 * np.clip((time_s[inside] - begin - 0.22) / 0.45, 0, 1)
        if i == 0 or note.n_beats >= 1.5:
            after = time_s >= begin - 0.06
            scoop[after] -= 1.1 * np.exp(-(time_s[after] - begin + 0.06) / 0.055)
    depth = gaussian_filter1d(depth, 0.05 * CONTROL_HZ)
    return drift + jitter + gaussian_filter1d(scoop, 0.012 * CONTROL_HZ) + depth * np.sin(2 * np.pi * np.cumsum(rate_hz) / CONTROL_HZ)


def _tract(tracks: Tracks, at_hz: np.ndarray, size: float) -> np.ndarray:
    """The vocal tract's complex response (frequency, control) at frequencies `at_hz`, broadcastable to that shape: a chain of resonances.

    Each is F^2 / (F^2 - f^2 + j f B). F1 never lies below the sung pitch: singers open their mouth for high notes.
    """
    response = np.ones(1, complex)
    sung_hz = hz_of(tracks.pitch)
    lows = [np.maximum(tracks.formants_hz[0], 1.08 * sung_hz), tracks.formants_hz[1], tracks.formants_hz[2]]
    widths = [75.0 + 0.05 * lows[0], np.full_like(sung_hz, 105.0), np.full_like(sung_hz, 150.0)]
    uppers = [(np.array([hz * size]), np.array([width])) for hz, width in zip(UPPER_HZ, UPPER_WIDTH_HZ, strict=True)]
    for centre_hz, width_hz in [*zip(lows, widths, strict=True), *uppers]:
        square = centre_hz**2
        response = response * (square / (square - at_hz**2 + 1j * at_hz * width_hz))
    return response


def _harmonics(tracks: Tracks, singer: Singer) -> tuple[np.ndarray, np.ndarray]:
    """The voiced sound: phase of the fundamental in rad (sample,) and the sum of its weighted harmonics (sample,)."""
    ramp = np.arange(HOP) / HOP

    def fine(track: np.ndarray) -> np.ndarray:  # (control,) -> (control - 1, HOP), straight lines between
        return track[:-1, None] + np.diff(track)[:, None] * ramp

    f0_hz = hz_of(tracks.pitch)
    theta = 2 * np.pi * np.cumsum(fine(f0_hz).ravel()).reshape(-1, HOP) / RATE_HZ
    number = np.arange(1, int(singer.top_hz / f0_hz.min()) + 1)[:, None]  # (harmonic, 1)
    at_hz = number * f0_hz
    shimmer = 1 + 0.03 * gaussian_filter1d(noise(singer.seed + 5, f0_hz.size), 3.0) * 2.5
    tilt = 1.16 - 0.30 * np.clip(tracks.voice, 0, 1.2)  # a louder voice is a brighter one
    weights = number**-tilt * _tract(tracks, at_hz, singer.size) * np.clip((singer.top_hz - at_hz) / 1500.0, 0, 1)
    power = np.sqrt(np.sum(np.abs(weights) ** 2, axis=0))
    weights *= 0.16 * tracks.voice * shimmer / power**0.72  # open vowels stay a little louder than closed ones
    turning = np.exp(1j * theta)
    rotor, voiced, term = turning.copy(), np.zeros(theta.shape), np.empty_like(turning)
    for weight in weights:  # in place: this loop is most of the singer's time
        np.multiply(np.diff(weight)[:, None], ramp, out=term)
        term += weight[:-1, None]
        term *= rotor
        voiced += term.real
        rotor *= turning
    return theta.ravel(), voiced.ravel()


def _noises(tracks: Tracks, singer: Singer) -> tuple[np.ndarray, np.ndarray]:
    """Breath through the vocal tract and the hiss of consonants, both (sample,): noise frames, overlapped by half."""
    n_fft, step = 512, 256 // HOP
    keep = Tracks(*(track[..., ::step] for track in vars(tracks).values()))  # one control value per frame
    hz = np.fft.rfftfreq(n_fft, 1 / RATE_HZ)[:, None]
    breath = np.abs(_tract(keep, hz, singer.size)) ** 0.7 * keep.breath * np.exp(-hz / 7000.0)
    octaves = np.log2(np.maximum(hz, 40.0) / keep.hiss_hz) / keep.hiss_octaves
    hiss = np.exp(-0.5 * octaves**2) * keep.hiss * np.exp(-((hz / 12500.0) ** 6))
    n_samples = (tracks.pitch.size - 1) * HOP
    made = []
    for seed, magnitude in ((singer.seed + 7, 0.045 * breath), (singer.seed + 8, 0.16 * hiss)):
        real, imaginary = noise(seed, 2, *magnitude.shape)
        frames = np.fft.irfft(magnitude * (real + 1j * imaginary), axis=0) * np.sqrt(n_fft)
        frames *= np.sin(np.pi * (np.arange(n_fft) + 0.5) / n_fft)[:, None]
        sound = np.zeros((magnitude.shape[1] + 1) * n_fft // 2)
        sound[: -n_fft // 2] += frames[: n_fft // 2].T.ravel()
        sound[n_fft // 2 :] += frames[n_fft // 2 :].T.ravel()
        made.append(sound[n_fft // 2 :][:n_samples])  # frame m is centred on control value m * step
    return made[0], made[1]
