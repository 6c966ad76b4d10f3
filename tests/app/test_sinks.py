"""Sinks: the silent clock, PortAudio behind a fake that fails on command, and what playback changes for a device."""

import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rig import counting, flat_masks, noise

import app.sinks
import app.sound_devices
from app.player import Player
from app.sinks import NullSink, SoundDeviceSink
from app.sound_devices import SinkError, best_opening, best_rate, list_devices
from engine.types import Array


class FakeSound:
    """Stands for the module sounddevice: two outputs and a microphone; streams are called by hand."""

    class PortAudioError(Exception):
        pass

    class CallbackAbort(Exception):  # noqa: N818 - sounddevice's name
        pass

    def __init__(self) -> None:
        self.devices: list[dict[str, Any]] = [
            {"name": "Mic", "index": 0, "hostapi": 0, "default_samplerate": 44100.0, "max_output_channels": 0},
            {"name": "Speakers", "index": 1, "hostapi": 0, "default_samplerate": 48000.0, "max_output_channels": 2},
            {"name": "Box", "index": 2, "hostapi": 0, "default_samplerate": 96000.0, "max_output_channels": 8},
        ]
        self.takes: Callable[[int, int], bool] = lambda n_channels, rate_hz: True
        self.open_error = self.start_error = ""
        self.streams: list[types.SimpleNamespace] = []
        self.default = types.SimpleNamespace(device=(0, 2))

    def _terminate(self) -> None: ...

    def _initialize(self) -> None: ...

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA", "default_output_device": 2}]

    def query_devices(self, device: str | int | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        for found in self.devices:
            if found["max_output_channels"] and device in (None, found["index"], found["name"]):
                return found
        raise self.PortAudioError("Error querying device -1")

    def check_output_settings(self, device: Any, channels: int, dtype: str, samplerate: int) -> None:
        assert dtype == "float32"
        if not self.takes(channels, samplerate):
            raise self.PortAudioError("Invalid sample rate")

    def OutputStream(self, **words: Any) -> types.SimpleNamespace:  # noqa: N802 - sounddevice's name
        if self.open_error:
            raise self.PortAudioError(self.open_error)

        def start() -> None:
            if self.start_error:
                raise self.PortAudioError(self.start_error)

        stream = types.SimpleNamespace(**words, start=start, calls=[])
        stream.latency = words["latency"]
        for name in ("stop", "abort", "close"):
            setattr(stream, name, lambda ignore_errors, name=name: stream.calls.append(name))
        self.streams.append(stream)
        return stream

    def ask(self, n_samples: int, underflow: bool = False) -> Array:
        """What PortAudio's thread does."""
        stream = self.streams[-1]
        out = np.full((n_samples, stream.channels), np.nan, np.float32)
        stream.callback(out, n_samples, None, types.SimpleNamespace(output_underflow=underflow))
        return out


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> FakeSound:
    fake = FakeSound()
    for module in (app.sinks, app.sound_devices):
        monkeypatch.setattr(module, "sound_library", lambda: fake)
    return fake


# ------------------------------------------------------------------------------------------------------------ null sink


def test_the_silent_clock_keeps_the_pace_of_real_time() -> None:
    sizes: list[int] = []
    sink = NullSink()
    sink.open(48000, 2, lambda out: sizes.append(len(out)))
    began = time.perf_counter()
    sink.start()
    assert wait_for(lambda: sum(sizes) >= 0.3 * 48000)  # a busy machine may let it fall behind ...
    sink.stop()
    n, seconds = sum(sizes), time.perf_counter() - began
    sink.close()
    assert n / 48000 <= seconds + 0.01 + 1e-6  # ... but ahead of time it is by one block of 10 ms at most
    time.sleep(0.05)
    assert sum(sizes) == n and sink.description == "Silent clock, 48 kHz" and sink.failed is None


def test_pulling_by_hand() -> None:
    sink = NullSink(by_hand=True)
    sink.open(44100, 2, counting())
    sink.start()
    assert sink.pull(5)[:, 1].tolist() == [k + 1 / 16 for k in range(5)]
    sink.close()


# ---------------------------------------------------------------------------------------------------------- sound device


def test_devices_in_plain_data(sound: FakeSound) -> None:
    assert [(d.name, d.host_api, d.default_rate_hz, d.n_channels, d.is_default) for d in list_devices()] == [
        ("Box", "ALSA", 96000, 8, True), ("Speakers", "ALSA", 48000, 2, False)]  # fmt: skip
    sound.devices = []
    assert list_devices(refresh=True) == []


def test_the_callback_only_fills_and_counts(sound: FakeSound) -> None:
    sink = SoundDeviceSink("Box", 0.06)
    assert "not open" in sink.description and sink.latency_s == 0.0
    sink.open(44100, 2, counting())
    sink.start()
    assert sound.streams[0].dtype == "float32" and sound.streams[0].blocksize == 0 and sound.streams[0].samplerate == 44100
    assert sound.ask(4)[:, 0].tolist() == [0, 1, 2, 3]
    assert sound.ask(2, underflow=True)[:, 0].tolist() == [4, 5]
    assert sink.underruns == 1 and sink.failed is None and sink.description == '"Box", 44.1 kHz, 60 ms'
    sink.stop()
    sink.close()
    sink.close()
    assert sound.streams[0].calls == ["stop", "close"]


def test_a_device_that_ends_is_a_sentence(sound: FakeSound, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = SoundDeviceSink()
    sink.open(44100, 2, counting())
    sink.start()
    monkeypatch.setattr(app.sinks, "SILENT_S", -1.0)
    assert sink.failed is not None  # asks for nothing
    monkeypatch.setattr(app.sinks, "SILENT_S", 100.0)
    assert sink.failed is None
    sound.streams[0].finished_callback()
    assert sink.failed == "Default output stopped answering, perhaps it was unplugged; connect it or choose another in Preferences."
    sink.stop()
    assert sink.failed is None and sound.streams[0].calls == ["abort"]


def test_an_error_in_fill_is_a_sentence(sound: FakeSound) -> None:
    def fill(out: Array) -> None:
        raise ZeroDivisionError("by zero")

    sink = SoundDeviceSink()
    sink.open(44100, 2, fill)
    sink.start()
    with pytest.raises(FakeSound.CallbackAbort):
        sound.ask(4)
    assert sink.failed == "Playback failed (ZeroDivisionError: by zero); open the song again."


def test_what_cannot_be_opened_is_a_sentence(sound: FakeSound, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(device: str | None = None) -> str:
        sink = SoundDeviceSink(device)
        try:
            sink.open(44100, 2, counting())
            sink.start()
        except SinkError as error:
            return str(error)
        return "nothing"

    sound.start_error = "Device busy"
    assert said() == "Default output could not be started (Device busy); choose another in Preferences."
    sound.open_error = "Device unavailable"
    assert said("Box") == '"Box" could not be opened (Device unavailable); choose another in Preferences.'
    assert said("Gone") == '"Gone" was not found; connect it or choose another in Preferences.'
    sound.takes = lambda n_channels, rate_hz: False
    assert "takes neither this song's rate nor its own (Invalid sample rate)" in said()
    sound.devices = []
    assert said() == "No sound: this machine has no sound output; connect one or start its sound server."
    monkeypatch.undo()

    def no_library(name: str, *words: Any, **more: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *words, **more)

    import builtins

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_library)
    assert "PortAudio library was not found" in said()


# --------------------------------------------------------------------------------------------------- other rate, channels


def test_a_device_that_refuses_the_rate_or_the_channels(sound: FakeSound) -> None:
    assert best_opening("Speakers", 44100, 2).changes == ()
    opening = best_opening("Speakers", 44100, 6)
    assert (opening.rate_hz, opening.n_channels, opening.changes) == (44100, 2, ("6 channels mixed to 2 (−7.7 dB)",))
    sound.takes = lambda n_channels, rate_hz: rate_hz == 48000 and n_channels == 2
    assert best_rate("Speakers", 96000) == 48000
    sink = SoundDeviceSink("Speakers")
    sink.open(96000, 1, counting())
    sink.start()
    assert sink.description == '"Speakers", 48 kHz, 60 ms, resampled from 96 kHz, mono on both channels'
    got = np.concatenate([sound.ask(n) for n in (1, 300, 5000, 77, 2000)])
    assert np.array_equal(got[:, 0], got[:, 1]) and np.isfinite(got).all()
    assert np.abs(got[3000:7000, 0] - 2 * np.arange(3000, 7000)).max() < 1.0  # the ramp at twice the pace


# ------------------------------------------------------------------------------------------------- with the player around


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():  # asked once a turn: levels are taken by looking at them
            return True
        time.sleep(0.005)
    return False


def test_without_a_device_the_position_moves_silently(sound: FakeSound) -> None:
    devices, sound.devices = sound.devices, []
    mixture = noise(seconds=60.0)  # not over before it was looked at, however busy the machine
    player = Player(SoundDeviceSink)
    player.set_song(lambda: mixture, lambda: None)
    assert wait_for(lambda: player.sound == "No sound: this machine has no sound output; connect one or start its sound server.")
    player.play()
    assert wait_for(lambda: player.position_s > 0.1) and player.is_playing
    assert wait_for(lambda: player.take_levels().master[0] > 0.3) and player.underruns == 0
    sound.devices = devices  # connected again: the next press of play tries
    player.set_sink()
    assert wait_for(lambda: player.sound == "Default output, 44.1 kHz, 60 ms")
    player.close()


def test_a_device_that_is_unplugged_while_playing(sound: FakeSound) -> None:
    mixture = noise(seconds=60.0)
    masks = flat_masks(mixture, 0.4, 0.3, 0.2, 0.1)
    player = Player(SoundDeviceSink)
    player.set_song(lambda: mixture, lambda: masks)
    assert player.settle() and player.sound == "Default output, 44.1 kHz, 60 ms"
    player.play()
    assert sound.ask(1000).any()
    sound.streams[0].finished_callback()
    assert wait_for(lambda: player.sound.startswith("No sound: Default output stopped answering"))
    assert player.is_playing and wait_for(lambda: player.position_s > 0.1)
    player.set_sink(lambda: SoundDeviceSink("Speakers"))  # as Preferences does
    assert wait_for(lambda: player.sound == '"Speakers", 44.1 kHz, 60 ms')
    assert sound.streams[1].calls == [] and sound.ask(1000).any()
    player.close()
    assert sound.streams[1].calls == ["stop", "close"]
