"""The evaluation workshop: metrics on truths that are known, pairing by name, floors and ceilings in their order, the command."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from toys import Toy

from engine.errors import BadInputError, MethodError
from engine.evaluation import __main__ as command
from engine.evaluation import baselines, metrics
from engine.evaluation.compare import box_plot, paired_tests
from engine.evaluation.data import FOUR, TWO, Track, find_tracks, load, make_track
from engine.evaluation.estimate import estimate, why_not
from engine.evaluation.scores import TrackScores, over_songs, remix_key, score
from engine.evaluation.tables import as_json, cells, markdown, rows
from engine.methods.hpss import Hpss
from engine.types import Array, MethodInfo

RATE_HZ = 8000
RNG_SEED = 5
needs_museval = pytest.mark.skipif(importlib.util.find_spec("museval") is None, reason="museval comes with the extra `train`")
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib comes with the extra `train`")


def song(n_seconds: float = 6.0, names: tuple[str, ...] = FOUR, seed: int = RNG_SEED) -> Track:
    """Something like a song in stereo: a gliding voice, noise bursts, a low note, a chord; each sounds most of the time."""
    rng = np.random.default_rng(seed)
    n = int(n_seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * h * (300 * t + 4 * np.sin(2 * np.pi * 0.7 * t + seed))) / h for h in (1, 2, 3, 4, 5))
    bursts = rng.standard_normal(n) * np.exp(-12 * (t % 0.5))
    low = np.sin(2 * np.pi * 55 * t) + 0.4 * np.sin(2 * np.pi * 110 * t)
    chord = sum(np.sin(2 * np.pi * f * t) for f in (392.0, 494.0, 587.0)) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.4 * t))
    parts = [0.1 * np.stack([left * part, right * part]) for part, left, right in
             ((voice, 1, 1), (bursts, 0.9, 1), (low, 1, 1), (chord, 1, 0.5))]  # fmt: skip
    stems = np.stack(parts if names == FOUR else [parts[0], parts[1] + parts[2] + parts[3]])
    return make_track(f"song-{seed}", names, stems, RATE_HZ)


def noisy(stems: Array, snr_db: float, seed: int = 1) -> Array:
    """The stems with noise at exactly this distance in every window of one second."""
    rng = np.random.default_rng(seed)
    out = stems.astype(np.float64)
    for w in metrics.windows(stems.shape[-1], RATE_HZ):
        noise = rng.standard_normal(out[..., w].shape)
        scale = np.sqrt(metrics.energy(stems[..., w]) / metrics.energy(noise) / 10 ** (snr_db / 10))
        out[..., w] += noise * scale[..., None, None]
    return out.astype(np.float32)


def figures(track: Track, stems: Array, metric: str = "sdr") -> Array:
    found = score(track, stems, "x")
    return np.array([found.median(metric, name) for name in track.names])


# ------------------------------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 6.3, 40.0])
def test_noise_at_a_known_distance_gives_that_sdr(snr_db: float) -> None:
    track = song()
    assert figures(track, noisy(track.stems, snr_db)) == pytest.approx(snr_db, abs=0.01)


def test_sdr_is_the_median_over_whole_windows_of_a_second_and_the_mean_over_songs() -> None:
    track = song(5.7)
    stems = track.stems.copy()
    for second, factor in enumerate((0.9, 0.5, 0.99, 0.0, 0.7)):  # an error of 1 - factor: 20, 6, 40, 0 and 10.5 dB
        stems[..., second * RATE_HZ : (second + 1) * RATE_HZ] *= factor
    stems[..., 5 * RATE_HZ :] = 9.0  # in the part of a window that is left over
    found = score(track, stems, "x")
    assert found.windows["sdr"]["drums"] == pytest.approx([20.0, 6.02, 40.0, 0.0, 10.46], abs=0.01)
    assert found.median("sdr", "drums") == pytest.approx(10.46, abs=0.01)
    other = TrackScores("x", "method", "b", FOUR, {"sdr": {"drums": np.array([20.0, np.nan])}, "bss_sdr": {"drums": np.array([1.0])}})
    third = TrackScores("x", "method", "c", FOUR, {"sdr": {"drums": np.array([np.nan])}, "bss_sdr": {"drums": np.array([5.0])}})
    assert over_songs([found, other, third], "sdr", "drums") == pytest.approx((10.46 + 20.0) / 2, abs=0.01)
    last = TrackScores("x", "method", "d", FOUR, {"bss_sdr": {"drums": np.array([30.0])}})
    assert over_songs([other, third, last], "bss_sdr", "drums") == 5.0  # their median


def test_windows_in_which_the_true_stem_is_silent_are_left_out() -> None:
    track = song(4.0)
    stems = track.stems.copy()
    stems[0, :, : 2 * RATE_HZ] = 0.0
    stems[1, :, :RATE_HZ] *= 10 ** (-90 / 20)  # near silence, as a lossy codec leaves it
    stems[3] = 0.0  # a stem that is absent
    track = make_track("quiet", FOUR, stems, RATE_HZ)
    found = score(track, noisy(track.stems, 10.0), "x")
    assert np.isnan(found.windows["sdr"]["vocals"]).tolist() == [True, True, False, False]
    assert np.isnan(found.windows["sdr"]["drums"]).tolist() == [True, False, False, False]
    assert np.isnan(found.windows["remix"][remix_key(3.0)]).tolist() == [True, True, False, False]
    assert np.isnan(found.median("sdr", "other"))


def test_a_recording_shorter_than_a_window_is_one_window() -> None:
    track = song(0.3)
    assert figures(track, noisy(track.stems, 12.0)) == pytest.approx(12.0, abs=0.01)


def test_si_sdr_does_not_know_the_scale_and_sdr_does() -> None:
    track = song()
    stems = noisy(track.stems, 15.0)
    assert figures(track, 0.2 * stems, "si_sdr") == pytest.approx(figures(track, stems, "si_sdr"), abs=0.01)
    assert np.all(figures(track, 0.2 * stems) < 3.0)
    assert np.all(figures(track, 0.0 * stems, "si_sdr") == -metrics.MAX_DB)
    assert figures(track, 0.0 * stems) == pytest.approx(0.0)


@pytest.mark.parametrize("factor", [1e-20, 1e-3, 1.0, 1e6])
def test_figures_do_not_know_the_level_of_the_song(factor: float) -> None:
    track = song(2.0)
    loud = make_track("loud", FOUR, track.stems.astype(np.float64) * factor, RATE_HZ)
    stems = noisy(track.stems, 8.0)
    assert figures(loud, (stems * np.float64(factor)).astype(np.float32)) == pytest.approx(8.0, abs=0.02)


def test_a_perfect_estimate_ends_at_the_highest_figure() -> None:
    track = song(2.0)
    assert np.all(figures(track, track.stems) == metrics.MAX_DB)
    json.loads(as_json([score(track, track.stems, "x")], {}))


def test_the_floor_is_what_its_formula_says() -> None:
    track = song()
    found = score(track, baselines.mixture_as_estimate(track), "mixture")
    w = slice(2 * RATE_HZ, 3 * RATE_HZ)
    for i, name in enumerate(FOUR):
        rest = (track.mixture - track.stems[i])[:, w].astype(np.float64)
        expected = 10 * np.log10(np.sum(track.stems[i][:, w].astype(np.float64) ** 2) / np.sum(rest**2))
        assert found.windows["sdr"][name][2] == pytest.approx(expected, abs=1e-3)


def test_remix_sdr_beside_doing_nothing() -> None:
    track = song()
    found = score(track, noisy(track.stems, 20.0), "x")
    w = slice(0, RATE_HZ)
    for gain_db in (3.0, -3.0):
        g = 10 ** (gain_db / 20)
        vocals, mixture = track.stems[0][:, w].astype(np.float64), track.mixture[:, w].astype(np.float64)
        nothing = 10 * np.log10(np.sum((mixture + (g - 1) * vocals) ** 2) / ((g - 1) ** 2 * np.sum(vocals**2)))
        assert found.windows["remix"][remix_key(gain_db, nothing=True)][0] == pytest.approx(nothing, abs=1e-3)
        assert found.windows["remix"][remix_key(gain_db)][0] == pytest.approx(nothing + 20.0, abs=0.01)  # the error is the stem's, scaled
    silent = score(track, np.zeros_like(track.stems), "x")  # a fader of a silent stem does nothing
    assert silent.median("remix", remix_key(3.0)) == pytest.approx(silent.median("remix", remix_key(3.0, nothing=True)))


def test_scoring_changes_neither_truth_nor_estimate() -> None:
    track = song(2.0)
    stems = noisy(track.stems, 5.0)
    before = track.stems.copy(), track.mixture.copy(), stems.copy()
    score(track, stems, "x")
    assert all(np.array_equal(a, b) for a, b in zip(before, (track.stems, track.mixture, stems), strict=True))
    with pytest.raises(ValueError, match="shape"):
        score(track, stems[:3], "x")


@needs_museval
def test_bss_eval_agrees_with_plain_sdr_and_skips_what_is_silent() -> None:
    track = song(3.0, TWO)
    stems = noisy(track.stems, 9.0)
    found = score(track, stems, "x", metrics=("plain", "museval"))
    assert found.median("bss_sdr", "vocals") == pytest.approx(9.0, abs=0.05)  # its SDR is the plain one, its filters shape the others
    assert found.median("bss_sar", "vocals") == pytest.approx(9.0, abs=2.0)  # all of the error is noise: artefacts,
    assert found.median("bss_sir", "vocals") > 15.0  # not interference
    absent = make_track("absent", TWO, np.stack([np.zeros_like(stems[0]), track.stems[1]]), RATE_HZ)
    part = metrics.bss_eval(absent.stems, stems, RATE_HZ)
    assert np.isnan(part["bss_sdr"][0]).all()
    assert np.isfinite(part["bss_sdr"][1]).all()


@needs_museval
def test_the_noise_in_the_references_of_bss_eval_changes_nothing_where_it_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    track = song(2.0, TWO)
    wide = make_track("wide", TWO, noisy(track.stems, 20.0, seed=7), RATE_HZ)
    with_noise = metrics.bss_eval(wide.stems, baselines.ideal_ratio_mask(wide), RATE_HZ)
    monkeypatch.setattr(metrics, "BSS_NOISE_DB", -300.0)
    without = metrics.bss_eval(wide.stems, baselines.ideal_ratio_mask(wide), RATE_HZ)
    for name in metrics.BSS:
        assert with_noise[name] == pytest.approx(without[name], abs=0.02)


def test_a_missing_museval_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics._museval.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    track = song(1.0)
    with pytest.raises(BadInputError, match=r"museval.*not installed.*nullsum\[train\]"):
        score(track, track.stems, "x", metrics=("museval",))


# ---------------------------------------------------------------------------------------------------------------- data


def write(folder: Path, track: Track, names: dict[str, str] | None = None) -> None:
    """Stems as files; names: stem -> file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, stem in zip(track.names, track.stems, strict=True):
        if names is None or name in names:
            sf.write(folder / (names[name] if names else f"{name}.wav"), stem.T, track.rate_hz, subtype="FLOAT")


