"""Drummers: grooves of rock, pop, funk, folk, shuffle and punk, with fills, ghost notes and uneven hands, on a kit under microphones."""

import numpy as np

from engine.training.synthesis import effects as fx
from engine.training.synthesis import kit as kits
from engine.training.synthesis.score import RATE_HZ, Song, random_song

Hit = tuple[float, str, float]  # second, instrument, velocity

# Sixteenths of a bar of four: X loud, x plain, g ghost, o open, - nothing. K kick, S snare, H hand (hat or ride).
GROOVES: dict[str, tuple[dict[str, str], ...]] = {
    "rock": (
        {"K": "X-------X-------", "S": "----X-------X---", "H": "X-x-X-x-X-x-X-x-"},
        {"K": "X-----x-X-------", "S": "----X-------X---", "H": "X-x-X-x-X-x-X-x-"},
        {"K": "X-x---x---x-----", "S": "----X-------X---", "H": "X---X---X---X---"},
        {"K": "X------xX-x-----", "S": "----X-------X--g", "H": "X-x-X-x-X-x-X-o-"},
    ),
    "pop": (
        {"K": "X---x---X---x---", "S": "----X-------X---", "H": "x-X-x-X-x-X-x-X-"},
        {"K": "X-----x---x-----", "S": "----X-------X---", "H": "xgxgxgxgxgxgxgxg"},
        {"K": "X-------x-x-----", "S": "----X-------X---", "H": "X-x-x-x-X-x-x-x-"},
    ),
    "ballad": (
        {"K": "X---------x-----", "S": "--------X-------", "H": "x-g-x-g-x-g-x-g-"},
        {"K": "X-------x-------", "S": "----X-------X---", "H": "x---x---x---x---"},
        {"K": "X--x------------", "S": "--------X-----g-", "H": "x-x-x-x-x-x-x-x-"},
    ),
    "funk": (
        {"K": "X--x--x---x--x--", "S": "----X--g-g--X--g", "H": "X-x-X-x-X-x-X-o-"},
        {"K": "X-x----x--x-----", "S": "-g--X-g-gg--X-g-", "H": "XxxxXxxxXxxxXxxx"},
        {"K": "X-----x--x----x-", "S": "----X--g-g-gX---", "H": "x-x-x-o-x-x-x-x-"},
    ),
    "train": (
        {"K": "X---x---X---x---", "S": "ggXgggXgggXgggXg", "H": "----------------"},
        {"K": "X-------X-------", "S": "g-X-g-X-g-X-g-X-", "H": "--x---x---x---x-"},
    ),
    "punk": (
        {"K": "X---X---X---X---", "S": "--X---X---X---X-", "H": "X-X-X-X-X-X-X-X-"},
        {"K": "X--x--x-X--x--x-", "S": "----X-------X---", "H": "X-X-X-X-X-X-X-X-"},
    ),
    "half": (
        {"K": "X-----x---------", "S": "--------X-------", "H": "X---x---X---x---"},
        {"K": "X--x--------x-x-", "S": "--------X------g", "H": "X-x-X-x-X-x-X-o-"},
    ),
    "toms": (
        {"K": "X---X---X---X---", "S": "----X-------X---", "H": "----------------", "T": "X-xxX-x-X-xxX-x-"},
        {"K": "X-------X-------", "S": "------------X---", "H": "----------------", "T": "X-x-x-X-x-x-x-x-"},
    ),
    "sparse": (
        {"K": "X-------X-------", "S": "----------------", "H": "----x-------x---"},
        {"K": "X---X---X---X---", "S": "----------------", "H": "----------------"},
    ),
}
LOUDNESS = {"X": 0.92, "x": 0.66, "g": 0.25, "o": 0.8}


def _fill(rng: np.random.Generator, song: Song, bar: int, first: float) -> list[Hit]:
    """A fill from a beat to the end of the bar: snare, then down the toms."""
    step = float(rng.choice([0.25, 0.25, 0.5, 1 / 3]))
    voices = ["snare", "tom1", "tom2", "tom3"]
    count = int((song.beats - first) / step)
    out: list[Hit] = []
    for i in range(count):
        voice = voices[min(3, int(4 * i / max(1, count)))] if rng.random() < 0.8 else str(rng.choice(voices))
        if rng.random() < 0.85:
            out.append((song.at(bar, first + i * step), voice, float(rng.uniform(0.55, 1.0))))
    return out


