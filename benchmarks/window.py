"""How the window feels, printed: `python -m benchmarks.window [SONG]`.

First paint; first working fader after opening; longest and 95 % stall of the GUI thread while separating, playing and panning (the
one-time import of torch on its own); milliseconds of CPU per pan and zoom frame at 1600 x 900; how long the null takes to show.
Stalls are told by a precise 5 ms timer in the GUI thread: what a tick comes later than asked is the time nothing else could happen.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.threads import wait_shortly

ROOT = Path(__file__).parents[1]


def first_paint() -> float:
    """Seconds from the start of a fresh process to the window's first paint; best of three."""
    env = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    code = "from benchmarks.window import paint_once; paint_once()"
    times = []
    for _ in range(3):
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # "painted"
        times.append(time.perf_counter() - started)
        process.communicate()
    return min(times)


def paint_once() -> None:
    """Build the window as `nullsum` does, paint, say so, leave."""
    from PySide6.QtWidgets import QApplication

    from app import theme
    from app.main_window import MainWindow
    from app.make import make

    application = QApplication([])
    theme.apply(application)
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder) / "settings.ini", silent=True)
        window = MainWindow(made.state, made.bridge, made.settings)
        window.show()
        window.grab()
        print("painted", flush=True)
        window.close()
        made.close()


class Ticks:
    """Lateness of a 5 ms timer in milliseconds."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._tick)
        self._last = time.perf_counter()
        self.late_ms: list[float] = []
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(max(0.0, (now - self._last) * 1e3 - 5))
        self._last = now

    def said(self) -> str:
        """95 % and longest, since the last call."""
        late, self.late_ms = sorted(self.late_ms), []
        return f"95 % {late[int(0.95 * len(late))]:.1f} ms, longest {late[-1]:.1f} ms of {len(late)} ticks" if late else "no ticks"


def main() -> None:
    """Print the figures."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    wait_shortly()  # before torch
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    sys.setswitchinterval(0.0005)
    print(f"first paint after the start of the process: {first_paint():.2f} s")
    folder = tempfile.TemporaryDirectory()
    os.environ["NULLSUM_CACHE"] = folder.name
    from PySide6.QtWidgets import QApplication

    from app import heap, theme
    from app.collector import Collector
    from app.main_window import MainWindow
    from app.make import make
    from benchmarks.engine import music
    from benchmarks.waiting import wait

    heap.keep_few()  # this and the collector as app.window does
    application = QApplication([])
    theme.apply(application)
    collector = Collector()
    song = Path(sys.argv[1]) if len(sys.argv) > 1 else music(Path(folder.name) / "song.wav", 6.0)
    made = make(Path(folder.name) / "settings.ini", silent=True)
    state = made.state
    window = MainWindow(state, made.bridge, made.settings)
    window.resize(1600, 900)
    window.show()
    wait(500)
    ticks = Ticks()
    started = time.perf_counter()
    window.open_path(song)
    while state.masks is None or not state.masks.chunks:
        wait(2)
    first_fader = time.perf_counter() - started
    print(f"first working fader after opening {state.seconds:.0f} s of music: {first_fader:.2f} s, torch imported on the way")
    print(f"stalls while torch is imported and the first chunk is made: {ticks.said()}")
    state.playing = True
    window.view.show_window(0.0, 30.0)
    until = time.perf_counter() + 20
    at = 0.0
    while time.perf_counter() < until and not state.masks.is_complete:
        at = (at + 0.2) % max(1.0, state.seconds - 30)
        window.view.show_window(at, at + 30)
        wait(16)
    print(f"stalls while separating, playing and panning ({len(state.masks.chunks)} of {state.masks.n_chunks} chunks): {ticks.said()}")
    state.playing = False
    while not state.masks.is_complete or state.null is None:
        wait(50)
    print(f"everything separated and the null measured after {time.perf_counter() - started:.1f} s")
    wait(500)

    def pan(k: int) -> None:
        window.view.show_window(k * 0.3, k * 0.3 + 30)

    def zoom(k: int) -> None:
        window.view.zoom(1.2 if k % 20 < 10 else 1 / 1.2)

    for name, verb in (("pan", pan), ("zoom", zoom)):
        costs = []
        for k in range(120):
            before = time.process_time()
            verb(k)
            window.view.canvas.viewport().repaint()
            costs.append((time.process_time() - before) * 1e3)
            wait(1)
        costs.sort()
        print(f"CPU per {name} frame: median {costs[60]:.1f} ms, 95 % {costs[114]:.1f} ms, longest {costs[-1]:.1f} ms")
    window.close()
    made.close()
    collector.stop()
    folder.cleanup()


if __name__ == "__main__":
    main()
