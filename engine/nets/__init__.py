"""Torch modules, one family a file: a Config dataclass and an nn.Module; no I/O, no loss.

NETS says where each net stands: "module:Class:Config", or "module:Class:Config:COMPACT_X" where the constant that makes it
small is not called COMPACT, or "module:Class:Config:COMPACT_X:PAPER_X" where the paper's size is not Config(). Nothing is
imported before a net is asked for.
"""

from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from torch import nn

NETS = {
    "band_blstm": "band_blstm:BandBlstm:BandBlstmConfig",
    "band_split": "band_split:BandSplit:BandSplitConfig",
    "dnn": "roma:Dnn:DnnConfig:COMPACT_DNN",
    "cnn1": "roma:Cnn:CnnConfig:COMPACT_CNN1",
    "cnn2": "roma:Cnn:CnnConfig:COMPACT_CNN2:PAPER_CNN2",
    "drnn": "drnn:Drnn:DrnnConfig",
    "blstm": "blstm:Blstm:BlstmConfig",
    "deep-clustering": "blstm:DeepClustering:DeepClusteringConfig:COMPACT_DEEP_CLUSTERING",
    "ae": "unet:UNet:UNetConfig:COMPACT_AE:PAPER_AE",
    "unet": "unet:UNet:UNetConfig:COMPACT:PAPER",
    "unet-jansson": "unet_jansson:UNetJansson:JanssonConfig",
    "deepconvsep": "deepconvsep:DeepConvSep:DeepConvSepConfig",
    "mdensenet": "dense:DenseNet:DenseConfig:COMPACT_MDENSENET:PAPER_MDENSENET",
    "mmdensenet": "dense:DenseNet:DenseConfig:COMPACT_MMDENSENET:PAPER_MMDENSENET",
    "mmdenselstm": "dense:DenseNet:DenseConfig:COMPACT_MMDENSELSTM:PAPER_MMDENSELSTM",
    "open-unmix": "open_unmix:OpenUnmix:OpenUnmixConfig",
    "sams-net": "sams_net:SamsNet:SamsNetConfig",
    "wavenet": "wavenet:Wavenet:WavenetConfig",
    "wave-u-net": "wave_u_net:WaveUNet:WaveUNetConfig",
    "conv-tasnet": "conv_tasnet:ConvTasNet:ConvTasNetConfig",
    "meta-tasnet": "meta_tasnet:MetaTasNet:MetaTasNetConfig",
    "demucs": "demucs:Demucs:DemucsConfig",
}


def build_net(name: str, config: dict[str, Any] | None = None) -> "nn.Module":
    """The net called `name` at its paper's size, with fields of its Config replaced by `config`, as JSON gives it (lists for tuples).

    KeyError for an unknown name, TypeError for a field that the Config does not have.
    """
    paper = paper_config(name)
    hints = get_type_hints(type(paper))
    unknown = sorted(set(config or {}) - set(hints))
    if unknown:
        raise TypeError(f"{type(paper).__name__} has no field {unknown[0]!r}")
    module, net, *_ = _place(name)
    return getattr(module, net)(replace(paper, **{k: from_json(hints[k], v) for k, v in (config or {}).items()}))


def paper_config(name: str) -> Any:
    """The Config with the sizes of the paper."""
    module, _, kind, _, constant = _place(name)
    return getattr(module, constant) if constant else getattr(module, kind)()


def compact_config(name: str) -> Any:
    """The Config that makes the net called `name` small enough to train on one processor core in minutes."""
    module, _, _, constant, _ = _place(name)
    return getattr(module, constant)


def from_json(kind: Any, value: Any) -> Any:
    """A value as JSON gives it, as the annotated type `kind` wants it: dataclasses from dicts, tuples from lists, nested.

    >>> from engine.nets.contract import Look
    >>> from_json(Look, {"rate_hz": 22050}).rate_hz, from_json(tuple[tuple[int, ...], ...], [[1, 2], [3]])
    (22050, ((1, 2), (3,)))
    """
    if is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        unknown = sorted(set(value) - {f.name for f in fields(kind)})
        if unknown:
            raise TypeError(f"{getattr(kind, '__name__', kind)} has no field {unknown[0]!r}")
        return kind(**{k: from_json(hints[k], v) for k, v in value.items()})  # type: ignore[operator]  # a class, not an instance
    if isinstance(value, list):
        inner = get_args(kind) if get_origin(kind) is tuple else ()
        repeated = not inner or inner[-1] is Ellipsis
        kinds = [inner[0] if inner else Any] * len(value) if repeated else list(inner)
        return tuple(from_json(k, v) for k, v in zip(kinds, value, strict=True))
    return value


def _place(name: str) -> tuple[Any, str, str, str, str]:
    """Where a net stands: its module, imported, and the names of its class, Config, compact Config and paper's Config (if any)."""
    parts = NETS[name].split(":")
    compact = parts[3] if len(parts) > 3 else "COMPACT"
    paper = parts[4] if len(parts) > 4 else ""
    return import_module(f"engine.nets.{parts[0]}"), parts[1], parts[2], compact, paper
