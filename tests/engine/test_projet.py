"""PROJET against theory and known truth: its model, the weight of its reconstruction, its table, its places."""

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.audio import ArrayMixture
from engine.evaluation.toy_songs import panned, players
from engine.listen import Song
from engine.methods import duet
from engine.methods.places import angles_and_phases
from engine.methods.projet import (
    PASSES,
    SHARP,
    Projet,
    ProjetSettings,
    fitted_once,
    histogram,
    learned,
    looked_up,
    make_model,
    part_shares,
    table_of,
)
from engine.methods.spectra import look_stft
from engine.separate import separate
from engine.types import FLOAT32, Array, never_cancelled

RATE_HZ = 16000


def truths(spacing_deg: float, max_delay_s: float = 0.0, seconds: float = 5.0) -> Array:
    """Images of four players side by side: (source, channel, sample) float32, from left to right."""
    angles, delays = np.deg2rad(45.0 + spacing_deg * np.array([-1.5, -0.5, 0.5, 1.5])), max_delay_s * np.array([1.0, -0.5, 0.5, -1.0])
    parts = players(5, seconds, RATE_HZ)
    return np.stack([panned(p, a, d, RATE_HZ) for p, a, d in zip(parts, angles, delays, strict=True)]).astype(np.float32)


def gains_db(images: Array, settings: ProjetSettings) -> list[float]:
    """How much better each stem is than the mixture taken for it; stems are compared in order, from left to right."""
    method, mixture = Projet(settings), images.sum(axis=0)
    grid = method.grid(RATE_HZ)
    shares = method.shares(mixture, grid, 0, grid.n_frames(mixture.shape[1] / RATE_HZ))
    check_laws(shares, len(images), 2)
    stems = stems_by_mask(shares, mixture, grid)
    return [sdr_db(image, stem) - sdr_db(image, mixture) for image, stem in zip(images, stems, strict=True)]


@pytest.mark.parametrize("max_delay_s", [0.0, 0.4e-3])
def test_a_projection_silences_its_own_place_and_the_kernel_is_its_gain(max_delay_s: float) -> None:
    model = make_model(max_delay_s)
    assert model.kernel.shape[0] == len(model.bands_hz) and model.seen.shape[1] == len(model.angles) * len(model.phases)
    assert np.all(model.kernel <= 1.0 + 1e-6) and np.all(model.seen <= np.sqrt(2.0) + 1e-6)
    if not max_delay_s:
        n_projections = model.kernel.shape[2]
        phi = np.linspace(0.0, np.pi / 2.0, n_projections)
        np.testing.assert_allclose(model.kernel[0], np.abs(np.sin(phi - model.places[:, :1])), atol=1e-6)
        np.testing.assert_allclose(np.diagonal(model.kernel[0, ::10, ::3]), 0.0, atol=1e-6)  # 0, 30, 60, 90 degrees are in both


def test_update_2_never_raises_the_divergence_and_keeps_what_fits() -> None:
    """A multiplicative update of Kullback-Leibler descends; where |c| is already the model's, it is a fixed point."""
    rng, model = np.random.default_rng(0), make_model(0.0)
    hills = np.exp(-0.5 * np.square((model.places[:, 0] - np.deg2rad([[15.0], [45.0], [80.0]])) / 0.1))
    qk = np.einsum("jl,blm->bjm", hills.astype(np.float32), model.kernel)
    true = rng.random((1, 40, 3)).astype(np.float32)
    seen = true @ qk
    np.testing.assert_allclose(fitted_once(true, qk, seen), true, rtol=1e-4)
    for haste in (1.0, 1.7):
        p, before, first = np.full_like(true, 0.5), np.inf, 0.0
        for _ in range(60):
            p = fitted_once(p, qk, seen, haste)
            sigma = p @ qk
            divergence = float(np.sum(seen * np.log(seen / sigma) - seen + sigma, dtype=np.float64))
            assert divergence <= before + 1e-4
            before, first = divergence, first or divergence
        assert before < 0.1 * first


