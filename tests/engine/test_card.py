"""The figures of a model card: measured beside floor and ceiling, written between two marks, nothing else touched."""

from pathlib import Path

import pytest
import soundfile as sf
from corpora import ROLES, tone
from toys import Toy

from engine.errors import BadInputError
from engine.evaluation import card
from engine.evaluation.data import find_tracks

TEXT = f"# A net\n\nWords.\n\n{card.BEGIN}\nold figures\n{card.END}\n\nMore words.\n"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    once = card.spliced(TEXT, "| new |\n")
    assert once.startswith("# A net\n\nWords.\n\n") and once.endswith("\n\nMore words.\n")
    assert "old figures" not in once and "| new |" in once
    assert card.spliced(once, "| new |\n") == once


@pytest.mark.parametrize("text", ["", "no marks", f"{card.END}\n{card.BEGIN}", TEXT + TEXT, card.BEGIN, TEXT + card.END])
def test_a_card_without_its_marks_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="needs one line"):
        card.spliced(text, "figures")


def test_every_song_is_measured_beside_floor_and_ceiling(tmp_path: Path) -> None:
    for name, stems in (("one", ROLES), ("two", ROLES), ("three", ("vocals", "accompaniment"))):
        (tmp_path / name).mkdir()
        for i, stem in enumerate(stems):
            sf.write(tmp_path / name / f"{stem}.wav", tone(ROLES[i], seed=3), 44100)
    scores = card.measured(find_tracks(tmp_path), Toy(), "toy")
    text = card.figures(scores)
    for songs in ("one, two", "three"):
        assert f"**SDR, dB: {songs}**" in text and f"**remix SDR, dB: {songs}**" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for row in ("toy", "mixture (floor)", "irm (ceiling)"):
        assert sum(line.startswith(f"| {row} |") for line in rows) == 12  # two groups; SDR, remix and the four of BSS eval
    assert sum(line.startswith("| equal |") for line in rows) == 4
    assert "BSS" not in card.figures(card.measured(find_tracks(tmp_path)[:1], Toy(), "toy", is_plain=True))
    best = {s.track: s.median("sdr", "vocals") for s in scores if s.method == "irm"}
    assert all(best[s.track] > s.median("sdr", "vocals") for s in scores if s.method == "toy")


def test_a_missing_card_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert card.main(["--data", str(tmp_path), "--weights", "nothing", "--weights-dir", str(tmp_path)]) == 1
    assert "There is no model card nothing.md" in capsys.readouterr().err
