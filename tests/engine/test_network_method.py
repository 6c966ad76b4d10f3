"""Research nets behind the door of methods: the laws with any net, alignment, channels, and sentences for weights that are not right."""

import dataclasses
import hashlib
import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from installed import install
from laws import check_laws, same_law, values
from torch import Tensor, nn
from toys import SIGNALS, recording

import engine.nets
from engine.audio import ArrayMixture
from engine.cache import Cache
from engine.errors import MethodError, WeightsError
from engine.masks import ONE
from engine.methods import build, methods, network
from engine.methods.network import Network, analysis_window, spectrum, to_shares
from engine.methods.research import INFOS
from engine.nets.contract import Look, SpectrogramNet, WaveformNet
from engine.nets.look import STEMS
from engine.render import render_stems
from engine.separate import separate
from engine.types import FLOAT32, FLOAT64

NAMES = (
    "dnn cnn1 cnn2 blstm deep-clustering drnn ae unet unet-jansson deepconvsep mdensenet mmdensenet mmdenselstm open-unmix sams-net "
    "wavenet wave-u-net conv-tasnet meta-tasnet demucs"
).split()
MONO = Look(rate_hz=22050, n_channels=1, n_fft=512, hop=128, context_s=0.1)
STEREO = Look(rate_hz=44100, n_channels=2, n_fft=1024, hop=256, context_s=0.1)


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    """What a toy looks at and what it does: "noise", or something whose masks are known."""

    look: Look = STEREO
    what: str = "noise"


class ToySpectrogram(SpectrogramNet):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config, self.look = config, config.look
        self.mix = nn.Parameter(torch.rand(4, config.look.n_bins, generator=torch.Generator().manual_seed(0)) ** 3)

    def forward(self, magnitude: Tensor) -> Tensor:
        if self.config.what == "nan":
            return magnitude[:, None].expand(-1, 4, -1, -1, -1) * torch.tensor(float("nan"))
        if self.config.what == "panned":  # left to vocals, right to bass
            share = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[None, :, :, None, None]
            return share * magnitude[:, None]
        if self.config.what == "split":  # the lower half of the bins to bass, the upper to drums
            low = (torch.arange(self.look.n_bins) < self.look.n_bins // 2)[:, None].float()
            return torch.stack([0 * low, 1 - low, low, 0 * low])[None, :, None] * magnitude[:, None]
        shares = self.mix[None, :, None, :, None] * (1.0 + magnitude[:, None].sin())
        return shares * magnitude[:, None]


class ToyWaveform(WaveformNet):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config, self.look = config, config.look
        self.gains = nn.Parameter(torch.tensor([0.5, 0.25, -0.25, 0.0]))  # a sign is no matter to magnitudes

    def forward(self, mixture: Tensor) -> Tensor:
        if self.config.what == "halves":  # what lies before the loudest sample to vocals, the rest to drums
            peak = mixture.abs().amax(1, keepdim=True).argmax(-1, keepdim=True)
            before = (torch.arange(mixture.shape[-1]) < peak).float() * mixture
            return torch.stack([before, mixture - before, 0 * mixture, 0 * mixture], dim=1)
        return self.gains[None, :, None, None] * mixture[:, None]


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("engine.nets.toys_of_a_test")
    vars(module).update(ToySpectrogram=ToySpectrogram, ToyWaveform=ToyWaveform, ToyConfig=ToyConfig, Look=Look)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(engine.nets.NETS, "toy", "toys_of_a_test:ToySpectrogram:ToyConfig")
    monkeypatch.setitem(engine.nets.NETS, "toy-wave", "toys_of_a_test:ToyWaveform:ToyConfig")


def toy(folder: Path, what: str = "noise", look: Look = STEREO, net: str = "toy") -> Network:
    return Network("unet", folder=install(folder, "unet", net, {"look": dataclasses.asdict(look), "what": what}))


def dnn(folder: Path) -> Network:
    return Network("dnn", folder=install(folder, "dnn", "dnn", {"look": dataclasses.asdict(MONO), "n_hidden": 8, "n_bands": 32}))


MADE: dict[str, Callable[[Path], Network]] = {
    "mono": dnn,
    "stereo": toy,
    "waveform": lambda folder: toy(folder, net="toy-wave"),
    "nan": lambda folder: toy(folder, "nan"),
}


# ------------------------------------------------------------------------------------------------------------ the laws


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("made", MADE)
def test_masks_keep_the_law_on_awkward_signals(made: str, kind: str, tmp_path: Path) -> None:
    mixture = recording(kind, n_samples=20000, sample_type=FLOAT64)
    before = mixture.read(0, 20000).copy()
    masks = separate(mixture, MADE[made](tmp_path))
    same_law(masks)
    assert np.array_equal(mixture.read(0, 20000), before)
    if kind == "silence" or made == "nan":
        assert np.ptp(values(masks).astype(int), axis=0).max() <= 1  # shared equally


@pytest.mark.parametrize("made", ["mono", "stereo", "waveform"])
def test_every_rate_channel_count_and_length(made: str, tmp_path: Path) -> None:
    method = MADE[made](tmp_path)
    corners = [(8000, 1, 1), (22050, 2, 700), (44100, 6, 9001), (48000, 3, 2), (96000, 2, 30000), (192000, 1, 9)]
    for rate_hz, n_channels, n_samples in corners:
        masks = separate(recording(rate_hz=rate_hz, n_channels=n_channels, n_samples=n_samples), method)
        same_law(masks)
        assert masks.grid.has_top == (rate_hz > method.grid(rate_hz).rate_hz)
        assert values(masks).shape[1] == (2 if made != "mono" and n_channels == 2 else 1)


@pytest.mark.parametrize("made", MADE)
def test_shares_of_a_stretch_sum_to_one(made: str, tmp_path: Path) -> None:
    method = MADE[made](tmp_path)
    samples = np.random.default_rng(0).standard_normal((1, 30000)).astype(np.float32)
    check_laws(method.shares(samples, method.grid(44100), 7, 20), 4)


@pytest.mark.parametrize("made", ["mono", "stereo", "waveform"])
def test_level_changes_no_share(made: str, tmp_path: Path) -> None:
    method = MADE[made](tmp_path)
    x = np.random.default_rng(0).standard_normal((2, 30000)).astype(np.float32)
    plain, *others = (method.shares(x * np.float32(gain), method.grid(44100), 0, 40) for gain in (1.0, 1e-30, 3e5, 1e25))
    for other in others:
        assert np.abs(other - plain).max() < 2e-3


def test_any_numbers_become_shares() -> None:
    rng = np.random.default_rng(0)
    for scale in (0.0, 1e-38, 1e-20, 1.0, 1e30, 3e38):
        estimates = (rng.random((4, 2, 9, 5)) ** 4 * scale).astype(np.float32)
        estimates[0, :, 3], estimates[1, :, 4], estimates[2, :, 5], estimates[:, :, 6] = np.nan, np.inf, -1.0, 0.0
        shares = to_shares(estimates)
        assert np.isfinite(shares).all() and (shares >= 0.0).all()
        np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-5)
        assert (shares[:, :, 6] == 0.25).all()


