"""`python -m engine.training --data DIR --work DIR`: trains the bundled network, resumes where it was stopped.

`python -m engine.training zoo [NAME...] --data DIR --work DIR`: trains research nets (engine.training.zoo). Started by
`torchrun --nproc-per-node N -m engine.training ...` several processes or GPUs train one network (engine.training.ranks).
"""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from engine.threads import wait_shortly


def main() -> None:
    """Parse the command line, limit the threads, train."""
    wait_shortly()  # before torch
    if sys.argv[1:2] == ["zoo"]:
        from engine.training.zoo import main as train_zoo

        train_zoo(sys.argv[2:])
        return
    from engine.evaluation.commands import FAILURES, at_least, sentence
    from engine.training.config import TrainConfig

    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of sounds (engine/training/sources.py)")
    parser.add_argument("--made", type=Path, help="folder that `python -m engine.training.synthesis` wrote; its share is --made-share")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds, resumable state and the log")
    parser.add_argument("--weights", type=Path, help="where the best weights are kept (default: WORK/weights)")
    parser.add_argument("--begin-with", type=Path, metavar="FILE", help="the .safetensors to learn on from in place of random numbers")
    parser.add_argument("--keep-last", action="store_true", help="keep the newest weights, not those best on the validation songs")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that torchrun started on this machine
    parser.add_argument("--threads", type=at_least(1), default=max(1, (os.cpu_count() or 1) // here), help="of each process")
    parser.add_argument("--workers", type=at_least(0), default=1, help="processes that mix")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16", help="of matrix products while learning")
    parser.add_argument("--every", type=at_least(1), default=100, help="steps between validations; a kill loses at most these")
    for field in dataclasses.fields(TrainConfig):
        if field.type in (int, float, str):
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=field.default)
    parser.add_argument("--without-songs", nargs="*", default=[], help="songs left out (leave-one-out)")
    args = parser.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    from engine.training.loop import train

    chosen = {f.name: getattr(args, f.name) for f in dataclasses.fields(TrainConfig) if hasattr(args, f.name)}
    chosen["without_songs"] = tuple(args.without_songs)
    weights = args.weights or args.work / "weights"
    try:
        train(TrainConfig(**chosen), args.data, args.work, weights, args.workers, args.every, args.precision == "bfloat16",
              made=args.made, device=args.device, begin_with=args.begin_with, keep_last=args.keep_last)  # fmt: skip
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on from what was kept.")


if __name__ == "__main__":
    main()
