"""The C library's heaps, kept few and given back: else a window that has opened a hundred songs keeps what their threads once needed.

Every job is a thread of its own, and glibc gives new threads new heaps (up to eight a core) that keep what was freed in them. Measured
over four minutes of random use: 0.15 GB in use, 0.7 GB kept. Elsewhere than on Linux with glibc nothing is done.
"""

import ctypes
import sys
from functools import lru_cache
from typing import Any

M_ARENA_MAX = -8  # malloc.h
N_HEAPS = 2  # the GUI's and one of all other threads


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library if it can do both, else None."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def keep_few() -> None:
    """To be called before the first thread begins."""
    if library := _glibc():
        library.mallopt(M_ARENA_MAX, N_HEAPS)


def give_back() -> None:
    """Let the system have the pages that nothing is in; some milliseconds, so not in the GUI thread."""
    if library := _glibc():
        library.malloc_trim(0)
