"""What is open and how it is set: the only place that knows. A signal per property; widgets keep nothing of their own.

Read `state.mix`, write `state.mix = ...` or call a verb (`move_strip`); the signal `mix_changed(new)` follows when the value
differs. All of it lives in the GUI thread. Every object handed around is immutable.
"""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.colours import RANGE_DB
from engine.masks import Masks
from engine.types import AudioInfo, Mix, StemMix

WORDS = {"gain_db": "gain"}  # fields of a strip as undo says them, where they are not words already


@dataclass(frozen=True)
class StemLook:
    """How a stem appears: its name in the engine, its title and its colour (#rrggbb), both the user's to change."""

    name: str
    title: str
    colour: str


@dataclass(frozen=True)
class Levels:
    """What the meters show, linear, 1.0 = full scale: true peaks of the last blocks, per stem (after its strip) and master."""

    stems: dict[str, tuple[float, ...]]  # per channel
    master: tuple[float, ...]
    n_clipped: int = 0  # master samples that were clipped since playback began


@dataclass(frozen=True)
class NullState:
    """What the null badge says."""

    is_neutral: bool
    n_compared: int = 0
    n_different: int = 0  # of the output against the mixture, as rendered
    stems_sum_db: float | None = None  # how far the rendered stems are from the mixture; None until masks are known
    distance_db: float | None = None  # RMS of remix - mixture relative to the mixture's, away from unity


@dataclass(frozen=True)
class Side:
    """One of two results that are compared."""

    method: str  # its name in the engine
    title: str
    masks: Masks  # the newest snapshot


@dataclass(frozen=True)
class Compared:
    """Two results of the open song on the same faders; `method` and `masks` of the state are those of the one that is heard."""

    a: Side
    b: Side
    heard: str = "a"  # or "b"

    @property
    def both_known(self) -> bool:
        """Whether there is something of both to look at."""
        return bool(self.a.masks.chunks and self.b.masks.chunks)


def observed(name: str, default: Any = None) -> Any:
    """A property that emits `<name>_changed(value)` when it changes."""

    def get(self: "State") -> Any:
        return self._values.get(name, default)

    def set_(self: "State", value: Any) -> None:
        if get(self) != value:
            self._values[name] = value
            getattr(self, f"{name}_changed").emit(value)

    return property(get, set_)


