"""The mixer panel: strips, presets, names and colours, output gain, undo, screen readers and the Tab key."""

import gc
import math

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QColorDialog, QLineEdit, QToolButton, QWidget

from app import theme
from app.mixer_panel import MixerPanel
from app.presets import presets, same
from app.state import Levels, State, StemLook, _MixCommand
from engine.types import INT16, AudioInfo, Mix, StemMix

LEFT, KEY = Qt.MouseButton.LeftButton, Qt.Key
FOUR = ("vocals", "drums", "bass", "other")
EIGHT = ("vocals", "drums", "bass", "guitar", "piano", "strings", "keys", "other")


def looks(*names: str) -> tuple[StemLook, ...]:
    return tuple(StemLook(name, name.capitalize(), theme.stem_colour(name, i)) for i, name in enumerate(names))


def song(n_channels: int = 2) -> AudioInfo:
    return AudioInfo(None, "WAV", "PCM_16", INT16, 44100, n_channels, 5_336_100)


@pytest.fixture
def state(qapp) -> State:
    if qapp.styleSheet() != theme.STYLE:  # it takes a second
        theme.apply(qapp)
    state = State()
    state.stems = looks(*FOUR)
    state.song = song()
    return state


@pytest.fixture
def panel(qtbot, state: State) -> MixerPanel:
    panel = MixerPanel(state)
    qtbot.addWidget(panel)
    panel.resize(620, 420)
    panel.show()
    panel.activateWindow()
    return panel


def focusable(panel: QWidget) -> list[QWidget]:
    """What the Tab key visits, in its order."""
    found, widget = [], panel.nextInFocusChain()
    while widget is not panel:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(panel) and widget.isEnabled():
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def choose(panel: MixerPanel, preset: str) -> None:
    next(a for a in panel.presets.menu().actions() if a.objectName() == f"preset-{preset}").trigger()


def test_mute_and_solo_by_mouse_key_and_undo(qtbot, state, panel):
    strip = panel.strips["vocals"]
    qtbot.mouseClick(strip.mute, LEFT)
    assert state.strip("vocals").mute and strip.mute.isChecked()
    assert QColor(strip.mute.grab().toImage().pixel(5, 5)).name() == theme.CLIP
    qtbot.keyClick(strip.fader, KEY.Key_S)  # a letter anywhere in the strip
    assert state.strip("vocals").solo
    assert QColor(strip.solo.grab().toImage().pixel(5, 5)).name() == theme.WARN
    qtbot.mouseClick(panel.undo, LEFT)
    qtbot.mouseClick(panel.undo, LEFT)
    assert state.strip("vocals") == StemMix() and not strip.mute.isChecked() and not strip.solo.isChecked()
    assert not panel.undo.isEnabled() and panel.redo.isEnabled()
    qtbot.mouseClick(panel.redo, LEFT)
    assert state.strip("vocals").mute and strip.mute.isChecked()


def test_another_strip_reads_as_silent_while_one_is_solo(state, panel):
    state.move_strip("drums", solo=True)
    assert panel.strips["bass"].title.styleSheet() and not panel.strips["drums"].title.styleSheet()


def test_typing_into_a_field_does_not_mute(qtbot, state, panel):
    qtbot.keyClicks(panel.strips["vocals"].gain, "-m")  # alone an M is the strip's: test_what_it_says.py
    assert panel.strips["vocals"].gain.text().endswith("-m")
    assert not state.strip("vocals").mute


def test_a_name_is_edited_by_f2_and_double_click(qtbot, state, panel):
    title = panel.strips["bass"].title
    qtbot.keyClick(title, KEY.Key_F2)
    qtbot.keyClicks(title, "Sub   bass")
    qtbot.keyClick(title, KEY.Key_Return)
    assert state.stems[2] == StemLook("bass", "Sub bass", theme.STEM_COLOURS["bass"])
    assert panel.strips["bass"].title is title, "the strip must not be made anew under the hand"
    assert panel.strips["bass"].fader.accessibleName() == "Sub bass fader"
    qtbot.mouseDClick(title, LEFT)
    qtbot.keyClicks(title, "x")
    qtbot.keyClick(title, KEY.Key_Escape)
    assert title.text() == state.stems[2].title == "Sub bass"
    qtbot.keyClick(title, KEY.Key_F2)
    title.clear()
    qtbot.keyClick(title, KEY.Key_Return)
    assert title.text() == "Sub bass"


def test_a_name_longer_than_its_strip_says_so_and_is_edited_whole(qtbot, state, panel):
    long, title = "Lead vocals and their doubles", panel.strips["vocals"].title
    state.stems = (StemLook("vocals", long, theme.STEM_COLOURS["vocals"]), *state.stems[1:])
    assert title.text().endswith("…") and long.startswith(title.text()[:-1]) and len(title.text()) > 5
    assert long in title.toolTip() and title.accessibleName() == f"{long} name"
    assert title.fontMetrics().horizontalAdvance(title.text()) <= title.contentsRect().width()
    qtbot.keyClick(title, KEY.Key_F2)
    assert title.text() == long
    qtbot.keyClick(title, KEY.Key_Return)
    assert state.stems[0].title == long and title.text().endswith("…")
    title.setFixedWidth(400)
    qtbot.waitUntil(lambda: title.text() == long)


