"""Headers that tell of less sound than the file holds are refused; what programs leave behind the sound does no harm."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from engine.audio import open_mixture
from engine.errors import BadInputError

GIB = 2**30
N = 5000  # samples of 4 bytes


def make(path: Path, container: str = "WAV", n: int = N, n_channels: int = 2, subtype: str = "PCM_16") -> np.ndarray:
    """Noise without zeros in it; returns (channel, sample)."""
    x = np.random.default_rng(0).integers(1, 2**15, (n, n_channels)).astype(np.int16) | np.int16(0x0101)
    endian = "BIG" if container == "RIFX" else None
    sf.write(path, x if subtype == "PCM_16" else (x >> 8) << 8, 48000, subtype, endian, "WAV" if container == "RIFX" else container)
    return x.T


def opens(path: Path, samples: np.ndarray) -> None:
    with open_mixture(path) as mixture:
        np.testing.assert_array_equal(mixture.read(0, mixture.info.n_samples), samples)


def refused(path: Path, *words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        open_mixture(path)
    text = str(caught.value)
    assert path.name in text and "; " in text and text.endswith("."), text
    for word in words:
        assert word in text, text


def say(path: Path, n_bytes: int, container: str = "WAV", size: int | None = None) -> None:
    """Let the header tell of so many bytes of sound; `size`: make the file so long with a hole that takes no room."""
    data = bytearray(path.read_bytes())
    name, order = {"AIFF": (b"SSND", ">"), "RIFX": (b"data", ">")}.get(container, (b"data", "<"))  # of the 32-bit kinds made of chunks
    if container == "AU":
        data[8:12] = struct.pack(">I", n_bytes)
    elif container == "RF64":
        at = data.index(b"ds64") + 16
        data[at : at + 8] = struct.pack("<Q", n_bytes)
    elif container == "W64":
        at = data.index(b"data") + 16
        data[at : at + 8] = struct.pack("<Q", n_bytes + 24)
    elif container == "CAF":
        at = data.index(b"data") + 4
        data[at : at + 8] = struct.pack(">q", n_bytes)
    else:
        at = data.index(name) + 4
        data[at : at + 4] = struct.pack(order + "I", n_bytes)
    path.write_bytes(data)
    if size is not None:
        os.truncate(path, size)


def begin_of(path: Path) -> int:
    """Where the sound begins in a file as `make` leaves it."""
    return path.stat().st_size - 4 * N


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RIFX", "AIFF", "AU"])
@pytest.mark.parametrize("size", [4 * GIB + 200_000, 4 * GIB + 2**24 + 1000, 5 * GIB, 9 * GIB + 12])
def test_more_than_four_gigabytes_under_a_short_header(tmp_path: Path, container: str, size: int) -> None:
    """What a program writes that counts in 32 bits: the size less 4 GiB once or twice."""
    path = tmp_path / "long.x"
    make(path, container)
    begin = begin_of(path) - (8 if container == "AIFF" else 0)
    say(path, (size - begin) % 2**32, container, size)
    if size < 4 * GIB + 2**24:  # longer ones are refused whatever is in them, such as the hole that is here
        with path.open("rb+") as file:
            file.seek(size - 4 * GIB + 1000)
            file.write(b"\x81\x93" * 1000)
    refused(path, "4 GiB", f"{size / GIB:.2f} GiB", "RF64 or W64")


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0xFFFFFFDB, 0xFFFFF000, 0x7FFFFFFF, 0x80000000, 0x7FFFF024])
@pytest.mark.parametrize("container", ["WAV", "RIFX"])
def test_a_stream_longer_than_its_placeholder(tmp_path: Path, container: str, length: int) -> None:
    path = tmp_path / "stream.wav"
    for size in (length + 200_000, 5 * GIB):
        make(path, container)
        say(path, length, container, size)
        with path.open("rb+") as file:
            file.seek(length + 1000)
            file.write(b"\x81\x93" * 1000)
        refused(path, "GiB" if size > 4 * GIB else "bytes follow")


@pytest.mark.parametrize("container", ["RF64", "W64", "AU stream"])
def test_long_headers_may_tell_of_more(tmp_path: Path, container: str) -> None:
    path, (container, _, stream) = tmp_path / "long.x", container.partition(" ")
    make(path, container)
    begin, size = begin_of(path), 5 * GIB
    say(path, 0xFFFFFFFF if stream else size - begin, container, size)
    with open_mixture(path) as mixture:
        assert mixture.info.n_samples == (size - begin) // 4


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RIFX", "RF64", "W64", "AIFF", "CAF", "AU"])
def test_a_header_that_tells_of_too_little(tmp_path: Path, container: str) -> None:
    path = tmp_path / "short.x"
    for n, told in ((90_000, 1000), (90_000, 0), (500_000, 600_000), (5000, 4)):
        make(path, container, n)
        say(path, told + {"AIFF": 8, "CAF": 4}.get(container, 0), container)
        refused(path, "bytes follow", "export it again")


@pytest.mark.parametrize("container", ["RIFX", "WAV"])
def test_cut_off(tmp_path: Path, container: str) -> None:
    path = tmp_path / "cut.wav"
    make(path, container, 100_000)
    for keep in (399_000, 300_044, 45):
        os.truncate(path, keep)
        refused(path, "cut off", "whole copy")


def chunk(name: bytes, content: bytes, filled_up: bool = True) -> bytes:
    return name + struct.pack("<I", len(content)) + content + (b"\0" if len(content) % 2 and filled_up else b"")


def junk() -> dict[str, bytes]:
    noise = np.random.default_rng(1).integers(128, 255, 3_000_000).astype(np.uint8).tobytes()
    return {
        "odd byte": b"\x07", "line end": b"\r\n", "zeros": bytes(700), "many zeros": bytes(3_000_000), "few odd bytes": noise[:4000],
        "ID3": b"ID3\x04\x00\x00\x00\x00\x20\x00" + noise[:4096], "ID3v1": b"TAG" + b"song".ljust(125, b"\0"),
        "APE": b"APETAGEX" + noise[:2_000_000], "LIST": chunk(b"LIST", b"INFO" + chunk(b"INAM", b"song")),
        "cover": chunk(b"id3 ", noise[:2_000_001]) + chunk(b"LIST", b"INFO"), "not filled up": chunk(b"iXML", noise[:2_000_001], False)
        + chunk(b"own ", noise), "behind zeros": bytes(9001) + chunk(b"bext", noise[:60_000]) + bytes(4097) + b"TAG" + noise[:125],
        "cut": chunk(b"id3 ", noise)[:-5000], "unknown": chunk(b"Wxyz", noise[:40_000]),
    }  # fmt: skip


@pytest.mark.parametrize("what", junk())
def test_what_lies_behind_the_sound_does_no_harm(tmp_path: Path, what: str) -> None:
    for n_channels, subtype in ((2, "PCM_16"), (1, "PCM_24")):
        path = tmp_path / "x.wav"
        make(path, n_channels=n_channels, subtype=subtype, n=N + 1)  # 15 003 bytes in mono: an odd number
        with open_mixture(path) as mixture:
            samples = mixture.read(0, N + 1)
        data = path.read_bytes()
        for begin in (data, data[:-1]) if len(data) % 2 == 0 and n_channels == 1 else (data,):  # with the byte that fills it up and without
            path.write_bytes(begin + junk()[what])
            opens(path, samples)


def test_odd_bytes_count_against_the_sound(tmp_path: Path) -> None:
    """A megabyte is too much behind any sound; less is, where it is more than the sound itself."""
    path, rng = tmp_path / "x.wav", np.random.default_rng(2)
    for n, n_behind, is_fine in ((N, 4 * N, True), (N, 4 * N + 1, False), (10, 4096, True), (10, 4097, False),
                                 (300_000, 2**20, True), (300_000, 2**20 + 1, False)):  # fmt: skip
        samples = make(path, n=n)
        path.write_bytes(path.read_bytes() + rng.integers(128, 255, n_behind).astype(np.uint8).tobytes())
        if is_fine:
            opens(path, samples)
        else:
            refused(path, f"{n * 4:,} bytes of sound", f"{n_behind:,} bytes follow")


def test_a_recording_that_was_never_closed_is_whole(tmp_path: Path) -> None:
    """No length, and a RIFF chunk of 8 bytes: libsndfile's own first header, all behind it is sound."""
    path = tmp_path / "x.wav"
    samples = make(path, n=90_000)
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:4] + struct.pack("<I", 8) + data[8:at] + bytes(4) + data[at + 4 :])
    opens(path, samples)
