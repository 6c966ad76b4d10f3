"""What a method costs: processor time and memory, measured in a process of its own with one thread, and the size of what it learned.

Processor time counts and not the clock, which says nothing on a busy machine. Half a minute of the demo song is separated once to
warm up (its first second) and then twice; the faster counts. Memory is the largest resident set above that of the process just
before the method was made: Python, the engine and (for networks) torch stand in `baseline_mib`.
"""

import json
import os
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.methods import build, research
from engine.methods.network import Network
from engine.types import Array, Method
from engine.weights import read_card, zoo_folder

SECONDS = 30.0
RATE_HZ = 44100
BUILT_IN = "nullsum-4"


def made(name: str, weights: Path) -> Method:
    """A method on the processor, a research net from the weights in this folder. Raises EngineError with the reason."""
    if name in research.INFOS:
        return Network(name, "cpu", weights)
    return build(name, device="cpu") if name == BUILT_IN else build(name)


def learned(name: str, weights: Path) -> dict[str, float | None]:
    """Parameters, bytes of the weights file and minutes of training; None for what is not known or was never learned."""
    if name not in research.INFOS and name != BUILT_IN:
        return {"parameters": None, "bytes": None, "minutes": None}
    card = read_card(name, weights if name in research.INFOS else None)
    count = card.config.get("n_parameters")
    if count is None:
        from engine.nets import build_net

        count = sum(p.numel() for p in build_net(card.net, card.config.get("net_config", {})).parameters())
    return {"parameters": count, "bytes": card.path.stat().st_size, "minutes": card.config.get("minutes_trained")}


def song(seconds: float) -> Array:
    """The demo song over and over: int16 (channel=2, sample) at 44.1 kHz."""
    import soundfile as sf

    once, _ = sf.read(str(files("resources").joinpath("demo", "demo-song.flac")), dtype="int16", always_2d=True)
    n_samples = round(seconds * RATE_HZ)
    return np.ascontiguousarray(np.tile(once, (-(-n_samples // len(once)), 1))[:n_samples].T)


def peak_mib() -> float:
    """Largest resident memory of this process alone; Linux's ru_maxrss would also count its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024.0
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def job(name: str, weights: Path, seconds: float) -> dict[str, float]:
    """What the measured process does: rtf (processor time / audio time, masks only), mib above the baseline, and the baseline."""
    from engine.audio import ArrayMixture
    from engine.separate import separate
    from engine.types import INT16

    if name in research.INFOS or name == BUILT_IN:
        import torch

        torch.set_num_threads(1)
    whole = song(seconds)
    baseline = peak_mib()
    method = made(name, weights)
    separate(ArrayMixture(whole[:, :RATE_HZ], RATE_HZ, INT16), method)
    took = []
    for _ in range(2):
        began = time.process_time()
        separate(ArrayMixture(whole, RATE_HZ, INT16), method)
        took.append(time.process_time() - began)
    return {"rtf": round(min(took) / seconds, 4), "mib": round(peak_mib() - baseline, 1), "baseline_mib": round(baseline, 1)}


def measured(name: str, weights: Path | None = None, seconds: float = SECONDS) -> dict[str, float]:
    """Run `job` in a fresh process. Raises EngineError where it fails, with its last line."""
    folder = weights or zoo_folder()
    root = str(Path(__file__).parents[2])
    env: dict[str, Any] = {**os.environ, "OMP_NUM_THREADS": "1"}
    env["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "engine.evaluation.costs", name, str(folder), str(seconds)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EngineError(f"What {name} costs could not be measured: {why}")
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(job(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))))
