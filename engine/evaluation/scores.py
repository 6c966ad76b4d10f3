"""What one estimate of one track scored, window by window, and how windows become one figure for a song and for all songs."""

from dataclasses import dataclass

import numpy as np

from engine.evaluation.data import Track
from engine.evaluation.metrics import BSS, audible, bss_eval, energy, remixed, sdr, si_sdr, windows
from engine.types import Array

REMIX_DB = (3.0, -3.0)  # how far the vocals are moved
PLAIN, MUSEVAL = "plain", "museval"  # the two sets of metrics
TITLES = {  # metric -> what it is called in tables, in their order
    "sdr": "SDR",
    "si_sdr": "SI-SDR",
    "remix": "remix SDR",
    "bss_sdr": "SDR (BSS eval v4)",
    "bss_sir": "SIR (BSS eval v4)",
    "bss_sar": "SAR (BSS eval v4)",
    "bss_isr": "ISR (BSS eval v4)",
}


def remix_key(gain_db: float, nothing: bool = False) -> str:
    """The column of a remix metric: "vocals +3 dB", and beside it what doing nothing scores."""
    return f"{'nothing' if nothing else 'vocals'} {gain_db:+g} dB"


REMIX_COLUMNS = tuple(remix_key(g, nothing) for g in REMIX_DB for nothing in (False, True))


@dataclass(frozen=True, eq=False)
class TrackScores:
    """One estimate of one track: metric -> stem (or remix column) -> dB in every window, NaN where a window does not count."""

    method: str
    kind: str  # method, baseline, floor, ceiling
    track: str
    names: tuple[str, ...]  # of the true stems
    windows: dict[str, dict[str, Array]]

    def median(self, metric: str, column: str) -> float:
        """The song's figure: the median over the windows that count; NaN where none does."""
        values = self.windows.get(metric, {}).get(column)
        if values is None or not np.isfinite(values).any():
            return float("nan")
        return float(np.nanmedian(values))


def columns(metric: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a metric has for true stems of these names."""
    return REMIX_COLUMNS if metric == "remix" else names


def over_songs(scores: list[TrackScores], metric: str, column: str) -> float:
    """One figure from the songs' medians: their mean, for BSS eval their median (as SiSEC does); songs without one are left out."""
    medians = np.array([score.median(metric, column) for score in scores])
    medians = medians[np.isfinite(medians)]
    if not len(medians):
        return float("nan")
    return float(np.median(medians) if metric in BSS else np.mean(medians))


def score(track: Track, estimate: Array, method: str, kind: str = "method", metrics: tuple[str, ...] = (PLAIN,)) -> TrackScores:
    """Score estimated stems (stem, channel, sample), in the order of track.names, with the sets of metrics that are named.

    A window of a stem counts where its true stem is audible (engine.evaluation.metrics.SILENT_DB); one of a remix where
    the true vocals are. The same rule is laid over museval's windows: stems decoded from Vorbis end in near silence.
    """
    if estimate.shape != track.stems.shape:
        raise ValueError(f"estimate has the shape {estimate.shape}, the true stems {track.stems.shape}; they must be alike")
    parts = windows(track.mixture.shape[-1], track.rate_hz)
    counts = audible(
        np.stack([energy(track.stems[..., w]) for w in parts], axis=-1), np.array([energy(track.mixture[:, w]) for w in parts])
    )  # (stem, window)
    found: dict[str, dict[str, Array]] = {}
    if PLAIN in metrics:
        found |= _plain(track, estimate, parts, counts)
    if MUSEVAL in metrics:
        there = counts.max(axis=1).reshape(-1, 1, 1)  # near silence is made silence: 512 taps would blow it up into interference
        for name, values in bss_eval(np.where(there, track.stems, np.float32(0.0)), estimate, track.rate_hz).items():
            found[name] = dict(zip(track.names, np.where(counts, values, np.nan), strict=True))
    return TrackScores(method, kind, track.name, track.names, found)


def _plain(track: Track, estimate: Array, parts: list[slice], counts: Array) -> dict[str, dict[str, Array]]:
    """SDR and SI-SDR of every stem and SDR of the remixes, window by window."""
    at = track.names.index("vocals")
    by_window: list[Array] = []
    for w in parts:
        truth, guess, mixture = track.stems[..., w], estimate[..., w], track.mixture[:, w].astype(np.float64)
        remix = []
        for gain_db in REMIX_DB:
            true_remix = remixed(mixture, truth[at], gain_db)
            remix += [sdr(true_remix, remixed(mixture, guess[at], gain_db)), sdr(true_remix, mixture)]
        by_window.append(np.concatenate([sdr(truth, guess), si_sdr(truth, guess), np.array(remix)]))
    n = len(track.names)
    rows = np.stack(by_window, axis=-1)  # (SDR stems, SI-SDR stems, remix columns; window)
    rows = np.where(np.concatenate([counts, counts, np.broadcast_to(counts[at], (len(REMIX_COLUMNS), len(parts)))]), rows, np.nan)
    return {
        "sdr": dict(zip(track.names, rows[:n], strict=True)),
        "si_sdr": dict(zip(track.names, rows[n : 2 * n], strict=True)),
        "remix": dict(zip(REMIX_COLUMNS, rows[2 * n :], strict=True)),
    }
