"""A training that goes on with another loss or other sounds says so; what was found for other sounds is not taken for the answer."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
import torch
from corpora import SMALL, same, state_of, tiny_corpus, tone, train

from engine.errors import BadInputError, WeightsError
from engine.evaluation.kept import kept
from engine.training import designs, leave_out, loop, trainer, zoo, zoo_weights
from engine.training.config import TrainConfig
from engine.training.data import Corpus
from engine.training.ranks import Place
from engine.training.recipes import Recipe, recipe_for
from engine.training.sources import LEARNED, VALIDATED, digests
from engine.training.states import read_state
from engine.weights import load_tensors, read_card

LOOK = {"rate_hz": 22050, "n_channels": 1, "n_fft": 512, "hop": 256, "context_s": 0.1}
DNN = {"look": LOOK, "n_hidden": 12, "n_bands": 40, "is_log": True}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same songs to learn from, another to validate with."""
    folder = tiny_corpus(tmp_path_factory.mktemp("other"))
    for role in ("vocals", "drums", "bass", "other"):
        sf.write(folder / "test" / "c" / f"{role}.wav", tone(role, seconds=2.5, seed=9), 44100)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthesised bass."""
    folder = tmp_path_factory.mktemp("made")
    sf.write(folder / "b.wav", tone("bass", seed=5), 44100)
    entry = {"path": "b.wav", "role": "bass", "kind": "rendered", "song": None, "split": "train", "source": "synth", "weights_ok": True}
    (folder / "INDEX.json").write_text(json.dumps([entry]))
    return folder


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def card_of(work: Path) -> dict[str, Any]:
    return dict(json.loads((work / "weights" / "tiny.json").read_text()))


# ----------------------------------------------------------------------------------------------------------------- digests


def test_the_digest_is_of_the_sounds_and_not_of_where_and_when(data: Path, other: Path, made: Path, tmp_path: Path) -> None:
    plain = digests(data)
    assert plain == digests(tiny_corpus(tmp_path / "elsewhere"))
    os.utime(tmp_path / "elsewhere" / "bass" / "low.flac", (1, 1))
    assert plain == digests(tmp_path / "elsewhere")
    assert digests(other)[LEARNED] == plain[LEARNED] and digests(other)[VALIDATED] != plain[VALIDATED]
    for changes in ({"made": made}, {"without_songs": ("a",)}):
        found = digests(data, **changes)  # type: ignore[arg-type]
        assert found[LEARNED] != plain[LEARNED] and found[VALIDATED] == plain[VALIDATED]
    (tmp_path / "elsewhere" / "bass" / "low.flac").rename(tmp_path / "elsewhere" / "bass" / "lower.flac")
    assert digests(tmp_path / "elsewhere")[LEARNED] != plain[LEARNED]


def test_songs_that_cannot_be_left_out_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no song 'nosuch' and no song 'x' to leave out; there are: a, b, c\."):
        Corpus(data, tmp_path, without_songs=("nosuch", "a", "x"))
    with pytest.raises(BadInputError, match="'nosuch'"):
        train(replace(SMALL, without_songs=("nosuch",)), data, tmp_path)
    assert list(Corpus(data, tmp_path, without_songs=("c",)).songs) == ["a", "b"]  # the one that is validated with is not learned anyway


# ------------------------------------------------------------------------------------------------ a run that goes on otherwise


def test_another_loss_is_said_and_written(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(replace(SMALL, steps=3), data, tmp_path)
    assert not any("goes on" in line for line in lines_of(capsys)) and "changes" not in card_of(tmp_path)
    train(replace(SMALL, steps=6), data, tmp_path)  # longer is nothing to tell of
    assert not any("goes on" in line for line in lines_of(capsys))
    (tmp_path / "weights" / "tiny.json").unlink()  # so that weights are written, whatever they are worth
    train(replace(SMALL, steps=9, loss="magnitude-l1", batch=1), data, tmp_path)
    said = [line for line in lines_of(capsys) if "goes on" in line]
    assert said == [
        "goes on with another batch (1 in place of 2); the card will say so",
        "goes on with another loss (magnitude-l1 in place of shares); the card will say so",
    ]
    assert card_of(tmp_path)["changes"] == [
        "from step 6 on another batch (1 in place of 2)", "from step 6 on another loss (magnitude-l1 in place of shares)",
    ]  # fmt: skip
    assert TrainConfig.load(tmp_path / "weights" / "tiny.json").loss == "magnitude-l1"


def test_other_songs_to_validate_with_begin_the_best_anew(
    data: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = train(replace(SMALL, steps=3), data, tmp_path)
    torch.save({**state, "best": 1e9}, tmp_path / "tiny.state.pt")
    before = (tmp_path / "weights" / "tiny.safetensors").read_bytes()
    train(replace(SMALL, steps=4), data, tmp_path)
    assert (tmp_path / "weights" / "tiny.safetensors").read_bytes() == before  # nothing can be better
    capsys.readouterr()
    train(replace(SMALL, steps=5), other, tmp_path)
    assert f"goes on with other {VALIDATED}; the card will say so" in lines_of(capsys)
    assert (tmp_path / "weights" / "tiny.safetensors").read_bytes() != before
    assert card_of(tmp_path)["sounds"] == digests(other) and card_of(tmp_path)["changes"] == [f"from step 4 on other {VALIDATED}"]


@pytest.mark.parametrize("raw", [b"", b".", b"no state", b"PK\x03\x04 cut", b"\x80\x02}q\x00."])
def test_a_damaged_state_is_a_sentence(data: Path, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "tiny.state.pt").write_bytes(raw)
    with pytest.raises(BadInputError, match=r"tiny\.state\.pt is damaged or not the state of a run; take it away"):
        train(SMALL, data, tmp_path)
    recipe = replace(recipe_for("dnn"), max_steps=1)
    with pytest.raises(BadInputError, match="damaged or not the state"):
        zoo.Trainer(recipe, tmp_path / "tiny.state.pt", lambda said: None)
    assert (tmp_path / "tiny.state.pt").read_bytes() == raw


def test_a_state_cut_anywhere_is_a_sentence(data: Path, tmp_path: Path) -> None:
    state = train(replace(SMALL, steps=1), data, tmp_path)
    whole = (tmp_path / "tiny.state.pt").read_bytes()
    for part in range(1, 20):
        (tmp_path / "cut.pt").write_bytes(whole[: len(whole) * part // 20])
        with pytest.raises(BadInputError, match=r"cut\.pt is damaged"):
            read_state(tmp_path / "cut.pt", ("net",))
    torch.save({"net": state["net"]}, tmp_path / "less.pt")
    with pytest.raises(BadInputError, match=r"less\.pt is damaged or not the state of a run"):
        trainer.Trainer(SMALL, Place(torch.device("cpu"))).resume(tmp_path / "less.pt")


@pytest.mark.parametrize("name", ["muon", "nadam"])
def test_every_kind_of_optimiser_goes_on_where_it_stopped(data: Path, tmp_path: Path, name: str) -> None:
    early, later = (replace(SMALL, optimiser=name, steps=n, decay_steps=0) for n in (3, 6))
    train(early, data, tmp_path / "cut")
    assert same(train(later, data, tmp_path / "cut"), train(later, data, tmp_path / "whole"))


def test_the_newest_weights_are_kept_where_that_is_asked(data: Path, tmp_path: Path) -> None:
    state = train(replace(SMALL, steps=3), data, tmp_path)
    torch.save({**state, "best": 1e9}, tmp_path / "tiny.state.pt")  # nothing can be better
    loop.train(replace(SMALL, steps=4), data, tmp_path, tmp_path / "weights", 0, every=3, bf16=False, device="cpu", keep_last=True)
    newest, tensors = state_of(tmp_path), load_tensors(read_card("tiny", tmp_path / "weights"))
    assert newest["best"] < 1e9 and newest["step"] == 4 and card_of(tmp_path)["kept"] == "newest"
    assert all(torch.equal(tensors[k], v.half().float()) for k, v in newest["mean"].items())
    torch.save({**newest, "mean": {k: v + 1 for k, v in newest["mean"].items()}}, tmp_path / "tiny.state.pt")
    loop.train(replace(SMALL, steps=4), data, tmp_path, tmp_path / "weights", 0, bf16=False, device="cpu", keep_last=True)
    again = load_tensors(read_card("tiny", tmp_path / "weights"))  # also of a run that had had its steps
    assert all(torch.equal(again[k], (v + 1).half().float()) for k, v in newest["mean"].items())


def test_weights_that_are_not_there_are_written(data: Path, tmp_path: Path) -> None:
    state = train(replace(SMALL, steps=3), data, tmp_path)
    torch.save({**state, "best": 1e9}, tmp_path / "tiny.state.pt")
    loop.train(replace(SMALL, steps=4), data, tmp_path, tmp_path / "b", 0, every=3, bf16=False, device="cpu")
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["tiny.json", "tiny.safetensors"]


def test_a_state_past_its_steps_writes_its_weights_and_says_so(
    data: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = train(replace(SMALL, steps=4), data, tmp_path)
    for steps, place, asked, folder in ((2, "b", "snr", data), (4, "c", "shares", other)):
        capsys.readouterr()
        config = replace(SMALL, steps=steps, loss=asked)
        loop.train(config, folder, tmp_path, tmp_path / place, 0, every=3, bf16=False, device="cpu")
        said = lines_of(capsys)
        assert any(line.startswith(f"step 4 of {steps}: nothing is left to learn; its weights lie in ") for line in said)
        came = "another loss (snr in place of shares)" if asked == "snr" else f"other {VALIDATED}"
        assert f"had its steps before {came} came; give the run another --name to begin anew" in said
        assert TrainConfig.load(tmp_path / place / "tiny.json") == replace(SMALL, steps=4)  # what it had, not what was asked for
        tensors = load_tensors(read_card("tiny", tmp_path / place))
        assert all(torch.allclose(tensors[k], v, atol=1e-3) for k, v in state["mean"].items())
    assert same(state_of(tmp_path), state)


def test_a_state_of_an_older_version_says_nothing(data: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = train(replace(SMALL, steps=3), data, tmp_path)
    later = ("sounds", "changes", "loss")
    told = {k: v for k, v in json.loads(state["config"]).items() if k not in ("heard_in", "other_singers")}
    torch.save({**{k: v for k, v in state.items() if k not in later}, "config": json.dumps(told)}, tmp_path / "tiny.state.pt")
    capsys.readouterr()
    found = train(replace(SMALL, steps=4, heard_in=1, other_singers=0.0), other, tmp_path)  # what these were when they had no names
    assert found["step"] == 4 and not any("goes on" in line for line in lines_of(capsys))
    torch.save({**found, "config": json.dumps(told)}, tmp_path / "tiny.state.pt")
    train(replace(SMALL, steps=5, heard_in=1, other_singers=0.5), other, tmp_path)
    assert "goes on with another other singers (0.5 in place of 0.0); the card will say so" in lines_of(capsys)


def test_the_running_loss_survives_a_stop(data: Path, tmp_path: Path) -> None:
    whole = train(replace(SMALL, steps=6, decay_steps=0), data, tmp_path / "whole")
    train(replace(SMALL, steps=3, decay_steps=0), data, tmp_path / "cut")
    cut = train(replace(SMALL, steps=6, decay_steps=0), data, tmp_path / "cut")
    assert cut["loss"] == whole["loss"] != 0.0 and same(cut, whole)


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_weights_can_be_read_by_all_whom_the_umask_lets(data: Path, tmp_path: Path) -> None:
    for umask in (0o022, 0o077):
        before = os.umask(umask)
        try:
            loop.save_weights({"a": torch.zeros(3)}, SMALL, tmp_path)
        finally:
            os.umask(before)
        for name in ("tiny.safetensors", "tiny.json"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o666 & ~umask
        assert torch.equal(load_tensors(read_card("tiny", tmp_path))["a"], torch.zeros(3))


# -------------------------------------------------------------------------------------------------------------- research nets


def short(**changes: Any) -> Recipe:
    return recipe_for("dnn", **{"net_config": DNN, "batch": 2, "seconds": 0.5, "mix_seconds": 1.0, "minutes": 1000.0, **changes})


def run(recipe: Recipe, data: Path, tmp_path: Path, **options: Any) -> list[str]:
    said: list[str] = []
    zoo.train(recipe, data, tmp_path / "work", options.pop("weights", tmp_path / "zoo"), n_workers=0, say=said.append, **options)
    return said


def test_a_research_net_that_hears_other_sounds_says_so(data: Path, other: Path, made: Path, tmp_path: Path) -> None:
    run(short(max_steps=1), data, tmp_path)
    first = json.loads((tmp_path / "zoo" / "dnn.json").read_text())
    assert first["sources"] == ["a", "b", *[data.name]] and first["sounds"] == digests(data)
    assert f"dnn: goes on with other {LEARNED}; the card names the sources of both" in run(short(max_steps=2), data, tmp_path, made=made)
    told = json.loads((tmp_path / "zoo" / "dnn.json").read_text())
    assert told["sources"] == sorted(["a", "b", data.name, "synth"]) and told["sounds"] == digests(data, made)
    said = run(short(max_steps=2), other, tmp_path, made=made, weights=tmp_path / "again")  # it has had its steps
    assert f"dnn: had its minutes; the {VALIDATED} were others (another --work begins anew)" in said
    again = json.loads((tmp_path / "again" / "dnn.json").read_text())
    assert (again["sources"], again["sounds"]) == (told["sources"], told["sounds"])
    state = torch.load(tmp_path / "work" / "zoo" / "dnn-compact.state.pt", weights_only=True)
    older = {k: v for k, v in state.items() if k not in ("sounds", "sources")}
    torch.save(older, tmp_path / "work" / "zoo" / "dnn-compact.state.pt")
    said = run(short(max_steps=3), other, tmp_path)
    assert not any("goes on" in line for line in said) and "going on after 2 steps" in said[0]


def test_research_nets_go_to_the_folder_of_the_work(
    data: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(zoo, "train", lambda *words, **named: given.append(words))
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    words = ["dnn", "--work", str(tmp_path), "--minutes", "3", "--data"]
    zoo.main([*words, str(data)])  # a checkout has weights of three minutes of its own
    assert given[0][3] == tmp_path / "weights" / "zoo"
    zoo.main([*words, str(data), "--paper"])
    assert given[1][3] == tmp_path / "paper"
    recipe = given[0][0]
    told = {"minutes_trained": 3.0, "size": "compact", "recipe": asdict(recipe), "net_config": recipe.net_config, "sounds": digests(data)}
    given[0][3].mkdir(parents=True)
    (given[0][3] / "dnn.json").write_text(json.dumps(told))
    (given[0][3] / "dnn.safetensors").write_bytes(b"")
    capsys.readouterr()
    zoo.main([*words, str(data)])
    zoo.main([*words, str(other)])
    assert lines_of(capsys) == [
        "dnn: trained already", f"dnn: trained already; the {VALIDATED} were others (another --work begins anew)",
    ]  # fmt: skip
    assert len(given) == 2


def test_the_page_of_the_zoo_names_the_minutes_of_the_recipe(data: Path, tmp_path: Path) -> None:
    run(short(max_steps=1, minutes=13.0), data, tmp_path)
    page = zoo_weights.page(tmp_path / "zoo")
    assert "--weights resources/weights/zoo --minutes 13 --threads 1" in page and "seven real songs" in page


# ------------------------------------------------------------------------------------------- what was found for other sounds


def test_kept_results_are_of_their_sounds_and_older_ones_count(tmp_path: Path) -> None:
    made: list[int] = []

    def ask(**asked: Any) -> int:
        found = kept(tmp_path / "x.json", asked, lambda: {"n": made.append(1) or len(made)}, may_lack=("sounds",))  # type: ignore[func-returns-value]
        return int(found["n"])

    assert ask(seconds=1) == 1 and ask(seconds=1, sounds="a") == 1  # the older one does not tell
    assert ask(seconds=2, sounds="a") == 2 and ask(seconds=2, sounds="a") == 2 and ask(seconds=2, sounds="b") == 3
    assert ask(seconds=2, sounds="a") == 4 and ask(sounds="a") == 5


def test_designs_are_tried_again_on_other_sounds(data: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    monkeypatch.setattr(designs, "tried", lambda config, *_: tries.append(config.name) or {"mean": 1.0})
    for folder in (data, data, other, other, data):
        designs.compare(["split"], folder, tmp_path, 1.0, n_workers=0)
    assert len(tries) == 3
    path = tmp_path / "designs" / "split.json"
    raw = json.loads(path.read_text())
    del raw["asked"]["sounds"]
    path.write_text(json.dumps(raw))
    designs.compare(["split"], other, tmp_path, 1.0, n_workers=0)
    assert len(tries) == 3


def test_a_song_is_left_out_again_of_other_sounds(
    data: Path, other: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    real = leave_out.trained
    monkeypatch.setattr(leave_out, "trained", lambda config, *rest: runs.append(config.name) or real(config, *rest))

    def ask(folder: Path, made: Path | None = None) -> int:
        leave_out.weights_without(("a",), folder, tmp_path, 1e-7, 0, made, replace(SMALL, batch=1))
        return len(runs)

    assert [ask(data), ask(data), ask(other), ask(other, made), ask(other, made)] == [1, 1, 2, 3, 3]
    path = tmp_path / "leave-one-out" / f"{runs[0]}.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "sounds"}))
    assert ask(data) == 3


# ------------------------------------------------------------------------------------------------ a run that begins with weights


def learned(data: Path, work: Path, begin_with: Path | None = None, **changes: Any) -> dict[str, Any]:
    """The state that a run leaves, begun with weights or with random numbers."""
    loop.train(replace(SMALL, **changes), data, work, work / "weights", 0, every=3, bf16=False, device="cpu", begin_with=begin_with)
    return state_of(work)


def test_a_run_begins_with_the_weights_of_another(data: Path, tmp_path: Path) -> None:
    learned(data, tmp_path / "first", steps=3)
    weights = tmp_path / "first" / "weights" / "tiny.safetensors"
    state = learned(data, tmp_path / "second", weights, steps=1, learning_rate=0.0, weight_decay=0.0)
    assert same(dict(state["net"]), load_tensors(read_card("tiny", weights.parent)))
    sha256 = read_card("tiny", weights.parent).sha256
    assert card_of(tmp_path / "second")["begun_with"] == f"tiny, SHA-256 {sha256}" and "begun_with" not in card_of(tmp_path / "first")


def test_a_run_that_goes_on_does_not_begin_again(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned(data, tmp_path / "first", steps=3)
    weights = tmp_path / "first" / "weights" / "tiny.safetensors"
    early = learned(data, tmp_path / "second", weights, steps=3, decay_steps=0)
    (tmp_path / "second" / "weights" / "tiny.json").unlink()  # so that a card is written, whatever the weights are worth
    gone = tmp_path / "gone.safetensors"  # what a run has begun with it needs no more
    later = learned(data, tmp_path / "second", gone, steps=4, decay_steps=0)
    assert any("had begun with tiny, SHA-256" in line and "gone.safetensors is not read" in line for line in lines_of(capsys))
    assert later["begun_with"] == early["begun_with"] == card_of(tmp_path / "second")["begun_with"]
    assert same(later, learned(data, tmp_path / "whole", weights, steps=4, decay_steps=0) | {"best": later["best"]})


@pytest.mark.parametrize("sizes", [{"width": 4}, {"n_layers": 2}])
def test_weights_of_other_sizes_cannot_be_begun_with(data: Path, tmp_path: Path, sizes: dict[str, int]) -> None:
    learned(data, tmp_path / "first", steps=1)
    weights = tmp_path / "first" / "weights" / "tiny.safetensors"
    with pytest.raises(WeightsError, match=r"tiny\.safetensors \(of the network band_split\) does not fit"):
        learned(data, tmp_path / "second", weights, net_config={**SMALL.net_config, **sizes})


def test_weights_to_begin_with_that_are_not_there_are_told_before_the_work(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no weights '.*none\.safetensors' with a \.json beside them to begin with"):
        learned(data, tmp_path / "third", tmp_path / "none.safetensors")
    assert not (tmp_path / "third").exists()
    learned(data, tmp_path / "first", steps=1)
    weights = tmp_path / "first" / "weights" / "tiny.safetensors"
    with pytest.raises(WeightsError, match="does not fit"):
        learned(data, tmp_path / "other net", weights, net="band_blstm", net_config={"n_hidden": 8, "n_layers": 1})
