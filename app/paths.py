"""Where things of the user's lie: settings, what is remembered of songs, exports, the demo song."""

from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QStandardPaths


def _standard(kind: QStandardPaths.StandardLocation) -> Path:
    return Path(QStandardPaths.writableLocation(kind))


def settings_file() -> Path:
    """The settings, an ini file that people can read."""
    return _standard(QStandardPaths.StandardLocation.GenericConfigLocation) / "nullsum" / "nullsum.ini"


def music_folder() -> Path:
    """Where exports go by default."""
    return _standard(QStandardPaths.StandardLocation.MusicLocation)


def demo_song() -> Path:
    """The song that comes with Nullsum."""
    return Path(str(files("resources"))) / "demo" / "demo-song.flac"
