"""`nullsum`: subcommands go to the engine before Qt is imported; anything else opens the window."""

import os
import sys


def main() -> None:
    """Entry point of the installed command."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads must not spin (see ARCHITECTURE.md)
    from engine.cli import COMMANDS
    from engine.cli import main as command_line

    arguments = sys.argv[1:]
    if not arguments or arguments[0] in COMMANDS or arguments[0].startswith("-"):
        command_line(arguments)
        return
    command_line(["separate", *arguments, "-o", "nullsum-stems"])  # until the window exists


if __name__ == "__main__":
    main()
