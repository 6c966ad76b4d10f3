"""What lies where: an index, songs in folders, pools; everything at one rate; namesakes told apart; what is missing is said."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from corpora import ROLES, tiny_corpus, tone, write_song

from engine.errors import BadInputError
from engine.training.augment import random_mix, tightened
from engine.training.data import RATE_HZ, Corpus, decoded
from engine.training.sources import find_sounds


def songs(folder: Path, split: str) -> set[str | None]:
    return {s.song for s in find_sounds(folder) if s.split == split and s.song}


@pytest.mark.parametrize("other", ["valid", "test"])
def test_songs_in_the_musdb_layout(tmp_path: Path, other: str) -> None:
    write_song(tmp_path / "train" / "one", suffix="flac")
    write_song(tmp_path / "train" / "two", ("vocals", "drums"), suffix="ogg")
    write_song(tmp_path / other / "three")
    sf.write(tmp_path / "train" / "one" / "mixture.flac", tone("vocals"), RATE_HZ)  # never read
    (tmp_path / "train" / "notes").mkdir()
    assert songs(tmp_path, "train") == {"one", "two"} and songs(tmp_path, "valid") == {"three"}
    corpus = Corpus(tmp_path, tmp_path / "cache")
    assert set(corpus.songs["two"]) == {"vocals", "drums"}
    assert all(not pool for pool in corpus.pool.values())
    assert corpus.sources == ["one", "two"]
    write_song(tmp_path / "valid" / "four")
    assert songs(tmp_path, "valid") == {"four"} | ({"three"} if other == "valid" else set())  # test/ stands in where no valid/ is


def test_songs_are_split_by_name_and_newcomers_move_nobody(tmp_path: Path) -> None:
    before: set[str | None] = set()
    for number in range(0, 60, 20):
        for i in range(number, number + 20):
            (tmp_path / f"tune {i}").mkdir()
            (tmp_path / f"tune {i}" / "vocals.wav").touch()
            (tmp_path / f"tune {i}" / "drums.wav").touch()
        valid = songs(tmp_path, "valid")
        assert 1 <= len(valid) < 10 + number / 5 and before <= valid
        assert len(songs(tmp_path, "train")) == number + 20 - len(valid)
        before = valid


@pytest.mark.parametrize("n_songs", [1, 2, 3])
def test_of_few_songs_one_is_kept_and_one_is_learned(tmp_path: Path, n_songs: int) -> None:
    for i in range(n_songs):
        write_song(tmp_path / f"s{i}", ("drums",))
    assert len(songs(tmp_path, "valid")) == (1 if n_songs > 1 else 0)
    assert songs(tmp_path, "train")


def test_pools_of_single_stems(tmp_path: Path) -> None:
    for role in ROLES:
        (tmp_path / role / "deeper").mkdir(parents=True)
        sf.write(tmp_path / role / "x.wav", tone(role), RATE_HZ)
        sf.write(tmp_path / role / "deeper" / "vocals.flac", tone(role, seed=1), RATE_HZ)  # the folder says what it is
        (tmp_path / role / "notes.txt").write_text("no sound")
        (tmp_path / role / ".hidden.wav").write_text("no sound")
    corpus = Corpus(tmp_path, tmp_path / "cache")
    assert {role: len(clips) for role, clips in corpus.pool.items()} == dict.fromkeys(ROLES, 2)
    assert not corpus.songs
    assert not Corpus(tmp_path, tmp_path / "cache", "valid").songs
    for song_share in (0.0, 1.0):  # there is none to draw from
        mix = random_mix(corpus, np.random.default_rng(1), 20000, song_share)
        assert mix.shape == (4, 2, 20000) and np.any(mix)


def test_an_index_gives_what_may_be_used_in_its_order(tmp_path: Path) -> None:
    index = []
    for i, (split, allowed) in enumerate((("train", True), ("train", False), ("valid", True), ("train", True))):
        write_song(tmp_path / f"s{i}", ROLES[::-1])
        index += [{"path": f"s{i}/{role}.wav", "role": role, "kind": "song-stem" if i < 3 else "loop", "song": f"s{i}", "split": split,
                   "source": f"from {i}", "weights_ok": allowed} for role in ROLES[::-1]]  # fmt: skip
    (tmp_path / "INDEX.json").write_text(json.dumps(index))
    sounds = find_sounds(tmp_path)
    assert [s.path.as_posix() for s in sounds] == [(tmp_path / e["path"]).as_posix() for e in index if e["weights_ok"]]
    corpus = Corpus(tmp_path, tmp_path / "cache")
    assert list(corpus.songs) == ["s0"] and corpus.sources == ["from 0", "from 3"]
    assert all(len(pool) == 1 for pool in corpus.pool.values())
    assert list(Corpus(tmp_path, tmp_path / "cache", "valid").songs) == ["s2"]


def test_several_folders_are_one_corpus_and_namesakes_stay_apart(tmp_path: Path) -> None:
    one, two = tiny_corpus(tmp_path / "one"), tmp_path / "two"
    write_song(two / "train" / "d", seed=9)
    (two / "bass").mkdir()
    sf.write(two / "bass" / "low.flac", tone("bass", seed=8), RATE_HZ)
    corpus = Corpus([one, two], tmp_path / "cache")
    assert list(corpus.songs) == ["a", "b", "d"]
    low = [np.asarray(clip.samples) for clip in corpus.pool["bass"]]
    assert len(low) == 2 and not np.array_equal(low[0], low[1])  # bass/low.flac twice
    assert list(Corpus([one, two], tmp_path / "cache", without_songs=("a",)).songs) == ["b", "d"]
    write_song(two / "train" / "a")
    with pytest.raises(BadInputError, match=r"'a' lies in 'one' for train and in 'two' for train"):
        find_sounds([one, two])
    write_song(one / "test" / "a")
    with pytest.raises(BadInputError, match=r"'a'.*valid"):
        find_sounds(one)


# ----------------------------------------------------------------------------------------------------------------- decoding


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("wav", "FLOAT"), ("flac", "PCM_24"), ("ogg", "VORBIS")])
@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_44100_hz_at_the_same_pitch_and_level(tmp_path: Path, rate_hz: int, suffix: str, subtype: str) -> None:
    def wave(at_hz: int, n: int) -> np.ndarray:
        return 0.5 * np.sin(2 * np.pi * 440 * np.arange(n) / at_hz)

    n = rate_hz + 17
    path = tmp_path / f"x.{suffix}"
    sf.write(path, np.stack([wave(rate_hz, n), -wave(rate_hz, n)], axis=1), rate_hz, subtype=subtype)
    out = decoded(path, tmp_path)
    assert out.dtype == np.int16 and out.flags.c_contiguous
    assert len(out) == pytest.approx(n * RATE_HZ / rate_hz, abs=1)
    inner = slice(3000, -3000)
    most = 0.03 if suffix == "ogg" else 1e-4
    assert np.abs(out[inner, 0] / 32768 - wave(RATE_HZ, len(out))[inner]).max() < most
    assert np.abs(out[inner, 0].astype(int) + out[inner, 1]).max() <= most * 32768


def test_integers_of_16_bits_stay_as_they_are_and_what_is_too_loud_saturates(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, (5000, 2)).astype(np.int16)
    sf.write(tmp_path / "x.wav", samples, RATE_HZ)
    assert np.array_equal(decoded(tmp_path / "x.wav", tmp_path), samples)
    sf.write(tmp_path / "y.wav", np.array([[2.0, -2.0]] * 10, dtype=np.float32), RATE_HZ, subtype="FLOAT")
    assert (decoded(tmp_path / "y.wav", tmp_path) == [32767, -32768]).all()


def test_mono_becomes_two_channels_and_of_more_the_first_two_are_taken(tmp_path: Path) -> None:
    for n_channels in (1, 3):
        samples = np.arange(100 * n_channels, dtype=np.int16).reshape(100, n_channels)
        sf.write(tmp_path / f"{n_channels}.wav", samples, RATE_HZ)
        out = decoded(tmp_path / f"{n_channels}.wav", tmp_path)
        assert np.array_equal(out, samples[:, [0, 0]] if n_channels == 1 else samples[:, :2])


def test_a_file_is_decoded_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    sf.write(path, np.full((100, 2), 0.25), RATE_HZ)
    first = decoded(path, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("engine.training.data.open_mixture", lambda _: pytest.fail("decoded again"))
        assert np.array_equal(decoded(path, tmp_path), first)
    sf.write(path, np.full((100, 2), 0.5), RATE_HZ)
    os.utime(path, ns=(1, 1))
    assert not np.array_equal(decoded(path, tmp_path), first)
    assert not list(tmp_path.glob("*.part*"))


# ------------------------------------------------------------------------------------------------------------- what is said


def test_what_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no folder .*nowhere"):
        find_sounds(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=r"'empty' \(it holds: nothing\); put"):
        find_sounds(tmp_path / "empty")
    (tmp_path / "empty" / "song.stem.mp4").touch()
    with pytest.raises(BadInputError, match=r"it holds: song\.stem\.mp4"):
        find_sounds(tmp_path / "empty")
    write_song(tmp_path / "two" / "s", ("vocals",))
    with pytest.raises(BadInputError, match="vocals alone"):
        find_sounds(tmp_path / "two")
    sf.write(tmp_path / "two" / "s" / "accompaniment.wav", tone("other"), RATE_HZ)
    with pytest.raises(BadInputError, match=r"'s' has an accompaniment.*drums, bass, other each alone"):
        find_sounds(tmp_path / "two")
    write_song(tmp_path / "three" / "s", ("vocals", "other"))
    with pytest.raises(BadInputError, match=r"no sound of drums and of bass .*found: 1 of vocals, 1 of other"):
        Corpus(tmp_path / "three", tmp_path / "cache")
    (tmp_path / "three" / "s" / "drums.wav").write_text("not a sound")
    with pytest.raises(BadInputError, match=r"drums\.wav"):
        Corpus(tmp_path / "three", tmp_path / "cache")


@pytest.mark.parametrize(
    ("text", "words"),
    [("{]", "cannot be read"), ("{}{}", "cannot be read"), ('{"a": 1}', "cannot be read"), ("[{}]", "without a path.*lacks 'weights_ok'"),
     ('[{"path": "x", "weights_ok": true, "kind": "song-stem"}]', "x.*lacks 'song'"),
     ('[{"path": "x", "weights_ok": true, "kind": "a", "role": "tuba", "split": "train", "source": ""}]', "role 'tuba'.*one of vocals")],
)  # fmt: skip
def test_a_faulty_index_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "INDEX.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        find_sounds(tmp_path)


def test_a_sound_that_the_index_names_and_that_is_gone_is_said(tmp_path: Path) -> None:
    entry = {"path": "gone.wav", "role": "bass", "kind": "loop", "split": "train", "source": "", "weights_ok": True}
    (tmp_path / "INDEX.json").write_text(json.dumps([entry]))
    with pytest.raises(BadInputError, match=r"gone\.wav.*cannot be read"):
        Corpus(tmp_path, tmp_path / "cache")


def test_mixes_of_a_corpus_of_songs_alone_need_no_pool(tmp_path: Path) -> None:
    for i in range(3):
        write_song(tmp_path / f"s{i}", seed=i)
    corpus = Corpus(tmp_path, tmp_path / "cache")
    for seed in range(8):
        mix = random_mix(corpus, np.random.default_rng(seed), 30000, 0.3)
        assert np.isfinite(mix).all() and np.any(mix)


def test_kicks_become_tighter_and_nothing_else_changes() -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    since = t % 0.5
    kick, hat = np.sin(2 * np.pi * 50 * since) * np.exp(-since / 0.3), 0.2 * np.sin(2 * np.pi * 6000 * t)
    stereo = np.stack([kick + hat, 0.5 * kick + hat]).astype(np.float32)
    tight = tightened(stereo, 4.0)
    assert tight.shape == stereo.shape and tight.dtype == np.float32

    def level(x: np.ndarray, start_s: float, end_s: float) -> float:
        part = x[0, (since >= start_s) & (since < end_s)]
        return float(np.sqrt(np.mean(np.square(part))))

    low, was = tight - hat, stereo - hat
    assert level(low, 0.0, 0.04) > 0.7 * level(was, 0.0, 0.04)  # the stroke is there
    assert level(low, 0.3, 0.48) < 0.25 * level(was, 0.3, 0.48)  # its tail is not
    assert np.abs(np.fft.rfft(tight[0] - stereo[0]))[2 * 1000 :].max() < 0.01 * np.abs(np.fft.rfft(stereo[0])).max()
    assert np.array_equal(tightened(np.zeros((2, 1000), np.float32), 3.0), np.zeros((2, 1000), np.float32))