def performance(rng: np.random.Generator, song: Song) -> list[Hit]:
    """Every stroke of the piece; each energy of the song has its groove, hand and snare, sections begin with a crash."""
    tight, late, even = rng.uniform(0.002, 0.009), rng.normal(0, 0.006), rng.uniform(0.04, 0.14)
    styles = list(GROOVES)
    main = str(rng.choice(styles, p=[0.28, 0.18, 0.12, 0.12, 0.08, 0.08, 0.07, 0.04, 0.03]))
    played = {}
    brushes = rng.random() < 0.08
    for e in set(song.energies):
        family = GROOVES[main if rng.random() < 0.75 else str(rng.choice(styles))]
        hand = str(rng.choice(["closed", "ride", "open", "crash2"], p=[0.62, 0.2, 0.13, 0.05] if e > 0.5 else [0.8, 0.15, 0.03, 0.02]))
        back = "brush" if brushes else str(rng.choice(["snare", "rim", "cross"], p=[0.7, 0.22, 0.08] if e > 0.5 else [0.6, 0.05, 0.35]))
        extra = str(rng.choice(["", "tambourine", "shaker", "clap", "foot"], p=[0.6, 0.1, 0.1, 0.08, 0.12]))
        played[e] = (family, hand, back, extra)
    hits: list[Hit] = []
    for bar, energy in enumerate(song.energies):
        family, hand, back, extra = played[energy]
        groove = family[0 if rng.random() < 0.7 else rng.integers(len(family))]
        new = bar == 0 or song.energies[bar - 1] != energy
        ends = bar + 1 < song.n_bars and song.energies[bar + 1] != energy
        stop = song.beats - float(rng.choice([1, 2, 4])) if (ends and rng.random() < 0.75) or rng.random() < 0.06 else song.beats
        stop = max(0.0, stop)
        if new and rng.random() < 0.75:
            hits.append((song.at(bar, 0), "crash" if rng.random() < 0.7 else "crash2", float(rng.uniform(0.7, 1.0))))
        for line, steps in groove.items():
            for i, mark in enumerate(steps):
                beat = i / 4
                if mark == "-" or beat >= stop or rng.random() < 0.015:
                    continue
                name = {"K": "kick", "S": back, "H": hand, "T": ("tom3", "tom2", "tom1")[int(rng.integers(3)) if i % 4 else 0]}[line]
                name = "snare" if line == "S" and mark == "g" and back == "rim" else name
                name = "open" if line == "H" and mark == "o" and hand == "closed" else name
                loud = LOUDNESS[mark] * (0.65 + 0.35 * energy) * rng.normal(1, even)
                hits.append((song.at(bar, beat) + late * (line == "S") + rng.normal(0, tight), name, float(np.clip(loud, 0.08, 1.0))))
        if extra:
            every = {"tambourine": 0.5, "shaker": 0.25, "clap": 2.0, "foot": 2.0}[extra]
            for i in range(int(stop / every)):
                beat = i * every + (1.0 if extra in ("clap", "foot") else 0.0)
                hits.append(
                    (song.at(bar, beat) + rng.normal(0, 1.5 * tight), extra, float(rng.uniform(0.35, 0.6) * (1.3 if i % 2 else 1.0)))
                )
        if stop < song.beats:
            hits += _fill(rng, song, bar, stop)
    return sorted(hits)


def _kit(rng: np.random.Generator) -> dict[str, kits.Voice]:
    drums = kits.snare(rng)
    hat, ride, base = kits.cymbal(rng, "hat"), kits.cymbal(rng, "ride"), rng.uniform(65, 110)
    low = rng.uniform(1.3, 1.6)

    def way(voice: kits.Voice, name: str) -> kits.Voice:
        return lambda r, v: voice(r, v, name)  # type: ignore[call-arg]

    return drums | {
        "kick": kits.kick(rng), "tom1": kits.tom(rng, base * low * low), "tom2": kits.tom(rng, base * low), "tom3": kits.tom(rng, base),
        "closed": way(hat, "closed"), "open": way(hat, "open"), "foot": way(hat, "foot"),
        "ride": way(ride, "bell" if rng.random() < 0.12 else ""),
        "crash": kits.cymbal(rng, "crash"), "crash2": kits.cymbal(rng, "crash"), "clap": kits.small(rng, "clap"),
        "tambourine": kits.small(rng, "tambourine"), "shaker": kits.small(rng, "shaker"),
    }  # fmt: skip


