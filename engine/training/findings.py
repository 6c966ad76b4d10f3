"""`python -m engine.training.findings --data DIR --work DIR --minutes 1.2 [NAME...]`: do the documents' findings hold here?

Every side of every question (engine.training.questions) is trained from nothing for the same processor time of one core, on the
same bank of mixes in an order that its seed decides; what costs more a step therefore learns from fewer steps. Then all are
measured on the same stretches of the validation song and the verdicts are computed (engine.training.verdicts). What a run reached
is kept in WORK/findings: a run that was stopped goes on with the next side. Written: WORK/findings/findings.md and findings.json;
`python -m engine.evaluation.zoo --findings WORK/findings/findings.md` takes the page into docs/methods.md.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.atomic import atomic_text
from engine.errors import BadInputError
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.kept import kept
from engine.nets.look import Look
from engine.training.findings_page import as_json, page
from engine.training.mixes import MixSource, Pool, endless_mixes, valid_stretches
from engine.training.questions import ORACLES, QUESTIONS, SIDES, recipe_of
from engine.training.recipes import Recipe
from engine.training.yardsticks import ORACLES as IDEAL
from engine.training.yardsticks import of_estimates, of_net
from engine.training.zoo import Trainer

RATE_HZ = 22050  # of every net compared here, in mono: one bank of mixes serves them all
N_MIXES = 192  # of MIX_S: 26 minutes of music, 270 MB on disk; a run of a minute hears each second several times
MIX_S = 8.0
STRETCHES, STRETCH_S = 16, 3.0  # of the validation song
NO_STATE = Path("no state is kept of runs that take minutes")
ORACLE_LOOK = Look(rate_hz=RATE_HZ, n_channels=1, n_fft=2048, hop=512)  # Roma's window


@dataclass(frozen=True)
class Bank:
    """The sounds of all runs: mixes float16 (mix, stem, channel=1, sample), and held-out stretches (stretch, stem, channel=1, sample)."""

    mixes: np.ndarray
    stretches: torch.Tensor
    key: str  # names both


def bank_of(data: Path | Sequence[Path], work: Path, n_mixes: int = N_MIXES) -> Bank:
    """The bank of a folder of sounds, mixed on first sight. Raises BadInputError where there is nothing to learn from or to hold out."""
    source = MixSource(data, work / "decoded", RATE_HZ, 1, MIX_S, song_share=0.3, song_stem_share=0.4, seed=1)
    stretches = torch.from_numpy(valid_stretches(data, source.cache, RATE_HZ, 1, STRETCH_S, STRETCHES))
    if not len(stretches):
        raise BadInputError("There is no validation song to measure with; see engine/training/sources.py on how songs are split.")
    first = next(endless_mixes(source))
    known = hashlib.sha256(f"{n_mixes} {first.shape}".encode() + first.tobytes() + stretches.numpy().tobytes()).hexdigest()[:16]
    path = work / "findings" / f"mixes-{known}.npy"
    if not path.exists():
        print(f"Mixing {n_mixes} times {MIX_S:g} s ...", file=sys.stderr, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        bank = np.lib.format.open_memmap(part, "w+", first.dtype, (n_mixes, *first.shape))
        for k, mix in zip(range(n_mixes), endless_mixes(source), strict=False):
            bank[k] = mix
        bank.flush()
        del bank
        part.replace(path)
    return Bank(np.load(path, mmap_mode="r"), stretches, known)


def tried(recipe: Recipe, bank: Bank) -> dict[str, Any]:
    """Train one side to the end of its processor time: what it reached, its size and what it heard."""
    mixes: Iterator[np.ndarray] = iter(bank.mixes)
    pool = Pool(lambda wait: next(mixes, None), size=len(bank.mixes), first=len(bank.mixes), most=0)
    n_samples = round(recipe.seconds * RATE_HZ)

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(pool.draw(np.random.default_rng([recipe.seed, step]), recipe.batch, n_samples))

    def trainer() -> Trainer:
        return Trainer(recipe, NO_STATE, lambda said: None)

    trainer().learn(batch(0))  # what is made once by the first step of a process is no side's cost
    learner = trainer()
    while learner.done < 1.0:
        began = time.process_time()
        learner.learn(batch(learner.step))
        learner.seconds += time.process_time() - began
    return {
        "parameters": sum(p.numel() for p in learner.net.parameters()),
        "steps": learner.step,
        "music_s": learner.step * recipe.batch * recipe.seconds,
        **of_net(learner.mean, bank.stretches),
    }


def compare(
    names: Iterable[str], bank: Bank, work: Path, minutes: float, more_runs: int = 0, max_steps: int = 0
) -> dict[str, list[dict[str, Any]]]:
    """What the sides of these questions reached, run by run; those that are kept for the same question are not run again."""
    folder = work / "findings"
    sides = list(dict.fromkeys(side for name in names for side in QUESTIONS[name].sides))
    out: dict[str, list[dict[str, Any]]] = {}
    for side in sides:
        if side in ORACLES:
            out[side] = [kept(folder / f"{side}.json", {"bank": bank.key},
                              lambda side=side: of_estimates(IDEAL[side], ORACLE_LOOK, bank.stretches))]  # type: ignore[misc]  # fmt: skip
            continue
        for seed in range(1, SIDES[side].runs + more_runs + 1):
            recipe = recipe_of(side, minutes, seed, max_steps)

            def run(recipe: Recipe = recipe, side: str = side) -> dict[str, Any]:
                print(f"{side}, seed {recipe.seed}: {SIDES[side].words} ...", file=sys.stderr, flush=True)
                return tried(recipe, bank)

            found = kept(folder / f"{side}-{seed}.json", {"bank": bank.key, "recipe": asdict(recipe)}, run)
            out.setdefault(side, []).append(found)
    return out


def main(argv: list[str] | None = None) -> None:
    """Run what has not been run, write and print the page."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.findings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"questions (default: all): {', '.join(QUESTIONS)}")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of sounds (engine/training/sources.py)")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds, mixes and results")
    parser.add_argument("--minutes", type=float, default=1.2, help="of processor time for each run")
    parser.add_argument("--more-runs", type=at_least(0), default=0, help="runs with other seeds for every side, besides those of its own")
    parser.add_argument("--mixes", type=int, default=N_MIXES, help=f"in the bank, of {MIX_S:g} s each")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # processor time of one thread is comparable on every machine
    torch.set_flush_denormal(True)  # as in the zoo's training
    try:
        for name in args.names:
            if name not in QUESTIONS:
                raise BadInputError(f"There is no question called {name!r}; choose from {', '.join(QUESTIONS)}.")
        for words, value in (("--minutes", args.minutes), ("--mixes", args.mixes)):
            if value <= 0:
                raise BadInputError(f"{words} {value:g} must be more than 0.")
        names = args.names or list(QUESTIONS)
        ready(args.work / "findings")
        bank = bank_of(args.data, args.work, args.mixes)
        results = compare(names, bank, args.work, args.minutes, args.more_runs)
        text = page(names, results, args.minutes, args.mixes * MIX_S)
        atomic_text(args.work / "findings" / "findings.md", text)
        atomic_text(args.work / "findings" / "findings.json", as_json(names, results, args.minutes))
        print(text)
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on with the runs that are left.")


if __name__ == "__main__":
    main()
