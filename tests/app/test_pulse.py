"""Real playback: what PulseAudio's null sink records is what render gives, sample for sample."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pulse import missing, pulse_server, read_recording, recording_of_sink
from pulse_child import MIX, SECONDS
from rig import masks_of, noise, wanted

from app.realtime_mix import FADE_S
from engine.types import INT24, Array

CHILD = Path(__file__).with_name("pulse_child.py")
TRIES = 3  # a loaded machine may lose a buffer on its way to the recorder

pytestmark = [pytest.mark.sound, pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")]


def place(recorded: Array, wanted_samples: Array) -> int | None:
    """Where in the recording the samples begin."""
    for at in np.flatnonzero(recorded[:, 0] == wanted_samples[0, 0]):
        if np.array_equal(recorded[at : at + 64], wanted_samples[:64]):
            return int(at)
    return None


def test_what_the_sound_server_gets_is_what_render_gives(tmp_path: Path) -> None:
    mixture = noise(INT24, seconds=SECONDS)
    want = wanted(mixture, masks_of(mixture), MIX, 0, mixture.info.n_samples)[round(FADE_S * 44100) :]
    lost: list[str] = []
    with pulse_server(tmp_path) as env:
        env["PYTHONPATH"] = os.pathsep.join([str(CHILD.parent), str(CHILD.parents[2])])
        for turn in range(TRIES):
            file = tmp_path / f"heard{turn}.f32"
            with recording_of_sink(env, file):
                child = subprocess.run([sys.executable, str(CHILD)], env=env, capture_output=True, text=True, check=True, timeout=60)
                time.sleep(0.2)
            found, recorded = json.loads(child.stdout), read_recording(file)
            assert found["sound"].startswith("Default output, 44.1 kHz, ") and not found["problem"]
            at = place(recorded, want)
            if at is not None and np.array_equal(recorded[at : at + len(want)], want):
                break
            lost.append(f"turn {turn}: underruns {found['underruns']}, found at {at}")
        else:
            pytest.fail(f"The recording was never what render gives; {'; '.join(lost)}")
        assert not recorded[at + len(want) :].any()  # and nothing after the end
    assert found["position_s"] == mixture.info.seconds
    heard = np.array(found["positions"])
    late = heard[:, 0] - heard[:, 1]  # the position is behind the clock by the buffers
    playing = (heard[:, 1] > 0.1) & (heard[:, 1] < SECONDS - 0.1)
    assert 0.0 < np.median(late[playing]) < 0.6
