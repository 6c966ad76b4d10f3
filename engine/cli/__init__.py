"""The command line: separate, remix, nulltest, methods, info, cache; a file for each of what they do.

Exit code 0: done (nulltest: it adds up). 2: bad input or a target that cannot be written, told in one sentence.
1: anything else (nulltest: it does not add up; Ctrl-C). --json prints the result as JSON on stdout; progress goes to stderr.
"""

import contextlib
import json
import os
import signal
import sys

import typer
from typer.exceptions import TyperException

from engine import __version__
from engine.cli.look import cache_command, info_command, nulltest_command
from engine.cli.methods import methods_command
from engine.cli.remix import remix_command
from engine.cli.separate import separate_command
from engine.cli.words import failure
from engine.cli_io import ctrl_c, interrupted, with_gains_joined
from engine.errors import EngineError
from engine.threads import wait_shortly

app = typer.Typer(
    name="nullsum", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Separate, remix and null-test music. Without a subcommand, `nullsum [SONG]` opens the window.",
)  # fmt: skip


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"Nullsum {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", is_eager=True, callback=_say_version, help="Print the version.")) -> None:
    pass


app.command("separate")(separate_command)
app.command("remix", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(remix_command)
app.command("nulltest")(nulltest_command)
app.command("methods")(methods_command)
app.command("info")(info_command)
app.command("cache")(cache_command)

COMMANDS = frozenset(c.name for c in app.registered_commands)
_INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt


def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand and leave with its exit code."""
    wait_shortly()  # before torch
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
            code = typer.main.get_command(app).main(with_gains_joined(arguments) or ["--help"], prog_name="nullsum", standalone_mode=False)
            if code != _INTERRUPTED:
                return int(code or 0)
            said, code = failure(KeyboardInterrupt())
        except (Exception, KeyboardInterrupt) as e:
            if os.environ.get("NULLSUM_DEBUG") and not isinstance(e, EngineError | TyperException | KeyboardInterrupt):
                raise
            said, code = failure(KeyboardInterrupt() if interrupted() and not isinstance(e, EngineError) else e)
        with contextlib.suppress(OSError, KeyboardInterrupt):  # nobody listens any more
            typer.echo(f"nullsum: {said}", err=True)
            if "--json" in arguments:
                typer.echo(json.dumps({"error": said}))
        return code
