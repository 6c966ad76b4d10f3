"""The U-Net study: nine printed parameter counts, what skips carry, the three outputs, and both kinds of convolution."""

import pytest
import torch
from torch import Tensor, nn

from engine.nets.contract import Look
from engine.nets.unet import PAPER, PAPER_AE, UNet, UNetConfig, n_parameters

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=32, window="hamming")


def small(**changes: object) -> UNet:
    torch.manual_seed(0)
    sizes = {"n_filters": 4, "depth": 2, "dropout": 0.0, **changes}
    return UNet(UNetConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 12) -> Tensor:
    return torch.rand(2, 1, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 20.0


@pytest.mark.parametrize(
    ("depth", "is_separable", "is_wide", "printed"),
    [
        (1, False, False, 5759),  # table 3.3
        (2, False, False, 27855),
        (3, False, False, 115567),
        (4, False, False, 465071),  # tables 3.3 and 3.5
        (5, False, False, 1860399),
        (4, True, False, 165776),  # table 3.5
        (5, True, False, 649360),
        (3, False, True, 156847),  # table 3.5: another net than table 3.3's of depth 3
        (3, True, True, 51280),
    ],
)
def test_every_printed_number_of_parameters(depth: int, is_separable: bool, is_wide: bool, printed: int) -> None:
    with torch.device("meta"):
        net = UNet(UNetConfig(depth=depth, is_separable=is_separable, is_wide=is_wide, n_stems=1))
    assert n_parameters(net) == printed


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_a_separable_convolution_has_a_kernel_a_map_and_then_a_weight_for_each_pair_of_maps(depth: int) -> None:
    with torch.device("meta"):
        plain, separable = (UNet(UNetConfig(depth=depth, is_separable=s)) for s in (False, True))
    saved = 0
    for conv in (m for m in plain.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)):
        n_in, n_out = conv.in_channels, conv.out_channels
        saved += 9 * n_in * n_out - (9 * n_in + n_in * n_out)
    assert n_parameters(plain) - n_parameters(separable) == saved > 0
    kernels = [m for m in separable.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(kernels) == 2 * depth + 1 and all(m.groups == m.in_channels == m.out_channels for m in kernels)


def test_the_study_looks_at_segments_as_it_says() -> None:
    look = UNetConfig().look
    assert (look.n_bins, (65536 - look.n_fft) // look.hop + 1) == (257, 509)  # eq. 3.1 and 3.2
    assert (look.rate_hz, look.window, PAPER.depth, PAPER_AE.has_skips) == (22050, "hamming", 5, False)
    net = UNet(UNetConfig(n_filters=1, depth=2)).eval()
    with torch.inference_mode():
        assert net(torch.rand(1, 1, 257, 509)).shape == (1, 4, 1, 257, 509)


def test_what_skips_carry_is_lost_to_the_auto_encoder() -> None:
    heard = magnitudes()
    for has_skips in (True, False):
        net = small(has_skips=has_skips)
        with torch.no_grad():
            net.thin[0][0].weight.zero_()  # type: ignore[index,union-attr]  # the way through the first deeper level
            out = net(heard)
        assert ((out[0] - out[1]).abs().max() > 1e-3) == has_skips  # without skips nothing of the input is left


@pytest.mark.parametrize("output", ["leaky", "swish"])
def test_masks_of_silence_are_silence_and_a_mask_of_one_is_the_mixture(output: str) -> None:
    net, heard = small(output=output), magnitudes()
    with torch.no_grad():
        assert (net(torch.zeros_like(heard)) == 0).all()
        net.head[2].weight.zero_()  # type: ignore[union-attr]
        net.head[2].bias.fill_({"leaky": 1.0, "swish": 1.2784645}[output])  # type: ignore[union-attr,operator]
        out = net(heard)
    assert torch.allclose(out, heard[:, None].expand_as(out), rtol=1e-4)  # eq. 3.3 and back


def test_direct_synthesis_does_not_need_the_mixture_in_a_cell() -> None:
    net, heard = small(output="direct"), magnitudes()
    with torch.no_grad():
        assert net(torch.zeros_like(heard)).max() > 0


def test_the_input_is_what_equation_3_says() -> None:
    x = small().spectrogram(torch.tensor([0.0, 9.0, 10.0**2.1 - 1.0]))
    assert torch.allclose(x, torch.tensor([0.0, 1.0 / 2.1, 1.0]))


def test_cells_below_zero_are_silent_but_still_learn() -> None:
    net = small(output="direct")
    with torch.no_grad():
        net.head[2].bias.fill_(-1.0)  # type: ignore[union-attr,operator]
        net.head[2].weight.zero_()  # type: ignore[union-attr]
    out = net(magnitudes())
    assert (out == 0).all()
    out.sum().backward()
    gradient = net.head[2].bias.grad  # type: ignore[union-attr]
    assert isinstance(gradient, Tensor) and (gradient > 0).all()


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 'direct', 'leaky' or 'swish'"):
        small(output="sigmoid")
