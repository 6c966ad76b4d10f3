"""Python's cycle collector, kept to the GUI thread and to moments between two events.

Left alone it starts at any allocation in any thread. In a worker it would take apart windows that belong to the GUI thread, and
in the middle of a paint it would take apart items that Qt is drawing: both crash, seldom and far from their cause. It also
stops the GUI for as long as it takes to walk through all of torch; what was imported is set aside here for good (and with it the
few things that were open then).
"""

import gc
import sys

from PySide6.QtCore import QObject, QTimer, Slot

EVERY_MS = 500


class Collector(QObject):
    """Collects while it lives; `stop` gives the collector back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._limits, self._was_on = gc.get_threshold(), gc.isenabled()
        self._torch_set_aside = _has_torch()
        gc.disable()
        gc.freeze()
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._on_time)
        self._timer.start()

    @Slot()
    def _on_time(self) -> None:
        """The oldest generation that is due, as Python itself would choose it."""
        if not self._torch_set_aside and _has_torch():  # a worker has imported it
            self._torch_set_aside = True
            gc.collect(0)  # young waste would be set aside with it; a whole collection would hold everything up for 0.15 s
            gc.freeze()
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._limits[generation]:
                gc.collect(generation)
                break

    def stop(self) -> None:
        """Collect as Python does by itself."""
        self._timer.stop()
        gc.unfreeze()
        if self._was_on:
            gc.enable()


def _has_torch() -> bool:
    """Whether torch was imported, to the end."""
    torch = sys.modules.get("torch")
    return torch is not None and not getattr(torch.__spec__, "_initializing", False)
