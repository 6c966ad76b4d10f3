"""True-peak meters, and the scale in decibels that they share with the faders beside them.

The law, as a picture of a scale 200 pixels long (0 dB at three quarters, about 0.25 dB a pixel around it):

    +12 dB  1.00
      0 dB  0.75   p = ((dB + 72) / 84) ** k,   k so that p(0) = 0.75
    -12 dB  0.53
    -24 dB  0.35
    -48 dB  0.10
   -inf dB  0.00   (-72 dB and below)
"""

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app import theme
from app.binding import show
from app.state import Levels, State

MAX_DB, FLOOR_DB, ZERO_AT = 12.0, -72.0, 0.75
_K = math.log(ZERO_AT) / math.log(-FLOOR_DB / (MAX_DB - FLOOR_DB))
TICKS_DB = (12.0, 6.0, 0.0, -6.0, -12.0, -24.0, -36.0, -48.0, -math.inf)
TOP, BOTTOM = 16, 12  # pixels above the highest and below the lowest point, the same in fader and meter


def place(db: float) -> float:
    """Decibels -> place on the fader, 0 at the bottom .. 1 at the top.

    >>> place(0.0), place(12.0), place(-math.inf)
    (0.75, 1.0, 0.0)
    """
    if db <= FLOOR_DB:
        return 0.0
    return min(1.0, ((db - FLOOR_DB) / (MAX_DB - FLOOR_DB)) ** _K)


def db_at(place_: float) -> float:
    """The inverse of `place`: the bottom is -inf."""
    if place_ <= 0.0:
        return -math.inf
    return FLOOR_DB + (MAX_DB - FLOOR_DB) * min(1.0, place_) ** (1.0 / _K)


def db_text(db: float, n_digits: int = 1) -> str:
    """How decibels are written: +1.5, 0.0, −3.0, −∞.

    >>> db_text(1.5), db_text(-0.04), db_text(-3), db_text(-math.inf)
    ('+1.5', '0.0', '−3.0', '−∞')
    """
    if db == -math.inf:
        return "−∞"
    text = f"{db:+.{n_digits}f}"
    if float(text) == 0.0:
        return f"{0:.{n_digits}f}"
    return text.replace("-", "−")


FALL_DB_S, HOLD_S, FRAME_MS = 26.0, 1.5, 33
LEAST_PX = 32  # shorter bars say nothing
SETTLE_MS = 300  # blocks that were made before the output was changed still arrive


class Channel:
    """One bar of a meter: rises at once, falls smoothly, holds its peak, remembers its highest and whether it clipped."""

    def __init__(self) -> None:
        self.level_db = self.hold_db = self.max_db = -math.inf
        self.clipped = False
        self._at = self._hold_until = -math.inf

    def feed(self, peak: float, now: float) -> None:
        """A new true peak (linear), measured up to now (seconds)."""
        self.fall(now)
        db = 20.0 * math.log10(peak) if peak > 0.0 else -math.inf
        self.level_db = max(self.level_db, db)
        if db >= self.hold_db:
            self.hold_db, self._hold_until = db, now + HOLD_S
        self.max_db = max(self.max_db, db)
        self.clipped |= peak > 1.0

    def fall(self, now: float) -> None:
        """Let time pass."""
        step = FALL_DB_S * max(0.0, now - self._at) if self._at > -math.inf else 0.0
        self._at = now
        self.level_db -= step
        if now > self._hold_until:
            self.hold_db = max(self.hold_db - step, self.level_db)

    @property
    def is_at_rest(self) -> bool:
        """Whether time changes nothing any more."""
        return self.level_db <= FLOOR_DB and self.hold_db <= FLOOR_DB


