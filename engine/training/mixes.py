"""Random mixes for research nets: made by a process of their own, as the net hears them, kept in a pool and cut into examples.

    process: random_mix -> mono or stereo -> the net's rate -> float16 -> queue
    trainer: queue -> pool (a ring of mixes) -> random cuts at the nets' level -> (batch, stem, channel, sample)

A step never waits for a mix once the pool has begun: a fast net hears the same mix several times, cut elsewhere.
"""

import contextlib
import os
import queue
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soxr

from engine.errors import EngineError
from engine.methods.network import RMS
from engine.training.augment import random_mix
from engine.training.data import RATE_HZ, ROLES, Corpus

LEVEL_SPREAD_DB = 3.0  # a stretch in use is scaled as a whole, so that an example of a few seconds may be louder or softer


@dataclass(frozen=True)
class MixSource:
    """Where mixes come from and how they are heard."""

    data: Path | Sequence[Path]  # folders of sounds
    cache: Path  # of decoded sounds
    rate_hz: int
    n_channels: int
    seconds: float
    song_share: float  # this and the next as in engine.training.recipes
    song_stem_share: float
    seed: int
    made: Path | None = None  # folder of stems that engine.training.synthesis wrote
    made_share: float = 0.0


def as_heard(stems: np.ndarray, rate_hz: int, n_channels: int) -> np.ndarray:
    """Stems (stem, channel=2, sample) at 44.1 kHz -> (stem, n_channels, sample) at rate_hz, float32."""
    if n_channels == 1:
        stems = stems.mean(axis=1, keepdims=True)
    if rate_hz == RATE_HZ:
        return np.asarray(stems, dtype=np.float32)
    flat = stems.reshape(-1, stems.shape[-1]).T  # (sample, stem x channel)
    return np.asarray(soxr.resample(flat, RATE_HZ, rate_hz, quality="HQ").T.reshape(*stems.shape[:2], -1), dtype=np.float32)


def endless_mixes(source: MixSource, first: int = 0) -> Iterator[np.ndarray]:
    """Mix number `first`, `first` + 1, ...: float16 (stem, channel, sample); number and seed decide each of them."""
    corpus = Corpus(
        source.data, source.cache, "train", made=source.made, made_share=source.made_share, song_stem_share=source.song_stem_share
    )
    number = first
    while True:
        rng = np.random.default_rng([source.seed, number])
        stems = random_mix(corpus, rng, round(source.seconds * RATE_HZ), source.song_share)
        yield as_heard(stems, source.rate_hz, source.n_channels).astype(np.float16)
        number += 1


def _work(source: MixSource, first: int, mixes: "queue.Queue[np.ndarray]", parent: int) -> None:
    """The life of a mixing process; it ends with its parent, however and however soon that one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's affair, which ends this process
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # the net comes first: it can hear a mix twice
    for mix in endless_mixes(source, first):
        while True:
            if os.getppid() != parent:
                os._exit(1)
            try:
                mixes.put(mix, timeout=2.0)
                break
            except queue.Full:
                continue


class MixProcess:
    """A process that mixes ahead."""

    def __init__(self, source: MixSource, first: int = 0, ahead: int = 8) -> None:
        context = get_context("spawn")  # not a fork: torch's threads do not survive one
        self._queue = context.Queue(ahead)
        self._process = context.Process(target=_work, args=(source, first, self._queue, os.getpid()), daemon=True)
        self._process.start()

    def take(self, wait: bool) -> np.ndarray | None:
        """The next mix; None where none is ready and there is no need to wait."""
        while True:
            try:
                return np.asarray(self._queue.get(timeout=1.0) if wait else self._queue.get_nowait())
            except queue.Empty:
                if not self._process.is_alive():
                    raise EngineError("The process that mixes has ended; what it said stands above.") from None
                if not wait:
                    return None

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self._queue.close()


class Pool:
    """A ring of mixes from which examples are cut."""

    def __init__(self, take: Callable[[bool], np.ndarray | None], size: int = 48, first: int = 8, most: int = 2) -> None:
        """`take` gives mixes; the first draw waits for `first` of them; each draw takes in at most `most`."""
        self._take, self._size, self._first, self._most = take, size, min(first, size), most
        self._mixes: list[np.ndarray] = []
        self.n_taken = 0

    def begin(self) -> None:
        """Wait for the first few mixes."""
        while len(self._mixes) < self._first:
            self._put(self._take(True))

    def _put(self, mix: np.ndarray | None) -> None:
        if mix is not None:
            if len(self._mixes) < self._size:
                self._mixes.append(mix)
            else:
                self._mixes[self.n_taken % self._size] = mix
            self.n_taken += 1

    def draw(self, rng: np.random.Generator, n_batch: int, n_samples: int) -> np.ndarray:
        """Examples at about the nets' level: float32 (batch, stem, channel, sample), cut from mixes of at least that length."""
        self.begin()
        for _ in range(self._most):
            mix = self._take(False)
            self._put(mix)
            if mix is None:
                break
        out = []
        for _ in range(n_batch):
            cut = self._mixes[rng.integers(len(self._mixes))]
            start = int(rng.integers(max(1, cut.shape[-1] - n_samples + 1)))
            out.append(level(cut[..., start : start + n_samples].astype(np.float32), float(rng.normal(0.0, LEVEL_SPREAD_DB))))
        return np.stack(out)


def level(stems: np.ndarray, louder_db: float = 0.0) -> np.ndarray:
    """Stems (stem, channel, sample) scaled together, so that their sum has the nets' RMS and louder_db more."""
    rms = float(np.sqrt(np.mean(np.square(stems.sum(axis=0)), dtype=np.float64)))
    return np.asarray(stems * np.float32(RMS / rms * 10.0 ** (louder_db / 20.0)) if rms > 1e-6 else stems)


def valid_stretches(data: Path | Sequence[Path], cache: Path, rate_hz: int, n_channels: int, seconds: float, n: int = 6) -> np.ndarray:
    """n stretches spread over the first validation song, at the nets' level: float32 (stretch, stem, channel, sample)."""
    corpus = Corpus(data, cache, "valid")
    out = []
    for song in list(corpus.songs.values())[:1]:
        longest = max(len(clip.samples) for clip in song.values())
        n_samples = round(seconds * RATE_HZ)
        for start in np.linspace(0, max(0, longest - n_samples), n + 2)[1:-1]:
            stems = np.zeros((len(ROLES), 2, n_samples), np.float32)
            for i, role in enumerate(ROLES):
                if role in song:
                    stems[i] = corpus.excerpt(song[role], int(start), n_samples)
            out.append(level(as_heard(stems, rate_hz, n_channels)))
    return np.stack(out) if out else np.zeros((0, len(ROLES), n_channels, round(seconds * rate_hz)), np.float32)
