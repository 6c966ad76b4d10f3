"""What a file says beyond the tags that are carried on: old encodings are read, and what is not carried is named, never passed over."""

import struct
from pathlib import Path

import mutagen.flac
import mutagen.id3
import mutagen.mp4
import numpy as np
import pytest
import soundfile as sf

from engine.audio import open_mixture
from engine.audio_write import AudioWriter
from engine.formats import OutputFormat
from engine.tags import Tags, read_tags, tags_lost
from engine.types import INT16

SAMPLES = np.random.default_rng(0).integers(-9000, 9000, (1, 3001)).astype(np.int16)
CHUNKS = {"bext": 602, "iXML": 33, "cue ": 28, "smpl": 36, "acid": 24, "cart": 7}  # names and lengths, odd ones among them
TARGETS = [OutputFormat("WAV", "PCM_16"), OutputFormat("FLAC", "PCM_16"), OutputFormat("CAF", "PCM_16"), OutputFormat("AU", "PCM_16")]


def chunk(name: str, body: bytes, order: str = "<") -> bytes:
    return name.encode() + struct.pack(f"{order}I", len(body)) + body + bytes(len(body) % 2)


def info(**fields: bytes) -> bytes:
    return chunk("LIST", b"INFO" + b"".join(chunk(name, value + b"\0") for name, value in fields.items()))


def wav(path: Path, before: bytes = b"", after: bytes = b"", container: str = "WAV") -> Path:
    """A mono WAV, RF64 or AIFF with chunks before and after its sound."""
    sf.write(path, SAMPLES.T, 48000, "PCM_16", format=container)
    data, mark = path.read_bytes(), b"SSND" if container == "AIFF" else b"data"
    at = data.index(mark, 80 if container == "RF64" else 0)  # RF64's ds64 comes first
    data = data[:at] + before + data[at:] + after
    if container == "RF64":
        data = data[:20] + struct.pack("<Q", len(data) - 8) + data[28:]
    else:
        data = data[:4] + struct.pack(">I" if container == "AIFF" else "<I", len(data) - 8) + data[8:]
    path.write_bytes(data)
    return path


def carried(source: Path, target: Path, fmt: OutputFormat) -> tuple[Tags, list[str]]:
    """Write another sound with a file's tags: what was lost by the writer's account."""
    with open_mixture(source) as mixture:
        assert np.array_equal(mixture.read(0, SAMPLES.shape[1]), SAMPLES)
    tags = read_tags(source)
    with AudioWriter(target, 48000, 1, fmt, tags=tags) as writer:
        writer.write(SAMPLES)
    return read_tags(target), writer.tags_lost


@pytest.mark.parametrize("container", ["WAV", "RF64"])
def test_chunks_that_no_export_carries_are_named_wherever_they_stand(tmp_path: Path, container: str) -> None:
    names = list(CHUNKS)
    for k in reversed(range(len(names) + 1)):
        parts = [chunk(name, bytes(range(1, CHUNKS[name] % 250 + 1))) for name in names]
        source = wav(tmp_path / "s.wav", b"".join(parts[:k]), b"".join(parts[k:]), container)
        tags = read_tags(source)
        assert tags == Tags(others=tuple(name.strip() for name in names)), k
    for fmt in TARGETS:  # with all chunks behind the sound: libsndfile opens no RF64 with odd ones before it
        held, lost = carried(source, tmp_path / "t", fmt)
        assert lost == tags_lost(tags, fmt) == [name.strip() for name in names]
        assert held == Tags()


def test_a_plain_file_names_nothing(tmp_path: Path) -> None:
    for container in ("WAV", "WAVEX", "RF64", "AIFF", "CAF", "FLAC", "W64", "AU"):
        for subtype in ("PCM_16", "FLOAT"):  # floats come with fact, PEAK or FVER
            if sf.check_format(container, subtype):
                sf.write(tmp_path / "x", SAMPLES.T, 48000, subtype, format=container)
                assert read_tags(tmp_path / "x") == Tags(), (container, subtype)
    assert read_tags(wav(tmp_path / "x", chunk("JUNK", bytes(28)), chunk("LIST", b"INFO") + info(ISFT=b"Some Program 3"))) == Tags()


def test_markers_labels_and_fields_without_a_word_are_named(tmp_path: Path) -> None:
    markers = chunk("cue ", bytes(4)) + chunk("LIST", b"adtl" + bytes(8))
    source = wav(tmp_path / "s.wav", b"", markers + info(INAM=b"t", IENG=b"Eve", IKEY=b"Am"))
    assert read_tags(source) == Tags({"title": "t"}, others=("cue", "adtl", "IENG", "IKEY"))
    source = wav(tmp_path / "s.aif", chunk("MARK", bytes(2), ">"), chunk("NAME", b"song", ">") + chunk("INST", bytes(20), ">"), "AIFF")
    assert read_tags(source) == Tags({"title": "song"}, others=("MARK", "INST"))
    fields = b"INFO" + chunk("IART", b"Beyonc\xe9\0", ">") + chunk("IENG", b"Eve\0", ">")
    fmt = chunk("fmt ", struct.pack(">HHIIHH", 1, 1, 48000, 96000, 2, 16), ">")
    body = b"WAVE" + fmt + chunk("bext", bytes(602), ">") + chunk("data", SAMPLES.astype(">i2").tobytes(), ">") + chunk("LIST", fields, ">")
    (tmp_path / "x.wav").write_bytes(chunk("RIFX", body, ">"))
    assert read_tags(tmp_path / "x.wav") == Tags({"artist": "Beyoncé"}, others=("bext", "IENG"))
    id3 = chunk("id3 ", b"ID3\x03\0\0\0\0\0\0")  # RF64's is read by nobody
    assert read_tags(wav(tmp_path / "s.wav", b"", id3, "RF64")).others == ("id3",)


