"""The icons, all our own: painter paths on a grid of 16 by 16, drawn anew at every size and scale."""

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPainterPathStroker, QPixmap, QPolygonF, QTransform

from app import theme

GRID = 16.0
SIZES, SCALES = (16, 20, 24), (1.0, 1.25, 1.5, 2.0)


def _polygon(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    path.closeSubpath()
    return path


def _box(x: float, y: float, width: float, height: float, radius: float = 0.5) -> QPainterPath:
    path = QPainterPath()
    path.addRoundedRect(QRectF(x, y, width, height), radius, radius)
    return path


def _stroked(path: QPainterPath, width: float = 1.5) -> QPainterPath:
    pen = QPainterPathStroker()
    pen.setWidth(width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen.createStroke(path).simplified()


def _lines(*lines: tuple[tuple[float, float], ...], width: float = 1.5) -> QPainterPath:
    path = QPainterPath()
    for first, *rest in lines:
        path.moveTo(*first)
        for point in rest:
            path.lineTo(*point)
    return _stroked(path, width)


def _circle(x: float, y: float, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(x, y), radius, radius)
    return path


def _loop() -> QPainterPath:
    """Two halves of a rounded track, each with its arrow head."""
    track = QPainterPath()
    track.moveTo(2, 9)
    track.lineTo(2, 7)
    track.quadTo(2, 4, 5, 4)
    track.lineTo(11, 4)
    track.moveTo(14, 7)
    track.lineTo(14, 9)
    track.quadTo(14, 12, 11, 12)
    track.lineTo(5, 12)
    heads = _polygon((10, 1), (14, 4), (10, 7)).united(_polygon((6, 9), (2, 12), (6, 15)))
    return _stroked(track).united(heads)


def _overlay() -> QPainterPath:
    """An eye."""
    lids = QPainterPath()
    lids.moveTo(1.25, 8)
    lids.quadTo(8, 0.5, 14.75, 8)
    lids.quadTo(8, 15.5, 1.25, 8)
    return _stroked(lids).united(_circle(8, 8, 2.25))


def _follow() -> QPainterPath:
    """A fader beside what follows it."""
    wave = QPainterPath()
    wave.moveTo(7.5, 11)
    wave.cubicTo(9.5, 11, 9.5, 5, 11.5, 5)
    wave.cubicTo(13, 5, 13, 8, 14.5, 8)
    return _lines(((3.5, 2), (3.5, 14))).united(_box(1, 6, 5, 3.5, 1)).united(_stroked(wave))


def _open() -> QPainterPath:
    """A folder."""
    outline = QPainterPath()
    outline.moveTo(1.75, 12.5)
    for x, y in ((1.75, 3.5), (6, 3.5), (7.5, 5.25), (14.25, 5.25), (14.25, 12.5)):
        outline.lineTo(x, y)
    outline.closeSubpath()
    return _stroked(outline).united(_lines(((1.75, 7.75), (14.25, 7.75)), width=1.0))


def _export() -> QPainterPath:
    """Out of the tray, upwards."""
    return _lines(((2, 10), (2, 14), (14, 14), (14, 10)), ((8, 10.5), (8, 2.5)), ((4.75, 5.5), (8, 2.25), (11.25, 5.5)))


def _undo() -> QPainterPath:
    """An arrow that turns back."""
    bow = QPainterPath()
    bow.moveTo(3, 6)
    bow.lineTo(9.75, 6)
    bow.arcTo(QRectF(5.75, 6, 8, 7.5), 90, -180)
    bow.lineTo(6, 13.5)
    return _stroked(bow).united(_lines(((6, 2.75), (2.5, 6), (6, 9.25))))


def _gear() -> QPainterPath:
    """Eight teeth round a hole."""
    wheel = _circle(8, 8, 5)
    for i in range(8):
        turn = QTransform().translate(8, 8).rotate(45 * i)
        wheel = wheel.united(turn.map(_polygon((-1.5, -4), (-1.0, -7.25), (1.0, -7.25), (1.5, -4))))
    return wheel.subtracted(_circle(8, 8, 2.25))


def _differ() -> QPainterPath:
    """Two circles without what both cover."""
    one, other = _circle(5.75, 8, 4.5), _circle(10.25, 8, 4.5)
    return one.united(other).subtracted(one.intersected(other))


PATHS: dict[str, Callable[[], QPainterPath]] = {
    "play": lambda: _polygon((4, 2), (14, 8), (4, 14)),
    "pause": lambda: _box(3, 2, 3.5, 12).united(_box(9.5, 2, 3.5, 12)),
    "stop": lambda: _box(3, 3, 10, 10, 1),
    "to_start": lambda: _box(2, 2, 2, 12).united(_polygon((14, 2), (14, 14), (5, 8))),
    "loop": _loop,
    "overlay": _overlay,
    "follow": _follow,
    "differ": _differ,
    "open": _open,
    "export": _export,
    "undo": _undo,
    "redo": lambda: QTransform(-1, 0, 0, 1, GRID, 0).map(_undo()),
    "gear": _gear,
    "cancel": lambda: _lines(((4, 4), (12, 12)), ((12, 4), (4, 12))),
    "down": lambda: _lines(((4.5, 6.5), (8, 10), (11.5, 6.5))),
}


@cache
def path(name: str) -> QPainterPath:
    """The outline of an icon on the grid, to be filled."""
    return PATHS[name]()


def paint(painter: QPainter, name: str, box: QRectF, colour: str) -> None:
    """Fill the icon into a box."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / GRID, box.height() / GRID)
    painter.fillPath(path(name), QColor(colour))
    painter.restore()


def icon(name: str, colour: str = theme.TEXT, on_colour: str | None = None) -> QIcon:
    """The icon for buttons and menus, drawn for every usual size and scale; on_colour where it is checked."""
    made = QIcon()
    looks = [(QIcon.Mode.Normal, QIcon.State.Off, colour), (QIcon.Mode.Disabled, QIcon.State.Off, theme.FAINT)]
    if on_colour:
        looks.append((QIcon.Mode.Normal, QIcon.State.On, on_colour))
    for mode, state, ink in looks:
        for size in SIZES:
            for scale in SCALES:
                made.addPixmap(_pixmap(name, ink, size, scale), mode, state)
    return made


def _pixmap(name: str, colour: str, size: int, scale: float) -> QPixmap:
    pixmap = QPixmap(round(size * scale), round(size * scale))
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint(painter, name, QRectF(0, 0, size, size), colour)
    painter.end()
    return pixmap
