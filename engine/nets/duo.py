"""Two networks that hear the same features, their logits averaged: what one takes for a guitar the other may know as a voice.

Averaging logits is the geometric mean of the shares, normalised: a cell goes where both see a reason. The two were
trained apart; T. G. Dietterich, "Ensemble methods in machine learning", MCS 2000, says why their errors partly cancel.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from engine.nets.band_blstm import BandBlstm, BandBlstmConfig
from engine.nets.band_split import BandSplit, BandSplitConfig


@dataclass(frozen=True)
class DuoConfig:
    """Both networks' sizes, and how much the second counts."""

    blstm: BandBlstmConfig = field(default_factory=BandBlstmConfig)
    split: BandSplitConfig = field(default_factory=BandSplitConfig)
    split_share: float = 0.5


class Duo(nn.Module):
    """(batch, feature, band, frame) -> logits (batch, stem, band, frame); softmax over stem gives the shares."""

    def __init__(self, config: DuoConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DuoConfig()
        self.blstm, self.split = BandBlstm(c.blstm), BandSplit(c.split)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        share = self.config.split_share
        first: Tensor = self.blstm(features).log_softmax(1)
        second: Tensor = self.split(features).log_softmax(1)
        return (1 - share) * first + share * second
