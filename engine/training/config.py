"""One training run in one dataclass, written beside its weights, so that a figure can be traced to its recipe."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a run; the defaults are what the bundled weights' card says."""

    name: str = "nullsum-4"
    net: str = "band_split"
    net_config: dict[str, Any] = field(default_factory=dict)
    n_fft: int = 4096  # 93 ms at 44.1 kHz: Open-Unmix's choice; harmonics 11 Hz apart can be told
    hop: int = 1024
    n_frames: int = 172  # 4 s: long enough for a bar, short enough for many different mixes a minute
    batch: int = 16
    steps: int = 3600
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    decay_steps: int = 1200  # the last ones, in which the learning rate falls to a hundredth
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    optimiser: str = "muon"  # engine.training.optimisers
    loss: str = "shares"  # engine.training.losses
    ema: float = 0.998  # weights that are kept are a running mean over about 500 steps
    song_share: float = 0.4  # mixes that are a true stretch of one song
    song_stem_share: float = 0.2  # single stems that are one of a song, heard with anything
    made_share: float = 0.4  # songs and other single stems that are synthesised (engine.training.synthesis), where there are such
    heard_in: int = 2  # mixes of a batch in which a stem is heard, each time with other stems (engine.training.batches)
    other_singers: float = 0.3  # single vocals that pass for another singer's (engine.training.voices)
    seed: int = 1
    without_songs: tuple[str, ...] = ()

    @staticmethod
    def load(path: Path) -> "TrainConfig":
        """Read the recipe that stands beside weights."""
        return TrainConfig(**known(json.loads(path.read_text(encoding="utf-8"))))


BEFORE = {"song_stem_share": 0.4, "heard_in": 1, "optimiser": "adamw", "other_singers": 0.0}  # what these were before they had names


def known(raw: dict[str, Any]) -> dict[str, Any]:
    """What of a recipe in JSON this version has fields for, an older version's completed by what it did."""
    names = {f.name for f in fields(TrainConfig)}
    return {**BEFORE, **{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in names}}
