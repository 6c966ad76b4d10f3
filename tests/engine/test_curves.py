"""The workshop's pictures and tables: curves of runs from their logs, designs at equal cost, both from tiny runs."""

import importlib.util
import json
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from corpora import SMALL, tiny_corpus

from engine.errors import BadInputError
from engine.nets import build_net
from engine.training import curves, designs
from engine.training.losses import LOSSES
from engine.training.trainer import check, heard

needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib comes with the extra `train`")


def write_log(folder: Path, name: str, steps: list[int], **values: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log.jsonl"
    said = [{"step": s, "loss": 1.0 / s, "vocals": s / 100, "drums": 2.0, "mean": 1.0, **values} for s in steps]
    path.write_text("".join(json.dumps(line) + "\n" for line in said))
    return path


def test_logs_are_read_as_they_were_written_last(tmp_path: Path) -> None:
    path = write_log(tmp_path, "a", [100, 200])
    with path.open("a") as log:  # killed at 200 and resumed from 100: the step was done twice
        log.write('{"step": 200, "loss": 0.5, "vocals": 7.0, "bass": NaN}\n{"step": 300, "loss": 0.25}\n{"st')
    (run,) = curves.read_runs([tmp_path])
    assert run.name == "a"
    assert run.points["loss"] == [(100, 0.01), (200, 0.5), (300, 0.25)]
    assert run.points["vocals"] == [(100, 1.0), (200, 7.0)]
    assert run.points["bass"] == [] and run.points["drums"] == [(100, 2.0)]


def test_runs_are_found_by_name_in_several_folders(tmp_path: Path) -> None:
    for folder, name in (("one", "a"), ("two", "a"), ("two", "b")):
        write_log(tmp_path / folder, name, [100])
    folders = [tmp_path / "one", tmp_path / "two"]
    assert [run.name for run in curves.read_runs(folders)] == ["one/a", "two/a", "b"]
    assert [run.name for run in curves.read_runs(folders, ["b"])] == ["b"]
    with pytest.raises(BadInputError, match=r"no log c\.log\.jsonl; there are: b, one/a, two/a"):
        curves.read_runs(folders, ["c"])
    with pytest.raises(BadInputError, match="training writes one"):
        curves.read_runs([tmp_path])


def test_an_svg_has_a_line_for_every_run_that_says_something(tmp_path: Path) -> None:
    write_log(tmp_path, "a & b", [100, 200, 300])
    write_log(tmp_path, "zoo", [50, 60], sdr_bass=3.0)  # research nets write sdr_bass
    out = tmp_path / "picture.svg"
    curves.main(["--work", str(tmp_path), "--out", str(out)])
    lines = [e.attrib["points"].split() for e in ET.parse(out).iter("{http://www.w3.org/2000/svg}polyline")]
    assert sorted(len(line) for line in lines) == [2] * 5 + [3] * 4
    texts = [e.text for e in ET.parse(out).iter("{http://www.w3.org/2000/svg}text")]
    assert "a & b" in texts and "zoo" in texts and "bass: validation SDR, dB" in texts
    loss = next(line for line in lines if len(line) == 3)
    heights = [float(point.split(",")[1]) for point in loss]
    assert heights == sorted(heights)  # the loss falls: further down in the picture


@needs_matplotlib
def test_a_png_is_a_picture(tmp_path: Path) -> None:
    write_log(tmp_path, "a", [100, 200])
    curves.main(["--work", str(tmp_path), "--out", str(tmp_path / "x.png")])
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log.jsonl", "x.png"]


def test_what_cannot_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(tmp_path, "a", [100])
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit, match=r"needs matplotlib.*\.svg"):
        curves.main(["--work", str(tmp_path), "--out", str(tmp_path / "x.png")])
    with pytest.raises(SystemExit):
        curves.main(["--work", str(tmp_path), "--out", str(tmp_path / "x.pdf")])
    assert "must end in .png or .svg" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------------ designs


