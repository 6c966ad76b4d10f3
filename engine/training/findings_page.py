"""The page of findings: what each document says, what the runs reached, and the verdict that follows from the numbers."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.evaluation.tables import plain
from engine.evaluation.zoo_page import markdown_table
from engine.training.questions import ORACLES, QUESTIONS, SIDES, Claim, Question
from engine.training.verdicts import Values, Verdict, joined, of_pairs, of_runs, spread

Results = Mapping[str, Sequence[Mapping[str, Any]]]  # side -> what each of its runs reached
MEASURES = {"loss": "loss", "sdr": "SDR", "sir": "SIR", "sar": "SAR"}


def values_of(results: Results, measure: str) -> Values:
    """The runs of all trained sides by one measure; a loss by its logarithm, so that differences are parts of it."""
    out = {}
    for side, runs in results.items():
        found = [float(run[measure]) if run.get(measure) is not None else math.nan for run in runs]
        if side not in ORACLES:
            out[side] = [math.log(max(x, 1e-30)) if measure == "loss" else x for x in found]
    return out


def verdict_of(claim: Claim, results: Results) -> Verdict:
    """What the runs say of a claim."""
    if set(claim.weights) <= set(ORACLES):
        more, less = sorted(claim.weights, key=lambda side: -claim.weights[side])
        return of_pairs(_units(results[more][0], claim.measure), _units(results[less][0], claim.measure), claim.sign)
    values = values_of(results, claim.measure)
    return of_runs(values, claim.weights, claim.sign, spread(luck_of(claim, values)), claim.offset)


def luck_of(claim: Claim, values: Values) -> Values:
    """The runs that tell how much luck does to a claim: all, but of a loss those that were trained to make the same one small."""
    if claim.measure != "loss":
        return values
    criteria = {SIDES[side].criterion for side in claim.weights}
    return {side: runs for side, runs in values.items() if SIDES[side].criterion in criteria}


def _units(run: Mapping[str, Any], measure: str) -> list[float]:
    return [math.nan if x is None else float(x) for x in run["units"][measure]]


def verdicts(names: Iterable[str], results: Results) -> dict[str, list[Verdict]]:
    """Question -> the verdict on each of its claims."""
    return {name: [verdict_of(claim, results) for claim in QUESTIONS[name].claims] for name in names}


def in_words(claim: Claim, verdict: Verdict) -> str:
    """The difference and what cannot be told from luck, in per cent of a loss or in dB."""
    if claim.measure == "loss":
        found, margin = (f"{100.0 * math.expm1(x):.1f} %" if x < 50.0 else "" for x in (verdict.difference, verdict.margin))
    else:
        found, margin = f"{verdict.difference:.2f} dB", f"{verdict.margin:.2f} dB" if math.isfinite(verdict.margin) else ""
    sign = "" if found.startswith("-") else "+"
    return f"{sign}{found} ({f'less than {margin} cannot be told' if margin else 'no side was run twice: luck is not known'})"


def page(names: Iterable[str], results: Results, minutes: float, bank_s: float) -> str:
    """The fragment of Markdown, headings from the third level down."""
    names = list(names)
    found = verdicts(names, results)
    out = [_how(results, minutes, bank_s)]
    rows = [[QUESTIONS[n].title, QUESTIONS[n].says, QUESTIONS[n].source, f"**{joined([v.word for v in found[n]])}**"] for n in names]
    out.append(markdown_table(["question", "the document says", "where", "our runs"], rows))
    out += [_section(QUESTIONS[name], found[name], results) for name in names]
    return "\n".join(out)


def _how(results: Results, minutes: float, bank_s: float) -> str:
    repeated = sorted(side for side, runs in results.items() if len(runs) > 1)
    _, dof = spread(values_of(results, "loss"))
    return (
        f"Made by `python -m engine.training.findings --data DATA --work WORK --minutes {minutes:g}`. "
        f"Every side was trained from nothing for {minutes:g} min of one processor core on "
        f"the same {bank_s / 60.0:.0f} min of mixes (22.05 kHz, mono, four stems at once) and measured on the same stretches of the "
        "validation song. Equal cost, not equal steps: what is dearer a step learned from fewer. *loss*: mean squared error of "
        "log10(1 + magnitude) / 2.10, as document 004 prints it (its figures are of vocals alone, a finer look and 60 to 100 epochs). "
        "SDR, SIR and SAR in dB are of the stems that the net's shares filter out, means over stems. A verdict holds a difference against "
        f"luck: the spread of sides that were run with several seeds ({', '.join(repeated) or 'none'}; {dof} degrees of freedom; of "
        "a loss those that were trained by the same one), 95 %; of "
        "the ideal masks, which are not trained, the spread over stretches. It says nothing of other songs.\n"
    )


def _section(question: Question, found: Sequence[Verdict], results: Results) -> str:
    out = [f"### {question.title}: {joined([v.word for v in found])}\n"]
    out.append(f"{question.source}: {question.says} ({question.printed}).\n")
    for claim, verdict in zip(question.claims, found, strict=True):
        out.append(f"- {claim.words}: **{verdict.word}**, {in_words(claim, verdict)}")
    rows = [_row(side, results[side]) for side in question.sides]
    out.append("\n" + markdown_table(["side", *MEASURES.values(), "parameters", "steps", "runs"], rows))
    return "\n".join(out)


def _row(side: str, runs: Sequence[Mapping[str, Any]]) -> list[object]:
    """Means over the runs of a side."""

    def mean(key: str) -> float:
        there = [run[key] for run in runs if run.get(key) is not None]
        return float(np.mean(there)) if there else math.nan

    if side in ORACLES:
        return [ORACLES[side], "-", *(mean(m) for m in list(MEASURES)[1:]), "-", "-", "-"]
    loss = f"{mean('loss'):.6f}"
    return [SIDES[side].words, loss, *(mean(m) for m in list(MEASURES)[1:]), int(mean("parameters")), round(mean("steps")), len(runs)]


def as_json(names: Iterable[str], results: Results, minutes: float) -> str:
    """Verdicts, claims and everything that the runs reached."""
    names = list(names)
    found = verdicts(names, results)
    told = {
        name: {
            "verdict": joined([v.word for v in found[name]]),
            "claims": [{**asdict(c), **{k: None if x == math.inf else x for k, x in asdict(v).items()}}
                       for c, v in zip(QUESTIONS[name].claims, found[name], strict=True)],
        }
        for name in names
    }  # fmt: skip
    return json.dumps(plain({"minutes": minutes, "questions": told, "runs": results}, 7), indent=1) + "\n"
