"""What lies under the cursor: time, hertz and note, decibels, and whose it is. Without a mouse: the loudest cell at the playhead."""

import re
from html import escape

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from app import theme
from app.axes import clock, note
from app.binding import show
from app.state import State, StemLook
from engine.display_masks import Gains, Reading, loudest_hz, readout, remix_gains
from engine.masks import Masks

FIGURE_SPACE = "\u2007"  # as wide as a digit: the words stand still while numbers change
GAP = "\u00a0" * 2  # between two stems
LEAST_SHARE = 0.005  # less is written as 0 %
PLAYING_MS = 100  # how often it follows the playhead: faster cannot be read


def hz_text(hz: float) -> str:
    """Hertz with three or four significant digits: "87.3 Hz", "440 Hz", "3.52 kHz"."""
    if hz < 100:
        return f"{hz:.1f} Hz"
    return f"{hz:.0f} Hz" if hz < 1000 else f"{hz / 1000:.2f} kHz"


def db_text(db: float) -> str:
    """Whole half decibels: "−23.5 dB"; "below −96 dB" at the floor."""
    return "below −96 dB" if db == float("-inf") else f"{round(db * 2) / 2:.1f} dB".replace("-", "−")


def _numbers(shares: list[float | None]) -> str:
    """The share of a stem; of two results A's / B's, and nothing where neither gives it any: there is no room for that."""
    if len(shares) == 1:
        return "" if shares[0] is None else f"<b>{f'{shares[0]:.0%}'.ljust(4, FIGURE_SPACE)}</b>"
    a, b = ("–" if share is None else f"{100 * share:.0f}" for share in shares)
    if not any(share and share >= LEAST_SHARE for share in shares):
        return ""
    return f"<b>{a}</b> / <b>{b}</b>%{FIGURE_SPACE * (6 - len(a) - len(b))}"  # the words stand still


class ShareBar(QWidget):
    """Shares of the stems as one stacked bar; says them in words to screen readers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[list[tuple[StemLook, float]]] = [[]]
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Shares of the stems")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A slim bar."""
        return QSize(80, 12)

    def set_shares(self, *rows: list[tuple[StemLook, float]]) -> None:
        """Show these, 0..1 each, one bar or two (A above B); none while masks are not known."""
        self._rows = list(rows)
        said = [", ".join(f"{look.title} {share:.0%}" for look, share in row) or "not separated yet" for row in rows]
        self.setAccessibleDescription(said[0] if len(said) == 1 else f"A: {said[0]}; B: {said[1]}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """One piece a stem, in the order of the mixer, a gap of the ground's colour between two."""
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(theme.RAISED))
        p.drawRoundedRect(QRectF(self.rect()), 2, 2)
        height = (self.height() + 1) / len(self._rows)  # two bars have a pixel between them
        for i, row in enumerate(self._rows):
            x = 0.0
            for look, share in row:
                width = share * self.width()
                if width >= 0.75:
                    p.fillRect(QRectF(x, i * height, max(0.75, width - 1), height - 1), QColor(look.colour))
                x += width


