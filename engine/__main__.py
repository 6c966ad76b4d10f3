"""`python -m engine`: the subcommands without the window."""

from engine.cli import main

if __name__ == "__main__":
    main()
