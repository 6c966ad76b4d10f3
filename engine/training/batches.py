"""From random mixes to what the loss needs, in loader processes: features and band sums."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.fft
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from engine.bands import band_edges, band_features, band_sums
from engine.training.augment import random_mix
from engine.training.config import TrainConfig
from engine.training.data import Corpus

Batch = dict[str, torch.Tensor]
Folders = Path | Sequence[Path]


def stft32(samples: np.ndarray, n_fft: int, hop: int, n_frames: int) -> np.ndarray:
    """Float32 STFT for training, periodic Hann: (..., sample) -> complex64 (..., bin, frame); frame 0 starts at sample 0."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)[..., ::hop, :][..., :n_frames, :]
    return np.swapaxes(scipy.fft.rfft(frames * window, axis=-1), -1, -2)


def sums_of(stems: np.ndarray, config: TrainConfig) -> dict[str, np.ndarray]:
    """Four stems (stem, channel=2, sample) -> features (3, band, frame) and the sums of engine.training.losses.

    mix (1, band, frame), cross and power (stem, band, frame); all relative to the mean power of the mix.
    """
    edges = band_edges(config.n_fft // 2 + 1)
    spectra = stft32(stems, config.n_fft, config.hop, config.n_frames)  # (stem, channel, bin, frame)
    mixture = spectra.sum(axis=0)  # the STFT is linear: the mix need not be transformed again
    power = np.square(spectra.real) + np.square(spectra.imag)
    cross = spectra.real * mixture.real + spectra.imag * mixture.imag
    mix = np.square(mixture.real) + np.square(mixture.imag)
    out = {"mix": band_sums(mix.sum(axis=0), edges)[None]}
    out["cross"] = band_sums(cross.sum(axis=1), edges)
    out["power"] = band_sums(power.sum(axis=1), edges)
    level = float(out["mix"].mean()) + 1e-12
    out = {k: (v / level).astype(np.float32) for k, v in out.items()}
    out["features"] = band_features(mixture, edges)
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
            for i in range(c.batch):
                rng = np.random.default_rng([c.seed, step * self.n_ranks + self.rank, i])
                yield sums_of(random_mix(corpus, rng, n_samples, c.song_share), c)
            step += n_workers


def loader(
    config: TrainConfig, data: Folders, cache: Path, first: int, n_workers: int, made: Path | None = None, rank: int = 0, n_ranks: int = 1
) -> Iterator[Batch]:
    """The batches of one rank from step `first` on: dict of float32 tensors, each (batch, ..., band, frame)."""
    source = RandomMixes(config, data, cache, first, made, rank, n_ranks)
    return iter(DataLoader(source, batch_size=config.batch, num_workers=n_workers, prefetch_factor=4 if n_workers else None))
