"""The page of all methods: nothing left out, nothing kept made again, judgements that follow from figures, raw beside masked stems."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from installed import install
from test_network_method import MONO, STEREO, _toys, dnn, toy  # noqa: F401  # _toys is a fixture that every test here needs

from engine.errors import BadInputError, EngineError, MethodError
from engine.evaluation import costs, metrics, zoo
from engine.evaluation.bss import BssEval
from engine.evaluation.data import FOUR, TWO, Track, make_track
from engine.evaluation.estimate import estimate
from engine.evaluation.images import Images
from engine.evaluation.kept import from_json, fullest, kept, to_json
from engine.evaluation.raw import raw_and_masked, raw_stems
from engine.evaluation.scores import TrackScores, score
from engine.evaluation.tables import Row
from engine.evaluation.toy_songs import panned, players
from engine.evaluation.zoo_page import markdown_table
from engine.evaluation.zoo_tables import below, in_order, one_table, paired, ranks_agree, tally
from engine.methods import every_method, methods

RATE_HZ = 8000
LOOK = {"rate_hz": 22050, "n_channels": 1, "n_fft": 512, "hop": 128}
needs_museval = pytest.mark.skipif(importlib.util.find_spec("museval") is None, reason="museval comes with the extra `train`")


def song(seconds: float = 4.0, rate_hz: int = RATE_HZ, seed: int = 1) -> Track:
    """Four players, each at a place of its own."""
    parts = players(seed, seconds, rate_hz)
    return make_track(f"toy-{seed}", FOUR, np.stack([panned(p, 0.4 + 0.2 * i, 0.0, rate_hz) for i, p in enumerate(parts)]), rate_hz)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of one song, the weights of a spectrogram net and of a waveform net, and costs that are not measured."""
    track = song(5.0)
    (tmp_path / "data" / "toy").mkdir(parents=True)
    for name, stem in zip(FOUR, track.stems, strict=True):
        sf.write(tmp_path / "data" / "toy" / f"{name}.wav", stem.T, RATE_HZ, "FLOAT")
    (tmp_path / "zoo").mkdir()
    dnn(tmp_path / "zoo")
    install(tmp_path / "zoo", "wave-u-net", "toy-wave", {"look": LOOK}, minutes_trained=2.5)
    monkeypatch.setattr(zoo, "measured_costs", lambda name, args: {"rtf": 0.5, "mib": 7.0, "baseline_mib": 1.0})
    return tmp_path


def words(place: Path) -> list[str]:
    folders = {"--data": "data", "--work": "work", "--out": "docs", "--weights": "zoo"}
    return [*(word for option, name in folders.items() for word in (option, str(place / name))), "--range", "0:3"]


def told(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "docs" / "methods" / "methods.json").read_text()))


# --------------------------------------------------------------------------------------------------------- the command


