"""Whether numbers agree with a claim: a weighted sum of what runs reached, held against what luck alone does to it.

A claim says that sum_i w_i y_i is more (or less) than an offset, y_i being the mean over the runs (seeds) of side i. "mask beats
direct" has weights +1 and -1; "deeper is better" those of a slope. Luck is measured where a side was run several times with
nothing changed but the seed: the standard deviations of all such sides, pooled. The margin is half of a 95 % interval of the sum
(Student's t); a difference within it cannot be told. It knows the luck of a run and nothing of other songs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

AGREES, DISAGREES, UNTOLD, IN_PART = "agrees", "does not agree", "cannot be told", "agrees in part"
Values = Mapping[str, Sequence[float]]  # side -> what each of its runs reached


@dataclass(frozen=True)
class Verdict:
    """What the numbers say of one claim."""

    word: str
    difference: float  # sum_i w_i y_i
    margin: float  # what luck can do to it; infinite where nothing was run twice


def spread(values: Values) -> tuple[float, int]:
    """Pooled standard deviation of runs that differ in their seed alone, and its degrees of freedom (0: nothing was run twice)."""
    dof = sum(len(runs) - 1 for runs in values.values())
    squares = sum(float(np.square(np.asarray(runs) - np.mean(runs)).sum()) for runs in values.values() if len(runs) > 1)
    return (math.sqrt(squares / dof), dof) if dof > 0 else (math.nan, 0)


def of_runs(values: Values, weights: Mapping[str, float], sign: float, luck: tuple[float, int], offset: float = 0.0) -> Verdict:
    """The verdict on sign x (sum_i w_i y_i - offset) > 0 from runs; `luck` is of `spread`."""
    difference = sum(w * float(np.mean(values[side])) for side, w in weights.items())
    sd, dof = luck
    if not dof:
        return Verdict(UNTOLD, difference, math.inf)
    error = sd * math.sqrt(sum(w * w / len(values[side]) for side, w in weights.items()))
    return _verdict(difference, sign, offset, float(student.ppf(0.975, dof)) * error)


def of_pairs(a: Sequence[float], b: Sequence[float], sign: float) -> Verdict:
    """The verdict on sign x mean(a - b) > 0 where nothing is left to luck but the choice of stretches: a and b hold the same ones."""
    found = np.asarray(a, float) - np.asarray(b, float)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return Verdict(UNTOLD, float(found.mean()) if len(found) else math.nan, math.inf)
    error = float(found.std(ddof=1)) / math.sqrt(len(found))
    return _verdict(float(found.mean()), sign, 0.0, float(student.ppf(0.975, len(found) - 1)) * error)


def _verdict(difference: float, sign: float, offset: float, margin: float) -> Verdict:
    beyond = sign * (difference - offset)
    word = AGREES if beyond > margin else DISAGREES if beyond < -margin else UNTOLD
    return Verdict(word, difference, margin)


def joined(words: Sequence[str]) -> str:
    """One word for a question with several claims: agrees only where all do."""
    if all(word == AGREES for word in words):
        return AGREES
    if AGREES in words:
        return IN_PART
    return DISAGREES if DISAGREES in words else UNTOLD


def slope(sides: Sequence[str]) -> dict[str, float]:
    """Weights of the least-squares slope over sides that stand one step apart: sum_i w_i y_i is the change of y a step.

    >>> slope(["a", "b", "c"])
    {'a': -0.5, 'b': 0.0, 'c': 0.5}
    """
    x = np.arange(len(sides)) - (len(sides) - 1) / 2.0
    return {side: float(w) for side, w in zip(sides, x / np.square(x).sum(), strict=True)}
