"""Writes sound files: which format, is there room, and a writer whose file appears whole or not at all.

Integers go to libsndfile as integers, always: its own conversion from float to PCM rounds down.
"""

import contextlib
import errno
import importlib.util
import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import soundfile as sf

from engine.audio import SAMPLE_TYPES, shift_of
from engine.errors import BadInputError, TargetError
from engine.samples import int_range
from engine.tags import ATTRIBUTE_CONTAINERS, ATTRIBUTES, TEMP_PREFIX, Tags, tag_in_place
from engine.types import FLOAT32, Array, AudioInfo, SampleType

_BLOCK = 65536  # samples per channel handed to an encoder at a time; libsndfile's Vorbis takes no very long ones
_LIMIT_BYTES = 2**32 - 2**24  # WAV and AIFF count bytes in 32 bits; 16 MiB are left for header, tags and cover
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_PLAIN = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_SUBTYPES: dict[str, tuple[str, ...]] = {  # what we write; CAF's ALAC is left out: libsndfile 1.2.2 writes it wrong above 16 bits
    "WAV": ("PCM_U8", *_PLAIN), "WAVEX": ("PCM_U8", *_PLAIN), "RF64": ("PCM_U8", *_PLAIN), "W64": ("PCM_U8", *_PLAIN),
    "AIFF": ("PCM_S8", "PCM_U8", *_PLAIN), "CAF": ("PCM_S8", *_PLAIN), "AU": ("PCM_S8", *_PLAIN), "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"), "MP3": ("MPEG_LAYER_III",), "M4A": ("ALAC_16", "ALAC_24", "AAC"),
}  # fmt: skip
_TYPED = {  # what a user may type -> container, and the one subtype that it means, if any
    "wav": ("WAV", None), "wave": ("WAV", None), "wavex": ("WAVEX", None), "rf64": ("RF64", None), "w64": ("W64", None),
    "aiff": ("AIFF", None), "aif": ("AIFF", None), "caf": ("CAF", None), "au": ("AU", None), "flac": ("FLAC", None),
    "ogg": ("OGG", None), "vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", None),
    "m4a": ("M4A", None), "alac": ("M4A", "ALAC"), "aac": ("M4A", "AAC"),
}  # fmt: skip
_DEPTHS = {"8": "PCM_8", "16": "PCM_16", "24": "PCM_24", "32": "PCM_32", "32F": "FLOAT", "FLOAT32": "FLOAT", "64F": "DOUBLE",
           "FLOAT64": "DOUBLE", "PCM_U8": "PCM_8", "PCM_S8": "PCM_8", "MP3": "MPEG_LAYER_III"}  # fmt: skip
_TROUBLE = (OSError, sf.SoundFileError, AssertionError)  # soundfile asserts that all was written
_BEST = {"VORBIS": 0.0, "OPUS": 0.0, "MPEG_LAYER_III": 0.0}  # libsndfile's scale, 0 = least loss; MP3: 320 kbit/s


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A container and how samples are kept in it, in libsndfile's words (M4A: ours)."""

    container: str
    subtype: str

    @property
    def extension(self) -> str:
        """The usual ending of the name, with its dot."""
        if self.subtype == "OPUS":
            return ".opus"
        return {"WAVEX": ".wav", "RF64": ".wav"}.get(self.container, "." + self.container.lower())

    @property
    def sample_type(self) -> SampleType:
        """Of the samples that AudioWriter.write takes; lossy formats take float32."""
        return SAMPLE_TYPES.get(self.subtype, FLOAT32)

    @property
    def is_lossy(self) -> bool:
        """Whether what is read back differs from what was written."""
        return self.subtype not in SAMPLE_TYPES


def default_format(info: AudioInfo) -> OutputFormat:
    """The source's own container and subtype; a sibling that holds the same samples where that one cannot be written.

    Lossy sources: 32-bit float WAV. Past 4 GB: RF64 for WAV, CAF for AIFF and AU. ALAC in CAF: PCM in CAF.
    """
    if info.is_lossy:
        return _roomy("WAV", "FLOAT", info)
    container = info.container if info.container in _SUBTYPES else "WAV"
    if info.subtype in _SUBTYPES[container]:
        fmt = _roomy(container, info.subtype, info)
        if _objection(fmt, info) is None:
            return fmt
    if container == "M4A":
        container = "WAV"
    return _roomy(container, _nearest(container, info.sample_type), info)


