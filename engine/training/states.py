"""What is kept of a run so that it can go on: written whole, read again, and what has changed since then in words."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from engine.errors import BadInputError


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bytes_of = io.BytesIO()
    torch.save(state, bytes_of)  # not into the file itself: torch tells a full disk as an error of its own
    part = path.with_suffix(".part")
    part.write_bytes(bytes_of.getbuffer())
    part.replace(path)


def read_state(path: Path, needs: Iterable[str]) -> dict[str, Any]:
    """What `write_state` wrote, on the CPU, with these keys. Raises BadInputError for any other file, OSError."""
    raw = path.read_bytes()
    try:
        state = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
        if all(key in state for key in needs):
            return dict(state)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged file fails in a dozen ways
        pass
    raise BadInputError(f"{path.name} is damaged or not the state of a run; take it away (from {path.parent}) to begin the run anew.")


def changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The keys of two recipes, or of two sets of digests, that differ; one that either lacks (an older version's) counts as equal."""
    return [key for key in now if key in before and before[key] != now[key]]


def in_words(before: dict[str, Any], now: dict[str, Any], keys: Iterable[str]) -> list[str]:
    """A line for each of these settings.

    >>> in_words({"loss": "shares"}, {"loss": "snr"}, ["loss"])
    ['another loss (snr in place of shares)']
    """
    return [f"another {key.replace('_', ' ')} ({now[key]} in place of {before[key]})" for key in keys]
