"""The tables of the page of methods, computed from scores: one table, what lies below the floor, which differences are more than luck."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.evaluation.compare import ALPHA, paired_tests
from engine.evaluation.scores import TrackScores
from engine.evaluation.tables import KINDS, Row, metrics_of, rows

MEASURES = {"sdr": ("bss_sdr", "sdr"), "sir": ("bss_sir",), "sar": ("bss_sar",)}  # measure -> metrics, the first that was computed
NOT_TRAINED = "not trained"


@dataclass
class Entry:
    """What is known of one method."""

    name: str
    title: str
    group: str
    stems: tuple[str, ...]
    why: str = ""  # it has no scores: a sentence
    learned: dict[str, float | None] = field(default_factory=dict)  # parameters, bytes, minutes
    costs: dict[str, float] = field(default_factory=dict)  # rtf, mib, baseline_mib
    songs: dict[str, dict[str, Any]] = field(default_factory=dict)  # song -> score, given, true, null_db, raw


def metric_of(measure: str, scores: list[TrackScores]) -> str:
    """The metric behind a measure; empty where none was computed."""
    there = metrics_of(scores)
    return next((metric for metric in MEASURES[measure] if metric in there), "")


def in_order(scores: list[TrackScores]) -> list[TrackScores]:
    """Scores of one group with the methods by their mean SDR, the best first, and the baselines behind them."""
    means = {row["method"]: row["mean"] for row in rows(scores, metric_of("sdr", scores))}
    worst = {method: math.inf if math.isnan(mean) else -mean for method, mean in means.items()}
    return sorted(scores, key=lambda score: (KINDS.index(score.kind), worst[score.method]))


def one_table(scores: list[TrackScores]) -> list[Row]:
    """A row a method and baseline of one group: "sdr vocals" ... "sdr mean", then SIR and SAR, in dB."""
    ordered = in_order(scores)
    out = {row["method"]: {"method": row["method"], "kind": row["kind"]} for row in rows(ordered, metric_of("sdr", ordered))}
    for measure in MEASURES:
        metric = metric_of(measure, ordered)
        for row in rows(ordered, metric) if metric else []:
            out[row["method"]] |= {f"{measure} {name}": row[name] for name in ordered[0].names}
            if measure == "sdr":
                out[row["method"]]["sdr mean"] = row["mean"]
    return list(out.values())


def below(table: list[Row], line: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Every (method, stem) of a table whose SDR is less than that of the baseline called `line`, with both figures."""
    bars = [row for row in table if row["method"] == line]
    return [
        {"method": row["method"], "stem": name, "sdr": row[f"sdr {name}"], "line": bars[0][f"sdr {name}"]}
        for row in table
        if row["kind"] == "method"
        for name in names
        if bars and row[f"sdr {name}"] < bars[0][f"sdr {name}"]  # NaN is never less
    ]


def paired(scores: list[TrackScores], only: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Paired tests of every measure that was computed, between all methods of one group or these; Bonferroni within a measure and stem."""
    chosen = [score for score in scores if not only or score.method in only]
    return {m: paired_tests(chosen, metric) for m in MEASURES if chosen and (metric := metric_of(m, chosen))}


def tally(found: list[dict[str, Any]], methods: list[str], names: tuple[str, ...]) -> list[Row]:
    """A row a method: on each stem, better than / no telling / worse than so many of the others, by the tests of one measure.

    "too few" where no test of the stem has the pairs to show anything.
    """
    counts = {(method, name): [0, 0, 0] for method in methods for name in names}
    for row in found:
        undecided = row["p_bonferroni"] >= ALPHA or row["a_minus_b_db"] == 0.0
        for method, sign in ((row["a"], 1.0), (row["b"], -1.0)):
            where = 1 if undecided else 0 if sign * row["a_minus_b_db"] > 0.0 else 2
            counts[method, row["stem"]][where] += 1
    could = {row["stem"] for row in found if row["is_enough"]}
    said = {key: " / ".join(map(str, count)) if key[1] in could else "too few" for key, count in counts.items()}
    return [{"method": m, **{name: said[m, name] for name in names}} for m in methods]


def ranks_agree(pairs: list[tuple[float, float]]) -> float:
    """Spearman's rank correlation; NaN for fewer than three pairs."""
    if len(pairs) < 3:
        return math.nan
    from scipy.stats import spearmanr

    return float(spearmanr([a for a, _ in pairs], [b for _, b in pairs]).statistic)


PUBLISHED: dict[str, tuple[float, float, float, float]] = {  # document 003: median SDR of vocals, drums, bass, other on MUSDB18
    "unet-jansson": (5.74, 4.66, 3.67, 3.40),
    "deepconvsep": (2.37, 3.14, 0.17, -2.13),
    "mmdenselstm": (6.60, 6.41, 5.16, 4.15),
    "open-unmix": (6.32, 5.73, 5.23, 4.02),
    "wavenet": (3.35, 4.13, 2.49, 2.60),
    "wave-u-net": (3.25, 4.22, 3.21, 2.25),
    "meta-tasnet": (6.40, 5.91, 5.58, 4.19),
    "demucs": (6.29, 6.08, 5.83, 4.12),
    "sams-net": (6.61, 6.63, 5.25, 4.09),
}
