"""The experiment on known places: its players, its measures against what they must give, and that the methods beat the mixture."""

from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.baselines import ideal_binary_mask, ideal_shared_mask
from engine.evaluation.images import Images
from engine.evaluation.metrics import sdr
from engine.evaluation.panning import CONDITIONS, MEASURES, candidates, main, scores, song, stems_of, table
from engine.evaluation.toy_songs import PLAYERS, RMS, panned, players
from engine.types import Array

RATE_HZ = 8000


def noises(n_sources: int, n_samples: int = 8000, n_channels: int = 2) -> Array:
    return np.random.default_rng(0).standard_normal((n_sources, n_channels, n_samples))


def test_players_are_the_same_every_time_equally_loud_and_unlike_each_other() -> None:
    for seconds, rate_hz in ((2.0, 8000), (1.5, 44100)):
        parts = players(3, seconds, rate_hz)
        assert parts.shape == (len(PLAYERS), round(seconds * rate_hz)) and np.all(np.isfinite(parts))
        np.testing.assert_array_equal(parts, players(3, seconds, rate_hz))
        np.testing.assert_allclose(np.sqrt(np.mean(np.square(parts), axis=1)), RMS)
        assert np.abs(np.corrcoef(parts) - np.eye(4)).max() < 0.2
    assert not np.array_equal(players(4, 1.5, 44100), parts)


@pytest.mark.parametrize("delay_s", [0.0, 0.5e-3, -0.25e-3])
def test_panned_is_constant_power_and_late_by_what_was_asked_for(delay_s: float) -> None:
    part = players(1, 1.0, RATE_HZ)[2]
    for angle in (0.0, 0.3, np.pi / 4, np.pi / 2):
        left, right = panned(part, angle, delay_s, RATE_HZ)
        np.testing.assert_allclose(left, np.cos(angle) * part)
        shift = round(delay_s * RATE_HZ)  # whole samples here
        inner = slice(20, -20)
        np.testing.assert_allclose(right[inner], np.sin(angle) * np.roll(part, shift)[inner], atol=1e-6)


def test_each_error_counts_where_it_belongs() -> None:
    """Another gain or a short filter is spatial, another source is interference, noise is an artefact; nothing else moves."""
    truth = noises(3)
    images = Images(truth)
    perfect = images.scores(truth[0], 0)
    assert min(perfect.values()) > 80.0
    filtered = 0.8 * truth[0] + 0.1 * np.roll(truth[0], 3, axis=1) * (np.arange(8000) >= 3)
    found = images.scores(filtered, 0)
    error = 10.0 * np.log10(np.sum(truth[0] ** 2) / np.sum((filtered - truth[0]) ** 2))
    assert found["ISR"] == pytest.approx(error, abs=0.05) and found["SIR"] > 40.0 and found["SAR"] > 60.0
    found = images.scores(truth[0] + 0.1 * truth[1], 0)
    assert found["SIR"] == pytest.approx(20.0, abs=0.3) and found["ISR"] > 35.0 and found["SAR"] > 60.0
    found = images.scores(truth[0] + 0.1 * noises(4)[3], 0)
    assert found["SAR"] == pytest.approx(20.0, abs=0.3) and found["SIR"] > 30.0 and found["ISR"] > 35.0
    assert found["SDR"] == pytest.approx(float(sdr(truth[0], truth[0] + 0.1 * noises(4)[3])))


def test_the_parts_are_the_projections_of_plain_least_squares() -> None:
    truth, rng = noises(2, 400), np.random.default_rng(5)
    estimate = truth[0] + 0.3 * truth[1] + 0.2 * rng.standard_normal(truth[0].shape)
    n_taps = 4
    delayed = [np.pad(c, (lag, 0))[:400] for source in truth for c in source for lag in range(n_taps)]
    padded = np.stack([np.pad(c, (lag, n_taps - lag)) for source in truth for c in source for lag in range(n_taps)])  # nothing is cut off

    def fit(rows: Array, plain: list[Array]) -> Array:
        target = np.pad(estimate, ((0, 0), (0, n_taps)))
        taps = np.linalg.lstsq(rows.T, target.T, rcond=None)[0]
        return np.asarray(taps.T @ np.stack(plain))

    along, inside = fit(padded[:8], delayed[:8]), fit(padded, delayed)
    found = Images(truth, n_taps).scores(estimate, 0)
    for measure, signal, error in (("ISR", truth[0], along - truth[0]), ("SIR", along, inside - along), ("SAR", inside, estimate - inside)):
        assert found[measure] == pytest.approx(10.0 * np.log10(np.sum(signal**2) / np.sum(error**2)), abs=0.02)


