"""A player on a sink that is pulled by hand, with a toy recording and toy masks: every sample can be compared."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import numpy as np
from toys import Toy, recording

from app.player import Player
from app.sinks import NullSink
from engine.audio import ArrayMixture
from engine.masks import Masks, normalised, quantised
from engine.render import render
from engine.separate import separate
from engine.types import FLOAT32, INT16, Array, Mix, Mixture, SampleType

STEMS = Toy().info.stems


def masks_of(mixture: ArrayMixture) -> Masks:
    return separate(mixture, Toy())


def noise(sample_type: SampleType = INT16, n_channels: int = 2, rate_hz: int = 44100, seconds: float = 2.0, seed: int = 0) -> ArrayMixture:
    return recording("noise", rate_hz, n_channels, round(rate_hz * seconds), sample_type, seed)


def sine(hz: float = 50.0, amplitude: float = 0.5, seconds: float = 3.0, rate_hz: int = 44100, n_channels: int = 2) -> ArrayMixture:
    """A low sine in float32: its own steps are small, so any other step shows."""
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)
    return ArrayMixture(np.tile(wave, (n_channels, 1)).astype(np.float32), rate_hz, FLOAT32)


def flat_masks(mixture: Mixture, *shares: float) -> Masks:
    """The same shares in every cell: each stem is the mixture, softer."""
    grid = Toy().grid(mixture.info.rate_hz)
    cells = np.broadcast_to(np.array(shares)[:, None, None, None], (len(shares), 1, grid.chunk_frames, grid.n_rows))
    chunk = quantised(normalised(cells))
    masks = Masks(grid, STEMS, mixture.info.seconds)
    return replace(masks, chunks=dict.fromkeys(range(masks.n_chunks), lambda: chunk))


def wanted(mixture: Mixture, masks: Masks, mix: Mix, start: int, n_samples: int) -> Array:
    """What render gives, as the sound card takes it: float32 (sample, channel)."""
    samples = render(mixture, masks, mix, start, n_samples).samples
    kind = mixture.info.sample_type
    return (samples if kind.is_float else samples / kind.full_scale).astype(np.float32).T


def counting() -> Callable[[Array], None]:
    """A fill whose samples are numbered: channel c of instant n is n + c / 16."""
    state = [0]

    def fill(out: Array) -> None:
        n, n_channels = out.shape
        out[:] = np.arange(state[0], state[0] + n)[:, None] + np.arange(n_channels) / 16
        state[0] += n

    return fill


class Rig:
    """with Rig(mixture, masks) as rig: rig.play(); rig.pull(1000)."""

    def __init__(self, mixture: Mixture, masks: Masks | None = None, open_mixture: Callable[[], Mixture] | None = None) -> None:
        self.mixture, self.masks = mixture, masks
        self.rate_hz = mixture.info.rate_hz
        self.sink = NullSink(by_hand=True)
        self.player = Player(lambda: self.sink)
        self.player.set_song(open_mixture or (lambda: mixture), lambda: self.masks)
        assert self.player.settle()

    def pull(self, n_samples: int, most: int = 1000) -> Array:
        """So many instants in callbacks of at most `most`, the ring filled before each: float32 (sample, channel)."""
        parts = []
        for at in range(0, n_samples, most):
            assert self.player.settle()
            parts.append(self.sink.pull(min(most, n_samples - at)))
        return np.concatenate(parts)

    @property
    def position_s(self) -> float:
        """What is heard once all that was pulled has been played."""
        time.sleep(0.12)
        return self.player.position_s

    def samples(self, seconds: float) -> int:
        return round(seconds * self.rate_hz)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.player.close()
