"""The form of the export dialog: what, how much of it, in which format, where and under which names. It knows no files."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit, QVBoxLayout, QWidget

from app.binding import show
from app.bridge_work import ExportWish
from app.dialog_fields import Combo, Number, Tick
from app.dialog_parts import FIELD_HEIGHT, Form, Note, Segments, button, tab_order
from app.export_words import CONTAINERS, DEPTHS, at_home, bits_of, own_words, promise
from app.paths import music_folder, typed_folder
from app.settings import Settings
from app.state import State
from app.transport import clock_text
from engine.types import AudioInfo, StemMix

NO_SELECTION = "Nothing is selected: drag across the picture to select a stretch."


class ExportForm(QWidget):
    """Fields, and `wish` made of them; `changed` follows every edit."""

    changed = Signal()

    def __init__(self, state: State, bridge: Any, settings: Settings) -> None:
        super().__init__()
        self._state, self._bridge, choices = state, bridge, settings.choices
        self.what = Segments(self, "what", {"stems": "Stems", "remix": "Remix", "both": "Stems and remix"})
        self.range = Segments(self, "range", {"song": "Whole song", "selection": "Selection"})
        self.what_note, self.range_note, self.format_note, self.headroom_note = Note(), Note(), Note(), Note()
        self.names = Note(n_lines=2)
        self.container, self.depth = Combo(objectName="container"), Combo(objectName="depth", accessibleName="Depth")
        self.headroom = Number(objectName="headroom", suffix=" dB", decimals=1, singleStep=0.5, accessibleName="Headroom")
        self.headroom.setRange(0.0, 60.0)
        self.folder = QLineEdit(at_home(Path(choices.export_folder or music_folder())), objectName="folder")
        self.browse = button("&Browse…", "browse", "Choose the folder in a dialog")
        self.template = QLineEdit(choices.name_template, objectName="template")
        self.template.setToolTip("{song}: name of the song, {stem}: vocals, drums … or remix, {method}: what separated it")
        self.template.setAccessibleDescription("May hold {song}, {stem} and {method} in braces")
        self.replace = Tick("&Replace files that are there", objectName="replace")
        self._lay_out()
        self.what.choose("stems")
        self.range.choose("selection" if state.selection else "song")
        show(self, state, "song", self._show_song)
        show(self, state, "selection", self._show_selection)
        show(self, state, "levels", self._explain_headroom)
        self._connect()
        self._explain()

    def _lay_out(self) -> None:
        column, form = QVBoxLayout(self), Form()
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        self.container.setSizePolicy(self.folder.sizePolicy())
        self.depth.setFixedWidth(152)
        self.headroom.setFixedWidth(96)
        form.row("&Write", self.what, buddy=self.what.buttons["stems"], note=self.what_note)
        form.row("R&ange", self.range, buddy=self.range.buttons["song"], note=self.range_note)
        form.row("&Format", self.container, self.depth, note=self.format_note)
        form.row("&Headroom", self.headroom, note=self.headroom_note)
        form.itemAtPosition(form.rowCount() - 3, 1).layout().addStretch(1)
        form.row("F&older", self.folder, self.browse)
        form.row("&Names", self.template, note=self.names)
        form.row("", self.replace)
        self.replace.setAccessibleName("Replace files that are there")
        self.replace.setFixedHeight(FIELD_HEIGHT)
        tab_order(*self.what.buttons.values(), *self.range.buttons.values(), self.container, self.depth, self.headroom, self.folder,
                  self.browse, self.template, self.replace)  # fmt: skip

    def _connect(self) -> None:
        self.what.group.idClicked.connect(self._edited)
        self.range.group.idClicked.connect(self._edited)
        self.container.currentIndexChanged.connect(self._show_depths)
        self.depth.currentIndexChanged.connect(self._edited)
        self.headroom.valueChanged.connect(self._edited)
        self.folder.textChanged.connect(self._edited)
        self.template.textChanged.connect(self._edited)
        self.replace.toggled.connect(self._edited)
        self.browse.clicked.connect(self._browse)

    # --------------------------------------------------------------------------------------------- what it comes to

    @property
    def subtype(self) -> str:
        """What the samples will be kept as."""
        return self.depth.currentData() or ""

    @property
    def format(self) -> tuple[str, str]:
        """Container and subtype that will be written."""
        return self.container.currentData() or self._own[0], self.subtype

    def wish(self) -> ExportWish:
        """The fields as the bridge wants them."""
        what, selection = self.what.chosen, self._state.selection
        start_s, end_s = selection if self.range.chosen == "selection" and selection else (0.0, None)
        container = self.container.currentData()
        folder = typed_folder(self.folder.text())
        return ExportWish(
            folder=folder if folder.is_absolute() else Path.home() / folder,
            stems=what != "remix", remix=what != "stems", start_s=start_s, end_s=end_s,
            container=container, subtype=self.depth.currentData() if container else None,
            headroom_db=-self.headroom.value() or 0.0, name_template=self.template.text(), overwrite=self.replace.isChecked(),
        )  # fmt: skip

    def show_names(self, names: list[str]) -> None:
        """The names that the template makes."""
        unbroken = [name.replace(" ", "\u00a0").replace("-", "\u2011") for name in names]  # a line ends between two names
        self.names.say("   ".join(unbroken))
        self.names.setToolTip("\n".join(names))
        self.names.setAccessibleName("Files: " + ", ".join(names))

    # --------------------------------------------------------------------------------------------- state -> fields

    def _show_song(self, song: AudioInfo | None) -> None:
        if song is None:
            return
        choices, own = self._bridge.export_choices(), self._bridge.formats_of(None, None).split()
        with QSignalBlocker(self.container):
            self.container.clear()
            self.container.addItem(own_words(song, *own), None)
            self.container.insertSeparator(1)
            for name in sorted(choices, key=list(CONTAINERS).index):
                self.container.addItem(CONTAINERS[name], name)
        self._own, self._choices = own, choices
        self.range.buttons["song"].setText(f"Whole song, {clock_text(song.seconds)[:-2]}")
        self._show_depths()

    @Slot()
    def _show_depths(self) -> None:
        container, before = self.container.currentData(), self.subtype or self._own[1]
        with QSignalBlocker(self.depth):
            self.depth.clear()
            subtypes = self._choices[container] if container else (self._own[1],)
            for subtype in subtypes:
                self.depth.addItem(DEPTHS.get(subtype, subtype), subtype)
            alike = [s for s in subtypes if s == before] or [s for s in subtypes if bits_of(s) == (bits_of(before) or 24)]
            self.depth.setCurrentIndex(subtypes.index(alike[0]) if alike else 0)
        self.depth.setEnabled(container is not None)
        self.depth.setToolTip("" if container else "Choose a format to choose its depth")
        self._edited()

    def _show_selection(self, selection: tuple[float, float] | None) -> None:
        chosen = self.range.buttons["selection"]
        chosen.setEnabled(selection is not None)
        chosen.setText(f"Selection, {clock_text(selection[0])[:-2]} to {clock_text(selection[1])[:-2]}" if selection else "Selection")
        chosen.setToolTip("" if selection else NO_SELECTION)
        chosen.setAccessibleDescription("" if selection else NO_SELECTION)
        if selection is None:
            self.range.choose("song")
        self._edited()

    @Slot()
    def _edited(self) -> None:
        self._explain()
        self.changed.emit()

    @Slot()
    def _browse(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Export into", str(self.wish().folder))
        if found:
            self.folder.setText(found)

    # --------------------------------------------------------------------------------------------- explanations

    def _explain(self) -> None:
        song: AudioInfo | None = self._state.song
        if song is None:
            return
        what, titles = self.what.chosen, ", ".join(look.title for look in self._state.stems)
        stems = f"{titles}: each at 0 dB, whatever the faders say."
        remix = "What is heard: faders, mutes and master included."
        if self._is_neutral():
            remix = "The mix is neutral: this is the recording itself."
        self.what_note.say({"stems": stems, "remix": remix, "both": f"{titles} at 0 dB, and the remix as it is heard."}.get(what, ""))
        self.range_note.say(NO_SELECTION if self._state.selection is None else "Positions and lengths stay exact to the sample.")
        self.format_note.say(promise(song, self.subtype, what != "remix"))
        self._explain_headroom()

    def _explain_headroom(self, _levels: object = None) -> None:
        song, levels = self._state.song, self._state.levels
        if song is None:
            return
        clipped = levels.n_clipped if levels else 0
        if self.headroom.value():
            self.headroom_note.say(f"All that is written is lowered by {self.headroom.value():g} dB; the null is measured at that level.")
        elif song.sample_type.is_float and bits_of(self.subtype) is not None:
            self.headroom_note.say("Floats may go above full scale, integers cannot. If it does, export says what it needs.", "warn")
        elif clipped and self.what.chosen != "stems":
            self.headroom_note.say(f"The remix has clipped while playing ({clipped:,} samples); headroom lowers the whole output.", "warn")
        else:
            self.headroom_note.say("0 dB changes nothing; more lowers stems and remix alike.")

    def _is_neutral(self) -> bool:
        mix = self._state.mix
        return mix.master_db == 0.0 and all(strip == StemMix() for strip in mix.stems.values())
