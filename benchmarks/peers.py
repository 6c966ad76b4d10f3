"""Nullsum's built-in method beside Open-Unmix and HTDemucs, same song, machine and threads: `python -m benchmarks.peers DIR`.

DIR (default build/peers) is an environment of the benchmark's own; `python -m benchmarks.peers --setup DIR` makes it, with the
torch and numpy that constraints.txt pins, beside which the project's own environment stays as it is. The peers have their real
architectures and random weights: nothing is downloaded but the packages, and what a network computes does not change its speed.

- Each run is a process of its own; the systems take turns, --rounds times, and the fastest run of each counts: other work on the
  machine slows a run down and never speeds it up.
- Time is without imports and the making of the model: one second of the song is separated before the clock starts. The peers have
  the song in memory by then, Nullsum reads it from the file. Processor time is that of all threads, steadier on a busy machine.
- Memory is the process's largest resident set (ru_maxrss), nothing taken off: interpreter, torch, model, song and results. The peers
  hold song and stems as a whole; Nullsum goes by stretches, so its figure hardly grows with --seconds.
- nullsum-4 stands twice: when its masks are done, and when all four stems were rendered from them once. The peers end with four stems,
  therefore "times slower" counts from the second.
- Open-Unmix is `umxhq`, the whole song at once as in its command line, without its Wiener filter's EM iterations and with the default
  one. HTDemucs is `htdemucs` as its command line applies it: segments of 7.8 s, overlap 0.25, one random shift.

Sources: Stoeter et al., Open-Unmix, JOSS 2019; Rouard et al., Hybrid Transformers for Music Source Separation, ICASSP 2023.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

import numpy as np

from benchmarks.engine import RATE_HZ, ROOT, peak_mib
from engine.threads import WAITING

DEMO = ROOT / "resources" / "demo" / "demo-song.flac"
PEERS = ("openunmix==1.3.0", "demucs==4.1.0")  # installed without what they ask for: torchaudio has no build for every torch
NEEDED = ("torch", "numpy", "tqdm", "einops", "julius", "psutil")  # what their models import, and peak_mib
SYSTEMS = ("nullsum-4", "Open-Unmix, no EM", "Open-Unmix", "HTDemucs")  # in this order each round
REFERENCE = "nullsum-4, stems"
PUBLISHED = {  # parameters
    "Open-Unmix, no EM": 4 * 8.9e6,  # 8.9 M for each of the four targets
    "Open-Unmix": 4 * 8.9e6,
    "HTDemucs": 42.0e6,  # the released `htdemucs` holds 41,984,456
}


class Run(TypedDict):
    """What one run of a system found."""

    parameters: int
    seconds: float
    processor_s: float
    peak_mib: float


class Clock:
    """Seconds and processor seconds since it was made."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def run(self) -> Run:
        """What was measured up to now; parameters are counted later, because that takes memory."""
        seconds, processor_s = time.perf_counter() - self.started[0], time.process_time() - self.started[1]
        return Run(parameters=0, seconds=seconds, processor_s=processor_s, peak_mib=peak_mib())


# ------------------------------------------------------------------------------------------------ what one measured process does


def run_nullsum(folder: Path) -> dict[str, Run]:
    """Masks of the whole song through the engine, then its four stems, block by block as an export makes them."""
    from engine.cache import Cache
    from engine.nets import build_net
    from engine.render import render_stems
    from engine.session import Session
    from engine.weights import read_card

    with tempfile.TemporaryDirectory() as cache, Session(folder / "song.wav", cache=Cache(Path(cache)), device="cpu") as session:
        with Session(folder / "second.wav", device="cpu") as warm:
            warm.method = session.method  # the one that the song will be separated by: it loads its network at its first chunk
            warm.separate()
        clock = Clock()
        session.separate()
        masks = clock.run()
        n, block = session.info.n_samples, 2**17
        for at in range(0, n, block):
            render_stems(session.mixture, session.masks, at, min(block, n - at))
        stems = clock.run()
    card = read_card("nullsum-4")
    masks["parameters"] = stems["parameters"] = n_parameters(build_net(card.net, card.config.get("net_config", {})))
    return {"nullsum-4, masks": masks, REFERENCE: stems}


