"""The app's side of the door: owns the session and its jobs, puts what they find into the state. Lives in the GUI thread.

    open ──> [open job] ──> song, stems, mix in the state ──> [picture job]
                                                         └──> [separation job] ──> masks ──> [measuring job] ──> null badge

Opening another song cancels the jobs of the one before and does not wait for them: a job that was let go may finish its step,
but nobody listens to it any more.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app import memory
from app.bridge_work import Exported, ExportWish, Shared, draw, plan_of, write_files
from app.jobs import Job
from app.settings import Choices, Settings
from app.state import NullState, State, StemLook
from app.theme import stem_colour
from engine.errors import EngineError
from engine.session import (
    Cache,
    ExportPlan,
    Measured,
    NullReport,
    Session,
    device_words,
    distance_db,
    is_neutral,
    measure,
    methods,
)
from engine.types import AudioInfo, MethodInfo, Mix, Mixture, Progress


class Bridge(QObject):
    """Verbs for the actions; results go to the state, events to the signals below."""

    opened = Signal(object)  # AudioInfo
    refused = Signal(str)  # one sentence: a song that cannot be opened, work that failed
    exported = Signal(object)  # Exported
    export_ended = Signal()  # done, failed or cancelled
    cache_cleared = Signal(str)  # one sentence

    def __init__(self, state: State, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._settings = state, settings
        self._session: Session | None = None
        self._jobs: dict[str, Job] = {}  # by name: those whose results are wanted
        self._let_go: set[Job] = set()  # cancelled ones that still finish a step
        self._measured: Measured | None = None
        self._choices = settings.choices
        self._next_method = ""  # chosen in the preferences while a song was open: for the next one
        self.null_report: NullReport | None = None
        state.mix_changed.connect(self._on_mix)
        state.stems_changed.connect(self._on_stems)
        settings.changed.connect(self._on_choices)

    # ------------------------------------------------------------------ verbs

    def open(self, path: Path) -> None:
        """Open a song; the one before stays until this one is there, so that a bad file loses nothing."""
        method, device, cache = self._next_method or self._state.method, self._settings.choices.compute_device, self._cache()

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
        self._state.stems = self._looks(session.stems)
        self._state.mix = Mix({n: s for n, s in self._state.mix.stems.items() if n in session.stems}, self._state.mix.master_db)
        self._state.undo.clear()
        self.separate()

    def separate(self) -> None:
        """Make the masks that are still missing."""
        session, state = self._session, self._state
        if session is None:
            return
        device = self._settings.choices.compute_device

        def work(job: Job) -> tuple[str, str]:
            session.separate(None, job.report, job.is_cancelled, lambda: state.position_s, job.published.emit)
            return device_words(device) if session.method.info.weights_sha256 else ("CPU, 1 thread", "This method does not use a GPU.")

        self._start("separate", work, self._on_separated, self._on_masks)

    def cancel(self) -> None:
        """Stop the work that shows progress: an export, else opening, else separating."""
        for name in ("export", "open", "separate", "measure"):
            if name in self._jobs:
                self._jobs[name].cancel()
                return

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

    def null_text(self) -> str:
        """The null for people: what was measured while listening, and the report of the last export."""
        m, parts = self._measured, []
        if m is None:
            parts.append("The null is measured when the whole song is separated.")
        else:
            parts += [
                "Measured on what is played:",
                f"  neutral output   {m.n_different:,} of {m.n_compared:,} samples differ from the mixture",
                f"  sum of stems     within {m.stems_sum_db:.0f} dBFS of the mixture, before rounding",
            ]
        parts += ["", "Last export:", self.null_report.as_text()] if self.null_report else ["", "No export has been made yet."]
        return "\n".join(parts)

    def mixture(self, info: AudioInfo) -> Mixture:
        """The open recording, for the player; reads of several threads take turns."""
        session = self._session
        if session is None:
            raise ValueError(f"{info.path} is not open")
        return Shared(session.mixture)

    def methods(self) -> dict[str, MethodInfo]:
        """All methods by name, in the order of the menu."""
        return methods()

    def formats_of(self, container: str | None, subtype: str | None) -> str:
        """What an export would be written as ("FLAC PCM_24"); an EngineError's sentence when it cannot be."""
        if self._session is None:
            return ""
        fmt = self._session.output_format(container, subtype)
        return f"{fmt.container} {fmt.subtype}"

    def export_choices(self) -> dict[str, tuple[str, ...]]:
        """Container -> subtypes that can be written for the open song."""
        return self._session.export_choices() if self._session else {}

    def export_plan(self, wish: ExportWish) -> ExportPlan | str:
        """What a wish would write, where and how big; a sentence when it is known to fail."""
        if self._session is None:
            return "Open a song first."
        try:
            return plan_of(self._session, wish)
        except EngineError as e:
            return str(e)
        except OSError as e:
            return f"The folder {wish.folder} cannot be looked at ({e.strerror or e}); choose another one."

    def cache_usage(self) -> str:
        """How full the cache is, in words."""
        used = self._cache().usage()
        return f"{used.n_bytes / 1e6:,.0f} MB of {used.limit_bytes / 1e9:g} GB in {used.folder}"

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

        def work(_job: Job) -> tuple[str, str, str]:
            try:
                return (*device_words(wanted), wanted)
            except EngineError as e:
                return "not there", str(e), ""

        self._start("device", work, self._on_device)

    def shut_down(self, wait_ms: int = 60_000) -> None:
        """Cancel everything and wait for the threads to end."""
        self._keep_mix()
        for name in list(self._jobs):
            self._drop(name)
        for job in list(self._let_go):
            job.wait(wait_ms)
        self._let_go.clear()
        if self._session:
            self._session.close()
            self._session = None

    # ------------------------------------------------------------------ jobs

    def _start(
        self, name: str, work: Callable[[Job], Any], on_success: Callable[[Any], None], on_publish: Callable[[Any], None] | None = None
    ) -> None:
        """Run work as the job called `name`; a job of that name that still runs is let go."""
        self._drop(name)
        job = Job(name, work, self)
        job.reported.connect(self._on_progress)
        job.succeeded.connect(on_success)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_ended)
        job.finished.connect(self._on_finished)
        if on_publish:
            job.published.connect(on_publish)
        self._jobs[name] = job
        job.start()

    def _drop(self, name: str) -> None:
        """Cancel a job and listen to it no more."""
        job = self._jobs.pop(name, None)
        if job is None:
            return
        job.cancel()
        self._let_go.add(job)
        if job.isFinished():
            self._forget(job)

    def _forget(self, job: Job) -> None:
        self._let_go.discard(job)
        job.deleteLater()

    def _current(self) -> Job | None:
        """The job that sends the signal now in hand, if its results are wanted."""
        job = self.sender()
        return job if isinstance(job, Job) and self._jobs.get(job.objectName()) is job else None

    @Slot()
    def _on_finished(self) -> None:
        job = self.sender()
        if not isinstance(job, Job):
            return
        if self._jobs.get(job.objectName()) is job:
            del self._jobs[job.objectName()]
        self._forget(job)

    @Slot()
    def _on_ended(self) -> None:
        job = self._current()
        if job:
            self._state.progress = None
            said = {"export": "Export cancelled; nothing was written.", "separate": "Separation paused."}
            self._state.message = said.get(job.objectName(), "")
            self._after(job)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        job = self._current()
        if job:
            self._state.progress = None
            self._state.message = sentence
            self.refused.emit(sentence)
            self._after(job)

    def _after(self, job: Job) -> None:
        """What follows the end of a job, however it ended."""
        if job.objectName() == "export":
            self.export_ended.emit()
        if job.objectName() in ("export", "clear"):
            self._resume()

    def _resume(self) -> None:
        if self._session and not self._session.masks.is_complete:
            self.separate()

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        if self._current():
            self._state.progress = progress if progress.done < 1.0 else None

    # ------------------------------------------------------------------ results

    @Slot(object)
    def _on_open(self, session: Session) -> None:
        if not self._current():
            session.close()
            return
        self.close_song()
        state = self._state
        state.method, self._next_method = session.method.info.name, ""
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
    def _on_device(self, found: tuple[str, str, str]) -> None:
        session = self._session
        if self._current():
            self._state.device, self._state.device_why, wanted = found
            if session and wanted and session.device != wanted:  # it is there: the open song moves to it
                session.device = wanted
                if session.method.info.weights_sha256:
                    self._use_method(session, session.method.info.name)

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

    def _say_null(self) -> None:
        m, mix = self._measured, self._state.mix
        if m is None or self._session is None:
            return
        neutral = is_neutral(mix, m.stems, m.n_channels)
        distance = None if neutral else distance_db(m, mix)
        self._state.null = NullState(neutral, m.n_compared, m.n_different, m.stems_sum_db, distance)

    # ------------------------------------------------------------------ small things

    def _looks(self, stems: tuple[str, ...]) -> tuple[StemLook, ...]:
        return tuple(StemLook(name, name[:1].upper() + name[1:], stem_colour(name, i)) for i, name in enumerate(stems))

    def _cache(self) -> Cache:
        choices = self._settings.choices
        return Cache(Path(choices.cache_folder) if choices.cache_folder else None, int(choices.cache_limit_gb * 1e9))

    def _memory_folder(self) -> Path:
        return self._cache().folder.parent

    def _keep_mix(self) -> None:
        session = self._session
        if session and self._state.stems:
            memory.keep(self._memory_folder(), session.info, session.method.info.name, self._state.mix, self._state.stems)
