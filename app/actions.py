"""Every action in one table: name, title, shortcut, tip, icon, and when it is enabled. Menus and buttons are made from it."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from app.icons import icon


@dataclass(frozen=True)
class ActionSpec:
    """One thing that a user can do."""

    name: str
    title: str
    shortcut: str = ""
    tip: str = ""
    icon: str = ""
    needs_song: bool = True  # enabled only while a song is open
    needs_comparison: bool = False  # and two results of it are compared
    checkable: bool = False
    menu: str = "File"


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open", "Open song…", "Ctrl+O", "Open a finished mix: WAV, AIFF, FLAC, MP3, OGG and more", "open", needs_song=False),
    ActionSpec("open_demo", "Open demo song", "", "A minute of music made for trying things out", needs_song=False),
    ActionSpec("close", "Close song", "Ctrl+W", "Close the song; its mix is remembered"),
    ActionSpec("export", "Export…", "Ctrl+E", "Write stems, the remix or both", "export"),
    ActionSpec("report", "Null report…", "Ctrl+I", "What was measured: do the stems add up to the mixture"),
    ActionSpec("preferences", "Preferences…", "Ctrl+,", "Devices, buffer, cache", "gear", needs_song=False),
    ActionSpec("quit", "Quit", "Ctrl+Q", "Leave Nullsum", needs_song=False),
    ActionSpec("undo", "Undo", "Ctrl+Z", "Take back the last change of the mix", "undo", menu="Edit"),
    ActionSpec("redo", "Redo", "Ctrl+Shift+Z", "Do it again", "redo", menu="Edit"),
    ActionSpec("neutral", "Reset mix", "Ctrl+0", "All strips to neutral: the output is the original again", menu="Edit"),
    ActionSpec("select_all", "Select whole song", "Ctrl+A", "Select everything", menu="Edit"),
    ActionSpec("select_none", "Clear selection", "Ctrl+D", "Select nothing", menu="Edit"),
    ActionSpec("play", "Play / pause", "Space", "Play or pause", menu="Play"),
    ActionSpec("to_start", "To start", "Ctrl+Home", "Go to the beginning (of the selection when looping)", menu="Play"),
    ActionSpec("back", "Back 5 s", "Ctrl+Left", "Five seconds back", menu="Play"),
    ActionSpec("forward", "Forward 5 s", "Ctrl+Right", "Five seconds on", menu="Play"),
    ActionSpec("loop", "Loop", "L", "Repeat the selection, or the whole song", menu="Play", checkable=True),
    ActionSpec("hear_remix", "Hear the remix", "1", "What the strips make of it", menu="Play"),
    ActionSpec("hear_original", "Hear the original", "2", "The untouched mix", menu="Play"),
    ActionSpec("hear_difference", "Hear the difference", "3", "Remix minus original", menu="Play"),
    ActionSpec("flip", "A/B: remix / original", "B", "Switch between remix and original", menu="Play"),
    ActionSpec("switch_result", "A/B: results", "X", "Hear the other of two results that are compared, on the same faders",
               menu="Play", needs_comparison=True),
    ActionSpec("overlay", "Show owners", "O", "Tint each cell in the colours of its owners", "overlay", menu="View", checkable=True),
    ActionSpec("difference", "Where results differ", "D", "Tint where two results disagree, in the colour of the stem that B hears more of",
               "differ", menu="View", checkable=True, needs_comparison=True),
    ActionSpec("follow_faders", "Picture follows faders", "F", "Show the remix, not the mixture", "follow", menu="View", checkable=True),
    ActionSpec("zoom_in", "Zoom in", "Ctrl++", "Closer in time", menu="View"),
    ActionSpec("zoom_out", "Zoom out", "Ctrl+-", "More of the song", menu="View"),
    ActionSpec("zoom_all", "Whole song", "Ctrl+9", "See everything", menu="View"),
    ActionSpec("zoom_selection", "Zoom to selection", "Ctrl+8", "See the selection", menu="View"),
    ActionSpec("mixer_below", "Mixer below the picture", "Ctrl+M", "Mixer below or beside", needs_song=False, checkable=True, menu="View"),
    ActionSpec("resume", "Resume separation", "R", "Go on with a separation that was paused", menu="Method"),
    ActionSpec("end_comparison", "End comparison", "", "Back to one result: what is heard now stays", menu="Method", needs_comparison=True),
    ActionSpec("shortcuts", "Keyboard shortcuts", "F1", "All actions and their keys", menu="Help", needs_song=False),
    ActionSpec("about", "About Nullsum", "", "Version, licence, how the promise is tested", menu="Help", needs_song=False),
)  # fmt: skip
MENUS = ("File", "Edit", "Play", "View", "Method", "Help")


def make_actions(owner: QObject, verbs: dict[str, Callable[..., None]]) -> dict[str, QAction]:
    """A QAction for every row; verbs by name are bound methods of QObjects of the GUI thread. Missing verbs are an error."""
    made: dict[str, QAction] = {}
    for spec in ACTIONS:
        action = QAction(spec.title, owner)
        action.setObjectName(spec.name)
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
        keys = f" ({spec.shortcut})" if spec.shortcut else ""
        action.setToolTip(f"{spec.tip}{keys}")
        action.setStatusTip(spec.tip)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        action.setCheckable(spec.checkable)
        action.setIconVisibleInMenu(not spec.checkable)  # a menu draws a tick or an icon, and the tick says more
        action.setEnabled(not spec.needs_song)
        (action.toggled if spec.checkable else action.triggered).connect(verbs[spec.name])
        made[spec.name] = action
    return made
