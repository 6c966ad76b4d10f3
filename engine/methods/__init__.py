"""The table of everything that separates: name -> what it is, and how to make one.

To add a method: write its file with an INFO, a Settings (engine.methods.options) and a class that keeps to engine.types.Method, then
one line in _UNTRAINED.
Asking for the table imports no torch: a network's modules are imported when it is built or first used.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from engine.errors import MethodError
from engine.methods import adress, builtin, duet, hpss, ica, network, nmf, projet, repet_sim, research
from engine.methods.options import Option, Value, check_known, from_words, instead, options_in, settings_from
from engine.types import Method, MethodInfo


def _with_settings(name: str, kind: Callable[[Any], Method], settings: type[Any], **options: Any) -> Method:
    return kind(settings_from(settings, name, options))


def _builtin(**options: Any) -> Method:
    check_known("nullsum-4", options, ["device", "weights", "folder"])
    return builtin.Builtin(**options)


def _network(name: str, **options: Any) -> Method:
    check_known(name, options, ["device", "folder"])
    return network.Network(name, **options)


_UNTRAINED: dict[str, tuple[MethodInfo, Callable[[Any], Method], type[Any]]] = {  # what needs no training, and what can be set of it
    "projet": (projet.INFO, projet.Projet, projet.ProjetSettings),  # spatial
    "adress": (adress.INFO, adress.Adress, adress.AdressSettings),
    "duet": (duet.INFO, duet.Duet, duet.DuetSettings),
    "ica": (ica.INFO, ica.Ica, ica.IcaSettings),
    "hpss": (hpss.INFO, hpss.Hpss, hpss.HpssSettings),  # classic
    "nmf": (nmf.INFO, nmf.Nmf, nmf.NmfSettings),
    "repet-sim": (repet_sim.INFO, repet_sim.RepetSim, repet_sim.RepetSimSettings),
}


def _table() -> dict[str, tuple[MethodInfo, Callable[..., Method]]]:
    """Name -> (what it is, builder), in the order of the menus."""
    return {
        "nullsum-4": (builtin.INFO, _builtin),
        **{name: (info, partial(_with_settings, name, kind, settings)) for name, (info, kind, settings) in _UNTRAINED.items()},
        **{name: (info, partial(_network, name)) for name, info in research.INFOS.items()},
    }


def every_method() -> dict[str, MethodInfo]:
    """What every method is, by name, in the order of the menus: also research nets that have no weights yet."""
    return {name: info for name, (info, _) in _table().items()}


def methods() -> dict[str, MethodInfo]:
    """What every method is, by name, in the order of the menus; research nets only where their weights are installed.

    >>> methods()["hpss"].stems
    ('harmonic', 'percussive')
    """
    return {name: info for name, info in every_method().items() if info.group != "research" or network.is_installed(name)}


def build(name: str, **options: Any) -> Method:
    """Make a method by name; options are fields of its settings. Raises MethodError for an unknown name or option.

    A research net without weights raises WeightsError, which says how to train it.

    >>> build("adress", n_positions=3).info.stems
    ('left', 'centre', 'right')
    """
    _refuse_unknown(name)
    _, builder = _table()[name]
    return builder(**options)


def options_of(name: str) -> tuple[Option, ...]:
    """What a user may set of a method; MethodError for an unknown name.

    >>> [option.name for option in options_of("duet")]
    ['n_places', 'max_delay_ms']
    """
    _refuse_unknown(name)
    return options_in(_UNTRAINED[name][2]) if name in _UNTRAINED else ()


def read_options(name: str, words: Iterable[str]) -> dict[str, Value]:
    """Options of a method from words as a user types them, checked; MethodError says in a sentence what cannot be.

    >>> read_options("duet", ["n_places=3", "max_delay_ms=0"])
    {'n_places': 3, 'max_delay_ms': 0.0}
    """
    values = from_words(name, options_of(name), words)
    if name in _UNTRAINED:
        settings_from(_UNTRAINED[name][2], name, values)
    return values


def _refuse_unknown(name: str) -> None:
    if name not in _table():
        raise MethodError(f"There is no method called {name!r}; {instead(name, list(methods()))}")
