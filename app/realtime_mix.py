r"""The sound card's callback: blocks and a desk in, samples out. No lock, no file, no wait, no message.

Others hand over by swapping one reference: `reel` (player thread), `desk` and `playing` (window). The callback looks at them when
nothing is fading, and fades: from the old desk or reel to the new one over TRANSITION (a line, so no step is larger than the
material's own plus 1/350 of what changes), up from silence and down to it over FADE.

    level  1 |      ________          ____          after a fade the samples are exactly those of engine.render
             |     /        \        /
           0 |____/          \______/               silent: nothing moves, a new reel or desk is taken at once
              play     pause, or the ring runs dry: the fade ends with the last sample that is ready
"""

import time
from dataclasses import dataclass

import numpy as np

from app.desk import Desk, mixed, rounded
from app.ring import Block, Cursor, Reel
from engine.types import Array

FADE_S = 0.005  # play, pause, running dry
TRANSITION_S = 0.008  # faders, seeks, listening
MASKS_S = 0.015  # another reel of the same run: new masks, another loop
REFILL_S = 0.05  # that must be ready to begin (again)
UNSHARED = 500  # numpy lets go of Python's lock for longer loops; a busy worker may then keep the callback waiting at every step
N_MARKS = 64  # jumps and stops remembered for the position that is heard
N_TAPE = 2048  # segments remembered for the meters: at least a second of the longest, at 192 kHz


@dataclass(frozen=True)
class Mark:
    """From when on the song ran from where, as it was handed to the sound card."""

    clock: int  # instants handed over before
    at: int  # place in the song, in samples
    moves: bool  # False: silence, standing still
    seek: int  # number of the seek it belongs to


Heard = tuple[Desk, Block, int, int]  # a stretch [begin, end) of a block as it was mixed; for the meters


