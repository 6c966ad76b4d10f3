"""`python -m engine.evaluation.zoo --data DIR [DIR ...] --work DIR --out docs`: every method there is on the valid songs, as a page.

Writes methods.md and methods/ (methods.json, box plots). Scored is one stretch of each song, by default the minute in which even the
weakest stem is well heard. What was found is kept in --work by method, weights, settings and sound: a re-run makes only what
changed, so the command can be given again whenever another net has been trained.
"""

import argparse
import sys
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.audio import ArrayMixture
from engine.errors import BadInputError, EngineError
from engine.evaluation import costs
from engine.evaluation.__main__ import Voice, stretch
from engine.evaluation.baselines import BASELINES
from engine.evaluation.bss import BssEval
from engine.evaluation.commands import FAILURES, ready, sentence
from engine.evaluation.compare import box_plot
from engine.evaluation.data import Track, find_tracks, load
from engine.evaluation.estimate import BLOCK_S, estimate, why_not
from engine.evaluation.kept import digest, from_json, kept, stretch_of, to_json
from engine.evaluation.metrics import MAX_DB, energy, ratio_db
from engine.evaluation.raw import raw_and_masked
from engine.evaluation.scores import TrackScores, score
from engine.evaluation.tables import groups
from engine.evaluation.zoo_page import as_json, page
from engine.evaluation.zoo_tables import NOT_TRAINED, Entry, in_order
from engine.methods import every_method
from engine.methods.network import Network, is_installed
from engine.methods.research import INFOS
from engine.render import render_stems
from engine.separate import identity, separate
from engine.threads import wait_shortly
from engine.types import FLOAT32, Array, Method
from engine.weights import zoo_folder

SECONDS = 60.0  # of each song
SHOWN = ("mixture", "equal", "equaliser", "ibm", "irm")  # baselines in the table; bin-equaliser knows the song's own notes
PLOTTED = ("bss_sdr", "bss_sir", "bss_sar")


class _Lazy:
    """The prepared truth of a track, made when the first estimate is scored: a run that finds everything kept needs none."""

    def __init__(self, track: Track) -> None:
        self._track = track

    @cached_property
    def bss(self) -> BssEval:
        """See engine.evaluation.bss."""
        return BssEval(self._track)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluation.zoo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders with true stems (engine/evaluation/data.py)")
    parser.add_argument("--work", type=Path, required=True, help="folder where scores are kept between runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for methods.md and methods/")
    parser.add_argument("--weights", type=Path, default=zoo_folder(), help="folder of the research nets' weights")
    parser.add_argument("--songs", nargs="*", default=[], metavar="NAME", help="these songs instead of the valid ones")
    parser.add_argument("--split", help='split of an index (default "valid"), or a subfolder of DIR')
    parser.add_argument("--range", type=stretch, metavar="A:B", help="these seconds of each song instead of the chosen minute")
    parser.add_argument("--cost-seconds", type=float, default=costs.SECONDS, help="length of sound for speed and memory")
    parser.add_argument("--findings", type=Path, help="findings.md of `python -m engine.training.findings`, taken into the page")
    return parser.parse_args(argv)


def sum_error_db(stems_sum: Array, mixture: Array) -> float:
    """How far the sum of stems is from the mixture, in dB of the mixture's energy; -MAX_DB where both are silent."""
    found = float(ratio_db(energy(stems_sum - mixture), energy(mixture)))
    return -MAX_DB if found != found else found


def song_of(track: Track, method: Method, bss: BssEval) -> dict[str, Any]:
    """Everything that one song tells of one method, fit for JSON."""
    if why_not(method.info, track.names):
        return {"null_db": _null_db(track, method)}
    stems = estimate(track, method)
    whole = max(float(energy(track.mixture)), 1e-30)
    is_wave = isinstance(method, Network) and method.makes_sound
    return {
        "score": to_json(_scored(track, stems, method.info.name, "method", bss)),
        "given": {name: float(e) / whole for name, e in zip(track.names, energy(stems), strict=True)},
        "true": {name: float(e) / whole for name, e in zip(track.names, energy(track.stems), strict=True)},
        "null_db": sum_error_db(stems.sum(axis=0, dtype=float), track.mixture),
        "raw": asdict(raw_and_masked(track, method, stems)) if is_wave and isinstance(method, Network) and len(track.names) == 4 else None,
    }


def _null_db(track: Track, method: Method) -> float:
    """How far the stems of a method add up to the mixture, whatever they are called; the worst block."""
    mixture = ArrayMixture(track.mixture, track.rate_hz, FLOAT32)
    masks = separate(mixture, method)
    n_samples, block, worst = track.mixture.shape[-1], max(1, round(BLOCK_S * track.rate_hz)), -MAX_DB
    for start in range(0, n_samples, block):
        n = min(block, n_samples - start)
        worst = max(worst, sum_error_db(render_stems(mixture, masks, start, n).sum(axis=0), track.mixture[:, start : start + n]))
    return worst


def baseline_of(track: Track, name: str, bss: BssEval) -> dict[str, Any]:
    """The same of an estimate that needs no method."""
    kind, _, make = BASELINES[name]
    return {"score": to_json(_scored(track, make(track), name, kind, bss))}