def run_peer(system: str, folder: Path) -> dict[str, Run]:
    """Four stems of the whole song by Open-Unmix or HTDemucs."""
    import torch

    model, separated = htdemucs() if system == "HTDemucs" else open_unmix(0 if system.endswith("no EM") else 1)
    song, second = (torch.from_numpy(samples(folder / name))[None] for name in ("song.wav", "second.wav"))  # (1, channel, sample)
    with torch.inference_mode():
        separated(second)
        clock = Clock()
        stems = separated(song)  # (1, stem, channel, sample)
        run = clock.run()
    run["parameters"] = n_parameters(model)
    assert stems.shape == (1, 4, *song.shape[1:]), f"{system} gave {tuple(stems.shape)}"
    assert bool(torch.isfinite(stems).all()), f"{system} gave numbers that are not finite"
    return {system: run}


def open_unmix(n_iterations: int) -> tuple[Any, Callable[[Any], Any]]:
    """The four networks of umxhq and its filter, with random weights."""
    sys.modules["torchaudio"] = ModuleType("torchaudio")  # imported by its modules that read files, which we do not use
    from openunmix import umxhq

    model = umxhq(niter=n_iterations, pretrained=False).eval()
    return model, model


def htdemucs() -> tuple[Any, Callable[[Any], Any]]:
    """The released htdemucs with random weights: what differs from the defaults of its class is written out here."""
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    stems = ["drums", "bass", "other", "vocals"]
    model = HTDemucs(stems, bottom_channels=512, dconv_mode=3, t_dropout=0.02, segment=Fraction(39, 5)).eval()

    def separated(song: Any) -> Any:
        random.seed(0)  # the shift decides how many segments there are
        mono = song.mean(1)
        mean, deviation = mono.mean(), mono.std() + 1e-8
        return apply_model(model, (song - mean) / deviation, shifts=1, overlap=0.25) * deviation + mean

    return model, separated


def n_parameters(net: Any) -> int:
    """Trained numbers of a torch module."""
    return sum(p.numel() for p in net.parameters())


def samples(path: Path) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """A 16-bit stereo WAV as float32 (channel, sample), 1.0 = full scale; with nothing but the standard library."""
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return np.ascontiguousarray(pcm.T, dtype=np.float32) / np.float32(32768)


# ------------------------------------------------------------------------------------------------------------------ from outside


def python_in(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def set_up(folder: Path) -> None:
    """Make the peers' environment, or complete it."""
    if folder.resolve() == Path(sys.prefix).resolve():
        raise SystemExit(f"{folder} is the environment that Nullsum runs in; choose another folder for the peers.")
    if folder.exists() and not (folder.is_dir() and ((folder / "pyvenv.cfg").exists() or not any(folder.iterdir()))):
        raise SystemExit(f"{folder} is there and is no Python environment; choose a new folder for the peers.")
    pip = [str(python_in(folder)), "-m", "pip", "install"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "-c", str(ROOT / "constraints.txt"), *NEEDED],
        [*pip, "--no-deps", *PEERS],
    ):
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit(f"The peers could not be installed in {folder}; the lines above say why. The same command goes on from here.")
    print(f"Ready: python -m benchmarks.peers {folder}")


def write_song(path: Path, source: Path, seconds: float | None) -> float:
    """A 16-bit copy of a 44.1 kHz stereo recording, over and over until `seconds` are full (default: once). Returns its seconds.

    Block by block: a process takes over its parent's largest resident set when it starts, so this one stays small.
    """
    import soundfile as sf

    from engine.audio import open_mixture
    from engine.errors import EngineError
    from engine.samples import to_float

    try:
        mixture = open_mixture(source)
    except EngineError as e:
        raise SystemExit(str(e)) from None
    with closing(mixture), sf.SoundFile(path, "w", RATE_HZ, 2, "PCM_16") as file:
        info = mixture.info
        if (info.rate_hz, info.n_channels) != (RATE_HZ, 2):
            raise SystemExit(
                f"{source.name} has {info.n_channels} channel(s) at {info.rate_hz} Hz; the peers hear 44100 Hz stereo and are not "
                f"measured with resampling, so choose such a recording."
            )
        n_samples, at = info.n_samples if seconds is None else round(seconds * RATE_HZ), 0
        while at < n_samples:
            begin = at % info.n_samples
            block = mixture.read(begin, min(2**18, info.n_samples - begin, n_samples - at))
            file.write(to_float(block, info.sample_type).T)
            at += block.shape[1]
    return n_samples / RATE_HZ


