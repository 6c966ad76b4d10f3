"""Roma, Green and Tremblay's three networks: printed sizes, any length, what a texture window hears, and that they learn."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.nets import build_net, compact_config, paper_config
from engine.nets.roma import Cnn, CnnConfig, Dnn, DnnConfig
from engine.training.criteria import CRITERIA

NAMES = ("dnn", "cnn1", "cnn2")
SMALL = dataclasses.replace(compact_config("dnn").look, n_fft=256, hop=64)
TINY = {
    "dnn": {"look": dataclasses.asdict(SMALL), "n_hidden": 96, "n_bands": 64, "is_log": True},
    "cnn1": {"look": dataclasses.asdict(SMALL), "n_maps": [4, 8], "n_hidden": 96, "n_bands": 64, "is_log": True},
}
TINY["cnn2"] = TINY["cnn1"]


def tiny(name: str) -> Dnn | Cnn:
    torch.manual_seed(0)
    net = build_net(name, TINY[name])
    assert isinstance(net, (Dnn, Cnn))
    return net


def magnitudes(n_frames: int, n_batch: int = 1, n_bins: int = 129, seed: int = 0) -> Tensor:
    return torch.rand(n_batch, 1, n_bins, n_frames, generator=torch.Generator().manual_seed(seed)) * 5.0


@pytest.mark.parametrize(("name", "built", "printed"), [("dnn", 37_793_796, 38), ("cnn1", 33_598_212, 34), ("cnn2", 33_598_212, 34)])
def test_the_papers_sizes_have_the_printed_numbers_of_parameters(name: str, built: int, printed: int) -> None:
    # the paper prints whole millions ("38M vs 34M") and no layer sizes; ours were chosen to meet them
    with torch.device("meta"):
        net = build_net(name)
    assert sum(p.numel() for p in net.parameters()) == built
    assert round(built / 1e6) == printed
    assert (paper_config(name).look.rate_hz, paper_config(name).look.n_fft, paper_config(name).look.hop) == (22050, 2048, 256)


def test_the_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        dnn, cnn = Dnn(), Cnn()
    assert dnn.hidden.weight.shape == (4096, 1025, 5) and dnn.out.weight.shape == (4 * 1025, 4096, 1)
    assert cnn.hidden.weight.shape == (4096, 64 * 64, 1) and cnn.out.weight.shape == (4 * 1025, 4096, 1)
    assert [type(layer).__name__ for layer in cnn.convolve] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2


@pytest.mark.parametrize("name", NAMES)
def test_the_compact_sizes_are_small(name: str) -> None:
    net = build_net(name, dataclasses.asdict(compact_config(name)))
    assert sum(p.numel() for p in net.parameters()) < 2_000_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_batch", "n_frames"), [(1, 1), (3, 2), (2, 13), (1, 40)])
def test_any_length_gives_shares_of_the_mixture(name: str, n_batch: int, n_frames: int) -> None:
    net, heard = tiny(name), magnitudes(n_frames, n_batch)
    before = heard.clone()
    for training in (True, False):
        net.train(training)
        out = net(heard)
        assert out.shape == (n_batch, 4, 1, 129, n_frames)
        assert (out >= 0).all() and torch.isfinite(out).all()
        assert torch.allclose(out.sum(1), heard, atol=1e-4)  # renormalised, softmax or one class: they always add up
        assert net.logits(heard).shape == out.shape
    assert torch.equal(heard, before)


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_huge_levels_stay_finite(name: str) -> None:
    net = tiny(name).eval()
    assert (net(torch.zeros(1, 1, 129, 5)) == 0).all()
    assert torch.isfinite(net(torch.full((1, 1, 129, 5), 1e30))).all()


def test_sigmoid_masks_need_to_be_normalised_again_and_softmax_ones_do_not() -> None:
    heard = magnitudes(6)
    assert (tiny("cnn1").eval().masks(heard).sum(1) - 1.0).abs().max() > 0.1
    assert torch.allclose(tiny("cnn2").eval().masks(heard).sum(1), torch.ones(1, 1, 129, 6), atol=1e-5)


def test_cnn2_cuts_every_cell_for_one_stem() -> None:
    net, heard = tiny("cnn2").eval(), magnitudes(9) + 0.1
    masks = net(heard) / heard[:, None]
    assert torch.allclose(masks * (1 - masks), torch.zeros_like(masks), atol=1e-6)
    assert torch.equal(masks.argmax(1), net.logits(heard).argmax(1))  # eq. 5


@pytest.mark.parametrize(("name", "reach"), [("dnn", 2), ("cnn1", 5)])
def test_a_frame_hears_its_texture_window_and_nothing_else(name: str, reach: int) -> None:
    net = tiny(name).eval()
    heard = magnitudes(31).requires_grad_()
    net.logits(heard)[..., 15].square().sum().backward()
    assert heard.grad is not None
    touched = heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert touched.min() == 15 - reach and touched.max() == 15 + reach  # 2c + 1 frames, eq. 3


def test_one_pass_over_a_stretch_equals_the_network_window_by_window() -> None:
    net = tiny("cnn1").eval()
    rows = net.rows(magnitudes(7))  # (batch=1, band, 5 + 7 + 5)
    whole = net.classify(rows)
    for frame in range(7):
        x = rows[None, :, :, frame : frame + 11]  # (batch=1, map=1, band, 11)
        for at in range(0, len(net.convolve), 4):  # the plain network of a texture window: no dilation, pools that do not overlap
            conv, norm, _, pool = net.convolve[at : at + 4]
            x = F.conv2d(x, conv.weight, conv.bias, padding=conv.padding)
            x = F.max_pool2d(norm(x).relu(), pool.kernel_size)
        assert x.shape[-1] == 1
        one = net.out(net.hidden(x.flatten(1, 2)).sigmoid())
        assert torch.allclose(one[..., 0], whole[..., frame], atol=1e-5)


def test_windows_that_the_layers_do_not_use_up_are_refused() -> None:
    with pytest.raises(ValueError, match="leave 2 frames"):
        Cnn(CnnConfig(look=SMALL, n_context=14, n_maps=(4, 4), n_hidden=8))


def test_bands_are_means_of_their_bins() -> None:
    net = Dnn(DnnConfig(look=SMALL, n_hidden=8, n_bands=40))
    constant = torch.full((1, 1, 129, 3), 7.0)
    assert torch.allclose(net.rows(constant)[..., 2:5], torch.full((1, 40, 3), 7.0), atol=1e-5)
    logits = net.eval().logits(magnitudes(3))
    for band in range(40):
        bins = logits[:, :, :, net._owner == band]
        assert torch.equal(bins, bins[:, :, :, :1].expand_as(bins))  # and each bin has its band's answer


@pytest.mark.parametrize(("name", "criterion"), [("dnn", "mask-mse"), ("cnn1", "mask-mse"), ("cnn2", "nll")])
def test_it_overfits_one_batch(name: str, criterion: str) -> None:
    net = tiny(name)
    g = torch.Generator().manual_seed(1)
    owner = torch.randint(4, (2, 1, 1, 8, 12), generator=g).repeat_interleave(17, dim=3)[:, :, :, :129]  # blobs of 17 bins
    level = torch.rand(2, 1, 1, 129, 12, generator=g) * 4 + 1
    stems = torch.where(owner == torch.arange(4)[None, :, None, None, None], level, 0.02 * level).to(torch.complex64)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(120):
        loss = CRITERIA[criterion](net, stems.sum(1), stems)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
