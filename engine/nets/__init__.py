"""Torch modules, one family a file: a Config dataclass and an nn.Module; no I/O, no loss."""

from torch import nn

from engine.nets.band_blstm import BandBlstm, BandBlstmConfig


def build_net(name: str, config: dict[str, int]) -> nn.Module:
    """The net called `name` with fields of its Config replaced by `config`; KeyError for an unknown name."""
    return {"band_blstm": lambda: BandBlstm(BandBlstmConfig(**config))}[name]()
