"""Named jobs of the bridge: at most one of a name; one that is let go may finish its step, but nobody listens to it any more."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.jobs import Job
from app.state import State
from engine.types import Progress

SAID = {"export": "Export cancelled; nothing was written.", "separate": "Separation paused; R goes on with it."}  # when cancelled


class BridgeJobs(QObject):
    """Starts jobs, drops them, and puts their progress and failures into the state."""

    refused = Signal(str)  # one sentence: a song that cannot be opened, work that failed

    def __init__(self, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._jobs: dict[str, Job] = {}  # by name: those whose results are wanted
        self._let_go: set[Job] = set()  # cancelled ones that still finish a step

    def cancel(self) -> None:
        """Stop the work that shows progress: an export, else opening, else separating."""
        for name in ("export", "open", "separate", "measure"):
            if name in self._jobs:
                if name == "open":  # a file that is being decoded is not asked; when it is open at last it is closed again
                    self._drop(name)
                    self._state.progress, self._state.message = None, "Opening cancelled; what was there before stays."
                else:
                    self._jobs[name].cancel()
                return

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
        was_let_go = job in self._let_go
        self._forget(job)
        if was_let_go:
            self._rested(job)

    @Slot()
    def _on_ended(self) -> None:
        job = self._current()
        if job:
            self._drop(job.objectName())  # it has ended, though its thread may not have said so yet
            self._state.progress = None
            self._state.message = SAID.get(job.objectName(), "")
            self._state.paused |= job.objectName() == "separate"
            self._after(job)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        job = self._current()
        if job:
            self._drop(job.objectName())
            self._state.progress = None
            self._state.message = sentence
            self.refused.emit(sentence)
            self._after(job)

    def _rested(self, job: Job) -> None:
        """What follows when one that was let go has finished its step."""

    def _after(self, job: Job) -> None:
        """What follows when a job failed or was cancelled; those who run jobs know."""

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        if self._current():
            self._state.progress = progress if progress.done < 1.0 else None
