"""Two joined networks: the mean of their logits, one file, each part as it was."""

import json
from pathlib import Path

import pytest
import torch

from engine.errors import WeightsError
from engine.nets import build_net
from engine.nets.band_blstm import BandBlstm, BandBlstmConfig
from engine.nets.band_split import BandSplit, BandSplitConfig
from engine.nets.duo import Duo, DuoConfig
from engine.training.config import TrainConfig
from engine.training.join import join
from engine.training.loop import save_weights
from engine.weights import load_tensors, read_card

SMALL = {"blstm": {"n_hidden": 8, "n_layers": 1}, "split": {"width": 8, "hidden": 8, "n_layers": 1, "decoder": 8}}


def parts(folder: Path) -> dict[str, Path]:
    """Weights of two small networks in a folder: their cards."""
    cards = {}
    for seed, (role, net) in enumerate({"blstm": "band_blstm", "split": "band_split"}.items()):
        torch.manual_seed(seed)
        config = TrainConfig(name=role, net=net, net_config=SMALL[role], steps=10 + seed)
        save_weights(build_net(net, SMALL[role]).state_dict(), config, folder)
        cards[role] = folder / f"{role}.json"
    return cards


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_logits_are_the_weighted_mean_of_both(share: float) -> None:
    torch.manual_seed(0)
    first, second = BandBlstm(BandBlstmConfig(**SMALL["blstm"])), BandSplit(BandSplitConfig(**SMALL["split"]))
    duo = Duo(DuoConfig(first.config, second.config, share))
    duo.blstm.load_state_dict(first.state_dict())
    duo.split.load_state_dict(second.state_dict())
    features = torch.randn(1, 3, 400, 21)
    with torch.inference_mode():
        found = duo(features).softmax(1)
        wanted = (first(features).softmax(1) ** (1 - share)) * (second(features).softmax(1) ** share)
    torch.testing.assert_close(found, wanted / wanted.sum(1, keepdim=True))


def test_joined_weights_hold_both_parts_and_their_recipes(tmp_path: Path) -> None:
    cards = parts(tmp_path)
    card = read_card(join(cards["blstm"], cards["split"], "both", tmp_path / "out", 0.25).stem, tmp_path / "out")
    whole = build_net(card.net, card.config["net_config"])
    whole.load_state_dict(load_tensors(card))
    assert isinstance(whole, Duo)
    assert whole.config.split_share == 0.25
    for role, net in (("blstm", whole.blstm), ("split", whole.split)):
        for key, value in load_tensors(read_card(role, tmp_path)).items():
            assert torch.equal(net.state_dict()[key], value)
    recipes = json.loads(card.path.with_suffix(".json").read_text())["parts"]
    assert {role: r["steps"] for role, r in recipes.items()} == {"blstm": 10, "split": 11}


def test_parts_in_the_wrong_order_or_damaged_are_refused(tmp_path: Path) -> None:
    cards = parts(tmp_path)
    with pytest.raises((RuntimeError, TypeError)):
        join(cards["split"], cards["blstm"], "both", tmp_path / "out")
    cards["split"].with_suffix(".safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="damaged"):
        join(cards["blstm"], cards["split"], "both", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_number_of_frames() -> None:
    net = BandSplit(BandSplitConfig(**SMALL["split"]))
    for n_frames in (1, 2, 3, 44):
        assert net(torch.randn(2, 3, 400, n_frames)).shape == (2, 4, 400, n_frames)
