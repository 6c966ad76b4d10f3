"""The real window, driven as a user drives it: open, separate, fade, mute, loop, export, close; checked in state and in sound."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app import colours
from app.bridge import ExportWish
from app.main_window import MainWindow
from app.make import Made
from engine import export
from engine.types import Mix, StemMix


def song(path: Path, seconds: float = 4.0, seed: int = 0) -> Path:
    """A 16-bit stereo file: a tone, clicks and some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 44100)) / 44100
    x = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.02 * rng.standard_normal(len(t))
    x[:: 44100 // 4] += 0.5
    sf.write(path, np.stack([x, 0.7 * x], axis=1), 44100, subtype="PCM_16")
    return path


def until(qtbot: QtBot, condition: Callable[[], object], ms: int = 20_000) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=ms)


def ready(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Open and wait until everything is known."""
    window.open_path(path)
    until(qtbot, lambda: window.state.song is not None and window.state.song.path == path)
    until(qtbot, lambda: window.state.masks is not None and window.state.masks.is_complete and window.state.null is not None)


def test_a_dropped_file_is_opened_drawn_separated_and_measured(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = song(tmp_path / "Ünïcode 曲.wav")
    assert window.picture.currentIndex() == 0 and not window.actions_["export"].isEnabled()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    with_left = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), *with_left)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(50, 50), *with_left))
    until(qtbot, lambda: window.state.null is not None)
    state = window.state
    assert state.song.path == path and path.name in window.windowTitle() and window.picture.currentIndex() == 1
    assert [s.name for s in state.stems] == ["harmonic", "percussive"] and list(window.mixer.strips) == ["harmonic", "percussive"]
    assert state.null.is_neutral and state.null.n_different == 0 and state.null.n_compared == 2 * state.song.n_samples
    assert state.null.stems_sum_db < -200
    until(qtbot, lambda: state.picture is not None and state.picture.is_complete)
    assert window.settings.recent == [path]


def test_faders_move_by_mouse_wheel_keys_and_typing(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    state, desk = window.state, window.mixer.strips["harmonic"]
    fader = desk.fader
    at = QPoint(fader.width() // 4, int(fader.cap_y()))
    QTest.mousePress(fader, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    for step in range(1, 6):
        QTest.mouseMove(fader, at + QPoint(0, 6 * step))
    QTest.mouseRelease(fader, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at + QPoint(0, 30))
    dragged = state.strip("harmonic").gain_db
    assert dragged < -1 and state.undo.count() == 1  # one drag is one step
    assert state.null.is_neutral is False and -60 < state.null.distance_db < 0
    wheel = QWheelEvent(QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    QApplication.sendEvent(fader, wheel)
    assert state.strip("harmonic").gain_db == pytest.approx(dragged + 0.1, abs=0.051)
    fader.setFocus()
    QTest.keyClick(fader, Qt.Key.Key_Delete)
    assert state.strip("harmonic").gain_db == -math.inf
    desk.gain.setFocus()
    desk.gain.selectAll()
    QTest.keyClicks(desk.gain, "+1.5 dB")
    QTest.keyClick(desk.gain, Qt.Key.Key_Return)
    assert state.strip("harmonic").gain_db == 1.5
    QTest.mouseDClick(fader, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(fader.width() // 4, 80))
    assert state.strip("harmonic").gain_db == 0.0
    while state.undo.canUndo():
        window.actions_["undo"].trigger()
    assert state.null.is_neutral and state.mix == Mix()


def test_mute_solo_presets_and_the_sound_that_follows(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    QTest.mouseClick(window.mixer.strips["percussive"].mute, Qt.MouseButton.LeftButton)
    assert window.state.strip("percussive").mute
    session = made.bridge._session
    assert session is not None
    rendered = session.render(0, 44100).samples
    stems = session.render_stems(0, 44100)
    assert np.abs(rendered / 32768 - stems[0]).max() <= 1.01 / 32768
    QTest.mouseClick(window.mixer.strips["percussive"].solo, Qt.MouseButton.LeftButton)
    assert not session.render(0, 44100).samples.any()  # mute wins over solo
    window.actions_["neutral"].trigger()
    assert np.array_equal(session.render(0, 44100).samples, session.mixture.read(0, 44100))


def test_playing_moves_the_position_loops_and_shows_levels(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    state = window.state
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert state.playing
    until(qtbot, lambda: state.position_s > 0.3 and state.levels is not None and max(state.levels.master) > 0.05)
    state.selection, state.looping = (1.0, 1.4), True
    window.actions_["to_start"].trigger()
    seen: list[float] = []
    state.position_s_changed.connect(seen.append)
    until(qtbot, lambda: sum(b < a for a, b in pairwise(seen)) >= 2)  # round the loop twice
    assert min(seen) > 0.95 and max(seen) < 1.45
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert not state.playing


def test_opening_another_song_does_not_wait_and_a_bad_one_loses_nothing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = song(tmp_path / "long.wav", 120.0), song(tmp_path / "short.wav", 3.0)
    window.open_path(long)
    until(qtbot, lambda: window.state.song is not None)
    seen: list[tuple[float, bool]] = []
    window.state.masks_changed.connect(lambda masks: masks and seen.append((masks.seconds, masks.is_complete)))
    window.open_path(short)
    until(qtbot, lambda: window.state.song is not None and window.state.song.path == short)
    until(qtbot, lambda: window.state.masks.is_complete)
    assert (120.0, True) not in seen  # nobody waited for the long one
    assert window.state.masks.seconds == pytest.approx(3.0)
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    with qtbot.waitSignal(window.bridge.refused, timeout=20_000) as caught:
        window.open_path(bad)
    assert "bad.wav" in caught.args[0]
    assert window.state.song.path == short and window.state.masks.is_complete
    box = next(b for b in window.findChildren(QMessageBox))
    assert "bad.wav" in box.text()
    box.close()


def test_separation_can_be_cancelled_and_goes_on(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.open_path(song(tmp_path / "long.wav", 200.0))
    until(qtbot, lambda: window.state.masks is not None and len(window.state.masks.chunks) >= 1)
    running: list[bool] = []
    window.state.progress_changed.connect(lambda p: running.append("separate" in window.bridge._jobs) if p is None else None)
    window.bridge.cancel()
    until(qtbot, lambda: window.state.progress is None)
    assert running == [False]  # R at this very moment finds nothing in its way
    done = len(window.state.masks.chunks)
    assert 1 <= done < window.state.masks.n_chunks
    assert window.state.message == "Separation paused; R goes on with it."
    window.actions_["resume"].trigger()
    until(qtbot, lambda: window.state.masks.is_complete, 60_000)
    until(qtbot, lambda: window.state.null is not None)
    window.actions_["resume"].trigger()
    assert window.state.message == "Nothing is paused: everything is separated."


def test_the_mix_of_a_song_is_remembered(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    a, b = song(tmp_path / "a.wav", seed=1), song(tmp_path / "b.wav", seed=2)
    ready(qtbot, window, a)
    window.state.move_strip("harmonic", gain_db=-math.inf, balance=0.25)
    mix = window.state.mix
    ready(qtbot, window, b)
    assert window.state.mix == Mix() and not window.state.undo.canUndo()
    ready(qtbot, window, a)
    assert window.state.mix == mix


def test_another_method_keeps_what_both_know(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    window.state.move_strip("harmonic", gain_db=3.0)
    next(a for a in window._method_group.actions() if a.objectName() == "adress").trigger()
    until(qtbot, lambda: window.state.masks.is_complete and len(window.state.stems) == 5)
    assert window.state.mix == Mix() and list(window.mixer.strips) == ["left", "mid-left", "centre", "mid-right", "right"]


def test_an_export_through_the_bridge_adds_up(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = song(tmp_path / "song.wav")
    ready(qtbot, window, path)
    window.state.load_mix(Mix({"harmonic": StemMix(gain_db=-6.0)}))
    with qtbot.waitSignal(window.bridge.exported, timeout=20_000) as caught:
        window.bridge.export(ExportWish(tmp_path / "out", stems=True, remix=True))
    exported = caught.args[0]
    assert exported.report.result.adds_up and exported.report.result.n_different == 0
    names = sorted(p.name for p in exported.files)
    assert names == ["song - harmonic.wav", "song - percussive.wav", "song - remix.wav"]
    stems = [sf.read(tmp_path / "out" / n, dtype="int16")[0].astype(int) for n in names[:2]]
    assert np.array_equal(stems[0] + stems[1], sf.read(path, dtype="int16")[0])
    assert "0 of" in window.bridge.null_text()


def test_an_export_takes_the_faders_as_they_stood_when_it_began(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = song(tmp_path / "song.wav")
    ready(qtbot, window, path)
    write_stems = export.write_stems

    def then_a_fader_moves(*arguments: Any) -> Any:
        written = write_stems(*arguments)
        assert window.bridge._session is not None
        window.bridge._session.mix = Mix({"harmonic": StemMix(gain_db=-20.0)})
        return written

    monkeypatch.setattr(export, "write_stems", then_a_fader_moves)
    with qtbot.waitSignal(window.bridge.exported, timeout=20_000):
        window.bridge.export(ExportWish(tmp_path / "out", stems=True, remix=True))
    assert np.array_equal(sf.read(tmp_path / "out" / "song - remix.wav", dtype="int16")[0], sf.read(path, dtype="int16")[0])


def test_every_action_has_a_tip_and_every_shortcut_is_its_own(window: MainWindow) -> None:
    keys = [a.shortcut().toString() for a in window.actions_.values() if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys)) >= 20
    assert all(a.toolTip() for a in window.actions_.values())


def test_enter_presses_the_focused_button(window: MainWindow, qapp: QApplication, qtbot: QtBot) -> None:
    qapp.installEventFilter(window)
    pressed: list[int] = []
    button = QPushButton("x", window)
    button.clicked.connect(lambda: pressed.append(1))
    button.show()
    QTest.keyClick(button, Qt.Key.Key_Return)
    qapp.removeEventFilter(window)
    assert pressed == [1]


def test_a_reference_of_none_is_not_lost_at_every_call(window: MainWindow) -> None:
    """PySide6 6.12.0 on Python 3.11 loses one a call and aborts after seconds of plotting."""
    import sys

    before = sys.getrefcount(None)
    for _ in range(1000):
        window.update()
    assert sys.getrefcount(None) > before - 500


def test_the_layout_and_the_brightness_are_remembered(made: Made, qtbot: QtBot) -> None:
    for below, range_db in ((False, colours.RANGE_DB), (True, (-60.0, -20.0))):
        made.state.range_db = (-90.0, -3.0)  # of another window
        w = MainWindow(made.state, made.bridge, made.settings)
        w.show()
        assert w.actions_["mixer_below"].isChecked() is below and made.state.range_db == range_db
        w.dock.put_below(True)
        made.state.range_db = (-60.0, -20.0)
        w.close()
        w.deleteLater()
    made.settings.choose(darkest_db=float("nan"))
    w = MainWindow(made.state, made.bridge, made.settings)
    assert made.state.range_db == colours.RANGE_DB
    w.deleteLater()


def test_a_gpu_that_is_not_there_is_said_and_the_cpu_computes(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    made.settings.choose(method="nullsum-4", compute_device="cuda")
    refused: list[str] = []
    window.bridge.refused.connect(refused.append)
    said: list[str] = []
    window.state.message_changed.connect(said.append)
    window.open_path(song(tmp_path / "song.wav", 2.0))
    until(qtbot, lambda: window.state.null is not None, 60_000)
    assert not refused and any("'cuda'" in s and "The CPU computes instead." in s for s in said)
    assert window.state.device.startswith("CPU") and "'cuda'" in window.state.device_why
    assert made.settings.choices.compute_device == "cuda"  # it may be back tomorrow
