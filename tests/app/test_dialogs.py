"""The dialogs: export, null report, preferences, shortcuts. Alone against a fake bridge, and exports through the real one."""

import doctest
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel

from app import dialog_parts, export_words, preferences, theme
from app.actions import ACTIONS
from app.bridge import Bridge
from app.bridge_work import Exported, ExportWish
from app.export_dialog import ExportDialog
from app.export_words import in_window_words, own_words, verdict_words
from app.preferences import PreferencesDialog
from app.report_dialog import ReportDialog
from app.settings import Choices, Settings
from app.shortcuts_dialog import ShortcutsDialog
from app.sound_devices import Device, SinkError
from app.state import Levels, State, StemLook
from engine import export
from engine.errors import EngineError
from engine.export import check_full_scale, check_targets
from engine.formats import OutputFormat
from engine.methods import hpss
from engine.session import ExportPlan, Session, Stretch, methods
from engine.types import FLOAT32, INT16, INT24, AudioInfo, Mix, Progress, StemMix

LEFT, KEY = Qt.MouseButton.LeftButton, Qt.Key
SONG = AudioInfo(Path("/music/Night Drive.flac"), "FLAC", "PCM_24", INT24, 44100, 2, 44100 * 60)
STEMS = tuple(StemLook(name, name.capitalize(), "#ffffff") for name in ("vocals", "drums", "bass", "other"))


class FakeBridge(QObject):
    """Answers as the bridge does, and remembers what it was asked."""

    refused, exported, export_ended, cache_cleared = Signal(str), Signal(object), Signal(), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[ExportWish] = []
        self.n_cancelled = self.n_asked = self.n_cleared = 0
        self.there: tuple[Path, ...] = ()
        self.problem = ""
        self.n_bytes, self.n_free, self.text = 120_000_000, 34_000_000_000, "nothing yet"

    def export_choices(self) -> dict[str, tuple[str, ...]]:
        return {"WAV": ("PCM_16", "PCM_24", "FLOAT"), "FLAC": ("PCM_16", "PCM_24"), "OGG": ("VORBIS",)}

    def formats_of(self, container: str | None, subtype: str | None) -> str:
        return f"{container or 'FLAC'} {subtype or 'PCM_24'}"

    def export_plan(self, wish: ExportWish) -> ExportPlan | str:
        if self.problem:
            return self.problem
        names = [s.name for s in STEMS] * wish.stems + ["remix"] * wish.remix
        try:
            files = tuple(wish.folder / (wish.name_template.format(song="Night Drive", stem=n, method="m") + ".flac") for n in names)
        except (KeyError, ValueError):
            return f"The name '{wish.name_template}' cannot be read; use {{song}}, {{stem}} and {{method}} in it."
        reports = (wish.folder / "r.txt",) * wish.stems
        return ExportPlan(OutputFormat("FLAC", "PCM_24"), files, reports, self.there, self.n_bytes, self.n_free)

    def export(self, wish: ExportWish) -> None:
        self.wishes.append(wish)

    def cancel(self) -> None:
        self.n_cancelled += 1

    def null_text(self) -> str:
        return self.text

    def cache_usage(self) -> str:
        return "12 MB of 8 GB in /cache"

    def clear_cache(self) -> None:
        self.n_cleared += 1

    def ask_device(self) -> None:
        self.n_asked += 1

    def methods(self) -> object:
        return methods()


@pytest.fixture
def state(qapp) -> State:
    if qapp.styleSheet() != theme.STYLE:  # it takes a second
        theme.apply(qapp)
    state = State()
    state.song, state.stems = SONG, STEMS
    return state


@pytest.fixture
def settings(tmp_path: Path, qapp) -> Settings:
    settings = Settings(tmp_path / "nullsum.ini")
    settings.choose(export_folder=str(tmp_path / "out"))
    return settings


@pytest.fixture
def fake(qapp) -> FakeBridge:
    return FakeBridge()


@pytest.fixture
def dialog(qtbot, state, fake, settings) -> ExportDialog:
    dialog = ExportDialog(state, fake, settings)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def choose(box, value) -> None:
    box.setCurrentIndex(box.findData(value))


