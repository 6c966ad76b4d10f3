"""Which stem leaks where: known masks on known sounds, worst seconds that were made on purpose, pictures."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from toys import Toy

from engine.evaluation import leaks
from engine.evaluation.data import FOUR, TWO, Track, make_track
from engine.types import Array, MaskGrid, MethodInfo

RATE_HZ = 8000


@dataclasses.dataclass(frozen=True)
class Fixed(Toy):
    """Gives each fader a fixed share of everything below and of everything above 1 kHz."""

    info: MethodInfo = MethodInfo("fixed", "Fixed", "test", FOUR, "For tests.", "none")
    low: tuple[float, ...] = (0.5, 0.5, 0.0, 0.0)
    high: tuple[float, ...] = (0.0, 0.25, 0.0, 0.75)

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        is_low = np.array(grid.freqs_hz) < 1000.0
        rows = np.where(is_low, np.array(self.low)[:, None], np.array(self.high)[:, None])  # (stem, row)
        return np.repeat(rows[:, None, :, None], n_frames, axis=-1)


def tone(hz: float, seconds: float = 6.0) -> Array:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.stack([np.sin(2 * np.pi * hz * t)] * 2).astype(np.float32) * 0.1


def track(names: tuple[str, ...] = FOUR) -> Track:
    """Vocals low, drums high, bass silent, other low and high in turn of two seconds."""
    turn = np.repeat([1.0, 0.0, 1.0], 2 * RATE_HZ)
    other = tone(330.0) * turn + tone(2900.0) * (1 - turn)
    parts = {"vocals": tone(250.0), "drums": tone(2500.0), "bass": np.zeros_like(other), "other": other, "accompaniment": tone(2500.0)}
    return make_track("made", names, np.stack([parts[n] for n in names]).astype(np.float32), RATE_HZ)


def test_shares_of_energy_are_the_squares_of_the_masks() -> None:
    found = leaks.leaks(track(), Fixed())
    vocals, drums, _, other = found.shares()
    assert vocals == pytest.approx([0.5, 0.5, 0.0, 0.0], abs=0.01)  # 0.5^2 of each
    assert drums == pytest.approx([0.0, 0.1, 0.0, 0.9], abs=0.01)  # 0.25^2 and 0.75^2
    out = np.array([4 * 0.25, 4 * 0.25 + 2 * 0.0625, 0.0, 2 * 0.5625])  # low for four seconds, high for two
    assert other == pytest.approx(out / out.sum(), abs=0.02)
    said = leaks.told(found, 2)
    assert "| vocals | 50% | 50% | 0% | 0% |" in said and "Worst seconds of vocals" in said
    assert "| bass |" not in said and "of bass" not in said  # it never sounds


def test_the_worst_seconds_are_those_in_which_it_went_elsewhere() -> None:
    found = leaks.leaks(track(), Fixed())
    worst = found.worst(3, 6)
    numbers = [w for w, _, _ in worst]
    assert set(numbers[:4]) == {0, 1, 4, 5} and {fader for _, _, fader in worst[:4]} <= {"vocals", "drums"}
    assert worst[0][1] <= worst[-1][1] and found.worst(2, 3) == []
    assert len(found.worst(3, 2)) == 2


def test_two_stems_are_told_by_what_the_vocals_leave() -> None:
    found = leaks.leaks(track(TWO), Fixed())
    assert found.shares()[1] == pytest.approx([0.0, 0.1, 0.0, 0.9], abs=0.01)
    assert np.isfinite(found.error).all()
    rest = found.track.mixture - found.estimates["vocals"]
    assert np.array_equal(found.estimates["accompaniment"], rest)


def test_the_command_prints_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, sound in zip(FOUR, track().stems, strict=True):
        (tmp_path / "data" / "song").mkdir(parents=True, exist_ok=True)
        sf.write(tmp_path / "data" / "song" / f"{name}.wav", sound.T, RATE_HZ, subtype="FLOAT")
    assert leaks.main(["--data", str(tmp_path / "data"), "--method", "hpss", "--worst", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("### song") and "| vocals |" in said and "Worst" not in said  # its stems are others
    assert leaks.main(["--data", str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err


def test_pictures_or_a_sentence(tmp_path: Path) -> None:
    found = leaks.leaks(track(), Fixed())
    if importlib.util.find_spec("matplotlib") is None:
        with pytest.raises(leaks.BadInputError, match="need matplotlib"):
            leaks.draw(found, 0, 1, tmp_path / "a.png")
        return
    leaks.draw(found, 0, 0, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and len(list(tmp_path.iterdir())) == 1
