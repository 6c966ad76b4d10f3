"""Laws and truth of the harmonic / percussive method, and of the spectra it shares with other simple methods."""

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.errors import MethodError
from engine.methods import hpss
from engine.methods.hpss import LONGEST, Hpss, HpssSettings, median_along_rows, odd_length
from engine.methods.spectra import look_grid, look_n_fft, look_stft, near_unit_peak, noise_floor
from engine.types import Array, MaskGrid

RATE_HZ = 22050


def whole(method: Hpss, samples: Array, rate_hz: int = RATE_HZ) -> tuple[Array, MaskGrid]:
    """Shares of all columns of a recording that is one stretch."""
    grid = method.grid(rate_hz)
    return method.shares(samples, grid, 0, grid.n_frames(samples.shape[1] / rate_hz)), grid


def tones_and_clicks(rate_hz: int, seconds: float = 4.0) -> tuple[Array, Array]:
    """A held stereo chord that swells, and four noise bursts of some milliseconds a second: two (channel, sample) float32."""
    rng = np.random.default_rng(2)
    n_samples = int(seconds * rate_hz)
    t = np.arange(n_samples) / rate_hz
    chord = sum(np.sin(2.0 * np.pi * f * t + f) * (1.0 + 0.3 * np.sin(2.0 * np.pi * 0.5 * t)) for f in (220.0, 523.3, 1318.5, 2093.0))
    tones = np.stack([0.1 * chord, 0.06 * chord])
    clicks = np.zeros((2, n_samples))
    for start_s in np.arange(0.1, seconds - 0.1, 0.25):
        start, length = int(start_s * rate_hz), int(0.03 * rate_hz)
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.005 * rate_hz))
        clicks[:, start : start + length] += 0.9 * burst * np.array([[0.8], [1.0]])
    return tones.astype(np.float32), clicks.astype(np.float32)


def noise(n_channels: int, n_samples: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n_channels, n_samples)).astype(np.float32)


@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("n_samples", [0, 1, 2, 511, 513, 8000])
def test_shares_are_shares_for_every_length_and_channel_count(n_channels: int, n_samples: int) -> None:
    samples = noise(n_channels, n_samples)
    before = samples.copy()
    shares, grid = whole(Hpss(), samples)
    check_laws(shares, 2)
    assert shares.shape[2:] == (len(grid.freqs_hz), grid.n_frames(n_samples / RATE_HZ))
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("level", [1e-45, 1e-30, 1e-3, 1e6, 1e30])
def test_shares_are_shares_at_every_level(level: float) -> None:
    check_laws(whole(Hpss(), noise(2, 20000) * np.float32(level))[0], 2)


@pytest.mark.parametrize("kind", ["dc", "square", "impulse", "half silent"])
def test_shares_are_shares_for_odd_signals(kind: str) -> None:
    samples = np.zeros((2, 20000), dtype=np.float32)
    if kind == "dc":
        samples[:] = 1.0
    elif kind == "square":
        samples[:] = np.where(np.arange(20000) // 50 % 2, 1.0, -1.0)
    elif kind == "impulse":
        samples[:, 10000] = 1.0
    else:
        samples[:, 10000:] = noise(2, 10000)
    check_laws(whole(Hpss(), samples)[0], 2)


def test_silence_is_shared_equally() -> None:
    shares, _ = whole(Hpss(), np.zeros((2, 30000), dtype=np.float32))
    np.testing.assert_array_equal(shares, 0.5)


def test_a_power_of_two_changes_no_bit() -> None:
    samples = np.add(*tones_and_clicks(RATE_HZ, 1.5))
    np.testing.assert_array_equal(whole(Hpss(), samples * np.float32(1024.0))[0], whole(Hpss(), samples)[0])


def test_level_changes_nothing_but_rounding() -> None:
    """Where noise fills all cells the shares are the same; where only rounding noise is left, stems move by under -120 dB."""
    method, samples = Hpss(), noise(2, 30000)
    np.testing.assert_allclose(whole(method, samples * np.float32(1000.0))[0], whole(method, samples)[0], atol=1e-4)
    samples = np.add(*tones_and_clicks(RATE_HZ, 1.5))
    quiet, grid = whole(method, samples)
    loud, _ = whole(method, samples * np.float32(1000.0))
    magnitude = np.abs(look_stft(samples, 4 * grid.hop, grid.hop, 0, quiet.shape[3])).max(axis=0)  # (bin, frame)
    assert np.max(np.abs(loud - quiet) * magnitude / magnitude.max(axis=0)) < 1e-6


def test_swapping_channels_changes_nothing() -> None:
    tones, clicks = tones_and_clicks(RATE_HZ, 1.0)
    np.testing.assert_allclose(whole(Hpss(), (tones + clicks)[::-1])[0], whole(Hpss(), tones + clicks)[0], atol=1e-6)


@pytest.mark.parametrize("settings", [HpssSettings(), HpssSettings(held_s=1.0)])
def test_context_s_is_all_the_context_that_matters(settings: HpssSettings) -> None:
    """A chunk heard with just context_s around it gets the columns that it gets out of the whole recording."""
    method = Hpss(settings)
    samples = noise(2, 8 * RATE_HZ)
    shares, grid = whole(method, samples)
    first, n_frames = 150, 40
    context = int(np.ceil(method.context_s * RATE_HZ / grid.hop))
    stretch = samples[:, (first - context) * grid.hop : (first + n_frames - 1 + context) * grid.hop]
    part = method.shares(stretch, grid, context, n_frames)
    np.testing.assert_allclose(part, shares[..., first : first + n_frames], atol=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 96000])
