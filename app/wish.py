"""What the window wants to hear: one frozen reference that the player thread compares with what it has done."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.masks import Masks
from engine.types import Mix, Mixture

OpenMixture = Callable[[], Mixture]
MasksGetter = Callable[[], Masks | None]


def no_masks() -> None:
    """The masks of a song that nobody separates."""


@dataclass(frozen=True, eq=False)
class Wish:
    """The window's thread alone replaces it; the numbers count up with every call."""

    song: int = 0
    open_mixture: OpenMixture | None = None
    masks_getter: MasksGetter = no_masks
    masks: int = 0
    sink: int = 0
    seek: int = 0
    seek_s: float = 0.0
    loop_s: tuple[float, float] | None = None
    playing: bool = False
    mix: Mix = Mix()
    stems: tuple[str, ...] = ()
    listening: str = "remix"
    output_db: float = 0.0
