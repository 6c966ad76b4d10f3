"""Nothing that was there is lost: files that come meanwhile, sets that half appear, songs of the same batch, songs that change."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from mutagen.flac import FLAC

from app.bridge_work import ExportWish, write_files
from engine import atomic
from engine.atomic import Moved, TextWriter, all_or_none
from engine.cli import run
from engine.errors import BadInputError, Cancelled, TargetError
from engine.session import Session
from engine.types import Mix, Progress, StemMix

NAMES = ("a.txt", "b.txt", "c.txt")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NULLSUM_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav")


def write(path: Path, seed: int = 0, subtype: str = "PCM_16", peak: float = 0.4) -> Path:
    x = np.random.default_rng(seed).uniform(-peak, peak, (20_000, 2))
    sf.write(path, x, 44100, subtype=subtype)
    return path


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- several files take their places, or none does


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("fails_at", [0, 1, 2, None])
@pytest.mark.parametrize("there", [(), ("a.txt",), ("b.txt", "c.txt"), NAMES])
def test_a_set_appears_whole_or_everything_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], fails_at: int | None, links: bool
) -> None:
    for name in there:
        (tmp_path / name).write_text(f"old {name}")
    before = listing(tmp_path)
    plain = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if fails_at is not None and Path(target).name == NAMES[fails_at] and self.suffix == ".tmp":
            raise OSError(16, "Device or resource busy")
        return plain(self, target)

    def no_links(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "replace", replace)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    files = [TextWriter(tmp_path / name, f"new {name}") for name in NAMES]
    if fails_at is None:
        with all_or_none(files):
            pass
        assert listing(tmp_path) == {name: f"new {name}".encode() for name in NAMES}
    else:
        with pytest.raises(TargetError), all_or_none(files):
            pass
        assert listing(tmp_path) == before


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_without_overwrite_what_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    files = [TextWriter(tmp_path / name, "new", may_replace=False) for name in NAMES]
    with pytest.raises(TargetError, match=r"b\.txt.*came to be there meanwhile"), all_or_none(files):
        (tmp_path / "b.txt").write_text("somebody's")
    assert listing(tmp_path) == {"b.txt": b"somebody's"}
    (tmp_path / "b.txt").unlink()
    with all_or_none([TextWriter(tmp_path / name, "new", may_replace=False) for name in NAMES]):
        pass
    assert listing(tmp_path) == dict.fromkeys(NAMES, b"new")


def test_whole_files_from_elsewhere_take_their_places_together(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    for name in NAMES:
        (aside / name).write_text("new")
    (tmp_path / "c.txt").write_text("somebody's")
    with pytest.raises(TargetError), all_or_none([Moved(aside / name, tmp_path / name, may_replace=False) for name in NAMES]):
        pass
    assert not (tmp_path / "a.txt").exists() and (tmp_path / "c.txt").read_text() == "somebody's"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_that_was_to_be_replaced_is_a_link_again(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old")
    (tmp_path / "a.txt").symlink_to(tmp_path / "kept.txt")
    (tmp_path / "b.txt").mkdir()  # where no file can appear
    with pytest.raises(TargetError), all_or_none([TextWriter(tmp_path / name, "new") for name in ("a.txt", "b.txt")]):
        pass
    assert (tmp_path / "a.txt").is_symlink() and (tmp_path / "a.txt").read_text() == "old"
    assert not list(tmp_path.glob(f"{atomic.TEMP_PREFIX}*"))


def test_what_is_kept_aside_is_gone_in_the_end(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text("old")
    with all_or_none([TextWriter(tmp_path / name, "new") for name in NAMES]):
        pass
    assert not list(tmp_path.glob(f"{atomic.TEMP_PREFIX}*"))


# --- exports


class Job:
    """A job that looks on, and does something when the files are being written."""

    def __init__(self, when: str, do: object) -> None:
        self.when, self.do, self.said = when, do, []  # type: ignore[var-annotated]

    def report(self, progress: Progress) -> None:
        if progress.what == self.when and not self.said:
            self.said.append(progress.what)
            self.do()  # type: ignore[operator]

    def is_cancelled(self) -> bool:
        return False


@pytest.mark.parametrize("when", ["Writing stems", "Writing the remix"])
@pytest.mark.parametrize("how", ["cancelled", "refused"])
def test_a_stopped_export_takes_nothing_away_that_others_put_there(tmp_path: Path, song: Path, when: str, how: str) -> None:
    foreign = tmp_path / "out" / "song - harmonic.wav"

    def meanwhile() -> None:
        foreign.write_bytes(b"a bounce")
        if how == "cancelled":
            raise Cancelled("The export")

    wish = ExportWish(tmp_path / "out", stems=True, remix=True)
    (tmp_path / "out").mkdir()
    with Session(song, "hpss", None) as session, pytest.raises(Cancelled if how == "cancelled" else TargetError):
        write_files(session, wish, Job(when, meanwhile), Mix({"harmonic": StemMix(gain_db=-3.0)}))  # type: ignore[arg-type]
    assert listing(tmp_path / "out") == {foreign.name: b"a bounce"}


def test_stems_and_remix_appear_together(tmp_path: Path, song: Path) -> None:
    seen: list[list[str]] = []
    with Session(song, "hpss", None) as session:
        job = Job("Writing the remix", lambda: seen.append(sorted(p.name for p in (tmp_path / "new" / "out").glob("[!.]*"))))
        exported = write_files(session, ExportWish(tmp_path / "new" / "out", remix=True), job, Mix({"harmonic": StemMix(mute=True)}))  # type: ignore[arg-type]
    assert seen == [[]] and all(p.exists() for p in exported.files) and len(exported.files) == 3
    assert not list((tmp_path / "new" / "out").glob(".*"))


@pytest.mark.parametrize("command", ["separate", "remix"])
def test_the_command_line_leaves_alone_what_came_meanwhile(
    tmp_path: Path, song: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    target = tmp_path / ("out/song/harmonic.wav" if command == "separate" else "out/remix.wav")
    (tmp_path / "out").mkdir()
    plain = Session.separate

    def separate(self: Session, *args: object, **more: object) -> None:
        plain(self, *args, **more)  # type: ignore[arg-type]
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"a bounce")

    monkeypatch.setattr(Session, "separate", separate)
    words = {"separate": [str(song), "-o", str(tmp_path / "out")], "remix": [str(song), "--harmonic", "-3", "-o", str(target)]}[command]
    assert run([command, "-m", "hpss", *words]) == 2
    assert "came to be there meanwhile" in capsys.readouterr().err
    assert listing(tmp_path / "out") == {str(target.relative_to(tmp_path / "out")): b"a bounce"}


def test_no_song_of_a_batch_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write(tmp_path / "x.wav"), tmp_path / "x" / "harmonic.wav"
    second.parent.mkdir()
    write(second, seed=1)
    before = second.read_bytes()
    assert run(["separate", str(first), str(second), "-o", str(tmp_path), "-m", "hpss", "--overwrite"]) == 2
    assert second.read_bytes() == before and "one of the songs" in capsys.readouterr().err


def test_a_song_that_changes_while_its_remix_is_written_leaves_none(tmp_path: Path, song: Path) -> None:
    with Session(song, "hpss", None) as session:
        session.separate()
        session.mix = Mix({"harmonic": StemMix(gain_db=-3.0)})

        def changes(progress: Progress) -> None:
            if progress.what == "Writing the remix":
                write(song, seed=2)
                os.utime(song, (1, 1))

        with pytest.raises(BadInputError, match="changed on disk"):
            session.export_remix(tmp_path / "out.wav", session.output_format(), session.stretch(), report=changes)
    assert not (tmp_path / "out.wav").exists() and not list(tmp_path.glob(".*"))


# --- what goes above full scale is said


@pytest.mark.parametrize("ending", ["mp3", "ogg", "wav"])
def test_a_remix_above_full_scale_is_said_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    song = write(tmp_path / "loud.wav", peak=0.9)
    for gain, is_said in (("+12", True), ("-12", False)):
        assert run(["remix", str(song), "--harmonic", gain, "-m", "hpss", "-o", str(tmp_path / f"r{gain}.{ending}")]) == 0
        assert ("samples clipped" in capsys.readouterr().out) == is_said


def test_a_loud_float_song_may_be_lowered_by_its_faders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = write(tmp_path / "float.wav", subtype="FLOAT", peak=2.0)
    words = ["remix", str(song), "-m", "hpss", "-s", "PCM_16"]
    assert run([*words, "--gain", "-12", "-o", str(tmp_path / "low.wav")]) == 0
    assert "clipped" not in capsys.readouterr().out
    assert run([*words, "-o", str(tmp_path / "neutral.wav")]) == 2  # whose promise is the song itself
    assert "above full scale" in capsys.readouterr().err


def test_a_remix_says_what_it_does_not_carry_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = tmp_path / "tagged.flac"
    sf.write(song, np.random.default_rng(0).uniform(-0.3, 0.3, (20_000, 2)), 44100)
    tagged = FLAC(song)
    tagged["title"], tagged["artist"] = "Night", "Ada"
    tagged.save()
    assert run(["remix", str(song), "-m", "hpss", "-o", str(tmp_path / "r.w64")]) == 0
    out = capsys.readouterr().out
    assert "Not carried on from the source: " in out and "title" in out
    assert run(["remix", str(song), "-m", "hpss", "-o", str(tmp_path / "r.flac")]) == 0
    assert "Not carried on" not in capsys.readouterr().out
