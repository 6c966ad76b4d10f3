"""`python -m engine.training.held_out --data DIR --work DIR [FILE...]`: weights compared on mixes of sounds that were held out.

FILE: the .safetensors of band networks, with their .json beside them (default: those that come with Nullsum). The mixes are made
of the validation split's single stems (engine.training.validation), the same ones for all; beside them equal shares, the mixture
as every stem (floor) and the share that errs least in every band (ceiling; they need not sum to one).
"""

import argparse
import sys
from pathlib import Path

import torch

from engine.errors import BadInputError
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.tables import cells
from engine.nets import build_net
from engine.training.batches import Batch, Folders
from engine.training.config import TrainConfig
from engine.training.losses import reachable
from engine.training.trainer import BAND_NETS
from engine.training.validation import held_out_batches, scored, validate
from engine.weights import bundled_folder, fill, read_card

BESIDE = {
    "equal": lambda b: torch.full_like(b["cross"], 1 / b["cross"].shape[1]),
    "mixture (floor)": lambda b: torch.ones_like(b["cross"]),
    "best share of every band (ceiling)": lambda b: reachable(b["mix"], b["cross"]),
}


def net_of(path: Path) -> torch.nn.Module:
    """The network of a .safetensors file. Raises BadInputError for one that reads no bands or other ones, WeightsError."""
    card = read_card(path.stem, path.parent)
    if card.net not in BAND_NETS:
        raise BadInputError(f"{path.name} is of the network {card.net}; only these can be compared here: {', '.join(BAND_NETS)}.")
    own = TrainConfig()
    if (read := [card.config.get(name, getattr(own, name)) for name in ("n_fft", "hop")]) != [own.n_fft, own.hop]:
        raise BadInputError(f"{path.name} reads an STFT of {read[0]} / {read[1]}; these mixes are seen at {own.n_fft} / {own.hop}.")
    net = build_net(card.net, card.config.get("net_config", {}))
    fill(net, card)
    return net


def compare(paths: list[Path], data: Folders, work: Path, n_mixes: int) -> str:
    """The table as Markdown: a row for each file, then what stands beside; SDR in dB."""
    nets = {str(path): net_of(path) for path in paths}  # or a sentence, before the mixes
    batches: list[Batch] = held_out_batches(TrainConfig(), data, work / "decoded", n_mixes)
    rows = {name: validate(net, batches) for name, net in nets.items()} | {name: scored(shares, batches) for name, shares in BESIDE.items()}
    return cells([{"weights": name, **found} for name, found in rows.items()])


def main(argv: list[str] | None = None) -> None:
    """Mix, score, print."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.held_out", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="weights to compare")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of sounds (engine/training/sources.py)")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds")
    parser.add_argument("--mixes", type=at_least(1), default=240, help="of four seconds each")
    args = parser.parse_args(argv)
    try:
        ready(args.work / "decoded")
        print(compare(args.files or [bundled_folder() / "nullsum-4.safetensors"], args.data, args.work, args.mixes))
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped.")


if __name__ == "__main__":
    main()
