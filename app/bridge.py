"""The app's side of the door: owns the session and its jobs, puts what they find into the state. Lives in the GUI thread.

    open ──> [open job] ──> song, stems, mix in the state ──> [picture job]
                                                         └──> the jobs of bridge_results ──> masks, null badge

Opening another song cancels the jobs of the one before and does not wait for them: a job that was let go may finish its step,
but nobody listens to it any more.
"""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.bridge_results import TURNS, BridgeResults
from app.bridge_work import Exported, ExportWish, draw, write_files
from app.jobs import Job
from app.settings import Choices, Settings
from app.state import State
from engine.errors import MethodError
from engine.session import Session, methods, why_not
from engine.types import Mix, Progress

KEEP_MS = 1000  # after the last move of a fader
BUILT_IN = "nullsum-4"  # serves every recording


def _unsuitable(method: str, session: Session) -> str:
    """Why a method cannot serve what is open; empty where it can, or where it is not known."""
    info = methods().get(method)
    return why_not(info, session.info) if info else ""


class Bridge(BridgeResults):
    """Verbs for the actions; results go to the state, events to the signals below."""

    opened = Signal(object)  # AudioInfo
    exported = Signal(object)  # Exported
    export_ended = Signal()  # done, failed or cancelled
    cache_cleared = Signal(str)  # one sentence

    def __init__(self, state: State, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(state, settings, parent)
        self._choices = settings.choices
        self._waiting: Session | None = None  # opened while files of the song before are being written
        self._soon = QTimer(self, interval=KEEP_MS, singleShot=True)
        self._soon.timeout.connect(self._remember)
        state.mix_changed.connect(self._on_mix)
        state.stems_changed.connect(self._on_stems)
        settings.changed.connect(self._on_choices)

    # ------------------------------------------------------------------ verbs

    def open(self, path: Path) -> None:
        """Open a song; the one before stays until this one is there, so that a bad file loses nothing."""
        method, device, cache = self._next_method or self._state.method, self._device(), self._cache()
        self._let_waiting_go()

        def work(job: Job) -> Session:
            job.report(Progress(f"Opening {path.name}", 0.0))
            try:
                return Session(path, method, cache, device)
            except MethodError:
                session = Session(path, BUILT_IN, cache, device)
                if _unsuitable(method, session):
                    return session  # a spatial method is no reason not to open a mono song
                session.close()
                raise

        self._start("open", work, self._on_open)

    def close_song(self) -> None:
        """No song is open any more."""
        self._keep_mix()
        self._let_waiting_go()
        for name in list(self._jobs):
            self._drop(name)
        state = self._state
        state.playing = state.difference = state.paused = False
        state.compared = state.apart_db = None
        state.masks = state.picture = state.null = state.progress = state.selection = None
        state.song = None
        state.stems = ()
        session, self._session = self._session, None
        self._other = self._measured = self._other_measured = self._apart = self._working = None
        if session:
            session.close()

    def export(self, wish: ExportWish) -> None:
        """Write files; separation pauses meanwhile and goes on afterwards (its chunks are kept)."""
        session = self._session
        if session is None:
            return
        self._drop("separate")
        mix = self._state.mix  # as the faders stand now; they may be moved meanwhile

        def work(job: Job) -> Exported:
            return write_files(session, wish, job, mix)

        self._start("export", work, self._on_exported)

    def clear_cache(self) -> None:
        """Drop all cached masks; an open song is separated again. `cache_cleared` follows."""
        if "export" in self._jobs:
            self.cache_cleared.emit("An export is reading the cache; clear it when that has ended.")
            return
        self._stop(*TURNS)
        for session in self._sessions():
            session.forget_masks()
        self._measured = self._other_measured = self._apart = self._state.null = self._state.apart_db = None
        self._show_results()
        cache = self._cache()
        self._start("clear", lambda _job: cache.clear(), self._on_cleared)

    def shut_down(self, wait_ms: int = 60_000) -> bool:
        """Cancel everything and wait for the threads to end; whether they did. A thread that hangs keeps its Job and its song."""
        self._keep_mix()
        self._let_waiting_go()
        for name in list(self._jobs):
            self._drop(name)
        self._let_go = {job for job in self._let_go if not job.wait(wait_ms)}
        if self._session and not self._let_go:
            self._session.close()
            self._session = self._other = None
        return not self._let_go

    def look_at_file(self) -> None:
        """Say so where the song was changed on disk while it is open: what is heard and seen no longer belong together."""
        try:
            sentence = self._session.changed() if self._session else ""
        except OSError:
            return
        if sentence:
            self._state.message = sentence

    # ------------------------------------------------------------------ results

    def _after(self, job: Job) -> None:
        """What follows the end of a job, however it ended."""
        super()._after(job)
        if job.objectName() in ("export", "clear"):
            self._drop(job.objectName())  # also where it has succeeded; its thread may not have said so yet
            if job.objectName() == "export":
                self.export_ended.emit()
                self._apply_device()
                if self._waiting is not None:
                    session, self._waiting = self._waiting, None
                    self._take(session)
            self._go_on()

    @Slot(object)
    def _on_open(self, session: Session) -> None:
        job = self._current()
        if not job:
            session.close()
        elif "export" in self._jobs:
            self._drop("open")  # it has ended
            self._waiting = session
            assert session.info.path is not None
            self._state.message = f"{session.info.path.name} opens when the files are written."
        else:
            self._take(session)

    def _let_waiting_go(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.close()

    def _take(self, session: Session) -> None:
        """A song that was opened takes the place of the one before."""
        self.close_song()
        state, asked = self._state, self._next_method or self._state.method
        unsuitable = _unsuitable(asked, session) if asked != session.method.info.name else ""
        state.method, self._next_method = session.method.info.name, asked if unsuitable else ""  # which the next song has again
        if session.device != self._device():  # what computes became known, or another was chosen, while it was being opened
            session.device = self._device()
            session.choose_method(session.method.info.name)
        self._session, self._measured, self.null_report = session, None, None
        assert session.info.path is not None
        remembered = self._recall_mix(session)
        state.undo.clear()
        state.output_db, state.listening = 0.0, "remix"
        if remembered:
            state.mix, state.stems = remembered
        else:  # the mix goes first: new stems are remembered with the mix as it stands
            state.mix, state.stems = Mix(), self._looks(session.stems)
        state.song, state.masks = session.info, session.masks
        state.message = f"{session.info.path.name} is open."
        if unsuitable:
            state.message = f"{unsuitable}; {session.method.info.title} took its place."
        state.progress = None
        self.opened.emit(session.info)
        self._start("picture", lambda job: draw(session, job, lambda: state.position_s), self._on_picture, self._on_picture)
        self.separate()
        self._settings.remember(session.info.path)

    @Slot(object)
    def _on_picture(self, picture: Any) -> None:
        if self._current():
            self._state.picture = picture

    @Slot(object)
    def _on_exported(self, exported: Exported) -> None:
        job = self._current()
        if job:
            self._state.progress = None
            self.null_report = exported.report or self.null_report
            n = len(exported.files)
            self._state.message = f"{n} file{'s' if n != 1 else ''} written to {exported.files[0].parent}."
            self._show_results()
            self.exported.emit(exported)
            self._after(job)

    @Slot(object)
    def _on_cleared(self, n_bytes: int) -> None:
        job = self._current()
        if job:
            self.cache_cleared.emit(f"{n_bytes / 1e6:,.0f} MB freed." + (" The open song is separated again." if self._session else ""))
            self._after(job)

    def _device_found(self) -> None:
        self._apply_device()
        self._go_on()

    def _apply_device(self) -> None:
        """The open song's network computes where it should; an export that runs is left alone and followed by another call."""
        for session in self._sessions():
            if session.device != self._device() and "export" not in self._jobs:
                session.device = self._device()
                if session.method.info.weights_sha256 and self._use(session, session.method.info.name):
                    self._show_results()
                    self._go_on()

    @Slot(object)
    def _on_choices(self, choices: Choices) -> None:
        """Preferences hold at once; the open song uses another cache from the next chunk on."""
        before, self._choices = self._choices, choices
        if self._session and (before.cache_folder, before.cache_limit_gb) != (choices.cache_folder, choices.cache_limit_gb):
            for session in self._sessions():
                session.cache = self._cache()
        if before.compute_device != choices.compute_device:
            self.ask_device()
        if before.method != choices.method:
            if self._session is None:
                self._state.method = choices.method
            else:
                self._next_method = "" if choices.method == self._state.method else choices.method

    @Slot(object)
    def _on_mix(self, mix: Mix) -> None:
        if self._session:
            self._session.mix = mix
            self._say_null()
            self._soon.start()

    @Slot()
    def _remember(self) -> None:
        """The mix as it stands: nobody asks before a machine loses its power."""
        self._keep_mix()

    @Slot(object)
    def _on_stems(self, _: object) -> None:
        self._keep_mix()
