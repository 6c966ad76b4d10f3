"""Everything one does with a checkout, on a machine that has nothing but Python 3.11 or newer.

python3 dev.py run [SONG] [arguments]     set up if needed, then open Nullsum (or do what the arguments say)
python3 dev.py test [pytest arguments]    set up if needed, then all checks: ruff, import-linter, mypy, pytest
python3 dev.py build                      set up if needed, then make the app that needs no Python (dist/nullsum) and try it
python3 dev.py setup                      only set up: system libraries, .venv, packages as constraints.txt pins them

Nothing is asked. What is up to date is not touched: the second call starts at once. What was interrupted is repaired.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dev_system

SetupError = dev_system.SetupError
ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
FREE_GB = 4.0  # the packages take about 2 GB, their downloads as much again while they are unpacked
TROUBLES = (  # what pip's output shows -> what it means and what to do
    (r"No space left on device|Errno 28\b|WinError 112\b", "the disk is full; make room and run the command again"),
    (
        r"NewConnection|NameResolution|name resolution|getaddrinfo failed|(?:Connect|Read)Timeout|unreachable|Connection re|ProxyError",
        "the package index cannot be reached; check the network (or pip's index and proxy settings) and run the command again",
    ),
    (r"CERTIFICATE_VERIFY_FAILED", "the package index shows a certificate that this machine does not trust; see pip's --cert"),
    (r"No matching distribution found for (\S+)", "the package index has no {0} for this Python and system"),
    (r"Permission denied|Access is denied|WinError 32\b", "a file cannot be written; close programs that use .venv, and see whose it is"),
)


class Venv:
    """The virtual environment beside pyproject.toml: .venv, with a stamp that tells what it was made from."""

    def __init__(self, root: Path, windows: bool = os.name == "nt") -> None:
        self.root, self.windows = root, windows
        self.folder = root / ".venv"
        self.stamp = self.folder / "nullsum-stamp"
        self.unfinished = self.folder / "nullsum-unfinished"  # there while pip writes; found at a start, it tells of a killed setup

    def program(self, name: str) -> Path:
        """The path of a program in it: bin/NAME, on Windows Scripts/NAME.exe."""
        return self.folder / "Scripts" / f"{name}.exe" if self.windows else self.folder / "bin" / name

    def home(self) -> str:
        """Where it lies and whose Python it is: moved, or with another Python underneath, it is useless."""
        return f"{self.root} {self.program('python').resolve()}"

    def recipe(self) -> str:
        """Hash of all that decides what is in it, the packages of ours that exist among them."""
        digest = hashlib.sha256()
        for name in ("pyproject.toml", "constraints.txt", "dev.py"):
            digest.update((self.root / name).read_bytes() + b"\0")
        ours = sorted(path.parent.name for path in self.root.glob("*/__init__.py"))  # an editable install lists them
        return hashlib.sha256(digest.digest() + repr(ours).encode()).hexdigest()

    def state(self) -> str:
        """ready: as it should be. update: sound, but other packages are due. build: missing, half-made or moved."""
        if not self.program("python").exists() or not (self.folder / "pyvenv.cfg").exists() or self.unfinished.exists():
            return "build"
        if not self.stamp.exists():
            return "update"  # somebody else's work, perhaps good: pip decides
        home, _, recipe = self.stamp.read_text(encoding="utf-8").strip().rpartition("\n")
        if home != self.home():
            return "build"
        return "ready" if recipe == self.recipe() and self.program("nullsum").exists() else "update"

    def finish(self) -> None:
        """Write the stamp: all is as it should be."""
        self.stamp.write_text(f"{self.home()}\n{self.recipe()}\n", encoding="utf-8")


def setting_up(venv: Venv) -> dev_system.Lock:
    """Held by whoever changes .venv."""
    return dev_system.Lock(venv.root / "build" / "dev-setup.lock", lambda: say("Another setup is at work in this folder; waiting for it."))


def set_up(venv: Venv, machine: dev_system.Machine, needs: tuple[dev_system.Need, ...]) -> None:
    """Bring system libraries and .venv up to date; silent and quick where they are."""
    known = venv.folder / f"nullsum-system-{hashlib.sha256(repr(needs).encode()).hexdigest()[:8]}"  # there: the system has all of them
    if venv.state() == "ready" and known.exists():
        return
    with setting_up(venv):
        started = time.monotonic()
        is_complete = dev_system.prepare(needs, machine, say)
        state = venv.state()
        if state == "update" and not runs(venv, "-m", "pip", "--version"):
            state = "build"
        if state == "build":
            _build(venv, machine)
        if state != "ready":
            install(venv, machine)
            say(f"Set up in {time.monotonic() - started:.0f} s.")
        if is_complete:
            known.touch()


def _build(venv: Venv, machine: dev_system.Machine) -> None:
    """Make .venv from nothing."""
    free_gb = shutil.disk_usage(venv.root).free / 1e9
    if free_gb < FREE_GB:
        raise SetupError(f"Setting up takes about {FREE_GB:.0f} GB and {venv.root} has {free_gb:.1f} GB left; make room and run it again")
    if not machine.can_make_venv():
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not dev_system.apt_install([package], machine) or not machine.can_make_venv():
            cure = "install a complete Python, with both"
            if machine.family() == "debian":
                cure = f"install them with:  {dev_system.install_line('debian', [package])}"
            raise SetupError(f"{sys.executable} comes without the modules venv and ensurepip; {cure}")
    clear = ["--clear"] if venv.folder.exists() else []
    if machine.call("Environment .venv", [sys.executable, "-m", "venv", *clear, str(venv.folder)]) != 0:
        say(f"The end of {machine.log}:\n{_tail(machine.log)}")
        raise SetupError(f"{venv.folder} could not be made; the lines above say why")


def install(venv: Venv, machine: dev_system.Machine, extras: str = "dev") -> None:
    """Install the pinned packages and this folder, editable; only while nobody else sets up. Raises SetupError."""
    pip = [str(venv.program("python")), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    pins = ["-c", str(venv.root / "constraints.txt")]
    misleading = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX")  # would send packages elsewhere
    environment = {key: value for key, value in os.environ.items() if key not in misleading}
    environment.update(PIP_USER="0", PYTHONNOUSERSITE="1", PYTHONIOENCODING="utf-8")
    venv.unfinished.touch()  # stays if we are killed from here on: packages may then be half there
    ours = ["--no-build-isolation", "-e", f"{venv.root}[{extras}]"]  # built by the pinned setuptools, not by the newest
    for title, phase, arguments in (("Build tool", None, ["setuptools"]), ("Packages: fetch", pip_phase, ours)):
        status, output = dev_system.quietly(title, [*pip, *pins, *arguments], machine.log, phase, environment)
        if status != 0:
            if status > 0:  # not killed by a signal
                venv.unfinished.unlink()  # pip gave up and tidied up
            say(f"The end of {machine.log}:\n{_tail(machine.log)}")
            raise SetupError(f"The packages could not be installed: {pip_trouble(output)}")
    venv.finish()
    venv.unfinished.unlink()


def pip_phase(output: str) -> tuple[str, str]:
    """pip's output so far -> phase and detail of the line on the screen."""
    if "Installing collected packages" in output:
        names = output.rpartition("Installing collected packages: ")[2].partition("\n")[0].split(", ")
        return "Packages: install", f"{len(names)} packages"
    found = re.findall(r"^Collecting ([\w.-]+)", output, re.MULTILINE)
    return "Packages: fetch", f"{len(found)} found, now {found[-1]}" if found else ""


