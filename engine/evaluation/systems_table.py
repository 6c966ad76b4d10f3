"""What the source documents describe, row by row: where it lives here, what shows it, how it differs, and the figures they print.

`where` names something that can be imported, "module:name"; a test looks it up. Documents are told apart by the numbers below.
"""

from dataclasses import dataclass, field
from typing import Any

DOCUMENTS = {
    "000": "E. Manilow, P. Seetharaman, J. Salamon, Open source tools and data for music source separation, ISMIR tutorial 2020",
    "001": "G. Roma, O. Green, P. A. Tremblay, Improving single-network single-channel separation of musical audio, LVA/ICA 2018",
    "002": "a lecture on audio source separation: spatial methods, MMDenseNet, Wavenet",
    "003": "J. Pons, Music source separation with deep learning, lecture; its last table is that of Sams-Net's authors (Li et al. 2019)",
    "004": "B. van der Linden, A component analysis of neural network architectures for spectral based audio source separation, 2022",
}


@dataclass(frozen=True)
class Count:
    """A printed number of parameters, and the net that it is of."""

    printed: float  # 0: none
    setting: str = ""
    config: dict[str, Any] = field(default_factory=dict)  # fields of the net's Config beside the paper's, as JSON gives them
    n_nets: int = 1  # that number is of as many nets
    source: str = ""  # who prints it, where it is not the document of the row


@dataclass(frozen=True)
class Row:
    """One thing that a document describes."""

    what: str
    documents: str
    where: str  # "module:name", several with commas
    differs: str
    shows: str = ""  # a command; "" for a method: separate a song with it
    name: str = ""  # of a method or of a baseline
    counts: tuple[Count, ...] = ()
    printed: str = ""  # other figures


ONE = {"n_stems": 1}
LAW = (
    Row("Streams that sum to the mixture pass the null-sum test", "001", "engine.nulltest:null_test, engine.samples:exact_stems",
        "stronger: integer stems add up to the last bit", "nullsum nulltest mix.wav stems/*.wav"),
    Row("Masks 0 .. 1 that are normalised to sum to one", "001", "engine.masks:normalised, engine.masks:quantised",
        "kept as integers that sum to 65535", "python -m pytest tests/engine/test_masks.py"),
    Row("STFT with constant overlap-add", "001, 004", "engine.stft:stft, engine.stft:istft", "float64, zero-padded on both sides",
        "python -m pytest tests/engine/test_render.py"),
    Row("Vocals moved by 1-2 dB in an uncompromised mix", "001", "engine.render:render", "what no fader moves is copied bit for bit",
        "nullsum remix song.wav -o remix.wav --vocals +1.5"),
)  # fmt: skip

