"""The command line as its user meets it: real files in, real files out, exit codes, one sentence for bad input, nothing lost."""

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from toys import signal

import engine.export
from engine import __version__
from engine.cli import run
from engine.cli.remix import stem_gains
from engine.cli_io import inputs, parse_db, parse_range, target_folders, with_gains_joined
from engine.errors import BadInputError
from engine.methods import build, every_method, methods, options_of
from engine.methods.research import INFOS
from engine.samples import from_float
from engine.types import INT16, INT24

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NULLSUM_CACHE", str(tmp_path_factory.mktemp("cache")))


def write(path: Path, subtype: str = "PCM_24", kind: str = "noise", n_samples: int = 30000) -> Path:
    """A stereo file at 44.1 kHz with known integers."""
    sample_type = {"PCM_16": INT16, "PCM_24": INT24}[subtype]
    x = signal(kind, 2, n_samples, sample_type)
    sf.write(path, (x << 8 if subtype == "PCM_24" else x).T, 44100, subtype=subtype)
    return path


def integers(path: Path) -> np.ndarray:
    return sf.read(path, dtype="int32", always_2d=True)[0].T.astype(np.int64)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("method", ["hpss", "adress", "nullsum-4"])
@pytest.mark.parametrize("ending", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("kind", ["noise", "square"])  # square: a clipped master, whose stems overflow
def test_integer_stems_on_disk_add_up_to_the_source(tmp_path: Path, method: str, ending: str, subtype: str, kind: str) -> None:
    song = write(tmp_path / f"song.{ending}", subtype, kind)
    assert run(["separate", str(song), "-o", str(tmp_path / "out"), "-m", method]) == 0
    stems = sorted((tmp_path / "out" / "song").glob(f"*.{ending}"))
    assert np.array_equal(sum(integers(s) for s in stems), integers(song))
    for stem in stems:
        info, source = sf.info(stem), sf.info(song)
        assert (info.samplerate, info.subtype, info.frames, info.format) == (source.samplerate, subtype, source.frames, source.format)
    said = json.loads((tmp_path / "out" / "song" / "null-report.json").read_text())
    assert said["result"]["n_different"] == 0 and said["result"]["exact"] and said["result"]["adds_up"]
    assert (said["result"]["n_compared"], said["result"]["peak_dbfs"]) == (60000, "-inf")
    assert "exactly" in (tmp_path / "out" / "song" / "null-report.txt").read_text()
    assert run(["nulltest", str(song), *map(str, stems)]) == 0
    heard = next(s for s in stems if integers(s).any())
    assert run(["nulltest", str(song), *(str(s) for s in stems if s != heard)]) == 1


@pytest.mark.parametrize(("ending", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_24"), ("aiff", "PCM_16")])
def test_neutral_remix_is_the_source_and_a_moved_one_is_not(tmp_path: Path, ending: str, subtype: str) -> None:
    song = write(tmp_path / f"song.{ending}", subtype)
    for n, neutral in enumerate([[], ["--harmonic", "0"], ["--harmonic=+0", "--percussive", "-0", "--gain", "0"]]):
        out = tmp_path / f"remix{n}.{ending}"
        assert run(["remix", str(song), "-o", str(out), "-m", "hpss", *neutral]) == 0
        assert np.array_equal(integers(out), integers(song)) and sf.info(out).subtype == subtype
    moved = tmp_path / f"moved.{ending}"
    assert run(["remix", str(song), "-o", str(moved), "-m", "hpss", "--harmonic", "+2", "--percussive", "-inf", "--gain", "-1"]) == 0
    assert not np.array_equal(integers(moved), integers(song))
    silent = tmp_path / f"silent.{ending}"
    assert run(["remix", str(song), "-o", str(silent), "-m", "hpss", "--harmonic", "-inf", "--percussive=-inf"]) == 0
    assert not integers(silent).any()


def test_options_of_a_method_reach_the_files(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav")
    words = ["-m", "adress", "--set", "n_positions=3"]
    assert run(["separate", str(song), "-o", str(tmp_path / "out"), *words]) == 0
    stems = {p.stem: integers(p) for p in (tmp_path / "out" / "song").glob("*.wav")}
    assert set(stems) == {"left", "centre", "right"} and np.array_equal(sum(stems.values()), integers(song))
    assert json.loads((tmp_path / "out" / "song" / "null-report.json").read_text())["method"]["n_positions"] == 3
    for name in every_method():
        assert all(len(option.name) < 16 for option in options_of(name))  # a name and its value stay apart in the report
    assert "  n_positions     3\n" in (tmp_path / "out" / "song" / "null-report.txt").read_text()
    for n, value in enumerate(("0.2", "0.9")):
        assert run(["separate", str(song), "-o", str(tmp_path / f"hpss{n}"), "-m", "hpss", "--set", f"held_s={value}"]) == 0
    held = [integers(tmp_path / f"hpss{n}" / "song" / "harmonic.wav") for n in (0, 1)]
    assert not np.array_equal(*held)
    assert run(["remix", str(song), "-o", str(tmp_path / "r.wav"), *words, "--centre=-inf", "--left", "-inf"]) == 0
    assert np.abs(integers(tmp_path / "r.wav") - stems["right"]).max() <= 1 << 8  # a step of 24 bits in 32


def test_the_readme_says_nothing_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text()
    block = readme.split("```sh command-line\n")[1].split("```")[0]
    write(tmp_path / "song.wav")
    write(tmp_path / "mix.wav", n_samples=2000)
    for stem in ("a", "b"):
        write(tmp_path / f"{stem}.wav", kind="silence", n_samples=2000)
    monkeypatch.chdir(tmp_path)
    lines = [line.split("#")[0].strip() for line in block.splitlines() if line.startswith("nullsum ")]
    assert len(lines) >= 5
    for line in lines:
        assert run(shlex.split(line)[1:]) == (1 if "nulltest mix.wav" in line else 0), line


def test_json_of_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav")

    def said(*words: str) -> object:
        capsys.readouterr()
        run([*words, "--json"])
        return json.loads(capsys.readouterr().out)

    found = said("methods")
    assert isinstance(found, list) and {"nullsum-4", "hpss", "adress"} <= {m["name"] for m in found}
    assert all(m["title"] and m["group"] and m["stems"] for m in found)
    separated = said("separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss")
    assert separated["done"][0]["adds_up"] is True and not separated["failed"]  # type: ignore[index]
    remixed = said("remix", str(song), "-o", str(tmp_path / "r.wav"), "-m", "hpss", "--percussive", "-inf")
    assert remixed["gains_db"] == {"percussive": "-inf"} and remixed["clipped"] == 0  # type: ignore[index]
    assert said("nulltest", str(song), str(song))["adds_up"] is True  # type: ignore[index]
    assert said("info", str(song))[0]["samples"] == 30000  # type: ignore[index]
    assert said("cache")["chunks"] >= 1 and said("cache", "--clear")["chunks"] == 0  # type: ignore[index]


def test_methods_are_listed_under_their_groups(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.methods.network.zoo_folder", lambda: tmp_path)
    for installed in ([], ["deep-clustering"], list(INFOS)):
        for name in installed:
            for ending in (".json", ".safetensors"):
                (tmp_path / f"{name}{ending}").touch()
        assert run(["methods"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if line and line[0] != " "] == ["Built-in", "Spatial", "Classic", "Research"]
        rows = [line for line in lines if line.startswith("  ") and line[2] != " " and "python -m" not in line]
        assert [row.split()[0] for row in rows] == list(methods()) and set(installed) <= set(methods())
        assert len({len(row) - len(row[2:].split(maxsplit=1)[1]) for row in rows}) == 1  # stems begin in one column
        untrained = [line for line in lines if "python -m engine.training zoo NAME" in line]
        assert len(untrained) == (0 if len(installed) == len(INFOS) else 1)
        if untrained:
            assert set(untrained[0].split(": ")[-1].split(", ")) == set(INFOS) - set(installed)


@pytest.mark.parametrize("name", list(every_method()))
def test_one_method_is_told_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    info = every_method()[name]
    assert run(["methods", name, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["title"], said["paper"], tuple(said["stems"])) == (info.title, info.paper, info.stems)
    assert [o["name"] for o in said["options"]] == [o.name for o in options_of(name)]
    assert (said["weights"] is None) == (info.group in ("spatial", "classic"))
    assert run(["methods", name]) == 0
    page = capsys.readouterr().out
    words = [info.title, info.group, info.sentence, info.paper, ", ".join(info.stems), *(o.sentence for o in options_of(name))]
    assert all(word in page for word in words) and all(f"{o.name}={o.default}   " in page and o.bounds in page for o in options_of(name))
    if said["weights"] and said["weights"]["installed"]:
        assert said["weights"]["sha256"] == build(name).info.weights_sha256 and said["weights"]["sha256"][:12] in page
        assert said["weights"]["bytes"] > 100_000
    elif said["weights"]:
        assert f"python -m engine.training zoo {name} " in page


def test_a_second_run_takes_its_masks_from_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav", n_samples=100_000)
    counts = []
    for out in ("a", "b"):
        assert run(["separate", str(song), "-o", str(tmp_path / out), "-m", "hpss"]) == 0
        run(["cache", "--json"])
        counts.append(json.loads(capsys.readouterr().out.split("null-report.txt")[-1])["chunks"])
    assert counts[0] == counts[1] > 0
    assert listing(tmp_path / "a") == listing(tmp_path / "b")


def test_a_range_folders_globs_and_equal_names(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    a, b = write(tmp_path / "in" / "song.wav"), write(tmp_path / "in" / "song.flac")
    c = write(tmp_path / "in" / "other.wav")
    (tmp_path / "in" / "notes.txt").write_text("no song")
    assert run(["separate", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-m", "hpss", "-r", "0.1:0.2"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["other", "song.flac", "song.wav"]
    stems = [p for p in (tmp_path / "out" / "other").iterdir() if p.suffix == ".wav"]
    assert np.array_equal(sum(integers(s) for s in stems), integers(c)[:, 4410:8820])
    assert inputs([str(tmp_path / "in" / "*.wav"), str(a)]) == [c, a]
    assert set(inputs([str(tmp_path / "in")])) == {a, b, c}
    assert len(set(target_folders([Path("x/s.wav"), Path("y/s.wav"), Path("z/s.flac")], Path("o")).values())) == 3


@pytest.mark.parametrize(("subtype", "adds_up"), [("PCM_16", True), ("FLOAT", True), ("DOUBLE", True)])
def test_other_depths(tmp_path: Path, subtype: str, adds_up: bool) -> None:
    song = write(tmp_path / "song.wav", "PCM_24")
    assert run(["separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss", "-s", subtype]) == 0
    said = json.loads((tmp_path / "o" / "song" / "null-report.json").read_text())
    assert said["result"]["adds_up"] is adds_up
    assert {sf.info(p).subtype for p in (tmp_path / "o" / "song").glob("*.wav")} == {subtype}


def test_lossy_in_is_float_out_and_lossy_out_is_called_not_null(tmp_path: Path) -> None:
    sf.write(tmp_path / "song.mp3", signal("noise", 2, 50000, INT16).T, 44100)
    assert run(["separate", str(tmp_path / "song.mp3"), "-o", str(tmp_path / "o"), "-m", "hpss"]) == 0
    said = json.loads((tmp_path / "o" / "song" / "null-report.json").read_text())
    assert said["result"]["adds_up"] and any("lossy" in n for n in said["notes"])
    assert sf.info(tmp_path / "o" / "song" / "harmonic.wav").subtype == "FLOAT"
    song = write(tmp_path / "plain.wav")
    assert run(["separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss", "-f", "ogg"]) == 0
    said = json.loads((tmp_path / "o" / "plain" / "null-report.json").read_text())
    assert not said["result"]["adds_up"] and any("not null" in n for n in said["notes"])


@pytest.mark.parametrize(("words", "code"), [(["-s", "PCM_16"], 1), (["-f", "flac"], 1), (["-s", "FLOAT"], 1), (["-f", "mp3"], 0)])
def test_stems_that_do_not_add_up_say_so_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    songs = [write(tmp_path / "a.wav"), write(tmp_path / "b.wav")]
    real = engine.export.render_stems

    def a_little_off(*args: Any) -> np.ndarray:  # a fault in the pass itself, which the exact sum of integers would hide
        stems = real(*args)
        stems[0, :, :3] += 0.01
        return stems

    monkeypatch.setattr(engine.export, "render_stems", a_little_off)
    monkeypatch.setattr(engine.export, "exact_stems", lambda stems, *rest: (from_float(stems, rest[1])[0], 0))
    assert run(["separate", *map(str, songs), "-o", str(tmp_path / "out"), "-m", "hpss", *words]) == code
    assert capsys.readouterr().out.count("do not add up") == 2
    assert all((tmp_path / "out" / song.stem / "null-report.txt").exists() for song in songs)


def test_float_above_full_scale_is_refused_as_integers_with_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = tmp_path / "hot.wav"
    sf.write(song, np.full((5000, 2), 1.5, np.float32), 44100, subtype="FLOAT")
    words = ["separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss", "-s", "PCM_24"]
    assert run(words) == 2
    assert "3.5 dB above full scale" in (said := capsys.readouterr().err) and "--headroom -3.6" in said
    assert not (tmp_path / "o").exists()
    assert run([*words, "--headroom", "-3.6"]) == 0
    assert run(words[:-2]) == 0 if not (tmp_path / "o" / "hot").exists() else True


def test_a_source_that_headroom_clips_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = tmp_path / "half.wav"
    sf.write(song, np.full((5000, 2), 20_000, np.int16), 44100, subtype="PCM_16")
    assert run(["separate", str(song), "-o", str(tmp_path / "loud"), "-m", "hpss", "--headroom", "6"]) == 0
    assert "10,000 samples of the source clipped" in capsys.readouterr().out
    assert "10,000 samples of the source clipped" in next((tmp_path / "loud").rglob("null-report.txt")).read_text()
    assert run(["separate", str(song), "-o", str(tmp_path / "soft"), "-m", "hpss", "--headroom", "-6"]) == 0
    assert "of the source clipped" not in capsys.readouterr().out


# --- bad input: a sentence, exit code 2, and the folder as it was


def bad_files(folder: Path) -> dict[str, Path]:
    """One of each kind that must be refused."""
    good = write(folder / "good.wav", n_samples=5000)
    raw = good.read_bytes()
    made = {"missing": folder / "missing.wav", "folder": folder / "folder.wav", "empty": folder / "empty.wav",
            "truncated": folder / "truncated.wav", "text": folder / "text.wav", "no samples": folder / "none.wav",
            "not a number": folder / "nan.wav", "nine channels": folder / "nine.wav"}  # fmt: skip
    (folder / "folder.wav").mkdir()
    made["empty"].write_bytes(b"")
    made["truncated"].write_bytes(raw[: len(raw) // 2])
    made["text"].write_text("this is no sound at all, whatever its name says\n" * 20)
    sf.write(made["no samples"], np.zeros((0, 2)), 44100)
    x = np.zeros((100, 2), np.float32)
    x[50, 1] = np.nan
    sf.write(made["not a number"], x, 44100, subtype="FLOAT")
    sf.write(made["nine channels"], np.zeros((100, 9)), 44100)
    return made


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "truncated", "text", "no samples", "not a number", "nine channels"])
@pytest.mark.parametrize("command", ["separate", "remix", "nulltest", "info"])
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, kind: str) -> None:
    path = bad_files(tmp_path)[kind]
    before = listing(tmp_path)
    out = tmp_path / "out"
    words = {"separate": ["-o", str(out), "-m", "hpss"], "remix": ["-o", str(out / "r.wav"), "-m", "hpss", "--harmonic", "1"],
             "nulltest": [str(tmp_path / "good.wav")], "info": []}[command]  # fmt: skip
    assert run([command, str(path), *words]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("nullsum: ") and said.endswith(".") and "\n" not in said and "Traceback" not in said
    assert path.name in said and len(said) > 40
    assert listing(tmp_path) == before and not out.exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["separate", "SONG", "-o", "OUT", "-m", "hpps"], "did you mean hpss"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-f", "xyz"], "xyz"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-f", "flac", "-s", "FLOAT"], "FLOAT"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-f", "opus"], "44100"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-r", "5:4"], "range"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-r", "99:"], "does not lie in the recording"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-r", "a:b"], "cannot be read"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-r", "0:1e308"], "beyond any recording"),
        (["separate", "SONG", "-o", "OUT", "-m", "hpss", "-r", "1e308:"], "beyond any recording"),
        (["remix", "SONG", "-o", "OUT.wav", "-r", "0:-1e308"], "beyond any recording"),
        (["separate", "SONG", "-o", "OUT", "-m", "adress", "--device", "cpu"], ""),
        (["separate", "SONG", "-o", "OUT", "-m", "adress", "--set", "positions=3"], "did you mean n_positions"),
        (["separate", "SONG", "-o", "OUT", "-m", "adress", "--set", "n_positions=many"], "must be a whole number, one of 3, 5, 7"),
        (["separate", "SONG", "-o", "OUT", "-m", "adress", "--set", "n_positions=4"], "must be one of 3, 5, 7"),
        (["separate", "SONG", "-o", "OUT", "-m", "duet", "--set", "n_places=3", "--set", "max_delay_ms=2"], "between 0 and 1 millisecond"),
        (["separate", "SONG", "-o", "OUT", "-m", "adress", "--set", "n_positions"], "such as n_positions=5"),
        (["separate", "SONG", "-o", "OUT", "--set", "speed=2"], "nothing to set"),
        (["remix", "SONG", "-o", "OUT.wav", "-m", "adress", "--set", "n_positions=3", "--mid-left", "2"], "--left, --centre, --right."),
        (["remix", "SONG", "-o", "OUT.wav", "-m", "adress", "--set", "n_positions=-3", "--left", "2"], "must be one of"),
        (["methods", "hpps"], "did you mean hpss"),
        (["separate", "SONG", "-m", "hpss"], "--out"),
        (["separate", "nothing*.wav", "-o", "OUT"], "Nothing matches"),
        (["separate", "-o", "OUT"], "SONG"),
        (["remix", "SONG", "-o", "OUT.wav", "--guitar", "+2"], "--vocals"),
        (["remix", "SONG", "-o", "OUT.wav", "--vocals", "loud"], "not a gain"),
        (["remix", "SONG", "-o", "OUT.wav", "--vocals"], "needs a gain"),
        (["remix", "SONG", "-o", "SONG", "--vocals", "1"], "song itself"),
        (["remix", "SONG", "-o", "OUT.wav", "--vocals", "nan"], "between -inf"),
        (["nulltest", "SONG"], "STEM"),
        (["cache", "--limit", "-1"], "0 or more"),
        (["explode"], "explode"),
    ],
)
def test_impossible_wishes_are_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    song = write(tmp_path / "song.wav")
    before = listing(tmp_path)
    code = run([w.replace("SONG", str(song)).replace("OUT", str(tmp_path / "out")) for w in words])
    said = capsys.readouterr().err.strip()
    if expected:
        assert code == 2 and expected in said and "\n" not in said and said.endswith("."), said
        assert listing(tmp_path) == before and not (tmp_path / "out").exists()
    else:
        assert code == 0


def test_nothing_is_overwritten_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav")
    words = ["separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss"]
    assert run(words) == 0
    before = listing(tmp_path)
    assert run(words) == 2 and "--overwrite" in capsys.readouterr().err
    assert listing(tmp_path) == before
    assert run([*words, "--overwrite"]) == 0
    remix = ["remix", str(song), "-o", str(tmp_path / "r.wav"), "-m", "hpss", "--harmonic", "2"]
    assert run(remix) == 0 and run(remix) == 2 and run([*remix, "--overwrite"]) == 0


def test_one_bad_song_of_several_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav")
    bad = tmp_path / "bad.wav"
    bad.write_text("no")
    assert run(["separate", str(bad), str(song), "-o", str(tmp_path / "o"), "-m", "hpss"]) == 2
    assert "bad.wav" in capsys.readouterr().err
    assert (tmp_path / "o" / "song" / "null-report.txt").exists() and not (tmp_path / "o" / "bad").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_target_as_a_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav")
    (tmp_path / "ro").mkdir(mode=0o500)
    assert run(["separate", str(song), "-o", str(tmp_path / "ro"), "-m", "hpss"]) == 2


def test_a_target_that_cannot_be_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "song.wav")
    (tmp_path / "file").write_text("in the way")
    assert run(["separate", str(song), "-o", str(tmp_path / "file"), "-m", "hpss"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_names_in_any_language_and_very_long_ones(tmp_path: Path) -> None:
    for name in ("Ängström – 東京 🎵", "x" * 246):
        song = write(tmp_path / f"{name}.wav", n_samples=3000)
        assert run(["separate", str(song), "-o", str(tmp_path / "o"), "-m", "hpss"]) == 0
        assert (tmp_path / "o" / name / "harmonic.wav").exists()
        assert run(["remix", str(song), "-o", str(tmp_path / f"{name[:-1]}y.wav"), "-m", "hpss", "--harmonic", "1"]) == 0


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "no json"])
def test_bad_weights_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    import engine.weights as weights

    song = write(tmp_path / "song.wav", n_samples=3000)
    folder = tmp_path / "weights"
    folder.mkdir()
    for p in weights.bundled_folder().glob("nullsum-4.*"):
        (folder / p.name).write_bytes(p.read_bytes())
    target = folder / "nullsum-4.safetensors"
    if damage == "missing":
        target.unlink()
    elif damage == "truncated":
        target.write_bytes(target.read_bytes()[:1000])
    elif damage == "foreign":
        target.write_bytes(b"\x80\x04pickled things" * 100)
    else:
        (folder / "nullsum-4.json").write_text("{")
    monkeypatch.setattr(weights, "bundled_folder", lambda: folder)
    assert run(["separate", str(song), "-o", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "nullsum-4" in said and "install Nullsum again" in said and not (tmp_path / "o").exists()


def test_words_and_numbers() -> None:
    assert parse_db("--x", "-inf") == -math.inf and parse_db("--x", "+2") == 2.0
    assert parse_range(None) == (0.0, None) and parse_range(":3") == (0.0, 3.0) and parse_range("2:") == (2.0, None)
    joined = with_gains_joined(["remix", "s", "--drums", "-inf", "--vocals", "+2", "-o", "x"])
    assert joined == ["remix", "s", "--drums=-inf", "--vocals=+2", "-o", "x"]
    assert stem_gains(["--a=1", "--b", "-2"], ("a", "b")) == {"a": 1.0, "b": -2.0}
    with pytest.raises(BadInputError):
        stem_gains(["stray"], ("a",))


def test_neither_help_nor_a_cached_song_imports_torch_or_qt(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav")
    code = (
        "import sys; from engine.cli import run\n"
        f"assert run(['methods']) == 0 and run(['separate', {str(song)!r}, '-o', {str(tmp_path / 'o')!r}, '-m', 'hpss']) == 0\n"
        "loaded = [m for m in ('torch', 'PySide6', 'scipy.signal', 'pyqtgraph') if m in sys.modules]\n"
        "sys.exit(f'imported: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_word_it_helps_and_it_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: nullsum") and "separate" in out and err == ""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"Nullsum {__version__}\n"
