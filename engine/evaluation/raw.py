"""Waveform nets before and after their sound becomes masks: the net's own samples beside the stem that a listener gets.

A waveform net makes samples; Nullsum keeps the magnitudes of these and filters the mixture with the masks they become, so that
neutral faders null. What that costs or gains is told here, in plain SDR and for two listeners:

    at the song   the net's samples, resampled to the song's rate (a mono net's in every channel), against the true stems
    at the net    true stems and masked stems resampled to the net's rate, and mixed down where it is mono, against its samples
"""

from dataclasses import dataclass

import numpy as np
import soxr

from engine.chunks import window
from engine.evaluation.data import Track, make_track
from engine.evaluation.metrics import MAX_DB, energy, ratio_db
from engine.evaluation.scores import score
from engine.methods.network import Network
from engine.types import Array


@dataclass(frozen=True)
class RawScores:
    """SDR in dB by stem (medians over windows, as in the tables), and how far the raw stems are from adding up to the mixture."""

    song_raw: dict[str, float]
    song_masked: dict[str, float]
    net_raw: dict[str, float]
    net_masked: dict[str, float]
    net_mixture: dict[str, float]  # the floor at the net's rate
    sum_error_db: float  # what the raw stems' sum misses, relative to the mixture, at the net's rate; masked stems: -130 or less


def raw_stems(track: Track, method: Network) -> Array:
    """The net's own stems in the order of track.names, float32 (stem, channel=1 or 2, sample), at the net's rate.

    Chunks and contexts are those of engine.separate; nothing is cross-faded here either.
    """
    grid = method.grid(track.rate_hz)
    n_samples = track.mixture.shape[-1]
    parts = []
    for chunk in range(grid.n_chunks(track.seconds)):
        w = window(grid, chunk, track.seconds, method.context_s)
        begin = round(w.first * grid.hop * track.rate_hz / grid.rate_hz)
        end = min(n_samples, round(w.end * grid.hop * track.rate_hz / grid.rate_hz))
        heard = at_rate(track.mixture[:, begin : max(begin + 1, end)], track.rate_hz, grid.rate_hz)  # (channel, sample)
        kept = slice((w.core - w.first) * grid.hop, (w.core_end - w.first) * grid.hop)
        parts.append(method.raw_estimates(heard)[..., kept])
    joined = np.concatenate(parts, axis=-1)
    return joined[[method.info.stems.index(name) for name in track.names]]


def at_rate(samples: Array, from_hz: int, to_hz: int) -> Array:
    """Resampled copy, float32 (..., sample)."""
    if from_hz == to_hz or samples.shape[-1] == 0:
        return np.asarray(samples, dtype=np.float32)
    flat = samples.reshape(-1, samples.shape[-1]).T  # (sample, everything else)
    out = soxr.resample(np.asarray(flat, np.float32), from_hz, to_hz, quality="HQ")
    return np.ascontiguousarray(out.T.reshape(*samples.shape[:-1], -1))


def with_length(samples: Array, n_samples: int) -> Array:
    """Cut, or with silence behind it: (..., sample) -> (..., n_samples)."""
    short = max(0, n_samples - samples.shape[-1])
    return np.pad(samples[..., :n_samples], [(0, 0)] * (samples.ndim - 1) + [(0, short)])


def raw_and_masked(track: Track, method: Network, masked: Array) -> RawScores:
    """Both sides for both listeners; `masked` is what engine.evaluation.estimate gives, (stem, channel, sample)."""
    rate_hz = method.grid(track.rate_hz).rate_hz
    raw = raw_stems(track, method)
    n_channels = track.stems.shape[1]
    at_song = with_length(at_rate(raw, rate_hz, track.rate_hz), track.mixture.shape[-1])
    if raw.shape[1] != n_channels:  # a net that hears another number of channels says the same in all of them
        at_song = np.repeat(at_song.mean(axis=1, keepdims=True), n_channels, axis=1)
    low = make_track(track.name, track.names, _heard(track.stems, track.rate_hz, rate_hz, raw.shape[1]), rate_hz)
    masked_low = _heard(masked, track.rate_hz, rate_hz, raw.shape[1])
    raw_low = with_length(raw, low.mixture.shape[-1])
    missed = raw_low.sum(axis=0, dtype=np.float64) - low.mixture
    return RawScores(
        song_raw=_sdr(track, at_song),
        song_masked=_sdr(track, masked),
        net_raw=_sdr(low, raw_low),
        net_masked=_sdr(low, masked_low),
        net_mixture=_sdr(low, np.broadcast_to(low.mixture, low.stems.shape)),
        sum_error_db=float(np.nan_to_num(ratio_db(energy(missed), energy(low.mixture)), nan=-MAX_DB)),
    )


def _heard(stems: Array, from_hz: int, to_hz: int, n_channels: int) -> Array:
    """Stems (stem, channel, sample) at the net's rate, and in mono where it hears the mean of the channels."""
    if stems.shape[1] != n_channels:
        stems = np.repeat(stems.mean(axis=1, keepdims=True), n_channels, axis=1)
    return at_rate(stems, from_hz, to_hz)


def _sdr(track: Track, stems: Array) -> dict[str, float]:
    found = score(track, stems, "any")
    return {name: found.median("sdr", name) for name in track.names}
