"""Masks that were made once: one small file a chunk, named by everything that decides its content.

The name is a SHA-256 over the decoded samples of the chunk's stretch, what was heard of the song beforehand (engine.listen),
method, weights, settings, precision, device class, grid and format version. So a song that was separated once opens at once,
work that was interrupted goes on where it stood, and nothing can go stale. The least recently used chunks are dropped beyond
the limit.

A chunk that a disk or a crash damaged is found by the law that all masks obey: the shares of every cell sum to 65535, which no
zeroed part and no flipped bit leaves so. Looking costs 0.1 to 0.4 ms for 10 s of stereo, less than the chunk's name.
"""

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.masks import ONE
from engine.types import Array, MaskGrid

FORMAT_VERSION = 1
DEFAULT_LIMIT_BYTES = 8 * 2**30  # about 250 songs of four minutes
STALE_S = 3600.0  # what is still called .part after an hour was left by work that was killed


def default_folder() -> Path:
    """The user's cache folder for Nullsum; NULLSUM_CACHE overrides."""
    if os.environ.get("NULLSUM_CACHE"):
        return Path(os.environ["NULLSUM_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "nullsum"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nullsum"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nullsum"


@dataclass(frozen=True)
class Usage:
    """How full the cache is."""

    folder: Path
    n_chunks: int
    n_bytes: int
    limit_bytes: int


def _loaded(path: Path) -> Array:
    """The array of a chunk file. OSError where it cannot be read, ValueError or EOFError where its masks are not what was put there.

    Read, not mapped: where a disk fails, a mapped file kills the process.
    """
    chunk: Array = np.load(path, allow_pickle=False)
    if chunk.dtype != np.uint16 or chunk.ndim != 4:
        raise ValueError("no masks")
    total = chunk[0].astype(np.uint32)  # (channel or 1, frame, row); stem by stem, which is faster than np.sum
    for share in chunk[1:]:
        total += share
    if not (total == ONE).all():
        raise ValueError("shares that do not sum to one")
    return chunk


@lru_cache(maxsize=8)
def _read_chunk(path: Path) -> Array:
    """The array of a chunk file; a few are kept, so memory does not grow with the length of a song."""
    try:
        return _loaded(path)
    except (OSError, ValueError, EOFError) as e:
        if not isinstance(e, OSError):
            with contextlib.suppress(OSError):  # somebody else's cache
                path.unlink()  # so that it counts as gone, and is made again
        raise EngineError(
            f"Masks that were in the cache are gone or damaged ({path.name[:12]}, {type(e).__name__}); separate the song again (R)."
        ) from None


@dataclass(frozen=True)
class StoredChunk:
    """A chunk on disk; calling it gives uint16 (stem, channel or 1, frame, row)."""

    path: Path

    def __call__(self) -> Array:
        """Read it, or take it from the few kept in memory."""
        return _read_chunk(self.path)


class Cache:
    """A folder of chunks with a size limit. Safe to share between processes: files appear whole, under content names."""

    def __init__(self, folder: Path | None = None, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = (folder or default_folder()) / "masks"
        self.limit_bytes = limit_bytes

    @staticmethod
    def key(samples: Array, grid: MaskGrid, what: dict[str, Any]) -> str:
        """Name of the chunk made from these samples (channel, sample) under `what` (method, weights, settings ...)."""
        said = {"format": FORMAT_VERSION, "grid": asdict(grid), "dtype": str(samples.dtype), "shape": samples.shape, **what}
        digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode())
        digest.update(np.ascontiguousarray(samples).data)
        return digest.hexdigest()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"

    def get(self, key: str, shapes: Collection[tuple[int, ...]]) -> StoredChunk | None:
        """The chunk, of one of the given shapes, or None if it is not there, not whole or damaged (then it is made again)."""
        path = self._path(key)
        try:
            if _loaded(path).shape not in shapes:
                return None
        except (OSError, ValueError, EOFError):
            return None
        with contextlib.suppress(OSError):  # somebody else's cache can be read all the same
            os.utime(path)  # used just now
        return StoredChunk(path)

    def put(self, key: str, chunk: Array) -> Callable[[], Array]:
        """Keep a chunk; whole or not at all. EngineError when the folder cannot be written."""
        path = self._path(key)
        packed = io.BytesIO()
        np.save(packed, chunk)  # not to the file itself: numpy does not say that a disk is full
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(packed.getbuffer())
                    file.flush()
                    os.fsync(file.fileno())  # else a power cut may leave the name with zeros behind it
                Path(part).replace(path)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
        except OSError as e:
            raise EngineError(
                f"The cache folder {self.folder.parent} cannot take the masks ({e.strerror or e}); "
                "free some space or choose another folder with NULLSUM_CACHE."
            ) from None
        return StoredChunk(path)

    def _files(self) -> list[tuple[float, int, Path]]:
        """Age, size and path of all chunks, oldest first; leftovers of killed work count as oldest, what is being written not at all.

        EngineError when the folder cannot be read.
        """
        found = []
        try:
            paths = list(self.folder.glob("*/*"))
        except OSError as e:
            raise EngineError(
                f"The cache folder {self.folder.parent} cannot be read ({e.strerror}); choose another folder with NULLSUM_CACHE."
            ) from None
        for path in paths:
            with contextlib.suppress(OSError):  # another process took it away
                stat = path.stat()
                if path.suffix != ".part":
                    found.append((stat.st_mtime, stat.st_size, path))
                elif time.time() - stat.st_mtime > STALE_S:
                    found.append((0.0, stat.st_size, path))
        return sorted(found)

    def usage(self) -> Usage:
        """How full it is."""
        files = self._files()
        return Usage(self.folder.parent, len(files), sum(size for _, size, _ in files), self.limit_bytes)

    def trim(self, limit_bytes: int | None = None, keep: Collection[Callable[[], Array]] = ()) -> int:
        """Drop leftovers and then the least recently used chunks until the limit holds; the bytes that were freed.

        Chunks in `keep` are in use and stay: one long song may be larger than the limit.
        """
        in_use = {chunk.path for chunk in keep if isinstance(chunk, StoredChunk)}
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        files = self._files()
        total, freed = sum(size for _, size, _ in files), 0
        for used, size, path in files:
            if total - freed <= limit and used > 0.0:
                break
            if path in in_use:
                continue
            with contextlib.suppress(OSError):  # somebody else's, or open on Windows
                path.unlink(missing_ok=True)
                freed += size
        return freed

    def clear(self) -> int:
        """Drop everything; the bytes that were freed."""
        return self.trim(limit_bytes=0)


class Scratch(Cache):
    """A cache that keeps nothing: chunks lie in a nameless temporary file, so that memory does not grow with length, and vanish with it."""

    def __init__(self) -> None:
        super().__init__()
        self._file, self._turn = tempfile.TemporaryFile(prefix="nullsum-"), threading.Lock()  # noqa: SIM115 - as long as this object
        weakref.finalize(self, self._file.close)

    def get(self, key: str, shapes: Collection[tuple[int, ...]]) -> None:
        """Nothing is known beforehand."""

    def put(self, key: str, chunk: Array) -> Callable[[], Array]:
        """Keep a chunk for as long as it is in use. EngineError when the temporary folder is full."""
        with self._turn:
            try:
                at = self._file.seek(0, os.SEEK_END)
                self._file.write(np.ascontiguousarray(chunk).data)
                self._file.flush()
            except OSError as e:
                raise EngineError(
                    f"The folder {tempfile.gettempdir()} cannot take the masks ({e.strerror}); free some space or work without --no-cache."
                ) from None
        shape, dtype, n_bytes = chunk.shape, chunk.dtype, chunk.nbytes

        def read() -> Array:
            with self._turn:
                self._file.seek(at)
                return np.frombuffer(self._file.read(n_bytes), dtype).reshape(shape)

        return read

    def trim(self, limit_bytes: int | None = None, keep: Collection[Callable[[], Array]] = ()) -> int:
        """The temporary file goes with this object; nothing is dropped before."""
        return 0