@pytest.mark.parametrize("container", ["WAV", "RF64"])
@pytest.mark.parametrize("text", ["Beyoncé", "Motörhead – „Ace“ €", "ÿþ", "音楽", "plain", "Ã©"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_text_of_any_age_comes_out_as_it_was_meant(tmp_path: Path, container: str, text: str, encoding: str) -> None:
    try:
        raw = text.encode(encoding)
        if encoding == "cp1252" and text != "plain":
            raw.decode()
            return  # it happens to be UTF-8 as well: nobody can tell, and UTF-8 is taken
    except UnicodeEncodeError:
        return  # cp1252 has no such letters
    except UnicodeDecodeError:
        pass
    source = wav(tmp_path / "s.wav", info(IART=raw, IPRT=b"3/12"), info(INAM=raw, IART=b"second"), container)
    assert read_tags(source) == Tags({"artist": text, "title": text, "tracknumber": "3/12"})
    held, lost = carried(source, tmp_path / "t.wav", TARGETS[0])
    assert (held, lost) == (read_tags(source), [])


def test_text_that_is_in_no_encoding_is_named_and_not_written_back_damaged(tmp_path: Path) -> None:
    raw = b"\x81\x8d\x8f"  # neither UTF-8 nor cp1252
    source = wav(tmp_path / "s.wav", info(INAM=raw, IART=b"x"))
    assert read_tags(source) == Tags({"artist": "x"}, others=("title",))
    assert carried(source, tmp_path / "t.wav", TARGETS[0]) == (Tags({"artist": "x"}), ["title"])
    source = wav(tmp_path / "s.aif", chunk("AUTH", b"Beyonc\xe9", ">"), b"", "AIFF")  # libsndfile reads AIFF's texts, as UTF-8 alone
    assert read_tags(source) == Tags(others=("artist",))


def test_damaged_chunks_never_raise(tmp_path: Path) -> None:
    whole = wav(tmp_path / "s.wav", chunk("bext", bytes(602)) + info(IART=b"A", INAM=b"B"), chunk("cue ", bytes(28))).read_bytes()
    rng = np.random.default_rng(0)
    sound = whole.index(b"data") + 8
    for _ in range(80):
        data = bytearray(whole)
        for at in rng.integers(0, sound, 3):
            data[at] = rng.integers(256)
        (tmp_path / "x.wav").write_bytes(data[: rng.integers(4, len(data))] if rng.random() < 0.3 else data)
        tags = read_tags(tmp_path / "x.wav")
        assert all(name.isprintable() for name in tags.others) and "\ufffd" not in "".join(tags.text.values())


def test_other_frames_comments_atoms_and_pictures_are_named(tmp_path: Path) -> None:
    def made(name: str, fmt: OutputFormat) -> Path:
        with AudioWriter(tmp_path / name, 48000, 1, fmt, tags=Tags({"title": "t"})) as writer:
            writer.write(SAMPLES)
        return tmp_path / name

    path = made("x.flac", OutputFormat("FLAC", "PCM_16"))
    flac = mutagen.flac.FLAC(path)
    flac["label"], flac["replaygain_track_gain"], flac["encoder"] = "L", "-3 dB", "Lavf"
    for kind in (4, 3, 6):
        picture = mutagen.flac.Picture()
        picture.type, picture.data, picture.mime = kind, bytes([kind]), "image/png"
        flac.add_picture(picture)
    flac.save()
    assert read_tags(path) == Tags({"title": "t"}, b"\3", "image/png", ("label", "replaygain_track_gain", "2 more pictures"))
    path = made("x.wav", OutputFormat("WAV", "PCM_16"))
    frames = mutagen.id3.ID3()
    frames.add(mutagen.id3.TIT2(encoding=3, text=["t"]))
    frames.add(mutagen.id3.TKEY(encoding=3, text=["Am"]))
    frames.add(mutagen.id3.TSSE(encoding=3, text=["LAME"]))
    wave = mutagen.File(path)
    wave.tags.update(frames)
    wave.save()
    assert read_tags(path) == Tags({"title": "t"}, others=("TKEY",))
    pytest.importorskip("av")
    path = made("x.m4a", OutputFormat("M4A", "ALAC_16"))
    m4a = mutagen.mp4.MP4(path)
    m4a["\xa9lyr"], m4a["\xa9ART"] = ["la la"], ["Beyonce"]
    m4a.save()
    assert read_tags(path) == Tags({"title": "t", "artist": "Beyonce"}, others=("\xa9lyr",))
    path.write_bytes(path.read_bytes().replace(b"Beyonce", b"Beyonc\xe9"))
    assert read_tags(path) == Tags({"title": "t"}, others=("artist", "\xa9lyr"))
    with open_mixture(path) as mixture:  # such a tag is no reason not to open
        assert np.array_equal(mixture.read(0, SAMPLES.shape[1]), SAMPLES) and mixture.info.sample_type == INT16
