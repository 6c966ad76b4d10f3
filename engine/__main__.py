"""`python -m engine`: the subcommands without the window."""

import os
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(1))  # Ctrl-C while Python imports: no traceback
    from engine.cli import main

    main()
