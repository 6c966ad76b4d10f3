"""`python -m engine.training.curves --work DIR --out FILE.png`: loss and validation SDR over the steps, one line a run.

Reads the NAME.log.jsonl that training writes, also those of research nets (DIR/zoo). A .png is drawn by matplotlib (`pip install
nullsum[train]`); a .svg needs nothing.
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from engine.errors import BadInputError
from engine.evaluation.commands import FAILURES, ready, sentence
from engine.training.data import ROLES

PANELS = ("loss", *ROLES, "mean")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito: told apart by all eyes
WIDTH, HEIGHT, LEFT, TOP = 360, 230, 52, 40  # of a panel, and of the margins in it; pixels


@dataclass(frozen=True)
class Run:
    """One log: panel -> its points (step, value) in the order of the steps."""

    name: str
    points: dict[str, list[tuple[float, float]]]


def read_runs(folders: list[Path], names: list[str] | None = None) -> list[Run]:
    """The runs whose logs lie in these folders, by name (folder/name where two have one name); `names` picks some.

    Raises BadInputError where there are none.
    """
    paths = [path for folder in folders for path in sorted(folder.glob("*.log.jsonl"))]
    own = [path.name.removesuffix(".log.jsonl") for path in paths]
    found = {name if own.count(name) == 1 else f"{path.parent.name}/{name}": path for name, path in zip(own, paths, strict=True)}
    for name in names or []:
        if name not in found:
            raise BadInputError(f"There is no log {name}.log.jsonl; there are: {', '.join(sorted(found)) or 'none'}.")
    if not found:
        told = ", ".join(str(folder) for folder in folders)
        raise BadInputError(f"There is no NAME.log.jsonl in {told}; training writes one at its first validation.")
    return [read_run(name, found[name]) for name in names or found]


def read_run(name: str, path: Path) -> Run:
    """One log. A step that was done twice, before and after a kill, counts as it was the last time; a torn last line is left out."""
    steps: dict[float, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            said = json.loads(line)
            steps[said["step"]] = {panel: said.get(panel, said.get(f"sdr_{panel}", math.nan)) for panel in PANELS}
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
    points = {panel: [(step, float(steps[step][panel])) for step in sorted(steps)] for panel in PANELS}
    return Run(name, {panel: [p for p in line if math.isfinite(p[1])] for panel, line in points.items()})


def title(panel: str) -> str:
    """What stands above a panel."""
    return "loss" if panel == "loss" else f"{panel}: validation SDR, dB"


def draw_png(runs: list[Run], path: Path) -> None:
    """By matplotlib, whole or not at all; BadInputError where it is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInputError(
            "A PNG needs matplotlib, which is not installed; run `pip install nullsum[train]` or give --out a name ending in .svg."
        ) from None
    figure = Figure(figsize=(12, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        for run, colour in zip(runs, COLOURS * len(runs), strict=False):
            axes.plot(*zip(*run.points[panel], strict=True) if run.points[panel] else ((), ()), label=run.name, color=colour)
        axes.set_title(title(panel))
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    part = path.with_suffix(".part.png")
    figure.savefig(part, dpi=110)
    part.replace(path)


def draw_svg(runs: list[Run], path: Path) -> None:
    """The same by hand: six panels, lines and their names."""
    out = []
    for i, panel in enumerate(PANELS):
        out.append(f'<g transform="translate({i % 3 * WIDTH} {i // 3 * HEIGHT})">{_svg_panel(runs, panel)}</g>')
    for i, run in enumerate(runs):
        x, y = 20 + i % 4 * 270, 2 * HEIGHT + 20 + i // 4 * 20
        out.append(f'<line x1="{x}" y1="{y}" x2="{x + 24}" y2="{y}" stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="2"/>')
        out.append(f'<text x="{x + 30}" y="{y + 4}">{escape(run.name)}</text>')
    height = 2 * HEIGHT + 30 + 20 * math.ceil(len(runs) / 4)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * WIDTH}" height="{height}" font-family="sans-serif" font-size="12">'
    text = "\n".join([head, f'<rect width="{3 * WIDTH}" height="{height}" fill="white"/>', *out, "</svg>\n"])
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _svg_panel(runs: list[Run], panel: str) -> str:
    """Title, a frame with the extremes written at its corners, a line a run."""
    every = [point for run in runs for point in run.points[panel]]
    wide, high = WIDTH - LEFT - 14, HEIGHT - TOP - 24
    out = [
        f'<text x="{LEFT}" y="{TOP - 10}">{title(panel)}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{wide}" height="{high}" fill="none" stroke="#bbb"/>',
    ]
    if not every:
        return "".join(out)
    last = max(x for x, _ in every)
    low, top = min(y for _, y in every), max(y for _, y in every)
    for y, value in ((TOP + 10, top), (TOP + high, low)):
        out.append(f'<text x="{LEFT - 5}" y="{y}" text-anchor="end">{value:.3g}</text>')
    out.append(f'<text x="{LEFT + wide}" y="{TOP + high + 16}" text-anchor="end">step {last:g}</text>')
    for run, colour in zip(runs, COLOURS * len(runs), strict=False):
        at = [(LEFT + wide * x / (last or 1.0), TOP + high * (top - y) / ((top - low) or 1.0)) for x, y in run.points[panel]]
        if not at:
            continue
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{told}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{colour}"/>' for x, y in at]
    return "".join(out)


def main(argv: list[str] | None = None) -> None:
    """Read the logs, write the picture."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.curves", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="runs to draw (default: all)")
    parser.add_argument("--work", type=Path, nargs="+", required=True, metavar="DIR", help="folders that hold NAME.log.jsonl")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture: .png or .svg")
    args = parser.parse_args(argv)
    draw = {".png": draw_png, ".svg": draw_svg}.get(args.out.suffix.lower())
    if draw is None:
        parser.error(f"--out {args.out.name} must end in .png or .svg")
    try:
        runs = read_runs(args.work, args.names)
        ready(args.out.parent)
        draw(runs, args.out)
    except FAILURES as error:
        sys.exit(sentence(error))
    print(f"{', '.join(run.name for run in runs)}: {args.out}")


if __name__ == "__main__":
    main()
