"""What can be set of a method: every option says what it is, is held to its bounds, is read from words, and makes masks of its own."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from laws import same_law, values
from toys import recording

from engine.cache import Cache
from engine.errors import MethodError
from engine.methods import build, every_method, options_of, read_options
from engine.methods.options import Option, check, from_words, setting, settings_from
from engine.separate import separate
from engine.session import Session
from engine.types import Mix, StemMix

ALL = [(name, option) for name in every_method() for option in options_of(name)]
IDS = [f"{name}-{option.name}" for name, option in ALL]


def allowed(option: Option) -> list[Any]:
    """Values that an option may have: all of its choices, or the ends and the middle of its range."""
    if option.choices:
        return list(option.choices)
    assert option.low is not None and option.high is not None
    low = math.nextafter(option.low, option.high) if option.is_open else option.low
    found = [low, (option.low + option.high) / 2, option.high, option.default]
    return [option.kind(v) for v in found]


def refused(option: Option) -> list[Any]:
    """Values of the right kind that it may not have."""
    if option.choices:
        return [v for v in range(-1, 12) if v not in option.choices]
    assert option.low is not None and option.high is not None
    out = [option.kind(option.high + 1), option.kind(option.low - 1), *([option.kind(option.low)] if option.is_open else [])]
    return out + ([math.nan, math.inf, -math.inf] if option.kind is float else [10**400])  # which no float holds


def test_every_classic_and_spatial_method_tells_its_settings() -> None:
    for name, info in every_method().items():
        known = {option.name: option.default for option in options_of(name)}
        if info.group in ("spatial", "classic"):
            assert known == build(name).settings
        else:
            assert not known


@pytest.mark.parametrize(("name", "option"), ALL, ids=IDS)
def test_every_option_says_what_it_is_and_keeps_its_bounds(name: str, option: Option) -> None:
    assert option.sentence.endswith(".") and len(option.sentence) > 30 and option.bounds
    for value in allowed(option):
        method = build(name, **{option.name: value})
        assert method.settings == {**build(name).settings, option.name: value}
        assert read_options(name, [f"{option.name}={value!r}"]) == {option.name: value}
    for value in refused(option):
        for wrong in (lambda v: build(name, **{option.name: v}), lambda v: read_options(name, [f"{option.name}={v}"])):
            with pytest.raises(MethodError, match=rf"^{option.name}=.* must .*{option.bounds}\.$"):
                wrong(value)


@pytest.mark.parametrize(("name", "option"), ALL, ids=IDS)
def test_what_is_of_another_kind_is_a_sentence(name: str, option: Option) -> None:
    for word in ("many", "", "1,5", "0x3", "yes", *(["3.0", "1e1"] if option.kind is int else [])):
        with pytest.raises(MethodError, match=rf"^{option.name}={word} must be a .*number, {option.bounds}\.$"):
            read_options(name, [f"{option.name}={word}"])
    for value in ("3", True, None, [3], *([3.0] if option.kind is int else [])):
        with pytest.raises(MethodError, match=rf"^{option.name}=.* must be a .*number"):
            build(name, **{option.name: value})


def test_words_that_set_nothing_or_what_is_not_there() -> None:
    for word in ("n_positions", "=3", " = 3", ""):
        with pytest.raises(MethodError, match="sets nothing; give a name and a value, such as n_positions=5"):
            read_options("adress", [word])
    with pytest.raises(MethodError, match=r"no option 'positions'; did you mean n_positions\?"):
        read_options("adress", ["positions=3"])
    for name in ("nullsum-4", "ica", "demucs"):
        with pytest.raises(MethodError, match="no option 'n_places'; there is nothing to set"):
            read_options(name, ["n_places=3"])
        with pytest.raises(MethodError, match="no option 'fast'; there is nothing to set"):
            read_options(name, ["fast"])
        assert read_options(name, []) == {}
    with pytest.raises(MethodError, match="no method called 'adres'"):
        read_options("adres", [])
    with pytest.raises(MethodError, match="'nullsum-4' has no option 'speed'"):
        build("nullsum-4", speed=2)
    assert read_options("duet", ["n_places=2", " n_places = 3 "]) == {"n_places": 3}  # said twice: the last counts


def test_every_kind_is_read() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Settings:
        n: int = setting(3, "A number.", low=0, high=9)
        level: float = setting(0.5, "A level.")
        is_soft: bool = setting(False, "A switch.")
        kind: str = setting("plain", "A word.", choices=("plain", "odd"))

        def __post_init__(self) -> None:
            check(self)

    from engine.methods.options import options_in

    known = options_in(Settings)
    read = from_words("toy", known, ["n=4", "level=-1e-3", "is_soft=Yes", "kind=odd"])
    assert read == {"n": 4, "level": -1e-3, "is_soft": True, "kind": "odd"}
    assert settings_from(Settings, "toy", read) == Settings(4, -1e-3, True, "odd")
    assert type(settings_from(Settings, "toy", {"level": 2}).level) is float
    for words, said in ((["is_soft=maybe"], "yes or no"), (["kind=even"], "one of plain, odd"), (["n=10"], "between 0 and 9")):
        with pytest.raises(MethodError, match=said):
            settings_from(Settings, "toy", from_words("toy", known, words))


@pytest.mark.parametrize(("name", "option"), ALL, ids=IDS)
def test_two_settings_never_share_masks(name: str, option: Option, tmp_path: Path) -> None:
    mixture, cache = recording(n_samples=30_000), Cache(tmp_path)
    settings = list(dict.fromkeys(allowed(option)))[:2]
    one, other = (separate(mixture, build(name, **{option.name: value}), cache) for value in settings)
    assert cache.usage().n_chunks == one.n_chunks + other.n_chunks
    for masks, value in zip((one, other), settings, strict=True):
        same_law(masks)
        fresh = separate(mixture, build(name, **{option.name: value}))
        again = separate(mixture, build(name, **{option.name: value}), cache)
        assert np.array_equal(values(masks), values(fresh)) and np.array_equal(values(again), values(fresh))
    assert cache.usage().n_chunks == one.n_chunks + other.n_chunks


@pytest.mark.parametrize("n_positions", [3, 5, 7])
def test_a_session_follows_its_settings(n_positions: int, tmp_path: Path) -> None:
    mixture = recording(n_samples=20_000)
    sf.write(tmp_path / "song.wav", mixture.read(0, 20_000).T, 44100, subtype="PCM_16")
    with Session(tmp_path / "song.wav", "adress", settings={"n_positions": n_positions}) as session:
        assert len(session.stems) == len(session.masks.stems) == n_positions and session.stems[0] == "left"
        session.separate()
        session.mix = Mix({"left": StemMix(gain_db=-math.inf)}, 0.0)
        assert len(session.render_stems(0, 1000)) == n_positions
        assert not np.array_equal(session.render(0, 20_000).samples, mixture.read(0, 20_000))
        session.choose_method("adress")  # another method is chosen with its defaults
        assert len(session.stems) == 5
        session.choose_method("duet", {"n_places": 2})
        assert session.stems == ("leftmost", "rightmost")
        with pytest.raises(MethodError, match="one of 2, 3, 4, 5"):
            session.choose_method("duet", {"n_places": 9})
        assert session.stems == ("leftmost", "rightmost")  # what cannot be leaves what was there
