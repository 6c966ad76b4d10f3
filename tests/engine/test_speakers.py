"""Where channels belong stays as the source says: stems and remix carry its mask of speakers."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from engine.audio import open_mixture
from engine.audio_layout import put_speakers
from engine.audio_write import AudioWriter
from engine.cli import run
from engine.formats import OutputFormat, chosen_format, default_format, shift_of
from engine.session import Session
from engine.types import FLOAT32, INT16, INT24, AudioInfo, Mix, SampleType, Speakers, StemMix
from tests.engine.toys import signal

TYPES = {"PCM_16": INT16, "PCM_24": INT24, "FLOAT": FLOAT32}
# none in particular, stereo, wides, LCRS, 5.1 side, 5.1, 7.1 side, 7.1, mono, 3.0, 5.0, a mask of fewer speakers than channels
MASKS = (
    (0, 4), (0, 2), (0x3, 2), (0x600, 2), (0x107, 4), (0x60F, 6), (0x3F, 6), (0x63F, 8), (0xFF, 8), (0x4, 1), (0x7, 3), (0x37, 5), (0x3, 4),
)  # fmt: skip
N = 1500


def write(path: Path, speakers: Speakers | None, n_channels: int, subtype: str = "PCM_16", container: str = "WAVEX") -> None:
    """Noise under a header that says these speakers, patched by hand and not by the code under test."""
    x = signal("noise", n_channels, N, TYPES[subtype])
    if subtype != "FLOAT":
        x <<= shift_of(TYPES[subtype])  # left-aligned, as libsndfile takes 24 bits
    sf.write(path, x.T, 44100, subtype, format=container)
    if speakers is not None:
        data = bytearray(path.read_bytes())
        at = data.index(b"fmt ") + 8
        data[at + 20 : at + 24] = struct.pack("<I", speakers.mask)
        if speakers.is_ambisonic:
            data[at + 28 : at + 40] = bytes.fromhex("21 07 d3 11 86 44 c8 c1 ca 00 00 00")
        path.write_bytes(data)


def said(path: Path) -> tuple[int, bool] | None:
    """The mask and whether the channels are ambisonic, None for a plain header: read here by hand, too."""
    data = path.read_bytes()
    at = data.index(b"fmt ") + 8
    if data[at : at + 2] != b"\xfe\xff":
        return None
    return struct.unpack("<I", data[at + 20 : at + 24])[0], data[at + 28 : at + 30] == b"\x21\x07"


def info_of(container: str, n_channels: int, speakers: Speakers | None, kind: SampleType = INT16, n_samples: int = 1000) -> AudioInfo:
    return AudioInfo(None, container, "PCM_16", kind, 48000, n_channels, n_samples, speakers=speakers)


@pytest.mark.parametrize("subtype", TYPES)
def test_stems_and_remix_have_the_speakers_of_the_source(tmp_path: Path, subtype: str) -> None:
    for n, (mask, n_channels) in enumerate(MASKS):
        song, folder = tmp_path / f"{n}.wav", tmp_path / f"stems {n}"
        folder.mkdir()
        write(song, Speakers(mask), n_channels, subtype)
        with Session(song, "hpss", None) as session:
            assert session.info.speakers == Speakers(mask)
            written, report = session.export_stems(folder, session.output_format(), session.stretch())
            session.mix = Mix({"harmonic": StemMix(gain_db=3.0)})
            for ending in (None, "wav", "rf64"):  # None: the source's own container
                remix = tmp_path / f"{n} remix {ending}.wav"
                session.export_remix(remix, session.output_format(ending), session.stretch())
                by_itself = (1, 0x4), (2, 0x3)  # what a plain WAV means without saying it
                assert said(remix) == (None if ending == "wav" and (n_channels, mask) in by_itself else (mask, False)), (mask, ending)
        assert len(written.files) == 2
        assert all(said(path) == (mask, False) for path in written.files.values()), mask
        assert report.result.adds_up
        if subtype != "FLOAT":
            total = sum(sf.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) for path in written.files.values())
            np.testing.assert_array_equal(total, sf.read(song, dtype="int32", always_2d=True)[0])


def test_only_the_speakers_change_in_the_file(tmp_path: Path) -> None:
    samples = signal("noise", 6, N, INT16)
    for container in ("WAVEX", "RF64"):
        files = [tmp_path / "usual.wav", tmp_path / "side.wav", tmp_path / "amb.wav"]
        for path, speakers in zip(files, (None, Speakers(0x60F), Speakers(0, True)), strict=True):
            with AudioWriter(path, 48000, 6, OutputFormat(container, "PCM_16", speakers)) as writer:
                writer.write(samples)
            with open_mixture(path) as mixture:
                np.testing.assert_array_equal(mixture.read(0, N), samples)
                assert mixture.info.speakers == (speakers or Speakers(0x3F))
        usual, side, amb = (np.frombuffer(path.read_bytes(), np.uint8) for path in files)
        assert (usual != side).sum() == 2  # 0x003F and 0x060F
        assert 10 < (usual != amb).sum() <= 16  # mask and what the GUID ends with


def test_ambisonic_stays_ambisonic(tmp_path: Path) -> None:
    song = tmp_path / "field.amb"
    write(song, Speakers(0, is_ambisonic=True), 4)
    assert run(["separate", str(song), "-o", str(tmp_path / "out"), "-m", "hpss"]) == 0
    stems = list((tmp_path / "out").rglob("*.wav"))
    assert len(stems) == 2 and all(said(path) == (0, True) for path in stems)


@pytest.mark.parametrize(("mask", "n_channels", "container"), [(0x60F, 6, "WAVEX"), (0x63F, 8, "RF64"), (0x33, 4, "WAVEX")])
def test_a_remix_named_wav_keeps_the_speakers(tmp_path: Path, mask: int, n_channels: int, container: str) -> None:
    song, remix = tmp_path / "song.wav", tmp_path / "r.wav"
    write(song, Speakers(mask), n_channels, container=container)
    assert run(["remix", str(song), "-o", str(remix), "-m", "hpss", "--harmonic", "+2"]) == 0
    assert said(remix) == (mask, False) and sf.info(remix).format == "WAVEX"


def test_wav_is_plain_where_that_says_all() -> None:
    for n_channels, speakers in ((1, Speakers(0x4)), (2, Speakers(0x3)), (2, None), (6, None)):
        assert chosen_format(info_of("WAVEX", n_channels, speakers), "wav", None).container == "WAV"
        assert default_format(info_of("WAV", n_channels, speakers)).container == "WAV"
    for n_channels, speakers in ((1, Speakers(0x1)), (2, Speakers(0)), (2, Speakers(0x600)), (3, Speakers(0x7)), (2, Speakers(0x3, True))):
        fmt = chosen_format(info_of("W64", n_channels, speakers), "wav", "24")
        assert (fmt.container, fmt.subtype, fmt.speakers) == ("WAVEX", "PCM_24", speakers)
        long = chosen_format(info_of("WAVEX", n_channels, speakers, n_samples=2**31), None, None)
        assert (long.container, long.speakers) == ("RF64", speakers)
    for typed in ("flac", "aiff", "caf", "w64", "au", "ogg"):  # have an order of their own, or none
        assert chosen_format(info_of("WAVEX", 6, Speakers(0x60F)), typed, None).speakers is None


def test_what_says_no_speakers_has_none(tmp_path: Path) -> None:
    for container in ("WAV", "W64", "AIFF", "FLAC", "CAF", "AU"):
        path = tmp_path / f"x.{container}"
        write(path, None, 6, container=container)
        before = path.read_bytes()
        with open_mixture(path) as mixture:
            assert mixture.info.speakers is None
        with path.open("rb+") as file, pytest.raises(ValueError, match="extensible"):
            put_speakers(file, Speakers(0x3F))
        assert path.read_bytes() == before


def test_w64_and_rifx_are_read_too(tmp_path: Path) -> None:
    """libsndfile writes neither of them extensible, so they are made by hand: 6 channels, 16 bits, 10 samples."""
    samples = signal("noise", 6, 10, INT16)
    guids = {name: name + bytes.fromhex("f3acd3118cd100c04f8edb8a") for name in (b"wave", b"fmt ", b"data")}
    for order, is_amb in (("<", False), ("<", True), (">", False), (">", True)):
        tail = (0x0721, 0x11D3, bytes.fromhex("8644c8c1ca000000")) if is_amb else (0, 0x10, bytes.fromhex("800000aa00389b71"))
        fmt = struct.pack(order + "HHIIHHHHIIHH8s", 0xFFFE, 6, 48000, 576000, 12, 16, 22, 16, 0x60F, 1, *tail)
        sound = samples.T.astype(order + "i2").tobytes()
        if order == ">":
            body = b"WAVEfmt " + struct.pack(">I", 40) + fmt + b"data" + struct.pack(">I", 120) + sound
            data = b"RIFX" + struct.pack(">I", len(body)) + body
        else:
            body = guids[b"wave"] + guids[b"fmt "] + struct.pack("<Q", 64) + fmt + guids[b"data"] + struct.pack("<Q", 144) + sound
            data = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", 24 + len(body)) + body
        path = tmp_path / "x"
        path.write_bytes(data)
        with open_mixture(path) as mixture:
            assert mixture.info.speakers == Speakers(0x60F, is_amb)
            np.testing.assert_array_equal(mixture.read(0, 10), samples)
