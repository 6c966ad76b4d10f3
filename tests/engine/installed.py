"""Research nets installed for a test: random weights under a net's name, in a folder of the test's own."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

import engine.nets


def install(folder: Path, name: str, net: str, config: dict[str, Any], **card: Any) -> Path:
    """Random weights of a net under the name of a research net."""
    torch.manual_seed(0)
    built = engine.nets.build_net(net, config)
    numbers = save({k: v.half().contiguous() if v.is_floating_point() else v for k, v in built.state_dict().items()})
    said = {"sha256": hashlib.sha256(numbers).hexdigest(), "net": net, "net_config": config, "look": dataclasses.asdict(built.look)}  # type: ignore[call-overload]
    (folder / f"{name}.safetensors").write_bytes(numbers)
    (folder / f"{name}.json").write_text(json.dumps({**said, **card}))
    return folder


def install_compact(folder: Path, name: str) -> Path:
    """The same at the size in which a net is trained and shipped: what is heard of it costs as much."""
    config = json.loads(json.dumps(dataclasses.asdict(engine.nets.compact_config(name))))
    return install(folder, name, name, config)
