"""Laws 1, 6 and 7 on the page: the same masks in any order, interrupted or not, from the cache or fresh; every input served.

All sweeps are for every method that comes with Nullsum and for one research net; the other research nets meet the corners.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from installed import install_compact
from laws import same_law, values
from toys import RATES_HZ, SAMPLE_TYPES, SIGNALS, Toy, recording

from engine.audio import ArrayMixture
from engine.cache import Cache
from engine.errors import Cancelled, EngineError, MethodError
from engine.masks import ONE, Masks
from engine.methods import build, every_method
from engine.methods.network import is_installed
from engine.render import render, render_stems
from engine.samples import to_float
from engine.separate import separate
from engine.types import FLOAT32, INT16, INT24, Method, Mix, Progress

RESEARCH = [name for name, info in every_method().items() if info.group == "research"]
SWEPT = [*(name for name in every_method() if name not in RESEARCH), "deepconvsep"]
CORNERS = [  # kind, rate_hz, n_channels, n_samples, sample type
    ("noise", 44100, 2, 20000, INT16),
    ("noise", 22050, 1, 12000, FLOAT32),
    ("noise", 37800, 2, 8000, INT24),
    ("impulse", 96000, 3, 9000, INT16),
    ("noise", 8000, 2, 1, FLOAT32),
    ("silence", 44100, 2, 3000, INT16),
]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Method]:
    """Builds a method by name; a research net that is not installed gets random weights in place of trained ones."""
    folder = tmp_path_factory.mktemp("zoo")

    def made(name: str) -> Method:
        if name not in RESEARCH or is_installed(name):
            return build(name)
        return build(name, folder=folder if is_installed(name, folder) else install_compact(folder, name))

    return made


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("name", SWEPT)
def test_every_method_keeps_the_law_on_awkward_signals(name: str, kind: str, make: Callable[[str], Method]) -> None:
    mixture = recording(kind, n_samples=30000, sample_type=FLOAT32)
    before = mixture.read(0, 30000)
    masks = separate(mixture, make(name))
    same_law(masks)
    assert np.array_equal(mixture.read(0, 30000), before)
    if kind == "silence":
        assert np.ptp(values(masks), axis=0).max() <= 1  # shared equally


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("n_channels", "n_samples"), [(1, 1), (2, 5000), (6, 30000)])
def test_every_rate_and_channel_count(rate_hz: int, n_channels: int, n_samples: int, make: Callable[[str], Method]) -> None:
    for name in SWEPT:
        mixture = recording(rate_hz=rate_hz, n_channels=n_channels, n_samples=n_samples)
        if every_method()[name].needs_stereo and n_channels != 2:
            with pytest.raises(MethodError, match="needs two channels"):
                separate(mixture, make(name))
        else:
            same_law(separate(mixture, make(name)))


@pytest.mark.parametrize("name", RESEARCH)
def test_every_research_net_keeps_the_laws_on_the_corners(name: str, make: Callable[[str], Method]) -> None:
    one, other = make(name), make(name)  # each loads its weights anew
    for kind, rate_hz, n_channels, n_samples, sample_type in CORNERS:
        mixture = recording(kind, rate_hz, n_channels, n_samples, sample_type)
        before = mixture.read(0, n_samples).copy()
        masks = separate(mixture, one)
        same_law(masks)
        assert np.array_equal(values(masks), values(separate(mixture, other)))
        if kind == "silence":
            assert np.ptp(values(masks).astype(int), axis=0).max() <= 1  # shared equally
        assert render(mixture, masks, Mix(), 0, n_samples).samples.tobytes() == before.tobytes()
        sound = to_float(before, sample_type)
        stems = render_stems(mixture, masks, 0, n_samples)
        assert np.abs(stems.sum(axis=0) - sound).max() <= 10 ** (-130 / 20) * max(1.0, np.abs(sound).max())
        assert np.array_equal(mixture.read(0, n_samples), before)


@pytest.mark.parametrize("sample_type", SAMPLE_TYPES)
@pytest.mark.parametrize("look_rate_hz", [None, 44100])
def test_the_full_sweep_on_a_method_that_says_anything(sample_type: object, look_rate_hz: int | None) -> None:
    for rate_hz in RATES_HZ:
        for n_samples in (1, 1000, 40000):
            mixture = recording(rate_hz=rate_hz, n_samples=n_samples, sample_type=sample_type)  # type: ignore[arg-type]
            same_law(separate(mixture, Toy(look_rate_hz=look_rate_hz)))


@pytest.mark.parametrize("playhead_s", [0.0, 1.0, 99.0])
def test_the_playhead_changes_only_the_order(playhead_s: float) -> None:
    mixture = recording(n_samples=150_000)
    seen: list[list[int]] = []
    masks = separate(mixture, Toy(), playhead_s=lambda: playhead_s, publish=lambda m: seen.append(list(m.chunks)))
    plain = separate(mixture, Toy())
    assert np.array_equal(values(masks), values(plain))
    assert len(seen) == masks.n_chunks >= 3
    if playhead_s == 1.0:
        assert seen[0] == [int(1.0 * 44100 / 1024) // 40]


def test_interrupted_and_resumed_is_the_same_and_nothing_is_done_twice(tmp_path: Path) -> None:
    mixture, cache = recording(n_samples=150_000), Cache(tmp_path)
    calls: list[int] = []

    @dataclasses.dataclass(frozen=True)
    class Counting(Toy):
        def shares(self, samples, grid, first_frame, n_frames):  # type: ignore[no-untyped-def]
            calls.append(1)
            return super().shares(samples, grid, first_frame, n_frames)

    last: list[Masks] = []
    with pytest.raises(Cancelled):
        separate(mixture, Counting(), cache, publish=last.append, is_cancelled=lambda: len(last) == 2)
    resumed = separate(mixture, Counting(), cache)
    assert len(calls) == resumed.n_chunks
    assert np.array_equal(values(resumed), values(separate(mixture, Toy())))
    more = separate(mixture, Counting(), None, masks=last[-1])  # or from the snapshot itself
    assert np.array_equal(values(more), values(resumed))


def test_only_the_stretch_that_was_asked_for(tmp_path: Path) -> None:
    mixture = recording(n_samples=400_000)
    masks = separate(mixture, Toy(), start_s=3.0, end_s=4.0)
    assert 0 < len(masks.chunks) < masks.n_chunks
    assert set(masks.needed(3.0, 4.0)) == set(masks.chunks)


def test_a_damaged_chunk_in_the_cache_is_made_again(tmp_path: Path) -> None:
    mixture, cache = recording(n_samples=100_000), Cache(tmp_path)
    good = values(separate(mixture, Toy(), cache))
    files = sorted(tmp_path.rglob("*.npy"))
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:200])
    assert np.array_equal(values(separate(mixture, Toy(), cache)), good)


def test_a_chunk_that_vanishes_is_told_in_a_sentence(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    masks = separate(recording(n_samples=100_000, seed=9), Toy(), cache)
    cache.clear()
    with pytest.raises(EngineError, match="separate the song again"):
        values(masks)


def test_the_cache_keeps_its_limit_and_drops_the_oldest(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    separate(recording(n_samples=200_000), Toy(), cache)
    full = cache.usage()
    assert full.n_chunks >= 4 and full.n_bytes > 0
    freed = cache.trim(full.n_bytes // 2)
    assert cache.usage().n_bytes == full.n_bytes - freed <= full.n_bytes // 2
    assert cache.clear() == full.n_bytes - freed and cache.usage().n_chunks == 0


def test_different_sound_settings_or_weights_never_share_a_chunk(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    a, b = recording(n_samples=9000, seed=1), recording(n_samples=9000, seed=2)
    variants = [(a, Toy()), (b, Toy()), (a, Toy(settings={"x": 1})), (a, Toy(look_rate_hz=44100)),
                (a, Toy(info=dataclasses.replace(Toy().info, weights_sha256="f00"))),
                (a, Toy(info=dataclasses.replace(Toy().info, version=2)))]  # fmt: skip
    for n, (mixture, method) in enumerate(variants, start=1):
        separate(mixture, method, cache)
        assert cache.usage().n_chunks == n


def test_progress_reaches_one_and_estimates_the_rest() -> None:
    said: list[Progress] = []
    separate(recording(n_samples=150_000), Toy(), report=said.append)
    assert said[0].done == 0.0 and said[-1].done == 1.0 and said[-1].seconds_left == pytest.approx(0.0)
    assert [p.done for p in said] == sorted(p.done for p in said)


@pytest.mark.parametrize("name", SWEPT)
def test_the_same_file_gives_the_same_masks_twice(name: str, make: Callable[[str], Method]) -> None:
    mixture = recording(n_samples=60_000, sample_type=INT16)
    assert np.array_equal(values(separate(mixture, make(name))), values(separate(mixture, make(name))))


@pytest.mark.parametrize("name", SWEPT)
def test_level_changes_no_share(name: str, make: Callable[[str], Method]) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 60_000)).astype(np.float32) * 0.1
    loud, quiet = (ArrayMixture(np.asarray(x * g, dtype=np.float32), 44100, FLOAT32) for g in (2.0**20, 2.0**-20))
    difference = values(separate(loud, make(name))).astype(int) - values(separate(quiet, make(name)))
    assert np.abs(difference).max() <= ONE * 0.002


def test_above_the_networks_band_a_cell_takes_the_shares_of_the_highest_octave() -> None:
    rate_hz = 96000
    t = np.arange(rate_hz) / rate_hz
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal(rate_hz) + 0.1 * np.sin(2 * np.pi * 30000 * t)
    mixture = ArrayMixture(np.stack([x, x]).astype(np.float32), rate_hz, FLOAT32)

    class Split(Toy):
        def shares(self, samples, grid, first_frame, n_frames):  # type: ignore[no-untyped-def]
            out = np.zeros((4, 1, len(grid.freqs_hz), n_frames))
            low = np.array(grid.freqs_hz) < 11025
            out[0, :, low], out[2, :, ~low], out[3, :, ~low] = 1.0, 0.75, 0.25
            return out

    masks = separate(mixture, Split(look_rate_hz=44100))
    assert masks.grid.has_top
    shares = masks.on_stft(20, 10, rate_hz, 8192, 2048)
    above = shares[:, 0, int(30000 / rate_hz * 8192), :]
    assert np.allclose(above, np.array([0, 0, 0.75, 0.25])[:, None], atol=0.02)
