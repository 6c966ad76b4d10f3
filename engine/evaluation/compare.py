"""Whether one method is better than another or only luckier: paired Wilcoxon signed-rank tests with Bonferroni, and box plots."""

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import BadInputError
from engine.evaluation.scores import TITLES, TrackScores, columns
from engine.types import Array

ALPHA = 0.01  # as the Roma paper marks its differences


def least_p(n_pairs: int, n_tests: int) -> float:
    """The least p after Bonferroni that so many pairs can have: all differ the same way, 2 / 2^n for each of n_tests."""
    return min(1.0, n_tests * 2.0 ** (1 - n_pairs))


def paired_tests(scores: list[TrackScores], metric: str = "sdr", over: str = "") -> list[dict[str, Any]]:
    """Every pair of methods on every stem of one group: n pairs, median difference in dB, p, and p after Bonferroni.

    F. Wilcoxon 1945, two-sided, by scipy.stats; the p of each test is multiplied by the number of tests of its measure and stem
    (G. Roma, O. Green, P. A. Tremblay, LVA/ICA 2018, section 3.2). Pairs are songs where there are so many that p could fall below
    ALPHA, otherwise windows: windows of one song are not independent, so their p is too small; read it as "more than noise on
    these songs", not as a law. "is_enough" tells whether so many pairs could show any difference.
    """
    methods = list(dict.fromkeys(score.method for score in scores if score.kind == "method"))
    songs = list(dict.fromkeys(score.track for score in scores))
    n_tests = len(methods) * (len(methods) - 1) // 2
    over = over or ("songs" if least_p(len(songs), n_tests) < ALPHA else "windows")
    by_key = {(score.method, score.track): score for score in scores}
    out: list[dict[str, Any]] = []
    for a, b in combinations(methods, 2):
        both = [(by_key[a, song], by_key[b, song]) for song in songs if (a, song) in by_key and (b, song) in by_key]
        for name in columns(metric, scores[0].names):
            if name.startswith("nothing"):
                continue  # doing nothing is the same for every method
            if over == "songs":
                difference = np.array([x.median(metric, name) - y.median(metric, name) for x, y in both])
            else:
                difference = np.concatenate([x.windows[metric][name] - y.windows[metric][name] for x, y in both] or [np.zeros(0)])
            difference = difference[np.isfinite(difference)]
            if len(difference):
                median = float(np.median(difference))
                out.append(
                    {"a": a, "b": b, "stem": name, "pairs": len(difference), "of": over, "a_minus_b_db": median, "p": _p(difference)}
                )
    n_of_stem = Counter(row["stem"] for row in out)
    for row in out:
        row["p_bonferroni"] = min(1.0, row["p"] * n_of_stem[row["stem"]])
        row["is_enough"] = least_p(row["pairs"], n_of_stem[row["stem"]]) < ALPHA
    return out


def legend(over: str) -> str:
    """What to know of a table of paired tests over "songs" or "windows"."""
    found = (
        f"Paired Wilcoxon signed-rank tests over {over}, Bonferroni within a measure and stem, p < {ALPHA:g} (Roma, Green, Tremblay "
        "2018). *ns*: not significant; *too few*: so few pairs could show no difference, however large."
    )
    return found + (' Windows of one song are not independent: read "more than noise on this song".' if over == "windows" else "")


def said(test: dict[str, Any]) -> str:
    """The p of a test, and what there is to say of it."""
    return f"{test['p_bonferroni']:.2g}" + ("" if test["p_bonferroni"] < ALPHA else " (ns)" if test["is_enough"] else " (too few)")


def _p(difference: Array) -> float:
    """p of the two-sided signed-rank test; 1 where there is no difference at all."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0


def box_plot(scores: list[TrackScores], metric: str, path: Path) -> None:
    """Boxes over the windows of all songs of one group, a panel a stem, a box a method; written as PNG, whole or not at all.

    Raises BadInputError where matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInputError("Box plots need matplotlib, which is not installed; run `pip install nullsum[train]`.") from None
    methods = list(dict.fromkeys(score.method for score in scores))
    names = [name for name in columns(metric, scores[0].names) if not name.startswith("nothing")]
    figure = Figure(figsize=(2.2 + 1.8 * len(names), 1.6 + 0.3 * len(methods)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for panel, name in zip(panels, names, strict=True):
        values = []
        for method in methods:
            own = [score.windows[metric][name] for score in scores if score.method == method and metric in score.windows]
            joined = np.concatenate([*own, np.zeros(0)])
            values.append(joined[np.isfinite(joined)])
        panel.boxplot(values, orientation="horizontal", showfliers=False, whis=(5, 95))
        panel.set_yticks(range(1, len(methods) + 1), methods)
        panel.set_title(name)
        panel.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    figure.supxlabel(f"{TITLES[metric]}, dB (windows of 1 s; whiskers at 5 and 95 %)")
    part = path.with_suffix(".part.png")
    figure.savefig(part, dpi=120)
    part.replace(path)