@pytest.mark.parametrize("module", [dialog_parts, export_words])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


# ---------------------------------------------------------------------------------------------------- the export form


def test_the_defaults_are_the_stems_of_the_whole_song_as_the_source(qtbot, dialog, fake, tmp_path):
    assert dialog.form.container.currentText() == "As the source: FLAC, 24 bit" and not dialog.form.depth.isEnabled()
    assert dialog.plan.text() == f"4 files and a null report, at most 120 MB, in {tmp_path / 'out'} (34.0 GB free)"
    qtbot.keyClick(dialog, KEY.Key_Return)
    assert fake.wishes == [ExportWish(tmp_path / "out")]


def test_every_field_reaches_the_wish(qtbot, dialog, fake, state, settings, tmp_path):
    form = dialog.form
    state.selection = (1.5, 6.25)
    qtbot.mouseClick(form.what.buttons["both"], LEFT)
    qtbot.mouseClick(form.range.buttons["selection"], LEFT)
    choose(form.container, "WAV")
    assert form.subtype == "PCM_24"  # the source's own depth where the container has it
    choose(form.depth, "FLOAT")
    form.headroom.setValue(1.5)
    form.folder.setText(str(tmp_path / "else"))
    form.template.setText("{stem} of {song}")
    form.replace.click()
    qtbot.mouseClick(dialog.start, LEFT)
    assert fake.wishes == [ExportWish(tmp_path / "else", True, True, 1.5, 6.25, "WAV", "FLOAT", -1.5, "{stem} of {song}", True)]
    assert settings.choices.export_folder == str(tmp_path / "else") and settings.choices.name_template == "{stem} of {song}"


def test_only_what_can_be_written_is_offered(dialog):
    box = dialog.form.container
    assert [box.itemData(i) for i in range(box.count()) if box.itemData(i)] == ["WAV", "FLAC", "OGG"]
    choose(box, "FLAC")
    assert [dialog.form.depth.itemData(i) for i in range(dialog.form.depth.count())] == ["PCM_16", "PCM_24"]


def test_a_selection_is_offered_where_there_is_one(dialog, state):
    button = dialog.form.range.buttons["selection"]
    assert not button.isEnabled() and "Nothing is selected" in button.toolTip() == dialog.form.range_note.text()
    state.selection = (2.0, 3.0)
    assert button.isEnabled() and "0:02.0 to 0:03.0" in button.text()
    button.click()
    state.selection = None
    assert not button.isEnabled() and dialog.form.wish().end_s is None


def test_names_are_shown_while_they_are_typed(qtbot, dialog):
    form = dialog.form
    assert form.names.toolTip().splitlines()[0] == "Night Drive - vocals.flac"
    form.template.selectAll()
    qtbot.keyClicks(form.template, "x {stem}")
    assert form.names.toolTip().splitlines() == ["x vocals.flac", "x drums.flac", "x bass.flac", "x other.flac"]
    form.template.setText("{nope}")
    assert form.names.text() == "" and "cannot be read" in dialog.notice.text() and not dialog.start.isEnabled()
    form.template.setText("{stem}")
    assert dialog.notice.text() == "" and dialog.start.isEnabled()


def test_room_and_files_that_are_there_are_looked_at_live(qtbot, dialog, fake, tmp_path):
    fake.n_free = 1_000_000
    qtbot.waitUntil(lambda: "not enough room" in dialog.notice.text(), timeout=20_000)
    assert not dialog.start.isEnabled()
    fake.n_free, fake.there = 10**12, (tmp_path / "a.flac", tmp_path / "b.flac")
    dialog._look()
    assert dialog.notice.text().startswith("a.flac and 1 more are there already") and not dialog.start.isEnabled()
    dialog.form.replace.click()
    assert dialog.notice.text() == "" and dialog.start.isEnabled()


