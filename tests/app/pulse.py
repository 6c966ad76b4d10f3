"""A PulseAudio server of our own with one sink that goes nowhere, and a recorder of what arrives there. Linux only."""

import contextlib
import ctypes.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.types import Array

SINK = "null1"


def missing() -> str:
    """What this machine lacks for it, empty if nothing."""
    lacks = [name for name in ("pulseaudio", "pactl", "parec") if shutil.which(name) is None]
    if ctypes.util.find_library("portaudio") is None:
        lacks.append("libportaudio2")
    if not any(Path("/usr/lib").rglob("libasound_module_pcm_pulse.so")):
        lacks.append("libasound2-plugins")
    return ", ".join(lacks)


@contextlib.contextmanager
def pulse_server(folder: Path, rate_hz: int = 44100) -> Iterator[dict[str, str]]:
    """Run a server in a folder of its own; gives the environment in which ALSA's default output is its null sink."""
    run, home = folder / "run", folder / "home"
    run.mkdir(mode=0o700)
    home.mkdir()
    (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "XDG_", "DBUS_"))}
    env |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(run)}
    sink = f"module-null-sink sink_name={SINK} rate={rate_hz} format=float32le channels=2"
    words = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "-L", "module-native-protocol-unix", "-L", sink]
    with (folder / "pulse.log").open("w") as log, subprocess.Popen(words, env=env, stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 15
            while subprocess.run(["pactl", "info"], env=env, capture_output=True, check=False).returncode:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(f"PulseAudio did not start: {(folder / 'pulse.log').read_text()[-500:]}")
                time.sleep(0.05)
            yield env
        finally:
            server.terminate()


@contextlib.contextmanager
def recording_of_sink(env: dict[str, str], path: Path, rate_hz: int = 44100) -> Iterator[subprocess.Popen[bytes]]:
    """Record what the null sink hears into a raw float32 file."""
    words = ["parec", "-d", f"{SINK}.monitor", "--format=float32le", f"--rate={rate_hz}", "--channels=2", "--raw", "--latency-msec=5"]
    with path.open("wb") as file, subprocess.Popen(words, env=env, stdout=file) as recorder:
        try:
            deadline = time.monotonic() + 15
            while path.stat().st_size == 0 and time.monotonic() < deadline:
                time.sleep(0.02)
            yield recorder
        finally:
            recorder.terminate()


def read_recording(path: Path) -> Array:
    """What was recorded, float32 (sample, channel)."""
    raw = path.read_bytes()
    return np.frombuffer(raw[: len(raw) // 8 * 8], np.float32).reshape(-1, 2)