def test_the_weight_is_the_product_that_the_model_adds_up() -> None:
    """Equation (4): of a sum of independent alpha-stable parts, the expected share of one is its scale over the sum of scales.

    Shown for parts drawn from complex Cauchy distributions (alpha = 1), where dividing by P is far off.
    """
    rng = np.random.default_rng(1)
    scales = np.array([1.0, 0.25, 0.05])  # P (QK) of three objects in one projection
    # complex isotropic Cauchy: a complex normal of random power 1 / chi-square; alpha-stable with alpha = 1
    z = (rng.standard_normal((3, 400_000)) + 1j * rng.standard_normal((3, 400_000))) / np.abs(rng.standard_normal((3, 400_000)))
    parts = scales[:, None] * z
    total = parts.sum(axis=0)
    near = (np.abs(total) > 1.0) & (np.abs(total) < 3.0)  # the conditional mean is linear in the sum, so any ring tells the slope
    slopes = [(parts[j, near] * total[near].conj()).real.sum() / np.square(np.abs(total[near])).sum() for j in range(3)]
    p, qk = np.array([[[1.0, 0.5, 0.2]]], np.float32), np.array([[[1.0], [0.5], [0.25]]], np.float32)
    np.testing.assert_allclose(p[0, 0] * qk[0, :, 0], scales, rtol=1e-6)
    multiplied = part_shares(p, qk)[0, 0, :, 0]
    divided = (qk[0, :, 0] / p[0, 0]) / (qk[0, :, 0] / p[0, 0]).sum()
    np.testing.assert_allclose(multiplied, slopes, atol=0.02)
    assert np.abs(divided - slopes).max() > 0.2


def test_multiplying_separates_and_dividing_does_not() -> None:
    images = truths(20.0)
    mixture, method = images.sum(axis=0), Projet(ProjetSettings(4))
    grid = method.grid(RATE_HZ)
    freqs_hz, n_fft = np.array(grid.freqs_hz), 2 * (len(grid.freqs_hz) - 1)
    spectrum, model = look_stft(mixture, n_fft, grid.hop, 0, grid.n_frames(5.0)), make_model(0.0)
    starts = np.array([(a, 0.0) for a in np.deg2rad([15.0, 35.0, 55.0, 75.0])])
    q = learned(histogram(spectrum, freqs_hz, model), model, starts, never_cancelled)
    won = []
    for sign in (1.0, -1.0):
        qk = np.einsum("jl,blm->bjm", q, model.kernel)
        p = np.full((*model.seen.shape[:2], 4), 0.5, np.float32)
        for _ in range(PASSES):
            p = fitted_once(p, qk, model.seen)
        ears = np.stack([np.cos(model.places[:, 0]), np.sin(model.places[:, 0])], axis=1).astype(np.float32)
        parts = part_shares((p + np.float32(1e-6)) ** np.float32(sign), (q @ ears)[None], SHARP)
        table = np.ascontiguousarray(np.moveaxis(parts, (2, 3), (0, 1))).reshape(4, 2, 1, len(model.angles), len(model.phases))
        if sign > 0.0:
            np.testing.assert_allclose(table, table_of(q, model, never_cancelled), atol=0.05)  # the method's own, in more haste
        stems = stems_by_mask(looked_up(table, spectrum, freqs_hz), mixture, grid)
        won.append(np.mean([sdr_db(image, stem) - sdr_db(image, mixture) for image, stem in zip(images, stems, strict=True)]))
    assert won[0] > 12.0
    assert won[0] - won[1] > 8.0


@pytest.mark.parametrize("spacing_deg", [10.0, 20.0, 30.0])
def test_panned_players_come_apart(spacing_deg: float) -> None:
    assert min(gains_db(truths(spacing_deg), ProjetSettings(4))) > 9.0


def test_delays_are_learned_where_they_are_asked_for() -> None:
    images = truths(20.0, 0.4e-3, seconds=3.0)
    with_delays, without = gains_db(images, ProjetSettings(4, 0.5)), gains_db(images, ProjetSettings(4))
    assert min(with_delays) > 7.0
    assert np.mean(with_delays) > np.mean(without) + 1.0


def test_objects_stand_where_the_players_do_and_in_order() -> None:
    model, images = make_model(0.0), truths(20.0)
    spectrum = look_stft(images.sum(axis=0), 2048, 512, 0, 150)
    weight = histogram(spectrum, np.fft.rfftfreq(2048, 1.0 / RATE_HZ), model)
    peaks = np.array(duet.peaks(duet.histogram(spectrum, np.fft.rfftfreq(2048, 1.0 / RATE_HZ), 0.0), 0.0, 4))
    for starts in (peaks, peaks[[2, 0, 3, 1]], np.array([(a, 0.0) for a in np.deg2rad([11.0, 34.0, 56.0, 79.0])])):
        q = learned(weight, model, starts, never_cancelled)
        means = np.rad2deg(q @ model.places[:, 0] / q.sum(axis=1))
        np.testing.assert_allclose(means, [15.0, 35.0, 55.0, 75.0], atol=2.5)  # without delays any start ends there