def chosen_format(info: AudioInfo, container: str | None, subtype: str | None) -> OutputFormat:
    """What a user typed: wav, aiff, flac, caf, rf64, w64, au, ogg, opus, mp3, m4a, alac, aac; 16, 24, float, pcm_24 ...

    What was not typed follows the source: its container, and its depth where the container allows it.
    Raises BadInputError with what would work where the two do not go together or not with the source's rate or channels.
    """
    own = default_format(info)
    if container is None:
        container, meant = own.container, None
    else:
        typed = container.strip().lower().removeprefix(".")
        if typed not in _TYPED:
            raise BadInputError(f'"{container}" is no format that can be written; choose one of {", ".join(_TYPED)}.')
        container, meant = _TYPED[typed]
    wanted = None if subtype is None else subtype.strip().upper().replace("-", "_")
    wanted = wanted or meant
    if wanted is None:
        name = own.subtype if own.subtype in _SUBTYPES[container] and not info.is_lossy else _nearest(container, info.sample_type)
    else:
        name = _spelled(wanted, container, info)
    if name not in _SUBTYPES[container] or (meant and not name.startswith(meant)):
        choices = [s for s in _SUBTYPES[container] if not meant or s.startswith(meant)]
        raise BadInputError(f"{container} cannot hold {subtype}; choose one of {', '.join(choices)}, or another format (wav, caf).")
    fmt = _roomy(container, name, info)
    if objection := _objection(fmt, info):
        raise BadInputError(objection)
    return fmt


def _spelled(wanted: str, container: str, info: AudioInfo) -> str:
    """A typed subtype in libsndfile's words."""
    if wanted.startswith("PCM") and wanted[3:].isdecimal():
        wanted = wanted[3:]
    name = _DEPTHS.get(wanted, wanted)
    if name == "PCM_8":
        return wanted if wanted in _SUBTYPES[container] else _nearest(container, SampleType(False, 8))
    if container == "M4A" and name == "ALAC":
        return _nearest(container, info.sample_type)
    return name.replace("PCM", "ALAC") if container == "M4A" else name


def _nearest(container: str, sample_type: SampleType) -> str:
    """The subtype of a container that holds these samples best."""
    names = _SUBTYPES[container]
    same = [name for name in names if SAMPLE_TYPES.get(name) == sample_type]
    if same:
        return same[0]
    if container in ("OGG", "MP3"):
        return names[0]
    kept = "16" if not sample_type.is_float and sample_type.bits <= 16 else "24"
    return next(name for name in names if name.endswith(kept))


def _roomy(container: str, subtype: str, info: AudioInfo) -> OutputFormat:
    """The format, or its sibling without the limit of 4 GB where that would be passed."""
    fmt = OutputFormat(container, subtype)
    width = fmt.sample_type.bits // 8
    if info.n_samples * info.n_channels * width > _LIMIT_BYTES:
        if container in ("WAV", "WAVEX"):
            return OutputFormat("RF64", subtype)
        if container in ("AIFF", "AU"):
            return OutputFormat("CAF", "PCM_S8" if width == 1 else subtype)
    return fmt


def _objection(fmt: OutputFormat, info: AudioInfo) -> str | None:
    """Why a format cannot hold this rate or these channels, as a sentence with what would work; None where it can."""
    rate, n_channels, most = info.rate_hz, info.n_channels, 8
    rates: tuple[int, ...] = ()
    if fmt.container == "FLAC":
        if rate > 655350 or (rate > 65535 and rate % 10):
            return f"FLAC cannot hold {rate} Hz (at most 655350 Hz, in steps of 10 Hz above 65535 Hz); choose wav, caf or w64."
    elif fmt.subtype == "VORBIS":
        if not 8000 <= rate <= 192000:
            return f"OGG Vorbis cannot hold {rate} Hz (8000 to 192000 Hz); choose flac, wav or caf."
    elif fmt.subtype == "OPUS":
        rates = (8000, 12000, 16000, 24000, 48000)
    elif fmt.container == "MP3":
        most, rates = 2, _MP3_RATES
    elif fmt.container == "M4A":
        if importlib.util.find_spec("av") is None:
            return "M4A needs an encoder that is not installed; run `pip install nullsum[av]` or choose flac, wav or caf."
        most = 2
        if fmt.subtype == "AAC":
            rates = (*_MP3_RATES, 64000, 88200, 96000)
        elif rate > 384000:
            return f"M4A (ALAC) cannot hold {rate} Hz (at most 384000 Hz); choose wav or caf."
    name = f"{fmt.container} ({fmt.subtype})"
    if n_channels > most:
        return f"{name} holds at most {most} channels, this has {n_channels}; choose flac, wav or caf (flac up to 8 channels)."
    if rates and rate not in rates:
        listed = ", ".join(str(r) for r in sorted(rates))
        return f"{name} cannot hold {rate} Hz, only {listed} Hz, and nothing is resampled here; choose flac, ogg, wav or caf."
    return None


