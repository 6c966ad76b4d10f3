"""That the window says what is so: levels, modes, what was cut off, what cannot be heard, which key does what."""

import re
from pathlib import Path

import pytest
import soundfile as sf
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton, QWidget
from pytestqt.qtbot import QtBot
from test_window import ready, song, until

from app import memory, status_bar, theme
from app import readout as readout_module
from app.main_window import MainWindow
from app.make import Made
from app.preferences import PreferencesDialog
from app.shortcuts_dialog import ShortcutsDialog
from app.state import Levels, StemLook
from engine.display_masks import readout
from engine.types import INT16, AudioInfo, Mix, Progress, StemMix

KEY = Qt.Key
NAMES = ("vocals", "drums", "bass", "other", "pan-1")
FIVE = tuple(StemLook(name, name.capitalize(), theme.stem_colour(name, i)) for i, name in enumerate(NAMES))


def opened_without_a_file(window: MainWindow, n_stems: int = 4) -> None:
    window.state.stems = FIVE[:n_stems]
    window.state.song = AudioInfo(None, "WAV", "PCM_16", INT16, 44100, 2, 441_000)


# ------------------------------------------------------------------------------------------------------------------ room


@pytest.mark.parametrize("n_stems", [2, 4, 5])
@pytest.mark.parametrize("width", [1024, 1180, 1280, 1440])
def test_a_song_makes_no_window_grow(window: MainWindow, width: int, n_stems: int) -> None:
    window.resize(width, 760)
    QTest.qWait(50)
    opened_without_a_file(window, n_stems)
    for _ in range(10):
        QTest.qWait(20)
        assert window.width() == width
    assert window.mixer.master.isVisible()
    edge = window.mixer.master.mapTo(window, window.mixer.master.rect().topRight()).x()
    assert edge < width


@pytest.mark.parametrize("width", [1440, 1280, 1100, 960])
def test_of_the_stems_under_the_cursor_the_least_are_left_out(window: MainWindow, qtbot: QtBot, tmp_path: Path, width: int) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    until(qtbot, lambda: window.state.picture is not None and window.state.picture.done_at(40))
    line = window.panel.readout
    line.setFixedWidth(width - 660)
    QTest.qWait(30)
    line.point((1.0, 220.0))
    names = {look.title for look in window.state.stems}
    shown = {name for name in names if name in line._stems.text()}
    reading = readout(window.state.picture, window.state.masks, 1.0, 220.0)
    most = max(reading.shares, key=lambda s: reading.shares[s])
    assert next(look.title for look in window.state.stems if look.name == most) in shown
    owners = {look.title for look in window.state.stems if reading.shares[look.name] >= readout_module.LEAST_SHARE}
    assert ("…" in line._stems.text()) == (not owners <= shown)
    assert all(name in line._stems.toolTip() for name in names)
    if len(shown) > 1:
        assert line._stems.geometry().x() + line._stems.sizeHint().width() <= line.width()


def test_numbers_stand_beside_their_own_name(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    until(qtbot, lambda: window.state.picture is not None and window.state.picture.done_at(40))
    window.panel.readout.point((1.0, 220.0))
    plain = re.sub("<[^>]*>", "", window.panel.readout._stems.text())
    space = readout_module.FIGURE_SPACE
    for look in window.state.stems:
        assert re.search(rf"{look.title} [0-9–]+%", plain), plain
    numbers = re.findall(f"[0-9]+%{space}*", plain)
    assert len(numbers) == len(window.state.stems) and {len(n) for n in numbers} == {4}  # so that nothing moves


def test_every_note_of_the_preferences_has_its_room(window: MainWindow, made: Made, qtbot: QtBot) -> None:
    dialog = PreferencesDialog(window.state, made.bridge, made.settings, window, devices=list)
    dialog.show()
    QTest.qWait(30)
    for name in made.bridge.methods():
        made.settings.choose(method=name)
        window.state.sound = "No sound: this machine has no sound output; connect one or start its sound server."
        QTest.qWait(1)
        for note in (dialog.method_note, dialog.sound_note):
            assert note.heightForWidth(note.width()) <= note.height(), (name, note.text())
    dialog.close()


# ---------------------------------------------------------------------------------------------------------------- typing


@pytest.mark.parametrize("typed, db", [("-6", -6.0), ("+1.5", 1.5), ("3", 3.0), ("-inf", -float("inf"))])
def test_a_click_on_the_value_and_typing_takes_its_place(window: MainWindow, qtbot: QtBot, tmp_path: Path, typed: str, db: float) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    field = window.mixer.strips["harmonic"].gain
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    assert field.hasFocus() and field.selectedText() == field.text()
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, KEY.Key_Return)
    assert window.state.strip("harmonic").gain_db == db