NEURAL = (
    Row("Fully connected network", "001", "engine.nets.roma:Dnn", "one hidden layer of 4,096, the size that gives the printed count",
        name="dnn", counts=(Count(38e6),)),
    Row("Convolutions, soft masks", "001", "engine.nets.roma:Cnn", "sizes of the layers chosen for the printed count",
        name="cnn1", counts=(Count(34e6),), printed="vocals: median SDR just over 4 dB (DSD100, mono)"),
    Row("Convolutions, a class a cell", "001", "engine.nets.roma:Cnn", "the same, with softmax and argmax",
        name="cnn2", counts=(Count(34e6),), printed="better SIR, lower SAR than soft masks"),
    Row("BLSTM mask inference", "000", "engine.nets.blstm:Blstm",
        "no sizes are printed: those of deep clustering for music; the square in place of L1", name="blstm", counts=(Count(0),)),
    Row("Deep clustering", "000", "engine.nets.blstm:DeepClustering", "k-means begins at learned centres, so that clusters have names",
        name="deep-clustering", counts=(Count(0),)),
    Row("Deep recurrent network (Huang)", "003", "engine.nets.drnn:Drnn", "four stems in place of two; no discriminative term",
        name="drnn", counts=(Count(0),)),
    Row("Auto-encoder", "004", "engine.nets.unet:UNet", "one net may hold all stems; estimates leave as magnitudes",
        name="ae", counts=(Count(0),), printed="loss rises with depth (a figure)"),
    Row("U-Net of depth 1 to 5", "004", "engine.nets.unet:UNet", "layers found from the printed counts; one net may hold all stems",
        name="unet",
        counts=(
            *(Count(n, f"depth {d}", {"depth": d, **ONE}) for d, n in ((1, 5759), (2, 27855), (3, 115567), (4, 465071), (5, 1860399))),
            Count(156847, "depth 3 of table 3.5", {"depth": 3, "is_wide": True, **ONE}),
            Count(51280, "the same, separable", {"depth": 3, "is_wide": True, "is_separable": True, **ONE}),
            Count(165776, "depth 4, separable", {"depth": 4, "is_separable": True, **ONE}),
            Count(649360, "depth 5, separable", {"depth": 5, "is_separable": True, **ONE}),
        ),
        printed="validation loss at depth 1 to 5: 0.001249 0.001179 0.001167 0.001017 0.000825; direct 0.001077, leaky ReLU mask "
        "0.001016, swish mask 0.001006; separable 2.9 to 12.6 % worse"),
    Row("Spectrogram U-Net (Jansson)", "003", "engine.nets.unet_jansson:UNetJansson", "a mask for each stem from one net; any length",
        name="unet-jansson", counts=(Count(9.84e6, "one stem", ONE),), printed="5.74 4.66 3.67 3.40"),
    Row("DeepConvSep", "002, 003", "engine.nets.deepconvsep:DeepConvSep", "without the term that keeps stems apart; all four stems",
        name="deepconvsep", counts=(Count(0.32e6),), printed="2.37 3.14 0.17 -2.13"),
    Row("MDenseNet", "002", "engine.nets.dense:DenseNet", "its sizes are not printed, these are ours",
        name="mdensenet", counts=(Count(0),)),
    Row("MMDenseNet", "002", "engine.nets.dense:DenseNet", "all stems may come from one net", name="mmdensenet",
        counts=(Count(0.33e6, "one stem", ONE, source="Takahashi et al. 2018"),)),
    Row("MMDenseLSTM", "003", "engine.nets.dense:DenseNet", "a reconstruction: where its LSTM layers stand was known at second hand",
        name="mmdenselstm", counts=(Count(4.88e6, "four nets", ONE, 4),), printed="6.60 6.41 5.16 4.15"),
    Row("Open-Unmix", "003", "engine.nets.open_unmix:OpenUnmix", "all stems may come from one net; scales begin at a falling spectrum",
        name="open-unmix", counts=(Count(8.9e6, "one stem", ONE),), printed="6.32 5.73 5.23 4.02"),
    Row("Sams-Net", "003", "engine.nets.sams_net:SamsNet", "a reconstruction from its abstract, with sizes that reach the printed count",
        name="sams-net", counts=(Count(3.7e6, "one stem", ONE),), printed="6.61 6.63 5.25 4.09"),
    Row("Wavenet", "002, 003", "engine.nets.wavenet:Wavenet", "padded with zeros; no term of dissimilarity",
        name="wavenet", counts=(Count(3.3e6),), printed="3.35 4.13 2.49 2.60"),
    Row("Wave-U-Net", "002, 003", "engine.nets.wave_u_net:WaveUNet", "samples are brought to an RMS of one inside",
        name="wave-u-net", counts=(Count(10.2e6),), printed="3.25 4.22 3.21 2.25"),
    Row("Conv-TasNet for music", "003", "engine.nets.conv_tasnet:ConvTasNet", "all norms global; trained by squared error here",
        name="conv-tasnet", counts=(Count(0),), printed="5.7 over all"),
    Row("Meta-TasNet", "003", "engine.nets.meta_tasnet:MetaTasNet", "Conv-TasNet's separator; squared errors of all stages; "
        "no way of counting gives the printed 12.0 M",
        name="meta-tasnet", counts=(Count(12e6),), printed="6.40 5.91 5.58 4.19"),
    Row("Demucs", "003", "engine.nets.demucs:Demucs", "not upsampled inside; the printed count has 32 features, the paper 64",
        name="demucs", counts=(Count(66.42e6, "32 features", {"n_features": 32}), Count(0, "64 features")), printed="6.29 6.08 5.83 4.12"),
)  # fmt: skip

UNTRAINED = (
    Row("PROJET", "002", "engine.methods.projet:Projet", "shares of the channels in place of a pseudo-inverse; begins at DUET's peaks",
        name="projet", printed="none: its experiment is `python -m engine.evaluation.panning`"),
    Row("ADRess", "002", "engine.methods.adress:Adress", "the null in closed form; soft masks over azimuth", name="adress"),
    Row("DUET", "002", "engine.methods.duet:Duet", "soft masks; level as an angle", name="duet"),
    Row("ICA", "002, 003", "engine.methods.ica:Ica", "on cells of the spectrogram, with masks", name="ica"),
    Row("NMF", "003", "engine.methods.nmf:Nmf", "the dictionary is learned from excerpts and grouped into three kinds", name="nmf"),
    Row("Median filters", "-", "engine.methods.hpss:Hpss", "in no document: D. FitzGerald 2010", name="hpss"),
    Row("REPET-SIM", "-", "engine.methods.repet_sim:RepetSim", "in no document: Z. Rafii, B. Pardo 2012", name="repet-sim"),
    Row("Ideal ratio mask", "001, 003", "engine.evaluation.baselines:ideal_ratio_mask", "in the renderer's STFT",
        "python -m engine.evaluation --data DIR --oracles", "irm", printed="9.43 8.45 7.12 7.85"),
    Row("Ideal binary mask", "001, 003", "engine.evaluation.baselines:ideal_binary_mask", "ties go to the first stem",
        "python -m engine.evaluation --data DIR --oracles", "ibm"),
)  # fmt: skip