def test_every_method_stands_on_the_page_and_a_second_run_makes_nothing_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert zoo.main(words(place)) == 0
    page, first = (place / "docs" / "methods.md").read_text(), told(place)
    assert {m["name"] for m in first["methods"]} == set(every_method()) >= set(methods())
    for name in every_method():
        assert f"| {name} |" in page or f"`{name}`" in page, name
    rows = {row["method"]: row for row in first["groups"][0]["table"]}
    assert {"nullsum-4", "dnn", "wave-u-net", "mixture", "equal", "ibm", "irm"} <= set(rows) and "hpss" not in rows  # claims none of these
    assert all(np.isfinite(rows["dnn"][f"{m} {n}"]) for m in ("sdr", "sir", "sar") for n in FOUR)
    by_name = {m["name"]: m for m in first["methods"]}
    assert by_name["open-unmix"]["why"] == "not trained" and not by_name["open-unmix"]["songs"]
    assert by_name["hpss"]["songs"]["toy"]["null_db"] < -120.0 and "score" not in by_name["hpss"]["songs"]["toy"]
    assert by_name["wave-u-net"]["songs"]["toy"]["raw"] and by_name["dnn"]["songs"]["toy"]["raw"] is None
    assert "wave-u-net, at the song" in page and "| 2.5 |" in page

    made: list[str] = []
    real = zoo.song_of
    monkeypatch.setattr(zoo, "song_of", lambda track, method, bss: made.append(method.info.name) or real(track, method, bss))
    monkeypatch.setattr(zoo, "baseline_of", lambda *asked: pytest.fail("a baseline was scored again"))
    monkeypatch.setattr(zoo, "measured_costs", lambda name, args: made.append(f"{name} costs") or {"rtf": 0.1, "mib": 2.0})
    assert zoo.main(words(place)) == 0
    assert made == [] and (place / "docs" / "methods.md").read_text() == page
    install(place / "zoo", "dnn", "dnn", {"look": LOOK, "n_hidden": 9, "n_bands": 32})
    (place / "findings.md").write_text("### A finding: agrees\n")
    assert zoo.main([*words(place), "--findings", str(place / "findings.md")]) == 0
    assert made == ["dnn", "dnn costs"]  # other weights: this one alone
    assert "### A finding: agrees" in (place / "docs" / "methods.md").read_text()


