"""Makes the pictures in docs/pictures from the real window: `python docs/screenshots.py [SONG]`, at 100 % and 200 %.

Each picture is checked before it is kept: it must show what its name says (colours of stems, a spectrogram, a dialog's words), else
the script fails. The demo song is used unless another one is named.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZES = {1: (1440, 900), 2: (1180, 740)}  # in points
SCENES = ("empty", "separating", "mixing", "overlay", "export", "preferences", "comparing")


def take(song: Path, scale: int, folder: Path) -> None:
    """All scenes at one scale, in this process."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["NULLSUM_CACHE"] = str(folder / "cache")
    sys.path.insert(0, str(ROOT))
    from engine.threads import wait_shortly

    wait_shortly()  # before torch
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication, QWidget

    from app import theme
    from app.main_window import MainWindow
    from app.make import make
    from benchmarks.waiting import wait

    application = QApplication([])
    theme.apply(application)
    made = make(folder / "settings.ini", silent=True)
    state = made.state
    window = MainWindow(state, made.bridge, made.settings)
    window.resize(*SIZES[scale])
    window.show()

    def until(condition: Callable[[], object], what: str, seconds: float = 180.0) -> None:
        for _ in range(int(seconds / 0.03)):
            if condition():
                return
            wait(30)
        sys.exit(f"waited in vain for {what}")

    def settle() -> None:
        wait(1500)

    def keep(name: str, check: Callable[[QImage], str], widget: QWidget = window) -> None:
        """Grab, check, save."""
        image = widget.grab().toImage()
        if complaint := check(image):
            sys.exit(f"{name} at {scale}00 %: {complaint}")
        PICTURES.mkdir(parents=True, exist_ok=True)
        image.save(str(PICTURES / (f"{name}.png" if scale == 1 else f"{name}-2x.jpg")), quality=88)  # the big ones would be large as PNG
        print(f"{name} at {scale}00 %: {image.width()} x {image.height()}", flush=True)

    wait(300)
    keep("empty", lambda i: "" if shades(i) > 20 else "the window is blank")
    window.open_path(song)
    until(lambda: state.song is not None and state.picture is not None, "the song")
    until(lambda: state.masks is not None and len(state.masks.chunks) >= 2, "two chunks of masks")
    keep("separating", lambda i: "" if shades(i) > 200 else "no spectrogram is seen")
    until(lambda: state.masks.is_complete and state.picture.is_complete and state.null is not None, "masks, picture and null")
    state.position_s = min(32.0, state.seconds / 2)
    state.seek_wanted.emit(state.position_s)
    for stem, gain_db in zip((s.name for s in state.stems), (1.5, -2.0, 0.0, -0.8), strict=False):
        state.move_strip(stem, gain_db=gain_db)
    state.playing = True
    until(lambda: state.levels is not None and max(state.levels.master) > 0.01, "sound")
    settle()
    keep("mixing", lambda i: missing(i, [s.colour for s in state.stems]))
    state.overlay = True
    state.selection = (state.position_s + 2, state.position_s + 8)
    settle()
    settle()
    keep("overlay", lambda i: missing(i, [s.colour for s in state.stems]))
    state.playing, state.overlay = False, False
    for name, verb in (("export", window.show_export), ("preferences", window.show_preferences)):
        before = set(application.topLevelWidgets())
        verb()
        wait(700)
        dialog = next(w for w in application.topLevelWidgets() if w not in before and w.isVisible() and w.width() > 200)
        keep(name, lambda i: "" if shades(i) > 20 else "the dialog is blank", dialog)
        dialog.close()
    window.bridge.compare("mmdenselstm")
    until(lambda: state.apart_db is not None, "the comparison", 900.0)
    for stem, gain_db in zip((s.name for s in state.stems), (3.0, -6.0, 0.0, 1.5), strict=True):
        state.move_strip(stem, gain_db=gain_db)
    window.actions_["difference"].trigger()
    window.view.show_window(state.position_s, state.position_s + 10)
    settle()
    settle()
    keep("comparing", lambda i: missing(i, [s.colour for s in state.stems[:2]]) or ("" if shades(i) > 100 else "no difference is seen"))
    window.close()
    made.close()


def shades(image: "object") -> int:
    """How many different colours an image shows, in steps of 16."""
    return len({(c & 0xF0F0F0) for c in pixels(image)})


def missing(image: "object", colours: list[str]) -> str:
    """A complaint when a stem's colour is seen nowhere."""
    seen = set(pixels(image))
    absent = [c for c in colours if int(c[1:], 16) not in seen]
    return f"the colours {', '.join(absent)} are seen nowhere" if absent else ""


def pixels(image: "object") -> list[int]:
    """Every third pixel of every second line as 0xRRGGBB."""
    import numpy as np
    from PySide6.QtGui import QImage

    assert isinstance(image, QImage)
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), -1)
    return [int(c) for c in np.unique(data[::2, ::3] & 0xFFFFFF)]


def main() -> None:
    """Both scales, each in a process of its own (Qt reads the scale once)."""
    if len(sys.argv) > 3 and sys.argv[1] == "--scale":
        with tempfile.TemporaryDirectory() as folder:
            take(Path(sys.argv[3]), int(sys.argv[2]), Path(folder))
        return
    if any(word.startswith("-") for word in sys.argv[1:]):
        print(__doc__)
        return
    song = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "resources" / "demo" / "demo-song.flac"
    for scale in (1, 2):
        env = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
        subprocess.run([sys.executable, __file__, "--scale", str(scale), str(song)], env=env, check=True)


if __name__ == "__main__":
    main()
