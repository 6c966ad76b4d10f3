"""The window: picture above, mixer below, transport between; docks, menus, drop, close. No numpy, no audio."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.actions import ACTIONS, MENUS, make_actions
from app.binding import show
from app.bridge import Bridge
from app.colours import possible_range
from app.compare_bar import CompareBar
from app.export_dialog import ExportDialog
from app.method_menu import MethodMenu
from app.mixer_dock import MixerDock
from app.mixer_panel import MixerPanel
from app.null_badge import NullBadge
from app.paths import demo_song
from app.picture_panel import PicturePanel
from app.preferences import PreferencesDialog
from app.report_dialog import ReportDialog
from app.settings import Settings
from app.shortcuts_dialog import ShortcutsDialog
from app.state import Compared, State
from app.status_bar import StatusBar
from app.transport import Transport
from app.verbs import Verbs
from app.welcome import Welcome
from engine import __version__
from engine.types import AudioInfo

FILES = "Audio (*.wav *.wave *.aif *.aiff *.flac *.caf *.rf64 *.w64 *.au *.ogg *.oga *.opus *.mp3 *.m4a *.mp4 *.aac);;All files (*)"
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
ABOUT = """<h3>Nullsum</h3>
<p>A remixer whose neutral output is the original, sample for sample, and whose integer stems add up to it exactly.</p>
<p>Version {version}, MIT licence.</p>
<p>The promise is tested on every rate, depth and length; the Null report shows it for your own files.</p>"""


class MainWindow(QMainWindow):
    """Everything in its place; every verb goes to the state or the bridge."""

    def __init__(self, state: State, bridge: Bridge, settings: Settings) -> None:
        super().__init__()
        self.state, self.bridge, self.settings = state, bridge, settings
        self.setWindowTitle("Nullsum")
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # Qt's own would offer to hide the mixer
        room = self.screen().availableSize()  # four strips and the master beside the picture need 1440
        self.resize(min(1440, room.width()), min(860, room.height()))
        self.panel = PicturePanel(state)
        self.view = self.panel.view
        self.transport = Transport(state)
        self.badge = NullBadge(state)
        self.mixer = MixerPanel(state)
        self.dock = MixerDock(self.badge, self.mixer, self.transport, self)
        self.status = StatusBar(state)
        self.setStatusBar(self.status)
        self.verbs = Verbs(state, self.view, self)
        self.actions_ = make_actions(self, self._verbs())
        self.comparison = CompareBar(state, self.actions_["difference"])
        self.panel.add_switches(self.actions_["overlay"], self.actions_["follow_faders"])
        self._lay_out()
        self._menus()
        QWidget.setTabOrder(self.status.device, self.panel.overview)  # where the chain begins again
        self.badge.clicked.connect(self.show_report)
        self.status.cancel_wanted.connect(bridge.cancel)
        self.status.resume_wanted.connect(bridge.resume)
        self.comparison.switch_wanted.connect(bridge.switch)
        self.comparison.end_wanted.connect(bridge.end_comparison)
        bridge.refused.connect(self._refused)
        self.state.undo.canUndoChanged.connect(self._can_undo)
        self.state.undo.canRedoChanged.connect(self._can_redo)
        show(self, state, "song", self._show_song)
        show(self, state, "overlay", self.actions_["overlay"].setChecked)
        show(self, state, "difference", self.actions_["difference"].setChecked)
        show(self, state, "compared", self._show_compared)
        show(self, state, "follow_faders", self.actions_["follow_faders"].setChecked)
        show(self, state, "looping", self.actions_["loop"].setChecked)
        show(self, state, "stems", self._make_room)
        state.range_db = possible_range(settings.choices.darkest_db, settings.choices.brightest_db)
        self.restoreGeometry(settings.bytes_of("geometry"))
        self.restoreState(settings.bytes_of("state"))
        self.actions_["mixer_below"].setChecked(self.dock.is_below)

    def _lay_out(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.picture = QStackedWidget()
        self.picture.addWidget(Welcome(self))
        self.picture.addWidget(self.panel)
        column.addWidget(self.picture, 1)
        column.addWidget(self.comparison)
        column.addWidget(self.transport)
        self.setCentralWidget(centre)

    def _verbs(self) -> dict[str, Callable[..., None]]:
        return {
            "open": self.ask_open, "open_demo": self.open_demo, "close": self.bridge_close, "export": self.show_export,
            "report": self.show_report, "preferences": self.show_preferences, "quit": self.leave, "undo": self.state.undo.undo,
            "redo": self.state.undo.redo, "neutral": self.verbs.reset_mix, "select_all": self.verbs.select_all,
            "select_none": self.verbs.select_none, "play": self.verbs.play, "to_start": self.verbs.to_start,
            "back": self.verbs.back, "forward": self.verbs.forward, "loop": self.verbs.set_looping,
            "hear_remix": self.verbs.hear_remix, "hear_original": self.verbs.hear_original,
            "hear_difference": self.verbs.hear_difference, "flip": self.verbs.flip, "switch_result": self.bridge.switch,
            "overlay": self.verbs.set_overlay, "difference": self.verbs.set_difference, "end_comparison": self.bridge.end_comparison,
            "resume": self.bridge.resume,
            "follow_faders": self.verbs.set_follow, "zoom_in": self.verbs.zoom_in, "zoom_out": self.verbs.zoom_out,
            "zoom_all": self.verbs.zoom_all, "zoom_selection": self.verbs.zoom_selection, "mixer_below": self.dock.put_below,
            "shortcuts": self.show_shortcuts, "about": self.show_about,
        }  # fmt: skip

    def _menus(self) -> None:
        menus = {name: self.menuBar().addMenu(f"&{name}") for name in MENUS}
        for spec in ACTIONS:
            if spec.menu != "Method":  # MethodMenu puts that one in its place
                menus[spec.menu].addAction(self.actions_[spec.name])
            self.addAction(self.actions_[spec.name])
            if spec.name == "open_demo":
                self._recent = menus["File"].addMenu("Open recent")
                self._recent.aboutToShow.connect(self._fill_recent)
            if spec.name in ("open_demo", "close", "report", "preferences", "redo", "neutral", "forward", "loop", "follow_faders"):
                menus[spec.menu].addSeparator()
        bridge = self.bridge
        self.methods = MethodMenu(menus["Method"], bridge.methods(), self.state, bridge.why_not, bridge.why_not_beside)
        self.methods.insert(self.actions_["resume"], self.actions_["end_comparison"])
        self.methods.chosen.connect(self._choose_method)
        self.methods.compare_wanted.connect(bridge.compare)
        self._method_group = self.methods.heard.group

    # ------------------------------------------------------------------ open and close

    def open_path(self, path: Path) -> None:
        """Open a song from anywhere: command line, drop, menu."""
        self.bridge.open(path)

    @Slot()
    def ask_open(self) -> None:
        """Ask for a file."""
        recent = self.settings.recent
        name, _ = QFileDialog.getOpenFileName(self, "Open song", str(recent[0].parent) if recent else "", FILES)
        if name:
            self.open_path(Path(name))

    @Slot()
    def open_demo(self) -> None:
        """Open the song that comes with Nullsum."""
        self.open_path(demo_song())

    @Slot()
    def bridge_close(self) -> None:
        """Close the song."""
        self.bridge.close_song()

    @Slot()
    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.settings.recent:
            action = self._recent.addAction(path.name)
            action.setToolTip(str(path))
            action.setData(str(path))
            action.triggered.connect(self._open_recent)
        self._recent.setEnabled(True)
        if self._recent.isEmpty():
            self._recent.addAction("No songs yet").setEnabled(False)

    @Slot()
    def _open_recent(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.open_path(Path(action.data()))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's names
        """Take files."""
        if event.mimeData().hasUrls() and any(u.isLocalFile() for u in event.mimeData().urls()):
            event.acceptProposedAction()
            self.state.message = "Drop it to open it."

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:  # noqa: N802
        """It went elsewhere."""
        self.state.message = ""

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open the first file that was dropped."""
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_path(paths[0])
            if len(paths) > 1:
                self.state.message = (
                    f"{paths[0].name} opens, one song at a time; for all {len(paths)}: nullsum separate FOLDER -o DIR in a terminal."
                )

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Back from another program, which may have written the song anew."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.bridge.look_at_file()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember the layout and end all work."""
        self.settings.keep_bytes("geometry", self.saveGeometry())
        self.settings.keep_bytes("state", self.saveState())
        self.settings.choose(darkest_db=self.state.range_db[0], brightest_db=self.state.range_db[1])
        self.state.playing = False
        self.bridge.shut_down()
        super().closeEvent(event)

    @Slot()
    def leave(self) -> None:
        """Close the window, and with it the application."""
        self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Enter presses the button that has the focus: Space is taken by play / pause."""
        is_enter = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in ENTER
        if is_enter and isinstance(watched, QAbstractButton) and watched.window() is self and watched.isEnabled():
            watched.click()
            return True
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------------ dialogs

    @Slot()
    def show_export(self) -> None:
        """What to write and where."""
        ExportDialog(self.state, self.bridge, self.settings, self).open()

    @Slot()
    def show_report(self) -> None:
        """What was measured of the null."""
        ReportDialog(self.state, self.bridge, self.settings, self).open()

    @Slot()
    def show_preferences(self) -> None:
        """Devices, buffer, cache."""
        PreferencesDialog(self.state, self.bridge, self.settings, self).open()

    @Slot()
    def show_shortcuts(self) -> None:
        """All actions and their keys."""
        ShortcutsDialog(self.state, self.bridge, self.settings, self).open()

    @Slot()
    def show_about(self) -> None:
        """What this is."""
        QMessageBox.about(self, "About Nullsum", ABOUT.format(version=__version__))

    @Slot(str)
    def _refused(self, sentence: str) -> None:
        """A sentence that must not be missed; dialogs that show it themselves are left to it."""
        if not any(isinstance(w, ExportDialog) and w.isVisible() for w in self.findChildren(ExportDialog)):
            box = QMessageBox(QMessageBox.Icon.Warning, "Nullsum", sentence, QMessageBox.StandardButton.Ok, self)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.open()

    @Slot(str)
    def _choose_method(self, name: str) -> None:
        if self.state.paused and name == self.state.method:
            self.bridge.resume()
        elif name != self.state.method or self.state.masks is None:
            self.bridge.choose_method(name)

    def _make_room(self, stems: Any) -> None:
        self.dock.make_room(len(stems))

    @Slot(bool)
    def _can_undo(self, can: bool) -> None:
        self.actions_["undo"].setEnabled(can and self.state.song is not None)

    @Slot(bool)
    def _can_redo(self, can: bool) -> None:
        self.actions_["redo"].setEnabled(can and self.state.song is not None)

    def _show_compared(self, compared: Compared | None) -> None:
        for spec in ACTIONS:
            if spec.needs_comparison:
                self.actions_[spec.name].setEnabled(compared is not None and (spec.name != "difference" or compared.both_known))

    def _show_song(self, song: AudioInfo | None) -> None:
        for spec in ACTIONS:
            if spec.needs_song and not spec.needs_comparison:
                self.actions_[spec.name].setEnabled(song is not None)
        self._can_undo(self.state.undo.canUndo())
        self._can_redo(self.state.undo.canRedo())
        self.picture.setCurrentIndex(0 if song is None else 1)
        self.dock.setVisible(song is not None)
        self.transport.setVisible(song is not None)
        self.setWindowTitle(f"{song.path.name} - Nullsum" if song and song.path else "Nullsum")
