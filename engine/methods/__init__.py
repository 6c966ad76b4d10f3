"""The table of everything that separates: name -> what it is, and how to make one.

To add a method: write its file with an INFO and a class that keeps to engine.types.Method, then one line in _table.
Asking for the table imports no torch: a network's modules are imported when it is built or first used.
"""

from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from functools import partial
from typing import Any

from engine.errors import MethodError
from engine.methods import adress, builtin, duet, hpss, ica, network, nmf, projet, repet_sim, research
from engine.types import Method, MethodInfo


def _hpss(**options: Any) -> Method:
    return hpss.Hpss(_settings(hpss.HpssSettings, "hpss", options))


def _adress(**options: Any) -> Method:
    return adress.Adress(_settings(adress.AdressSettings, "adress", options))


def _projet(**options: Any) -> Method:
    return projet.Projet(_settings(projet.ProjetSettings, "projet", options))


def _duet(**options: Any) -> Method:
    return duet.Duet(_settings(duet.DuetSettings, "duet", options))


def _ica(**options: Any) -> Method:
    return ica.Ica(_settings(ica.IcaSettings, "ica", options))


def _nmf(**options: Any) -> Method:
    return nmf.Nmf(_settings(nmf.NmfSettings, "nmf", options))


def _repet_sim(**options: Any) -> Method:
    return repet_sim.RepetSim(_settings(repet_sim.RepetSimSettings, "repet-sim", options))


def _network(name: str, **options: Any) -> Method:
    _check_known(name, options, ["device", "folder"])
    return network.Network(name, **options)


def _table() -> dict[str, tuple[MethodInfo, Callable[..., Method]]]:
    """Name -> (what it is, builder), in the order of the menus."""
    return {
        "nullsum-4": (builtin.INFO, builtin.Builtin),  # built-in
        "projet": (projet.INFO, _projet),  # spatial
        "adress": (adress.INFO, _adress),
        "duet": (duet.INFO, _duet),
        "ica": (ica.INFO, _ica),
        "hpss": (hpss.INFO, _hpss),  # classic
        "nmf": (nmf.INFO, _nmf),
        "repet-sim": (repet_sim.INFO, _repet_sim),
        **{name: (info, partial(_network, name)) for name, info in research.INFOS.items()},
    }


def methods() -> dict[str, MethodInfo]:
    """What every method is, by name, in the order of the menus; research nets only where their weights are installed.

    >>> methods()["hpss"].stems
    ('harmonic', 'percussive')
    """
    return {name: info for name, (info, _) in _table().items() if info.group != "research" or network.is_installed(name)}


def build(name: str, **options: Any) -> Method:
    """Make a method by name; options are fields of its settings. Raises MethodError for an unknown name or option.

    A research net without weights raises WeightsError, which says how to train it.

    >>> build("adress", n_positions=3).info.stems
    ('left', 'centre', 'right')
    """
    table = _table()
    if name not in table:
        raise MethodError(f"There is no method called {name!r}; {_instead(name, list(methods()))}")
    _, builder = table[name]
    return builder(**options)


def _settings(kind: type[Any], name: str, options: dict[str, Any]) -> Any:
    """A settings dataclass from options, where an unknown option is a sentence and not a TypeError."""
    _check_known(name, options, [field.name for field in fields(kind)])
    return kind(**options)


def _check_known(name: str, options: dict[str, Any], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise MethodError(f"The method {name!r} has no option {option!r}; {_instead(option, known)}")


def _instead(found: str, known: list[str]) -> str:
    """The end of the sentence: near matches where there are some, and always everything that there is."""
    if not known:
        return "there is nothing to set."
    near = get_close_matches(found.lower(), known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}? There are: {', '.join(known)}."
    return f"choose one of: {', '.join(known)}."
