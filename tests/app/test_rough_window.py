"""What must not go wrong when things go wrong around the window: dead disks, odd names, lost masks, keys that several want."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_window import ready, song, until

from app import memory
from app.bridge import ExportWish
from app.main_window import MainWindow
from app.make import Made
from app.paths import typed_folder
from app.settings import Settings
from app.state import Levels
from engine.cache import StoredChunk
from engine.types import Mix, StemMix

KEY = Qt.Key


# ------------------------------------------------------------------------------------------------------- what is remembered


def test_looking_at_a_method_with_other_stems_loses_no_mix(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    state = window.state
    ready(qtbot, window, song(tmp_path / "song.wav"))
    first = {look.name for look in state.stems}
    state.load_mix(Mix({"harmonic": StemMix(gain_db=-7.0), "percussive": StemMix(mute=True)}, master_db=-1.0))
    mix = state.mix
    window.bridge.choose_method("repet-sim")
    assert {look.name for look in state.stems} != first and state.mix.master_db == -1.0
    state.move_strip(state.stems[0].name, gain_db=2.0)
    other = state.mix
    window.bridge.choose_method("hpss")
    assert state.mix == mix
    window.bridge.choose_method("repet-sim")
    assert state.mix == other
    window.bridge.close_song()
    ready(qtbot, window, tmp_path / "song.wav")
    assert state.mix == other
    window.bridge.choose_method("hpss")
    assert state.mix == mix


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_song_is_known_by_whatever_way_it_was_come_by(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    path = song(tmp_path / "real" / "song.wav")
    ready(qtbot, window, tmp_path / "link" / "song.wav")
    window.state.move_strip("harmonic", gain_db=3.0)
    mix = window.state.mix
    monkeypatch.chdir(path.parent)
    for way in (path, Path("song.wav"), tmp_path / "link" / "song.wav"):
        window.bridge.close_song()
        ready(qtbot, window, way)
        assert window.state.mix == mix, way


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
def test_a_name_that_is_not_utf_8_can_be_closed_and_is_remembered(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    path.write_bytes(song(tmp_path / "plain.wav").read_bytes())
    ready(qtbot, window, path)
    window.state.move_strip("harmonic", gain_db=3.0)
    mix = window.state.mix
    window.bridge.close_song()
    assert window.state.song is None
    ready(qtbot, window, path)
    assert window.state.mix == mix
    assert memory.recall(made.settings.folder, window.state.song, ("harmonic", "percussive")) is not None


def test_a_recent_song_on_a_dead_disk_is_passed_over(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "mount" / "old.wav"
    dead.parent.mkdir()
    song(dead)
    made.settings.remember(dead)
    plain = os.stat

    def stat(path: object, *args: object, **more: object) -> os.stat_result:
        if str(path).startswith(str(dead.parent)):
            raise OSError(107, "Transport endpoint is not connected")
        return plain(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os.path, "exists", lambda p: not str(p).startswith(str(dead.parent)) and os.access(p, os.F_OK))
    assert made.settings.recent == []
    ready(qtbot, window, song(tmp_path / "new.wav"))
    assert made.settings.recent == [tmp_path / "new.wav"]


def test_recent_songs_are_looked_for_by_what_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(tmp_path / "settings.ini")
    settings.remember(song(tmp_path / "a.wav"))

    def gone(self: Path, **_: object) -> os.stat_result:
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(Path, "stat", gone)
    assert settings.recent == [tmp_path / "a.wav"]


# --------------------------------------------------------------------------------------------------- masks that others took


def lose_masks(window: MainWindow) -> None:
    chunks = window.bridge._session.masks.chunks.values()
    assert all(isinstance(chunk, StoredChunk) for chunk in chunks)
    for chunk in chunks:
        chunk.path.unlink()


def test_masks_that_were_taken_from_the_cache_are_made_again_by_r(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    until(qtbot, lambda: window.state.null is not None)
    lose_masks(window)
    window.bridge.resume()
    until(qtbot, lambda: window.state.masks.is_complete and window.state.null is not None)
    assert all(chunk.path.exists() for chunk in window.bridge._session.masks.chunks.values())


def test_room_in_the_cache_is_not_made_of_the_masks_of_what_is_compared(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    until(qtbot, lambda: window.state.masks.is_complete)
    heard = window.bridge._session
    heard.cache.limit_bytes = 1
    window.bridge._other = other = heard.beside("repet-sim")
    other.separate(in_use=window.bridge._chunks)
    assert all(chunk.path.exists() for one in (heard, other) for chunk in one.masks.chunks.values())
    heard.beside("hpss").separate()
    assert not any(chunk.path.exists() for chunk in other.masks.chunks.values())  # nobody said that they were in use
    window.bridge._other = None


def test_play_tries_again_after_it_could_not(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    state = window.state
    ready(qtbot, window, song(tmp_path / "song.wav"))
    until(qtbot, lambda: state.masks.is_complete)
    read = window.bridge._session.mixture.read
    window.bridge._session.mixture.read = lambda *_: (_ for _ in ()).throw(OSError("the disk is gone"))  # type: ignore[method-assign]
    state.seek_wanted.emit(2.0)
    until(qtbot, lambda: "the disk is gone" in made.player.problem)
    for _ in range(2):  # still gone: said each time, and the button does not pretend
        state.message = ""
        state.playing = True
        until(qtbot, lambda: "the disk is gone" in state.message and not state.playing)
    window.bridge._session.mixture.read = read  # type: ignore[method-assign]
    state.playing = True
    until(qtbot, lambda: state.position_s > 2.05 and state.playing)
    assert made.player.problem == ""
    state.playing = False


# --------------------------------------------------------------------------------------------- opening, exporting, preferences


def test_opening_can_be_cancelled_and_what_was_there_stays(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from app import bridge

    ready(qtbot, window, song(tmp_path / "one.wav"))
    until(qtbot, lambda: not window.bridge._jobs)
    go, plain, closed = threading.Event(), bridge.Session, []

    class Slow(plain):  # type: ignore[misc, valid-type]
        def __init__(self, *args: object, **more: object) -> None:
            go.wait(10)
            super().__init__(*args, **more)

        def close(self) -> None:
            closed.append(1)
            super().close()

    monkeypatch.setattr(bridge, "Session", Slow)
    window.bridge.open(song(tmp_path / "two.wav"))
    until(qtbot, lambda: window.state.progress is not None)
    window.bridge.cancel()
    assert window.state.progress is None and "cancelled" in window.state.message
    go.set()
    until(qtbot, lambda: closed)
    assert window.state.song.path == tmp_path / "one.wav"


def test_a_song_that_finishes_opening_waits_for_the_files_of_the_one_before(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "one.wav", 20.0))
    done: list[object] = []
    window.bridge.exported.connect(done.append)
    two = song(tmp_path / "two.wav")
    window.bridge.export(ExportWish(tmp_path / "out", stems=True, remix=True))
    window.bridge.open(two)
    until(qtbot, lambda: window.state.song.path == two)
    assert len(done) == 1 and all(path.exists() for path in done[0].files)
    assert all(path.name.startswith("one") for path in done[0].files)


def test_a_preference_that_was_set_back_holds_for_the_next_song(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "one.wav"))
    made.settings.choose(method="repet-sim")
    made.settings.choose(method="hpss")
    ready(qtbot, window, song(tmp_path / "two.wav"))
    assert window.state.method == "hpss"


def test_what_clipped_in_one_song_is_no_news_of_the_next(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "one.wav"))
    meter = window.mixer.master.meter
    window.state.levels = Levels({}, (1.5, 1.5), 3)
    assert meter.is_clipping and meter.max_db > 3.0
    ready(qtbot, window, song(tmp_path / "two.wav"))
    assert not meter.is_clipping and meter.max_db < 3.0


def test_any_folder_that_can_be_typed_is_a_folder() -> None:
    assert typed_folder(" ~/out ") == Path.home() / "out" and typed_folder("/out") == Path("/out")
    assert typed_folder("~nobody-of-this-name/out") == Path("~nobody-of-this-name/out")


# -------------------------------------------------------------------------------------------------------------------- keys


def press(widget: object, key: Qt.Key, text: str = "", modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """As the system sends it: the window's shortcuts are asked first."""
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers, text)
    event.ignore()
    QApplication.sendEvent(widget, event)
    if event.isAccepted():
        QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text))
    else:
        QTest.keyClick(widget, key, modifiers)


