"""ICA on two sources with known axes, and what it makes of one source, of silence and of a studio picture."""

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.evaluation.toy_songs import players
from engine.methods.ica import Ica, axes_of, axis_shares
from engine.types import Array, never_cancelled

RATE_HZ = 16000
SIDE = np.array([1.0, -1.0])


def mixed(angles_deg: tuple[float, float], seconds: float = 5.0) -> Array:
    """Images of a voice and a bass at two angles, -45 being anti-phase: (source, channel, sample) float32."""
    parts = players(8, seconds, RATE_HZ)[[0, 2]]
    angles = np.deg2rad(angles_deg)
    return np.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, :, None] * parts[:, None], dtype=np.float32)


def angles_of(axes: Array) -> list[float]:
    """Angles of the columns in degrees, 0 left, 45 centre, 90 right, -45 or 135 side, folded into -45 .. 135."""
    return [float((np.rad2deg(np.arctan2(a[1], a[0])) + 45.0) % 180.0 - 45.0) for a in axes.T]


def heard(mixture: Array) -> Ica:
    method = Ica()
    return method.listen([mixture], method.grid(RATE_HZ), never_cancelled)


@pytest.mark.parametrize("angles_deg", [(45.0, 0.0), (90.0, 40.0), (30.0, 75.0), (45.0, -45.0), (50.0, 100.0)])
def test_the_axes_of_two_sources_are_found_and_the_central_one_is_first(angles_deg: tuple[float, float]) -> None:
    axes = heard(mixed(angles_deg).sum(axis=0)).axes
    assert axes is not None
    wanted = sorted(angles_deg, key=lambda angle: abs(angle - 45.0))
    for found, true in zip(angles_of(axes), wanted, strict=True):
        assert abs((found - true + 90.0) % 180.0 - 90.0) < 1.5


@pytest.mark.parametrize("angles_deg", [(45.0, 0.0), (90.0, 40.0), (45.0, -45.0)])
def test_two_sources_come_apart_and_better_than_along_the_principal_axes(angles_deg: tuple[float, float]) -> None:
    """At least 8 dB over the mixture; masks along axes that are merely uncorrelated do worse where the sources' are not square."""
    images = mixed(angles_deg)
    mixture, method = images.sum(axis=0), heard(images.sum(axis=0))
    grid = method.grid(RATE_HZ)
    shares = method.shares(mixture, grid, 0, grid.n_frames(5.0))
    check_laws(shares, 2)
    order = np.argsort([abs(angle - 45.0) for angle in angles_deg])
    won = [sdr_db(images[i], s) - sdr_db(images[i], mixture) for i, s in zip(order, stems_by_mask(shares, mixture, grid), strict=True)]
    assert min(won) > 8.0
    if angles_deg != (45.0, -45.0):
        principal = Ica(axes=np.linalg.eigh(np.cov(mixture))[1]).shares(mixture, grid, 0, grid.n_frames(5.0))
        stems = stems_by_mask(principal, mixture, grid)
        best = [max(sdr_db(images[i], s) for s in stems) - sdr_db(images[i], mixture) for i in order]
        assert np.mean(won) > np.mean(best) + 1.0


def test_an_independent_axis_beats_every_other_turn() -> None:
    """Any order of sources, any of their levels: the axes of sparse cells are found to a degree."""
    rng = np.random.default_rng(3)
    sources = rng.laplace(size=(2, 40_000)) * (rng.random((2, 40_000)) < 0.3)
    for true in ((10.0, 60.0), (45.0, 120.0), (-20.0, 30.0)):
        for level in (1.0, 0.1):
            a = np.deg2rad(true)
            cells = np.stack([np.cos(a), np.sin(a)]) * [1.0, level] @ sources
            found = sorted(angles_of(axes_of(cells.astype(np.complex64))))
            wanted = sorted(angle if angle < 135.0 else angle - 180.0 for angle in true)
            np.testing.assert_allclose(found, wanted, atol=1.0)


def test_a_mono_recording_is_all_centre() -> None:
    mono = np.repeat(players(8, 3.0, RATE_HZ)[:1], 2, axis=0).astype(np.float32)
    method = heard(mono)
    assert method.axes is not None and angles_of(method.axes)[0] == pytest.approx(45.0, abs=0.1)
    grid = method.grid(RATE_HZ)
    shares = method.shares(mono, grid, 0, grid.n_frames(3.0))
    power = np.square(np.abs(stems_by_mask(shares, mono, grid))).sum(axis=(1, 2))
    assert power[1] < 1e-6 * power[0]


def test_silence_has_the_middle_and_the_side() -> None:
    axes = axes_of(np.zeros((2, 10), np.complex64))
    np.testing.assert_allclose(np.abs(axes), np.abs(axes[0, 0]) * np.ones((2, 2)), rtol=1e-6)
    assert angles_of(axes)[0] == pytest.approx(45.0)


def test_shares_are_the_power_of_each_axis() -> None:
    rng = np.random.default_rng(0)
    axes, parts = np.array([[1.0, 0.3], [0.8, -1.0]]), rng.standard_normal((2, 5, 6)) + 1j * rng.standard_normal((2, 5, 6))
    cells = np.einsum("ck,kbf->cbf", axes, parts).astype(np.complex64)
    image_power = np.square(np.abs(axes[:, :, None, None] * parts)).sum(axis=0)  # (component, bin, frame)
    np.testing.assert_allclose(axis_shares(cells, axes), image_power / image_power.sum(axis=0), atol=1e-4)
