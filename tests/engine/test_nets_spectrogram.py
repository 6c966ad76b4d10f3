"""What holds for every net that hears magnitudes: any length and batch, nothing negative, small COMPACT sizes, and that it learns."""

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.nets import build_net, compact_config, paper_config
from engine.nets.contract import SpectrogramNet
from engine.training.criteria import CRITERIA

LOOK = {"rate_hz": 8000, "n_channels": 1, "n_fft": 128, "hop": 64, "context_s": 0.1}
LOW = {"n_first": 6, "growth": [4, 4, 4], "depths": [2, 2, 2], "n_units": [0, 8, 0], "kernel": [4, 3]}
HIGH = {"n_first": 4, "growth": [3, 3, 3], "depths": [1, 0, 1], "n_units": [0, 4, 0]}
DENSE = {"full": {**HIGH, "depths": [2, 3, 2]}, "is_mask": True}
TINY: dict[str, dict[str, Any]] = {
    "drnn": {"n_hidden": 96, "n_bands": 0},
    "blstm": {"n_hidden": 64, "n_layers": 1, "n_bands": 40, "dropout": 0.0},
    "deep-clustering": {"n_hidden": 24, "n_layers": 1, "n_bands": 32, "dim": 6, "dropout": 0.0},
    "ae": {"n_filters": 8, "depth": 2, "dropout": 0.0},
    "unet": {"n_filters": 8, "depth": 2, "output": "leaky", "dropout": 0.0},
    "unet-jansson": {"n_filters": [8, 16, 16], "dropout": 0.0},
    "deepconvsep": {"n_patch": 9, "n_vertical": 32, "n_horizontal": 16, "n_long": 3, "n_dense": 128},
    "mdensenet": {"full": {**LOW, "n_units": []}, "is_mask": True},
    "mmdensenet": {**DENSE, "edges": [30], "bands": [{**LOW, "n_units": []}, {**HIGH, "n_units": []}]},
    "mmdenselstm": {**DENSE, "edges": [30], "bands": [LOW, HIGH]},
    "open-unmix": {"n_hidden": 32, "n_layers": 2, "dropout": 0.0, "bandwidth_hz": 3000.0},
    "sams-net": {"n_maps": [8, 12], "n_slices": 3, "n_key": 8, "n_heads": 2, "n_dense": 32, "dropout": 0.0},
}
NAMES = tuple(TINY)
MONO_ONLY = ("deep-clustering",)
CRITERION = {"deep-clustering": "deep-clustering", "blstm": "tpsa"}
RATE = {"drnn": 3e-3}  # of learning


def tiny(name: str, n_channels: int = 1, **changes: Any) -> SpectrogramNet:
    torch.manual_seed(0)
    net = build_net(name, {"look": {**LOOK, "n_channels": n_channels}, **TINY[name], **changes})
    assert isinstance(net, SpectrogramNet)
    return net


def magnitudes(n_frames: int, n_batch: int = 1, n_channels: int = 1, n_bins: int = 65) -> Tensor:
    return torch.rand(n_batch, n_channels, n_bins, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def blobs(n_frames: int = 20) -> Tensor:
    """Stems in bands of 13 bins that change hands with time: complex (batch=2, stem, channel=1, bin=65, frame)."""
    g = torch.Generator().manual_seed(1)
    owner = torch.randint(4, (2, 1, 1, 5, n_frames // 4), generator=g).repeat_interleave(13, dim=3).repeat_interleave(4, dim=4)
    level = torch.rand(2, 1, 1, 65, 1, generator=g) * 2.0 + 0.5 + owner * 0.7
    return torch.where(owner == torch.arange(4)[None, :, None, None, None], level, 0.01 * level).to(torch.complex64)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize(("n_batch", "n_frames"), [(1, 1), (2, 2), (1, 13), (3, 37)])
def test_any_length_and_batch_comes_out_as_it_went_in(name: str, n_channels: int, n_batch: int, n_frames: int) -> None:
    if n_channels == 2 and name in MONO_ONLY:
        with pytest.raises(ValueError, match="one channel"):
            tiny(name, n_channels)
        return
    net = tiny(name, n_channels).eval()
    heard = magnitudes(n_frames, n_batch, n_channels)
    before = heard.clone()
    with torch.inference_mode():
        out = net(heard)
        alone = torch.cat([net(one[None]) for one in heard])
    assert out.shape == (n_batch, 4, n_channels, 65, n_frames) and out.dtype == torch.float32
    assert torch.isfinite(out).all() and (out >= 0).all()
    assert torch.equal(heard, before)
    assert torch.allclose(out, alone, atol=1e-4)  # what else is in a batch changes nothing


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_huge_levels_stay_finite(name: str) -> None:
    net = tiny(name).eval()
    with torch.inference_mode():
        for level in (0.0, 1e-30, 1e6):
            out = net(level * magnitudes(7))
            assert torch.isfinite(out).all() and (out >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_compact_size_is_small_and_can_be_written_down(name: str) -> None:
    config = compact_config(name)
    written = json.loads(json.dumps(dataclasses.asdict(config)))
    net = build_net(name, written).eval()
    assert net.config == config and net.look == config.look
    assert sum(p.numel() for p in net.parameters()) < 2_000_000
    assert build_net(name, written).load_state_dict(net.state_dict())
    with torch.inference_mode():
        heard = magnitudes(9, 1, config.look.n_channels, config.look.n_bins)
        assert net(heard).shape == (1, 4, *heard.shape[1:])


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_size_takes_one_frame(name: str) -> None:
    config = paper_config(name)
    with torch.device("meta"):
        net = build_net(name).eval()
        out = net(torch.zeros(1, config.look.n_channels, config.look.n_bins, 1))
    assert out.shape == (1, 4, config.look.n_channels, config.look.n_bins, 1)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_products_keep_gradients_finite(name: str) -> None:
    net, stems = tiny(name), blobs()
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as training does
        loss = CRITERIA[CRITERION.get(name, "mse")](net, stems.sum(1), stems)
    loss.backward()
    gradients = {n: p.grad for n, p in net.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() for g in gradients.values()), gradients.keys()


@pytest.mark.parametrize("name", NAMES)
def test_it_overfits_one_batch(name: str) -> None:
    net, stems = tiny(name), blobs()
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE.get(name, 1e-2))
    first = last = torch.inf
    for step in range(90):
        loss = CRITERIA[CRITERION.get(name, "mse")](net, stems.sum(1), stems)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        first, last = (loss.item() if step == 0 else first), loss.item()
        if last < first / 3:
            break
    assert last < first / 3
