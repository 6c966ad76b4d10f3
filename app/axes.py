"""Rulers of the picture: time as m:ss, frequency on the log rows, names of notes, and the legend of decibels."""

import math
from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import colours, theme

STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
PARTS = {15.0: 3, 30.0: 6, 60.0: 6, 120.0: 4, 900.0: 3, 1800.0: 6, 3600.0: 6}  # minor ticks a major step; 5 elsewhere
NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
TICK_PX = 11


def clock(t_s: float, decimals: int = 0) -> str:
    """Seconds as m:ss, h:mm:ss from an hour on, with decimals: 83.5 -> "1:23" or "1:23.5"."""
    units = round(abs(t_s) * 10**decimals)
    whole, rest = divmod(units, 10**decimals)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return ("−" if t_s < 0 and units else "") + head + (f".{rest:0{decimals}d}" if decimals else "")


def hertz(hz: float) -> str:
    """A tick's text: 50, 100, 1k, 2.5k."""
    return f"{hz / 1000:.4g}k" if hz >= 999.5 else f"{hz:.4g}"


def note(hz: float) -> str:
    """The nearest note of equal temperament at A4 = 440 Hz: "A4 +12 ct"; empty below 8 Hz."""
    if hz < 8.0:
        return ""
    exact = 69 + 12 * math.log2(hz / 440.0)
    key = round(exact)
    cents = round((exact - key) * 100)
    return f"{NOTES[key % 12]}{key // 12 - 1} {'+' if cents >= 0 else '−'}{abs(cents)} ct"


def time_step(seconds: float, px: float, least_px: float = 76.0) -> float:
    """The finest step of labels that leaves least_px between them."""
    wanted = seconds / max(px, 1.0) * least_px
    return next((s for s in STEPS_S if s >= wanted), STEPS_S[-1] * max(1, math.ceil(wanted / STEPS_S[-1])))


