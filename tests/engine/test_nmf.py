"""NMF: the updates against their theory, kinds of sound against sounds that are of that kind, chunks that know the song."""

import numpy as np
import pytest
from laws import check_laws, sdr_db

from engine.audio import ArrayMixture
from engine.evaluation.toy_songs import players
from engine.methods.nmf import Nmf, NmfSettings, factored, kinds_of, magnitudes, sounding
from engine.render import render_stems
from engine.separate import separate
from engine.types import FLOAT32, Array, never_cancelled

RATE_HZ = 44100
LOW, PERCUSSIVE, SUSTAINED = range(3)


def divergence(v: Array, w: Array, h: Array) -> float:
    """Generalised Kullback-Leibler, of V as `factored` sees it."""
    v = v / v.max() + 1e-5
    model = w.astype(np.float64) @ h
    return float(np.sum(v * np.log(v / model) - v + model))


def test_the_dictionary_of_a_made_up_sum_is_found() -> None:
    """Four spectra that never sound alone: the factors explain V, and more passes explain it better."""
    rng = np.random.default_rng(0)
    w = rng.random((60, 4)).astype(np.float32) ** 4
    h = (rng.random((4, 300)) * (rng.random((4, 300)) < 0.4)).astype(np.float32)
    v = w @ h
    found_w, found_h = factored(v, 4, never_cancelled)
    np.testing.assert_allclose(found_w.sum(axis=0), 1.0, rtol=1e-4)
    model = found_w @ found_h * v.max()
    assert np.linalg.norm(v - model) < 0.12 * np.linalg.norm(v)
    for column in (w / w.sum(axis=0)).T:  # each true spectrum has a twin
        likeness = column @ found_w / np.linalg.norm(column) / np.linalg.norm(found_w, axis=0)
        assert likeness.max() > 0.9
    again = factored(v, 4, never_cancelled)
    np.testing.assert_array_equal(found_w, again[0])


def test_h_for_a_given_dictionary_descends_to_the_truth() -> None:
    rng = np.random.default_rng(1)
    w = rng.random((80, 5)).astype(np.float32) ** 3
    w /= w.sum(axis=0)
    h = rng.random((5, 40)).astype(np.float32)
    v = w @ h
    found = sounding(v, w)
    start = np.repeat((v / v.max()).sum(axis=0, keepdims=True) / 5.0, 5, axis=0)
    assert divergence(v, w, found) < 0.05 * divergence(v, w, start)
    assert np.corrcoef(found.ravel(), h.ravel())[0, 1] > 0.9


def test_kinds_are_told_by_beginnings_and_by_the_power_below_200_hz() -> None:
    n_bands = 400
    w, h = np.full((n_bands, 4), 1e-9, np.float32), np.full((4, 200), 1e-6, np.float32)
    w[5, 0] = w[5, 1] = w[60, 2] = w[60, 3] = 1.0  # 54 Hz twice, 646 Hz twice
    h[0] = h[2] = 1.0  # held
    h[1, ::20] = h[3, 3::20] = 1.0  # hits of one frame
    kinds = kinds_of(w, h, np.array([0]))
    np.testing.assert_allclose(kinds.sum(axis=0), 1.0, rtol=1e-5)
    assert kinds.argmax(axis=0).tolist() == [LOW, PERCUSSIVE, SUSTAINED, PERCUSSIVE]
    assert kinds.max(axis=0).min() > 0.95
    cut = np.tile([1.0, 1.0, 1e-6, 1e-6], 50).astype(np.float32)[None]  # steps only where excerpts of two frames begin
    assert kinds_of(w[:, :1], cut, np.arange(0, 200, 2)).argmax(axis=0).tolist() == [LOW]
    assert kinds_of(w[:, :1], cut, np.array([0])).argmax(axis=0).tolist() == [PERCUSSIVE]


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000])
def test_drums_bass_and_the_rest_of_a_song_come_apart_into_their_kinds(rate_hz: int) -> None:
    """The stem of its kind is nearer to each player than the mixture and than every other stem."""
    voice, drums, bass, chords = players(9, 6.0, rate_hz)
    pulse = np.sin(2.0 * np.pi * 55.0 * np.arange(len(bass)) / rate_hz) * 0.07  # a held bass note under the plucked ones
    truths = {LOW: bass * 0.1 + pulse, PERCUSSIVE: drums, SUSTAINED: voice * 0.3 + chords}
    mixture = sum(truths.values())[None].astype(np.float32)
    recording = ArrayMixture(mixture, rate_hz, FLOAT32)
    stems = render_stems(recording, separate(recording, Nmf()), 0, mixture.shape[1])
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-5)
    for kind, truth in truths.items():
        scores = [sdr_db(truth[None], stem) for stem in stems]
        assert int(np.argmax(scores)) == kind
        assert scores[kind] - sdr_db(truth[None], mixture) > 3.0


def test_channels_count_by_their_power_and_their_order_means_nothing() -> None:
    rng, method = np.random.default_rng(2), Nmf(NmfSettings(8))
    samples = rng.standard_normal((3, 30_000)).astype(np.float32)
    grid = method.grid(RATE_HZ)
    shares = [method.shares(samples[order], grid, 0, grid.n_frames(0.68)) for order in ([0, 1, 2], [2, 0, 1])]
    check_laws(shares[0], 3)
    np.testing.assert_allclose(shares[0], shares[1], atol=0.02)
    v = magnitudes(samples, 1024, 0, 5)
    np.testing.assert_allclose(v, np.sqrt(sum(np.square(magnitudes(c[None], 1024, 0, 5)) for c in samples)), rtol=1e-4)


def test_chunks_share_one_dictionary() -> None:
    """Chords and drums that never sound in the same chunk: each keeps its kind throughout."""
    n_half = 11 * RATE_HZ
    _, drums, _, chords = players(9, 11.0, RATE_HZ)
    first, second = np.pad(chords, (0, n_half)), np.pad(drums, (n_half, 0))
    mixture = ArrayMixture((first + second)[None].astype(np.float32), RATE_HZ, FLOAT32)
    masks = separate(mixture, Nmf(NmfSettings(12)))
    stems = render_stems(mixture, masks, 0, 2 * n_half)
    assert masks.n_chunks >= 3
    assert sdr_db(first[None], stems[SUSTAINED]) > 8.0 and sdr_db(second[None], stems[PERCUSSIVE]) > 3.0  # 0 dB: the mixture
