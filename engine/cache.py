"""Masks that were made once: one small file a chunk, named by everything that decides its content.

The name is a SHA-256 over the decoded samples of the chunk's stretch, method, weights, settings, precision, device
class, grid and format version. So a song that was separated once opens at once, work that was interrupted goes on where
it stood, and nothing can go stale. The least recently used chunks are dropped beyond the limit.
"""

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.types import Array, MaskGrid

FORMAT_VERSION = 1
DEFAULT_LIMIT_BYTES = 8 * 2**30  # about 250 songs of four minutes


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


@lru_cache(maxsize=8)
def _read_chunk(path: Path) -> Array:
    """The array of a chunk file; a few are kept, so memory does not grow with the length of a song."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as e:
        raise EngineError(
            f"Masks that were in the cache are gone or damaged ({path.name[:12]}, {type(e).__name__}); separate the song again."
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

    def get(self, key: str, shape: tuple[int, ...]) -> StoredChunk | None:
        """The chunk, or None if it is not there or not whole (then it is made again)."""
        path = self._path(key)
        try:
            stored = np.load(path, mmap_mode="r", allow_pickle=False)
            if stored.shape != shape or stored.dtype != np.uint16:
                return None
            os.utime(path)  # used just now
        except (OSError, ValueError, EOFError):
            return None
        return StoredChunk(path)

    def put(self, key: str, chunk: Array) -> StoredChunk:
        """Keep a chunk; whole or not at all. EngineError when the folder cannot be written."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    np.save(file, chunk)
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
        """Age, size and path of all chunks, oldest first; leftovers of killed work count as oldest."""
        found = []
        for path in self.folder.glob("*/*"):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((0.0 if path.suffix == ".part" and _is_stale(stat.st_mtime) else stat.st_mtime, stat.st_size, path))
        return sorted(found)

    def usage(self) -> Usage:
        """How full it is."""
        files = self._files()
        return Usage(self.folder.parent, len(files), sum(size for _, size, _ in files), self.limit_bytes)

    def trim(self, limit_bytes: int | None = None) -> int:
        """Drop leftovers and then the least recently used chunks until the limit holds; the bytes that were freed."""
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        files = self._files()
        total, freed = sum(size for _, size, _ in files), 0
        for used, size, path in files:
            if total - freed <= limit and used > 0.0:
                break
            path.unlink(missing_ok=True)
            freed += size
        return freed

    def clear(self) -> int:
        """Drop everything; the bytes that were freed."""
        return self.trim(limit_bytes=0)


def _is_stale(mtime: float) -> bool:
    import time

    return time.time() - mtime > 3600
