"""The picture in the window: pixels where the sound is, and every gesture of mouse, wheel and keys checked in the state."""

import doctest
import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import colours, theme
from app.axes import FrequencyAxis, TimeAxis, clock, hertz, note
from app.picture_panel import PicturePanel
from app.readout import db_text, hz_text
from app.spectrogram_view import LEAST_S, SpectrogramView
from app.state import State, StemLook
from engine.audio import ArrayMixture
from engine.display import FLOOR_DB, TOP_DB, Picture, drawn, empty_picture
from engine.masks import Masks
from engine.types import INT16, MaskGrid, Mix, StemMix

RATE_HZ, SECONDS = 22050, 60
LONG_MS = 20_000  # for what takes a moment: a busy machine makes moments long
Key, Button, Mod = Qt.Key, Qt.MouseButton, Qt.KeyboardModifier
LOOKS = (StemLook("vocals", "Vocals", "#e8a33d"), StemLook("drums", "Drums", "#4fb3e8"))


def song() -> ArrayMixture:
    """A 1 kHz tone in the first half, a 200 Hz tone in the second."""
    t = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    x = 8000 * np.sin(2 * np.pi * np.where(t < SECONDS / 2, 1000, 200) * t)
    return ArrayMixture(x.astype(np.int16)[None], RATE_HZ, INT16)


MIXTURE = song()
GRID = MaskGrid(RATE_HZ, 1024, (0.0, 499.0, 501.0, RATE_HZ / 2), 200)


def chunk(k: int) -> np.ndarray:
    """Vocals own all above 500 Hz, drums all below."""
    n = min(200, GRID.n_frames(SECONDS) - 200 * k)
    out = np.zeros((2, 1, n, 4), np.uint16)
    out[0, :, :, 2:] = out[1, :, :, :2] = 65535
    return out


def masks(*known: int) -> Masks:
    out = Masks(GRID, ("vocals", "drums"), float(SECONDS))
    for k in known or range(out.n_chunks):
        out = out.with_chunk(k, lambda k=k: chunk(k))
    return out


@pytest.fixture(scope="module")
def picture() -> Picture:
    return drawn(MIXTURE, empty_picture(MIXTURE.info))


@pytest.fixture
def panel(qtbot: object, picture: Picture) -> Iterator[PicturePanel]:
    state = State()
    state.song, state.picture, state.stems = MIXTURE.info, picture, LOOKS
    panel = PicturePanel(state)
    qtbot.addWidget(panel)
    panel.resize(900, 500)
    panel.show()
    qtbot.waitExposed(panel)
    settle(panel.view)
    return panel


@pytest.fixture
def view(panel: PicturePanel) -> SpectrogramView:
    panel.view.canvas.setFocus()
    return panel.view


@pytest.fixture
def sought(view: SpectrogramView) -> list[float]:
    out: list[float] = []
    view.state.seek_wanted.connect(out.append)
    return out


def settle(view: SpectrogramView) -> None:
    for _ in range(500):
        QApplication.processEvents()
        view.canvas.viewport().repaint()
        if view.tiles.is_settled and not view._next_frame.isActive():
            return
    raise AssertionError("the picture finds no rest")


def at(view: SpectrogramView, t_s: float, hz: float = 600.0) -> QPoint:
    """The pixel of a time and a frequency."""
    rect, (low, high) = view._box.sceneBoundingRect(), view.rows
    y = rect.bottom() - (view.tiles.picture.row_at(hz) - low) / (high - low) * rect.height()
    return QPoint(round(view.x_at(t_s)), round(y))


def pixel(view: SpectrogramView, t_s: float, hz: float) -> QColor:
    settle(view)
    image: QImage = view.canvas.grab().toImage()
    ratio = view.devicePixelRatioF()
    p = at(view, t_s, hz)
    return QColor(image.pixel(round(p.x() * ratio), round(p.y() * ratio)))


