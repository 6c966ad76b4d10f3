"""Recurrent masks and deep clustering: directions, unit places, centroids that carry names, and k-means that finds the stems."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.nets.blstm import Blstm, BlstmConfig, DeepClustering, DeepClusteringConfig
from engine.nets.contract import Look
from engine.training.criteria import affinity_error, deep_clustering

SMALL = Look(rate_hz=8000, n_channels=1, n_fft=64, hop=32)


def blstm(**changes: object) -> Blstm:
    torch.manual_seed(0)
    sizes = {"n_hidden": 8, "n_layers": 2, "dropout": 0.0, **changes}
    return Blstm(BlstmConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def clusterer(**changes: object) -> DeepClustering:
    torch.manual_seed(0)
    sizes = {"n_hidden": 16, "n_layers": 1, "n_bands": 0, "dim": 6, "dropout": 0.0, **changes}
    return DeepClustering(DeepClusteringConfig(look=SMALL, **sizes)).eval()  # type: ignore[arg-type]


def magnitudes(n_frames: int = 20, n_batch: int = 1) -> Tensor:
    return torch.rand(n_batch, 1, 33, n_frames, generator=torch.Generator().manual_seed(0)) * 3.0


def owned(n_frames: int = 24, n_batch: int = 2) -> tuple[Tensor, Tensor]:
    """Who owns each cell (batch, bin, frame), told by its level, and stems (batch, stem, channel=1, bin, frame) that say so."""
    g = torch.Generator().manual_seed(2)
    owner = torch.randint(4, (n_batch, 3, n_frames // 4), generator=g).repeat_interleave(11, dim=1).repeat_interleave(4, dim=2)
    level = torch.tensor([0.2, 1.0, 5.0, 25.0])[owner]
    return owner, torch.where(owner[:, None] == torch.arange(4)[None, :, None, None], level[:, None], 0.0)[:, :, None]


def test_the_papers_sizes_add_up() -> None:
    # document 000 prints no sizes; an LSTM direction of h units over n inputs has 4 h (n + h + 2) weights
    with torch.device("meta"):
        masks, places = Blstm(), DeepClustering()

    def body(n: int, h: int = 300) -> int:
        return 2 * n + 2 * 4 * h * (n + h + 2) + 3 * 2 * 4 * h * (2 * h + h + 2)

    assert sum(p.numel() for p in masks.parameters()) == body(513) + 601 * 4 * 513 == 9_684_678
    assert sum(p.numel() for p in places.parameters()) == body(150) + 601 * 20 * 150 == 9_382_500


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("is_bidirectional", [True, False])
def test_one_direction_hears_no_future(cell: str, is_bidirectional: bool) -> None:
    net, heard = blstm(cell=cell, is_bidirectional=is_bidirectional), magnitudes().requires_grad_()
    net.masks(heard)[..., 9].sum().backward()
    assert heard.grad is not None
    frames = heard.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert frames.min() == 0
    assert frames.max() == (19 if is_bidirectional else 9)


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 'lstm' or 'gru'"):
        blstm(cell="rnn")


@pytest.mark.parametrize("n_bands", [0, 12])
def test_every_cell_has_a_place_of_unit_length(n_bands: int) -> None:
    net, heard = clusterer(n_bands=n_bands), magnitudes(7, 3)
    with torch.no_grad():
        v = net.embed(heard)
    assert v.shape == (3, 33 * 7, 6)
    assert torch.allclose(v.norm(dim=2), torch.ones(3, 33 * 7), atol=1e-5)
    one = v.unflatten(1, (33, 7))[0, 5, 3]  # bin x frame, in this order
    assert torch.allclose(one, net.body.bands.spread(net.places(heard))[0, :, 5, 3], atol=1e-6)


def test_the_error_of_places_is_that_of_all_pairs() -> None:
    v, y = F.normalize(torch.randn(1, 30, 6), dim=2), F.one_hot(torch.randint(4, (1, 30)), 4).float()
    pairs = (v @ v.mT - y @ y.mT).square().mean()  # Hershey et al. 2016, eq. 1
    assert affinity_error(v, y, torch.full((1, 30), 1 / 30)).item() == pytest.approx(pairs.item(), rel=1e-4)


def test_centroids_follow_the_mean_of_their_cells() -> None:
    net = clusterer()
    true = F.normalize(torch.randn(4, 6, generator=torch.Generator().manual_seed(3)), dim=1)
    for _ in range(400):
        owner = torch.randint(3, (2, 50))  # the fourth stem never plays
        v = F.normalize(true[owner] + 0.2 * torch.randn(2, 50, 6), dim=2)
        net.learn_centroids(v, F.one_hot(owner, 4).float(), torch.rand(2, 50))
    assert torch.allclose(net.centroids.norm(dim=1), torch.ones(4), atol=1e-5)
    assert ((net.centroids * true).sum(1)[:3] > 0.99).all()
    assert torch.equal(net.centroids[3], torch.eye(4, 6)[3])  # and stays where it was


def test_centroids_from_magnitudes_are_those_from_places() -> None:
    one, other = clusterer(), clusterer()
    owner, stems = owned()
    heard = stems.sum(1)
    one.set_centroids(heard, stems)
    with torch.no_grad():
        other.learn_centroids(other.embed(heard), F.one_hot(owner.flatten(1), 4).float(), heard.flatten(1))
    assert torch.allclose(one.centroids, other.centroids, atol=1e-6) and one.seen == other.seen == 1


def test_clusters_carry_the_names_of_the_centroids_they_started_from(monkeypatch: pytest.MonkeyPatch) -> None:
    net = clusterer()
    owner, stems = owned()
    corners = torch.eye(4, 6)
    moved = F.normalize(corners + 0.25 * corners.roll(1, dims=0), dim=1)  # in this song, every cluster lies a little aside
    noise = 0.1 * torch.randn(2, 33, 24, 6, generator=torch.Generator().manual_seed(1))
    v = F.normalize(moved[owner] + noise, dim=3)
    monkeypatch.setattr(net, "places", lambda magnitude: v.permute(0, 3, 1, 2))
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        net.centroids.copy_(corners[order])
        masks = net.cluster(stems.sum(1))
        assert torch.equal(masks.sum(1), torch.ones(2, 33, 24))  # each cell in one cluster
        assert torch.equal(torch.tensor(order)[masks.argmax(1)], owner)


def test_a_silent_stretch_clusters_to_something_finite() -> None:
    masks = clusterer().cluster(torch.zeros(2, 1, 33, 5))
    assert torch.equal(masks.sum(1), torch.ones(2, 33, 5))


def test_after_training_the_right_cells_come_out_under_the_right_names() -> None:
    net = clusterer(n_hidden=24).train()
    owner, stems = owned()
    spectra = stems.to(torch.complex64)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(80):
        loss = deep_clustering(net, spectra.sum(1), spectra)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    with torch.no_grad():
        for _ in range(20):  # batch norm's running statistics differ from the batch's: look once more
            net.set_centroids(stems.sum(1), stems)
        found = net(stems.sum(1)).sum(2).argmax(1)  # (batch, bin, frame)
    weight = stems.sum((1, 2))
    assert ((found == owner) * weight).sum() > 0.9 * weight.sum()


def test_more_channels_or_too_few_dimensions_are_refused() -> None:
    for wrong in ({"dim": 3}, {"n_stems": 7}):
        with pytest.raises(ValueError, match="at least as many dimensions"):
            clusterer(**wrong)
