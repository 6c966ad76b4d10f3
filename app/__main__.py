"""`nullsum`: subcommands go to the engine before Qt is imported; anything else opens the window."""

import os
import sys


def main() -> None:
    """Entry point of the installed command."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads must not spin (see ARCHITECTURE.md)
    from engine.cli import COMMANDS
    from engine.cli import main as command_line

    arguments = sys.argv[1:]
    if arguments and (arguments[0] in COMMANDS or arguments[0] in ("--help", "-h")):
        command_line(arguments)
        return
    from app.window import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
