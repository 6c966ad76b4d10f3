"""What holds for every net that hears samples: any length and batch, the input untouched, small COMPACT sizes, and that it learns."""

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.nets import build_net, compact_config, paper_config
from engine.nets.contract import WaveformNet

LOOK = {"rate_hz": 8000, "n_channels": 2, "n_fft": 512, "hop": 128, "context_s": 0.1}
TCN = {"n_bottleneck": 16, "n_hidden": 24, "n_skip": 16, "n_blocks": 4, "n_repeats": 1}
TINY: dict[str, dict[str, Any]] = {
    "wavenet": {"n_features": 24, "n_stacks": 1, "n_dilations": 6, "n_final": [32, 32], "fold": 4},
    "wave-u-net": {"n_levels": 5, "n_features": 10, "context": False},
    "conv-tasnet": {"n_latent": 64, "kernel": 32, "tcn": TCN},
    "meta-tasnet": {"n_latent": 32, "stride": 16, "n_spectrum": 16, "n_fft": 128, "n_stages": 2,
                    "tcn": {**TCN, "n_blocks": 2, "n_norm_groups": 4, "bias": False}},
    "demucs": {"n_levels": 3, "n_features": 16},
}  # fmt: skip
NAMES = tuple(TINY)


def tiny(name: str, **changes: Any) -> WaveformNet:
    torch.manual_seed(0)
    net = build_net(name, {"look": LOOK, **TINY[name], **changes})
    assert isinstance(net, WaveformNet)
    return net


def sound(n_samples: int, n_batch: int = 1, n_channels: int = 2, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(n_batch, n_channels, n_samples, generator=torch.Generator().manual_seed(seed))


def tones(n_samples: int = 2000) -> Tensor:
    """Four stems, each with pitches and a place of its own: (batch=2, stem, channel=2, sample) at an RMS of about 0.1 together."""
    t = torch.arange(n_samples) / 8000
    hz = torch.tensor([[[1050.0], [2900.0], [90.0], [440.0]], [[1200.0], [3300.0], [70.0], [500.0]]])
    gains = torch.tensor([[1.0, 0.8], [0.5, 0.5], [0.9, 0.9], [0.3, 1.0]])
    return 0.1 * gains[None, :, :, None] * torch.sin(2 * torch.pi * hz * t)[:, :, None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize(("n_batch", "n_samples"), [(1, 1), (2, 2), (1, 63), (3, 777), (1, 1024)])
def test_any_length_and_batch_comes_out_as_it_went_in(name: str, n_channels: int, n_batch: int, n_samples: int) -> None:
    net = tiny(name, look={**LOOK, "n_channels": n_channels}).eval()
    mixture = sound(n_samples, n_batch, n_channels)
    before = mixture.clone()
    with torch.inference_mode():
        stems = net(mixture)
        alone = torch.cat([net(one[None]) for one in mixture])
    assert stems.shape == (n_batch, 4, n_channels, n_samples) and stems.dtype == torch.float32
    assert torch.isfinite(stems).all()
    assert torch.equal(mixture, before)
    assert torch.allclose(stems, alone, atol=1e-5)  # what else is in a batch changes nothing


@pytest.mark.parametrize("name", NAMES)
def test_the_paper_size_takes_one_sample(name: str) -> None:
    config = paper_config(name)
    with torch.device("meta"):
        net = build_net(name)
        assert net(torch.zeros(1, config.look.n_channels, 1)).shape == (1, config.n_stems, config.look.n_channels, 1)


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_huge_levels_stay_finite(name: str) -> None:
    net = tiny(name).eval()
    with torch.inference_mode():
        for level in (0.0, 1e-30, 1e4):
            assert torch.isfinite(net(level * sound(500))).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_compact_size_is_small_and_can_be_written_down(name: str) -> None:
    config = compact_config(name)
    written = json.loads(json.dumps(dataclasses.asdict(config)))
    net = build_net(name, written)
    assert net.config == config and net.look == config.look
    assert sum(p.numel() for p in net.parameters()) < 2_000_000
    assert build_net(name, written).load_state_dict(net.state_dict())
    with torch.inference_mode():
        n_channels = config.look.n_channels
        assert net(sound(3000, 1, n_channels)).shape == (1, 4, n_channels, 3000)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_products_keep_samples_in_single_precision_range(name: str) -> None:
    net = tiny(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as training does
        stems = net(sound(900))
    assert stems.shape == (1, 4, 2, 900)
    stems.float().square().mean().backward()
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_it_overfits_one_batch(name: str) -> None:
    net, stems = tiny(name), tones()
    mixture = stems.sum(1)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        loss = (net(mixture) - stems).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    nothing = stems.abs().mean().item()  # what silence would cost
    assert min(losses[-5:]) < nothing / 3
    if "tasnet" not in name:  # there the last block's residual leads nowhere, nor do the decoders of lower rates
        assert all(p.grad is not None for p in net.parameters())
