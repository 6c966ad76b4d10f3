"""Where sound goes: one small interface, the sound card behind it, and a silent clock for machines without one.

A sink calls `fill(out)` with out float32 (sample, channel), 1.0 = full scale, whenever it wants more; it owns the thread that does.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from app.sound_devices import Opening, SinkError, best_opening, device_name, sound_library
from app.to_device import adapted
from engine.types import Array

Fill = Callable[[Array], None]
SILENT_S = 3.0  # a card that asks for nothing this long is gone


class Sink(Protocol):
    """Plays what `fill` writes."""

    @property
    def latency_s(self) -> float:
        """From the return of `fill` to the loudspeaker, as far as the driver knows."""
        ...

    @property
    def underruns(self) -> int:
        """How often the card ran dry."""
        ...

    @property
    def description(self) -> str:
        """For the status line: "Default output, 44.1 kHz, 60 ms"."""
        ...

    @property
    def failed(self) -> str | None:
        """Why it stopped by itself, as a sentence; None while all is well."""
        ...

    def open(self, rate_hz: int, n_channels: int, fill: Fill) -> None:
        """Get ready for sound of this kind. Raises SinkError, a sentence."""
        ...

    def start(self) -> None:
        """Begin to ask for samples. Raises SinkError."""
        ...

    def stop(self) -> None:
        """Ask for no more; returns when `fill` will not be called again."""
        ...

    def close(self) -> None:
        """Give the device back; closing twice does no harm."""
        ...


class NullSink:
    """No sound, the right pace: a timer thread asks for samples. With by_hand=True nothing runs; `pull` asks (tests, offline)."""

    latency_s = 0.0
    underruns = 0
    failed: str | None = None

    def __init__(self, by_hand: bool = False, block_s: float = 0.01) -> None:
        self._by_hand, self._block_s = by_hand, block_s
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._fill: Fill | None = None
        self._rate_hz = self._n_channels = 0

    @property
    def description(self) -> str:
        """What to say of it."""
        return f"Silent clock, {self._rate_hz / 1000:g} kHz"

    def open(self, rate_hz: int, n_channels: int, fill: Fill) -> None:
        """Remember what to ask for."""
        self._rate_hz, self._n_channels, self._fill = rate_hz, n_channels, fill

    def start(self) -> None:
        """Begin to ask at the pace of real time."""
        if not self._by_hand and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="nullsum null sink", daemon=True)
            self._thread.start()

    def pull(self, n_samples: int) -> Array:
        """Ask for so many instants now: float32 (sample, channel)."""
        assert self._fill is not None, "open the sink before pulling"
        out = np.full((n_samples, self._n_channels), np.nan, np.float32)  # whoever forgets a sample shows
        self._fill(out)
        return out

    def _run(self) -> None:
        n = max(1, round(self._block_s * self._rate_hz))
        out, due = np.zeros((n, self._n_channels), np.float32), time.perf_counter()
        while not self._stop.wait(max(0.0, due - time.perf_counter())):
            assert self._fill is not None
            self._fill(out)
            due = max(due + n / self._rate_hz, time.perf_counter() - 0.1)  # after a long stall go on, do not catch up

    def stop(self) -> None:
        """Stop asking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop, if that was forgotten."""
        self.stop()


class SoundDeviceSink:
    """A sound card through PortAudio. Its callback calls `fill` and counts; it does nothing else.

    device: a name or number of `list_devices`, None for the system's default; latency_s: the buffer asked for.
    """

    def __init__(self, device: str | int | None = None, latency_s: float = 0.06) -> None:
        self._device, self._asked_s = device, latency_s
        self._stream: Any = None
        self._opening: Opening | None = None
        self._underruns = 0
        self._called = 0.0  # time.monotonic() of the last callback
        self._running = False
        self._over = False  # PortAudio said that the stream came to an end
        self._error: Exception | None = None

    def open(self, rate_hz: int, n_channels: int, fill: Fill) -> None:
        """Open the device at the song's rate and channels, or as near as it can; the description says which."""
        sd = sound_library()
        opening = best_opening(self._device, rate_hz, n_channels)
        ask = adapted(fill, rate_hz, n_channels, opening.rate_hz, opening.n_channels)

        def callback(out: Array, n_samples: int, when: Any, status: Any) -> None:
            self._called = time.monotonic()
            if status.output_underflow:
                self._underruns += 1
            try:
                ask(out)
            except Exception as error:  # noqa: BLE001 - nobody above could catch it
                out.fill(0.0)
                self._error = error
                raise sd.CallbackAbort from None

        def finished() -> None:
            self._over = True

        try:
            self._stream = sd.OutputStream(
                samplerate=opening.rate_hz, channels=opening.n_channels, device=self._device, dtype="float32", blocksize=0,
                latency=self._asked_s, callback=callback, finished_callback=finished,
            )  # fmt: skip
        except (sd.PortAudioError, ValueError) as error:
            raise SinkError(f"{device_name(self._device)} could not be opened ({_reason(error)}); choose another in Preferences.") from None
        self._opening = opening

    def start(self) -> None:
        """Begin to play."""
        self._over, self._called = False, time.monotonic()
        try:
            self._stream.start()
        except sound_library().PortAudioError as error:
            name = device_name(self._device)
            raise SinkError(f"{name} could not be started ({_reason(error)}); choose another in Preferences.") from None
        self._running = True

    def stop(self) -> None:
        """Let what was handed over be played, then stop."""
        was_running, self._running = self._running, False
        if self._stream is not None and was_running:
            self._stream.abort(ignore_errors=True) if self._over else self._stream.stop(ignore_errors=True)

    def close(self) -> None:
        """Give the device back."""
        self._running = False
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.close(ignore_errors=True)

    @property
    def latency_s(self) -> float:
        """What PortAudio says of the buffers behind the callback."""
        return float(self._stream.latency) if self._stream is not None else 0.0

    @property
    def underruns(self) -> int:
        """How often the card ran dry."""
        return self._underruns

    @property
    def description(self) -> str:
        """For the status line."""
        if self._opening is None:
            return f"{device_name(self._device)}, not open"
        changes = "".join(f", {change}" for change in self._opening.changes)
        return f"{device_name(self._device)}, {self._opening.rate_hz / 1000:g} kHz, {1000 * self.latency_s:.0f} ms{changes}"

    @property
    def failed(self) -> str | None:
        """Why the device stopped by itself."""
        if not self._running:
            return None
        if self._error is not None:
            return f"Playback failed ({type(self._error).__name__}: {self._error}); open the song again."
        if self._over or time.monotonic() - self._called > SILENT_S:
            return f"{device_name(self._device)} stopped answering, perhaps it was unplugged; connect it or choose another in Preferences."
        return None


def _reason(error: Exception) -> str:
    """What PortAudio says, without its number."""
    return str(error.args[0] if error.args else error).rstrip(".")
