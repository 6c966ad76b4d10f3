"""Optimisers by name (the seven that B. van der Linden compared, Radboud University 2022, document 004, and AdamW), and their step."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MADE: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "adamax": torch.optim.Adamax,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "sgd": torch.optim.SGD,
}
OPTIMISERS = tuple(_MADE)


def make_optimiser(
    name: str, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """The optimiser called `name`; everything else as torch has it, but momentum 0.9 for sgd. KeyError for an unknown name."""
    extra: dict[str, Any] = {"momentum": 0.9} if name == "sgd" else {}
    return _MADE[name](parameters, lr=learning_rate, weight_decay=weight_decay, **extra)


def descend(loss: Tensor, net: nn.Module, optimiser: torch.optim.Optimizer, clip_norm: float) -> None:
    """One step down the gradient of a scalar loss, its norm clipped to clip_norm; none where the gradient is not finite."""
    optimiser.zero_grad()
    loss.backward()
    norm = float(nn.utils.clip_grad_norm_(net.parameters(), clip_norm))
    if math.isfinite(norm):
        optimiser.step()


@torch.no_grad()
def follow(mean: nn.Module, net: nn.Module, keep: float) -> None:
    """Move the running mean of the weights; running statistics in buffers move alike, what is no fraction is copied."""
    new = net.state_dict()
    for name, value in mean.state_dict().items():
        if value.is_floating_point() and value.isfinite().all():  # a buffer may hold the infinities of a mask
            value.lerp_(new[name], 1.0 - keep)
        else:
            value.copy_(new[name])
