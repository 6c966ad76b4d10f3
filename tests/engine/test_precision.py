"""The built-in network says the same whatever computes it: bit for bit on one thread, nearly so on two or in bfloat16."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

import resources.demo
from benchmarks.precision import computing, demo_track, masks_and_sdr
from engine.methods.builtin import Builtin
from engine.types import Array

RATE_HZ = 44100
DEMO = Path(resources.demo.__file__).with_name("demo-song.flac")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def song() -> Array:
    """Ten seconds from the chorus on, float32 (channel, sample)."""
    samples, _ = sf.read(DEMO, start=25 * RATE_HZ, frames=10 * RATE_HZ, dtype="float32")
    return np.ascontiguousarray(samples.T)


def shares(samples: Array, threads: int = 1, bf16: bool = False, method: Builtin | None = None) -> Array:
    method = method or Builtin("cpu")
    grid = method.grid(RATE_HZ)
    with computing("cpu", threads, bf16):
        return method.shares(samples, grid, 0, samples.shape[1] // grid.hop)


def test_one_thread_gives_equal_bits_twice_and_from_a_net_loaded_anew(song: Array) -> None:
    method = Builtin("cpu")
    first = shares(song, method=method)
    assert np.array_equal(first, shares(song, method=method))
    assert np.array_equal(first, shares(song))


def test_the_number_of_threads_changes_next_to_nothing(song: Array) -> None:
    one, two = shares(song), shares(song, threads=2)
    assert np.abs(one - two).max() < 1e-5
    assert np.array_equal(two, shares(song, threads=2))


def test_bfloat16_moves_masks_a_little_and_keeps_the_law(song: Array) -> None:
    full, half = shares(song), shares(song, bf16=True)
    assert not np.array_equal(full, half)  # it was used at all
    assert np.abs(full - half).mean() < 0.01
    assert np.abs(half.sum(axis=0) - 1.0).max() < 2**-7  # a softmax in eight bits; engine.masks makes the sum exact
    assert half.min() >= 0.0


@pytest.mark.slow
def test_bfloat16_changes_no_sdr_of_the_demo_song_that_one_would_see() -> None:
    track = demo_track()
    _, full = masks_and_sdr(track, ("", "cpu", 1, False), "nullsum-4", None)
    _, half = masks_and_sdr(track, ("", "cpu", 1, True), "nullsum-4", None)
    assert np.isfinite(full).all()
    assert np.abs(full - half).max() < 0.05
