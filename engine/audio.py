"""The door to sound files: open one, read any stretch of it in its own sample type, and say clearly why one cannot be opened.

Lossless files are read in place. Lossy ones (and everything that only PyAV decodes) are decoded once, from start to end, into a
nameless temporary file, because their decoders do not give the same samples after a seek (measured: Vorbis and MP3 are off by up
to full scale now and then). Either way memory does not grow with the length.
"""

import math
import os
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import mutagen
import mutagen.mp3
import numpy as np
import soundfile as sf

from engine.errors import BadInputError
from engine.samples import int_range
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32, Array, AudioInfo, SampleType

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
INT8 = SampleType(False, 8)
SAMPLE_TYPES = {  # of the subtypes that keep every sample as it was; all others are lossy and come as float32
    "PCM_U8": INT8, "PCM_S8": INT8, "PCM_16": INT16, "PCM_24": INT24, "PCM_32": INT32, "FLOAT": FLOAT32, "DOUBLE": FLOAT64,
    "ALAC_16": INT16, "ALAC_20": INT24, "ALAC_24": INT24, "ALAC_32": INT32,
}  # fmt: skip
_MP3: Any = mutagen.mp3.MP3  # mutagen has few types
_BLOCK = 65536  # samples per channel handled at a time
_MP3_SLACK = 2 * 1152  # encoders disagree by a frame or two about what their header counts
_CHUNKED = {  # first bytes -> where chunks begin, bytes of a chunk's name, its size field, alignment of chunks
    b"RIFF": (12, 4, "<I", 2), b"RF64": (12, 4, "<I", 2), b"FORM": (12, 4, ">I", 2), b"caff": (8, 4, ">q", 1), b"riff": (40, 16, "<Q", 8),
}  # fmt: skip


def shift_of(sample_type: SampleType) -> int:
    """How many bits libsndfile and FFmpeg hold these integers further left than we do: 8 for 8 and 24 bits, else 0."""
    return 0 if sample_type.is_float else sample_type.dtype.itemsize * 8 - sample_type.bits


def open_mixture(path: Path) -> "FileMixture":
    """Open a sound file for reading; its content decides what it is, not its name.

    WAV, AIFF, FLAC, CAF, RF64, W64, AU, OGG (Vorbis, Opus), MP3; M4A and AAC where PyAV is installed (`pip install nullsum[av]`).
    Raises BadInputError, one sentence fit to show: missing, empty, cut off, not sound, no samples, too many channels, an odd rate,
    NaN or Inf (looked for in all of a float file, block by block), not readable.
    """
    path = Path(path)
    head, size, mtime_ns = _look_at(path)
    if head[4:8] == b"ftyp" or head[:2] in (b"\xff\xf1", b"\xff\xf9"):  # MP4 boxes; AAC in ADTS frames
        info, source = _open_with_av(path)
    else:
        _refuse_cut_off(path, head, size)
        info, source = _open_with_libsndfile(path, head)
    return FileMixture(info, source, (size, mtime_ns))


class _Source(Protocol):
    """Where a FileMixture takes samples from."""

    def read(self, start: int, n_samples: int) -> Array:
        """Samples within the file, (sample, channel)."""
        ...

    def close(self) -> None: ...


class FileMixture:
    """A sound file that is open; a context manager. Made by open_mixture. One thread at a time; open two for two threads."""

    def __init__(self, info: AudioInfo, source: _Source, seen: tuple[int, int]) -> None:
        self._info, self._source, self._seen = info, source, seen

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
            out[:, low - start : high - start] = self._source.read(low, high - low).T
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
        _refuse_unsuitable(self._info, "The recording")
        if sample_type.is_float:
            _refuse_nan(samples.T, 0, rate_hz, "The recording")
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


