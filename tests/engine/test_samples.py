"""Law 3 on numbers: rounding half to even, saturation, and integer stems that add up to the source whatever they are."""

import numpy as np
import pytest

from engine.samples import exact_stems, from_float, int_range, to_float
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32, SampleType

INTEGERS = (SampleType(False, 8), INT16, INT24, INT32)


@pytest.mark.parametrize("sample_type", [*INTEGERS, FLOAT32, FLOAT64])
def test_to_float_and_back_is_exact(sample_type: SampleType) -> None:
    rng = np.random.default_rng(1)
    if sample_type.is_float:
        x = (rng.standard_normal((2, 1000)) * 1e6).astype(sample_type.dtype)
    else:
        low, high = int_range(sample_type)
        x = rng.integers(low, high, (2, 1000), endpoint=True).astype(sample_type.dtype)
        x[:, :2] = low, high
    before = x.copy()
    back, clipped = from_float(to_float(x, sample_type), sample_type)
    assert np.array_equal(back, x) and back.dtype == x.dtype and clipped == 0
    assert np.array_equal(x, before)


def test_rounding_is_half_to_even_and_saturates_and_counts() -> None:
    lsb = 1 / 32768
    x = np.array([[0.5 * lsb, 1.5 * lsb, -0.5 * lsb, -1.5 * lsb, 1.0, 7.0, -1.0, -7.0]])
    got, clipped = from_float(x, INT16)
    assert got.tolist() == [[0, 2, 0, -2, 32767, 32767, -32768, -32768]]
    assert clipped == 3  # +1.0 is one step above the highest integer, -1.0 is the lowest


@pytest.mark.parametrize("sample_type", INTEGERS)
@pytest.mark.parametrize("n_stems", [1, 2, 4, 7])
@pytest.mark.parametrize("kind", ["shares", "overflow", "far off", "ties"])
def test_integer_stems_add_up_exactly(sample_type: SampleType, n_stems: int, kind: str) -> None:
    rng = np.random.default_rng(n_stems)
    low, high = int_range(sample_type)
    source = rng.integers(low, high, (2, 4000), endpoint=True).astype(sample_type.dtype)
    source[:, :50], source[:, 50:100] = low, high  # a clipped master
    shares = rng.dirichlet(np.ones(n_stems) * 0.3, (2, 4000)).transpose(2, 0, 1)
    stems = to_float(source, sample_type) * shares
    if kind == "overflow" and n_stems > 1:  # stems that cancel each other beyond full scale
        stems[0] += 1.4
        stems[1] -= 1.4
    if kind == "far off":
        stems += 0.3
    if kind == "ties":
        stems = np.broadcast_to(to_float(source, sample_type) / n_stems, stems.shape).copy()
    before = stems.copy()
    names = tuple("zyxwvut"[:n_stems])
    got, moved = exact_stems(stems, source, sample_type, names)
    assert got.dtype == sample_type.dtype
    assert np.array_equal(got.astype(np.int64).sum(axis=0), source.astype(np.int64))
    assert np.array_equal(stems, before)
    far = np.abs(got - stems * sample_type.full_scale) > 1.0
    assert np.array_equal(moved, far.sum(axis=(1, 2)))
    if kind in ("shares", "ties"):
        assert not far.any()  # within 1 LSB of the float stem


@pytest.mark.parametrize("sample_type", [INT16, INT24])
def test_the_order_of_stems_changes_nothing(sample_type: SampleType) -> None:
    rng = np.random.default_rng(5)
    low, high = int_range(sample_type)
    source = rng.integers(low, high, (1, 3000), endpoint=True).astype(sample_type.dtype)
    stems = np.round(to_float(source, sample_type) * rng.dirichlet(np.ones(4), (1, 3000)).transpose(2, 0, 1), 4)
    stems += rng.choice([0, 0.4], stems.shape)
    names = ("vocals", "drums", "bass", "other")
    straight, _ = exact_stems(stems, source, sample_type, names)
    order = [2, 0, 3, 1]
    turned, _ = exact_stems(stems[order], source, sample_type, tuple(names[i] for i in order))
    assert np.array_equal(turned, straight[order])


def test_ties_go_to_the_first_name() -> None:
    source = np.array([[2]], dtype=np.int16)
    got, _ = exact_stems(np.full((4, 1, 1), 0.5 / 32768), source, INT16, ("d", "c", "b", "a"))
    assert got[:, 0, 0].tolist() == [0, 0, 1, 1]  # "a" and "b"
