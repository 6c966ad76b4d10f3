"""dev.py: what is up to date, what is missing and who is told what, without installing anything."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import dev
import dev_system

EGL = dev_system.Need("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd")
RANDR = dev_system.Need("libxcb-randr.so.0", "libxcb-randr0", "libxcb", "libxcb")
SHAPE = dev_system.Need("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb")


class FakeMachine(dev_system.Machine):
    """A machine that installs nothing, remembers what it was told to do and has what its packages bring."""

    def __init__(self, tmp_path: Path, family: str = "debian", rights: list[str] | None = None, lists: bool = True) -> None:
        super().__init__(tmp_path / "log.txt")
        self.is_linux = True
        self.log.write_text("")
        self.the_family, self.the_rights, self.lists, self.venv_works = family, rights, lists, True
        self.there: set[str] = set()
        self.calls: list[list[str]] = []
        self.answer: Callable[[list[str]], int] = lambda command: 0

    def has(self, probe: str) -> bool:
        return probe in self.there

    def family(self) -> str:
        return self.the_family

    def rights(self) -> list[str] | None:
        return self.the_rights

    def knows_packages(self) -> bool:
        return self.lists

    def can_make_venv(self) -> bool:
        return self.venv_works

    def call(self, title: str, command: list[str], describe: object = None) -> int:
        self.calls.append(command)
        status = self.answer(command)
        if status == 0 and "install" in command:
            self.there |= {need.probe for need in (EGL, RANDR, SHAPE) if need.debian in command}
        return status


@pytest.fixture
def venv(tmp_path: Path) -> dev.Venv:
    """A checkout with a finished .venv, as far as dev.py looks."""
    for name in ("pyproject.toml", "constraints.txt", "dev.py"):
        (tmp_path / name).write_text(name)
    venv = dev.Venv(tmp_path, windows=False)
    (venv.folder / "bin").mkdir(parents=True)
    (venv.folder / "pyvenv.cfg").touch()
    venv.program("python").symlink_to(sys.executable)
    venv.program("nullsum").touch()
    venv.finish()
    return venv


# ------------------------------------------------------------------------------------------------------------ the stamp


def test_a_finished_venv_is_ready(venv: dev.Venv) -> None:
    assert venv.state() == "ready"


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "dev.py"])
def test_a_changed_recipe_asks_for_an_update(venv: dev.Venv, name: str) -> None:
    (venv.root / name).write_text("other")
    assert venv.state() == "update"


def test_a_package_of_ours_that_is_new_asks_for_an_update(venv: dev.Venv) -> None:
    (venv.root / "app").mkdir()
    (venv.root / "app" / "__init__.py").touch()
    assert venv.state() == "update"


def test_text_moved_between_files_is_a_change(venv: dev.Venv) -> None:
    (venv.root / "pyproject.toml").write_text("pyproject.tomlc")
    (venv.root / "constraints.txt").write_text("onstraints.txt")
    assert venv.state() == "update"


def test_a_venv_of_somebody_else_is_updated_in_place(venv: dev.Venv) -> None:
    venv.stamp.unlink()
    assert venv.state() == "update"


def test_a_lost_start_script_is_installed_again(venv: dev.Venv) -> None:
    venv.program("nullsum").unlink()
    assert venv.state() == "update"


@pytest.mark.parametrize("loss", ["bin/python", "pyvenv.cfg"])
def test_a_half_made_venv_is_built_anew(venv: dev.Venv, loss: str) -> None:
    (venv.folder / loss).unlink()
    assert venv.state() == "build"


def test_a_killed_setup_is_built_anew(venv: dev.Venv) -> None:
    venv.unfinished.touch()
    assert venv.state() == "build"


def test_a_moved_folder_is_built_anew(venv: dev.Venv) -> None:
    moved = venv.root.rename(venv.root.with_name("elsewhere"))
    assert dev.Venv(moved, windows=False).state() == "build"


def test_another_python_underneath_is_built_anew(venv: dev.Venv, tmp_path: Path) -> None:
    (tmp_path / "python3.99").touch()
    venv.program("python").unlink()
    venv.program("python").symlink_to(tmp_path / "python3.99")
    assert venv.state() == "build"


def test_when_all_is_there_nothing_is_run(venv: dev.Venv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(tmp_path)
    machine.there = {"libEGL.so.1"}
    monkeypatch.setattr(machine, "call", None)
    monkeypatch.setattr(dev, "install", None)
    dev.set_up(venv, machine, (EGL,))
    machine.there.clear()  # the second time the system is not even looked at
    dev.set_up(venv, machine, (EGL,))


def test_paths_in_the_venv() -> None:
    assert dev.Venv(Path("x"), windows=True).program("python") == Path("x/.venv/Scripts/python.exe")
    assert dev.Venv(Path("x"), windows=False).program("nullsum") == Path("x/.venv/bin/nullsum")


# ------------------------------------------------------------------------------------------------- what the system lacks


def prepared(machine: FakeMachine) -> tuple[bool, str]:
    """Prepare three needs on it: whether all is there then, and what was said."""
    said: list[str] = []
    return dev_system.prepare((EGL, RANDR, SHAPE), machine, said.append), "\n".join(said)


def test_root_installs_only_what_is_missing_and_asks_nothing(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, rights=[])
    machine.there = {"libEGL.so.1"}
    assert prepared(machine) == (True, "")
    (command,) = machine.calls
    assert command[:6] == ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"]
    assert command[-2:] == ["libxcb-randr0", "libxcb-shape0"]
    assert "--no-remove" in command


def test_lists_are_refreshed_where_there_are_none(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, rights=["sudo", "-n"], lists=False)
    assert prepared(machine) == (True, "")
    assert [next(verb for verb in ("update", "install") if verb in command) for command in machine.calls] == ["update", "install"]
    assert all(command[:2] == ["sudo", "-n"] for command in machine.calls)


def test_lists_are_refreshed_where_the_first_try_fails(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, rights=[])
    machine.answer = lambda command: 100 if len(machine.calls) == 1 else 0
    assert prepared(machine) == (True, "")
    assert len(machine.calls) == 3


@pytest.mark.parametrize(
    "family, line",
    [
        ("debian", "sudo apt-get install -y --no-install-recommends libegl1 libxcb-randr0 libxcb-shape0\n"),
        ("fedora", "sudo dnf install libglvnd-egl libxcb\n"),
        ("arch", "sudo pacman -S --needed libglvnd libxcb\n"),
        ("", "libEGL.so.1, libxcb-randr.so.0, libxcb-shape.so.0."),
    ],
)
def test_without_rights_the_exact_line_is_said(tmp_path: Path, family: str, line: str) -> None:
    machine = FakeMachine(tmp_path, family=family)
    complete, said = prepared(machine)
    assert (complete, machine.calls) == (False, [])
    assert line in said


def test_only_debian_is_changed_even_by_root(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, family="fedora", rights=[])
    assert not prepared(machine)[0]
    assert machine.calls == []


def test_other_systems_lack_nothing(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.is_linux = False
    assert prepared(machine) == (True, "")


@pytest.mark.parametrize(
    "os_release, family",
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"', "debian"),
        ("ID=ubuntu\nID_LIKE=debian", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', "debian"),
        ("ID=fedora", "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "fedora"),
        ("ID=manjaro\nID_LIKE=arch", "arch"),
        ("ID=alpine", ""),
        ("", ""),
    ],
)
def test_families(os_release: str, family: str) -> None:
    assert dev_system.family_of(os_release) == family


def test_probes_look_at_the_real_system() -> None:
    assert dev_system.is_present("no-such-program|python3" if sys.platform != "win32" else "no-such-program|python")
    assert not dev_system.is_present("no-such-program")
    assert not dev_system.is_present("libno-such-library.so.7")


# ---------------------------------------------------------------------------------------------------------- the sentences


@pytest.mark.parametrize(
    "output, words",
    [
        ("connection broken by 'NewConnectionError(...)'\nERROR: No matching distribution found for numpy", "cannot be reached"),
        ("WARNING: ... Temporary failure in name resolution", "cannot be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "has no torch==2.13.0"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("PermissionError: [WinError 32] The process cannot access the file", "close programs"),
        ("something else", "pip failed"),
    ],
)
def test_what_pip_failed_of(output: str, words: str) -> None:
    assert words in dev.pip_trouble(output)


def test_phases_of_pip() -> None:
    fetching = "Collecting numpy==2.4.6\n  Downloading numpy-2.4.6.whl (16 MB)\nCollecting scipy\n"
    assert dev.pip_phase("") == ("Packages: fetch", "")
    assert dev.pip_phase(fetching) == ("Packages: fetch", "2 found, now scipy")
    assert dev.pip_phase(fetching + "Installing collected packages: numpy, scipy\n") == ("Packages: install", "2 packages")
    assert dev.pip_phase(fetching + "Installing collected packages: ") == ("Packages: install", "1 packages")


def test_old_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(dev, "newer_python", lambda: None)
    assert dev.main(["run"]) == 1
    assert "needs Python 3.11 or newer, this is 3.9.2" in capsys.readouterr().err


def test_old_python_hands_over_to_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(dev, "newer_python", lambda: "/usr/bin/python3.12")
    monkeypatch.setattr(subprocess, "call", lambda command, **_: called.append(command) or 7)
    assert dev.main(["test", "-k", "x"]) == 7
    assert called == [["/usr/bin/python3.12", str(Path(dev.__file__)), "test", "-k", "x"]]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_a_newer_python_counts_only_if_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for minor, status in ((14, 127), (12, 0), (11, 0), (9, 0)):
        stand_in = tmp_path / f"python3.{minor}"
        stand_in.write_text(f"#!/bin/sh\nexit {status}\n")
        stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dev.newer_python() == str(tmp_path / "python3.12")
    (tmp_path / "python3.12").unlink()
    (tmp_path / "python3.11").unlink()
    assert dev.newer_python() is None


def test_a_folder_of_somebody_else_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/x/build")

    monkeypatch.setattr(dev, "set_up", refused)
    assert dev.main(["setup"]) == 1
    assert capsys.readouterr().err == "dev.py: /x/build cannot be used (Permission denied); is the folder yours?\n"


def test_a_python_without_venv_is_completed_by_root(venv: dev.Venv, tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, rights=[])
    machine.venv_works = False

    def answer(command: list[str]) -> int:
        machine.venv_works = True
        return 0

    machine.answer = answer
    dev._build(venv, machine)
    assert machine.calls[0][-1] == f"python3.{sys.version_info[1]}-venv"
    assert machine.calls[1] == [sys.executable, "-m", "venv", "--clear", str(venv.folder)]


@pytest.mark.parametrize("family, words", [("debian", r"sudo apt-get install .* python3\.\d+-venv"), ("", "complete Python")])
def test_a_python_without_venv_and_without_rights(venv: dev.Venv, tmp_path: Path, family: str, words: str) -> None:
    machine = FakeMachine(tmp_path, family=family)
    machine.venv_works = False
    with pytest.raises(dev.SetupError, match=f"without the modules venv and ensurepip; .*{words}"):
        dev._build(venv, machine)


def test_low_disk(venv: dev.Venv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "FREE_GB", 1e9)
    with pytest.raises(dev.SetupError, match="GB left; make room"):
        dev._build(venv, FakeMachine(tmp_path))


@pytest.mark.parametrize("status, state", [(1, "update"), (-9, "build")])
def test_a_failed_pip_leaves_a_sound_venv_and_a_killed_one_does_not(
    venv: dev.Venv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, state: str
) -> None:
    (venv.root / "constraints.txt").write_text("newer")
    monkeypatch.setattr(dev_system, "quietly", lambda *_: (status, "getaddrinfo failed"))
    with pytest.raises(dev.SetupError, match="cannot be reached"):
        dev.install(venv, FakeMachine(tmp_path))
    assert venv.state() == state


def test_unknown_command_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["tset"]) == 2
    assert "not 'tset'" in capsys.readouterr().out
    assert dev.main([]) == 0
    assert "dev.py run" in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------------------- commands


def test_the_checks_and_their_order() -> None:
    checks = dev.checks(dev.Venv(Path("x"), windows=False), ["-k", "dev"])
    assert [name for name, _, _ in checks] == ["ruff", "import-linter", "mypy", "pytest"]
    assert checks[-1][2][-2:] == ["-k", "dev"]
    assert "loadfile" not in dev.checks(dev.Venv(Path("x")), ["--pdb"])[-1][2]


@pytest.mark.parametrize("statuses", [[0, 0, 0, 0], [0, 3]])
def test_checks_stop_at_the_first_failure(statuses: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter(statuses)
    environments = []
    monkeypatch.setattr(subprocess, "call", lambda command, env, **_: environments.append(env) or next(answers))
    assert dev.test(dev.Venv(Path("x")), []) == statuses[-1]
    said = capsys.readouterr().out
    assert said.count("===") == 2 * len(statuses)
    assert ("FAILED in import-linter: an import crosses" in said) == (statuses[-1] != 0)
    assert all(env["QT_QPA_PLATFORM"] == "offscreen" and "nullsum-test-" in env["XDG_CACHE_HOME"] for env in environments)


def test_quietly_logs_and_returns_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "build" / "log.txt"
    code = "import sys; print('one', end=''); sys.exit(3)"
    assert dev_system.quietly("Title", [sys.executable, "-c", code], log) == (3, "one")
    assert "FAILED" in capsys.readouterr().out
    assert dev_system.quietly("Title", ["no-such-program-anywhere"], log)[0] == 127
    assert "one" in log.read_text()


def test_one_setup_at_a_time(tmp_path: Path) -> None:
    waited = threading.Event()
    entered: list[float] = []

    def second() -> None:
        with dev_system.Lock(tmp_path / "build" / "lock", waited.set):
            entered.append(time.monotonic())

    with dev_system.Lock(tmp_path / "build" / "lock", lambda: None):
        other = threading.Thread(target=second)
        other.start()
        assert waited.wait(2)
        released = time.monotonic()
    other.join(2)
    assert entered[0] >= released


# ------------------------------------------------------------------------------------------------------ conftest's guard


def test_running_threads_sees_a_thread_until_it_ends(running_threads: Callable[[], dict[int, str]]) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="guarded")
    thread.start()
    assert "guarded" in running_threads().values()
    stop.set()
    thread.join()
    assert "guarded" not in running_threads().values()