def test_keys_of_a_strip_are_its_own(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    strip, state = window.mixer.strips["harmonic"], window.state
    for part in (strip.fader, strip.balance, strip.solo):
        part.setFocus()
        before = state.strip("harmonic").mute
        press(part, KEY.Key_M, "m")
        assert state.strip("harmonic").mute != before and not window.dock.is_below
    for digit, heard in (("2", "original"), ("3", "difference"), ("1", "remix")):  # these are the window's, wherever the focus is
        strip.fader.setFocus()
        press(strip.fader, KEY(ord(digit)), digit)
        assert state.listening == heard
    for sign in "+-":
        strip.fader.setFocus()
        press(strip.fader, KEY.Key_Plus if sign == "+" else KEY.Key_Minus, sign)
        QTest.keyClicks(strip.gain, "3")
        assert strip.gain.text() == f"{sign}3"
        QTest.keyClick(strip.gain, KEY.Key_Return)
        assert state.strip("harmonic").gain_db == float(f"{sign}3")
        assert window.focusWidget() is strip.fader  # so that Space plays and Ctrl+Z takes back


def test_ctrl_plus_on_the_picture_zooms_in_frequency(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    view = window.view
    canvas = view.canvas
    before = view.window, view.rows
    press(canvas, KEY.Key_Plus, "+", Qt.KeyboardModifier.ControlModifier)
    assert view.window == before[0] and np.diff(view.rows) < np.diff(before[1])
    press(canvas, KEY.Key_Minus, "-", Qt.KeyboardModifier.ControlModifier)
    assert view.rows == pytest.approx(before[1])
