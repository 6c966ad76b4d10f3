"""What nobody foresaw: an exception in a slot becomes a sentence in the window, and the app goes on."""

import sys
import traceback
from types import TracebackType

from app.main_window import MainWindow


def install_hook(window: MainWindow) -> None:
    """Route uncaught exceptions of the GUI thread to the message line; the trace goes to stderr."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        traceback.print_exception(kind, error, trace, file=sys.stderr)
        window.state.message = f"Something went wrong that should not have ({kind.__name__}: {error}); please report it."

    sys.excepthook = hook
