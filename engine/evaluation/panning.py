"""`python -m engine.evaluation.panning [--out docs]`: the spatial methods on four players at known angles and delays, as Markdown.

The experiment of the second PROJET paper (FitzGerald, Liutkus, Badeau, TASLP 2016) with synthetic players in place of MSD100:
four sources on an arc around the centre, 10, 20 or 30 degrees apart without delays, and 20 degrees apart with the right channel
late by up to +-0.1 and +-0.45 ms. At 30 degrees the outer two are panned hard to the sides.

Each true source is held against the stem that fits it best (by SDR), for all methods alike: ADRess has its places fixed, and ICA
has two stems for four sources. Figures are means over sources and songs. SDR is plain; SIR, ISR and SAR are of engine.evaluation.images.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.atomic import atomic_text
from engine.audio import ArrayMixture
from engine.evaluation.baselines import ideal_binary_mask, ideal_shared_mask
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.data import Track, make_track
from engine.evaluation.images import Images
from engine.evaluation.metrics import sdr
from engine.evaluation.tables import cells
from engine.evaluation.toy_songs import PLAYERS, panned, players
from engine.methods import build
from engine.render import render_stems
from engine.separate import separate
from engine.types import FLOAT32, Array, Method

CONDITIONS = ((10.0, 0.0), (20.0, 0.0), (30.0, 0.0), (20.0, 0.1), (20.0, 0.45))  # degrees between neighbours, largest delay in ms
DELAYS = (1.0, -0.5, 0.5, -1.0)  # of the players from left to right, in parts of the largest
MEASURES = ("SDR", "SIR", "ISR", "SAR")


def song(seed: int, spacing_deg: float, max_delay_ms: float, seconds: float, rate_hz: int) -> Track:
    """Four players side by side; which of them stands where changes with the seed."""
    n = len(PLAYERS)
    order = np.roll(np.arange(n), seed)
    angles = np.deg2rad(45.0 + spacing_deg * (np.arange(n) - (n - 1) / 2.0))
    parts = players(seed, seconds, rate_hz)
    images = [panned(parts[p], a, d * max_delay_ms / 1000.0, rate_hz) for p, a, d in zip(order, angles, DELAYS, strict=True)]
    return make_track(f"seed {seed}", tuple(PLAYERS[p] for p in order), np.stack(images), rate_hz)


def candidates(with_delays: bool) -> dict[str, Method]:
    """The methods by the name of their row."""
    found = {"projet": build("projet", n_places=4)}
    if with_delays:
        found["projet, with delays"] = build("projet", n_places=4, max_delay_ms=0.5)
    return {**found, "duet": build("duet", n_places=4), "adress": build("adress"), "ica": build("ica")}


def stems_of(track: Track, method: Method) -> Array:
    """What the window would play: masks, and the filtered pass, (stem, channel, sample)."""
    mixture = ArrayMixture(track.mixture, track.rate_hz, FLOAT32)
    return render_stems(mixture, separate(mixture, method), 0, track.mixture.shape[1])


def scores(track: Track, estimates: Array, images: Images) -> dict[str, float]:
    """Means over the sources of the best estimate of each: estimates (stem, channel, sample)."""
    found = []
    for source, truth in enumerate(track.stems):
        best = max(range(len(estimates)), key=lambda i: float(sdr(truth, estimates[i])))
        found.append(images.scores(estimates[best], source))
    return {measure: float(np.mean([f[measure] for f in found])) for measure in MEASURES}


def table(spacing_deg: float, max_delay_ms: float, n_songs: int, seconds: float, rate_hz: int) -> list[dict[str, float | str]]:
    """The rows of one condition; "to ideal" and "to shared ideal": SDR minus that of the ideal binary mask a channel, or for both."""
    methods = candidates(max_delay_ms > 0.0)
    oracles: dict[str, Callable[[Track], Array]] = {
        "ideal binary mask": ideal_binary_mask,  # one a channel, as projet's masks
        "shared ideal binary mask": ideal_shared_mask,  # one for both channels, as all others'
        "mixture": lambda track: track.mixture[None],
    }
    sums: dict[str, list[dict[str, float]]] = {}
    for seed in range(1, n_songs + 1):
        track = song(seed, spacing_deg, max_delay_ms, seconds, rate_hz)
        images = Images(track.stems)
        for name, method in methods.items():
            sums.setdefault(name, []).append(scores(track, stems_of(track, method), images))
        for name, oracle in oracles.items():
            sums.setdefault(name, []).append(scores(track, oracle(track), images))
    rows: list[dict[str, float | str]] = []
    for name, per_song in sums.items():
        rows.append({"method": name, **{m: float(np.mean([s[m] for s in per_song])) for m in MEASURES}})
    own, shared = (next(float(row["SDR"]) for row in rows if row["method"] == name) for name in list(oracles)[:2])
    return [{**row, "to ideal": float(row["SDR"]) - own, "to shared ideal": float(row["SDR"]) - shared} for row in rows]


PAGE = """# Spatial methods on known places

