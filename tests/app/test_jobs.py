"""What keeps threads from spoiling the window: the memory they leave, one that hangs, a song closed under the player's hands."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from rig import noise

from app import heap
from app.bridge import Bridge
from app.player import Player
from app.settings import Settings
from app.sinks import NullSink
from app.state import State
from engine.types import Array, AudioInfo

LONG_MS = 20_000


@pytest.mark.skipif(heap._glibc() is None, reason="another C library")
def test_what_threads_freed_goes_back_to_the_system() -> None:
    script = """
import ctypes, threading
import numpy as np, psutil
from app import heap
heap.keep_few()
kept = []
def work():
    blocks = [np.ones(8000) for _ in range(2000)]  # 128 MB in pieces of 64 kB
    kept.append(blocks[::40])  # scattered survivors: the heap cannot shrink from its end
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
del threads
before = psutil.Process().memory_info().rss
heap.give_back()
print((before - psutil.Process().memory_info().rss) / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 60.0, done.stdout


def test_a_thread_that_hangs_keeps_its_job(qtbot: QtBot, tmp_path: Path) -> None:
    """Qt aborts the whole program when a QThread's object goes while it runs."""
    bridge = Bridge(State(), Settings(tmp_path / "settings.ini"))
    may_end = threading.Event()
    bridge._start("hang", lambda _job: may_end.wait(60), bridge._on_picture)
    job = bridge._jobs["hang"]
    qtbot.waitUntil(job.isRunning, timeout=LONG_MS)
    assert not bridge.shut_down(20) and bridge._let_go == {job}
    may_end.set()
    assert bridge.shut_down() and not bridge._let_go


class Closable:
    """A recording that is closed under the hands of its reader, as the bridge does when another song was opened."""

    def __init__(self) -> None:
        self._mixture, self.is_open = noise(seconds=30.0), True

    @property
    def info(self) -> AudioInfo:
        return self._mixture.info

    def read(self, start: int, n_samples: int) -> Array:
        if not self.is_open:
            raise RuntimeError("I/O operation on closed file.")
        return self._mixture.read(start, n_samples)


@pytest.mark.parametrize("another", [True, False])
def test_only_a_song_that_is_still_wanted_complains(another: bool) -> None:
    first, said = Closable(), threading.Event()
    read = first.read

    def late(start: int, n_samples: int) -> Array:
        if said.is_set():
            first.is_open = False
            if another:
                player.set_song(None)
        return read(start, n_samples)

    first.read = late
    player = Player(lambda: NullSink(by_hand=True))
    player.set_song(lambda: first)
    assert player.settle()
    said.set()
    player.seek(20.0)
    assert player.settle()
    assert player.problem == ("" if another else "Playback stopped: I/O operation on closed file.")
    player.close()
