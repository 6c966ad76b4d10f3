"""`python -m engine.training --data DIR --work DIR`: trains the bundled network, resumes where it was stopped."""

import argparse
import dataclasses
import os
from pathlib import Path


def main() -> None:
    """Parse the command line, limit the threads, train."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from engine.training.config import TrainConfig

    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with INDEX.json and the sounds it names")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds, resumable state and the log")
    parser.add_argument("--weights", type=Path, default=Path("resources/weights"), help="where the best weights are kept")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=1, help="processes that mix")
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
    train(TrainConfig(**chosen), args.data, args.work, args.weights, args.workers)


if __name__ == "__main__":
    main()
