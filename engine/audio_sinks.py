"""What AudioWriter writes through: libsndfile, and PyAV for M4A. Integers come left-aligned, as both of them want them."""

import contextlib
import errno
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile as sf

from engine.audio_checks import system_name
from engine.audio_layout import put_speakers
from engine.formats import OutputFormat
from engine.tags import ATTRIBUTE_CONTAINERS, ATTRIBUTES, Tags
from engine.types import Array

TROUBLE = (OSError, sf.SoundFileError, AssertionError)  # soundfile asserts that all was written
_BEST = {"VORBIS": 0.0, "OPUS": 0.0, "MPEG_LAYER_III": 0.0}  # libsndfile's scale, 0 = least loss; MP3: 320 kbit/s


class Sink(Protocol):
    """What takes blocks and makes a file of them."""

    def write(self, block: Array) -> None:
        """Append (sample, channel); integers left-aligned."""
        ...

    def close(self) -> None:
        """End the file: all of it is on the disk."""
        ...

    def drop(self) -> None:
        """Give up: whatever is there will be removed; never raises."""
        ...


@contextlib.contextmanager
def av_trouble() -> Iterator[None]:
    """PyAV's errors as OSError, with the system's number where there is one."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        number = error.errno if error.errno in errno.errorcode else errno.EIO  # FFmpeg has numbers of its own too
        raise OSError(number, error.strerror) from error


class SndfileSink:
    """Everything that libsndfile writes."""

    def __init__(self, path: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags) -> None:
        best = {"compression_level": _BEST[fmt.subtype]} if fmt.subtype in _BEST else {}
        mode = {"bitrate_mode": "CONSTANT"} if fmt.container == "MP3" else {}
        self._path, self._fmt, self._n_written = path, fmt, 0
        self._file = sf.SoundFile(system_name(path), "w", rate_hz, n_channels, fmt.subtype, format=fmt.container, **best, **mode)
        if fmt.container in ATTRIBUTE_CONTAINERS:
            for word in ATTRIBUTES:
                if word in tags.text:
                    setattr(self._file, word, tags.text[word])

    def write(self, block: Array) -> None:
        """Append a block (sample, channel)."""
        self._file.write(block)
        self._n_written += block.size

    def drop(self) -> None:
        """Give up, without raising."""
        with contextlib.suppress(*TROUBLE):  # a full disk complains once more
            self._file.close()

    def close(self) -> None:
        """End the file."""
        self._file.close()
        if self._fmt.container == "AIFF" and self._fmt.sample_type.bits == 8 and self._n_written % 2 and self._file.channels == 1:
            _mend_aiff(self._path, self._n_written)
        if self._fmt.speakers is not None:  # libsndfile has a mask of its own for every number of channels
            with self._path.open("rb+") as file:
                put_speakers(file, self._fmt.speakers)


def _mend_aiff(path: Path, n_samples: int) -> None:
    """Set the length of an 8-bit mono AIFF right: libsndfile counts the byte that fills it up as one more sample."""
    with path.open("rb+") as file:
        head = file.read(4096)
        file.seek(head.index(b"COMM") + 10)
        file.write(struct.pack(">I", n_samples))
        file.seek(head.index(b"SSND") + 4)
        file.write(struct.pack(">I", 8 + n_samples))


class AvSink:
    """M4A through PyAV (FFmpeg): ALAC, exact, and AAC."""

    def __init__(self, path: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags) -> None:
        import av

        self._av, self._rate_hz, self._at = av, rate_hz, 0
        self._kind = {"ALAC_16": "s16p", "ALAC_24": "s32p", "AAC": "fltp"}[fmt.subtype]
        self._disk = path.open("wb")
        with av_trouble():
            # the length is kept in units of movie_timescale: with one unit a sample it is exact
            self._file: Any = av.open(self._disk, "w", format="ipod", options={"movie_timescale": str(rate_hz)})
            stream: Any = self._file.add_stream("aac" if fmt.subtype == "AAC" else "alac", rate=rate_hz)
            stream.layout, stream.format, stream.time_base = ("mono", "stereo")[n_channels - 1], self._kind, Fraction(1, rate_hz)
        if fmt.subtype == "AAC":
            stream.bit_rate = 160_000 * n_channels
        self._stream = stream

    def write(self, block: Array) -> None:
        """Append a block (sample, channel)."""
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format=self._kind, layout=self._stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._at, Fraction(1, self._rate_hz)
        self._at += len(block)
        with av_trouble():
            self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """End the file."""
        with self._disk, av_trouble():
            self._file.mux(self._stream.encode(None))
            self._file.close()

    def drop(self) -> None:
        """Give up, without raising."""
        self._file = self._stream = None  # not closed: FFmpeg crashes when it ends a file whose beginning could not be written
        with contextlib.suppress(OSError):
            self._disk.close()
