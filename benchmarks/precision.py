"""How far the built-in network's masks move with threads, precision and processor: `python -m benchmarks.precision [--weights NAME]`.

The first twenty seconds of the demo song, whose true stems are known because a script makes them: the largest and the mean difference
of any mask (0 .. 1) from float32 on one CPU thread, and by how many dB the plain SDR (median over windows of a second) of any stem changes.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from engine.device import choose
from engine.evaluation.data import FOUR, Track, make_track
from engine.evaluation.estimate import estimate
from engine.evaluation.scores import score
from engine.methods.builtin import Builtin
from resources.demo.compose import FULL_SCALE, RATE_HZ, compose

Variant = tuple[str, str, int, bool]  # words, device, threads, bfloat16
SECONDS = 20  # in the first ten the voice hardly sings: figures of what is not there mean nothing


def variants() -> list[Variant]:
    """What can be compared on this machine; the first is what the others are held against."""
    out = [("float32, CPU, 1 thread", "cpu", 1, False), ("the same again", "cpu", 1, False), ("float32, CPU, 2 threads", "cpu", 2, False),
           ("bfloat16, CPU", "cpu", 1, True)]  # fmt: skip
    if choose("auto").kind == "cuda":
        out += [("float32, CUDA", "cuda", 1, False), ("bfloat16, CUDA", "cuda", 1, True)]
    return out


@contextlib.contextmanager
def computing(device: str, threads: int, bf16: bool) -> Iterator[None]:
    """Matrix products in this precision, by this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            yield
    finally:
        torch.set_num_threads(before)


def demo_track(seconds: float = SECONDS) -> Track:
    """The beginning of the demo song with its true stems."""
    stems = compose()
    n = round(seconds * RATE_HZ)
    return make_track("demo", FOUR, np.stack([stems[name][:, :n] / FULL_SCALE for name in FOUR]), RATE_HZ)


def masks_and_sdr(track: Track, variant: Variant, weights: str, folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Shares (stem, 1, band, frame) of the whole track heard at once, and the SDR of each stem in dB, by the road of the window."""
    _, device, threads, bf16 = variant
    method = Builtin(device, weights, folder)
    grid = method.grid(track.rate_hz)
    n_frames = track.mixture.shape[-1] // grid.hop
    with computing(device, threads, bf16):
        shares = method.shares(track.mixture, grid, 0, n_frames)
        found = score(track, estimate(track, method), "x")
    return shares, np.array([found.median("sdr", name) for name in FOUR])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--weights", default="nullsum-4", metavar="NAME")
    parser.add_argument("--weights-dir", type=Path, metavar="DIR", help="folder of these weights (default: the bundled ones)")
    args = parser.parse_args()
    track = demo_track()
    found = [(v, *masks_and_sdr(track, v, args.weights, args.weights_dir)) for v in variants()]
    (_, shares, figures), *_ = found
    told = ", ".join(f"{name} {x:.2f}" for name, x in zip(FOUR, figures, strict=True))
    print(f"{args.weights}, {SECONDS} s of the demo song; SDR in dB: {told}\n")
    print("| | largest mask difference | mean | SDR change dB, largest of four |\n|---|---:|---:|---:|")
    for variant, other, own in found[1:]:
        apart = np.abs(other - shares)
        change = np.nanmax(np.abs(own - figures))
        print(f"| {variant[0]} | {apart.max():.2g} | {apart.mean():.2g} | {change:.2g} |", flush=True)


if __name__ == "__main__":
    main()
