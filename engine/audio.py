"""The door to sound files: open one, read any stretch of it in its own sample type, and say clearly why one cannot be opened.

Lossless files are read in place; lossy ones are decoded once (engine.audio_decode). Either way memory does not grow with length.
"""

import threading
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile as sf

from engine.audio_checks import look_at, refuse_cut_off, refuse_nan, refuse_unsuitable, system_name
from engine.audio_decode import Source, decode_with_libsndfile, flac_bits, nameless, open_with_av
from engine.audio_layout import speakers_of
from engine.errors import BadInputError
from engine.formats import SAMPLE_TYPES, shift_of
from engine.samples import int_range
from engine.types import FLOAT32, Array, AudioInfo, SampleType

_BLOCK = 65536  # samples per channel handled at a time


def open_mixture(path: Path) -> "FileMixture":
    """Open a sound file for reading; its content decides what it is, not its name.

    WAV, AIFF, FLAC, CAF, RF64, W64, AU, OGG (Vorbis, Opus), MP3; M4A and AAC where PyAV is installed (`pip install nullsum[av]`).
    Raises BadInputError, one sentence fit to show: missing, empty, cut off, longer than its header says, not sound, no samples,
    too many channels, an odd rate, NaN or Inf (looked for in all of a float file, block by block), not readable.
    """
    path = Path(path)
    head, size, mtime_ns = look_at(path)
    if head[4:8] == b"ftyp" or head[:2] in (b"\xff\xf1", b"\xff\xf9"):  # MP4 boxes; AAC in ADTS frames
        info, source = open_with_av(path)
    else:
        refuse_cut_off(path, head, size)
        with path.open("rb") as file:
            speakers = speakers_of(file, head, size)
        info, source = _open_with_libsndfile(path, head)
        info = replace(info, speakers=speakers)
    return FileMixture(info, source, (size, mtime_ns))


class FileMixture:
    """A sound file that is open; a context manager. Made by open_mixture. Several threads may read: each read waits its turn."""

    def __init__(self, info: AudioInfo, source: Source, seen: tuple[int, int]) -> None:
        self._info, self._source, self._seen = info, source, seen
        self._turn = threading.Lock()

    @property
    def info(self) -> AudioInfo:
        """What is known without reading."""
        return self._info

    def read(self, start: int, n_samples: int) -> Array:
        """A new array (channel, n_samples) in info.sample_type's dtype: samples from start on, zeros outside the file.

        Raises BadInputError where the file turns out to be damaged or is gone.
        """
        out, low, high = _window(self._info, start, n_samples)
        if high > low:
            with self._turn:
                block = self._source.read(low, high - low)
            out[:, low - start : high - start] = block.T
        return out

    def changed_on_disk(self) -> bool:
        """Whether the file was changed, replaced or removed since it was opened (by size and time of change)."""
        assert self._info.path is not None
        try:
            now = self._info.path.stat()
        except OSError:
            return True
        return (now.st_size, now.st_mtime_ns) != self._seen

    def close(self) -> None:
        """Let go of the file and of the temporary one; closing twice does no harm."""
        with self._turn:
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ArrayMixture:
    """A recording in memory behind the same door; keeps a read-only copy of samples (channel, sample)."""

    def __init__(self, samples: Array, rate_hz: int, sample_type: SampleType) -> None:
        if samples.ndim != 2 or samples.dtype != sample_type.dtype:
            raise BadInputError(f"Samples must be (channel, sample) of {sample_type.dtype}; found {samples.shape} of {samples.dtype}.")
        subtype = {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}[sample_type.bits] if not sample_type.is_float else (
            "FLOAT" if sample_type.bits == 32 else "DOUBLE")  # fmt: skip
        self._info = AudioInfo(None, "WAV", subtype, sample_type, rate_hz, samples.shape[0], samples.shape[1])
        refuse_unsuitable(self._info, "The recording")
        if sample_type.is_float:
            refuse_nan(samples.T, 0, rate_hz, "The recording")
        elif samples.min() < int_range(sample_type)[0] or samples.max() > int_range(sample_type)[1]:
            raise BadInputError(f"Samples must lie within {int_range(sample_type)} to be {sample_type.bits}-bit integers; some do not.")
        self._samples = samples.copy()
        self._samples.flags.writeable = False

    @property
    def info(self) -> AudioInfo:
        """What is known without reading."""
        return self._info

    def read(self, start: int, n_samples: int) -> Array:
        """A new array (channel, n_samples): samples from start on, zeros outside the recording."""
        out, low, high = _window(self._info, start, n_samples)
        if high > low:
            out[:, low - start : high - start] = self._samples[:, low:high]
        return out


