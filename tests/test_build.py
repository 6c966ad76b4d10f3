"""build.spec and dev_build.py: what goes into the frozen app is there, what is left out is not needed, what fails is a sentence.

The build itself takes minutes and is not made here: `python3 dev.py build` makes it and tries it.
"""

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import dev
import dev_build
import dev_system

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """What build.spec defines, and what it tells PyInstaller, which need not be installed."""
    hooks = types.ModuleType("PyInstaller.utils.hooks")
    hooks.collect_submodules = lambda package, filter=lambda name: True: [package]  # type: ignore[attr-defined]  # noqa: A006
    hooks.copy_metadata = lambda package: [(package, package)]  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("PyInstaller", "PyInstaller.utils", "PyInstaller.utils.hooks")}
    told: dict[str, Any] = {}

    def analysis(scripts: list[str], **more: Any) -> types.SimpleNamespace:
        told.update(more, scripts=scripts)
        return types.SimpleNamespace(pure=[], scripts=[], binaries=[], datas=[])

    names = {"Analysis": analysis, "PYZ": lambda pure: pure, "EXE": lambda *_, **more: told.update(program=more),
             "COLLECT": lambda *_, **more: told.update(folder=more), "SPECPATH": str(ROOT)}  # fmt: skip
    try:
        sys.modules |= {"PyInstaller": types.ModuleType("PyInstaller"), "PyInstaller.utils": types.ModuleType("PyInstaller.utils"),
                        "PyInstaller.utils.hooks": hooks}  # fmt: skip
        exec(compile((ROOT / "build.spec").read_text(encoding="utf-8"), "build.spec", "exec"), names)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return {**names, "told": told}


def test_what_it_takes_along_is_there(spec: dict[str, Any]) -> None:
    told = spec["told"]
    files = [Path(source) for source, _ in told["datas"] if source != "nullsum"]
    assert all(path.is_file() for path in [*files, *map(Path, told["scripts"])])
    names = {f"{target}/{Path(source).name}" for source, target in told["datas"]}
    assert {"resources/weights/nullsum-4.safetensors", "resources/weights/nullsum-4.md", "resources/demo/demo-song.flac"} <= names
    assert "./LICENSE" in names
    assert sum("resources/weights/zoo/" in name and name.endswith(".safetensors") for name in names) == 20
    assert told["program"]["name"] == told["folder"]["name"] == "nullsum"


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [("torch/lib/libtorch_cpu.so", True), ("torch/bin/torch_shm_manager", True), ("torch/bin/protoc", False), ("torch/test/x.py", False),
     ("torch/_C.so", True), ("PySide6/Qt/plugins/platforms/libqxcb.so", True), ("PySide6/Qt/plugins/platforms/libqoffscreen.so", True),
     ("PySide6/Qt/plugins/platforms/libqeglfs.so", False), ("PySide6\\translations\\qt_de.qm", False), ("PySide6/Qt6Qml.dll", False),
     ("PySide6/Qt6Svg.dll", True), ("libasound.so.2", False),
     ("libportaudio.so.2", False), ("_soundfile_data/libsndfile_x86_64.so", True), ("PySide6/Qt/lib/libQt6Svg.so.6", True)],
)  # fmt: skip
def test_what_is_dropped(spec: dict[str, Any], name: str, is_kept: bool) -> None:
    assert spec["kept"]([(name, "source", "BINARY")]) == ([(name, "source", "BINARY")] if is_kept else [])


