"""Batches: sums over bands against their definition, and stems that are heard again in other mixes."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from corpora import SMALL, tiny_corpus

from engine.bands import band_edges, band_features
from engine.training.batches import loader, remixed, stft32, sums_of, sums_of_spectra

N_SAMPLES = (SMALL.n_frames - 1) * SMALL.hop + SMALL.n_fft


def random_stems(seed: int) -> np.ndarray:
    """(stem, channel, sample): noise of several levels, the last stem silent."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.1, (4, 2, N_SAMPLES)) * np.array([1.0, 0.3, 2.0, 0.0])[:, None, None]).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_sums_are_those_of_their_definition(seed: int) -> None:
    stems, edges = random_stems(seed), band_edges(SMALL.n_fft // 2 + 1)
    found = sums_of(stems, SMALL)
    spectra = stft32(stems, SMALL.n_fft, SMALL.hop, SMALL.n_frames).swapaxes(-1, -2).astype(np.complex128)  # (..., bin, frame)
    mixture = spectra.sum(axis=0)

    def over_bands(x: np.ndarray) -> np.ndarray:
        return np.stack([x[..., a:b, :].sum(axis=-2) for a, b in pairwise(edges)], axis=-2)

    mix = over_bands((np.abs(mixture) ** 2).sum(axis=0))
    told = {
        "mix": mix[None],
        "power": over_bands((np.abs(spectra) ** 2).sum(axis=1)),
        "cross": over_bands((np.conj(mixture) * spectra).real.sum(axis=1)),
    }
    for name, expected in told.items():
        assert found[name].dtype == np.float32 and found[name].shape == expected.shape
        assert np.allclose(found[name], expected / mix.mean(), rtol=1e-4, atol=1e-5), name
    assert np.allclose(found["features"], band_features(mixture.astype(np.complex64), edges), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_a_remix_is_made_of_the_same_stems_in_other_company(n: int) -> None:
    mixes = [stft32(random_stems(seed)[..., : 3 * SMALL.hop + SMALL.n_fft], SMALL.n_fft, SMALL.hop, 3) for seed in range(n)]
    again = remixed(mixes, np.random.default_rng(n))
    assert len(again) == n and all(mix.shape == mixes[0].shape and mix.dtype == np.complex64 for mix in again)
    heard: list[set[int]] = [set() for _ in range(4)]
    for mix in again:
        origins = []
        for stem in range(3):
            like = [abs(np.vdot(mix[stem], m[stem])) / (np.linalg.norm(mix[stem]) * np.linalg.norm(m[stem])) for m in mixes]
            origins.append(int(np.argmax(like)))
            assert max(like) == pytest.approx(1.0, abs=1e-5)
            gain = np.linalg.norm(mix[stem]) / np.linalg.norm(mixes[origins[-1]][stem])
            assert 10 ** (-20 / 20) < gain < 10 ** (20 / 20)
            heard[stem].add(origins[-1])
        assert not mix[3].any()  # silence stays silence
        assert n < 4 or len(set(origins)) == 3  # no two stems that were together
    assert all(len(origins) == n for origins in heard[:3])  # every stem once


@pytest.mark.parametrize("heard_in", [1, 2, 3, 9])
def test_the_new_mixes_of_a_batch_come_first_and_the_rest_are_made_of_them(tmp_path: Path, heard_in: int) -> None:
    data = tiny_corpus(tmp_path / "data")
    config = replace(SMALL, batch=6, heard_in=heard_in)
    one, all_new = (next(loader(c, data, tmp_path / "cache", 0, 0)) for c in (config, replace(config, heard_in=1)))
    n_new = -(-6 // heard_in)
    for name, value in one.items():
        assert value.shape == all_new[name].shape and value.isfinite().all()
        assert torch.equal(value[:n_new], all_new[name][:n_new])
        assert heard_in == 1 or not torch.equal(value[n_new:], all_new[name][n_new:])
    assert torch.allclose(one["cross"].sum(1), one["mix"][:, 0], rtol=1e-2, atol=1e-3)
    again = next(loader(config, data, tmp_path / "cache", 0, 0))
    assert all(torch.equal(again[name], value) for name, value in one.items())


def test_sums_of_one_stem_alone_say_that_it_is_the_mix() -> None:
    spectra = stft32(random_stems(0), SMALL.n_fft, SMALL.hop, SMALL.n_frames)
    spectra[1:] = 0
    found = sums_of_spectra(spectra, SMALL)
    assert np.allclose(found["power"][0], found["mix"][0], rtol=1e-5) and np.allclose(found["cross"][0], found["mix"][0], rtol=1e-5)
    assert not found["power"][1:].any() and not found["cross"][1:].any()
