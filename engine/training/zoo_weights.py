"""Weights of research nets as they are kept: float16 with a JSON card each, and a page that tells what they are and whence.

`python -m engine.training.zoo_weights` writes the page, README.md beside the weights.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from engine.atomic import atomic_text
from engine.evaluation.tables import cells
from engine.methods.research import INFOS
from engine.nets.contract import STEMS
from engine.training.recipes import Recipe
from engine.weights import zoo_folder

FLOAT16_MAX = 6e4


def write_weights(
    net: nn.Module, recipe: Recipe, folder: Path, size: str, seconds: float, steps: int, scores: dict[str, float], sources: list[str],
    sounds: dict[str, str],
) -> None:  # fmt: skip
    """NAME.safetensors (float16 but for buffers and what is too large for it) and then NAME.json, each replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    name = recipe.net
    look: Any = net.look  # torch's modules may hold anything
    parameters = dict(net.named_parameters())
    tensors = {
        k: v.detach().to("cpu", torch.float16 if k in parameters and float(v.abs().max()) < FLOAT16_MAX else v.dtype).contiguous().clone()
        for k, v in net.state_dict().items()
    }
    numbers = save(tensors, metadata={"name": name, "net": name, "stems": ",".join(STEMS)})
    card: dict[str, Any] = {
        "sha256": hashlib.sha256(numbers).hexdigest(),
        "name": name, "net": name, "size": size, "stems": STEMS, "look": asdict(look),
        "n_parameters": sum(p.numel() for p in parameters.values()),
        "minutes_trained": round(seconds / 60, 2), "steps_trained": steps, "valid": scores,
        "licence": "MIT", "sources": sources, "sounds": sounds,
        "net_config": recipe.net_config, "recipe": {k: v for k, v in asdict(recipe).items() if k != "net_config"},
    }  # fmt: skip
    written = {".safetensors": numbers, ".json": (json.dumps(card, indent=1) + "\n").encode()}
    for suffix, content in written.items():
        (folder / f"{name}{suffix}.part").write_bytes(content)
    for suffix in written:
        (folder / f"{name}{suffix}.part").replace(folder / f"{name}{suffix}")


def minutes_trained(recipe: Recipe, folder: Path, size: str) -> float:
    """How long the weights in the folder were trained by this recipe; 0 where there are none of this size and recipe."""
    try:
        card = json.loads((folder / f"{recipe.net}.json").read_text(encoding="utf-8"))
        has_numbers = (folder / f"{recipe.net}.safetensors").is_file()
        before = Recipe.from_json({**card["recipe"], "net_config": card["net_config"]})
        is_this = card["size"] == size and before.same_run(recipe)
        return float(card["minutes_trained"]) if has_numbers and is_this else 0.0
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def sounds_of(name: str, folder: Path) -> dict[str, str]:
    """The digests of what a net learned from, as its card tells them; empty where an older version wrote it."""
    return dict(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")).get("sounds", {}))


PAGE = """# Model cards of the research nets

Made by `python -m engine.training.zoo_weights`. Small versions of the networks of the literature, trained by the Nullsum authors for a
comparison at equal cost (`docs/methods.md`), not to be the best that their designs can do. Licence: MIT, as the rest of Nullsum.

They learned from the same sounds as the built-in network, single-stem pools, seven real songs and synthesised players; every source with
its licence stands in [its card](../nullsum-4.md#what-it-was-trained-on). What each JSON file calls `sources` are the short names of those.

    python -m engine.training.synthesis --out MADE --minutes 50 --bands 70
    python -m engine.training zoo --data DATA --made MADE --work WORK --weights resources/weights/zoo --minutes {minutes:g} --threads 1

Longer: the same with more minutes goes on where WORK stands. SDR: dB over stretches of the validation song, by the shares of the net
in its own spectrum; `docs/methods.md` has the full scores.

{table}
"""


def page(folder: Path) -> str:
    """The page of all weights in a folder, in the order of the methods."""
    cards = [json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in INFOS if (folder / f"{name}.json").is_file()]
    rows = []
    for card in cards:
        recipe = Recipe.from_json(card["recipe"])
        rows.append({
            "net": card["name"], "parameters": f"{card['n_parameters'] / 1e6:.2f} M",
            "file": f"{(folder / card['name']).with_suffix('.safetensors').stat().st_size / 1e6:.1f} MB",
            "minutes": f"{card['minutes_trained']:.1f}", "steps": str(card["steps_trained"]),
            "loss": recipe.criterion, "optimiser": recipe.optimiser,
            **{stem: f"{card['valid'][f'sdr_{stem}']:.1f}" for stem in STEMS},
        })  # fmt: skip
    return PAGE.format(minutes=max(card["recipe"]["minutes"] for card in cards), table=cells(rows).strip())


if __name__ == "__main__":
    atomic_text(zoo_folder() / "README.md", page(zoo_folder()))
