"""The laws that projet, duet, ica, nmf and repet-sim have in common, told or not told their song, on corners of input."""

import numpy as np
import pytest
from laws import check_laws
from toys import SIGNALS, signal

from engine.errors import MethodError
from engine.methods import build, methods
from engine.types import FLOAT32, Array, Listening, MaskGrid, Method, never_cancelled

FIVE = ("projet", "duet", "ica", "nmf", "repet-sim")
RATE_HZ = 22050


def n_masks(name: str) -> int:
    return 2 if name == "projet" else 1


def whole(method: Method, samples: Array, rate_hz: int = RATE_HZ) -> tuple[Array, MaskGrid]:
    """Shares of all columns of a recording that is one stretch, at the look rate."""
    grid = method.grid(rate_hz)
    return method.shares(samples, grid, 0, grid.n_frames(samples.shape[1] / grid.rate_hz)), grid


def told(method: Method, samples: Array) -> Method:
    """The method as it knows this recording."""
    if not isinstance(method, Listening):
        return method
    return method.listen([samples], method.grid(RATE_HZ), never_cancelled)


def panned_noises(n_samples: int) -> Array:
    """Three noises that come and go, each at an angle of its own: (channel=2, sample) float32."""
    rng = np.random.default_rng(3)
    bursts = np.repeat(rng.random((3, n_samples // 1500 + 1)) > 0.5, 1500, axis=1)[:, :n_samples]
    noises = rng.standard_normal((3, n_samples)) * bursts
    angles = np.deg2rad([10.0, 40.0, 75.0])
    return np.asarray(np.stack([np.cos(angles), np.sin(angles)]) @ noises, dtype=np.float32)


@pytest.mark.parametrize("n_samples", [0, 1, 513, 9000])
@pytest.mark.parametrize("name", FIVE)
def test_shares_are_shares_for_every_length(name: str, n_samples: int) -> None:
    samples = signal("noise", 2, max(1, n_samples), FLOAT32)[:, :n_samples]
    before = samples.copy()
    shares, grid = whole(build(name), samples)
    check_laws(shares, len(methods()[name].stems), n_masks(name))
    assert shares.shape[2:] == (len(grid.freqs_hz), grid.n_frames(n_samples / grid.rate_hz))
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("name", FIVE)
def test_shares_are_shares_for_awkward_signals_however_little_the_song_told(name: str, kind: str) -> None:
    """Told of the signal itself, of silence, or of a tone: what was learned is finite and so are the shares."""
    samples = signal(kind, 2, 12000, FLOAT32)
    tone = np.sin(np.arange(8000) * 0.05)[None].repeat(2, axis=0).astype(np.float32)
    for song in (samples, np.zeros((2, 8000), np.float32), tone):
        check_laws(whole(told(build(name), song), samples)[0], len(methods()[name].stems), n_masks(name))


@pytest.mark.parametrize("name", FIVE)
def test_silence_is_shared_equally(name: str) -> None:
    shares, _ = whole(build(name), np.zeros((2, 12000), dtype=np.float32))
    np.testing.assert_allclose(shares, 1.0 / len(shares), atol=1e-6)


@pytest.mark.parametrize("name", FIVE)
def test_other_channel_counts_are_served_or_refused_with_a_sentence(name: str) -> None:
    for n_channels, found in ((1, "1 channel"), (6, "6 channels")):
        samples = signal("noise", n_channels, 5000, FLOAT32)
        if methods()[name].needs_stereo:
            with pytest.raises(MethodError, match=f"{methods()[name].title} needs a stereo recording, .* has {found}; choose another"):
                whole(build(name), samples)
        else:
            check_laws(whole(build(name), samples)[0], len(methods()[name].stems))


@pytest.mark.parametrize("name", FIVE)
def test_a_power_of_two_and_a_second_time_change_no_bit(name: str) -> None:
    samples = panned_noises(20000)
    first, _ = whole(build(name), samples)
    np.testing.assert_array_equal(whole(build(name), samples)[0], first)
    np.testing.assert_array_equal(whole(build(name), samples * np.float32(2.0**40))[0], first)


@pytest.mark.parametrize("name", FIVE)
def test_swapping_the_channels_swaps_the_sides_or_nothing(name: str) -> None:
    samples = panned_noises(40000)
    plain, _ = whole(build(name), samples)
    swapped, _ = whole(build(name), np.ascontiguousarray(samples[::-1]))
    if name in ("projet", "duet"):
        swapped = swapped[::-1, ::-1]  # leftmost is rightmost, and the left channel's mask the right one's
    assert np.abs(plain - swapped).mean() < 0.01


@pytest.mark.parametrize("name", FIVE)
def test_context_s_is_all_the_context_that_matters(name: str) -> None:
    """A chunk heard with just context_s around it gets the columns that it gets out of the whole recording."""
    options = {"reach_s": 2.0} if name == "repet-sim" else {}
    method = build(name, **options)
    samples = panned_noises(8 * RATE_HZ)
    method = told(method, samples)
    shares, grid = whole(method, samples)
    context = int(np.ceil(method.context_s * grid.rate_hz / grid.hop))
    n_frames, first = 20, shares.shape[3] // 2
    stretch = samples[:, (first - context) * grid.hop : (first + n_frames - 1 + context) * grid.hop]
    part = method.shares(stretch, grid, context, n_frames)
    difference = np.abs(part - shares[..., first : first + n_frames])
    assert difference.mean() < 1e-5  # repetitions that are alike to the last bit may be told apart by rounding
    assert np.quantile(difference, 0.999) < 1e-3


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("projet", {"n_places": 6}, "n_places=6 must be one of 2, 3, 4, 5"),
        ("projet", {"max_delay_ms": -0.1}, "max_delay_ms=-0.1 must lie between 0"),
        ("duet", {"n_places": 1}, "n_places=1 must be one of"),
        ("duet", {"max_delay_ms": float("nan")}, "max_delay_ms=nan must lie"),
        ("ica", {"axes": 3}, "'ica' has no option 'axes'; there is nothing to set"),
        ("nmf", {"n_components": 2}, "n_components=2 must lie between 3 and 200"),
        ("repet-sim", {"n_repetitions": 2}, "n_repetitions=2 must lie between 3 and 100"),
        ("repet-sim", {"apart_s": 0.0}, "apart_s=0.0 must lie between 0.1 and 10"),
        ("repet-sim", {"reach_s": 1.0}, "reach_s=1.0 must lie between 2 and 60"),
    ],
)
def test_settings_that_mean_nothing_are_sentences(name: str, options: dict[str, float], sentence: str) -> None:
    with pytest.raises(MethodError, match=sentence):
        build(name, **options)


def test_the_table_says_what_they_are() -> None:
    for name in FIVE:
        info = methods()[name]
        assert build(name).info == info and info.sentence.endswith(".") and info.paper
        assert info.needs_stereo == (info.group == "spatial")
    assert build("projet", n_places=3).info.stems == ("leftmost", "middle", "rightmost")
    assert build("duet", n_places=2, max_delay_ms=0.0).settings == {"n_places": 2, "max_delay_ms": 0.0}
    assert build("ica").settings == {} and build("nmf", n_components=10).settings == {"n_components": 10}
