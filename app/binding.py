"""Two small binders: state -> widget and widget -> state. A widget that is bound never keeps the truth itself."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Slot

from app.state import State


class _Link(QObject):
    """One connection that lives as long as its owner; being a QObject of the GUI thread it is always called there."""

    def __init__(self, owner: QObject, call: Callable[[Any], None]) -> None:
        super().__init__(owner)
        self._call = call

    @Slot(object)
    def receive(self, value: Any) -> None:
        self._call(value)


def show(owner: QObject, state: State, name: str, setter: Callable[[Any], None]) -> None:
    """State -> widget: call setter now and whenever state.<name> changes, as long as owner lives.

    setter must not send its change back (block the widget's signals or compare first).
    """
    link = _Link(owner, setter)
    getattr(state, f"{name}_changed").connect(link.receive)
    setter(getattr(state, name))


def edit(owner: QObject, signal: Any, verb: Callable[..., None]) -> None:
    """Widget -> state: call verb with the signal's value, as long as owner lives. verb is a verb or setter of State."""
    link = _Link(owner, verb)
    signal.connect(link.receive)
