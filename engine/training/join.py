"""`python -m engine.training.join FIRST SECOND --name NAME --out DIR`: two sets of weights become one of the net `duo`.

FIRST is the NAME.json of a band_blstm, SECOND that of a band_split. Both recipes go into the card of the joined weights.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.nets import build_net
from engine.training.config import TrainConfig
from engine.training.loop import save_weights
from engine.weights import load_tensors, read_card


def join(first: Path, second: Path, name: str, out: Path, split_share: float = 0.5) -> Path:
    """Write NAME.safetensors and NAME.json into `out`; returns the card's path. WeightsError where a part is not what its card says."""
    parts = {role: read_card(path.stem, path.parent) for role, path in (("blstm", first), ("split", second))}
    sizes = {role: card.config.get("net_config", {}) for role, card in parts.items()}
    numbers = {f"{role}.{key}": value for role, card in parts.items() for key, value in load_tensors(card).items()}
    net_config: dict[str, Any] = {**sizes, "split_share": split_share}
    build_net("duo", net_config).load_state_dict(numbers)  # a part of another shape is found here, not by who installs it
    recipes = {role: TrainConfig.load(path) for role, path in (("blstm", first), ("split", second))}
    grid = recipes["split"]
    save_weights(numbers, TrainConfig(name=name, net="duo", net_config=net_config, n_fft=grid.n_fft, hop=grid.hop), out)
    card = out / f"{name}.json"
    whole = ("sha256", "name", "net", "net_config", "n_fft", "hop")  # the rest of a recipe belongs to a part
    said = {k: v for k, v in json.loads(card.read_text()).items() if k in whole}
    card.write_text(json.dumps({**said, "parts": {role: asdict(recipe) for role, recipe in recipes.items()}}, indent=1) + "\n")
    return card


def main() -> None:
    """Parse the command line, join."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.join", description=__doc__)
    parser.add_argument("first", type=Path, help="card (.json) of a band_blstm")
    parser.add_argument("second", type=Path, help="card (.json) of a band_split")
    parser.add_argument("--name", default="nullsum-4")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split-share", type=float, default=0.5, help="how much the second counts, 0 to 1")
    args = parser.parse_args()
    print(join(args.first, args.second, args.name, args.out, args.split_share))


if __name__ == "__main__":
    main()