def test_songs_of_several_folders_get_a_table_for_each_set_of_stems(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = song(5.0, seed=3)
    (place / "more" / "duo").mkdir(parents=True)
    for name, stem in zip(TWO, (track.stems[0], track.stems[1:].sum(axis=0)), strict=True):
        sf.write(place / "more" / "duo" / f"{name}.wav", stem.T, RATE_HZ, "FLOAT")
    monkeypatch.setattr(zoo, "every_method", lambda: {n: every_method()[n] for n in ("nullsum-4", "dnn", "wave-u-net")})
    asked = words(place)
    asked.insert(asked.index("--data") + 2, str(place / "more"))
    assert zoo.main(asked) == 0
    groups = told(place)["groups"]
    assert [tuple(group["stems"]) for group in groups] == [FOUR, TWO]
    for group in groups:
        rows = {row["method"]: row for row in group["table"]}
        assert {"nullsum-4", "dnn", "wave-u-net", "mixture", "irm"} <= set(rows)
        assert all(rows["irm"][f"sdr {n}"] > rows["dnn"][f"sdr {n}"] > rows["mixture"][f"sdr {n}"] for n in group["stems"])
    page = (place / "docs" / "methods.md").read_text()
    assert "One table (vocals, drums, bass, other)" in page and f"One table ({', '.join(TWO)})" in page and "`duo` from 0 to 3 s" in page


def test_weights_that_are_not_right_are_a_sentence_on_the_page(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "zoo" / "dnn.safetensors").write_bytes(b"something else")
    (place / "zoo" / "wave-u-net.json").write_text("{}")
    only = pytest.MonkeyPatch()
    only.setattr(zoo, "every_method", lambda: {n: every_method()[n] for n in ("hpss", "dnn", "wave-u-net")})
    only.setattr(zoo, "SHOWN", ("mixture",))
    assert zoo.main(words(place)) == 0
    only.undo()
    page = (place / "docs" / "methods.md").read_text()
    assert "`dnn`: The weights file dnn.safetensors is damaged" in page and "`wave-u-net`: The description of the weights" in page
    assert zoo.main([*words(place), "--songs", "nobody"]) == 1 and "There is no song 'nobody'" in capsys.readouterr().err


def test_costs_come_from_a_process_of_their_own(tmp_path: Path) -> None:
    found = costs.measured("hpss", tmp_path, seconds=1.0)
    assert 0.0 < found["rtf"] < 100.0 and found["mib"] >= 0.0 and found["baseline_mib"] > 10.0
    with pytest.raises(EngineError, match=r"What dnn costs could not be measured.*no weights yet"):
        costs.measured("dnn", tmp_path, seconds=1.0)
    assert costs.learned("hpss", tmp_path)["parameters"] is None
    dnn(tmp_path)
    assert costs.learned("dnn", tmp_path)["parameters"] == n_parameters(tmp_path)


def n_parameters(folder: Path) -> int:
    from safetensors.numpy import load_file

    return sum(v.size for k, v in load_file(folder / "dnn.safetensors").items() if k.split(".")[0] in ("hidden", "out"))


# ------------------------------------------------------------------------------------------------- what is kept, and where


def test_what_is_kept_is_made_once_for_each_question(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"loss": 0.00123456789, "nothing": float("nan"), "many": [1.0, float("nan")]}

    path = tmp_path / "deep" / "x.json"
    first = kept(path, {"q": 1, "t": (1, 2)}, make)
    assert first == kept(path, {"t": [1, 2], "q": 1}, make) and len(made) == 1
    assert first["loss"] == pytest.approx(0.00123456789, abs=1e-9) and first["nothing"] is None and first["many"] == [1.0, None]
    kept(path, {"q": 2}, make)
    assert len(made) == 2
    for broken in ("", "{", "[]", '{"asked": 1}', "\x00"):
        path.write_text(broken)
        kept(path, {"q": 2}, make)
    assert len(made) == 7

    def fail() -> dict[str, Any]:
        raise BadInputError("no")

    with pytest.raises(BadInputError):
        kept(path, {"q": 3}, fail)
    assert kept(path, {"q": 2}, make) == first and len(made) == 7  # a failure is not kept, what was there stays


def test_scores_come_back_as_they_were() -> None:
    before = TrackScores("m", "method", "s", FOUR, {"sdr": {n: np.array([1.5, np.nan, -3.0]) for n in FOUR}})
    raw = json.loads(json.dumps(to_json(before)).replace("NaN", "null"))
    after = from_json(raw)
    assert (after.method, after.kind, after.track, after.names) == ("m", "method", "s", FOUR)
    assert all(np.array_equal(after.windows["sdr"][n], before.windows["sdr"][n], equal_nan=True) for n in FOUR)


def test_the_stretch_is_the_one_where_the_weakest_stem_is_heard_best() -> None:
    rng = np.random.default_rng(0)
    for n_stems, n, length in ((4, 50, 12), (2, 9, 9), (4, 5, 60), (1, 30, 1)):
        power = rng.exponential(size=(n_stems, n)) * (rng.random((n_stems, n)) < rng.random((n_stems, 1)))
        power[0] *= n_stems == 1  # absent: asks for nothing
        start = fullest(power, length)
        parts = [power[power.any(1), at : at + length].sum(1) for at in range(max(1, n - length + 1))]
        weakest = [float(part.min(initial=1e9) / max(part.sum(), 1e-30)) for part in parts]
        assert weakest[start] == pytest.approx(max(weakest)) and 0 <= start <= max(0, n - length)
    assert fullest(np.zeros((4, 10)), 3) == 0


# ----------------------------------------------------------------------------------------------------------- judgements


def row(method: str, kind: str, *sdr: float) -> Row:
    return {"method": method, "kind": kind, **{f"sdr {n}": x for n, x in zip(FOUR, sdr, strict=True)}}


def test_what_lies_below_a_line_is_told_and_nothing_else() -> None:
    nan = float("nan")
    table = [row("good", "method", 5, 5, 5, 5), row("poor", "method", -4, 3.0, 1.999, nan), row("mixture", "floor", -3, 3.0, 2.0, 1.0),
             row("equal", "baseline", -9, -9, -9, -9), row("irm", "ceiling", -9, 9, 9, 9)]  # fmt: skip
    found = below(table, "mixture", FOUR)
    assert [(r["method"], r["stem"], r["sdr"], r["line"]) for r in found] == [("poor", "vocals", -4, -3), ("poor", "bass", 1.999, 2.0)]
    assert below(table, "equal", FOUR) == [] and below(table[:2], "mixture", FOUR) == []


def made_up(seed: int, n_windows: int = 40) -> list[TrackScores]:
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 3, n_windows)
    return [
        TrackScores(name, kind, "s", FOUR, {m: {n: common + level + rng.normal(0, 0.3, n_windows) for n in FOUR}
                                            for m in ("bss_sdr", "bss_sir", "bss_sar")})
        for name, kind, level in (("a", "method", 0.0), ("mixture", "floor", -9.0), ("b", "method", 2.0), ("c", "method", 2.0))
    ]  # fmt: skip