class Readout(QWidget):
    """The strip; `point` takes what SpectrogramView.pointed says."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._at: tuple[float, float] | None = None
        self.setAccessibleName("Readout")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(8)
        self._where = self._label("0:00.000", "Time")
        self._hz = self._label("20.00 kHz", "Frequency")
        self._note = self._label("A♯10 −50 ct", "Note")
        self._db = self._label("below −96 dB", "Level")
        self._bar = ShareBar()
        self._stems = QLabel()
        self._stems.setAccessibleName("Shares of the stems in words")
        self._stems.setTextFormat(Qt.TextFormat.RichText)
        for widget in (self._where, self._hz, self._note, self._db, self._bar, self._stems):
            row.addWidget(widget)
        row.addStretch(1)
        self._later = QTimer(self, interval=PLAYING_MS, singleShot=True)
        self._later.timeout.connect(self._refresh)
        for name in ("picture", "masks", "compared", "stems", "position_s", "mix", "follow_faders"):
            show(self, state, name, self._soon)
        self._refresh()

    def _label(self, widest: str, name: str) -> QLabel:
        label = QLabel()
        label.setAccessibleName(name)
        label.setMinimumWidth(QFontMetrics(label.font()).horizontalAdvance(widest) + 4)
        return label

    def _soon(self, _: object) -> None:
        if not self._later.isActive():
            self._later.start()

    @Slot(object)
    def point(self, at: tuple[float, float] | None) -> None:
        """(t_s, hz) under the cursor, or None when it is elsewhere."""
        if at != self._at:
            self._at = at
            self._refresh()

    @Slot()
    def _refresh(self) -> None:
        picture, compared = self._state.picture, self._state.compared
        masks = [compared.a.masks, compared.b.masks] if compared else [self._state.masks]
        at = self._at
        readings: list[Reading | None] = [None] * len(masks)
        if picture is not None and at is None:
            hz = loudest_hz(picture, self._state.position_s)
            at = (self._state.position_s, hz) if hz else None
        if picture is not None and at is not None:
            readings = [readout(picture, of_one, *at, gains=self._gains(of_one)) for of_one in masks]
        self._say(at, readings)

    def _gains(self, masks: Masks | None) -> Gains | None:
        """What the faders do to the cell, where the picture follows them."""
        state = self._state
        if masks is None or state.song is None or not state.follow_faders:
            return None
        return remix_gains(state.mix, masks.stems, state.song.n_channels)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width has room for more or fewer stems."""
        super().resizeEvent(event)
        self._soon(None)

    def _pixels(self, plain: str, html: str) -> int:
        """Width of a stem's words with the gap behind them; html holds its numbers."""
        font = QFont(self._stems.font())
        font.setBold(True)
        numbers = re.sub("<[^>]*>", "", html)
        return QFontMetrics(self._stems.font()).horizontalAdvance(plain + GAP) + QFontMetrics(font).horizontalAdvance(numbers)

    def _fitted(self, words: list[tuple[float, str, int]]) -> list[str]:
        """Those with the largest shares that there is room for, in the order of the mixer: (share, html, pixels) -> html."""
        room = self.width() - self._bar.geometry().right() - 2 * self.layout().spacing() - self._pixels("…", "")
        kept: list[int] = []
        for i in sorted(range(len(words)), key=lambda i: -words[i][0]):
            room -= words[i][2]
            if room < 0 and kept:
                break
            kept.append(i)
        return [words[i][1] for i in sorted(kept)]

    def _say(self, at: tuple[float, float] | None, readings: list[Reading | None]) -> None:
        compared = self._state.compared
        reading = readings[1 if compared and compared.heard == "b" else 0]
        self._where.setText(clock(at[0], 3) if at else "–")
        self._hz.setText(hz_text(at[1]) if at else "–")
        self._note.setText(note(at[1]) if at else "")
        self._db.setText(db_text(reading.db) if reading else "–")
        looks = {look.name: look for look in self._state.stems}
        rows = [[(look, r.shares[s]) for s, look in looks.items() if s in r.shares] if r else [] for r in readings]
        self._bar.set_shares(*rows)
        dot = "<span style='color:{}'>●</span> <span style='white-space:pre'>{} {}</span>"
        shares = {look: [dict(row).get(look) for row in rows] for look in looks.values()}
        stems = []
        for look, of_stem in shares.items():
            if said := _numbers(of_stem):
                html = dot.format(look.colour, escape(look.title), said)
                stems.append((max(share or 0.0 for share in of_stem), html, self._pixels(f"● {look.title} ", said)))
        fitted = self._fitted(stems)
        unknown = f"<span style='color:{theme.DIM}'>not separated yet</span>" if reading else ""
        n_owners = sum(share >= LEAST_SHARE for share, _, _ in stems)
        self._stems.setText(GAP.join(fitted + ["…"] * (len(fitted) < n_owners)) or unknown)
        self._stems.setToolTip("<br>".join(html for _, html, _ in stems))
        words = [self._where.text(), self._hz.text(), self._note.text(), self._db.text(), self._bar.accessibleDescription()]
        self.setAccessibleDescription(", ".join(w for w in words if w and w != "–"))