@pytest.mark.parametrize("name", designs.DESIGNS)
def test_every_design_can_be_built_and_learns(name: str) -> None:
    config = designs.config_of(name)
    check(config)
    assert config.name == name
    torch.manual_seed(0)
    net = build_net(config.net, config.net_config)
    batch = {"features": torch.randn(1, 3, 400, 44)}
    shares = net(heard(net, batch)).softmax(1)
    assert shares.shape == (1, 4, 400, 44)
    power = torch.rand(1, 4, 400, 44)
    LOSSES[config.loss](shares, power.sum(1, keepdim=True), power, power).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_designs_differ_from_the_first_one_alone() -> None:
    told = {name: str((c.net, c.net_config, c.loss, c.optimiser)) for name in designs.DESIGNS for c in (designs.config_of(name),)}
    assert len(set(told.values())) == len(told)
    plain = designs.config_of("split")
    for name in designs.DESIGNS:
        config = designs.config_of(name)
        assert (config.optimiser == plain.optimiser) == (config.learning_rate == plain.learning_rate) == (name != "adamw")
        config = replace(config, optimiser=plain.optimiser, learning_rate=plain.learning_rate)
        assert replace(config, name="split", net=plain.net, net_config=plain.net_config, loss=plain.loss) == plain


def test_designs_get_equal_time_and_are_not_tried_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, base = tiny_corpus(tmp_path / "data"), replace(SMALL, batch=1)
    names = ["every-frame", "tpsa-l1"]
    found = designs.compare(names, data, tmp_path / "work", 0.1, n_workers=0, base=base)
    for name in names:
        assert found[name]["steps"] >= 1 and found[name]["rtf"] > 0.0
        assert found[name]["music_s"] == pytest.approx(found[name]["steps"] * base.n_frames * base.hop / 44100)
        net = build_net("band_split", designs.config_of(name, base).net_config)
        assert found[name]["parameters"] == sum(p.numel() for p in net.parameters())
        assert {"vocals", "drums", "bass", "other", "mean"} <= set(found[name])
    kept = sorted(p.name for p in (tmp_path / "work" / "designs").iterdir())
    assert kept == ["every-frame.json", "tpsa-l1.json"]
    monkeypatch.setattr(designs, "tried", lambda *_: pytest.fail("tried again"))
    assert designs.compare(names, data, tmp_path / "work", 0.1, n_workers=0, base=base) == found
    table = designs.table(found).splitlines()
    assert table[0].startswith("| design | what | parameters | music heard | vocals | drums | bass | other | mean | RTF |")
    best = max(found, key=lambda name: found[name]["mean"])
    assert len(table) == 4 and table[2].startswith(f"| {best} | {designs.DESIGNS[best].words} |")
    capsys.readouterr()
    monkeypatch.setattr(designs, "tried", lambda config, *_: {**found["tpsa-l1"], "mean": -1.0})
    again = designs.compare(names, data, tmp_path / "work", 0.2, n_workers=0, base=base)  # another time is another comparison
    assert again["every-frame"]["mean"] == -1.0


def test_the_page_of_designs_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        name: {"parameters": 1e6, "music_s": 60.0, "mean": float(i), "rtf": 0.02, "vocals": 1.5} for i, name in enumerate(["split", "deep"])
    }
    monkeypatch.setattr(designs, "compare", lambda *_: found)
    designs.main(["--data", str(tmp_path), "--work", str(tmp_path), "--minutes", "2.5", "--out", str(tmp_path / "docs")])
    page = (tmp_path / "docs" / "designs.md").read_text()
    assert "for 2.5 minutes of one processor core" in page and designs.table(found).strip() in page
    assert page.index("| deep |") < page.index("| split |")
    capsys.readouterr()


def test_an_unknown_design_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no design called 'splat'; choose from split,"):
        designs.main(["splat", "--data", str(tmp_path), "--work", str(tmp_path)])
    with pytest.raises(SystemExit, match="must be more than 0"):
        designs.main(["--data", str(tmp_path), "--work", str(tmp_path), "--minutes", "0"])


def test_the_rate_rises_and_falls_with_the_time() -> None:
    config = designs.config_of("split")
    rates = [designs.rate_at(i / 100, config) for i in range(100)]
    assert rates[0] < 0.05 * config.learning_rate and rates[50] == config.learning_rate and rates[99] < 0.05 * config.learning_rate
