"""The app's side of the door: owns the session and its jobs, puts what they find into the state. Lives in the GUI thread.

    open ──> [open job] ──> song, stems, mix in the state ──> [picture job]
                                                         └──> [separation job] ──> masks ──> [measuring job] ──> null badge

Opening another song cancels the jobs of the one before and does not wait for them: a job that was let go may finish its step,
but nobody listens to it any more.
"""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app import memory
from app.bridge_song import BridgeSong
from app.bridge_work import Exported, ExportWish, Found, draw, write_files
from app.jobs import Job
from app.settings import Choices, Settings
from app.state import State
from engine.errors import EngineError
from engine.session import Measured, Session, device_words, measure
from engine.types import Mix, Progress


class Bridge(BridgeSong):
    """Verbs for the actions; results go to the state, events to the signals below."""

    opened = Signal(object)  # AudioInfo
    exported = Signal(object)  # Exported
    export_ended = Signal()  # done, failed or cancelled
    cache_cleared = Signal(str)  # one sentence

    def __init__(self, state: State, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(state, settings, parent)
        self._choices = settings.choices
        self._next_method = ""  # chosen in the preferences while a song was open: for the next one
        self._devices: dict[str, Found] = {}  # by what was chosen
        state.mix_changed.connect(self._on_mix)
        state.stems_changed.connect(self._on_stems)
        settings.changed.connect(self._on_choices)

    # ------------------------------------------------------------------ verbs

    def open(self, path: Path) -> None:
        """Open a song; the one before stays until this one is there, so that a bad file loses nothing."""
        method, device, cache = self._next_method or self._state.method, self._device(), self._cache()

        def work(job: Job) -> Session:
            job.report(Progress(f"Opening {path.name}", 0.0))
            return Session(path, method, cache, device)

        self._start("open", work, self._on_open)

    def close_song(self) -> None:
        """No song is open any more."""
        self._keep_mix()
        for name in list(self._jobs):
            self._drop(name)
        state = self._state
        state.playing = False
        state.masks = state.picture = state.null = state.progress = state.selection = None
        state.song = None
        state.stems = ()
        session, self._session = self._session, None
        if session:
            session.close()

    def choose_method(self, name: str) -> None:
        """Separate by another method; the mix of stems that both know is kept."""
        if "export" in self._jobs:  # it writes the stems of the method before
            self._state.message = "Files are being written; choose another method when that has ended."
            return
        self._state.method = name
        self._settings.choose(method=name)
        self._next_method = ""
        if self._session:
            self._use_method(self._session, name)

    def _use_method(self, session: Session, name: str) -> None:
        self._drop("separate")
        self._drop("measure")
        try:
            session.choose_method(name)
        except Exception as e:  # noqa: BLE001 - said in a sentence; the method before stays
            self._state.method = session.method.info.name
            self.refused.emit(str(e))
            return
        self._measured = None
        self._state.masks, self._state.null = session.masks, None
        if session.stems != tuple(look.name for look in self._state.stems):  # the same ones keep their names and colours
            self._state.stems = self._looks(session.stems)
            self._state.undo.clear()
        self._state.mix = Mix({n: s for n, s in self._state.mix.stems.items() if n in session.stems}, self._state.mix.master_db)
        self.separate()

    def separate(self) -> None:
        """Make the masks that are still missing."""
        session, state = self._session, self._state
        if session is None:
            return
        wanted = self._settings.choices.compute_device
        if wanted not in ("auto", "cpu", *self._devices) and session.method.info.weights_sha256:
            self.ask_device()  # chosen by name, so it may not be there; goes on in _on_device
            return

        def work(job: Job) -> tuple[str, str]:
            session.separate(None, job.report, job.is_cancelled, lambda: state.position_s, job.published.emit)
            if not session.method.info.weights_sha256:
                return "CPU, 1 thread", "This method does not use a GPU."
            return self._devices[wanted].said if wanted in self._devices else device_words(wanted)

        self._start("separate", work, self._on_separated, self._on_masks)

    def export(self, wish: ExportWish) -> None:
        """Write files; separation pauses meanwhile and goes on afterwards (its chunks are kept)."""
        session = self._session
        if session is None:
            return
        self._drop("separate")
        session.mix = self._state.mix

        def work(job: Job) -> Exported:
            return write_files(session, wish, job)

        self._start("export", work, self._on_exported)

    def remeasure(self) -> None:
        """Measure the null of the whole song."""
        session = self._session
        if session is not None and session.masks.is_complete:
            self._start("measure", lambda job: measure(session.mixture, session.masks, is_cancelled=job.is_cancelled), self._on_measured)

    def clear_cache(self) -> None:
        """Drop all cached masks; an open song is separated again. `cache_cleared` follows."""
        if "export" in self._jobs:
            self.cache_cleared.emit("An export is reading the cache; clear it when that has ended.")
            return
        self._drop("separate")
        self._drop("measure")
        if self._session:
            self._session.forget_masks()
            self._measured = None
            self._state.masks, self._state.null = self._session.masks, None
        cache = self._cache()
        self._start("clear", lambda _job: cache.clear(), self._on_cleared)

    def ask_device(self) -> None:
        """Find out which device computes and why it is no GPU; the answer goes to the state. Imports torch, in a thread."""
        wanted = self._settings.choices.compute_device

        def work(_job: Job) -> Found:
            try:
                return Found(wanted, wanted, device_words(wanted))
            except EngineError as e:
                return Found(wanted, "cpu", (device_words("cpu")[0], str(e)))

        self._start("device", work, self._on_device)

    def shut_down(self, wait_ms: int = 60_000) -> bool:
        """Cancel everything and wait for the threads to end; whether they did. A thread that hangs keeps its Job and its song."""
        self._keep_mix()
        for name in list(self._jobs):
            self._drop(name)
        self._let_go = {job for job in self._let_go if not job.wait(wait_ms)}
        if self._session and not self._let_go:
            self._session.close()
            self._session = None
        return not self._let_go

    # ------------------------------------------------------------------ results

    def _after(self, job: Job) -> None:
        """What follows the end of a job, however it ended."""
        if job.objectName() == "export":
            self._jobs.pop("export", None)  # it has ended, though its thread may not have said so yet
            self.export_ended.emit()
            self._apply_device()
        if job.objectName() in ("export", "clear"):
            self._resume()

    def _resume(self) -> None:
        if self._session and not self._session.masks.is_complete and "separate" not in self._jobs:
            self.separate()

    @Slot(object)
    def _on_open(self, session: Session) -> None:
        if not self._current():
            session.close()
            return
        self.close_song()
        state = self._state
        state.method, self._next_method = session.method.info.name, ""
        if session.device != self._device():  # what computes became known, or another was chosen, while it was being opened
            session.device = self._device()
            session.choose_method(session.method.info.name)
        self._session, self._measured, self.null_report = session, None, None
        assert session.info.path is not None
        remembered = memory.recall(self._memory_folder(), session.info)
        state.undo.clear()
        state.output_db, state.listening = 0.0, "remix"
        if remembered and remembered[0] == session.method.info.name:
            state.stems, state.mix = remembered[2], remembered[1]
        else:
            state.stems, state.mix = self._looks(session.stems), Mix()
        state.song, state.masks = session.info, session.masks
        state.message = f"{session.info.path.name} is open."
        state.progress = None
        self._settings.remember(session.info.path)
        self.opened.emit(session.info)
        self._start("picture", lambda job: draw(session, job, lambda: state.position_s), self._on_picture, self._on_picture)
        self.separate()

    @Slot(object)
    def _on_picture(self, picture: Any) -> None:
        if self._current():
            self._state.picture = picture

    @Slot(object)
    def _on_masks(self, masks: Any) -> None:
        if self._current():
            self._state.masks = masks

    @Slot(object)
    def _on_separated(self, words: tuple[str, str]) -> None:
        if self._current():
            self._state.device, self._state.device_why = words
            self._state.progress = None
            if self._session:  # a job that was let go may have made the last chunk, of which nobody told
                self._state.masks = self._session.masks
            self.remeasure()

    @Slot(object)
    def _on_measured(self, measured: Measured) -> None:
        if self._current():
            self._measured = measured
            self._state.progress = None
            self._say_null()

    @Slot(object)
    def _on_exported(self, exported: Exported) -> None:
        job = self._current()
        if job:
            self._state.progress = None
            self.null_report = exported.report or self.null_report
            n = len(exported.files)
            self._state.message = f"{n} file{'s' if n != 1 else ''} written to {exported.files[0].parent}."
            if self._session:
                self._state.masks = self._session.masks
            self.exported.emit(exported)
            self._after(job)

    @Slot(object)
    def _on_cleared(self, n_bytes: int) -> None:
        job = self._current()
        if job:
            self.cache_cleared.emit(f"{n_bytes / 1e6:,.0f} MB freed." + (" The open song is separated again." if self._session else ""))
            self._after(job)

    @Slot(object)
    def _on_device(self, found: Found) -> None:
        if not self._current():
            return
        self._devices[found.wanted] = found
        state, session = self._state, self._session
        state.device, state.device_why = found.said
        if found.use != found.wanted:
            state.message = f"{found.said[1]} The CPU computes instead."
        self._apply_device()
        if session and "export" not in self._jobs:
            self._resume()

    def _apply_device(self) -> None:
        """The open song's network computes where it should; an export that runs is left alone and followed by another call."""
        session = self._session
        if session and session.device != self._device() and "export" not in self._jobs:
            session.device = self._device()
            if session.method.info.weights_sha256:
                self._use_method(session, session.method.info.name)

    def _device(self) -> str:
        """What the preferences say, or what was found to be there instead."""
        wanted = self._settings.choices.compute_device
        return self._devices[wanted].use if wanted in self._devices else wanted

    @Slot(object)
    def _on_choices(self, choices: Choices) -> None:
        """Preferences hold at once; the open song uses another cache from the next chunk on."""
        before, self._choices = self._choices, choices
        if self._session and (before.cache_folder, before.cache_limit_gb) != (choices.cache_folder, choices.cache_limit_gb):
            self._session.cache = self._cache()
        if before.compute_device != choices.compute_device:
            self.ask_device()
        if before.method != choices.method and choices.method != self._state.method:
            if self._session is None:
                self._state.method = choices.method
            else:
                self._next_method = choices.method

    @Slot(object)
    def _on_mix(self, mix: Mix) -> None:
        if self._session:
            self._session.mix = mix
            self._say_null()

    @Slot(object)
    def _on_stems(self, _: object) -> None:
        self._keep_mix()
