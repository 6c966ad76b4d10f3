"""Hands on the picture: what mouse, wheel and keys mean. Everything ends in a verb of the view, which everybody may call.

    ruler   press, drag       scrub                       keys  left right up down    pan
    picture click             hear from there                   + - (Ctrl: frequency) zoom
            drag (or Shift)   select a stretch in time          Home End              first, last page
            drag an edge      move that edge                    0                     whole song
            middle drag       pan                               Shift+left, right     grow the selection
            wheel             zoom in time                      [ ]                   selection begins, ends at the playhead
            Ctrl+wheel        zoom in frequency                 Return                hear from the view's middle or the selection
            Shift+wheel       pan                               Esc                   no selection
            double click      whole song

The first click of a double click moves the playhead, the second takes it back to where it was: to wait and see whether a second
one follows would make every click late.
"""

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent

if TYPE_CHECKING:
    from app.spectrogram_view import SpectrogramView

CLICK_PX = 4  # a press that moves less is a click
GRIP_PX = 5  # how near the edge of a selection one must be to take hold of it
Modifier = Qt.KeyboardModifier


class Canvas(pg.GraphicsView):
    """The plot's surface; hands every gesture to the view and nothing to pyqtgraph's own mouse handling."""

    focus_changed = Signal()

    def __init__(self, view: "SpectrogramView") -> None:
        super().__init__(view)
        self._view = view
        self._press: QPointF | None = None
        self._button = Qt.MouseButton.NoButton
        self._mode = ""  # "", "scrub", "press" (perhaps a click), "select", "pan"
        self._anchor_s = 0.0  # the fixed end of the selection that is dragged
        self._before_s: float | None = None  # where the playhead was before the last click; None if that was no click
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # ----------------------------------------------------------------------------------------------------------- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's names
        """Begin a gesture."""
        at, view = event.position(), self._view
        if self._mode or view.length_s <= 0:
            return
        self._press, self._button, self._before_s = at, event.button(), None
        if event.button() == Qt.MouseButton.MiddleButton:
            self._mode = "pan"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            edge = self._edge_at(at)
            if view.on_ruler(at):
                self._mode = "scrub"
                view.seek(view.time_at(at))
            elif edge is not None:
                self._mode, self._anchor_s = "select", edge
            elif view.on_picture(at):
                self._mode, self._anchor_s = "press", view.time_at(at)
                if event.modifiers() & Modifier.ShiftModifier and view.state.selection:  # grow what is selected up to here
                    start, end = view.state.selection
                    self._anchor_s = end if abs(self._anchor_s - start) < abs(self._anchor_s - end) else start
                    self._mode = "select"
                    view.select(self._anchor_s, view.time_at(at))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on with the gesture, or just point."""
        at, view = event.position(), self._view
        view.point(at if view.on_picture(at) else None)
        if self._press is None:
            on_edge = self._edge_at(at) is not None
            self.setCursor(Qt.CursorShape.SplitHCursor if on_edge else Qt.CursorShape.ArrowCursor)
            return
        if self._mode == "press" and abs(at.x() - self._press.x()) >= CLICK_PX:
            self._mode = "select"
        if self._mode == "scrub":
            view.seek(view.time_at(at))
        elif self._mode == "select":
            view.select(self._anchor_s, view.time_at(at))
        elif self._mode == "pan":
            view.pan_px(self._press.x() - at.x(), self._press.y() - at.y())
            self._press = at

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A press that never became a drag is a click: hear from there."""
        if event.button() != self._button:
            return
        if self._mode == "press":
            self._before_s = self._view.state.position_s
            self._view.seek(self._anchor_s)
        self._press, self._mode, self._button = None, "", Qt.MouseButton.NoButton
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The whole song, all frequencies; on the ruler a second press like any other."""
        if not self._view.on_picture(event.position()):
            self.mousePressEvent(event)
        elif event.button() == Qt.MouseButton.LeftButton:
            if self._before_s is not None:
                self._view.seek(self._before_s)
            self._view.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom around the cursor; sideways wheels and Shift pan."""
        view, at, delta = self._view, event.position(), event.angleDelta()
        steps, aside = delta.y() / 120.0, delta.x() / 120.0
        if event.modifiers() & (Modifier.ShiftModifier | Modifier.AltModifier):  # Alt: Qt has swapped the wheels
            view.pan(-(steps or aside) * 0.12)
        elif event.modifiers() & Modifier.ControlModifier:
            view.zoom_rows(1.2**-steps, view.row_at(at))
        else:
            if steps:
                view.zoom(1.25**-steps, view.time_at(at))
            if aside:
                view.pan(-aside * 0.12)
        view.point(at if view.on_picture(at) else None)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing is pointed at any more."""
        self._view.point(None)
        super().leaveEvent(event)

    def _edge_at(self, at: QPointF) -> float | None:
        """Near an edge of the selection: the time of the other edge, which stays."""
        selection = self._view.state.selection
        if not selection or not self._view.on_picture(at):
            return None
        near = [(abs(self._view.x_at(t) - at.x()), other) for t, other in (selection, selection[::-1])]
        distance, other = min(near)
        return other if distance <= GRIP_PX else None

    # ------------------------------------------------------------------------------------------------------------ keys

    def event(self, event: QEvent) -> bool:
        """Ctrl with plus and minus zooms in frequency here, though the window's own shortcuts zoom in time."""
        is_key = event.type() == QEvent.Type.ShortcutOverride and event.modifiers() & Modifier.ControlModifier
        if is_key and event.key() in {Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus}:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Everything that the mouse can do; what is not ours goes on to the window."""
        view, key, mods, keys = self._view, event.key(), event.modifiers(), Qt.Key
        shift, ctrl = bool(mods & Modifier.ShiftModifier), bool(mods & Modifier.ControlModifier)
        verbs = {
            keys.Key_Left: lambda: view.grow_selection(-1) if shift else view.pan(-0.1),
            keys.Key_Right: lambda: view.grow_selection(1) if shift else view.pan(0.1),
            keys.Key_Up: lambda: view.pan_rows(0.1),
            keys.Key_Down: lambda: view.pan_rows(-0.1),
            keys.Key_Plus: lambda: view.zoom_rows(1 / 1.25) if ctrl else view.zoom(1 / 1.5),
            keys.Key_Equal: lambda: view.zoom_rows(1 / 1.25) if ctrl else view.zoom(1 / 1.5),
            keys.Key_Minus: lambda: view.zoom_rows(1.25) if ctrl else view.zoom(1.5),
            keys.Key_Home: lambda: view.show_window(0.0, view.window[1] - view.window[0]),
            keys.Key_End: lambda: view.show_window(view.length_s - (view.window[1] - view.window[0]), view.length_s),
            keys.Key_0: view.show_all,
            keys.Key_BracketLeft: lambda: view.select_from_playhead(0),
            keys.Key_BracketRight: lambda: view.select_from_playhead(1),
            keys.Key_Return: view.seek_here,
            keys.Key_Escape: view.clear_selection,
        }
        verb = verbs.get(Qt.Key(key))
        if verb is None or view.length_s <= 0 or (key == keys.Key_Escape and view.state.selection is None):
            event.ignore()
            return
        verb()
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Not ours."""
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show it."""
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show it no more."""
        super().focusOutEvent(event)
        self.focus_changed.emit()
