"""The spectrogram with its rulers, legend, playhead and selection. The visible window belongs to it; all else is State's.

Mouse, wheel and keys are told in spectrogram_input.py; they call the verbs here. Times are seconds, places on the
frequency axis are rows of the picture (row 0 at the bottom), x and y are pixels of the canvas.
"""

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app import theme
from app.axes import TICK_PX, DbLegend, FrequencyAxis, TimeAxis, clock
from app.binding import show
from app.colours import RANGE_DB
from app.spectrogram_input import Canvas
from app.spectrogram_marks import Playhead, Selection
from app.spectrogram_tiles import Tiles
from app.state import Compared, State
from engine.display import Picture
from engine.display_masks import remix_gains
from engine.types import AudioInfo

LEAST_S = 0.25  # the closest view: about 11 columns, closer there is nothing more to see
LEAST_ROWS = 32
FRAME_MS = 16
PAGE_LEAD = 0.04  # a new page begins this part of a page before the playhead


class SpectrogramView(QWidget):
    """See the module's docstring."""

    window_changed = Signal(float, float)  # start_s, end_s in sight
    pointed = Signal(object)  # (t_s, hz) under the cursor, or None

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._window = (0.0, 1.0)
        self._rows = (0.0, 512.0)
        self._following, self._was_inside = True, True

        pg.setConfigOptions(imageAxisOrder="row-major")
        self.canvas = Canvas(self)
        self.canvas.setBackground(theme.WINDOW)
        self.canvas.setAccessibleName("Spectrogram")
        layout = pg.GraphicsLayout()
        layout.setContentsMargins(4, 0, 0, 8)
        layout.setSpacing(0)
        self.canvas.setCentralItem(layout)
        self._box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0.0)
        self._box.disableAutoRange()
        self._time_axis, self._frequency_axis = TimeAxis(), FrequencyAxis()
        for item, *cell in ((self._time_axis, 0, 1), (self._frequency_axis, 1, 0), (self._box, 1, 1)):
            layout.addItem(item, *cell)
        layout.addItem(pg.LabelItem("Hz", color=theme.DIM, size=f"{TICK_PX}px", justify="left"), 0, 0)
        self._time_axis.linkToView(self._box)
        self._frequency_axis.linkToView(self._box)
        self.tiles = Tiles()
        self._box.addItem(self.tiles, ignoreBounds=True)
        self._selection, self._playhead = Selection(self._box), Playhead(self._box)
        self.legend = DbLegend()
        row = QHBoxLayout(self, spacing=0)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.canvas, 1)
        row.addWidget(self.legend)
        self.setFocusProxy(self.canvas)

        self._idle = QTimer(self, interval=0, singleShot=True)
        self._idle.timeout.connect(self._work)
        self._next_frame = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._next_frame.timeout.connect(self._show_gains)
        self.tiles.work_found.connect(self._idle.start)
        self.canvas.focus_changed.connect(self._show_focus)
        self.legend.range_wanted.connect(self.set_range_db)
        state.seek_wanted.connect(self._on_seek)
        for name, setter in (
            ("song", self._show_song), ("picture", self._show_picture), ("stems", self.tiles.set_looks), ("masks", self._show_masks),
            ("compared", self._show_masks), ("overlay", self._show_tint), ("difference", self._show_tint), ("mix", self._later),
            ("follow_faders", lambda _: self._show_gains()), ("selection", self._selection.show_span), ("playing", self._show_playing),
            ("position_s", self._show_position), ("range_db", self._show_range),
        ):  # fmt: skip
            show(self, state, name, setter)
        self._show_focus()

    # ------------------------------------------------------------------------------------------------------- from state

    def _show_song(self, song: AudioInfo | None) -> None:
        picture: Picture | None = self.state.picture
        if picture and song and (picture.n_samples, picture.rate_hz) != (song.n_samples, song.rate_hz):
            self.tiles.set_picture(None)  # still that of the song before
        self._following = True
        self.show_all()

    def _show_picture(self, picture: Picture | None) -> None:
        old = self.tiles.picture
        self.tiles.set_picture(picture)
        if picture and (old is None or old.levels is not picture.levels):
            self._frequency_axis.set_scale(picture.row_at, picture.hz_at)
            self.show_all()
        elif picture is None:
            self._frequency_axis.set_scale()  # the old one would hold on to the picture

    def _show_masks(self, _: object) -> None:
        compared: Compared | None = self.state.compared
        if compared is None:
            self.tiles.set_masks(self.state.masks)
        else:
            self.tiles.set_compared(compared.a.masks, compared.b.masks, compared.heard == "b")
        self._show_gains()

    def _show_tint(self, _: object) -> None:
        self.tiles.set_overlay(self.state.overlay)
        self.tiles.set_difference(self.state.difference)
        self.legend.set_grey(self.state.overlay or self.state.difference)

    def _later(self, _: object) -> None:
        if self.state.follow_faders and not self._next_frame.isActive():
            self._next_frame.start()

    @Slot()
    def _show_gains(self) -> None:
        masks, song = self.state.masks, self.state.song
        follows = masks is not None and song is not None and self.state.follow_faders
        self.tiles.set_gains(remix_gains(self.state.mix, masks.stems, song.n_channels) if follows else None)

    def _show_playing(self, playing: bool) -> None:
        if playing:
            self._following = True
            self._show_position(self.state.position_s)

    def _show_position(self, t_s: float) -> None:
        start, end = self._window
        inside = start <= t_s <= end
        if inside and not self._was_inside:
            self._following = True  # the playhead came back by itself
        if self._following and not inside:
            first = t_s - PAGE_LEAD * (end - start)
            self._set_window(first, first + end - start)
        self._was_inside = self._in_sight(t_s)
        self._playhead.place(t_s, self._rows[1])

    @Slot(float)
    def _on_seek(self, t_s: float) -> None:
        self._following = True

    @Slot()
    def _work(self) -> None:
        if self.tiles.work():
            self._idle.start()

    @Slot()
    def _show_focus(self) -> None:
        self._box.setBorder(theme.ACCENT if self.canvas.hasFocus() else theme.LINE)

    # ------------------------------------------------------------------------------------------------------ the window

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in sight, in seconds."""
        return self._window

    @property
    def rows(self) -> tuple[float, float]:
        """Lowest and highest row in sight."""
        return self._rows

    @property
    def _n_rows(self) -> float:
        return float(len(self.tiles.picture.rows_hz)) if self.tiles.picture else 512.0

    @property
    def length_s(self) -> float:
        """How far the time axis reaches; 0 when nothing is open."""
        picture: Picture | None = self.state.picture
        return float(self.state.seconds or (picture.seconds if picture else 0.0))

    @Slot(float, float)
    def show_window(self, start_s: float, end_s: float) -> None:
        """Show a stretch, as near as the song allows; the view stops following the playhead if that leaves the sight."""
        self._set_window(start_s, end_s)
        self._following = self._following and self._in_sight(self.state.position_s)
        self._was_inside = self._in_sight(self.state.position_s)

    def _in_sight(self, t_s: float) -> bool:
        return self._window[0] <= t_s <= self._window[1]

    def _set_window(self, start_s: float, end_s: float, rows: tuple[float, float] | None = None) -> None:
        length = max(self.length_s, 1e-3)
        width = min(max(end_s - start_s, LEAST_S), length)
        start = min(max(start_s - max(0.0, width - (end_s - start_s)) / 2, 0.0), length - width)
        low, high = rows or self._rows
        span = min(max(high - low, LEAST_ROWS), self._n_rows)
        low = min(max((low + high - span) / 2, 0.0), self._n_rows - span)
        self._rows = (low, low + span)
        self._box.setRange(xRange=(start, start + width), yRange=self._rows, padding=0, disableAutoRange=True)
        self._playhead.place(self.state.position_s, self._rows[1])
        if (start, start + width) != self._window:
            self._window = (start, start + width)
            self.window_changed.emit(*self._window)
        self.canvas.setAccessibleDescription(f"{clock(start)} to {clock(start + width)} in sight; arrows pan, plus and minus zoom")

    def show_all(self) -> None:
        """The whole song, all frequencies."""
        self._set_window(0.0, self.length_s, (0.0, 1e9))
        self._was_inside = self._in_sight(self.state.position_s)

    def pan(self, pages: float) -> None:
        """Move in time by a part of a page."""
        self._move((self._window[1] - self._window[0]) * pages)

    def pan_rows(self, pages: float) -> None:
        """Move in frequency by a part of a page."""
        by = (self._rows[1] - self._rows[0]) * pages
        self._set_window(*self._window, (self._rows[0] + by, self._rows[1] + by))

    def pan_px(self, x: float, y: float) -> None:
        """Move by pixels, as a hand does."""
        rect = self._box.sceneBoundingRect()
        if y:
            self.pan_rows(-y / max(1.0, rect.height()))
        if x:
            self._move(x / max(1.0, rect.width()) * (self._window[1] - self._window[0]))

    def _move(self, by_s: float) -> None:
        start, end = self._window
        self._set_window(start + by_s, end + by_s)
        self._following, self._was_inside = False, self._in_sight(self.state.position_s)

    def zoom(self, factor: float, around_s: float | None = None) -> None:
        """Width of the window times factor; what lies at around_s (default: playhead if in sight, else middle) stays."""
        start, end = self._window
        if around_s is None:
            around_s = self.state.position_s if self._in_sight(self.state.position_s) else (start + end) / 2
        width = min(max((end - start) * factor, LEAST_S), max(self.length_s, 1e-3))
        first = around_s - (around_s - start) * width / (end - start)
        self.show_window(first, first + width)

    def zoom_rows(self, factor: float, around: float | None = None) -> None:
        """The same in frequency; around is a row, default the middle."""
        low, high = self._rows
        around = (low + high) / 2 if around is None else around
        span = min(max((high - low) * factor, LEAST_ROWS), self._n_rows)
        first = around - (around - low) * span / (high - low)
        self._set_window(*self._window, (first, first + span))

    @Slot(float, float)
    def set_range_db(self, low_db: float = RANGE_DB[0], high_db: float = RANGE_DB[1]) -> None:
        """Brightness and contrast: the decibels of the darkest and the brightest colour."""
        self.state.range_db = (low_db, high_db)

    def _show_range(self, range_db: tuple[float, float]) -> None:
        self.tiles.set_range(*range_db)
        self.legend.set_range(*range_db)

    # -------------------------------------------------------------------------------------------- time and place, verbs

    def time_at(self, at: QPointF) -> float:
        """Seconds under a point of the canvas, within the song."""
        rect, (start, end) = self._box.sceneBoundingRect(), self._window
        return min(max(start + (at.x() - rect.left()) / max(1.0, rect.width()) * (end - start), 0.0), self.length_s)

    def row_at(self, at: QPointF) -> float:
        """Row under a point."""
        rect, (low, high) = self._box.sceneBoundingRect(), self._rows
        return low + (rect.bottom() - at.y()) / max(1.0, rect.height()) * (high - low)

    def x_at(self, t_s: float) -> float:
        """Pixel of a time."""
        rect, (start, end) = self._box.sceneBoundingRect(), self._window
        return rect.left() + (t_s - start) / (end - start) * rect.width()

    def on_picture(self, at: QPointF) -> bool:
        """Whether a point lies on the picture."""
        return bool(self._box.sceneBoundingRect().contains(at))

    def on_ruler(self, at: QPointF) -> bool:
        """Whether a point lies on the time ruler."""
        rect = self._box.sceneBoundingRect()
        return bool(rect.left() <= at.x() <= rect.right() and at.y() < rect.top())

    def point(self, at: QPointF | None) -> None:
        """The cursor is there, or nowhere on the picture."""
        picture = self.tiles.picture
        self.pointed.emit((self.time_at(at), picture.hz_at(self.row_at(at))) if at and picture and self.length_s else None)

    def seek(self, t_s: float) -> None:
        """Hear from there."""
        self.state.seek_wanted.emit(t_s)

    def seek_here(self) -> None:
        """Hear from the beginning of the selection if it is in sight, else from the beginning of the view."""
        selection = self.state.selection
        self.seek(selection[0] if selection and self._in_sight(selection[0]) else self._window[0])

    def select(self, one_s: float, other_s: float) -> None:
        """Select the stretch between two times."""
        start, end = sorted((min(max(one_s, 0.0), self.length_s), min(max(other_s, 0.0), self.length_s)))
        if end > start:
            self.state.selection = (start, end)

    def select_from_playhead(self, which: int) -> None:
        """Let the selection begin (0) or end (1) at the playhead; the other end is the song's where there is none yet."""
        ends = list(self.state.selection or (0.0, self.length_s))
        ends[which] = self.state.position_s
        self.select(*ends)

    def grow_selection(self, steps: int) -> None:
        """Move the end of the selection by 1/100 of the view; without one, begin at the playhead (or the view's start)."""
        by, at = (self._window[1] - self._window[0]) / 100 * steps, self.state.position_s
        start, end = self.state.selection or ((at, at) if self._in_sight(at) else (self._window[0],) * 2)
        if end + by != start:
            self.select(start, max(end + by, start) if self.state.selection else end + by)

    def clear_selection(self) -> None:
        """Select nothing."""
        self.state.selection = None