class Ruler(pg.AxisItem):
    """An axis that paints itself: pyqtgraph's own drawing of a hundred ticks costs more than the picture."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)
        self._font = QFont()
        self._font.setPixelSize(TICK_PX)

    def ticks(self, low: float, high: float, px: float) -> list[tuple[float, str]]:
        """Places and texts (empty for the small ticks) of a stretch that is px long; none on a plain axis."""
        return []

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """Ticks towards the picture, texts behind them."""
        rect = self.mapRectFromParent(self.geometry())
        low, high = self.range
        across = self.orientation in ("top", "bottom")
        px = rect.width() if across else rect.height()
        ticks = [(px * (v - low) / (high - low), text) for v, text in self.ticks(low, high, px)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for small, pen in ((True, theme.LINE), (False, theme.FAINT)):
            painter.setPen(QColor(pen))
            length = 3 if small else 6
            lines = [at for at, text in ticks if bool(text) != small]
            if across:
                painter.drawLines([QLineF(at, rect.bottom() - length, at, rect.bottom() - 1) for at in lines])
            else:
                painter.drawLines([QLineF(rect.right() - length, px - at, rect.right() - 1, px - at) for at in lines])
        painter.setPen(QColor(theme.DIM))
        painter.setFont(self._font)
        for at, text in ticks:
            if text and across and at < px - 16:  # further right it would be cut
                painter.drawText(QRectF(at - 50, rect.top(), 100, rect.height() - 7), Qt.AlignmentFlag.AlignCenter, text)
            elif text and not across:
                y = min(max(px - at, 6.0), px - 6.0)
                box = QRectF(rect.left(), y - 8, rect.width() - 9, 16)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)


class TimeAxis(Ruler):
    """The ruler above the picture, in seconds."""

    def __init__(self) -> None:
        super().__init__("top")
        self.setHeight(26)

    def ticks(self, low: float, high: float, px: float) -> list[tuple[float, str]]:
        """m:ss at round steps, small ticks at their parts."""
        step = time_step(high - low, px)
        n = PARTS.get(step, 5)
        decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
        first, last = math.ceil(low / step * n - 1e-6), math.floor(high / step * n + 1e-6)
        return [(i * step / n, "" if i % n else clock(i * step / n, decimals)) for i in range(first, last + 1)]


# the order in which frequencies get a label while there is room: within a decade, coarse to fine
MANTISSAS = (
    (1.0,), (5.0,), (2.0,), (3.0, 7.0), (4.0, 6.0, 8.0, 9.0), tuple(x + 0.5 for x in range(1, 10)),
    tuple(x / 10 for x in range(11, 100) if x % 5), tuple(x / 100 for x in range(105, 1000, 10)), tuple(x / 100 for x in range(101, 1000)),
)  # fmt: skip


class FrequencyAxis(Ruler):
    """The ruler left of the picture; its values are places on the row axis, its texts hertz."""

    def __init__(self) -> None:
        super().__init__("left")
        self.setWidth(42)
        self._made: tuple[tuple[float, float, float], list[tuple[float, str]]] = ((0.0, 0.0, 0.0), [])
        self.set_scale()

    def set_scale(self, row_at: Callable[[float], float] | None = None, hz_at: Callable[[float], float] | None = None) -> None:
        """How hertz and rows belong together; without arguments: there is no picture, and no tick."""
        self._row_at, self._hz_at = row_at, hz_at
        self._made = ((0.0, 0.0, 0.0), [])
        self.update()

    def ticks(self, low: float, high: float, px: float) -> list[tuple[float, str]]:
        """Labels wherever 24 px are free (60 px for finer numbers), round ones first; the 1-2-3..9 between them as small ticks."""
        if self._made[0] == (low, high, px):
            return self._made[1]
        if self._row_at is None or self._hz_at is None:
            return []
        low_hz, high_hz = self._hz_at(low), self._hz_at(high)
        labelled: dict[float, str] = {}
        small: list[tuple[float, str]] = []
        for rank, mantissas in enumerate(MANTISSAS):
            if rank > 5 and high_hz > 10 * low_hz:
                break  # no room for these, and there are many of them
            free = (24 if rank < 5 else 60) / px * (high - low)
            for decade in range(math.floor(math.log10(low_hz)), math.floor(math.log10(high_hz)) + 1):
                for hz in (m * 10.0**decade for m in mantissas if low_hz <= m * 10.0**decade <= high_hz):
                    row = self._row_at(hz)
                    if all(abs(row - other) >= free for other in labelled):
                        labelled[row] = hertz(hz)
                    elif rank < 5:
                        small.append((row, ""))
        self._made = (low, high, px), [*labelled.items(), *small]
        return self._made[1]


class DbLegend(QWidget):
    """The colours and their decibels; dragging or up/down moves the range, wheel or left/right stretches it, double click resets."""

    range_wanted = Signal(float, float)  # low_db, high_db

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = colours.RANGE_DB
        self._grey = False
        self._drag: tuple[float, tuple[float, float]] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Brightness and contrast of the picture")
        self.setToolTip("Drag or up/down: brightness · wheel or left/right: contrast · double click: reset")
        self.set_range(*self._range)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for three digits."""
        return QSize(50, 200)

    def set_range(self, low_db: float, high_db: float) -> None:
        """Show these decibels."""
        self._range = (low_db, high_db)
        self.setAccessibleDescription(f"from {low_db:.0f} to {high_db:.0f} decibels")
        self.update()

    def set_grey(self, grey: bool) -> None:
        """Show brightness alone: the colours of the picture are those of the stems."""
        self._grey = grey
        self.update()

    def _move(self, by_db: float) -> None:
        self._want(self._range[0] + by_db, self._range[1] + by_db)

    def _stretch(self, by_db: float) -> None:
        self._want(self._range[0] - by_db / 2, self._range[1] + by_db / 2)

    def _want(self, low_db: float, high_db: float) -> None:
        self.range_wanted.emit(*colours.possible_range(low_db, high_db))

    def _bar(self) -> QRectF:
        return QRectF(8, 26.5, 10, max(10.0, self.height() - 26.5 - 8))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The bar and its ticks every 6, 12 or 24 dB."""
        p = QPainter(self)
        bar = self._bar()
        low, high = self._range
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        rgb = colours.grey_map() if self._grey else colours.colour_map()
        for i in range(33):
            gradient.setColorAt(i / 32, QColor(*rgb[round(i / 32 * (len(rgb) - 1))].tolist()))
        p.fillRect(bar, gradient)
        p.setPen(QColor(theme.ACCENT if self.hasFocus() else theme.LINE))
        p.drawRect(bar)
        font = QFont(self.font())
        font.setPixelSize(TICK_PX)
        p.setFont(font)
        p.setPen(QColor(theme.DIM))
        p.drawText(QRectF(0, 4, self.width() - 4, 18), Qt.AlignmentFlag.AlignCenter, "dB")
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        step = next((s for s in (3, 6, 12, 24) if bar.height() * s / (high - low) >= 48), 48)
        for db in range(math.ceil(low / step) * step, math.floor(high) + 1, step):
            y = min(max(bar.bottom() - (db - low) / (high - low) * bar.height(), bar.top() + 5), bar.bottom() - 5)
            p.drawText(QRectF(bar.right(), y - 8, self.width() - bar.right() - 5, 16), right, f"{db}".replace("-", "−"))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to drag."""
        self._drag = (event.position().y(), self._range)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Dragging up makes the picture brighter."""
        if self._drag:
            y, (low, high) = self._drag
            by = (event.position().y() - y) / self._bar().height() * (high - low)
            self._want(low + by, high + by)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End of the drag."""
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Back to the default."""
        self.range_wanted.emit(*colours.RANGE_DB)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """More or less contrast."""
        self._stretch(-event.angleDelta().y() / 40)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """The same by arrows; Home resets."""
        key, keys = event.key(), Qt.Key
        if key in (keys.Key_Up, keys.Key_Down):
            self._move(-3.0 if key == keys.Key_Up else 3.0)
        elif key in (keys.Key_Left, keys.Key_Right):
            self._stretch(6.0 if key == keys.Key_Left else -6.0)
        elif key == keys.Key_Home:
            self.range_wanted.emit(*colours.RANGE_DB)
        else:
            super().keyPressEvent(event)
