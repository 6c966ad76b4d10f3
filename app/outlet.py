"""The sink in use: opened for a song, replaced by a silent clock when there is none or it dies, and said in words."""

from collections.abc import Callable

from app.sinks import Fill, NullSink, Sink
from app.sound_devices import SinkError


class Outlet:
    """Owned by the player thread; `words`, `latency_s` and `underruns` may be read by anyone."""

    def __init__(self, factory: Callable[[], Sink]) -> None:
        """factory: makes the sink that is wanted, or raises SinkError."""
        self.factory = factory
        self.sink: Sink | None = None
        self.words = ""  # for the status line
        self.is_fallback = False  # the silent clock stands in for the wanted sink
        self._underruns = 0  # of sinks that are gone
        self._kind: tuple[int, int, Fill] | None = None

    def connect(self, rate_hz: int, n_channels: int, fill: Fill) -> None:
        """Open the wanted sink and start it; where that fails, the silent clock, and why."""
        self.close()
        sink: Sink | None = None
        try:
            sink = self.factory()
            sink.open(rate_hz, n_channels, fill)
            sink.start()
        except SinkError as error:
            if sink is not None:
                sink.close()
            self._fall_back(str(error), rate_hz, n_channels, fill)
        else:
            self.sink, self.words, self.is_fallback = sink, sink.description, False
        self._kind = (rate_hz, n_channels, fill)

    def check(self) -> None:
        """Look whether the sink still lives; called now and then."""
        kind = self._kind
        if self.sink is not None and kind is not None and (why := self.sink.failed) is not None:
            self.close()
            self._fall_back(why, *kind)
            self._kind = kind

    def _fall_back(self, why: str, rate_hz: int, n_channels: int, fill: Fill) -> None:
        sink = NullSink()
        sink.open(rate_hz, n_channels, fill)
        sink.start()
        self.sink, self.is_fallback = sink, True
        self.words = why if why.startswith("No sound") else f"No sound: {why}"

    def close(self) -> None:
        """Stop and give the device back."""
        if self.sink is not None:
            self._underruns += self.sink.underruns
            self.sink.stop()
            self.sink.close()
        self.sink, self.words, self.is_fallback = None, "", False
        self._kind = None  # `fill` holds on to the last seconds of the song

    @property
    def latency_s(self) -> float:
        """From the callback to the loudspeaker."""
        sink = self.sink
        return sink.latency_s if sink is not None else 0.0

    @property
    def underruns(self) -> int:
        """How often a card ran dry so far."""
        sink = self.sink
        return self._underruns + (sink.underruns if sink is not None else 0)
