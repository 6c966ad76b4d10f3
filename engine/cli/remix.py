"""`nullsum remix`: a remix in one file; stems are moved by options with their names."""

import math
from pathlib import Path
from typing import Annotated

import typer

from engine.cache import Cache, Scratch
from engine.cli.words import DeviceName, Format, Headroom, Json, Method, NoCache, Overwrite, Range, Settings, Subtype, say
from engine.cli_io import Ticker, interrupted, one_input, parse_db, parse_range, short
from engine.errors import BadInputError


def remix_command(
    words: Annotated[list[str], typer.Argument(metavar="SONG [--STEM DB]...", help="One file, and stems to move, in any order.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The remix; its ending chooses the format.")],
    gain: Annotated[str, typer.Option("--gain", help="Master gain in dB.")] = "0",
    method: Method = "nullsum-4",
    settings: Settings = None,
    format_: Format = None,
    subtype: Subtype = None,
    range_: Range = None,
    headroom: Headroom = 0.0,
    overwrite: Overwrite = False,
    device: DeviceName = "auto",
    no_cache: NoCache = False,
    as_json: Json = False,
) -> None:
    """Write a remix: --STEM DB moves a stem, such as --vocals +2 --drums -inf; what is not named stays as it is."""
    from engine.methods import read_options
    from engine.session import Session
    from engine.types import Mix, StemMix

    options = read_options(method, settings or [])
    song, moves = song_and_moves(words)
    path, master_db = one_input(song), parse_db("--gain", gain)
    begin, end = parse_range(range_)
    cache = Scratch() if no_cache else Cache()
    with Ticker(path.name) as ticker, Session(path, method, cache, device, options) as session:
        gains = stem_gains(moves, session.stems)
        session.mix = Mix({s: StemMix(gain_db=g) for s, g in gains.items()}, master_db)
        fmt = session.output_format(format_ or (out.suffix.lstrip(".") or None), subtype)
        written = session.export_remix(out, fmt, session.stretch(begin, end, headroom), overwrite, ticker.report, interrupted)
    n = written.n_overflowed["remix"]
    clipped = f" {n:,} samples clipped; lower the whole output with --headroom or --gain." if n else ""
    lost = f" Not carried on from the source: {', '.join(written.tags_lost)}." if written.tags_lost else ""
    value = {"song": str(path), "remix": str(out), "gains_db": {k: _plain(v) for k, v in gains.items()},
             "master_db": _plain(master_db), "clipped": n, "tags_lost": written.tags_lost}  # fmt: skip
    say(as_json, value, f"{out} is written.{clipped}{lost}")


def _plain(db: float) -> float | str:
    """Decibels as JSON can hold them."""
    return "-inf" if db == -math.inf else db


def song_and_moves(words: list[str]) -> tuple[str, list[str]]:
    """["--vocals", "+2", "song.wav"] -> "song.wav" and the rest; BadInputError unless one song is named."""
    songs, moves, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            moves += [word] if "=" in word else [word, *rest[:1]]
            rest = rest if "=" in word else rest[1:]
        else:
            songs.append(word)
    if len(songs) != 1:
        found = f"found {', '.join(map(short, songs))}" if songs else "found none"
        raise BadInputError(f"One song is remixed at a time, {found}; name one, and stems as in --vocals +2.")
    return songs[0], moves


def stem_gains(extra: list[str], stems: tuple[str, ...]) -> dict[str, float]:
    """["--vocals", "+2", "--drums=-inf"] -> {"vocals": 2.0, "drums": -inf}; BadInputError for what is no stem or no number."""
    gains: dict[str, float] = {}
    rest = list(extra)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in stems:
            known = ", ".join("--" + s for s in stems)
            raise BadInputError(f"'{word}' is neither an option nor a stem of this method; its stems are {known}.")
        if not has_value:
            if not rest:
                raise BadInputError(f"--{name} needs a gain in dB, such as --{name} +2 or --{name} -inf.")
            value = rest.pop(0)
        gains[name] = parse_db(f"--{name}", value)
    return gains