Made by `python -m engine.evaluation.panning --songs {songs} --seconds {seconds:g} --out docs`. Four synthetic players stand on an arc
around the centre, so many degrees apart (at 30 the outer two are panned hard to the sides), after the experiment of the PROJET papers;
with delays the right channel is late or early. Each source is held against the stem that fits it best; means over sources and songs, dB.

A method that gives each channel a mask (`projet`) has the *ideal binary mask* of each channel for its ceiling, one that gives one mask
for both (`duet`, `adress`, `ica`) the *shared* one. *to ideal*, *to shared ideal*: SDR less that of these masks.

{verdicts}

{tables}"""


def verdicts(tables: dict[tuple[float, float], list[dict[str, float | str]]]) -> str:
    """What there is to say of 3 dB to the ideal mask at 30 degrees, and of the mixture everywhere; computed."""
    out = []
    for row in tables.get((30.0, 0.0), []):
        name = str(row["method"])
        if name in ("projet", "duet", "adress"):
            column = "to ideal" if name == "projet" else "to shared ideal"  # the kind of mask that it gives
            said = "within 3 dB of" if float(row[column]) >= -3.0 else "further than 3 dB from"
            other = f"; {float(row['to ideal']):.1f} dB to those of each channel" if column != "to ideal" else ""
            out.append(f"- At 30 degrees `{name}` is {said} its own kind of ideal mask: {float(row[column]):.1f} dB{other}.")
    below = [
        f"`{row['method']}` at {angle:g} degrees{late(delay)}"
        for (angle, delay), rows in tables.items()
        for row in rows
        if float(row["SDR"]) <= next(float(r["SDR"]) for r in rows if r["method"] == "mixture") and row["method"] != "mixture"
    ]
    out.append(f"- Not above the mixture: {', '.join(below)}." if below else "- Every method is above the mixture everywhere.")
    return "\n".join(out)


def late(max_delay_ms: float) -> str:
    """A condition's delays in words."""
    return f", delays up to {max_delay_ms:g} ms" if max_delay_ms else ""


def main(argv: list[str] | None = None) -> None:
    """Print a table a condition; write the page."""
    parser = argparse.ArgumentParser(prog="python -m engine.evaluation.panning", description="Spatial methods on known places.")
    parser.add_argument("--songs", type=at_least(1), default=3, help="mixtures a condition, each of four players")
    parser.add_argument("--seconds", type=at_least(1.0), default=10.0, help="length of each")
    parser.add_argument("--rate", type=at_least(8000), default=44100, help="in Hz")
    parser.add_argument("--out", type=Path, metavar="DIR", help="writes DIR/panning.md")
    args = parser.parse_args(argv)
    try:
        run(args.songs, args.seconds, args.rate, args.out)
    except FAILURES as error:
        sys.exit(sentence(error))


def run(n_songs: int, seconds: float, rate_hz: int, out: Path | None) -> None:
    """Every condition one after another; Ctrl-C loses those that are left."""
    found, told = {}, []
    if out:
        ready(out)
    for spacing_deg, max_delay_ms in CONDITIONS:
        rows = found[spacing_deg, max_delay_ms] = table(spacing_deg, max_delay_ms, n_songs, seconds, rate_hz)
        told.append(f"### {spacing_deg:g} degrees{late(max_delay_ms)} ({n_songs * len(PLAYERS)} sources, dB)\n\n{cells(rows)}\n")
        sys.stdout.write(told[-1])
        sys.stdout.flush()
    sys.stdout.write(verdicts(found) + "\n")
    if out:
        page = PAGE.format(songs=n_songs, seconds=seconds, verdicts=verdicts(found), tables="\n".join(told).rstrip() + "\n")
        atomic_text(out / "panning.md", page)


if __name__ == "__main__":
    main()
