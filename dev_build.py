"""`python3 dev.py build`: the app that needs no Python, made by PyInstaller from build.spec, then tried as its users would.

It is tried where it stands, with nothing of the checkout on its path: command line, the network on the demo song, the window
(offscreen). Only then is it said to be there. A build takes some minutes and 2 GB (several more with a torch for GPUs), so the ordinary
tests leave it out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dev
import dev_system
from dev_system import SetupError

READY_S = 120.0  # the first start reads 800 MB from a cold disk
STANDS_S = 3.0  # that the window is watched
WORKS_S = 600.0  # that a subcommand may take on a slow machine


class Frozen:
    """The made folder, and the environment in which it is tried: without Python's variables, with homes of its own."""

    def __init__(self, folder: Path, scratch: Path, python: Path) -> None:
        self.program = folder / ("nullsum.exe" if os.name == "nt" else "nullsum")
        self.demo = folder / "_internal" / "resources" / "demo" / "demo-song.flac"
        self.scratch, self.python = scratch, python  # python: of the checkout, to compare with
        self.environment = {k: v for k, v in dev.test_environment(scratch).items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}

    def start(self, *words: str, output: Any = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start it with these arguments, what it says going to `output`."""
        command = [str(self.program), *words]
        return subprocess.Popen(command, cwd=self.scratch, env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def says(self, *words: str) -> str:
        """What a subcommand prints. Raises SetupError unless it ends well, and in time."""
        with self.start(*words) as command:
            try:
                said, _ = command.communicate(timeout=WORKS_S)
            except subprocess.TimeoutExpired:
                command.kill()
                raise SetupError(f"what was built does not end at `nullsum {' '.join(words)}`") from None
        if command.returncode != 0:
            raise SetupError(f"what was built fails at `nullsum {' '.join(words)}`:\n{said[-2000:]}")
        return said


def try_version(frozen: Frozen) -> None:
    """It starts, and knows what it is."""
    said, own = frozen.says("--version"), (dev.ROOT / "engine" / "__init__.py").read_text(encoding="utf-8")
    if not any(word in own for word in said.split() if word[:1].isdigit()):
        raise SetupError(f"what was built says it is {said.strip()!r}, which is not the version of this folder")


def try_methods(frozen: Frozen) -> None:
    """Every method that the checkout has is there."""
    from_source = subprocess.check_output([str(frozen.python), "-m", "engine", "methods", "--json"], cwd=dev.ROOT, text=True)
    if json.loads(frozen.says("methods", "--json")) != json.loads(from_source):
        raise SetupError("what was built has other methods than this folder")


def try_separating(frozen: Frozen) -> None:
    """The network separates, and the integer stems add up."""
    out = frozen.scratch / "stems"
    said = json.loads(frozen.says("separate", str(frozen.demo), "-o", str(out), "--range", "0:0.1", "--json"))
    if not said["done"][0]["adds_up"] or len(list(out.rglob("*.flac"))) != 4:
        raise SetupError(f"what was built separates wrongly: {said}")


def try_window(frozen: Frozen) -> None:
    """The window says that it is ready, stands for a while with the demo song, and closes when it is told to."""
    told, deadline = frozen.scratch / "window.txt", time.monotonic() + READY_S
    with told.open("w") as output, frozen.start(str(frozen.demo), output=output) as window:
        while not (is_ready := "ready" in told.read_text().splitlines()) and window.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_ready:
            time.sleep(STANDS_S)
        stood = is_ready and window.poll() is None
        window.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)  # Windows can only end it
        try:
            status = window.wait(READY_S)
        except subprocess.TimeoutExpired:
            window.kill()
            status = None
    said = told.read_text()
    if not stood or "Traceback" in said or (status != 0 and os.name != "nt"):
        raise SetupError(f"the window of what was built does not stand or does not close (exit status {status}):\n{said[-2000:]}")


TRIALS: tuple[tuple[str, Callable[[Frozen], None]], ...] = (
    ("version", try_version), ("methods", try_methods), ("separating", try_separating), ("window", try_window),
)  # fmt: skip


def build(venv: dev.Venv, machine: dev_system.Machine) -> int:
    """Make dist/nullsum and try it; the exit status. Raises SetupError where it cannot be made or does not work."""
    python, folder = venv.program("python"), venv.root / "dist" / "nullsum"
    with dev.setting_up(venv):
        if not dev.runs(venv, "-c", "import PyInstaller"):
            dev.install(venv, machine, "dev,freeze")
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--distpath", str(folder.parent),
               "--workpath", str(venv.root / "build" / "freeze"), str(venv.root / "build.spec")]  # fmt: skip
    if machine.call("Freezing", command) != 0:
        raise SetupError(f"PyInstaller failed; {machine.log} says why")
    with tempfile.TemporaryDirectory(prefix="nullsum-frozen-", ignore_cleanup_errors=True) as scratch:
        frozen = Frozen(folder, Path(scratch), python)
        for name, trial in TRIALS:
            started = time.monotonic()
            trial(frozen)
            dev.say(f"Tried: {name}  {time.monotonic() - started:.1f} s")
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    dev.say(f"{folder} is there: {n_bytes / 2**20:,.0f} MiB.")
    return 0