def free_bytes(folder: Path) -> int:
    """Free bytes for this user on the disk of a folder (of its nearest parent, where it does not exist yet)."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def expected_bytes(n_samples: int, n_channels: int, fmt: OutputFormat) -> int:
    """At most so many bytes a file takes, tags aside; compressed formats usually need far less."""
    width = 2 if fmt.is_lossy else fmt.sample_type.bits // 8
    plain = n_samples * n_channels * width
    return plain + plain // 64 + 65536


class _Sink(Protocol):
    def write(self, block: Array) -> None: ...  # (sample, channel), integers left-aligned

    def close(self) -> None: ...


class AudioWriter:
    """Writes one sound file: a context manager whose target appears, whole and tagged, when its block ends without an error.

    Until then a file ".nullsum-*.tmp" stands beside the target; any exception removes it and leaves the target as it was.
    Raises TargetError where the place cannot take the file, BadInputError where the format cannot hold rate or channels.
    """

    def __init__(self, target: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags | None = None) -> None:
        self._target, self._rate_hz, self._n_channels, self._fmt, self._tags = Path(target), rate_hz, n_channels, fmt, tags or Tags()
        self._temp = self._target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.tmp"
        self._sink: _Sink | None = None
        self.n_samples = 0  # written so far
        self.tags_lost: list[str] = []  # words of the tags that the finished file does not hold

    def __enter__(self) -> Self:
        info = AudioInfo(None, self._fmt.container, self._fmt.subtype, self._fmt.sample_type, self._rate_hz, self._n_channels, 1)
        if objection := _objection(self._fmt, info):
            raise BadInputError(objection)
        try:
            self._look_at_target()
            os.close(os.open(self._temp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            kind = _AvSink if self._fmt.container == "M4A" else _SndfileSink
            self._sink = kind(self._temp, self._rate_hz, self._n_channels, self._fmt, self._tags)
        except BaseException as error:
            self._give_up()
            if isinstance(error, _TROUBLE):
                raise _target_error(self._target, error) from error
            raise
        return self

    def write(self, samples: Array) -> None:
        """Append samples (channel, sample) in fmt.sample_type's dtype, integers unscaled. The array is not changed.

        Raises ValueError for another shape or type, integers beyond their bits, NaN or Inf; TargetError where the disk is full.
        """
        kind = self._fmt.sample_type
        if samples.ndim != 2 or samples.shape[0] != self._n_channels or samples.dtype != kind.dtype:
            raise ValueError(f"samples must be ({self._n_channels}, n) of {kind.dtype}; found {samples.shape} of {samples.dtype}")
        if self._sink is None:
            raise ValueError("write needs an open AudioWriter: use it in a with statement")
        shift = shift_of(kind)
        for start in range(0, samples.shape[1], _BLOCK):
            block = samples[:, start : start + _BLOCK].T
            if kind.is_float and not np.isfinite(block).all():
                raise ValueError("samples hold NaN or Inf; nothing of the kind is written to a file")
            if shift and (block.min() < int_range(kind)[0] or block.max() > int_range(kind)[1]):
                raise ValueError(f"samples lie outside {int_range(kind)}; clip them to {kind.bits} bits first")
            try:
                self._sink.write(np.ascontiguousarray(block << shift if shift else block))
            except _TROUBLE as error:
                raise _target_error(self._target, error) from error
            self.n_samples += len(block)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._give_up()
            return
        try:
            self._finish()
        except BaseException as problem:
            self._give_up()
            if isinstance(problem, _TROUBLE):
                raise _target_error(self._target, problem) from problem
            raise

    def _finish(self) -> None:
        if self.n_samples == 0:
            raise TargetError(f'Nothing was written to "{self._target.name}", so no file was made; choose a stretch that holds sound.')
        assert self._sink is not None
        self._sink.close()
        self._sink = None
        if _length_of(self._temp, self._fmt) != self.n_samples:
            raise OSError(errno.EIO, "the file came out shorter than what was written")
        if self._tags:
            self.tags_lost = tag_in_place(self._temp, self._tags, self._fmt.container)
        with self._temp.open("rb+") as file:
            os.fsync(file.fileno())
        self._temp.replace(self._target)

    def _look_at_target(self) -> None:
        """Refuse at once what would fail only at the end."""
        target = self._target
        try:
            target.lstat()
        except FileNotFoundError:
            return  # a missing folder is told by opening the temporary file
        if target.is_dir():
            raise TargetError(f'"{target.name}" is a folder; choose another name for the file.')
        if not os.access(target, os.W_OK):
            raise TargetError(f'"{target.name}" exists and is write-protected; choose another name or change its permissions.')

    def _give_up(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            with contextlib.suppress(Exception):  # a full disk complains once more
                sink.close()
        with contextlib.suppress(OSError):
            self._temp.unlink(missing_ok=True)


def _target_error(target: Path, error: BaseException) -> TargetError:
    """What the system said, as a sentence."""
    name, folder = f'"{target.name}"', target.parent
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return TargetError(f"{name} cannot be written: the folder {folder} is read-only for you; choose another folder.")
    if number in (errno.ENOENT, errno.ENOTDIR):
        return TargetError(f"{name} cannot be written: there is no folder {folder}; make it or choose another one.")
    if number == errno.ENAMETOOLONG:
        return TargetError(f"{name} is too long a name for this disk ({len(os.fsencode(target.name))} bytes); choose a shorter one.")
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or not isinstance(error, OSError):  # libsndfile says no more than "failed"
        return TargetError(
            f"{name} cannot be written: the disk is full or refuses the data ({_free_mb(folder)} free); make room or choose another folder."
        )
    return TargetError(f"{name} cannot be written ({error.strerror or error}); check the disk or choose another folder.")


def atomic_text(target: Path, text: str) -> None:
    """Write a text file (UTF-8) that appears whole or not at all. Raises TargetError."""
    temp = target.parent / f"{TEMP_PREFIX}{secrets.token_hex(6)}.tmp"
    try:
        with temp.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(target)
    except OSError as error:
        raise _target_error(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)


def _length_of(path: Path, fmt: OutputFormat) -> int:
    """Samples in a file that was just written, by its own header."""
    if fmt.container != "M4A":
        return int(sf.info(str(path)).frames)
    import av

    with _av_trouble(), av.open(str(path)) as file:
        return int(file.streams.audio[0].duration or 0)  # its unit is one sample, see _AvSink


@contextlib.contextmanager
def _av_trouble() -> Iterator[None]:
    """PyAV's errors as OSError, with the system's number where there is one."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        number = error.errno if error.errno in errno.errorcode else errno.EIO  # FFmpeg has numbers of its own too
        raise OSError(number, error.strerror) from error


