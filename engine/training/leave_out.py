"""`python -m engine.training.leave_out --data DIR --work DIR --minutes 10 [SONG...]`: leave one song out, over all training songs.

For each song a network is trained from nothing without it (and without the validation songs) for the same processor time, and
then scored on it, beside floor and ceiling. Single stems from other sources stay in. What it says is how a song is separated
that nobody trained on; the bundled network was trained for longer, on all of them, and cannot be asked. With --folds N the songs
are dealt into N groups and a group is left out together: N networks in place of one a song, each with fewer songs to learn from.
Weights of every run are kept in WORK/leave-one-out, so a run that was stopped goes on with the next.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from engine.errors import BadInputError
from engine.evaluation.baselines import BASELINES
from engine.evaluation.commands import FAILURES, at_least, ready, sentence
from engine.evaluation.data import TrackFiles, find_tracks, load
from engine.evaluation.estimate import estimate
from engine.evaluation.scores import TrackScores, score
from engine.evaluation.tables import markdown
from engine.methods.builtin import Builtin
from engine.training.batches import Folders
from engine.training.config import TrainConfig
from engine.training.designs import config_of, trained
from engine.training.loop import save_weights
from engine.training.sources import digests

ROW = "left out"
BESIDE = ("mixture", "equal", "irm")  # floor, equal shares, ceiling


def config_without(songs: tuple[str, ...], minutes: float, base: TrainConfig | None = None) -> TrainConfig:
    """The recipe of the design `split` that never hears these songs; its name tells song and length, of a group how many and a hash."""
    told = songs[0] if len(songs) == 1 else f"{len(songs)}-songs-{hashlib.sha256(repr(songs).encode()).hexdigest()[:8]}"
    return replace(config_of("split", base), name=f"without-{told}-{minutes:g}", without_songs=songs)


def weights_without(
    songs: tuple[str, ...], data: Folders, work: Path, minutes: float, n_workers: int = 1, made: Path | None = None,
    base: TrainConfig | None = None,
) -> str:  # fmt: skip
    """Train where it has not been done; the name of the weights in WORK/leave-one-out."""
    folder = work / "leave-one-out"
    config = config_without(songs, minutes, base)
    sounds = digests(data, made, config.without_songs)
    if not _is_trained(config, sounds, folder / f"{config.name}.json"):
        print(f"learning without {', '.join(songs)} for {minutes:g} minutes ...", file=sys.stderr, flush=True)
        trainer = trained(config, data, work, 60.0 * minutes, n_workers, made)
        save_weights(trainer.mean.state_dict(), config, folder, {"sounds": sounds})
    return config.name


def _is_trained(config: TrainConfig, sounds: dict[str, str], card: Path) -> bool:
    """Whether a card is of this recipe and these sounds; an older card does not tell its sounds, and they count as the same."""
    if not card.exists() or asdict(TrainConfig.load(card)) != asdict(config):
        return False
    return bool(json.loads(card.read_text(encoding="utf-8")).get("sounds", sounds) == sounds)


def scored(files: TrackFiles, weights: str, folder: Path) -> list[TrackScores]:
    """What these weights reach on one song, and what stands beside them."""
    track = load(files)
    out = [score(track, estimate(track, Builtin("cpu", weights, folder)), ROW)]
    for name in BESIDE:
        kind, _, make = BASELINES[name]
        out.append(score(track, make(track), name, kind))
    return out


def compare(
    songs: list[TrackFiles], data: Folders, work: Path, minutes: float, n_workers: int = 1, made: Path | None = None,
    base: TrainConfig | None = None, n_folds: int = 0,
) -> list[TrackScores]:  # fmt: skip
    """Every song left out once: alone, or in one of n_folds groups (the songs dealt out in their order)."""
    n_groups = min(n_folds, len(songs)) or len(songs)
    out: list[TrackScores] = []
    for group in (songs[k::n_groups] for k in range(n_groups)):
        weights = weights_without(tuple(files.name for files in group), data, work, minutes, n_workers, made, base)
        for files in group:
            out += scored(files, weights, work / "leave-one-out")
    return out


def main(argv: list[str] | None = None) -> None:
    """Train what is not trained yet, score, print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.training.leave_out", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("songs", nargs="*", metavar="SONG", help="songs of the training split (default: all)")
    parser.add_argument("--data", type=Path, required=True, help="folder with an INDEX.json, or with song folders")
    parser.add_argument("--made", type=Path, help="folder that `python -m engine.training.synthesis` wrote")
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded sounds and weights")
    parser.add_argument("--minutes", type=float, default=10.0, help="of processor time for each network")
    parser.add_argument("--folds", type=at_least(0), default=0, help="groups of songs that are left out together (default: each alone)")
    parser.add_argument("--workers", type=at_least(0), default=1, help="processes that mix")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # processor time of one thread is comparable on every machine
    try:
        if args.minutes <= 0.0:
            raise BadInputError(f"--minutes {args.minutes:g} must be more than 0.")
        is_split = (args.data / "INDEX.json").is_file() or (args.data / "train").is_dir()
        songs = {files.name: files for files in find_tracks(args.data, split="train" if is_split else None)}
        if wrong := [name for name in args.songs if name not in songs]:
            raise BadInputError(f"There is no song {wrong[0]!r} to train on; leave out one of: {', '.join(songs)}.")
        chosen = [songs[name] for name in args.songs or songs]
        ready(args.work / "leave-one-out")
        print(markdown(compare(chosen, args.data, args.work, args.minutes, args.workers, args.made, n_folds=args.folds)))
    except FAILURES as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on with the songs that are left.")


if __name__ == "__main__":
    main()
