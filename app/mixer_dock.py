"""The mixer beside or under the picture; beside it, it has the room its strips need, until the user draws its edge elsewhere."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from app.mixer_panel import MixerPanel
from app.null_badge import NullBadge

EDGE_PX = 8  # between the picture and the mixer, to draw at
SETTLED_MS = 60  # a dock that was just shown takes two rounds of the layout before it can be resized


class MixerDock(QDockWidget):
    """The null badge above the mixer."""

    def __init__(self, badge: NullBadge, mixer: MixerPanel, transport: QWidget, window: QMainWindow) -> None:
        """`transport` stands under the picture and keeps its width."""
        super().__init__("Mixer", window)
        self.setObjectName("mixer dock")
        self._window, self._mixer, self._transport = window, mixer, transport
        self._n_strips = 0
        self._fitted = 0  # pixels that it was given last
        self._is_drawn = False  # the user drew the edge to where it is
        self._settled = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settled.timeout.connect(self._fit)
        self.setTitleBarWidget(QWidget())  # a bar that says "Mixer" over a mixer would only take room
        self.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(8, 8, 8, 0)
        top.addWidget(badge, 1)
        column.addLayout(top)
        column.addWidget(mixer, 1)
        self.setWidget(side)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        window.installEventFilter(self)

    @property
    def is_below(self) -> bool:
        """Whether it lies under the picture (wide songs) and not beside it (tall faders)."""
        return self._window.dockWidgetArea(self) == Qt.DockWidgetArea.BottomDockWidgetArea

    def put_below(self, below: bool) -> None:
        """Under the picture, or beside it."""
        area = Qt.DockWidgetArea.BottomDockWidgetArea if below else Qt.DockWidgetArea.RightDockWidgetArea
        self._window.addDockWidget(area, self)
        self._settled.start()

    def make_room(self, n_strips: int) -> None:
        """For so many strips; where they are as many as before the edge stays where it is."""
        if n_strips and n_strips != self._n_strips:
            self._is_drawn = False
            if not self.is_below:
                self.widget().setMinimumWidth(self._room())  # at once; from then on it may be drawn narrower
            self._settled.start()
        self._n_strips = n_strips

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A window of another size has other room for the mixer; a button that is let go of on the window itself drew an edge."""
        if watched is self._window:
            if event.type() == QEvent.Type.Resize:
                self._settled.start()
            elif event.type() == QEvent.Type.MouseButtonRelease and self.width() != self._fitted:
                self._is_drawn = True
        return super().eventFilter(watched, event)

    def _room(self) -> int:
        """Pixels for all strips, at most what the transport leaves of the window, which would grow; the rest of the strips scrolls."""
        beside = self._window.width() - self._transport.minimumSizeHint().width() - EDGE_PX
        return max(0, min(self._mixer.full_width(), beside))

    @Slot()
    def _fit(self) -> None:
        self.widget().setMinimumWidth(0)
        if self._n_strips and not self._is_drawn and not self.is_below:
            self._window.resizeDocks([self], [self._room()], Qt.Orientation.Horizontal)
            self._fitted = self.width()
