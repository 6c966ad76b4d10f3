"""`python -m engine.evaluation --method nullsum-4 open-unmix --data DIR`: scores methods on songs with true stems, floor and ceiling.

Prints Markdown tables; with --out also writes evaluation.md, evaluation.json and a box plot of each metric.
"""

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any

from engine.errors import BadInputError, EngineError, MethodError
from engine.evaluation.baselines import BASELINES, CHEAP
from engine.evaluation.commands import FAILURES, ready, sentence
from engine.evaluation.compare import box_plot, legend, paired_tests, said
from engine.evaluation.data import Track, TrackFiles, find_tracks, load
from engine.evaluation.estimate import estimate, why_not
from engine.evaluation.scores import MUSEVAL, PLAIN, TITLES, TrackScores, score
from engine.evaluation.tables import as_json, cells, groups, markdown, metrics_of
from engine.threads import wait_shortly
from engine.types import Method, Progress


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", nargs="*", default=[], metavar="NAME", help="methods to score; none: baselines alone")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with an INDEX.json, or folders of stems (see engine/evaluation/data.py)"
    )
    parser.add_argument("--songs", nargs="*", default=[], metavar="NAME", help="these songs, whatever their split")
    parser.add_argument("--split", help='split of an index (default "valid"), or a subfolder of DIR')
    parser.add_argument(
        "--metrics", nargs="+", choices=(PLAIN, MUSEVAL), default=[PLAIN], help="plain: SDR, SI-SDR, remix SDR; museval is slow"
    )
    parser.add_argument("--oracles", action="store_true", help="also the ideal masks and the best fixed equaliser")
    parser.add_argument("--range", type=stretch, default=(0.0, None), metavar="A:B", help="only these seconds of each song, such as 60:90")
    parser.add_argument("--out", type=Path, help="folder for evaluation.md, evaluation.json and box plots")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME", help="weights for nullsum-4; several give a row each")
    parser.add_argument("--weights-dir", type=Path, help="folder of these weights (default: the ones that come with Nullsum)")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    return parser.parse_args(argv)


