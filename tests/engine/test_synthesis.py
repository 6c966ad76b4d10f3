"""Laws of synthesised training stems: the same seed the same sound, pitches as written, energy where the instrument has it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from corpora import tiny_corpus

from engine.training.data import Corpus
from engine.training.synthesis import GENERATORS
from engine.training.synthesis.__main__ import render_pool
from engine.training.synthesis.band import band
from engine.training.synthesis.bass import bass_line
from engine.training.synthesis.guitar import shape
from engine.training.synthesis.score import RATE_HZ, SCALES, Chord, hertz, random_song
from engine.training.synthesis.strings import Pluck, bent, plucked, stopped
from engine.training.synthesis.synth_bass import random_patch, sequenced, tone
from engine.training.synthesis.tune import melody
from engine.training.synthesis.voice import CONTROL_HZ, NOISE_NAMES, VOWELS, Gesture, pulses, random_singer, spoken


def pitch_hz(x: np.ndarray, near_hz: float) -> float:
    """Pitch by the best comb of eight harmonics within a semitone and a half of a guess."""
    n = 1 << 18
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), n)) ** 2
    candidates = near_hz * 2.0 ** (np.arange(-150, 151) / 1200)
    places = candidates[:, None] * np.arange(1, 9) * n / RATE_HZ
    heard = np.log(np.interp(places, np.arange(len(power)), power) + 1e-9 * power.max())
    return float(candidates[heard.sum(axis=1).argmax()])


def cents(a: float, b: float) -> float:
    return 1200 * np.log2(a / b)


def held(f0_hz: float, seconds: float, vowel: str = "a") -> Gesture:
    n = int(seconds * CONTROL_HZ) + 2
    one = np.ones(n)
    noise = np.zeros((n, len(NOISE_NAMES)))
    return Gesture(f0_hz * one, one, 0.6 * one, 0 * one, np.tile(np.array(VOWELS[vowel], dtype=float), (n, 1)), one, noise)


def share(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.sum(np.abs(np.fft.rfft(x, axis=-1)) ** 2, axis=0)
    f = np.fft.rfftfreq(x.shape[-1], 1 / RATE_HZ)
    return float(power[(f >= low_hz) & (f < high_hz)].sum() / power.sum())


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_is_a_sound(name: str) -> None:
    _, generator = GENERATORS[name]
    first = generator(np.random.default_rng(3), 5.0)
    assert first.dtype == np.float32 and first.shape == (2, 5 * RATE_HZ)
    assert np.isfinite(first).all() and np.abs(first).max() <= 0.98
    level_db = 10 * np.log10(np.mean(np.square(first)))
    assert -34 < level_db < -15
    assert abs(first.mean()) < 1e-3
    np.testing.assert_array_equal(first, generator(np.random.default_rng(3), 5.0))
    other = generator(np.random.default_rng(4), 5.0)
    assert abs(np.corrcoef(first[0], other[0])[0, 1]) < 0.5


@pytest.mark.parametrize("seconds", [0.4, 2.013])
def test_any_length_is_kept(seconds: float) -> None:
    for _, generator in GENERATORS.values():
        sound = generator(np.random.default_rng(1), seconds)
        assert sound.shape == (2, int(seconds * RATE_HZ)) and np.isfinite(sound).all()


@pytest.mark.parametrize("midi", range(28, 80, 6))
def test_a_string_sounds_at_its_pitch(midi: int) -> None:
    rng = np.random.default_rng(midi)
    how = Pluck(stiffness=1e-7, detune_cents=0.0, glide_cents=0.0, softness_hz=3000.0, pick_at=0.137, pickup_at=None)
    f0 = float(hertz(midi))
    assert abs(cents(pitch_hz(plucked(rng, f0, 2.0, how), f0), f0)) < 3
    bow = bent(plucked(rng, f0, 2.0, how), np.full(2 * RATE_HZ, 1.0))
    assert abs(cents(pitch_hz(bow[: RATE_HZ * 3 // 2], f0 * 2 ** (1 / 12)), f0 * 2 ** (1 / 12))) < 3


def test_a_string_decays_as_told_and_does_not_wrap_around() -> None:
    y = plucked(np.random.default_rng(0), 110.0, 3.0, Pluck(decay_s=3.0, damping=0.5, glide_cents=0.0, detune_cents=0.0))
    early, late = (np.sqrt(np.mean(np.square(y[int(a * RATE_HZ) : int((a + 0.2) * RATE_HZ)]))) for a in (0.5, 2.0))
    assert 20 * np.log10(early / late) > 25
    assert np.abs(y[-2000:]).max() < 0.01  # nothing of the attack stands before it
    assert np.all(stopped(y, 1.0, 0.01)[-1:] == 0)


@pytest.mark.parametrize("midi", range(40, 80, 5))
def test_a_voice_sings_its_pitch(midi: int) -> None:
    rng = np.random.default_rng(midi)
    f0 = float(hertz(midi))
    y = spoken(rng, random_singer(rng, high=midi > 57), held(f0, 1.2), int(1.2 * RATE_HZ))
    assert abs(cents(pitch_hz(y[4000:-4000], f0), f0)) < 12


def test_vowels_have_their_formants_and_pulses_do_not_alias() -> None:
    rng = np.random.default_rng(5)
    singer = replace(random_singer(rng, high=False), tract=1.0, jitter=0.0, shimmer=0.0, rasp=0.0, ring=0.0)
    sounds = {v: pulses(rng, singer, held(200.0, 1.5, v), int(1.5 * RATE_HZ))[None, 8192 : 8192 + 44100] for v in "iau"}
    assert min(sounds, key=lambda v: share(sounds[v], 100, 460)) == "a"
    assert max(sounds, key=lambda v: share(sounds[v], 600, 1300)) == "a"
    assert max(sounds, key=lambda v: share(sounds[v], 1900, 3100)) == "i"
    power = np.abs(np.fft.rfft(sounds["a"][0] * np.hanning(44100))) ** 2  # 1 Hz a bin
    between = np.concatenate([power[k + 60 : k + 140] for k in range(200, 12000, 200)])
    assert 10 * np.log10(power.sum() / between.sum()) > 50


def test_scores_keep_to_their_key() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        song = random_song(rng, 30.0)
        assert song.scale in SCALES.values() and song.at(song.n_bars, 0) >= 30.0
        assert np.all(np.diff(song.times) > 0)
        for syllable in melody(rng, song, 30.0, 50, "pop"):
            assert all((m - song.key) % 12 in song.scale for m in syllable.midi) and syllable.end_s > syllable.start_s
        firsts = [n for n in bass_line(rng, song) if any(abs(n.start_s - song.at(b, 0)) < 0.05 for b in range(song.n_bars))]
        on_root = [min(range(song.n_bars), key=lambda b, n=n: abs(song.at(b, 0) - n.start_s)) for n in firsts]
        kept = [(n.midi - song.chords[b].root) % 12 == 0 for n, b in zip(firsts, on_root, strict=True)]
        assert np.mean(kept) > 0.8


def test_guitar_shapes_hold_the_chord() -> None:
    for root in range(12):
        for position in (0, 3, 7):
            notes = [n for n in shape(Chord(root, (0, 4, 7)), position) if n is not None]
            assert len(notes) >= 3 and {(n - root) % 12 for n in notes} <= {0, 4, 7}
        power = [n for n in shape(Chord(root, (0, 3, 7)), 1, power=True) if n is not None]
        assert power[0] % 12 == root and {(n - root) % 12 for n in power} <= {0, 7}


def test_energy_lies_where_the_role_has_it() -> None:
    mean = {}
    for name in ("singing", "electric_bass", "synth_bass", "acoustic_drums", "acoustic_guitar"):
        pieces = [GENERATORS[name][1](np.random.default_rng(seed), 6.0) for seed in range(3)]
        mean[name] = np.mean([[share(x, 0, 200), share(x, 200, 5000), share(x, 5000, 22050)] for x in pieces], axis=0)
    assert mean["electric_bass"][0] > 0.5 and mean["electric_bass"][2] < 0.02
    assert mean["synth_bass"][0] > 0.7 and mean["synth_bass"][2] < 0.02
    assert mean["singing"][0] < 0.25 and mean["singing"][1] > 0.6
    assert mean["acoustic_drums"][0] > 0.1 and mean["acoustic_drums"][2] > 0.03
    assert mean["acoustic_guitar"][1] > 0.6


@pytest.mark.parametrize("seed", range(12))
def test_a_synthesiser_holds_its_pitch_and_does_not_alias(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patch = replace(random_patch(rng), drop_semitones=0.0, detune=0.0, index=0.0, wobble_hz=0.0, sustain=1.0, attack_s=0.005)
    midi = 24 + 2 * seed
    y = tone(patch, np.full(RATE_HZ, float(midi)), 0.9)
    f0 = float(hertz(midi))
    assert abs(cents(pitch_hz(y, f0), f0)) < 8
    held = y[4410 : 4410 + 32768] * np.hanning(32768)
    off = np.abs(np.fft.rfftfreq(32768, 1 / RATE_HZ) / f0 - np.round(np.fft.rfftfreq(32768, 1 / RATE_HZ) / f0)) * f0
    power = np.abs(np.fft.rfft(held)) ** 2
    assert 10 * np.log10(power.sum() / power[off > 10].sum()) > 30  # all of it at multiples of the pitch
    assert np.abs(y[-8:]).max() < 0.25 * np.abs(y).max()  # it is let go


def test_a_sequencer_plays_the_chords_roots_on_its_grid() -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        song = random_song(rng, 20.0)
        for note in sequenced(rng, song, 30):
            bar = max(b for b in range(song.n_bars) if song.at(b, 0) <= note.start_s + 1e-9)
            places = np.array([song.at(bar, step / 4) for step in range(4 * song.beats)])
            assert np.abs(places - note.start_s).min() < 1e-9
            chord = song.chords[bar]
            assert (note.midi - chord.root) % 12 in (0, 7, chord.intervals[1])


def test_a_pool_is_read_as_a_corpus(tmp_path) -> None:
    names = ("singing", "electric_bass", "acoustic_drums", "organ_pad")
    entries = render_pool(tmp_path / "pool", 2, 0.06, only=names, piece_s=(2.0, 3.0))
    assert entries == json.loads((tmp_path / "pool" / "INDEX.json").read_text()) and len(entries) == 8
    longer = render_pool(tmp_path / "longer", 2, 0.07, only=names[1:2], piece_s=(2.0, 3.0))
    bass = [e for e in entries if e["role"] == "bass"]
    assert longer[: len(bass)] == bass  # a longer pool begins with the shorter one
    corpus = Corpus(tmp_path / "pool", tmp_path / "cache")
    assert all(len(clips) == 2 for clips in corpus.pool.values()) and not corpus.songs
    assert np.abs(corpus.random_stem(np.random.default_rng(0), "bass", RATE_HZ)).max() > 0.01


def test_everybody_in_a_band_gets_the_same_song(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []

    def player(rng: np.random.Generator, seconds: float, song: object) -> np.ndarray:
        heard.append(song)
        return np.full((2, int(seconds * RATE_HZ)), 0.1, dtype=np.float32)

    monkeypatch.setattr("engine.training.synthesis.band.GENERATORS", {name: (role, player) for name, (role, _) in GENERATORS.items()})
    for seed in range(5):
        heard.clear()
        band(np.random.default_rng(seed), 1.0)
        assert len(heard) >= 3 and heard[0] is not None and len({id(song) for song in heard}) == 1


@pytest.mark.parametrize("name", GENERATORS)
def test_another_song_is_another_part(name: str) -> None:
    slow, fast = (random_song(np.random.default_rng(1), 4.0, bpm=(bpm, bpm + 1)) for bpm in (70, 131))
    parts = [GENERATORS[name][1](np.random.default_rng(2), 4.0, song) for song in (slow, slow, fast)]
    assert np.array_equal(parts[0], parts[1]) and not np.array_equal(parts[0], parts[2])


def test_a_band_balances_its_stems() -> None:
    seen: set[str] = set()
    for seed in range(3):
        stems = band(np.random.default_rng(seed), 4.0)
        seen |= set(stems)
        assert len(stems) >= 2 and all(x.shape == (2, 4 * RATE_HZ) and x.dtype == np.float32 for x in stems.values())
        assert np.abs(sum(stems.values())).max() <= 0.98 and all(np.abs(x).max() <= 0.98 for x in stems.values())
        again = band(np.random.default_rng(seed), 4.0)
        assert all(np.array_equal(again[role], x) for role, x in stems.items())
    assert seen == {"vocals", "drums", "bass", "other"}


def test_players_keep_to_the_song_they_are_given() -> None:
    """What a bass plays of a song of one chord lies on that chord's notes; of another song it would not."""
    song = random_song(np.random.default_rng(0), 8.0, bpm=(90, 91))
    for root in (0, 6):
        given = replace(song, chords=tuple(Chord(root, (0, 4, 7)) for _ in song.chords))
        for name in ("electric_bass", "synth_bass"):
            x = GENERATORS[name][1](np.random.default_rng(5), 8.0, given).mean(axis=0)
            power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
            f = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
            low = (f > 28) & (f < 260)
            tones = np.round(12 * np.log2(f[low] / 440) + 69).astype(int) % 12
            strength = np.bincount(tones, power[low], minlength=12)
            assert strength[root] == strength.max(), (name, root)


def test_made_songs_are_kept_apart_from_real_ones_and_played(tmp_path) -> None:
    render_pool(tmp_path / "made", 5, 0.03, only=("singing", "acoustic_drums", "electric_bass", "organ_pad"), piece_s=(2.0, 2.5), n_bands=2)
    made = Corpus(tiny_corpus(tmp_path / "data"), tmp_path / "cache", made=tmp_path / "made", made_share=1.0)
    assert set(made.made_songs) == {"band-5-000", "band-5-001"} and not set(made.made_songs) & set(made.songs)
    made.songs = {"never": {}}  # drawing it would raise
    for seed in range(4):
        assert made.random_song(np.random.default_rng(seed), RATE_HZ).keys() in [song.keys() for song in made.made_songs.values()]
    none = Corpus(tiny_corpus(tmp_path / "other"), tmp_path / "cache", made=tmp_path / "made", made_share=0.0)
    none.made_songs = {"never": {}}
    for seed in range(4):
        assert none.random_song(np.random.default_rng(seed), 100).keys() in [song.keys() for song in none.songs.values()]
