"""What happens to a program in real life: Ctrl-C, files that change or vanish, full disks, shut doors, odd names, closed pipes."""

import contextlib
import json
import os
import signal as signals
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from toys import Toy, recording, signal

from engine.atomic import TextWriter, all_or_none
from engine.audio_write import AudioWriter
from engine.cache import Cache, Scratch, StoredChunk
from engine.cli import run
from engine.cli_io import Ticker, target_folders
from engine.errors import BadInputError, Cancelled, EngineError, MethodError, TargetError
from engine.formats import OutputFormat
from engine.separate import separate
from engine.session import Session
from engine.tags import Tags, read_tags, write_tags
from engine.types import INT16, Progress

ROOT = Path(__file__).parents[2]
WAV16 = OutputFormat("WAV", "PCM_16")
HPSS = ["-m", "hpss"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("NULLSUM_CACHE", str(folder))
    return folder


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    sf.write(path, signal("noise", 2, 30000, INT16).T, 44100, subtype="PCM_16")
    return path


def left(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err.strip()
    assert said.startswith("nullsum: ") and said.endswith(".") and "\n" not in said, said
    assert "should not have" not in said, said
    return said


@contextlib.contextmanager
def files_no_larger_than(n_bytes: int) -> Iterator[None]:
    """What a full disk does to a program."""
    resource = pytest.importorskip("resource")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signals.signal(signals.SIGXFSZ, signals.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signals.signal(signals.SIGXFSZ, handler)


# --- Ctrl-C


@pytest.mark.skipif(os.name == "nt", reason="SIGINT")
@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("moment", ["importing", "separating", "writing"])
def test_ctrl_c_ends_with_a_sentence_and_code_1_and_leaves_nothing(tmp_path: Path, moment: str, presses: int) -> None:
    song = tmp_path / "song.wav"
    sf.write(song, signal("noise", 2, 44100 * 25, INT16).T, 44100, subtype="PCM_16")
    env = {**os.environ, "NULLSUM_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "engine", "separate", str(song), "-o", str(tmp_path / "out"), *HPSS]
    process = subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun = {"importing": lambda: True, "separating": lambda: any((tmp_path / "cache").rglob("*.npy")),
             "writing": lambda: any((tmp_path / "out").rglob("*.tmp"))}[moment]  # fmt: skip
    time.sleep(0.5)
    while not begun():
        assert process.poll() is None
        time.sleep(0.005)
    for _ in range(presses):
        process.send_signal(signals.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and out == "", err
    assert err == "" or (err.startswith("nullsum: ") and err.count("\n") == 1), err  # empty: Python itself was still starting
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_ctrl_c_while_the_files_are_checked_leaves_nothing(tmp_path: Path, song: Path) -> None:
    said: list[str] = []
    with Session(song, "hpss", None) as session, pytest.raises(Cancelled):
        session.export_stems(tmp_path / "out", WAV16, session.stretch(), report=lambda p: said.append(p.what),
                             is_cancelled=lambda: "Checking the files" in said)  # fmt: skip
    assert "Checking the files" in said and not (tmp_path / "out").exists()


# --- several files, all or none


def test_when_one_file_cannot_appear_no_leftover_stays(tmp_path: Path) -> None:
    writers = [AudioWriter(tmp_path / f"{n}.wav", 44100, 1, WAV16) for n in "abc"]

    def somebody_is_faster() -> tuple[()]:
        (tmp_path / "b.wav").mkdir()
        return ()

    def export() -> None:
        with all_or_none(writers, somebody_is_faster):
            for writer in writers:
                writer.write(np.ones((1, 10), np.int16))

    with pytest.raises(TargetError):
        export()
    assert not [name for name in left(tmp_path) if name.startswith(".")]


def test_what_is_refused_between_finishing_and_appearing_never_appears(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "a.wav", 44100, 1, WAV16)

    def refuse() -> list[TextWriter]:
        assert sf.info(writer.temporary).frames == 10  # whole already
        raise BadInputError("no")

    with pytest.raises(BadInputError), all_or_none([writer], refuse):
        writer.write(np.ones((1, 10), np.int16))
    assert left(tmp_path) == []
    with all_or_none([writer := AudioWriter(tmp_path / "a.wav", 44100, 1, WAV16)], lambda: [TextWriter(tmp_path / "a.txt", "ü \udcff")]):
        writer.write(np.ones((1, 10), np.int16))
    assert left(tmp_path) == ["a.txt", "a.wav"] and (tmp_path / "a.txt").read_text(encoding="utf-8") == "ü \\udcff"


def test_a_second_ctrl_c_while_tidying_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, pressed = AudioWriter.give_up, []

    def give_up(writer: AudioWriter) -> None:
        if not pressed:
            pressed.append(1)
            raise KeyboardInterrupt
        plain(writer)

    monkeypatch.setattr(AudioWriter, "give_up", give_up)
    with pytest.raises(Cancelled), all_or_none([AudioWriter(tmp_path / f"{n}.wav", 44100, 1, WAV16) for n in "ab"]):
        raise Cancelled
    assert pressed and left(tmp_path) == []


# --- the song changes or goes away


def test_a_song_that_changes_while_it_is_open_is_told_and_nothing_is_written(tmp_path: Path, song: Path) -> None:
    with Session(song, "hpss", None) as session:
        x = signal("noise", 2, 30000, INT16, seed=1).T
        sf.write(song, x, 44100, subtype="PCM_16")
        os.utime(song, ns=(1, 1))
        with pytest.raises(BadInputError, match="changed on disk"):
            session.export_stems(tmp_path / "out", WAV16, session.stretch())
        with pytest.raises(BadInputError, match="changed on disk"):
            session.export_remix(tmp_path / "remix.wav", WAV16, session.stretch())
    assert left(tmp_path) == ["song.wav"]


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
def test_a_song_that_is_deleted_while_it_is_open_is_finished_with_its_tags(tmp_path: Path, song: Path) -> None:
    write_tags(song, Tags({"title": "Gone"}))
    with Session(song, "hpss", None) as session:
        def delete(progress: Progress) -> None:
            song.unlink(missing_ok=True)

        _, said = session.export_stems(tmp_path / "out", WAV16, session.stretch(), report=delete)
    assert said.result.exact and said.result.adds_up
    assert read_tags(tmp_path / "out" / "harmonic.wav").text["title"] == "Gone"


def test_a_method_that_refuses_lets_go_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.audio import FileMixture

    sf.write(tmp_path / "mono.wav", np.zeros(100), 44100)
    closed: list[int] = []
    monkeypatch.setattr(FileMixture, "close", lambda self: closed.append(1))
    with pytest.raises(MethodError):
        Session(tmp_path / "mono.wav", "adress")
    assert closed


# --- disks and doors


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["separate", str(song), "-o", str(tmp_path / "first"), *HPSS]) == 0  # so that the masks are there
    before = left(tmp_path)
    capsys.readouterr()
    with files_no_larger_than(50_000):
        assert run(["separate", str(song), "-o", str(tmp_path / "out"), *HPSS]) == 2
        assert "make room" in sentence(capsys)
        assert run(["remix", str(song), "-o", str(tmp_path / "r.wav"), *HPSS, "--harmonic", "1"]) == 2
        assert "make room" in sentence(capsys)
    assert left(tmp_path) == before


@pytest.mark.parametrize("more", [[], ["--no-cache"]])
def test_a_full_cache_disk_is_one_sentence(
    tmp_path: Path, song: Path, own_cache: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    with files_no_larger_than(10_000):
        assert run(["separate", str(song), "-o", str(tmp_path / "out"), *HPSS, *more]) == 1
    said = sentence(capsys)
    assert "cannot take the masks" in said and "requested" not in said
    assert not (tmp_path / "out").exists() and not [p for p in own_cache.rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_separated(
    tmp_path: Path, song: Path, own_cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["remix", str(song), "-o", str(tmp_path / "no" / "r.wav"), *HPSS, "--harmonic", "1"]) == 2
    assert "no folder" in sentence(capsys)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for words in (["separate", "-o", str(tmp_path / "out")], ["remix", "-o", str(tmp_path / "r.wav"), "--harmonic=1"]):
        assert run([*words, str(song), *HPSS]) == 2
        assert "read-only" in sentence(capsys)
    assert left(own_cache) == [] and left(tmp_path) == ["song.wav"]


def test_doors_that_are_shut_are_sentences(
    tmp_path: Path, song: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", shut)
    for words in (["separate", str(song), "-o", str(tmp_path / "o")], ["info", str(song)], ["nulltest", str(song), str(song)]):
        assert run(words) == 2
        assert "Permission denied" in sentence(capsys)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_the_source_is_known_through_every_link(tmp_path: Path, song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "soft.wav").symlink_to(song)
    (tmp_path / "hard.wav").hardlink_to(song)
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "gone.wav")
    for name in ("song", "soft", "hard"):
        assert run(["remix", str(song), "-o", str(tmp_path / f"{name}.wav"), *HPSS, "--overwrite"]) == 2
        assert "the song itself" in sentence(capsys)
    assert run(["remix", str(tmp_path / "soft.wav"), "-o", str(song), *HPSS, "--overwrite"]) == 2
    assert "the song itself" in sentence(capsys)
    assert run(["remix", str(song), "-o", str(tmp_path / "nowhere.wav"), *HPSS]) == 2
    assert "there already" in sentence(capsys)
    assert run(["remix", str(song), "-o", str(tmp_path / "nowhere.wav"), *HPSS, "--overwrite"]) == 0
    assert (tmp_path / "nowhere.wav").is_file() and not (tmp_path / "nowhere.wav").is_symlink()


# --- words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["separate", "SONG", "-o", "OUT", "--headroom", "inf"], "headroom"),
        (["remix", "SONG", "-o", "OUT.wav", "--headroom", "nan"], "headroom"),
        (["separate", "SONG", "-o", "OUT", "-r", ""], "cannot be read"),
        (["separate", "SONG", "-o", "OUT", "-r", "0.1:0.1"], "does not lie in"),
        (["cache", "--limit", "nan"], "--limit"),
        (["cache", "--limit", "inf"], "--limit"),
        (["remix", "DIR", "-o", "OUT.wav"], "means 2 files"),
        (["nulltest", "DIR", "SONG"], "means 2 files"),
        (["separate", "DIR/fold*", "-o", "OUT"], "Nothing matches"),
        (["remix", "DIR/fold*", "-o", "OUT.wav"], "Nothing matches"),
        (["remix", "SONG", "-o", "DIR"], "is a folder"),
        (["remix", "SONG", "-o", "DIR/" + "y" * 300 + ".wav"], "too long"),
        (["separate", "SONG", "-o", "DIR/" + "y" * 300], "too long"),
        (["info", "y" * 300], "too long"),
    ],
)
def test_impossible_words_are_one_sentence(
    tmp_path: Path, song: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "second.wav").write_bytes(song.read_bytes())
    before = left(tmp_path)
    places = {"SONG": str(song), "DIR": str(tmp_path), "OUT": str(tmp_path / "out")}

    def filled(word: str) -> str:
        for name, place in places.items():
            word = word.replace(name, place)
        return word

    method = HPSS if words[0] in ("separate", "remix") else []
    assert run([*map(filled, words), *method]) == 2
    assert expected in sentence(capsys) and left(tmp_path) == before
    run([*map(filled, words), *method, "--json"])
    assert expected in json.loads(capsys.readouterr().out)["error"]


def test_no_two_songs_share_a_folder_and_none_leaves_it() -> None:
    names = "song.wav song.flac song.wav.aiff Song.WAV ...wav ..wav .wav a/x.wav b/x.wav x_(2).wav x.wav.wav".split()
    paths = [Path(name.replace("_", " ")) for name in names]
    folders = target_folders(paths, Path("out"))
    assert set(folders) == set(paths)
    assert len({str(f).casefold() for f in folders.values()}) == len(paths)
    assert all(f.parent == Path("out") and f.name not in ("", ".", "..") for f in folders.values())
    one, two = Path("a/one.wav"), Path("two.flac")
    assert target_folders([one, two], Path("o")) == {one: Path("o/one"), two: Path("o/two")}


def test_a_stem_that_is_named_twice_counts_twice(tmp_path: Path, song: Path) -> None:
    half = tmp_path / "half.wav"
    sf.write(half, (signal("noise", 2, 30000, INT16) // 2).T, 44100, subtype="PCM_16")
    even = tmp_path / "even.wav"
    sf.write(even, (signal("noise", 2, 30000, INT16) // 2 * 2).T, 44100, subtype="PCM_16")
    assert run(["nulltest", str(song), str(song), str(song)]) == 1
    assert run(["nulltest", str(even), str(half), str(half)]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    songs = []
    for ending in ("wav", "mp3", "flac"):
        songs.append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff" + f"{ending}.{ending}".encode())))
        sf.write(tmp_path / f"x.{ending}", signal("noise", 2, 30000, INT16).T, 44100)
        write_tags(tmp_path / f"x.{ending}", Tags({"title": "t"}))
        (tmp_path / f"x.{ending}").rename(songs[-1])
    words = [sys.executable, "-m", "engine", "separate", *map(str, songs), "-o", str(tmp_path / "out"), *HPSS]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for song in songs:
        assert (tmp_path / "out" / song.stem / "null-report.json").exists()
        assert read_tags(next((tmp_path / "out" / song.stem).glob("harmonic.*"))).text == {"title": "t"}


@pytest.mark.skipif(os.name == "nt", reason="sh")
@pytest.mark.parametrize(("where", "code"), [("2>&-", 0), (">&- 2>&-", 0), (">/dev/full", 1)])
def test_closed_and_full_pipes(tmp_path: Path, song: Path, where: str, code: int) -> None:
    if "full" in where and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    words = f"{sys.executable} -m engine separate {song} -o {tmp_path / 'out'} -m hpss {where}"
    done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code and "Traceback" not in done.stderr and "should not have" not in done.stderr
    assert (tmp_path / "out" / "song" / "null-report.txt").exists()


def test_the_song_of_a_remix_may_stand_anywhere(tmp_path: Path, song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "r.wav"), "--overwrite", "--json", *HPSS]
    gains = [["--harmonic", "+2"], ["--harmonic", "2"], ["--harmonic=2"]]
    for words in [[str(song), *g] for g in gains] + [[*g, str(song)] for g in gains]:
        assert run(["remix", *words, *out]) == run(["remix", *out, *words]) == 0
        assert '"harmonic": 2.0' in capsys.readouterr().out
    assert run(["remix", str(song), "stray", *out]) == 2
    assert "One song" in sentence(capsys)


def test_a_name_with_brackets_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Ticker("song [/red] [live.wav") as ticker:
        ticker.report(Progress("Separating", 0.5))
        assert ticker._bar.get_renderable() is not None  # rich reads the name here


def test_tags_and_cover_go_along(tmp_path: Path) -> None:
    pytest.importorskip("av")
    song = tmp_path / "song.flac"
    sf.write(song, signal("noise", 2, 30000, INT16).T, 44100, subtype="PCM_16")
    tags = Tags({"title": "Ein Lied", "artist": "東京", "tracknumber": "3/12"}, b"\xff\xd8\xff\xe0 a cover", "image/jpeg")
    write_tags(song, tags)
    for ending in ("flac", "wav", "m4a"):
        assert run(["separate", str(song), "-o", str(tmp_path / ending), *HPSS, "-f", ending]) == 0
        assert read_tags(tmp_path / ending / "song" / f"harmonic.{ending}") == tags
        assert json.loads((tmp_path / ending / "song" / "null-report.json").read_text(encoding="utf-8"))["result"]["exact"]
    assert run(["remix", str(tmp_path / "m4a" / "song" / "harmonic.m4a"), "-o", str(tmp_path / "r.mp3"), *HPSS, "--harmonic", "-3"]) == 0
    assert read_tags(tmp_path / "r.mp3").text == dict(tags.text)


@pytest.mark.parametrize("value", [1.7e308, -1e31])
def test_a_float_beyond_all_sound_is_refused_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: float) -> None:
    x = np.zeros((44100, 2))
    x[22050, 1] = value
    sf.write(tmp_path / "x.wav", x, 44100, subtype="DOUBLE")
    assert run(["separate", str(tmp_path / "x.wav"), "-o", str(tmp_path / "o"), *HPSS]) == 2
    assert "absurd" in (said := sentence(capsys)) and "0.500 s in channel 2" in said
    x[22050, 1] = 1e30 * np.sign(value)  # what is not refused passes with every fader up
    sf.write(tmp_path / "x.wav", x, 44100, subtype="FLOAT")
    assert run(["remix", str(tmp_path / "x.wav"), "-o", str(tmp_path / "r.wav"), *HPSS, "--harmonic", "60", "--gain", "60"]) == 0


# --- the cache


def test_chunks_in_use_outlive_the_limit(tmp_path: Path) -> None:
    mixture = recording(n_samples=150_000)
    masks = separate(mixture, Toy(), Cache(tmp_path, limit_bytes=1))  # a song larger than the whole cache may take
    assert masks.frames(0, masks.grid.n_frames(masks.seconds)).any()
    Cache(tmp_path, limit_bytes=1).trim()
    assert Cache(tmp_path).usage().n_chunks == 0


def test_what_another_process_writes_is_not_trimmed_and_what_was_left_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (cache.folder / "ab").mkdir(parents=True)
    fresh, stale = cache.folder / "ab" / "fresh.part", cache.folder / "ab" / "stale.part"
    fresh.write_bytes(b"x")
    stale.write_bytes(b"x")
    os.utime(stale, (1, 1))
    assert cache.clear() == 1
    assert fresh.exists() and not stale.exists()


def test_a_cache_of_somebody_else_can_be_read_and_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixture, cache = recording(n_samples=9000), Cache(tmp_path)
    separate(mixture, Toy(), cache)

    def forbidden(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", forbidden)
        patch.setattr(Path, "unlink", forbidden)
        patch.setattr(Toy, "shares", None)  # nothing is made again
        assert isinstance(separate(mixture, Toy(), cache).chunks[0], StoredChunk)
        assert cache.clear() == 0
    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", forbidden)
        with pytest.raises(EngineError, match="cannot be read"):
            cache.usage()


def test_without_a_cache_masks_are_the_same_and_lie_on_the_disk() -> None:
    mixture, scratch = recording(n_samples=150_000), Scratch()
    masks, plain = separate(mixture, Toy(), scratch), separate(mixture, Toy())
    n = masks.grid.n_frames(masks.seconds)
    assert masks.n_chunks >= 3 and np.array_equal(masks.frames(0, n), plain.frames(0, n))
    assert scratch.usage().n_chunks == 0  # nothing in the user's cache
    assert os.fstat(scratch._file.fileno()).st_size >= sum(plain.chunks[k]().nbytes for k in plain.chunks)


@pytest.mark.parametrize("said", ["4,2", "", "many", "3"])
def test_openmp_words_do_not_matter(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    from engine.device import choose

    monkeypatch.setenv("OMP_NUM_THREADS", said)
    choose.cache_clear()
    assert "thread" in choose("cpu").words
    choose.cache_clear()
