"""What training is judged by: the validation songs, and mixes of held-out sounds; SDR from band sums, stem by stem.

A validation song is one song, with the habits of those who made it. Mixes of the validation split's single stems (other singers,
kits and instruments than those of training) are a steadier yardstick to compare weights by, and a kinder one: they are made by
the hand that made what was learned from.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import BadInputError
from engine.training.augment import random_mix
from engine.training.batches import Batch, Folders, sums_of
from engine.training.config import TrainConfig
from engine.training.data import ROLES, Corpus
from engine.training.losses import WINDOW, band_error
from engine.training.trainer import heard


def valid_batches(config: TrainConfig, data: Folders, cache: Path) -> list[Batch]:
    """The validation songs in stretches of the training length, every second one; batches of one."""
    corpus = Corpus(data, cache, split="valid")
    if not corpus.songs:
        raise BadInputError(
            "There is no song to validate with; give at least two songs with their stems (one is kept apart), or name one's split valid."
        )
    n_samples = (config.n_frames - 1) * config.hop + config.n_fft
    out = []
    for song in corpus.songs.values():
        for start in range(0, max(1, max(len(c.samples) for c in song.values()) - n_samples), 2 * n_samples):
            stems = np.zeros((len(ROLES), 2, n_samples), np.float32)
            for i, role in enumerate(ROLES):
                if role in song:
                    stems[i] = corpus.excerpt(song[role], start, n_samples)
            out.append(_batch(stems, config))
    return out


def held_out_batches(config: TrainConfig, data: Folders, cache: Path, n_mixes: int) -> list[Batch]:
    """As many mixes of the validation split's single stems, the same ones as long as mixing does not change; batches of one.

    A role without single stems is that of the validation songs. Raises BadInputError where it has none of these either.
    """
    corpus = Corpus(data, cache, split="valid")
    if missing := [role for role in ROLES if not corpus.pool[role] and not corpus.song_clips[role]]:
        raise BadInputError(f"No sound of {' and of '.join(missing)} is held out; name the split valid of some in the INDEX.json.")
    n_samples = (config.n_frames - 1) * config.hop + config.n_fft
    rngs = (np.random.default_rng([config.seed, i, *b"held out"]) for i in range(n_mixes))
    return [_batch(random_mix(corpus, rng, n_samples, song_share=0.0), config) for rng in rngs]


def _batch(stems: np.ndarray, config: TrainConfig) -> Batch:
    return {k: torch.from_numpy(v)[None] for k, v in sums_of(stems, config).items()}


def validate(net: nn.Module, batches: Iterable[Batch], window: int = WINDOW) -> dict[str, float]:
    """`scored` by a network's shares."""
    net.eval()
    device = next(net.parameters()).device
    found = scored(lambda b: net(heard(net, {k: v.to(device) for k, v in b.items()})).float().softmax(1).cpu(), batches, window)
    net.train()
    return found


@torch.inference_mode()
def scored(shares: Callable[[Batch], Tensor], batches: Iterable[Batch], window: int = WINDOW) -> dict[str, float]:
    """SDR in dB over windows of about a second, counted in bands (close to the SDR in samples), of shares (1, stem, band, frame).

    Each stem's median, and "mean": over stems, of the mean over windows clipped to -5 .. 15 dB, which is steadier than the
    median where a stem comes and goes; the best weights are chosen by it.
    """
    errors, powers = [], []
    for b in batches:
        error = band_error(shares(b), b["mix"], b["cross"], b["power"])
        n = error.shape[-1] // window * window
        errors.append(error[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))[0])
        powers.append(b["power"][..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))[0])
    power = torch.cat(powers, -1)  # (stem, window)
    sdr = 10 * torch.log10(power / torch.cat(errors, -1).clamp_min(1e-9))
    counts = power > 1e-3 * power.amax(dim=1, keepdim=True)  # windows in which the stem plays; all of silence does not
    played = {role: sdr[i][counts[i]] for i, role in enumerate(ROLES) if counts[i].any()}
    scores = {role: float(windows.median()) for role, windows in played.items()}
    return {**scores, "mean": sum(float(windows.clamp(-5, 15).mean()) for windows in played.values()) / max(1, len(played))}
