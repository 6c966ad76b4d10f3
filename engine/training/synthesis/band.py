"""A band: several players on one song, each a stem of its own, so that chords agree, roots meet kicks and voices meet guitars.

Stems that were drawn each from another song never hide behind one another as those of a real one do.
"""

import numpy as np

from engine.training.augment import panned
from engine.training.synthesis import GENERATORS
from engine.training.synthesis.score import random_song

LEVEL_DB = {"vocals": (0.0, 3.0), "drums": (0.0, 3.0), "bass": (-1.0, 2.5), "other": (-1.0, 3.0)}  # mean, deviation; each is at -20 dB RMS
OTHERS = {"electric_guitar": 0.4, "acoustic_guitar": 0.3, "organ_pad": 0.15, "strings_pad": 0.15}
BASSES = {"electric_bass": 0.6, "upright_bass": 0.12, "synth_bass": 0.28}
MISSING = {"vocals": 0.08, "drums": 0.08, "bass": 0.06, "other": 0.0}  # how often nobody plays a role


def line_up(rng: np.random.Generator) -> dict[str, list[str]]:
    """Who plays: role -> generators' names, several instruments only for other."""
    n_others = int(rng.choice([1, 2, 3], p=[0.35, 0.45, 0.2]))
    chosen = {
        "vocals": ["singing"],
        "drums": ["acoustic_drums"],
        "bass": [str(rng.choice(list(BASSES), p=list(BASSES.values())))],
        "other": [str(name) for name in rng.choice(list(OTHERS), n_others, p=list(OTHERS.values()))],
    }
    return {role: names for role, names in chosen.items() if rng.random() >= MISSING[role]}


def band(rng: np.random.Generator, seconds: float) -> dict[str, np.ndarray]:
    """The stems of one song, balanced: role -> float32 (channel=2, sample), their sum below full scale. One who rests is left out."""
    song = random_song(rng, seconds, bpm=(68, 160))
    stems: dict[str, np.ndarray] = {}
    for role, names in line_up(rng).items():
        parts = []
        for name in names:
            part = GENERATORS[name][1](rng, seconds, song)
            if len(names) > 1:  # each at a place of its own
                part = panned(part, rng.uniform(-0.8, 0.8))
            parts.append(part * np.float32(10 ** (rng.normal(0, 2) / 20)))
        stems[role] = sum(parts[1:], parts[0]) / len(parts) ** 0.5 * np.float32(10 ** (rng.normal(*LEVEL_DB[role]) / 20))
    peak = float(np.max(np.abs(sum(stems.values()))))
    largest = max(peak, *(float(np.max(np.abs(stem))) for stem in stems.values()))
    gain = min(1.0, 0.97 / max(largest, 1e-9))
    return {role: (stem * gain).astype(np.float32) for role, stem in stems.items()}