def test_headroom_is_explained_where_something_may_clip(dialog, state):
    note = dialog.form.headroom_note
    assert "changes nothing" in note.text()
    state.levels = Levels({}, (1.2, 1.0), n_clipped=1234)
    assert "changes nothing" in note.text()  # stems at 0 dB do not clip because the remix did
    dialog.form.what.buttons["remix"].click()
    assert "1,234 samples" in note.text()
    state.song = replace(SONG, container="WAV", subtype="FLOAT", sample_type=FLOAT32)
    choose(dialog.form.container, "WAV")
    choose(dialog.form.depth, "PCM_24")
    assert "integers cannot" in note.text()
    dialog.form.headroom.setValue(2)
    assert "lowered by 2 dB" in note.text()


def test_what_a_format_promises(dialog, state):
    def note(container: str, subtype: str) -> str:
        choose(dialog.form.container, container)
        choose(dialog.form.depth, subtype)
        return dialog.form.format_note.text()

    assert "exactly to the source, sample for sample" in note("FLAC", "PCM_24")
    assert "exactly to the source rounded to 16 bits" in note("FLAC", "PCM_16")
    assert "−130 dB" in note("WAV", "FLOAT") and "not null" in note("OGG", "VORBIS")
    state.mix = Mix({"vocals": StemMix(mute=True)})
    dialog.form.what.buttons["remix"].click()
    assert "What is heard" in dialog.form.what_note.text()


def test_a_lossy_source_says_why_another_format_is_written():
    mp3 = replace(SONG, container="MPEG", subtype="MPEG_LAYER_III", sample_type=FLOAT32, is_lossy=True)
    assert own_words(mp3, "WAV", "FLOAT") == "WAV, 32-bit float (the source is lossy)"


# ------------------------------------------------------------------------------------------- running, cancel, refusal


def test_progress_is_one_bar_that_never_goes_back(dialog, state, fake):
    dialog.form.what.buttons["both"].click()
    dialog.start.click()
    seen = []
    for what in ("Separating", "Writing stems", "Checking the files", "Writing the remix"):
        for done in (0.1, 0.9):
            state.progress = Progress(what, done, 12.0)
            seen.append(dialog.bar.value())
        state.progress = None
    assert seen == sorted(seen) and seen[-1] > 900
    assert dialog.step.text().startswith("Writing the remix · 9") and "13 s left" in dialog.step.text()
    assert not dialog.form.isEnabled() and not dialog.start.isEnabled()


def test_escape_cancels_what_runs_and_then_closes(qtbot, dialog, fake):
    dialog.form.template.setText("{stem}!")
    dialog.start.click()
    qtbot.keyClick(dialog, KEY.Key_Escape)
    assert fake.n_cancelled == 1 and dialog.isVisible()
    fake.export_ended.emit()
    assert dialog.notice.text() == "Cancelled; nothing was written." and dialog.form.isEnabled()
    assert dialog.form.template.text() == "{stem}!" and dialog.start.isEnabled()
    qtbot.keyClick(dialog, KEY.Key_Escape)
    assert not dialog.isVisible() and fake.n_cancelled == 1


def test_a_refusal_is_said_in_the_dialog_and_the_fields_stay(dialog, fake):
    dialog.form.headroom.setValue(3)
    dialog.start.click()
    fake.refused.emit("a.flac is there already; give --overwrite to replace it or choose another folder.")
    fake.export_ended.emit()
    assert dialog.notice.text() == "a.flac is there already; tick “Replace files that are there” or choose another folder."
    assert dialog.form.isEnabled() and dialog.form.headroom.value() == 3 and dialog.isVisible()
    dialog._look()
    assert "tick" in dialog.notice.text()  # it stays until something is changed
    dialog.form.headroom.setValue(4)
    assert dialog.notice.text() == ""


def test_refusals_of_the_engine_never_name_options_of_the_command_line(tmp_path):
    (tmp_path / "a.wav").touch()
    loud = SimpleNamespace(info=replace(SONG, sample_type=FLOAT32, n_samples=9), read=lambda _start, n: np.full((2, n), 1.3, np.float32))
    said = []
    for refuse in (lambda: check_targets([tmp_path / "a.wav"], [], False),
                   lambda: check_full_scale(loud, OutputFormat("WAV", "PCM_24"), Stretch(0, 9))):  # fmt: skip
        with pytest.raises(EngineError) as caught:
            refuse()
        said.append(in_window_words(str(caught.value)))
    assert not any("--" in sentence for sentence in said)
    assert "Replace files" in said[0] and "set the headroom to 2.3 dB" in said[1]


