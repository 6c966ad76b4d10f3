"""What the player thread does: opens the song, keeps the next 0.3 s ready as they are wanted, and reads the meters.

One `step` does the most pressing thing. A seek, another loop or other masks begin a new reel; the callback takes it over when
its first 0.1 s are there, and goes on with the old one until then.
"""

import threading
import time
from collections.abc import Callable

import numpy as np

from app.ahead import LOOP_FADE_S, Ahead, same_masks, usable_loop
from app.desk import desk_for
from app.outlet import Outlet
from app.realtime_mix import N_TAPE, RealtimeMix
from app.ring import SLOTS, Reel
from app.sinks import Sink
from app.true_peak import Meter, Peaks, joined
from app.wish import Wish
from engine.masks import Masks
from engine.types import Array, AudioInfo

AHEAD_S = 0.3  # kept ready
LEAD_S = 0.1  # ready before a new reel is handed over: twice what the callback asks for
Loop = tuple[int, int] | None  # [start, end) in samples


class Feeder:
    """Everything here belongs to the player thread but what says otherwise."""

    def __init__(self, sink_factory: Callable[[], Sink], newest: Callable[[], Wish]) -> None:
        """newest: gives the wish as it stands."""
        self.outlet = Outlet(sink_factory)
        self.problem = ""  # why the song cannot be played, a sentence; anyone may read this and the next four
        self.song = 0  # number of the song in hand
        self.info: AudioInfo | None = None
        self.mixer: RealtimeMix | None = None
        self.reel: Reel | None = None
        self._newest = newest
        self._ahead: Ahead | None = None
        self._masks: Masks | None = None
        self._seen_masks = self._seen_sink = 0
        self._meter, self._read = Meter(1), 0
        self._lock = threading.Lock()  # of the peaks, between this thread and the window; the callback never meets it
        self._peaks: tuple[dict[str, Array], Array | None, int] = ({}, None, 0)  # stems, output, instants

    def step(self) -> bool:
        """Do the next most pressing thing; whether there may be more to do at once."""
        wish = self._newest()
        if wish.song != self.song:
            self.drop_song()
            self.song, self._seen_sink, self.problem = wish.song, wish.sink, ""
            if wish.open_mixture is not None:
                self._open_song(wish)
            return True
        if self._ahead is None or self.mixer is None:
            return False
        if wish.sink != self._seen_sink:
            self._seen_sink = wish.sink
            self.outlet.connect(self.mixer.rate_hz, self.mixer.n_channels, self.mixer.fill)
        self.outlet.check()
        busy = self._keep_ahead(wish, self._ahead, self.mixer)
        self._measure(self.mixer)
        return busy

    def _open_song(self, wish: Wish) -> None:
        assert wish.open_mixture is not None
        self._ahead = ahead = Ahead(wish.open_mixture())
        info = ahead.info
        desk = desk_for(wish.mix, wish.stems, wish.listening, wish.output_db, info.n_channels, info.sample_type)
        self._meter, self._read = Meter(info.n_channels), 0
        mixer = RealtimeMix(info.rate_hz, info.n_channels, desk)
        self.info, self.mixer = info, mixer
        self.publish_desk()
        self.publish_playing()
        self._keep_ahead(self._newest(), ahead, mixer)  # the first blocks are there before the sink asks
        self.outlet.connect(info.rate_hz, info.n_channels, mixer.fill)

    def drop_song(self) -> None:
        """Fade out, close the sink and the recording."""
        mixer, ahead = self.mixer, self._ahead
        if mixer is not None:
            mixer.playing = False
            deadline = time.monotonic() + 0.1
            while not mixer.is_silent and time.monotonic() < deadline:
                time.sleep(0.002)
        self.outlet.close()
        self.mixer = self.info = self.reel = self._ahead = self._masks = None
        if ahead is not None:
            ahead.close()
        with self._lock:
            self._peaks = ({}, None, 0)

    # ------------------------------------------------------------------------------------------------------------- reels

    def _keep_ahead(self, wish: Wish, ahead: Ahead, mixer: RealtimeMix) -> bool:
        """One step towards a full ring that plays what is wanted; False when there is nothing to do."""
        info, reel, cursor = ahead.info, self.reel, mixer.cursor
        loop = usable_loop(wish.loop_s, info.rate_hz, info.n_samples)
        if reel is None or reel.seek != wish.seek:
            at = min(max(0, round(wish.seek_s * info.rate_hz)), info.n_samples)
            return self._begin(Reel(object(), wish.seek, 0, at), wish, loop, ahead, mixer)
        here = cursor if cursor is not None and cursor.reel.run is reel.run else None
        frame = here.frame if here is not None else reel.first
        if loop != reel.loop or wish.masks != self._seen_masks:
            at = here.reel.at(frame) if here is not None else reel.at(frame)
            if loop != reel.loop or not self._same_masks(wish, reel, at, info):
                return self._begin(Reel(reel.run, wish.seek, frame, at), wish, loop, ahead, mixer)
        n_waiting = reel.n_blocks - (here.k if here is not None and here.reel is reel else 0)
        if reel.ended or reel.end - frame >= AHEAD_S * info.rate_hz or n_waiting >= SLOTS - 4:
            return False
        ahead.extend(reel, self._masks)
        return True

    def _begin(self, reel: Reel, wish: Wish, loop: Loop, ahead: Ahead, mixer: RealtimeMix) -> bool:
        """Make the first blocks of a reel and hand it to the callback."""
        if loop is not None and not loop[0] <= reel.next_at < loop[1]:
            reel.run, reel.next_at = object(), loop[0]
        reel.loop = loop
        self._seen_masks, masks = wish.masks, wish.masks_getter()
        old, self._masks = self._masks, masks
        while not reel.ended and reel.end - reel.first < LEAD_S * ahead.info.rate_hz:
            ahead.extend(reel, masks)
        mixer.reel = self.reel = reel
        if _stems(old) != _stems(masks):
            self.publish_desk()
        return True

    def _same_masks(self, wish: Wish, reel: Reel, at: int, info: AudioInfo) -> bool:
        """Take new masks for what comes, if what is ready sounds the same with them."""
        masks = wish.masks_getter()
        begin, end = (at, reel.next_at) if reel.loop is None else reel.loop
        if not same_masks(self._masks, masks, begin / info.rate_hz - LOOP_FADE_S, end / info.rate_hz):
            return False
        self._seen_masks, self._masks = wish.masks, masks
        return True

    # ------------------------------------------------------------------------------------- also called by the window's thread

    def publish_desk(self) -> None:
        """Hand the callback a desk for the newest wish; whichever thread is last sees the newest."""
        mixer, info = self.mixer, self.info
        while mixer is not None and info is not None:
            wish, masks = self._newest(), self._masks
            names = masks.stems if masks is not None else wish.stems
            mixer.desk = desk_for(wish.mix, names, wish.listening, wish.output_db, info.n_channels, info.sample_type)
            if wish is self._newest() and masks is self._masks:
                return

    def publish_playing(self) -> None:
        """Tell the callback whether to play."""
        mixer = self.mixer
        while mixer is not None:
            wish = self._newest()
            mixer.playing = wish.playing and wish.song == self.song
            if wish is self._newest():
                return

    def take_levels(self) -> Peaks:
        """True peaks since the last call."""
        with self._lock:
            (stems, master, n_samples), self._peaks = self._peaks, ({}, None, 0)
        mixer = self.mixer
        if mixer is None:
            return Peaks()
        loud = tuple(master.tolist()) if master is not None else (0.0,) * mixer.n_channels
        return Peaks({name: tuple(peak.tolist()) for name, peak in stems.items()}, loud, mixer.n_clipped, n_samples)

    def _measure(self, mixer: RealtimeMix) -> None:
        """Peaks of what the callback heard since the last look."""
        n = mixer.n_heard
        begin = max(self._read, n - N_TAPE + 64)  # the oldest may be overwritten meanwhile
        heard = joined([h for k in range(begin, n) if (h := mixer.tape[k % N_TAPE]) is not None])
        self._read = n
        if not heard:
            return
        stems, master = self._meter.of(heard)
        with self._lock:
            old_stems, old_master, n_samples = self._peaks
            for name, peak in stems.items():
                old_stems[name] = np.maximum(old_stems[name], peak) if name in old_stems else peak
            master = master if old_master is None else np.maximum(old_master, master)
            self._peaks = (old_stems, master, n_samples + sum(end - begin for _, _, begin, end in heard))


def _stems(masks: Masks | None) -> tuple[str, ...] | None:
    return masks.stems if masks is not None else None
