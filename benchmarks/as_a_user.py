"""One run through the real application as a user sees it: `python -m benchmarks.as_a_user [FOLDER]`; pictures go to FOLDER.

A screen of its own (Xvfb), `python -m app SONG` in it, and xdotool for hands: play, drag faders, press keys, undo, export by Ctrl+E, quit
by Ctrl+Q. Nothing is asked of the application from inside: what counts is what stands on the screen, on stderr and on the disk.
"""

import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile as sf

ROOT = Path(__file__).parents[1]
TOOLS = ("Xvfb", "xdotool", "xwd")
PATIENCE_S = 40.0  # for each step, on a busy machine; an idle one needs about a second
SOUNDLESS = {"PULSE_SERVER": "/nowhere"}  # no noise in the office
SECONDS = 6.0


def until(what: str, found: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for a condition; SystemExit says what was waited for in vain."""
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)


def make_song(path: Path) -> None:
    """Six seconds of chords, hits and noise: 16-bit stereo FLAC."""
    rng, t = np.random.default_rng(3), np.arange(int(SECONDS * 44100)) / 44100
    notes = sum(0.1 * np.sin(2 * np.pi * f * t) for f in (110.0, 220.0, 277.2, 329.6))
    hits = 0.3 * rng.standard_normal(len(t)) * np.exp(-((t % 0.5) * 30))
    sf.write(path, np.stack([notes + hits, 0.8 * notes + hits], axis=1), 44100, subtype="PCM_16")


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """An X server of our own on a display number that it chooses: ":99"."""
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
                              pass_fds=[write], stderr=subprocess.DEVNULL)  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            sys.exit("Xvfb did not start")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


class Hands:
    """xdotool and xwd on one display."""

    def __init__(self, display: str, pictures: Path) -> None:
        self._env, self._pictures = {**os.environ, "DISPLAY": display}, pictures

    def do(self, *words: object) -> str:
        """One xdotool command; what it prints."""
        done = subprocess.run(["xdotool", *map(str, words)], env=self._env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        return done.stdout.strip()

    def window(self, title: str) -> str:
        """Number of the window seen under a title (a regular expression), once it is there; it gets the keyboard."""
        until(f"the window {title}", lambda: self.do("search", "--onlyvisible", "--name", title))
        number = self.do("search", "--onlyvisible", "--name", title).splitlines()[-1]
        self.do("windowfocus", "--sync", number)
        return number

    def gone(self, title: str) -> None:
        """Wait until no such window is seen any more."""
        until(f"the window {title} to close", lambda: not self.do("search", "--onlyvisible", "--name", title))

    def look(self, name: str = "") -> np.ndarray:
        """The screen as 0xRRGGBB (row, column), kept as a picture if it has a name."""
        raw = subprocess.run(["xwd", "-root", "-silent"], env=self._env, capture_output=True, check=True).stdout
        head = struct.unpack(">25I", raw[:100])
        width, height, stride, at = head[4], head[5], head[12], head[0] + 12 * head[19]
        pixels = np.frombuffer(raw, "<u4", height * stride // 4, at).reshape(height, stride // 4)[:, :width] & 0xFFFFFF
        if name:
            from PySide6.QtGui import QImage

            image = QImage(np.ascontiguousarray(pixels).data, width, height, 4 * width, QImage.Format.Format_RGB32)
            image.save(str(self._pictures / f"{name}.png"))
        return pixels

    def press_until_seen(self, keys: str, name: str) -> None:
        """Press keys and wait until the screen shows something else."""
        before = self.look()
        self.do("key", keys)
        until(f"something to happen at {keys}", lambda: not np.array_equal(self.look(), before))
        self.look(name)


    def drag(self, x: int, y: int, down: int) -> None:
        """Take hold of a point, move it down in small steps, let go."""
        self.do("mousemove", x, y)
        self.do("mousedown", 1)
        for step in range(1, 9):
            self.do("mousemove", x, y + down * step // 8)
        self.do("mouseup", 1)
        self.do("mousemove", 300, 300)  # away, so that nothing is lit by the pointer


def cap(pixels: np.ndarray, colour: str) -> tuple[int, int] | None:
    """Middle (x, y) of the fader's cap of the strip of this colour: a short line under the strip's wide one."""
    value = int(colour[1:], 16)
    apart = sum(np.abs((pixels >> shift & 255).astype(int) - (value >> shift & 255)) for shift in (0, 8, 16))
    alike = apart < 100
    heads = [(y, x) for y in range(len(alike) // 2) for x in [longest(alike[y])] if x[1] - x[0] > 60]
    if not heads:
        return None
    top, (left, right) = heads[-1]
    lines = [(y, run) for y in range(top + 120, len(alike)) for run in [longest(alike[y, left:right])] if 12 <= run[1] - run[0] <= 30]
    if not lines:
        return None
    y, (begin, end) = lines[len(lines) // 2]  # above and below it there may be the ring that shows the keyboard's place
    return left + (begin + end) // 2, y


def longest(row: np.ndarray) -> tuple[int, int]:
    """Begin and end of the longest run of truth in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    begins, ends = edges[::2], edges[1::2]
    k = int(np.argmax(ends - begins)) if len(begins) else 0
    return (int(begins[k]), int(ends[k])) if len(begins) else (0, 0)


def use(hands: Hands, song: Path, out: Path, is_alive: Callable[[], bool]) -> None:
    """What a user does between the start and the end."""
    from app.theme import stem_colour

    vocals, drums = stem_colour("vocals", 0), stem_colour("drums", 1)
    title = f"^{song.name} - Nullsum"  # Qt may add the name of the application to any title
    hands.window(title)
    until("the faders", lambda: cap(hands.look(), vocals) and cap(hands.look(), drums))
    hands.look("1-open")
    x, y = cap(hands.look(), vocals) or (0, 0)
    hands.drag(x, y, 60)
    until("the fader of the vocals to be lower", lambda: (cap(hands.look(), vocals) or (0, 0))[1] > y + 40)
    hands.look("2-vocals-down")
    x, y = cap(hands.look(), drums) or (0, 0)
    hands.drag(x, y, 90)
    until("the fader of the drums to be lower", lambda: (cap(hands.look(), drums) or (0, 0))[1] > y + 60)
    hands.do("key", "ctrl+z")
    until("undo to take the drums back", lambda: abs((cap(hands.look(), drums) or (0, 0))[1] - y) <= 1)
    hands.press_until_seen("space", "3-space")
    keys = {"4-owners": "o", "5-follows": "f", "6-original": "2", "7-remix": "1", "8-below": "ctrl+m", "9-beside": "ctrl+m"}
    for name, key in keys.items():
        hands.press_until_seen(key, name)
    hands.do("key", "ctrl+e")
    hands.window("^Export([^e]|$)")
    hands.do("key", "alt+o")  # the field of the folder
    hands.do("key", "ctrl+a")
    hands.do("type", "--delay", 10, str(out))
    hands.look("10-export")
    hands.do("key", "alt+e")
    hands.window("^Exported")
    hands.look("11-exported")
    hands.do("key", "Escape")
    hands.gone("^Exported")
    hands.window(title)
    hands.do("key", "ctrl+q")
    until("the application to end", lambda: not is_alive())


def check(song: Path, out: Path, mixes: Path) -> str:
    """The files as they lie on the disk; SystemExit when they are not what was asked for."""
    files = sorted(out.glob("*.flac"))
    if len(files) != 4 or list(out.glob(".*")):
        sys.exit(f"found {sorted(p.name for p in out.glob('*'))}, not four stems and a report")
    source = sf.read(song, dtype="int32")[0].astype(np.int64)
    total = sum(sf.read(path, dtype="int32")[0].astype(np.int64) for path in files)
    if total.shape != source.shape or (total != source).any():
        sys.exit("the stems do not add up to the song")
    kept = [json.loads(path.read_text())["mix"] for path in mixes.rglob("mixes/*.json")]
    gains = [{name: strip["gain_db"] for name, strip in mix.items() if strip["gain_db"]} for mix in kept]
    if len(gains) != 1 or list(gains[0]) != ["vocals"] or not -20 < gains[0]["vocals"] < -2:
        sys.exit(f"the mix that is remembered has the gains {gains}, not the vocals' alone")
    return f"{len(files)} stems add up to {source.size:,} samples; vocals at {gains[0]['vocals']} dB are remembered"


def main(folder: Path | None = None) -> str:
    """The run; a line that says what was found. SystemExit with a sentence when something is not as it should be."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        sys.exit(f"{', '.join(missing)} missing: `python dev.py test` installs them")
    with tempfile.TemporaryDirectory() as scratch, screen() as display:
        home = Path(scratch)
        pictures = folder or home / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        song, out, said, complained = home / "A song.flac", home / "out", home / "stdout.txt", home / "stderr.txt"
        make_song(song)
        env = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "QT_SCALE_FACTOR")} | SOUNDLESS
        env |= {"DISPLAY": display, "NULLSUM_CACHE": str(home / "cache" / "masks"), "HOME": str(home)}
        env |= {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        with said.open("w") as stdout, complained.open("w") as stderr:
            app = subprocess.Popen([sys.executable, "-m", "app", str(song)], cwd=ROOT, env=env, stdout=stdout, stderr=stderr)
        hands = Hands(display, pictures)
        try:
            until("ready", lambda: "ready" in said.read_text() or app.poll() is not None)
            if app.poll() is not None:
                sys.exit(f"the application ended at once with code {app.returncode}")
            use(hands, song, out, lambda: app.poll() is None)
        except SystemExit as e:
            hands.look("the-end")
            sys.exit(f"{e}; stderr: {complained.read_text().strip() or 'empty'}")
        finally:
            if app.poll() is None:
                app.kill()
            app.wait()
        if app.returncode or "Traceback" in complained.read_text():
            sys.exit(f"exit code {app.returncode}; stderr: {complained.read_text()}")
        return check(song, out, home)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
