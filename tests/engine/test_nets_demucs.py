"""Demucs: the printed size, rescaled weights, lengths that the strides divide, a bottom that hears everything, and skips."""

import pytest
import torch

from engine.nets.contract import Look
from engine.nets.demucs import Demucs, DemucsConfig, rescale

MONO = Look(rate_hz=8000, n_channels=1, n_fft=256, hop=64)


def small(n_levels: int = 3, kernel: int = 8, stride: int = 4, reference: float = 0.1) -> Demucs:
    torch.manual_seed(0)
    return Demucs(DemucsConfig(look=MONO, n_levels=n_levels, n_features=6, kernel=kernel, stride=stride, reference=reference))


def test_32_features_give_the_printed_number_of_parameters() -> None:
    # 66.42 M is printed by others for Demucs, whose paper has 64 features: 265.7 M. With 32 there are 66.44 M
    with torch.device("meta"):
        paper, printed = Demucs(), Demucs(DemucsConfig(n_features=32))
    assert sum(p.numel() for p in paper.parameters()) == 265_679_496
    built = sum(p.numel() for p in printed.parameters())
    assert built == 66_443_592
    assert built == pytest.approx(66.42e6, rel=0.0005)


def test_the_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        net = Demucs()
    widths = [64 * 2**i for i in range(6)]
    assert [e.conv.weight.shape for e in net.encoders] == [(b, a, 8) for a, b in zip([2, *widths], widths, strict=False)]
    assert [e.gated.weight.shape for e in net.encoders] == [(2 * a, a, 1) for a in widths]
    assert [d.gated.weight.shape for d in net.decoders] == [(2 * a, a, 3) for a in widths]
    assert [d.conv.weight.shape for d in net.decoders] == [(a, b, 8) for a, b in zip(widths, [4 * 2, *widths], strict=False)]
    assert (net.lstm.hidden_size, net.lstm.num_layers, net.lstm.bidirectional) == (2048, 2, True)
    assert net.linear.weight.shape == (2048, 4096)


def test_weights_start_with_a_deviation_halfway_to_the_reference() -> None:
    plain, rescaled = small(reference=0.0), small()
    convolutions = [m for m in plain.modules() if isinstance(m, torch.nn.Conv1d | torch.nn.ConvTranspose1d)]
    after = [m for m in rescaled.modules() if isinstance(m, torch.nn.Conv1d | torch.nn.ConvTranspose1d)]
    assert len(convolutions) == 4 * 3
    for a, b in zip(convolutions, after, strict=True):
        scale = (a.weight.std() / 0.1).sqrt()
        assert torch.allclose(b.weight, a.weight / scale) and torch.allclose(b.bias, a.bias / scale)
        assert b.weight.std().item() == pytest.approx((a.weight.std().item() * 0.1) ** 0.5, rel=1e-4)
    assert torch.equal(plain.linear.weight, rescaled.linear.weight)  # convolutions only


def test_rescaling_keeps_a_deep_net_from_fading() -> None:
    levels = {}
    for reference in (0.0, 0.1):
        torch.manual_seed(0)
        net = Demucs(DemucsConfig(look=MONO, n_levels=6, n_features=8, reference=reference))
        x = torch.randn(1, 1, 30000)
        for encoder in net.encoders:
            x = encoder(x)
        levels[reference] = x.std().item()
    assert levels[0.1] > 1.5 * levels[0.0]


def test_rescaling_twice_goes_half_of_the_rest_of_the_way() -> None:
    net = small(reference=0.0)
    before = net.encoders[1].conv.weight.std().item()
    rescale(net, 0.1)
    rescale(net, 0.1)
    assert net.encoders[1].conv.weight.std().item() == pytest.approx(before**0.25 * 0.1**0.75, rel=1e-4)


@pytest.mark.parametrize(("n_levels", "kernel", "stride"), [(1, 8, 4), (3, 8, 4), (2, 4, 2), (2, 5, 4), (2, 3, 3)])
def test_padded_lengths_are_the_least_that_the_strides_divide(n_levels: int, kernel: int, stride: int) -> None:
    net = small(n_levels, kernel, stride)

    def is_whole(n: int) -> bool:
        for _ in range(n_levels):
            if n < kernel or (n - kernel) % stride:
                return False
            n = (n - kernel) // stride + 1
        return True

    for n in range(1, 150):
        padded = net.padded_length(n)
        assert padded >= n and is_whole(padded)
        assert not any(is_whole(k) for k in range(n, padded))
        assert net.padded_length(padded) == padded


def test_the_bottom_hears_the_whole_stretch_in_both_directions() -> None:
    net, n = small().eval(), 3000
    far = torch.zeros(1, 1, n)
    far[..., -1] = 1.0
    for turn in (far, far.flip(-1)):
        quiet, loud = net(torch.zeros(1, 1, n)), net(turn)
        end = slice(0, 100) if turn is far else slice(n - 100, n)
        assert (quiet - loud)[..., end].abs().max() > 0
    with torch.no_grad():
        net.linear.weight.zero_()  # without the recurrent layers nothing comes that far
    assert torch.equal(net(far)[..., :100], net(torch.zeros(1, 1, n))[..., :100])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_skips_matter(level: int) -> None:
    net, mixture = small().eval(), 0.1 * torch.randn(1, 1, 500)
    before = net(mixture)
    decoder = net.decoders[level]
    net.decoders[level] = _Without(decoder, net.encoders[level])
    assert not torch.allclose(net(mixture), before, atol=1e-6)


class _Without(torch.nn.Module):
    """A decoder that takes the encoder's skip away again."""

    def __init__(self, decoder: torch.nn.Module, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        encoder.register_forward_hook(lambda _, __, out: setattr(self, "skip", out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(x - self.skip)
