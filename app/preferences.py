"""Preferences: compute device, sound, cache, method. Every change holds at once; there is nothing to confirm."""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QWidget

from app.binding import show
from app.dialog_fields import Combo, Number, WholeNumber
from app.dialog_parts import Dialog, Form, Note, Notice, button, buttons, line, tab_order
from app.paths import typed_folder
from app.settings import Choices, Settings
from app.sound_devices import Device, SinkError, list_devices
from app.state import State

COMPUTE = {"auto": "Automatic: a GPU if there is one", "cuda": "NVIDIA or AMD GPU (CUDA, ROCm)", "mps": "Apple GPU (MPS)", "cpu": "CPU"}
SHOWN = ("compute_device", "sound_device", "buffer_ms", "cache_folder", "cache_limit_gb", "method")  # what is chosen here


def device_key(device: Device, all_devices: list[Device]) -> str:
    """What names a device for sure: its name, with its host API where two are called alike."""
    alike = sum(other.name == device.name for other in all_devices)
    return device.name if alike == 1 else f"{device.name}, {device.host_api}"


def folder_problem(folder: Path) -> str:
    """Why the cache cannot lie there, as a sentence; empty where it can."""
    if not folder.is_absolute():
        return f"{folder} is no whole path; begin at the root of the disk, or choose the folder in the dialog."
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        return f"{above} is a file, not a folder; choose another folder."
    return "" if os.access(above, os.W_OK) else f"{above} is read-only for you; choose another folder."


