"""Kinds of sound from a song's own dictionary: NMF.

D. D. Lee, H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 2000, its equation (5); for sound: P. Smaragdis,
J. C. Brown, "Non-negative matrix factorization for polyphonic music transcription", WASPAA 2003. The magnitudes V of the mixture
are taken for a sum of a few spectra W (the dictionary), each sounding now and then as H says:

    V (band, frame)  ~  W (band, component)  H (component, frame)         by least Kullback-Leibler divergence
    H  <-  H   W^T (V / WH)  /  sum_band W            W  <-  W   (V / WH) H^T  /  sum_frame H                (5)

A component is a drum, a note, a vowel; forty of them are no stems. They are grouped by what can be told of each:

    starts anew     the rises of its H, summed, over its H, summed: a drum is gone after a few frames, a note goes on
    lies low        the part of the power of its W below 200 Hz

                        starts anew              does not
    lies low            percussive (kick)        low (bass lines, sub)
    does not            percussive (snare, hat)  sustained (chords, voices, leads)

Both borders are soft. On songs with true stems these two numbers are what tells drums, bass and the rest apart; nothing tells a
voice from a lead, so no stem claims to be one.

This differs from the papers in:
- W is learned once, from excerpts of the song, and only H is fitted chunk by chunk: components mean the same in every chunk.
- 400 bands (single bins below 2.7 kHz, wider above) of the sum of the channels' powers, of a copy at 44.1 kHz.
- Shares of the mixture, sum of the group's W H over the sum of all, in place of the magnitudes W H: stems add up to the mixture.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from engine.bands import band_centres_hz, band_edges, band_sums
from engine.errors import Cancelled
from engine.methods.options import check, setting
from engine.methods.spectra import PAPER_N_FFT, look_grid, look_stft, near_unit_peak, power
from engine.types import Array, IsCancelled, MaskGrid, MethodInfo, never_cancelled

INFO = MethodInfo(
    name="nmf",
    title="Low, percussive and sustained",
    group="classic",
    stems=("low", "percussive", "sustained"),
    sentence="Learns a dictionary of the song's sounds and sorts them into bass, hits and what sounds on; for any music and any "
    "number of channels.",
    paper="D. D. Lee, H. S. Seung, Algorithms for non-negative matrix factorization, NIPS 2000",
)

RATE_HZ = 44100
LEARN_PASSES, FIT_PASSES = 60, 30  # of (5): for W and H on the excerpts, for H alone on a chunk
LOW_HZ = 200.0
ANEW, ANEW_WIDTH = 0.38, 0.04  # border between drums and notes at 43 frames a second, and how soft it is
LOW, LOW_WIDTH = 0.5, 0.1
FLOOR = 1e-5  # added to V, -100 dB of its loudest cell: keeps divisions apart from zero
FAINT = 1e-6  # magnitude, -120 dB of the loudest cell of a frame, as in engine.methods.spectra


@dataclass(frozen=True, slots=True)
class NmfSettings:
    """How large the dictionary is."""

    n_components: int = setting(
        40, "Sounds in the dictionary: fewer put a snare and a vowel into one, more take longer and say the same.", low=3, high=200
    )

    def __post_init__(self) -> None:
        """Refuse dictionaries that cannot be grouped, or learned in time."""
        check(self)


class Nmf:
    """The method behind the door `engine.types.Method`."""

    info = INFO
    look_rate_hz: int | None = RATE_HZ  # what is above has the shares of its highest octave; 192 kHz would cost four times as much
    context_s = 0.1  # each column is judged alone: half a window is all it hears

    def __init__(self, settings: NmfSettings | None = None, dictionary: Array | None = None, kinds: Array | None = None) -> None:
        """Without a dictionary it does not know its song yet; see engine.types.Listening."""
        self._wanted = settings or NmfSettings()
        self._dictionary, self._kinds = dictionary, kinds  # W float32 (band, component); how much it is of each stem (stem, component)

    @property
    def settings(self) -> dict[str, float | int | str]:
        """The size of the dictionary."""
        return asdict(self._wanted)

    def grid(self, rate_hz: int) -> MaskGrid:
        """400 bands of 4096 samples at 44.1 kHz, every 1024."""
        look, freqs = look_grid(RATE_HZ), band_centres_hz(RATE_HZ, PAPER_N_FFT, band_edges(PAPER_N_FFT // 2 + 1))
        return MaskGrid(RATE_HZ, look.hop, tuple(freqs.tolist()), look.chunk_frames)

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> "Nmf":
        """Learn W from the excerpts and tell of each component what kind it is."""
        heard = []
        for excerpt in excerpts:
            if is_cancelled():
                raise Cancelled("Separating")
            heard.append(magnitudes(excerpt, grid.hop, 0, -(-excerpt.shape[1] // grid.hop) + 1))
        starts = np.cumsum([0] + [v.shape[1] for v in heard])[:-1]
        w, h = factored(np.concatenate(heard, axis=1), self._wanted.n_components, is_cancelled)
        return Nmf(self._wanted, w, kinds_of(w, h, starts))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel, sample) float32 at 44.1 kHz -> shares (stem=3, channel=1, band, n_frames) float32, summing to one."""
        if self._dictionary is None or self._kinds is None:
            return self.listen([near_unit_peak(samples)], grid, never_cancelled).shares(samples, grid, first_frame, n_frames)
        v = magnitudes(near_unit_peak(samples), grid.hop, first_frame, n_frames)
        h = sounding(v, self._dictionary)
        parts = np.stack([(self._dictionary * kind) @ h for kind in self._kinds])  # (stem, band, frame)
        floor = np.float32(FAINT) * v.max(axis=0, keepdims=True) + np.float32(1e-30)
        there = v / (v + floor)  # nobody owns what is only rounding noise
        out: Array = parts / parts.sum(axis=0) * there + (1.0 - there) / len(parts)
        return out[:, None]


