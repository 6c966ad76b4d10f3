"""Excerpts of the whole song: always the same places, never more of them than fit, and part of the name of every chunk."""

import dataclasses
import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from toys import Toy, recording

from engine.audio import ArrayMixture
from engine.cache import Cache
from engine.errors import Cancelled
from engine.listen import EXCERPT_S, N_EXCERPTS, Song, spots
from engine.methods import build, methods
from engine.separate import separate
from engine.types import FLOAT32, INT16, Array, IsCancelled, Listening, MaskGrid, Method, never_cancelled

LISTENERS = [name for name in methods() if isinstance(build(name), Listening)]


@dataclasses.dataclass(frozen=True)
class Hearing(Toy):
    """A toy whose masks depend on everything it was told of the song."""

    told: float = 0.0
    calls: list[int] = dataclasses.field(default_factory=list)

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> Method:
        heard = [float(np.square(e, dtype=np.float64).sum()) for e in excerpts]
        self.calls.append(len(heard))
        return dataclasses.replace(self, told=float(np.sum(heard)))

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        shares = super().shares(samples, grid, first_frame, n_frames)
        shares[0] *= self.told
        return shares


class Counted:
    """A mixture that counts what is read of it."""

    def __init__(self, mixture: ArrayMixture) -> None:
        self.info, self._mixture, self.reads = mixture.info, mixture, [(0, 0)]

    def read(self, start: int, n_samples: int) -> Array:
        self.reads.append((start, n_samples))
        return self._mixture.read(start, n_samples)


def masks_of(masks) -> Array:  # type: ignore[no-untyped-def]
    return masks.frames(0, masks.grid.n_frames(masks.seconds))


@pytest.mark.parametrize("rate_hz", [8000, 44100, 96000])
@pytest.mark.parametrize("seconds", [0.0, 1e-4, 1.0, 35.9, 36.1, 300.0, 7200.0])
def test_excerpts_lie_in_the_song_in_order_and_are_no_more_than_fit(rate_hz: int, seconds: float) -> None:
    n_samples = int(seconds * rate_hz)
    found = spots(n_samples, rate_hz)
    assert 1 <= len(found) <= N_EXCERPTS
    assert all(0 <= start <= end <= n_samples for start, end in found)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(found))
    assert found[0][0] == 0 and found[-1][1] == n_samples  # from the first sample to the last
    heard = sum(end - start for start, end in found)
    assert heard <= N_EXCERPTS * round(EXCERPT_S * rate_hz)
    assert heard == n_samples or seconds > N_EXCERPTS * EXCERPT_S  # a short song is heard whole


def test_reading_does_not_grow_with_the_song() -> None:
    read = []
    for minutes in (2, 20):
        mixture = Counted(ArrayMixture(np.zeros((1, minutes * 60 * 1000), np.int16), 1000, INT16))
        song = Song(mixture, Hearing(), Toy().grid(1000), never_cancelled)
        assert song.digest and song.knowing
        read.append(sum(n for _, n in mixture.reads))
        assert max(n for _, n in mixture.reads) <= 1000 * EXCERPT_S
    assert read[0] == read[1]


def test_a_method_that_does_not_listen_costs_no_reading() -> None:
    mixture, method = Counted(recording(n_samples=1000)), Toy()
    song = Song(mixture, method, method.grid(44100), never_cancelled)
    assert song.digest == "" and song.knowing is method and len(mixture.reads) == 1


def test_the_method_is_told_once_and_not_at_all_when_every_chunk_is_cached(tmp_path: Path) -> None:
    mixture, cache, method = recording(n_samples=150_000), Cache(tmp_path), Hearing()
    first = separate(mixture, method, cache)
    assert first.n_chunks > 2 and method.calls == [3]  # three excerpts of a song of 3.4 s
    again = separate(mixture, method, cache)
    assert method.calls == [3] and method.told == 0.0
    np.testing.assert_array_equal(masks_of(first), masks_of(again))


def test_what_was_heard_far_away_is_part_of_a_chunks_name(tmp_path: Path) -> None:
    """Another ending: a method that listens makes its first chunk anew, another one takes it from the cache."""
    samples = recording(n_samples=150_000).read(0, 150_000)
    other = samples.copy()
    other[:, -1000:] //= 2
    for method, n_new in ((Toy(), 1), (Hearing(), 4)):
        cache = Cache(tmp_path / type(method).__name__)
        whole = separate(ArrayMixture(samples, 44100, INT16), method, cache)
        before = cache.usage().n_chunks
        assert before == whole.n_chunks == 4
        separate(ArrayMixture(other, 44100, INT16), method, cache)
        assert cache.usage().n_chunks - before == n_new


@pytest.mark.parametrize("playhead_s", [0.0, 2.0])
def test_order_and_interruption_change_nothing(playhead_s: float) -> None:
    mixture = recording(n_samples=150_000)
    plain = separate(mixture, Hearing())
    last = []
    with pytest.raises(Cancelled):
        separate(mixture, Hearing(), publish=last.append, is_cancelled=lambda: len(last) == 2, playhead_s=lambda: playhead_s)
    resumed = separate(mixture, Hearing(), masks=last[-1])
    np.testing.assert_array_equal(masks_of(plain), masks_of(resumed))
    part = separate(mixture, Hearing(), start_s=2.0, end_s=2.5)  # a part alone is made with the same knowledge
    for chunk, make in part.chunks.items():
        np.testing.assert_array_equal(make(), plain.chunks[chunk]())


@pytest.mark.parametrize("name", LISTENERS)
def test_listening_is_cancelled_between_excerpts_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    mixture, asked = Counted(recording(n_samples=400_000)), [0]

    def is_cancelled() -> bool:
        asked[0] += 1
        return asked[0] > 10

    cache = Cache(tmp_path)
    with pytest.raises(Cancelled):
        separate(mixture, build(name), cache, is_cancelled=is_cancelled)
    assert 2 < len(mixture.reads) < 15 and cache.usage().n_chunks == 0


@pytest.mark.parametrize("name", ["projet", "nmf"])
def test_learning_itself_can_be_cancelled(name: str) -> None:
    """Once all excerpts are read, the passes of what takes long still ask; nothing is iterated in the others."""
    method, ended = build(name), []
    samples = np.random.default_rng(0).standard_normal((2, 20000)).astype(np.float32)

    def excerpts() -> Iterable[Array]:
        yield samples
        ended.append(True)

    with pytest.raises(Cancelled):
        method.listen(excerpts(), method.grid(44100), lambda: bool(ended))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", LISTENERS)
def test_level_and_rounds_of_the_same_excerpts_mean_nothing(name: str) -> None:
    x = np.random.default_rng(1).standard_normal((2, 50_000)).astype(np.float32)
    first, loud = (separate(ArrayMixture(x * np.float32(g), 44100, FLOAT32), build(name)) for g in (1.0, 2.0**30))
    np.testing.assert_array_equal(masks_of(first), masks_of(loud))


@pytest.mark.parametrize("name", LISTENERS)
def test_a_method_is_not_changed_by_listening(name: str) -> None:
    """One method, two songs: what it learned of the first is not in the second."""
    method, one, two = build(name), recording(seed=1, n_samples=30_000), recording(seed=2, n_samples=30_000)
    separate(one, method)
    np.testing.assert_array_equal(masks_of(separate(two, method)), masks_of(separate(two, build(name))))
