"""Leave one song out: who is left out is not heard, each is scored beside floor and ceiling, nothing is trained twice."""

from dataclasses import replace
from pathlib import Path

import pytest
from corpora import SMALL, tiny_corpus, write_song

from engine.evaluation.data import find_tracks
from engine.training import leave_out
from engine.training.data import Corpus


def test_each_song_is_left_out_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, base, work = tiny_corpus(tmp_path / "data"), replace(SMALL, batch=1), tmp_path / "work"
    write_song(data / "train" / "b2", seed=3)
    songs = find_tracks(data, split="train")
    found = leave_out.compare(songs, data, work, 0.001, n_workers=0, base=base)
    assert [files.name for files in songs] == ["a", "b", "b2"]
    for files in songs:
        rows = {s.method: s for s in found if s.track == files.name}
        assert set(rows) == {"left out", "mixture", "equal", "irm"}
        config = leave_out.config_without((files.name,), 0.001, base)
        heard = Corpus(data, work / "decoded", without_songs=config.without_songs).songs
        assert files.name not in heard and len(heard) == 2
        assert rows["irm"].median("sdr", "vocals") > rows["mixture"].median("sdr", "vocals")
    monkeypatch.setattr(leave_out, "trained", lambda *_: pytest.fail("trained again"))
    again = leave_out.compare(songs, data, work, 0.001, n_workers=0, base=base)
    assert [s.median("sdr", "drums") for s in again] == [s.median("sdr", "drums") for s in found]
    with pytest.raises(pytest.fail.Exception, match="trained again"):  # another length is another run
        leave_out.weights_without(("a",), data, work, 0.002, n_workers=0, base=base)


def test_songs_of_a_fold_are_left_out_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, base, work = tiny_corpus(tmp_path / "data"), replace(SMALL, batch=1), tmp_path / "work"
    write_song(data / "train" / "b2", seed=3)
    runs: list[tuple[str, ...]] = []
    real = leave_out.trained
    monkeypatch.setattr(leave_out, "trained", lambda config, *rest: runs.append(config.without_songs) or real(config, *rest))
    found = leave_out.compare(find_tracks(data, split="train"), data, work, 0.001, n_workers=0, base=base, n_folds=2)
    assert runs == [("a", "b2"), ("b",)]
    assert sorted(s.track for s in found if s.method == "left out") == ["a", "b", "b2"]
    leave_out.compare(find_tracks(data, split="train"), data, work, 0.001, n_workers=0, base=base, n_folds=7)
    assert runs[2:] == [("a",), ("b2",)]  # no more groups than songs; b alone is kept


def test_what_cannot_be_left_out_is_a_sentence(tmp_path: Path) -> None:
    data = tiny_corpus(tmp_path / "data")
    with pytest.raises(SystemExit, match=r"There is no song 'c' to train on; leave out one of: a, b\."):
        leave_out.main(["c", "--data", str(data), "--work", str(tmp_path / "work")])
    with pytest.raises(SystemExit, match="must be more than 0"):
        leave_out.main(["--data", str(data), "--work", str(tmp_path / "work"), "--minutes", "0"])
