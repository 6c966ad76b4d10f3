"""`python -m engine.evaluation.systems --out docs/systems.md`: what the documents describe and where it is, as a page.

The rows stand in engine.evaluation.systems_table. Numbers of parameters are counted on nets of the paper's size, which are built
without their numbers (torch's meta device), so that nothing on the page is copied from an earlier run.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.atomic import atomic_text
from engine.evaluation.commands import FAILURES, ready, sentence
from engine.evaluation.systems_table import DATA, DOCUMENTS, EVALUATION, LAW, LOSSES, NEURAL, OPTIMISERS, UNTRAINED, Count, Row

if TYPE_CHECKING:
    from torch import nn

OPENING = """# Systems of the documents

Made by `python -m engine.evaluation.systems --out docs/systems.md`; a test holds that it is up to date.

Every row is ticked: a test looks up the code and the command that it names. All methods are held to the laws of masks by
`tests/engine/test_separate.py`. A neural system is a method once its weights are installed; `python -m engine.training zoo NAME
--data DIR --work DIR --weights resources/weights/zoo` makes them, at a compact size that one processor core trains in minutes (`--paper`:
the paper's size). What each scores beside all others: `python -m engine.evaluation.zoo --data DIR --work DIR --out docs`. Which findings
of the documents hold here: `python -m engine.training.findings --data DIR --work DIR`.

The documents:
"""
PARAMETERS = """Printed, and counted on the net that is built here at the paper's size; the last column is the compact size that is trained
by default, for all four stems. Where no count is printed ours stands alone. Counts of the U-Net are Keras's, running statistics
included.
"""
SCORES = """Test SDR in dB of vocals, drums, bass, other, where four numbers are printed. They are of the authors' trainings, days on a
hundred songs; ours have minutes, other songs and compact sizes, and are no measure of these designs.
"""


def place(where: str) -> str:
    """The file of "module:name, module:name" and the names in it: "`engine/masks.py` normalised, quantised".

    >>> place("engine.masks:normalised, engine.masks:quantised")
    '`engine/masks.py` normalised, quantised'
    """
    files: dict[str, list[str]] = {}
    for part in where.split(", "):
        module, _, name = part.partition(":")
        files.setdefault(module.replace(".", "/") + ".py", []).append(name)
    return "; ".join(f"`{file}` {', '.join(names)}" for file, names in files.items())


def command(row: Row) -> str:
    """What shows a row working."""
    return row.shows or f"nullsum separate song.wav -o stems -m {row.name}"


def n_parameters(net: str, config: dict[str, object]) -> int:
    """Parameters of a net at its paper's size with some fields replaced. Imports torch."""
    import torch

    from engine.nets import build_net

    with torch.device("meta"):
        return _counted(build_net(net, config))


def compact_parameters(net: str) -> int:
    """Parameters of a net at its compact size. Imports torch."""
    from engine.nets import build_net, compact_config

    config = json.loads(json.dumps(asdict(compact_config(net))))
    return _counted(build_net(net, config))  # with its numbers: bands have tables that the meta device cannot hold


def _counted(net: "nn.Module") -> int:
    from engine.nets.unet import UNet
    from engine.nets.unet import n_parameters as as_keras

    return as_keras(net) if isinstance(net, UNet) else sum(p.numel() for p in net.parameters())


def table(heads: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"


def rows_table(rows: tuple[Row, ...], figures: bool = True) -> str:
    """What, where, by which command and with what difference; and what is printed, where anything is."""
    figures = figures and any(row.printed for row in rows)
    heads = ["", "what", "name", "document", "lives in", "command", "differs by"]
    lines = [["✓", row.what, f"`{row.name}`" if row.name else "", row.documents, place(row.where), f"`{command(row)}`", row.differs]
             for row in rows]  # fmt: skip
    keep = [i for i, head in enumerate(heads) if head != "name" or any(row.name for row in rows)]
    more = [[row.printed] for row in rows] if figures else [[] for _ in rows]
    return table([heads[i] for i in keep] + (["printed"] if figures else []),
                 [[line[i] for i in keep] + extra for line, extra in zip(lines, more, strict=True)])  # fmt: skip


def short(n: float) -> str:
    """A count as documents print it.

    >>> short(87304), short(9825716)
    ('0.09 M', '9.83 M')
    """
    return f"{n / 1e6:.2f} M"


def count_line(row: Row, count: Count, is_first: bool) -> list[str]:
    """A line of the table of parameters."""
    ours = n_parameters(row.name, count.config) * count.n_nets
    exact = row.name == "unet"  # printed to the last digit
    said = (f"{count.printed:,.0f}" if exact else short(count.printed)) if count.printed else "-"
    source = f" ({count.source})" if count.source else ""
    apart = f"{100 * (ours / count.printed - 1):+.1f} %" if count.printed else ""
    compact = short(compact_parameters(row.name)) if is_first else ""
    return [f"`{row.name}`", count.setting or "four stems", said + source, f"{ours:,}" if exact else short(ours), apart, compact]


def page() -> str:
    """The whole page."""
    parts = [OPENING, "\n".join(f"- {number}: {words}" for number, words in DOCUMENTS.items()), ""]
    parts += ["## The law that all of it serves\n", rows_table(LAW), "## Neural systems\n", rows_table(NEURAL, figures=False)]
    lines = [count_line(row, count, i == 0) for row in NEURAL for i, count in enumerate(row.counts)]
    parts += ["### Numbers of parameters\n", PARAMETERS, table(["method", "setting", "printed", "built", "apart", "compact"], lines)]
    parts += ["### Printed scores\n", SCORES, table(["method", "printed"], [[f"`{r.name}`", r.printed] for r in NEURAL if r.printed])]
    sections = {"Systems that need no training": UNTRAINED, "Losses": LOSSES, "Data": DATA}
    for title, rows in {**sections, "Optimisers": OPTIMISERS, "Evaluation": EVALUATION}.items():
        parts += [f"## {title}\n", rows_table(rows)]
    return "\n".join(parts)


def main(argv: list[str] | None = None) -> int:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluation.systems", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="the file to write; none: print it")
    args = parser.parse_args(argv)
    try:
        if args.out:
            ready(args.out.parent)
            atomic_text(args.out, page())
        else:
            sys.stdout.write(page())
    except FAILURES as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
