"""The deep recurrent net: its mask layer, which layer remembers, what it hears of past and future, and its size."""

import pytest
import torch
from torch import Tensor

from engine.nets.contract import Look
from engine.nets.drnn import Drnn, DrnnConfig

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=32)


def small(**changes: object) -> Drnn:
    torch.manual_seed(0)
    return Drnn(DrnnConfig(look=SMALL, **{"n_hidden": 24, **changes})).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 20, n_channels: int = 1) -> Tensor:
    return torch.rand(1, n_channels, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def test_the_papers_size_is_what_its_layers_add_up_to() -> None:
    # nothing is printed; three layers of 1000 over 3 x 513 inputs, the second recurrent (torch keeps two biases there), two stems
    with torch.device("meta"):
        net = Drnn(DrnnConfig(n_stems=2))
    n, inputs, outputs = 1000, 3 * 513, 2 * 513
    assert sum(p.numel() for p in net.parameters()) == (inputs + 1) * n + (2 * n + 2) * n + (n + 1) * n + (n + 1) * outputs == 5_570_026


@pytest.mark.parametrize("n_stems", [2, 4])
@pytest.mark.parametrize("n_bands", [0, 12])
def test_the_mask_layer_is_each_estimate_over_their_sum(n_stems: int, n_bands: int) -> None:
    net, heard = small(n_stems=n_stems, n_bands=n_bands), magnitudes()
    y = torch.rand(n_stems, net.bands.n_rows) - 0.5
    with torch.no_grad():
        net.out.weight.zero_()
        net.out.bias.copy_(y.flatten())
        out = net(heard)
    masks = net.bands.spread((y.abs() / y.abs().sum(0))[..., None])  # (stem, bin, 1)
    assert torch.allclose(out, masks[None, :, None] * heard[:, None], atol=1e-3)
    assert torch.allclose(out.sum(1), heard, atol=1e-4)


def test_the_error_reaches_the_net_through_the_mask_layer() -> None:
    net, heard = small(), magnitudes()
    out = net(heard)
    (out[:, 0] - heard).square().sum().backward()  # only the first stem has a target
    gradient = net.out.bias.grad
    assert gradient is not None
    assert (gradient.unflatten(0, (4, -1)).abs().sum(1) > 0).all()  # and all must give way


@pytest.mark.parametrize("recurrent", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("n_context", [1, 3, 5])
def test_it_hears_all_of_the_past_if_a_layer_is_recurrent_and_the_future_only_in_its_window(recurrent: int, n_context: int) -> None:
    net, heard = small(recurrent=recurrent, n_context=n_context), magnitudes(30).requires_grad_()
    net.masks(heard)[..., 15].square().sum().backward()
    assert heard.grad is not None
    frames = heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    around = n_context // 2
    assert frames.max() == 15 + around
    assert frames.min() < 15 - around - 3 if recurrent else frames.min() == 15 - around


def test_layers_that_cannot_be_are_refused() -> None:
    for wrong in ({"n_context": 2}, {"recurrent": 4}, {"recurrent": -2}):
        with pytest.raises(ValueError, match="must be odd and recurrent"):
            small(**wrong)
