"""Playback: the verbs that the window calls, and the thread behind them. No Qt in here.

    window ---- Wish (one frozen reference) ----> player thread ---- Reel, Desk ----> callback ---- samples ----> sink
       ^------- position_s, take_levels() ------------'<---------- marks, tape --------'

The window's thread alone calls the verbs; they return at once. Where playback is outside a loop that is set, it goes to the loop's
start. At the end of the song it stops and stays there; `play` then begins at the start again. A silent clock replaces a sink
that cannot be opened or dies (app.outlet), so that the position moves and the meters work on a machine without sound.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from app.feeder import Feeder
from app.sinks import Sink
from app.true_peak import Peaks
from app.wish import MasksGetter, OpenMixture, Wish, no_masks
from engine.types import AudioInfo, Mix

POLL_S = 0.01  # the callback must not wake anybody, so the thread looks by itself; five times as long while paused


class Player:
    """Plays one song at a time through a sink."""

    def __init__(self, sink_factory: Callable[[], Sink]) -> None:
        """sink_factory: makes the sink for a song; called in the player thread; may raise SinkError."""
        self._wish = Wish()
        self._feeder = Feeder(sink_factory, lambda: self._wish)
        self._asked = self._answered = 0
        self._wake, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="nullsum player", daemon=True)
        self._thread.start()

    def set_song(self, open_mixture: OpenMixture | None, masks_getter: MasksGetter = no_masks) -> None:
        """Another song, paused at its start, without a loop; None: no song.

        open_mixture is called in the player thread and gives it a handle of its own; masks_getter gives the newest snapshot there.
        """
        wish = self._wish
        self._want(song=wish.song + 1, open_mixture=open_mixture, masks_getter=masks_getter, masks=wish.masks + 1,
                   seek=wish.seek + 1, seek_s=0.0, loop_s=None, playing=False)  # fmt: skip
        self._feeder.publish_playing()

    def set_mix(self, mix: Mix, stems: tuple[str, ...] = ()) -> None:
        """Where the strips stand, and the stems that they belong to as long as no masks say so."""
        self._want(mix=mix, stems=tuple(stems))
        self._feeder.publish_desk()

    def set_listening(self, listening: str) -> None:
        """What is heard: "remix", "original" or "difference" (remix minus original)."""
        self._want(listening=listening)
        self._feeder.publish_desk()

    def set_output_db(self, output_db: float) -> None:
        """Gain of the whole output, in playback only; applied before rounding, so that it saves what would clip."""
        self._want(output_db=output_db)
        self._feeder.publish_desk()

    def play(self) -> None:
        """Go on from where it stands; from the start (of the loop) at the end of the song."""
        if self._is_finished:
            self.seek(0.0)
        if self._feeder.problem:  # the disk may be back, or the masks made again: open the song once more, where it stood
            wish, self._feeder.problem = self._wish, ""
            self._want(song=wish.song + 1, seek=wish.seek + 1, seek_s=wish.seek_s)
        self._want(playing=True)
        self._feeder.publish_playing()

    def pause(self) -> None:
        """Stand still, after a short fade."""
        self._want(playing=False)
        self._feeder.publish_playing()

    def seek(self, position_s: float) -> None:
        """Go on from there; a cross-fade joins both places."""
        if self._is_finished:
            self.pause()
        self._want(seek=self._wish.seek + 1, seek_s=position_s)

    def set_loop(self, loop_s: tuple[float, float] | None) -> None:
        """Stay between two instants (start_s, end_s), or None; loops below 50 ms are not looped."""
        if loop_s != self._wish.loop_s:
            self._want(loop_s=loop_s)

    def masks_changed(self) -> None:
        """Look at the masks anew; what is ahead is made again where they differ, and cross-faded."""
        self._want(masks=self._wish.masks + 1)

    def set_sink(self, sink_factory: Callable[[], Sink] | None = None) -> None:
        """Play through another sink; None: try the same one again where the silent clock stands in for it."""
        if sink_factory is not None:
            self._feeder.outlet.factory = sink_factory
        elif not self._feeder.outlet.is_fallback:
            return
        self._want(sink=self._wish.sink + 1)

    def take_levels(self) -> Peaks:
        """True peaks since the last call, and how many samples were clipped since the song was opened."""
        return self._feeder.take_levels()

    def settle(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything wanted is done and the ring is full; whether it came to that (tests, offline)."""
        self._asked = asked = self._asked + 1
        self._wake.set()
        deadline = time.monotonic() + timeout_s
        while self._answered < asked and time.monotonic() < deadline:
            time.sleep(0.0005)
        return self._answered >= asked

    def close(self) -> None:
        """Stop, give device and song back, end the thread; closing twice does no harm."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    @property
    def info(self) -> AudioInfo | None:
        """Of the song that is played, None while it is being opened."""
        return self._feeder.info

    @property
    def is_playing(self) -> bool:
        """Whether it plays; becomes False by itself at the end of the song."""
        return self._wish.playing and not self._is_finished

    @property
    def position_s(self) -> float:
        """What is being heard now, the sink's latency taken into account; right after a seek already its target."""
        feeder, wish = self._feeder, self._wish
        mixer, info = feeder.mixer, feeder.info
        if mixer is None or info is None or wish.song != feeder.song:
            return wish.seek_s
        heard = mixer.heard(feeder.outlet.latency_s)
        at_s = heard[0] / info.rate_hz if heard is not None and heard[1] == wish.seek else wish.seek_s
        return min(max(0.0, at_s), info.seconds)

    @property
    def sound(self) -> str:
        """What the sink does, or why there is no sound."""
        return self._feeder.outlet.words

    @property
    def problem(self) -> str:
        """Why the song cannot be played, a sentence; empty while it can."""
        return self._feeder.problem

    @property
    def underruns(self) -> int:
        """How often the ring or the card ran dry: of all sinks so far, and of the ring since the song was opened."""
        mixer = self._feeder.mixer
        return self._feeder.outlet.underruns + (mixer.n_underruns if mixer is not None else 0)

    @property
    def callback_busy(self) -> tuple[float, float]:
        """Seconds spent in the callback, and seconds of sound it made, since the song was opened; for benchmarks."""
        mixer = self._feeder.mixer
        return (mixer.busy_s, mixer.clock / mixer.rate_hz) if mixer is not None else (0.0, 0.0)

    def _want(self, **changes: object) -> None:
        self._wish = replace(self._wish, **changes)  # type: ignore[arg-type]
        self._wake.set()

    @property
    def _is_finished(self) -> bool:
        reel, wish = self._feeder.reel, self._wish
        return reel is not None and reel.finished and reel.seek == wish.seek and wish.song == self._feeder.song

    def _run(self) -> None:
        """The player thread."""
        feeder = self._feeder
        try:
            while not self._closing:
                self._wake.clear()
                asked = self._asked
                try:
                    busy = feeder.step()
                except Exception as error:  # noqa: BLE001 - nobody above could show it
                    busy = self._wish.song != feeder.song  # another song is wanted: this one was closed under the hands of this thread
                    feeder.problem = "" if busy else f"Playback stopped: {error}"
                    feeder.drop_song()
                if not busy:
                    self._answered = asked
                    self._wake.wait(POLL_S if self._wish.playing else 5 * POLL_S)
        finally:
            feeder.drop_song()