def test_a_colour_is_edited_and_reset(qtbot, state, panel):
    swatch = panel.strips["drums"].swatch
    qtbot.keyClick(swatch, KEY.Key_Return)
    dialog = swatch.findChild(QColorDialog)
    dialog.setCurrentColor(QColor("#aa33cc"))
    dialog.accept()
    assert state.stems[1].colour == "#aa33cc"
    assert QColor(swatch.grab().toImage().pixel(50, 2)).name() == "#aa33cc"
    swatch.reset()
    assert state.stems[1].colour == theme.STEM_COLOURS["drums"]
    qtbot.keyClick(swatch, KEY.Key_Return)
    swatch.findChild(QColorDialog).reject()
    assert state.stems[1].colour == theme.STEM_COLOURS["drums"]


@pytest.mark.parametrize(
    "name, strips",
    [
        ("vocals-up-1.5", {"vocals": StemMix(gain_db=1.5)}),
        ("vocals-up-3", {"vocals": StemMix(gain_db=3.0)}),
        ("vocals-down-1.5", {"vocals": StemMix(gain_db=-1.5)}),
        ("vocals-down-3", {"vocals": StemMix(gain_db=-3.0)}),
        ("karaoke", {"vocals": StemMix(mute=True)}),
        ("a-cappella", {"vocals": StemMix(solo=True)}),
        ("drumless", {"drums": StemMix(mute=True)}),
        ("without-other", {"other": StemMix(mute=True)}),
    ],
)
def test_a_preset_sets_everything_in_one_step(state, panel, name, strips):
    state.move_strip("bass", gain_db=-7.0, width=0.3)
    state.move_master(-2.0)
    choose(panel, name)
    assert same(state.mix, Mix(strips), state.stems) and state.mix.master_db == 0.0
    panel.presets.menu().aboutToShow.emit()
    assert f"preset-{name}" in [a.objectName() for a in panel.presets.menu().actions() if a.isChecked()]
    state.undo.undo()
    assert state.mix.stems["bass"] == StemMix(gain_db=-7.0, width=0.3) and state.mix.master_db == -2.0


def test_neutral_is_neutral(state, panel):
    state.move_strip("bass", mute=True)
    choose(panel, "neutral")
    assert state.mix == Mix()


def test_presets_that_these_stems_cannot_give_say_so():
    found = {preset.name: preset for preset in presets(looks("harmonic", "percussive"))}
    for name in ("karaoke", "a-cappella", "vocals-up-1.5", "drumless"):
        assert found[name].mix is None and "Harmonic, Percussive" in found[name].tip
    assert found["without-percussive"].mix == Mix({"percussive": StemMix(mute=True)})
    assert found["neutral"].mix == Mix()
    assert len(found) == len(presets(looks("harmonic", "percussive"))), "names must be unique"


@pytest.mark.parametrize("names", [("harmonic", "percussive"), FOUR, EIGHT])
def test_any_number_of_stems(qtbot, state, panel, names):
    state.stems = looks(*names)
    QApplication.processEvents()
    assert list(panel.strips) == list(names)
    for name, strip in panel.strips.items():
        assert strip.isVisible() and strip.fader.height() >= 132
        state.move_strip(name, gain_db=-6.0)
        assert strip.gain.text() == "−6.0"
    bar = panel.scroll.horizontalScrollBar()
    assert (bar.maximum() > 0) == (len(names) == 8)
    last, master = panel.strips[names[-1]], panel.master
    assert last.fader.mapToGlobal(last.fader.rect().bottomLeft()).y() == master.fader.mapToGlobal(master.fader.rect().bottomLeft()).y()
    last.fader.setFocus(Qt.FocusReason.TabFocusReason)
    assert master.isVisible() and not master.visibleRegion().isEmpty()


def test_without_a_song_all_is_off_and_one_line_says_what_to_do(state, panel):
    assert not panel.hint.isVisible()
    state.song = None
    assert panel.hint.isVisible() and "Open a song" in panel.hint.text()
    assert not panel.strips["vocals"].fader.isEnabled() and not panel.master.fader.isEnabled() and not panel.presets.isEnabled()
    state.song = song(n_channels=1)
    assert panel.strips["vocals"].fader.isEnabled() and not panel.strips["vocals"].width_.isEnabled()
    assert "not stereo" in panel.strips["vocals"].width_.toolTip()