# -------------------------------------------------------------------------------------------------------- the verdict


def report(n_different: int = 0, adds_up: bool = True, peak_dbfs: float = float("-inf"), n_stems: int = 4) -> SimpleNamespace:
    result = SimpleNamespace(adds_up=adds_up, n_compared=1000, n_different=n_different, peak_dbfs=peak_dbfs)
    return SimpleNamespace(result=result, stems={s.name: {} for s in STEMS[:n_stems]})


@pytest.mark.parametrize(("found", "subtype", "big", "kind"), [
    (report(), "PCM_24", "0 of 1,000 samples differ", "good"),
    (report(900, True, -151.2), "FLOAT", "The stems add up within −151.2 dBFS", "good"),
    (report(900, False, -38.2), "VORBIS", "4 lossy stems written", "info"),
    (report(1, False, -90.0), "PCM_24", "The stems do not add up", "error"),
    (report(n_stems=2), "PCM_24", "2 of 4 stems written", "info"),
])  # fmt: skip
def test_the_verdict(found, subtype, big, kind):
    said = verdict_words(found, SONG, subtype, 4, 0.0)
    assert (said[0], said[2]) == (big, kind)
    if "of 4" in big:
        assert "no sum is claimed" in said[1]


def test_a_remix_alone_claims_no_null(dialog, fake, tmp_path):
    dialog.form.what.buttons["remix"].click()
    dialog.start.click()
    fake.exported.emit(Exported((tmp_path / "r.flac",), None, "", ("12 samples of the remix clipped; give the output some headroom.",)))
    fake.export_ended.emit()
    assert dialog.result.verdict[0] == "Remix written" and not dialog.result.report_button.isVisible()
    assert any("clipped" in label.text() for label in dialog.result.findChildren(QLabel))


# ------------------------------------------------------------------------------------------ through the real bridge


@pytest.fixture
def real(qtbot, settings, state, tmp_path):
    """A bridge with a song of 3 s (FLAC, 16 bit) open and separated by hpss."""
    state.song, state.stems = None, ()
    settings.choose(method="hpss", cache_folder=str(tmp_path / "cache"))
    state.method = "hpss"
    rng = np.random.default_rng(3)
    song = tmp_path / "Song.flac"
    sf.write(song, np.clip(rng.normal(0, 0.4, (3 * 22050, 2)) * 32768, -32768, 32767).astype(np.int16), 22050, subtype="PCM_16")
    bridge = Bridge(state, settings)
    bridge.open(song)
    qtbot.waitUntil(lambda: state.null is not None, timeout=20_000)
    yield bridge
    bridge.shut_down()


@pytest.fixture
def real_dialog(qtbot, real, state, settings) -> ExportDialog:
    dialog = ExportDialog(state, real, settings)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def read(path: Path) -> np.ndarray:
    return sf.read(path, dtype="int16", always_2d=True)[0].astype(int)


def test_an_export_adds_up_and_shows_its_report(qtbot, real_dialog, tmp_path, monkeypatch):
    dialog, out = real_dialog, tmp_path / "out"
    dialog.form.what.buttons["both"].click()
    assert dialog.form.names.toolTip().splitlines() == [f"Song - {n}.flac" for n in ("harmonic", "percussive", "remix")]
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.result is not None, timeout=20_000)
    source = read(tmp_path / "Song.flac")
    assert np.array_equal(read(out / "Song - harmonic.flac") + read(out / "Song - percussive.flac"), source)
    assert np.array_equal(read(out / "Song - remix.flac"), source)
    assert dialog.result.findChild(QLabel, "verdict").text() == f"0 of {source.size:,} samples differ"
    assert dialog.result.verdict[2] == "good" and dialog.result.files.topLevelItemCount() == 3
    qtbot.waitUntil(lambda: dialog.height() < 400, timeout=20_000)  # no room is left where the form was
    opened = []
    monkeypatch.setattr("app.export_result.QDesktopServices.openUrl", opened.append)
    qtbot.mouseClick(dialog.result.folder_button, LEFT)
    assert Path(opened[0].toLocalFile()) == out
    qtbot.mouseClick(dialog.result.report_button, LEFT)
    shown = dialog.result.findChild(ReportDialog)
    assert shown.view.toPlainText() == (out / "Song - null-report.txt").read_text(encoding="utf-8")
    shown.accept()
    qtbot.keyClick(dialog, KEY.Key_Return)
    assert not dialog.isVisible()


