"""What the export dialog says: formats by the names that people know, what they promise, the plan in a line, refusals in window words."""

import re
from pathlib import Path
from typing import Any

from app.dialog_parts import size_text
from engine.types import AudioInfo

CONTAINERS = {  # in the order of the menu
    "WAV": "WAV", "FLAC": "FLAC", "AIFF": "AIFF", "CAF": "CAF", "RF64": "RF64 (WAV past 4 GB)", "W64": "Wave64", "WAVEX": "WAV, extensible",
    "AU": "AU", "M4A": "M4A", "OGG": "Ogg", "MP3": "MP3",
}  # fmt: skip
DEPTHS = {
    "PCM_U8": "8 bit", "PCM_S8": "8 bit, signed", "PCM_16": "16 bit", "PCM_24": "24 bit", "PCM_32": "32 bit", "FLOAT": "32-bit float",
    "DOUBLE": "64-bit float", "ALAC_16": "ALAC, 16 bit", "ALAC_20": "ALAC, 20 bit", "ALAC_24": "ALAC, 24 bit", "ALAC_32": "ALAC, 32 bit",
    "AAC": "AAC, lossy", "VORBIS": "Vorbis, lossy", "OPUS": "Opus, lossy", "MPEG_LAYER_III": "MP3, lossy",
}  # fmt: skip
FLOATS = ("FLOAT", "DOUBLE")
WINDOW_WORDS = (  # the engine speaks to the command line too
    (r"give --overwrite to replace it", "tick “Replace files that are there”"),
    (r"write floats \(--subtype FLOAT\)", "choose WAV with 32-bit float"),
    (r"lower the whole output \(--headroom -([0-9.]+)\)", r"set the headroom to \1 dB"),
)


def bits_of(subtype: str) -> int | None:
    """Bits of an integer subtype; None for floats and lossy ones.

    >>> bits_of("PCM_24"), bits_of("ALAC_16"), bits_of("PCM_U8"), bits_of("FLOAT"), bits_of("OPUS")
    (24, 16, 8, None, None)
    """
    found = re.fullmatch(r"(?:PCM|ALAC)_[SU]?(\d+)", subtype)
    return int(found[1]) if found else None


def is_lossy(subtype: str) -> bool:
    """Whether what is read back differs from what was written."""
    return bits_of(subtype) is None and subtype not in FLOATS


def format_words(container: str, subtype: str) -> str:
    """A format in words.

    >>> format_words("FLAC", "PCM_24"), format_words("WAV", "FLOAT")
    ('FLAC, 24 bit', 'WAV, 32-bit float')
    """
    return f"{CONTAINERS.get(container, container)}, {DEPTHS.get(subtype, subtype)}"


def own_words(info: AudioInfo, container: str, subtype: str) -> str:
    """The first entry of the menu: what is written where nothing else is chosen."""
    if (container, subtype) == (info.container, info.subtype):
        return f"As the source: {format_words(container, subtype)}"
    why = "the source is lossy" if info.is_lossy else f"nearest to {format_words(info.container, info.subtype)}"
    return f"{format_words(container, subtype)} ({why})"


def promise(info: AudioInfo, subtype: str, stems: bool) -> str:
    """What the files will hold up to."""
    bits, source = bits_of(subtype), info.sample_type
    if is_lossy(subtype):
        return "Lossy: smaller files, but the stems will not null." if stems else "Lossy: smaller, but not the exact samples."
    if bits is None:
        return "Floats: the stems add up to the source within −130 dB." if stems else "Floats hold every value, above full scale too."
    rounded = source.is_float or bits < source.bits
    if stems:
        return f"The stems add up exactly to the source{f' rounded to {bits} bits' if rounded else ', sample for sample'}."
    return f"Rounded once to {bits} bits, without dither."


def plan_line(n_files: int, with_report: bool, n_bytes: int, is_exact: bool, folder: Path, n_free: int) -> str:
    """How much goes where.

    >>> plan_line(4, True, 120_000_000, False, Path("/music"), 34_000_000_000)
    '4 files and a null report, at most 120 MB, in /music (34.0 GB free)'
    """
    files = f"{n_files} file{'s' if n_files != 1 else ''}{' and a null report' if with_report else ''}"
    return f"{files}, {'about' if is_exact else 'at most'} {size_text(n_bytes)}, in {at_home(folder)} ({size_text(n_free)} free)"


def at_home(folder: Path) -> str:
    """A folder as people write it: ~ for their own."""
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder != home and folder.is_relative_to(home) else str(folder)


def in_window_words(sentence: str) -> str:
    """A refusal of the engine, with the window's controls in place of the command line's options.

    >>> in_window_words("a.wav is there already; give --overwrite to replace it or choose another folder.")
    'a.wav is there already; tick “Replace files that are there” or choose another folder.'
    """
    for pattern, words in WINDOW_WORDS:
        sentence = re.sub(pattern, words, sentence)
    return sentence


def verdict_words(report: Any, info: AudioInfo, subtype: str, n_stems: int, headroom_db: float) -> tuple[str, str, str]:
    """What a null report comes to: a big line, a sentence and its kind (good, info, error). A partial set claims no sum."""
    result, n = report.result, len(report.stems)
    source = info.path.name if info.path else "the recording"
    if n < n_stems:
        return f"{n} of {n_stems} stems written", "A part of the stems does not add up to the mix, so no sum is claimed.", "info"
    peak = f"{result.peak_dbfs:.1f} dBFS".replace("-", "−")
    if is_lossy(subtype):
        differ = f"they are off by at most {peak}" if result.n_different else "here they happen to"
        return f"{n} lossy stems written", f"Lossy files do not add up sample for sample; {differ}.", "info"
    bits = bits_of(subtype)
    if bits is not None and (info.sample_type.is_float or bits < info.sample_type.bits):
        source += f" rounded to {bits} bits"
    if headroom_db:
        source += f" at −{abs(headroom_db):g} dB"
    if not result.adds_up:
        far = f"{result.n_different:,} of {result.n_compared:,} samples differ, by at most {peak}; keep the null report and report it."
        return "The stems do not add up", far, "error"
    if result.n_different == 0:
        big = f"0 of {result.n_compared:,} samples differ"
        return big, f"The {n} stems, read back from disk, add up exactly to {source}.", "good"
    return f"The stems add up within {peak}", f"{n} float stems, read back from disk, against {source}.", "good"
