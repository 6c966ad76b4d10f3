"""Writing sound files: what is read back is what was written, and a file appears whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import engine.formats
from engine.aside import folder_aside, sweep
from engine.atomic import atomic_text, free_bytes
from engine.audio import ArrayMixture, open_mixture
from engine.audio_write import AudioWriter, expected_bytes
from engine.errors import BadInputError, TargetError
from engine.formats import SAMPLE_TYPES, OutputFormat, chosen_format, default_format
from engine.tags import Tags
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32, Array, AudioInfo, SampleType

WAV16 = OutputFormat("WAV", "PCM_16")
LOSSLESS = [
    (container, subtype)
    for container, subtypes in engine.formats.SUBTYPES.items()
    for subtype in subtypes
    if subtype in SAMPLE_TYPES and container != "M4A"
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def sound(kind: SampleType, n: int, n_channels: int = 2, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    if kind.is_float:
        x = (rng.standard_normal((n_channels, n)) * 10.0 ** rng.integers(-44, 7, (n_channels, n))).astype(kind.dtype)
        x[:, 0] = 1e6
        x[0, -1] = np.finfo(kind.dtype).smallest_subnormal
        return x
    x = rng.integers(-(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1), (n_channels, n)).astype(kind.dtype)
    x[:, 0], x[:, -1] = -(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1
    return x


def info_of(container: str = "WAV", subtype: str = "PCM_16", rate_hz: int = 44100, n_channels: int = 2, n_samples: int = 1000) -> AudioInfo:
    kind = SAMPLE_TYPES.get(subtype)
    return AudioInfo(None, container, subtype, kind or FLOAT32, rate_hz, n_channels, n_samples, is_lossy=kind is None)


def write(path: Path, samples: Array, fmt: OutputFormat, rate_hz: int = 48000, tags: Tags | None = None) -> None:
    with AudioWriter(path, rate_hz, len(samples), fmt, tags=tags) as writer:
        for part in np.array_split(samples, 3, axis=1):
            writer.write(part)


@pytest.mark.parametrize("container,subtype", LOSSLESS)
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, container: str, subtype: str) -> None:
    fmt = OutputFormat(container, subtype)
    for n_channels, rate_hz, n in ((1, 8000, 1), (1, 22050, 4097), (2, 44100, 4097), (6, 192000, 999), (8, 96000, 70001)):
        path = tmp_path / f"out{fmt.extension}"
        samples = sound(fmt.sample_type, n, n_channels)
        kept = samples.copy()
        samples.flags.writeable = False
        write(path, samples, fmt, rate_hz)
        np.testing.assert_array_equal(samples, kept)
        with open_mixture(path) as mixture:
            assert (mixture.info.container, mixture.info.subtype) == (container, subtype)
            assert (mixture.info.rate_hz, mixture.info.n_channels, mixture.info.n_samples) == (rate_hz, n_channels, n)
            np.testing.assert_array_equal(mixture.read(0, n), samples)
        assert path.stat().st_size <= expected_bytes(n, n_channels, fmt)
    assert [p.name for p in tmp_path.iterdir()] == [f"out{fmt.extension}"]


@pytest.mark.parametrize("subtype", ["ALAC_16", "ALAC_24", "AAC"])
def test_m4a_in_blocks_of_any_length(tmp_path: Path, subtype: str) -> None:
    pytest.importorskip("av")
    fmt = OutputFormat("M4A", subtype)
    for n_channels, rate_hz, n in ((1, 8000, 1), (2, 96000, 10007)):
        path, samples = tmp_path / "out.m4a", sound(fmt.sample_type, n, n_channels)
        samples = np.clip(samples, -0.5, 0.5) if fmt.is_lossy else samples
        with AudioWriter(path, rate_hz, n_channels, fmt) as writer:
            for start in range(0, n, 777):
                writer.write(samples[:, start : start + 777])
        with open_mixture(path) as mixture:
            assert (mixture.info.n_samples, mixture.info.rate_hz) == (n, rate_hz)
            if not fmt.is_lossy:
                np.testing.assert_array_equal(mixture.read(0, n), samples)


@pytest.mark.parametrize("container,subtype", LOSSY)
def test_lossy_formats_keep_length_and_place(tmp_path: Path, container: str, subtype: str) -> None:
    fmt = OutputFormat(container, subtype)
    t = np.arange(100_003) / 48000
    samples = np.stack([np.sin(2 * np.pi * (300 + 2000 * t) * t), np.sin(2 * np.pi * 500 * t)]).astype(np.float32) * 0.5
    write(tmp_path / "x", samples, fmt)
    with open_mixture(tmp_path / "x") as mixture:
        assert (mixture.info.subtype, mixture.info.n_samples) == (subtype, 100_003)
        back = mixture.read(0, 100_003)
    assert np.sqrt(np.mean((back - samples) ** 2)) < 0.02
    assert (tmp_path / "x").stat().st_size <= expected_bytes(100_003, 2, fmt)


def test_the_default_is_the_source_itself() -> None:
    for container, subtype in LOSSLESS:
        assert default_format(info_of(container, subtype)) == OutputFormat(container, subtype)
    for container, subtype in [*LOSSY, ("M4A", "AAC"), ("WAV", "ULAW"), ("AIFF", "IMA_ADPCM")]:
        assert default_format(info_of(container, subtype)) == OutputFormat("WAV", "FLOAT")
    assert default_format(info_of("CAF", "ALAC_16")) == OutputFormat("CAF", "PCM_16")
    assert default_format(info_of("CAF", "ALAC_20")) == OutputFormat("CAF", "PCM_24")
    assert default_format(info_of("VOC", "PCM_16")) == OutputFormat("WAV", "PCM_16")
    assert default_format(info_of("M4A", "ALAC_32")) == OutputFormat("WAV", "PCM_32")
    assert default_format(info_of("M4A", "ALAC_24", n_channels=6)) == OutputFormat("WAV", "PCM_24")
    for kind in (SampleType(False, 8), INT16, INT24, INT32, FLOAT32, FLOAT64):
        info = ArrayMixture(np.zeros((1, 5), kind.dtype), 44100, kind).info
        assert default_format(info).sample_type == kind


def test_m4a_stays_m4a_where_pyav_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    assert default_format(info_of("M4A", "ALAC_24")) == OutputFormat("M4A", "ALAC_24")
    assert chosen_format(info_of("WAV", "FLOAT"), "m4a", None) == OutputFormat("M4A", "ALAC_24")
    assert chosen_format(info_of(), "alac", None) == OutputFormat("M4A", "ALAC_16")
    assert chosen_format(info_of(), "aac", None) == OutputFormat("M4A", "AAC")
    assert chosen_format(info_of(), "m4a", "aac") == OutputFormat("M4A", "AAC")
    assert chosen_format(info_of("WAV", "PCM_24"), "m4a", "16") == OutputFormat("M4A", "ALAC_16")
    monkeypatch.setattr(engine.formats.importlib.util, "find_spec", lambda name: None)
    assert default_format(info_of("M4A", "ALAC_24")) == OutputFormat("WAV", "PCM_24")
    with pytest.raises(BadInputError, match=r"pip install nullsum\[av\]"):
        chosen_format(info_of(), "m4a", None)


def test_past_four_gigabytes_the_container_changes() -> None:
    long = 2**32 // 4
    for container in ("WAV", "WAVEX"):
        assert default_format(info_of(container, n_samples=long)) == OutputFormat("RF64", "PCM_16")
    assert chosen_format(info_of("FLAC", n_samples=long), "wav", None) == OutputFormat("RF64", "PCM_16")
    assert chosen_format(info_of("FLAC", n_samples=long * 2 // 3 + 1), "wav", "24") == OutputFormat("RF64", "PCM_24")
    assert default_format(info_of("AIFF", "PCM_U8", n_samples=2 * long)) == OutputFormat("CAF", "PCM_S8")
    assert default_format(info_of("AU", "FLOAT", n_samples=long)) == OutputFormat("CAF", "FLOAT")
    assert default_format(info_of("WAV", n_samples=long - 2**23)) == OutputFormat("WAV", "PCM_16")
    for container in ("FLAC", "W64", "CAF", "RF64"):
        assert default_format(info_of(container, n_samples=long)).container == container
    assert OutputFormat("RF64", "PCM_16").extension == ".wav"


@pytest.mark.parametrize(
    "source,container,subtype,expected",
    [
        (("WAV", "PCM_24"), "flac", None, ("FLAC", "PCM_24")), (("WAV", "FLOAT"), "flac", None, ("FLAC", "PCM_24")),
        (("WAV", "PCM_32"), "flac", None, ("FLAC", "PCM_24")), (("WAV", "PCM_U8"), "flac", None, ("FLAC", "PCM_S8")),
        (("WAV", "PCM_U8"), "aiff", None, ("AIFF", "PCM_S8")), (("AIFF", "PCM_S8"), "wav", None, ("WAV", "PCM_U8")),
        (("WAV", "PCM_16"), "AIF", None, ("AIFF", "PCM_16")), (("AIFF", "DOUBLE"), "caf", None, ("CAF", "DOUBLE")),
        (("OGG", "VORBIS"), "flac", None, ("FLAC", "PCM_24")), (("MP3", "MPEG_LAYER_III"), "wav", None, ("WAV", "FLOAT")),
        (("MP3", "MPEG_LAYER_III"), "mp3", None, ("MP3", "MPEG_LAYER_III")), (("OGG", "OPUS"), "ogg", None, ("OGG", "VORBIS")),
        (("WAV", "PCM_16"), None, "24", ("WAV", "PCM_24")), (("WAV", "PCM_16"), ".Wav", "pcm_24", ("WAV", "PCM_24")),
        (("WAV", "PCM_16"), "wav", "pcm24", ("WAV", "PCM_24")), (("FLAC", "PCM_16"), "wav", "float", ("WAV", "FLOAT")),
        (("FLAC", "PCM_16"), "wav", "32f", ("WAV", "FLOAT")), (("FLAC", "PCM_16"), "w64", "32", ("W64", "PCM_32")),
        (("WAV", "PCM_16"), "aiff", "8", ("AIFF", "PCM_S8")), (("WAV", "PCM_16"), None, None, ("WAV", "PCM_16")),
        (("WAV", "PCM_16"), "mp3", None, ("MP3", "MPEG_LAYER_III")), (("WAV", "PCM_16"), "rf64", "double", ("RF64", "DOUBLE")),
    ],
)  # fmt: skip
def test_what_a_user_types(source: tuple[str, str], container: str | None, subtype: str | None, expected: tuple[str, str]) -> None:
    assert chosen_format(info_of(*source), container, subtype) == OutputFormat(*expected)
    assert chosen_format(info_of(rate_hz=48000), "opus", None) == OutputFormat("OGG", "OPUS")


@pytest.mark.parametrize(
    "info,container,subtype,words",
    [
        (info_of(rate_hz=44100), "opus", None, ("44100 Hz", "48000", "choose")),
        (info_of(), "flac", "FLOAT", ("FLAC", "FLOAT", "PCM_24", "wav")),
        (info_of(n_channels=9), "flac", None, ("9", "8 channels", "wav")),
        (info_of(), "wav", "VORBIS", ("PCM_24", "FLOAT")),
        (info_of(), "opus", "vorbis", ("OPUS",)),
        (info_of(n_channels=6), "mp3", None, ("2 channels", "6", "flac")),
        (info_of(rate_hz=96000), "mp3", None, ("96000 Hz", "48000", "flac")),
        (info_of(rate_hz=768000), "flac", None, ("768000", "655350", "wav")),
        (info_of(rate_hz=96001), "flac", None, ("96001", "wav")),
        (info_of(rate_hz=384000), "ogg", None, ("384000", "192000", "flac")),
        (info_of(), "doc", None, ('"doc"', "wav", "flac")),
        (info_of(), "wav", "PCM_12", ("PCM_16",)),
        (info_of(), None, "nonsense", ("nonsense", "PCM_24")),
    ],
)
def test_impossible_wishes_are_refused_with_what_would_work(info: AudioInfo, container: str, subtype: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError) as caught:
        chosen_format(info, container, subtype)
    for word in words:
        assert word in str(caught.value)


def test_every_format_that_is_offered_can_be_written(tmp_path: Path) -> None:
    for rate_hz in (8000, 11025, 44100, 48000, 96000, 192000, 384000, 655350, 768000):
        for n_channels in (1, 2, 8):
            for typed in ("wav", "aiff", "flac", "caf", "rf64", "w64", "au", "ogg", "opus", "mp3", "alac", "aac"):
                try:
                    fmt = chosen_format(info_of(rate_hz=rate_hz, n_channels=n_channels), typed, None)
                except BadInputError:
                    continue
                write(tmp_path / "x", np.zeros((n_channels, 50), fmt.sample_type.dtype), fmt, rate_hz)
                with open_mixture(tmp_path / "x") as mixture:
                    assert mixture.info.rate_hz == rate_hz, (typed, rate_hz)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Path]:
    """A target that exists; the test must leave it as it was, and nothing beside it."""
    path = tmp_path / "old.wav"
    path.write_bytes(b"precious")
    yield path
    assert path.read_bytes() == b"precious"
    assert names(tmp_path) == ["old.wav"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interrupted_write_leaves_the_old_file(old: Path, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with AudioWriter(old, 48000, 2, WAV16) as writer:
            writer.write(sound(INT16, 100_000))
            inside = names(old.parent)
            assert any(name.startswith(".nullsum-") for name in inside)
            raise error

    with pytest.raises(error):
        interrupted()


def test_an_interrupt_while_finishing_leaves_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(old, sound(INT16, 100), WAV16)


def test_wrong_samples_are_refused_and_leave_the_old_file(old: Path) -> None:
    fmt = OutputFormat("WAV", "PCM_24")
    for bad in (
        np.zeros((1, 5), np.int32), np.zeros(5, np.int32), np.zeros((2, 5), np.int16), np.zeros((2, 5), np.float64),
        np.full((2, 5), 2**23, np.int32), np.full((2, 5), -(2**23) - 1, np.int32),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="samples"), AudioWriter(old, 48000, 2, fmt) as writer:
            writer.write(bad)
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="NaN"):
            write(old, np.full((2, 5), value, np.float32), OutputFormat("WAV", "FLOAT"))
    with pytest.raises(TargetError, match="Nothing was written"):
        write(old, np.zeros((2, 0), np.int16), WAV16)
    with pytest.raises(BadInputError, match="48000"):
        write(old, np.zeros((2, 10), np.float32), OutputFormat("OGG", "OPUS"), 44100)


@pytest.mark.parametrize("container,subtype", [*LOSSLESS[::5], ("FLAC", "PCM_16"), ("AIFF", "PCM_24"), *LOSSY, ("M4A", "ALAC_16")])
@pytest.mark.parametrize("limit", [10, 100, 30000])
def test_a_full_disk_is_told_and_leaves_nothing(old: Path, container: str, subtype: str, limit: int) -> None:
    resource = pytest.importorskip("resource")
    if container == "M4A":
        pytest.importorskip("av")
    fmt = OutputFormat(container, subtype)
    samples = sound(fmt.sample_type, 100_000)
    if fmt.is_lossy:
        samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 100_000)).astype(np.float32)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with pytest.raises(TargetError) as caught:
            write(old, samples, fmt)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert '"old.wav"' in str(caught.value)
    assert "make room" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_small_disk_that_fills_up(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("no mounting here")
    try:
        for container, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "FLOAT"), ("CAF", "PCM_24")):
            fmt = OutputFormat(container, subtype)
            assert free_bytes(tmp_path) < expected_bytes(100_000, 2, fmt)
            with pytest.raises(TargetError, match="disk is full"):
                write(tmp_path / "x", sound(fmt.sample_type, 100_000), fmt)
            assert names(tmp_path) == []
        # room for the sound, none for the cover
        with pytest.raises(TargetError, match=r"disk is full|shorter"):
            write(tmp_path / "x", sound(INT16, 20_000), WAV16, tags=Tags({}, bytes(200_000), "image/png"))
        assert names(tmp_path) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_impossible_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    samples = sound(INT16, 100)
    for target, words in (
        (tmp_path / "dir", "is a folder"), (tmp_path / "none" / "x.wav", "no folder"), (tmp_path / "file" / "x.wav", "no folder"),
        (tmp_path / ("y" * 300 + ".wav"), "too long a name"),
    ):  # fmt: skip
        with pytest.raises(TargetError, match=words) as caught:
            write(target, samples, WAV16)
        assert target.name in str(caught.value)
        assert "choose" in str(caught.value)

    def read_only(*args: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", read_only)
        with pytest.raises(TargetError, match="read-only"):
            write(tmp_path / "x.wav", samples, WAV16)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(TargetError, match="write-protected"):
            write(tmp_path / "file", samples, WAV16)
    assert names(tmp_path) == ["dir", "file"]


@pytest.mark.parametrize("name", ["naïve – 日本語 🎧.wav", "x" * 246 + ".wav", "no ending", ".hidden.wav", "a'b\"%s{}.wav"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    samples = sound(INT16, 500)
    write(tmp_path / name, samples, WAV16)
    with open_mixture(tmp_path / name) as mixture:
        np.testing.assert_array_equal(mixture.read(0, 500), samples)
    assert names(tmp_path) == [name]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write(tmp_path / "x.wav", sound(INT16, 50), WAV16)
    assert stat.S_IMODE((tmp_path / "x.wav").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_an_open_mixture_survives_its_file_being_replaced(tmp_path: Path) -> None:
    path, samples = tmp_path / "x.wav", sound(INT16, 200_000)
    write(path, samples, WAV16)
    with open_mixture(path) as mixture:
        write(path, sound(INT16, 50), WAV16)
        assert mixture.changed_on_disk()
        np.testing.assert_array_equal(mixture.read(0, 200_000), samples)


def test_integers_are_never_left_to_libsndfile_to_round(tmp_path: Path) -> None:
    """The trap that the writer avoids: libsndfile rounds floats down in WAV."""
    sf.write(tmp_path / "trap.wav", np.array([0.7, -0.3]) / 32768, 48000, "PCM_16")
    assert sf.read(tmp_path / "trap.wav", dtype="int16")[0].tolist() == [0, -1]
    write(tmp_path / "x.wav", np.array([[1, 0]], np.int16), WAV16)
    with open_mixture(tmp_path / "x.wav") as mixture:
        assert mixture.read(0, 2).tolist() == [[1, 0]]


def test_atomic_text(tmp_path: Path) -> None:
    atomic_text(tmp_path / "r.txt", "ü\n")
    atomic_text(tmp_path / "r.txt", "null: yes ✓\n")
    assert (tmp_path / "r.txt").read_bytes() == "null: yes ✓\n".encode()
    with pytest.raises(TargetError, match="no folder"):
        atomic_text(tmp_path / "none" / "r.txt", "x")
    assert names(tmp_path) == ["r.txt"]


def test_free_bytes_of_a_folder_to_be_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0


def test_what_a_killed_export_left_is_swept_and_what_is_being_written_stays(tmp_path: Path) -> None:
    (tmp_path / ".nullsum-deadbeef.tmp").write_bytes(b"left by a process that was killed")
    (tmp_path / "notes.tmp").write_text("not ours")
    fmt = OutputFormat("WAV", "PCM_16")
    with AudioWriter(tmp_path / "a.wav", 44100, 1, fmt) as first:
        first.write(np.zeros((1, 10), np.int16))
        with AudioWriter(tmp_path / "b.wav", 44100, 1, fmt) as second:  # sweeps when it begins
            second.write(np.zeros((1, 10), np.int16))
            assert sum(p.name.startswith(".nullsum-") for p in tmp_path.iterdir()) == 2
            assert sweep(tmp_path) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav", "notes.tmp"]


def test_a_folder_aside_is_gone_in_the_end_and_swept_where_its_process_died(tmp_path: Path) -> None:
    with folder_aside(tmp_path) as aside:
        (aside / "song.wav").write_bytes(b"whole")
        assert aside.parent == tmp_path and (sys.platform == "win32" or sweep(tmp_path) == 0)  # locked
        (aside / "song.wav").replace(tmp_path / "song.wav")
        (aside / "left.wav").write_bytes(b"left")
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]
    dead, strange = tmp_path / ".nullsum-0123456789ab", tmp_path / ".nullsum-of-somebody"
    for folder in (dead, strange):
        folder.mkdir()
        (folder / "stems.wav").write_bytes(b"gigabytes")
    (dead / ".lock").touch()
    if sys.platform == "win32":
        os.utime(dead / ".lock", (0, 0))
    with folder_aside(tmp_path) as aside:
        assert not dead.exists() and strange.exists() and aside.exists()
    with pytest.raises(TargetError, match="there is no folder"), folder_aside(tmp_path / "nowhere"):
        pass
