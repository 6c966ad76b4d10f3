"""The results of the open song: separated, measured, and one compared with another, in jobs that take turns.

    choose_method ──> what is heard ──┐                          A | B: switch changes which one is heard; both know their masks
    compare ────────> the other one ──┴─ _go_on: [separate] [measure], what is heard first; then [apart], how far both are apart

One recording is open, and both results read it; the faders are one mix. A result is told by its session, not by its side: what is
heard is always `_session`, so the null badge, exports and what is remembered follow the switch.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Slot

from app.bridge_device import BridgeDevice
from app.jobs import Job
from app.state import Compared
from engine.session import Apart, Measured, Session, measure, measure_apart
from engine.types import Mix, Progress

TURNS = ("separate", "measure", "apart")  # the jobs of results


class BridgeResults(BridgeDevice):
    """Verbs and jobs of one result or two."""

    _working: Session | None = None  # whose masks the newest of the jobs above makes or measures
    _next_method = ""  # chosen in the preferences while a song was open: for the next one

    # ------------------------------------------------------------------ verbs

    def choose_method(self, name: str) -> None:
        """Hear another method; the mix of stems that both know is kept. While two are compared it takes the place of what is heard."""
        if "export" in self._jobs:  # it writes the stems of the method before
            self._state.message = "Files are being written; choose another method when that has ended."
            return
        state, session, other = self._state, self._session, self._other
        if other is not None and name == other.method.info.name:
            self.switch()  # it is there already
        elif session is not None:
            if not self._use(session, name):
                return
            if other is not None and set(other.stems) != set(session.stems):
                self._end()
                state.message = f"{session.method.info.title} has other stems, so the comparison has ended."
            state.method = name
            self._show_results()
            if session.stems != tuple(look.name for look in state.stems):  # the same ones keep their names and colours
                self._other_stems(session)
            self._go_on()
        self._prefer(name)

    def separate(self) -> None:
        """Make the masks of what is heard that are still missing."""
        if self._session is not None:
            self._separate(self._session)

    @Slot()
    def resume(self) -> None:
        """Go on with what was paused, or has lost its masks: another Nullsum may have made room in the cache."""
        lost = [session.forget_lost_masks() for session in self._sessions()]
        if any(lost):
            self._stop(*TURNS)
            self._measured = self._other_measured = self._apart = self._state.null = self._state.apart_db = None
            self._show_results()
        running = self._jobs.get("separate")
        if running is not None and running.is_cancelled():
            self._drop("separate")  # it is at its last step
        known = [session.masks.is_complete for session in (self._session, self._other) if session is not None]
        if known and all(known):
            self._state.message = "Nothing is paused: everything is separated."
        self._go_on()

    def compare(self, name: str) -> None:
        """Compare what is heard (A) with another method's result (B) on the same faders; where that cannot be, nothing changes."""
        session, state = self._session, self._state
        if session is None or (self._other is not None and name == self._other.method.info.name):
            return
        if "export" in self._jobs:
            state.message = "Files are being written; compare when that has ended."
            return
        info = self.methods().get(name)
        if info is not None and (reason := self.why_not_beside(info)):
            self.refused.emit(reason)
            return
        try:
            other = session.beside(name)
        except Exception as e:  # noqa: BLE001 - said in a sentence; all stays as it was
            self.refused.emit(str(e))
            return
        self._end()  # of what was compared before, what is heard stays
        self._other = other
        state.compared = Compared(self._side(session), self._side(other))
        state.message = f"{session.method.info.title} (A) and {other.method.info.title} (B): X switches, D shows where they differ."
        self._go_on()

    def switch(self) -> None:
        """Hear the other one of the two results; faders, place and selection stay, and playback goes on.

        What is heard comes first: work on the one that was heard before gives way, and goes on from its chunks afterwards.
        """
        if self._other is not None:
            self._swap()
            self._give_way()
            self._go_on()

    def end_comparison(self) -> None:
        """What is heard stays, the other result goes."""
        if self._other is not None:
            gone = self._other.method.info.title
            self._end()
            if not self._next_method:
                self._prefer(self._state.method)
            self._state.message = f"{gone} was let go; its masks stay in the cache."
            self._go_on()

    def cancel(self) -> None:
        """Stop the work that shows progress; where that separates B, the comparison ends and A is heard."""
        if not {"open", "export"} & self._jobs.keys() and "separate" in self._jobs and self._is_b(self._working):
            self._end(keep="a")
            self._state.message = "Comparison cancelled."
            self._go_on()
        else:
            super().cancel()

    # ------------------------------------------------------------------ two results

    def _other_stems(self, session: Session) -> None:
        """The mix that these stems had in this song; where they had none, what of the mix before is of stems that stay."""
        state = self._state
        self._keep_mix()  # of the stems before
        shared = Mix({n: s for n, s in state.mix.stems.items() if n in session.stems}, state.mix.master_db)
        mix, looks = self._recall_mix(session) or (shared, self._looks(session.stems))
        state.mix = mix  # first: new stems are remembered with the mix as it stands
        state.stems = looks
        state.undo.clear()

    def _prefer(self, name: str) -> None:
        """The method that is heard, and that the next song is opened with."""
        self._state.method = name
        self._settings.choose(method=name)
        self._next_method = ""

    def _use(self, session: Session, name: str) -> bool:
        """Give a result another method (or the same one on another device); whether it could be. If not, all stays as it was."""
        try:
            session.choose_method(name)
        except Exception as e:  # noqa: BLE001 - said in a sentence; the method before stays
            self.refused.emit(str(e))
            return False
        self._stop(*TURNS)
        self._apart = self._state.apart_db = None
        if session is self._session:
            self._measured = self._state.null = None
        else:
            self._other_measured = None
        return True

    def _swap(self) -> None:
        """What is heard and the other one change places."""
        compared: Compared = self._state.compared
        self._session, self._other = self._other, self._session
        self._measured, self._other_measured = self._other_measured, self._measured
        assert self._session is not None
        self._session.mix = self._state.mix
        self._state.compared = replace(compared, heard="b" if compared.heard == "a" else "a")
        self._state.method = self._session.method.info.name
        self._show_results()
        if self._measured is None:
            self._state.null = None
        self._say_null()

    def _end(self, keep: str = "") -> None:
        """Nothing is compared any more; what is heard stays, or side `keep`."""
        compared: Compared | None = self._state.compared
        if compared is None:
            return
        if keep not in ("", compared.heard):
            self._swap()
        self._drop("apart")
        if self._working is self._other:
            self._stop("separate", "measure")
            self._working = None
        self._other = self._other_measured = self._apart = None  # not closed: the recording is that of both
        self._state.difference = False
        self._state.compared = self._state.apart_db = None

    def _give_way(self) -> bool:
        """Let go of work on what is not heard while what is heard still needs some; whether there was any.

        One separation at a time, for each finishes its step.
        """
        one = self._session
        needs = one is not None and (not one.masks.is_complete or self._measured is None)
        lingers = any(job.objectName() == "separate" for job in self._let_go)
        if not needs or lingers or self._working is not self._other or not {"separate", "measure"} & self._jobs.keys():
            return False
        self._stop("separate", "measure")
        return True

    def _rested(self, job: Job) -> None:
        """A separation that gave way has ended: perhaps another one must now."""
        if self._other is not None and job.objectName() == "separate" and self._give_way():
            self._go_on()

    def _stop(self, *names: str) -> None:
        """Let go of jobs, and of what they said of their progress."""
        for name in names:
            self._drop(name)
        if not {"open", "export"} & self._jobs.keys():
            self._state.progress = None

    def _is_b(self, session: Session | None) -> bool:
        compared: Compared | None = self._state.compared
        return compared is not None and session is not None and session.method.info.name == compared.b.method

    # ------------------------------------------------------------------ work

    def _go_on(self) -> None:
        """Start what is missing next. One piece of work at a time, so that the window and playback keep a core."""
        self._show_results()  # a job that was let go may have made the last chunk, of which nobody told
        if {*TURNS, "export", "clear"} & self._jobs.keys() or self._session is None:
            return
        for session, measured in ((self._session, self._measured), (self._other, self._other_measured)):
            if session is not None and not session.masks.is_complete:
                self._separate(session)
                return
            if session is not None and measured is None:
                self._measure(session)
                return
        if self._other is not None and self._apart is None:
            one, other = self._session, self._other
            self._working = None
            self._start("apart", lambda job: measure_apart(one.mixture, one.masks, other.masks, job.is_cancelled), self._on_apart)

    def _separate(self, session: Session) -> None:
        state, wanted = self._state, self._settings.choices.compute_device
        if self._must_ask() and session.method.info.weights_sha256:
            self.ask_device()  # goes on when it is known
            return

        def work(job: Job) -> tuple[str, str]:
            def report(progress: Progress) -> None:
                side = "" if state.compared is None else " B" if self._is_b(session) else " A"
                job.report(replace(progress, what=progress.what + side))

            session.separate(None, report, job.is_cancelled, lambda: state.position_s, job.published.emit, self._chunks)
            return self._words(wanted) if session.method.info.weights_sha256 else ("CPU, 1 thread", "This method does not use a GPU.")

        for job in TURNS:
            self._drop(job)
        self._working, state.paused = session, False
        self._start("separate", work, self._on_separated, self._on_masks)

    def _chunks(self) -> list[Callable[[], Any]]:
        """Of all results of the song: making room in the cache for one must not take the other's."""
        return [chunk for session in self._sessions() for chunk in session.masks.chunks.values()]

    def _measure(self, session: Session) -> None:
        self._working = session
        self._start("measure", lambda job: measure(session.mixture, session.masks, is_cancelled=job.is_cancelled), self._on_measured)

    @Slot(object)
    def _on_masks(self, _masks: object) -> None:
        if self._current():
            self._show_results()

    @Slot(object)
    def _on_separated(self, words: tuple[str, str]) -> None:
        if self._current():
            self._drop("separate")  # it has ended, though its thread may not have said so yet
            self._state.device, self._state.device_why = words
            self._state.progress = None
            if self._working is self._session:
                self._measured = None  # of fewer masks
            else:
                self._other_measured = None
            self._go_on()

    @Slot(object)
    def _on_measured(self, measured: Measured) -> None:
        if self._current():
            self._drop("measure")
            self._state.progress = None
            if self._working is self._session:
                self._measured = measured
                self._say_null()
            else:
                self._other_measured = measured
            self._go_on()

    @Slot(object)
    def _on_apart(self, apart: Apart) -> None:
        if self._current():
            self._drop("apart")
            self._apart = apart
            self._say_null()

    def _after(self, job: Job) -> None:
        """A result B that cannot be made ends the comparison."""
        if job.objectName() == "separate" and self._is_b(self._working):
            self._end(keep="a")
            self._go_on()