def test_tallies_count_every_pair_once_on_both_sides() -> None:
    for seed in range(5):
        scores = made_up(seed)
        found = paired(scores)
        assert set(found) == {"sdr", "sir", "sar"} and all(len(rows) == 3 * len(FOUR) for rows in found.values())
        counts = {r["method"]: r for r in tally(found["sdr"], ["a", "b", "c"], FOUR)}
        assert all(sum(map(int, counts[m][n].split(" / "))) == 2 for m in "abc" for n in FOUR)
        assert all(counts["a"][n] == "0 / 0 / 2" for n in FOUR)  # two dB behind both in every window
        won, lost = ([sum(int(counts[m][n].split(" / ")[at]) for m in "abc") for n in FOUR] for at in (0, 2))
        assert won == lost
    assert len(paired(scores, ("a", "b"))["sar"]) == len(FOUR)
    assert paired(scores, ("nobody",)) == {}


def test_the_table_is_in_order_and_has_every_figure() -> None:
    table = one_table(made_up(0))
    methods_ = [r["method"] for r in table]
    assert set(methods_[:2]) == {"b", "c"} and methods_[2:] == ["a", "mixture"]
    assert table[0]["sdr mean"] >= table[1]["sdr mean"] > table[2]["sdr mean"]
    assert all(f"{m} {n}" in r for r in table for m in ("sdr", "sir", "sar") for n in FOUR)
    assert [s.method for s in in_order(made_up(0))] == methods_


def test_rank_correlation_of_few_is_not_told() -> None:
    assert np.isnan(ranks_agree([(1, 2), (2, 3)]))
    assert ranks_agree([(1, 5), (2, 6), (3, 9)]) == pytest.approx(1.0) and ranks_agree([(1, 9), (2, 6), (3, 5)]) == pytest.approx(-1.0)


def test_columns_of_figures_stand_to_the_right() -> None:
    text = markdown_table(["a", "b", "c"], [["x", 1.0, None], ["y", -2.5, 3]])
    assert text == "| a | b | c |\n|---|---:|---:|\n| x | 1.00 | - |\n| y | -2.50 | 3 |\n"


# ------------------------------------------------------------------------------------------------------------- BSS eval


@needs_museval
def test_prepared_truth_gives_musevals_figures() -> None:
    rng = np.random.default_rng(0)
    parts = song(2.0).stems[:2]
    truth = parts + 0.02 * rng.standard_normal(parts.shape).astype(np.float32)  # a player panned exactly makes museval's equations singular
    track = make_track("wide", TWO, truth, RATE_HZ)
    guess = truth + 0.3 * truth[::-1] + 0.01 * rng.standard_normal(truth.shape).astype(np.float32)
    ours, theirs = BssEval(track).scores(guess), metrics.bss_eval(truth, guess, RATE_HZ)
    for metric in metrics.BSS:
        for i, name in enumerate(TWO):
            np.testing.assert_allclose(ours[metric][name], theirs[metric][i], atol=0.3)


