"""Two results on the same faders, in the real window: switched, measured, drawn, ended; and what cannot be compared or served says why."""

import gc
import math
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

import engine.methods
from app import memory
from app.bridge import ExportWish
from app.main_window import MainWindow
from app.make import Made
from engine.errors import Cancelled, EngineError
from engine.methods import hpss
from engine.mix import is_neutral
from engine.render import render_float
from engine.types import Array, MaskGrid, Mix, Progress, StemMix

WIDE = hpss.HpssSettings(held_s=0.5, wide_hz=100.0)
MOVED = Mix({"harmonic": StemMix(gain_db=-12.0), "percussive": StemMix(gain_db=3.0, balance=0.4)}, -1.0)


class Gated(hpss.Hpss):
    """Hits and held notes, told apart once somebody opens the gate; or never, with a sentence."""

    gate = threading.Event()
    complaint = ""

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        assert self.gate.wait(60)
        if self.complaint:
            raise EngineError(self.complaint)
        return super().shares(samples, grid, first_frame, n_frames)


def named(kind: type[hpss.Hpss], name: str, title: str) -> Callable[..., hpss.Hpss]:
    """A method under another name: class and table tell the same."""
    return type(name, (kind,), {"info": replace(hpss.INFO, name=name, title=title)})


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three methods more whose stems are those of hpss: with other settings, alike in all, and one that waits."""
    wide, twin, gated = named(hpss.Hpss, "wide", "Wide"), named(hpss.Hpss, "twin", "Twin"), named(Gated, "gated", "Gated")
    real = engine.methods._table()
    made = {"wide": lambda **_: wide(WIDE), "twin": lambda **_: twin(), "gated": lambda **_: gated()}
    table = {**real, **{name: (build().info, build) for name, build in made.items()}}
    monkeypatch.setattr(engine.methods, "_table", lambda: table)
    monkeypatch.setattr(Gated, "gate", threading.Event())
    monkeypatch.setattr(Gated, "complaint", "")


@pytest.fixture
def window(window: MainWindow) -> Iterator[MainWindow]:
    """The shared window; the gate is opened before it closes."""
    yield window
    Gated.gate.set()


def song(path: Path, seconds: float = 3.0, seed: int = 0, n_channels: int = 2) -> Path:
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 44100)) / 44100
    x = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.02 * rng.standard_normal(len(t))
    x[:: 44100 // 4] += 0.5
    sf.write(path, np.stack([x, 0.7 * x][:n_channels], axis=1), 44100, subtype="PCM_16")
    return path


def until(qtbot: QtBot, condition: Callable[[], object], ms: int = 60_000) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=ms)


def rests(window: MainWindow) -> bool:
    """Nothing is left to do."""
    state = window.state
    return not window.bridge._jobs and state.masks.is_complete and state.null is not None


def ready(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    window.open_path(path)
    until(qtbot, lambda: window.state.song is not None and window.state.song.path == path and rests(window))


def entry(window: MainWindow, name: str) -> QAction:
    """Of the submenu "Compare with" (compare-...) or of the list of methods."""
    lists = window.methods.beside if name.startswith("compare-") else window.methods.heard
    return next(a for a in lists.group.actions() if a.objectName() == name)


def comparing(qtbot: QtBot, window: MainWindow, tmp_path: Path, other: str = "wide") -> None:
    """hpss (A) is compared with another method (B), and all of both is known."""
    ready(qtbot, window, song(tmp_path / "song.wav"))
    entry(window, f"compare-{other}").trigger()
    until(qtbot, lambda: window.state.apart_db is not None and rests(window))


def as_it_is(window: MainWindow) -> tuple[Any, ...]:
    """All that a refusal or a switch must not change."""
    s = window.state
    return s.mix, s.selection, s.stems, s.undo.count(), s.song, s.looping, s.listening, s.picture


def test_both_results_are_made_measured_and_equal_at_unity(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    state, bar = window.state, window.comparison
    compared = state.compared
    assert (compared.a.method, compared.b.method, compared.heard) == ("hpss", "wide", "a")
    assert compared.a.masks is state.masks and compared.b.masks.is_complete and compared.both_known
    assert bar.isVisible() and bar.sides["a"].isChecked() and bar.sides["b"].text() == "B  Wide"
    assert state.apart_db == -math.inf and bar.words.text() == "equal with these faders"
    mixture = made.bridge._session.mixture
    for _ in "ab":  # neutral audio is the mixture with either result
        assert np.array_equal(made.bridge._session.render(0, 50_000).samples, mixture.read(0, 50_000))
        assert state.null.is_neutral and state.null.n_different == 0
        window.actions_["switch_result"].trigger()
    assert not np.array_equal(compared.a.masks.frames(40, 5), compared.b.masks.frames(40, 5))  # or nothing would be compared


@pytest.mark.parametrize("mix", [MOVED, Mix({"harmonic": StemMix(mute=True)}), Mix({"percussive": StemMix(width=0.3, solo=True)}, 2.0)])
def test_the_number_is_the_distance_of_what_is_heard(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, mix: Mix) -> None:
    comparing(qtbot, window, tmp_path)
    state, mixture = window.state, made.bridge._session.mixture
    state.load_mix(mix)
    n = mixture.info.n_samples
    a, b = (render_float(mixture, side.masks, mix, 0, n) for side in (state.compared.a, state.compared.b))
    ratio = np.square(a - b).sum() / np.square(mixture.read(0, n) / 32768).sum()
    assert state.apart_db == pytest.approx(10 * math.log10(ratio), abs=1e-6)
    assert window.comparison.words.text() == f"their difference lies {-state.apart_db:.1f} dB below the mix"
    before = state.apart_db
    window.actions_["switch_result"].trigger()
    assert state.apart_db == before
    state.load_mix(Mix({s.name: StemMix(gain_db=-6.0) for s in state.stems}))
    assert not is_neutral(state.mix, ("harmonic", "percussive"), 2) and state.apart_db == -math.inf  # all alike: the masks do not matter
    assert window.comparison.words.text() == "equal with these faders"


def test_a_switch_changes_what_is_heard_and_nothing_else(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    state = window.state
    state.load_mix(MOVED)
    state.selection, state.looping = (0.5, 2.5), True
    state.seek_wanted.emit(0.6)
    state.playing = True
    until(qtbot, lambda: state.position_s > 0.7)
    stopped: list[bool] = []
    state.playing_changed.connect(stopped.append)
    a, b = state.compared.a.masks, state.compared.b.masks
    for turn in range(6):
        kept, at_s = as_it_is(window), state.position_s
        if turn % 2:
            QTest.keyClick(window, Qt.Key.Key_X)
        else:
            window.comparison.sides["b" if state.compared.heard == "a" else "a"].click()
        heard = "b" if turn % 2 == 0 else "a"
        assert state.compared.heard == heard and state.masks is (b if heard == "b" else a)
        assert state.method == ("wide" if heard == "b" else "hpss") and entry(window, state.method).isChecked()
        assert as_it_is(window) == kept and abs(state.position_s - at_s) < 0.2
        assert made.bridge._session.masks is state.masks and made.bridge._session.mix == state.mix
        assert state.null.distance_db is not None
        assert window.view.tiles.owners._masks is state.masks
        until(qtbot, lambda: made.player._feeder._masks is state.masks)  # and so it is played
    assert not stopped and state.playing
    window.comparison.sides["a"].click()  # it is heard already
    assert state.compared.heard == "a"


def test_an_export_is_of_the_result_that_is_heard(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    window.state.load_mix(MOVED)
    mixture, sides = window.bridge._session.mixture, window.state.compared
    for side in (sides.b, sides.a):
        window.actions_["switch_result"].trigger()
        with qtbot.waitSignal(window.bridge.exported, timeout=60_000):
            window.bridge.export(ExportWish(tmp_path / side.method, stems=False, remix=True))
        written = sf.read(tmp_path / side.method / "song - remix.wav", dtype="int16")[0]
        wanted = render_float(mixture, side.masks, MOVED, 0, mixture.info.n_samples).T * 32768
        assert np.abs(written - np.clip(wanted, -32768, 32767)).max() <= 0.5001


def test_the_picture_is_grey_where_both_agree(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path, "twin")  # the same in all but its name
    colourful = {}
    for other in ("twin", "wide"):
        window.bridge.compare(other)
        until(qtbot, lambda: window.state.apart_db is not None and rests(window))
        QTest.keyClick(window, Qt.Key.Key_O)
        assert window.state.overlay
        QTest.keyClick(window, Qt.Key.Key_D)
        assert window.state.difference and window.actions_["difference"].isChecked() and not window.state.overlay  # one tint at a time
        tiles = window.view.tiles
        until(qtbot, lambda tiles=tiles: tiles.is_settled and tiles._tint() is tiles._differences)
        level, first, _ = tiles.in_sight()
        tile = tiles._differences.tile(level, first)
        assert tile is not None and tile.known.all()
        pixels = tiles._tile(level, first)
        red, green, blue = ((pixels >> shift & 255).astype(int) for shift in (16, 8, 0))
        colourful[other] = int(np.maximum(abs(red - green), abs(green - blue)).max())
        version = tile.version
        for _ in "ba":  # the colours are those of B whichever is heard, and nothing is fetched or composed anew
            window.actions_["switch_result"].trigger()
            until(qtbot, lambda tiles=tiles: tiles.is_settled)
            assert np.array_equal(tiles._tile(level, first), pixels)
            assert tiles._differences.tile(level, first) is tile and tile.version == version
        QTest.keyClick(window, Qt.Key.Key_O)
        assert not window.state.difference and window.state.overlay
        QTest.keyClick(window, Qt.Key.Key_O)
    assert colourful["twin"] == 0 and colourful["wide"] > 40, colourful
    QTest.keyClick(window, Qt.Key.Key_D)
    until(qtbot, lambda: tiles.is_settled)
    before = tiles._tile(level, first)
    window.state.stems = tuple(replace(look, colour="#ff00ff") for look in window.state.stems)
    until(qtbot, lambda: tiles.is_settled)
    after = tiles._tile(level, first)
    red, green = after >> 16 & 255, after >> 8 & 255
    assert not np.array_equal(after, before) and (red >= green).all() and (red > green + 40).any()  # other colours are seen at once


def test_what_was_drawn_of_the_other_result_is_given_back(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav", 60.0))
    window.bridge.compare("wide")
    until(qtbot, lambda: window.state.apart_db is not None and rests(window))
    QTest.keyClick(window, Qt.Key.Key_D)
    tiles = window.view.tiles
    for at_s in (0, 57):
        window.view.show_window(at_s, at_s + 2)
        until(qtbot, lambda: tiles.is_settled)
    drawn = [weakref.ref(tile) for tile in (*tiles._differences._tiles.values(), *tiles._others._tiles.values())]
    assert len(drawn) >= 6 and not tiles._tiles.keys() <= set(tiles._ahead)  # some of it is out of sight
    window.comparison.end.click()
    until(qtbot, lambda: tiles.is_settled)
    assert gc.collect() >= 0 and not any(tile() for tile in drawn)


def test_the_readout_says_both(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    until(qtbot, lambda: window.state.picture.is_complete)
    window.panel.readout.point((1.0, 220.0))
    words = window.panel.readout._stems.text()
    assert re.search(r"Harmonic <b>\s*\d+</b> / <b>\d+</b>%", words)
    assert window.panel.readout._bar.accessibleDescription().startswith("A: Harmonic ")


def test_the_end_keeps_what_is_heard_and_gives_the_other_back(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    state, bridge = window.state, made.bridge
    for kept, compared_with in (("wide", "hpss"), ("wide", "hpss")):
        window.actions_["difference"].trigger()
        if state.method != kept:
            window.actions_["switch_result"].trigger()
        other, masks, tiles = weakref.ref(bridge._other), state.masks, weakref.ref(window.view.tiles._others)
        window.comparison.end.click()
        assert state.compared is None and state.apart_db is None and not state.difference and not window.comparison.isVisible()
        assert (state.method, state.masks) == (kept, masks) and bridge._session.masks is masks and made.settings.choices.method == kept
        assert not any(window.actions_[name].isEnabled() for name in ("switch_result", "difference", "end_comparison"))
        until(qtbot, lambda other=other, tiles=tiles: gc.collect() >= 0 and other() is None and tiles() is None)
        bridge.switch()  # nothing to switch to
        assert state.method == kept
        bridge.compare(compared_with)
        until(qtbot, lambda: state.apart_db is not None and rests(window))


@pytest.mark.parametrize("heard", ["hpss", "wide"])
def test_the_mix_is_remembered_whichever_result_was_heard(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, heard: str
) -> None:
    comparing(qtbot, window, tmp_path)
    state, path = window.state, window.state.song.path
    state.load_mix(MOVED)
    if state.method != heard:
        window.actions_["switch_result"].trigger()
    window.actions_["close"].trigger()
    ready(qtbot, window, song(tmp_path / "next.wav", 1.0))
    state.load_mix(Mix({"harmonic": StemMix(mute=True)}))
    window.actions_["close"].trigger()
    state.method = made.settings.choices.method  # as after a start
    window.open_path(path)
    until(qtbot, lambda: state.song is not None)
    on_disk = memory.recall(made.settings.folder, state.song, (look.name for look in state.stems))
    assert on_disk is not None and on_disk[0] == state.mix == MOVED  # on disk too: not the mix of the song before


def test_the_end_keeps_what_was_preferred_for_the_next_song(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    made.settings.choose(method="twin")  # in the preferences, while a song is open
    window.bridge.compare("wide")
    window.bridge.end_comparison()
    assert made.settings.choices.method == "twin" and window.state.method == "hpss"
    ready(qtbot, window, song(tmp_path / "next.wav"))
    assert window.state.method == "twin"


def test_another_song_or_none_ends_it(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    window.actions_["switch_result"].trigger()
    ready(qtbot, window, song(tmp_path / "next.wav", seed=1))
    state = window.state
    assert state.compared is None and made.bridge._other is None and state.method == "wide" and not window.comparison.isVisible()
    entry(window, "compare-gated").trigger()
    until(qtbot, lambda: "separate" in made.bridge._jobs)
    window.actions_["close"].trigger()
    assert state.compared is None and state.masks is None and not made.bridge._jobs
    Gated.gate.set()
    until(qtbot, lambda: not made.bridge._let_go)
    assert state.masks is None and state.progress is None


def test_cancelling_b_while_it_is_made_leaves_a(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    state, masks, null = window.state, window.state.masks, window.state.null
    for hears_b in (False, True):
        kept = as_it_is(window)
        Gated.gate.clear()
        window.bridge.compare("gated")
        until(qtbot, lambda: "separate" in made.bridge._jobs)
        assert not window.actions_["difference"].isEnabled() and window.comparison.sides["b"].text().endswith("0 %")
        if hears_b:
            window.bridge.switch()
            assert not state.masks.chunks and state.null is None
        job = made.bridge._jobs["separate"]
        window.status.cancel_wanted.emit()
        assert state.compared is None and "separate" not in made.bridge._jobs and job.is_cancelled()
        assert as_it_is(window) == kept and (state.method, state.masks, state.null) == ("hpss", masks, null)
        Gated.gate.set()
        until(qtbot, lambda: not made.bridge._let_go)


def test_one_result_is_separated_at_a_time_a_first(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    made.settings.choose(method="gated")
    window.open_path(song(tmp_path / "song.wav", 2.0))
    state = window.state
    until(qtbot, lambda: state.song is not None and "separate" in made.bridge._jobs)
    seen: list[str] = []
    state.progress_changed.connect(lambda p: p and seen.append(p.what))
    window.bridge.compare("hpss")
    assert not state.compared.b.masks.chunks
    Gated.gate.set()
    until(qtbot, lambda: state.apart_db is not None and rests(window))
    assert state.compared.a.masks.is_complete and state.compared.b.masks.is_complete and state.null is not None
    since = list(dropwhile(lambda what: what == "Separating", seen))  # one that was on its way when the comparison began says no side
    assert since and all(what in ("Separating A", "Separating B") for what in since), seen


def test_a_result_that_cannot_be_made_ends_it_with_a_sentence(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "song.wav"))
    kept, masks = as_it_is(window), window.state.masks
    Gated.complaint = "The weights are worn out; choose another method."
    Gated.gate.set()
    with qtbot.waitSignal(window.bridge.refused, timeout=60_000) as caught:
        window.bridge.compare("gated")
    assert caught.args == [Gated.complaint]
    until(qtbot, lambda: rests(window))
    assert window.state.compared is None and as_it_is(window) == kept and window.state.masks is masks
    for box in window.findChildren(QMessageBox):
        box.close()


def test_another_method_takes_the_place_of_what_is_heard(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    comparing(qtbot, window, tmp_path)
    state = window.state
    state.load_mix(MOVED)
    window.actions_["switch_result"].trigger()
    before = state.compared
    entry(window, "twin").trigger()
    assert state.compared.a == before.a and state.compared.b.method == state.method == "twin" and state.apart_db is None
    until(qtbot, lambda: state.apart_db is not None and rests(window))
    assert state.mix == MOVED and state.apart_db < -150  # A is hpss, whose twin this is
    entry(window, "hpss").trigger()  # that is the other one
    assert state.compared.heard == "a" and state.method == "hpss" and state.compared.b.method == "twin"
    entry(window, "adress").trigger()
    assert state.compared is None and state.method == "adress" and len(state.stems) == 5
    until(qtbot, lambda: rests(window))


def test_what_is_compared_already_is_left_alone_and_what_was_refused_is_not_checked(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path
) -> None:
    comparing(qtbot, window, tmp_path)
    compared, other = window.state.compared, made.bridge._other
    entry(window, "compare-wide").trigger()
    assert window.state.compared is compared and made.bridge._other is other and not made.bridge._jobs
    window.bridge.export(ExportWish(tmp_path / "stems"))
    entry(window, "compare-twin").trigger()
    entry(window, "twin").trigger()
    assert window.state.compared is compared and "Files are being written" in window.state.message
    assert entry(window, "compare-wide").isChecked() and not entry(window, "compare-twin").isChecked()
    assert entry(window, "hpss").isChecked() and not entry(window, "twin").isChecked()
    until(qtbot, lambda: rests(window))


def test_masks_that_a_cancelled_export_made_are_seen(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: Any) -> None:
        assert gone.wait(60)
        raise Cancelled("The export")

    gone = threading.Event()
    monkeypatch.setattr("engine.export.write_stems", write)
    made.settings.choose(method="gated")
    window.open_path(song(tmp_path / "song.wav", 2.0))
    until(qtbot, lambda: window.state.song is not None and "separate" in made.bridge._jobs)
    window.bridge.export(ExportWish(tmp_path / "stems"))
    Gated.gate.set()
    until(qtbot, lambda: made.bridge._session.masks.is_complete and not made.bridge._let_go)
    gone.set()
    until(qtbot, lambda: rests(window))
    assert window.state.masks is made.bridge._session.masks


def test_what_is_heard_is_separated_first(window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    made.settings.choose(method="gated")
    bridge, state = made.bridge, window.state
    window.open_path(song(tmp_path / "song.wav"))
    until(qtbot, lambda: state.song is not None and "separate" in bridge._jobs)
    gated = bridge._session
    bridge.compare("twin")
    assert bridge._working is gated  # A comes first while it is heard
    bridge.switch()
    until(qtbot, lambda: state.masks is not None and state.masks.is_complete and state.null is not None)
    assert state.method == "twin" and bridge._session.masks.is_complete and not gated.masks.is_complete
    until(qtbot, lambda: bridge._working is gated)  # then the other one, in its turn
    bridge.switch()
    assert bridge._working is gated and "separate" in bridge._jobs  # nothing of it is begun anew
    job = bridge._jobs["separate"]
    bridge.switch()
    assert bridge._jobs["separate"] is job  # B is complete: A need not give way
    bridge._measured = None  # B's badge is missing, as when it was switched away while it was being measured
    bridge.switch()
    for _ in range(6):  # a finger that rests on X: one that was let go is waited for before the next one is
        bridge.switch()
    assert sum(j.objectName() == "separate" for j in bridge._let_go) <= 1
    Gated.gate.set()
    until(qtbot, lambda: rests(window))
    assert gated.masks.is_complete


def test_the_end_leaves_an_export_its_progress(
    window: MainWindow, made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*args: Any) -> None:
        args[6](Progress("Writing stems", 0.5))
        assert gone.wait(60)
        raise Cancelled("The export")

    gone, state = threading.Event(), window.state
    monkeypatch.setattr("engine.export.write_stems", write)
    ready(qtbot, window, song(tmp_path / "song.wav"))
    window.bridge.compare("gated")
    until(qtbot, lambda: "separate" in made.bridge._jobs)
    window.bridge.export(ExportWish(tmp_path / "stems"))
    until(qtbot, lambda: state.progress is not None and state.progress.what == "Writing stems")
    window.bridge.end_comparison()
    assert state.compared is None and state.progress is not None and "export" in made.bridge._jobs
    gone.set()
    until(qtbot, lambda: rests(window))
    assert state.progress is None


def test_what_cannot_be_compared_says_why_and_changes_nothing(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert not window.methods.compare.menuAction().isEnabled()
    ready(qtbot, window, song(tmp_path / "song.wav"))
    assert window.methods.compare.menuAction().isEnabled()
    kept = as_it_is(window), window.state.masks, window.state.method, window.settings.choices
    said: list[str] = []
    window.bridge.refused.connect(said.append)
    for name, why in (("adress", "has others (left, mid-left"), ("hpss", "is what is heard now"), ("nmf", "same faders")):
        action = entry(window, f"compare-{name}")
        assert not action.isEnabled() and why in action.toolTip() and why in action.statusTip()
        window.bridge.compare(name)
        assert why in said[-1] and window.state.compared is None and not window.bridge._jobs
        assert (as_it_is(window), window.state.masks, window.state.method, window.settings.choices) == kept
    assert entry(window, "compare-wide").isEnabled()
    for box in window.findChildren(QMessageBox):
        box.close()


def test_what_cannot_serve_a_song_says_why_until_another_song_is_open(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    infos = window.bridge.methods()
    spatial = [name for name, info in infos.items() if info.needs_stereo]
    assert len(spatial) == 4 and all(entry(window, name).isEnabled() for name in infos)  # no song, no reason
    ready(qtbot, window, song(tmp_path / "mono.wav", n_channels=1))
    for name, info in infos.items():
        action = entry(window, name)
        assert action.isEnabled() == (name not in spatial)
        said = action.statusTip()
        assert said == info.sentence if action.isEnabled() else ("needs two channels" in said and "mono.wav is mono." in said)
        assert said in action.toolTip()
    kept = as_it_is(window), window.state.masks, window.state.method, window.settings.choices
    with qtbot.waitSignal(window.bridge.refused, timeout=60_000) as caught:
        window.bridge.choose_method("projet")
    assert "needs two channels" in caught.args[0]
    assert (as_it_is(window), window.state.masks, window.state.method, window.settings.choices) == kept
    assert entry(window, "hpss").isChecked()
    for box in window.findChildren(QMessageBox):
        box.close()
    ready(qtbot, window, song(tmp_path / "stereo.wav"))
    assert all(entry(window, name).isEnabled() and entry(window, name).statusTip() == infos[name].sentence for name in infos)


def test_the_menu_tells_the_sentence_of_what_is_pointed_at(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    ready(qtbot, window, song(tmp_path / "mono.wav", 1.0, n_channels=1))
    menu = next(m for m in window.menuBar().actions() if m.text() == "&Method").menu()
    label = window.methods.heard._sentences[0]
    menu.popup(window.mapToGlobal(window.rect().topLeft()))
    assert "mono.wav is mono" in label.text()  # known before anything is pointed at: four methods cannot be chosen
    for name in (*window.bridge.methods(), "projet", "hpss"):
        if entry(window, name).isEnabled():
            menu.setActiveAction(entry(window, name))
        else:
            QTest.mouseMove(menu, menu.actionGeometry(entry(window, name)).center())
        until(qtbot, lambda name=name: label.text() == entry(window, name).statusTip())
        assert label.heightForWidth(label.width()) <= label.height()  # nothing of it is cut off
    menu.close()


def test_research_networks_have_a_menu_of_their_own(made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.methods.network.is_installed", lambda name, folder=None: name != "demucs")
    w = MainWindow(made.state, made.bridge, made.settings)
    infos = made.bridge.methods()
    research = {name for name, info in infos.items() if info.group == "research"}
    assert len(research) >= 19 and "demucs" not in research
    for lists, prefix in ((w.methods.heard, ""), (w.methods.beside, "compare-")):
        (submenu,) = {m for action in lists.group.actions() for m in action.associatedObjects() if action.data() in research}
        assert submenu.title() == "Research networks" and len(lists._sentences) == 2
        assert {a.objectName() for a in lists.group.actions()} == {prefix + name for name in infos}
    made.bridge.open(song(tmp_path / "song.wav", 1.0))
    until(qtbot, lambda: made.state.song is not None and rests(w))
    assert all(entry(w, name).statusTip() == infos[name].sentence for name in research)
    assert not any(entry(w, f"compare-{name}").isEnabled() for name in research)  # what is heard is hpss
    w.close()
    w.deleteLater()
