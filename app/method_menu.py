"""The Method menu: groups with headings, what each method is good for under the list, and why one cannot be chosen."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QMouseEvent
from PySide6.QtWidgets import QLabel, QMenu, QWidgetAction

from app import theme
from app.binding import show
from app.state import Compared, State
from engine.types import MethodInfo

WhyNot = Callable[[MethodInfo], str]
HEADINGS = {"built-in": "Built-in", "spatial": "Spatial: by place between left and right", "classic": "Classic: by kinds of sound"}
RESEARCH = "Research networks"  # many of them, so they have a menu of their own
HINT = "Point at a method to read what it is good for."
HINT_BESIDE = "Two results are compared on the same faders, so both must have the same stems."
WIDTH, LINES = 440, 3  # of the sentence under the list, at least


def label_of(text: str, colour: str, name: str) -> QLabel:
    """Words in a menu that cannot be chosen."""
    label = QLabel(text, objectName=name)
    label.setStyleSheet(f"color: {colour}; padding: 4px 14px 2px 14px;")
    return label


class MethodList(QObject):
    """All methods in one menu, by group; entries that cannot be chosen say why, in the tool tip and under the list."""

    chosen = Signal(str)

    def __init__(
        self, menu: QMenu, infos: dict[str, MethodInfo], why_not: WhyNot, hint: str = "", prefix: str = ""
    ) -> None:
        """why_not: the reason why a method cannot be chosen now, empty if it can; prefix: of the actions' names.

        hint: what is said while nothing is pointed at; by default why some methods cannot be chosen, where that is so.
        """
        super().__init__(menu)
        self._infos, self._why_not, self._hint = infos, why_not, hint
        self._sentences: list[QLabel] = []
        self.group = QActionGroup(self)
        group, at, menus = "", menu, [menu]
        for info in infos.values():
            if info.group != group:
                group, at = info.group, menu
                if group == "research":
                    menu.addSeparator()
                    at = menu.addMenu(RESEARCH)
                    menus.append(at)
                else:
                    self._heading(menu, HEADINGS.get(group, group[:1].upper() + group[1:]))
            action = QAction(f"{info.title}: {', '.join(info.stems)}" if at is menu else info.title, self.group, checkable=True)
            action.setObjectName(prefix + info.name)
            action.setData(info.name)
            at.addAction(action)
        for each in menus:
            self._sentence(each)
        self.group.triggered.connect(self._triggered)

    def _heading(self, menu: QMenu, text: str) -> None:
        if not menu.isEmpty():
            menu.addSeparator()
        made = QWidgetAction(self)
        made.setDefaultWidget(label_of(text, theme.DIM, "heading"))
        made.setEnabled(False)
        menu.addAction(made)

    def _sentence(self, menu: QMenu) -> None:
        """A place under the list for the sentence of the entry that is pointed at, by mouse or keys."""
        menu.addSeparator()
        label = label_of(self._hint, theme.DIM, "sentence")
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
        label.setMinimumWidth(WIDTH)
        label.setFixedHeight(LINES * label.fontMetrics().lineSpacing() + 14)
        made = QWidgetAction(self)
        made.setDefaultWidget(label)
        made.setEnabled(False)
        menu.addAction(made)
        menu.setToolTipsVisible(True)
        menu.hovered.connect(self._hovered)
        menu.installEventFilter(self)
        menu.aboutToShow.connect(self._about_to_show)
        self._sentences.append(label)

    @Slot(QAction)
    def _hovered(self, action: QAction) -> None:
        self._say(action.statusTip())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The mouse is over an entry that cannot be chosen: Qt lights none of these up and tells nobody."""
        if isinstance(event, QMouseEvent) and isinstance(watched, QMenu):
            action = watched.actionAt(event.position().toPoint())
            if action is not None and not action.isEnabled() and action.statusTip():
                self._say(action.statusTip())
        return super().eventFilter(watched, event)

    @Slot()
    def _about_to_show(self) -> None:
        self._say("")

    def _say(self, sentence: str) -> None:
        reason = next((action.statusTip() for action in self.group.actions() if not action.isEnabled()), "")
        for label in self._sentences:
            label.setText(sentence or self._hint or reason or HINT)

    @Slot(QAction)
    def _triggered(self, action: QAction) -> None:
        self.chosen.emit(action.data())

    def refresh(self, checked: str) -> None:
        """Which one is checked; what can be chosen now."""
        for action in self.group.actions():
            info = self._infos[action.data()]
            reason = self._why_not(info)
            action.setEnabled(not reason)
            action.setChecked(info.name == checked)
            said = reason or info.sentence
            action.setStatusTip(said)
            action.setToolTip(f"<p>{said}</p>")  # as rich text it is wrapped


class MethodMenu(QObject):
    """Fills the Method menu: what is heard, and what it is compared with."""

    chosen = Signal(str)  # name of a method that is to be heard
    compare_wanted = Signal(str)  # name of a method that what is heard is to be compared with

    def __init__(
        self, menu: QMenu, infos: dict[str, MethodInfo], state: State, why_not: WhyNot, why_not_beside: WhyNot
    ) -> None:
        super().__init__(menu)
        self._state = state
        self.compare = QMenu("Compare with", menu)
        self.beside = MethodList(self.compare, infos, why_not_beside, HINT_BESIDE, "compare-")
        self.heard = MethodList(menu, infos, why_not)
        first = menu.actions()[0]
        menu.insertMenu(first, self.compare)
        self._first = first
        self._menu = menu
        self.heard.chosen.connect(self.chosen)
        self.beside.chosen.connect(self.compare_wanted)
        for each in (self.heard, self.beside):
            each.chosen.connect(self.refresh)  # Qt has checked the entry; it may have been refused
        self._other = ""  # the method that is checked in "Compare with"
        show(self, state, "compared", self._on_compared)
        for name in ("song", "method", "stems"):
            show(self, state, name, lambda _: self.refresh())

    def insert(self, *actions: QAction) -> None:
        """Put actions under "Compare with", above the list."""
        for action in actions:
            self._menu.insertAction(self._first, action)
        self._menu.insertSeparator(self._first)

    def _on_compared(self, compared: Compared | None) -> None:
        """Which comes with every chunk of masks; the menu changes with the methods alone."""
        other = "" if compared is None else (compared.b if compared.heard == "a" else compared.a).method
        if other != self._other:
            self._other = other
            self.refresh()

    def refresh(self) -> None:
        """Show what is heard, what it is compared with, and what can be chosen now."""
        self.heard.refresh(self._state.method)
        self.beside.refresh(self._other)
        self.compare.menuAction().setEnabled(self._state.song is not None)
