"""Speed and memory of the engine, printed: `python -m benchmarks.engine [--long MINUTES] [--threads N]`.

Real-time factor of separation and of rendering (processing time / audio time), seconds to the first chunk of masks from a cold
process, peak memory for a short and a long recording, and what importing the command line costs. Each row is a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from engine.threads import WAITING

ROOT = Path(__file__).parents[1]
RATE_HZ = 44100


def music(path: Path, minutes: float) -> Path:
    """A 16-bit stereo WAV of the demo song over and over, written block by block."""
    import soundfile as sf

    song, _ = sf.read(ROOT / "resources" / "demo" / "demo-song.flac", dtype="int16")
    left = int(minutes * 60 * RATE_HZ)
    with sf.SoundFile(path, "w", RATE_HZ, 2, "PCM_16") as file:
        while left > 0:
            file.write(song[:left])
            left -= len(song[:left])
    return path


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    import psutil

    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def job(what: str, song: str, method: str) -> dict[str, float]:
    """What one measured process does."""
    started = time.perf_counter()
    from engine.cache import Cache
    from engine.session import Session
    from engine.types import Mix, StemMix

    with tempfile.TemporaryDirectory() as folder, Session(Path(song), method, Cache(Path(folder))) as session:
        first: list[float] = []
        session.separate(
            None if what != "first" else session.stretch(0, 1),
            publish=lambda m: first.append(time.perf_counter() - started),
        )
        separated = time.perf_counter()
        found = {"first_s": first[0], "separate_rtf": (separated - started) / session.info.seconds}
        if what == "all":
            session.mix = Mix({s: StemMix(gain_db=float(i + 1)) for i, s in enumerate(session.stems)})
            n, block = session.info.n_samples, 2**17
            for at in range(0, n, block):
                session.render(at, min(block, n - at))
            found["render_rtf"] = (time.perf_counter() - separated) / session.info.seconds
            _, report = session.export_stems(Path(folder) / "out", session.output_format(), session.stretch())
            assert report.result.adds_up
            found["export_rtf"] = (time.perf_counter() - separated) / session.info.seconds - found["render_rtf"]
    return {**found, "peak_mib": peak_mib()}


def measured(threads: int, *words: str) -> dict[str, float]:
    """Run `job` in a fresh process."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), **WAITING}
    command = [sys.executable, "-m", "benchmarks.engine", "--job", *words]
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return json.loads(out.stdout)  # type: ignore[no-any-return]


def import_seconds(words: str) -> float:
    """Seconds that a fresh interpreter takes for a statement, less an empty one's; best of three."""

    def once(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        return time.perf_counter() - started

    return min(once(words) for _ in range(3)) - min(once("") for _ in range(3))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=float, default=5.0, help="minutes of the short recording")
    parser.add_argument("--long", type=float, default=60.0, help="minutes of the long recording")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--methods", nargs="*", default=["nullsum-4", "adress", "hpss"])
    parser.add_argument("--job", nargs=3, metavar=("WHAT", "SONG", "METHOD"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(job(*args.job)))
        return
    print(f"{args.threads} threads, {os.cpu_count()} cores, numpy {np.__version__}")
    print(f"import of the command line: {import_seconds('import engine.cli'):.2f} s; of torch: {import_seconds('import torch'):.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        short, long = music(Path(folder) / "short.wav", args.short), music(Path(folder) / "long.wav", args.long)
        print("| method | minutes | first chunk s | separate RTF | render RTF | export RTF | peak MiB |\n|---|---|---|---|---|---|---|")
        for method in args.methods:
            for song, minutes in ((short, args.short), (long, args.long)):
                first = measured(args.threads, "first", str(song), method)
                whole = measured(args.threads, "all", str(song), method)
                print(f"| {method} | {minutes:g} | {first['first_s']:.2f} | {whole['separate_rtf']:.4f} | {whole['render_rtf']:.4f} "
                      f"| {whole['export_rtf']:.4f} | {whole['peak_mib']:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
