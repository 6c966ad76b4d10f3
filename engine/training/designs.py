"""`python -m engine.training.designs --data DIR --work DIR --minutes 10 [--out docs] [NAME...]`: designs of the network at equal cost.

Every design is trained from nothing for the same processor time (the trainer's own: mixing and validation do not count) on the
same stream of mixes, a dearer one therefore on less music. Told, and written to OUT/designs.md: parameters, music heard,
validation SDR and what separating costs. What a design reached is kept in WORK/designs, so a run that was stopped goes on with
the next one. A few minutes rank designs roughly: differences of a few tenths of a dB are luck, and what learns slowly may still
win in a day.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from engine.atomic import atomic_text
from engine.device import choose
from engine.errors import BadInputError
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.kept import kept
from engine.evaluation.tables import cells
from engine.methods.builtin import CHUNK_FRAMES, CONTEXT_S
from engine.training.batches import Folders, loader
from engine.training.config import TrainConfig
from engine.training.data import RATE_HZ, ROLES, Corpus
from engine.training.ranks import Place
from engine.training.sources import digests
from engine.training.trainer import Trainer
from engine.training.validation import valid_batches, validate

DECAY = 0.3  # of the time, in which the learning rate falls to a hundredth
SHORT = TrainConfig(batch=8, ema=0.99, song_share=0.3, song_stem_share=0.3, heard_in=1)  # small steps soon, a short memory
NOT_ASKED = ("steps", "warmup_steps", "decay_steps", "made_share")  # of a recipe: what the time decides here, and what is not used


@dataclass(frozen=True)
class Design:
    """What differs from the band-split network as it is bundled."""

    words: str
    sizes: dict[str, int] = field(default_factory=dict)  # of the net's Config
    recipe: dict[str, Any] = field(default_factory=dict)  # of TrainConfig


DESIGNS: dict[str, Design] = {
    "split": Design("as bundled: groups of 16 bands, recurrent along time and along groups"),
    "blstm": Design("a frame as one vector (after Open-Unmix)", recipe={"net": "band_blstm"}),
    "narrow": Design("64 wide instead of 96", {"width": 64, "hidden": 64, "decoder": 128}),
    "wide": Design("128 wide", {"width": 128, "hidden": 128}),
    "shallow": Design("2 pairs of layers instead of 4", {"n_layers": 2}),
    "deep": Design("6 pairs of layers", {"n_layers": 6}),
    "small-groups": Design("8 bands a group instead of 16", {"group": 8}),
    "large-groups": Design("40 bands a group", {"group": 40}),
    "large-groups-wide": Design("40 bands a group, 128 wide", {"group": 40, "width": 128, "hidden": 128}),
    "large-groups-dense": Design("160 wide, dense along the groups", {"group": 40, "width": 160, "hidden": 160, "across": 64}),
    "every-frame": Design("frames read one by one instead of two", {"stack": 1}),
    "four-frames": Design("four frames read as one", {"stack": 4}),
    "dense-across": Design("dense layers along the groups instead of recurrent ones", {"across": 64}),
    "adamw": Design("AdamW in place of Muon", recipe={"optimiser": "adamw", "learning_rate": 1.5e-3}),
    "one-ear": Design("no stereo features", {"n_features": 1}),
    "magnitude-l1": Design("loss: magnitudes, L1", recipe={"loss": "magnitude-l1"}),
    "magnitude-l2": Design("loss: magnitudes, squared", recipe={"loss": "magnitude-l2"}),
    "tpsa-l1": Design("loss: truncated phase-sensitive, L1", recipe={"loss": "tpsa-l1"}),
    "tpsa-l2": Design("loss: the same, squared", recipe={"loss": "tpsa-l2"}),
    "nll": Design("loss: likelihood of the loudest stem", recipe={"loss": "nll"}),
    "snr": Design("loss: SNR over windows of a second", recipe={"loss": "snr"}),
    "si-sdr": Design("loss: SI-SDR over windows of a second", recipe={"loss": "si-sdr"}),
}


def config_of(name: str, base: TrainConfig | None = None) -> TrainConfig:
    """The recipe of a design; `base` for other lengths and batches."""
    chosen = asdict(base or SHORT)
    design = DESIGNS[name]
    net = design.recipe.get("net", "band_split")
    return TrainConfig(**{**chosen, "name": name, "net": net, "net_config": {**chosen["net_config"], **design.sizes}, **design.recipe})


def rate_at(done: float, config: TrainConfig) -> float:
    """Learning rate at the part `done` (0 .. 1) of the time: a rise over the first 3 %, level, and down over the last DECAY."""
    return config.learning_rate * min(1.0, (done + 1e-3) / 0.03) * max(0.01, min(1.0, (1.0 - done) / DECAY))


def trained(config: TrainConfig, data: Folders, work: Path, seconds: float, n_workers: int = 1, made: Path | None = None) -> Trainer:
    """Train from nothing for this many seconds of the trainer's processor time, mixing and validation not counted."""
    trainer = Trainer(config, Place(torch.device(choose("cpu").name)))
    stream = loader(config, data, work / "decoded", 0, n_workers, made)
    spent = 0.0
    while spent < seconds:
        batch = next(stream)
        began = time.process_time()
        trainer.learn(batch, rate_at(spent / seconds, config))
        spent += time.process_time() - began
    return trainer


