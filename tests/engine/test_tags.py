"""Tags: what is written is read back, what cannot be held is told, and no sample ever changes."""

from pathlib import Path

import mutagen.flac
import mutagen.id3
import numpy as np
import pytest

import engine.tags
from engine.audio import open_mixture
from engine.audio_write import AudioWriter
from engine.errors import TargetError
from engine.formats import OutputFormat
from engine.tags import ATTRIBUTES, Tags, read_tags, tags_lost, write_tags
from engine.types import Array

TEXT = {
    "title": "Blå – 音楽", "artist": "Ünï & Cø", "album": "Nullsum", "albumartist": "Various", "composer": "J. S. B.", "date": "2024-05-06",
    "genre": "Jazz", "tracknumber": "3/12", "discnumber": "1/2", "comment": "line one\nline two", "bpm": "128", "copyright": "© us",
    "isrc": "DEABC1234567",
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + np.random.default_rng(0).bytes(70_001)
JPEG = b"\xff\xd8\xff\xe0" + np.random.default_rng(1).bytes(3001)
FULL = Tags(TEXT, PNG, "image/png")
KEEP_ALL = [
    ("WAV", "PCM_16"), ("WAVEX", "PCM_24"), ("WAV", "FLOAT"), ("AIFF", "PCM_24"), ("AIFF", "PCM_S8"), ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("M4A", "ALAC_16"), ("M4A", "AAC"),
]  # fmt: skip
KEEP_SOME = [("CAF", "PCM_16"), ("RF64", "PCM_24"), ("CAF", "FLOAT")]
KEEP_NONE = [("W64", "PCM_16"), ("AU", "PCM_16")]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def write(path: Path, fmt: OutputFormat, tags: Tags | None = None, n: int = 5001) -> tuple[Array, list[str]]:
    """Write a tagged file; what open_mixture then reads, and what was lost."""
    if fmt.container == "M4A":
        pytest.importorskip("av")
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (1, n))
    kind = fmt.sample_type
    samples = (x if kind.is_float else np.rint(x * kind.full_scale)).astype(kind.dtype)
    with AudioWriter(path, 48000, 1, fmt, tags=tags) as writer:
        writer.write(samples)
    return heard(path), writer.tags_lost


def heard(path: Path) -> Array:
    with open_mixture(path) as mixture:
        return mixture.read(-10, mixture.info.n_samples + 20)


@pytest.mark.parametrize("container,subtype", KEEP_ALL)
def test_everything_is_kept_and_no_sample_changes(tmp_path: Path, container: str, subtype: str) -> None:
    fmt = OutputFormat(container, subtype)
    plain, lost = write(tmp_path / "plain", fmt)
    assert lost == []
    for cover in ((PNG, "image/png"), (JPEG, "image/jpeg"), (None, "")):
        tags = Tags(TEXT, *cover)
        tagged, lost = write(tmp_path / "tagged", fmt, tags)
        assert (lost, tags_lost(tags, fmt)) == ([], [])
        np.testing.assert_array_equal(tagged, plain)
        assert read_tags(tmp_path / "tagged") == tags
    assert names(tmp_path) == ["plain", "tagged"]


@pytest.mark.parametrize("container,subtype", KEEP_SOME + KEEP_NONE)
def test_what_a_container_cannot_hold_is_told_before_and_after(tmp_path: Path, container: str, subtype: str) -> None:
    fmt = OutputFormat(container, subtype)
    plain, _ = write(tmp_path / "plain", fmt)
    tagged, lost = write(tmp_path / "tagged", fmt, FULL)
    np.testing.assert_array_equal(tagged, plain)
    kept = set(ATTRIBUTES) if (container, subtype) in KEEP_SOME else set()
    assert lost == tags_lost(FULL, fmt) == [*sorted(set(TEXT) - kept), "cover"]
    assert read_tags(tmp_path / "tagged") == Tags({word: TEXT[word] for word in TEXT if word in kept})


