"""Trained numbers: found, verified and loaded. safetensors only, because a pickled checkpoint is a program.

A set of weights NAME is NAME.safetensors and NAME.json (net, its config, the file's SHA-256, sources and licence),
with the model card NAME.md beside them. A file whose hash is not the recorded one is refused before it is parsed.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn


def bundled_folder() -> Path:
    """Where the weights that come with Nullsum lie."""
    return Path(str(files("resources"))) / "weights"


def zoo_folder() -> Path:
    """Where the weights of the research nets lie, apart from the built-in network's."""
    return bundled_folder() / "zoo"


@dataclass(frozen=True)
class WeightsCard:
    """What stands in NAME.json, checked."""

    name: str
    path: Path  # of the safetensors file
    sha256: str
    net: str
    config: dict[str, Any]


def read_card(name: str, folder: Path | None = None) -> WeightsCard:
    """The card of the weights called `name`; WeightsError when it is missing or does not say what it must."""
    card_path = (folder or bundled_folder()) / f"{name}.json"
    try:
        raw = json.loads(card_path.read_text(encoding="utf-8"))
        sha256, net, config = str(raw["sha256"]), str(raw["net"]), dict(raw)
    except FileNotFoundError:
        raise WeightsError(f"The weights '{name}' are not installed: {card_path.name} is missing; install Nullsum again.") from None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise WeightsError(
            f"The description of the weights '{name}' ({card_path.name}) cannot be read ({type(e).__name__}); install Nullsum again."
        ) from None
    return WeightsCard(name, card_path.with_suffix(".safetensors"), sha256, net, config)


def load_tensors(card: WeightsCard) -> "dict[str, Tensor]":
    """Tensors by name as float32; WeightsError unless the file is there, is safetensors and has the recorded SHA-256."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        raw = card.path.read_bytes()
    except OSError as e:
        raise WeightsError(
            f"The weights file {card.path.name} cannot be read ({e.strerror}); install Nullsum again or choose another method."
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != card.sha256:
        raise WeightsError(
            f"The weights file {card.path.name} is damaged or not ours: its SHA-256 begins {found[:12]}, "
            f"expected {card.sha256[:12]}; install Nullsum again or choose another method."
        )
    try:
        return {k: v.float() for k, v in load(raw).items()}
    except SafetensorError as e:
        raise WeightsError(f"The weights file {card.path.name} is not a safetensors file ({e}); export it again.") from None


def fill(net: "nn.Module", card: WeightsCard) -> None:
    """Put the weights into a net; WeightsError where they are another net's, and as `load_tensors`."""
    tensors = load_tensors(card)
    theirs, own = ({name: value.shape for name, value in state.items()} for state in (tensors, net.state_dict()))
    if theirs != own:
        raise WeightsError(
            f"The weights file {card.path.name} (of the network {card.net}) does not fit: the network that is to have it is another, or "
            "one of other sizes. Install Nullsum again, or name weights that belong to it."
        )
    net.load_state_dict(tensors)
