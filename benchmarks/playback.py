"""Playback under load, printed: `python -m benchmarks.playback [--seconds S] [--load hpss|matmul|none] [--buffer-ms MS]`.

Underruns while a separation runs in another thread, the time from a fader move to the first changed sample, and the share of each
block's time that the callback takes. Through a PulseAudio null sink of its own where PulseAudio is installed (in a child process),
else through the silent clock.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from engine.threads import wait_shortly

ROOT = Path(__file__).parents[1]
RATE_HZ = 44100


def load(kind: str, stop: threading.Event, done: list[int]) -> None:
    """Work of a separation until stopped; counts rounds."""
    if kind == "matmul":
        import torch

        torch.set_num_threads(1)
        a = torch.rand(800, 800)
        while not stop.is_set():
            a = a @ a / 400
            done[0] += 1
        return
    from engine.audio import ArrayMixture
    from engine.methods import build
    from engine.separate import separate
    from engine.types import INT16

    noise = np.random.default_rng(5).integers(-9000, 9000, (2, 20 * RATE_HZ)).astype(np.int16)
    mixture = ArrayMixture(noise, RATE_HZ, INT16)
    while not stop.is_set():
        separate(mixture, build("hpss"), is_cancelled=stop.is_set)
        done[0] += 1


def listen(player: object, kind: str, seconds: float, where: str) -> None:
    """Play for some seconds under one load and print."""
    from app.player import Player

    assert isinstance(player, Player)
    if kind == "matmul":
        import torch  # holds Python's lock for a third of a second, once; the window does it when idle

        torch.rand(800, 800) @ torch.rand(800, 800)
        time.sleep(1.0)
    stop, done = threading.Event(), [0]
    worker = threading.Thread(target=quiet_load, args=(kind, stop, done))
    if kind != "none":
        worker.start()
    before, (busy, made) = player.underruns, player.callback_busy
    cpu, began = time.process_time(), time.perf_counter()
    while time.perf_counter() < began + seconds:
        time.sleep(0.033)
        player.take_levels()  # as the window does
        _ = player.position_s
    wall = time.perf_counter() - began
    used, (busy_after, made_after) = time.process_time() - cpu, player.callback_busy
    stop.set()
    if kind != "none":
        worker.join()
    sound_s, share = made_after - made, 100 * (busy_after - busy) / max(1e-9, made_after - made)
    print(f"{where}, load {kind} ({done[0]} rounds): {player.underruns - before} underruns in {wall:.1f} s, {sound_s:.1f} s of sound made; "
          f"callback {share:.2f} % of its block (wall); process {100 * used / wall:.0f} % of a core")  # fmt: skip


def quiet_load(kind: str, stop: threading.Event, done: list[int]) -> None:
    """The load, whose cancellation is no error."""
    from engine.errors import EngineError

    try:
        load(kind, stop, done)
    except EngineError:
        if not stop.is_set():
            raise


def fader_to_sound(env: dict[str, str] | None, player: object, stems: tuple[str, ...], turns: int = 20) -> None:
    """From set_mix to the first changed sample: in the monitor's stream where there is a server, else in what the sink asks for."""
    from app.player import Player
    from engine.types import Mix, StemMix

    assert isinstance(player, Player)
    times: list[float] = []
    silence = Mix({s: StemMix(mute=True) for s in stems})
    recorder = None
    if env is not None:
        words = ["parec", "-d", "null1.monitor", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2", "--raw", "--latency-msec=5"]
        recorder = subprocess.Popen(words, stdout=subprocess.PIPE, env=env)
    level, running = [1.0], [True]

    def read() -> None:
        assert recorder is not None and recorder.stdout is not None
        while running[0] and (raw := os.read(recorder.stdout.fileno(), 65536)):
            tail = np.frombuffer(raw[: len(raw) // 8 * 8], np.float32)
            if len(tail):
                level[0] = float(np.abs(tail[-64:]).max())

    reader = threading.Thread(target=read)
    if recorder is not None:
        reader.start()
    for turn in range(2 * turns):
        mix = silence if turn % 2 == 0 else Mix()
        time.sleep(0.3)
        began = time.perf_counter()
        player.set_mix(mix, stems)
        while time.perf_counter() < began + 1.0:
            if recorder is None:
                feeder = player._feeder  # the silent clock: when the callback works with the new desk
                if feeder.mixer is not None and feeder.mixer._now is feeder.mixer.desk:
                    break
            elif (level[0] < 1e-3) == (turn % 2 == 0):
                break
            time.sleep(0.0005)
        times.append(1000 * (time.perf_counter() - began))
    running[0] = False
    if recorder is not None:
        recorder.terminate()
        recorder.wait()
        reader.join()
    what = "to silence or full level in the recording, ramp included" if recorder is not None else "until the callback uses it"
    print(f"fader to sound ({what}): median {statistics.median(times):.0f} ms, largest {max(times):.0f} ms of {len(times)}")


def session(args: argparse.Namespace, env: dict[str, str] | None) -> None:
    """The measured player, in this process."""
    sys.setswitchinterval(0.0005)
    from app.player import Player
    from app.sinks import NullSink, SoundDeviceSink
    from engine.audio import open_mixture
    from engine.methods import build
    from engine.separate import separate

    song = ROOT / "resources" / "demo" / "demo-song.flac"
    with open_mixture(song) as mixture:
        masks, seconds = separate(mixture, build("hpss")), mixture.info.seconds
    player = Player((lambda: SoundDeviceSink(None, args.buffer_ms / 1000)) if env is not None else NullSink)
    player.set_song(lambda: open_mixture(song), lambda: masks)
    player.settle()
    player.set_loop((0.5, seconds - 0.5))
    player.play()
    time.sleep(1.0)
    where = player.sound
    listener = None
    if env is not None:  # without a listener the null sink works 2 s ahead, and every underrun would cost that much
        words = ["parec", "-d", "null1.monitor", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2", "--raw", "--latency-msec=5"]
        listener = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=env)
        time.sleep(1.0)
    for kind in args.load.split(","):
        listen(player, kind, args.seconds, where)
    fader_to_sound(env, player, masks.stems)
    if listener is not None:
        listener.terminate()
    player.close()


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--load", default="none,hpss,matmul", help="one or more of none, hpss, matmul")
    parser.add_argument("--buffer-ms", type=float, default=60.0)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    wait_shortly()  # before torch
    sys.path.insert(0, str(ROOT / "tests" / "app"))
    from pulse import missing, pulse_server

    if args.child:
        session(args, dict(os.environ))
    elif lacks := missing():
        print(f"Through the silent clock; for PulseAudio's null sink install: {lacks}")
        session(args, None)
    else:
        with tempfile.TemporaryDirectory() as folder, pulse_server(Path(folder)) as env:
            subprocess.run([sys.executable, "-m", "benchmarks.playback", *sys.argv[1:], "--child"], cwd=ROOT, env=env, check=True)


if __name__ == "__main__":
    main()
