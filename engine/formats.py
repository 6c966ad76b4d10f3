"""What sample formats there are: which subtype keeps what, which container takes which, and what a user's words mean."""

import importlib.util
from dataclasses import dataclass, field

from engine.errors import BadInputError
from engine.types import FLOAT32, FLOAT64, INT16, INT24, INT32, AudioInfo, SampleType, Speakers

INT8 = SampleType(False, 8)
SAMPLE_TYPES = {  # of the subtypes that keep every sample as it was; all others are lossy and come as float32
    "PCM_U8": INT8, "PCM_S8": INT8, "PCM_16": INT16, "PCM_24": INT24, "PCM_32": INT32, "FLOAT": FLOAT32, "DOUBLE": FLOAT64,
    "ALAC_16": INT16, "ALAC_20": INT24, "ALAC_24": INT24, "ALAC_32": INT32,
    # FLAC of odd depths (12 and 20 are met), at the upper end of the next wider integers
    **{f"PCM_{bits}": INT16 if bits < 16 else INT24 if bits < 24 else INT32 for bits in range(4, 32) if bits % 8},
}  # fmt: skip
_LIMIT_BYTES = 2**32 - 2**24  # WAV and AIFF count bytes in 32 bits; 16 MiB are left for header, tags and cover
_PLAIN_SPEAKERS = {1: Speakers(0x4), 2: Speakers(0x3)}  # what a plain WAV means: centre; left and right
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_PLAIN = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
SUBTYPES: dict[str, tuple[str, ...]] = {  # what we write; CAF's ALAC is left out: libsndfile 1.2.2 writes it wrong above 16 bits
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


def shift_of(sample_type: SampleType) -> int:
    """How many bits libsndfile and FFmpeg hold these integers further left than we do: 8 for 8 and 24 bits, else 0."""
    return 0 if sample_type.is_float else sample_type.dtype.itemsize * 8 - sample_type.bits


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A container and how samples are kept in it, in libsndfile's words (M4A: ours)."""

    container: str
    subtype: str
    speakers: Speakers | None = field(default=None, compare=False)  # the source's, to be said again; None: libsndfile's usual ones

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

    Lossy sources: 32-bit float WAV. Past 4 GB: RF64 for WAV, CAF for AIFF and AU. ALAC in CAF: PCM in CAF. FLAC of 32 bits: WAV.
    WAVEX for WAV where the source says which speakers its channels belong to and a plain WAV could not.
    """
    if info.is_lossy:
        return _roomy("WAV", "FLOAT", info)
    container = info.container if info.container in SUBTYPES else "WAV"
    if info.subtype in SUBTYPES[container]:
        fmt = _roomy(container, info.subtype, info)
        if objection_to(fmt, info) is None:
            return fmt
    if container == "M4A" or (container == "FLAC" and info.sample_type.bits > 24):  # libsndfile writes FLAC up to 24 bits
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
        name = own.subtype if own.container == container and not info.is_lossy else _nearest(container, info.sample_type)
    else:
        name = _spelled(wanted, container, info)
    if name not in SUBTYPES[container] or (meant and not name.startswith(meant)):
        choices = [s for s in SUBTYPES[container] if not meant or s.startswith(meant)]
        raise BadInputError(f"{container} cannot hold {subtype}; choose one of {', '.join(choices)}, or another format (wav, caf).")
    fmt = _roomy(container, name, info)
    if objection := objection_to(fmt, info):
        raise BadInputError(objection)
    return fmt


def _spelled(wanted: str, container: str, info: AudioInfo) -> str:
    """A typed subtype in libsndfile's words."""
    if wanted.startswith("PCM") and wanted[3:].isdecimal():
        wanted = wanted[3:]
    name = _DEPTHS.get(wanted, wanted)
    if name == "PCM_8":
        return wanted if wanted in SUBTYPES[container] else _nearest(container, SampleType(False, 8))
    if container == "M4A" and name == "ALAC":
        return _nearest(container, info.sample_type)
    return name.replace("PCM", "ALAC") if container == "M4A" else name


def _nearest(container: str, sample_type: SampleType) -> str:
    """The subtype of a container that holds these samples best."""
    names = SUBTYPES[container]
    same = [name for name in names if SAMPLE_TYPES.get(name) == sample_type]
    if same:
        return same[0]
    if container in ("OGG", "MP3"):
        return names[0]
    kept = "16" if not sample_type.is_float and sample_type.bits <= 16 else "24"
    return next(name for name in names if name.endswith(kept))


def _roomy(container: str, subtype: str, info: AudioInfo) -> OutputFormat:
    """The format, or its sibling: without the limit of 4 GB where that would be passed, with speakers where plain WAV loses them."""
    width = OutputFormat(container, subtype).sample_type.bits // 8
    if info.n_samples * info.n_channels * width > _LIMIT_BYTES:
        if container in ("WAV", "WAVEX"):
            container = "RF64"
        elif container in ("AIFF", "AU"):
            container, subtype = "CAF", "PCM_S8" if width == 1 else subtype
    if container == "WAV" and info.speakers not in (None, _PLAIN_SPEAKERS.get(info.n_channels)):
        container = "WAVEX"
    return OutputFormat(container, subtype, info.speakers if container in ("WAVEX", "RF64") else None)


def objection_to(fmt: OutputFormat, info: AudioInfo) -> str | None:
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
