"""`nullsum nulltest`, `nullsum info` and `nullsum cache`: commands that look at what is there and write no sound."""

import contextlib
import math
from pathlib import Path
from typing import Annotated

import typer

from engine.cache import Cache
from engine.cli.words import Format, Json, Subtype, say
from engine.cli_io import Ticker, human_bytes, inputs, interrupted, one_input
from engine.errors import BadInputError, Cancelled


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
    say(as_json, value, verdict(result))
    if not result.adds_up:
        raise typer.Exit(1)


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
            f"  export as    {fmt.container} {fmt.subtype}; not carried on: {', '.join(lost) if lost else 'none'}",
        ]
    say(as_json, found, "\n".join(lines))


def cache_command(
    clear: Annotated[bool, typer.Option("--clear", help="Drop everything.")] = False,
    limit: Annotated[float | None, typer.Option("--limit", metavar="GB", help="Drop the least recently used beyond this size now.")] = None,
    as_json: Json = False,
) -> None:
    """Show, limit or clear the masks that were kept."""
    cache = Cache()
    if limit is not None and not 0 <= limit < math.inf:
        raise BadInputError(f"--limit is {limit:g} GB; give a size of 0 or more.")
    freed = cache.clear() if clear else cache.trim(int(limit * 1e9)) if limit is not None else 0
    u = cache.usage()
    value = {"folder": str(u.folder), "chunks": u.n_chunks, "bytes": u.n_bytes, "limit_bytes": u.limit_bytes, "freed_bytes": freed}
    text = f"{u.folder}: {u.n_chunks:,} chunks, {human_bytes(u.n_bytes)} of at most {human_bytes(u.limit_bytes)}"
    say(as_json, value, text + (f"; {human_bytes(freed)} were freed" if freed else ""))