def wheel(view: SpectrogramView, where: QPoint, steps: float, mods: Qt.KeyboardModifier = Mod.NoModifier, aside: float = 0) -> None:
    p = QPointF(where)
    event = QWheelEvent(
        p, p, QPoint(), QPoint(round(aside * 120), round(steps * 120)), Button.NoButton, mods, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(view.canvas.viewport(), event)


def drag(
    view: SpectrogramView, a: QPoint, b: QPoint, button: Qt.MouseButton = Button.LeftButton, mods: Qt.KeyboardModifier = Mod.NoModifier
) -> None:
    port = view.canvas.viewport()
    QTest.mousePress(port, button, mods, a)
    for i in (1, 2, 3, 4):
        QTest.mouseMove(port, a + (b - a) * (i / 4))
    QTest.mouseRelease(port, button, mods, b)


def press(view: SpectrogramView, key: Qt.Key, mods: Qt.KeyboardModifier = Mod.NoModifier) -> None:
    QTest.keyClick(view.canvas, key, mods)


# ------------------------------------------------------------------------------------------------------------- pixels


def test_the_picture_is_bright_where_the_sound_is(view: SpectrogramView) -> None:
    tone, gap = pixel(view, 10, 1000), pixel(view, 10, 200)
    assert tone.lightness() > 150 > 40 > gap.lightness()
    assert pixel(view, 50, 200).lightness() > 150 and pixel(view, 50, 1000).lightness() < 40


def test_contrast_is_one_table(view: SpectrogramView) -> None:
    before = pixel(view, 10, 1000)
    view.legend.range_wanted.emit(-20.0, 0.0)
    assert pixel(view, 10, 1000).lightness() < before.lightness()
    QTest.keyClick(view.legend, Key.Key_Home)
    assert pixel(view, 10, 1000) == before


def test_what_is_not_drawn_yet_is_plain_and_grows(view: SpectrogramView) -> None:
    part = drawn(MIXTURE, empty_picture(MIXTURE.info), 0.0, 20.0)
    view.state.picture = part
    assert pixel(view, 50, 200).name() == theme.PANEL and pixel(view, 10, 1000).lightness() > 150
    view.state.picture = drawn(MIXTURE, part)
    assert pixel(view, 50, 200).lightness() > 150


def test_the_overlay_shows_the_owners_where_masks_are_known(view: SpectrogramView) -> None:
    view.state.masks = masks(0, 1)  # 18 s
    view.state.overlay = True
    vocals, unknown = pixel(view, 10, 1000), pixel(view, 50, 200)
    assert abs(vocals.hue() - QColor(LOOKS[0].colour).hue()) < 8 and vocals.saturation() > 60
    assert unknown.saturation() == 0 and unknown.lightness() > 60
    view.state.masks = masks()
    drums = pixel(view, 50, 200)
    assert abs(drums.hue() - QColor(LOOKS[1].colour).hue()) < 8
    view.state.stems = (LOOKS[0], StemLook("drums", "Drums", "#00ff00"))
    assert abs(pixel(view, 50, 200).hue() - 120) < 8
    view.state.overlay = False
    assert abs(pixel(view, 50, 200).hue() - 120) > 20


def test_a_new_chunk_touches_only_its_own_strips(view: SpectrogramView) -> None:
    view.state.masks = masks(0, 1)
    view.state.overlay = True
    settle(view)
    level, first, _ = view.tiles.in_sight()
    tile = view.tiles.owners.tile(level, first)
    shares, version = tile.shares.copy(), tile.version
    view.state.masks = view.state.masks.with_chunk(4, lambda: chunk(4))
    settle(view)
    assert view.tiles.owners.tile(level, first) is tile and 0 < tile.version - version <= 9  # of 32
    known = shares[:, 0].any(axis=0)
    assert known.any() and tile.known.sum() > known.sum() and np.array_equal(tile.shares[:, :, known], shares[:, :, known])


def test_the_picture_follows_the_faders(view: SpectrogramView) -> None:
    view.state.masks = masks()
    before = pixel(view, 10, 1000)
    view.state.mix = Mix({"vocals": StemMix(mute=True)})
    assert pixel(view, 10, 1000) == before  # not asked for yet
    view.state.follow_faders = True
    assert pixel(view, 10, 1000).lightness() < 30 and pixel(view, 50, 200).lightness() > 150
    view.state.mix = Mix({"vocals": StemMix(gain_db=-20.0)})
    assert 30 < pixel(view, 10, 1000).lightness() < before.lightness()
    view.state.mix = Mix()
    assert pixel(view, 10, 1000) == before


def test_the_playhead_repaints_only_its_strip(view: SpectrogramView) -> None:
    widths = []
    settle(view)
    paint = view.canvas.paintEvent
    view.canvas.paintEvent = lambda event: (widths.append(event.region().boundingRect().width()), paint(event))
    view.state.position_s = 20.0
    QApplication.processEvents()
    view.state.position_s = 20.1
    QApplication.processEvents()
    assert widths and widths[-1] < 40
    image = view.canvas.grab().toImage()
    here = at(view, 20.1)
    assert theme.TEXT in [image.pixelColor(here + QPoint(i, 0)).name() for i in (-2, -1, 0, 1, 2)]


# ----------------------------------------------------------------------------------------------------------- gestures


def test_a_click_seeks_and_the_ruler_scrubs(view: SpectrogramView, sought: list[float]) -> None:
    QTest.mouseClick(view.canvas.viewport(), Button.LeftButton, Mod.NoModifier, at(view, 12.0))
    assert sought == [pytest.approx(12.0, abs=0.1)] and view.state.selection is None
    ruler = [QPoint(round(view.x_at(t)), 10) for t in (30.0, 40.0)]
    drag(view, *ruler)
    assert sought[1] == pytest.approx(30.0, abs=0.1) and sought[-1] == pytest.approx(40.0, abs=0.1) and len(sought) >= 4
    assert view.state.selection is None


def test_a_drag_selects_edges_move_and_escape_clears(view: SpectrogramView, sought: list[float]) -> None:
    drag(view, at(view, 30.0), at(view, 20.0))
    assert view.state.selection == pytest.approx((20.0, 30.0), abs=0.1)
    drag(view, at(view, 30.0) + QPoint(2, 0), at(view, 40.0))
    assert view.state.selection == pytest.approx((20.0, 40.0), abs=0.2)
    QTest.mouseClick(view.canvas.viewport(), Button.LeftButton, Mod.ShiftModifier, at(view, 10.0))
    assert view.state.selection == pytest.approx((10.0, 40.0), abs=0.2)
    drag(view, at(view, 50.0), at(view, 55.0), mods=Mod.ShiftModifier)
    assert view.state.selection == pytest.approx((10.0, 55.0), abs=0.2)
    assert not sought
    press(view, Key.Key_Escape)
    assert view.state.selection is None


def test_the_wheel_zooms_around_the_cursor(view: SpectrogramView) -> None:
    wheel(view, at(view, 45.0), 3)
    start, end = view.window
    assert end - start == pytest.approx(60 / 1.25**3) and view.time_at(QPointF(at(view, 45.0))) == pytest.approx(45.0, abs=0.1)
    rows = view.rows
    wheel(view, at(view, 45.0, 1000), 2, Mod.ControlModifier)
    assert view.window == (start, end) and view.rows[1] - view.rows[0] < rows[1] - rows[0]
    wheel(view, at(view, 45.0), -1, Mod.ShiftModifier)
    assert view.window[0] > start and view.window[1] - view.window[0] == pytest.approx(end - start)
    wheel(view, at(view, 45.0), 0, aside=1)
    assert view.window[0] == pytest.approx(start)
    QTest.mouseDClick(view.canvas.viewport(), Button.LeftButton, Mod.NoModifier, at(view, 45.0))
    assert view.window == (0.0, 60.0) and view.rows == (0.0, 512.0)


def test_a_double_click_shows_all_and_leaves_the_playhead_where_it_was(view: SpectrogramView, sought: list[float]) -> None:
    view.state.seek_wanted.connect(lambda t_s: setattr(view.state, "position_s", t_s))  # as the player does
    view.state.position_s = 12.0
    view.show_window(20.0, 40.0)
    place = (view.canvas.viewport(), Button.LeftButton, Mod.NoModifier, at(view, 30.0))
    QTest.mouseClick(*place)
    QTest.mouseDClick(*place)
    assert view.state.position_s == 12.0 and view.window == (0.0, 60.0) and view.state.selection is None
    assert sought == [pytest.approx(30.0, abs=0.2), 12.0]
    above = QPoint(at(view, 45.0).x(), 5)
    QTest.mouseDClick(view.canvas.viewport(), Button.LeftButton, Mod.NoModifier, above)  # the ruler only scrubs
    assert view.state.position_s == pytest.approx(45.0, abs=0.2)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(colours).failed == 0


def test_brightness_and_contrast_stand_in_the_state(view: SpectrogramView) -> None:
    before = pixel(view, 10, 1000)
    view.state.range_db = (-20.0, 40.0)
    assert pixel(view, 10, 1000).lightness() < before.lightness() and "from -20 to 40" in view.legend.accessibleDescription()
    QTest.mouseDClick(view.legend, Button.LeftButton, Mod.NoModifier, QPoint(12, 100))
    assert view.state.range_db == colours.RANGE_DB and pixel(view, 10, 1000) == before
    view.legend.range_wanted.emit(-70.0, -10.0)
    assert view.state.range_db == (-70.0, -10.0) and view.state.undo.count() == 0


def test_a_picture_that_is_closed_is_let_go(view: SpectrogramView, picture: Picture) -> None:
    own = replace(picture, levels=tuple(level.copy() for level in picture.levels))
    view.state.picture, view.state.masks, view.state.overlay = own, masks(), True
    settle(view)
    gone = [weakref.ref(own), weakref.ref(view.state.masks)]
    view.state.song = view.state.masks = view.state.picture = None
    del own
    settle(view)
    assert [ref() for ref in gone] == [None, None]


def test_the_middle_button_pans(view: SpectrogramView) -> None:
    view.show_window(20.0, 40.0)
    view.zoom_rows(0.5)
    rows = view.rows
    drag(view, at(view, 30.0), at(view, 25.0) + QPoint(0, 30), Button.MiddleButton)
    assert view.window == pytest.approx((25.0, 45.0), abs=0.1) and view.rows[0] > rows[0] and view.state.selection is None


def test_everything_goes_without_a_mouse(view: SpectrogramView, sought: list[float]) -> None:
    for _ in range(3):
        press(view, Key.Key_Plus)
    width = view.window[1] - view.window[0]
    assert width == pytest.approx(60 / 1.5**3)
    press(view, Key.Key_End)
    assert view.window == pytest.approx((60 - width, 60.0))
    press(view, Key.Key_Left)
    assert view.window[1] == pytest.approx(60 - 0.1 * width)
    press(view, Key.Key_Home)
    assert view.window[0] == 0.0
    press(view, Key.Key_Right)
    press(view, Key.Key_Minus)
    press(view, Key.Key_Plus, Mod.ControlModifier)
    press(view, Key.Key_Up)
    assert view.rows[0] > 0
    press(view, Key.Key_0)
    assert view.window == (0.0, 60.0) and view.rows == (0.0, 512.0)
    view.state.position_s = 10.0
    press(view, Key.Key_BracketLeft)
    view.state.position_s = 20.0
    press(view, Key.Key_BracketRight)
    assert view.state.selection == (10.0, 20.0)
    press(view, Key.Key_Right, Mod.ShiftModifier)
    assert view.state.selection == pytest.approx((10.0, 20.6))
    press(view, Key.Key_Return)
    assert sought == [10.0]
    press(view, Key.Key_Escape)
    press(view, Key.Key_Right, Mod.ShiftModifier)
    assert view.state.selection == pytest.approx((20.0, 20.6))


def test_one_never_gets_lost(view: SpectrogramView) -> None:
    rng = np.random.default_rng(0)
    verbs = (
        view.pan, view.pan_rows, lambda x: view.zoom(2.0**x), lambda x: view.zoom_rows(2.0**x), lambda x: view.show_window(x * 30, x * 50),
    )  # fmt: skip
    for _ in range(300):
        verbs[rng.integers(5)](float(rng.normal()) * 3)
        (start, end), (low, high) = view.window, view.rows
        assert 0 <= start < end <= 60 + 1e-9 and end - start >= LEAST_S - 1e-9
        assert 0 <= low < high <= 512 + 1e-9
        if rng.integers(10) == 0:
            view.canvas.grab()


# ---------------------------------------------------------------------------------------------------------- following


def test_the_view_follows_the_playhead_by_pages_until_the_user_pans(view: SpectrogramView, sought: list[float]) -> None:
    state = view.state
    view.show_window(0.0, 10.0)
    state.playing = True
    state.position_s = 9.9
    assert view.window == (0.0, 10.0)
    state.position_s = 10.05
    assert view.window[0] == pytest.approx(9.65) and view.window[1] == pytest.approx(19.65)
    view.pan(1.0)
    before = view.window
    for t in (11.0, 15.0, before[0] - 0.1):
        state.position_s = t
        assert view.window == before  # the user looks elsewhere
    state.position_s = before[0] + 1  # the playhead came by itself
    state.position_s = before[1] + 0.1
    assert view.window[0] > before[0]
    view.pan(-0.1)
    state.seek_wanted.emit(50.0)
    state.position_s = 50.0
    assert view.window[0] <= 50.0 <= view.window[1]


def test_a_song_of_one_sample_and_another_song_do_no_harm(view: SpectrogramView) -> None:
    for mixture in (ArrayMixture(np.full((1, 1), 9999, np.int16), 8000, INT16), MIXTURE):
        view.state.song = mixture.info
        view.state.picture = drawn(mixture, empty_picture(mixture.info))
        view.state.masks = None
        view.zoom(0.1)
        view.pan(0.5)
        settle(view)
        view.canvas.grab()
    assert view.length_s == 60.0
    view.state.song = view.state.picture = None
    view.canvas.grab()
    press(view, Key.Key_Plus)
    QTest.mouseClick(view.canvas.viewport(), Button.LeftButton, Mod.NoModifier, QPoint(200, 200))


# ------------------------------------------------------------------------------------------------- readout, overview


def test_the_readout_says_what_lies_under_the_cursor(panel: PicturePanel, qtbot: QtBot) -> None:
    said = panel.readout.accessibleDescription
    panel.view.state.masks = masks()
    panel.view.show_window(5.0, 15.0)
    settle(panel.view)
    QTest.mouseMove(panel.view.canvas.viewport(), at(panel.view, 10.0, 1000.0))
    assert said().startswith(("0:10", "0:09.9"))
    assert "Vocals 100%" in said() and "−1" in said() and "dB" in said()
    panel.view.pointed.emit(None)
    panel.view.state.position_s = 45.0
    qtbot.waitUntil(lambda: "200" in said() and "Drums 100%" in said(), timeout=LONG_MS)  # it follows the playhead a moment later
    panel.view.state.masks = None
    qtbot.waitUntil(lambda: "not separated yet" in said(), timeout=LONG_MS)


def test_the_overview_moves_and_resizes_the_window_and_seeks(panel: PicturePanel, sought: list[float]) -> None:
    overview, view = panel.overview, panel.view
    x = lambda t: QPoint(round(t / 60 * overview.width()), 20)  # noqa: E731

    def pull(a: QPoint, b: QPoint) -> None:
        QTest.mousePress(overview, Button.LeftButton, Mod.NoModifier, a)
        QTest.mouseMove(overview, a + (b - a) / 2)
        QTest.mouseMove(overview, b)
        QTest.mouseRelease(overview, Button.LeftButton, Mod.NoModifier, b)

    view.show_window(20.0, 40.0)
    pull(x(30), x(35))
    assert view.window == pytest.approx((25.0, 45.0), abs=0.15)
    pull(x(30), x(99))
    assert view.window == pytest.approx((40.0, 60.0), abs=0.15)
    pull(x(40), x(50))
    assert view.window == pytest.approx((50.0, 60.0), abs=0.15)
    assert not sought
    QTest.mouseClick(overview, Button.LeftButton, Mod.NoModifier, x(55))
    QTest.mouseClick(overview, Button.LeftButton, Mod.NoModifier, x(5))
    assert sought == pytest.approx([55.0, 5.0], abs=0.1)
    QTest.keyClick(overview, Key.Key_Home)
    QTest.keyClick(overview, Key.Key_Minus)
    assert view.window[0] == 0.0


def test_the_overview_marks_what_is_separated(panel: PicturePanel) -> None:
    panel.view.state.masks = masks(0, 1, 3)
    chunk_s = 200 * 1024 / RATE_HZ
    assert panel.overview.separated() == [pytest.approx((0.0, 2 * chunk_s)), pytest.approx((3 * chunk_s, 4 * chunk_s))]
    image = panel.overview.grab().toImage()
    y = image.height() - 2
    colour = [image.pixelColor(round(t / 60 * image.width()), y).name() for t in (5, 23, 30)]
    assert colour == [theme.GOOD, theme.RAISED, theme.GOOD]


def test_every_control_has_a_name(panel: PicturePanel) -> None:
    for widget in (panel.overview, panel.view.canvas, panel.view.legend, panel.readout):
        assert widget.accessibleName()
        assert widget is panel.readout or widget.focusPolicy() & Qt.FocusPolicy.TabFocus


# --------------------------------------------------------------------------------------------------- words and colours


def test_words() -> None:
    assert [clock(t) for t in (0, 59.6, 61, 3725)] == ["0:00", "1:00", "1:01", "1:02:05"]
    assert clock(83.46, 1) == "1:23.5" and clock(0.05, 2) == "0:00.05"
    assert [hertz(f) for f in (50, 999, 1000, 2500, 20000)] == ["50", "999", "1k", "2.5k", "20k"]
    assert [note(f) for f in (440, 443.06, 261.63, 430, 1)] == ["A4 +0 ct", "A4 +12 ct", "C4 +0 ct", "A4 −40 ct", ""]
    assert hz_text(87.31) == "87.3 Hz" and hz_text(3520) == "3.52 kHz"
    assert db_text(-23.4) == "−23.5 dB" and db_text(float("-inf")) == "below −96 dB"


def test_ticks_adapt_and_never_crowd(qapp: QApplication, picture: Picture) -> None:
    axis = TimeAxis()
    for width in (0.3, 2.0, 13.0, 60.0, 240.0, 3600.0, 40000.0):
        at_s = [t for t, text in axis.ticks(1.0, 1.0 + width, 1000.0) if text]
        assert 1 <= len(at_s) <= 14 and len({text for _, text in axis.ticks(1.0, 1.0 + width, 1000.0) if text}) == len(at_s)
    scale = FrequencyAxis()
    scale.set_scale(picture.row_at, picture.hz_at)
    for low, high in ((0.0, 512.0), (200.0, 300.0), (200.0, 232.0), (480.0, 512.0)):
        rows = sorted(row for row, text in scale.ticks(low, high, 700.0) if text)
        assert len(rows) >= 3 and min(np.diff(rows)) / (high - low) * 700 >= 23
    texts = {text for _, text in scale.ticks(0.0, 512.0, 700.0)}
    assert {"50", "100", "200", "500", "1k", "2k", "5k", "10k"} <= texts


def test_the_map_is_even_and_dark() -> None:
    rgb = colours.colour_map() / 255.0
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    lightness = 116 * np.cbrt(np.maximum(linear @ (0.2126, 0.7152, 0.0722), 1e-4)) - 16  # CIE L*, another yardstick than the map's
    steps = lightness[32::32] - lightness[:-32:32]
    assert (steps > 0).all() and steps.max() < 2.5 * np.median(steps) and lightness[0] < 6 and lightness[-1] > 90
    assert (colours.FLOOR_DB, colours.TOP_DB) == (FLOOR_DB, TOP_DB)
