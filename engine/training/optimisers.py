"""Optimisers by name (the seven that B. van der Linden compared, Radboud University 2022, document 004, AdamW and Muon), and their step."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Optimiser(Protocol):
    """What training asks of one."""

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...  # noqa: D102  # torch's names, as torch means them
    def zero_grad(self) -> None: ...  # noqa: D102
    def step(self) -> object: ...  # noqa: D102
    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...  # noqa: D102


class MuonAndAdamW:
    """Muon for matrices, AdamW for what is none (biases, scales, stacks of matrices, kernels): one optimiser to whoever steps it.

    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; steps of AdamW's size after J. Liu et al., "Muon
    is scalable for LLM training", 2025, so that one learning rate and one decay of the weights serve both.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        every = list(parameters)
        matrices, others = [p for p in every if p.ndim == 2], [p for p in every if p.ndim != 2]
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            self.parts.append(torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"))
        if others:
            self.parts.append(torch.optim.AdamW(others, lr=lr, weight_decay=weight_decay))

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of both, to be changed in place."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self) -> None:
        """Both."""
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        """Both."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Of both, in order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)


_MADE: dict[str, Callable[..., Optimiser]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": MuonAndAdamW,
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
) -> Optimiser:
    """The optimiser called `name`; everything else as torch has it, but momentum 0.9 for sgd. KeyError for an unknown name."""
    extra: dict[str, Any] = {"momentum": 0.9} if name == "sgd" else {}
    return _MADE[name](parameters, lr=learning_rate, weight_decay=weight_decay, **extra)


def descend(loss: Tensor, net: nn.Module, optimiser: Optimiser, clip_norm: float) -> None:
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
