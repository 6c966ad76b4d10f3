"""Which device computes: asked once a preference, in a thread, because the answer imports torch."""

from PySide6.QtCore import QObject, Slot

from app.bridge_song import BridgeSong
from app.bridge_work import Found
from app.jobs import Job
from app.settings import Settings
from app.state import State
from engine.errors import EngineError
from engine.session import device_words


class BridgeDevice(BridgeSong):
    """Knows what was found of the devices that were chosen."""

    def __init__(self, state: State, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(state, settings, parent)
        self._devices: dict[str, Found] = {}  # by what was chosen

    def ask_device(self) -> None:
        """Find out which device computes and why it is no GPU; the answer goes to the state. Imports torch, in a thread."""
        wanted = self._settings.choices.compute_device

        def work(_job: Job) -> Found:
            try:
                return Found(wanted, wanted, device_words(wanted))
            except EngineError as e:
                return Found(wanted, "cpu", (device_words("cpu")[0], str(e)))

        self._start("device", work, self._on_device)

    @Slot(object)
    def _on_device(self, found: Found) -> None:
        if not self._current():
            return
        self._devices[found.wanted] = found
        self._state.device, self._state.device_why = found.said
        if found.use != found.wanted:
            self._state.message = f"{found.said[1]} The CPU computes instead."
        self._device_found()

    def _device_found(self) -> None:
        """What follows when it is known where a network computes; those who separate know."""

    def _device(self) -> str:
        """What the preferences say, or what was found to be there instead."""
        wanted = self._settings.choices.compute_device
        return self._devices[wanted].use if wanted in self._devices else wanted

    def _must_ask(self) -> bool:
        """Whether a device was chosen by name of which it is not known whether it is there."""
        return self._settings.choices.compute_device not in ("auto", "cpu", *self._devices)

    def _words(self, wanted: str) -> tuple[str, str]:
        """The device in words; asks torch where that was not done. Called in a job's thread."""
        return self._devices[wanted].said if wanted in self._devices else device_words(wanted)
