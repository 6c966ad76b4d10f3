"""The command line: separate, remix, nulltest, methods, info, cache.

Exit code 0: done (nulltest: it adds up). 2: bad input or a target that cannot be written, told in one sentence.
1: anything else (nulltest: it does not add up; Ctrl-C). --json prints the result as JSON on stdout; progress goes to stderr.
"""

import contextlib
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from engine.cache import DEFAULT_LIMIT_BYTES, Cache, Scratch
from engine.cli_io import (
    Ticker,
    ctrl_c,
    human_bytes,
    inputs,
    interrupted,
    one_input,
    parse_db,
    parse_range,
    prose,
    short,
    target_folders,
    unforeseen,
    with_gains_joined,
)
from engine.errors import BadInputError, Cancelled, EngineError, TargetError

app = typer.Typer(
    name="nullsum", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Separate, remix and null-test music. Without a subcommand, `nullsum [SONG]` opens the window.",
)  # fmt: skip

Method = Annotated[str, typer.Option("--method", "-m", help="How to separate; see `nullsum methods`.")]
Format = Annotated[str | None, typer.Option("--format", "-f", help="wav, flac, aiff, caf, rf64, ogg, mp3 ...; default: the source's own.")]
Subtype = Annotated[str | None, typer.Option("--subtype", "-s", help="PCM_16, PCM_24, FLOAT ...; default: the source's own.")]
Range = Annotated[str | None, typer.Option("--range", "-r", help="Only this stretch, in seconds: 30:60, 30: or :60.")]
Headroom = Annotated[float, typer.Option("--headroom", help="Scale the whole output by this many dB, such as -3.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cuda, mps or cpu.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither take masks from the cache nor keep them there.")]


def _say(as_json: bool, value: Any, text: str) -> None:
    """Print JSON (in ASCII: any console and any program takes it) or prose to stdout."""
    typer.echo(json.dumps(value, indent=1) if as_json else text)


@app.command("separate")
def separate_command(
    songs: Annotated[list[str], typer.Argument(metavar="SONG...", help="Files, folders or globs.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Stems go to DIR/<song>/<stem>.<ext>.")],
    method: Method = "nullsum-4",
    format_: Format = None,
    subtype: Subtype = None,
    range_: Range = None,
    headroom: Headroom = 0.0,
    overwrite: Overwrite = False,
    device: DeviceName = "auto",
    no_cache: NoCache = False,
    as_json: Json = False,
) -> None:
    """Write the stems of songs, with a null report made from the written files."""
    from engine.nulltest import verdict
    from engine.session import Session

    paths = inputs(songs)
    folders = target_folders(paths, out)
    begin, end = parse_range(range_)
    results: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    code = 0
    for path in paths:
        try:
            with Ticker(path.name) as ticker, Session(path, method, Scratch() if no_cache else Cache(), device) as session:
                stretch = session.stretch(begin, end, headroom)
                fmt = session.output_format(format_, subtype)
                written, report = session.export_stems(folders[path], fmt, stretch, overwrite, ticker.report, interrupted)
        except EngineError as e:
            if len(paths) == 1 or interrupted():
                raise
            code = max(code, _code_of(e))
            failures.append({"song": str(path), "error": str(e)})
            typer.echo(f"{path.name}: {e}", err=True)
            continue
        result = {
            "song": str(path), "folder": str(folders[path]), "stems": {k: str(v) for k, v in written.files.items()},
            "report": str(folders[path] / "null-report.txt"), "adds_up": report.result.adds_up, "verdict": verdict(report.result),
            "overflowed": written.n_overflowed, "notes": report.notes,
        }  # fmt: skip
        results.append(result)
        if not as_json:
            typer.echo(prose(result))
    if as_json:
        _say(True, {"done": results, "failed": failures}, "")
    if code:
        raise typer.Exit(code)


