"""Held-out mixes: the same ones for all weights, of the validation split alone, with floor and ceiling where they must be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from corpora import ROLES, SMALL, same, tone, train

from engine.errors import BadInputError
from engine.training import held_out
from engine.training.batches import sums_of
from engine.training.config import TrainConfig
from engine.training.data import Corpus
from engine.training.validation import held_out_batches, scored


def test_the_mixes_are_the_same_and_of_the_validation_split(data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str | None] = []
    real = Corpus.excerpt
    monkeypatch.setattr(Corpus, "excerpt", lambda self, clip, *rest: heard.append(clip.song) or real(self, clip, *rest))
    first = held_out_batches(SMALL, data, cache, 3)
    assert same(first, held_out_batches(SMALL, data, cache, 3)) and len(first) == 3
    assert set(heard) == {"c"} and not same(first[0], first[1])
    assert same(first[:2], held_out_batches(SMALL, data, cache, 2))  # more mixes begin with the fewer ones
    assert {k: v.shape[0] for k, v in first[0].items()} == dict.fromkeys(first[0], 1)


def test_a_role_that_nothing_was_held_out_of_is_named(tmp_path: Path) -> None:
    for role in ROLES:
        (tmp_path / role).mkdir()
        sf.write(tmp_path / role / "a.wav", tone(role), 44100)
    with pytest.raises(BadInputError, match=r"No sound of vocals and of drums and of bass and of other is held out"):
        held_out_batches(SMALL, tmp_path, tmp_path / "decoded", 1)


def test_shares_are_scored_by_what_they_leave_wrong() -> None:
    rng = np.random.default_rng(0)
    config = replace(TrainConfig(), n_frames=43)
    n = (config.n_frames - 1) * config.hop + config.n_fft
    stems = np.zeros((4, 2, n), np.float32)
    stems[0], stems[1] = rng.standard_normal((2, 2, n))  # as loud as each other, and nothing else
    batch = {k: torch.from_numpy(v)[None] for k, v in sums_of(stems, config).items()}
    halves = torch.tensor([0.5, 0.5, 0.0, 0.0])[None, :, None, None].expand_as(batch["cross"])
    found = scored(lambda b: halves, [batch, batch])
    assert set(found) == {"vocals", "drums", "mean"}
    assert found["vocals"] == pytest.approx(10 * np.log10(2), abs=0.3)  # half of it is gone, half of the other has come
    floor = scored(held_out.BESIDE["mixture (floor)"], [batch])
    assert floor["drums"] == pytest.approx(0.0, abs=0.3)
    ceiling = scored(held_out.BESIDE["best share of every band (ceiling)"], [batch])
    assert ceiling["mean"] > found["mean"] > floor["mean"]


def test_the_command_compares_weights_and_what_stands_beside(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(replace(SMALL, steps=3), data, tmp_path)
    path = tmp_path / "weights" / "tiny.safetensors"
    held_out.main([str(path), "--data", str(data), "--work", str(tmp_path), "--mixes", "2"])
    head, _, *rows = (line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|"))
    assert head == ["weights", *ROLES, "mean"] and [row[0] for row in rows] == [str(path), *held_out.BESIDE]
    means = {row[0]: float(row[-1]) for row in rows}
    assert means["mixture (floor)"] < means["best share of every band (ceiling)"]
    card = path.with_suffix(".json")
    card.write_text(card.read_text().replace('"band_split"', '"unet"'))
    with pytest.raises(SystemExit, match=r"tiny\.safetensors is of the network unet; only these can be compared"):
        held_out.main([str(path), "--data", str(data), "--work", str(tmp_path)])