def test_an_export_that_has_begun_can_be_cancelled(qtbot, real_dialog, state, tmp_path, monkeypatch):
    begun = threading.Event()
    render_stems = export.render_stems

    def endless(*arguments):
        begun.set()
        job = real_dialog._bridge._jobs["export"]
        while not job.is_cancelled():
            time.sleep(0.005)
        return render_stems(*arguments)

    monkeypatch.setattr(export, "BLOCK", 4096)
    monkeypatch.setattr(export, "render_stems", endless)
    real_dialog.form.what.buttons["both"].click()
    real_dialog.start.click()
    qtbot.waitUntil(begun.is_set, timeout=20_000)
    assert list((tmp_path / "out").glob(".nullsum-*"))  # it does write
    qtbot.keyClick(real_dialog, KEY.Key_Escape)
    qtbot.waitUntil(real_dialog.form.isEnabled, timeout=20_000)
    assert real_dialog.notice.text() == "Cancelled; nothing was written." and not (tmp_path / "out").exists()
    assert state.progress is None and real_dialog.isVisible()


def test_a_device_that_is_found_during_an_export_waits_for_its_end(qtbot, real, state, settings, tmp_path, monkeypatch):
    begun, may_go_on = threading.Event(), threading.Event()
    render_stems = export.render_stems

    def held_up(*arguments):
        begun.set()
        assert may_go_on.wait(60)
        return render_stems(*arguments)

    def words(wanted):
        if wanted == "cuda":
            raise EngineError("There is no GPU.")
        return f"{wanted}, 1 thread", ""

    monkeypatch.setattr("app.bridge_device.device_words", words)
    monkeypatch.setattr(hpss.Hpss, "info", replace(hpss.INFO, weights_sha256="0" * 64))  # as of a network, which a device concerns
    monkeypatch.setattr("engine.session.build", lambda name, **options: hpss.Hpss())
    real.choose_method("hpss")
    qtbot.waitUntil(lambda: state.null is not None and not real._jobs, timeout=20_000)
    session, method = real._session, real._session.method
    monkeypatch.setattr(export, "render_stems", held_up)
    with qtbot.waitSignal(real.exported, timeout=60_000) as exported:
        real.export(ExportWish(tmp_path / "out"))
        qtbot.waitUntil(begun.is_set, timeout=20_000)
        settings.choose(compute_device="cuda")
        qtbot.waitUntil(lambda: state.device_why == "There is no GPU.", timeout=20_000)
        assert "export" in real._jobs and (session.device, session.method) == ("auto", method) and session.masks.is_complete
        may_go_on.set()
    assert exported.args[0].report.result.adds_up
    qtbot.waitUntil(lambda: session.device == "cpu" and session.method is not method, timeout=20_000)
    qtbot.waitUntil(lambda: state.masks.is_complete and state.null is not None, timeout=20_000)  # separated again, there


def test_a_cancel_between_stems_and_remix_takes_the_stems_away(qtbot, real_dialog, tmp_path, monkeypatch):
    write_remix = export.write_remix

    def cancelled_first(*arguments):
        real_dialog._bridge._jobs["export"].cancel()
        return write_remix(*arguments)

    monkeypatch.setattr(export, "write_remix", cancelled_first)
    real_dialog.form.what.buttons["both"].click()
    real_dialog.start.click()
    qtbot.waitUntil(lambda: real_dialog.form.isEnabled(), timeout=20_000)
    assert real_dialog.notice.text() == "Cancelled; nothing was written." and not (tmp_path / "out").exists()


