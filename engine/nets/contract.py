"""What every research net keeps to: how it looks at sound, and what goes in and comes out of the two kinds of net.

A net hears a stretch scaled to an RMS of about 0.1 (the method and the trainer see to that) and does any further scaling
of its input itself. It writes no file, knows no loss and never changes its input.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from engine.nets.look import STEMS, Look

__all__ = ["STEMS", "Look", "SpectrogramNet", "WaveformNet"]


class SpectrogramNet(nn.Module, ABC):
    """Magnitudes in, magnitudes out.

    The STFT is not normalised (a full-scale sine has |X| = n_fft / 4 under a Hann window). A net that ends in masks returns
    mask x magnitude. Any number of frames from one on and any batch must do.
    """

    look: Look

    @abstractmethod
    def forward(self, magnitude: Tensor) -> Tensor:
        """Mixture magnitudes (batch, channel, bin, frame) >= 0 -> estimates (batch, stem, channel, bin, frame) >= 0."""


class WaveformNet(nn.Module, ABC):
    """Samples in, samples out; any length from one sample on and any batch must do."""

    look: Look

    @abstractmethod
    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, channel, sample) -> estimates (batch, stem, channel, sample) of the same length."""
