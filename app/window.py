"""Starts the window: application, state, bridge, player, first paint, "ready"."""

import os
import signal
import sys
from pathlib import Path


def no_screen() -> bool:
    """Whether Qt would find no display and abort; a platform that was chosen by hand is left alone."""
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    return sys.platform.startswith("linux") and not named


def run(arguments: list[str]) -> int:
    """Open the window, with a song if one is named; the exit code."""
    if no_screen():
        print("nullsum: There is no screen to open the window on; use the command line (`nullsum separate SONG -o DIR`) or set DISPLAY.",
              file=sys.stderr)  # fmt: skip
        return 2
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # one core stays with the window and the sound
    sys.setswitchinterval(0.0005)  # or a busy worker keeps the interpreter from the sound card for 5 ms at a time

    try:
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        print(f"nullsum: The window cannot be loaded ({error}); install what is missing, from a checkout by `python3 dev.py setup`. "
              "The command line works without.", file=sys.stderr)  # fmt: skip
        return 2

    from app import heap, theme
    from app.collector import Collector
    from app.errors import install_hook
    from app.main_window import MainWindow
    from app.make import Made, make

    heap.keep_few()
    application = QApplication([sys.argv[0], *[a for a in arguments if a.startswith("-")]])
    application.setApplicationName("Nullsum")
    application.setDesktopFileName("nullsum")
    theme.apply(application)
    collector = Collector(application)
    made: Made = make()
    window = MainWindow(made.state, made.bridge, made.settings)
    application.installEventFilter(window)
    install_hook(window)
    window.show()
    songs = [Path(a) for a in arguments if not a.startswith("-")]

    def started() -> None:
        print("ready", flush=True)
        if songs:
            window.open_path(songs[0])
        elif not made.settings.recent:
            window.open_demo()

    def leave(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # pressed again: at once
        window.close()

    signal.signal(signal.SIGINT, leave)  # Ctrl-C where it was started from: nothing is lost, neither the mix nor files half written
    QTimer.singleShot(0, window, started)
    code = application.exec()
    if not made.close():
        os._exit(int(code))  # a thread hangs, perhaps in a disk that is gone: Qt would abort when its object goes before it
    collector.stop()
    return int(code)
