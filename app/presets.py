"""The mixer's presets, as plain data made from the stems at hand.

A preset that needs a stem which the method does not make stays in the list, with no mix and a sentence that says why.
"""

from dataclasses import dataclass

from app.state import StemLook
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


def same(a: Mix, b: Mix) -> bool:
    """Whether two mixes stand alike; a strip that is not named is neutral."""
    names = a.stems.keys() | b.stems.keys()
    return a.master_db == b.master_db and all(a.stems.get(n, NEUTRAL) == b.stems.get(n, NEUTRAL) for n in names)
