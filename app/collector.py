"""Python's cycle collector, kept to the GUI thread and to moments between two events.

Left alone it starts at any allocation in any thread. In a worker it would take apart windows that belong to the GUI thread, and
in the middle of a paint it would take apart items that Qt is drawing: both crash, seldom and far from their cause. It also
stops the GUI for as long as it takes to walk through all of torch; what was imported is set aside here for good.
"""

import gc
import sys

from PySide6.QtCore import QObject, QTimer, Slot

EVERY_MS = 500


class Collector(QObject):
    """Collects while it lives; `stop` gives the collector back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._limits = gc.get_threshold()
        self._torch_set_aside = False
        gc.disable()
        gc.freeze()
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._on_time)
        self._timer.start()

    @Slot()
    def _on_time(self) -> None:
        """The oldest generation that is due, as Python itself would choose it."""
        torch = sys.modules.get("torch")
        if not self._torch_set_aside and torch is not None and hasattr(torch, "nn"):  # its import, in a worker, is over
            self._torch_set_aside = True
            gc.freeze()
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._limits[generation]:
                gc.collect(generation)
                break

    def stop(self) -> None:
        """Collect as Python does by itself."""
        self._timer.stop()
        gc.enable()
