"""The mixer's presets, as plain data made from the stems at hand, and the button that offers them.

A preset that needs a stem which the method does not make stays in the list, with no mix and a sentence that says why.
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app import icons
from app.binding import edit, show
from app.state import State, StemLook
from engine.types import Mix, StemMix

NEUTRAL = StemMix()


@dataclass(frozen=True)
class Preset:
    """One entry of the menu. Choosing it sets every strip and the master; strips that it does not name are neutral."""

    name: str  # stable: "vocals-up-1.5", "karaoke", "without-bass"
    title: str
    group: str  # "neutral", "level", "part", "without": a line in the menu between groups
    tip: str
    mix: Mix | None = None  # None: not with these stems


def presets(stems: tuple[StemLook, ...]) -> tuple[Preset, ...]:
    """All presets for these stems, in the order of the menu."""
    titles = {stem.name: stem.title for stem in stems}

    def made(name: str, title: str, group: str, tip: str, stem: str, strip: StemMix) -> Preset:
        if stem in titles:
            return Preset(name, title, group, tip, Mix({stem: strip}))
        has = ", ".join(titles.values()) or "none yet"
        return Preset(name, title, group, f"Needs a stem called {stem}; this method's stems: {has}.")

    vocals = titles.get("vocals", "Vocals")
    found = [Preset("neutral", "Neutral", "neutral", "Every strip and the master at rest: the output is the mix, bit for bit.", Mix())]
    for db in (1.5, 3.0, -1.5, -3.0):
        way, sign = ("up", "+") if db > 0 else ("down", "−")
        text = f"{sign}{abs(db):.1f} dB"
        tip = f"{vocals} {text}, everything else neutral."
        found.append(made(f"vocals-{way}-{abs(db):g}", f"{vocals} {text}", "level", tip, "vocals", StemMix(gain_db=db)))
    found += [
        made("karaoke", "Karaoke", "part", f"{vocals} muted.", "vocals", StemMix(mute=True)),
        made("a-cappella", "A cappella", "part", f"{vocals} alone.", "vocals", StemMix(solo=True)),
        made("drumless", "Drumless", "part", f"{titles.get('drums', 'Drums')} muted.", "drums", StemMix(mute=True)),
    ]
    found += [
        made(f"without-{name}", f"Everything but {title}", "without", f"{title} muted.", name, StemMix(mute=True))
        for name, title in titles.items()
    ]
    return tuple(found)


def same(a: Mix, b: Mix, stems: tuple[StemLook, ...]) -> bool:
    """Whether two mixes of these stems stand alike; a strip that is not named is neutral."""
    return a.master_db == b.master_db and all(a.stems.get(s.name, NEUTRAL) == b.stems.get(s.name, NEUTRAL) for s in stems)


class PresetsButton(QToolButton):
    """A button whose menu lists the presets; those that the mix stands at are ticked."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setText("Presets")
        self.setIcon(icons.icon("down"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow after the word
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setObjectName("presets")
        self.setAccessibleName("Mixer presets")
        self.setAccessibleDescription("Sets all strips at once")
        self.setToolTip("Set all strips at once: vocals up or down, karaoke, a cappella, drumless, everything but one stem, neutral")
        menu = QMenu(self, toolTipsVisible=True)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        menu.aboutToShow.connect(self._tick)
        self.setMenu(menu)
        show(self, state, "stems", self._show_stems)

    def _show_stems(self, stems: tuple[StemLook, ...]) -> None:
        self.menu().clear()
        group = None
        for preset in presets(stems):
            if group not in {None, preset.group}:
                self.menu().addSeparator()
            group = preset.group
            self.menu().addAction(self._action(preset))

    def _action(self, preset: Preset) -> QAction:
        action = QAction(preset.title, self.menu(), toolTip=preset.tip, checkable=True, enabled=preset.mix is not None)
        action.setObjectName(f"preset-{preset.name}")
        action.setData(preset)
        edit(action, action.triggered, lambda _on: self._state.load_mix(preset.mix, preset.title))
        return action

    @Slot()
    def _tick(self) -> None:
        for action in self.menu().actions():
            preset = action.data()
            action.setChecked(preset is not None and preset.mix is not None and same(preset.mix, self._state.mix, self._state.stems))