class Meter(QWidget):
    """The meter of a stem, or of the master where stem is None; upright beside a fader, or lying.

    Its state of its own is what a meter is: how far the bars have fallen, the peak hold and the clip lights.
    """

    clipping_changed = Signal(bool)

    def __init__(self, state: State, stem: str | None, *, foot: int = 0, lying: bool = False, clock: Callable[[], float] = time.monotonic,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        """foot: pixels below the bars (upright) or right of them (lying) that hold the highest peak in figures."""
        super().__init__(parent)
        self._state, self._stem, self._foot, self._lying, self._clock = state, stem, foot, lying, clock
        self._channels: list[Channel] = []
        self._painted: object = None
        self._colour = theme.DIM if stem is None else theme.TEXT
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._tick)
        self.setObjectName(f"meter-{stem or 'master'}")
        if lying:
            self.setMinimumSize(72 + foot, 20)
        else:
            self.setMinimumSize(36, TOP + BOTTOM + foot + 64)
        self.setTitle(stem.capitalize() if stem else "Master")
        show(self, state, "levels", self._feed)
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self.reset)
        if stem is None:
            show(self, state, "output_db", self._begin_anew)  # what was measured before no longer holds
            show(self, state, "song", self._begin_anew)

    def setTitle(self, title: str) -> None:  # noqa: N802 - beside Qt's setters
        """Name it for screen readers and the tool tip."""
        self._title = title
        self.setAccessibleName(f"{title} meter")
        self._describe()

    def set_colour(self, colour: str) -> None:
        """Colour of the bars, #rrggbb."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(120 + self._foot, 20) if self._lying else QSize(36, 220 + self._foot)

    # ---------------------------------------------------------------------------------------------------- levels

    @property
    def is_clipping(self) -> bool:
        """Whether a clip light is on."""
        return any(channel.clipped for channel in self._channels)

    @property
    def max_db(self) -> float:
        """The highest true peak since the last reset, dBFS."""
        return max((channel.max_db for channel in self._channels), default=-math.inf)

    @Slot()
    def reset(self) -> None:
        """Clip lights out, highest peak forgotten."""
        was = self.is_clipping
        for channel in self._channels:
            channel.clipped, channel.max_db = False, -math.inf
        self._describe()
        self._repaint_if_changed()
        if was:
            self.clipping_changed.emit(False)

    def _begin_anew(self, _: object) -> None:
        self.reset()
        self._settle.start()

    def _feed(self, levels: Levels | None) -> None:
        peaks = () if levels is None else levels.master if self._stem is None else levels.stems.get(self._stem, ())
        if not peaks:
            return
        if len(peaks) != len(self._channels):
            self._channels = [Channel() for _ in peaks]
        was, now = self.is_clipping, self._clock()
        for channel, peak in zip(self._channels, peaks, strict=True):
            channel.feed(peak, now)
        if not self._timer.isActive() and not all(channel.is_at_rest for channel in self._channels):
            self._timer.start()
        if self.is_clipping and not was:
            self._describe()
            self.clipping_changed.emit(True)

    def _describe(self) -> None:
        clipping = self.is_clipping
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if clipping else Qt.FocusPolicy.NoFocus)
        what = "has been over full scale; press Enter to reset" if clipping else "has not been over full scale"
        self.setAccessibleDescription(f"True peak {what}")
        self.setToolTip(f"<b>{self._title}</b>: true peak in dBFS, held {HOLD_S:g} s; the figure is the highest so far.<br>"
                        "Red: over full scale. Click (or Enter) to reset.")  # fmt: skip

    @Slot()
    def _tick(self) -> None:
        now = self._clock()
        for channel in self._channels:
            channel.fall(now)
        self._repaint_if_changed()
        if all(channel.is_at_rest for channel in self._channels):
            self._timer.stop()

    def _repaint_if_changed(self) -> None:
        length = self._bars().width() if self._lying else self._bars().height()
        seen = [(round(place(c.level_db) * length), round(place(c.hold_db) * length), c.clipped, db_text(c.max_db)) for c in self._channels]
        if seen != self._painted:
            self._painted = seen
            self.update()

    # ------------------------------------------------------------------------------------------------- handling

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.reset()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------------------------------------- painting

    def _bars(self) -> QRectF:
        if self._lying:
            return QRectF(2, 2, self.width() - self._foot - 14, self.height() - 4)
        return QRectF(8, TOP, self.width() - 16, self.height() - TOP - BOTTOM - self._foot)

    def _along(self, bar: QRectF, low: float, high: float) -> QRectF:
        """The part of a bar between two places of the scale."""
        if self._lying:
            return QRectF(bar.left() + low * bar.width(), bar.top(), (high - low) * bar.width(), bar.height())
        return QRectF(bar.left(), bar.bottom() - high * bar.height(), bar.width(), (high - low) * bar.height())

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p, area, on = QPainter(self), self._bars(), self.isEnabled()
        if self._lying and area.width() < LEAST_PX:
            return  # there is no room for it
        channels = self._channels or [Channel(), Channel()]
        gap, n = 2.0, len(channels)
        thick = ((area.height() if self._lying else area.width()) - gap * (n - 1)) / n
        for i, channel in enumerate(channels):
            shift = i * (thick + gap)
            lying = QRectF(area.left(), area.top() + shift, area.width(), thick)
            upright = QRectF(area.left() + shift, area.top(), thick, area.height())
            self._paint_bar(p, lying if self._lying else upright, channel, on)
        if self.hasFocus():
            p.setPen(QPen(QColor(theme.ACCENT), 2))
            p.drawRect(area.adjusted(-3, -3, 11, 3) if self._lying else area.adjusted(-3, -13, 3, 3))
        if self._foot:
            self._paint_figure(p, on)

    def _paint_bar(self, p: QPainter, bar: QRectF, channel: Channel, on: bool) -> None:
        ground = theme.RAISED if self._lying else theme.WINDOW  # against what it lies on
        p.fillRect(bar, QColor(ground))
        level = place(channel.level_db) if on else 0.0
        p.fillRect(self._along(bar, 0.0, min(level, ZERO_AT)), QColor(self._colour).darker(118))  # calmer than the swatch
        if level > ZERO_AT:
            p.fillRect(self._along(bar, ZERO_AT, level), QColor(theme.CLIP))
        zero = self._along(bar, ZERO_AT, ZERO_AT)
        p.fillRect(zero.adjusted(-1, 0, 0, 0) if self._lying else zero.adjusted(0, 0, 0, 1), QColor(theme.LINE))
        hold = place(channel.hold_db) if on else 0.0
        if hold > 0.0:
            at = self._along(bar, hold, hold)
            line = at.adjusted(-1, 0, 1, 0) if self._lying else at.adjusted(0, -1, 0, 1)
            p.fillRect(line, QColor(theme.CLIP if hold > ZERO_AT else theme.TEXT))
        light = QRectF(bar.right() + 4, bar.top(), 6, bar.height()) if self._lying else QRectF(bar.left(), bar.top() - 10, bar.width(), 6)
        p.fillRect(light, QColor(theme.CLIP if channel.clipped and on else theme.RAISED))

    def _paint_figure(self, p: QPainter, on: bool) -> None:
        p.setFont(theme.digits(self.font(), 11))
        p.setPen(QColor(theme.FAINT if not on else theme.CLIP if self.is_clipping else theme.DIM))
        text = db_text(self.max_db) if self.max_db > -100.0 else "–"
        if self._lying:
            box = QRectF(self.width() - self._foot, 0, self._foot, self.height())
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        else:
            p.drawText(QRectF(0, self.height() - 24, self.width(), 24), Qt.AlignmentFlag.AlignCenter, text)
