"""Trains research nets: `python -m engine.training zoo [NAME...] --data DIR --work DIR`.

Weights and a card of each go to WORK/weights/zoo; Nullsum's own are in resources/weights/zoo (--weights).

Each net has a budget of minutes of one processor core, because the nets are many; the learning rate follows the part of it
that is spent. Time of the processor is counted and not of the clock, so that a busy machine takes longer and learns as much; on
a GPU (--device cuda) it is the clock's, for a step there costs the processor next to nothing. --loss, --optimiser and
--learning-rate take the place of what the net's recipe says and are written into its card.

The state is kept every half a minute: a kill costs no more than that, and running the same command again goes on. Nets whose
weights are there and had their minutes by the same recipe are passed over.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.device import choose
from engine.errors import Cancelled
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.methods.network import analysis_window
from engine.methods.research import INFOS
from engine.nets import NETS, build_net, compact_config, paper_config
from engine.nets.contract import STEMS, Look, WaveformNet
from engine.training.criteria import CRITERIA
from engine.training.criteria import check as check_criterion
from engine.training.data import Corpus
from engine.training.mixes import MixProcess, MixSource, Pool, endless_mixes, valid_stretches
from engine.training.optimisers import OPTIMISERS, descend, follow, make_optimiser
from engine.training.recipes import RECIPES, Recipe, recipe_for
from engine.training.sources import digests
from engine.training.states import changed, read_state, write_state
from engine.training.zoo_weights import minutes_trained, sounds_of, write_weights
from engine.types import IsCancelled, never_cancelled
from engine.weights import zoo_folder

SAVE_EVERY_S = 30.0
VALIDATE_EVERY_S = 120.0
MIX_EVERY_S = 1.0  # of training: a new mix for the pool; twice as many would cost a processor of their own and teach little more


def say_aloud(line: str) -> None:
    """Print at once, also into a file."""
    print(line, flush=True)


def learning_rate(done: float, recipe: Recipe) -> float:
    """At the part `done` (0 .. 1) of the run: linear warm-up, then half a cosine down to a hundredth."""
    rise = min(1.0, (done + 1e-3) / recipe.warmup) if recipe.warmup > 0.0 else 1.0
    fall = 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return recipe.learning_rate * rise * fall


def spectra(samples: Tensor, look: Look) -> Tensor:
    """Complex spectra of frames that lie wholly inside: (..., sample) -> (..., bin, frame); scaled as engine.methods.network."""
    window = torch.from_numpy(analysis_window(look)).to(samples.device)
    flat = samples.reshape(-1, samples.shape[-1])
    out = torch.stft(flat, look.n_fft, look.hop, window=window, center=False, return_complex=True)
    return out.reshape(*samples.shape[:-1], *out.shape[-2:])


def heard_and_true(net: nn.Module, look: Look, stems: Tensor) -> tuple[Tensor, Tensor]:
    """What criteria of this kind of net take: samples or spectra of the mixture and of the stems (batch, stem, channel, ...)."""
    true = stems if isinstance(net, WaveformNet) else spectra(stems, look)
    return true.sum(1), true


@torch.inference_mode()
def validate(net: nn.Module, look: Look, recipe: Recipe, stretches: Tensor) -> dict[str, float]:
    """Mean loss, and the SDR in dB of each stem when the net's shares filter the mixture's spectrum, over all stretches."""
    if not len(stretches):
        return {}
    net.eval()
    device = next(net.parameters()).device
    losses, errors, powers = [], [], []
    for stretch in stretches.split(1):
        stems = stretch.to(device)
        true = spectra(stems, look)  # (batch=1, stem, channel, bin, frame)
        mixture = true.sum(1)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.bf16):
            losses.append(float(CRITERIA[recipe.criterion](net, *heard_and_true(net, look, stems))))
            estimates = net(stems.sum(1) if isinstance(net, WaveformNet) else mixture.abs()).float()
        if isinstance(net, WaveformNet):
            estimates = spectra(estimates, look).abs()
        shares = (estimates + 1e-9) / (estimates + 1e-9).sum(1, keepdim=True)
        errors.append((true - shares * mixture[:, None]).abs().square().sum((0, 2, 3, 4)))
        powers.append(true.abs().square().sum((0, 2, 3, 4)))
    net.train()
    sdr = 10.0 * torch.log10((torch.stack(powers).sum(0) + 1e-9) / (torch.stack(errors).sum(0) + 1e-9))  # (stem,)
    said = {"loss": sum(losses) / len(losses), **{f"sdr_{stem}": float(x) for stem, x in zip(STEMS, sdr, strict=True)}}
    return {k: round(v, 4) for k, v in said.items()}


class Trainer:
    """One net in training: its state, kept and taken up again, and the steps."""

    def __init__(
        self, recipe: Recipe, state: Path, say: Callable[[str], None], device: str = "cpu", sounds: dict[str, str] | None = None
    ) -> None:
        """`device` is torch's name of it, `sounds` are the digests of engine.training.sources: others than before are said.

        Raises BadInputError where the net cannot be trained by the recipe's criterion.
        """
        torch.manual_seed(recipe.seed)
        self.recipe, self._state_path, self.device = recipe, state, torch.device(device)
        self.net = build_net(recipe.net, recipe.net_config).to(self.device)
        check_criterion(recipe.criterion, self.net)
        self.mean = build_net(recipe.net, recipe.net_config).to(self.device)
        self.mean.load_state_dict(self.net.state_dict())
        self.look: Look = self.net.look  # type: ignore[assignment]  # torch's modules may hold anything
        self.optimiser = make_optimiser(recipe.optimiser, self.net.parameters(), recipe.learning_rate, recipe.weight_decay)
        self.step, self.seconds, self.n_mixes, self.loss = 0, 0.0, 0, 0.0
        self.sounds = sounds or {}
        self.sources: list[str] = []  # names of what was learned from
        if state.exists():
            kept = read_state(state, ("net", "mean", "optimiser", "step", "seconds", "n_mixes", "loss", "recipe"))
            if not Recipe.from_json(json.loads(kept["recipe"])).same_run(recipe):
                say(f"{recipe.net}: the recipe has changed since it was stopped; beginning anew")
                return
            self.net.load_state_dict(kept["net"])
            self.mean.load_state_dict(kept["mean"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step, self.seconds, self.n_mixes, self.loss = kept["step"], kept["seconds"], kept["n_mixes"], kept["loss"]
            self.sources = kept.get("sources", [])
            say(f"{recipe.net}: going on after {self.step} steps, {self.seconds / 60:.1f} of {recipe.minutes:g} minutes")
            before: dict[str, str] = kept.get("sounds", {})
            for what in changed(before, self.sounds):
                over = f"had its minutes; the {what} were others (another --work begins anew)"
                say(f"{recipe.net}: {over if self.done >= 1.0 else f'goes on with other {what}; the card names the sources of both'}")
            if self.done >= 1.0:
                self.sounds = {**self.sounds, **before}  # nothing will be learned from the others

    @property
    def done(self) -> float:
        """The part of the run that is over, 0 .. 1."""
        by_steps = self.step / self.recipe.max_steps if self.recipe.max_steps else 0.0
        return max(self.seconds / (60.0 * self.recipe.minutes), by_steps)

    def keep(self) -> None:
        """Write the state, whole or not at all."""
        write_state(self._state_path, {
            "net": self.net.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "seconds": self.seconds, "n_mixes": self.n_mixes, "loss": self.loss, "recipe": json.dumps(asdict(self.recipe)),
            "sounds": self.sounds, "sources": self.sources,
        })  # fmt: skip

    def learn(self, stems: Tensor) -> None:
        """One step from examples (batch, stem, channel, sample)."""
        c, stems = self.recipe, stems.to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.done, c)
        mixture, true = heard_and_true(self.net, self.look, stems)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=c.bf16):
            loss = CRITERIA[c.criterion](self.net, mixture, true)
        descend(loss, self.net, self.optimiser, c.clip_norm)
        self.step += 1
        follow(self.mean, self.net, min(c.ema, self.step / (self.step + 10)))
        self.loss = 0.98 * self.loss + 0.02 * loss.item() if self.step > 1 else loss.item()


def train(
    recipe: Recipe,
    data: Path | Sequence[Path],
    work: Path,
    weights: Path,
    size: str = "compact",
    n_workers: int = 1,
    say: Callable[[str], None] = say_aloud,
    is_cancelled: IsCancelled = never_cancelled,
    save_every_s: float = SAVE_EVERY_S,
    made: Path | None = None,
    device: str = "cpu",
) -> None:
    """Train one net to the end of its budget, from where `work` stands; then write its weights and card.

    `data` is one or several folders of sounds (engine.training.sources), `made` one of synthesised stems. Raises Cancelled
    between two steps; what was kept before is gone on from next time.
    """
    name = recipe.net
    log = work / "zoo" / f"{name}-{size}.log.jsonl"
    ready(work / "zoo", weights)
    trainer = Trainer(recipe, work / "zoo" / f"{name}-{size}.state.pt", say, device, digests(data, made))
    clock = time.process_time if trainer.device.type == "cpu" else time.perf_counter
    look = trainer.look
    source = MixSource(data, work / "decoded", look.rate_hz, look.n_channels, max(recipe.mix_seconds, recipe.seconds),
                       recipe.song_share, recipe.song_stem_share, recipe.seed, made, recipe.made_share)  # fmt: skip
    corpus = Corpus(data, source.cache, "train", made=made)  # decodes what is not decoded yet, and says what is missing
    if trainer.done < 1.0 or not trainer.sources:
        trainer.sources = sorted({*trainer.sources, *corpus.sources})
    valid = torch.from_numpy(valid_stretches(data, source.cache, look.rate_hz, look.n_channels, recipe.seconds))
    process, local = (MixProcess(source, trainer.n_mixes), None) if n_workers else (None, endless_mixes(source, trainer.n_mixes))
    mixed_at = trainer.seconds

    def take(wait: bool) -> np.ndarray | None:
        nonlocal mixed_at
        if not wait and trainer.seconds - mixed_at < MIX_EVERY_S:
            return None
        mixed_at = trainer.seconds
        return process.take(wait) if process else next(local)  # type: ignore[arg-type]

    pool = Pool(take, most=1)
    n_samples, mixes_before = round(recipe.seconds * look.rate_hz), trainer.n_mixes
    pool.begin()  # before the clock runs
    kept_at = said_at = validated_at = started = time.perf_counter()
    done_before = trainer.done
    try:
        while trainer.done < 1.0:
            if is_cancelled():
                raise Cancelled(f"The training of {name}")
            began = clock()
            rng = np.random.default_rng([recipe.seed, trainer.step])
            trainer.learn(torch.from_numpy(pool.draw(rng, recipe.batch, n_samples)))
            trainer.seconds += clock() - began
            now = time.perf_counter()
            trainer.n_mixes = mixes_before + pool.n_taken
            if now - said_at > 10.0:
                a_step, done = trainer.seconds / trainer.step, trainer.done
                left = (now - started) * (1.0 - done) / max(done - done_before, 1e-9) / 60.0
                say(f"{name}: step {trainer.step}, loss {trainer.loss:.4f}, {a_step:.2f} s a step, {100 * done:.0f}%, {left:.1f} min left")
                said_at = now
            if now - kept_at > save_every_s or trainer.done >= 1.0:
                trainer.keep()
                kept_at = now
            if now - validated_at > VALIDATE_EVERY_S:
                _log(log, trainer, validate(trainer.mean, look, recipe, valid))
                validated_at = now
    finally:
        if process:
            process.close()
    scores = validate(trainer.mean, look, recipe, valid)
    _log(log, trainer, scores)
    write_weights(trainer.mean, recipe, weights, size, trainer.seconds, trainer.step, scores, trainer.sources, trainer.sounds)
    here = "" if weights.resolve() == zoo_folder().resolve() else f" (Nullsum uses those in {zoo_folder()})"
    say(f"{name}: done after {trainer.step} steps, {trainer.seconds / 60:.1f} minutes; validation {scores}; weights in {weights}{here}")


def _log(path: Path, trainer: Trainer, scores: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        log.write(json.dumps({"step": trainer.step, "minutes": round(trainer.seconds / 60, 3), "train": trainer.loss, **scores}) + "\n")


def main(arguments: list[str]) -> None:
    """`python -m engine.training zoo ...`."""
    names = [n for n in INFOS if n in NETS]
    parser = argparse.ArgumentParser(prog="python -m engine.training zoo", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which nets (default: all): {', '.join(names)}")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of sounds (engine/training/sources.py)")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds, resumable states and logs")
    parser.add_argument("--made", type=Path, help="folder that `python -m engine.training.synthesis` wrote, mixed in too")
    parser.add_argument("--weights", type=Path, help="where they go (default: WORK/weights/zoo; of the paper's size WORK/paper)")
    parser.add_argument("--minutes", type=float, default=8.0, help="of one processor core, or of the GPU, for each net")
    parser.add_argument("--paper", action="store_true", help="the paper's size instead of the compact one")
    parser.add_argument("--device", default="cpu", help="auto, cuda, mps or cpu")
    parser.add_argument("--loss", choices=CRITERIA, help="in place of the recipe's")
    parser.add_argument("--optimiser", choices=OPTIMISERS, help="in place of the recipe's")
    parser.add_argument("--learning-rate", type=float, help="in place of the recipe's")
    parser.add_argument("--threads", type=at_least(1), default=os.cpu_count() or 1)
    args = parser.parse_args(arguments)
    for name in args.names:
        if name not in names or name not in RECIPES:
            parser.error(f"there is no research net called {name!r}; choose from {', '.join(names)}")
    if args.minutes <= 0.0:
        parser.error(f"--minutes {args.minutes:g} must be more than 0")
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # gradients that fade away would cost a hundred times as much
    size = "paper" if args.paper else "compact"
    weights = args.weights or args.work / ("paper" if args.paper else "weights/zoo")
    asked = {"criterion": args.loss, "optimiser": args.optimiser, "learning_rate": args.learning_rate}
    changes = {k: v for k, v in asked.items() if v is not None}
    try:
        device = choose(args.device).name
        for name in args.names or names:
            recipe = _recipe(name, args.paper, minutes=args.minutes, **changes)
            if minutes_trained(recipe, weights, size) >= 0.99 * args.minutes:
                others = changed(sounds_of(name, weights), digests(args.data, args.made))
                print(f"{name}: trained already" + "".join(f"; the {what} were others (another --work begins anew)" for what in others))
                continue
            train(recipe, args.data, args.work, weights, size, made=args.made, device=device)
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on from what was kept.")


def _recipe(name: str, is_paper: bool, **changes: Any) -> Recipe:
    """A recipe with the whole config of the net in it, as JSON would give it back."""
    config = paper_config(name) if is_paper else compact_config(name)
    return recipe_for(name, net_config=json.loads(json.dumps(asdict(config))), **changes)
