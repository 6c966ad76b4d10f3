"""What the null badge says, measured on rendered sound: is the neutral output the mixture, do the stems add up, how far is a mix.

Of two results of one song (`measure_apart`): how far apart their remixes are.

The correlations of all stems and channels over the whole song are kept (a few numbers), so that the distance of any setting of
the strips from the mixture is known at once: the energy of sum_i (P_i - I) s_i is a quadratic form in them.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.chunks import Clock
from engine.errors import Cancelled
from engine.masks import Masks
from engine.mix import gain_of, matrices
from engine.render import render, render_stems
from engine.samples import to_float
from engine.types import Array, IsCancelled, Mix, Mixture, Report, never_cancelled, silent_report

BLOCK = 2**17  # samples at once


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a song and its masks."""

    n_compared: int  # samples (values of one channel) of the neutral output
    n_different: int  # of those, how many differ from the mixture
    stems_sum_db: float  # peak of sum of stems - mixture, relative to full scale; -inf when there is none
    gram: Array  # float64 (stem x channel, stem x channel): correlations of the rendered stems
    stems: tuple[str, ...]
    n_channels: int


def measure(mixture: Mixture, masks: Masks, report: Report = silent_report, is_cancelled: IsCancelled = never_cancelled) -> Measured:
    """Render the whole song once, block by block. Raises Cancelled between blocks."""
    info = mixture.info
    n_rows = len(masks.stems) * info.n_channels
    gram = np.zeros((n_rows, n_rows))
    n_different, peak = 0, 0.0
    clock = Clock("Measuring the null", -(-info.n_samples // BLOCK), report)
    for at in range(0, info.n_samples, BLOCK):
        if is_cancelled():
            raise Cancelled("The measurement")
        n = min(BLOCK, info.n_samples - at)
        source = mixture.read(at, n)
        n_different += int(np.count_nonzero(render(mixture, masks, Mix(), at, n).samples != source))
        stems = render_stems(mixture, masks, at, n)  # (stem, channel, sample)
        peak = max(peak, float(np.abs(stems.sum(axis=0) - to_float(source, info.sample_type)).max()))
        rows = stems.reshape(n_rows, n)
        gram += rows @ rows.T
        clock.step()
    sum_db = 20 * math.log10(peak) if peak > 0 else -math.inf
    return Measured(info.n_samples * info.n_channels, n_different, sum_db, gram, masks.stems, info.n_channels)


@dataclass(frozen=True, eq=False)
class Apart:
    """How far apart two results of one song are: correlations of the differences of their stems."""

    gram: Array  # float64 (stem x channel, stem x channel): correlations of stem by A - stem by B, over the whole song
    energy: float  # of the mixture
    stems: tuple[str, ...]
    n_channels: int


def measure_apart(mixture: Mixture, a: Masks, b: Masks, is_cancelled: IsCancelled = never_cancelled) -> Apart:
    """Render the stems of two results (of the same names, in any order) once, block by block. Raises Cancelled between blocks."""
    info = mixture.info
    order = [b.stems.index(stem) for stem in a.stems]
    n_rows = len(a.stems) * info.n_channels
    gram, energy = np.zeros((n_rows, n_rows)), 0.0
    for at in range(0, info.n_samples, BLOCK):
        if is_cancelled():
            raise Cancelled("The measurement")
        n = min(BLOCK, info.n_samples - at)
        energy += float(np.square(to_float(mixture.read(at, n), info.sample_type)).sum())
        rows = (render_stems(mixture, a, at, n) - render_stems(mixture, b, at, n)[order]).reshape(n_rows, n)
        gram += rows @ rows.T
    return Apart(gram, energy, a.stems, info.n_channels)


def apart_db(apart: Apart, mix: Mix) -> float:
    """RMS of (remix by A) - (remix by B) relative to the mixture's, in dB; -inf when they are the same, as they are at unity.

    The mixture cancels: what is left is master x sum_i (P_i - I) (s_i by A - s_i by B). Where all P_i are alike it is nothing.
    """
    n = apart.n_channels
    p = matrices(mix, apart.stems, n)  # (stem, channel, channel)
    if np.all(p == p[0]):
        return -math.inf  # no pass is run: the output is the mixture times one gain, whatever the masks
    moves = np.concatenate([m - np.eye(n) for m in p], axis=1) * gain_of(mix.master_db)  # (channel, stem x channel)
    moved = float(np.trace(moves @ apart.gram @ moves.T))
    return 10 * math.log10(moved / apart.energy) if moved > 0 and apart.energy > 0 else -math.inf


def distance_db(measured: Measured, mix: Mix) -> float:
    """RMS of remix - mixture relative to the mixture's, in dB; -inf when they are the same (or there is only silence)."""
    n = measured.n_channels
    p = matrices(mix, measured.stems, n) * gain_of(mix.master_db)  # (stem, channel, channel)
    moves = np.concatenate([m - np.eye(n) for m in p], axis=1)  # (channel, stem x channel): what is added to the mixture
    whole = np.concatenate([np.eye(n)] * len(measured.stems), axis=1)
    moved = float(np.trace(moves @ measured.gram @ moves.T))
    all_of_it = float(np.trace(whole @ measured.gram @ whole.T))
    return 10 * math.log10(moved / all_of_it) if moved > 0 and all_of_it > 0 else -math.inf