def test_nothing_that_is_left_out_is_needed(spec: dict[str, Any], tmp_path: Path) -> None:
    code = f"""
import importlib.abc, pkgutil, sys
LEFT_OUT = {spec["told"]["excludes"]!r}
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == left or name.startswith(left + ".") for left in LEFT_OUT):
            raise ImportError(f"{{name}} is left out of the frozen app")
sys.meta_path.insert(0, Blocked())
import app, engine
for package in (app, engine):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not any(module.name.startswith(left) for left in LEFT_OUT) and not module.name.endswith("__main__"):
            __import__(module.name)
from engine.methods import build, methods
from engine.nets import NETS, build_net
for name in methods():
    build(name)
for name in NETS:
    build_net(name)
from pathlib import Path
from engine.cache import Cache
from engine.session import Session
with Session(Path("resources/demo/demo-song.flac"), "nullsum-4", Cache(Path({str(tmp_path)!r}))) as session:
    session.separate(session.stretch(0, 0.1))
    assert session.masks.chunks
from engine.cli import run
for words in (["methods", "--json"], ["info", "resources/demo/demo-song.flac"], ["methods", "adress"]):
    assert run(words) == 0, words
print("whole")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.stdout.endswith("whole\n"), done.stderr[-2000:]


# ------------------------------------------------------------------------------------------------------------- the command


def test_a_build_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(dev, "runs", lambda venv, *words: False)
    monkeypatch.setattr(dev, "install", lambda venv, machine, extras: installed.append(extras))
    machine = dev_system.Machine(tmp_path / "log.txt")
    monkeypatch.setattr(machine, "call", lambda title, command: 1)
    with pytest.raises(dev.SetupError, match=r"PyInstaller failed; .*log\.txt says why"):
        dev_build.build(dev.Venv(tmp_path), machine)
    assert installed == ["dev,freeze"]


def test_the_command_tells_it_as_a_sentence_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As a script dev.py is another module than the `dev` that dev_build knows."""
    monkeypatch.setattr(dev_system.Machine, "call", lambda *_: 1)
    monkeypatch.setattr(dev_system, "prepare", lambda *_: True)
    monkeypatch.setattr(dev, "runs", lambda venv, *words: True)
    monkeypatch.setattr(dev.Venv, "state", lambda self: "ready")
    script = (ROOT / "dev.py").read_text(encoding="utf-8").replace("    set_up(venv", "    (lambda *_: None)(venv")  # nothing is set up
    names = {"__name__": "__main__", "__file__": str(ROOT / "dev.py")}
    monkeypatch.setattr(sys, "argv", ["dev.py", "build"])
    with pytest.raises(SystemExit) as ended:
        exec(compile(script, "dev.py", "exec"), names)
    assert ended.value.code == 1 and capsys.readouterr().err.startswith("dev.py: PyInstaller failed")


def frozen(tmp_path: Path, script: str) -> dev_build.Frozen:
    """A folder whose program does this."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "nullsum").write_text(f"#!{sys.executable}\nimport sys, time, signal\n{script}\n")
    (folder / "nullsum").chmod(0o755)
    (tmp_path / "scratch").mkdir()
    return dev_build.Frozen(folder, tmp_path / "scratch", Path(sys.executable))


WINDOW = "signal.signal(signal.SIGINT, {handler})\nprint({said!r}, flush=True)\ntime.sleep({seconds})"
LEAVES, FAILS, STAYS = "lambda *_: sys.exit(0)", "lambda *_: sys.exit(3)", "signal.SIG_IGN"


@pytest.mark.skipif(sys.platform == "win32", reason="scripts that run by their first line")
@pytest.mark.parametrize(
    ("said", "handler", "seconds", "is_good"),
    [("ready", LEAVES, 20, True), ("ready", FAILS, 20, False), ("ready", STAYS, 20, False), ("ready", LEAVES, 0, False),
     ("already", LEAVES, 0, False), ("Traceback ...", LEAVES, 0, False), ("ready\nTraceback", LEAVES, 20, False)],
)  # fmt: skip
def test_a_window_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, handler: str, seconds: float, is_good: bool
) -> None:
    monkeypatch.setattr(dev_build, "STANDS_S", 0.5)
    monkeypatch.setattr(dev_build, "READY_S", 4.0)
    made = frozen(tmp_path, WINDOW.format(handler=handler, said=said, seconds=seconds))
    if is_good:
        dev_build.try_window(made)
    else:
        with pytest.raises(dev.SetupError, match="window of what was built"):
            dev_build.try_window(made)


@pytest.mark.skipif(sys.platform == "win32", reason="scripts that run by their first line")
@pytest.mark.parametrize(
    ("trial", "script", "words"),
    [(dev_build.try_version, "print('nullsum 99.9')", "not the version"),
     (dev_build.try_version, "sys.exit('broken')", "fails at .*version.*\nbroken"),
     (dev_build.try_methods, "print('[]')", "other methods"),
     (dev_build.try_separating, "print('{\"done\": [{\"adds_up\": false}]}')", "separates wrongly")],
)  # fmt: skip
def test_what_does_not_work_is_told(tmp_path: Path, trial: Any, script: str, words: str) -> None:
    with pytest.raises(dev.SetupError, match=words):
        trial(frozen(tmp_path, script))


@pytest.mark.skipif(sys.platform == "win32", reason="scripts that run by their first line")
def test_a_subcommand_that_never_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_build, "WORKS_S", 0.3)
    with pytest.raises(dev.SetupError, match="does not end at `nullsum --version`"):
        dev_build.try_version(frozen(tmp_path, "time.sleep(60)"))
