"""Two results of one song: how far their shares and their remixes are apart, one recording for both, and who may serve it where."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from toys import Toy, recording

from engine.audio import ArrayMixture
from engine.cache import Cache
from engine.display_masks import differences
from engine.errors import Cancelled, MethodError
from engine.masks import Masks
from engine.measure import apart_db, measure_apart
from engine.methods import hpss, methods
from engine.render import render_float
from engine.separate import separate
from engine.session import Session, why_not
from engine.types import FLOAT32, INT16, INT24, Array, AudioInfo, Mix, StemMix

STEMS = Toy().info.stems
MOVED = Mix({STEMS[0]: StemMix(gain_db=-9.0), STEMS[1]: StemMix(mute=True), STEMS[2]: StemMix(balance=-0.5, width=0.2)}, 1.5)


def shares(kind: str, n_stems: int, seed: int) -> Array:
    """uint8 (stem, row, frame) that sum to 255, give or take a rounding."""
    rng = np.random.default_rng(seed)
    if kind == "one":
        return np.uint8(255) * (rng.integers(n_stems, size=(1, 30, 20)) == np.arange(n_stems)[:, None, None]).astype(np.uint8)
    x = rng.random((n_stems, 30, 20)) ** (8 if kind == "sharp" else 1)
    return np.rint(x / x.sum(axis=0) * 255).astype(np.uint8)


@pytest.mark.parametrize("n_stems", [2, 4, 5])
@pytest.mark.parametrize("one", ["soft", "sharp", "one"])
@pytest.mark.parametrize("other", ["soft", "one"])
def test_the_distance_is_symmetric_nothing_for_equals_and_within_bounds(one: str, other: str, n_stems: int) -> None:
    for seed in range(5):
        a, b = shares(one, n_stems, seed), shares(other, n_stems, seed + 100)
        before = a.copy(), b.copy()
        distance, gains = differences(a, b)
        back, losses = differences(b, a)
        assert np.array_equal(a, before[0]) and np.array_equal(b, before[1])
        assert distance.dtype == gains.dtype == np.uint8 and distance.shape == gains.shape == a.shape[1:]
        assert np.array_equal(distance, back) and distance.any()
        exact = np.abs(a.astype(float) - b).sum(axis=0) / 2
        assert np.abs(distance - np.minimum(exact, 255)).max() <= 0.5
        gain = b.astype(int) - a
        assert np.array_equal(np.take_along_axis(gain, gains[None].astype(int), 0)[0], gain.max(axis=0))
        assert np.array_equal(np.take_along_axis(gain, losses[None].astype(int), 0)[0], gain.min(axis=0))
        same, _ = differences(a, a)
        assert not same.any()
        c = shares("soft", n_stems, seed + 200)
        assert (distance.astype(int) <= differences(a, c)[0].astype(int) + differences(c, b)[0] + 1).all()
    apart = np.zeros((n_stems, 3, 3), np.uint8)
    apart[0] = 255
    assert (differences(apart, apart[::-1])[0] == 255).all()  # nothing in common


def other_masks(mixture: ArrayMixture) -> Masks:
    """The same stems in another order, and other shares: what the toy gives to one stem another one has."""
    found = separate(mixture, Toy())
    chunks = {k: (lambda chunk=chunk: np.roll(chunk(), 2, axis=0)) for k, chunk in found.chunks.items()}
    return Masks(found.grid, STEMS[::-1], found.seconds, chunks)


@pytest.mark.parametrize(("sample_type", "n_channels", "rate_hz"), [(INT16, 2, 44100), (INT24, 1, 48000), (FLOAT32, 3, 22050)])
def test_the_number_is_that_of_the_rendered_remixes(sample_type: Any, n_channels: int, rate_hz: int) -> None:
    n = 3 * rate_hz + 17
    mixture = recording("noise", rate_hz, n_channels, n, sample_type, 1)
    a, b = separate(mixture, Toy()), other_masks(mixture)
    found, back = measure_apart(mixture, a, b), measure_apart(mixture, b, a)
    for mix in (MOVED, Mix({STEMS[3]: StemMix(solo=True)}), Mix({STEMS[0]: StemMix(gain_db=0.1)})):
        difference = render_float(mixture, a, mix, 0, n) - render_float(mixture, b, mix, 0, n)
        wanted = 10 * math.log10(np.square(difference).sum() / np.square(render_float(mixture, a, Mix(), 0, n)).sum())
        assert apart_db(found, mix) == pytest.approx(wanted, abs=1e-6) == apart_db(back, mix)
    for mix in (Mix(), Mix(master_db=-7.0), Mix({stem: StemMix(gain_db=-4.0, width=0.5) for stem in STEMS}), Mix({}, -math.inf)):
        assert apart_db(found, mix) == -math.inf
    assert apart_db(measure_apart(mixture, a, a), MOVED) == -math.inf


def test_silence_is_not_apart_and_a_measurement_can_be_stopped() -> None:
    mixture = ArrayMixture(np.zeros((2, 44100), np.int16), 44100, INT16)
    a = separate(mixture, Toy())
    assert apart_db(measure_apart(mixture, a, other_masks(mixture)), MOVED) == -math.inf
    with pytest.raises(Cancelled):
        measure_apart(mixture, a, a, lambda: True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    sf.write(tmp_path / "song.wav", rng.uniform(-0.5, 0.5, (66150, 2)), 44100, subtype="PCM_16")
    return tmp_path / "song.wav"


def test_a_second_result_reads_the_same_recording_and_leaves_the_first_alone(path: Path, tmp_path: Path) -> None:
    with Session(path, "projet", Cache(tmp_path / "cache")) as session:
        before = session.masks, session.method
        other = session.beside("duet")
        assert other.mixture is session.mixture and other.cache is session.cache and other.stems == session.stems
        assert (session.masks, session.method) == before and not other.masks.chunks
        other.separate()
        assert other.masks.is_complete and not session.masks.chunks
        session.separate()
        assert session.masks.is_complete and session.masks.grid is not None
        for one in (session, other):
            assert np.array_equal(one.render(0, 66150).samples, session.mixture.read(0, 66150))  # unity, whatever the masks
        other.mix = Mix({"middle": StemMix(mute=True)})
        assert session.mix == Mix()
        session.forget_masks()
        assert other.masks.is_complete
        with pytest.raises(MethodError, match="no method called"):
            session.beside("hpps")


@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_the_reason_is_the_one_that_opening_gives(n_channels: int, tmp_path: Path) -> None:
    sf.write(tmp_path / "song.wav", np.zeros((4410, n_channels)), 44100, subtype="PCM_16")
    info = AudioInfo(tmp_path / "song.wav", "WAV", "PCM_16", INT16, 44100, n_channels, 4410)
    refused = 0
    with Session(tmp_path / "song.wav", "hpss") as session:
        for name, method in methods().items():
            reason = why_not(method, info)
            assert bool(reason) == (method.needs_stereo and n_channels != 2)
            if reason:
                refused += 1
                assert f"song.wav {'is mono' if n_channels == 1 else 'has 6'}" in reason and not reason.endswith(".")
                before = session.masks, session.method
                for door in (session.choose_method, session.beside):
                    with pytest.raises(MethodError) as caught:
                        door(name)
                    assert str(caught.value).startswith(reason)
                assert (session.masks, session.method) == before
    assert refused == (0 if n_channels == 2 else 4)


def test_every_method_with_weights_gets_the_device_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, dict[str, Any]] = {}

    def build(name: str, **options: Any) -> hpss.Hpss:
        given[name] = options
        return hpss.Hpss()

    monkeypatch.setattr("engine.methods.network.is_installed", lambda name, folder=None: True)
    monkeypatch.setattr("engine.session.build", build)
    with Session(path, "hpss", device="cpu") as session:
        for name in methods():
            session.choose_method(name)
    assert len(given) == len(methods()) >= 28
    for name, info in methods().items():
        assert given[name] == ({"device": "cpu"} if info.group in ("built-in", "research") else {}), name