class State(QObject):
    """The whole state of the window."""

    song_changed = Signal(object)  # AudioInfo | None
    method_changed = Signal(object)  # str: name of the method
    stems_changed = Signal(object)  # tuple[StemLook, ...]
    masks_changed = Signal(object)  # engine.masks.Masks | None: a new snapshot after every chunk
    picture_changed = Signal(object)  # engine.display.Picture | None: a new snapshot as it grows
    progress_changed = Signal(object)  # Progress | None: of the work in hand
    mix_changed = Signal(object)  # Mix
    playing_changed = Signal(object)  # bool
    position_s_changed = Signal(object)  # float: where is being heard
    selection_changed = Signal(object)  # (start_s, end_s) | None
    looping_changed = Signal(object)  # bool: playback stays within the selection
    listening_changed = Signal(object)  # "remix", "original" or "difference"
    output_db_changed = Signal(object)  # float: safe output gain, playback only
    levels_changed = Signal(object)  # Levels
    null_changed = Signal(object)  # NullState | None
    overlay_changed = Signal(object)  # bool: cells tinted in the colours of their owners
    compared_changed = Signal(object)  # Compared | None: two results of the song, while they are compared
    apart_db_changed = Signal(object)  # float | None: RMS of the remix by A minus the remix by B, relative to the mixture's
    difference_changed = Signal(object)  # bool: cells tinted where the two results differ
    follow_faders_changed = Signal(object)  # bool: the picture shows the remix, not the mixture
    range_db_changed = Signal(object)  # (low_db, high_db): what the darkest and the brightest colour of the picture stand for
    device_changed = Signal(object)  # str: "CPU, 1 thread"
    device_why_changed = Signal(object)  # str: why the GPU is not used
    sound_changed = Signal(object)  # str: what the sound device does, or why there is no sound
    paused_changed = Signal(object)  # bool: a separation was stopped before its end and waits
    message_changed = Signal(object)  # str: the last thing said to the user

    song = observed("song")
    method = observed("method", "nullsum-4")
    stems = observed("stems", ())
    masks = observed("masks")
    picture = observed("picture")
    progress = observed("progress")
    paused = observed("paused", False)
    mix = observed("mix", Mix())
    playing = observed("playing", False)
    position_s = observed("position_s", 0.0)
    selection = observed("selection")
    looping = observed("looping", False)
    listening = observed("listening", "remix")
    output_db = observed("output_db", 0.0)
    levels = observed("levels")
    null = observed("null")
    overlay = observed("overlay", False)
    compared = observed("compared")
    apart_db = observed("apart_db")
    difference = observed("difference", False)
    follow_faders = observed("follow_faders", False)
    range_db = observed("range_db", RANGE_DB)
    device = observed("device", "")
    device_why = observed("device_why", "")
    sound = observed("sound", "")
    message = observed("message", "")

    seek_wanted = Signal(float)  # seconds: somebody wants to hear from there

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, Any] = {}
        self.undo = QUndoStack(self)

    @property
    def seconds(self) -> float:
        """Length of the song, 0 when none is open."""
        song: AudioInfo | None = self.song
        return song.seconds if song else 0.0

    def strip(self, stem: str) -> StemMix:
        """Where a stem's strip stands."""
        mix: Mix = self.mix
        return mix.stems.get(stem, StemMix())

    def move_strip(self, stem: str, gesture: object = None, **changes: Any) -> None:
        """Change fields of a strip (gain_db=..., mute=...); moves with the same gesture object are one undo step."""
        strips = {**self.mix.stems, stem: replace(self.strip(stem), **changes)}
        title = next((look.title for look in self.stems if look.name == stem), stem)
        self._do(f"{title} {' and '.join(WORDS.get(c, c) for c in changes)}", Mix(strips, self.mix.master_db), gesture)

    def move_master(self, master_db: float, gesture: object = None) -> None:
        """Change the master fader."""
        self._do("Master gain", Mix(self.mix.stems, master_db), gesture)

    def load_mix(self, mix: Mix, name: str = "preset") -> None:
        """Set all strips at once (a preset, neutral); one undo step."""
        self._do(name, mix, None)

    def _do(self, text: str, mix: Mix, gesture: object) -> None:
        if mix == self.mix:
            return
        stack = self.undo
        newest = stack.command(stack.count() - 1) if stack.index() == stack.count() else None
        if gesture is None or not isinstance(newest, _MixCommand) or newest.gesture is not gesture:
            stack.push(_MixCommand(self, text, self.mix, mix, gesture))
            return
        # one step a gesture; not by QUndoCommand.mergeWith: PySide would keep every command that was melted into another for ever
        if newest.goes_on_to(mix):
            stack.undo()  # dragged back to where it began: no step is left of it
        self.mix = mix


def _moved(mix: Mix) -> Mix:
    """The same mix without strips that stand at neutral."""
    return Mix({name: strip for name, strip in mix.stems.items() if strip != StemMix()}, mix.master_db)


class _MixCommand(QUndoCommand):
    """One undo step of the mix; a gesture that goes on moves its end."""

    def __init__(self, state: State, text: str, old: Mix, new: Mix, gesture: object) -> None:
        super().__init__(text)
        self._state, self._old, self._new, self.gesture = state, old, new, gesture

    def goes_on_to(self, mix: Mix) -> bool:
        """The gesture has come to another mix; whether that is the one where it began, so that the step is to be dropped."""
        self._new = mix
        self.setObsolete(_moved(mix) == _moved(self._old))
        return self.isObsolete()

    def redo(self) -> None:
        self._state.mix = self._new

    def undo(self) -> None:
        self._state.mix = self._old
