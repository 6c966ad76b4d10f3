"""From random mixes to what the loss needs, in loader processes: features and band sums."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.fft
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from engine.bands import band_edges, features_of_sums
from engine.training.augment import random_mix
from engine.training.config import TrainConfig
from engine.training.data import Corpus

Batch = dict[str, torch.Tensor]
Folders = Path | Sequence[Path]


def stft32(samples: np.ndarray, n_fft: int, hop: int, n_frames: int) -> np.ndarray:
    """Float32 STFT for training, periodic Hann: (..., sample) -> complex64 (..., frame, bin); frame 0 starts at sample 0."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)[..., ::hop, :][..., :n_frames, :]
    return scipy.fft.rfft(frames * window, axis=-1)


def sums_of(stems: np.ndarray, config: TrainConfig) -> dict[str, np.ndarray]:
    """Four stems (stem, channel=2, sample) -> features (3, band, frame) and the sums of engine.training.losses.

    mix (1, band, frame), cross and power (stem, band, frame); all relative to the mean power of the mix.
    """
    return sums_of_spectra(stft32(stems, config.n_fft, config.hop, config.n_frames), config)


def sums_of_spectra(spectra: np.ndarray, config: TrainConfig) -> dict[str, np.ndarray]:
    """The same from spectra, complex64 (stem, channel=2, frame, bin)."""
    edges = band_edges(config.n_fft // 2 + 1)
    parts = spectra.view(np.float32)  # real, imaginary, real ...: products of equals are summed over both by the sums over bands
    mixture = parts.sum(axis=0)  # the STFT is linear: the mix need not be transformed again

    def over_bands(product: np.ndarray) -> np.ndarray:
        return np.add.reduceat(product, 2 * edges[:-1], axis=-1)

    power = np.stack([over_bands(left * left + right * right) for left, right in parts])
    cross = np.stack([over_bands(left * mixture[0] + right * mixture[1]) for left, right in parts])
    e_left, e_right, e_across = (over_bands(mixture[i] * mixture[k]) for i, k in ((0, 0), (1, 1), (0, 1)))
    mix = (e_left + e_right)[None]
    level = float(mix.mean()) + 1e-12
    out = {"mix": mix / level, "cross": cross / level, "power": power / level}
    out["features"] = features_of_sums(e_left, e_right, e_across, np.diff(edges))
    return {k: np.ascontiguousarray(np.swapaxes(v, -1, -2), dtype=np.float32) for k, v in out.items()}


REMIX_DB = 3.0  # deviation of the level at which a stem comes back in another mix


def remixed(mixes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """As many mixes again from the stems of these, each with others than before: spectra (stem, channel=2, frame, bin) each.

    To cut, change and transform a stem is dear, to add it is cheap; a stem that is heard in other company is nearly as good as
    a new one. After A. Defossez, N. Usunier, L. Bottou, F. Bach, "Music source separation in the waveform domain", 2019
    (sources shuffled within a batch), and D. Choi et al., "Faster neural network training with data echoing", 2019.
    """
    n, n_stems = len(mixes), len(mixes[0])
    shifts = rng.permutation(n) if n >= n_stems else rng.integers(0, n, n_stems)  # stems of one mix part company, where there is choice
    out = []
    for k in range(n):
        gains = (10 ** (rng.normal(0.0, REMIX_DB, n_stems) / 20)).astype(np.float32)
        out.append(np.stack([mixes[(k + shifts[i]) % n][i] * gains[i] for i in range(n_stems)]))
    return out


class RandomMixes(IterableDataset[dict[str, np.ndarray]]):
    """Endless random mixes in numbered batches: seed and number decide each, whoever makes it.

    Step k takes batch k; of R ranks, rank r takes batch k R + r. Worker w of W makes the steps w, w + W, ...
    """

    def __init__(
        self, config: TrainConfig, data: Folders, cache: Path, first: int = 0, made: Path | None = None, rank: int = 0, n_ranks: int = 1
    ) -> None:
        """`first` is the first step's number."""
        self.config, self.data, self.cache, self.first, self.made = config, data, cache, first, made
        self.rank, self.n_ranks = rank, n_ranks

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        c = self.config
        corpus = Corpus(
            self.data, self.cache, without_songs=c.without_songs, made=self.made, made_share=c.made_share, song_stem_share=c.song_stem_share
        )
        info = get_worker_info()
        worker, n_workers = (info.id, info.num_workers) if info else (0, 1)
        n_samples = (c.n_frames - 1) * c.hop + c.n_fft
        step = self.first + worker  # torch's DataLoader takes whole batches from the workers in turn
        while True:
            n_new = -(-c.batch // c.heard_in)
            spectra = []
            for i in range(n_new):
                rng = np.random.default_rng([c.seed, step * self.n_ranks + self.rank, i])
                spectra.append(stft32(random_mix(corpus, rng, n_samples, c.song_share, c.other_singers), c.n_fft, c.hop, c.n_frames))
                yield sums_of_spectra(spectra[-1], c)
            rng = np.random.default_rng([c.seed, step * self.n_ranks + self.rank, c.batch])
            for i in range(c.batch - n_new):
                if i % n_new == 0:
                    again = remixed(spectra, rng)
                yield sums_of_spectra(again[i % n_new], c)
            step += n_workers


def loader(
    config: TrainConfig, data: Folders, cache: Path, first: int, n_workers: int, made: Path | None = None, rank: int = 0, n_ranks: int = 1
) -> Iterator[Batch]:
    """The batches of one rank from step `first` on: dict of float32 tensors, each (batch, ..., band, frame)."""
    source = RandomMixes(config, data, cache, first, made, rank, n_ranks)
    return iter(DataLoader(source, batch_size=config.batch, num_workers=n_workers, prefetch_factor=4 if n_workers else None))