def test_windows_share_the_filters_of_the_whole_and_silence_has_no_figure() -> None:
    track = song(3.0)
    images = Images(track.stems.astype(np.float64), 32)
    whole, once = images.scores(track.mixture, 1), images.windowed(track.mixture, 1, [slice(None)])
    assert {k: float(v[0]) for k, v in once.items()} == whole
    quiet = make_track("quiet", FOUR, track.stems * np.array([0, 1, 1, 1])[:, None, None], RATE_HZ)
    found = BssEval(quiet, 32).scores(quiet.stems * np.array([1, 1, 0, 1])[:, None, None])
    assert np.isnan(found["bss_sir"]["vocals"]).all() and np.isnan(found["bss_sdr"]["bass"]).all()  # absent; estimated as silence
    assert np.isfinite(found["bss_sdr"]["drums"]).all()
    np.testing.assert_allclose(found["bss_sdr"]["drums"], metrics.MAX_DB, atol=100.0)
    everywhere = make_track("nothing", FOUR, np.zeros_like(track.stems), RATE_HZ)
    assert all(np.isnan(v).all() for by in BssEval(everywhere, 32).scores(track.stems).values() for v in by.values())


# ------------------------------------------------------------------------------------------------------- raw and masked

GAINS = np.array([0.5, 0.25, -0.25, 0.0], np.float32)[:, None, None]  # what the toy waveform net does


@pytest.mark.parametrize("rate_hz, seconds", [(44100, 0.7), (22050, 11.3), (8000, 0.01)])
@pytest.mark.parametrize("look", [STEREO, MONO], ids=["stereo", "mono"])
def test_raw_stems_are_the_nets_own_at_the_songs_level(look: Any, rate_hz: int, seconds: float, tmp_path: Path) -> None:
    method = toy(tmp_path, look=look, net="toy-wave")
    track = song(12.0, 8000)
    track = make_track("t", FOUR, np.repeat(track.stems, -(-rate_hz // 8000), axis=-1)[..., : round(seconds * rate_hz)], rate_hz)
    raw = raw_stems(track, method)
    assert raw.dtype == np.float32 and raw.shape[:2] == (4, look.n_channels)
    assert abs(raw.shape[-1] - track.seconds * look.rate_hz) <= 2 * look.hop
    if rate_hz == look.rate_hz:
        heard = track.mixture if look.n_channels == 2 else track.mixture.mean(axis=0, keepdims=True)
        n = heard.shape[-1]
        np.testing.assert_allclose(raw[..., :n], GAINS * heard, atol=1e-5)
    found = raw_and_masked(track, method, estimate(track, method))
    if seconds > 0.1:
        assert found.sum_error_db == pytest.approx(20 * np.log10(0.5), abs=1.0)  # the gains sum to one half
        assert all(np.isfinite(v) for v in found.net_mixture.values())


def test_raw_estimates_keep_the_level_and_leave_their_input_alone(tmp_path: Path) -> None:
    method = toy(tmp_path, net="toy-wave")
    x = np.random.default_rng(0).standard_normal((2, 3000)).astype(np.float32)
    before = x.copy()
    for gain in (1e-20, 1.0, 1e10):
        np.testing.assert_allclose(method.raw_estimates(x * np.float32(gain)) / np.float32(gain), GAINS * x, rtol=1e-4, atol=1e-6)
    assert np.array_equal(x, before) and not method.raw_estimates(0.0 * x).any()
    assert method.raw_estimates(x[:1]).shape == (4, 2, 3000)  # mono, heard twice
    (tmp_path / "other").mkdir()
    spectrogram = toy(tmp_path / "other")
    assert method.makes_sound and not spectrogram.makes_sound
    with pytest.raises(MethodError, match="unet gives magnitudes and no sound of its own"):
        spectrogram.raw_estimates(x)


def test_perfect_masks_cost_nothing_at_the_song(tmp_path: Path) -> None:
    track = song(2.0, 44100)
    method = toy(tmp_path, net="toy-wave")
    found = raw_and_masked(track, method, track.stems)
    assert min(found.song_masked.values()) == metrics.MAX_DB == min(found.net_masked.values())
    plain = score(track, GAINS * track.mixture, "raw")
    assert found.song_raw == pytest.approx({n: plain.median("sdr", n) for n in FOUR}, abs=1e-3)
