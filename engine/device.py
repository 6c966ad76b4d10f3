"""Which processor runs the networks: chosen once, said in words, with the reason why not a faster one."""

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.errors import BadInputError

NAMES = ("auto", "cuda", "mps", "cpu")
LINUX_GPUS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, a GPU lent to WSL


@dataclass(frozen=True)
class Device:
    """A compute device: torch's name for it, words for the status line, and why no GPU is used (empty if one is)."""

    name: str
    words: str
    why_no_gpu: str = ""

    @property
    def kind(self) -> str:
        """Device class for cache keys and reports: results may differ between kinds in the last bits."""
        return self.name.split(":", maxsplit=1)[0]


def _cpu(why: str) -> Device:
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # "4,2" is a list, one number a level
    n = int(asked) if asked.isdecimal() else os.cpu_count() or 1
    return Device("cpu", f"CPU, {n} thread{'s' if n != 1 else ''}", why)


def _no_gpu_here(wanted: str) -> bool:
    """Whether a glance at the machine shows that the CPU it is: importing torch to find out takes two seconds."""
    return wanted == "auto" and sys.platform == "linux" and not any(Path(p).exists() for p in LINUX_GPUS)


@lru_cache(maxsize=8)
def choose(wanted: str = "auto") -> Device:
    """The device for `wanted` (auto, cuda, mps, cpu). auto takes the first GPU that answers, else the CPU and says why.

    BadInputError for an unknown name or a GPU that was asked for by name and is not there.
    """
    if wanted not in NAMES:
        raise BadInputError(f"There is no compute device '{wanted}'; choose one of {', '.join(NAMES)}.")
    if wanted == "cpu":
        return _cpu("The CPU was chosen in the settings.")
    if _no_gpu_here(wanted):
        return _cpu("This machine shows no graphics card that PyTorch could use.")
    import torch

    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Device("cuda:0", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return Device("mps", "Apple GPU")
    if torch.version.cuda is None and torch.version.hip is None:
        why = "This build of PyTorch has no GPU support; install a CUDA or ROCm build to use a graphics card."
    else:
        why = "PyTorch found no graphics card that answers; check the driver."
    if wanted != "auto":
        raise BadInputError(f"The compute device '{wanted}' was asked for, but it is not there. {why}")
    return _cpu(why)
