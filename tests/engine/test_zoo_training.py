"""Training research nets: criteria against their formulas, the budget, what is written, and going on after a kill."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from toys import recording

from engine.errors import BadInputError, Cancelled
from engine.masks import ONE
from engine.methods.network import Network, spectrum
from engine.nets import build_net, compact_config
from engine.nets.contract import Look, WaveformNet
from engine.separate import separate
from engine.training import zoo
from engine.training.criteria import CRITERIA, affinity_error, check, truncated_target
from engine.training.mixes import LEVEL_SPREAD_DB, MixProcess, MixSource, Pool, as_heard, endless_mixes, level, valid_stretches
from engine.training.optimisers import OPTIMISERS, make_optimiser
from engine.training.recipes import RECIPES, Recipe, recipe_for
from engine.training.zoo_weights import page
from engine.weights import zoo_folder

ROLES = ("vocals", "drums", "bass", "other")
LOOK = {"rate_hz": 22050, "n_channels": 1, "n_fft": 512, "hop": 256, "context_s": 0.1}
DNN = {"look": LOOK, "n_hidden": 12, "n_bands": 40, "is_log": True}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs of four stems, one to learn from and one to validate with, and single stems: tones and noise of 3 s."""
    folder = tmp_path_factory.mktemp("data")
    rng, index = np.random.default_rng(0), []
    for split in ("train", "valid"):
        for kind in ("song-stem", "rendered"):
            for i, role in enumerate(ROLES):
                t = np.arange(3 * 44100)[:, None] / 44100
                sound = np.sin(2 * np.pi * 150 * 4**i * t + rng.uniform(0, 6)) * 0.2 + rng.normal(0, 0.01, (len(t), 2))
                path = f"{split}-{kind}-{role}.wav"
                sf.write(folder / path, sound, 44100)
                index.append({"path": path, "role": role, "kind": kind, "song": f"song-{split}" if kind == "song-stem" else None,
                              "source": "made here", "split": split, "weights_ok": True})  # fmt: skip
    (folder / "INDEX.json").write_text(json.dumps(index))
    return folder


def spectra(n_batch: int = 2, n_channels: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    stems = torch.randn(n_batch, 4, n_channels, 9, 7, dtype=torch.complex64, generator=g)
    return stems.sum(1), stems


def sound(seed: int = 0, n: int = 3000) -> tuple[Tensor, Tensor]:
    stems = torch.randn(2, 4, 2, n, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1.0, 0.5, 2.0, 0.1])[None, :, None, None]
    return stems.sum(1), stems


class Says(nn.Module):
    """A net that says what it was made to say."""

    def __init__(self, estimate: Tensor, **others: Tensor) -> None:
        super().__init__()
        self.estimate = estimate
        for name, value in others.items():
            setattr(self, name, lambda magnitude, value=value: value)

    def forward(self, x: Tensor) -> Tensor:
        return self.estimate


# ------------------------------------------------------------------------------------------------------------ criteria


@pytest.mark.parametrize("name", ["mse", "l1", "tpsa", "tpsa-l2"])
def test_criteria_of_magnitudes_are_their_formulas(name: str) -> None:
    mixture, stems = spectra(n_channels=2)
    estimate = torch.rand(stems.shape, generator=torch.Generator().manual_seed(3))
    x, s = mixture.numpy()[:, None], stems.numpy()
    if name.startswith("tpsa"):
        target = np.minimum(np.maximum(np.abs(s) * np.cos(np.angle(s) - np.angle(x)), 0.0), np.abs(x))
        np.testing.assert_allclose(truncated_target(mixture, stems).numpy(), target, atol=1e-5)
    else:
        target = np.abs(s)
    error = np.abs(estimate.numpy() - target)
    squared = name in ("mse", "tpsa-l2")
    wanted = np.mean(error**2) / np.mean(np.abs(x) ** 2) if squared else np.mean(error) / np.mean(np.abs(x))
    assert float(CRITERIA[name](Says(estimate), mixture, stems)) == pytest.approx(float(wanted), rel=1e-4)
    assert float(CRITERIA[name](Says(torch.from_numpy(target)), mixture, stems)) == pytest.approx(0.0, abs=1e-6)


