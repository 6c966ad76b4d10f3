"""Random users on the real window: `python -m benchmarks.soak --minutes 30 [--song FILE] [--seed N]`; 0 when nothing went wrong.

Opens, closes, separates by every method, plays (against a clock), moves, mutes, seeks, loops, zooms, exports, changes preferences, undoes.
Fails on an exception in any thread, a warning of Qt, a thread left, and memory that goes on growing: the first third of the time warms up
(torch is imported, caches fill), and from the second to the last the median may grow by 5 %.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.threads import wait_shortly

ROOT = Path(__file__).parents[1]
HARMLESS = ("propagateSizeHints", "does not support raise()")  # said by Qt's offscreen screen about itself
MOST_GROWTH = 0.05


class Soak:
    """A window, songs, and verbs to choose from."""

    def __init__(self, folder: Path, songs: list[Path], seed: int) -> None:
        from app.main_window import MainWindow
        from app.make import make

        self.random, self.folder, self.songs = random.Random(seed), folder, songs
        self.made = make(folder / "settings.ini", silent=True)
        self.state, self.bridge = self.made.state, self.made.bridge
        self.window = MainWindow(self.state, self.bridge, self.made.settings)
        self.window.show()
        self.verbs: dict[str, Callable[[], Any]] = {
            "open": self.open, "method": self.method, "fader": self.fader, "fader again": self.fader, "switch": self.switch,
            "seek": self.seek, "loop": self.loop, "picture": self.picture, "export": self.export, "play": self.play,
            "preferences": self.preferences, "action": self.action, "cancel": self.bridge.cancel, "close": self.close,
            "dialog": self.dialog, "separate": self.bridge.separate,
        }  # fmt: skip
        self.weights = [6, 4, 12, 12, 8, 8, 6, 10, 3, 8, 1, 16, 2, 1, 3, 2]
        self.last = ""

    def step(self) -> None:
        """One thing a user might do."""
        self.last = self.random.choices(list(self.verbs), self.weights)[0]
        if self.state.song is None and self.random.random() < 0.5:
            self.last = "open"
        self.verbs[self.last]()

    def stem(self) -> str:
        """Any stem, or "" where there is none."""
        return self.random.choice([s.name for s in self.state.stems]) if self.state.stems else ""

    def open(self) -> None:
        """Any of the songs, now and then one that cannot be opened."""
        self.window.open_path(self.random.choice(self.songs))

    def close(self) -> None:
        """Close the song."""
        self.bridge.close_song()

    def method(self) -> None:
        """By the menu."""
        actions = [a for a in self.window._method_group.actions() if a.objectName() in ("hpss", "adress", "nullsum-4")]
        self.random.choice(actions).trigger()

    def fader(self) -> None:
        """Drag, in a few moves."""
        gesture, stem = object(), self.stem()
        for _ in range(self.random.randint(1, 8)):
            db = self.random.choice([-float("inf"), round(self.random.uniform(-30, 12), 1)])
            if self.random.random() < 0.2 or not stem:
                self.state.move_master(round(self.random.uniform(-10, 6), 1), gesture)
            else:
                self.state.move_strip(stem, gesture, gain_db=db)

    def switch(self) -> None:
        """Mute, solo, balance, width."""
        if stem := self.stem():
            strip = self.state.strip(stem)
            change = self.random.choice([{"mute": not strip.mute}, {"solo": not strip.solo}, {"balance": self.random.uniform(-1, 1)},
                                         {"width": self.random.uniform(0, 2)}])  # fmt: skip
            self.state.move_strip(stem, **change)

    def seek(self) -> None:
        """Anywhere."""
        self.state.seek_wanted.emit(self.random.uniform(0, self.state.seconds))

    def play(self) -> None:
        """Mostly on."""
        self.state.playing = self.state.song is not None and self.random.random() < 0.8

    def loop(self) -> None:
        """A stretch, repeated or not, or none."""
        if self.state.song is None:
            return
        a, b = sorted(self.random.uniform(0, self.state.seconds) for _ in range(2))
        self.state.selection = None if self.random.random() < 0.2 or b - a < 0.01 else (a, b)
        self.state.looping = self.random.random() < 0.6

    def picture(self) -> None:
        """Zoom, pan, overlay, follow."""
        view = self.window.view
        if self.state.song is None:
            return
        at = self.random.uniform(0, self.state.seconds)
        self.random.choice([
            lambda: view.show_window(at, at + self.random.uniform(0.05, 40.0)), lambda: view.zoom(self.random.uniform(0.3, 3.0)),
            lambda: setattr(self.state, "overlay", not self.state.overlay),
            lambda: setattr(self.state, "follow_faders", not self.state.follow_faders),
        ])()  # fmt: skip

    def export(self) -> None:
        """To a temporary folder, over what is there; sometimes only a part, sometimes cancelled at once."""
        from app.bridge import ExportWish

        if self.state.song is None or "export" in self.bridge._jobs:
            return
        end_s = self.random.choice([None, min(2.0, self.state.seconds)])
        kind = self.random.choice([(True, False), (False, True), (True, True)])
        self.bridge.export(ExportWish(self.folder / "out", *kind, end_s=end_s, overwrite=True, headroom_db=-12.0))
        if self.random.random() < 0.3:
            self.bridge.cancel()

    def preferences(self) -> None:
        """Choices that hold at once."""
        self.made.settings.choose(**self.random.choice([{"compute_device": self.random.choice(["auto", "cpu", "cuda"])},
                                                        {"cache_limit_gb": self.random.choice([0.5, 8.0])}]))  # fmt: skip
        if self.random.random() < 0.3:
            self.bridge.clear_cache()

    def action(self) -> None:
        """Any row of the table that asks nothing."""
        skip = ("open", "quit", "export", "report", "preferences", "shortcuts", "about", "close", "open_demo")
        self.random.choice([a for name, a in self.window.actions_.items() if name not in skip]).trigger()

    def dialog(self) -> None:
        """Open one; `tidy` closes it."""
        w = self.window
        verb = self.random.choice([w.show_preferences, w.show_report, w.show_shortcuts, *([w.show_export] if self.state.song else [])])
        verb()

    def tidy(self) -> None:
        """Close what stands in front of the window."""
        from PySide6.QtWidgets import QDialog

        for dialog in self.window.findChildren(QDialog):
            if dialog.isVisible():
                dialog.reject()


def songs_in(folder: Path) -> list[Path]:
    """Short files of several kinds, and one that is none."""
    import numpy as np
    import soundfile as sf

    rng, made = np.random.default_rng(0), []
    for i, (rate, n_channels, seconds, subtype) in enumerate(
        [(44100, 2, 25, "PCM_16"), (48000, 1, 7, "PCM_24"), (44100, 2, 0.01, "PCM_16"), (96000, 2, 12, "FLOAT"), (22050, 6, 9, "PCM_16")]
    ):
        t = np.arange(int(rate * seconds)) / rate
        x = 0.2 * np.sin(2 * np.pi * 220 * (i + 1) * t) + 0.3 * rng.standard_normal(len(t)) * np.exp(-((t % 0.5) * 30))
        made.append(folder / f"song {i}.wav")
        sf.write(made[-1], np.clip(x[:, None] * np.linspace(1, 0.5, n_channels), -0.99, 0.99), rate, subtype=subtype)
    (folder / "no song.wav").write_text("no sound")
    return [*made, folder / "no song.wav", ROOT / "resources" / "demo" / "demo-song.flac"]


def soak(minutes: float, seed: int = 0, song: Path | None = None) -> list[str]:
    """What went wrong, as sentences; the summary is printed."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    wait_shortly()  # before torch
    import psutil
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from app import heap, theme
    from app.collector import Collector
    from benchmarks.waiting import wait

    wrong: list[str] = []
    hooks = sys.excepthook, threading.excepthook

    def say(kind: Any, error: Any, trace: Any) -> None:
        wrong.append("".join(traceback.format_exception(kind, error, trace)))

    def listen(kind: QtMsgType, _context: object, text: str) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not any(h in text for h in HARMLESS):
            wrong.append(f"Qt says: {text}")

    sys.excepthook, threading.excepthook = say, lambda a: say(a.exc_type, a.exc_value, a.exc_traceback)
    before = qInstallMessageHandler(listen)
    cache = os.environ.get("NULLSUM_CACHE")
    heap.keep_few()  # this and the collector as app.window does
    application = QApplication.instance() or QApplication([])
    theme.apply(application)
    collector = Collector()
    threads = set(sys._current_frames())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        os.environ["NULLSUM_CACHE"] = str(folder / "cache" / "masks")
        run = Soak(folder, songs_in(folder) + ([song] if song else []), seed)
        run.bridge.refused.connect(lambda said: wrong.append(f"after {run.last}: {said}") if "should not have" in said else None)
        process, memory, n_steps, started = psutil.Process(), [], 0, time.monotonic()
        while time.monotonic() - started < minutes * 60:
            run.step()
            n_steps += 1
            wait(run.random.choice([0, 20, 100, 400]))
            if n_steps % 3 == 0:
                run.tidy()
            if n_steps % 10 == 0:
                memory.append(process.memory_info().rss / 2**20)
        run.tidy()
        run.window.close()
        run.made.close()
        run.window.deleteLater()
        wait(200)
    deadline = time.monotonic() + 10
    while (left := set(sys._current_frames()) - threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    sys.excepthook, threading.excepthook = hooks
    qInstallMessageHandler(before)
    collector.stop()
    if cache is None:
        os.environ.pop("NULLSUM_CACHE", None)
    else:
        os.environ["NULLSUM_CACHE"] = cache
    if left:
        wrong.append(f"{len(left)} threads are left")
    third = max(1, len(memory) // 3)
    medians = [statistics.median(memory[i * third : (i + 1) * third] or [0.0]) for i in range(3)]
    grown = medians[2] / medians[1] - 1 if medians[1] else 0.0
    if minutes >= 5 and grown > MOST_GROWTH:
        wrong.append(f"memory grew by {100 * grown:.1f} %")
    said = " -> ".join(f"{median:.0f}" for median in medians)
    print(f"{n_steps} actions in {minutes:g} min, seed {seed}: {said} MiB by thirds ({100 * grown:+.1f} % at last), {len(wrong)} wrong")
    return wrong


def main() -> None:
    """Run and say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--song", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sys.setswitchinterval(0.0005)  # as app.window does
    wrong = soak(asked.minutes, asked.seed, asked.song)
    for sentence in dict.fromkeys(wrong):
        print(sentence, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
