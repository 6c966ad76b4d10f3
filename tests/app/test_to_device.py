"""What playback changes for a device that cannot take a song as it is: rate and channels."""

import numpy as np
import pytest
from rig import counting

from app.to_device import adapted, channel_matrix, downmix_words
from engine.types import Array


@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("rates_hz", [(44100, 48000), (96000, 44100)])
def test_resampling_keeps_a_tone_and_its_level(n_channels: int, rates_hz: tuple[int, int]) -> None:
    at = [0]

    def fill(out: Array) -> None:
        out[:] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(at[0], at[0] + len(out)) / rates_hz[0])[:, None]
        at[0] += len(out)

    ask = adapted(fill, rates_hz[0], n_channels, rates_hz[1], n_channels)
    rng, parts = np.random.default_rng(0), []
    for _ in range(40):
        parts.append(np.zeros((int(rng.integers(1, 900)), n_channels), np.float32))
        ask(parts[-1])
    got = np.concatenate(parts)[4000:12000, 0]
    phase = 2 * np.pi * 1000 * np.arange(len(got)) / rates_hz[1]
    fit = np.stack([np.sin(phase), np.cos(phase)], 1)
    weights, *_ = np.linalg.lstsq(fit, got, rcond=None)
    assert np.hypot(*weights) == pytest.approx(0.5, abs=1e-4) and np.abs(fit @ weights - got).max() < 1e-4


def test_channels_never_gain() -> None:
    for n_from in range(1, 9):
        for n_to in range(1, 9):
            matrix = channel_matrix(n_from, n_to)
            assert matrix.shape == (n_to, n_from) and matrix.sum(axis=1).max() <= 1 + 1e-12 and matrix.min() >= 0
    assert channel_matrix(1, 2).tolist() == [[1.0], [1.0]] and channel_matrix(2, 1).tolist() == [[0.5, 0.5]]
    assert channel_matrix(2, 4).tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    left = channel_matrix(6, 2)[0]  # L R C LFE Ls Rs
    assert left[1] == left[3] == left[5] == 0 and left[2] == left[4] == pytest.approx(left[0] * np.sqrt(0.5))
    assert downmix_words(2, 1) == "2 channels mixed to 1 (−6.0 dB)"
    ask = adapted(counting(), 44100, 1, 44100, 2)
    out = np.zeros((10000, 2), np.float32)
    ask(out)
    assert np.array_equal(out[:, 0], np.arange(10000)) and np.array_equal(out[:, 1], out[:, 0])
