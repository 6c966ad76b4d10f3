"""Laws of the demo song: the same every time, exact stems, sound where there should be sound and rests where there should be none."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resources.demo import compose as demo
from resources.demo import score
from resources.demo.desk import RATE_HZ

COMMITTED = Path(demo.__file__).with_name("demo-song.flac")
# On the machine that made the committed file the difference is 0. Another libm or BLAS changes the float stems by about 1e-12, which
# may tip the rounding of each of the four stems by one.
MOST_LSB_APART = 4


@pytest.fixture(scope="module")
def stems():
    return demo.compose()


@pytest.fixture(scope="module")
def shares(stems):
    """name -> function (low_hz, high_hz) -> share 0..1 of the stem's energy in that band."""

    def share_of(samples):
        power = np.abs(np.fft.rfft(samples.mean(axis=0) / demo.FULL_SCALE)) ** 2
        hz = np.fft.rfftfreq(samples.shape[1], 1 / RATE_HZ)
        return lambda low_hz, high_hz: power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum()

    return {name: share_of(samples) for name, samples in stems.items()}


def rms_db(samples):
    """Level of 24-bit integers (channel, sample), dB below full scale."""
    return 20 * np.log10(np.sqrt(np.mean((samples / demo.FULL_SCALE) ** 2)) + 1e-12)


def between(samples, from_beat, to_beat):
    first, end = (round(score.seconds_at(beat) * RATE_HZ) for beat in (from_beat, to_beat))
    return samples[:, first:end]


def test_two_calls_give_the_same_integers(stems):
    again = demo.compose()
    assert set(again) == set(stems) == {"vocals", "drums", "bass", "other"}
    for name in stems:
        np.testing.assert_array_equal(again[name], stems[name])


def test_shape_and_type(stems):
    for samples in stems.values():
        assert samples.dtype == np.int32
        assert samples.shape == (2, demo.N_SAMPLES)
    assert 55.0 <= demo.N_SAMPLES / RATE_HZ <= 65.0


def test_the_committed_file_is_the_exact_sum_of_the_stems(stems):
    info = soundfile.info(COMMITTED)
    assert (info.samplerate, info.channels, info.subtype, info.format) == (44100, 2, "PCM_24", "FLAC")
    assert COMMITTED.stat().st_size < 10e6
    samples, _ = soundfile.read(COMMITTED, dtype="int32", always_2d=True)
    total = np.sum([samples.astype(np.int64) for samples in stems.values()], axis=0)
    assert total.shape == samples.T.shape
    assert np.max(np.abs(total - (samples.T >> 8))) <= MOST_LSB_APART


def test_nothing_clips_and_the_mix_peaks_at_minus_1_db(stems):
    mix = demo.mix_of(stems)
    for samples in (*stems.values(), mix):
        assert np.abs(samples).max() < demo.FULL_SCALE - 1
    assert 20 * np.log10(np.abs(mix).max() / demo.FULL_SCALE) == pytest.approx(demo.PEAK_DB, abs=0.01)


def test_no_dc_and_silent_ends(stems):
    for samples in stems.values():
        assert np.all(np.abs(samples.mean(axis=1)) < 1e-5 * demo.FULL_SCALE)
        assert np.abs(samples[:, [0, -1]]).max() <= 1


@pytest.mark.parametrize("name", demo.STEMS)
def test_each_stem_sounds_in_verse_and_chorus_and_rests_where_the_score_says(stems, name):
    samples = stems[name]
    assert rms_db(between(samples, 18, 44)) > -35
    assert rms_db(between(samples, 48, 80)) > rms_db(between(samples, 18, 44)) > -60
    for from_beat, to_beat in score.RESTS[name]:
        assert rms_db(between(samples, from_beat, to_beat)) < rms_db(samples) - 30


def test_where_the_spectra_lie(shares):
    assert shares["vocals"](200, 4000) > 0.9
    assert shares["bass"](30, 250) > 0.9
    assert shares["drums"](30, 250) > 0.3
    assert shares["drums"](4000, 16000) > 0.02
    assert shares["other"](100, 4000) > 0.9


@pytest.mark.parametrize("beat, n_beats, pitch", [(19, 1.5, 64), (35, 1.5, 66), (92, 2.9, 57)])
def test_the_voice_is_harmonic_and_in_tune(stems, beat, n_beats, pitch):
    sound = between(stems["vocals"], beat + 0.25, beat + n_beats - 0.1).mean(axis=0)
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.size), 2**18)) ** 2
    hz = np.fft.rfftfreq(2**18, 1 / RATE_HZ)
    f0_hz = score.hz_of(pitch)
    sung = (hz > 200 * (f0_hz > 200)) & (hz < 4000)
    near_a_harmonic = np.abs(hz - np.maximum(np.round(hz / f0_hz), 1) * f0_hz) < 0.04 * f0_hz * np.maximum(np.round(hz / f0_hz), 1) ** 0.5
    assert power[sung & near_a_harmonic].sum() > 0.8 * power[sung].sum()
    fundamental = np.abs(12 * np.log2(np.maximum(hz, 1) / f0_hz)) < 2
    centre_hz = np.sum(hz[fundamental] * power[fundamental]) / power[fundamental].sum()
    assert abs(12 * np.log2(centre_hz / f0_hz)) < 0.35  # semitones; vibrato and drift average out


def test_files_appear_whole_with_tags_and_hold_the_integers(stems, tmp_path, monkeypatch):
    stems = {name: between(samples, 44, 52) for name, samples in stems.items()}
    monkeypatch.setattr(demo, "compose", lambda: stems)
    path = demo.write_demo(tmp_path, stems=True)
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert files == ["demo-song-stems/bass.flac", "demo-song-stems/drums.flac", "demo-song-stems/other.flac",
                     "demo-song-stems/vocals.flac", "demo-song.flac"]
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.artist, file.subtype) == ("Nullsum Demo Song", "Nullsum", "PCM_24")
    written = {name: soundfile.read(tmp_path / "demo-song-stems" / f"{name}.flac", dtype="int32")[0].T >> 8 for name in demo.STEMS}
    for name in demo.STEMS:
        np.testing.assert_array_equal(written[name], stems[name])
    np.testing.assert_array_equal(soundfile.read(path, dtype="int32")[0].T >> 8, sum(written.values()))


def test_the_score_adds_up():
    assert sum(chord.n_beats for chord in score.CHORDS) == 4 * len(score.BARS) == 96
    assert all(len(steps) == 16 for bar in score.BARS for steps in bar.values())
    for line in score.VERSE + score.CHORUS + score.OUTRO:
        for note, after in itertools.pairwise(line):
            assert note.beat + note.n_beats <= after.beat