def pip_trouble(output: str) -> str:
    """pip's output after a failure -> what went wrong, in words."""
    for pattern, sentence in TROUBLES:
        found = re.search(pattern, output)
        if found:
            return sentence.format(*found.groups())
    return "pip failed"


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return "\n".join(f"    {line[:200]}" for line in lines)


def runs(venv: Venv, *arguments: str) -> bool:
    """Whether the environment's Python ends well with these arguments."""
    try:
        return subprocess.run([venv.program("python"), *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def say(text: str) -> None:
    """One line to the user, at once."""
    print(text, flush=True)


def run(venv: Venv, arguments: list[str]) -> int:
    """Become Nullsum, in the folder where the user is."""
    command = [str(venv.program("nullsum")), *arguments]
    if not venv.windows:
        os.execv(command[0], command)
    return subprocess.call(command)  # Windows cannot become another program


def checks(venv: Venv, arguments: list[str]) -> list[tuple[str, str, list[str]]]:
    """Name, what a failure means, command: in the order in which they run."""
    python = str(venv.program("python"))
    n_workers = min(4, os.cpu_count() or 1)
    alone = n_workers == 1 or any(a.startswith(("-n", "--numprocesses", "--pdb", "-s", "--capture")) for a in arguments)
    # the tests of a file share what they prepare; a worker that died is not replaced, because xdist then waits for ever (its issue 784)
    spread = [] if alone else ["-n", str(n_workers), "--dist", "loadfile", "--max-worker-restart=0"]
    return [
        ("ruff", "the code breaks a rule of pyproject.toml", [python, "-m", "ruff", "check", "."]),
        ("import-linter", "an import crosses a wall between the rooms", [str(venv.program("lint-imports"))]),
        ("mypy", "the types do not hold", [python, "-m", "mypy"]),
        ("pytest", "a test fails", [python, "-m", "pytest", *spread, *arguments]),
    ]


def test_environment(scratch: Path) -> dict[str, str]:
    """The environment of the checks: no screen, few threads, and nothing of the user's is read or written."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    environment["OMP_NUM_THREADS"] = "1" if (os.cpu_count() or 1) < 8 else "2"  # several tests run beside each other
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        environment[f"XDG_{kind}_HOME"] = str(scratch / kind.lower())
    environment["XDG_RUNTIME_DIR"] = environment["APPDATA"] = environment["LOCALAPPDATA"] = str(scratch / "run")
    environment["NULLSUM_CACHE"] = str(scratch / "masks")
    (scratch / "run").mkdir(mode=0o700)
    return environment


def test(venv: Venv, arguments: list[str]) -> int:
    """Run the checks in order up to the first that fails, and say how long each took."""
    summary: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nullsum-test-", ignore_cleanup_errors=True) as scratch:
        environment = test_environment(Path(scratch))
        for name, meaning, command in checks(venv, arguments):
            say(f"\n=== {name} ===")
            started = time.monotonic()
            status = subprocess.call(command, cwd=venv.root, env=environment, stdin=subprocess.DEVNULL)
            summary.append(f"  {name:<14} {time.monotonic() - started:6.1f} s  {'passed' if status == 0 else 'FAILED'}")
            if status != 0:
                say(f"\nFAILED in {name}: {meaning}; see above.")
                break
    say("\n".join(["", *summary]))
    return status


def newer_python() -> str | None:
    """A Python on the path that is new enough and runs (a shim of pyenv may not), newest first."""
    for minor in range(OLDEST[1] + 8, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return found
    return None


def main(arguments: list[str]) -> int:
    """Do what the command line says; the exit status."""
    command, rest = (arguments or ["help"])[0], arguments[1:]
    if command in ("help", "-h", "--help"):
        say(str(__doc__))
        return 0
    if command not in ("run", "test", "build", "setup"):
        say(f"dev.py knows run, test, build and setup, not {command!r}.\n\n{__doc__}")
        return 2
    try:
        if sys.version_info < OLDEST:
            found = newer_python()
            if found:
                return subprocess.call([found, str(Path(__file__).resolve()), *arguments])
            version = ".".join(map(str, sys.version_info[:3]))
            raise SetupError(f"Nullsum needs Python 3.11 or newer, this is {version}; install one, then: python3.12 dev.py {command}")
        venv, machine = Venv(ROOT), dev_system.Machine(ROOT / "build" / "dev-setup.log")
        set_up(venv, machine, dev_system.RUN_NEEDS if command == "run" else dev_system.RUN_NEEDS + dev_system.TEST_NEEDS)
        if command == "build":
            import dev_build

            return dev_build.build(venv, machine)
        return run(venv, rest) if command == "run" else test(venv, rest) if command == "test" else 0
    except SetupError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"dev.py: {error.filename or ROOT} cannot be used ({error.strerror or error}); is the folder yours?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command again takes it up.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
