"""Lossy files, and everything that only PyAV decodes: decoded once, from start to end, into a nameless temporary file.

Their decoders do not give the same samples after a seek (measured: Vorbis and MP3 are off by up to full scale now and then).
"""

import errno
import math
import os
import tempfile
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, Protocol

import mutagen
import mutagen.mp3
import numpy as np
import soundfile as sf

from engine.audio_checks import cut_off, refuse_nan, refuse_unsuitable
from engine.errors import BadInputError
from engine.formats import SAMPLE_TYPES, shift_of
from engine.types import FLOAT32, Array, AudioInfo

_MP3: Any = mutagen.mp3.MP3  # mutagen has few types
_BLOCK = 65536  # samples per channel handled at a time
_MP3_SLACK = 2 * 1152  # encoders disagree by a frame or two about what their header counts


class _Steady(BufferedReader):
    """A file that gives a number where it would raise: of two errors PyAV prints the first with its trace."""

    def seek(self, target: int, whence: int = 0) -> int:
        """Where it stands now, or FFmpeg's negative number of what went wrong: a damaged file points anywhere."""
        try:
            return super().seek(target, whence)
        except OSError as error:
            return -(error.errno or errno.EIO)


class Source(Protocol):
    """Where a FileMixture takes samples from."""

    def read(self, start: int, n_samples: int) -> Array:
        """Samples within the file, (sample, channel)."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Decoded:
    """Samples decoded beforehand into a temporary file that nobody else sees; it vanishes when closed."""

    def __init__(self, path: Path, blocks: Iterator[Array], rate_hz: int) -> None:
        """blocks: (sample, channel), all of one dtype."""
        self.n_samples = 0
        self._file = tempfile.TemporaryFile(prefix="nullsum-")  # noqa: SIM115 - it lives as long as this object
        try:
            for block in blocks:
                if block.dtype.kind == "f":
                    refuse_nan(block, self.n_samples, rate_hz, f'"{path.name}"')
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
        """Samples within the file, (sample, channel)."""
        width = self._n_channels * self._dtype.itemsize
        self._file.seek(start * width)
        return np.frombuffer(self._file.read(n_samples * width), self._dtype).reshape(-1, self._n_channels)

    def close(self) -> None:
        """Let go of the temporary file: it is gone."""
        self._file.close()


def nameless(path: Path) -> Any:
    """A binary file whose name soundfile cannot see: it believes an ending .raw, whatever is inside."""
    handle: Any = path.open("rb")
    handle.raw.name = ""
    return handle


def decode_with_libsndfile(info: AudioInfo) -> tuple[AudioInfo, Source]:
    """Decode a lossy file from start to end."""
    path = info.path
    assert path is not None
    refuse_unsuitable(info, f'"{path.name}"')
    with nameless(path) as handle, sf.SoundFile(handle) as file:
        source = Decoded(path, _blocks(path, file), info.rate_hz)
        left = os.fstat(handle.fileno()).st_size - handle.tell()
    n = source.n_samples
    if info.container == "MP3" and not _mp3_says_length(path):
        # libsndfile guesses the length from the first frame and stops there, which halves some files
        if left > 16384:
            source.close()
            return open_with_av(path)
    elif n < info.n_samples - (_MP3_SLACK if info.container == "MP3" else 0) or n == 0:
        source.close()
        raise cut_off(path, f"{n} samples", f"{info.n_samples} samples")
    return with_length(info, n), source


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


def with_length(info: AudioInfo, n_samples: int) -> AudioInfo:
    """The same recording, `n_samples` long."""
    return AudioInfo(info.path, info.container, info.subtype, info.sample_type, info.rate_hz, info.n_channels, n_samples, info.is_lossy,
                     info.decoder)  # fmt: skip


def flac_bits(head: bytes) -> int:
    """Bits of a sample, 4 to 32, by the STREAMINFO block that a FLAC file begins with (RFC 9639, section 8.2); 0 for other files."""
    return _streaminfo_bits(head[8:]) if head[:4] == b"fLaC" else 0


def _streaminfo_bits(block: bytes) -> int:
    """In the fifth 16-bit word of ten bytes of sizes: 20 bits of rate, 3 of channels, 5 of depth."""
    return (int.from_bytes(block[12:14], "big") >> 4 & 31) + 1


def open_with_av(path: Path, what: str = "") -> tuple[AudioInfo, Source]:
    """Decode from start to end with PyAV (FFmpeg): M4A, AAC, ALAC, FLAC of odd depths. `what` it is, for the sentence without PyAV."""
    try:
        import av
    except ImportError:
        who = f'"{path.name}"' + (f" is {what}, which" if what else "")
        raise BadInputError(
            f"{who} needs a decoder that is not installed; run `pip install nullsum[av]` or convert it to WAV."
        ) from None
    name = f'"{path.name}"'
    try:
        # the container's own tags are not looked at: engine.tags reads them
        with _Steady(FileIO(path)) as file, av.open(file, mode="r", metadata_errors="replace") as container:
            if not container.streams.audio:
                raise BadInputError(f"{name} holds no sound (only pictures or data); choose another file.")
            stream: Any = container.streams.audio[0]
            codec = stream.codec_context
            if codec is None:
                raise _damaged(name, "no known codec")
            codec.options = {"err_detect": "crccheck+explode"}  # else FFmpeg makes up what a damaged FLAC does not hold
            subtype = _subtype_of(codec)
            sample_type = SAMPLE_TYPES.get(subtype, FLOAT32)
            kind = {"caf": "CAF", "mp3": "MP3", "aac": "AAC", "flac": "FLAC"}.get(container.format.name, "M4A")
            first = next(container.decode(stream), None)  # what the header says may differ from what comes (HE-AAC)
            if first is None:
                raise BadInputError(f"{name} holds no samples; export it again from the program that made it.")
            rate, n_channels = first.sample_rate, first.layout.nb_channels
            known = stream.duration and stream.time_base and kind in ("M4A", "CAF", "FLAC")
            said = math.ceil(stream.duration * stream.time_base * rate) if known else None
            info = AudioInfo(path, kind, subtype, sample_type, rate, n_channels, 1, subtype not in SAMPLE_TYPES,
                             f"PyAV {av.__version__}, {codec.name}")  # fmt: skip
            refuse_unsuitable(info, name)
            source = Decoded(path, _av_blocks(info, first, container.decode(stream)), rate)
    except (av.FFmpegError, OSError) as error:  # a disk's own error passes through FFmpeg as it is
        raise _damaged(name, error.strerror) from None
    n = source.n_samples
    slack = 0 if kind == "FLAC" else 4096  # one block of other codecs may be missing by their own bookkeeping
    if said is not None and n < said - slack:
        source.close()
        raise cut_off(path, f"{n} samples", f"{said} samples")
    return with_length(info, min(n, said) if said and info.is_lossy else n), source  # AAC fills its last block up


def _damaged(name: str, reason: str | None) -> BadInputError:
    return BadInputError(f"{name} is damaged, cut off or not a sound file ({reason}); get a whole copy of it or convert it to WAV.")


def _subtype_of(codec: Any) -> str:
    """What FFmpeg calls a codec in our words; lossless ones tell their depth in their own header."""
    header = bytes(codec.extradata or b"").ljust(18, b"\0")
    if codec.name == "alac":
        return f"ALAC_{header[17]}"
    if codec.name == "flac":
        return f"PCM_{_streaminfo_bits(header)}"
    return "MPEG_LAYER_III" if codec.name.startswith("mp3") else str(codec.name).upper()


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
