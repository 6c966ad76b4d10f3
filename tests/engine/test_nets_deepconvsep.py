"""DeepConvSep: size beside the printed one, filters along bins and frames, overlapping patches, and masks that share out."""

import pytest
import torch
from torch import Tensor

from engine.nets.contract import Look
from engine.nets.deepconvsep import DeepConvSep, DeepConvSepConfig

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=32)


def small(**changes: object) -> DeepConvSep:
    torch.manual_seed(0)
    sizes = {"n_patch": 8, "n_long": 3, "n_vertical": 6, "n_horizontal": 5, "n_dense": 16, **changes}
    return DeepConvSep(DeepConvSepConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int) -> Tensor:
    return torch.rand(1, 1, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def test_the_papers_size_is_about_the_printed_one() -> None:
    # printed (document 003): 0.32 M. Own transposed convolutions: 0.31 M; tied to the first two layers, only a bias each: 0.26 M
    with torch.device("meta"):
        net = DeepConvSep()
    built = sum(p.numel() for p in net.parameters())
    assert built == 309_591
    assert built == pytest.approx(0.32e6, rel=0.035)
    tied = built - net.along_time.weight.numel() - net.along_bins.weight.numel()
    assert tied == 261_441


def test_the_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        net = DeepConvSep()
    assert net.vertical.weight.shape == (50, 513, 1)  # as high as the spectrum, one frame wide
    assert net.horizontal.weight.shape == (30, 50, 15)  # 15 frames long
    assert (net.bottleneck.in_features, net.bottleneck.out_features, net.widen.out_features) == (30 * 11, 128, 4 * 30 * 11)
    assert net.along_time.weight.shape == (30, 50, 15) and net.along_bins.weight.shape == (50, 513, 1)


@pytest.mark.parametrize("n_frames", [1, 7, 8, 9, 30])
@pytest.mark.parametrize("n_patch", [5, 8, 9])
def test_masks_share_out_the_whole_mixture(n_frames: int, n_patch: int) -> None:
    heard = magnitudes(n_frames)
    with torch.no_grad():
        out = small(n_patch=n_patch)(heard)
    assert torch.allclose(out.sum(1), heard, atol=1e-4)


def test_a_frame_hears_the_patches_that_hold_it_and_nothing_else() -> None:
    net, heard = small(), magnitudes(41).requires_grad_()
    net.estimates(heard[:, 0])[..., 20].sum().backward()
    assert heard.grad is not None
    frames = heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    first = max(start for start in range(-4, 41, 4) if start <= 20)  # patches of 8 begin every 4 frames, from 4 before the first
    assert (frames.min(), frames.max()) == (first - 4, first + 7)


def test_moving_the_sound_by_a_step_of_patches_moves_the_estimates() -> None:
    net, heard = small(), magnitudes(24)
    with torch.no_grad():
        whole, later = net(heard), net(heard[..., 4:])
    assert torch.allclose(whole[..., 8:], later[..., 4:], atol=1e-5)


def test_the_bottleneck_is_all_that_a_patch_is_made_of() -> None:
    net = small()
    with torch.no_grad():
        net.bottleneck.weight.zero_()
        one, other = net.estimates(magnitudes(12)[:, 0]), net.estimates(2 * magnitudes(12)[:, 0])
    assert torch.equal(one, other)


def test_filters_longer_than_a_patch_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit a patch of 8"):
        small(n_long=9)
