"""Nothing clicks, a dry ring is silence, levels are true peaks: on signals where a mistake shows."""

import threading

import numpy as np
import pytest
from rig import STEMS, Rig, flat_masks, masks_of, sine

from app.ahead import LOOP_FADE_S
from app.realtime_mix import FADE_S, TRANSITION_S
from engine.audio import ArrayMixture
from engine.types import FLOAT32, Array, Mix, StemMix

MIX = Mix({"vocals": StemMix(gain_db=-4.5, balance=0.3), "drums": StemMix(mute=True), "bass": StemMix(gain_db=3.0, width=0.4)}, -1.5)
A_CAPPELLA = Mix({"vocals": StemMix(solo=True)})


def steps(samples: Array) -> float:
    """Largest step between neighbours."""
    return float(np.abs(np.diff(samples.astype(np.float64), axis=0)).max())


# ---------------------------------------------------------------------------------------------------------------- clicks


def test_nothing_clicks() -> None:
    """Low sine, half scale: whatever is done, no step beyond the material's own plus what the ramps may add."""
    mixture = sine()
    masks, other = flat_masks(mixture, 0.4, 0.3, 0.2, 0.1), flat_masks(mixture, 0.0, 0.1, 0.0, 0.9)
    with Rig(mixture, masks) as rig:
        own = steps(mixture.read(0, 44100).T)
        player, rng = rig.player, np.random.default_rng(3)
        loops = (None, (0.501, 0.703), (0.0, 0.333), None)
        mixes = (Mix(), MIX, A_CAPPELLA, Mix({s: StemMix(mute=True) for s in STEMS}))
        heard = [rig.pull(100)]
        player.play()
        for turn in range(80):
            choice = turn % 8
            if choice == 0:
                player.seek(float(rng.uniform(0, 2)))
            elif choice in (1, 5):
                player.set_mix(mixes[int(rng.integers(4))], STEMS)
            elif choice == 2:
                player.set_listening(("remix", "original", "difference")[int(rng.integers(3))])
            elif choice == 3:
                player.set_loop(loops[int(rng.integers(4))])
            elif choice == 4:
                rig.masks = other if rig.masks is masks else masks
                player.masks_changed()
            elif choice == 6:
                player.set_output_db(float(rng.choice([0.0, -6.0, -60.0])))
            elif player.is_playing:
                player.pause()
            if not player.is_playing and choice != 7:
                player.play()
            heard.append(rig.pull(int(rng.integers(50, 4000)), most=int(rng.integers(64, 2000))))
        got = np.concatenate(heard)
        amplitude = float(np.abs(got).max())
        assert 0.4 < amplitude < 0.6
        own *= amplitude / 0.5
        a_loop, a_transition, a_fade = (2 * amplitude / rig.samples(x) for x in (LOOP_FADE_S, TRANSITION_S, 2 * FADE_S))
        assert steps(got) <= own + max(a_loop, a_transition) + a_fade, (steps(got), own, a_loop, a_transition, a_fade)
        assert rig.player.underruns == 0


@pytest.mark.parametrize("event", ["seek", "loop", "mute", "listening", "pause", "output"])
def test_each_event_alone_adds_less_than_its_ramp(event: str) -> None:
    mixture = sine(amplitude=0.8)
    with Rig(mixture, None) as rig:
        own = steps(mixture.read(0, 44100).T)
        player = rig.player
        if event == "loop":
            player.set_loop((0.0, 0.1 + 1 / 4 / 50))  # from a crest to a zero
        player.play()
        got = [rig.pull(44100 * 5 // 100)]  # two and a half periods
        got.append(rig.pull(220))  # and a quarter: a trough
        if event == "seek":
            player.seek(1.005)  # from a trough to a crest
        elif event == "mute":
            player.set_mix(Mix({s: StemMix(mute=True) for s in STEMS}), STEMS)
        elif event == "listening":
            player.set_listening("difference")
        elif event == "pause":
            player.pause()
        elif event == "output":
            player.set_output_db(-40.0)
        got.append(rig.pull(20000))
        found = steps(np.concatenate(got))
        change = 1.6 if event in ("seek", "loop") else 0.8
        ramp = change / rig.samples(FADE_S if event == "pause" else TRANSITION_S)
        assert found <= own + ramp * 1.01, (found, own, ramp)


# ------------------------------------------------------------------------------------------------------------- underruns


class Stalled:
    """A recording whose reads wait for a gate."""

    def __init__(self, inside: ArrayMixture, gate: threading.Event) -> None:
        self.inside, self.gate, self.info = inside, gate, inside.info

    def read(self, start: int, n_samples: int) -> Array:
        self.gate.wait(20)
        return self.inside.read(start, n_samples)


def test_a_renderer_too_slow_gives_faded_silence_and_is_counted() -> None:
    mixture, gate = sine(amplitude=0.8), threading.Event()
    gate.set()
    with Rig(mixture, None, lambda: Stalled(mixture, gate)) as rig:
        rig.player.play()
        own = steps(mixture.read(0, 44100).T)
        got = [rig.pull(4410)]
        gate.clear()
        got += [rig.sink.pull(500) for _ in range(60)]  # 0.68 s, more than is ready
        assert rig.player.underruns == 1 and not got[-1].any()
        position = rig.position_s
        gate.set()
        got += [rig.pull(8820)]
        assert rig.player.underruns == 1 and rig.position_s > position
        whole = np.concatenate(got)
        assert steps(whole) <= own + 0.8 / rig.samples(FADE_S) * 1.01
        silent = np.flatnonzero(~whole[1000:].any(axis=1)) + 1000  # the last of the fade is there, but at 0
        joined = np.concatenate([whole[: silent[0] + 1], whole[silent[-1] + 1 :]])  # nothing is lost or repeated
        assert np.array_equal(joined[-8000:, 0], mixture.read(0, len(joined))[0, -8000:])


# ---------------------------------------------------------------------------------------------------------------- levels


def test_levels_are_true_peaks() -> None:
    """A sine at a quarter of the rate whose samples all lie at 0.707 of its crest."""
    n = np.arange(44100)
    wave = 0.9 * np.sin(np.pi / 2 * n + np.pi / 4)
    mixture = ArrayMixture(np.stack([wave, 0.5 * wave]).astype(np.float32), 44100, FLOAT32)
    with Rig(mixture, masks_of(mixture)) as rig:
        rig.player.set_mix(Mix(master_db=6.0), STEMS)
        rig.player.play()
        rig.pull(4000)
        rig.player.take_levels()
        rig.pull(8000)
        assert rig.player.settle()
        peaks = rig.player.take_levels()
        want = 20 * np.log10(0.9 * np.array([1.0, 0.5])) + 6.0
        assert np.abs(20 * np.log10(np.array(peaks.master)) - want).max() < 0.3
        assert set(peaks.stems) == set(STEMS) and all(len(p) == 2 and p[0] > 0 for p in peaks.stems.values())
        rig.player.set_mix(Mix({"vocals": StemMix(mute=True)}), STEMS)
        rig.pull(2000)
        rig.player.settle()
        rig.player.take_levels()
        rig.pull(2000)
        rig.player.settle()
        peaks = rig.player.take_levels()
        assert peaks.stems["vocals"] == (0.0, 0.0) and peaks.stems["drums"][0] > 0
        rig.player.pause()
        rig.pull(1000)
        rig.player.settle()
        rig.player.take_levels()
        rig.pull(1000)
        assert rig.player.take_levels().master == (0.0, 0.0)