# ------------------------------------------------------------------------------------------- what comes out is what was said


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_the_spectrum_is_torchs(window: str) -> None:
    look = dataclasses.replace(STEREO, window=window)
    x = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
    periodic = {"hann": torch.hann_window, "hamming": torch.hamming_window}[window](look.n_fft)
    np.testing.assert_allclose(analysis_window(look), periodic.numpy(), atol=1e-6)
    theirs = torch.stft(torch.from_numpy(x), look.n_fft, look.hop, window=periodic, pad_mode="constant", return_complex=True).numpy()
    ours = spectrum(x, look, theirs.shape[-1])
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert np.abs(spectrum(x, look, 200)[..., 40:]).max() == 0.0  # silence behind the end
    np.testing.assert_allclose(spectrum(x, look, 3), theirs[..., :3], atol=1e-3)


def test_a_stereo_net_gives_each_channel_its_mask_and_rendering_uses_it(tmp_path: Path) -> None:
    mixture = recording(n_samples=60_000, sample_type=FLOAT32)
    (tmp_path / "cache").mkdir()
    cache = Cache(tmp_path / "cache")
    method = toy(tmp_path, "panned")
    fresh, again = separate(mixture, method, cache), separate(mixture, method, cache)
    assert values(fresh).shape[1] == 2
    assert np.array_equal(values(fresh), values(again)) and cache.usage().n_chunks == fresh.n_chunks  # the second came from the cache
    vocals, _, bass, _ = render_stems(mixture, again, 0, 60_000)
    x = mixture.read(0, 60_000)
    np.testing.assert_allclose(vocals, [x[0], np.zeros(60_000)], atol=1e-4)
    np.testing.assert_allclose(bass, [np.zeros(60_000), x[1]], atol=1e-4)


def test_rows_lie_at_their_frequencies(tmp_path: Path) -> None:
    method = toy(tmp_path, "split")
    t = np.arange(50_000) / 44100
    low, high = 0.2 * np.sin(2 * np.pi * 3000 * t), 0.2 * np.sin(2 * np.pi * 18000 * t)
    mixture = ArrayMixture(np.stack([low + high] * 2), 44100, FLOAT64)
    _, drums, bass, _ = render_stems(mixture, separate(mixture, method), 5000, 40_000)
    assert np.abs(drums - high[5000:45_000]).max() < 1e-3 and np.abs(bass - low[5000:45_000]).max() < 1e-3


@pytest.mark.parametrize(("at_s", "rate_hz"), [(3.0, 44100), (10.2, 44100), (10.3, 48000)])  # near the seam of two chunks of 10.24 s
def test_columns_lie_at_their_times(at_s: float, rate_hz: int, tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (2, int(13 * rate_hz)))
    x[:, int(at_s * rate_hz)] = 1.0
    method = toy(tmp_path, "halves", Look(rate_hz=8000, n_channels=1, n_fft=256, hop=64, context_s=0.1), "toy-wave")
    masks = separate(ArrayMixture(x, rate_hz, FLOAT64), method)
    shares = values(masks)[:, 0].mean(axis=-1) / ONE  # (stem, frame)
    seconds = np.arange(shares.shape[1]) * 64 / 8000
    own_chunk = seconds // 10.24 == at_s // 10.24  # the other chunk has a loudest sample of its own, in its context
    clear = np.abs(seconds - at_s) > 0.05
    np.testing.assert_allclose(shares[0][clear & own_chunk], (seconds < at_s)[clear & own_chunk], atol=0.02)