def test_files_that_are_there_refuse_the_export_and_stay(qtbot, real_dialog, tmp_path, monkeypatch):
    there = tmp_path / "out" / "Song - remix.flac"
    there.parent.mkdir()
    dialog = real_dialog
    dialog.form.what.buttons["both"].click()
    dialog._clock.stop()
    there.write_bytes(b"mine")  # after the dialog has looked
    with monkeypatch.context() as patch:
        patch.setattr(export, "write_stems", None)  # it is refused before anything is written
        dialog.start.click()
        qtbot.waitUntil(dialog.form.isEnabled, timeout=20_000)
    assert "is there already" in dialog.notice.text() and "--" not in dialog.notice.text()
    assert list(there.parent.iterdir()) == [there] and there.read_bytes() == b"mine"
    dialog.form.replace.click()
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.result is not None, timeout=20_000)
    assert np.array_equal(read(there), read(tmp_path / "Song.flac"))


def test_the_plan_of_the_real_bridge(real, tmp_path):
    wish = ExportWish(tmp_path / "x", stems=True, remix=True)
    plan = real.export_plan(wish)
    assert [p.name for p in plan.files] == ["Song - harmonic.flac", "Song - percussive.flac", "Song - remix.flac"]
    assert len(plan.reports) == 2 and plan.n_bytes > 3 * 3 * 22050 * 4 and plan.n_free > 0 and plan.there == ()
    assert "same for every stem" in real.export_plan(replace(wish, name_template="{song}"))
    for template in ("{song.x}", "{", "{nope}", "{0}"):
        assert "cannot be read" in real.export_plan(replace(wish, name_template=template))
    for template, said in ((" ", "is empty"), ("{song}", "the song itself")):
        assert said in real.export_plan(replace(wish, folder=tmp_path, name_template=template, stems=False))
    assert "is a file, not a folder" in real.export_plan(replace(wish, folder=tmp_path / "Song.flac" / "x"))
    choices = real.export_choices()
    assert choices["FLAC"] == ("PCM_S8", "PCM_16", "PCM_24") and "MP3" in choices and choices["OGG"] == ("VORBIS",)  # 22.05 kHz: no Opus


def test_clearing_the_cache_separates_the_open_song_again(qtbot, real, state, settings, tmp_path):
    dialog = PreferencesDialog(state, real, settings, devices=list)
    qtbot.addWidget(dialog)
    files = set((tmp_path / "cache").rglob("*.npy"))
    assert files and state.masks.is_complete
    with qtbot.waitSignal(real.cache_cleared, timeout=20_000) as said:
        qtbot.mouseClick(dialog.clear, LEFT)
    assert "freed" in said.args[0] and dialog.notice.text() == said.args[0] and dialog.clear.isEnabled()
    qtbot.waitUntil(lambda: state.masks.is_complete and state.null is not None, timeout=20_000)
    assert set((tmp_path / "cache").rglob("*.npy")) == files
    real.export(ExportWish(tmp_path / "after"))
    with qtbot.waitSignal(real.exported, timeout=20_000) as exported:
        pass
    assert exported.args[0].report.result.adds_up


def test_masks_that_were_forgotten_do_not_come_back_with_a_late_chunk(tmp_path):
    sf.write(tmp_path / "s.wav", np.random.default_rng(0).normal(0, 0.1, (60 * 8000, 1)), 8000, subtype="PCM_16")
    with Session(tmp_path / "s.wav", "hpss") as session:
        seen = []

        def publish(masks) -> None:
            seen.append(masks)
            session.forget_masks()  # as the window does while a job is at its next chunk

        session.separate(publish=publish)
        assert len(seen) == 1 < session.masks.n_chunks and not session.masks.chunks
        session.separate(publish=seen.append)
        assert session.masks.is_complete and session.masks is seen[-1]


