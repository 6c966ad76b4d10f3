"""Chunks abut without a cross-fade: where two of them meet, masks change no more than they do anywhere else."""

from pathlib import Path

import numpy as np
import soundfile as sf

from engine.audio import ArrayMixture
from engine.masks import ONE
from engine.methods import build
from engine.separate import separate
from engine.types import INT24

DEMO = Path(__file__).parents[2] / "resources" / "demo" / "demo-song.flac"


def test_the_networks_masks_step_no_more_at_chunk_edges_than_elsewhere() -> None:
    samples, rate_hz = sf.read(DEMO, dtype="int32", always_2d=True)
    mixture = ArrayMixture(np.ascontiguousarray(samples.T[:, : 45 * rate_hz] >> 8), rate_hz, INT24)
    masks = separate(mixture, build("nullsum-4"))
    shares = masks.frames(0, masks.grid.n_frames(masks.seconds)) / ONE
    steps = np.abs(np.diff(shares, axis=2)).mean(axis=(0, 1, 3))  # from each frame to the next
    edges = np.arange(masks.grid.chunk_frames, shares.shape[2], masks.grid.chunk_frames) - 1
    assert len(edges) == 4
    assert steps[edges].mean() < 2 * steps.mean() and steps[edges].max() < steps.max()
