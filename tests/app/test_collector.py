"""Cycles are collected in the GUI thread alone, and are collected."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.collector import Collector


class Knot:
    """A cycle that says in which thread it was untied."""

    untied_in: list[threading.Thread] = []  # noqa: RUF012 - one list for all, that is the point

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.untied_in.append(threading.current_thread())


@pytest.fixture
def collector() -> Iterator[Collector]:
    Knot.untied_in.clear()
    gc.enable()
    made = Collector()
    yield made
    made.stop()
    gc.disable()  # as the other tests have it


def test_cycles_of_a_worker_are_untied_in_the_main_thread(qtbot: QtBot, collector: Collector) -> None:
    def work() -> None:
        for _ in range(5 * gc.get_threshold()[0]):  # five times what starts Python's own collector
            Knot()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert Knot.untied_in == []
    qtbot.waitUntil(lambda: len(Knot.untied_in) == 5 * gc.get_threshold()[0], timeout=20_000)
    assert set(Knot.untied_in) == {threading.main_thread()}


def test_old_cycles_go_too_and_stop_gives_the_collector_back(qtbot: QtBot, collector: Collector) -> None:
    old = Knot()
    for generation in (0, 1):
        gc.collect(generation)  # it is in the oldest generation now
    gone = weakref.ref(old)
    del old
    for _ in range(gc.get_threshold()[2] + 1):
        gc.collect(1)
    qtbot.waitUntil(lambda: gone() is None, timeout=20_000)
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled() and gc.get_freeze_count() == 0
    gc.disable()
    Collector().stop()
    assert not gc.isenabled()  # as it was found
