"""Excerpts of a whole song, for methods that must know it before the first chunk: where things are panned, what its sounds are.

    song      |----------------------------------------------------------------|
    excerpts  |==|     |==|     |==|     |==|     |==|     |==|     |==|     |==|     N_EXCERPTS of EXCERPT_S

Where they lie follows from the length alone, so the same song is always heard at the same places, whatever chunk is wanted
first; a song that is shorter than all of them together is heard whole. They are read one after the other: neither time nor
memory grows with the length of the song.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from engine.errors import Cancelled
from engine.samples import to_float
from engine.types import Array, IsCancelled, Listening, MaskGrid, Method, Mixture

N_EXCERPTS = 24  # verse, chorus and bridge are all met
EXCERPT_S = 1.5  # long enough for a few notes and hits in a row; 36 s in all are read and looked at in about a second


def spots(n_samples: int, rate_hz: int) -> list[tuple[int, int]]:
    """Start and end of each excerpt in samples, in the order of the song.

    >>> spots(1000, 400)  # 2.5 s: everything
    [(0, 600), (600, 1000)]
    >>> spots(400_000, 1000)[:2], spots(400_000, 1000)[-1]  # 400 s
    ([(0, 1500), (17326, 18826)], (398500, 400000))
    """
    length = max(1, round(EXCERPT_S * rate_hz))
    if n_samples <= N_EXCERPTS * length:
        starts = list(range(0, max(1, n_samples), length))
    else:
        starts = [i * (n_samples - length) // (N_EXCERPTS - 1) for i in range(N_EXCERPTS)]
    return [(start, min(n_samples, start + length)) for start in starts]


class Song:
    """A method as it knows one song. What it must hear first is read when it is asked for, and never twice.

    digest is empty for a method that hears no more than a chunk and its context; knowing is then the method itself.
    """

    def __init__(self, mixture: Mixture, method: Method, grid: MaskGrid, is_cancelled: IsCancelled) -> None:
        self._mixture, self._method, self._grid, self._is_cancelled = mixture, method, grid, is_cancelled

    @cached_property
    def digest(self) -> str:
        """Names what was heard; belongs into the name of every chunk that is made from it."""
        return self._survey[0] if isinstance(self._method, Listening) else ""

    @cached_property
    def knowing(self) -> Method:
        """The method that makes the chunks. Raises Cancelled."""
        if not isinstance(self._method, Listening):
            return self._method
        return self._method.listen(self._excerpts(), self._grid, self._is_cancelled)

    @cached_property
    def _survey(self) -> tuple[str, float]:
        """SHA-256 of all excerpts and their largest magnitude, 1.0 = full scale."""
        info, digest, peak = self._mixture.info, hashlib.sha256(), 0.0
        for start, end in spots(info.n_samples, info.rate_hz):
            samples = self._read(start, end)
            digest.update(f"{start} {samples.shape} {samples.dtype}".encode())
            digest.update(np.ascontiguousarray(samples).data)
            peak = max(peak, float(np.abs(to_float(samples, info.sample_type)).max()))
        return digest.hexdigest(), peak

    def _read(self, start: int, end: int) -> Array:
        if self._is_cancelled():
            raise Cancelled("Separating")
        return self._mixture.read(start, max(1, end - start))

    def _excerpts(self) -> Iterator[Array]:
        """(channel, sample) float32 at the look rate, all on one scale: the largest sample of all is 1, so level means nothing."""
        info, peak = self._mixture.info, self._survey[1] or 1.0
        for start, end in spots(info.n_samples, info.rate_hz):
            sound = to_float(self._read(start, end), info.sample_type) / peak
            if self._grid.rate_hz != info.rate_hz:
                import soxr

                sound = soxr.resample(sound.T, info.rate_hz, self._grid.rate_hz, quality="HQ").T  # a look at a copy, never heard
            yield np.ascontiguousarray(sound, dtype=np.float32)
