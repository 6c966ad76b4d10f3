"""What the commands share: their options, how a result is said, and how a failure is."""

import json
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from engine.cli_io import unforeseen
from engine.errors import BadInputError, EngineError, TargetError

Method = Annotated[str, typer.Option("--method", "-m", help="How to separate; see `nullsum methods`.")]
Format = Annotated[str | None, typer.Option("--format", "-f", help="wav, flac, aiff, caf, rf64, ogg, mp3 ...; default: the source's own.")]
Subtype = Annotated[str | None, typer.Option("--subtype", "-s", help="PCM_16, PCM_24, FLOAT ...; default: the source's own.")]
Range = Annotated[str | None, typer.Option("--range", "-r", help="Only this stretch, in seconds: 30:60, 30: or :60.")]
Headroom = Annotated[float, typer.Option("--headroom", help="Scale the whole output by this many dB, such as -3.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set an option of the method, such as n_places=3, as often as there are options; "
                 "`nullsum methods NAME` lists them."),
]  # fmt: skip
DeviceName = Annotated[str, typer.Option("--device", help="auto, cuda, mps or cpu.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither take masks from the cache nor keep them there.")]


def say(as_json: bool, value: Any, text: str) -> None:
    """Print JSON (in ASCII: any console and any program takes it) or prose to stdout."""
    typer.echo(json.dumps(value, indent=1) if as_json else text)


def code_of(error: BaseException) -> int:
    """2 for bad input and bad targets, 1 for anything else."""
    return 2 if isinstance(error, BadInputError | TargetError | TyperException) else 1


def failure(error: BaseException) -> tuple[str, int]:
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
    return said, code_of(error)