def test_tones_and_clicks_come_apart_at_every_rate(rate_hz: int) -> None:
    tones, clicks = tones_and_clicks(rate_hz)
    mixture = tones + clicks
    shares, grid = whole(Hpss(), mixture, rate_hz)
    stems = stems_by_mask(shares, mixture, grid)
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-5)
    for truth, stem in zip((tones, clicks), stems, strict=True):
        won = sdr_db(truth, stem) - sdr_db(truth, mixture)
        assert won > 8.0


def test_a_note_from_the_first_to_the_last_sample_is_held_everywhere() -> None:
    """The mirrored ends: without them the first and last columns of a steady tone look like hits."""
    tone = np.sin(2.0 * np.pi * 1000.0 * np.arange(3 * RATE_HZ) / RATE_HZ)[None].astype(np.float32)
    shares, grid = whole(Hpss(), tone)
    row = int(np.argmin(np.abs(np.array(grid.freqs_hz) - 1000.0)))
    assert shares[0, 0, row].min() > 0.98


def test_a_click_at_the_very_start_or_end_is_a_hit() -> None:
    """Mirrored and not repeated: a repeated first column would turn a click on the first sample into a held noise."""
    for at in (0, -1):
        click = np.zeros((1, 64 * 512), dtype=np.float32)
        click[0, at] = 1.0
        shares, _ = whole(Hpss(), click)
        assert shares[1, 0, :, at].min() > 0.99


def test_settings_tell_what_changes_the_masks_and_refuse_nonsense() -> None:
    assert Hpss(HpssSettings(held_s=0.3)).settings == {"held_s": 0.3, "wide_hz": 183.0}
    for bad in ({"held_s": 0.0}, {"held_s": 1.5}, {"wide_hz": -1.0}, {"held_s": float("nan")}):
        with pytest.raises(MethodError, match="must lie above 0"):
            HpssSettings(**bad)


def test_grid_sees_as_many_milliseconds_at_every_rate() -> None:
    for rate_hz, n_fft in ((8000, 1024), (22050, 2048), (44100, 4096), (48000, 4096), (96000, 8192), (192000, 16384)):
        grid = look_grid(rate_hz)
        assert look_n_fft(rate_hz) == n_fft
        assert (grid.hop, len(grid.freqs_hz), grid.has_top) == (n_fft // 4, n_fft // 2 + 1, False)
        assert grid.freqs_hz[-1] == rate_hz / 2
        assert 9.9 < grid.chunk_seconds(0)[1] < 10.1


def test_look_stft_is_the_plain_sum() -> None:
    samples, n_fft, hop = noise(2, 300), 64, 16
    spectrum = look_stft(samples, n_fft, hop, 3, 20)  # columns 3 .. 22: the last ones hear nothing any more
    assert spectrum.shape == (2, 33, 20)
    assert spectrum.dtype == np.complex64
    padded = np.pad(samples.astype(np.float64), ((0, 0), (n_fft // 2, 500)))
    window = np.sin(np.pi * np.arange(n_fft) / n_fft) ** 2
    for i in range(20):
        piece = padded[:, (3 + i) * hop : (3 + i) * hop + n_fft] * window
        np.testing.assert_allclose(spectrum[:, :, i], np.fft.rfft(piece), atol=1e-5)
    np.testing.assert_array_equal(look_stft(samples, n_fft, hop, 90, 4), 0.0)  # all of it past the end


def test_noise_floor_lies_120_db_below_the_loudest_cell_of_each_frame() -> None:
    cell_power = np.array([[1.0, 100.0, 0.0], [0.5, 3.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(noise_floor(cell_power), [[1e-12, 1e-10, 1e-30]], rtol=1e-5)


def test_near_unit_peak_is_exact() -> None:
    for level in (1e-45, 1e-30, 0.3, 1e6, 3e38):
        samples = np.array([[level, -level / 3, 0.0]], dtype=np.float32)
        scaled = near_unit_peak(samples)
        assert 0.5 <= scaled.max() < 1.0
        np.testing.assert_array_equal(np.ldexp(scaled, int(np.frexp(samples.max())[1])), samples)


@pytest.mark.parametrize("reach", [*range(1, 13), LONGEST, LONGEST + 1])
def test_running_median_is_the_median(reach: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpss, "PIECE", 64)  # many seams
    rows = np.random.default_rng(4).standard_normal((5, 80)).astype(np.float32)
    rows[:, ::3] = 0.0  # and many ties
    windows = np.lib.stride_tricks.sliding_window_view(rows, 2 * reach + 1, axis=1)
    np.testing.assert_array_equal(median_along_rows(rows, reach)[:, reach:-reach], np.median(windows, axis=-1))
    np.testing.assert_array_equal(median_along_rows(rows, 0), rows)
    assert [odd_length(x) for x in (0.0, 1.9, 2.1, 16.6, 18.5)] == [1, 1, 3, 17, 19]
