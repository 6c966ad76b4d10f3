"""What PortAudio knows of the machine: its outputs in plain data, and how one can be opened for a song."""

from dataclasses import dataclass
from typing import Any

from app.to_device import downmix_words


class SinkError(Exception):
    """Why sound cannot be played: one sentence fit to show."""


@dataclass(frozen=True)
class Device:
    """One output of the machine."""

    name: str  # what SoundDeviceSink takes; the number where two are called alike
    number: int
    host_api: str  # ALSA, JACK, Core Audio, WASAPI ...
    default_rate_hz: int
    n_channels: int  # at most
    is_default: bool


@dataclass(frozen=True)
class Opening:
    """How a device will be opened, and what playback has to change for it."""

    rate_hz: int
    n_channels: int
    changes: tuple[str, ...] = ()  # "resampled from 96 kHz", "6 channels mixed to 2 (-7.7 dB)"


def sound_library() -> Any:
    """The module sounddevice. Raises SinkError where PortAudio is missing."""
    try:
        import sounddevice
    except OSError:  # what it raises without the library
        raise SinkError("No sound: the PortAudio library was not found; install it (Debian, Ubuntu: apt install libportaudio2).") from None
    except ImportError:
        raise SinkError("No sound: the Python package sounddevice is not installed; install it (pip install sounddevice).") from None
    return sounddevice


def list_devices(refresh: bool = False) -> list[Device]:
    """All outputs, the default one first. `refresh` looks again for devices that came or went; no stream may be open then.

    Raises SinkError where PortAudio is missing.
    """
    sd = sound_library()
    if refresh:
        sd._terminate()  # PortAudio looks only when it begins
        sd._initialize()
    try:
        found, apis, default = sd.query_devices(), sd.query_hostapis(), sd.default.device[1]
    except sd.PortAudioError:
        return []
    if default < 0:
        default = next((api["default_output_device"] for api in apis if api["default_output_device"] >= 0), -1)
    outputs = [
        Device(d["name"], d["index"], apis[d["hostapi"]]["name"], round(d["default_samplerate"]), d["max_output_channels"],
               d["index"] == default)
        for d in found if d["max_output_channels"] > 0
    ]  # fmt: skip
    return sorted(outputs, key=lambda device: not device.is_default)


def device_name(device: str | int | None) -> str:
    """What to call a device in a sentence."""
    if device is None:
        return "Default output"
    return f"Output {device}" if isinstance(device, int) else f'"{device}"'


def best_opening(device: str | int | None, rate_hz: int, n_channels: int) -> Opening:
    """The device at the song's rate and channels if it can; else what comes nearest: channels are given up before the rate.

    Raises SinkError where there is no such device or it takes nothing that could be tried.
    """
    sd = sound_library()
    found = _found(device)
    if found is None:
        any_output = list_devices(refresh=True)  # it may have come back; nothing of ours is open now
        found = _found(device)
    if found is None and not any_output:
        raise SinkError("No sound: this machine has no sound output; connect one or start its sound server.")
    if found is None:
        raise SinkError(f"{device_name(device)} was not found; connect it or choose another in Preferences.")
    own_rate_hz, most = round(found["default_samplerate"]), int(found["max_output_channels"])
    refused = ""
    for rate in dict.fromkeys((rate_hz, own_rate_hz, 48000, 44100)):
        for n in dict.fromkeys((n_channels, 2, most, 1)):
            if n > most:
                continue
            try:
                sd.check_output_settings(device=device, channels=n, dtype="float32", samplerate=rate)
            except (sd.PortAudioError, ValueError) as error:
                refused = str(error.args[0] if error.args else error)
                continue
            changes = ((f"resampled from {rate_hz / 1000:g} kHz",) if rate != rate_hz else ()) + (
                (downmix_words(n_channels, n),) if n != n_channels else ())  # fmt: skip
            return Opening(rate, n, changes)
    raise SinkError(f"{device_name(device)} takes neither this song's rate nor its own ({refused}); choose another in Preferences.")


def _found(device: str | int | None) -> Any:
    """What PortAudio says of an output, None where there is none."""
    sd = sound_library()
    try:
        return sd.query_devices(device, "output")
    except (sd.PortAudioError, ValueError):
        return None


def best_rate(device: str | int | None, rate_hz: int) -> int:
    """The rate at which the device will play a stereo song of this rate."""
    return best_opening(device, rate_hz, 2).rate_hz