_ZOO = "python -m engine.training zoo {} --data DIR --work DIR"
_BUILT_IN = "python -m engine.training --data DIR --work DIR --loss {}"
_FINDINGS = "python -m engine.training.findings --data DIR --work DIR {}"
LOSSES = (
    Row("Magnitude approximation, L1", "000", "engine.training.criteria:l1, engine.training.losses:magnitude_l1", "nothing",
        _BUILT_IN.format("magnitude-l1")),
    Row("Magnitude approximation, L2", "000", "engine.training.criteria:mse, engine.training.losses:magnitude_l2", "nothing",
        _BUILT_IN.format("magnitude-l2")),
    Row("Truncated phase-sensitive approximation, L1", "000", "engine.training.criteria:tpsa, engine.training.losses:tpsa_l1", "nothing",
        _FINDINGS.format("target"), printed="the best option for loss and target"),
    Row("The same, L2", "000", "engine.training.criteria:tpsa_l2, engine.training.losses:tpsa_l2", "nothing", _BUILT_IN.format("tpsa-l2")),
    Row("Squared error of soft masks", "001", "engine.training.criteria:mask_mse", "silent cells are left out", _ZOO.format("cnn1")),
    Row("Negative log likelihood of the loudest stem", "001", "engine.training.criteria:nll, engine.training.losses:nll",
        "silent cells are left out",
        _ZOO.format("cnn2")),
    Row("Deep clustering", "000", "engine.training.criteria:deep_clustering", "cells count by their magnitude",
        _ZOO.format("deep-clustering")),
    Row("Waveform L1 and MSE", "000", "engine.training.criteria:wave_l1, engine.training.criteria:wave_mse", "nothing",
        _ZOO.format("demucs --loss wave-l1")),
    Row("SI-SNR, SI-SDR", "000", "engine.training.criteria:si_sdr, engine.training.losses:si_sdr", "with a floor where a stem is silent",
        _BUILT_IN.format("si-sdr")),
    Row("Squared error of log10(1 + magnitude) / 2.10", "004", "engine.training.criteria:log_mse", "nothing", _FINDINGS.format("mask")),
)  # fmt: skip

DATA = (
    Row("Swap left and right", "003", "engine.training.augment:varied", "nothing", "python -m pytest tests/engine/test_training_data.py"),
    Row("Scale stems", "003", "engine.training.augment:random_mix", "in dB, with a spread for each stem",
        "python -m pytest tests/engine/test_training_data.py"),
    Row("Mix stems of different songs", "003", "engine.training.augment:random_mix", "a share of the mixes stays true songs",
        _ZOO.format("unet")),
    Row("Pitch-shift", "003", "engine.training.augment:resampled, engine.training.stretch:bent",
        "pitch and speed move together; slow bends apart", "python -m pytest tests/engine/test_stretch.py"),
    Row("Time-stretch", "003", "engine.training.stretch:stretched", "a phase vocoder", "python -m pytest tests/engine/test_stretch.py"),
    Row("Dynamic mixing", "004", "engine.training.mixes:endless_mixes", "new mixes without end in place of 5,000 made beforehand",
        _ZOO.format("ae"), printed="did not help on the full set"),
)  # fmt: skip

OPTIMISERS = (
    Row("Adadelta, Adagrad, Adamax, Nadam, RMSprop, SGD, Adam", "004", "engine.training.optimisers:OPTIMISERS",
        "SGD has momentum 0.9; findings compare four of them",
        _ZOO.format("unet --optimiser adagrad"),
        printed="validation loss: RMSprop 0.000608, Nadam 0.000625, Adam 0.000653, Adamax 0.000711"),
)  # fmt: skip

EVALUATION = (
    Row("SDR, SIR, SAR", "001, 003", "engine.evaluation.metrics:bss_eval",
        "museval's, with noise 80 dB below the references; card and table of methods also score windows in which a stem rests",
        "python -m engine.evaluation --method nullsum-4 --data DIR --metrics museval"),
    Row("ISR of images", "002", "engine.evaluation.images:Images", "32 taps in place of 512, the whole recording at once",
        "python -m engine.evaluation.panning"),
    Row("Median over a song's windows and over songs", "001", "engine.evaluation.tables:rows", "plain SDR, SI-SDR, remix: mean over songs",
        "python -m engine.evaluation --method nullsum-4 hpss --data DIR"),
    Row("Paired Wilcoxon signed-rank tests with Bonferroni's correction", "001", "engine.evaluation.compare:paired_tests",
        "windows are paired where there are fewer than eight songs, more with more methods",
        "python -m engine.evaluation --method nullsum-4 open-unmix --data DIR"),
)  # fmt: skip
