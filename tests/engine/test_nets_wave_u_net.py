"""Wave-U-Net: the printed sizes and lengths, exact halving and doubling, context that hides no edge, skips and the rest."""

import pytest
import torch
import torch.nn.functional as F

from engine.nets.contract import Look
from engine.nets.wave_u_net import WaveUNet, WaveUNetConfig

MONO = Look(rate_hz=8000, n_channels=1, n_fft=256, hop=64)


def small(context: bool = True, n_levels: int = 3, down: int = 7, up: int = 5) -> WaveUNet:
    torch.manual_seed(0)
    return WaveUNet(WaveUNetConfig(look=MONO, n_levels=n_levels, n_features=4, kernel_down=down, kernel_up=up, context=context)).double()


def test_the_papers_size_has_the_printed_number_of_parameters() -> None:
    # 10.20 M is printed by others; table 1 of the paper gives 10.26 M, so it was most likely cut to 10.2 and written as 10.20
    with torch.device("meta"):
        net = WaveUNet()
    built = sum(p.numel() for p in net.parameters())
    assert built == 10_263_498
    assert int(built / 1e5) / 10 == 10.2


def test_the_layers_are_those_of_table_1() -> None:
    with torch.device("meta"):
        net = WaveUNet()
    assert [conv.weight.shape for conv in net.down] == [(24 * i, 24 * (i - 1) if i > 1 else 2, 15) for i in range(1, 13)]
    assert net.bottom.weight.shape == (24 * 13, 24 * 12, 15)
    assert [conv.weight.shape for conv in net.up] == [(24 * i, 24 * (i + i + 1), 5) for i in range(1, 13)]
    assert net.out.weight.shape == (3 * 2, 24 + 2, 1)


def test_context_takes_and_returns_as_many_samples_as_the_paper_says() -> None:
    with torch.device("meta"):
        net = WaveUNet()
    assert net.lengths(16384) == (147443, 16389)
    assert net.look.context_s * net.look.rate_hz >= (147443 - 16389) / 2


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize(("n_levels", "down", "up"), [(1, 15, 5), (2, 5, 3), (3, 15, 5), (4, 9, 1)])
def test_lengths_are_what_the_convolutions_leave(context: bool, n_levels: int, down: int, up: int) -> None:
    net = small(context, n_levels, down, up)
    for wanted in (1, 2, 16, 17, 33, 100):
        n_in, n_out = net.lengths(wanted)
        assert n_out >= wanted and n_out - wanted <= 2**n_levels + up  # no more than needed
        n = n_in
        for _ in range(n_levels):
            n -= (down - 1) * context
            assert n % 2 == 1  # so that the first and the last value are both kept
            n = (n + 1) // 2
        n -= (down - 1) * context
        for _ in range(n_levels):
            n = 2 * n - 1 - (up - 1) * context
        assert n == n_out


def test_halving_and_doubling_invent_nothing() -> None:
    ramp = torch.linspace(-1.0, 1.0, 33, dtype=torch.float64)[None, None]
    halved = ramp[..., ::2]
    assert torch.allclose(F.interpolate(halved, size=33, mode="linear", align_corners=True), ramp, atol=1e-12)


def test_with_context_silence_around_the_sound_is_the_same_whether_given_or_not() -> None:
    mixture = torch.randn(1, 1, 50, dtype=torch.float64)
    for context in (True, False):
        net = small(context)
        shifted = net(F.pad(mixture, (16, 24)))[..., 16:66]  # two and three times the 8 samples that the bottom tells apart
        assert torch.allclose(shifted, net(mixture), atol=1e-10) == context


def test_a_cut_with_true_sound_around_it_gives_the_same_stems() -> None:
    net = small()
    n_in, n_out = net.lengths(1)
    reach = (n_in - n_out) // 2 + n_out
    mixture = torch.randn(1, 1, 4 * reach, dtype=torch.float64)
    start = reach // 8 * 8
    cut = net(mixture[..., start:])
    inside = slice(reach, -1)
    assert torch.allclose(cut[..., inside], net(mixture)[..., start:][..., inside], atol=1e-10)


def test_the_last_stem_is_what_the_others_leave() -> None:
    mixture = 0.1 * torch.randn(2, 1, 77, dtype=torch.float64)
    stems = small()(mixture)
    assert torch.allclose(stems.sum(1), mixture, atol=1e-12)
    assert stems[:, :3].abs().max() <= 1.0  # tanh


@pytest.mark.parametrize("n_channels", [1, 2])
def test_an_equal_start_lets_the_mixture_through_to_every_stem(n_channels: int) -> None:
    look = Look(rate_hz=8000, n_channels=n_channels, n_fft=256, hop=64)
    net = WaveUNet(WaveUNetConfig(look=look, n_levels=2, n_features=4, context=False, equal_start=True))
    mixture = 0.1 * torch.randn(1, n_channels, 60)
    assert (net(mixture) - mixture[:, None] / 4).abs().mean() < 0.5 * mixture.abs().mean()
    with torch.no_grad():
        net.out.weight[:, n_channels:] = 0.0  # the features
    assert torch.allclose(net(mixture)[:, :3], torch.tanh(mixture / 4)[:, None].expand(-1, 3, -1, -1), atol=1e-6)


@pytest.mark.parametrize("level", [0, 2])
def test_skips_matter(level: int) -> None:
    net, mixture = small(False), 0.1 * torch.randn(1, 1, 90, dtype=torch.float64)
    before = net(mixture)
    with torch.no_grad():
        net.up[level].weight[:, : 4 * (level + 1)] = 0.0
    assert not torch.allclose(net(mixture), before, atol=1e-6)
