"""Sound files that are odd but good (FLAC of 4 to 32 bits, tags in old encodings), and damage that only FFmpeg meets: one sentence each."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from engine.audio import open_mixture
from engine.audio_decode import flac_bits
from engine.audio_write import AudioWriter
from engine.errors import BadInputError
from engine.formats import OutputFormat, default_format
from engine.tags import Tags, read_tags
from engine.types import Array

BLOCK = 1024  # samples of a FLAC frame


def crc(data: bytes, polynomial: int, n_bits: int) -> int:
    """The checksums of FLAC, bit by bit (RFC 9639, sections 9.1.8 and 9.3)."""
    value, top, mask = 0, 1 << (n_bits - 1), (1 << n_bits) - 1
    for byte in data:
        value ^= byte << (n_bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ (polynomial if value & top else 0)) & mask
    return value


def flac(samples: Array, bits: int, comments: bytes = b"") -> bytes:
    """A FLAC file without any compression: samples (channel, sample) of that depth at 44.1 kHz in verbatim subframes (RFC 9639)."""
    n_channels, n = samples.shape
    sizes = BLOCK.to_bytes(2, "big") * 2 + bytes(6)
    stream = sizes + (44100 << 44 | (n_channels - 1) << 41 | (bits - 1) << 36 | n).to_bytes(8, "big") + bytes(16)
    out = b"fLaC" + bytes([0 if comments else 0x80]) + len(stream).to_bytes(3, "big") + stream
    if comments:
        out += b"\x84" + len(comments).to_bytes(3, "big") + comments
    depth = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}.get(bits, 0)  # 0: as STREAMINFO says
    for k, at in enumerate(range(0, n, BLOCK)):
        part = samples[:, at : at + BLOCK]
        head = bytes([0xFF, 0xF8, 0x70, (n_channels - 1) << 4 | depth << 1, k]) + (part.shape[1] - 1).to_bytes(2, "big")
        head += bytes([crc(head, 0x07, 8)])
        body = "".join("00000010" + "".join(format(int(v) & ((1 << bits) - 1), f"0{bits}b") for v in channel) for channel in part)
        body += "0" * (-len(body) % 8)
        frame = head + int(body, 2).to_bytes(len(body) // 8, "big")
        out += frame + crc(frame, 0x8005, 16).to_bytes(2, "big")
    return out


def integers(bits: int, n_channels: int = 2, n: int = 2500) -> Array:
    """Noise that reaches both ends of its depth."""
    x = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (n_channels, n))
    x[:, 0], x[:, -1] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return x


def refused(path: Path, *words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        open_mixture(path)
    text = str(caught.value)
    assert path.name in text and text.endswith(".") and "\n" not in text and all(word in text for word in words), text


@pytest.mark.parametrize("bits", [4, 8, 12, 16, 18, 20, 24, 27, 32])
def test_flac_of_any_depth_is_read_exactly(tmp_path: Path, bits: int) -> None:
    pytest.importorskip("av")
    path = tmp_path / "x.flac"
    for n_channels in (1, 2, 6):
        x = integers(bits, n_channels)
        path.write_bytes(flac(x, bits))
        assert flac_bits(path.read_bytes()[:64]) == bits
        with open_mixture(path) as mixture:
            kind = mixture.info.sample_type
            assert (mixture.info.container, mixture.info.is_lossy, kind.is_float) == ("FLAC", False, False)
            assert kind.bits == (8 if bits == 8 else 16 if bits <= 16 else 24 if bits <= 24 else 32)
            heard = mixture.read(-3, x.shape[1] + 6)
            np.testing.assert_array_equal(heard, np.pad(x << (kind.bits - bits), ((0, 0), (3, 3))))
            fmt = default_format(mixture.info)  # what holds all of it
            assert fmt.sample_type == kind and fmt.container == ("FLAC" if bits <= 24 else "WAV")


def test_an_odd_flac_keeps_its_tags_and_its_samples_when_written(tmp_path: Path) -> None:
    pytest.importorskip("av")
    title = "TITLE=Ünï".encode()
    comments = bytes(4) + (1).to_bytes(4, "little") + len(title).to_bytes(4, "little") + title
    x = integers(20)
    (tmp_path / "x.flac").write_bytes(flac(x, 20, comments))
    tags = read_tags(tmp_path / "x.flac")
    assert tags == Tags({"title": "Ünï"})
    with open_mixture(tmp_path / "x.flac") as mixture:
        fmt, samples = default_format(mixture.info), mixture.read(0, x.shape[1])
    with AudioWriter(tmp_path / "y.flac", 44100, 2, fmt, tags=tags) as writer:
        writer.write(samples)
    with open_mixture(tmp_path / "y.flac") as written:
        np.testing.assert_array_equal(written.read(0, x.shape[1]), x << 4)
    assert read_tags(tmp_path / "y.flac") == tags


@pytest.mark.parametrize("bits", [12, 20, 32])
def test_an_odd_flac_that_is_damaged_or_cut_is_refused(tmp_path: Path, bits: int) -> None:
    pytest.importorskip("av")
    whole = flac(integers(bits), bits)
    for at in np.linspace(60, len(whole) - 3, 12).astype(int):  # in headers, samples and checksums
        (tmp_path / "x.flac").write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        refused(tmp_path / "x.flac")
    for end in (50, len(whole) // 2, len(whole) - 900):
        (tmp_path / "x.flac").write_bytes(whole[:end])
        refused(tmp_path / "x.flac")


@pytest.mark.parametrize("bits", [12, 20, 32])
def test_without_pyav_an_odd_flac_names_its_depth_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "x.flac").write_bytes(flac(integers(bits, 1, 100), bits))
    refused(tmp_path / "x.flac", f"FLAC of {bits} bits", "pip install nullsum[av]", "convert it to WAV")


def m4a(path: Path, subtype: str = "ALAC_16") -> Array:
    pytest.importorskip("av")
    x = integers(16, 2, 6000).astype(np.int16)
    fmt = OutputFormat("M4A", subtype)
    with AudioWriter(path, 44100, 2, fmt, tags=Tags({"artist": "Beyonce"})) as writer:
        writer.write((x / 32768).astype(np.float32) if fmt.is_lossy else x)
    return x


def test_tags_in_an_old_encoding_are_no_reason_not_to_open(tmp_path: Path) -> None:
    path = tmp_path / "x.m4a"
    x = m4a(path)
    for raw in (b"Beyonc\xe9", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9"):
        path.write_bytes(path.read_bytes().replace(b"Beyonce", raw).replace(b"Beyonc\xe9", raw))
        assert raw in path.read_bytes()
        with open_mixture(path) as mixture:
            np.testing.assert_array_equal(mixture.read(0, 6000), x)


def test_an_m4a_of_an_unknown_codec_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.m4a"
    m4a(path, "AAC")
    data = path.read_bytes()
    assert data.count(b"mp4a") == data.count(b"esds") == 1
    path.write_bytes(data.replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    refused(path, "damaged, cut off or not a sound file", "get a whole copy")


def test_a_caf_that_points_beyond_everything_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av")
    path = tmp_path / "x.caf"
    sf.write(path, integers(16, 2, 6000).astype(np.int16).T, 44100, "ALAC_16", format="CAF")
    whole = path.read_bytes()
    size = whole.index(b"pakt") + 4  # of that chunk: eight bytes
    for byte in range(4):  # some pass the end of the file, some all that a file can have
        for value in (0x01, 0x7F, 0x9C, 0xFF):
            path.write_bytes(whole[: size + byte] + bytes([value]) + whole[size + byte + 1 :])
            refused(path)
    assert "Traceback" not in capfd.readouterr().err  # PyAV prints what it drops


@pytest.mark.parametrize("seed", range(3))
def test_damage_anywhere_is_one_sentence_or_none(tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int) -> None:
    m4a(tmp_path / "a.m4a")
    m4a(tmp_path / "b.m4a", "AAC")
    sf.write(tmp_path / "c.caf", integers(16, 2, 6000).astype(np.int16).T, 44100, "ALAC_16", format="CAF")
    rng = np.random.default_rng(seed)
    for source in sorted(tmp_path.iterdir()):
        whole = source.read_bytes()
        boxes = [*range(200), *range(len(whole) - 1500, len(whole))]  # where these formats keep what they say of themselves
        broken = source.with_stem("broken")
        for _ in range(12):
            data = bytearray(whole)
            for at in rng.choice(boxes, 3):
                data[at] = rng.integers(256)
            broken.write_bytes(data)
            with contextlib.suppress(BadInputError), open_mixture(broken) as mixture:
                mixture.read(0, mixture.info.n_samples)
    assert "Traceback" not in capfd.readouterr().err  # PyAV prints what it drops