def test_the_table_is_what_the_updates_give_cell_by_cell() -> None:
    """Interpolated shares of random cells against (2) run on those very cells."""
    rng, model = np.random.default_rng(2), make_model(0.0)
    centres = np.deg2rad([20.0, 50.0, 70.0])
    q = np.exp(-0.5 * np.square((model.places[:, 0] - centres[:, None]) / 0.1)).astype(np.float32)
    q /= q.sum(axis=1, keepdims=True)
    cells = (rng.standard_normal((2, 50, 8)) + 1j * rng.standard_normal((2, 50, 8))).astype(np.complex64)
    found = looked_up(table_of(q, model, never_cancelled), cells, np.zeros(50))
    phi = np.linspace(0.0, np.pi / 2.0, model.kernel.shape[2])
    seen = np.abs(np.sin(phi) * cells[0].reshape(-1, 1) - np.cos(phi) * cells[1].reshape(-1, 1))[None].astype(np.float32)
    qk, p = np.einsum("jl,blm->bjm", q, model.kernel), np.full((1, 400, 3), 0.5, np.float32)
    for _ in range(200):
        p = fitted_once(p, qk, seen)
    ears = np.stack([np.cos(model.places[:, 0]), np.sin(model.places[:, 0])], axis=1).astype(np.float32)
    exact = np.moveaxis(part_shares(p, (q @ ears)[None], SHARP)[0], 0, -1).reshape(3, 2, 50, 8)
    assert np.abs(found - exact).mean() < 0.02


def test_histogram_holds_all_magnitude_and_knows_angle_and_phase() -> None:
    model = make_model(0.0)
    cells = np.array([[[1.0]], [[1.0]]], np.complex64)
    known = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 90.0, 0.0), (1.0, 1.0, 45.0, 0.0), (1.0, -1.0, 45.0, 180.0), (1.0, 1j, 45.0, 90.0))
    for left, right, angle, phase in known:
        cells[0, 0, 0], cells[1, 0, 0] = left, right
        weight = histogram(cells, np.zeros(1), model).reshape(len(model.angles), len(model.phases))
        np.testing.assert_allclose(weight.sum(), np.hypot(abs(left), abs(right)))
        i, j = np.unravel_index(weight.argmax(), weight.shape)
        assert np.rad2deg(model.angles[i]) == pytest.approx(angle)
        if left and right:
            assert abs(np.rad2deg(model.phases[j])) == pytest.approx(phase)
    assert angles_and_phases(np.zeros((2, 1, 1), np.complex64))[2] == 0.0


def test_chunks_know_the_whole_song_and_meet_without_a_seam() -> None:
    """Two players who never play in the same chunk: each keeps its stem, and where chunks meet nothing is to be seen."""
    rng, seconds = np.random.default_rng(4), 24
    held = np.repeat(rng.standard_normal((2, seconds * 8)), RATE_HZ // 8, axis=1) * rng.standard_normal((2, seconds * RATE_HZ))
    held[0, 12 * RATE_HZ :] *= 0.001
    held[1, : 12 * RATE_HZ] *= 0.001
    images = np.stack([panned(held[0], np.deg2rad(30.0), 0.0, RATE_HZ), panned(held[1], np.deg2rad(60.0), 0.0, RATE_HZ)])
    mixture = ArrayMixture(images.sum(axis=0).astype(np.float32), RATE_HZ, FLOAT32)
    masks = separate(mixture, Projet(ProjetSettings(2)))
    assert masks.n_chunks == 5
    shares = masks.frames(0, masks.grid.n_frames(seconds)) / 65535.0  # (stem, channel, frame, row)
    half = shares.shape[2] // 2
    assert shares[0, :, 5 : half - 5].mean() > 0.95 and shares[1, :, half + 5 : -5].mean() > 0.95
    grid = masks.grid
    knowing = Song(mixture, Projet(ProjetSettings(2)), grid, never_cancelled).knowing
    in_one = knowing.shares(mixture.read(0, seconds * RATE_HZ), grid, 0, shares.shape[2])
    np.testing.assert_allclose(np.swapaxes(shares, 2, 3), in_one, atol=1e-3)  # no seam: the page gives what one stretch would
