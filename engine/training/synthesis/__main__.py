"""The renderer: `python -m engine.training.synthesis --out DIR --minutes 25 --seed 1` writes a pool that `Corpus` reads like any other."""

import argparse
import json
from contextlib import nullcontext
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile as sf

from engine.training.synthesis import GENERATORS
from engine.training.synthesis.score import RATE_HZ

Job = tuple[Path, str, int, int, float]


def _render(job: Job) -> dict[str, object]:
    """One piece to a FLAC of 16 bits; its seed is (seed, generator's name, number), so a longer pool begins with the shorter one."""
    folder, name, seed, number, seconds = job
    role, generator = GENERATORS[name]
    rng = np.random.default_rng([seed, number, *name.encode()])
    sound = generator(rng, seconds)
    path = Path(role) / f"synthesis-{name}-{seed}-{number:03d}.flac"
    (folder / role).mkdir(parents=True, exist_ok=True)
    whole = np.round(np.clip(sound.T, -1, 1) * 32767).astype(np.int16)
    sf.write(folder / path, whole, RATE_HZ, subtype="PCM_16")
    return {
        "path": path.as_posix(), "role": role, "kind": "rendered", "source": "nullsum-synthesis", "split": "train",
        "seconds": round(seconds, 2),
        "channels": 2, "licence": "MIT", "gpl_material": False, "weights_ok": True, "instruments": [name],
    }  # fmt: skip


def _jobs(folder: Path, seed: int, minutes_each: float, names: tuple[str, ...], piece_s: tuple[float, float]) -> list[Job]:
    """The pieces to make, every generator in its turn, so that a pool cut short is still of all kinds."""
    jobs: list[Job] = []
    for name in names:
        lengths = np.random.default_rng([seed, *name.encode()])
        filled, number = 0.0, 0
        while filled < 60 * minutes_each:
            seconds = float(round(lengths.uniform(*piece_s), 2))
            jobs.append((folder, name, seed, number, seconds))
            filled, number = filled + seconds, number + 1
    return sorted(jobs, key=lambda job: job[3])


def render_pool(
    folder: Path, seed: int, minutes_each: float, n_workers: int = 1, only: tuple[str, ...] = (), piece_s: tuple[float, float] = (40, 60)
) -> list[dict[str, object]]:
    """Pieces of piece_s seconds until every generator has its minutes; INDEX.json is true after every piece. Returns its entries."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(folder, seed, minutes_each, only or tuple(GENERATORS), piece_s)
    entries: list[dict[str, object]] = []
    with Pool(n_workers) if n_workers > 1 else nullcontext() as pool:
        for entry in pool.imap(_render, jobs) if pool else map(_render, jobs):
            entries.append(entry)
            partial = folder / "INDEX.part"
            partial.write_text(json.dumps(entries, indent=1))
            partial.replace(folder / "INDEX.json")
    return entries


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m engine.training.synthesis", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=25.0, help="of each generator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=(), choices=tuple(GENERATORS), help="these generators alone")
    given = parser.parse_args()
    made = render_pool(given.out, given.seed, given.minutes, given.workers, tuple(given.only))
    print(f"{len(made)} pieces in {given.out}")
