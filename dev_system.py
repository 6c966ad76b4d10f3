"""What dev.py needs of the operating system: libraries and programs that pip cannot bring, and a way to run things quietly.

Only Linux lacks anything: the wheels for macOS and Windows carry all they need. Like dev.py, it must still load on an old
Python 3, which then says its age in a sentence instead of a traceback.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    Describe = Callable[[str], tuple[str, str]]  # output so far -> phase and detail of the line on the screen


class SetupError(Exception):
    """Setting up (or building) cannot go on; the text is one clear sentence for the user."""


class Need(NamedTuple):
    """Something on the disk and the package that brings it."""

    probe: str  # a library (`libEGL.so.1`), `font:`, `alsa:pulse|pipewire`, or a program; | stands between equals
    debian: str
    fedora: str
    arch: str


RUN_NEEDS = (
    Need("libglib-2.0.so.0", "libglib2.0-0", "glib2", "glib2"),  # Qt, with and without a screen
    Need("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd"),
    Need("libGL.so.1", "libgl1", "libglvnd-glx", "libglvnd"),
    Need("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    Need("libdbus-1.so.3", "libdbus-1-3", "dbus-libs", "dbus"),
    Need("libfontconfig.so.1", "libfontconfig1", "fontconfig", "fontconfig"),
    Need("font:", "fonts-dejavu-core", "dejavu-sans-fonts", "ttf-dejavu"),
    Need("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),  # Qt's window on X11
    Need("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
    Need("libxcb-image.so.0", "libxcb-image0", "xcb-util-image", "xcb-util-image"),
    Need("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
    Need("libxcb-randr.so.0", "libxcb-randr0", "libxcb", "libxcb"),
    Need("libxcb-render-util.so.0", "libxcb-render-util0", "xcb-util-renderutil", "xcb-util-renderutil"),
    Need("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb"),
    Need("libxcb-xkb.so.1", "libxcb-xkb1", "libxcb", "libxcb"),
    Need("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
    Need("libwayland-cursor.so.0", "libwayland-cursor0", "libwayland-cursor", "wayland"),  # and on Wayland
    Need("libportaudio.so.2", "libportaudio2", "portaudio", "portaudio"),  # sound: the Linux wheel of sounddevice has no PortAudio
    Need("alsa:pulse|pipewire", "libasound2-plugins", "alsa-plugins-pulseaudio", "alsa-plugins"),
)
TEST_NEEDS = (
    Need("Xvfb", "xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb"),
    Need("xdotool", "xdotool", "xdotool", "xdotool"),
    Need("xwd", "x11-apps", "xwd", "xorg-xwd"),
    Need("pulseaudio|pipewire-pulse", "pulseaudio", "pulseaudio", "pulseaudio"),  # never both: each drives the other out
    Need("pactl", "pulseaudio-utils", "pulseaudio-utils", "libpulse"),
)
INSTALL = {
    "debian": ["apt-get", "install", "-y", "--no-install-recommends"],
    "fedora": ["dnf", "install"],
    "arch": ["pacman", "-S", "--needed"],
}
APT_OPTIONS = ["--no-remove", "-o", "DPkg::Lock::Timeout=120"]  # nothing that is there goes; another apt is waited for


def family_of(os_release: str) -> str:
    """The text of /etc/os-release -> debian, fedora, arch, or nothing."""
    lines = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    words = " ".join(lines.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")).split()
    alike = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora"}
    return next((alike.get(word, word) for word in words if alike.get(word, word) in INSTALL), "")


def is_present(probe: str) -> bool:
    """Whether what a Need asks for is on this machine."""
    if probe.startswith("font:"):
        folders = [Path(folder) for folder in ("/usr/share/fonts", "/usr/local/share/fonts", Path.home() / ".fonts")]
        return any(next(folder.rglob("*.[to]tf"), None) for folder in folders if folder.is_dir())
    if probe.startswith("alsa:"):
        files = [f"alsa-lib/libasound_module_pcm_{name}.so" for name in probe[5:].split("|")]
        return any(next(Path("/usr").glob(f"{lib}/{file}"), None) for file in files for lib in ("lib", "lib64", "lib/*"))
    if ".so" not in probe:
        return any(shutil.which(name) for name in probe.split("|"))
    try:
        ctypes.CDLL(probe)
    except OSError:
        return False
    return True


def quietly(
    title: str, command: list[str], log: Path, describe: Describe | None = None, env: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command with its output going to the log; show a line per phase with the time it took. Returns exit status and output.

    On a terminal the line is kept up to date; elsewhere it is written at the end of a phase, and once a minute.
    """
    live, started, shown, phase, detail = sys.stdout.isatty(), time.monotonic(), 0.0, title, ""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"\n$ {' '.join(command)}\n".encode())
        sink.flush()
        start = sink.tell()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=env)
        except OSError as error:
            return 127, str(error)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                output = _read_from(log, start)
                now = time.monotonic()
                new_phase, new_detail = describe(output) if describe else (phase, "")
                if new_phase != phase:
                    _line(live, phase, detail, now - started, end="\n")
                    phase, started, shown = new_phase, now, 0.0
                detail = new_detail
                if process.returncode is not None:
                    _line(live, phase, detail if process.returncode == 0 else "FAILED", now - started, end="\n")
                    return process.returncode, output
                if live or now - started - shown >= 60:
                    shown = now - started
                    _line(live, phase, detail, shown, end="" if live else "\n")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _read_from(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def _line(live: bool, phase: str, detail: str, seconds: float, end: str) -> None:
    text = f"  {phase:<20} {detail:<40} {seconds:5.0f} s"
    print(f"\r{text[:100]}\x1b[K" if live else text, end=end, flush=True)


class Lock:
    """Held by one at a time, let go by the system when its holder dies."""

    def __init__(self, path: Path, when_waiting: Callable[[], None]) -> None:
        self.path, self.when_waiting = path, when_waiting

    def __enter__(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.file = self.path.open("ab")
        if not _is_locked(self.file):
            self.when_waiting()
            while not _is_locked(self.file):
                time.sleep(0.3)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _is_locked(file: IO[bytes]) -> bool:
    """Try to take the lock; whether it is ours now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Machine:
    """The machine that dev.py works on; tests put another in its place."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.is_linux = sys.platform.startswith("linux")

    def has(self, probe: str) -> bool:
        """Whether what a Need asks for is there."""
        return is_present(probe)

    def family(self) -> str:
        """The family of distributions: debian, fedora, arch, or nothing."""
        file = Path("/etc/os-release")
        return family_of(file.read_text(errors="replace")) if file.exists() else ""

    def rights(self) -> list[str] | None:
        """What to put before a command so that root runs it without asking anybody; None if that cannot be."""
        if sys.platform != "win32" and os.geteuid() == 0:
            return []
        sudo = shutil.which("sudo")
        asked = sudo and subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return [str(sudo), "-n"] if asked and asked.returncode == 0 else None

    def can_make_venv(self) -> bool:
        """Whether this Python has what `python -m venv` takes; Debian keeps it in a package of its own."""
        return subprocess.run([sys.executable, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0

    def knows_packages(self) -> bool:
        """Whether apt has lists of packages at all; fresh containers have none."""
        return any(Path("/var/lib/apt/lists").glob("*Packages*"))

    def call(self, title: str, command: list[str], describe: Describe | None = None) -> int:
        """Run a command quietly; its exit status."""
        return quietly(title, command, self.log, describe)[0]


def install_line(family: str, packages: Iterable[str]) -> str:
    """What a user would type to install them."""
    return " ".join(["sudo", *INSTALL[family], *packages])


def apt_install(packages: list[str], machine: Machine) -> bool:
    """Install Debian packages without a question, refreshing apt's lists only where needed; False where that cannot be done."""
    rights = machine.rights() if machine.family() == "debian" else None
    if rights is None:
        return False
    root = [*rights, "env", "DEBIAN_FRONTEND=noninteractive"]
    install = [*root, *INSTALL["debian"], *APT_OPTIONS, *packages]

    def counted(output: str) -> tuple[str, str]:
        return "System packages", f"{output.count('Setting up ')} packages set up"

    if machine.knows_packages() and machine.call("System packages", install, counted) == 0:
        return True
    update = [*root, "apt-get", "update", *APT_OPTIONS[1:]]
    return machine.call("List of packages", update) == 0 and machine.call("System packages", install, counted) == 0


def prepare(needs: Iterable[Need], machine: Machine, say: Callable[[str], None]) -> bool:
    """See to it that what the system must bring is there; where that cannot be, say exactly what to install. True if all is there."""
    missing = [need for need in needs if not machine.has(need.probe)] if machine.is_linux else []
    if not missing:
        return True
    family = machine.family()
    if not family:
        names = ", ".join(need.probe for need in missing)
        say(f"Missing on this system: {names}. Install them with its package manager; going on without.")
        return False
    packages = list(dict.fromkeys(getattr(need, family) for need in missing))  # each once, in order
    if apt_install(packages, machine):
        missing = [need for need in missing if not machine.has(need.probe)]
        if not missing:
            return True
    packages = list(dict.fromkeys(getattr(need, family) for need in missing))
    say(f"Missing on this system; install with:  {install_line(family, packages)}\n(going on without; the log: {machine.log})")
    return False