# ------------------------------------------------------------------------------------------------------- null report


def test_the_report_follows_what_is_measured_and_can_be_copied_and_saved(qtbot, state, fake, settings, tmp_path, monkeypatch):
    dialog = ReportDialog(state, fake, settings)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.view.toPlainText() == "nothing yet" and dialog.view.isReadOnly()
    fake.text = "0 of 10 samples differ"
    state.null_changed.emit(None)
    assert dialog.view.toPlainText() == fake.text
    qtbot.mouseClick(dialog.copy, LEFT)
    assert QGuiApplication.clipboard().text() == fake.text and dialog.copy.text() == "Copied"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "r.txt"), ""))
    qtbot.mouseClick(dialog.save, LEFT)
    assert (tmp_path / "r.txt").read_text(encoding="utf-8") == fake.text and "Saved" in dialog.notice.text()
    dialog.save_to(tmp_path / "no such folder" / "r.txt")
    assert "cannot be written" in dialog.notice.text()
    qtbot.keyClick(dialog, KEY.Key_Escape)
    assert not dialog.isVisible()


# ------------------------------------------------------------------------------------------------------- preferences

TWIN = Device("Twin", 1, "ALSA", 44100, 2, False)
DEVICES = [Device("Card", 0, "ALSA", 48000, 2, True), TWIN, replace(TWIN, number=2, host_api="JACK")]


def pick(box, value) -> None:
    """As a user does: the item is activated."""
    choose(box, value)
    box.activated.emit(box.currentIndex())


def test_preferences_are_kept_at_once_and_read_back(qtbot, state, fake, settings, tmp_path):
    dialog = PreferencesDialog(state, fake, settings, devices=lambda: DEVICES)
    qtbot.addWidget(dialog)
    pick(dialog.compute, "cpu")
    pick(dialog.sound, "Twin, JACK")
    pick(dialog.method, "hpss")
    dialog.buffer.setValue(120)
    dialog.limit.setValue(2.5)
    dialog.folder.setText(str(tmp_path / "masks"))
    dialog.folder.editingFinished.emit()
    wanted = Choices("cpu", "Twin, JACK", 120, str(tmp_path / "masks"), 2.5, "hpss", str(tmp_path / "out"))
    assert settings.choices == wanted == Settings(tmp_path / "nullsum.ini").choices
    again = PreferencesDialog(state, fake, settings, devices=list)  # the card is gone meanwhile
    qtbot.addWidget(again)
    assert again.sound.currentText() == "Twin, JACK (not there now)" and again.buffer.value() == 120
    qtbot.mouseClick(again.defaults, LEFT)
    assert settings.choices == Choices(export_folder=str(tmp_path / "out"))  # what is not chosen here stays
    assert dialog.buffer.value() == 60 and dialog.compute.currentData() == "auto"


def test_a_cache_folder_that_cannot_be_is_refused(qtbot, state, fake, settings, tmp_path):
    dialog = PreferencesDialog(state, fake, settings, devices=list)
    qtbot.addWidget(dialog)
    (tmp_path / "file").touch()
    for text, said in (("relative", "no whole path"), (str(tmp_path / "file" / "x"), "is a file")):
        dialog.folder.setText(text)
        dialog.folder.editingFinished.emit()
        assert said in dialog.notice.text() and settings.choices.cache_folder == ""
    assert preferences.folder_problem(tmp_path / "new" / "er") == ""


def test_devices_are_said_in_words(qtbot, state, fake, settings):
    def no_library() -> list[Device]:
        raise SinkError("No sound: the PortAudio library was not found.")

    dialog = PreferencesDialog(state, fake, settings, devices=no_library)
    qtbot.addWidget(dialog)
    assert fake.n_asked == 1 and "PortAudio" in dialog.sound_note.text()
    state.device, state.device_why = "CPU, 1 thread", "PyTorch found no graphics card that answers; check the driver."
    assert dialog.device_note.text() == f"Computes on: {state.device}. {state.device_why}"
    assert "12 MB" in dialog.usage.text()