def _window(info: AudioInfo, start: int, n_samples: int) -> tuple[Array, int, int]:
    """Zeros for what is asked, and the part [low, high) of it that the recording holds."""
    if n_samples < 0:
        raise BadInputError(f"n_samples={n_samples} must be zero or more.")
    out = np.zeros((info.n_channels, n_samples), info.sample_type.dtype)
    return out, max(start, 0), min(start + n_samples, info.n_samples)


class _InPlace:
    """Samples straight from libsndfile, for lossless files."""

    def __init__(self, path: Path, file: Any, handle: BinaryIO | None, sample_type: SampleType) -> None:
        self._path, self._file, self._handle, self._type = path, file, handle, sample_type

    def read(self, start: int, n_samples: int) -> Array:
        try:
            self._file.seek(start)
            block: Array = self._file.read(n_samples, dtype=self._type.dtype.name, always_2d=True)
        except (sf.LibsndfileError, OSError) as error:
            raise self._damaged(start) from error
        if len(block) < n_samples:
            raise self._damaged(start + len(block))
        return block >> shift if (shift := shift_of(self._type)) else block

    def _damaged(self, sample: int) -> BadInputError:
        at = sample / self._file.samplerate
        return BadInputError(f'"{self._path.name}" is damaged or cut off near {at:.3f} s; get a whole copy of it.')

    def close(self) -> None:
        self._file.close()
        if self._handle:
            self._handle.close()


def _open_with_libsndfile(path: Path, head: bytes) -> tuple[AudioInfo, Source]:
    name = f'"{path.name}"'
    handle = nameless(path) if path.suffix.lower() == ".raw" else None
    try:
        file = sf.SoundFile(handle or system_name(path))
    except (sf.LibsndfileError, OSError, TypeError) as error:
        if handle:
            handle.close()
        if head[:4] == b"caff":  # libsndfile refuses some CAF files, among them ALAC by other programs
            return open_with_av(path)
        if (bits := flac_bits(head)) not in (0, 8, 16, 24):  # and FLAC of any other depth
            return open_with_av(path, f"FLAC of {bits} bits")
        reason = getattr(error, "error_string", str(error)).strip(". ")
        if reason.startswith("File does not exist"):  # what libsndfile says of an MP3 without one whole frame
            reason = "no sound was found in it"
        raise BadInputError(
            f"{name} is not a sound file that can be read ({reason}); convert it to WAV or FLAC, or get a whole copy of it."
        ) from None
    try:
        sample_type = SAMPLE_TYPES.get(file.subtype)
        info = AudioInfo(
            path, file.format, file.subtype, sample_type or FLOAT32, file.samplerate, file.channels, file.frames,
            is_lossy=sample_type is None, decoder=f"libsndfile {sf.__libsndfile_version__.removeprefix('libsndfile-')}",
        )  # fmt: skip
        if file.format == "RAW":
            raise BadInputError(f"{name} has no header that says what it holds; convert it to WAV or FLAC.")
        if info.is_lossy:
            file.close()
            if handle:
                handle.close()
            return decode_with_libsndfile(info)
        refuse_unsuitable(info, name)
        if file.frames > 2**48:
            raise BadInputError(f"{name} does not say how long it is (a stream was saved as it came); convert it to WAV or FLAC once more.")
        source = _InPlace(path, file, handle, info.sample_type)
        step = _BLOCK if info.sample_type.is_float else info.n_samples  # of integers only the end is looked at
        for start in range(0, info.n_samples, step):
            part = min(step, info.n_samples - start, _BLOCK)
            at = start if info.sample_type.is_float else info.n_samples - part
            block = source.read(at, part)
            if info.sample_type.is_float:
                refuse_nan(block, at, info.rate_hz, name)
        return info, source
    except BaseException:
        file.close()
        if handle:
            handle.close()
        raise