@pytest.mark.parametrize("container,subtype", KEEP_ALL + KEEP_NONE)
def test_tagging_a_finished_file(tmp_path: Path, container: str, subtype: str) -> None:
    path, fmt = tmp_path / "x", OutputFormat(container, subtype)
    before, _ = write(path, fmt, Tags({"title": "old", "genre": "Rock"}, JPEG, "image/jpeg"))
    new = Tags({"title": "new", "bpm": "99"}, PNG, "image/png")
    lost = write_tags(path, new)
    np.testing.assert_array_equal(heard(path), before)
    assert names(tmp_path) == ["x"]
    if (container, subtype) in KEEP_NONE:
        assert lost == ["bpm", "title", "cover"]
        assert not read_tags(path)
    else:
        assert lost == []
        assert read_tags(path) == Tags({"title": "new", "genre": "Rock", "bpm": "99"}, PNG, "image/png")


def test_tagging_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write(path, OutputFormat("WAV", "PCM_16"))
    before = path.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine.tags, "_put_text", full)
    with pytest.raises(TargetError, match=r'"x.wav" could not be tagged \(No space left'):
        write_tags(path, FULL)
    with pytest.raises(TargetError, match="disk is full"):
        write(path, OutputFormat("WAV", "PCM_16"), FULL)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["x.wav"]
    with pytest.raises(TargetError, match="could not be tagged"):
        write_tags(tmp_path / "gone.wav", FULL)


def test_what_a_kind_of_tag_cannot_say_is_told(tmp_path: Path) -> None:
    odd = Tags({"bpm": "120.5", "tracknumber": "A3", "title": "t", "mood": "calm", "date": "some day in May"})
    _, lost = write(tmp_path / "x.flac", OutputFormat("FLAC", "PCM_16"), odd)
    assert lost == ["mood"] == tags_lost(odd, OutputFormat("FLAC", "PCM_16"))
    _, lost = write(tmp_path / "x.m4a", OutputFormat("M4A", "ALAC_16"), odd)
    assert lost == ["bpm", "mood", "tracknumber"]
    assert read_tags(tmp_path / "x.m4a").text["title"] == "t"
    _, lost = write(tmp_path / "x.wav", OutputFormat("WAV", "PCM_16"), odd)
    assert "mood" in lost
    assert "title" not in lost


def test_a_cover_too_large_for_flac_is_left_out_and_told(tmp_path: Path) -> None:
    tags = Tags({"title": "t"}, bytes(16 * 2**20), "image/png")
    _, lost = write(tmp_path / "x.flac", OutputFormat("FLAC", "PCM_16"), tags)
    assert lost == ["cover"] == tags_lost(tags, OutputFormat("FLAC", "PCM_16"))
    assert read_tags(tmp_path / "x.flac").text == {"title": "t"}


def test_files_without_tags_and_files_that_are_no_sound(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello" * 50)
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "id3.mp3").write_bytes(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100))
    (tmp_path / "flac.flac").write_bytes(b"fLaC" + b"\xff" * 100)
    (tmp_path / "m.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + b"\xff" * 100)
    for path in [*tmp_path.iterdir(), tmp_path / "gone.wav", tmp_path]:
        assert not read_tags(path)
    write(tmp_path / "x.wav", OutputFormat("WAV", "PCM_16"))
    assert read_tags(tmp_path / "x.wav") == Tags()


def test_several_values_and_several_pictures(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    write(path, OutputFormat("FLAC", "PCM_16"))
    file = mutagen.flac.FLAC(path)
    file["artist"] = ["One", "Two"]
    for kind, data in ((4, b"back"), (3, b"front")):
        picture = mutagen.flac.Picture()
        picture.type, picture.data, picture.mime = kind, data, "image/jpeg"
        file.add_picture(picture)
    file.save()
    assert read_tags(path) == Tags({"artist": "One; Two"}, b"front", "image/jpeg", ("1 more picture",))


def test_hidden_comments_of_players_are_not_comments(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    write(path, OutputFormat("MP3", "MPEG_LAYER_III"))
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text=["0000 1111"]))
    tags.save(path)
    assert read_tags(path) == Tags()
    tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="", text=["nice"]))
    tags.save(path)
    assert read_tags(path).text == {"comment": "nice"}
