"""The laws of the picture: right place, right level, the same however it was cut, and shares that add up."""

import numpy as np
import pytest

from engine.audio import ArrayMixture
from engine.display import (
    BLOCK_FRAMES,
    FLOOR_DB,
    N_ROWS,
    TOP_DB,
    Picture,
    drawn,
    empty_picture,
    next_stretch,
    wave_columns,
)
from engine.display_masks import SIDE, loudest_hz, mask_chunks, readout, remix_gains, remixed, share_columns
from engine.errors import EngineError
from engine.masks import Masks, normalised, quantised
from engine.render import render_float
from engine.types import FLOAT32, INT16, INT24, Array, MaskGrid, Mix, StemMix
from tests.engine.toys import SAMPLE_TYPES, recording


def sine(hz: float, rate_hz: int, seconds: float = 1.0, amplitude: float = 0.5, n_channels: int = 1) -> ArrayMixture:
    x = amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return ArrayMixture(np.tile(x.astype(np.float32), (n_channels, 1)), rate_hz, FLOAT32)


def whole(mixture: ArrayMixture) -> Picture:
    return drawn(mixture, empty_picture(mixture.info))


def db_of(image: Array) -> Array:
    return image / 255.0 * (TOP_DB - FLOOR_DB) + FLOOR_DB


def toy_masks(seconds: float, rate_hz: int = 44100, has_top: bool = False, known: tuple[int, ...] | None = None) -> Masks:
    """Random lawful masks of four stems; chunks of 50 frames, those in `known` or all."""
    grid = MaskGrid(rate_hz, 1024, tuple(np.linspace(0, rate_hz / 2, 300)), 50, has_top)
    masks = Masks(grid, ("vocals", "drums", "bass", "other"), seconds)
    rng = np.random.default_rng(1)
    for k in range(masks.n_chunks) if known is None else known:
        n = min(50, grid.n_frames(seconds) - k * 50)
        chunk = np.swapaxes(quantised(normalised(rng.random((4, 1, grid.n_rows, n)) ** 4)), -1, -2).copy()
        masks = masks.with_chunk(k, lambda chunk=chunk: chunk)
    return masks