def test_files_are_paired_by_name_and_never_by_order(tmp_path: Path) -> None:
    track = song(2.0)
    (tmp_path / "sounds").mkdir()
    entries = []
    for place, name in zip("dbca", FOUR, strict=True):  # their order on disk and in the index is another than that of the stems
        sf.write(tmp_path / "sounds" / f"{place}.wav", track.stems[FOUR.index(name)].T, RATE_HZ, subtype="FLOAT")
        entries.insert(0, {"kind": "song-stem", "song": "s", "split": "valid", "role": name, "path": f"sounds/{place}.wav"})
    entries += [{"kind": "song-stem", "song": "t", "split": "train", "role": "drums", "path": "sounds/b.wav"}]
    entries += [{"kind": "phrases", "song": None, "split": "valid", "role": "vocals", "path": "nowhere.wav"}]
    (tmp_path / "INDEX.json").write_text(json.dumps(entries))
    (files,) = find_tracks(tmp_path)  # the split "valid"
    read = load(files)
    assert read.name == "s"
    assert read.names == FOUR
    assert np.array_equal(read.stems, track.stems)
    assert figures(read, read.stems).min() == metrics.MAX_DB
    (other,) = find_tracks(tmp_path, songs=("t",))  # whatever its split
    drums = load(other)
    assert np.array_equal(drums.stems[1], track.stems[1])
    assert not drums.stems[[0, 2, 3]].any()  # stems that are absent are silence
    assert np.array_equal(drums.mixture, drums.stems[1])
    with pytest.raises(BadInputError, match=r"no song 'u'.*s, t"):
        find_tracks(tmp_path, songs=("u",))


