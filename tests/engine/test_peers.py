"""benchmarks/peers.py without the peers: the song they share, the table, and what is refused."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from benchmarks.peers import RATE_HZ, REFERENCE, Run, best, main, samples, set_up, table, write_song

SYSTEMS = ("nullsum-4, masks", REFERENCE, "HTDemucs")


def rounds(seed: int, n: int) -> list[dict[str, Run]]:
    rng = np.random.default_rng(seed)
    return [
        {
            name: Run(parameters=42_000_000, seconds=rng.uniform(1, 99), processor_s=rng.uniform(1, 99), peak_mib=rng.uniform(99, 999))
            for name in SYSTEMS
        }
        for _ in range(n)
    ]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_times_are_the_smallest_and_memory_is_the_largest_of_all_rounds(n: int) -> None:
    given = rounds(n, n)
    before = copy.deepcopy(given)
    found = best(given)
    assert given == before
    assert list(found) == list(SYSTEMS)
    for name, run in found.items():
        for each in given:
            assert run["seconds"] <= each[name]["seconds"]
            assert run["processor_s"] <= each[name]["processor_s"]
            assert run["peak_mib"] >= each[name]["peak_mib"]
        assert run["seconds"] in [each[name]["seconds"] for each in given]


@pytest.mark.parametrize("song_s", [1.0, 60.0, 3600.0])
def test_the_table_holds_every_system_and_its_ratios_do_not_hang_on_the_length(song_s: float) -> None:
    runs = rounds(7, 1)[0]
    head, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(runs, song_s).splitlines()]
    assert len(head) == len(rule) and [row[0] for row in rows] == list(SYSTEMS)
    for row in rows:
        assert len(row) == len(head)
        run = runs[row[0]]
        assert float(row[2]) == pytest.approx(run["seconds"] / song_s, abs=1e-4)
        assert float(row[3]) == pytest.approx(run["seconds"] / runs[REFERENCE]["seconds"], abs=0.01)
        assert float(row[5]) == pytest.approx(run["processor_s"] / runs[REFERENCE]["processor_s"], abs=0.01)
    assert rows[SYSTEMS.index(REFERENCE)][3] == "1.00"


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("seconds", [None, 0.3, 1.0, 7.3])
def test_the_song_is_the_recording_over_and_over(tmp_path: Path, subtype: str, seconds: float | None) -> None:
    sound = np.random.default_rng(3).uniform(-0.9, 0.9, (RATE_HZ, 2))
    sf.write(tmp_path / "song.wav", sound, RATE_HZ, subtype)
    song_s = write_song(tmp_path / "copy.wav", tmp_path / "song.wav", seconds)
    heard = samples(tmp_path / "copy.wav")  # (channel, sample)
    assert song_s == pytest.approx(seconds or 1.0)
    assert heard.dtype == np.float32 and heard.shape == (2, round(song_s * RATE_HZ))
    wanted = np.resize(sound, (heard.shape[1], 2)).T
    assert np.abs(heard - wanted).max() <= 2 / 32768


@pytest.mark.parametrize(("rate_hz", "n_channels"), [(48000, 2), (44100, 1), (44100, 6)])
def test_a_song_that_the_peers_cannot_hear_as_it_is_is_refused(tmp_path: Path, rate_hz: int, n_channels: int) -> None:
    sf.write(tmp_path / "song.wav", np.zeros((100, n_channels)), rate_hz)
    with pytest.raises(SystemExit, match=f"{n_channels} channel.*{rate_hz} Hz.*44100 Hz stereo"):
        write_song(tmp_path / "copy.wav", tmp_path / "song.wav", None)


def test_a_missing_song_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.wav"):
        write_song(tmp_path / "copy.wav", tmp_path / "nowhere.wav", None)


def test_a_missing_environment_is_a_sentence_that_says_how_to_make_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "peers")])
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"python -m benchmarks.peers --setup {tmp_path / 'peers'}" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--threads", "0"], ["--rounds", "0"], ["--seconds", "0"], ["--seconds", "nan"], ["--seconds", "-5"]])
def test_numbers_that_cannot_be_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert "must be at least 1" in capsys.readouterr().err


def test_setting_up_touches_neither_our_environment_nor_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(SystemExit, match="no Python environment"):
        set_up(tmp_path)
    with pytest.raises(SystemExit, match="no Python environment"):
        set_up(tmp_path / "letter.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(SystemExit, match="that Nullsum runs in"):
        set_up(Path(sys.prefix))