def _look_at(path: Path) -> tuple[bytes, int, int]:
    """First 64 bytes, size in bytes and time of change of a file that can be read."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise BadInputError(f'"{path.name}" is a folder, not a sound file; choose a file inside it.')
        if not stat.S_ISREG(found.st_mode):
            raise BadInputError(f'"{path.name}" is a device or a pipe, not a file; save the sound to a file first.')
        with path.open("rb") as file:
            head = file.read(64)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInputError(f'"{path.name}" was not found in {path.parent}; check the name and the folder.') from None
    except PermissionError:
        raise BadInputError(f'"{path.name}" may not be read by you; change its permissions or copy it to a folder of yours.') from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f'"{path.name}" could not be read ({reason}); check the disk or copy the file elsewhere.') from None
    if found.st_size == 0:
        raise BadInputError(f'"{path.name}" is empty (0 bytes); get a whole copy of it.')
    return head, found.st_size, found.st_mtime_ns


def _cut_off(path: Path, found: str, promised: str) -> BadInputError:
    return BadInputError(f'"{path.name}" is cut off: it promises {promised} of sound and holds {found}; get a whole copy of it.')


def _refuse_cut_off(path: Path, head: bytes, size: int) -> None:
    """Compare what a file promises with its length: libsndfile would shorten it silently."""
    with path.open("rb") as file:
        if head[:4] == b"OggS":
            file.seek(max(0, size - 65536))  # a page takes less than this
            tail = file.read()
            page = tail[tail.rfind(b"OggS") :]
            whole = len(page) > 27 and 27 + page[26] + sum(page[27 : 27 + page[26]]) <= len(page)
            if not whole:
                raise _cut_off(path, "only a part of it", "one more page")
            return
        promised, begin = _promised_bytes(file, head, size)
    if promised is not None and begin + promised > size:
        raise _cut_off(path, f"{max(0, size - begin)} bytes", f"{promised} bytes")


def _promised_bytes(file: BinaryIO, head: bytes, size: int) -> tuple[int | None, int]:
    """How many bytes of sound the header promises (None where it does not say) and where they begin."""
    if head[:4] == b".snd" and len(head) >= 12:
        begin, promised = struct.unpack(">II", head[4:12])
        return (None if promised == 0xFFFFFFFF else promised), begin
    at, name_bytes, field, align = _CHUNKED.get(head[:4], (size, 0, "<I", 1))
    long_size = None  # RF64 keeps the true size in a chunk of its own
    header = name_bytes + struct.calcsize(field)
    while at + header <= size:
        file.seek(at)
        raw = file.read(header)
        name, (length,) = raw[:4], struct.unpack(field, raw[name_bytes:])
        if head[:4] == b"riff":
            length -= header  # W64 counts the header too
        if name == b"ds64":
            long_size = struct.unpack("<Q", file.read(24)[8:16].ljust(8, b"\0"))[0]
        if name in (b"data", b"SSND"):
            if name == b"data" and long_size is not None and length == 0xFFFFFFFF:
                return long_size, at + header
            # what programs write that stream and never come back to fill in the length
            streamed = length < 0 or (field == "<I" and (0x7FFFF000 <= length <= 0x80000000 or length >= 0xFFFFF000))
            return (None if streamed else length), at + header
        if length < 0:
            break
        at += -(-(header + length) // align) * align
    return None, 0


def _refuse_unsuitable(info: AudioInfo, name: str) -> None:
    """Refuse what no method can serve."""
    if not 1 <= info.n_channels <= MAX_CHANNELS:
        raise BadInputError(f"{name} has {info.n_channels} channels, at most {MAX_CHANNELS} can be opened; split it into several files.")
    if not MIN_RATE_HZ <= info.rate_hz <= MAX_RATE_HZ:
        raise BadInputError(
            f"{name} has a sample rate of {info.rate_hz} Hz, only {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be opened; "
            "check its header or resample it."
        )
    if info.n_samples < 1:
        raise BadInputError(
            f"{name} holds no samples: its header says that the sound is 0 samples long; "
            "export it again from the program that made it."
        )


def _refuse_nan(block: Array, start: int, rate_hz: int, name: str) -> None:
    """Refuse a float block (sample, channel) that holds NaN or Inf, naming the first place."""
    finite = np.isfinite(block)
    if not finite.all():
        row, channel = np.argwhere(~finite)[0]
        what = "NaN (not a number)" if np.isnan(block[row, channel]) else "an infinite value"
        raise BadInputError(
            f"{name} holds {what} at {(start + row) / rate_hz:.3f} s in channel {channel + 1}; "
            "repair that place in an editor or export the file again."
        )


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


class _Decoded:
    """Samples decoded beforehand into a temporary file that nobody else sees; it vanishes when closed."""

    def __init__(self, path: Path, blocks: Iterator[Array], rate_hz: int) -> None:
        """blocks: (sample, channel), all of one dtype."""
        self.n_samples = 0
        self._file = tempfile.TemporaryFile(prefix="nullsum-")  # noqa: SIM115 - it lives as long as this object
        try:
            for block in blocks:
                if block.dtype.kind == "f":
                    _refuse_nan(block, self.n_samples, rate_hz, f'"{path.name}"')
                self._file.write(np.ascontiguousarray(block).data)
                self._dtype, self._n_channels = block.dtype, block.shape[1]
                self.n_samples += len(block)
            self._file.flush()
        except OSError as error:
            self._file.close()
            raise BadInputError(
                f'"{path.name}" could not be decoded ({error.strerror}): that takes room in {tempfile.gettempdir()}; '
                "free some and open it again."
            ) from error
        except BaseException:
            self._file.close()
            raise

    def read(self, start: int, n_samples: int) -> Array:
        width = self._n_channels * self._dtype.itemsize
        self._file.seek(start * width)
        return np.frombuffer(self._file.read(n_samples * width), self._dtype).reshape(-1, self._n_channels)

    def close(self) -> None:
        self._file.close()


def _nameless(path: Path) -> Any:
    """A binary file whose name soundfile cannot see: it believes an ending .raw, whatever is inside."""
    handle: Any = path.open("rb")
    handle.raw.name = ""
    return handle


def _open_with_libsndfile(path: Path, head: bytes) -> tuple[AudioInfo, _Source]:
    name = f'"{path.name}"'
    handle = _nameless(path) if path.suffix.lower() == ".raw" else None
    try:
        file = sf.SoundFile(handle or path)
    except (sf.LibsndfileError, OSError, TypeError) as error:
        if handle:
            handle.close()
        if head[:4] == b"caff":  # libsndfile refuses some CAF files, among them ALAC by other programs
            return _open_with_av(path)
        reason = getattr(error, "error_string", str(error)).strip(". ")
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
            return _decode_with_libsndfile(info)
        _refuse_unsuitable(info, name)
        if file.frames > 2**48:
            raise BadInputError(f"{name} does not say how long it is (a stream was saved as it came); convert it to WAV or FLAC once more.")
        source = _InPlace(path, file, handle, info.sample_type)
        step = _BLOCK if info.sample_type.is_float else info.n_samples  # of integers only the end is looked at
        for start in range(0, info.n_samples, step):
            part = min(step, info.n_samples - start, _BLOCK)
            at = start if info.sample_type.is_float else info.n_samples - part
            block = source.read(at, part)
            if info.sample_type.is_float:
                _refuse_nan(block, at, info.rate_hz, name)
        return info, source
    except BaseException:
        file.close()
        if handle:
            handle.close()
        raise


def _decode_with_libsndfile(info: AudioInfo) -> tuple[AudioInfo, _Source]:
    """Decode a lossy file from start to end."""
    path = info.path
    assert path is not None
    _refuse_unsuitable(info, f'"{path.name}"')
    with _nameless(path) as handle, sf.SoundFile(handle) as file:
        source = _Decoded(path, _blocks(path, file), info.rate_hz)
        left = os.fstat(handle.fileno()).st_size - handle.tell()
    n = source.n_samples
    if info.container == "MP3" and not _mp3_says_length(path):
        # libsndfile guesses the length from the first frame and stops there, which halves some files
        if left > 16384:
            source.close()
            return _open_with_av(path)
    elif n < info.n_samples - (_MP3_SLACK if info.container == "MP3" else 0) or n == 0:
        source.close()
        raise _cut_off(path, f"{n} samples", f"{info.n_samples} samples")
    return _with_length(info, n), source


def _blocks(path: Path, file: Any) -> Iterator[Array]:
    """What libsndfile decodes, (sample, channel) float32."""
    done = 0
    while True:
        try:
            block: Array = file.read(_BLOCK, dtype="float32", always_2d=True)
        except sf.LibsndfileError as error:
            raise BadInputError(f'"{path.name}" is damaged near {done / file.samplerate:.3f} s; get a whole copy of it.') from error
        if not len(block):
            return
        done += len(block)
        yield block


def _mp3_says_length(path: Path) -> bool:
    try:
        info: Any = _MP3(path).info
    except mutagen.MutagenError:
        return False
    return bool(info.bitrate_mode != mutagen.mp3.BitrateMode.UNKNOWN)


def _with_length(info: AudioInfo, n_samples: int) -> AudioInfo:
    return AudioInfo(info.path, info.container, info.subtype, info.sample_type, info.rate_hz, info.n_channels, n_samples, info.is_lossy,
                     info.decoder)  # fmt: skip


def _open_with_av(path: Path) -> tuple[AudioInfo, _Source]:
    """Decode from start to end with PyAV (FFmpeg): M4A, AAC, ALAC."""
    try:
        import av
    except ImportError:
        raise BadInputError(
            f'"{path.name}" needs a decoder that is not installed; run `pip install nullsum[av]` or convert it to WAV.'
        ) from None
    name = f'"{path.name}"'
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise BadInputError(f"{name} holds no sound (only pictures or data); choose another file.")
            stream: Any = container.streams.audio[0]
            codec = stream.codec_context
            is_alac = codec.name == "alac"
            bits = bytes(codec.extradata or b"").ljust(18, b"\0")[17] if is_alac else 0  # ALAC's own header: its bit depth
            subtype = f"ALAC_{bits}" if is_alac else "MPEG_LAYER_III" if codec.name.startswith("mp3") else codec.name.upper()
            sample_type = SAMPLE_TYPES.get(subtype, FLOAT32)
            kind = {"caf": "CAF", "mp3": "MP3", "aac": "AAC"}.get(container.format.name, "M4A")
            first = next(container.decode(stream), None)  # what the header says may differ from what comes (HE-AAC)
            if first is None:
                raise BadInputError(f"{name} holds no samples; export it again from the program that made it.")
            rate, n_channels = first.sample_rate, first.layout.nb_channels
            known = stream.duration and stream.time_base and kind in ("M4A", "CAF")
            said = math.ceil(stream.duration * stream.time_base * rate) if known else None
            info = AudioInfo(path, kind, subtype, sample_type, rate, n_channels, 1, subtype not in SAMPLE_TYPES,
                             f"PyAV {av.__version__}, {codec.name}")  # fmt: skip
            _refuse_unsuitable(info, name)
            source = _Decoded(path, _av_blocks(info, first, container.decode(stream)), rate)
    except av.FFmpegError as error:
        raise BadInputError(
            f"{name} is damaged, cut off or not a sound file ({error.strerror}); get a whole copy of it or convert it to WAV."
        ) from None
    n = source.n_samples
    if said is not None and n < said - 4096:  # one block of the codec may be missing by its own bookkeeping
        source.close()
        raise _cut_off(path, f"{n} samples", f"{said} samples")
    return _with_length(info, min(n, said) if said and info.is_lossy else n), source  # AAC fills its last block up


def _av_blocks(info: AudioInfo, first: Any, frames: Iterator[Any]) -> Iterator[Array]:
    """What FFmpeg decodes, (sample, channel) in info's dtype."""
    assert info.path is not None
    frame: Any = first
    while frame is not None:
        if (frame.sample_rate, frame.layout.nb_channels) != (info.rate_hz, info.n_channels):
            raise BadInputError(f'"{info.path.name}" changes its rate or channels midway; convert it to WAV.')
        block: Array = frame.to_ndarray()
        block = block.T if frame.format.is_planar else block.reshape(-1, info.n_channels)
        if info.sample_type.is_float and block.dtype.kind == "i":
            block = (block / 2.0 ** (block.dtype.itemsize * 8 - 1)).astype(np.float32)
        elif not info.sample_type.is_float:
            block = block >> shift_of(info.sample_type)
        yield block.astype(info.sample_type.dtype, copy=False)
        frame = next(frames, None)