def _scored(track: Track, stems: Array, name: str, kind: str, bss: BssEval) -> TrackScores:
    """Plain SDR and the four of BSS eval."""
    found = score(track, stems, name, kind)
    return replace(found, windows={**found.windows, **bss.scores(stems)})


def entries(args: argparse.Namespace, voice: Voice) -> tuple[list[Entry], list[TrackScores], dict[str, Any]]:
    """Every method there is, the scores of the baselines, and what was scored on what; one song in memory at a time."""
    found = {name: Entry(name, info.title, info.group, info.stems) for name, info in every_method().items()}
    methods = {name: method for name in found if (method := _made(found[name], args))}
    baselines: list[TrackScores] = []
    about: dict[str, Any] = {"data": ", ".join(folder.name for folder in args.data), "cost_seconds": args.cost_seconds, "songs": {}}
    for files in (files for folder in args.data for files in find_tracks(folder, tuple(args.songs), args.split)):
        start_s, end_s = args.range or stretch_of(files, SECONDS, args.work)
        track = load(files, start_s, end_s)
        about["songs"][track.name] = {"start_s": start_s, "end_s": start_s + track.seconds, "stems": track.names}
        asked, lazy = {"sound": digest(track)}, _Lazy(track)
        for name in SHOWN:
            voice.begin(f"{track.name}: {name}")
            what = kept(args.work / f"{name}--{track.name}.json", {**asked, "baseline": name},
                        lambda name=name, track=track, lazy=lazy: baseline_of(track, name, lazy.bss))  # type: ignore[misc]  # fmt: skip
            baselines.append(from_json(what["score"]))
            voice.end()
        for name, method in methods.items():
            voice.begin(f"{track.name}: {name}")
            try:
                found[name].songs[track.name] = kept(
                    args.work / f"{name}--{track.name}.json", {**asked, **identity(method)},
                    lambda method=method, track=track, lazy=lazy: song_of(track, method, lazy.bss),  # type: ignore[misc]
                )  # fmt: skip
            except EngineError as error:
                found[name].why = str(error)
            voice.end()
    for name, method in methods.items():
        voice.begin(f"{name}: speed and memory")
        _add_costs(found[name], method, args)
        voice.end()
    return list(found.values()), baselines, about


def _made(entry: Entry, args: argparse.Namespace) -> Method | None:
    """The method of an entry; None where it cannot be made, and then the entry says why."""
    try:
        method = costs.made(entry.name, args.weights)
        entry.learned = costs.learned(entry.name, args.weights)
        entry.stems = method.info.stems
    except EngineError as error:
        entry.why = NOT_TRAINED if entry.name in INFOS and not is_installed(entry.name, args.weights) else str(error)
        return None
    return method


def _add_costs(entry: Entry, method: Method, args: argparse.Namespace) -> None:
    """Speed and memory, kept by what the method is; where they cannot be measured the table shows none."""
    asked = {**identity(method), "seconds": args.cost_seconds}
    try:
        entry.costs = kept(args.work / f"{entry.name}--costs.json", asked, lambda: measured_costs(entry.name, args))
    except EngineError as error:
        entry.why = entry.why or str(error)


def measured_costs(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """See engine.evaluation.costs."""
    return dict(costs.measured(name, args.weights, args.cost_seconds))


def scores_of(found: list[Entry], baselines: list[TrackScores]) -> list[TrackScores]:
    """All scores, methods first."""
    return [from_json(song["score"]) for entry in found for song in entry.songs.values() if "score" in song] + baselines


def write(args: argparse.Namespace, found: list[Entry], baselines: list[TrackScores], about: dict[str, Any], voice: Voice) -> None:
    """methods.md, methods/methods.json and the box plots."""
    from engine.atomic import atomic_text

    pictures = args.out / "methods"
    pictures.mkdir(parents=True, exist_ok=True)
    scores = scores_of(found, baselines)
    plots: list[str] = []
    for group in groups(scores):
        for metric in [m for m in PLOTTED if any(m in s.windows for s in group)]:
            name = f"{metric.removeprefix('bss_')}-{len(group[0].names)}-stems.png"
            try:
                box_plot(in_order(group), metric, pictures / name)
                plots.append(name)
            except BadInputError as error:
                voice.say(str(error))
    try:
        findings = args.findings.read_text(encoding="utf-8") if args.findings else ""
    except OSError as error:
        raise BadInputError(f"The findings {str(args.findings)!r} cannot be read ({error.strerror}); give their findings.md.") from None
    atomic_text(args.out / "methods.md", page(found, scores, about, plots, findings))
    atomic_text(pictures / "methods.json", as_json(found, scores, about))


def main(argv: list[str] | None = None) -> int:
    """Score what is not scored, write the page; 0, or 1 with a sentence where it cannot be done."""
    wait_shortly()  # before torch
    args = arguments(argv)
    voice = Voice()
    try:
        ready(args.work, args.out)
        found, baselines, about = entries(args, voice)
        write(args, found, baselines, about, voice)
    except FAILURES as error:
        voice.say(sentence(error))
        return 1
    voice.say(f"Written: {args.out / 'methods.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
