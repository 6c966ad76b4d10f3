"""The null badge: whether the output is the mix, sample for sample, and how far it is from it otherwise."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app import theme
from app.binding import show
from app.state import NullState, State


def _db(db: float) -> str:
    return f"{db:.1f} dB".replace("-", "−") if abs(db) < 99.95 else f"{db:.0f} dB".replace("-", "−")


def beside_the_mix(db: float) -> str:
    """How loud something is beside the mix (RMS, in dB of it), in words.

    >>> beside_the_mix(-18.3), beside_the_mix(-0.01), beside_the_mix(2.0)
    ('lies 18.3 dB below the mix', 'is as loud as the mix', 'lies 2.0 dB above the mix')
    """
    if abs(db) < 0.05:
        return "is as loud as the mix"
    return f"lies {_db(abs(db))} {'below' if db < 0 else 'above'} the mix"


def badge_text(null: NullState | None) -> tuple[str, str, str]:
    """What the badge says: a first line, a second line and the colour of its light.

    >>> badge_text(NullState(True, 5336100, 0, -301.2))[:2]
    ('NULL  0 of 5,336,100 samples differ', 'stems sum within −301 dB')
    >>> badge_text(NullState(False, distance_db=-18.3))[0]
    'the change lies 18.3 dB below the mix'
    """
    stems = null.stems_sum_db if null else None
    if stems is None or math.isnan(stems):
        second = "stems not measured yet"
    elif stems == -math.inf:
        second = "stems sum exactly"
    else:
        second = f"stems sum within {_db(stems)}"
    if null is None or (null.is_neutral and null.n_compared == 0) or (not null.is_neutral and null.distance_db is None):
        return "null not measured yet", second, theme.FAINT
    if not null.is_neutral:
        if null.distance_db == -math.inf:
            return "remix does not differ from the mix", second, theme.ACCENT
        return f"the change {beside_the_mix(null.distance_db)}", second, theme.ACCENT
    counted = f"{null.n_different:,} of {null.n_compared:,} samples differ"
    return (f"NULL  {counted}", second, theme.GOOD) if null.n_different == 0 else (f"NOT NULL  {counted}", second, theme.CLIP)


class NullBadge(QAbstractButton):
    """Two lines and a light; `clicked` asks for the null report."""

    WIDEST = "the change lies 188.8 dB below the mix"

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("null-badge")
        self.setFixedHeight(40)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)  # narrower: the lines end in ...
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        show(self, state, "null", self._show)

    def _show(self, null: NullState | None) -> None:
        first, second, _ = badge_text(null)
        self.setText(f"{first}\n{second}")
        self.setAccessibleName("Null test")
        self.setAccessibleDescription(f"{first}; {second}. Press Enter for the report")
        how = "<br>The change is remix minus mix, by RMS" if null and not null.is_neutral and null.distance_db is not None else ""
        self.setToolTip(f"{first}<br>{second}{how}<br>Click for the null report")
        self.updateGeometry()
        self.update()

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.digits(self.font(), 12), theme.digits(self.font(), 11)

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        first, second = self._fonts()
        lines = self.text().split("\n")
        bold = QFont(first)
        bold.setBold(True)
        wide = max(QFontMetricsF(first).horizontalAdvance(self.WIDEST), QFontMetricsF(first).horizontalAdvance(lines[0]) + 12,
                   QFontMetricsF(second).horizontalAdvance(lines[1]))  # fmt: skip
        return QSize(math.ceil(wide) + 40, 40)

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return QSize(160, 40)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802 - Qt's
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:  # Space may be the window's, to play
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        first, second, light = badge_text(self._state.null)
        p, (large, small) = QPainter(self), self._fonts()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        edge = theme.ACCENT if self.hasFocus() else theme.FAINT if self.underMouse() else theme.LINE
        p.setPen(QPen(QColor(edge), 2 if self.hasFocus() else 1))
        p.setBrush(QColor(theme.RAISED if self.isDown() else theme.PANEL))
        p.drawRoundedRect(box if self.hasFocus() else box.adjusted(-0.5, -0.5, 0.5, 0.5), 4, 4)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(light))
        p.drawEllipse(QPointF(16, 14), 4, 4)
        x, room = 28.0, self.width() - 40.0
        p.setFont(large)
        p.setPen(QColor(light if light in {theme.GOOD, theme.CLIP} else theme.TEXT if light == theme.ACCENT else theme.DIM))
        for word in first.split("  "):  # NULL in bold, then the count
            font = QFont(large)
            font.setBold(word.isupper())
            p.setFont(font)
            metrics = QFontMetricsF(font)
            word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, room - (x - 28.0))
            p.drawText(QPointF(x, 18), word)
            x += metrics.horizontalAdvance(word) + 8
        p.setFont(small)
        p.setPen(QColor(theme.DIM))
        p.drawText(QPointF(28, 33), QFontMetricsF(small).elidedText(second, Qt.TextElideMode.ElideRight, room))
