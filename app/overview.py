"""The whole song in a slim strip: waveform, what is separated, the selection, the window in sight and the playhead."""

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import colours, theme
from app.binding import show
from app.state import State
from engine.display import wave_columns

GRIP_PX, CLICK_PX = 6, 3
BAND_PX = 3  # the strip at the lower edge that shows what is separated
WAVE, WAVE_AHEAD = "#7f8b99", "#4a535d"  # separated, and not separated yet


class Overview(QWidget):
    """Click seeks; drag the framed window to move it, its edges to resize it."""

    window_wanted = Signal(float, float)  # start_s, end_s

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._window = (0.0, 1.0)
        self._wave: QImage | None = None
        self._pixels: np.ndarray | None = None  # keeps the image's memory alive
        self._press: tuple[float, tuple[float, float]] | None = None
        self._mode = ""  # "", "press", "move", "left", "right", "scrub"
        self._head_x = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Overview of the whole song")
        for name in ("song", "picture", "masks"):
            show(self, state, name, self._redraw)
        show(self, state, "selection", lambda _: self.update())
        show(self, state, "position_s", self._move_head)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Slim."""
        return QSize(600, 52)

    @Slot(float, float)
    def show_window(self, start_s: float, end_s: float) -> None:
        """What the large view shows."""
        self._window = (start_s, end_s)
        self.update()

    # -------------------------------------------------------------------------------------------------- time and place

    @property
    def _length_s(self) -> float:
        picture = self._state.picture
        return float(self._state.seconds or (picture.seconds if picture else 0.0))

    def _x(self, t_s: float) -> float:
        return t_s / self._length_s * self.width() if self._length_s else 0.0

    def _t(self, x: float) -> float:
        return min(max(x / max(1, self.width()), 0.0), 1.0) * self._length_s

    # ------------------------------------------------------------------------------------------------------- what shows

    def _redraw(self, _: object) -> None:
        self._wave = None
        self.update()

    def _move_head(self, t_s: float) -> None:
        x = round(self._x(t_s))
        if x != self._head_x:
            for at in (self._head_x, x):
                self.update(QRect(at - 2, 0, 5, self.height()))
            self._head_x = x

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The waveform is made for one width."""
        self._redraw(event)
        self._head_x = round(self._x(self._state.position_s))

    def separated(self) -> list[tuple[float, float]]:
        """The stretches whose masks are known, (start_s, end_s), neighbours joined."""
        masks = self._state.masks
        out: list[tuple[float, float]] = []
        for k in sorted(masks.chunks) if masks else ():
            start, end = masks.grid.chunk_seconds(k)
            if out and start - out[-1][1] < 1e-6:
                out[-1] = (out[-1][0], min(end, self._length_s))
            else:
                out.append((start, min(end, self._length_s)))
        return out

    def _draw_wave(self) -> QImage:
        """The waveform as an image of one device pixel a column: coloured between lowest and highest sample."""
        ratio = self.devicePixelRatioF()
        width, height = max(1, round(self.width() * ratio)), max(1, round((self.height() - BAND_PX - 3) * ratio))
        rgb = np.full((height, width), colours.packed(np.array(colours.parsed(theme.PANEL), np.uint8)), np.uint32)
        picture = self._state.picture
        if picture is not None:
            low, high = wave_columns(picture, width) / 127.0
            y = (np.arange(height)[:, None] + 0.5) / height * 2 - 1  # -1 at the top
            half = 1.0 / height
            inside = (y >= -high - half) & (y <= -low + half)
            known = np.zeros(width, bool)
            for a, b in self.separated():
                known[int(self._x(a) * ratio) : max(int(self._x(a) * ratio) + 1, round(self._x(b) * ratio))] = True
            columns = np.where(known, *(colours.packed(np.array(colours.parsed(c), np.uint8)) for c in (WAVE, WAVE_AHEAD)))
            np.copyto(rgb, np.broadcast_to(columns, rgb.shape), where=inside)
        self._pixels = rgb
        image = QImage(rgb.data, width, height, width * 4, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        return image

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Waveform, band, selection, window, playhead."""
        p = QPainter(self)
        p.fillRect(self.rect(), QColor(theme.PANEL))
        if self._wave is None:
            self._wave = self._draw_wave()
        p.drawImage(QPointF(0, 1), self._wave)
        h, length = self.height(), self._length_s
        p.fillRect(QRectF(0, h - BAND_PX, self.width(), BAND_PX), QColor(theme.RAISED))
        if not length:
            return
        for a, b in self.separated():
            p.fillRect(QRectF(self._x(a), h - BAND_PX, self._x(b) - self._x(a), BAND_PX), QColor(theme.GOOD))
        if self._state.selection:
            a, b = (self._x(t) for t in self._state.selection)
            tint = QColor(theme.ACCENT)
            tint.setAlpha(60)
            p.fillRect(QRectF(a, 0, max(1.0, b - a), h - BAND_PX), tint)
        self._paint_window(p)
        x = round(self._x(self._state.position_s))
        p.fillRect(QRectF(x - 1, 0, 3, h), QColor(0, 0, 0, 110))
        p.fillRect(QRectF(x, 0, 1, h), QColor(theme.TEXT))

    def _paint_window(self, p: QPainter) -> None:
        """What is out of sight is shaded; the frame has grips at both sides."""
        a, b = (self._x(t) for t in self._window)
        h = self.height() - BAND_PX
        for x, width in ((0.0, a), (b, self.width() - b)):
            if width > 0.5:
                p.fillRect(QRectF(x, 0, width, h), QColor(12, 13, 15, 150))
        p.setPen(QPen(QColor(theme.ACCENT if self.hasFocus() else theme.DIM), 1))
        p.drawRect(QRectF(a + 0.5, 0.5, max(2.0, b - a - 1), h - 1))
        if b - a < self.width() - 1:
            p.setRenderHint(QPainter.RenderHint.Antialiasing)
            for x in (a, b):
                grip = QRectF(x - 2, h / 2 - 7, 4, 14)
                p.setBrush(QColor(theme.TEXT))
                p.setPen(QPen(QColor(theme.WINDOW), 1))
                p.drawRoundedRect(grip, 2, 2)
            p.setBrush(Qt.BrushStyle.NoBrush)

    # ------------------------------------------------------------------------------------------------------------ hands

    def _part_at(self, x: float) -> str:
        """What a press there takes hold of: an edge, the window, or nothing of it."""
        a, b = (self._x(t) for t in self._window)
        if b - a >= self.width() - 1:
            return "scrub" if GRIP_PX < x < self.width() - GRIP_PX else "left" if x <= GRIP_PX else "right"
        near = min((abs(x - a), "left"), (abs(x - b), "right"))
        if near[0] <= GRIP_PX:
            return near[1]
        return "press" if a < x < b else "scrub"

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold."""
        if event.button() == Qt.MouseButton.LeftButton and self._length_s:
            x = event.position().x()
            self._press, self._mode = (x, self._window), self._part_at(x)
            if self._mode == "scrub":
                self._state.seek_wanted.emit(self._t(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move or resize the window, or scrub outside of it."""
        x = event.position().x()
        if self._press is None:
            shape = {"left": Qt.CursorShape.SizeHorCursor, "right": Qt.CursorShape.SizeHorCursor, "press": Qt.CursorShape.OpenHandCursor}
            self.setCursor(shape.get(self._part_at(x), Qt.CursorShape.ArrowCursor) if self._length_s else Qt.CursorShape.ArrowCursor)
            return
        began, (start, end) = self._press
        if self._mode == "press" and abs(x - began) >= CLICK_PX:
            self._mode = "move"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        by = (x - began) / max(1, self.width()) * self._length_s
        if self._mode == "move":
            by = min(max(by, -start), self._length_s - end)
            self.window_wanted.emit(start + by, end + by)
        elif self._mode == "left":
            self.window_wanted.emit(min(max(start + by, 0.0), end - 0.25), end)
        elif self._mode == "right":
            self.window_wanted.emit(start, max(min(end + by, self._length_s), start + 0.25))
        elif self._mode == "scrub":
            self._state.seek_wanted.emit(self._t(x))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A press on the window that never became a drag is a click."""
        if self._mode == "press" and self._press:
            self._state.seek_wanted.emit(self._t(self._press[0]))
        self._press, self._mode = None, ""
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move the window, plus and minus resize it, Home and End show the ends."""
        (start, end), length, keys = self._window, self._length_s, Qt.Key
        width = end - start
        moves = {keys.Key_Left: -0.1 * width, keys.Key_Right: 0.1 * width, keys.Key_Home: -start, keys.Key_End: length - end}
        zooms = {keys.Key_Plus: 1 / 1.5, keys.Key_Equal: 1 / 1.5, keys.Key_Minus: 1.5}
        key = Qt.Key(event.key())
        if key in moves:
            by = min(max(moves[key], -start), length - end)
            self.window_wanted.emit(start + by, end + by)
        elif key in zooms:
            middle, half = (start + end) / 2, width * zooms[key] / 2
            self.window_wanted.emit(middle - half, middle + half)
        else:
            super().keyPressEvent(event)
