"""Open-Unmix: printed size, the way around the recurrent layers, bins that are masked unheard, and the learned scales."""

import pytest
import torch
from torch import Tensor

from engine.nets.contract import Look
from engine.nets.open_unmix import OpenUnmix, OpenUnmixConfig

SMALL = Look(rate_hz=8000, n_channels=2, n_fft=64, hop=32)


def small(**changes: object) -> OpenUnmix:
    torch.manual_seed(0)
    sizes = {"n_hidden": 12, "bandwidth_hz": 2000.0, "dropout": 0.0, **changes}
    return OpenUnmix(OpenUnmixConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 15) -> Tensor:
    return torch.rand(2, 2, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def test_one_net_for_one_stem_has_the_printed_number_of_parameters() -> None:
    with torch.device("meta"):
        net = OpenUnmix(OpenUnmixConfig(n_stems=1))
    built = sum(p.numel() for p in net.parameters())
    assert built == 8_893_348  # printed as 8.90 M (document 003)
    assert built == pytest.approx(8.90e6, rel=0.001)


def test_the_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        net = OpenUnmix(OpenUnmixConfig(n_stems=1))
    assert net.n_heard == 1487  # bins up to 16 kHz
    assert net.encode[0].weight.shape == (512, 2 * 1487)
    assert (net.recur.hidden_size, net.recur.num_layers, net.recur.bidirectional, net.recur.dropout) == (256, 3, True, 0.4)
    assert net.decode[0].weight.shape == (512, 1024) and net.decode[3].weight.shape == (2 * 2049, 512)


def test_bins_above_the_bandwidth_are_masked_but_not_heard() -> None:
    net, heard = small(), magnitudes()
    louder = heard.clone()
    louder[..., net.n_heard :, :] *= 7.0
    with torch.no_grad():
        one, other = net.masks(heard), net.masks(louder)
        assert torch.equal(one, other)
        assert one[..., net.n_heard :, :].max() > 0
        assert torch.allclose(net(louder), one * louder[:, None])


def test_there_is_a_way_around_the_recurrent_layers_and_one_through_them() -> None:
    net, heard = small(), magnitudes(30).requires_grad_()

    def frames_heard() -> Tensor:
        heard.grad = None
        net.masks(heard)[..., 15].sum().backward()
        assert heard.grad is not None
        return heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()

    frames = frames_heard()
    assert (frames.min(), frames.max()) == (0, 29)
    with torch.no_grad():
        net.decode[0].weight[:, 12:].zero_()  # what comes out of the recurrent layers
    assert frames_heard().tolist() == [15]


def test_the_learned_scales_are_those_of_the_input_and_of_the_mask() -> None:
    net, heard = small(), magnitudes()
    with torch.no_grad():
        before = net.masks(heard)
        net.input_mean *= 2.0
        net.input_scale /= 2.0
        assert torch.allclose(net.masks(2.0 * heard), before, atol=1e-5)  # (x + mean) x scale
        net.output_scale.zero_()
        net.output_mean.copy_(torch.arange(-1.0, 3.0)[:, None, None, None].expand_as(net.output_mean))
        masks = net.masks(heard)
    assert torch.equal(masks[:, :, 0, 0, 0], torch.tensor([[0.0, 0.0, 1.0, 2.0]]).expand(2, -1))  # a ReLU, and no upper bound


def test_the_scales_begin_at_a_spectrum_that_falls() -> None:
    net = OpenUnmix(OpenUnmixConfig(n_hidden=8))
    usual = -net.input_mean.detach()
    assert torch.allclose(usual * net.input_scale.detach(), torch.ones_like(usual))
    hz = torch.arange(net.n_heard) * 44100 / 4096
    octave = usual[(hz - 8000).abs().argmin()] / usual[(hz - 4000).abs().argmin()]
    assert octave.item() == pytest.approx(0.5, abs=0.03)
    assert (usual.diff() < 0).all()
