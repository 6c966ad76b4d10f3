"""Opening sound files: every sample as the file holds it, from any place, and a clear sentence where that cannot be."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import engine.audio_decode
from engine.audio import ArrayMixture, open_mixture
from engine.audio_write import AudioWriter
from engine.errors import BadInputError
from engine.formats import SAMPLE_TYPES, OutputFormat, shift_of
from engine.types import FLOAT32, FLOAT64, INT16, INT24, Array

LOSSLESS = [
    (container, subtype)
    for container in ("WAV", "WAVEX", "AIFF", "CAF", "RF64", "W64", "AU", "FLAC")
    for subtype in ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    if sf.check_format(container, subtype)
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def raw(subtype: str, n: int, n_channels: int, seed: int = 0) -> tuple[Array, Array]:
    """What a file shall hold in our words (channel, sample), and what libsndfile is to be given (sample, channel)."""
    kind, rng = SAMPLE_TYPES[subtype], np.random.default_rng(seed)
    if kind.is_float:
        x = (rng.standard_normal((n_channels, n)) * 10.0 ** rng.integers(-44, 7, (n_channels, n))).astype(kind.dtype)
        return x, x.T
    x = rng.integers(-(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1), (n_channels, n)).astype(kind.dtype)
    x[:, 0], x[:, -1] = -(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1
    return x, (x << shift_of(kind)).T


def tone(n: int, n_channels: int = 2, rate_hz: int = 48000) -> Array:
    t = np.arange(n) / rate_hz
    x = np.sin(2 * np.pi * (200 + 900 * t) * t)[:, None] * 0.4 + np.random.default_rng(0).standard_normal((n, n_channels)) * 0.02
    return x.astype(np.float32)


def make(path: Path, container: str = "WAV", subtype: str = "PCM_16", n: int = 5000, n_channels: int = 2, rate_hz: int = 48000) -> Array:
    samples, given = raw(subtype, n, n_channels)
    sf.write(path, given, rate_hz, subtype, format=container)
    return samples


def refused(path: Path, *words: str) -> str:
    """The sentence with which a file is refused; it names the file, and the folder is as it was."""
    before = names(path.parent)
    with pytest.raises(BadInputError) as caught:
        open_mixture(path)
    text = str(caught.value)
    assert path.name in text, text
    assert text.endswith("."), text
    assert "; " in text, text  # what to do comes after it
    for word in words:
        assert word in text, text
    assert names(path.parent) == before
    return text


@pytest.mark.parametrize("container,subtype", LOSSLESS)
def test_every_sample_is_read_as_the_file_holds_it(tmp_path: Path, container: str, subtype: str) -> None:
    for n_channels, rate_hz, n in ((1, 8000, 1), (2, 44100, 4097), (6, 192000, 1000), (8, 96000, 70001)):
        if container == "AIFF" and subtype.endswith("8") and n == 1:
            continue  # libsndfile writes a sample too many; AudioWriter mends it (test_audio_write)
        path = tmp_path / f"{n}.bin"
        samples = make(path, container, subtype, n, n_channels, rate_hz)
        with open_mixture(path) as mixture:
            info = mixture.info
            assert (info.container, info.subtype, info.sample_type) == (container, subtype, SAMPLE_TYPES[subtype])
            assert (info.rate_hz, info.n_channels, info.n_samples, info.is_lossy) == (rate_hz, n_channels, n, False)
            assert info.path == path
            assert info.decoder.startswith("libsndfile 1")
            whole = mixture.read(0, n)
            assert whole.dtype == info.sample_type.dtype
            assert whole.flags.c_contiguous
            np.testing.assert_array_equal(whole, samples)


@pytest.mark.parametrize("container,subtype", [("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("AIFF", "PCM_S8"), ("CAF", "ALAC_16"), *LOSSY])
def test_any_stretch_equals_the_whole_and_zeros_lie_outside(tmp_path: Path, container: str, subtype: str) -> None:
    path, n = tmp_path / "x", 150_000
    if subtype in SAMPLE_TYPES:
        make(path, container, subtype, n)
    else:
        sf.write(path, tone(n), 48000, subtype, format=container)
    rng = np.random.default_rng(1)
    with open_mixture(path) as mixture, open_mixture(path) as other:
        whole = mixture.read(0, mixture.info.n_samples)
        padded = np.pad(whole, ((0, 0), (1000, 1000)))
        for start in [-1000, -3, 0, n - 5, n, *rng.integers(0, n - 10, 40)]:
            length = int(rng.integers(0, 1001)) if start < n else 900
            length = min(length, n + 1000 - int(start))
            for reader in (mixture, other):
                np.testing.assert_array_equal(reader.read(int(start), length), padded[:, start + 1000 : start + 1000 + length])
        assert not mixture.read(10 * n, 5).any()
        assert not mixture.read(-10 * n, 5).any()
        with pytest.raises(BadInputError, match="-4"):
            mixture.read(0, -4)


@pytest.mark.parametrize("container,subtype", LOSSY)
def test_lossy_files_come_as_float32_with_their_decoder(tmp_path: Path, container: str, subtype: str) -> None:
    path = tmp_path / "x"
    sf.write(path, tone(30000), 48000, subtype, format=container)
    with open_mixture(path) as mixture:
        assert (mixture.info.is_lossy, mixture.info.sample_type, mixture.info.n_samples) == (True, FLOAT32, 30000)
        assert (mixture.info.container, mixture.info.subtype) == (container, subtype)
        assert sf.__libsndfile_version__.removeprefix("libsndfile-") in mixture.info.decoder
        np.testing.assert_array_equal(mixture.read(0, 30000).T, sf.read(path, dtype="float32")[0])


def test_an_mp3_that_does_not_say_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "x.mp3"
    x = tone(480_000)
    x[:40000] = 0  # variable bit rate: quiet frames are short, later ones long, and any guess from the first frame is wrong
    for silent_first in (True, False):
        sf.write(path, x if silent_first else x[::-1], 48000, "MPEG_LAYER_III", format="MP3")
        data = path.read_bytes()
        path.write_bytes(data[data.index(b"\xff\xfb", 4) :])  # without the first frame, which holds the header
        with open_mixture(path) as mixture:
            assert 480_000 <= mixture.info.n_samples <= 480_000 + 2 * 1152 + 1105


@pytest.mark.parametrize("codec,bits,kind", [("alac", 16, "s16p"), ("alac", 24, "s32p"), ("aac", 0, "fltp")])
def test_m4a(tmp_path: Path, codec: str, bits: int, kind: str) -> None:
    pytest.importorskip("av")
    for n, rate_hz in ((1, 44100), (4097, 48000), (50000, 44100)):
        path, fmt = tmp_path / "x.m4a", OutputFormat("M4A", f"ALAC_{bits}" if bits else "AAC")
        samples = raw(fmt.subtype, n, 2)[0] if bits else tone(n).T
        with AudioWriter(path, rate_hz, 2, fmt) as writer:
            writer.write(samples)
        with open_mixture(path) as mixture:
            assert (mixture.info.n_samples, mixture.info.container, mixture.info.subtype) == (n, "M4A", fmt.subtype)
            assert (mixture.info.is_lossy, mixture.info.sample_type) == (not bits, fmt.sample_type)
            assert mixture.info.decoder.startswith("PyAV")
            if bits:
                np.testing.assert_array_equal(mixture.read(0, n), samples)
            elif n > 10000:
                middle = slice(2000, n - 2000)
                assert np.corrcoef(mixture.read(0, n)[0, middle], samples[0, middle])[0, 1] > 0.99
            np.testing.assert_array_equal(mixture.read(-2, n)[:, 2:], mixture.read(0, max(0, n - 2)))


def test_without_pyav_an_m4a_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "song.m4a"
    path.write_bytes(struct.pack(">I", 24) + b"ftypM4A " + bytes(100))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    refused(path, "pip install nullsum[av]")


def test_broken_m4a(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "song.m4a"
    with AudioWriter(path, 44100, 2, OutputFormat("M4A", "ALAC_16")) as writer:
        writer.write(raw("PCM_16", 50000, 2)[0])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "cut off")
    path.write_bytes(data[:40] + bytes(200))
    refused(path)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    for name, container in (("a.mp3", "WAV"), ("a.wav", "FLAC"), ("a.raw", "AIFF"), ("a", "CAF"), ("a.txt", "OGG")):
        samples = make(tmp_path / "x", container) if container != "OGG" else None
        if samples is None:
            sf.write(tmp_path / "x", tone(3000), 48000, "VORBIS", format="OGG")
        (tmp_path / "x").rename(tmp_path / name)
        with open_mixture(tmp_path / name) as mixture:
            assert mixture.info.container == container
            if samples is not None:
                np.testing.assert_array_equal(mixture.read(0, 5000), samples)


@pytest.mark.parametrize("name", ["naïve – 日本語 🎧.wav", "x" * 246 + ".wav", "a b'c\"d%s{}.wav"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    samples = make(tmp_path / name)
    with open_mixture(tmp_path / name) as mixture:
        np.testing.assert_array_equal(mixture.read(0, 5000), samples)
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, "empty")


def test_refusals_before_any_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path / "gone.wav", "not found", "check the name")
    (tmp_path / "no").mkdir()
    refused(tmp_path / "no" / "gone.wav", "not found")
    (tmp_path / "empty.wav").write_bytes(b"")
    refused(tmp_path / "empty.wav", "0 bytes")
    refused(tmp_path / "no", "folder")
    (tmp_path / "text.wav").write_text("This is a letter, not a song. " * 50)
    refused(tmp_path / "text.wav", "not a sound file", "convert")
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(50000))
    refused(tmp_path / "noise.mp3")
    (tmp_path / "headless.raw").write_bytes(bytes(5000))
    refused(tmp_path / "headless.raw", "convert")
    make(tmp_path / "mine.wav")

    def forbidden(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    refused(tmp_path / "mine.wav", "permissions")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "pipe")


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "AIFF", "CAF", "RF64", "W64", "AU", "FLAC", "CAF ALAC"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, container: str) -> None:
    container, _, alac = container.partition(" ")
    path = tmp_path / "cut.bin"
    make(path, container, "ALAC_16" if alac else "PCM_16", 20000)
    data = path.read_bytes()
    for keep in (len(data) - 1, len(data) - 1000, len(data) // 2):
        path.write_bytes(data[:keep])
        assert "whole copy" in refused(path)


def test_a_cut_ogg_or_mp3_is_refused(tmp_path: Path) -> None:
    for container, subtype in LOSSY:
        path = tmp_path / "cut.bin"
        sf.write(path, tone(200_000), 48000, subtype, format=container)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * 0.6)])
        refused(path, "cut off", "whole copy")


def test_a_flac_damaged_in_the_middle_opens_and_says_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "scratch.flac"
    make(path, "FLAC", "PCM_16", 300_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20000] = bytes(20000)
    path.write_bytes(data)
    with open_mixture(path) as mixture, pytest.raises(BadInputError, match=r'"scratch.flac" is damaged.* near \d'):
        mixture.read(0, 300_000)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDB, 0x7FFFF024])
def test_a_streamed_header_is_fine(tmp_path: Path, length: int) -> None:
    path = tmp_path / "stream.wav"
    samples = make(path)
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:at] + struct.pack("<I", length) + data[at + 4 :])
    with open_mixture(path) as mixture:
        np.testing.assert_array_equal(mixture.read(0, mixture.info.n_samples), samples)


def test_a_chunk_cut_behind_the_sound_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    samples = make(path)
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 5000) + b"INFO")
    with open_mixture(path) as mixture:
        np.testing.assert_array_equal(mixture.read(0, mixture.info.n_samples), samples)


def test_no_samples_too_many_channels_odd_rates(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    for container, subtype in (("WAV", "PCM_16"), ("AIFF", "PCM_24"), ("OGG", "VORBIS")):
        sf.write(path, np.zeros((0, 2), np.float32), 48000, subtype, format=container)
        refused(path, "no samples", "export it again")
    sf.write(path, np.zeros((10, 9), np.int16), 48000, "PCM_16", format="WAV")
    refused(path, "9 channels", "at most 8")
    for rate_hz in (999, 768001):
        sf.write(path, np.zeros((10, 2), np.int16), rate_hz, "PCM_16", format="WAV")
        refused(path, f"{rate_hz} Hz", "resample")
    for rate_hz in (1000, 768000):
        sf.write(path, np.zeros((10, 2), np.int16), rate_hz, "PCM_16", format="WAV")
        open_mixture(path).close()


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_are_refused_with_their_place(tmp_path: Path, subtype: str, value: float) -> None:
    path, x = tmp_path / "x.wav", np.zeros((200_000, 2))
    x[150_000, 1] = value
    sf.write(path, x, 48000, subtype, format="WAV")
    refused(path, "3.125 s", "channel 2", "NaN" if np.isnan(value) else "infinite")


def test_a_change_on_disk_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    make(path)
    with open_mixture(path) as mixture:
        assert not mixture.changed_on_disk()
        seen = path.stat()
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1000_000))
        assert mixture.changed_on_disk()
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        assert not mixture.changed_on_disk()
        path.unlink()
        assert mixture.changed_on_disk()


def test_a_full_temporary_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.ogg"
    sf.write(path, tone(3000), 48000, "VORBIS", format="OGG")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(engine.audio_decode.tempfile, "TemporaryFile", lambda **kwargs: full.open("r+b", buffering=0))
    refused(path, "room", "free some")


def test_array_mixture_is_the_same_door() -> None:
    samples = raw("PCM_24", 100, 3)[0]
    mixture = ArrayMixture(samples, 44100, INT24)
    kept = samples.copy()
    samples[:] = 0
    np.testing.assert_array_equal(mixture.read(0, 100), kept)
    np.testing.assert_array_equal(mixture.read(-5, 110), np.pad(kept, ((0, 0), (5, 5))))
    out = mixture.read(0, 100)
    out[:] = 7  # a copy of one's own
    np.testing.assert_array_equal(mixture.read(0, 100), kept)
    assert (mixture.info.container, mixture.info.subtype, mixture.info.path) == ("WAV", "PCM_24", None)


def test_array_mixture_refuses_what_a_file_could_not_be() -> None:
    good = np.zeros((2, 10), np.float32)
    for samples, rate_hz, kind in (
        (good[0], 44100, FLOAT32), (good, 44100, FLOAT64), (good, 10, FLOAT32), (np.zeros((9, 10), np.float32), 44100, FLOAT32),
        (good[:, :0], 44100, FLOAT32), (good * np.nan, 44100, FLOAT32), (np.full((1, 4), 2**23, np.int32), 44100, INT24),
        (np.zeros((0, 10), np.int16), 44100, INT16),
    ):  # fmt: skip
        with pytest.raises(BadInputError):
            ArrayMixture(samples, rate_hz, kind)
