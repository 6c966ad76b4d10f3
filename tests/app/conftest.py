"""The whole program without sound and the real window on it, with the method that needs no network; shared by what drives it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.main_window import MainWindow
from app.make import Made, make


@pytest.fixture
def made(tmp_path: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.setenv("NULLSUM_CACHE", str(tmp_path / "cache"))
    theme.apply(qapp)
    parts = make(tmp_path / "settings.ini", silent=True)
    parts.settings.choose(method="hpss")
    parts.state.method = "hpss"
    yield parts
    parts.close()


@pytest.fixture
def window(made: Made, qtbot: QtBot) -> Iterator[MainWindow]:
    w = MainWindow(made.state, made.bridge, made.settings)
    w.resize(1280, 800)
    w.show()
    yield w
    w.close()
    w.deleteLater()
