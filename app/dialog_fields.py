"""Fields of forms as the theme wants them: arrows and ticks are painter paths, because a style sheet knows only picture files."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from app import icons, theme

STYLE = f"""
QComboBox {{ padding: 2px 24px 2px 6px; }}
QComboBox:focus {{ padding: 1px 23px 1px 5px; }}
QComboBox::drop-down {{ border: 0; width: 24px; }}
QComboBox::down-arrow {{ image: none; }}
QComboBox:disabled, QDoubleSpinBox:disabled, QSpinBox:disabled {{
  background: {theme.PANEL}; color: {theme.DIM}; border-color: {theme.RAISED};
}}
QComboBox QAbstractItemView {{
  background: {theme.RAISED}; border: 1px solid {theme.LINE}; outline: 0; padding: 4px;
  selection-background-color: {theme.ON}; selection-color: {theme.TEXT};
}}
QComboBox QAbstractItemView::item:selected {{ background: {theme.ON}; color: {theme.TEXT}; }}
QDoubleSpinBox, QSpinBox {{ padding: 2px 20px 2px 4px; }}
QDoubleSpinBox:focus, QSpinBox:focus {{ padding: 1px 19px 1px 3px; }}
QDoubleSpinBox::up-button, QSpinBox::up-button {{ subcontrol-position: top right; border: 0; width: 20px; }}
QDoubleSpinBox::down-button, QSpinBox::down-button {{ subcontrol-position: bottom right; border: 0; width: 20px; }}
QDoubleSpinBox::up-arrow, QSpinBox::up-arrow, QDoubleSpinBox::down-arrow, QSpinBox::down-arrow {{ image: none; }}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {theme.FAINT}; border-radius: 3px; background: {theme.WINDOW}; }}
QCheckBox::indicator:checked {{ background: {theme.ACCENT}; border-color: {theme.ACCENT}; }}
QCheckBox::indicator:focus {{ border: 2px solid {theme.ACCENT}; width: 12px; height: 12px; }}
QCheckBox::indicator:disabled {{ border-color: {theme.LINE}; background: {theme.PANEL}; }}
QCheckBox:disabled {{ color: {theme.FAINT}; }}
"""


def _arrow(widget: QWidget, centre: QPointF, size: float, up: bool = False) -> None:
    painter = QPainter(widget)
    painter.translate(centre)
    if up:
        painter.rotate(180)
    ink = theme.DIM if widget.isEnabled() else theme.LINE
    icons.paint(painter, "down", QRectF(-size / 2, -size / 2, size, size), ink)


class Combo(QComboBox):
    """A list that opens; the wheel does nothing to it unless it has the focus."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: object) -> None:  # noqa: D102, N802 - Qt's
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802 - Qt's
        super().paintEvent(event)
        _arrow(self, QPointF(self.width() - 14, self.height() / 2), 16)


class _Spin:
    """The two arrows of a number field."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.lineEdit().setTextMargins(4, 0, 0, 0)  # in line with the text of other fields

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's
        super().paintEvent(event)
        for up in (True, False):
            _arrow(self, QPointF(self.width() - 11, self.height() / 2 + (-5 if up else 5)), 12, up)


class Number(_Spin, QDoubleSpinBox):
    """A field for a number with decimals."""


class WholeNumber(_Spin, QSpinBox):
    """A field for a whole number."""


class Tick(QCheckBox):
    """A box to tick."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802 - Qt's
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme.WINDOW), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
            middle = self.height() / 2
            painter.drawPolyline(QPolygonF([QPointF(4.5, middle), QPointF(7, middle + 3), QPointF(11.5, middle - 3)]))
