"""What every test stands on: no screen, no cache of the user's, few threads, and none left behind."""

import gc
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_scratch = Path(tempfile.mkdtemp(prefix="nullsum-pytest-"))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before PySide6 is imported
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")
for _kind in ("CACHE", "CONFIG", "DATA", "STATE"):  # always, also where pytest is called without dev.py
    os.environ[f"XDG_{_kind}_HOME"] = str(_scratch / _kind.lower())
os.environ["NULLSUM_CACHE"] = str(_scratch / "masks")  # holds on every system
os.environ.pop("NULLSUM_DEBUG", None)


def pytest_unconfigure() -> None:
    """Take the scratch folder away."""
    shutil.rmtree(_scratch, ignore_errors=True)


gc.disable()  # Qt's objects must go in the main thread and between two events (app/collector.py): `no_thread_left_behind` collects


def _running_threads() -> dict[int, str]:
    """Every thread that has Python code on its stack, a QThread's too: identity -> name."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {ident: names.get(ident, "of Qt or C") for ident in sys._current_frames()}


@pytest.fixture
def running_threads() -> Callable[[], dict[int, str]]:
    """The function that counts them, for a test of its own."""
    return _running_threads


@pytest.fixture(autouse=True)
def denormals_count() -> Iterator[None]:
    """A training that ran in this process leaves them flushed to zero, which no law about tiny samples must rest on."""
    yield
    if (torch := sys.modules.get("torch")) and hasattr(torch, "set_flush_denormal"):
        torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def no_thread_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose threads still run long after its end."""
    before = _running_threads()
    yield
    deadline = time.monotonic() + 20.0  # far more than any needs, however busy the machine
    while left := {ident: name for ident, name in _running_threads().items() if ident not in before}:
        if time.monotonic() > deadline:
            pytest.fail(f"{request.node.name} left threads behind: {', '.join(sorted(left.values()))}")
        time.sleep(0.01)
    gc.collect(1)
    if gc.get_count()[2] > 10:
        gc.collect()
