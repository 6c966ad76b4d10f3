"""The frozen nouns that everything else speaks in, with their shapes said once.

Axes always in this order: batch, stem, channel, bin, frame for spectra and masks; stem, channel, sample for sound.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

Array = np.ndarray
IsCancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class SampleType:
    """How one sample is kept: signed integers of 8..32 bits, or floats of 32 or 64.

    Integers are held unscaled: 8 and 16 bits in int16, 24 and 32 bits in int32 (24 bits: -2**23 .. 2**23 - 1).
    """

    is_float: bool
    bits: int

    @property
    def dtype(self) -> np.dtype:
        """The numpy type that holds samples of this type."""
        if self.is_float:
            return np.dtype(np.float32 if self.bits == 32 else np.float64)
        return np.dtype(np.int16 if self.bits <= 16 else np.int32)

    @property
    def full_scale(self) -> float:
        """The value that stands for 0 dBFS: 2**(bits - 1) for integers, 1.0 for floats."""
        return 1.0 if self.is_float else float(2 ** (self.bits - 1))


INT16, INT24, INT32 = SampleType(False, 16), SampleType(False, 24), SampleType(False, 32)
FLOAT32, FLOAT64 = SampleType(True, 32), SampleType(True, 64)


@dataclass(frozen=True, slots=True)
class Speakers:
    """Where channels belong, as the header of an extensible WAV says it: a bit a speaker, the channels in the order of the bits."""

    mask: int  # 0x3 left and right, 0x3F 5.1, 0x60F 5.1 with side speakers; 0: nowhere in particular
    is_ambisonic: bool = False  # B-format: the channels are W, X, Y, Z ... and no speakers


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What is known of a recording without reading its samples."""

    path: Path | None  # None for samples made in memory
    container: str  # libsndfile's names: WAV, AIFF, FLAC, CAF, RF64, OGG, MPEG; M4A through PyAV
    subtype: str  # PCM_16, PCM_24, PCM_32, FLOAT, DOUBLE, VORBIS, MPEG_LAYER_III, AAC, ALAC ...
    sample_type: SampleType  # of the samples that `read` returns
    rate_hz: int
    n_channels: int
    n_samples: int  # instants, each with n_channels values
    is_lossy: bool = False  # MP3, AAC, Vorbis, Opus: the mixture is what the decoder gave
    decoder: str = ""  # name and version of what decoded it
    speakers: Speakers | None = None  # None where the header does not say: a plain WAV, and all that is no WAV

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz


class Mixture(Protocol):
    """A recording that is open for reading; nobody ever changes it."""

    @property
    def info(self) -> AudioInfo:
        """What is known without reading."""
        ...

    def read(self, start: int, n_samples: int) -> Array:
        """Samples [start, start + n_samples) in the recording's own type, (channel, sample); outside it: zeros."""
        ...


@dataclass(frozen=True)
class MaskGrid:
    """Where the rows and columns of masks lie, in hertz and seconds, and how they are cut into chunks.

    Column `frame` is centred on frame * hop / rate_hz seconds. Row `bin` is centred on freqs_hz[bin], ascending.
    If has_top, one row more follows: the share of everything above freqs_hz[-1] (a network's band ends at 22 kHz,
    a 96 kHz master does not). Chunk k holds frames [k * chunk_frames, (k + 1) * chunk_frames).
    """

    rate_hz: int
    hop: int
    freqs_hz: tuple[float, ...]
    chunk_frames: int
    has_top: bool = False

    @property
    def n_rows(self) -> int:
        """Rows of a stored mask: bins and perhaps the top row."""
        return len(self.freqs_hz) + self.has_top

    def n_frames(self, seconds: float) -> int:
        """Columns needed so that every instant of a recording lies between two of them (or on one)."""
        return int(np.ceil(seconds * self.rate_hz / self.hop - 1e-9)) + 1

    def n_chunks(self, seconds: float) -> int:
        """Chunks needed for a recording of this length."""
        return -(-self.n_frames(seconds) // self.chunk_frames)

    def chunk_seconds(self, chunk: int) -> tuple[float, float]:
        """Start and end of a chunk's stretch in seconds."""
        length = self.chunk_frames * self.hop / self.rate_hz
        return chunk * length, (chunk + 1) * length


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """What a method is, for menus and reports."""

    name: str  # what the command line calls it: "nullsum-4", "hpss"
    title: str  # what the window calls it: "Nullsum four stems"
    group: str  # built-in, spatial, classic, research
    stems: tuple[str, ...]  # lower-case names in the order of the mask's first axis
    sentence: str  # what it is good for, in one sentence
    paper: str  # where it comes from
    needs_stereo: bool = False
    weights_sha256: str = ""  # of the weights file, empty where nothing is trained
    version: int = 1  # of its arithmetic: one more whenever its masks change, or the cache would serve the old ones


class Method(Protocol):
    """Separates: the one door for everything from a median filter to a network."""

    @property
    def info(self) -> MethodInfo:
        """Name, stems and what to say about it."""
        ...

    @property
    def settings(self) -> dict[str, float | int | str]:
        """Everything besides code and weights that changes its masks; goes into the cache key and the report."""
        ...

    @property
    def context_s(self) -> float:
        """Seconds of sound it wants to hear before and after a chunk."""
        ...

    @property
    def look_rate_hz(self) -> int | None:
        """The rate at which it looks at the sound (a copy is resampled for it), or None for the file's own."""
        ...

    def grid(self, rate_hz: int) -> MaskGrid:
        """Where its masks lie for a recording of this rate."""
        ...

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """Shares of the stems in some columns: (channel, sample) float32 -> (stem, channel or 1, bin, n_frames) floats.

        samples is a stretch at the look rate; column first_frame + i is centred on its sample (first_frame + i) * hop.
        The result need not sum to one yet (engine.masks.normalised sees to that) but has no top row.
        """
        ...


@runtime_checkable
class Listening(Protocol):
    """What a method has besides when it must know the whole song: where things are panned in it, what its sounds are."""

    def listen(self, excerpts: Iterable[Array], grid: MaskGrid, is_cancelled: IsCancelled) -> Method:
        """The method as it knows one song, told by excerpts: each (channel, sample) float32 at the look rate, in the song's order.

        All excerpts are on one scale. They can be gone through once. The same excerpts give the same method; self stays as it is.
        Raises Cancelled. A method that was not told its song takes the stretch that `shares` is given for the song.
        """
        ...


@dataclass(frozen=True, slots=True)
class StemMix:
    """Where one stem's strip stands; the defaults are neutral."""

    gain_db: float = 0.0  # -inf .. +12
    mute: bool = False
    solo: bool = False
    balance: float = 0.0  # -1 left .. 1 right; stereo only
    width: float = 1.0  # 0 mono .. 1 as it is .. 2 wide; stereo only


@dataclass(frozen=True)
class Mix:
    """All strips and the master."""

    stems: dict[str, StemMix] = field(default_factory=dict)  # a stem that is not named is neutral
    master_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work is."""

    what: str  # "Separating", "Writing stems", "Checking the files"
    done: float  # 0 .. 1
    seconds_left: float | None = None  # None until it can be told


Report = Callable[[Progress], None]


def silent_report(progress: Progress) -> None:
    """A report that nobody reads."""


def never_cancelled() -> bool:
    """An is_cancelled for work that nobody will stop."""
    return False