def tried(config: TrainConfig, data: Folders, work: Path, seconds: float, n_workers: int = 1) -> dict[str, float]:
    """Train one design for this long: what it reached and what it costs."""
    trainer = trained(config, data, work, seconds, n_workers)
    return {
        "parameters": sum(p.numel() for p in trainer.net.parameters()),
        "steps": trainer.step,
        "music_s": trainer.step * config.batch * config.n_frames * config.hop / RATE_HZ,
        **{stem: round(sdr, 2) for stem, sdr in validate(trainer.mean, valid_batches(config, data, work / "decoded")).items()},
        "rtf": cost(trainer),
    }


@torch.inference_mode()
def cost(trainer: Trainer) -> float:
    """Processor time of the network over the length of the music, for one chunk with its context as engine.methods.builtin asks."""
    c = trainer.config
    chunk_s = CHUNK_FRAMES * c.hop / RATE_HZ
    n_frames = round((chunk_s + 2 * CONTEXT_S) * RATE_HZ / c.hop)
    net_config: Any = trainer.mean.config
    features = torch.zeros(1, net_config.n_features, net_config.n_bands, n_frames)
    trainer.mean.eval()
    took = []
    for _ in range(3):
        began = time.process_time()
        trainer.mean(features)
        took.append(time.process_time() - began)
    return round(min(took) / chunk_s, 4)


def table(results: dict[str, dict[str, float]]) -> str:
    """Results by name as Markdown, the best mean first."""
    rows = []
    for name, found in sorted(results.items(), key=lambda item: -item[1]["mean"]):
        scores = {stem: found.get(stem, float("nan")) for stem in (*ROLES, "mean")}
        size = {"parameters": f"{found['parameters'] / 1e6:.2f} M", "music heard": f"{found['music_s']:.0f} s"}
        rows.append({"design": name, "what": DESIGNS[name].words, **size, **scores, "RTF": f"{found['rtf']:.3f}"})
    return cells(rows)


PAGE = """# Designs of the built-in network at equal cost

Made by

    python -m engine.training.designs --data DATA --work WORK --minutes {minutes:g} --out docs{names}

Every design was trained from nothing for {minutes:g} minutes of one processor core on the same stream of mixes, a dearer one therefore
on less music, and scored on the validation song: SDR in dB, medians over windows of a second; *mean*: over stems of the mean over
windows, cut to -5 .. 15 dB, which is steadier; the table is sorted by it. *RTF*: processor time of the network over the length of
the music.

Read it roughly: differences of a few tenths of a dB are luck, what learns slowly may still win in a day, and what is dear in training
may be cheap in use. `split` is the design of the bundled network: its long training had begun when large groups were tried. Three minutes
favour what is cheap; the next network that is trained from nothing should have them.

{table}
"""


def compare(
    names: Sequence[str], data: Folders, work: Path, seconds: float, n_workers: int = 1, base: TrainConfig | None = None
) -> dict[str, dict[str, float]]:
    """The results of these designs; those that are in `work` for the same recipe, time and sounds are not made again."""
    Corpus(data, work / "decoded")  # decodes, or says what is missing, before the first design
    sounds = digests(data)
    results = {}
    for name in names:
        config = config_of(name, base)

        def run(name: str = name, config: TrainConfig = config) -> dict[str, float]:
            print(f"{name}: {DESIGNS[name].words} ...", file=sys.stderr, flush=True)
            return tried(config, data, work, seconds, n_workers)

        asked = {k: v for k, v in asdict(config).items() if k not in NOT_ASKED}
        question = {"seconds": seconds, "recipe": asked, "sounds": sounds}
        results[name] = kept(work / "designs" / f"{name}.json", question, run, may_lack=("sounds",))
    return results


def main(argv: list[str] | None = None) -> None:
    """Try what is not tried yet, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.designs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"designs (default: all): {', '.join(DESIGNS)}")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of sounds (engine/training/sources.py)")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds and results")
    parser.add_argument("--minutes", type=float, default=10.0, help="of processor time for each design")
    parser.add_argument("--workers", type=at_least(0), default=1, help="processes that mix")
    parser.add_argument("--out", type=Path, metavar="DIR", help="writes DIR/designs.md")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # processor time of one thread is comparable on every machine
    try:
        for name in args.names:
            if name not in DESIGNS:
                raise BadInputError(f"There is no design called {name!r}; choose from {', '.join(DESIGNS)}.")
        if args.minutes <= 0.0:
            raise BadInputError(f"--minutes {args.minutes:g} must be more than 0.")
        ready(args.work / "designs", *([args.out] if args.out else []))
        found = table(compare(args.names or list(DESIGNS), args.data, args.work, 60.0 * args.minutes, args.workers))
        print(found)
        if args.out:
            names = "".join(f" {name}" for name in args.names)
            atomic_text(args.out / "designs.md", PAGE.format(minutes=args.minutes, names=names, table=found.strip()))
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on with the designs that are left.")


if __name__ == "__main__":
    main()
