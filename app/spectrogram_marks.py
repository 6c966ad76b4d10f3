"""What lies over the picture: the playhead and the selection. Moving either repaints only its own strip."""

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app import theme


class Playhead(pg.GraphicsObject):
    """A thin line with a flag at the top; x in seconds."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__()
        self._box = box
        self.setZValue(20)
        box.addItem(self, ignoreBounds=True)
        self.setFlag(self.GraphicsItemFlag.ItemIgnoresTransformations)
        box.sigResized.connect(self.prepareGeometryChange)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """In pixels around (position, top of the view), downwards."""
        return QRectF(-7, -1, 14, self._box.height() + 2)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """A dark edge keeps the white line readable on bright cells."""
        height = self._box.height()
        painter.fillRect(QRectF(-1.5, 0, 3, height), QColor(0, 0, 0, 110))
        painter.fillRect(QRectF(-0.5, 0, 1, height), QColor(theme.TEXT))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 140), 1))
        painter.setBrush(QColor(theme.TEXT))
        painter.drawPolygon(QPolygonF([QPointF(-6, 0), QPointF(6, 0), QPointF(0, 8)]))

    def place(self, t_s: float, top_row: float) -> None:
        """Stand at a time; top_row is the row at the upper edge of the view."""
        self.setPos(t_s, top_row)


class Selection(pg.GraphicsObject):
    """The selected stretch: lightly lit between two edges, the rest a little darker."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__()
        self._box = box
        self._span: tuple[float, float] | None = None
        self.setZValue(10)
        box.addItem(self, ignoreBounds=True)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Everything in sight: the rest of the song is darkened too."""
        return self.viewRect() if self._span else QRectF()

    def show_span(self, span: tuple[float, float] | None) -> None:
        """Mark (start_s, end_s), or nothing."""
        if span != self._span:
            self.prepareGeometryChange()
            self._span = span
            self.update()

    def viewRangeChanged(self, *args: object) -> None:  # noqa: N802 - pyqtgraph's name
        """The view moved: the bounds go with it."""
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """Two shades and two edges."""
        if not self._span:
            return
        view, (start, end) = self.viewRect(), self._span
        shade = QColor(8, 9, 11, 120)
        for a, b in ((view.left(), min(start, view.right())), (max(end, view.left()), view.right())):
            if b > a:
                painter.fillRect(QRectF(a, view.top(), b - a, view.height()), shade)
        pen = QPen(QColor(theme.ACCENT), 1.5)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        for at in (start, end):
            if view.left() <= at <= view.right():
                painter.drawLine(QPointF(at, view.top()), QPointF(at, view.bottom()))