def test_another_method_in_the_preferences_holds_for_the_next_song(qtbot, real, state, settings, tmp_path):
    settings.choose(method="nullsum-4")
    assert state.method == "hpss"  # the open song goes on
    settings.choose(method="hpss")
    real.close_song()
    settings.choose(method="adress")
    assert state.method == "adress"


# --------------------------------------------------------------------------------------------------------- shortcuts


def test_every_action_is_listed_and_can_be_found(qtbot, state, fake, settings):
    dialog = ShortcutsDialog(state, fake, settings)
    qtbot.addWidget(dialog)
    dialog.show()
    heads = [dialog.table.topLevelItem(i) for i in range(dialog.table.topLevelItemCount())]
    rows = [head.child(i) for head in heads for i in range(head.childCount())]
    assert {spec.title.rstrip("…") for spec in ACTIONS} <= {row.text(0) for row in rows}
    qtbot.keyClicks(dialog.find, "export")
    assert [row.text(0) for row in rows if not row.isHidden() and not row.parent().isHidden()] == ["Export"]
    qtbot.keyClick(dialog, KEY.Key_Escape)
    assert not dialog.isVisible()


def test_every_control_has_a_name_and_tab_reaches_it(qtbot, dialog, state, fake, settings):
    others = (ReportDialog(state, fake, settings), ShortcutsDialog(state, fake, settings))
    for one in (dialog, PreferencesDialog(state, fake, settings, devices=list), *others):
        qtbot.addWidget(one)
        one.show()
        reached, at = set(), one.focusWidget() or one
        for _ in range(60):
            at = at.nextInFocusChain()
            if at.focusPolicy() & Qt.FocusPolicy.TabFocus and at.isVisibleTo(one) and at.window() is one:
                reached.add(at)
                assert at.accessibleName() or at.objectName().startswith("qt_"), f"{type(one).__name__}: {at} {at.objectName()}"
        assert len(reached) >= 3


def test_a_mixture_of_16_bits_is_named_as_the_source(state):
    assert own_words(replace(SONG, container="WAV", subtype="PCM_16", sample_type=INT16), "WAV", "PCM_16") == "As the source: WAV, 16 bit"


def test_a_cancel_during_the_remix_has_not_replaced_the_stems(qtbot, real_dialog, tmp_path, monkeypatch):
    out, write_remix = tmp_path / "out", export.write_remix
    out.mkdir()
    old = out / "Song - harmonic.flac"
    old.write_bytes(b"dear")

    def cancelled_first(*arguments):
        real_dialog._bridge._jobs["export"].cancel()
        return write_remix(*arguments)

    monkeypatch.setattr(export, "write_remix", cancelled_first)
    real_dialog.form.folder.setText(str(out))
    real_dialog.form.what.buttons["both"].click()
    real_dialog.form.replace.click()
    real_dialog.start.click()
    qtbot.waitUntil(lambda: real_dialog.form.isEnabled(), timeout=20_000)
    assert real_dialog.notice.text() == "Cancelled; nothing was written."
    assert list(out.iterdir()) == [old] and old.read_bytes() == b"dear"
    monkeypatch.undo()
    qtbot.waitUntil(real_dialog.start.isEnabled, timeout=20_000)  # the dialog looks anew a moment after a cancel
    real_dialog.start.click()
    qtbot.waitUntil(lambda: real_dialog.result is not None, timeout=20_000)
    assert len(list(out.iterdir())) == 5 and old.read_bytes() != b"dear"


def test_a_chunk_made_by_a_job_that_was_let_go_is_not_lost(qtbot, real, state):
    """Two separations one upon the other: the first makes the last chunk when nobody listens to it any more, the second finds it done."""
    session = real._session
    qtbot.waitUntil(lambda: state.null is not None and not real._jobs, timeout=20_000)
    whole = session.masks
    state.masks, state.null = replace(whole, chunks={}), None  # what the window knows; the session knows more
    real.separate()
    qtbot.waitUntil(lambda: state.null is not None and state.masks.is_complete, timeout=20_000)
    assert set(state.masks.chunks) == set(whole.chunks)