class PreferencesDialog(Dialog):
    """Shows the settings and writes them back."""

    def __init__(self, state: State, bridge: Any, settings: Settings, parent: QWidget | None = None,
                 devices: Callable[[], list[Device]] = list_devices) -> None:  # fmt: skip
        super().__init__("Preferences", parent)
        self._state, self._bridge, self._settings = state, bridge, settings
        self.compute, self.sound = Combo(objectName="compute"), Combo(objectName="sound")
        self.buffer = WholeNumber(objectName="buffer", suffix=" ms", singleStep=5, keyboardTracking=False, accessibleName="Buffer")
        self.buffer.setRange(10, 200)
        self.folder = QLineEdit(objectName="cache-folder", placeholderText="The system's cache folder")
        self.limit = Number(objectName="limit", suffix=" GB", decimals=1, keyboardTracking=False, accessibleName="Limit")
        self.limit.setRange(0.5, 1000.0)
        self.method = Combo(objectName="method")
        self.browse = button("&Browse…", "browse", "Choose the folder in a dialog")
        self.clear = button("Clear &now", "clear", "Drop all masks that were kept; an open song is separated again")
        self.defaults = button("&Restore defaults", "defaults", "All preferences here as on a fresh machine")
        self.close_button = button("Close", "close", default=True)
        self.device_note, self.sound_note, self.usage, self.method_note = Note(n_lines=2), Note(n_lines=3), Note(), Note(n_lines=4)
        self.notice = Notice()
        self._fill(devices)
        self._lay_out()
        self._connect()
        self._show_choices(settings.choices)
        show(self, state, "device", self._show_device)
        show(self, state, "device_why", self._show_device)
        show(self, state, "sound", self._show_sound)
        if not state.device:
            bridge.ask_device()
        self.method.setFocus()

    def _fill(self, devices: Callable[[], list[Device]]) -> None:
        for key, title in COMPUTE.items():
            self.compute.addItem(title, key)
        self._no_sound = ""
        self.sound.addItem("The system's default", "")
        try:
            found = devices()
        except SinkError as e:
            self._no_sound, found = str(e), []
        for device in found:
            self.sound.addItem(f"{device.name} ({device.host_api}, {device.default_rate_hz / 1000:g} kHz)", device_key(device, found))
        for info in self._bridge.methods().values():
            self.method.addItem(f"{info.title}: {', '.join(info.stems)}", info.name)

    def _lay_out(self) -> None:
        column, form = self.column(), Form()
        for box in (self.compute, self.sound, self.method):
            box.setSizePolicy(self.folder.sizePolicy())
            box.setMinimumContentsLength(24)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.buffer.setFixedWidth(96)
        self.limit.setFixedWidth(96)
        form.heading("Separation")
        form.row("&Method", self.method, note=self.method_note)
        form.row("&Compute on", self.compute, note=self.device_note)
        form.heading("Sound")
        form.row("&Output", self.sound)
        form.row("B&uffer", self.buffer, note=self.sound_note)
        form.itemAtPosition(form.rowCount() - 3, 1).layout().addStretch(1)
        form.heading("Cache of masks")
        form.row("&Folder", self.folder, self.browse)
        form.row("&Limit", self.limit, self.clear, note=self.usage)
        form.itemAtPosition(form.rowCount() - 3, 1).layout().insertStretch(1, 1)
        column.addLayout(form)
        column.addWidget(self.notice)
        column.addStretch(1)
        column.addWidget(line())
        column.addLayout(buttons([self.defaults], [self.close_button]))
        tab_order(self.method, self.compute, self.sound, self.buffer, self.folder, self.browse, self.limit, self.clear, self.defaults,
                  self.close_button)  # fmt: skip
        self.setMinimumWidth(560)

    def _connect(self) -> None:
        for box, name in ((self.compute, "compute_device"), (self.sound, "sound_device"), (self.method, "method")):
            box.setProperty("choice", name)
            box.activated.connect(self._choose_item)
        self.buffer.valueChanged.connect(self._choose_buffer)
        self.limit.valueChanged.connect(self._choose_limit)
        self.folder.editingFinished.connect(self._choose_folder)
        self.browse.clicked.connect(self._browse)
        self.clear.clicked.connect(self._clear)
        self.defaults.clicked.connect(self._restore)
        self.close_button.clicked.connect(self.accept)
        self._settings.changed.connect(self._on_changed)
        self._bridge.cache_cleared.connect(self._on_cleared)

    # --------------------------------------------------------------------------------------------- settings -> widgets

    @Slot(object)
    def _on_changed(self, choices: Choices) -> None:
        self._show_choices(choices)

    def _show_choices(self, choices: Choices) -> None:
        for widget in (self.buffer, self.limit, self.folder):
            widget.blockSignals(True)
        self.buffer.setValue(choices.buffer_ms)
        self.limit.setValue(choices.cache_limit_gb)
        self.folder.setText(choices.cache_folder)
        for widget in (self.buffer, self.limit, self.folder):
            widget.blockSignals(False)
        for box, value in ((self.compute, choices.compute_device), (self.sound, choices.sound_device), (self.method, choices.method)):
            with QSignalBlocker(box):
                if box.findData(value) < 0:
                    box.addItem(f"{value} (not there now)", value)
                box.setCurrentIndex(box.findData(value))
        info = self._bridge.methods().get(choices.method)
        later = " Holds from the next song on." if self._state.song and self._state.method != choices.method else ""
        self.method_note.say((info.sentence if info else "") + later)
        self.usage.say(self._bridge.cache_usage())
        self._show_device("")

    def _show_device(self, _text: str) -> None:
        device, why = self._state.device, self._state.device_why
        if not device:
            self.device_note.say("Looking for a GPU …")
        else:
            missed = self._settings.choices.compute_device not in ("auto", "cpu") and device.startswith("CPU")
            self.device_note.say(f"Computes on: {device}. {why}".strip(), "warn" if missed else "info")

    def _show_sound(self, sound: str) -> None:
        lag = "A short buffer feels direct; a long one survives a busy machine."
        said = self._no_sound or sound
        self.sound_note.say(f"{said}\n{lag}".strip(), "warn" if said.startswith("No sound") else "info")

    # --------------------------------------------------------------------------------------------- widgets -> settings

    @Slot()
    def _choose_item(self) -> None:
        box = self.sender()
        self._settings.choose(**{box.property("choice"): box.currentData()})

    @Slot(int)
    def _choose_buffer(self, value: int) -> None:
        self._settings.choose(buffer_ms=value)

    @Slot(float)
    def _choose_limit(self, value: float) -> None:
        self._settings.choose(cache_limit_gb=value)

    @Slot()
    def _choose_folder(self) -> None:
        text = self.folder.text().strip()
        folder = typed_folder(text)
        problem = folder_problem(folder) if text else ""
        self.notice.say(problem, "error")
        if not problem:
            self._settings.choose(cache_folder=str(folder) if text else "")

    @Slot()
    def _browse(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Keep the cache in", self.folder.text())
        if found:
            self.folder.setText(found)
            self._choose_folder()

    @Slot()
    def _clear(self) -> None:
        self.clear.setEnabled(False)
        self._bridge.clear_cache()

    @Slot(str)
    def _on_cleared(self, sentence: str) -> None:
        self.clear.setEnabled(True)
        self.usage.say(self._bridge.cache_usage())
        self.notice.say(sentence, "info")

    @Slot()
    def _restore(self) -> None:
        self.notice.say("")
        self._settings.choose(**{field.name: field.default for field in fields(Choices) if field.name in SHOWN})
        self._show_choices(self._settings.choices)


