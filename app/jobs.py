"""One piece of long work in a thread of its own: progress, results and failures come back as signals; exceptions never get lost."""

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from app import heap
from engine.errors import Cancelled, EngineError
from engine.types import Progress


class Job(QThread):
    """Runs work(job) in its thread. Connect only slots of QObjects that live in the GUI thread to its signals."""

    reported = Signal(object)  # Progress
    published = Signal(object)  # whatever the work has to show before its end
    succeeded = Signal(object)  # what work returned
    failed = Signal(str)  # one sentence for the user
    cancelled = Signal()

    def __init__(self, name: str, work: Callable[["Job"], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._work = work
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Ask it to stop; it does at its next step."""
        self._stop.set()

    def is_cancelled(self) -> bool:
        """What the work asks between two steps."""
        return self._stop.is_set()

    def report(self, progress: Progress) -> None:
        """What the work calls as it goes on."""
        self.reported.emit(progress)

    def run(self) -> None:
        """The one place where anything that goes wrong in a thread is caught."""
        try:
            result = self._work(self)
        except Cancelled:
            self.cancelled.emit()
        except EngineError as e:
            self.failed.emit(str(e))
        except MemoryError:
            self.failed.emit("The memory ran out; close other programs or choose a method that needs less.")
        except Exception as e:  # noqa: BLE001 - the last resort of a thread: said, not swallowed
            self.failed.emit(f"Something went wrong that should not have ({type(e).__name__}: {e}); please report it.")
        else:
            self.succeeded.emit(result)
            del result
        heap.give_back()