def test_a_panned_source_is_no_singular_case() -> None:
    truth = np.stack([np.outer([np.cos(a), np.sin(a)], n[0]) for a, n in zip((0.0, 0.8), noises(2), strict=True)])
    found = Images(truth).scores(truth[0] + 0.1 * truth[1], 0)
    assert all(np.isfinite(list(found.values()))) and found["SIR"] == pytest.approx(20.0, abs=0.5)


def test_one_mask_for_both_channels_is_an_ideal_of_its_own_kind() -> None:
    track = song(1, 30.0, 0.0, 3.0, RATE_HZ)
    shared, own = ideal_shared_mask(track), ideal_binary_mask(track)
    for estimates in (shared, own):
        np.testing.assert_allclose(estimates.sum(axis=0), track.mixture, atol=1e-5)
    assert np.mean(sdr(track.stems, own)) >= np.mean(sdr(track.stems, shared)) > 5.0


@pytest.mark.parametrize(("spacing_deg", "max_delay_ms"), CONDITIONS)
def test_projet_and_duet_are_far_above_the_mixture_and_near_the_ideal_mask(spacing_deg: float, max_delay_ms: float) -> None:
    track = song(2, spacing_deg, max_delay_ms, 4.0, RATE_HZ)
    images = Images(track.stems)
    ideal, floor = scores(track, ideal_shared_mask(track), images), scores(track, track.mixture[None], images)
    methods = candidates(max_delay_ms > 0.0)
    for name in ("projet, with delays" if max_delay_ms else "projet", "duet"):
        found = scores(track, stems_of(track, methods[name]), images)
        assert found["SDR"] > floor["SDR"] + 8.0 and found["SIR"] > floor["SIR"] + 8.0
        if not max_delay_ms and spacing_deg >= 20.0:
            assert found["SDR"] > ideal["SDR"] - 3.0


def test_at_30_degrees_methods_without_delays_are_within_3_db_of_the_ideal_mask_of_both_channels() -> None:
    tracks = [song(seed, 30.0, 0.0, 4.0, RATE_HZ) for seed in (1, 2, 3)]
    for name in ("projet", "duet", "adress"):
        apart = []
        for track in tracks:
            images = Images(track.stems)
            ideal = scores(track, ideal_shared_mask(track), images)["SDR"]
            apart.append(scores(track, stems_of(track, candidates(False)[name]), images)["SDR"] - ideal)
        assert np.mean(apart) > -3.0, name


@pytest.mark.parametrize("spacing_deg", [10.0, 20.0, 30.0])
def test_every_method_is_above_the_mixture_and_the_table_says_so(spacing_deg: float) -> None:
    rows = table(spacing_deg, 0.0, 1, 3.0, RATE_HZ)
    by_name = {row["method"]: row for row in rows}
    assert set(by_name) >= {"projet", "duet", "adress", "ica", "ideal binary mask", "mixture"}
    for name, row in by_name.items():
        assert set(row) == {"method", *MEASURES, "to ideal", "to shared ideal"}
        assert name == "mixture" or float(row["SDR"]) > float(by_name["mixture"]["SDR"]) + 1.0
    assert by_name["ideal binary mask"]["to ideal"] == by_name["shared ideal binary mask"]["to shared ideal"] == 0.0


def test_it_prints_a_table_a_condition_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.evaluation.panning.CONDITIONS", ((30.0, 0.0),))
    main(["--songs", "1", "--seconds", "1", "--rate", "8000", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    page = (tmp_path / "panning.md").read_text(encoding="utf-8")
    assert "At 30 degrees `projet` is" in page and "Every method is above the mixture" in page
    assert said.startswith("### 30 degrees (4 sources, dB)\n\n| method | SDR | SIR | ISR | SAR | to ideal | to shared ideal |")
