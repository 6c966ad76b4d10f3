"""The transport: where it plays, what is heard (remix, original, difference), how loud the output is."""

import math

from PySide6.QtCore import QPointF, QSignalBlocker, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app import icons, theme
from app.binding import edit, show
from app.meters import Meter, db_text
from app.state import State
from engine.types import AudioInfo

HEARD = {
    "remix": "What the faders make of it; this is what is exported",
    "original": "The untouched mix",
    "difference": "Only what the remix changes: remix minus mix. Silent at unity",
}


def clock_text(seconds: float) -> str:
    """A time as m:ss.mmm.

    >>> clock_text(0), clock_text(62.3456), clock_text(3600)
    ('0:00.000', '1:02.345', '60:00.000')
    """
    ms = max(0, math.floor(seconds * 1000 + 1e-6))
    return f"{ms // 60000}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


class OutputButton(QPushButton):
    """The safe output gain in one button: lowers the output by what is needed when the master meter clips, else resets it."""

    def __init__(self, state: State, meter: Meter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._meter = state, meter
        self.setObjectName("output")
        self.clicked.connect(self._press)
        meter.clipping_changed.connect(self._clipping)
        show(self, state, "output_db", self._show)

    @Slot(bool)
    def _clipping(self, _is_clipping: bool) -> None:
        self._show(self._state.output_db)

    def _show(self, output_db: float) -> None:
        clipping = self._meter.is_clipping
        if clipping:
            text, tip = "Lower output", "The output clips. Click to play everything lower, by just what is needed; no fader moves."
        elif output_db:
            text, tip = f"{db_text(output_db)} dB", f"Everything is played at {db_text(output_db)} dB. Click to go back to 0 dB."
        else:
            text, tip = "0.0 dB", "Safe output gain: nothing to do. When the master clips, one click lowers the whole output."
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleName("Lower output" if clipping else f"Output gain {text}")
        self.setAccessibleDescription(tip)
        if bool(self.property("alarm")) != clipping:
            self.setProperty("alarm", clipping)
            self.style().unpolish(self)  # so that the style sheet looks again
            self.style().polish(self)
        self.setEnabled(clipping or output_db != 0.0)

    @Slot()
    def _press(self) -> None:
        if self._meter.is_clipping:
            self._state.output_db -= max(0.5, math.ceil(round(self._meter.max_db, 6) * 2.0) / 2.0)
        else:
            self._state.output_db = 0.0


class TimeDisplay(QWidget):
    """Position and length, in digits that do not tremble."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._big, self._small = theme.digits(self.font(), 20), theme.digits(self.font(), 12)
        self.setObjectName("time")
        self.setAccessibleName("Position")
        self.setToolTip("Position / length (minutes:seconds.milliseconds)")
        self.setFixedHeight(32)
        show(self, state, "song", self._show)
        show(self, state, "position_s", self._show)
        show(self, state, "playing", self._show)

    @property
    def text(self) -> tuple[str, str]:
        """Position and length as written."""
        song = self._state.song
        return (clock_text(self._state.position_s), clock_text(self._state.seconds)) if song else ("–:––.–––", "")

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        big, small = QFontMetricsF(self._big), QFontMetricsF(self._small)
        longest = len(clock_text(self._state.seconds))
        return QSize(math.ceil(big.horizontalAdvance("0" * longest) + 12 + small.horizontalAdvance("0" * longest)), 32)

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's
        return self.sizeHint()

    def _show(self, _value: object) -> None:
        if not self._state.playing:  # while it plays a screen reader would never stop
            position, length = self.text
            self.setAccessibleDescription(f"{position} of {length}" if length else "No song is open")
        self.updateGeometry()
        self.update()

    def paintEvent(self, _event: object) -> None:  # noqa: D102, N802 - Qt's
        p, on = QPainter(self), self._state.song is not None
        position, length = self.text
        big = QFontMetricsF(self._big)
        base = round((self.height() + big.capHeight()) / 2)
        right = big.horizontalAdvance("0" * len(length or position))
        p.setFont(self._big)
        p.setPen(QColor(theme.TEXT if on else theme.FAINT))
        p.drawText(QPointF(right - big.horizontalAdvance(position), base), position)
        p.setFont(self._small)
        p.setPen(QColor(theme.DIM))
        if length:
            p.drawText(QPointF(right + 10, base), f"/ {length}")


class Transport(QWidget):
    """One row: to start, play, stop, loop | remix, original, difference | time | output level."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("transport")
        self.setFixedHeight(48)
        self._icons = {name: icons.icon(name) for name in ("play", "pause", "stop", "to_start")}
        self._icons["loop"] = icons.icon("loop", theme.TEXT, theme.ACCENT)
        self.to_start = self._button("to_start", "To start", "Go to the start of the song, or of the loop (Ctrl+Home)")
        self.play = self._button("play", "Play", "Play or pause (Space)", width=48)
        self.stop = self._button("stop", "Stop", "Stop and return to the start of the selection, or of the song")
        self.loop = self._button("loop", "Loop", "Loop the whole song (L); select a stretch to loop that")
        self.loop.setCheckable(True)
        self.time = TimeDisplay(state)
        self.level = Meter(state, None, foot=44, lying=True)
        self.level.setTitle("Output level")
        self.level.setObjectName("meter-output")
        self.level.setFixedHeight(20)
        self.level.setMaximumWidth(176)
        self.level.setMinimumWidth(0)  # in a narrow window the mixer needs the room more, and the master has the same meter
        self.output = QLabel()
        self.output.setStyleSheet(f"color: {theme.WARN}")
        self.output.setAccessibleName("Safe output gain")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(4)
        for button in (self.to_start, self.play, self.stop, self.loop):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self.time)
        row.addSpacing(8)
        row.addLayout(self._switch())
        row.addStretch(1)
        row.addSpacing(8)
        row.addWidget(self.output)
        row.addSpacing(4)
        row.addWidget(self.level)
        self._bind()

    def _button(self, icon: str, name: str, tip: str, width: int = 36) -> QToolButton:
        button = QToolButton(icon=self._icons[icon], objectName=icon, toolTip=tip, accessibleName=name, accessibleDescription=tip)
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(width, 32)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _switch(self) -> QHBoxLayout:
        """The A/B switch: three buttons, one of them down; the arrow keys move within it."""
        row = QHBoxLayout()
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self.heard: dict[str, QToolButton] = {}
        for i, (name, tip) in enumerate(HEARD.items()):
            button = QToolButton(text=name.capitalize(), checkable=True, objectName=f"hear-{name}", toolTip=tip)
            button.setAccessibleName(f"Hear the {name}")
            button.setAccessibleDescription(tip)
            button.setProperty("segment", ("first", "middle", "last")[i])
            button.setFixedHeight(32)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            edit(button, button.toggled, lambda on, name=name: on and setattr(self._state, "listening", name))
            self._group.addButton(button)
            self.heard[name] = button
            row.addWidget(button)
        return row

    def _bind(self) -> None:
        state = self._state
        self.to_start.clicked.connect(self._go_to_start)
        self.play.clicked.connect(self._toggle_play)
        self.stop.clicked.connect(self._stop)
        edit(self.loop, self.loop.clicked, lambda on: setattr(state, "looping", on))
        show(self, state, "song", self._show_song)
        show(self, state, "playing", self._show_playing)
        show(self, state, "looping", self._show_looping)
        show(self, state, "selection", self._show_selection)
        show(self, state, "listening", self._show_listening)
        show(self, state, "output_db", self._show_output)

    # --------------------------------------------------------------------------------------------- widget -> state

    @Slot()
    def _go_to_start(self) -> None:
        state = self._state
        state.seek_wanted.emit(float(state.selection[0]) if state.looping and state.selection else 0.0)

    @Slot()
    def _toggle_play(self) -> None:
        self._state.playing = not self._state.playing

    @Slot()
    def _stop(self) -> None:
        self._state.playing = False
        selection = self._state.selection
        self._state.seek_wanted.emit(float(selection[0]) if selection else 0.0)

    # --------------------------------------------------------------------------------------------- state -> widget

    def _show_song(self, song: AudioInfo | None) -> None:
        for part in (self.to_start, self.play, self.stop, self.loop, self.level, *self.heard.values()):
            part.setEnabled(song is not None)

    def _show_playing(self, playing: bool) -> None:
        self.play.setIcon(self._icons["pause" if playing else "play"])
        self.play.setAccessibleName("Pause" if playing else "Play")

    def _show_looping(self, looping: bool) -> None:
        with QSignalBlocker(self.loop):
            self.loop.setChecked(looping)

    def _show_selection(self, selection: tuple[float, float] | None) -> None:
        tip = "Loop the whole song (L); select a stretch to loop that"
        if selection:
            tip = f"Loop {clock_text(selection[0])} to {clock_text(selection[1])} (L)"
        self.loop.setToolTip(tip)
        self.loop.setAccessibleDescription(tip)

    def _show_listening(self, listening: str) -> None:
        button = self.heard[listening]
        with QSignalBlocker(button):
            button.setChecked(True)

    def _show_output(self, output_db: float) -> None:
        self.output.setText(f"{db_text(output_db)} dB" if output_db else "")
        self.output.setToolTip("Safe output gain: the whole output is played lower; reset it at the master" if output_db else "")