@app.command("remix", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def remix_command(
    words: Annotated[list[str], typer.Argument(metavar="SONG [--STEM DB]...", help="One file, and stems to move, in any order.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The remix; its ending chooses the format.")],
    gain: Annotated[str, typer.Option("--gain", help="Master gain in dB.")] = "0",
    method: Method = "nullsum-4",
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
    from engine.session import Session
    from engine.types import Mix, StemMix

    song, moves = song_and_moves(words)
    path, master_db = one_input(song), parse_db("--gain", gain)
    begin, end = parse_range(range_)
    with Ticker(path.name) as ticker, Session(path, method, Scratch() if no_cache else Cache(), device) as session:
        gains = stem_gains(moves, session.stems)
        session.mix = Mix({s: StemMix(gain_db=g) for s, g in gains.items()}, master_db)
        fmt = session.output_format(format_ or (out.suffix.lstrip(".") or None), subtype)
        written = session.export_remix(out, fmt, session.stretch(begin, end, headroom), overwrite, ticker.report, interrupted)
    n = written.n_overflowed["remix"]
    clipped = f" {n:,} samples clipped; lower the whole output with --headroom or --gain." if n else ""
    value = {"song": str(path), "remix": str(out), "gains_db": {k: _plain(v) for k, v in gains.items()},
             "master_db": _plain(master_db), "clipped": n}  # fmt: skip
    _say(as_json, value, f"{out} is written.{clipped}")


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


@app.command("nulltest")
def nulltest_command(
    mix: Annotated[str, typer.Argument(metavar="MIX", help="The mixture.")],
    stems: Annotated[list[str], typer.Argument(metavar="STEM...", help="Stems from any tool.")],
    as_json: Json = False,
) -> None:
    """Measure how far stems, made by any tool, are from adding up to their mix; exit code 1 when they do not."""
    from engine.audio import open_mixture
    from engine.nulltest import null_test, verdict

    paths: dict[str, Path] = {}
    for p in [p for word in stems for p in inputs([word])]:
        n = sum(p == other for other in paths.values())
        paths[f"{p} ({n + 1})" if n else str(p)] = p  # one that is named twice counts twice
    with contextlib.ExitStack() as stack:
        mixture = stack.enter_context(open_mixture(one_input(mix)))
        opened = {name: stack.enter_context(open_mixture(p)) for name, p in paths.items()}
        for name, stem in opened.items():
            a, b = mixture.info, stem.info
            if (a.rate_hz, a.n_channels) != (b.rate_hz, b.n_channels):
                raise BadInputError(
                    f"{Path(name).name} has {b.rate_hz} Hz and {b.n_channels} channels, the mix {a.rate_hz} Hz and {a.n_channels}; "
                    "a null test needs the same rate and channels: export the stems without resampling."
                )
        ticker = stack.enter_context(Ticker(Path(mix).name))
        result = null_test(mixture, dict(opened), report=ticker.report, is_cancelled=interrupted)
    value = {
        "verdict": verdict(result), "adds_up": result.adds_up, "exact": result.exact, "compared": result.n_compared,
        "different": result.n_different, "peak_lsb": result.peak_lsb,
        "peak_dbfs": result.peak_dbfs if result.n_different else "-inf", "peak_at_s": result.peak_at_s,
        "length_difference": result.length_difference, "mix_sha256": result.source_sha256, "stems_sha256": result.stems_sha256,
    }  # fmt: skip
    _say(as_json, value, verdict(result))
    if not result.adds_up:
        raise typer.Exit(1)


@app.command("methods")
def methods_command(as_json: Json = False) -> None:
    """List the methods: name, what it separates into, what it is."""
    from engine.methods import methods

    found = [
        {"name": m.name, "title": m.title, "group": m.group, "stems": list(m.stems), "sentence": m.sentence, "paper": m.paper,
         "needs_stereo": m.needs_stereo} for m in methods().values()
    ]  # fmt: skip
    lines = [f"{m['name']:<14}{m['group']:<10}{', '.join(m['stems'])}\n{'':<14}{m['sentence']}" for m in found]  # type: ignore[arg-type]
    _say(as_json, found, "\n".join(lines))


@app.command("info")
def info_command(
    songs: Annotated[list[str], typer.Argument(metavar="SONG...")], format_: Format = None, subtype: Subtype = None, as_json: Json = False
) -> None:
    """Say what a file is, what would be written by default, and which of its tags that could not hold."""
    from engine.audio import open_mixture
    from engine.formats import chosen_format
    from engine.tags import read_tags, tags_lost

    found, lines = [], []
    for path in inputs(songs):
        if interrupted():
            raise Cancelled
        with open_mixture(path) as mixture:
            info, tags = mixture.info, read_tags(path)
            fmt = chosen_format(info, format_, subtype)
        lost = tags_lost(tags, fmt)
        minutes, seconds = divmod(info.seconds, 60)
        channels = f"{info.n_channels} channel{'s' if info.n_channels > 1 else ''}"
        found.append({
            "file": str(path), "container": info.container, "subtype": info.subtype, "rate_hz": info.rate_hz, "channels": info.n_channels,
            "samples": info.n_samples, "seconds": info.seconds, "lossy": info.is_lossy, "decoder": info.decoder, "tags": tags.text,
            "cover": bool(tags.cover), "export_format": f"{fmt.container} {fmt.subtype}", "tags_lost": lost,
        })  # fmt: skip
        lines += [
            f"{path.name}: {info.container} {info.subtype}{', lossy' if info.is_lossy else ''}",
            f"  sound        {info.rate_hz:,} Hz, {channels}, {int(minutes)}:{seconds:06.3f} ({info.n_samples:,} samples)",
            f"  decoder      {info.decoder}",
            *[f"  {k:<13}{v}" for k, v in tags.text.items()],
            *(["  cover        yes"] if tags.cover else []),
            f"  export as    {fmt.container} {fmt.subtype}; tags it cannot hold: {', '.join(lost) if lost else 'none'}",
        ]
    _say(as_json, found, "\n".join(lines))


@app.command("cache")
def cache_command(
    clear: Annotated[bool, typer.Option("--clear", help="Drop everything.")] = False,
    limit: Annotated[float | None, typer.Option("--limit", metavar="GB", help="Drop the least recently used beyond this size now.")] = None,
    as_json: Json = False,
) -> None:
    """Show, limit or clear the masks that were kept."""
    cache = Cache()
    if limit is not None and not 0 <= limit < math.inf:
        raise BadInputError(f"--limit is {limit:g} GB; give a size of 0 or more.")
    freed = cache.clear() if clear else cache.trim(int(limit * 1e9) if limit is not None else DEFAULT_LIMIT_BYTES)
    u = cache.usage()
    value = {"folder": str(u.folder), "chunks": u.n_chunks, "bytes": u.n_bytes, "limit_bytes": u.limit_bytes, "freed_bytes": freed}
    text = f"{u.folder}: {u.n_chunks:,} chunks, {human_bytes(u.n_bytes)} of at most {human_bytes(u.limit_bytes)}"
    _say(as_json, value, text + (f"; {human_bytes(freed)} were freed" if freed else ""))


COMMANDS = frozenset(c.name for c in app.registered_commands)


_INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt


def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand and leave with its exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads must not spin
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")  # a console that cannot show a name must not stop the work
    plain = sys.unraisablehook
    # a second Ctrl-C that falls into a destructor ends nothing and is no news
    sys.unraisablehook = lambda what: None if isinstance(what.exc_value, KeyboardInterrupt) else plain(what)
    code = run(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done
    if interrupted():  # Python would leave by the signal where a second Ctrl-C fell into an import
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a subcommand: its exit code. Every failure ends as one sentence on stderr, with --json as {"error": ...} on stdout too."""
    with ctrl_c():
        try:
            code = typer.main.get_command(app).main(with_gains_joined(arguments), prog_name="nullsum", standalone_mode=False)
            if code != _INTERRUPTED:
                return int(code or 0)
            said, code = _failure(KeyboardInterrupt())
        except (Exception, KeyboardInterrupt) as e:
            if os.environ.get("NULLSUM_DEBUG") and not isinstance(e, EngineError | TyperException | KeyboardInterrupt):
                raise
            said, code = _failure(KeyboardInterrupt() if interrupted() and not isinstance(e, EngineError) else e)
        with contextlib.suppress(OSError, KeyboardInterrupt):  # nobody listens any more
            typer.echo(f"nullsum: {said}", err=True)
            if "--json" in arguments:
                typer.echo(json.dumps({"error": said}))
        return code


def _code_of(error: BaseException) -> int:
    """2 for bad input and bad targets, 1 for anything else."""
    return 2 if isinstance(error, BadInputError | TargetError | TyperException) else 1


def _failure(error: BaseException) -> tuple[str, int]:
    """What went wrong in one sentence, and the exit code."""
    if isinstance(error, EngineError):
        said = str(error)
    elif isinstance(error, TyperException):  # words that are no command, option or number
        said = (error.format_message() if hasattr(error, "format_message") else str(error)).rstrip(".") + ". See `nullsum --help`."
    elif isinstance(error, typer.Abort | KeyboardInterrupt):
        said = "Stopped; nothing that was there before has changed."
    elif isinstance(error, MemoryError):
        said = "The memory ran out; close other programs or work on a shorter --range."
    elif isinstance(error, OSError) and error.filename is None:  # of files the engine tells itself
        said = f"The output cannot be written ({error.strerror}); check where it goes. What was finished before that stays."
    else:  # the last resort: where to report it; the trace only when asked for
        said = unforeseen(error)
    return said, _code_of(error)
