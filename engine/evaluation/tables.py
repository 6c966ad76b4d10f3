"""Scores as Markdown for reading and JSON for keeping: a row a method, a column a stem, the floor and the ceiling beside them."""

import json
import math
from typing import Any

import numpy as np

from engine.evaluation.metrics import BSS, SILENT_DB
from engine.evaluation.scores import TITLES, TrackScores, columns, over_songs

FLOORED = ("sdr", "si_sdr", "bss_sdr", "bss_sir")  # where more than the mixture's own figure means better; its SAR and ISR are no floor
KINDS = ("method", "baseline", "floor", "ceiling")  # the order of rows
Row = dict[str, Any]


def groups(scores: list[TrackScores]) -> list[list[TrackScores]]:
    """Scores by what truth they were held against: four stems and two are never in one table."""
    kinds = list(dict.fromkeys(score.names for score in scores))
    return [[score for score in scores if score.names == names] for names in kinds]


def metrics_of(scores: list[TrackScores]) -> list[str]:
    """The metrics that were computed, in the order of the tables."""
    return [metric for metric in TITLES if any(metric in score.windows for score in scores)]


def rows(scores: list[TrackScores], metric: str) -> list[Row]:
    """The table of one metric over one group: dicts with method, kind, a figure in dB for each column, mean and above_floor.

    mean is over the columns that have a figure; above_floor (of FLOORED) is the mean minus the floor's. A remix has neither.
    """
    out: list[Row] = []
    names = columns(metric, scores[0].names)
    methods = dict.fromkeys((score.method, score.kind) for score in scores)
    for method, kind in sorted(methods, key=lambda pair: KINDS.index(pair[1])):  # stable: otherwise as they were given
        own = [score for score in scores if score.method == method]
        row: Row = {"method": method, "kind": kind, **{name: over_songs(own, metric, name) for name in names}}
        if metric != "remix":
            row["mean"] = _mean([row[name] for name in names])
        out.append(row)
    floor = [row["mean"] for row in out if row["kind"] == "floor" and "mean" in row]
    if floor and metric in FLOORED:
        for row in out:
            row["above_floor"] = row["mean"] - floor[0]
    return out


def per_song(scores: list[TrackScores], metric: str) -> list[Row]:
    """The same, song by song, with the number of windows that counted in each column."""
    names = columns(metric, scores[0].names)
    return [
        {
            "song": s.track,
            "method": s.method,
            "kind": s.kind,
            **{name: s.median(metric, name) for name in names},
            "windows": [int(np.isfinite(s.windows[metric][name]).sum()) for name in names],
        }
        for s in sorted(scores, key=lambda s: (s.track, KINDS.index(s.kind)))
        if metric in s.windows
    ]


def markdown(scores: list[TrackScores]) -> str:
    """Every table, group by group, metric by metric; song by song where there are several songs."""
    out = []
    for group in groups(scores):
        songs = list(dict.fromkeys(score.track for score in group))
        out.append(f"## {', '.join(group[0].names)}: {len(songs)} song{'s' if len(songs) > 1 else ''} ({', '.join(songs)})\n")
        for metric in metrics_of(group):
            out += [f"### {TITLES[metric]}, dB\n", f"{how(metric, len(songs))}\n", _table(rows(group, metric))]
        if len(songs) > 1:
            for metric in ("sdr", "remix"):
                if metric in metrics_of(group):
                    out += [f"### {TITLES[metric]} song by song, dB\n", _table(per_song(group, metric))]
    return "\n".join(out)


def how(metric: str, n_songs: int) -> str:
    """One sentence: how windows became the figures of a table."""
    over = "" if n_songs == 1 else f", then the {'median' if metric in BSS else 'mean'} over {n_songs} songs"
    if metric == "remix":
        said = (
            "Vocals moved in the mixture against the true remix, beside leaving the mixture as it is; windows where the true vocals sound"
        )
    else:
        said = "Windows where the true stem sounds"
    also = " and, by museval's rule, no stem is digital silence" if metric in BSS else ""
    return f"{said} (above {SILENT_DB:g} dB of the mixture's mean power){also}. Median over windows of 1 s{over}."


def as_json(scores: list[TrackScores], about: dict[str, Any]) -> str:
    """Everything in the tables, each song's medians and the number of windows behind them; NaN is null."""
    found = [
        {
            "stems": group[0].names,
            "songs": list(dict.fromkeys(score.track for score in group)),
            "tables": {metric: rows(group, metric) for metric in metrics_of(group)},
            "per_song": {metric: per_song(group, metric) for metric in metrics_of(group)},
        }
        for group in groups(scores)
    ]
    return json.dumps(plain({**about, "silent_db": SILENT_DB, "results": found}), indent=1) + "\n"


def cells(table: list[Row]) -> str:
    """Rows (dicts with the same keys) as a Markdown table; numbers with two digits, a dash for what has no figure."""
    heads = list(table[0])
    lines = [f"| {' | '.join(head.replace('_', ' ') for head in heads)} |"]
    lines.append(f"|{'|'.join('---:' if _is_number(table, head) else '---' for head in heads)}|")
    lines += [f"| {' | '.join(_cell(row.get(head)) for head in heads)} |" for row in table]
    return "\n".join(lines) + "\n"


def _table(table: list[Row]) -> str:
    """The same with the kind of a row told in its name."""
    said = {"method": "", "baseline": "", "floor": " (floor)", "ceiling": " (ceiling)"}
    named = [{**row, "method": row["method"] + said[row["kind"]]} for row in table]
    return cells([{key: value for key, value in row.items() if key not in ("kind", "windows")} for row in named])


def _is_number(table: list[Row], head: str) -> bool:
    return all(isinstance(row.get(head), int | float) for row in table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.2f}"
    return str(value)


def _mean(values: list[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan


def plain(value: Any, digits: int = 4) -> Any:
    """The same nest of dicts and lists, fit for JSON: numbers rounded to so many digits, None for NaN."""
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, digits)
    return value
