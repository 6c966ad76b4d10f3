"""Where things of the user's lie: settings, what is remembered of songs, exports, the demo song."""

from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QStandardPaths


def _standard(kind: QStandardPaths.StandardLocation) -> Path:
    return Path(QStandardPaths.writableLocation(kind))


def typed_folder(text: str) -> Path:
    """A folder as it was typed; ~ is the user's own."""
    try:
        return Path(text.strip()).expanduser()
    except RuntimeError:  # ~name of nobody
        return Path(text.strip())


def settings_file() -> Path:
    """The settings, an ini file that people can read."""
    return _standard(QStandardPaths.StandardLocation.GenericConfigLocation) / "nullsum" / "nullsum.ini"


def music_folder() -> Path:
    """Where exports go by default."""
    return _standard(QStandardPaths.StandardLocation.MusicLocation)


def demo_song() -> Path:
    """The song that comes with Nullsum."""
    return Path(str(files("resources"))) / "demo" / "demo-song.flac"
