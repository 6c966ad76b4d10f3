"""Tiny corpora for tests of training: tones and noise that are quickly made, in any layout."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch

from engine.training import loop
from engine.training.config import TrainConfig

ROLES = ("vocals", "drums", "bass", "other")
SMALL_NET = {"width": 8, "hidden": 8, "n_layers": 1, "decoder": 8, "group": 40}
SMALL = TrainConfig(
    name="tiny", net="band_split", net_config=SMALL_NET, n_frames=44, batch=2, steps=9, warmup_steps=2, decay_steps=4,
    learning_rate=1e-2, seed=5,
)  # fmt: skip


def tone(role: str, seconds: float = 2.0, rate_hz: int = 44100, seed: int = 0) -> np.ndarray:
    """Two channels (sample, channel): a tone of its own for every role and seed, and a little noise."""
    rng = np.random.default_rng([seed, ROLES.index(role)])
    t = np.arange(round(seconds * rate_hz))[:, None] / rate_hz
    hz = 120.0 * 3 ** ROLES.index(role) * rng.uniform(1.0, 1.5)
    return 0.2 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) + 0.01 * rng.standard_normal((len(t), 2))


def write_song(folder: Path, roles: tuple[str, ...] = ROLES, suffix: str = "wav", rate_hz: int = 44100, seed: int = 0) -> Path:
    """A song's folder with its stems."""
    folder.mkdir(parents=True, exist_ok=True)
    for role in roles:
        sf.write(folder / f"{role}.{suffix}", tone(role, rate_hz=rate_hz, seed=seed), rate_hz)
    return folder


def tiny_corpus(folder: Path) -> Path:
    """Two songs to learn from and one to validate with, as in MUSDB, and a pool of basses."""
    for number, place in enumerate(("train/a", "train/b", "test/c")):
        write_song(folder / place, seed=number)
    (folder / "bass").mkdir()
    sf.write(folder / "bass" / "low.flac", tone("bass", seed=7), 44100)
    return folder


def train(config: TrainConfig, data: Path, work: Path, n_workers: int = 0, bf16: bool = False) -> dict[str, Any]:
    """To the end; the state that is left."""
    loop.train(config, data, work, work / "weights", n_workers, every=3, bf16=bf16, device="cpu")
    return state_of(work)


def state_of(work: Path) -> dict[str, Any]:
    return torch.load(work / "tiny.state.pt", weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, all the way down."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
