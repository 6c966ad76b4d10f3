"""Played in a process of its own, whose ALSA default is the test's null sink: `python pulse_child.py`. Prints what happened as JSON."""

import json
import sys
import time

from rig import STEMS, masks_of, noise

from app.player import Player
from app.sinks import SoundDeviceSink
from engine.types import INT24, Mix, StemMix

MIX = Mix({"vocals": StemMix(gain_db=-4.5, balance=0.3), "drums": StemMix(mute=True), "bass": StemMix(gain_db=3.0, width=0.4)}, -1.5)
SECONDS = 1.5


def main() -> None:
    """Play the song from start to end."""
    sys.setswitchinterval(0.0005)
    mixture = noise(INT24, seconds=SECONDS)
    masks = masks_of(mixture)
    player = Player(lambda: SoundDeviceSink(None, 0.2))
    player.set_mix(MIX, STEMS)
    player.set_song(lambda: mixture, lambda: masks)
    player.settle()
    time.sleep(0.3)
    player.play()
    began = time.monotonic()
    positions = []
    while player.is_playing and time.monotonic() < began + 20:
        positions.append((time.monotonic() - began, player.position_s))
        time.sleep(0.02)
    played_s = time.monotonic() - began
    time.sleep(0.5)
    found = {"sound": player.sound, "underruns": player.underruns, "problem": player.problem, "played_s": played_s,
             "position_s": player.position_s, "positions": positions}  # fmt: skip
    player.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
