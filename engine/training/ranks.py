"""Several processes at one training, as torchrun starts them: each has a rank, makes its own mixes and averages its gradients.

    torchrun --nproc-per-node 4 -m engine.training --data DIR --work DIR

Alone (WORLD_SIZE missing or 1) nothing of this is touched. Rank 0 validates, prints and writes; the others only learn.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from engine.device import choose


@dataclass(frozen=True)
class Place:
    """Which process this is and what it computes on."""

    device: torch.device
    rank: int = 0
    n_ranks: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def averaging(self, net: nn.Module) -> nn.Module:
        """The net whose gradients are the mean over all processes; alone, the net itself."""
        if self.n_ranks == 1:
            return net
        own = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(net, device_ids=own)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.n_ranks > 1:
            torch.distributed.barrier()


@contextmanager
def joined(wanted: str = "auto") -> Iterator[Place]:
    """The place of this process among those that train together, on a device as engine.device chooses it (a GPU for each)."""
    device = torch.device(choose(wanted).name)
    n_ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if n_ranks == 1:
        yield Place(device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Place(device, torch.distributed.get_rank(), n_ranks)
    finally:
        torch.distributed.destroy_process_group()