def test_while_nothing_is_typed_the_field_leaves_keys_to_others(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    field = window.mixer.strips["harmonic"].gain
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    before = field.text()
    QTest.keyClick(field, KEY.Key_M)
    assert window.state.strip("harmonic").mute and field.text() == before
    QTest.keyClick(field, KEY.Key_S)
    assert window.state.strip("harmonic").solo
    assert not window.state.playing
    QTest.keyClick(field, KEY.Key_Space)
    assert window.state.playing and field.text() == before
    window.state.playing = False
    QTest.keyClicks(field, "-inf")
    assert field.text() == "-inf"  # letters count once something is being typed


# ----------------------------------------------------------------------------------------------------------------- modes


def test_modes_of_the_picture_are_ticked_in_the_menu_and_stand_under_it(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    for name in ("overlay", "follow_faders"):
        action = window.actions_[name]
        assert action.isCheckable() and not action.isIconVisibleInMenu()
        button = window.findChild(QToolButton, f"show-{name}")
        was = action.isChecked()
        assert button.isVisible() and button.isChecked() == was
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert action.isChecked() is not was and getattr(window.state, name) is not was
        action.trigger()
        assert button.isChecked() is was


def test_the_level_under_the_cursor_is_that_of_the_picture(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    state, line = window.state, window.panel.readout
    until(qtbot, lambda: state.picture is not None and state.picture.done_at(40))
    line.point((1.0, 220.0))
    mixture = line._db.text()
    state.load_mix(Mix({s.name: StemMix(gain_db=-20.0) for s in state.stems}))
    line._refresh()
    assert line._db.text() == mixture
    state.follow_faders = True
    line._refresh()

    def db(text: str) -> float:
        return float(text.removesuffix(" dB").replace("−", "-"))

    assert db(line._db.text()) == pytest.approx(db(mixture) - 20.0, abs=1.0)
    state.load_mix(Mix({s.name: StemMix(mute=True) for s in state.stems}))
    line._refresh()
    assert line._db.text() == "below −96 dB"


def test_loop_without_a_selection_is_the_whole_song(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav", 1.0))
    state = window.state
    state.looping = True
    state.seek_wanted.emit(0.7)
    state.playing = True
    until(qtbot, lambda: state.position_s > 0.8)
    until(qtbot, lambda: state.position_s < 0.5)
    assert state.playing
    state.looping = False
    until(qtbot, lambda: not state.playing)


def test_no_sound_stands_out(window: MainWindow, made: Made) -> None:
    for sound, colour in (("No sound: nothing is connected.", theme.WARN), ("Silent clock, 44.1 kHz", theme.DIM)):
        window.state.sound = sound
        assert colour in window.status.sound.styleSheet()
        dialog = PreferencesDialog(window.state, made.bridge, made.settings, window, devices=list)
        assert (theme.WARN in dialog.sound_note.styleSheet()) == (colour == theme.WARN)
        dialog.close()


def test_both_meters_of_the_output_begin_anew_together(window: MainWindow, qtbot: QtBot) -> None:
    opened_without_a_file(window)
    window.state.levels = Levels({}, (1.5, 0.4))
    assert window.transport.level.is_clipping and window.mixer.master.meter.is_clipping
    window.mixer.master.output.click()
    window.state.levels = Levels({}, (1.5, 0.4))  # made before the click
    until(qtbot, lambda: not window.mixer.master.meter.is_clipping)
    until(qtbot, lambda: not window.transport.level.is_clipping)
    assert window.transport.level.max_db == window.mixer.master.meter.max_db


# ---------------------------------------------------------------------------------------------------------- doing, undoing


def test_undo_can_be_chosen_where_there_is_something_to_undo(window: MainWindow) -> None:
    undo, redo = window.actions_["undo"], window.actions_["redo"]
    opened_without_a_file(window)
    assert not undo.isEnabled() and not redo.isEnabled()
    window.state.move_strip("vocals", gain_db=-3.0)
    assert undo.isEnabled() and not redo.isEnabled()
    undo.trigger()
    assert not undo.isEnabled() and redo.isEnabled()
    window.state.song = None
    assert not undo.isEnabled() and not redo.isEnabled()


def test_a_cancel_is_seen_before_the_work_has_ended(window: MainWindow) -> None:
    opened_without_a_file(window)
    asked = []
    window.status.cancel_wanted.connect(lambda: asked.append(1))
    window.state.progress = Progress("Separating", 0.1)
    assert window.status.cancel.isEnabled()
    window.status.cancel.click()
    window.state.progress = Progress("Separating", 0.2)  # of the chunk that is in hand
    assert asked and not window.status.cancel.isEnabled() and window.status.percent.text() == "Cancelling …"
    window.state.progress = None
    window.state.progress = Progress("Separating", 0.2)
    assert window.status.cancel.isEnabled() and "20 %" in window.status.percent.text()


def test_messages_are_forgotten(window: MainWindow, qtbot: QtBot) -> None:
    assert 5_000 <= status_bar.STALE_MS <= 60_000
    window.status._stale.setInterval(50)
    for _ in range(2):  # the same one again is seen again
        window.state.message = "“0-6.0” is not a level."
        assert window.status.message.text() == "“0-6.0” is not a level."
        until(qtbot, lambda: window.status.message.text() == "")


def test_a_mono_song_opens_whatever_method_was_chosen(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    stereo, mono = song(tmp_path / "stereo.wav", 1.0), tmp_path / "mono.wav"
    samples, rate_hz = sf.read(stereo)
    sf.write(mono, samples[:, 0], rate_hz)
    window.state.method = "adress"
    ready(qtbot, window, mono)
    assert window.state.method == "nullsum-4" and "mono.wav is mono; Nullsum" in window.state.message
    ready(qtbot, window, stereo)
    assert window.state.method == "adress" and window.state.message == "stereo.wav is open."


# ------------------------------------------------------------------------------------------------------------- by keyboard


def test_tab_reaches_every_part_of_the_window(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    window.activateWindow()
    window.view.canvas.setFocus()
    seen: list[QWidget] = []
    for _ in range(200):
        widget = window.focusWidget()
        if widget in seen:
            break
        seen.append(widget)
        window.focusNextChild()
    parts = {window.panel.overview, window.view.canvas, window.transport.play, window.badge, window.mixer.presets, window.status.device}
    assert parts <= {w for s in seen for w in (s, s.parentWidget())}


def test_the_sheet_tells_keys_and_gestures_of_the_picture(window: MainWindow, made: Made) -> None:
    sheet = ShortcutsDialog(window.state, made.bridge, made.settings, window)
    heads = {sheet.table.topLevelItem(i).text(0) for i in range(sheet.table.topLevelItemCount())}
    assert {"The picture that has the focus", "The mouse on the picture"} <= heads
    sheet.find.setText("double click")
    rows = [sheet.table.topLevelItem(i) for i in range(sheet.table.topLevelItemCount())]
    assert any(not row.isHidden() for row in rows)
    sheet.close()


def test_about_tells_the_version(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr("app.main_window.QMessageBox.about", lambda *args: said.append(args[-1]))
    window.show_about()
    assert re.search(r"Version \d+\.\d+\.\d+", said[0])


def test_hertz_are_named_at_their_ruler(window: MainWindow) -> None:
    opened_without_a_file(window)
    labels = [item.text for item in window.view.canvas.scene().items() if hasattr(item, "setText") and getattr(item, "text", "") == "Hz"]
    assert labels == ["Hz"]
    assert window.view._frequency_axis.ticks(0.0, 512.0, 400.0) == []  # no picture yet, so no frequencies


# ---------------------------------------------------------------------------------------------------- what would be lost


def test_a_mix_outlives_a_kill(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    window.state.move_strip("harmonic", gain_db=-6.0)
    names = tuple(look.name for look in window.state.stems)

    def kept() -> float | None:  # what a next start would find, while this one has not been closed
        found = memory.recall(made.settings.folder, window.state.song, names)
        return found[0].stems["harmonic"].gain_db if found and "harmonic" in found[0].stems else None

    until(qtbot, lambda: kept() == -6.0)


def test_what_is_paused_shows_the_way_on(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.open_path(song(tmp_path / "song.wav", 60.0))
    until(qtbot, lambda: "separate" in window.bridge._jobs and window.status.cancel.isVisible())
    window.status.cancel.click()
    until(qtbot, lambda: window.state.paused)
    status = window.status
    assert status.work.isVisible() and status.percent.text() == "Separation paused" and status.resume.isVisible()
    assert not status.cancel.isVisible() and not status.bar.isVisible()
    assert window.actions_["resume"] in window.methods._menu.actions() and not window.state.masks.is_complete
    status.resume.click()
    assert not window.state.paused
    until(qtbot, lambda: window.state.masks.is_complete and not status.work.isVisible(), 60_000)


def test_r_at_once_after_a_cancel_goes_on(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.open_path(song(tmp_path / "song.wav", 60.0))
    until(qtbot, lambda: "separate" in window.bridge._jobs)
    window.bridge.cancel()
    window.bridge.resume()  # while the chunk in hand is still being made
    until(qtbot, lambda: window.state.masks is not None and window.state.masks.is_complete, 60_000)
    assert not window.state.paused


def test_a_song_that_was_changed_on_disk_is_told(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = song(tmp_path / "song.wav")
    ready(qtbot, window, path)
    window.state.message = ""
    window.bridge.look_at_file()
    assert window.state.message == ""
    song(path, 2.0, seed=3)
    window.bridge.look_at_file()
    assert "song.wav" in window.state.message and "changed on disk" in window.state.message


def test_of_several_dropped_songs_one_opens_and_it_is_said(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    paths = [song(tmp_path / f"{n}.wav", 1.0) for n in "ab"]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    said = []
    window.state.message_changed.connect(said.append)
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))
    assert any("one song at a time" in text for text in said)
    until(qtbot, lambda: window.state.song is not None and window.state.song.path == paths[0])


def test_to_start_is_the_same_by_button_and_by_key(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    for looping, selection, start in ((True, (1.0, 2.0), 1.0), (False, (1.0, 2.0), 0.0), (True, None, 0.0)):
        window.state.looping, window.state.selection = looping, selection
        for go in (window.actions_["to_start"].trigger, window.transport.to_start.click):
            window.state.seek_wanted.emit(1.5)
            go()
            assert window.state.position_s == pytest.approx(start, abs=0.02)