def test_the_ideal_mask_has_no_mask_error_and_silence_does_not_count() -> None:
    mixture, stems = spectra()
    ideal = stems.abs() / stems.abs().sum(1, keepdim=True)
    assert float(CRITERIA["mask-mse"](Says(mixture, masks=ideal), mixture, stems)) == pytest.approx(0.0, abs=1e-12)
    wrong = (1.0 - ideal).clone()
    plain = float(CRITERIA["mask-mse"](Says(mixture, masks=wrong), mixture, stems))
    assert plain == pytest.approx(float((wrong - ideal).square().mean()), rel=1e-5)  # eq. 10
    stems[..., 3:] = 0.0
    cut = float(CRITERIA["mask-mse"](Says(mixture, masks=wrong), stems.sum(1), stems))
    assert cut == pytest.approx(float((wrong - ideal)[..., :3].square().mean()), rel=1e-5)


def test_nll_is_the_mean_log_of_the_loudest_stems_probability() -> None:
    mixture, stems = spectra()
    logits = torch.randn(stems.shape, generator=torch.Generator().manual_seed(5))
    owner = stems.abs().argmax(1, keepdim=True)
    wanted = -logits.softmax(1).gather(1, owner).log().mean()  # eq. 6 and 7
    assert float(CRITERIA["nll"](Says(mixture, logits=logits), mixture, stems)) == pytest.approx(float(wanted), rel=1e-5)
    better = logits.scatter_add(1, owner, torch.ones(owner.shape))
    assert CRITERIA["nll"](Says(mixture, logits=better), mixture, stems) < wanted


def test_small_matrices_give_the_error_of_the_large_ones() -> None:
    g = torch.Generator().manual_seed(0)
    v = torch.randn(3, 50, 6, generator=g, dtype=torch.float64)
    y = nn.functional.one_hot(torch.randint(4, (3, 50), generator=g), 4).double()
    w = torch.rand(3, 50, generator=g, dtype=torch.float64)
    large = ((v @ v.mT - y @ y.mT).square() * w[:, :, None] * w[:, None, :]).sum((1, 2))
    torch.testing.assert_close(affinity_error(v, y, w), large)


def test_deep_clustering_is_zero_where_cells_lie_at_their_owners() -> None:
    mixture, stems = spectra()
    owner = nn.functional.one_hot(stems.abs().sum(2).flatten(2).argmax(1), 4).float()
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1)))[0]
    assert float(CRITERIA["deep-clustering"](Says(mixture, embed=owner @ turn), mixture, stems)) == pytest.approx(0.0, abs=1e-6)
    assert float(CRITERIA["deep-clustering"](Says(mixture, embed=owner.roll(1, 1)), mixture, stems)) > 0.1


def test_deep_clustering_shows_the_net_where_the_stems_lie() -> None:
    mixture, stems = spectra()
    net = Says(mixture, embed=torch.randn(2, 63, 5))
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    net.learn_centroids = lambda *said: seen.append(said)  # type: ignore[assignment, method-assign]
    CRITERIA["deep-clustering"](net, mixture, stems)
    (embedding, owner, weight), = seen  # fmt: skip
    assert embedding.shape == (2, 63, 5) and owner.shape == (2, 63, 4) and (owner.sum(2) == 1).all()
    torch.testing.assert_close(weight.sum(1), torch.ones(2))
    CRITERIA["deep-clustering"](net.eval(), mixture, stems)
    assert len(seen) == 1


def test_criteria_of_samples_are_their_formulas() -> None:
    mixture, stems = sound()
    estimate = stems + 0.1 * torch.randn(stems.shape, generator=torch.Generator().manual_seed(2))
    error = (estimate - stems).numpy()
    x, s, e = mixture.numpy(), stems.numpy().reshape(2, 4, -1), estimate.numpy().reshape(2, 4, -1)
    wanted = {
        "wave-l1": np.abs(error).mean() / np.abs(x).mean(),
        "wave-mse": np.square(error).mean() / np.square(x).mean(),
        "snr": np.mean(10 * np.log10(np.square(e - s).sum(-1) / np.square(s).sum(-1) + 1e-3)),
    }
    projected = (e * s).sum(-1, keepdims=True) / np.square(s).sum(-1, keepdims=True) * s
    wanted["si-sdr"] = np.mean(10 * np.log10(np.square(e - projected).sum(-1) / np.square(projected).sum(-1) + 1e-3))
    for name, value in wanted.items():
        assert float(CRITERIA[name](Says(estimate), mixture, stems)) == pytest.approx(float(value), rel=1e-3), name


