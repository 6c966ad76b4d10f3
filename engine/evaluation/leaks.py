"""`python -m engine.evaluation.leaks --data DIR [DIR ...] [--out DIR]`: which stem leaks where, and the worst seconds of every stem.

Masks filter linearly, so each true stem can be sent through them alone: what of its energy comes out at each fader is told
exactly. The worst seconds (by the ratio of signal to error, of those in which the stem is well heard) are named with the fader
that took the most of them; --out draws their spectrograms, mixture, truth and estimate side by side (needs matplotlib).
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.audio import ArrayMixture
from engine.errors import BadInputError
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.data import TWO, Track, find_tracks, load
from engine.evaluation.metrics import audible, energy, ratio_db, windows
from engine.evaluation.tables import cells
from engine.masks import Masks
from engine.methods import build
from engine.render import render_stems
from engine.separate import separate
from engine.threads import wait_shortly
from engine.types import FLOAT32, Array, Method

BLOCK_S = 20.0  # sent through the masks at once
N_FFT, HOP, TOP_HZ = 2048, 512, 12000.0  # of the pictures


@dataclass(frozen=True, eq=False)
class Leaks:
    """Of one track: energies by window of a second of what came of each true stem at each fader, and of the errors."""

    track: Track
    masks: Masks
    passed: Array  # (true stem, fader, window)
    own: Array  # (true stem, window): of the true stems themselves
    estimates: dict[str, Array]  # of the true stems that the method makes: (channel, sample)
    error: Array  # (true stem, window): truth - estimate; NaN where there is none

    @property
    def faders(self) -> tuple[str, ...]:
        """Names of the method's stems."""
        return self.masks.stems

    def shares(self) -> Array:
        """(true stem, fader): energy that came out there over all that came out."""
        through = self.passed.sum(axis=-1)
        return np.asarray(through / np.maximum(through.sum(axis=1, keepdims=True), 1e-30))

    def worst(self, stem: int, n: int) -> list[tuple[int, float, str]]:
        """The n worst windows of a true stem: number, SDR in dB, and the fader of another stem where most of it came out."""
        mixture = np.array([energy(self.track.mixture[:, w]) for w in windows(self.track.mixture.shape[-1], self.track.rate_hz)])
        heard = audible(self.own, mixture)[stem] & (self.own[stem] > 0.25 * np.mean(self.own[stem])) & np.isfinite(self.error[stem])
        sdr = ratio_db(self.own[stem], self.error[stem])
        out = []
        for w in sorted(np.flatnonzero(heard), key=lambda w: float(sdr[w]))[:n]:
            away = [(float(self.passed[stem, i, w]), name) for i, name in enumerate(self.faders) if name != self.track.names[stem]]
            out.append((int(w), float(sdr[w]), max(away)[1] if away else "-"))
        return out


def leaks(track: Track, method: Method) -> Leaks:
    """Separate the mixture, then send every true stem through the masks alone."""
    masks = separate(ArrayMixture(track.mixture, track.rate_hz, FLOAT32), method)
    parts = windows(track.mixture.shape[-1], track.rate_hz)
    passed = np.zeros((len(track.names), len(masks.stems), len(parts)))
    heard = dict(zip(masks.stems, filtered(track.mixture, masks, track.rate_hz), strict=True))
    if track.names == TWO and "vocals" in heard:
        heard["accompaniment"] = track.mixture - heard["vocals"]
    estimates = {name: heard[name] for name in track.names if name in heard}
    error = np.full((len(track.names), len(parts)), np.nan)
    for i, name in enumerate(track.names):
        through = filtered(track.stems[i], masks, track.rate_hz)
        passed[i] = np.stack([energy(through[..., w]) for w in parts], axis=-1)
        if name in estimates:
            error[i] = [energy(track.stems[i][:, w] - estimates[name][:, w]) for w in parts]
    own = np.stack([energy(track.stems[..., w]) for w in parts], axis=-1)
    return Leaks(track, masks, passed, own, estimates, error)


def filtered(sound: Array, masks: Masks, rate_hz: int) -> Array:
    """What of a sound (channel, sample) comes out at each fader: float32 (stem, channel, sample)."""
    mixture, n, block = ArrayMixture(sound, rate_hz, FLOAT32), sound.shape[1], round(BLOCK_S * rate_hz)
    out = np.empty((len(masks.stems), *sound.shape), np.float32)
    for at in range(0, n, block):
        out[..., at : at + block] = render_stems(mixture, masks, at, min(block, n - at))
    return out


def told(found: Leaks, n_worst: int) -> str:
    """The table and the worst seconds as Markdown."""
    names = found.track.names
    rows = [{"of the true": name, **{f"to {fader}": f"{share:.0%}" for fader, share in zip(found.faders, shares, strict=True)}}
            for name, own, shares in zip(names, found.own, found.shares(), strict=True) if own.any()]  # fmt: skip
    out = [f"### {found.track.name}\n\nEnergy of each true stem that came out at each fader:\n\n{cells(rows)}"]
    for stem, name in enumerate(names):
        worst = "; ".join(f"{w // 60}:{w % 60:02d} {sdr:.1f} dB, to {fader}" for w, sdr, fader in found.worst(stem, n_worst))
        if worst:
            out.append(f"- Worst seconds of {name}: {worst}.")
    return "\n".join(out) + "\n"


def draw(found: Leaks, stem: int, window: int, path: Path) -> None:
    """Spectrograms of three seconds around a window: mixture, true stem, estimate; PNG. Raises BadInputError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInputError("Pictures need matplotlib, which is not installed; run `pip install nullsum[train]`.") from None
    track, rate_hz = found.track, found.track.rate_hz
    begin, end = max(0, (window - 1) * rate_hz), min(track.mixture.shape[-1], (window + 2) * rate_hz)
    name = track.names[stem]
    parts = {"mixture": track.mixture, f"true {name}": track.stems[stem], f"estimated {name}": found.estimates[name]}
    sounds = {title: sound[:, begin:end] for title, sound in parts.items()}
    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, (title, sound) in zip(figure.subplots(1, 3, sharey=True), sounds.items(), strict=True):
        panel.specgram(sound.mean(axis=0) + 1e-9, NFFT=N_FFT, Fs=rate_hz, noverlap=N_FFT - HOP, vmin=-120, vmax=-30, cmap="magma",
                       xextent=(begin / rate_hz, end / rate_hz))  # fmt: skip
        panel.set_title(title)
        panel.set_ylim(0, TOP_HZ)
        panel.set_xlabel("s")
    part = path.with_suffix(".part.png")
    figure.savefig(part, dpi=80)
    part.replace(path)


def main(argv: list[str] | None = None) -> int:
    """Print, and draw; 0, or 1 with a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluation.leaks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of stems (engine/evaluation/data.py)")
    parser.add_argument("--method", default="nullsum-4")
    parser.add_argument("--worst", type=at_least(0), default=3, help="seconds that are named for each stem")
    parser.add_argument("--out", type=Path, metavar="DIR", help="spectrograms of the worst second of each stem")
    args = parser.parse_args(argv)
    wait_shortly()  # before torch
    try:
        if args.out:
            ready(args.out)
        method = build(args.method)
        for files in [files for folder in args.data for files in find_tracks(folder)]:
            found = leaks(load(files), method)
            print(told(found, args.worst), flush=True)
            for stem, name in enumerate(found.track.names) if args.out else ():
                for window, _, _ in found.worst(stem, 1):
                    draw(found, stem, window, args.out / f"{found.track.name}-{name}.png")
    except FAILURES as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
