"""How each research net is trained: one dataclass, and a table of what is particular to a net."""

from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a run, besides the sounds and how fast the machine is."""

    net: str
    criterion: str = "tpsa"  # engine.training.criteria
    optimiser: str = "adam"  # engine.training.optimisers
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch: int = 8
    seconds: float = 3.0  # of each example: longer ones say little more, and more examples say much more
    minutes: float = 8.0  # of one processor core's time; pauses, waiting and validation are not counted
    max_steps: int = 0  # 0: the minutes alone say when it is over
    warmup: float = 0.03  # of the run, in which the learning rate rises; then half a cosine down to a hundredth
    clip_norm: float = 1.0
    ema: float = 0.99  # weights that are kept are a running mean over about 100 steps: runs are short
    bf16: bool = True  # matrix products in bfloat16: up to four times as fast on processors that know it
    song_share: float = 0.3  # mixes that are a true stretch of one song
    song_stem_share: float = 0.4  # single stems that are one of a song, heard with anything
    made_share: float = 0.3  # songs and other single stems that are synthesised, where there are such
    mix_seconds: float = 8.0  # of what is mixed at once; examples are cut from it
    seed: int = 1
    net_config: dict[str, Any] = field(default_factory=dict)  # as JSON gives it; everything, so that later defaults change nothing

    def same_run(self, other: "Recipe") -> bool:
        """Whether one can go on where the other stopped: all but their length is equal."""
        return replace(self, minutes=0.0, max_steps=0) == replace(other, minutes=0.0, max_steps=0)

    @staticmethod
    def from_json(raw: dict[str, Any]) -> "Recipe":
        """A recipe as it was written beside weights; what this version does not know is passed over."""
        known = {f.name for f in fields(Recipe)}
        return Recipe(**{k: v for k, v in raw.items() if k in known})


RECIPES: dict[str, dict[str, Any]] = {  # what differs from the defaults, after each paper
    "dnn": {"criterion": "mask-mse", "learning_rate": 3e-3},  # Roma et al.: soft masks, MSE, Adam; a rate between those tried for dnn
    "cnn1": {"criterion": "mask-mse", "learning_rate": 3e-3},
    "cnn2": {"criterion": "nll", "learning_rate": 3e-3},
    "blstm": {"criterion": "tpsa-l2"},  # document 000 prefers L1, which in three minutes taught it to claim nothing of the bass
    "deep-clustering": {"criterion": "deep-clustering", "batch": 4},
    "drnn": {"criterion": "mse"},
    "ae": {"criterion": "log-mse", "optimiser": "rmsprop", "learning_rate": 1e-3},  # van der Linden: RMSprop came out best
    "unet": {"criterion": "log-mse", "optimiser": "rmsprop", "learning_rate": 1e-3},
    "unet-jansson": {"criterion": "l1"},
    "deepconvsep": {"criterion": "mse"},
    "mdensenet": {"criterion": "mse", "batch": 4},
    "mmdensenet": {"criterion": "mse", "batch": 4},
    "mmdenselstm": {"criterion": "mse", "batch": 4},
    "open-unmix": {"criterion": "mse"},
    "sams-net": {"criterion": "mse", "batch": 4},
    "wavenet": {"criterion": "wave-l1", "batch": 4, "seconds": 2.0, "learning_rate": 0.002},
    "wave-u-net": {"criterion": "wave-mse", "batch": 4, "seconds": 2.0},
    "conv-tasnet": {"criterion": "wave-mse", "batch": 4, "seconds": 2.0},
    "meta-tasnet": {"criterion": "stages-mse", "batch": 4, "seconds": 2.0, "learning_rate": 0.002},
    "demucs": {"criterion": "wave-l1", "batch": 4, "seconds": 2.0},
}


def recipe_for(name: str, **changes: Any) -> Recipe:
    """The recipe of a net; KeyError for one that has none."""
    return Recipe(net=name, **{**RECIPES[name], **changes})