# -------------------------------------------------------------------------------------------------------- the picture


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 96000, 192000])
def test_a_sine_lands_in_its_row_at_its_level(rate_hz: int) -> None:
    for hz in (55.0, 101.3, 440.0, 793.0, 1200.0, 3333.0, 0.45 * rate_hz):
        picture = whole(sine(hz, rate_hz))
        column = picture.levels[0][:, picture.n_frames // 2].astype(float)
        loudest = np.flatnonzero(column == column.max())  # in the bass a few rows share a byte
        assert abs(loudest.mean() + 0.5 - picture.row_at(hz)) <= 1.0, hz
        assert abs(db_of(column.max()) - 20 * np.log10(0.5)) < 1.0, hz


def test_between_two_rows_no_sine_loses_a_decibel() -> None:
    for hz in np.geomspace(600, 900, 25):  # around the last of the rows that are Fourier sums
        picture = whole(sine(float(hz), 44100, 0.4))
        assert abs(db_of(picture.levels[0][:, picture.n_frames // 2].max()) + 6.0) < 1.0, hz


def test_what_is_out_of_phase_stays_in_sight() -> None:
    x = (0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)).astype(np.float32)
    picture = whole(ArrayMixture(np.stack([x, -x]), 44100, FLOAT32))
    assert abs(db_of(picture.levels[0].max()) + 6.0) < 1.0


def test_rows_go_from_30_hz_to_nyquist_in_equal_ratios() -> None:
    rows = empty_picture(recording().info).rows_hz
    assert len(rows) == N_ROWS and rows[0] == pytest.approx(30) and rows[-1] == pytest.approx(22050)
    assert np.ptp(np.diff(np.log(rows))) < 1e-9


@pytest.mark.parametrize("hz", [30.0, 440.0, 21000.0])
def test_rows_and_hertz_are_inverse(hz: float) -> None:
    picture = empty_picture(recording().info)
    assert picture.hz_at(picture.row_at(hz)) == pytest.approx(hz)


@pytest.mark.parametrize("sample_type", SAMPLE_TYPES, ids=str)
def test_silence_is_zero(sample_type: object) -> None:
    picture = whole(recording("silence", sample_type=sample_type, n_samples=5000))
    assert picture.is_complete and not any(level.any() for level in picture.levels) and not picture.wave.any()


@pytest.mark.parametrize("n_samples", [1, 1024, 1025, 5000])
@pytest.mark.parametrize(("rate_hz", "n_channels"), [(8000, 1), (44100, 6), (192000, 2)])
def test_any_length_rate_and_channel_count(n_samples: int, rate_hz: int, n_channels: int) -> None:
    picture = whole(recording("square", rate_hz, n_channels, n_samples, INT24))
    assert picture.n_frames == max(1, -(-n_samples // picture.hop)) and picture.levels[-1].shape[1] == 1
    assert picture.levels[0].any() and picture.is_complete and picture.stretches == ((0.0, picture.seconds),)
    assert wave_columns(picture, 100).shape == (2, 100) and np.abs(picture.wave).max() == 127


@pytest.mark.parametrize("kind", ["loud", "denormal", "dc", "impulse"])
def test_awkward_floats_draw_without_a_warning(kind: str) -> None:
    picture = whole(recording(kind, sample_type=FLOAT32))
    assert picture.levels[0].any() == (kind != "denormal")


def test_the_pyramid_is_the_maximum() -> None:
    picture = whole(recording("noise", 8000, 1, 8000 * 9))
    for k, level in enumerate(picture.levels):
        padded = np.pad(picture.levels[0], ((0, 0), (0, -picture.n_frames % 2**k)))
        assert np.array_equal(level, padded.reshape(N_ROWS, -1, 2**k).max(axis=2))


def test_stretch_by_stretch_equals_all_at_once_and_published_columns_never_change() -> None:
    mixture = recording("noise", 22050, 2, 22050 * 20, INT16)
    at_once = whole(mixture)
    picture = empty_picture(mixture.info)
    snapshots: list[tuple[Picture, Array]] = []
    while (stretch := next_stretch(picture, playhead_s=11.0, n_blocks=1)) is not None:
        picture = drawn(mixture, picture, *stretch)
        snapshots.append((picture, picture.levels[0].copy()))
    assert len(snapshots) == len(picture.done) > 2 and not snapshots[0][0].is_complete
    assert snapshots[0][0].stretches[0][0] <= 11.0 <= snapshots[0][0].stretches[0][1]  # the playhead's block came first
    for snapshot, was in snapshots:
        columns = np.repeat(snapshot.done, BLOCK_FRAMES)[: picture.n_frames]
        assert np.array_equal(snapshot.levels[0][:, columns], was[:, columns])
    assert all(np.array_equal(a, b) for a, b in zip(picture.levels, at_once.levels, strict=True))
    assert np.array_equal(picture.wave, at_once.wave)


def test_a_snapshot_is_only_equal_to_itself() -> None:
    mixture = recording()
    empty = empty_picture(mixture.info)
    assert empty != drawn(mixture, empty) and not empty.done.any() and empty == empty


def test_the_waveform_keeps_every_peak() -> None:
    x = np.zeros((2, 300000), np.int16)
    x[1, 123456], x[0, 200000] = 32767, -32768
    wave = wave_columns(whole(ArrayMixture(x, 44100, INT16)), 500)
    assert wave[1].max() == 127 and wave[0].min() == -127
    assert wave[1].argmax() == pytest.approx(123456 / 300000 * 500, abs=2)


# ---------------------------------------------------------------------------------------------------------- the shares


@pytest.mark.parametrize("stride", [1, 4, 32])
@pytest.mark.parametrize("has_top", [False, True])
def test_known_shares_add_up_to_255_and_unknown_ones_are_zero(stride: int, has_top: bool) -> None:
    picture = empty_picture(recording(n_samples=44100 * 7).info)
    masks = toy_masks(7.0, 44100 if not has_top else 22050, has_top=has_top, known=(0, 1, 3))
    n = -(-picture.n_frames // stride)
    total = share_columns(masks, picture, 0, n, stride).sum(axis=0, dtype=int)
    middle_s = (np.arange(n) + 0.5) * stride / picture.fps
    native = np.clip(np.rint(middle_s * masks.grid.rate_hz / 1024), 0, masks.grid.n_frames(7.0) - 1)
    known = np.isin(native // 50, (0, 1, 3))
    assert known.any() and not total[:, ~known].any()
    assert np.abs(total[:, known] - 255).max() <= 2


def test_shares_stand_in_their_row_and_column() -> None:
    picture = empty_picture(recording(n_samples=44100 * 4).info)
    grid = MaskGrid(44100, 1024, tuple(np.linspace(0, 22050, 2049)), 1000)
    chunk = np.zeros((2, 1, grid.n_frames(4.0), 2049), np.uint16)
    chunk[0] = 65535
    chunk[:, :, 80:, 500:] = np.array([0, 65535])[:, None, None, None]
    masks = Masks(grid, ("a", "b"), 4.0).with_chunk(0, lambda: chunk)
    shares = share_columns(masks, picture, 0, picture.n_frames)
    row, frame = int(picture.row_at(grid.freqs_hz[500])), 80
    assert shares[1, row + 2, frame + 1] == 255 and shares[1, row - 2, frame + 1] == 0 and shares[1, row + 2, frame - 2] == 0


def test_equal_chunks_give_equal_shares() -> None:
    picture = empty_picture(recording(n_samples=44100 * 5).info)
    masks = toy_masks(5.0, known=(0,))
    more = masks.with_chunk(2, toy_masks(5.0).chunks[2])
    assert mask_chunks(masks, picture, 0, 64) == mask_chunks(more, picture, 0, 64)
    assert mask_chunks(masks, picture, 100, 64) != mask_chunks(more, picture, 100, 64)


def test_a_chunk_that_is_gone_from_the_cache_is_unknown() -> None:
    def gone() -> Array:
        raise EngineError("Masks that were in the cache are gone.")

    picture = empty_picture(recording(n_samples=44100 * 5).info)
    assert not share_columns(toy_masks(5.0, known=(0,)).with_chunk(0, gone), picture, 0, 20).any()


# ------------------------------------------------------------------------------------------------- remix and readout


def test_the_remix_follows_the_faders() -> None:
    picture = whole(recording("noise", n_samples=44100))
    masks = toy_masks(1.0)
    shares, image = share_columns(masks, picture, 0, 40), picture.levels[0][:, :40]
    for gains in ((1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5), (2.0, 0.5, 1.0, 0.1), (0.0, 1.0, 0.0, 0.0)):
        linear = np.tensordot(np.array(gains), shares / 255.0, axes=1)
        with np.errstate(divide="ignore"):
            expected = db_of(image) + 20 * np.log10(linear)
        got = db_of(remixed(image, shares, ((1.0, gains),)))
        sure = (linear > max(gains) / 30) & (expected > FLOOR_DB + 1) & (expected < TOP_DB - 1)
        assert sure.any() and np.abs(got - expected)[sure].max() < 1.0


def test_all_muted_is_black_where_masks_are_known_and_the_mixture_elsewhere() -> None:
    picture = whole(recording("noise", n_samples=44100 * 2))
    masks = toy_masks(2.0, known=(0,))
    shares, image = share_columns(masks, picture, 0, 80), picture.levels[0][:, :80]
    for gains in ((0.0,) * 4, (0.5,) * 4):
        out = remixed(image, shares, ((1.0, gains),))
        assert np.array_equal(out[:, 60:], image[:, 60:])
        assert (out[:, :45] < image[:, :45]).all() if max(gains) else not out[:, :45].any()


def test_gains_are_as_heard() -> None:
    stems = ("vocals", "drums")
    for n_channels in (1, 2, 6):
        for mix, wanted in ((Mix(), (1.0, 1.0)), (Mix({"vocals": StemMix(mute=True)}, 6.0), (0.0, 10**0.3)),
                            (Mix({"drums": StemMix(solo=True, gain_db=-6.0)}), (0.0, 10**-0.3))):  # fmt: skip
            ((part, gains),) = remix_gains(mix, stems, n_channels)
            assert part == pytest.approx(1.0) and gains == pytest.approx(wanted)
    aside = Mix({"drums": StemMix(balance=-1.0)})
    assert remix_gains(aside, stems, 2) == ((0.5, (1.0, 1.0)), (0.5, (1.0, 0.0)))
    assert remix_gains(aside, stems, 6) == ((1.0, (1.0, 1.0)),)


@pytest.mark.parametrize("strip", [
    StemMix(balance=1.0), StemMix(balance=-0.5, gain_db=3.0), StemMix(width=0.0), StemMix(width=2.0), StemMix(balance=0.7, width=0.3),
])  # fmt: skip
def test_the_picture_follows_balance_and_width_as_the_sound_does(strip: StemMix) -> None:
    """On a recording whose side is as far below its middle as is supposed, the picture of the remix is that of the rendered remix."""
    rng = np.random.default_rng(8)
    middle, side = rng.normal(0, 0.1, 44100 * 2), rng.normal(0, 0.1 * np.sqrt(SIDE / (1 - SIDE)), 44100 * 2)
    mixture = ArrayMixture(np.stack([middle + side, middle - side]).astype(np.float32), 44100, FLOAT32)
    masks, mix = toy_masks(2.0), Mix({"vocals": strip, "drums": StemMix(gain_db=-6.0)})
    shares = np.array([0.7, 0.1, 0.1, 0.1])[:, None, None, None]
    for k in masks.chunks:  # the same shares in every cell: the pass leaves the spectrum its shape
        chunk = quantised(np.broadcast_to(shares, (4, 1, 50, 300)))
        masks = masks.with_chunk(k, lambda chunk=chunk: chunk)
    whole_song = render_float(mixture, masks, mix, 0, mixture.info.n_samples)
    heard = whole(ArrayMixture(whole_song.astype(np.float32), 44100, FLOAT32)).levels[0]
    picture = whole(mixture)
    seen = remixed(picture.levels[0], share_columns(masks, picture, 0, picture.n_frames), remix_gains(mix, masks.stems, 2))
    power = [float(np.mean(10 ** (db_of(image)[8:-8, 2:-2] / 10))) for image in (seen, heard)]
    assert abs(10 * np.log10(power[0] / power[1])) < 0.25


def test_a_readout_says_level_and_owners() -> None:
    picture = whole(sine(440.0, 44100, 2.0))
    masks = toy_masks(2.0, known=(0,))
    reading = readout(picture, masks, 0.5, 440.0)
    assert reading and reading.db == pytest.approx(-6.0, abs=1.0) and sum(reading.shares.values()) == pytest.approx(1.0)
    assert set(reading.shares) == set(masks.stems)
    unknown = readout(picture, masks, 1.8, 440.0)
    assert unknown and not unknown.shares
    assert readout(picture, None, 0.5, 15000.0) and not readout(picture, None, 9.0, 440.0) and not readout(picture, None, -1.0, 440.0)
    assert not readout(empty_picture(recording().info), masks, 0.1, 440.0)
    assert loudest_hz(picture, 0.5) == pytest.approx(440.0, rel=0.01) and loudest_hz(picture, 99.0) is None