def acoustic_drums(rng: np.random.Generator, seconds: float, song: Song | None = None) -> np.ndarray:
    """A drummer on an acoustic kit in a room, close and far microphones mixed; float32 (channel=2, sample)."""
    n = int(seconds * RATE_HZ)
    song = song or random_song(rng, seconds, bpm=(62, 185), waltz=0.05)
    voices = _kit(rng)
    hits = [h for h in performance(rng, song) if 0 <= h[0] < seconds]
    side = rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)
    places = {
        "closed": 0.6,
        "open": 0.6,
        "foot": 0.6,
        "ride": -0.6,
        "crash": 0.5,
        "crash2": -0.7,
        "tom1": 0.3,
        "tom2": -0.1,
        "tom3": -0.6,
        "tambourine": 0.5,
    }
    places |= {"shaker": -0.5, "snare": 0.08, "rim": 0.08}
    gains = {name: 10 ** (rng.normal(0, 2.2) / 20) for name in voices}
    for name, change in (
        ("kick", 0.85),
        ("snare", 1.35),
        ("tom1", 0.75),
        ("tom2", 0.75),
        ("tom3", 0.75),
        ("closed", 0.7),
        ("open", 0.6),
        ("foot", 0.5),
        ("ride", 0.7),
        ("crash", 1.0),
        ("crash2", 0.9),
        ("shaker", 0.3),
        ("tambourine", 0.4),
    ):
        gains[name] *= change
    for name in ("rim", "brush", "cross"):
        gains[name] = gains["snare"]
    close = {"kick", "snare", "rim", "cross", "brush", "tom1", "tom2", "tom3", "clap"}
    direct, far = np.zeros((2, n + RATE_HZ * 5)), np.zeros((2, n + RATE_HZ * 5))
    known: dict[tuple[str, int, int], np.ndarray] = {}
    near = rng.uniform(0.5, 1.0)
    for i, (at, name, velocity) in enumerate(hits):
        layer = int(velocity * 3.99)
        index = (name, layer, int(rng.integers(3 if name in ("snare", "closed") else 2)))
        if index not in known:
            known[index] = voices[name](rng, (layer + 0.75) / 4)
        y = known[index] * (velocity / ((layer + 0.75) / 4)) * gains[name]
        if name in ("open", "closed"):
            following = next((h[0] - at for h in hits[i + 1 : i + 12] if h[1] in ("closed", "foot", "open")), 9.0)
            m = int(following * RATE_HZ)
            if m < len(y):
                y = y[: m + 900].copy()
                y[m:] *= np.linspace(1, 0, len(y) - m) ** 2
        pair = fx.panned(y, side * places.get(name, 0.0))
        start = int(at * RATE_HZ)
        stop = min(start + len(y), direct.shape[1])
        pair = pair[:, : stop - start]
        direct[:, start:stop] += pair * (near if name in close else 0.45)
        far[:, start:stop] += pair * (1.0 if name in close else 0.9)
    overhead = np.stack([far[0], np.roll(far[1], int(rng.integers(0, 40)))])
    overhead = fx.high_pass(np.roll(overhead, int(rng.integers(20, 160)), axis=1), rng.uniform(80, 400), 1) * rng.uniform(0.2, 0.9)
    roomy = fx.in_room(far, kits.hall_of_kit(rng), 0.0) - far
    if rng.random() < 0.4:
        roomy = fx.compressed(roomy, rng.uniform(-20, -8), rng.uniform(4, 10), 0.005, 0.1)
    y = direct + overhead + roomy * 10 ** (rng.uniform(-20, -3) / 20)
    y = fx.coloured(rng, y[:, :n], 3.0)
    if rng.random() < 0.6:
        y = fx.compressed(y, rng.uniform(-12, -2), rng.uniform(1.5, 5), rng.uniform(0.003, 0.03), rng.uniform(0.05, 0.2))
    if rng.random() < 0.25:
        y = fx.driven(y / (np.percentile(np.abs(y), 99.9) + 1e-9), rng.uniform(0.7, 2.5))
    if rng.random() < 0.12:  # an old recording
        y = fx.low_pass(y, rng.uniform(4000, 10000)) if rng.random() < 0.5 else np.stack([y.mean(axis=0)] * 2)
    return fx.levelled(rng, y, n)