def test_si_sdr_does_not_mind_the_level_and_snr_does() -> None:
    mixture, stems = sound()
    estimate = stems + 0.2 * torch.randn(stems.shape, generator=torch.Generator().manual_seed(2))
    quiet, loud = (float(CRITERIA["si-sdr"](Says(g * estimate), mixture, stems)) for g in (0.5, 2.0))
    assert quiet == pytest.approx(loud, abs=1e-3)
    assert CRITERIA["snr"](Says(0.5 * estimate), mixture, stems) > CRITERIA["snr"](Says(estimate), mixture, stems) + 1.0


@pytest.mark.parametrize("name", ["wave-l1", "wave-mse", "snr", "si-sdr", "mrstft"])
def test_silent_stems_and_silent_mixtures_give_numbers_and_gradients(name: str) -> None:
    for stems in (torch.zeros(1, 4, 1, 3000), sound()[1] * torch.tensor([1.0, 0.0, 1.0, 0.0])[None, :, None, None]):
        estimate = (stems + 0.0).requires_grad_()
        loss = CRITERIA[name](Says(estimate), stems.sum(1), stems)
        loss.backward()
        assert estimate.grad is not None
        assert math.isfinite(loss.item()) and torch.isfinite(estimate.grad).all()


@pytest.mark.parametrize("name", ["wave-l1", "wave-mse", "snr", "si-sdr", "mrstft"])
def test_less_noise_is_less_loss(name: str) -> None:
    mixture, stems = sound()
    noise = torch.randn(stems.shape, generator=torch.Generator().manual_seed(2))
    losses = [float(CRITERIA[name](Says(stems + amount * noise), mixture, stems)) for amount in (0.0, 0.1, 0.3, 1.0)]
    assert losses == sorted(losses) and len(set(losses)) == 4


# -------------------------------------------------------------------------------------------------- optimisers, recipes


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_goes_downhill(name: str) -> None:
    x = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimiser = make_optimiser(name, [x], learning_rate=0.05 if name != "adadelta" else 1.0)
    for _ in range(60):
        optimiser.zero_grad()
        x.square().sum().backward()
        optimiser.step()
    assert x.detach().square().sum() < 3.0**2 + 2.0**2


def test_recipes_name_what_there_is() -> None:
    for name in RECIPES:
        recipe = recipe_for(name)
        assert recipe.criterion in CRITERIA and recipe.optimiser in OPTIMISERS
        assert Recipe.from_json({**json.loads(json.dumps(dataclasses.asdict(recipe))), "of_a_later_version": 1}) == recipe
    assert recipe_for("dnn").same_run(recipe_for("dnn", minutes=99.0, max_steps=5))
    assert not recipe_for("dnn").same_run(recipe_for("dnn", batch=5))


def test_the_learning_rate_rises_and_falls_with_the_part_of_the_run() -> None:
    recipe = recipe_for("dnn", learning_rate=0.5, warmup=0.1)
    rates = [zoo.learning_rate(done, recipe) for done in np.linspace(0.0, 1.0, 201)]
    top = int(np.argmax(rates))
    assert 0 < rates[0] < 0.02 and 0.45 < rates[top] <= 0.5 and 15 <= top <= 25
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.005) == zoo.learning_rate(7.0, recipe)


# -------------------------------------------------------------------------------------------------------------- mixes


def test_mixes_are_heard_as_the_net_hears_them() -> None:
    stems = np.random.default_rng(0).uniform(-1, 1, (4, 2, 44100)).astype(np.float32)
    assert np.array_equal(as_heard(stems, 44100, 2), stems)
    np.testing.assert_allclose(as_heard(stems, 44100, 1), stems.mean(axis=1, keepdims=True))
    low = as_heard(stems, 22050, 2)
    assert low.shape == (4, 2, 22050)
    np.testing.assert_allclose(low.sum(axis=0), as_heard(stems.sum(axis=0, keepdims=True), 22050, 2)[0], atol=1e-4)  # still adds up


