"""The fader, its field, the knobs and the meters: by mouse, wheel, key and typing, each checked in the state and in undo."""

import doctest
import math

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QShortcut, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from app import fader as fader_module
from app import knob as knob_module
from app import meters as meters_module
from app import theme
from app.fader import Fader
from app.gain_field import GainField, parse_db
from app.knob import Gestures, Knob
from app.meters import FLOOR_DB, Channel, Meter, db_at, place
from app.state import Levels, State

LEFT, CTRL, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
KEY = Qt.Key


def wheel(widget: QWidget, notches: float, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(widget.rect().center())
    event = QWheelEvent(at, widget.mapToGlobal(at), QPoint(), QPoint(0, round(120 * notches)), Qt.MouseButton.NoButton, modifiers,
                        Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    QApplication.sendEvent(widget, event)


def drag(qtbot, widget: QWidget, start: QPoint, *ways: QPoint, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.mousePress(widget, LEFT, modifiers, start)
    for way in ways:
        qtbot.mouseMove(widget, way)
    qtbot.mouseRelease(widget, LEFT, modifiers, ways[-1])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def state(qapp) -> State:
    if qapp.styleSheet() != theme.STYLE:  # it takes a second
        theme.apply(qapp)
    return State()


@pytest.fixture
def fader(qtbot, state: State) -> Fader:
    fader = Fader(state, "vocals")
    qtbot.addWidget(fader)
    fader.resize(50, 228)  # 200 pixels from end to end
    fader.show()
    return fader


@pytest.mark.parametrize("module", [fader_module, knob_module, meters_module])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_the_law_is_its_own_inverse_and_puts_0_db_at_three_quarters():
    assert place(0.0) == 0.75 and place(12.0) == 1.0 and place(-math.inf) == place(FLOOR_DB) == 0.0
    for db in (12.0, 3.3, 0.1, 0.0, -0.1, -12.0, -47.0, -71.9):
        assert db_at(place(db)) == pytest.approx(db, abs=1e-9)
    assert db_at(0.0) == -math.inf
    assert 0.2 < (db_at(0.75 + 1 / 200) - db_at(0.75)) < 0.3  # fine around 0


@pytest.mark.parametrize(
    "text, db",
    [
        ("+1.5", 1.5),
        ("-3 dB", -3.0),
        ("−3,5", -3.5),
        ("-inf", -math.inf),
        ("- ∞ db", -math.inf),
        (" 0 ", 0.0),
        ("-0", 0.0),
        (".5", 0.5),
        ("12", 12.0),
    ],
)
def test_typed_levels_are_understood(text, db):
    assert parse_db(text) == db
    assert math.copysign(1.0, parse_db(text)) == math.copysign(1.0, db)  # no minus zero


@pytest.mark.parametrize("text", ["", "loud", "nan", "inf", "+inf", "1e3", "3 4", "--3", "1.5.2", "0x1", "−"])
def test_nonsense_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="not a level"):
        parse_db(text)
    with pytest.raises(ValueError, match="ends at"):
        parse_db("12.1")


def test_one_drag_is_one_undo_step(qtbot, state, fader):
    y = round(fader.cap_y())
    drag(qtbot, fader, QPoint(17, y), *(QPoint(17, y + step) for step in range(10, 61, 10)))
    assert state.strip("vocals").gain_db == pytest.approx(db_at(0.75 - 60 / 200), abs=0.2)
    assert state.undo.count() == 1
    state.undo.undo()
    assert state.strip("vocals").gain_db == 0.0 and fader.gain_db == 0.0
    state.undo.redo()
    drag(qtbot, fader, QPoint(17, 100), QPoint(17, 90))
    assert state.undo.count() == 2


def test_a_drag_reaches_both_ends_and_rests_at_0(qtbot, state, fader):
    drag(qtbot, fader, QPoint(17, 66), QPoint(17, 400))
    assert state.strip("vocals").gain_db == -math.inf
    drag(qtbot, fader, QPoint(17, 216), QPoint(17, -400))
    assert state.strip("vocals").gain_db == 12.0
    drag(qtbot, fader, QPoint(17, 16), QPoint(17, 67))  # one pixel past 0 dB
    assert state.strip("vocals").gain_db == 0.0


def test_a_press_alone_moves_nothing(qtbot, state, fader):
    qtbot.mouseClick(fader, LEFT, pos=QPoint(17, 200))
    assert state.strip("vocals").gain_db == 0.0 and state.undo.count() == 0


def test_ctrl_drags_finely(qtbot, state, fader):
    qtbot.mousePress(fader, LEFT, CTRL, QPoint(17, 66))
    for y in range(66, 57, -1):
        move(fader, QPoint(17, y), CTRL)
    qtbot.mouseRelease(fader, LEFT, CTRL, QPoint(17, 58))
    assert state.strip("vocals").gain_db == pytest.approx(0.2, abs=0.11)
    assert state.strip("vocals").gain_db > 0.0


def move(widget: QWidget, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    event = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), widget.mapToGlobal(QPointF(at)), Qt.MouseButton.NoButton, LEFT, modifiers)
    QApplication.sendEvent(widget, event)


def test_a_double_click_is_0_db(qtbot, state, fader):
    state.move_strip("vocals", gain_db=-20.0)
    qtbot.mouseDClick(fader, LEFT, pos=QPoint(17, 100))
    assert state.strip("vocals").gain_db == 0.0


def test_the_wheel_moves_a_tenth_and_with_shift_a_decibel(state, fader):
    wheel(fader, 1)
    assert state.strip("vocals").gain_db == 0.1
    wheel(fader, -3, SHIFT)
    assert state.strip("vocals").gain_db == -2.9
    assert state.undo.count() == 1  # close together: one step
    wheel(fader, 0.5)
    assert state.strip("vocals").gain_db == -2.9
    wheel(fader, 0.5)  # a touch pad's halves make a whole
    assert state.strip("vocals").gain_db == -2.8


def test_steps_with_a_pause_between_them_are_two_undo_steps(state, fader):
    clock = Clock()
    fader._gestures = Gestures(clock)
    for now in (0.0, 0.5, 1.0, 2.0, 2.1):
        clock.now = now
        wheel(fader, 1)
    assert state.strip("vocals").gain_db == 0.5
    assert state.undo.count() == 2


def test_keys(qtbot, state, fader):
    def db_after(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> float:
        qtbot.keyClick(fader, key, modifiers)
        return state.strip("vocals").gain_db

    assert db_after(KEY.Key_Up) == 0.1
    assert db_after(KEY.Key_Down, SHIFT) == -0.9
    assert db_after(KEY.Key_PageUp) == 0.1
    assert db_after(KEY.Key_PageDown) == -0.9
    assert db_after(KEY.Key_Delete) == -math.inf
    assert db_after(KEY.Key_Down) == -math.inf
    assert db_after(KEY.Key_Up) == FLOOR_DB
    assert db_after(KEY.Key_Home) == 0.0
    state.move_strip("vocals", gain_db=11.95)
    assert db_after(KEY.Key_PageUp) == 12.0
    assert db_after(KEY.Key_Backspace) == -math.inf


def test_a_sideways_swipe_is_left_to_the_panel_and_shortcuts_do_not_take_the_faders_keys(qtbot, state, fader):
    at = QPointF(10, 10)
    swipe = QWheelEvent(at, at, QPoint(), QPoint(240, 0), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                        Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    QApplication.sendEvent(fader, swipe)
    assert not swipe.isAccepted() and state.undo.count() == 0
    taken = []
    shortcut = QShortcut(KEY.Key_Home, fader, lambda: taken.append(1))
    shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
    state.move_strip("vocals", gain_db=-5.0)
    fader.activateWindow()
    fader.setFocus()
    qtbot.keyClick(fader.windowHandle(), KEY.Key_Home)
    assert state.strip("vocals").gain_db == 0.0 and not taken


def test_a_value_of_two_digits_is_shown_with_both(state, field):
    for db, text in ((1.1, "+1.1"), (-3.25, "−3.25"), (0.7, "+0.7")):
        state.move_strip("vocals", gain_db=db)
        assert field.text() == text


@pytest.fixture
def field(qtbot, state: State) -> GainField:
    box = QWidget()
    qtbot.addWidget(box)
    fader = Fader(state, "vocals", box)
    field = GainField(state, fader, box)
    fader.setGeometry(0, 0, 50, 228)
    field.setGeometry(0, 230, 50, 24)
    box.show()
    box.activateWindow()
    field.box, field.fader = box, fader  # alive as long as the field
    return field


def test_typing_a_value(qtbot, state, field):
    field.selectAll()
    qtbot.keyClicks(field, "-3,5 dB")
    qtbot.keyClick(field, KEY.Key_Return)
    assert state.strip("vocals").gain_db == -3.5 and field.text() == "−3.5"
    state.move_strip("vocals", gain_db=-math.inf)
    assert field.text() == "−∞"


def test_typing_nonsense_keeps_the_old_value_and_says_why(qtbot, state, field):
    state.move_strip("vocals", gain_db=1.5)
    for text, why in (("3 loud", "not a level"), ("+40", "ends at")):
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, KEY.Key_Return)
        assert state.strip("vocals").gain_db == 1.5 and field.text() == "+1.5"
        assert why in state.message


def test_escape_leaves_the_field_as_it_was_and_digits_on_the_fader_begin_it(qtbot, state, field):
    field.fader.setFocus()
    qtbot.keyClicks(field.fader, "-")
    qtbot.keyClicks(field, "6")
    assert field.text() == "-6"
    qtbot.keyClick(field, KEY.Key_Escape)
    assert field.text() == "0.0" and state.undo.count() == 0


def test_the_cap_is_painted_where_the_gain_is(state, fader):
    fader.set_colour("#ff00ff")
    for db in (12.0, 0.0, -24.0, -math.inf):
        state.move_strip("vocals", gain_db=db)
        picture = fader.grab().toImage()
        column = [picture.pixelColor(17, y) for y in range(picture.height())]
        rows = [y for y, pixel in enumerate(column) if pixel.red() > 180 and pixel.green() < 90]
        assert rows and sum(rows) / len(rows) == pytest.approx(16 + (1 - place(db)) * 200, abs=1.5)


def test_the_master_fader_moves_the_master_and_a_reader_can_set_it(qtbot, state):
    fader = Fader(state, None)
    qtbot.addWidget(fader)
    fader.setValue(-35)  # tenths, as assistive technology does
    assert state.mix.master_db == -3.5 and fader.accessibleDescription() == "−3.5 dB"
    fader.setValue(fader.minimum())
    assert state.mix.master_db == -math.inf


@pytest.mark.parametrize("field_name, neutral", [("balance", 0.0), ("width", 1.0)])
def test_a_knob(qtbot, state, field_name, neutral):
    knob = Knob(state, "drums", field_name)
    qtbot.addWidget(knob)
    knob.show()

    def value() -> float:
        return getattr(state.strip("drums"), field_name)

    assert value() == neutral
    drag(qtbot, knob, QPoint(22, 30), QPoint(22, 20), QPoint(22, 0))
    assert value() == pytest.approx(neutral + 0.3) and state.undo.count() == 1
    wheel(knob, -1, SHIFT)
    assert value() == pytest.approx(neutral + 0.2)
    qtbot.keyClick(knob, KEY.Key_Left)
    assert value() == pytest.approx(neutral + 0.19)
    assert knob.text in knob.toolTip() and knob.text == knob.accessibleDescription()
    qtbot.mouseDClick(knob, LEFT, pos=QPoint(22, 22))
    assert value() == neutral
    drag(qtbot, knob, QPoint(22, 22), QPoint(22, 900))
    assert value() == (-1.0 if field_name == "balance" else 0.0)


def test_a_meter_rises_at_once_falls_smoothly_and_holds_its_peak():
    channel = Channel()
    channel.feed(0.5, 0.0)
    assert channel.level_db == channel.hold_db == pytest.approx(-6.02, abs=0.01)
    channel.feed(0.0, 1.0)
    assert -40.0 < channel.level_db < -20.0 and channel.hold_db == pytest.approx(-6.02, abs=0.01)
    channel.fall(1.6)
    assert channel.hold_db < -6.1 and channel.max_db == pytest.approx(-6.02, abs=0.01)
    channel.fall(10.0)
    assert channel.is_at_rest and not channel.clipped


def test_the_clip_light_stays_until_it_is_reset_and_the_meter_comes_to_rest(qtbot, state):
    clock = Clock()
    meter = Meter(state, None, foot=28, clock=clock)
    qtbot.addWidget(meter)
    meter.resize(38, 250)
    meter.show()
    assert meter.focusPolicy() == Qt.FocusPolicy.NoFocus
    with qtbot.waitSignal(meter.clipping_changed):
        state.levels = Levels({}, (0.5, 1.2))
    meter._tick()
    light = [QColor(meter.grab().toImage().pixel(x, 8)).name() for x in (12, 26)]
    assert light[1] == theme.CLIP and light[0] != theme.CLIP
    assert meter.is_clipping and meter.focusPolicy() != Qt.FocusPolicy.NoFocus
    clock.now = 60.0
    meter._tick()
    assert meter.is_clipping and not meter._timer.isActive()  # nothing moves: nothing ticks
    qtbot.keyClick(meter, KEY.Key_Space)
    assert not meter.is_clipping and meter.max_db == -math.inf
    state.levels = Levels({}, (1.3, 0.1))
    qtbot.mouseClick(meter, LEFT)
    assert not meter.is_clipping


def test_a_meter_repaints_only_when_something_changed(qtbot, state):
    clock = Clock()
    meter = Meter(state, "bass", clock=clock)
    qtbot.addWidget(meter)
    paints = []
    meter.update = lambda: paints.append(1)
    state.levels = Levels({"bass": (0.5, 0.5)}, (0.5,))
    meter._tick()
    meter._tick()
    assert len(paints) == 1
    clock.now = 0.2
    meter._tick()
    assert len(paints) == 2


def test_a_drag_back_to_its_start_leaves_no_undo_step(qtbot, state, fader):
    y = round(fader.cap_y())
    drag(qtbot, fader, QPoint(17, y), QPoint(17, y + 30), QPoint(17, y))
    assert state.strip("vocals").gain_db == 0.0 and state.undo.count() == 0
    drag(qtbot, fader, QPoint(17, y), QPoint(17, y + 30))
    assert state.undo.count() == 1 and state.undo.undoText().lower() == "vocals gain"
