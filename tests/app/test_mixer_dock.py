"""The room of the mixer beside the picture: as much as its strips need in every window, until the user draws the edge elsewhere."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app import theme
from app.main_window import MainWindow
from app.mixer_dock import SETTLED_MS
from app.state import StemLook
from engine.types import INT16, AudioInfo

FOUR = tuple(StemLook(name, name.capitalize(), theme.STEM_COLOURS[name]) for name in ("vocals", "drums", "bass", "other"))


@pytest.fixture
def full(window: MainWindow) -> MainWindow:
    """A window with four strips, wide enough for them."""
    window.resize(1440, 800)
    window.state.song = AudioInfo(None, "WAV", "PCM_16", INT16, 44100, 2, 441_000)
    window.state.stems = FOUR
    settle(window)
    assert window.dock.width() == window.mixer.full_width() < 720
    return window


def settle(window: MainWindow) -> None:
    QTest.qWait(4 * SETTLED_MS)


def test_the_mixer_has_its_room_at_once(window: MainWindow) -> None:
    window.resize(1440, 800)
    settle(window)
    window.state.stems = FOUR
    window.state.song = AudioInfo(None, "WAV", "PCM_16", INT16, 44100, 2, 441_000)
    widths = []
    for _ in range(8):
        QTest.qWait(20)
        widths.append(window.dock.width())
    assert set(widths) == {window.mixer.full_width()}


def test_a_window_that_is_narrow_and_wide_again_has_its_whole_mixer_again(full: MainWindow) -> None:
    for width in (1000, 860, 1300, 1440):
        full.resize(width, 800)
        settle(full)
        beside = full.width() - full.centralWidget().minimumSizeHint().width()  # what the picture and the transport leave
        assert full.dock.width() == pytest.approx(min(full.mixer.full_width(), beside), abs=8)
    assert full.dock.width() == full.mixer.full_width()


def test_an_edge_that_the_user_drew_stays_until_the_strips_are_others(full: MainWindow, qtbot: QtBot) -> None:
    edge = QPoint(full.dock.x() - 2, full.dock.y() + full.dock.height() // 2)
    window = full.windowHandle()
    for event, step in ((QTest.mousePress, 0), (QTest.mouseMove, 60), (QTest.mouseMove, 120), (QTest.mouseRelease, 120)):
        at = edge + QPoint(step, 0)
        if event is QTest.mouseMove:
            event(window, at)
        else:
            event(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        QTest.qWait(20)
    drawn = full.dock.width()
    assert drawn <= full.mixer.full_width() - 100
    for width in (1400, 1440):
        full.resize(width, 800)
        settle(full)
        assert full.dock.width() == drawn
    full.state.stems = FOUR[:3]
    settle(full)
    assert full.dock.width() == full.mixer.full_width()


def test_below_the_picture_it_has_the_whole_width_and_beside_it_what_it_needs(full: MainWindow) -> None:
    full.dock.put_below(True)
    settle(full)
    assert full.dock.is_below and full.dock.width() == full.width()
    full.dock.put_below(False)
    settle(full)
    assert not full.dock.is_below and full.dock.width() == full.mixer.full_width()