def test_a_mix_is_decided_by_its_number(data: Path, tmp_path: Path) -> None:
    source = MixSource(data, tmp_path, 22050, 1, 1.0, 0.3, 0.4, seed=4)
    first, second, third = (mix for _, mix in zip(range(3), endless_mixes(source), strict=False))
    assert first.shape == (4, 1, 22050) and first.dtype == np.float16
    assert not np.array_equal(first, second)
    assert np.array_equal(next(endless_mixes(source, 2)), third)


def test_the_process_mixes_what_the_generator_mixes_and_ends(data: Path, tmp_path: Path) -> None:
    source = MixSource(data, tmp_path, 22050, 1, 0.5, 0.3, 0.4, seed=4)
    process = MixProcess(source, first=1)
    try:
        found = process.take(wait=True)
    finally:
        process.close()
    assert found is not None and np.array_equal(found, next(endless_mixes(source, 1)))
    assert not process._process.is_alive()


def numbered() -> Iterator[np.ndarray]:
    for n in range(10**9):
        yield np.full((4, 1, 100), n + 1, dtype=np.float16)


def test_the_pool_waits_for_its_first_mixes_only_and_renews_itself() -> None:
    asked: list[bool] = []
    made = numbered()

    def take(wait: bool) -> np.ndarray | None:
        asked.append(wait)
        return next(made) if wait or len(asked) > 20 else None

    pool = Pool(take, size=6, first=3, most=2)
    rng = np.random.default_rng(0)
    assert pool.draw(rng, 5, 40).shape == (5, 4, 1, 40)
    assert asked[:3] == [True] * 3 and not any(asked[3:]) and pool.n_taken == 3
    for _ in range(40):
        pool.draw(rng, 1, 100)
    assert not any(asked[3:]) and pool.n_taken > 20
    assert sorted(float(mix[0, 0, 0]) for mix in pool._mixes) == [pool.n_taken - n for n in range(5, -1, -1)]  # the latest six


def test_examples_come_at_the_nets_level() -> None:
    rng = np.random.default_rng(0)
    stems = rng.normal(0, 3, (4, 2, 4000)).astype(np.float32)
    assert np.sqrt(np.mean(level(stems).sum(axis=0) ** 2)) == pytest.approx(0.1, rel=1e-4)
    assert np.array_equal(level(np.zeros_like(stems)), np.zeros_like(stems))
    pool = Pool(lambda wait: stems.astype(np.float16), size=2, first=1)
    found_db = 20 * np.log10(np.sqrt(np.mean(pool.draw(rng, 200, 3000).sum(axis=1) ** 2, axis=(1, 2))) / 0.1)
    assert abs(found_db.mean()) < 1.0 and 0.7 < found_db.std() / LEVEL_SPREAD_DB < 1.3


def test_stretches_for_validation_come_from_the_validation_song(data: Path, tmp_path: Path) -> None:
    found = valid_stretches(data, tmp_path, 22050, 1, seconds=1.0, n=3)
    assert found.shape == (3, 4, 1, 22050)
    loudest = np.fft.rfftfreq(22050, 1 / 22050)[np.abs(np.fft.rfft(found[0, :, 0])).argmax(axis=-1)]
    np.testing.assert_allclose(loudest, [150, 600, 2400, 9600], atol=2)


def test_training_and_separating_see_the_same_spectrum() -> None:
    look = Look(**{**LOOK, "window": "hamming"})  # type: ignore[arg-type]
    x = np.random.default_rng(0).standard_normal((2, 1, 4000)).astype(np.float32)
    inside = zoo.spectra(torch.from_numpy(x), look).numpy()
    np.testing.assert_allclose(inside, spectrum(x, look, 20)[..., 1 : 1 + inside.shape[-1]], atol=1e-3)  # frame 1 begins at sample 0


# ------------------------------------------------------------------------------------------------------------ the runs


