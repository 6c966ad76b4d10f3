"""The badge's figures agree with what is rendered."""

import math

import numpy as np
import pytest
from toys import Toy, recording

from engine.measure import distance_db, measure
from engine.render import render_float
from engine.samples import to_float
from engine.separate import separate
from engine.types import FLOAT64, INT24, Mix, StemMix

MIXES = [
    Mix({"vocals": StemMix(gain_db=1.5)}),
    Mix({"drums": StemMix(mute=True)}, master_db=-3.0),
    Mix({"bass": StemMix(solo=True, balance=0.5)}),
    Mix({"other": StemMix(width=0.0), "vocals": StemMix(gain_db=-math.inf)}),
    Mix(master_db=6.0),
]


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("mix", MIXES)
def test_the_distance_is_that_of_the_rendered_remix(mix: Mix, n_channels: int) -> None:
    mixture = recording(n_samples=150_000, n_channels=n_channels, sample_type=FLOAT64)
    masks = separate(mixture, Toy())
    x = to_float(mixture.read(0, 150_000), FLOAT64)
    moved = render_float(mixture, masks, mix, 0, 150_000) - x
    measured = measure(mixture, masks)
    want = 10 * math.log10(np.sum(moved**2) / np.sum(x**2)) if np.any(moved) else -math.inf
    assert distance_db(measured, mix) == pytest.approx(want, abs=0.01)


def test_neutral_differs_nowhere_and_the_stems_add_up() -> None:
    mixture = recording(n_samples=150_000, sample_type=INT24)
    measured = measure(mixture, separate(mixture, Toy()))
    assert (measured.n_different, measured.n_compared) == (0, 300_000)
    assert measured.stems_sum_db < -250 and distance_db(measured, Mix()) == -math.inf
