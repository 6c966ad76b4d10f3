"""What the user chose and what is remembered between sessions: one frozen dataclass in an ini file, and a few lists."""

import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from app.colours import RANGE_DB
from app.paths import settings_file

N_RECENT = 10


@dataclass(frozen=True)
class Choices:
    """Preferences; the defaults are what a fresh machine gets."""

    compute_device: str = "auto"  # auto, cuda, mps, cpu
    sound_device: str = ""  # "" = the system's default
    buffer_ms: int = 60  # short enough to feel direct, long enough to survive a busy machine
    cache_folder: str = ""  # "" = the system's cache folder
    cache_limit_gb: float = 8.0
    method: str = "nullsum-4"
    export_folder: str = ""  # "" = the music folder
    name_template: str = "{song} - {stem}"
    darkest_db: float = RANGE_DB[0]  # of the picture's colours
    brightest_db: float = RANGE_DB[1]


class Settings(QObject):
    """Reads and writes the ini file; `changed(Choices)` follows every change."""

    changed = Signal(object)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = QSettings(str(path or settings_file()), QSettings.Format.IniFormat)

    @property
    def choices(self) -> Choices:
        """The preferences as they stand; a value that cannot be read counts as not set."""
        found: dict[str, Any] = {}
        for field in fields(Choices):
            raw = self._file.value(f"choices/{field.name}")
            if raw is not None:
                try:
                    found[field.name] = type(field.default)(raw)
                except (TypeError, ValueError):
                    continue
        return Choices(**found)

    def choose(self, **changes: Any) -> None:
        """Change preferences and keep them."""
        new = replace(self.choices, **changes)
        if new != self.choices:
            for name, value in asdict(new).items():
                self._file.setValue(f"choices/{name}", value)
            self._file.sync()
            self.changed.emit(new)

    @property
    def folder(self) -> Path:
        """Where the file lies, and beside it what is remembered of songs."""
        return Path(self._file.fileName()).parent

    @property
    def recent(self) -> list[Path]:
        """Songs opened lately, newest first, those that still exist."""
        raw = self._file.value("recent") or []
        return [Path(p) for p in ([raw] if isinstance(raw, str) else raw) if os.path.exists(p)]  # noqa: PTH110 - Path's raises on a dead disk

    def remember(self, path: Path) -> None:
        """Put a song first among the recent ones."""
        path = Path(os.path.realpath(path))
        self._file.setValue("recent", [str(p) for p in [path, *(p for p in self.recent if p != path)][:N_RECENT]])

    def bytes_of(self, name: str) -> QByteArray:
        """A remembered window layout, empty if there is none."""
        found = self._file.value(f"window/{name}")
        return found if isinstance(found, QByteArray) else QByteArray()

    def keep_bytes(self, name: str, value: QByteArray) -> None:
        """Remember a window layout."""
        self._file.setValue(f"window/{name}", value)