def test_folders_in_the_musdb_layout_and_with_an_accompaniment(tmp_path: Path) -> None:
    four, two = song(1.5, seed=1), song(1.5, TWO, seed=2)
    write(tmp_path / "test" / "b-song", four)
    write(tmp_path / "test" / "b-song", four, {"vocals": "mixture.wav"})  # never read: it would be wrong here
    write(tmp_path / "test" / "a-song", two)
    (tmp_path / "test" / "empty").mkdir()
    a, b = find_tracks(tmp_path, split="test")
    assert (a.name, a.names) == ("a-song", TWO)
    assert (b.name, b.names) == ("b-song", FOUR)
    assert np.array_equal(load(a).stems, two.stems)
    assert np.array_equal(load(b).stems, four.stems)
    assert load(b).mixture == pytest.approx(four.stems.sum(axis=0), abs=1e-6)
    cut = load(b, 0.5, 1.0)
    assert np.array_equal(cut.stems, four.stems[..., RATE_HZ // 2 : RATE_HZ])
    (one,) = find_tracks(tmp_path / "test" / "b-song")
    assert one.paths == b.paths
    with pytest.raises(BadInputError, match="ends before 7 s"):
        load(b, 7.0)


def test_stems_of_different_length_and_width_become_one_shape(tmp_path: Path) -> None:
    track = song(1.0)
    write(tmp_path, track)
    sf.write(tmp_path / "bass.wav", track.stems[2, 0, : RATE_HZ // 2], RATE_HZ, subtype="FLOAT")
    read = load(*find_tracks(tmp_path))
    assert read.stems.shape == track.stems.shape
    assert np.array_equal(read.stems[2, 1, : RATE_HZ // 2], track.stems[2, 0, : RATE_HZ // 2])
    assert not read.stems[2, :, RATE_HZ // 2 :].any()


def test_unusable_folders_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no folder"):
        find_tracks(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="holds no song"):
        find_tracks(tmp_path)
    write(tmp_path / "s", song(0.5))
    sf.write(tmp_path / "s" / "bass.wav", np.zeros(10), 2 * RATE_HZ)
    with pytest.raises(BadInputError, match="different rates"):
        load(*find_tracks(tmp_path))
    sf.write(tmp_path / "s" / "bass.flac", np.zeros(10), RATE_HZ)
    with pytest.raises(BadInputError, match=r"bass.flac and bass.wav"):
        find_tracks(tmp_path)
    (tmp_path / "INDEX.json").write_text("{]")
    with pytest.raises(BadInputError, match="cannot be read"):
        find_tracks(tmp_path)


# ----------------------------------------------------------------------------------------- baselines and real methods


@dataclass(frozen=True)
class Swapped(Toy):
    """The toy with its stems in another order: a pairing by order would mix them up."""

    info: MethodInfo = MethodInfo("swapped", "Swapped", "test", ("bass", "other", "drums", "vocals"), "For tests.", "none")


@pytest.mark.parametrize("names", [FOUR, TWO])
def test_floor_equaliser_methods_and_oracles_stand_in_their_order(names: tuple[str, ...]) -> None:
    track = song(names=names)
    found = {name: figures(track, make(track)) for name, (_, _, make) in baselines.BASELINES.items()}
    method = figures(track, estimate(track, Toy()))
    assert np.all(found["equaliser"] > found["mixture"])
    assert np.mean(found["equaliser"]) > np.mean(found["equal"])
    for ceiling in ("irm", "ibm"):
        assert np.mean(found[ceiling]) > np.mean(found["equaliser"])  # not stem by stem: a note that is held has a perfect equaliser
        assert np.all(found[ceiling] >= method)
        assert np.all(found[ceiling] > 5.0)


@pytest.mark.parametrize("name", [name for name in baselines.BASELINES if name != "mixture"])
@pytest.mark.parametrize("n_samples", [1, 700, 3 * RATE_HZ + 11])
def test_estimates_add_up_to_the_mixture(name: str, n_samples: int) -> None:
    whole = song(4.0)
    track = make_track("cut", FOUR, whole.stems[..., :n_samples], RATE_HZ)
    stems = baselines.BASELINES[name][2](track)
    assert stems.shape == track.stems.shape
    assert stems.sum(axis=0) == pytest.approx(track.mixture, abs=1e-6)


def test_the_equaliser_is_the_best_of_its_kind() -> None:
    """No other fixed gains that are shares have a smaller error: tried with many that lie near."""
    track = song(3.0)
    rng = np.random.default_rng(0)
    (_, n_slots, spectra), *rest = baselines._spectra(track)
    assert not rest
    own = spectra[..., 1 : n_slots + 1]
    mixture = own.sum(axis=0)
    cross, power = (mixture.conj() * own).real.sum(axis=(1, 3)), np.square(np.abs(mixture)).sum(axis=(0, 2))
    best = baselines.on_simplex(cross / power)
    assert best.min() >= 0.0
    assert best.sum(axis=0) == pytest.approx(1.0)

    def error(gains: Array) -> float:
        return float(np.sum(gains**2 * power - 2 * gains * cross))

    for step in (1e-3, 0.05, 1.0):
        for _ in range(20):
            other = baselines.on_simplex(best + step * rng.standard_normal(best.shape))
            assert error(other) >= error(best)


def test_silence_is_shared_equally_by_every_baseline() -> None:
    track = make_track("silent", FOUR, np.zeros((4, 1, 3000)), RATE_HZ)
    for _, _, make in baselines.BASELINES.values():
        assert not make(track).any()


def test_stems_of_a_method_are_paired_by_name() -> None:
    track = song(2.0)
    plain, swapped = estimate(track, Toy()), estimate(track, Swapped())
    for i, name in enumerate(Swapped().info.stems):  # the same shares under other names
        assert np.array_equal(swapped[FOUR.index(name)], plain[i])
    assert plain.sum(axis=0) == pytest.approx(track.mixture, abs=1e-6)


def test_two_stem_truth_takes_the_rest_of_the_mixture_as_accompaniment() -> None:
    track = song(2.0, TWO)
    stems = estimate(track, Toy())
    assert stems.sum(axis=0) == pytest.approx(track.mixture, abs=1e-6)
    four = make_track("x", FOUR, np.concatenate([track.stems, np.zeros_like(track.stems)]), RATE_HZ)
    assert np.array_equal(stems[0], estimate(four, Toy())[0])


def test_methods_with_other_stems_are_refused_with_a_sentence() -> None:
    assert why_not(Toy().info, FOUR) == why_not(Toy().info, TWO) == ""
    assert "hpss gives harmonic, percussive" in why_not(Hpss().info, FOUR)
    with pytest.raises(MethodError, match="nothing to compare"):
        estimate(song(0.5, TWO), Hpss())


# -------------------------------------------------------------------------------------------------- tables and command


def test_tables_name_floor_and_ceiling_and_the_distance_above_the_floor() -> None:
    tracks = [song(3.0, seed=1), song(3.0, seed=2), song(3.0, TWO, seed=3)]
    scores = [score(t, noisy(t.stems, 5.0), "good") for t in tracks]
    scores += [score(t, make(t), name, kind) for t in tracks for name, (kind, _, make) in baselines.BASELINES.items()]
    table = rows(scores[:2] + [s for s in scores[3:] if s.names == FOUR], "sdr")
    assert [row["method"] for row in table] == ["good", "equaliser", "bin-equaliser", "equal", "mixture", "ibm", "irm"]
    good, floor = table[0], table[4]
    assert good["mean"] == pytest.approx(5.0, abs=0.01)
    assert good["above_floor"] == pytest.approx(5.0 - np.mean([floor[name] for name in FOUR]), abs=0.01)
    assert floor["above_floor"] == 0.0
    text = markdown(scores)
    assert "## vocals, drums, bass, other: 2 songs (song-1, song-2)" in text
    assert "## vocals, accompaniment: 1 song (song-3)" in text
    assert "| mixture (floor) |" in text
    assert "| irm (ceiling) |" in text
    assert "| nothing +3 dB |" in text
    kept = json.loads(as_json(scores, {"data": "here"}))
    assert kept["results"][0]["tables"]["sdr"][0]["vocals"] == pytest.approx(5.0, abs=0.01)
    assert kept["results"][0]["per_song"]["sdr"][0]["windows"] == [3, 3, 3, 3]
    assert cells([{"a_b": "x", "c": float("nan")}]) == "| a b | c |\n|---|---:|\n| x | - |\n"


def test_paired_tests_tell_better_from_luckier() -> None:
    track = song(20.0)
    better, worse = noisy(track.stems, 9.0, seed=1), noisy(track.stems, 8.0, seed=2)
    same = noisy(track.stems, 9.0, seed=3)
    scores = [score(track, stems, name) for name, stems in (("better", better), ("worse", worse), ("twin", better))]
    tests = paired_tests([*scores, score(track, same, "floor", "floor")])  # the floor is not a method
    by_pair = {(t["a"], t["b"], t["stem"]): t for t in tests}
    assert len(tests) == 3 * 4
    clear = by_pair["better", "worse", "bass"]
    assert clear["a_minus_b_db"] == pytest.approx(1.0, abs=0.05)
    assert clear["pairs"] == 20
    assert clear["of"] == "windows"
    assert clear["p_bonferroni"] == pytest.approx(clear["p"] * 3)
    assert clear["p_bonferroni"] < 0.001
    assert by_pair["better", "twin", "bass"]["p_bonferroni"] == 1.0
    songs = [TrackScores(m, "method", f"{i}", FOUR, {"sdr": {n: np.array([i + d]) for n in FOUR}})
             for m, d in (("a", 0.0), ("b", -0.5)) for i in range(8)]  # fmt: skip
    assert {t["of"] for t in paired_tests(songs)} == {"songs"}
    assert {t["of"] for t in paired_tests([s for s in songs if s.track != "7"])} == {"windows"}  # 2 / 2^7 is more than 0.01


@pytest.mark.parametrize("n_pairs", range(1, 12))
def test_few_pairs_are_said_to_be_too_few_and_no_test_of_theirs_shows_anything(n_pairs: int) -> None:
    rng = np.random.default_rng(n_pairs)
    scores = [TrackScores(m, "method", "song", FOUR, {"sdr": {n: rng.normal(level, 0.01, n_pairs) for n in FOUR}})
              for m, level in (("a", 9.0), ("b", 3.0), ("c", 0.0))]  # fmt: skip
    for test in paired_tests(scores):
        assert test["is_enough"] == (3 * 2.0 ** (1 - n_pairs) < 0.01) == (test["p_bonferroni"] < 0.01)


@needs_matplotlib
def test_box_plots_are_pictures(tmp_path: Path) -> None:
    track = song(3.0)
    scores = [score(track, noisy(track.stems, 5.0), "good"), score(track, track.stems * 0, "empty")]
    for metric in ("sdr", "remix"):
        box_plot(scores, metric, tmp_path / f"{metric}.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["remix.png", "sdr.png"]
    assert (tmp_path / "sdr.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_prints_tables_and_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):  # its absence costs the pictures alone
        monkeypatch.setitem(sys.modules, module, None)
    write(tmp_path / "data" / "one", song(2.0))
    out = tmp_path / "out"
    words = ["--data", str(tmp_path / "data"), "--method", "hpss", "--oracles", "--range", "0:1.5", "--out", str(out)]
    assert command.main(words) == 0
    said = capsys.readouterr()
    assert "| irm (ceiling) |" in said.out
    assert "Skipped: hpss gives harmonic, percussive" in said.err
    assert "matplotlib" in said.err
    assert (out / "evaluation.md").read_text() == said.out[:-1]
    kept = json.loads((out / "evaluation.json").read_text())
    assert kept["range_s"] == [0.0, 1.5]
    assert str(tmp_path) not in json.dumps(kept)
    assert command.main([*words[:2], "--method", "nullsum-4", "--weights", "none-such"]) == 1
    assert "none-such" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main([*words, "--range", "9:3"])
