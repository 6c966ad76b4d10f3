"""The workshop's commands: folders are ready before the work, numbers have bounds, one bad song or a mistyped split is a sentence."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corpora import SMALL, tiny_corpus, write_song

from engine.errors import BadInputError, TargetError
from engine.evaluation import __main__ as evaluation
from engine.evaluation import card, compare, leaks, panning, systems
from engine.evaluation.commands import at_least, ready, sentence
from engine.evaluation.data import FOUR, find_tracks
from engine.evaluation.scores import TrackScores
from engine.training import __main__ as command
from engine.training import curves, designs, findings, leave_out, zoo
from engine.training.synthesis import __main__ as synthesis
from engine.training.trainer import check


@pytest.mark.parametrize("least", [0, 1, 3, 0.5, 1.0])
def test_numbers_have_a_least(least: float) -> None:
    number = at_least(least)
    assert number(str(least)) == least and type(number(str(least))) is type(least)
    for text in (str(least - 1), "-7", "nan", "x", ""):
        with pytest.raises(Exception, match=r"at least|is not a") as found:
            number(text)
        assert type(found.value).__name__ == "ArgumentTypeError"


@pytest.mark.parametrize(
    ("main", "words"),
    [(command.main, ["--every", "0"]), (command.main, ["--threads", "0"]), (command.main, ["--workers", "-1"]),
     (zoo.main, ["--threads", "0"]), (findings.main, ["--more-runs", "-1"]), (panning.main, ["--songs", "0"]),
     (panning.main, ["--seconds", "0"]), (panning.main, ["--rate", "0"]), (designs.main, ["--workers", "-1"]),
     (leave_out.main, ["--workers", "x"]), (leaks.main, ["--worst", "-1"]),
     (synthesis.main, ["--minutes", "-1"]), (synthesis.main, ["--bands", "2.5"]), (synthesis.main, ["--workers", "0"])],
)  # fmt: skip
def test_numbers_out_of_range_are_a_sentence(
    main: Any, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = str(tmp_path)
    others: dict[Any, list[str]] = {panning.main: [], synthesis.main: ["--out", here], leaks.main: ["--data", here]}
    always = others.get(main, ["--data", here, "--work", here])
    monkeypatch.setattr(sys, "argv", ["x", *always, *words])
    with pytest.raises(SystemExit):
        main(*([] if main is command.main else [[*always, *words]]))
    assert f"argument {words[0]}: {words[1]}" in capsys.readouterr().err.replace("'", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"steps": 0}, "steps=0 .*at least 1"), ({"batch": 0}, "batch=0"), ({"heard_in": 0}, "heard_in=0"), ({"hop": 0}, "hop=0"),
     ({"seed": -1}, "seed=-1"), ({"song_share": 1.5}, r"song_share=1.5 .*0 to 1"), ({"ema": -0.1}, "ema"), ({"n_fft": 8}, "n_fft=8"),
     ({"learning_rate": float("nan")}, "learning_rate=nan"), ({"warmup_steps": -1}, "warmup_steps"), ({"name": "a/b"}, "'a/b'.*slashes")],
)  # fmt: skip
def test_recipes_out_of_range_are_a_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        check(replace(SMALL, **change))
    check(SMALL)


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    place, songs = str(tmp_path / "file" / "x"), str(data / "train")
    ready(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    with pytest.raises(TargetError, match=r"Nothing can be written to the folder .*choose another one"):
        ready(Path(place))
    for module, name in ((evaluation, "evaluate"), (leaks, "build"), (panning, "table"), (designs, "compare"), (leave_out, "compare")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("worked first"))
    monkeypatch.setattr(findings, "bank_of", lambda *_: pytest.fail("worked first"))
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    for main, words in ((evaluation.main, ["--data", songs, "--out", place]), (leaks.main, ["--data", songs, "--out", place]),
                        (systems.main, ["--out", place + "/s.md"])):  # fmt: skip
        assert main(words) == 1
        assert "Nothing can be written" in capsys.readouterr().err
    both = ["--data", str(data), "--work", str(tmp_path / "w")]
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    for main_, words in (
        (panning.main, ["--out", place]), (designs.main, [*both, "--out", place]), (designs.main, ["--data", str(data), "--work", place]),
        (leave_out.main, ["--data", str(data), "--work", place]), (findings.main, ["--data", str(data), "--work", place]),
        (zoo.main, ["dnn", *both, "--weights", place]), (curves.main, ["--work", str(logs), "--out", place + "/c.svg"]),
        (synthesis.main, ["--out", place]),
    ):  # fmt: skip
        with pytest.raises(SystemExit, match="Nothing can be written"):
            main_(words)
    for words in ([*both, "--weights", place], ["--data", str(data), "--work", place]):
        monkeypatch.setattr(sys, "argv", ["x", *words, "--device", "cpu"])
        with pytest.raises(SystemExit, match="Nothing can be written"):
            command.main()
    for error in (OSError(28, "No space left on device", "/disk/x.md"), OSError("3 requested and 2 written")):
        assert sentence(error).endswith("or choose another place.") and "cannot be read or written (" in sentence(error)


def test_a_card_in_a_folder_that_cannot_be_written_to_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.md").write_text(f"{card.BEGIN}\n{card.END}\n")
    seen: list[Path] = []

    def refuse(*folders: Path) -> None:
        seen.extend(folders)
        raise TargetError("no room")

    monkeypatch.setattr(card, "ready", refuse)
    monkeypatch.setattr(card, "measured", lambda *_: pytest.fail("measured first"))
    assert card.main(["--data", str(tmp_path), "--weights", "x", "--weights-dir", str(tmp_path)]) == 1
    assert seen == [tmp_path]


# ---------------------------------------------------------------------------------------------------------------- evaluation


def test_a_split_that_is_not_there_is_refused_and_the_others_are_named(tmp_path: Path) -> None:
    data = tiny_corpus(tmp_path / "data")
    with pytest.raises(BadInputError, match=r"no split 'tset', a folder, in 'data'; there are: bass, test, train\."):
        find_tracks(data, split="tset")
    with pytest.raises(BadInputError, match=r"holds the folders bass, test, train: give one of them by --split"):
        find_tracks(data)
    assert [t.name for t in find_tracks(data, split="train")] == ["a", "b"]
    assert [t.name for t in find_tracks(data, ("c", "a"))] == ["c", "a"]  # whatever their split
    with pytest.raises(BadInputError, match=r"no song 'z' in 'data'; there are: a, b, c\."):
        find_tracks(data, ("z",))
    index = [{"path": "x.wav", "role": "drums", "kind": "song-stem", "song": "s", "split": split} for split in ("valid", "train")]
    (data / "INDEX.json").write_text(json.dumps(index))
    with pytest.raises(BadInputError, match=r"split 'vlaid', holds no song .*in the splits train, valid: give one by --split"):
        find_tracks(data, split="vlaid")


def test_leave_one_out_still_takes_songs_that_are_not_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(leave_out, "compare", lambda songs, *_, **__: seen.append([s.name for s in songs]) or [])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    for name in "ab":
        write_song(tmp_path / "songs" / name)
    leave_out.main(["--data", str(tmp_path / "songs"), "--work", str(tmp_path / "work")])
    leave_out.main(["--data", str(tiny_corpus(tmp_path / "split")), "--work", str(tmp_path / "work")])
    assert seen == [["a", "b"], ["a", "b"]]


def test_one_bad_song_is_said_and_the_others_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        write_song(tmp_path / "data" / name, ("vocals", "drums"))
    (tmp_path / "data" / "b" / "drums.wav").write_bytes(b"no sound")
    words = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert evaluation.main(words) == 1
    said = capsys.readouterr()
    assert "Left out b: " in said.err and "2 songs (a, c)" in said.out
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["results"][0]["songs"] == ["a", "c"]
    assert evaluation.main([*words[:2], "--songs", "b"]) == 1
    assert capsys.readouterr().out == ""
    assert evaluation.main([*words[:2], "--songs", "c"]) == 0


@pytest.mark.parametrize("n", [3, 7, 12])
def test_too_few_is_said_in_words(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = [TrackScores(m, "method", "song", FOUR, {"sdr": {s: rng.normal(level, 0.01, n) for s in FOUR}})
              for m, level in (("a", 9.0), ("b", 3.0))]  # fmt: skip
    text = evaluation.tests_markdown(evaluation.tests_of(scores))
    assert compare.legend("windows") in text and "*too few*" in text and "more than noise on this song" in text
    assert text.count("(too few) |") == (4 if n < 8 else 0) and "is enough" not in text  # eight pairs, as docs/systems.md says
    assert evaluation.tests_markdown([]) == ""
