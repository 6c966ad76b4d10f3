"""Laws and truth of the pan positions, and of the table of methods."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.errors import MethodError
from engine.methods import build, methods
from engine.methods.adress import POSITIONS, Adress, AdressSettings, azimuths, position_shares
from engine.methods.spectra import look_stft
from engine.types import Array, MaskGrid

RATE_HZ = 22050
FIVE = POSITIONS[5]


def whole(method: Adress, samples: Array, rate_hz: int = RATE_HZ) -> tuple[Array, MaskGrid]:
    """Shares of all columns of a recording that is one stretch."""
    grid = method.grid(rate_hz)
    return method.shares(samples, grid, 0, grid.n_frames(samples.shape[1] / rate_hz)), grid


def panned(mono: Array, pan: float) -> Array:
    """Constant-power pan pot, 0 left .. 1 right: (sample,) -> (channel=2, sample) float32."""
    return np.outer([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)], mono).astype(np.float32)


def disjoint_sources(n_samples: int) -> list[Array]:
    """Three noises, each in a band of its own: (sample,) each."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal((3, n_samples)))
    freqs_hz = np.fft.rfftfreq(n_samples, 1.0 / RATE_HZ)
    for i, (low, high) in enumerate(((100.0, 900.0), (1100.0, 2900.0), (3200.0, 9000.0))):
        spectrum[i, (freqs_hz < low) | (freqs_hz > high)] = 0.0
    sources = np.fft.irfft(spectrum, n=n_samples)
    return list(0.1 * sources / sources.std(axis=1, keepdims=True))


def overlapping_sources(n_samples: int) -> list[Array]:
    """Three lines of notes with eight partials each over the same two octaves, all playing at once: (sample,) each."""
    rng = np.random.default_rng(6)
    t = np.arange(n_samples) / RATE_HZ
    sources = []
    for _ in range(3):
        source = np.zeros(n_samples)
        for start_s in np.arange(0.0, n_samples / RATE_HZ, 0.3) + rng.uniform(0.0, 0.1):
            f0 = 110.0 * 2.0 ** (rng.integers(0, 25) / 12.0)
            sounding = np.where(t >= start_s, np.exp(-(t - start_s) / 0.25) * np.minimum((t - start_s) / 0.01, 1.0), 0.0)
            for partial in range(1, 9):
                source += sounding * np.sin(2.0 * np.pi * f0 * partial * t + rng.uniform(0.0, 6.28)) / partial
        sources.append(0.1 * source / source.std())
    return sources


def noise(n_channels: int, n_samples: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n_channels, n_samples)).astype(np.float32)


@pytest.mark.parametrize("n_positions", [3, 5, 7])
@pytest.mark.parametrize("n_samples", [0, 1, 2, 511, 513, 8000])
def test_shares_are_shares_for_every_length(n_samples: int, n_positions: int) -> None:
    samples = noise(2, n_samples)
    before = samples.copy()
    method = Adress(AdressSettings(n_positions))
    shares, grid = whole(method, samples)
    check_laws(shares, n_positions)
    assert len(method.info.stems) == n_positions
    assert shares.shape[2:] == (len(grid.freqs_hz), grid.n_frames(n_samples / RATE_HZ))
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("level", [1e-45, 1e-30, 1e-3, 1e6, 1e30])
def test_shares_are_shares_at_every_level(level: float) -> None:
    check_laws(whole(Adress(), noise(2, 20000) * np.float32(level))[0], 5)


