"""Sounds to learn from that no corpus had to hold: players, singers and rooms made of arithmetic, new ones at every call.

`GENERATORS` names every one: name -> (role, generator); a generator takes a random generator, seconds and, if it is to
play along with others, their song, and returns float32 (channel=2, sample) at 44.1 kHz. `band` lets several play one song.
"""

from collections.abc import Callable

import numpy as np

from engine.training.synthesis.bass import electric_bass, upright_bass
from engine.training.synthesis.drums import acoustic_drums
from engine.training.synthesis.guitar import acoustic_guitar, electric_guitar
from engine.training.synthesis.pads import organ_pad, strings_pad
from engine.training.synthesis.singing import singing
from engine.training.synthesis.synth_bass import synth_bass

Generator = Callable[..., np.ndarray]  # (rng, seconds, song or None)

GENERATORS: dict[str, tuple[str, Generator]] = {
    "singing": ("vocals", singing),
    "electric_bass": ("bass", electric_bass),
    "upright_bass": ("bass", upright_bass),
    "synth_bass": ("bass", synth_bass),
    "acoustic_drums": ("drums", acoustic_drums),
    "electric_guitar": ("other", electric_guitar),
    "acoustic_guitar": ("other", acoustic_guitar),
    "organ_pad": ("other", organ_pad),
    "strings_pad": ("other", strings_pad),
}
