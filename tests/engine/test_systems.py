"""docs/systems.md: every system of the documents is there, what its rows name exists, and the page is what its code makes today."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from engine.cli import COMMANDS
from engine.evaluation import systems_table
from engine.evaluation.baselines import BASELINES
from engine.evaluation.systems import command, main, n_parameters
from engine.evaluation.systems_table import DATA, DOCUMENTS, EVALUATION, LAW, LOSSES, NEURAL, OPTIMISERS, UNTRAINED, Row
from engine.methods import every_method
from engine.methods.research import INFOS
from engine.nets import NETS
from engine.training import losses
from engine.training.criteria import CRITERIA
from engine.training.optimisers import OPTIMISERS as MADE
from engine.training.questions import QUESTIONS
from engine.training.recipes import RECIPES

ROOT = Path(__file__).parents[2]
NAMES = (
    "projet adress duet ica nmf hpss repet-sim dnn cnn1 cnn2 blstm deep-clustering drnn ae unet unet-jansson deepconvsep mdensenet "
    "mmdensenet mmdenselstm open-unmix sams-net wavenet wave-u-net conv-tasnet meta-tasnet demucs irm ibm"
).split()
ROWS = [*LAW, *NEURAL, *UNTRAINED, *LOSSES, *DATA, *OPTIMISERS, *EVALUATION]
NOT_AS_PRINTED = {"mmdenselstm": 0.13, "meta-tasnet": 2.8}  # the row says so, and by how much


def test_every_system_that_was_asked_for_has_a_row_and_can_be_named() -> None:
    assert sorted(row.name for row in ROWS if row.name) == sorted(NAMES)
    for row in [*NEURAL, *UNTRAINED]:
        assert row.name in every_method() or row.name in BASELINES
        assert (row.name in NETS and row.name in INFOS) == (row in NEURAL)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.replace(" ", "-"))
def test_what_a_row_names_is_there(row: Row) -> None:
    for part in row.where.split(", "):
        module, _, name = part.partition(":")
        assert hasattr(importlib.import_module(module), name), part
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()
    assert row.differs and all(number in DOCUMENTS for number in row.documents.split(", ") if number != "-")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.replace(" ", "-"))
def test_what_a_command_names_is_there(row: Row) -> None:
    words = shlex.split(command(row))
    if words[0] == "nullsum":
        assert words[1] in COMMANDS
        if "-m" in words:
            assert words[words.index("-m") + 1] == row.name in every_method()
        return
    assert words[:2] == ["python", "-m"]
    if words[2] == "pytest":
        assert (ROOT / words[3]).is_file()
        return
    assert importlib.util.find_spec(words[2])
    if words[3:4] == ["zoo"]:
        assert words[4] in RECIPES
    if "--loss" in words:
        assert words[words.index("--loss") + 1] in (CRITERIA if "zoo" in words else losses.LOSSES)
    if words[2].endswith("findings"):
        assert words[-1] in QUESTIONS
    for name in re.findall(r"--method (\S+)", command(row)):
        assert name in every_method()


def test_the_optimisers_are_those_of_the_document() -> None:
    assert {name.lower() for name in OPTIMISERS[0].what.split(", ")} <= set(MADE)


@pytest.mark.parametrize("row", [row for row in NEURAL if any(c.printed for c in row.counts)], ids=lambda row: row.name)
def test_counts_are_as_printed_or_the_row_says_otherwise(row: Row) -> None:
    for count in row.counts:
        if count.printed:
            apart = abs(n_parameters(row.name, count.config) * count.n_nets / count.printed - 1.0)
            assert apart == 0.0 if row.name == "unet" else apart < NOT_AS_PRINTED.get(row.name, 0.035)
            assert apart > 0.1 or row.name not in NOT_AS_PRINTED
    if row.name in NOT_AS_PRINTED:
        assert "reconstruction" in row.differs or "printed" in row.differs


def test_reconstructions_are_called_so_wherever_they_are_offered() -> None:
    said = {row.name for row in NEURAL if "reconstruction" in row.differs}
    assert said == {name for name, info in INFOS.items() if "reconstruction" in info.sentence} == {"sams-net", "mmdenselstm"}


def test_the_page_is_what_the_command_writes_today(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "systems.md")]) == 0
    made, kept = ((folder / "systems.md").read_text(encoding="utf-8") for folder in (tmp_path, ROOT / "docs"))
    assert made == kept, "run `python -m engine.evaluation.systems --out docs/systems.md`"
    assert made.count("| ✓ |") == len(ROWS) and systems_table.__doc__