class RealtimeMix:
    """The callback and its state, for one recording. `fill` is called by one sink at a time."""

    def __init__(self, rate_hz: int, n_channels: int, desk: Desk) -> None:
        self.rate_hz, self.n_channels = rate_hz, n_channels
        self.desk, self.reel, self.playing = desk, None, False  # what others swap
        self.cursor: Cursor | None = None  # where it reads; others may look
        self.clock = 0  # instants handed to the sink
        self.filled: tuple[float, int] = (0.0, 0)  # (time.perf_counter() at the last callback, clock then)
        self.n_clipped = self.n_underruns = self.n_heard = 0
        self.busy_s = 0.0  # time spent in here
        self.marks: list[Mark | None] = [None] * N_MARKS
        self.n_marks = 0
        self.tape: list[Heard | None] = [None] * N_TAPE
        self._now = desk  # the desk in use
        self._old: tuple[Cursor, Desk] | None = None  # what is being faded from
        self._step = self._n_steps = 0  # of the transition
        self._fade, self._n_fade = 0, max(1, round(FADE_S * rate_hz))
        self._most = max(64, (UNSHARED - 1) // n_channels**2)  # instants mixed at a time: a matrix product stays below UNSHARED
        self._a, self._b, self._spare = (np.zeros((n_channels, self._most)) for _ in range(3))
        self._count = np.arange(1.0, self._most + MASKS_S * rate_hz + 2.0)  # for ramps
        self._ramp = np.zeros(self._most)

    reel: Reel | None

    @property
    def is_silent(self) -> bool:
        """Whether nothing sounds: paused, dry or at the end."""
        return self._fade == 0

    def fill(self, out: Array) -> None:
        """Write the next instants into out, float32 (sample, channel)."""
        began = time.perf_counter()
        self.filled = (began, self.clock)
        done = 0
        while done < len(out):
            self._look()
            n = self._segment(out[done : done + self._most])
            done += n
            self.clock += n
        self.busy_s += time.perf_counter() - began

    def _look(self) -> None:
        """Begin a transition where something else is wanted and nothing is fading."""
        reel, desk, cursor = self.reel, self.desk, self.cursor
        if self._fade == 0:
            self._old = None  # nobody hears the rest of a transition
        if self._old is not None or (desk is self._now and (reel is None or (cursor is not None and reel is cursor.reel))):
            return
        entered = self._entered(reel, cursor)
        same_run = entered is not None and cursor is not None and entered.reel.run is cursor.reel.run
        if entered is None and desk is self._now:
            return
        if self._fade and cursor is not None:
            seconds = MASKS_S if same_run else TRANSITION_S
            self._n_steps = max(1, round(seconds * self.rate_hz))
            if not cursor.reel.ended:
                self._n_steps = max(1, min(self._n_steps, cursor.left()))
            old = cursor if entered is not None else Cursor(cursor.reel, cursor.frame)
            self._old, self._step = (old, self._now), 0
        self.cursor, self._now = entered or cursor, desk

    def _entered(self, reel: Reel | None, cursor: Cursor | None) -> Cursor | None:
        """A place in the wanted reel, None where it is the one in use or not far enough."""
        if reel is None or (cursor is not None and reel is cursor.reel):
            return None
        frame = cursor.frame if cursor is not None and cursor.reel.run is reel.run else reel.first
        if not reel.ended and reel.end - frame < REFILL_S * self.rate_hz:
            return None
        return Cursor(reel, max(frame, reel.first))

    def _segment(self, out: Array) -> int:
        """Write some instants during which nothing begins or ends; how many."""
        cursor, n_fade, n = self.cursor, self._n_fade, len(out)
        if cursor is None:
            return self._silence(out, cursor)
        ended = cursor.reel.ended  # asked first: what is ready may still grow, but not after the end is known
        left = cursor.left()
        spare = n if ended else left - n_fade  # what may be heard at full level: the last n_fade are for the way down
        if ended and left == 0:
            self._fade = 0
            cursor.reel.finished = True
            return self._silence(out, cursor)
        if self._fade == 0 and (not self.playing or (not ended and left < REFILL_S * self.rate_hz)):
            return self._silence(out, cursor)
        up = self.playing and spare > 0
        n = min(n, left, self._until_boundary())
        at_most = min(spare, n_fade - self._fade or spare) if up else self._fade  # until the fade is over
        n = min(n, at_most)
        if n <= 0:  # cannot happen while the fade is kept in reserve; never hang the sound card for it
            self._fade = 0
            return self._silence(out, cursor)
        self._mix(out[:n], n, up)
        if self._fade == 0 and self.playing:
            self.n_underruns += 1
        return n

    def _until_boundary(self) -> int:
        """Instants until a block or the transition ends."""
        assert self.cursor is not None
        block = self.cursor.block()
        n = block.frame + block.n_samples - self.cursor.frame if block is not None else self._most
        if self._old is not None:
            old, n = self._old[0], min(n, self._n_steps - self._step)
            if (block := old.block()) is not None:
                n = min(n, block.frame + block.n_samples - old.frame)
        return n

    def _mix(self, out: Array, n: int, up: bool) -> None:
        """Mix n instants from the block at the cursor, with the transition and the fade that are under way."""
        assert self.cursor is not None
        y = self._a[:, :n]
        block, n_clipped = self._heard(self.cursor, self._now, y)
        self.n_clipped += n_clipped
        self._mark(self.cursor.reel.seek, block.at + self.cursor.frame - block.frame, True)
        begin = self.cursor.frame - block.frame
        self.tape[self.n_heard % N_TAPE] = (self._now, block, begin, begin + n)
        self.n_heard += 1
        self.cursor.advance(n)
        if self._old is not None:
            cursor, desk = self._old
            z, weight = self._b[:, :n], self._ramp[:n]
            if cursor.block() is None:
                z.fill(0.0)  # the song was over there
            else:
                self._heard(cursor, desk, z)
                cursor.advance(n)
            np.multiply(self._count[self._step : self._step + n], 1.0 / (self._n_steps + 1), out=weight)
            y -= z
            y *= weight
            y += z
            self._step += n
            if self._step >= self._n_steps:
                self._old = None
        if self._fade < self._n_fade or not up:
            weight = self._ramp[:n]
            np.multiply(self._count[:n], (1.0 if up else -1.0) / self._n_fade, out=weight)
            weight += self._fade / self._n_fade
            y *= weight
            self._fade += n if up else -n
        out[:] = y.T

    def _heard(self, cursor: Cursor, desk: Desk, y: Array) -> tuple[Block, int]:
        """Mix and round what lies at a cursor into y (channel, n); the block it came from and how many were clipped."""
        block = cursor.block()
        assert block is not None
        begin = cursor.frame - block.frame
        mixed(desk, block, begin, begin + y.shape[1], y, self._spare[:, : y.shape[1]])
        return block, rounded(desk, y)

    def _silence(self, out: Array, cursor: Cursor | None) -> int:
        """Nothing moves."""
        out.fill(0.0)
        if cursor is not None:
            self._mark(cursor.reel.seek, cursor.reel.at(cursor.frame), False)
        return len(out)

    def _mark(self, seek: int, at: int, moves: bool) -> None:
        """Remember where the song is for what is handed over now, unless it follows from the mark before."""
        last = self.marks[(self.n_marks - 1) % N_MARKS]
        if last is not None and last.seek == seek and last.moves == moves and last.at + moves * (self.clock - last.clock) == at:
            return  # it goes on as it did
        self.marks[self.n_marks % N_MARKS] = Mark(self.clock, at, moves, seek)
        self.n_marks += 1

    def heard(self, latency_s: float) -> tuple[int, int] | None:
        """What leaves the loudspeaker now: (place in the song in samples, number of its seek); None before anything did."""
        when, clock = self.filled
        now = clock + (time.perf_counter() - when - latency_s) * self.rate_hz
        marks, newest, after, mark = list(self.marks), self.n_marks - 1, self.clock, None
        for k in range(newest, max(-1, newest - N_MARKS + 8), -1):  # the oldest few may be overwritten meanwhile
            mark = marks[k % N_MARKS]
            assert mark is not None
            if mark.clock <= now:
                break
            after = mark.clock
        if mark is None:
            return None
        gone = int(max(0.0, min(now, after) - mark.clock)) if mark.moves else 0
        return mark.at + gone, mark.seek
