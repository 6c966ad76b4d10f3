"""Sams-Net: the printed size, slices that keep to themselves, attention that knows no distance, and the way around it."""

import pytest
import torch
from torch import Tensor, nn

from engine.nets.contract import Look
from engine.nets.sams_net import SamsNet, SamsNetConfig, SlicedAttention

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=32)


def small(**changes: object) -> SamsNet:
    torch.manual_seed(0)
    sizes = {"n_maps": (4, 6), "n_slices": 3, "n_heads": 2, "n_key": 5, "n_dense": 10, "dropout": 0.0, **changes}
    return SamsNet(SamsNetConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 40) -> Tensor:
    return torch.rand(1, 1, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def test_one_net_for_one_stem_has_the_printed_number_of_parameters() -> None:
    # 3.70 M is printed (document 003); the sizes of the layers, which are not at hand, were chosen to meet it
    with torch.device("meta"):
        net = SamsNet(SamsNetConfig(n_stems=1))
    built = sum(p.numel() for p in net.parameters())
    assert built == 3_700_596
    assert built == pytest.approx(3.70e6, rel=0.001)


@pytest.mark.parametrize(("n_features", "n_heads", "n_key", "n_dense"), [(6, 1, 4, 5), (9, 3, 2, 7)])
def test_a_block_attends_as_the_formula_says(n_features: int, n_heads: int, n_key: int, n_dense: int) -> None:
    torch.manual_seed(0)
    block = SlicedAttention(n_features, n_heads, n_key, n_dense, 0.0).double()
    x = torch.randn(1, 1, 8, n_features, dtype=torch.float64)
    parts = block.query_key_value(block.norm(x))[0, 0].view(8, 3, n_heads, n_key)
    heads = []
    for h in range(n_heads):
        q, k, v = parts[:, 0, h], parts[:, 1, h], parts[:, 2, h]  # each (frame, key)
        heads.append((q @ k.T / n_key**0.5).softmax(1) @ v)
    after = x[0, 0] + block.out(torch.cat(heads, dim=1))
    assert torch.allclose(block(x)[0, 0], after + block.dense(after))


def test_slices_keep_to_themselves_and_share_their_weights() -> None:
    torch.manual_seed(0)
    block = SlicedAttention(6, 2, 4, 5, 0.0)
    x = torch.randn(2, 3, 7, 6)
    out = block(x)
    for i in range(3):
        assert torch.allclose(block(x[:, i : i + 1]), out[:, i : i + 1], atol=1e-6)
    assert torch.allclose(block(x.flip(1)), out.flip(1), atol=1e-6)


def test_attention_knows_no_order_of_frames() -> None:
    torch.manual_seed(0)
    block = SlicedAttention(6, 2, 4, 5, 0.0)
    x, order = torch.randn(1, 2, 9, 6), torch.randperm(9)
    assert torch.allclose(block(x[:, :, order]), block(x)[:, :, order], atol=1e-6)


def test_every_moment_informs_every_other_but_only_through_attention() -> None:
    net, heard = small(), magnitudes().requires_grad_()

    def frames_heard() -> Tensor:
        heard.grad = None
        net.masks(heard)[..., 20].sum().backward()
        assert heard.grad is not None
        return heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()

    frames = frames_heard()
    assert (frames.min(), frames.max()) == (0, 39)
    for block in net.blocks:
        assert isinstance(block, SlicedAttention)
        with torch.no_grad():
            block.out.weight.zero_()
    frames = frames_heard()
    assert (frames.min(), frames.max()) == (20 - 4, 20 + 4)  # what four convolutions of three frames reach


def test_skips_lead_around_attention() -> None:
    net, heard = small(), magnitudes()
    net.blocks = nn.Identity()  # type: ignore[assignment]
    before = net.masks(heard)
    first = net.up[0][0]  # type: ignore[index]
    with torch.no_grad():
        first.weight[6:].zero_()  # type: ignore[union-attr,index,operator]  # the maps that the skip brings
    assert not torch.allclose(net.masks(heard), before)


def test_slices_that_do_not_divide_the_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="n_slices=4 must divide the 6 maps"):
        small(n_slices=4)
