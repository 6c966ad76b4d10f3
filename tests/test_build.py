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
     ("PySide6/Qt/plugins/platforms/libqeglfs.so", False), ("PySide6\\Qt\\translations\\qt_de.qm", False), ("libasound.so.2", False),
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
print("whole")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.stdout.endswith("whole\n"), done.stderr[-2000:]


# ------------------------------------------------------------------------------------------------------------- the command


class Machine:
    """A machine whose commands end as they are told to."""

    def __init__(self, statuses: list[int]) -> None:
        self.log, self.statuses, self.titles = Path("log.txt"), statuses, list[str]()

    def call(self, title: str, command: list[str], describe: object = None) -> int:
        self.titles.append(title)
        return self.statuses[len(self.titles) - 1]


@pytest.mark.parametrize(("statuses", "words"), [([1], "PyInstaller failed; log.txt says why"), ([0, 1], "Freezing failed")])
def test_a_build_that_fails_is_a_sentence(tmp_path: Path, statuses: list[int], words: str) -> None:
    with pytest.raises(dev.SetupError, match=words):
        dev_build.build(dev.Venv(tmp_path), Machine(statuses))  # type: ignore[arg-type]


def frozen(tmp_path: Path, script: str) -> dev_build.Frozen:
    """A folder whose program does this."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "nullsum").write_text(f"#!{sys.executable}\nimport sys, time, signal\n{script}\n")
    (folder / "nullsum").chmod(0o755)
    (tmp_path / "scratch").mkdir()
    return dev_build.Frozen(folder, tmp_path / "scratch")


WINDOW = "signal.signal(signal.SIGINT, lambda *_: sys.exit({status}))\nprint({said!r}, flush=True)\ntime.sleep(20 if {waits} else 0)"


@pytest.mark.skipif(sys.platform == "win32", reason="scripts that run by their first line")
@pytest.mark.parametrize(
    ("said", "status", "waits", "is_good"),
    [("ready", 0, True, True), ("ready", 3, True, False), ("Traceback ...", 0, False, False), ("ready\nTraceback", 0, True, False)],
)
def test_a_window_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, status: int, waits: bool, is_good: bool
) -> None:
    monkeypatch.setattr(dev_build, "OPENS_S", 0.2)
    made = frozen(tmp_path, WINDOW.format(status=status, said=said, waits=waits))
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


def test_the_trials_are_those_of_a_user() -> None:
    assert [name for name, _ in dev_build.TRIALS] == ["version", "methods", "separating", "window"]
