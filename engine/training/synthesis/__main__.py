"""`python -m engine.training.synthesis --out DIR --minutes 25 --bands 40 --seed 1`: a pool and songs that `Corpus` reads like any other."""

import argparse
import json
import signal
import sys
import time
from contextlib import nullcontext
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile as sf

from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.training.synthesis import GENERATORS
from engine.training.synthesis.band import band
from engine.training.synthesis.score import RATE_HZ

TELL_EVERY_S = 10.0
BAND = "band"  # what takes a generator's place in a job where several play
Job = tuple[Path, str, int, int, float]


def _render(job: Job) -> list[dict[str, object]]:
    """One piece, or the stems of one song; its seed is (seed, name, number), so a longer pool begins with the shorter one."""
    folder, name, seed, number, seconds = job
    rng = np.random.default_rng([seed, number, *name.encode()])
    if name == BAND:
        song = f"band-{seed}-{number:03d}"
        return [_written(folder, Path(song) / role, role, sound, song) for role, sound in band(rng, seconds).items()]
    role, generator = GENERATORS[name]
    return [_written(folder, Path(role) / f"synthesis-{name}-{seed}-{number:03d}", role, generator(rng, seconds))]


def _written(folder: Path, path: Path, role: str, sound: np.ndarray, song: str | None = None) -> dict[str, object]:
    """A stem as a FLAC of 16 bits, and its entry in the index."""
    path = path.with_suffix(".flac")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    whole = np.round(np.clip(sound.T, -1, 1) * 32767).astype(np.int16)
    sf.write(folder / path, whole, RATE_HZ, subtype="PCM_16")
    return {
        "path": path.as_posix(), "role": role, "kind": "song-stem" if song else "rendered", "song": song, "source": "nullsum-synthesis",
        "split": "train", "seconds": round(len(whole) / RATE_HZ, 2), "channels": 2, "licence": "MIT", "gpl_material": False,
        "weights_ok": True,
    }  # fmt: skip


def _jobs(folder: Path, seed: int, minutes_each: float, names: tuple[str, ...], piece_s: tuple[float, float], n_bands: int) -> list[Job]:
    """The pieces to make, every generator in its turn, so that a pool cut short is still of all kinds; then the bands."""
    jobs: list[Job] = []
    lengths = np.random.default_rng([seed, *BAND.encode()])
    bands = [(folder, BAND, seed, number, float(round(lengths.uniform(*piece_s), 2))) for number in range(n_bands)]
    for name in names:
        lengths = np.random.default_rng([seed, *name.encode()])
        filled, number = 0.0, 0
        while filled < 60 * minutes_each:
            seconds = float(round(lengths.uniform(*piece_s), 2))
            jobs.append((folder, name, seed, number, seconds))
            filled, number = filled + seconds, number + 1
    return [*sorted(jobs, key=lambda job: job[3]), *bands]


def render_pool(
    folder: Path, seed: int, minutes_each: float, n_workers: int = 1, only: tuple[str, ...] = (),
    piece_s: tuple[float, float] = (40, 60), n_bands: int = 0,
) -> list[dict[str, object]]:  # fmt: skip
    """Pieces of piece_s seconds until every generator has its minutes, then songs of bands; INDEX.json is true after every piece.

    Tells on standard error how far it is. Returns its entries; raises TargetError where nothing can be written to the folder.
    """
    ready(folder)
    jobs = _jobs(folder, seed, minutes_each, only or tuple(GENERATORS), piece_s, n_bands)
    entries: list[dict[str, object]] = []
    started, told = time.perf_counter(), 0.0
    with Pool(n_workers, signal.signal, (signal.SIGINT, signal.SIG_IGN)) if n_workers > 1 else nullcontext() as pool:
        for done, made in enumerate(pool.imap(_render, jobs) if pool else map(_render, jobs), 1):
            entries += made
            spent = time.perf_counter() - started
            if spent - told > TELL_EVERY_S:
                told = spent
                print(f"{done} of {len(jobs)} pieces  {spent / done * (len(jobs) - done) / 60:.0f} min left", file=sys.stderr, flush=True)
            partial = folder / "INDEX.part"
            partial.write_text(json.dumps(entries, indent=1))
            partial.replace(folder / "INDEX.json")
    return entries


def main(argv: list[str] | None = None) -> None:
    """Render what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.synthesis", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=at_least(0.0), default=25.0, help="of each generator")
    parser.add_argument("--bands", type=at_least(0), default=0, help="songs that several play together")
    parser.add_argument("--seed", type=at_least(0), default=1)
    parser.add_argument("--workers", type=at_least(1), default=1)
    parser.add_argument("--only", nargs="*", default=(), choices=tuple(GENERATORS), help="these generators alone")
    given = parser.parse_args(argv)
    try:
        made = render_pool(given.out, given.seed, given.minutes, given.workers, tuple(given.only), n_bands=given.bands)
        print(f"{len(made)} stems in {given.out}")
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit(f"Stopped; what {given.out / 'INDEX.json'} names is whole.")


if __name__ == "__main__":
    main()
