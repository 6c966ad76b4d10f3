"""One network in training: its numbers, their running mean, the optimiser; a step, and a state that is kept and taken up again.

What a step draws is decided by its number (which mixes it hears, what drops out), so a run that goes on from its state gives the
very numbers of one that was never stopped.
"""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.errors import BadInputError
from engine.nets import NETS, build_net
from engine.training.batches import Batch
from engine.training.config import TrainConfig, known
from engine.training.losses import LOSSES, WINDOW
from engine.training.optimisers import OPTIMISERS, descend, make_optimiser
from engine.training.ranks import Place
from engine.training.sources import VALIDATED
from engine.training.states import changed, in_words, read_state, write_state
from engine.weights import WeightsCard, fill

BAND_NETS = tuple(name for name in NETS if name.startswith("band_"))  # those that read band features
AT_LEAST: dict[str, float] = {
    "n_fft": 1024, "hop": 1, "n_frames": WINDOW, "batch": 1, "steps": 1, "learning_rate": 0.0, "warmup_steps": 0, "decay_steps": 0,
    "weight_decay": 0.0, "clip_norm": 0.0, "ema": 0.0, "song_share": 0.0, "song_stem_share": 0.0, "made_share": 0.0, "heard_in": 1,
    "other_singers": 0.0, "seed": 0,
}  # fmt: skip
PARTS_OF_ONE = ("ema", "song_share", "song_stem_share", "made_share", "other_singers")
MUST_BE_EQUAL = ("net", "net_config", "optimiser", "n_fft", "hop")  # of two runs, or one cannot go on where the other stopped
MAY_DIFFER = ("name", "steps")  # without a word: the state's file is called so, and a run may always go on longer


def check(config: TrainConfig) -> None:
    """Raise BadInputError where a run cannot be made of this recipe."""
    for what, name, names in (
        ("network", config.net, BAND_NETS), ("loss", config.loss, tuple(LOSSES)), ("optimiser", config.optimiser, OPTIMISERS),
    ):  # fmt: skip
        if name not in names:
            raise BadInputError(f"There is no {what} called {name!r} to train with; choose one of {', '.join(names)}.")
    if config.n_frames < WINDOW:
        raise BadInputError(f"n_frames={config.n_frames} is too short; loss and validation need at least {WINDOW}, about a second.")
    for field, least in AT_LEAST.items():
        value, most = getattr(config, field), 1.0 if field in PARTS_OF_ONE else math.inf
        if not least <= value <= most:
            said = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
            raise BadInputError(f"{field}={value:g} cannot be trained with; it must be {said}.")
    if Path(config.name).name != config.name:
        raise BadInputError(f"A run cannot be called {config.name!r}, for its files bear that name; choose one without slashes.")


def learning_rate(step: int, c: TrainConfig) -> float:
    """Linear warm-up, a level stretch, then over the last `decay_steps` linearly down to a hundredth.

    A run that is to go on longer needs only more steps: nothing before the decay depends on where the end is.
    """
    rise = min(1.0, (step + 1) / max(1, c.warmup_steps))
    fall = min(1.0, max(0.0, (c.steps - step) / max(1, c.decay_steps)))
    return c.learning_rate * rise * max(0.01, fall)


def heard(net: nn.Module, batch: Batch) -> Tensor:
    """The features that a net takes, (batch, feature, band, frame); one without ears for stereo takes the first alone."""
    n: int = net.config.n_features  # type: ignore[union-attr, assignment]  # every band net has a config
    return batch["features"][:, :n]


class Trainer:
    """A network, the running mean of its weights, and the steps."""

    def __init__(self, config: TrainConfig, place: Place, bf16: bool = True) -> None:
        check(config)
        torch.manual_seed(config.seed)
        self.config, self.place = config, place
        self.bf16 = bf16 and place.device.type in ("cpu", "cuda")
        self.net = build_net(config.net, config.net_config).to(place.device)
        self.mean = build_net(config.net, config.net_config).to(place.device)
        self.mean.load_state_dict(self.net.state_dict())
        self.optimiser = make_optimiser(config.optimiser, self.net.parameters(), config.learning_rate, config.weight_decay)
        self.step, self.best, self.loss = 0, -math.inf, 0.0  # loss: running mean over about 50 steps
        self.sounds: dict[str, str] = {}  # engine.training.sources.digests
        self.changes: list[str] = []  # what a run went on with that it had not begun with, each with its step
        self.begun_with = ""  # the weights it did not have to learn, in words
        self._averaging = place.averaging(self.net)
        self._loss = LOSSES[config.loss]

    def begin_with(self, card: WeightsCard) -> None:
        """Learn on from these weights in place of random ones. Raises WeightsError for those of another network."""
        fill(self.net, card)
        fill(self.mean, card)
        self.begun_with = f"{card.name}, SHA-256 {card.sha256}"

    def learn(self, batch: Batch, rate: float | None = None) -> None:
        """One step, at the learning rate of the recipe unless another is given."""
        c, device = self.config, self.place.device
        batch = {k: v.to(device) for k, v in batch.items()}
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, c) if rate is None else rate
        torch.manual_seed(c.seed + self.step * self.place.n_ranks + self.place.rank)  # what drops out; the same in a run that goes on
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.bf16):
            logits = self._averaging(heard(self.net, batch))
        loss = self._loss(logits.float().softmax(1), batch["mix"], batch["cross"], batch["power"])
        descend(loss, self.net, self.optimiser, c.clip_norm)
        self.step += 1
        keep = min(c.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for m, p in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                m.lerp_(p, 1 - keep)
        self.loss = 0.98 * self.loss + 0.02 * loss.item() if self.loss else loss.item()

    def keep(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        write_state(path, {
            "net": self.net.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "best": self.best, "loss": self.loss, "config": json.dumps(asdict(self.config)), "sounds": self.sounds, "changes": self.changes,
            "begun_with": self.begun_with,
        })  # fmt: skip

    def resume(self, path: Path) -> list[str]:
        """Go on from a state; the lines that tell what it goes on with that is another than before.

        A state that has had its steps stays what it is: its recipe takes the place of the one that was asked for. Where the songs
        to validate with are others, what was best by the old ones counts no more. Raises BadInputError for a state of another
        network or optimiser.
        """
        state = read_state(path, ("net", "mean", "optimiser", "step", "best", "config"))
        before = known(json.loads(state["config"]))
        own = asdict(self.config)
        for what in changed(before, {what: own[what] for what in MUST_BE_EQUAL}):
            raise BadInputError(
                f"{path.name} is of a run with {what} {before[what]!r}, this one has {own[what]!r}; give the run another --name, "
                "or take that file away to begin anew."
            )
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best, self.loss, self.changes = state["step"], state["best"], state.get("loss", 0.0), state.get("changes", [])
        self.begun_with = state.get("begun_with", "")
        heard_before: dict[str, str] = state.get("sounds", {})
        others = changed(heard_before, self.sounds)
        lines = [*in_words(before, own, (k for k in changed(before, own) if k not in MAY_DIFFER)), *(f"other {what}" for what in others)]
        if self.step >= self.config.steps:
            self.config = replace(self.config, **{**before, "name": self.config.name, "steps": self.step})
            self.sounds = {**self.sounds, **heard_before}
            return [f"had its steps before {line} came; give the run another --name to begin anew" for line in lines]
        self.changes = [*self.changes, *(f"from step {self.step} on {line}" for line in lines)]
        if VALIDATED in others:
            self.best = -math.inf
        return [f"goes on with {line}; the card will say so" for line in lines]