def test_a_waveform_net_is_heard_by_the_magnitudes_of_its_estimates(tmp_path: Path) -> None:
    masks = separate(recording(n_samples=40_000), toy(tmp_path, net="toy-wave"))
    np.testing.assert_allclose(values(masks) / ONE, np.broadcast_to(np.array([0.5, 0.25, 0.25, 0.0])[:, None, None, None],
                                                                    values(masks).shape), atol=1e-4)  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- the table


def test_the_table_names_every_net_once() -> None:
    assert list(INFOS) == NAMES
    assert len({info.title for info in INFOS.values()}) == len(NAMES)
    for name, info in INFOS.items():
        assert info.name == name and info.group == "research" and info.stems == STEMS
        assert info.sentence.endswith(".") and info.paper


def test_only_nets_with_weights_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "zoo_folder", lambda: tmp_path)
    assert not [name for name, info in methods().items() if info.group == "research"]
    with pytest.raises(WeightsError, match=r"no weights yet.*python -m engine\.training zoo demucs --data DIR"):
        build("demucs")
    install(tmp_path, "demucs", "toy-wave", {})
    assert [name for name, info in methods().items() if info.group == "research"] == ["demucs"]
    method = build("demucs")
    assert method.info.weights_sha256 == hashlib.sha256((tmp_path / "demucs.safetensors").read_bytes()).hexdigest()
    assert method.settings == {"precision": "float32", "device": method.settings["device"]}
    with pytest.raises(MethodError, match="no option 'speed'"):
        build("demucs", speed=2)
    (tmp_path / "demucs.safetensors").unlink()
    with pytest.raises(WeightsError, match="no weights yet"):
        build("demucs")


def test_a_method_and_its_grid_need_no_torch(tmp_path: Path) -> None:
    dnn(tmp_path)
    code = "import sys, pathlib, engine.methods.network as n; m = n.Network('dnn', folder=pathlib.Path(sys.argv[1]))"
    code += "; print(m.grid(96000).rate_hz, m.context_s, 'torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["22050", "0.1", "False"]


# ------------------------------------------------------------------------------------------------- weights that are not right


def first_chunk(folder: Path) -> None:
    separate(recording(n_samples=3000), Network("dnn", folder=folder))


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / "dnn.json"
    raw = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in raw.items() if v is not None}))


def test_damaged_numbers_are_refused(tmp_path: Path) -> None:
    dnn(tmp_path)
    path = tmp_path / "dnn.safetensors"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(WeightsError, match="damaged or not ours"):
        first_chunk(tmp_path)


def test_numbers_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    dnn(tmp_path)
    (tmp_path / "dnn.safetensors").write_bytes(b"pickle")
    change_card(tmp_path, sha256=hashlib.sha256(b"pickle").hexdigest())
    with pytest.raises(WeightsError, match="not a safetensors file"):
        first_chunk(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"net": "no-such-net"},
        {"net": "cnn1"},
        {"net_config": {"look": dataclasses.asdict(MONO), "n_hidden": 9, "n_bands": 32}},
        {"net_config": {"no_such_field": 1}},
        {"net_config": {"look": {"rate": 1}}},
        {"look": dataclasses.asdict(dataclasses.replace(MONO, hop=64))},
    ],
)
def test_numbers_of_another_net_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    dnn(tmp_path)
    change_card(tmp_path, **changes)
    with pytest.raises(WeightsError, match=r"belongs to another network.*train it anew"):
        first_chunk(tmp_path)


@pytest.mark.parametrize(
    "look",
    [
        None, 3, "", [1], {"rate_hz": "fast"}, {"speed": 1}, {"n_fft": 0, "hop": 0}, {"hop": 5000}, {"n_channels": 7},
        {"n_fft": 333, "hop": 3}, {"window": "kaiser"}, {"rate_hz": -1}, {"context_s": -1}, {"context_s": "long"},
    ],
)  # fmt: skip
def test_cards_without_a_possible_look_are_refused(look: Any, tmp_path: Path) -> None:
    dnn(tmp_path)
    change_card(tmp_path, look=look)
    with pytest.raises(WeightsError, match="does not say how the network looks at sound"):
        Network("dnn", folder=tmp_path)


def test_a_card_that_is_no_card_is_refused(tmp_path: Path) -> None:
    dnn(tmp_path)
    for text in ("", "[]", "{}", '{"sha256": 1}', "\x00"):
        (tmp_path / "dnn.json").write_text(text)
        with pytest.raises(WeightsError, match="cannot be read"):
            Network("dnn", folder=tmp_path)