def stretch(text: str) -> tuple[float, float | None]:
    """A stretch of seconds: 60:90 -> (60.0, 90.0); either side may be missing. ArgumentTypeError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?)?:(\d+(?:\.\d*)?)?", text)
    start, end = (float(found[1] or 0.0), float(found[2]) if found[2] else None) if found else (0.0, None)
    if not found or (end is not None and end <= start):
        raise argparse.ArgumentTypeError(f"{text!r} is not a stretch; give seconds as A:B, such as 60:90 or 60:")
    return start, end


def built(args: argparse.Namespace) -> dict[str, Method]:
    """The methods by the name of their row."""
    from engine.methods import build

    out: dict[str, Method] = {}
    for name in dict.fromkeys(args.method):
        if name == "nullsum-4":
            from engine.methods.builtin import Builtin

            for weights in args.weights or ["nullsum-4"]:
                out[name if len(args.weights) < 2 else f"{name} ({weights})"] = Builtin(args.device, weights, args.weights_dir)
        else:
            out[name] = build(name)
    return out


class Voice:
    """Progress on stderr: one line a piece of work, growing where someone watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._started = 0.0

    def begin(self, words: str) -> None:
        """A piece of work begins."""
        self._words, self._started = words, time.monotonic()
        if self._watched:
            print(f"\r{words} ...\033[K", end="", file=sys.stderr, flush=True)

    def report(self, progress: Progress) -> None:
        """How far it is."""
        if self._watched:
            print(f"\r{self._words} ... {progress.done:.0%}\033[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """It is done."""
        start = "\r" if self._watched else ""
        print(f"{start}{self._words}: {time.monotonic() - self._started:.1f} s", file=sys.stderr, flush=True)

    def say(self, words: str) -> None:
        """A sentence of its own."""
        print(words, file=sys.stderr, flush=True)


def evaluate(tracks: list[TrackFiles], methods: dict[str, Method], args: argparse.Namespace, voice: Voice) -> list[TrackScores]:
    """Every method and baseline on every song, one song in memory at a time; what cannot be compared is said and skipped."""
    out: list[TrackScores] = []
    metrics = tuple(args.metrics)
    skipped = {(name, files.names): why for files in tracks for name, m in methods.items() if (why := why_not(m.info, files.names))}
    for why in dict.fromkeys(skipped.values()):
        voice.say(f"Skipped: {why}")
    for number, files in enumerate(tracks, 1):
        place = f"[{number}/{len(tracks)}] {files.name}"
        voice.begin(f"{place}: reading")
        try:
            track = load(files, *args.range)
        except EngineError as error:
            voice.say(f"Left out {files.name}: {error}")
            continue
        voice.end()
        for name, method in methods.items():
            if (name, files.names) not in skipped:
                voice.begin(f"{place}: {name}")
                try:
                    stems = estimate(track, method, report=voice.report)
                except MethodError as error:
                    voice.say(f"Skipped {name} on {files.name}: {error}")
                    continue
                out.append(score(track, stems, name, "method", metrics))
                voice.end()
        out += _baselines(track, place, args.oracles, metrics, voice)
    return out


def _baselines(track: Track, place: str, oracles: bool, metrics: tuple[str, ...], voice: Voice) -> list[TrackScores]:
    """The rows that need no method: floor and equal shares always, the rest where oracles are asked for."""
    out = []
    for name, (kind, words, make) in BASELINES.items():
        if oracles or name in CHEAP:
            voice.begin(f"{place}: {words}")
            out.append(score(track, make(track), name, kind, metrics))
            voice.end()
    return out


def tests_of(scores: list[TrackScores]) -> list[dict[str, Any]]:
    """Paired tests of SDR between methods, in every group that has two of them."""
    return [
        {"truth": f"{len(group[0].names)} stems", **row}
        for group in groups(scores)
        if "sdr" in metrics_of(group)
        for row in paired_tests(group)
    ]


def tests_markdown(tests: list[dict[str, Any]]) -> str:
    """The paired tests as a section; empty where there are none."""
    if not tests:
        return ""
    told = [
        {**{k: v for k, v in row.items() if k != "is_enough"}, "p": f"{row['p']:.2g}", "p_bonferroni": said(row)} for row in tests
    ]
    legends = "\n\n".join(legend(over) for over in dict.fromkeys(row["of"] for row in tests))
    return f"\n## Paired tests of SDR\n\n{legends}\n\n{cells(told)}"


def write(scores: list[TrackScores], text: str, tests: list[dict[str, Any]], args: argparse.Namespace, voice: Voice) -> None:
    """evaluation.md, evaluation.json and box plots into --out."""
    from engine.atomic import atomic_text

    about = {"data": args.data.name, "range_s": args.range, "methods": args.method, "weights": args.weights, "paired_tests_sdr": tests}
    atomic_text(args.out / "evaluation.md", text)
    atomic_text(args.out / "evaluation.json", as_json(scores, about))
    try:
        for group in groups(scores):
            for metric in [m for m in TITLES if m in metrics_of(group)]:
                box_plot(group, metric, args.out / f"{metric}-{len(group[0].names)}-stems.png")
    except BadInputError as error:
        voice.say(str(error))


def main(argv: list[str] | None = None) -> int:
    """Score and print; 0, or 1 with a sentence where it cannot be done, for all of the songs or for one."""
    wait_shortly()  # before torch
    args = arguments(argv)
    voice = Voice()
    try:
        tracks = find_tracks(args.data, tuple(args.songs), args.split)
        if args.out:
            ready(args.out)
        scores = evaluate(tracks, built(args), args, voice)
        tests = tests_of(scores)
        text = markdown(scores) + tests_markdown(tests)
        if scores:
            print(text)
        if scores and args.out:
            write(scores, text, tests, args, voice)
    except FAILURES as error:
        voice.say(sentence(error))
        return 1
    return 0 if {files.name for files in tracks} == {score.track for score in scores} else 1


if __name__ == "__main__":
    sys.exit(main())
