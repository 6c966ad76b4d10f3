"""Training: states and weights, the recipe's names, optimisers, scores; what cannot be is said."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from corpora import SMALL, same, train, write_song

from engine.errors import BadInputError
from engine.nets import build_net
from engine.nets.band_split import BandSplit, BandSplitConfig, dropped
from engine.training import __main__ as command
from engine.training import loop, trainer, validation
from engine.training.batches import loader
from engine.training.config import TrainConfig
from engine.training.losses import separation_loss
from engine.training.optimisers import OPTIMISERS, make_optimiser
from engine.training.ranks import Place
from engine.weights import bundled_folder, load_tensors, read_card

CPU = torch.device("cpu")


def test_a_state_of_the_first_version_is_gone_on_from(data: Path, tmp_path: Path) -> None:
    early, later = (replace(SMALL, steps=n, optimiser="adamw", song_stem_share=0.4, heard_in=1, other_singers=0.0) for n in (2, 3))
    kept = train(early, data, tmp_path)
    wanted = train(later, data, tmp_path)
    later_names = ("optimiser", "loss", "made_share", "song_stem_share", "heard_in", "other_singers")  # its recipe had none of them
    told = {k: v for k, v in asdict(early).items() if k not in later_names}
    torch.save({**kept, "config": json.dumps(told)}, tmp_path / "tiny.state.pt")
    assert same(train(later, data, tmp_path), wanted)


def test_the_recipe_beside_the_bundled_weights_is_the_default_one() -> None:
    assert TrainConfig.load(bundled_folder() / "nullsum-4.json") == TrainConfig()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("bf16", [True, False])
def test_a_gpu_goes_on_where_the_cpu_stopped(data: Path, tmp_path: Path, bf16: bool) -> None:
    early, later = (replace(SMALL, steps=n, optimiser="sgd") for n in (3, 6))  # Adam would blow up what differs in the last bits
    train(early, data, tmp_path / "gpu")
    train(early, data, tmp_path / "cpu")
    loop.train(later, data, tmp_path / "gpu", tmp_path / "gpu" / "weights", 0, every=3, bf16=bf16, device="cuda")
    state = torch.load(tmp_path / "gpu" / "tiny.state.pt", weights_only=True, map_location="cpu")
    for name, value in train(later, data, tmp_path / "cpu", bf16=bf16)["mean"].items():
        assert torch.allclose(state["mean"][name], value, atol=1e-2), name


@pytest.mark.parametrize("change", [{"optimiser": "sgd"}, {"net": "band_blstm", "net_config": {}}, {"net_config": {"width": 4}}])
def test_a_state_of_another_network_or_optimiser_is_refused(data: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    train(replace(SMALL, steps=1), data, tmp_path)
    with pytest.raises(BadInputError, match=rf"tiny\.state\.pt is of a run with {next(iter(change))} .*another --name"):
        train(replace(SMALL, **change), data, tmp_path)


def test_the_weights_that_are_left_are_those_of_the_recipe(data: Path, tmp_path: Path) -> None:
    state = train(replace(SMALL, steps=3), data, tmp_path, bf16=True)
    card = read_card("tiny", tmp_path / "weights")
    tensors = load_tensors(card)  # its SHA-256 is right
    assert TrainConfig.load(tmp_path / "weights" / "tiny.json") == replace(SMALL, steps=3)
    assert all(torch.allclose(tensors[k], v, atol=1e-3) for k, v in state["mean"].items())
    build_net(card.net, card.config["net_config"]).load_state_dict(tensors)


# ------------------------------------------------------------------------------------------------------------ the recipe


def test_the_default_recipe_is_muon_and_the_loss_of_shares() -> None:
    config = TrainConfig()
    assert (config.optimiser, config.loss) == ("muon", "shares")
    ours = make_optimiser("adamw", [torch.nn.Parameter(torch.zeros(1))], config.learning_rate, config.weight_decay)
    plain = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=config.learning_rate, weight_decay=config.weight_decay)
    assert type(ours) is torch.optim.AdamW and ours.defaults == plain.defaults
    assert trainer.Trainer(SMALL, Place(CPU))._loss is separation_loss


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("bf16", [True, False])
def test_every_optimiser_makes_a_batch_easier(data: Path, cache: Path, name: str, bf16: bool) -> None:
    rate = {"sgd": 0.1, "adagrad": 0.02, "adadelta": 5.0}.get(name, 3e-3)
    config = replace(SMALL, optimiser=name, learning_rate=rate, warmup_steps=1, steps=10_000)
    net = trainer.Trainer(config, Place(CPU), bf16)
    batch = next(loader(SMALL, data, cache, 0, 0))
    losses = []
    for _ in range(12):
        net.loss = 0.0
        net.learn(batch)
        losses.append(net.loss)
    assert losses[-1] < losses[0] - 0.003


def test_muon_moves_matrices_and_adamw_the_rest() -> None:
    net = build_net("band_split", SMALL.net_config)
    optimiser = make_optimiser("muon", net.parameters(), 0.5, 0.0)
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(list(net.parameters()))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    for p in net.parameters():
        p.grad = torch.randn_like(p)
    for group in optimiser.param_groups:
        group["lr"] = 1e-3  # as training sets it at every step
    optimiser.step()
    for name, p in net.named_parameters():
        moved = (p.detach() - before[name]) / 1e-3
        if p.ndim == 2:  # near a matrix whose directions are all equally strong: its RMS is about 0.2, as a step of AdamW's
            assert 0.1 < float(moved.square().mean().sqrt()) < 0.3, name
            singular = torch.linalg.svdvals(moved)
            assert float(singular.min() / singular.max()) > 0.3, name
        else:
            assert torch.allclose(moved.abs(), torch.ones(()), atol=1e-2), name  # AdamW's first step


@pytest.mark.parametrize("net", ["band_split", "band_blstm"])
def test_the_networks_overfit_one_batch(data: Path, cache: Path, net: str) -> None:
    sizes = SMALL.net_config if net == "band_split" else {"n_hidden": 16, "n_layers": 1}
    config = replace(SMALL, net=net, net_config=sizes, loss="tpsa-l2", learning_rate=2e-2, steps=10_000)
    learner = trainer.Trainer(config, Place(CPU), bf16=False)
    batch = next(loader(SMALL, data, cache, 1, 0))
    learner.learn(batch)
    first, learner.loss = learner.loss, 0.0
    for _ in range(60):
        learner.learn(batch)
        last, learner.loss = learner.loss, 0.0
    assert last < first / 3


def test_a_net_without_stereo_features_hears_the_power_alone(data: Path, cache: Path) -> None:
    learner = trainer.Trainer(replace(SMALL, net_config={**SMALL.net_config, "n_features": 1}), Place(CPU))
    batch = next(loader(SMALL, data, cache, 0, 0))
    assert trainer.heard(learner.net, batch).shape == (2, 1, 400, SMALL.n_frames)
    learner.learn(batch)
    assert set(validation.validate(learner.mean, [{k: v[:1] for k, v in batch.items()}])) >= {"mean"}


def test_a_step_that_is_not_finite_is_left_out(data: Path, cache: Path) -> None:
    learner = trainer.Trainer(SMALL, Place(CPU))
    before = {k: v.clone() for k, v in learner.net.state_dict().items()}
    batch = next(loader(SMALL, data, cache, 0, 0))
    learner.learn({**batch, "cross": batch["cross"] * float("nan")})
    assert same(before, dict(learner.net.state_dict())) and learner.step == 1


def test_the_learning_rate_rises_stays_and_falls_at_the_end() -> None:
    config = replace(SMALL, steps=1000, warmup_steps=100, decay_steps=300, learning_rate=1.0)
    rates = [trainer.learning_rate(step, config) for step in range(1000)]
    assert rates[0] == 0.01 and set(rates[99:700]) == {1.0} and rates[-1] == 0.01
    assert rates[:100] == sorted(rates[:100]) and rates[700:] == sorted(rates[700:], reverse=True)
    longer = [trainer.learning_rate(step, replace(config, steps=2000)) for step in range(700)]
    assert longer == rates[:700]
    assert trainer.learning_rate(0, replace(config, warmup_steps=0, decay_steps=0)) == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [({"net": "unet"}, "no network called 'unet'.*band_blstm, band_split"), ({"loss": "l3"}, "no loss called 'l3'.*tpsa-l1"),
     ({"optimiser": "adm"}, "no optimiser called 'adm'.*adamw"), ({"n_frames": 20}, "n_frames=20 is too short.*43")],
)  # fmt: skip
def test_an_impossible_recipe_is_a_sentence(data: Path, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        train(replace(SMALL, **change), data, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_song_to_validate_with_it_does_not_begin(tmp_path: Path) -> None:
    write_song(tmp_path / "data" / "only")
    with pytest.raises(BadInputError, match=r"no song to validate with.*at least two songs"):
        train(SMALL, tmp_path / "data", tmp_path / "work")


def test_stems_that_never_play_are_left_out_of_the_scores(data: Path, tmp_path: Path, cache: Path) -> None:
    write_song(tmp_path / "train" / "a")
    write_song(tmp_path / "valid" / "short", ("vocals", "drums"))
    net = trainer.Trainer(SMALL, Place(CPU)).mean
    scores = validation.validate(net, validation.valid_batches(SMALL, tmp_path, cache))
    assert set(scores) == {"vocals", "drums", "mean"}
    assert all(abs(value) < 100 for value in scores.values())


def test_the_command_passes_on_what_it_was_given(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(loop, "train", lambda *words, **named: given.append((words, named)))
    threads = torch.get_num_threads()
    words = ["x", "--data", str(data), "more", "--work", str(tmp_path), "--threads", str(threads), "--optimiser", "nadam", "--loss", "snr"]
    begin = ["--begin-with", "w", "--keep-last"]
    monkeypatch.setattr(sys, "argv", [*words, "--precision", "float32", "--device", "cpu", "--every", "7", *begin, "--without-songs", "a"])
    command.main()
    (config, folders, *_, every, bf16), named = given[0]
    assert (config.optimiser, config.loss, config.without_songs, config.name) == ("nadam", "snr", ("a",), "nullsum-4")
    assert (folders, every, bf16, named) == (
        [data, Path("more")], 7, False, {"made": None, "device": "cpu", "begin_with": Path("w"), "keep_last": True},
    )  # fmt: skip
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", [*words, "--device", "cpu"])
    with pytest.raises(SystemExit, match="no folder 'more'"):
        command.main()


def test_what_drops_out_stays_out_for_a_whole_sequence() -> None:
    torch.manual_seed(0)
    ones = torch.ones(40, 7, 30)
    y = dropped(ones, 0.25, True)
    assert torch.equal(y, y[:, :1].expand_as(y)) and set(y.unique().tolist()) == {0.0, float(torch.tensor(1 / 0.75))}
    assert abs(float(y.mean()) - 1.0) < 0.05
    assert torch.equal(dropped(ones, 0.25, False), ones) and torch.equal(dropped(ones, 0.0, True), ones)


def test_dense_layers_across_the_groups_hear_every_group() -> None:
    net = BandSplit(BandSplitConfig(width=8, hidden=8, decoder=8, n_layers=1, across=16, dropout=0.0)).eval()
    x = torch.randn(1, 3, 400, 6, requires_grad=True)
    net(x)[0, :, 0, 3].sum().backward()  # the lowest group, one frame
    assert x.grad is not None and bool((x.grad.abs().amax(dim=(0, 1, 3)).reshape(25, 16).amax(dim=1) > 0).all())
