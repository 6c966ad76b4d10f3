"""The transport, the null badge, the status line and the icons."""

import doctest

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from app import icons, null_badge, status_bar, theme, transport
from app.null_badge import NullBadge, badge_text
from app.state import Levels, NullState, State
from app.status_bar import StatusBar
from app.transport import Transport
from engine.types import INT16, AudioInfo, Progress

LEFT, KEY = Qt.MouseButton.LeftButton, Qt.Key
SONG = AudioInfo(None, "WAV", "PCM_16", INT16, 44100, 2, 5_336_100)


@pytest.fixture
def state(qapp) -> State:
    if qapp.styleSheet() != theme.STYLE:  # it takes a second
        theme.apply(qapp)
    state = State()
    state.song = SONG
    return state


@pytest.fixture
def row(qtbot, state: State) -> Transport:
    row = Transport(state)
    qtbot.addWidget(row)
    row.resize(960, 48)
    row.show()
    return row


def has_colour(widget: QWidget, colour: str) -> bool:
    picture = widget.grab().toImage()
    return any(picture.pixelColor(x, y).name() == colour for x in range(picture.width()) for y in range(picture.height()))


@pytest.mark.parametrize("module", [transport, null_badge, status_bar])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_play_and_pause(qtbot, state, row):
    play = row.play.grab().toImage()
    qtbot.mouseClick(row.play, LEFT)
    assert state.playing and row.play.accessibleName() == "Pause" and row.play.grab().toImage() != play
    qtbot.mouseClick(row.play, LEFT)
    assert not state.playing
    state.playing = True  # by the space bar or the player
    assert row.play.accessibleName() == "Pause"


def test_to_start_and_stop(qtbot, state, row):
    state.playing = True
    with qtbot.waitSignal(state.seek_wanted) as asked:
        qtbot.mouseClick(row.to_start, LEFT)
    assert asked.args == [0.0] and state.playing
    with qtbot.waitSignal(state.seek_wanted) as asked:
        qtbot.mouseClick(row.stop, LEFT)
    assert asked.args == [0.0] and not state.playing
    state.selection = (12.5, 20.0)
    with qtbot.waitSignal(state.seek_wanted) as asked:
        qtbot.mouseClick(row.stop, LEFT)
    assert asked.args == [12.5]


def test_loop(qtbot, state, row):
    qtbot.mouseClick(row.loop, LEFT)
    assert state.looping
    state.looping = False
    assert not row.loop.isChecked()
    state.selection = (60.0, 62.5)
    assert "1:00.000 to 1:02.500" in row.loop.toolTip()


def test_the_three_way_switch_by_mouse_and_key(qtbot, state, row):
    row.activateWindow()
    for name in ("original", "difference", "remix"):
        qtbot.mouseClick(row.heard[name], LEFT)
        assert state.listening == name
        assert [b.isChecked() for b in row.heard.values()].count(True) == 1
    row.heard["remix"].setFocus()
    qtbot.keyClick(row.heard["remix"], KEY.Key_Right)
    assert state.listening == "original"
    state.listening = "difference"
    assert row.heard["difference"].isChecked() and state.listening == "difference"


def test_time_is_shown_and_told(state, row):
    state.position_s = 62.345
    assert row.time.text == ("1:02.345", "2:01.000")
    assert row.time.accessibleDescription() == "1:02.345 of 2:01.000"
    before = row.time.grab().toImage()
    state.position_s = 62.4
    assert row.time.grab().toImage() != before
    state.playing = True
    state.position_s = 63.0
    assert row.time.accessibleDescription().startswith("1:02.400"), "a screen reader is not flooded while it plays"


def test_output_level_and_gain(state, row):
    state.levels = Levels({}, (1.5, 0.4))
    assert row.level.is_clipping and row.level.max_db == pytest.approx(3.52, abs=0.01)
    state.output_db = -4.0
    assert row.output.text() == "−4.0 dB" and not row.level.is_clipping


def test_without_a_song_nothing_can_be_pressed(qtbot, state, row):
    state.song = None
    qtbot.mouseClick(row.play, LEFT)
    assert not state.playing and not row.heard["original"].isEnabled()
    assert row.time.accessibleDescription() == "No song is open"


def test_names_and_tab_order(state, row):
    widget, order = row.nextInFocusChain(), []
    while widget is not row:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            order.append(widget)
        widget = widget.nextInFocusChain()
    assert order == [row.to_start, row.play, row.stop, row.loop, *row.heard.values()]
    names = [widget.accessibleName() for widget in order]
    assert all(names) and len(set(names)) == len(names)
    assert all(widget.accessibleDescription() and widget.toolTip() for widget in order)