@pytest.mark.parametrize("kind", ["dc", "square", "impulse", "half silent", "left only", "anti-phase", "quadrature"])
def test_shares_are_shares_for_odd_signals(kind: str) -> None:
    samples, t = np.zeros((2, 20000), dtype=np.float32), np.arange(20000)
    if kind == "dc":
        samples[:] = 1.0
    elif kind == "square":
        samples[:] = np.where(t // 50 % 2, 1.0, -1.0)
    elif kind == "impulse":
        samples[:, 10000] = 1.0
    elif kind == "half silent":
        samples[:, 10000:] = noise(2, 10000)
    elif kind == "left only":
        samples[0] = noise(1, 20000)[0]
    elif kind == "anti-phase":
        samples[:] = noise(1, 20000) * np.array([[1.0], [-1.0]])
    else:
        samples[:] = np.stack([np.sin(0.3 * t), np.cos(0.3 * t)])
    check_laws(whole(Adress(), samples)[0], 5)


def test_silence_is_shared_equally() -> None:
    np.testing.assert_allclose(whole(Adress(), np.zeros((2, 30000), dtype=np.float32))[0], 0.2, atol=1e-7)


@pytest.mark.parametrize("n_channels, found", [(1, "1 channel"), (6, "6 channels")])
def test_only_stereo_is_taken(n_channels: int, found: str) -> None:
    with pytest.raises(MethodError, match=f"has {found}; choose another method"):
        whole(Adress(), noise(n_channels, 1000))


def test_a_power_of_two_changes_no_bit() -> None:
    left, centre, right = overlapping_sources(30000)
    samples = panned(left, 0.0) + panned(centre, 0.5) + panned(right, 0.8)
    np.testing.assert_array_equal(whole(Adress(), samples * np.float32(1024.0))[0], whole(Adress(), samples)[0])


def test_level_changes_nothing_but_rounding() -> None:
    """Where noise fills all cells the shares are the same; where only rounding noise is left, stems move by under -120 dB."""
    samples = noise(2, 30000)
    np.testing.assert_allclose(whole(Adress(), samples * np.float32(1000.0))[0], whole(Adress(), samples)[0], atol=1e-4)
    samples = panned(overlapping_sources(30000)[0], 0.3)
    quiet, grid = whole(Adress(), samples)
    loud, _ = whole(Adress(), samples * np.float32(1000.0))
    magnitude = np.abs(look_stft(samples, 4 * grid.hop, grid.hop, 0, quiet.shape[3])).max(axis=0)  # (bin, frame)
    assert np.max(np.abs(loud - quiet) * magnitude / (magnitude.max(axis=0) + 1e-20)) < 1e-6


def test_swapping_channels_swaps_sides() -> None:
    samples = noise(2, 20000)
    np.testing.assert_allclose(whole(Adress(), samples[::-1])[0], whole(Adress(), samples)[0][::-1], atol=1e-6)


def test_context_s_is_all_the_context_that_matters() -> None:
    """A chunk heard with just context_s around it gets the columns that it gets out of the whole recording."""
    method, samples = Adress(), noise(2, 6 * RATE_HZ)
    shares, grid = whole(method, samples)
    first, n_frames = 120, 40
    context = int(np.ceil(method.context_s * RATE_HZ / grid.hop))
    stretch = samples[:, (first - context) * grid.hop : (first + n_frames - 1 + context) * grid.hop]
    part = method.shares(stretch, grid, context, n_frames)
    np.testing.assert_allclose(part, shares[..., first : first + n_frames], atol=1e-6)


@pytest.mark.parametrize("gain", [0.0, 0.2, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("loud_channel", [0, 1])
def test_azimuth_is_on_the_papers_scale_and_in_its_null(gain: float, loud_channel: int) -> None:
    """One source: azimuth is 1 - g towards the loud side, as found by searching the paper's grid of i / beta."""
    mono = noise(1, 4096)[0]
    samples = np.stack([mono, gain * mono] if loud_channel == 0 else [gain * mono, mono]).astype(np.float32)
    spectrum = look_stft(samples, 1024, 256, 2, 8)
    azimuth, diffuse = azimuths(spectrum)
    side = -1.0 if loud_channel == 0 else 1.0
    np.testing.assert_allclose(azimuth, side * (1.0 - gain), atol=1e-4)
    assert diffuse.max() < 1e-4
    beta = 100
    tried = np.arange(beta + 1)[:, None, None] / beta
    plane = np.abs(spectrum[1 - loud_channel] - tried * spectrum[loud_channel])  # (i, bin, frame): the paper's plane
    np.testing.assert_array_equal(plane.argmin(axis=0) / beta, gain)


def test_what_no_azimuth_explains_is_diffuse() -> None:
    one = np.ones((1, 1), dtype=np.complex64)
    for other, wanted in ((1.0, 0.0), (1j, 1.0), (-1.0, 1.0), (0.0, 0.0), (np.exp(0.25j * np.pi), 1.0 - np.sqrt(0.5))):
        _, diffuse = azimuths(np.stack([one, (other * one).astype(np.complex64)]))
        np.testing.assert_allclose(diffuse, wanted, atol=1e-6)


def test_shares_move_without_a_jump_through_all_phases_and_levels() -> None:
    """A hair's difference between the channels never moves a share by much: no toss of a coin where they are equal."""
    phase, level = np.meshgrid(np.linspace(-np.pi, np.pi, 721), np.linspace(-1.0, 1.0, 401), indexing="ij")
    right = 10.0**level * np.exp(1j * phase)
    shares = position_shares(*azimuths(np.stack([np.ones_like(right), right]).astype(np.complex64)), 5)
    for axis in (1, 2):
        assert np.abs(np.diff(shares, axis=axis)).max() < 0.05


@pytest.mark.parametrize("pans", [(0.0, 0.5, 1.0), (0.25, 0.5, 0.75)])
@pytest.mark.parametrize("sources", [disjoint_sources, overlapping_sources])
def test_panned_sources_come_apart(sources, pans: tuple[float, float, float]) -> None:  # type: ignore[no-untyped-def]
    """Each source is in the stem of its place, at least 6 dB above the mixture taken for it."""
    truths = [panned(mono, pan) for mono, pan in zip(sources(4 * RATE_HZ), pans, strict=True)]
    mixture = np.sum(truths, axis=0)
    shares, grid = whole(Adress(), mixture)
    stems = stems_by_mask(shares, mixture, grid)
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-5)
    places = {0.0: "left", 0.25: "mid-left", 0.5: "centre", 0.75: "mid-right", 1.0: "right"}
    for truth, pan in zip(truths, pans, strict=True):
        scores = {name: sdr_db(truth, stem) for name, stem in zip(FIVE, stems, strict=True)}
        best = max(scores, key=lambda name: scores[name])
        assert best == places[pan]
        assert scores[best] - sdr_db(truth, mixture) > 6.0


@pytest.mark.parametrize("pan, stem", [(0.0, "left"), (0.5, "centre"), (1.0, "right")])
def test_a_source_at_a_place_is_there_alone(pan: float, stem: str) -> None:
    shares, _ = whole(Adress(), panned(noise(1, 20000)[0], pan))
    assert shares[FIVE.index(stem), ..., 2:-3].min() > 0.999


def test_the_table_says_what_there_is_and_builds_it() -> None:
    table = methods()
    assert {"adress", "hpss"} <= set(table)
    for name in ("adress", "hpss"):
        assert build(name).info == table[name]
        assert table[name].name == name
        assert table[name].sentence.endswith(".")
    assert table["adress"].needs_stereo
    assert build("adress", n_positions=3).settings == {"n_positions": 3}
    assert build("hpss", held_s=0.2).settings["held_s"] == 0.2


def test_unknown_names_options_and_values_are_sentences() -> None:
    with pytest.raises(MethodError, match=r"no method called 'hpps'; did you mean hpss\?"):
        build("hpps")
    with pytest.raises(MethodError, match=r"'xyz'; choose one of: .*adress, .*hpss, .*\."):
        build("xyz")
    with pytest.raises(MethodError, match=r"no option 'positions'; did you mean n_positions\?"):
        build("adress", positions=5)
    with pytest.raises(MethodError, match="n_positions=4 must be one of 3, 5, 7"):
        build("adress", n_positions=4)


def test_the_table_does_not_import_torch() -> None:
    code = "import sys, engine.methods; engine.methods.methods(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "False"


def test_the_null_in_closed_form_is_the_deepest_there_is() -> None:
    """Searched over both halves of the azimuth plane, for cells of any two channels."""
    rng = np.random.default_rng(8)
    left, right = rng.standard_normal((2, 20, 25)) + 1j * rng.standard_normal((2, 20, 25))
    azimuth, diffuse = azimuths(np.stack([left, right]).astype(np.complex64))
    tried = np.linspace(-1.0, 1.0, 2001)[:, None, None]
    gain = 1.0 - np.abs(tried)
    null = np.abs(np.where(tried < 0.0, right - gain * left, left - gain * right)) ** 2 / (1.0 + gain**2)
    total = np.abs(left) ** 2 + np.abs(right) ** 2
    np.testing.assert_allclose(diffuse, 2.0 * null.min(axis=0) / total, atol=1e-5)
    np.testing.assert_allclose(azimuth, tried[null.argmin(axis=0), 0, 0], atol=2e-3)
