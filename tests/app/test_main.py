"""The installed command: subcommands never touch Qt, no screen is a sentence, and "ready" is said when the window stands."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def nullsum(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run([sys.executable, "-m", "app", *words], cwd=ROOT, env={**kept, **env}, capture_output=True, text=True, check=False)


def test_without_a_screen_it_says_so_in_a_sentence() -> None:
    done = nullsum()
    if sys.platform.startswith("linux"):
        assert done.returncode == 2 and "no screen" in done.stderr and "Traceback" not in done.stderr


def test_without_qts_libraries_it_says_so_in_a_sentence() -> None:
    code = (
        "import importlib.abc, sys\n"
        "class Lacks(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'PySide6.QtWidgets':\n"
        "            raise ImportError('libGL.so.1: cannot open shared object file')\n"
        "sys.meta_path.insert(0, Lacks())\n"
        "from app.window import run\n"
        "sys.exit(run([]))"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "libGL.so.1" in done.stderr and "command line works" in done.stderr


def test_help_and_subcommands_import_no_qt() -> None:
    code = (
        "import sys; sys.argv = ['nullsum', 'methods']\n"
        "from app.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n    code = e.code\n"
        "sys.exit(code or 'PySide6' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "nullsum-4" in done.stdout


def test_the_window_says_ready_and_opens_the_named_song(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['nullsum', 'resources/demo/demo-song.flac']\n"
        "from PySide6.QtCore import QTimer\nfrom PySide6.QtWidgets import QApplication\nimport app.window as w\n"
        "def look():\n"
        "    for top in QApplication.topLevelWidgets():\n"
        "        if getattr(top, 'state', None) is not None and getattr(top.state, 'song', None) is not None:\n"
        "            print('opened', top.windowTitle()); top.close(); return\n"
        "    QTimer.singleShot(50, look)\n"
        "real = QApplication.exec\n"
        "QApplication.exec = lambda *a: (QTimer.singleShot(50, look), real())[1]\n"
        "sys.exit(w.run(sys.argv[1:]))"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "NULLSUM_CACHE": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["ready", "opened demo-song.flac - Nullsum"] and "Traceback" not in done.stderr


def test_a_mistyped_subcommand_is_a_sentence_and_opens_no_window() -> None:
    done = nullsum("seperate", "x.wav")
    assert done.returncode == 2 and "seperate" in done.stderr and "screen" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_ctrl_c_in_the_terminal_closes_the_window_and_the_mix_is_remembered(tmp_path: Path) -> None:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "NULLSUM_CACHE": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "app", "resources/demo/demo-song.flac"]
    with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as window:
        assert window.stdout is not None and window.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("nullsum/mixes/*.json")) and time.monotonic() < deadline:
            time.sleep(0.1)  # written when the stems of a song that was opened are known
        window.send_signal(signal.SIGINT)
        _, complaint = window.communicate(timeout=90)
    assert window.returncode == 0 and "Traceback" not in complaint
    assert len(list(tmp_path.glob("nullsum/mixes/*.json"))) == 1 and (tmp_path / "nullsum" / "nullsum.ini").is_file()