def short(**changes: Any) -> Recipe:
    said = {"net_config": DNN, "batch": 2, "seconds": 0.5, "mix_seconds": 1.0, "minutes": 1000.0, "max_steps": 8, **changes}
    return recipe_for("dnn", **said)


def run(recipe: Recipe, data: Path, tmp_path: Path, **options: Any) -> list[str]:
    said: list[str] = []
    zoo.train(recipe, data, tmp_path / "work", tmp_path / "zoo", n_workers=0, say=said.append, **options)
    return said


@pytest.mark.parametrize("bf16", [False, True])
def test_a_run_leaves_weights_that_separate(data: Path, tmp_path: Path, bf16: bool) -> None:
    run(short(bf16=bf16), data, tmp_path)
    card = json.loads((tmp_path / "zoo" / "dnn.json").read_text())
    numbers = (tmp_path / "zoo" / "dnn.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(numbers).hexdigest()
    assert card["steps_trained"] == 8 and card["sources"] == ["made here"] and card["licence"] == "MIT"
    assert Recipe.from_json({**card["recipe"], "net_config": card["net_config"]}) == short(bf16=bf16)  # the recipe can be run again
    assert set(card["valid"]) == {"loss", "sdr_vocals", "sdr_drums", "sdr_bass", "sdr_other"}
    kept = load_file(tmp_path / "zoo" / "dnn.safetensors")
    assert kept["hidden.weight"].dtype == torch.float16 and kept["scale.running_var"].dtype == torch.float32
    assert sorted(p.name for p in (tmp_path / "zoo").iterdir()) == ["dnn.json", "dnn.safetensors"]
    masks = separate(recording(n_samples=30_000), Network("dnn", folder=tmp_path / "zoo"))
    assert (masks.frames(0, 9).astype(int).sum(axis=0) == ONE).all()


def test_it_learns(data: Path, tmp_path: Path) -> None:
    run(short(criterion="tpsa", max_steps=60, learning_rate=1e-2, ema=0.9), data, tmp_path)
    valid = json.loads((tmp_path / "zoo" / "dnn.json").read_text())["valid"]
    assert min(valid[f"sdr_{role}"] for role in ROLES) > 6.0  # equal shares of four equally loud stems have 10 log10(4 / 3) = 1.2 dB


def test_a_run_that_was_killed_goes_on_where_it_stood(data: Path, tmp_path: Path) -> None:
    recipe, state = short(optimiser="rmsprop"), tmp_path / "work" / "zoo" / "dnn-compact.state.pt"
    for killed in (1, 2):
        steps = iter(range(3))
        with pytest.raises(Cancelled):
            run(recipe, data, tmp_path, is_cancelled=lambda steps=steps: next(steps, None) is None, save_every_s=0.0)
        assert not list((tmp_path / "zoo").iterdir())  # made before the work, to know that it can be written to
        kept, again = torch.load(state, weights_only=True), zoo.Trainer(recipe, state, lambda said: None)
        assert again.step == 3 * killed and again.seconds > 0.0 and again.n_mixes >= 8 * killed
        for which, module in (("net", again.net), ("mean", again.mean)):
            assert all(torch.equal(kept[which][k], v) for k, v in module.state_dict().items())
        assert all(float(s["step"]) == 3 * killed for s in again.optimiser.state.values())
    state.with_suffix(".part").write_bytes(b"half of a state")  # killed while it was written
    assert "going on after 6 steps" in run(recipe, data, tmp_path)[0]
    assert json.loads((tmp_path / "zoo" / "dnn.json").read_text())["steps_trained"] == 8
    assert run(recipe, data, tmp_path)[-1].startswith("dnn: done after 8 steps")  # nothing is left to do


def test_a_state_of_another_recipe_is_not_gone_on_from(data: Path, tmp_path: Path) -> None:
    run(short(max_steps=2), data, tmp_path)
    assert "beginning anew" in run(short(max_steps=2, batch=3), data, tmp_path)[0]
    assert "going on after 2 steps" in run(short(max_steps=4, batch=3), data, tmp_path)[0]  # a longer budget goes on


def test_the_minutes_end_a_run(data: Path, tmp_path: Path) -> None:
    said = run(short(minutes=1e-7, max_steps=0), data, tmp_path)
    assert "done after 1 steps" in said[-1]
    assert json.loads((tmp_path / "zoo" / "dnn.json").read_text())["steps_trained"] == 1


def test_the_command_passes_over_what_is_trained_and_refuses_what_it_does_not_know(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[Recipe] = []
    monkeypatch.setattr(zoo, "train", lambda recipe, *rest, **more: trained.append(recipe))
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    words = ["--data", str(data), "--work", str(tmp_path), "--weights", str(tmp_path / "zoo")]
    zoo.main(["cnn2", "dnn", *words, "--minutes", "3"])
    assert [(r.net, r.minutes, r.net_config["n_bands"]) for r in trained] == [("cnn2", 3.0, 256), ("dnn", 3.0, 256)]
    assert trained[0].net_config["is_softmax"] and trained[0].criterion == "nll"
    zoo.main(["cnn2", *words, "--paper", "--loss", "mask-mse", "--optimiser", "adagrad", "--learning-rate", "0.02"])
    assert trained[-1].net_config["n_bands"] == 0 and trained[-1].net_config["is_softmax"]
    assert (trained[-1].criterion, trained[-1].optimiser, trained[-1].learning_rate) == ("mask-mse", "adagrad", 0.02)
    (tmp_path / "zoo").mkdir()
    zoo.main(["dnn", *words])
    card = {"minutes_trained": 8.0, "size": "compact", "recipe": dataclasses.asdict(trained[-1]), "net_config": trained[-1].net_config}
    (tmp_path / "zoo" / "dnn.json").write_text(json.dumps(card))
    (tmp_path / "zoo" / "dnn.safetensors").write_bytes(b"")
    n = len(trained)
    zoo.main(["dnn", *words, "--optimiser", "sgd"])  # another recipe
    assert len(trained) == n + 1
    n = len(trained)
    zoo.main(["dnn", *words])
    assert len(trained) == n and "trained already" in capsys.readouterr().out
    zoo.main(["dnn", *words, "--minutes", "20"])
    assert len(trained) == n + 1
    for wrong, sentence in [(["dmucs"], "no research net called 'dmucs'"), (["dnn", "--minutes", "0"], "must be more than 0")]:
        with pytest.raises(SystemExit):
            zoo.main([*wrong, *words])
        assert sentence in capsys.readouterr().err


def test_data_without_sounds_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="Nothing to learn from"):
        zoo.main(["dnn", "--data", str(tmp_path / "empty"), "--work", str(tmp_path), "--weights", str(tmp_path / "zoo"), "--threads", "1"])


@pytest.mark.parametrize("name", RECIPES)
def test_every_criterion_is_for_the_nets_that_can_answer_it_and_the_others_are_refused(name: str) -> None:
    net = build_net(name, json.loads(json.dumps(dataclasses.asdict(compact_config(name)))))
    check(RECIPES[name]["criterion"], net)
    makes_sound = isinstance(net, WaveformNet)
    for criterion in CRITERIA:
        needs = {"mask-mse": "masks", "nll": "logits", "deep-clustering": "embed", "stages-mse": "stages"}.get(criterion, "forward")
        if makes_sound == (criterion in ("wave-l1", "wave-mse", "stages-mse", "snr", "si-sdr", "mrstft")) and hasattr(net, needs):
            check(criterion, net)
        else:
            with pytest.raises(BadInputError, match=f"cannot be trained by '{criterion}'; choose one of .*{RECIPES[name]['criterion']}"):
                check(criterion, net)


def test_another_loss_is_written_into_the_card(data: Path, tmp_path: Path) -> None:
    run(short(criterion="l1", optimiser="adamax", max_steps=2), data, tmp_path)
    card = json.loads((tmp_path / "zoo" / "dnn.json").read_text())
    assert (card["recipe"]["criterion"], card["recipe"]["optimiser"]) == ("l1", "adamax")


def test_the_page_beside_the_weights_is_of_these_weights() -> None:
    """`python -m engine.training.zoo_weights` was run after the last training."""
    assert (zoo_folder() / "README.md").read_text(encoding="utf-8") == page(zoo_folder())
