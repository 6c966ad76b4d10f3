"""What every research net is, for menus and reports; engine.methods.network makes a method of those whose weights are installed.

Each was rebuilt from its paper at a compact size and trained by the Nullsum authors on openly licensed sound for minutes, not
days: they show what a design hears, and are no measure of what its authors reached.
"""

from engine.nets.look import STEMS
from engine.types import MethodInfo

_ROMA = "G. Roma, O. Green, P. A. Tremblay, Improving single-network single-channel separation of musical audio, LVA/ICA 2018"
_LINDEN = (
    "B. van der Linden, A component analysis of neural network architectures for spectral based audio source separation, "
    "Radboud University 2022"
)
_TUTORIAL = "E. Manilow, P. Seetharaman, J. Salamon, Open source tools and data for music source separation, ISMIR tutorial 2020"


def _info(name: str, title: str, sentence: str, paper: str) -> MethodInfo:
    return MethodInfo(name=name, title=title, group="research", stems=STEMS, sentence=sentence, paper=paper)


INFOS: dict[str, MethodInfo] = {
    info.name: info
    for info in (
        _info("dnn", "Roma: dense network", "Fully connected layers over five frames of the mono sum; the baseline of its paper.", _ROMA),
        _info("cnn1", "Roma: convolutions, soft masks",
              "Convolutions over eleven frames of the mono sum, then dense layers; soft masks.", _ROMA),
        _info("cnn2", "Roma: convolutions, classes",
              "The same network taught to name the loudest stem of every cell: harder cuts, less leakage, more artefacts.", _ROMA),
        _info("blstm", "BLSTM mask inference",
              "Recurrent layers that hear a stretch forwards and backwards, and masks for all stems at once.", _TUTORIAL),
        _info("deep-clustering", "Deep clustering",
              "Learns a place for every cell such that cells of one stem lie together, and finds the clusters.",
              "J. R. Hershey, Z. Chen, J. Le Roux, S. Watanabe, Deep clustering, ICASSP 2016"),
        _info("drnn", "Deep recurrent network", "A small recurrent network whose last layer makes masks that sum to one.",
              "P.-S. Huang, M. Kim, M. Hasegawa-Johnson, P. Smaragdis, Singing-voice separation from monaural recordings using deep "
              "recurrent neural networks, ISMIR 2014"),
        _info("ae", "Auto-encoder", "Convolutions that squeeze the spectrogram and unfold it again, with no short cuts.", _LINDEN),
        _info("unet", "U-Net", "The same with short cuts from each squeezing layer to its unfolding one, which keep fine detail.", _LINDEN),
        _info("unet-jansson", "U-Net for singing", "A U-Net made for singing: strided convolutions, short cuts, a mask on the magnitude.",
              "A. Jansson, E. Humphrey, N. Montecchio, R. Bittner, A. Kumar, T. Weyde, Singing voice separation with deep U-Net "
              "convolutional networks, ISMIR 2017"),
        _info("deepconvsep", "DeepConvSep", "A very small network: filters along frequency, filters along time, and back; fast.",
              "P. Chandna, M. Miron, J. Janer, E. Gómez, Monoaural audio source separation using deep convolutional neural networks, "
              "LVA/ICA 2017"),
        _info("mdensenet", "MDenseNet",
              "Densely connected convolutions at several scales of the spectrogram; its paper prints no sizes, these are ours.",
              "N. Takahashi, Y. Mitsufuji, Multi-scale multi-band DenseNets for audio source separation, WASPAA 2017"),
        _info("mmdensenet", "MMDenseNet", "The same with networks of their own for low and high bands.",
              "N. Takahashi, Y. Mitsufuji, Multi-scale multi-band DenseNets for audio source separation, WASPAA 2017"),
        _info("mmdenselstm", "MMDenseLSTM",
              "Dense blocks at several scales and bands, with recurrent layers for what lasts longer; a reconstruction, because where "
              "they stand was known at second hand only.",
              "N. Takahashi, N. Goswami, Y. Mitsufuji, MMDenseLSTM, IWAENC 2018"),
        _info("open-unmix", "Open-Unmix", "Three recurrent layers that hear a stretch both ways, and a learned scale of what goes in.",
              "F.-R. Stöter, S. Uhlich, A. Liutkus, Y. Mitsufuji, Open-Unmix, Journal of Open Source Software 2019"),
        _info("sams-net", "Sams-Net",
              "Attention over slices of the spectrogram: alike moments of a song inform each other; a reconstruction from its abstract, "
              "with sizes of our own, because its paper's were not at hand.",
              "T. Li, J. Chen, H. Hou, M. Li, Sams-Net: a sliced attention-based neural network for music source separation, ISCSLP 2021"),
        _info("wavenet", "Wavenet", "Dilated convolutions on the samples themselves, no spectrogram.",
              "F. Lluís, J. Pons, X. Serra, End-to-end music source separation: is it possible in the waveform domain?, Interspeech 2019"),
        _info("wave-u-net", "Wave-U-Net", "A U-Net on the samples themselves, halving the rate twelve times and doubling it again.",
              "D. Stoller, S. Ewert, S. Dixon, Wave-U-Net, ISMIR 2018"),
        _info("conv-tasnet", "Conv-TasNet", "A learned transform in place of the spectrum, and masks from dilated convolutions.",
              "Y. Luo, N. Mesgarani, Conv-TasNet, IEEE/ACM TASLP 2019; for music: A. Défossez, N. Usunier, L. Bottou, F. Bach 2019"),
        _info("meta-tasnet", "Meta-TasNet", "Conv-TasNet whose weights are made, stem by stem, by a second network, at several rates.",
              "D. Samuel, A. Ganeshan, J. Naradowsky, Meta-learning extractors for music source separation, ICASSP 2020"),
        _info("demucs", "Demucs", "A U-Net on the samples, with gates in every layer and recurrent layers at its bottom.",
              "A. Défossez, N. Usunier, L. Bottou, F. Bach, Demucs: deep extractor for music sources, 2019"),
    )
}  # fmt: skip
