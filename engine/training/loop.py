"""The training loop: a plain one, because the whole of it fits on a page and nothing it does needs a framework.

Lightning was weighed: it would add its own checkpoints, callbacks and processes around forty lines. What it does better
(several machines) is torchrun's work anyway.
"""

import hashlib
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from engine.atomic import atomic_text
from engine.errors import BadInputError
from engine.evaluation.commands import ready
from engine.training.batches import Batch, Folders, loader
from engine.training.config import TrainConfig
from engine.training.data import RATE_HZ, ROLES, Corpus
from engine.training.ranks import Place, joined
from engine.training.sources import digests
from engine.training.trainer import Trainer, check
from engine.training.validation import valid_batches, validate
from engine.weights import WeightsCard, read_card


def save_weights(net_state: dict[str, Tensor], config: TrainConfig, folder: Path, more: dict[str, Any] | None = None) -> None:
    """Float16 safetensors and the config (and what `more` there is to tell) beside it, each replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{config.name}.part"
    about = {"name": config.name, "net": config.net, "net_config": config.net_config, "stems": ROLES,
             "n_fft": config.n_fft, "hop": config.hop, "rate_hz": RATE_HZ}  # fmt: skip
    numbers = {k: v.detach().to("cpu", torch.float16).contiguous().clone() for k, v in net_state.items()}
    # one entry: several are written in an order that chance decides; not by save_file, whose files only their owner can read
    part.write_bytes(save(numbers, metadata={"nullsum": json.dumps(about)}))
    part.replace(folder / f"{config.name}.safetensors")
    write_card(config, folder, more)


def write_card(config: TrainConfig, folder: Path, more: dict[str, Any] | None = None) -> None:
    """NAME.json beside NAME.safetensors: its SHA-256, the whole recipe (engine.weights reads it) and what `more` there is to tell."""
    sha256 = hashlib.sha256((folder / f"{config.name}.safetensors").read_bytes()).hexdigest()
    said = {"sha256": sha256, **asdict(config), **(more or {})}
    atomic_text(folder / f"{config.name}.json", json.dumps(said, indent=1) + "\n")


def train(
    config: TrainConfig, data: Folders, work: Path, weights: Path, n_workers: int = 1, every: int = 100, bf16: bool = True,
    made: Path | None = None, device: str = "auto", begin_with: Path | None = None, keep_last: bool = False,
) -> None:  # fmt: skip
    """Train from where `work` stands (or from the start) to config.steps; keeps the best averaged weights in `weights`.

    Best is what separates the validation songs best; with `keep_last` the newest are kept whatever those say: one song is a poor judge.

    `work` holds the resumable state NAME.state.pt and NAME.log.jsonl; a kill at any moment loses at most `every` steps, and the
    run that goes on ends at the same weights. It may go on with another loss or other sounds, and says so, also in the weights'
    card. Started by torchrun, every process learns from its own `config.batch` mixes a step. `begin_with`: the .safetensors of weights
    (with a .json beside it) that a run begins with in place of random ones; one that goes on does not read it.
    """
    check(config)
    if every < 1:
        raise BadInputError(f"every={every} steps from one validation to the next are too few; it must be at least 1.")
    cache, state, log = work / "decoded", work / f"{config.name}.state.pt", work / f"{config.name}.log.jsonl"
    beginning = _card_of(begin_with) if begin_with is not None and not state.exists() else None
    ready(work, weights)
    with joined(device) as place:
        if place.is_first:  # decodes what has not been; the others and the workers find it done
            Corpus(data, cache, without_songs=config.without_songs, made=made)
        place.wait()
        valid = valid_batches(config, data, cache)
        trainer = Trainer(config, place, bf16)
        trainer.sounds = digests(data, made, config.without_songs)
        if state.exists():
            lines = trainer.resume(state)
            if trainer.step >= config.steps:
                _tell_of_the_end(trainer, config.steps, valid, log, weights, keep_last)
            else:
                _say(place, f"resumed at step {trainer.step} of {config.steps}")
            if begin_with is not None:
                lines.append(f"had begun with {trainer.begun_with or 'random numbers'}; {begin_with.name} is not read")
            for line in lines:
                _say(place, line)
            if trainer.step >= config.steps:
                return
            if not _has_weights(config.name, weights):
                trainer.best = -math.inf  # what was best lies elsewhere
        elif beginning is not None:
            trainer.begin_with(beginning)
            _say(place, f"begins with {trainer.begun_with}")
        stream = loader(config, data, cache, trainer.step, n_workers, made, place.rank, place.n_ranks)
        started, first_step = time.perf_counter(), trainer.step
        while trainer.step < config.steps:
            trainer.learn(next(stream))
            step = trainer.step
            if step % 20 == 0:
                a_step = (time.perf_counter() - started) / (step - first_step)
                audio = config.batch * place.n_ranks * config.n_frames * config.hop / RATE_HZ / a_step
                left = (config.steps - step) * a_step / 60
                _say(place, f"step {step}  loss {trainer.loss:.4f}  {audio:.0f} s of music a second  {left:.0f} min left")
            if place.is_first and (step % every == 0 or step == config.steps):
                _look(trainer, valid, log, weights, keep_last)
                trainer.keep(state)


def _card_of(path: Path) -> WeightsCard:
    """Of a .safetensors file with a .json beside it. Raises BadInputError where they are not both there, WeightsError."""
    if not path.is_file() or not path.with_suffix(".json").is_file():
        raise BadInputError(f"There are no weights {str(path)!r} with a .json beside them to begin with; check the path.")
    return read_card(path.stem, path.parent)


def _has_weights(name: str, folder: Path) -> bool:
    return all((folder / f"{name}{suffix}").is_file() for suffix in (".safetensors", ".json"))


def _tell_of_the_end(trainer: Trainer, steps: int, valid: list[Batch], log: Path, weights: Path, keep_last: bool) -> None:
    """A run that has had its steps: its weights, where they are not there or others may be, and a line."""
    if trainer.place.is_first and (keep_last or not _has_weights(trainer.config.name, weights)):
        trainer.best = -math.inf
        _look(trainer, valid, log, weights, keep_last)
    _say(trainer.place, f"step {trainer.step} of {steps}: nothing is left to learn; its weights lie in {weights}")


def _look(trainer: Trainer, valid: list[Batch], log: Path, weights: Path, keep_last: bool) -> None:
    """Validate, write the log's next line, and keep the weights: with keep_last always, else if they are the best so far."""
    scores = validate(trainer.mean, valid)
    with log.open("a") as file:
        file.write(json.dumps({"step": trainer.step, "loss": trainer.loss, **{k: round(v, 3) for k, v in scores.items()}}) + "\n")
    _say(trainer.place, f"step {trainer.step}  valid SDR " + "  ".join(f"{k} {v:.2f}" for k, v in scores.items()))
    if keep_last or scores["mean"] > trainer.best:
        trainer.best = scores["mean"]  # of what lies there now
        told = {"kept": "newest" if keep_last else "", "begun_with": trainer.begun_with, "changes": trainer.changes}
        save_weights(trainer.mean.state_dict(), trainer.config, weights, {"sounds": trainer.sounds, **{k: v for k, v in told.items() if v}})


def _say(place: Place, words: str) -> None:
    if place.is_first:
        print(words, flush=True)
