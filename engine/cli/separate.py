"""`nullsum separate`: the stems of songs, with a null report made from the written files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cache import Cache, Scratch
from engine.cli.words import DeviceName, Format, Headroom, Json, Method, NoCache, Overwrite, Range, Settings, Subtype, code_of, say
from engine.cli_io import Ticker, inputs, interrupted, parse_range, prose, target_folders
from engine.errors import EngineError


def separate_command(
    songs: Annotated[list[str], typer.Argument(metavar="SONG...", help="Files, folders or globs.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Stems go to DIR/<song>/<stem>.<ext>.")],
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
    """Write the stems of songs, with a null report made from the written files; exit code 1 when lossless ones do not add up."""
    from engine.methods import read_options
    from engine.nulltest import verdict
    from engine.session import Session

    options = read_options(method, settings or [])
    paths = inputs(songs)
    folders = target_folders(paths, out)
    begin, end = parse_range(range_)
    results: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    code = 0
    for path in paths:
        try:
            cache = Scratch() if no_cache else Cache()
            with Ticker(path.name) as ticker, Session(path, method, cache, device, options) as session:
                stretch = session.stretch(begin, end, headroom)
                fmt = session.output_format(format_, subtype)
                written, report = session.export_stems(folders[path], fmt, stretch, overwrite, ticker.report, interrupted, sources=paths)
        except EngineError as e:
            if len(paths) == 1 or interrupted():
                raise
            code = max(code, code_of(e))
            failures.append({"song": str(path), "error": str(e)})
            typer.echo(f"{path.name}: {e}", err=True)
            continue
        result = {
            "song": str(path), "folder": str(folders[path]), "stems": {k: str(v) for k, v in written.files.items()},
            "report": str(folders[path] / "null-report.txt"), "adds_up": report.result.adds_up, "verdict": verdict(report.result),
            "overflowed": written.n_overflowed, "notes": report.notes,
        }  # fmt: skip
        results.append(result)
        if not fmt.is_lossy and not report.result.adds_up:
            code = max(code, 1)
        if not as_json:
            typer.echo(prose(result))
    if as_json:
        say(True, {"done": results, "failed": failures}, "")
    if code:
        raise typer.Exit(code)