def _free_mb(folder: Path) -> str:
    try:
        return f"{free_bytes(folder) / 1e6:.1f} MB"
    except OSError:
        return "unknown room"


class _SndfileSink:
    """Everything that libsndfile writes."""

    def __init__(self, path: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags) -> None:
        best = {"compression_level": _BEST[fmt.subtype]} if fmt.subtype in _BEST else {}
        mode = {"bitrate_mode": "CONSTANT"} if fmt.container == "MP3" else {}
        self._path, self._fmt, self._n_written = path, fmt, 0
        self._file = sf.SoundFile(path, "w", rate_hz, n_channels, fmt.subtype, format=fmt.container, **best, **mode)
        if fmt.container in ATTRIBUTE_CONTAINERS:
            for word in ATTRIBUTES:
                if word in tags.text:
                    setattr(self._file, word, tags.text[word])

    def write(self, block: Array) -> None:
        self._file.write(block)
        self._n_written += block.size

    def close(self) -> None:
        self._file.close()
        if self._fmt.container == "AIFF" and self._fmt.sample_type.bits == 8 and self._n_written % 2 and self._file.channels == 1:
            _mend_aiff(self._path, self._n_written)


def _mend_aiff(path: Path, n_samples: int) -> None:
    """Set the length of an 8-bit mono AIFF right: libsndfile counts the byte that fills it up as one more sample."""
    with path.open("rb+") as file:
        head = file.read(4096)
        file.seek(head.index(b"COMM") + 10)
        file.write(struct.pack(">I", n_samples))
        file.seek(head.index(b"SSND") + 4)
        file.write(struct.pack(">I", 8 + n_samples))


class _AvSink:
    """M4A through PyAV (FFmpeg): ALAC, exact, and AAC."""

    def __init__(self, path: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags) -> None:
        import av

        self._av, self._rate_hz, self._at = av, rate_hz, 0
        self._kind = {"ALAC_16": "s16p", "ALAC_24": "s32p", "AAC": "fltp"}[fmt.subtype]
        with _av_trouble():
            # the length is kept in units of movie_timescale: with one unit a sample it is exact
            self._file = av.open(str(path), "w", format="ipod", options={"movie_timescale": str(rate_hz)})
            stream: Any = self._file.add_stream("aac" if fmt.subtype == "AAC" else "alac", rate=rate_hz)
            stream.layout, stream.format, stream.time_base = ("mono", "stereo")[n_channels - 1], self._kind, Fraction(1, rate_hz)
        if fmt.subtype == "AAC":
            stream.bit_rate = 160_000 * n_channels
        self._stream = stream

    def write(self, block: Array) -> None:
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format=self._kind, layout=self._stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._at, Fraction(1, self._rate_hz)
        self._at += len(block)
        with _av_trouble():
            self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        with _av_trouble():
            try:
                self._file.mux(self._stream.encode(None))
            finally:
                self._file.close()