def magnitudes(samples: Array, hop: int, first_frame: int, n_frames: int) -> Array:
    """V: (channel, sample) -> root of the mean power in each band, all channels together, float32 (band, frame)."""
    edges = band_edges(PAPER_N_FFT // 2 + 1)
    total = np.zeros((PAPER_N_FFT // 2 + 1, n_frames), dtype=np.float32)
    for channel in samples:
        total += power(look_stft(channel[None], PAPER_N_FFT, hop, first_frame, n_frames)[0])
    out: Array = np.sqrt(band_sums(total, edges) / np.diff(edges)[:, None].astype(np.float32))
    return out


def factored(v: Array, n_components: int, is_cancelled: IsCancelled) -> tuple[Array, Array]:
    """W (band, component), each of sum one, and H (component, frame) of V (band, frame); always the same for the same V."""
    rng = np.random.default_rng(0)
    peak = float(v.max()) or 1.0
    v = v / np.float32(peak) + np.float32(FLOOR)
    w = rng.uniform(0.1, 1.1, (len(v), n_components)).astype(np.float32)
    h = rng.uniform(0.1, 1.1, (n_components, v.shape[1])).astype(np.float32) * v.mean()
    for _ in range(LEARN_PASSES):
        if is_cancelled():
            raise Cancelled("Separating")
        w *= (v / (w @ h)) @ h.T / h.sum(axis=1)
        np.maximum(w, 1e-12, out=w)  # a zero would stay one, and may divide
        total = w.sum(axis=0)
        w, h = w / total, h * total[:, None]
        h *= w.T @ (v / (w @ h))  # over sum W, which is one
        np.maximum(h, 1e-12, out=h)
    return w, h


def sounding(v: Array, w: Array) -> Array:
    """H of V (band, frame) for a given W: float32 (component, frame)."""
    v = v / np.float32(float(v.max()) or 1.0) + np.float32(FLOOR)
    h = np.repeat(v.sum(axis=0, keepdims=True) / w.shape[1], w.shape[1], axis=0)
    for _ in range(FIT_PASSES):
        h *= w.T @ (v / (w @ h))
        np.maximum(h, 1e-12, out=h)
    return h


def kinds_of(w: Array, h: Array, starts: Array) -> Array:
    """How much each component is of each stem: W, H and the first frame of each excerpt -> float32 (stem, component), of sum one."""
    rises = np.maximum(np.diff(h, axis=1, prepend=h[:, :1]), 0.0)
    rises[:, starts] = 0.0  # what sounds as an excerpt begins did not begin there
    anew = rises.sum(axis=1) / h.sum(axis=1)
    edges = band_edges(PAPER_N_FFT // 2 + 1)
    band_power = np.square(w, dtype=np.float64) * np.diff(edges)[:, None]
    below = band_centres_hz(RATE_HZ, PAPER_N_FFT, edges) < LOW_HZ
    low = band_power[below].sum(axis=0) / band_power.sum(axis=0)
    percussive = 1.0 / (1.0 + np.exp(-np.clip((anew - ANEW) / ANEW_WIDTH, -50.0, 50.0)))
    is_low = 1.0 / (1.0 + np.exp(-(low - LOW) / LOW_WIDTH))
    return np.stack([(1.0 - percussive) * is_low, percussive, (1.0 - percussive) * (1.0 - is_low)]).astype(np.float32)
