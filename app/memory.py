"""What is remembered of each song beside the cache: the mix, the names and colours of its stems."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.state import StemLook
from engine.types import AudioInfo, Mix, StemMix


def _file(folder: Path, info: AudioInfo) -> Path:
    """One small file a song, told by place, length and format: moving a song forgets its mix, editing its tags does not."""
    said = f"{info.path}|{info.n_samples}|{info.rate_hz}|{info.n_channels}"
    return folder / "mixes" / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.json"


def keep(folder: Path, info: AudioInfo, mix: Mix, stems: tuple[StemLook, ...]) -> None:
    """Remember; a folder that cannot be written is not worth a complaint."""
    said: dict[str, Any] = {"stems": [asdict(s) for s in stems], "master_db": _plain(mix.master_db)}
    said["mix"] = {name: {k: _plain(v) for k, v in asdict(strip).items()} for name, strip in mix.stems.items()}
    path = _file(folder, info)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(said), encoding="utf-8")
        part.replace(path)
    except OSError:
        return


def recall(folder: Path, info: AudioInfo) -> tuple[Mix, tuple[StemLook, ...]] | None:
    """Mix and stems of a song, or None if nothing (readable) is remembered."""
    try:
        said = json.loads(_file(folder, info).read_text(encoding="utf-8"))
        mix = Mix({n: StemMix(**{k: _number(v) for k, v in s.items()}) for n, s in said["mix"].items()}, float(_number(said["master_db"])))
        return mix, tuple(StemLook(**s) for s in said["stems"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: Any) -> Any:
    return "-inf" if value == -math.inf else value


def _number(value: Any) -> Any:
    return -math.inf if value == "-inf" else value
