"""One network in training: its numbers, their running mean, the optimiser; a step, and a state that is kept and taken up again.

What a step draws is decided by its number (which mixes it hears, what drops out), so a run that goes on from its state gives the
very numbers of one that was never stopped.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.errors import BadInputError
from engine.nets import NETS, build_net
from engine.training.batches import Batch
from engine.training.config import TrainConfig
from engine.training.losses import LOSSES, WINDOW
from engine.training.optimisers import OPTIMISERS, descend, make_optimiser
from engine.training.ranks import Place

BAND_NETS = tuple(name for name in NETS if name.startswith("band_"))  # those that read band features


def check(config: TrainConfig) -> None:
    """Raise BadInputError where a run cannot be made of this recipe."""
    for what, name, known in (
        ("network", config.net, BAND_NETS), ("loss", config.loss, tuple(LOSSES)), ("optimiser", config.optimiser, OPTIMISERS),
    ):  # fmt: skip
        if name not in known:
            raise BadInputError(f"There is no {what} called {name!r} to train with; choose one of {', '.join(known)}.")
    if config.n_frames < WINDOW:
        raise BadInputError(f"n_frames={config.n_frames} is too short; loss and validation need at least {WINDOW}, about a second.")


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
        self._averaging = place.averaging(self.net)
        self._loss = LOSSES[config.loss]

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
        part = path.with_suffix(".part")
        torch.save({"net": self.net.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
                    "step": self.step, "best": self.best, "config": json.dumps(asdict(self.config))}, part)  # fmt: skip
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a state; BadInputError where it is one of another network or optimiser."""
        state = torch.load(path, weights_only=True, map_location=self.place.device)
        kept, own = {"optimiser": "adamw", **json.loads(state["config"])}, asdict(self.config)
        for what in ("net", "net_config", "optimiser", "n_fft", "hop"):
            if kept.get(what, own[what]) != own[what]:
                raise BadInputError(
                    f"{path.name} is of a run with {what} {kept[what]!r}, this one has {own[what]!r}; give the run another --name, "
                    "or take that file away to begin anew."
                )
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = state["step"], state["best"]