def measured(python: Path, system: str, folder: Path, threads: int) -> dict[str, Run]:
    """Run a system in a fresh process of the given interpreter."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), **WAITING}
    command = [str(python), "-m", "benchmarks.peers", "--job", system, str(folder)]
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if out.returncode != 0:
        last = (out.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise SystemExit(f"{system} ended with an error ({last}). If its environment is incomplete, --setup with its folder mends it.")
    runs: dict[str, Run] = json.loads(out.stdout.splitlines()[-1])
    for name, run in runs.items():
        published = PUBLISHED.get(name, run["parameters"])
        if abs(run["parameters"] - published) > 0.005 * published:
            raise SystemExit(f"{name} has {run['parameters']:,} parameters here and {published:,.0f} as published: not the same network.")
    return runs


def best(rounds: list[dict[str, Run]]) -> dict[str, Run]:
    """Of each system the fastest time, the smallest processor time and, as it is a peak, the largest memory."""
    return {
        name: Run(
            parameters=run["parameters"],
            seconds=min(r[name]["seconds"] for r in rounds),
            processor_s=min(r[name]["processor_s"] for r in rounds),
            peak_mib=max(r[name]["peak_mib"] for r in rounds),
        )
        for name, run in rounds[0].items()
    }


def table(runs: dict[str, Run], song_s: float) -> str:
    """The Markdown table; real-time factors are processing time / audio time."""
    columns = f"system | parameters (published) | real-time factor | times slower than {REFERENCE}".split(" | ")
    columns += ["processor time / audio time", "times more", "peak MiB"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    reference = runs[REFERENCE]
    for name, run in runs.items():
        published = f" ({PUBLISHED[name] / 1e6:.1f} M)" if name in PUBLISHED else ""
        lines.append(
            f"| {name} | {run['parameters'] / 1e6:.2f} M{published} | {run['seconds'] / song_s:.4f} "
            f"| {run['seconds'] / reference['seconds']:.2f} | {run['processor_s'] / song_s:.4f} "
            f"| {run['processor_s'] / reference['processor_s']:.2f} | {run['peak_mib']:.0f} |"
        )
    return "\n".join(lines)


def main(words: list[str] | None = None) -> None:
    """Set up, or measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", nargs="?", type=Path, default=ROOT / "build" / "peers", help="the peers' environment")
    parser.add_argument("--setup", action="store_true", help="make that environment (about 1 GB) and do nothing else")
    parser.add_argument("--seconds", type=float, help="length of the song (default 60, or all of --song)")
    parser.add_argument("--song", type=Path, help="a 44.1 kHz stereo recording (default: the demo song, which a program made)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--job", nargs=2, metavar=("SYSTEM", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    args.dir = args.dir.absolute()
    if args.job:
        system, folder = args.job[0], Path(args.job[1])
        print(json.dumps(run_nullsum(folder) if system == "nullsum-4" else run_peer(system, folder)))
        return
    if args.setup:
        set_up(args.dir)
        return
    if args.threads < 1 or args.rounds < 1 or (args.seconds is not None and not 1.0 <= args.seconds <= 36000.0):
        parser.error("--threads and --rounds must be at least 1, --seconds between 1 and 36000")
    if not python_in(args.dir).exists():
        parser.error(f"there is no Python environment in {args.dir}; make it with `python -m benchmarks.peers --setup {args.dir}`")
    rounds: list[dict[str, Run]] = []
    with tempfile.TemporaryDirectory() as name:
        song_s = write_song(Path(name) / "song.wav", args.song or DEMO, args.seconds or (None if args.song else 60.0))
        write_song(Path(name) / "second.wav", args.song or DEMO, 1.0)
        for n in range(1, args.rounds + 1):
            rounds.append({})
            for system in SYSTEMS:
                python = Path(sys.executable) if system == "nullsum-4" else python_in(args.dir)
                rounds[-1].update(runs := measured(python, system, Path(name), args.threads))
                for row, run in runs.items():
                    print(f"round {n}, {row}: {run['seconds']:.1f} s, processor {run['processor_s']:.1f} s, {run['peak_mib']:.0f} MiB",
                          file=sys.stderr, flush=True)  # fmt: skip
    load = f", load average {os.getloadavg()[2]:.1f}" if hasattr(os, "getloadavg") else ""  # of the last 15 minutes
    print(f"{song_s:g} s of song, thread(s): {args.threads}, cores: {os.cpu_count()}{load}; of {args.rounds} round(s) the best of each\n")
    print(table(found := best(rounds), song_s))
    if any(run["seconds"] > 1.25 * run["processor_s"] for run in found.values()):
        print("\nThe processes waited for a processor: other work was going on. Compare the processor times, not the clock's.")


if __name__ == "__main__":
    main()
