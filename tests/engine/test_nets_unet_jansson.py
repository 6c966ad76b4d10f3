"""Jansson's U-Net: printed size, patches that halve six times, masks, skips, and dropout where the paper puts it."""

import pytest
import torch
from torch import Tensor, nn

from engine.nets.contract import Look
from engine.nets.unet_jansson import JanssonConfig, UNetJansson

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=48)


def small(**changes: object) -> UNetJansson:
    torch.manual_seed(0)
    return UNetJansson(JanssonConfig(look=SMALL, n_filters=(4, 8, 8), **changes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 16) -> Tensor:
    return torch.rand(2, 1, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def test_one_net_for_one_stem_has_the_printed_number_of_parameters() -> None:
    # 9.84 M is printed by others (document 003), who may have counted running statistics and a second channel: 0.2% apart
    with torch.device("meta"):
        net = UNetJansson(JanssonConfig(n_stems=1))
    built = sum(p.numel() for p in net.parameters())
    assert built == 9_823_313
    assert built == pytest.approx(9.84e6, rel=0.002)


def test_the_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        net = UNetJansson(JanssonConfig(n_stems=1))
        x = torch.zeros(1, 1, 512, 128)
        sizes = []
        for down in net.down:
            x = down(x)
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(16 * 2**i, 256 // 2**i, 64 // 2**i) for i in range(6)]
    assert [up[0].weight.shape for up in net.up] == [(512, 256, 5, 5), *((512 // 2**i, 128 // 2**i, 5, 5) for i in range(4))]  # type: ignore[index]
    assert net.last.weight.shape == (32, 1, 5, 5)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5, 0.5, 0.0, 0.0]
    look = net.look
    assert (look.rate_hz, look.n_fft, look.hop, look.n_bins) == (8192, 1024, 768, 513)


def test_masks_take_no_more_than_there_is() -> None:
    net, heard = small(), magnitudes()
    with torch.no_grad():
        masks = net.masks(heard)
        assert (masks > 0).all() and (masks < 1).all()
        assert torch.equal(masks[..., -1, :], masks[..., -2, :])  # the top bin follows the one below
        assert torch.allclose(net(heard), masks * heard[:, None])


def test_skips_carry_what_the_bottom_lost() -> None:
    net, heard = small(), magnitudes()
    with torch.no_grad():
        net.up[0][0].weight.zero_()  # type: ignore[index,union-attr]  # nothing comes up from the bottom
        assert net.masks(heard).std(dim=-1).max() > 1e-3
        for up in (*list(net.up)[1:], None):
            rise = net.last if up is None else up[0]  # type: ignore[index]
            rise.weight[rise.weight.shape[0] // 2 :].zero_()  # type: ignore[union-attr,index,operator]  # nor through the skips
        masks = net.masks(heard)
    inner = masks[..., 4:-5, 4:-4]
    assert (inner - inner.mean(dim=0, keepdim=True)).abs().max() < 1e-5  # what is left does not know the input


def test_dropout_is_for_training() -> None:
    net, heard = small(dropout=0.5), magnitudes()
    with torch.no_grad():
        assert torch.equal(net(heard), net(heard))
        net.train()
        assert not torch.equal(net(heard), net(heard))


def test_the_first_layer_reaches_as_far_as_its_kernels() -> None:
    net, heard = small(), magnitudes(65).requires_grad_()
    net.masks(heard)[..., 16, 32].sum().backward()
    assert heard.grad is not None
    heard_frames = heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    reach = 2 * sum(2 * 2**i for i in range(3)) + 3  # three layers of 5 at strides of 2, and as far again on the way up
    assert 32 - reach <= heard_frames.min() and heard_frames.max() <= 32 + reach
