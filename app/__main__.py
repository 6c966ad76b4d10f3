"""`nullsum`: subcommands go to the engine before Qt is imported; anything else opens the window."""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Entry point of the installed command."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(1))  # Ctrl-C while Python imports: no traceback
    from engine.cli import COMMANDS
    from engine.cli import main as command_line
    from engine.threads import wait_shortly

    wait_shortly()  # before torch

    arguments = sys.argv[1:]
    if arguments and (arguments[0] in COMMANDS or arguments[0] in ("--help", "-h", "--version") or not might_be_song(arguments[0])):
        command_line(arguments)
        return
    from app.window import run

    sys.exit(run(arguments))


def might_be_song(word: str) -> bool:
    """Whether a first word names a song (or an option of Qt), rather than a subcommand that was mistyped."""
    return word.startswith("-") or Path(word).suffix != "" or os.sep in word or Path(word).exists()


if __name__ == "__main__":
    main()
