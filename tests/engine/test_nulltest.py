"""The null test measures what is there: exact zeros for integers, the float law, lengths, and where the worst place is."""

import math

import numpy as np
import pytest
from toys import recording

from engine.audio import ArrayMixture
from engine.errors import Cancelled
from engine.nulltest import as_written, null_test, verdict
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32


def halves(mixture: ArrayMixture) -> dict[str, ArrayMixture]:
    x = mixture.read(0, mixture.info.n_samples)
    a = x // 2 if not mixture.info.sample_type.is_float else np.asarray(x * 0.25, dtype=x.dtype)
    return {k: ArrayMixture(v, mixture.info.rate_hz, mixture.info.sample_type) for k, v in (("a", a), ("b", x - a))}


@pytest.mark.parametrize("sample_type", [INT16, INT24, INT32])
@pytest.mark.parametrize("n_samples", [1, 131072, 300_001])
def test_integer_halves_add_up_exactly(sample_type: object, n_samples: int) -> None:
    mixture = recording(n_samples=n_samples, sample_type=sample_type)  # type: ignore[arg-type]
    r = null_test(mixture, dict(halves(mixture)))
    assert r.adds_up and r.exact and r.n_different == 0 and r.n_compared == 2 * n_samples
    assert r.peak_lsb == 0 and r.peak_dbfs == -math.inf and "exactly" in verdict(r)


def test_one_wrong_lsb_is_found_and_placed() -> None:
    mixture = recording(n_samples=200_000, sample_type=INT24)
    stems = halves(mixture)
    wrong = stems["a"].read(0, 200_000)
    wrong[1, 150_000] += 1
    r = null_test(mixture, {**stems, "a": ArrayMixture(wrong, 44100, INT24)})
    assert not r.adds_up and r.n_different == 1 and r.peak_lsb == 1
    assert r.peak_at_s == pytest.approx(150_000 / 44100) and "do not add up" in verdict(r)


def test_floats_are_held_to_the_float_law() -> None:
    mixture = recording(n_samples=5000, sample_type=FLOAT32)
    assert null_test(mixture, dict(halves(mixture))).adds_up
    for error_db, within in ((-140, True), (-120, False)):
        stems = halves(mixture)
        off = stems["a"].read(0, 5000).astype(np.float64) + 10 ** (error_db / 20)
        r = null_test(mixture, {**stems, "a": ArrayMixture(off, 44100, FLOAT64)})
        assert r.adds_up is within and r.peak_lsb is None and r.peak_dbfs == pytest.approx(error_db, abs=1.5)


def test_a_difference_in_length_is_a_failure_and_is_said() -> None:
    mixture = recording(n_samples=1000)
    longer = ArrayMixture(np.pad(mixture.read(0, 1000), ((0, 0), (0, 7))), 44100, INT16)
    r = null_test(mixture, {"a": longer})
    assert not r.adds_up and r.length_difference == 7 and "length by 7" in verdict(r)
    shorter = ArrayMixture(mixture.read(0, 990), 44100, INT16)
    r = null_test(mixture, {"a": shorter})
    assert r.length_difference == -10 and r.n_different > 0


def test_a_range_at_a_lower_depth_with_headroom() -> None:
    mixture = recording(n_samples=9000, sample_type=INT24)
    source, _ = as_written(mixture.read(2000, 3000), INT24, INT16, -3.0)
    a = source // 3
    r = null_test(mixture, {"a": ArrayMixture(a, 44100, INT16), "b": ArrayMixture(source - a, 44100, INT16)}, INT16, 2000, 3000, -3.0)
    assert r.adds_up and r.exact and r.n_compared == 6000


@pytest.mark.parametrize(("gain_db", "share"), [(0.0, 0.0), (-3.0, 0.0), (6.0, 0.5), (20.0, 0.9)])
def test_a_source_that_its_gain_clips_is_counted(gain_db: float, share: float) -> None:
    ramp = np.linspace(-32767, 32767, 20_001).astype(np.int16)[None]
    mixture = ArrayMixture(ramp, 44100, INT16)
    source, clipped = as_written(ramp, INT16, INT16, gain_db)
    r = null_test(mixture, {"a": ArrayMixture(source, 44100, INT16)}, gain_db=gain_db)
    assert r.adds_up and r.n_clipped == clipped == pytest.approx(share * ramp.size, abs=0.01 * ramp.size)


def test_hashes_tell_files_apart_whatever_the_block() -> None:
    mixture = recording(n_samples=200_000)
    stems = halves(mixture)
    first, second = null_test(mixture, dict(stems)), null_test(mixture, {"a": stems["b"], "b": stems["a"]})
    assert first.source_sha256 == second.source_sha256
    assert first.stems_sha256["a"] == second.stems_sha256["b"] != first.stems_sha256["b"]


def test_it_can_be_cancelled() -> None:
    mixture = recording(n_samples=400_000)
    with pytest.raises(Cancelled):
        null_test(mixture, dict(halves(mixture)), is_cancelled=lambda: True)
