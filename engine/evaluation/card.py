"""`python -m engine.evaluation.card --data DIR [DIR ...]`: measures the bundled network and writes the figures into its model card.

What stands in resources/weights/NAME.md between the two marks is replaced; the words around it are ours. Each folder (the
validation songs of an index; folders of songs for evaluation only) gets its tables, with floor and ceiling.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from engine.atomic import atomic_text
from engine.errors import BadInputError
from engine.evaluation.baselines import BASELINES
from engine.evaluation.bss import BssEval
from engine.evaluation.commands import FAILURES, ready, sentence
from engine.evaluation.data import Track, TrackFiles, find_tracks, load
from engine.evaluation.estimate import estimate
from engine.evaluation.metrics import BSS
from engine.evaluation.scores import TITLES, TrackScores, score
from engine.evaluation.tables import Row, cells, groups, metrics_of, rows
from engine.methods.builtin import Builtin
from engine.threads import wait_shortly
from engine.types import Array, Method
from engine.weights import bundled_folder

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
BESIDE = ("mixture", "irm")  # the baselines that BSS eval scores too: floor and ceiling
SHOWN = ("sdr", "remix", *BSS)


def measured(tracks: list[TrackFiles], method: Method, name: str, is_plain: bool = False) -> list[TrackScores]:
    """The method and every baseline on every song; BSS eval, unless `is_plain`, for the method, the floor and the ceiling."""
    out: list[TrackScores] = []
    for files in tracks:
        print(f"{files.name} ...", file=sys.stderr, flush=True)
        track = load(files)
        bss = None if is_plain else BssEval(track)

        def scored(stems: Array, row: str, kind: str, track: Track = track, bss: BssEval | None = bss) -> TrackScores:
            found = score(track, stems, row, kind)
            is_wanted = bss is not None and (kind == "method" or row in BESIDE)
            return replace(found, windows={**found.windows, **bss.scores(stems)}) if bss and is_wanted else found

        out.append(scored(estimate(track, method), name, "method"))
        out += [scored(make(track), row, kind) for row, (kind, _, make) in BASELINES.items()]
    return out


def figures(scores: list[TrackScores]) -> str:
    """The tables of all groups as Markdown; the remix beside doing nothing, the four figures of BSS eval one after another."""
    out = []
    for group in groups(scores):
        songs = ", ".join(dict.fromkeys(s.track for s in group))
        for metric in [m for m in SHOWN if m in metrics_of(group)]:
            those = [s for s in group if metric in s.windows]
            out.append(f"**{TITLES[metric]}, dB: {songs}**\n\n{cells([_plainer(row) for row in rows(those, metric)])}")
    return "\n".join(out)


def _plainer(row: Row) -> Row:
    """A row without what stands elsewhere; floor and ceiling told in the name."""
    said = {"floor": " (floor)", "ceiling": " (ceiling)"}
    return {**{k: v for k, v in row.items() if k != "kind"}, "method": row["method"] + said.get(row["kind"], "")}


def spliced(card: str, tables: str) -> str:
    """The card with what stands between the marks replaced; BadInputError where they are not both there, once, in order."""
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise BadInputError(f"The model card needs one line {BEGIN} and below it one line {END}; put them where the figures belong.")
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def main(argv: list[str] | None = None) -> int:
    """Measure, write; 0, or 1 with a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluation.card", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of stems (engine/evaluation/data.py)")
    parser.add_argument("--weights", default="nullsum-4", metavar="NAME", help="whose card it is")
    parser.add_argument("--weights-dir", type=Path, default=bundled_folder(), help="where NAME.md, .json and .safetensors lie")
    parser.add_argument("--plain", action="store_true", help="without BSS eval, which takes minutes for a long song")
    args = parser.parse_args(argv)
    wait_shortly()  # before torch
    try:
        card: Path = args.weights_dir / f"{args.weights}.md"
        if not card.is_file():
            raise BadInputError(f"There is no model card {card.name}; write one with the lines {BEGIN} and {END}.")
        spliced(card.read_text(encoding="utf-8"), "")  # before the long work
        ready(card.parent)
        tracks = [files for folder in args.data for files in find_tracks(folder)]
        tables = figures(measured(tracks, Builtin("cpu", args.weights, args.weights_dir), args.weights, args.plain))
        atomic_text(card, spliced(card.read_text(encoding="utf-8"), tables))
        print(tables)
    except FAILURES as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
