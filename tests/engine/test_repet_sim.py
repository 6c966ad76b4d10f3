"""REPET-SIM: its picks against the definition, a loop under a voice, and seams that are none."""

import numpy as np
import pytest
from laws import check_laws, sdr_db, stems_by_mask

from engine.audio import ArrayMixture
from engine.evaluation.toy_songs import players
from engine.methods.repet_sim import RepetSim, RepetSimSettings, repetitions
from engine.separate import separate
from engine.types import FLOAT32, Array

RATE_HZ = 16000


def loop_and_voice(seconds: float = 12.0) -> tuple[Array, Array]:
    """Two seconds of drums and chords again and again, and a voice that never says the same: two (channel=1, sample)."""
    n = 62 * 512  # whole hops, so that frames repeat exactly
    _, drums, _, chords = players(3, 2.0, RATE_HZ)
    loop = np.tile(drums[:n] + chords[:n], int(seconds // 2))
    voice = players(4, seconds, RATE_HZ)[0][: len(loop)]
    return loop[None].astype(np.float32), voice[None].astype(np.float32)


def shares_of(samples: Array, method: RepetSim) -> tuple[Array, object]:
    grid = method.grid(RATE_HZ)
    return method.shares(samples, grid, 0, grid.n_frames(samples.shape[1] / RATE_HZ)), grid


def test_repetitions_are_the_most_alike_that_are_apart_and_in_reach() -> None:
    """Against the plain definition, frame by frame."""
    rng = np.random.default_rng(0)
    v = rng.random((80, 12)).astype(np.float32)
    v[50] = 0.0  # silence is like nothing
    reach, apart, n_most = 30, 6, 7
    frames = np.array([0, 11, 40, 79])
    unit = v.astype(np.float64) / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-30)
    for frame, found in zip(frames, repetitions(v, frames, reach, apart, n_most), strict=True):
        left, wanted = {i for i in range(80) if abs(i - frame) <= reach and i != 50}, [int(frame)]
        while len(wanted) < n_most:
            left = {i for i in left if abs(i - wanted[-1]) >= apart}
            if not left:
                break
            wanted.append(max(left, key=lambda i: unit[frame] @ unit[i]))
        assert found.tolist() == wanted
        assert np.abs(np.subtract.outer(found, found))[~np.eye(len(found), dtype=bool)].min() >= apart


def test_what_repeats_exactly_is_all_repeating() -> None:
    loop, _ = loop_and_voice()
    shares, grid = shares_of(loop, RepetSim(RepetSimSettings(n_repetitions=5)))  # six times the same: there are as many
    check_laws(shares, 2)
    stems = stems_by_mask(shares, loop, grid)  # type: ignore[arg-type]
    inner = slice(RATE_HZ, -RATE_HZ)  # the first and the last frames hear the silence around the song
    assert sdr_db(loop[:, inner], stems[0][:, inner]) > 30.0


def test_what_never_comes_back_is_in_the_foreground() -> None:
    """One tone among a loop: it is not in the median, whatever its bin."""
    loop, _ = loop_and_voice()
    tone = np.zeros_like(loop)
    at = slice(7 * RATE_HZ, 8 * RATE_HZ)
    tone[0, at] = 0.2 * np.sin(2.0 * np.pi * 1234.0 * np.arange(RATE_HZ) / RATE_HZ) * np.hanning(RATE_HZ)
    shares, grid = shares_of(loop + tone, RepetSim())
    stems = stems_by_mask(shares, loop + tone, grid)  # type: ignore[arg-type]
    assert sdr_db(tone[:, at], stems[1][:, at]) > 10.0


@pytest.mark.parametrize("settings", [RepetSimSettings(), RepetSimSettings(n_repetitions=8, apart_s=0.5, reach_s=6.0)])
def test_a_voice_over_a_loop_comes_apart(settings: RepetSimSettings) -> None:
    loop, voice = loop_and_voice()
    mixture = loop + voice
    shares, grid = shares_of(mixture, RepetSim(settings))
    stems = stems_by_mask(shares, mixture, grid)  # type: ignore[arg-type]
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-5)
    for truth, stem in zip((loop, voice), stems, strict=True):
        assert sdr_db(truth, stem) - sdr_db(truth, mixture) > 5.0


@pytest.mark.parametrize("n_samples", [1, 2000, 16000])
def test_a_recording_too_short_to_repeat_is_shared_equally(n_samples: int) -> None:
    samples = np.random.default_rng(0).standard_normal((2, n_samples)).astype(np.float32)
    np.testing.assert_allclose(shares_of(samples, RepetSim())[0], 0.5, atol=1e-5)


def test_repeating_never_has_more_than_there_is() -> None:
    samples = np.random.default_rng(1).standard_normal((1, 6 * RATE_HZ)).astype(np.float32)
    shares, _ = shares_of(samples, RepetSim())
    assert shares.min() >= 0.0 and shares.max() <= 1.0 + 1e-6
    assert 0.3 < shares[0].mean() < 0.95  # in noise the median of V is sometimes below V, sometimes above


def test_chunks_meet_without_a_seam() -> None:
    """Reach is counted from each frame, not from its chunk: the page gives what one stretch would."""
    loop, voice = loop_and_voice(22.0)
    mixture, method = loop + voice, RepetSim(RepetSimSettings(reach_s=3.0))
    masks = separate(ArrayMixture(mixture, RATE_HZ, FLOAT32), method)
    shares, _ = shares_of(mixture, method)
    assert masks.n_chunks == 3
    found = masks.frames(0, shares.shape[3]) / 65535.0  # (stem, 1, frame, row)
    difference = np.abs(np.swapaxes(found, 2, 3) - shares)
    assert difference.mean() < 1e-3
    edges = np.arange(masks.grid.chunk_frames, shares.shape[3], masks.grid.chunk_frames)
    assert difference[..., edges].mean() < 1e-3 and difference[..., edges - 1].mean() < 1e-3
