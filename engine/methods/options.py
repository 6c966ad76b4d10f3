"""What a method lets one set: fields of its Settings, each with bounds and a sentence, said once and held to everywhere.

A Settings dataclass makes its fields with `setting` and calls `check` when it is made: the bounds that `nullsum methods NAME`
prints are the ones that are enforced. `from_words` reads what a user typed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from engine.errors import MethodError

Value = int | float | bool | str
_WANTED = {int: "a whole number", float: "a number", bool: "yes or no", str: "a word"}
_YES_NO = {**dict.fromkeys(("yes", "true", "on", "1"), True), **dict.fromkeys(("no", "false", "off", "0"), False)}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set."""

    name: str
    kind: type[Any]  # int, float, bool or str
    default: Value
    sentence: str
    choices: tuple[Value, ...] = ()  # nothing else is allowed, where there are any
    low: float | None = None
    high: float | None = None
    is_open: bool = False  # low itself is not allowed
    unit: str = ""

    @property
    def bounds(self) -> str:
        """What may be given, in words; empty where anything of its kind may.

        >>> Option("reach_s", float, 1.0, "", low=0.5, high=2.0, unit="seconds").bounds
        'between 0.5 and 2 seconds'
        """
        unit = f" {self.unit}" if self.unit else ""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}{unit}"
        if self.low is None or self.high is None:
            return ""
        return f"{f'above {self.low:g} and at most' if self.is_open else f'between {self.low:g} and'} {self.high:g}{unit}"

    def allows(self, value: Value) -> bool:
        """Whether a value of the right kind lies in the bounds; no bounds hold a NaN."""
        if self.choices:
            return value in self.choices
        if self.low is None or self.high is None:
            return True
        assert not isinstance(value, str)
        return self.low <= value <= self.high and not (self.is_open and value == self.low)


def setting(
    default: Value, sentence: str, *, choices: Iterable[Value] = (), low: float | None = None, high: float | None = None,
    is_open: bool = False, unit: str = "",
) -> Any:  # fmt: skip
    """A field of a Settings dataclass that says what it is and what it may be."""
    said = {"sentence": sentence, "choices": tuple(choices), "low": low, "high": high, "is_open": is_open, "unit": unit}
    return field(default=default, metadata=said)


def options_in(kind: type[Any]) -> tuple[Option, ...]:
    """Everything that a Settings dataclass lets one set, in its order."""
    return tuple(_option(f) for f in fields(kind))


def _option(found: Field[Any]) -> Option:
    assert isinstance(found.type, type)  # a class and no text: modules of methods postpone no annotations
    default: Any = found.default
    return Option(found.name, found.type, default, **found.metadata)


def check(settings: Any) -> None:
    """Refuse a Settings with a value of another kind or out of bounds: MethodError. For its __post_init__."""
    for option in options_in(type(settings)):
        value = getattr(settings, option.name)
        kinds = (int, float) if option.kind is float else (option.kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and option.kind is not bool):
            raise MethodError(f"{option.name}={value!r} must be {_WANTED[option.kind]}{_within(option)}.")
        if not option.allows(value):
            raise MethodError(f"{option.name}={value} must {'be' if option.choices else 'lie'} {option.bounds}.")


def settings_from(kind: type[Any], method: str, values: dict[str, Any]) -> Any:
    """A Settings from its values by name; MethodError for an unknown name and for what `check` refuses."""
    options = {option.name: option for option in options_in(kind)}
    check_known(method, values, list(options))
    # 1 for 1.0 would be another key of the cache
    return kind(**{k: float(v) if options[k].kind is float and type(v) is int else v for k, v in values.items()})


def from_words(method: str, known: Sequence[Option], words: Iterable[str]) -> dict[str, Value]:
    """["n_places=3", "max_delay_ms=0.5"] -> values by name; a name said twice counts as it was said last.

    MethodError for what is no NAME=VALUE, an unknown name, or a value of another kind; bounds are for `check` to hold.
    """
    options = {option.name: option for option in known}
    values: dict[str, Value] = {}
    for word in words:
        name, has_value, value = (part.strip() for part in word.partition("="))
        if known and not (has_value and name):
            raise MethodError(f"'{word}' sets nothing; give a name and a value, such as {known[0].name}={known[0].default}.")
        check_known(method, [name], list(options))
        values[name] = _read(options[name], value)
    return values


def _read(option: Option, word: str) -> Value:
    """A word as the kind of the option."""
    try:
        value: Value = _YES_NO[word.lower()] if option.kind is bool else option.kind(word)
    except (KeyError, ValueError):
        raise MethodError(f"{option.name}={word} must be {_WANTED[option.kind]}{_within(option)}.") from None
    return value


def _within(option: Option) -> str:
    return f", {option.bounds}" if option.bounds else ""


def check_known(method: str, named: Iterable[str], known: list[str]) -> None:
    """MethodError for a name that is no option of the method."""
    for name in named:
        if name not in known:
            raise MethodError(f"The method {method!r} has no option {name!r}; {instead(name, known)}")


def instead(found: str, known: list[str]) -> str:
    """The end of the sentence: near matches where there are some, and always everything that there is."""
    if not known:
        return "there is nothing to set."
    near = get_close_matches(found.lower(), known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}? There are: {', '.join(known)}."
    return f"choose one of: {', '.join(known)}."
