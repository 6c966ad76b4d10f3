"""What is remembered of each song and set of stems beside the settings: the mix, the names and colours of the stems."""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.state import StemLook
from engine.types import AudioInfo, Mix, StemMix


def _file(folder: Path, info: AudioInfo, stems: Iterable[str]) -> Path:
    """One small file a song and set of stems. Moving a song forgets its mix, editing its tags does not."""
    said = f"|{info.n_samples}|{info.rate_hz}|{info.n_channels}|{','.join(sorted(stems))}"
    place = os.fsencode(os.path.realpath(info.path or ""))  # however the song was come by; names need not be UTF-8
    return folder / "mixes" / f"{hashlib.sha256(place + said.encode()).hexdigest()[:32]}.json"


def keep(folder: Path, info: AudioInfo, mix: Mix, stems: tuple[StemLook, ...]) -> None:
    """Remember; a folder that cannot be written is not worth a complaint."""
    said: dict[str, Any] = {"stems": [asdict(s) for s in stems], "master_db": _plain(mix.master_db)}
    said["mix"] = {name: {k: _plain(v) for k, v in asdict(strip).items()} for name, strip in mix.stems.items()}
    path = _file(folder, info, [look.name for look in stems])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(said), encoding="utf-8")
        part.replace(path)
    except OSError:
        return


def recall(folder: Path, info: AudioInfo, stems: Iterable[str]) -> tuple[Mix, tuple[StemLook, ...]] | None:
    """The mix of a song with stems of these names, and how they are shown; None if nothing (readable) is remembered."""
    try:
        said = json.loads(_file(folder, info, stems).read_text(encoding="utf-8"))
        mix = Mix({n: StemMix(**{k: _number(v) for k, v in s.items()}) for n, s in said["mix"].items()}, float(_number(said["master_db"])))
        return mix, tuple(StemLook(**s) for s in said["stems"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: Any) -> Any:
    return "-inf" if value == -math.inf else value


def _number(value: Any) -> Any:
    return -math.inf if value == "-inf" else value
