"""Scores of many methods that are kept: each in a file of its own with what was asked, so that a re-run makes only what changed."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.atomic import atomic_text
from engine.evaluation.data import Track, TrackFiles, load
from engine.evaluation.metrics import energy, windows
from engine.evaluation.scores import TrackScores
from engine.evaluation.tables import plain

DIGITS = 9  # behind the point: a loss is about 0.001
VERSION = 1  # of what is kept: one more whenever the way to score changes


def kept(path: Path, asked: dict[str, Any], make: Callable[[], dict[str, Any]], may_lack: tuple[str, ...] = ()) -> dict[str, Any]:
    """What `make` found for `asked` (both fit for JSON): from the file where that holds the same question, else made and written.

    What of the question `may_lack` names counts as the same where the file, of an older version, does not have it.
    """
    asked = json.loads(json.dumps({**asked, "version": VERSION}))
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["asked"] == {k: v for k, v in asked.items() if k in before["asked"] or k not in may_lack}:
            return dict(before["found"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or half a file of another program: made anew
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_text(path, json.dumps({"asked": asked, "found": plain(found, DIGITS)}) + "\n")
    return dict(json.loads(path.read_text(encoding="utf-8"))["found"])


def digest(track: Track) -> str:
    """A name for the true stems of a track: SHA-256 of their samples, rate and names."""
    known = hashlib.sha256(f"{track.name} {track.names} {track.rate_hz} {track.stems.shape}".encode())
    known.update(np.ascontiguousarray(track.stems).data)
    return known.hexdigest()


def to_json(score: TrackScores) -> dict[str, Any]:
    """Scores as dicts and lists; NaN stays NaN until it is written, then it is null."""
    return {
        "method": score.method, "kind": score.kind, "track": score.track, "names": list(score.names),
        "windows": {metric: {name: values.tolist() for name, values in by_name.items()} for metric, by_name in score.windows.items()},
    }  # fmt: skip


def from_json(raw: dict[str, Any]) -> TrackScores:
    """The same back."""
    return TrackScores(raw["method"], raw["kind"], raw["track"], tuple(raw["names"]), {
        metric: {name: np.array([math.nan if v is None else v for v in values], dtype=float) for name, values in by_name.items()}
        for metric, by_name in raw["windows"].items()
    })  # fmt: skip


def fullest(power: np.ndarray, n_windows: int) -> int:
    """Where to begin so that the weakest stem holds the largest part of the energy: (stem, window) >= 0 -> first window."""
    n = min(n_windows, power.shape[1])
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    within = (sums[:, n:] - sums[:, : sums.shape[1] - n])[power.any(axis=1)]  # (stem that is not absent throughout, first window)
    if not len(within):
        return 0
    return int(np.argmax(within.min(axis=0) / np.maximum(within.sum(axis=0), 1e-30)))


def stretch_of(files: TrackFiles, seconds: float, work: Path) -> tuple[float, float]:
    """The stretch of a song that is scored, in seconds: the one of this length in which even the weakest stem is well heard."""
    seen = {name: [path.stat().st_size, path.stat().st_mtime_ns] for name, path in files.paths.items()}

    def find() -> dict[str, Any]:
        track = load(files)
        parts = windows(track.mixture.shape[-1], track.rate_hz)
        power = np.stack([energy(track.stems[..., w]) for w in parts], axis=-1)
        start = fullest(power, round(seconds))
        return {"start": float(start), "end": min(start + seconds, track.seconds)}

    found = kept(work / f"{files.name}--stretch.json", {"seconds": seconds, "by": "energy", "files": seen}, find)
    return float(found["start"]), float(found["end"])