@pytest.mark.parametrize(
    "null, first, second, light",
    [
        (None, "null not measured yet", "stems not measured yet", theme.FAINT),
        (NullState(True), "null not measured yet", "stems not measured yet", theme.FAINT),
        (NullState(True, 5_336_100, 0, -301.0), "NULL  0 of 5,336,100 samples differ", "stems sum within −301 dB", theme.GOOD),
        (NullState(True, 100, 3, -90.04), "NOT NULL  3 of 100 samples differ", "stems sum within −90.0 dB", theme.CLIP),
        (NullState(True, 100, 0, None), "NULL  0 of 100 samples differ", "stems not measured yet", theme.GOOD),
        (NullState(True, 100, 0, -float("inf")), "NULL  0 of 100 samples differ", "stems sum exactly", theme.GOOD),
        (NullState(False, 0, 0, -301.0, -18.3), "the change lies 18.3 dB below the mix", "stems sum within −301 dB", theme.ACCENT),
        (NullState(False, 0, 0, -301.0, -0.04), "the change is as loud as the mix", "stems sum within −301 dB", theme.ACCENT),
        (NullState(False, 0, 0, -301.0, 6.0), "the change lies 6.0 dB above the mix", "stems sum within −301 dB", theme.ACCENT),
        (NullState(False, 0, 0, -301.0, None), "null not measured yet", "stems sum within −301 dB", theme.FAINT),
    ],
)
def test_the_badge_says_what_was_measured(qtbot, state, null, first, second, light):
    badge = NullBadge(state)
    qtbot.addWidget(badge)
    state.null = null
    assert badge_text(null) == (first, second, light)
    assert badge.text() == f"{first}\n{second}" and first in badge.accessibleDescription()
    badge.resize(badge.sizeHint())
    badge.show()
    assert has_colour(badge, light)


def test_the_badge_is_clicked_by_mouse_and_key(qtbot, state):
    badge = NullBadge(state)
    qtbot.addWidget(badge)
    badge.show()
    with qtbot.waitSignal(badge.clicked):
        qtbot.mouseClick(badge, LEFT)
    with qtbot.waitSignal(badge.clicked):
        qtbot.keyClick(badge, KEY.Key_Space)
    with qtbot.waitSignal(badge.clicked):
        qtbot.keyClick(badge, KEY.Key_Return)


@pytest.fixture
def bar(qtbot, state: State) -> StatusBar:
    bar = StatusBar(state)
    qtbot.addWidget(bar)
    bar.resize(900, 32)
    bar.show()
    return bar


def test_progress_and_cancel(qtbot, state, bar):
    assert not bar.work.isVisible()
    state.progress = Progress("Separating", 0.421, 83.0)
    assert bar.work.isVisible() and bar.percent.text() == "Separating 42 % · 1:25 left"
    assert has_colour(bar.bar, theme.ACCENT)
    with qtbot.waitSignal(bar.cancel_wanted):
        qtbot.mouseClick(bar.cancel, LEFT)
    state.progress = None
    assert not bar.work.isVisible()


def test_device_sound_and_message(qtbot, state, bar):
    state.device, state.device_why, state.sound = "CPU, 1 thread", "No GPU was found.", "No sound device"
    assert bar.device.text() == "CPU, 1 thread" and "No GPU was found." in bar.device.toolTip()
    assert bar.sound.text() == "No sound device" and bar.sound.isVisible()
    qtbot.mouseClick(bar.device, LEFT)
    assert state.message == bar.message.text() == "No GPU was found."
    state.message = "A very long line " * 40
    QApplication.processEvents()
    assert bar.width() == 900 and bar.message.toolTip() == state.message


def test_the_status_line_has_names(state, bar):
    state.device = "CPU, 1 thread"
    state.progress = Progress("Writing stems", 0.1)
    names = [w.accessibleName() for w in (bar.message, bar.sound, bar.device, bar.cancel, bar.bar, bar.percent)]
    assert all(names) and len(set(names)) == len(names)


@pytest.mark.parametrize("name", list(icons.PATHS))
def test_an_icon_fills_its_grid_and_is_crisp_at_every_scale(qapp, name):
    box = icons.path(name).boundingRect()
    assert QRectF(0, 0, 16, 16).contains(box) and max(box.width(), box.height()) >= 7
    assert abs(box.center().x() - 8) <= 1.25 and abs(box.center().y() - 8) <= 1.25, "it must look centred"
    for scale in (1.0, 2.0):
        pixmap = icons.icon(name).pixmap(icons.QPixmap(16, 16).size(), scale)
        assert pixmap.width() == 16 * scale and pixmap.devicePixelRatio() == scale
    picture = QImage(16, 16, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    icons.paint(painter, name, QRectF(0, 0, 16, 16), theme.TEXT)
    painter.end()
    solid = [QColor.fromRgba(picture.pixel(x, y)).alpha() for x in range(16) for y in range(16)]
    assert sum(alpha > 200 for alpha in solid) >= 8, "some pixels must be full, not grey"
