"""The table of everything that separates: name -> what it is, and how to make one.

To add a method: write its file with an INFO and a class that keeps to engine.types.Method, then one line in _table.
Asking for the table imports no torch: a network's modules are imported when it is built or first used.
"""

from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from engine.errors import MethodError
from engine.methods import adress, builtin, hpss
from engine.types import Method, MethodInfo


def _hpss(**options: Any) -> Method:
    return hpss.Hpss(_settings(hpss.HpssSettings, "hpss", options))


def _adress(**options: Any) -> Method:
    return adress.Adress(_settings(adress.AdressSettings, "adress", options))


def _table() -> dict[str, tuple[MethodInfo, Callable[..., Method]]]:
    """Name -> (what it is, builder), in the order of the menus."""
    return {
        "nullsum-4": (builtin.INFO, builtin.Builtin),  # built-in
        "adress": (adress.INFO, _adress),  # spatial
        "hpss": (hpss.INFO, _hpss),  # classic
    }


def methods() -> dict[str, MethodInfo]:
    """What every method is, by name, in the order of the menus.

    >>> methods()["hpss"].stems
    ('harmonic', 'percussive')
    """
    return {name: info for name, (info, _) in _table().items()}


def build(name: str, **options: Any) -> Method:
    """Make a method by name; options are fields of its settings. Raises MethodError for an unknown name or option.

    >>> build("adress", n_positions=3).info.stems
    ('left', 'centre', 'right')
    """
    table = _table()
    if name not in table:
        raise MethodError(f"There is no method called {name!r}; {_instead(name, list(table))}")
    _, builder = table[name]
    return builder(**options)


def _settings(kind: type[Any], name: str, options: dict[str, Any]) -> Any:
    """A settings dataclass from options, where an unknown option is a sentence and not a TypeError."""
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            raise MethodError(f"The method {name!r} has no option {option!r}; {_instead(option, known)}")
    return kind(**options)


def _instead(found: str, known: list[str]) -> str:
    """The end of the sentence: near matches where there are some, and always everything that there is."""
    near = get_close_matches(found.lower(), known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}? There are: {', '.join(known)}."
    return f"choose one of: {', '.join(known)}."
