"""DUET on mixtures with known directions: peaks where the sources are, in order from left to right, and masks that separate."""

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.audio import ArrayMixture
from engine.evaluation.toy_songs import panned, players
from engine.methods.duet import Duet, DuetSettings, owner_shares, peaks
from engine.separate import separate
from engine.types import FLOAT32, Array, never_cancelled

RATE_HZ = 16000


def truths(places: list[tuple[float, float]], seconds: float = 5.0) -> Array:
    """Images of as many players at angles in degrees and delays in ms: (source, channel, sample) float32."""
    parts = players(6, seconds, RATE_HZ)
    images = [panned(part, np.deg2rad(angle), late / 1000.0, RATE_HZ) for part, (angle, late) in zip(parts, places, strict=False)]
    return np.stack(images).astype(np.float32)


def heard(images: Array, settings: DuetSettings) -> Duet:
    method = Duet(settings)
    return method.listen([images.sum(axis=0)], method.grid(RATE_HZ), never_cancelled)


PLACES = [
    [(30.0, 0.0), (40.0, 0.0), (50.0, 0.0), (60.0, 0.0)],  # 10 degrees apart
    [(0.0, 0.0), (30.0, 0.0), (60.0, 0.0), (90.0, 0.0)],  # hard to the sides, where a delay is anything
    [(15.0, 0.3), (35.0, -0.15), (55.0, 0.15), (75.0, -0.3)],
    [(40.0, -0.4), (40.0, 0.4), (50.0, 0.0)],  # two told apart by their delay alone
]


@pytest.mark.parametrize("places", PLACES)
def test_peaks_are_where_the_sources_are(places: list[tuple[float, float]]) -> None:
    found = heard(truths(places), DuetSettings(len(places))).directions
    assert found is not None
    for (angle, delay), (true_angle, true_delay) in zip(found, sorted(places), strict=True):
        assert np.rad2deg(angle) == pytest.approx(true_angle, abs=1.5)
        assert delay * 1000.0 == pytest.approx(true_delay, abs=0.04)


@pytest.mark.parametrize("places", PLACES)
def test_sources_come_apart(places: list[tuple[float, float]]) -> None:
    """Each by at least 7 dB over the mixture; without delays in the model, mixtures that have them come apart worse."""
    images = truths(places)
    mixture, order = images.sum(axis=0), np.argsort([angle + late / 1e3 for angle, late in places], kind="stable")
    won = []
    for settings in (DuetSettings(len(places)), DuetSettings(len(places), max_delay_ms=0.0)):
        method = heard(images, settings)
        grid = method.grid(RATE_HZ)
        shares = method.shares(mixture, grid, 0, grid.n_frames(5.0))
        check_laws(shares, len(places))
        stems = stems_by_mask(shares, mixture, grid)
        won.append([sdr_db(images[i], stem) - sdr_db(images[i], mixture) for i, stem in zip(order, stems, strict=True)])
    assert min(won[0]) > 7.0
    if any(late for _, late in places):
        assert np.mean(won[0]) > np.mean(won[1]) + 0.5


def test_names_are_in_order_from_left_to_right_whatever_the_order_of_loudness() -> None:
    for loud in range(3):
        images = truths([(10.0, 0.0), (45.0, 0.0), (80.0, 0.0)])
        images[loud] *= 3.0
        found = heard(images, DuetSettings(3)).directions
        assert found is not None and [round(np.rad2deg(angle) / 5.0) * 5 for angle, _ in found] == [10, 45, 80]


@pytest.mark.parametrize("n_places", [2, 3, 4, 5])
def test_there_are_always_as_many_directions_as_asked_for(n_places: int) -> None:
    """Of silence, of one source, of a histogram that is flat: sorted, finite, apart from each other."""
    flat, one = np.ones((91, 41)), np.zeros((91, 41))
    one[45, 20] = 1.0
    for weight in (np.zeros((91, 41)), one, flat, np.random.default_rng(0).random((91, 41))):
        found = peaks(weight, 0.5e-3, n_places)
        assert len(found) == n_places and found == sorted(found)
        assert all(0.0 <= angle <= np.pi / 2 and abs(delay) <= 0.5e-3 for angle, delay in found)
        assert len(set(found)) == n_places
    angles = [round(np.rad2deg(angle)) for angle, _ in peaks(one, 0.5e-3, n_places)]
    assert 45 in angles and angles[:1] == [0]  # what is missing stands where nothing is


def test_a_cell_of_one_source_is_its_own_and_one_between_two_is_halved() -> None:
    freqs_hz = np.array([100.0, 440.0, 1000.0, 3000.0])
    directions = [(np.deg2rad(20.0), 0.2e-3), (np.deg2rad(70.0), -0.3e-3)]
    cells = np.zeros((2, 4, 3), np.complex64)
    for j, (angle, delay) in enumerate(directions):
        cells[0, :, j], cells[1, :, j] = np.cos(angle), np.sin(angle) * np.exp(-2j * np.pi * freqs_hz * delay)
    shares = owner_shares(cells, freqs_hz, directions)
    assert shares[0, :, 0].min() > 0.999 and shares[1, :, 1].min() > 0.999
    np.testing.assert_allclose(shares[:, :, 2], 0.5)  # silence
    middle = owner_shares(np.ones((2, 1, 1), np.complex64), np.array([440.0]), [(np.deg2rad(30.0), 0.0), (np.deg2rad(60.0), 0.0)])
    np.testing.assert_allclose(middle, 0.5, atol=1e-5)


def test_the_likeliest_owner_has_the_largest_share() -> None:
    """Softening keeps the order of the chapter's hard decision in every cell."""
    rng = np.random.default_rng(1)
    cells = (rng.standard_normal((2, 30, 40)) + 1j * rng.standard_normal((2, 30, 40))).astype(np.complex64)
    freqs_hz, directions = np.linspace(0.0, 8000.0, 30), [(0.3, 0.1e-3), (0.8, 0.0), (1.2, -0.2e-3)]
    off = []
    for angle, delay in directions:  # the chapter's form: |a e^-iwd L - R|^2 / (1 + a^2)
        a = np.tan(angle)
        off.append(np.abs(a * np.exp(-2j * np.pi * freqs_hz * delay)[:, None] * cells[0] - cells[1]) ** 2 / (1.0 + a * a))
    np.testing.assert_array_equal(owner_shares(cells, freqs_hz, directions).argmax(axis=0), np.argmin(off, axis=0))


def test_chunks_know_the_whole_song() -> None:
    """The two players never sound in the same chunk, yet each keeps its stem."""
    rng, seconds = np.random.default_rng(4), 22
    held = rng.standard_normal((2, seconds * RATE_HZ))
    held[0, 11 * RATE_HZ :] *= 0.001
    held[1, : 11 * RATE_HZ] *= 0.001
    mixture = panned(held[0], np.deg2rad(30.0), 0.0, RATE_HZ) + panned(held[1], np.deg2rad(60.0), 0.0, RATE_HZ)
    masks = separate(ArrayMixture(mixture.astype(np.float32), RATE_HZ, FLOAT32), Duet(DuetSettings(2)))
    shares = masks.frames(0, masks.grid.n_frames(seconds)) / 65535.0
    half = shares.shape[2] // 2
    assert masks.n_chunks >= 3
    assert shares[0, 0, 5 : half - 5].mean() > 0.95 and shares[1, 0, half + 5 : -5].mean() > 0.95
