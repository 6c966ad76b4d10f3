"""Losses from band sums: equal to what full spectra give, smallest where their papers say, and something a net can learn by."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from corpora import SMALL
from torch import Tensor

from engine.bands import band_edges, band_sums
from engine.training.batches import sums_of
from engine.training.criteria import CRITERIA
from engine.training.losses import LOSSES, WINDOW, band_error, reachable, separation_loss

Sums = tuple[Tensor, Tensor, Tensor]


def spectra(n_channels: int = 2, n_bins: int = 12, n_frames: int = WINDOW, seed: int = 0) -> Tensor:
    """Stems (batch=2, stem, channel, bin, frame), complex128, of unlike loudness."""
    g = torch.Generator().manual_seed(seed)
    level = torch.rand(2, 4, 1, n_bins, n_frames, generator=g, dtype=torch.float64) ** 3
    return torch.randn(2, 4, n_channels, n_bins, n_frames, generator=g, dtype=torch.complex128) * level


def sums(stems: Tensor, edges: list[int]) -> Sums:
    """mix, cross and power over bands that begin at these bins."""

    def band(x: Tensor) -> Tensor:  # (batch, stem, channel, bin, frame) -> (batch, stem, band, frame)
        return torch.from_numpy(band_sums(x.sum(2).numpy(), np.array(edges)))

    mixture = stems.sum(1, keepdim=True)
    return band(mixture.abs().square()), band((mixture.conj() * stems).real), band(stems.abs().square())


def some_shares(n_bands: int, seed: int = 1) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(2, 4, n_bands, WINDOW, generator=g, dtype=torch.float64)).softmax(1)


def over_bins(shares: Tensor, edges: list[int]) -> Tensor:
    """Shares of bands as masks of bins: (batch, stem, channel=1, bin, frame)."""
    return shares.repeat_interleave(torch.tensor(np.diff(edges)), dim=2)[:, :, None]


WIDE = [0, 1, 2, 5, 12]
SINGLE = list(range(13))


def test_the_error_of_a_band_is_that_of_its_bins() -> None:
    stems, shares = spectra(), some_shares(4)
    errors = (over_bins(shares, WIDE) * stems.sum(1, keepdim=True) - stems).abs().square()
    expected = torch.stack([errors[:, :, :, a:b].sum((2, 3)) for a, b in pairwise(WIDE)], dim=2)
    assert torch.allclose(band_error(shares, *sums(stems, WIDE)), expected)


@pytest.mark.parametrize(
    ("name", "criterion"), [("magnitude-l1", "l1"), ("magnitude-l2", "mse"), ("tpsa-l1", "tpsa"), ("tpsa-l2", "tpsa-l2"), ("nll", "nll")]
)
def test_with_one_bin_a_band_they_are_the_criteria_of_full_spectra(name: str, criterion: str) -> None:
    stems, shares = spectra(n_channels=1), some_shares(12)

    class Net(SimpleNamespace):
        def __call__(self, heard: Tensor) -> Tensor:
            return shares[:, :, None] * heard[:, None]

        def logits(self, heard: Tensor) -> Tensor:
            return shares[:, :, None].log()

    expected = CRITERIA[criterion](Net(), stems.sum(1), stems)
    assert float(LOSSES[name](shares, *sums(stems, SINGLE))) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("scale_invariant", [True, False])
def test_snr_and_si_sdr_of_windows_are_those_of_the_filtered_spectrum(scale_invariant: bool) -> None:
    stems, shares = torch.cat([spectra(seed=3), spectra(seed=4)], dim=-1), torch.cat([some_shares(4), some_shares(4, 2)], dim=-1)
    estimates = over_bins(shares, WIDE) * stems.sum(1, keepdim=True)
    expected = []
    for window in range(2):
        at = slice(window * WINDOW, (window + 1) * WINDOW)
        s, e = stems[..., at], estimates[..., at]
        if scale_invariant:
            s = s * ((e * s.conj()).real.sum((2, 3, 4)) / s.abs().square().sum((2, 3, 4)))[..., None, None, None]
        ratio = s.abs().square().sum((2, 3, 4)) / (s - e).abs().square().sum((2, 3, 4))  # (batch, stem)
        expected.append(-10 * torch.log10(1 / (1 / ratio + 1e-3)))  # at most 30 dB
    found = LOSSES["si-sdr" if scale_invariant else "snr"](shares, *sums(stems, WIDE))
    assert float(found) == pytest.approx(float(torch.stack(expected).mean()), abs=1e-3)


def test_si_sdr_knows_no_level_and_snr_does() -> None:
    stems, shares = spectra(), some_shares(4)
    found = [float(LOSSES[name](factor * shares, *sums(stems, WIDE))) for name in ("si-sdr", "snr") for factor in (1.0, 0.3)]
    assert found[0] == pytest.approx(found[1], abs=1e-4)
    assert abs(found[2] - found[3]) > 0.1


@pytest.mark.parametrize("edges", [WIDE, SINGLE])
def test_the_reachable_share_is_the_best_within_0_and_1(edges: list[int]) -> None:
    given = sums(spectra(), edges)
    best = reachable(*given[:2])
    assert best.min() >= 0.0 and best.max() <= 1.0
    least = band_error(best, *given)
    for step in (0.0, 0.01, 0.3):
        for sign in (-1, 1):
            assert (band_error((best + sign * step).clamp(0, 1), *given) >= least - 1e-12).all()
    for name in ("tpsa-l1", "tpsa-l2"):
        assert float(LOSSES[name](best, *given)) == 0.0
        assert float(LOSSES[name]((best + 0.1).clamp(0, 1), *given)) > 0.0


def test_phase_sensitive_l2_is_the_error_of_the_bands_less_what_no_share_mends() -> None:
    stems = spectra().abs().to(torch.complex128)  # all in phase: nothing has to be cut
    given, level = sums(stems, WIDE), sums(stems, WIDE)[0].mean()
    a, b = some_shares(4, 1), some_shares(4, 2)
    difference = (band_error(a, *given) - band_error(b, *given)).mean() / level
    assert float(LOSSES["tpsa-l2"](a, *given) - LOSSES["tpsa-l2"](b, *given)) == pytest.approx(float(difference), rel=1e-6)


def test_magnitudes_are_blind_to_phase_and_the_others_are_not() -> None:
    stems, turn = spectra(), torch.exp(1j * torch.rand(2, 4, 1, 12, WINDOW, generator=torch.Generator().manual_seed(9)) * 6.28)
    shares, (mix, cross, power) = some_shares(4), sums(stems, WIDE)
    _, turned, _ = sums(stems * turn, WIDE)
    for name, loss in LOSSES.items():
        same = torch.equal(loss(shares, mix, cross, power), loss(shares, mix, turned, power))
        assert same == (name in ("magnitude-l1", "magnitude-l2", "nll")), name


def test_likelihood_counts_the_loudest_and_only_where_something_is_heard() -> None:
    power = torch.tensor([4.0, 1.0, 0.0, 0.0])[None, :, None, None].repeat(1, 1, 2, WINDOW)
    mix, shares = torch.ones(1, 1, 2, WINDOW), torch.tensor([0.5, 0.2, 0.2, 0.1])[None, :, None, None].repeat(1, 1, 2, WINDOW)
    assert float(LOSSES["nll"](shares, mix, power, power)) == pytest.approx(np.log(2))
    mix[:, :, 1] = 1e-12
    shares[:, :, 1] = torch.tensor([0.0, 1.0, 0.0, 0.0])[None, :, None]  # as wrong as can be, in silence
    assert float(LOSSES["nll"](shares, mix, power, power)) == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", ["noise", "silence", "one alone", "one sample"])
def test_every_loss_is_finite_with_its_gradient(name: str, kind: str) -> None:
    rng = np.random.default_rng(0)
    stems = np.zeros((4, 2, (SMALL.n_frames - 1) * SMALL.hop + SMALL.n_fft), np.float32)
    if kind == "noise":
        stems[:] = rng.normal(0, 0.1, stems.shape)
    elif kind == "one alone":
        stems[2] = rng.normal(0, 0.1, stems.shape[1:])
    elif kind == "one sample":
        stems[1, 0, 30000] = 1.0
    made = {k: torch.from_numpy(v)[None] for k, v in sums_of(stems, SMALL).items()}
    logits = (30 * torch.randn(1, 4, *made["mix"].shape[2:], generator=torch.Generator().manual_seed(0))).requires_grad_()
    loss = LOSSES[name](logits.softmax(1), made["mix"], made["cross"], made["power"])
    loss.backward()
    assert loss.ndim == 0 and torch.isfinite(loss)
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls_when_it_is_followed_and_the_shares_become_better(name: str) -> None:
    given = tuple(x.float() for x in sums(spectra(n_bins=8), SINGLE[:9]))
    logits = torch.zeros(2, 4, 8, WINDOW, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    found, errors = [], []
    for _ in range(60):
        loss = LOSSES[name](logits.softmax(1), *given)  # type: ignore[arg-type]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
        errors.append(band_error(logits.detach().softmax(1), *given).mean().item())  # type: ignore[arg-type]
    assert found[-1] < found[0]
    assert errors[-1] < 0.9 * errors[0]


def test_the_level_of_the_sums_changes_no_loss() -> None:
    given, shares = sums(spectra(), WIDE), some_shares(4)
    for name, loss in LOSSES.items():
        loud = [1e4 * x for x in given]
        assert float(loss(shares, *loud)) == pytest.approx(float(loss(shares, *given)), rel=1e-4), name


def test_bands_of_the_network_are_those_of_the_sums() -> None:
    stems = np.random.default_rng(0).normal(0, 0.1, (4, 2, (SMALL.n_frames - 1) * SMALL.hop + SMALL.n_fft)).astype(np.float32)
    made = sums_of(stems, SMALL)
    n_bands = len(band_edges(SMALL.n_fft // 2 + 1)) - 1
    assert made["features"].shape == (3, n_bands, SMALL.n_frames)
    assert made["mix"].shape == (1, n_bands, SMALL.n_frames) and made["cross"].shape == (4, n_bands, SMALL.n_frames)
    assert np.allclose(made["cross"].sum(axis=0), made["mix"][0], rtol=1e-3, atol=1e-4)  # the stems add up to the mixture
    assert LOSSES["shares"] is separation_loss
