"""Law 1: masks are at least zero and sum to one, to the last bit of their uint16, whatever a method says."""

import functools

import numpy as np
import pytest
from toys import Toy

from engine.masks import ONE, Masks, normalised, quantised, sharpened
from engine.methods.spectra import look_grid
from engine.stft import n_fft_for, slots
from engine.types import MaskGrid

HOSTILE = {
    "random": lambda rng, shape: rng.random(shape),
    "zeros": lambda rng, shape: np.zeros(shape),
    "huge": lambda rng, shape: rng.random(shape) * 1e308,
    "tiny": lambda rng, shape: rng.random(shape) * 1e-310,
    "negative": lambda rng, shape: rng.standard_normal(shape),
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.nan, rng.random(shape)),
    "inf": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.inf, rng.random(shape)),
    "one owner": lambda rng, shape: (np.arange(shape[0]).reshape(-1, 1, 1, 1) == 0) * np.ones(shape),
    "ties": lambda rng, shape: np.ones(shape),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("n_stems", [2, 3, 4, 5])
def test_normalised_and_quantised_hold_for_every_input(kind: str, n_stems: int) -> None:
    shares = HOSTILE[kind](np.random.default_rng(0), (n_stems, 2, 30, 40))
    before = shares.copy()
    masks = normalised(shares)
    assert np.array_equal(shares, before, equal_nan=True)
    assert np.isfinite(masks).all() and (masks >= 0).all()
    assert np.abs(masks.sum(axis=0) - 1).max() < 1e-15 * 4
    stored = quantised(masks)
    assert stored.dtype == np.uint16
    assert (stored.astype(np.int64).sum(axis=0) == ONE).all()
    assert np.abs(stored / ONE - masks).max() <= 1.0 / ONE + 1e-12
    if kind in ("zeros", "ties"):
        assert np.ptp(stored, axis=0).max() <= 1  # silence is shared equally


@pytest.mark.parametrize("power", [0.25, 1.0, 2.0, 50.0])
def test_sharpened_masks_are_masks_and_keep_their_owner(power: float) -> None:
    masks = normalised(np.random.default_rng(0).random((4, 1, 50, 60)))
    sharp = sharpened(masks, power)
    assert np.abs(sharp.sum(axis=0) - 1).max() < 1e-14
    assert np.array_equal(sharp.argmax(axis=0), masks.argmax(axis=0))
    if power == 1.0:
        assert np.allclose(sharp, masks, atol=1e-15)
    if power > 1:
        assert (sharp.max(axis=0) >= masks.max(axis=0) - 1e-15).all()


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("look_rate_hz", [None, 44100])
def test_on_every_stft_they_still_sum_to_one(rate_hz: int, look_rate_hz: int | None) -> None:
    grid = Toy(look_rate_hz=look_rate_hz).grid(rate_hz)
    grid = MaskGrid(grid.rate_hz, grid.hop, grid.freqs_hz, grid.chunk_frames, has_top=look_rate_hz is not None and rate_hz > look_rate_hz)
    seconds = 2.2
    masks = Masks(grid, ("a", "b", "c", "d"), seconds)
    rng = np.random.default_rng(0)
    for k in range(masks.n_chunks):
        n = min(grid.chunk_frames, grid.n_frames(seconds) - k * grid.chunk_frames)
        chunk = quantised(normalised(rng.random((4, 1, n, grid.n_rows))))
        masks = masks.with_chunk(k, lambda chunk=chunk: chunk)
    n_fft = max(16, 2 ** round(np.log2(4096 * rate_hz / 44100)))
    hop = n_fft // 4
    n_frames = int(seconds * rate_hz / hop)
    shares = masks.on_stft(-2, n_frames + 5, rate_hz, n_fft, hop)
    assert shares.shape == (4, 1, n_fft // 2 + 1, n_frames + 5)
    assert (shares >= 0).all() and np.abs(shares.sum(axis=0) - 1).max() < 1e-14
    part = masks.on_stft(7, 5, rate_hz, n_fft, hop)  # cutting changes nothing
    assert np.array_equal(part, shares[..., 9:14])


@pytest.mark.parametrize("rate_hz", [1000, 11025, 11127, 32000, 37800, 88200, 176400, 768000])
def test_the_chunks_that_are_needed_are_all_that_a_stretch_reads(rate_hz: int) -> None:
    rng = np.random.default_rng(rate_hz)
    n_fft = n_fft_for(rate_hz)
    hop = n_fft // 4
    for grid in (look_grid(rate_hz), MaskGrid(44100, 1024, (100.0, 200.0), 7), MaskGrid(44100, 1024, (100.0, 200.0), 441)):
        for _ in range(50):
            n = int(rng.integers(1, rate_hz * 30))
            start = int(rng.integers(0, n))
            end = int(rng.integers(start + 1, min(n, start + 3 * rate_hz) + 1))
            masks = Masks(grid, ("a", "b"), n / rate_hz)
            read: set[int] = set()

            def chunk(k: int, masks: Masks = masks, read: set[int] = read) -> np.ndarray:
                read.add(k)
                size = min(masks.grid.chunk_frames, masks.grid.n_frames(masks.seconds) - k * masks.grid.chunk_frames)
                return np.ones((2, 1, size, 1), np.uint16)

            for k in range(masks.n_chunks):
                masks = masks.with_chunk(k, functools.partial(chunk, k))
            first, after = slots(start, end - start, hop)
            frames = np.array([first - 1, after + 1]) * hop * grid.rate_hz // (rate_hz * grid.hop)  # as render_stems and on_stft have it
            masks.frames(int(frames[0]), int(frames[1] - frames[0]) + 2)
            assert read <= set(masks.needed(start / rate_hz, end / rate_hz))


def test_unknown_stretches_are_zero_and_never_half_known() -> None:
    grid = Toy(look_rate_hz=44100).grid(48000)
    masks = Masks(grid, ("a", "b", "c", "d"), 3.0)
    n = min(grid.chunk_frames, grid.n_frames(3.0) - grid.chunk_frames)
    chunk = quantised(normalised(np.ones((4, 1, n, grid.n_rows))))
    masks = masks.with_chunk(1, lambda: chunk)
    total = masks.on_stft(0, 120, 48000, 4096, 1024).sum(axis=0)
    assert np.all((np.abs(total - 1) < 1e-12) | (total == 0))
    assert (total == 0).any() and (total > 0).any()
    assert not masks.is_complete and masks.needed(0, 3.0) == list(range(masks.n_chunks))
