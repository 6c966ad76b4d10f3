"""What is damaged on the disk is never used: it is made again, or told in a sentence; good chunks are taken as they are."""

import os
from pathlib import Path

import numpy as np
import pytest
from laws import values
from toys import Toy, recording

from engine.cache import Cache
from engine.errors import EngineError
from engine.masks import ONE, quantised
from engine.separate import separate
from engine.types import Array

SHAPE = (4, 1, 37, 101)
HEADER = 128  # bytes of an .npy file before its numbers


def chunk(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Array:
    """Lawful masks of any sharpness, uint16 (stem, channel, frame, row)."""
    x = np.random.default_rng(seed).random(shape) ** (1 + 9 * seed)
    return quantised(x / x.sum(axis=0))


def damages(data: bytes) -> dict[str, bytes]:
    """What a crash, a bad disk or another program makes of a chunk's file: every one keeps its length unless it says otherwise."""
    rng = np.random.default_rng(1)
    made = {
        "the second half is zeros": data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
        "all numbers are zeros": data[:HEADER] + bytes(len(data) - HEADER),
        "all is zeros": bytes(len(data)),
        "a block of 512 is zeros": data[:1024] + bytes(512) + data[1536:],
        "a block moved": data[:4096] + data[8192:8704] + data[4608:],
        "cut": data[: len(data) - 2],
        "empty": b"",
        "the bytes are swapped": data[:HEADER].replace(b"<u2", b">u2") + data[HEADER:],
    }
    for bit in range(16):  # every bit of a number
        at = HEADER + 2 * int(rng.integers((len(data) - HEADER) // 2)) + bit // 8
        made[f"bit {bit} at byte {at}"] = data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]
    for n in (2, 17, 999):
        flipped = bytearray(data)
        for at in rng.choice(np.arange(HEADER, len(data)), n, replace=False):
            flipped[at] ^= 1 << int(rng.integers(8))
        made[f"{n} bits"] = bytes(flipped)
    return made


def test_no_damage_is_taken_for_masks_and_what_is_whole_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for seed in range(3):
        good = chunk(seed)
        key = f"{seed:064d}"
        stored = cache.put(key, good)
        (path,) = tmp_path.rglob(f"{key}.npy")
        whole = path.read_bytes()
        for what, data in damages(whole).items():
            assert data != whole
            path.write_bytes(data)
            assert cache.get(key, [SHAPE]) is None, what
        path.write_bytes(whole)
        assert cache.get(key, [(3, *SHAPE[1:])]) is None and cache.get("f" * 64, [SHAPE]) is None
        again = cache.get(key, [(9, 9, 9, 9), SHAPE])
        assert again is not None and np.array_equal(again(), good) and np.array_equal(stored(), good)


@pytest.mark.parametrize("shares", [[0, 0], [ONE, ONE], [ONE, 1], [ONE, 0]])
def test_the_law_is_that_of_masks_and_not_of_16_bits(tmp_path: Path, shares: list[int]) -> None:
    cache = Cache(tmp_path)
    x = np.full((2, 1, 5, 7), 0, np.uint16)
    x[0], x[1] = shares
    cache.put("a" * 64, x)
    assert (cache.get("a" * 64, [x.shape]) is not None) == (sum(shares) == ONE)
    three = np.array([ONE, 1, ONE], np.uint16).reshape(3, 1, 1, 1)  # sums to ONE but for what 16 bits cannot hold
    cache.put("b" * 64, three)
    assert cache.get("b" * 64, [three.shape]) is None


def test_a_song_with_damaged_chunks_has_the_masks_of_a_whole_one(tmp_path: Path) -> None:
    mixture, cache = recording(n_samples=120_000), Cache(tmp_path)
    good = values(separate(mixture, Toy()))
    separate(mixture, Toy(), cache)
    files = sorted(tmp_path.rglob("*.npy"))
    before = [path.read_bytes() for path in files]
    for path, data in zip(files, before, strict=True):
        path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    assert np.array_equal(values(separate(mixture, Toy(), cache)), good)
    assert [path.read_bytes() for path in files] == before  # mended


def test_what_is_damaged_while_it_is_open_is_told_and_makes_room_for_a_new_one(tmp_path: Path) -> None:
    mixture, cache = recording(n_samples=60_000, seed=4), Cache(tmp_path)
    masks = separate(mixture, Toy(), cache)
    (first, *_) = sorted(tmp_path.rglob("*.npy"))
    data = first.read_bytes()
    first.write_bytes(data[:-100] + bytes(100))
    for _ in range(2):  # nothing damaged is kept in memory either
        with pytest.raises(EngineError, match=r"gone or damaged .* separate the song again"):
            values(masks)
    assert not first.exists()  # so it is seen to be gone, and made again
    assert np.array_equal(values(separate(mixture, Toy(), cache)), values(separate(mixture, Toy())))


def test_a_chunk_lies_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, list[str]]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        seen.append((os.fstat(handle).st_size, [path.suffix for path in tmp_path.rglob("*.*")]))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    Cache(tmp_path).put("c" * 64, chunk())
    assert seen == [(HEADER + chunk().nbytes, [".part"])]