def test_the_output_is_lowered_by_just_what_is_needed_and_reset(qtbot, state, panel):
    button = panel.master.output
    assert not button.isEnabled()
    state.levels = Levels({}, (1.0, 10 ** (2.1 / 20)))  # 2.1 dB over
    assert button.isEnabled() and button.text() == "Lower output"
    assert QColor(button.grab().toImage().pixel(5, 5)).name() == theme.CLIP
    qtbot.mouseClick(button, LEFT)
    assert state.output_db == -2.5 and button.text() == "−2.5 dB" and not panel.master.meter.is_clipping
    assert state.undo.count() == 0 and state.mix == Mix()
    state.levels = Levels({}, (1.0, 10 ** (0.5 / 20)))  # louder still: exactly half a decibel more
    qtbot.mouseClick(button, LEFT)
    assert state.output_db == -3.0
    qtbot.mouseClick(button, LEFT)
    assert state.output_db == 0.0 and not button.isEnabled()


def test_a_block_from_before_the_output_was_lowered_does_not_ask_again(qtbot, state, panel):
    button = panel.master.output
    state.levels = Levels({}, (1.5, 1.5))
    panel.master.meter._settle.setInterval(60_000)
    qtbot.mouseClick(button, LEFT)
    state.levels = Levels({}, (1.4, 1.4))
    panel.master.meter._settle.start(0)  # its time is over
    qtbot.waitUntil(lambda: button.text() == "−4.0 dB", timeout=20_000)
    state.levels = Levels({}, (1.1, 1.1))
    assert button.text() == "Lower output", "but a later one does"


def test_a_gesture_is_one_step_and_leaves_nothing_behind(state):
    """PySide keeps every QUndoCommand that was merged into another for ever; so ours are not."""
    gesture, before = object(), state.mix
    for db in range(1, 50):
        state.move_strip("vocals", gesture, gain_db=-float(db))
    assert state.undo.count() == 1 and sum(type(o) is _MixCommand and o._state is state for o in gc.get_objects()) == 1
    state.undo.undo()
    assert state.mix == before
    state.undo.redo()
    assert state.strip("vocals").gain_db == -49.0
    state.move_strip("vocals", object(), gain_db=-3.0)
    state.undo.undo()
    state.move_strip("vocals", gesture, gain_db=-2.0)  # what was undone is gone, and the gesture with it is another step
    assert state.undo.count() == 2 and not state.undo.canRedo()
    state.undo.clear()
    assert not any(type(o) is _MixCommand and o._state is state for o in gc.get_objects())
    state.move_strip("vocals", gesture, gain_db=-1.0)
    state.move_strip("vocals", gesture, gain_db=-2.0)
    assert state.undo.count() == 0, "dragged back to where it began"


def test_the_meters_show_their_own_stem(state, panel):
    state.levels = Levels({"vocals": (0.5, 0.5), "drums": (1.5, 0.1)}, (0.9, 0.9))
    assert panel.strips["vocals"].meter.max_db == pytest.approx(-6.02, abs=0.01)
    assert panel.strips["drums"].meter.is_clipping and not panel.master.meter.is_clipping
    assert panel.strips["bass"].meter.max_db == -math.inf


def test_every_control_has_a_name_of_its_own_and_a_description(state, panel):
    state.levels = Levels({}, (2.0, 2.0))
    state.move_strip("vocals", gain_db=1.0)
    controls = focusable(panel)
    names = [widget.accessibleName() for widget in controls]
    assert len(controls) == 2 + 4 * 8 + 4  # presets and undo (nothing to redo); output, fader, field and the clipped meter of the master
    assert all(names) and len(set(names)) == len(names), sorted(names)
    assert all(widget.accessibleDescription() and widget.toolTip() for widget in controls)


def test_the_tab_key_goes_strip_by_strip(state, panel):
    state.stems = looks(*EIGHT)  # strips that were made later too
    QApplication.processEvents()
    controls = focusable(panel)
    places = {strip: i for i, strip in enumerate([*panel.strips.values(), panel.master], start=1)}
    order = [next((places[strip] for strip in places if strip.isAncestorOf(widget)), 0) for widget in controls]
    assert order == sorted(order) and set(order) == set(range(10))
    strip = panel.strips["vocals"]
    first = [w for w in controls if strip.isAncestorOf(w)]
    assert first == [strip.swatch, strip.title, strip.balance, strip.width_, strip.mute, strip.solo, strip.fader, strip.gain]
    state.levels = Levels({"vocals": (2.0, 2.0)}, (0.5, 0.5))
    controls = focusable(panel)
    assert controls[controls.index(strip.gain) + 1] is strip.meter, "a clip light that is on is reached after its strip"


def test_the_focus_is_seen(qtbot, state, panel):
    for widget in focusable(panel):
        if not panel.scroll.isAncestorOf(widget) or panel.strips["vocals"].isAncestorOf(widget):
            QApplication.focusWidget() and QApplication.focusWidget().clearFocus()
            without = widget.grab().toImage()
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            if isinstance(widget, QLineEdit):
                widget.deselect()
            assert widget.grab().toImage() != without, widget.objectName()
            assert isinstance(widget, QWidget | QToolButton)
