"""The comparisons that the source documents print, as questions for runs of equal cost: the sides, and what each document claims.

All U-Nets here see the small look of the compact nets (22.05 kHz, mono, 1024 / 512), hold four stems at once and begin at a rate
of 1e-3, because they have a minute and not a hundred epochs. Document 004 is B. van der Linden (Radboud University 2022), 001 is
G. Roma, O. Green, P. A. Tremblay (LVA/ICA 2018), 000 the ISMIR tutorial of 2020.
"""

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.nets import compact_config
from engine.training.recipes import Recipe
from engine.training.verdicts import slope


@dataclass(frozen=True)
class Side:
    """One thing to train: a net, what differs from its compact size, and how it learns."""

    words: str
    net: str = "unet"
    config: dict[str, Any] = field(default_factory=dict)
    criterion: str = "log-mse"
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    runs: int = 1  # with other seeds: those sides that are run again tell what luck does


@dataclass(frozen=True)
class Claim:
    """sign x (sum of weights x measure - offset) > 0; "loss" is compared by its logarithm, dB as they are."""

    words: str
    measure: str  # loss, sdr, sir, sar
    weights: dict[str, float]
    sign: float
    offset: float = 0.0


@dataclass(frozen=True)
class Question:
    """What a document found, and how it is asked here."""

    title: str
    says: str
    source: str
    printed: str
    claims: tuple[Claim, ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """Every side that a claim weighs, in the order in which they were named."""
        return tuple(dict.fromkeys(side for claim in self.claims for side in claim.weights))


ORACLES = {"ibm": "ideal binary mask", "irm": "ideal ratio mask"}  # sides that need no training
_BASE = {"output": "direct", "dropout": 0.1}  # table 3.1
DEPTHS = (1, 2, 3, 4, 5)

SIDES: dict[str, Side] = {
    **{f"unet-{d}": Side(f"U-Net, depth {d}, direct", config={**_BASE, "depth": d}, runs=3 if d == 3 else 1) for d in DEPTHS},
    **{f"ae-{d}": Side(f"auto-encoder, depth {d}, direct", config={**_BASE, "depth": d, "has_skips": False}) for d in DEPTHS},
    "leaky": Side("U-Net, depth 3, leaky ReLU mask", config={**_BASE, "depth": 3, "output": "leaky"}, runs=3),
    "swish": Side("U-Net, depth 3, swish mask", config={**_BASE, "depth": 3, "output": "swish"}),
    **{
        f"separable-{d}": Side(f"U-Net, depth {d}, direct, separable", config={**_BASE, "depth": d, "is_separable": True})
        for d in (3, 4, 5)
    },
    "rmsprop": Side("U-Net, depth 3, direct, RMSprop", config={**_BASE, "depth": 3}, optimiser="rmsprop"),
    "nadam": Side("U-Net, depth 3, direct, Nadam", config={**_BASE, "depth": 3}, optimiser="nadam"),
    "sgd": Side("U-Net, depth 3, direct, SGD", config={**_BASE, "depth": 3}, optimiser="sgd"),
    "dnn": Side("Roma: fully connected, soft masks", "dnn", criterion="mask-mse", learning_rate=3e-3),
    "cnn1": Side("Roma: convolutions, soft masks", "cnn1", criterion="mask-mse", learning_rate=3e-3, runs=2),
    "cnn2": Side("Roma: convolutions, softmax, binary masks", "cnn2", criterion="nll", learning_rate=3e-3),
    **{
        name: Side(f"U-Net, depth 3, leaky ReLU mask, {words}", config={**_BASE, "depth": 3, "output": "leaky"}, criterion=criterion,
                   runs=2 if name == "tpsa-l1" else 1)
        for name, words, criterion in (
            ("tpsa-l1", "tPSA L1", "tpsa"), ("tpsa-l2", "tPSA L2", "tpsa-l2"), ("msa-l1", "MSA L1", "l1"), ("msa-l2", "MSA L2", "mse"),
        )
    },
}  # fmt: skip

QUESTIONS: dict[str, Question] = {
    "mask": Question(
        "Mask or spectrogram", "a net that ends in a mask does better than one that makes the spectrogram", "document 004, table 3.4",
        "validation loss: direct 0.001077, leaky ReLU mask 0.001016, swish mask 0.001006",
        (Claim("loss of the leaky ReLU mask is less than direct", "loss", {"leaky": 1.0, "unet-3": -1.0}, -1.0),
         Claim("loss of the swish mask is less than direct", "loss", {"swish": 1.0, "unet-3": -1.0}, -1.0)),
    ),
    "depth-skips": Question(
        "Depth with skip connections", "each level more lowers the loss", "document 004, table 3.3",
        "depth 1 to 5: 0.001249, 0.001179, 0.001167, 0.001017, 0.000825",
        (Claim("loss falls with depth (slope a level)", "loss", slope([f"unet-{d}" for d in DEPTHS]), -1.0),),
    ),
    "depth-plain": Question(
        "Depth without skip connections", "each level more raises the loss", "document 004, figure 3.3", "no numbers: a figure",
        (Claim("loss rises with depth (slope a level)", "loss", slope([f"ae-{d}" for d in DEPTHS]), 1.0),),
    ),
    "separable": Question(
        "Depth-wise separable convolutions", "65 % fewer parameters for a loss that is 3 to 11 % worse", "document 004, table 3.5",
        "depth 3: 0.001059 and 0.001212, depth 4: 0.001046 and 0.001077, depth 5: 0.000890 and 0.000994",
        tuple(
            Claim(words, "loss", {f"{net}-{d}": w / 3.0 for net, w in (("separable", 1), ("unet", -1)) for d in (3, 4, 5)}, sign, offset)
            for words, sign, offset in (("loss is at least 3 % worse, mean of three depths", 1.0, -math.log(1.0 - 0.03)),
                                        ("loss is at most 11 % worse, mean of three depths", -1.0, -math.log(1.0 - 0.11)))
        ),
    ),
    "optimiser": Question(
        "Optimisers", "RMSprop is best, then Nadam, then Adam; SGD is far behind", "document 004, table 3.2 and figure 3.2",
        "Adam 0.000653, RMSprop 0.000608, Nadam 0.000625; SGD more than twice as much",
        (Claim("loss with RMSprop is less than with Adam", "loss", {"rmsprop": 1.0, "unet-3": -1.0}, -1.0),
         Claim("loss with Nadam is less than with Adam", "loss", {"nadam": 1.0, "unet-3": -1.0}, -1.0),
         Claim("loss with SGD is more than with Adam", "loss", {"sgd": 1.0, "unet-3": -1.0}, 1.0)),
    ),
    "convolution": Question(
        "Convolutions or fully connected", "convolutional layers improve on fully connected ones alone", "document 001, figure 2",
        "vocals: median SDR just above 4 dB with convolutions",
        (Claim("SDR of cnn1 is more than of dnn", "sdr", {"cnn1": 1.0, "dnn": -1.0}, 1.0),),
    ),
    "binary": Question(
        "Binary masks that were learned", "softmax and binary masks: higher SIR, lower SAR than soft masks", "document 001, section 3.2",
        "no numbers: a figure",
        (Claim("SIR of cnn2 is more than of cnn1", "sir", {"cnn2": 1.0, "cnn1": -1.0}, 1.0),
         Claim("SAR of cnn2 is less than of cnn1", "sar", {"cnn2": 1.0, "cnn1": -1.0}, -1.0)),
    ),
    "oracle": Question(
        "Binary masks that are ideal", "the same of ideal masks", "ours, after document 001, section 3.2", "no numbers",
        (Claim("SIR of the ideal binary mask is more", "sir", {"ibm": 1.0, "irm": -1.0}, 1.0),
         Claim("SAR of the ideal binary mask is less", "sar", {"ibm": 1.0, "irm": -1.0}, -1.0)),
    ),
    "target": Question(
        "What to approximate", "L1 with the truncated phase-sensitive target is the best option", "document 000, losses", "no numbers",
        tuple(Claim(f"SDR with tPSA L1 is more than with {words}", "sdr", {"tpsa-l1": 1.0, other: -1.0}, 1.0)
              for other, words in (("tpsa-l2", "tPSA L2"), ("msa-l1", "MSA L1"), ("msa-l2", "MSA L2"))),
    ),
}  # fmt: skip


def recipe_of(name: str, minutes: float, seed: int, max_steps: int = 0) -> Recipe:
    """The recipe of a side, with the whole config of its net in it."""
    side = SIDES[name]
    config = json.loads(json.dumps(asdict(replace(compact_config(side.net), **side.config))))
    return Recipe(
        side.net, side.criterion, side.optimiser, side.learning_rate, batch=4, seconds=2.0, minutes=minutes, max_steps=max_steps, seed=seed,
        net_config=config,
    )  # fmt: skip  # small batches: hundreds of steps in a minute
