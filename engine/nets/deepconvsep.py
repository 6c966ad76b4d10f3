"""DeepConvSep: filters that span the spectrum, filters that span time, a bottleneck, and the way back for every stem.

P. Chandna, M. Miron, J. Janer, E. Gómez, "Monoaural audio source separation using deep convolutional neural networks", LVA/ICA
2017; sizes also in document 002:

    patch (bin, 25 frames) ── 50 filters as high as the spectrum, one frame wide ── 30 filters 15 frames long ── dense 128, ReLU
    for every stem: dense back to the size of the filters' output, ReLU ── transposed 15 frames ── transposed spectrum, ReLU: y
    estimates are masks times the mixture: |y_i| / sum_j |y_j|

Patches overlap by half and their estimates are added up. Table 1 of document 003 prints 0.32 M parameters; with transposed
convolutions of their own, shared by the stems, there are 0.31 M, with those tied to the first two layers (which the paper's
"inverse" may mean) 0.26 M. This differs from the paper in: the squared error of all four stems is made small, where the authors'
program asks for voice, drums and bass and meets the rest only in the term that keeps stems apart, which is left out here; a Hann
window in place of their Blackman-Harris; the masks' denominator has a floor, so silence belongs to nobody in particular.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from engine.nets.blocks import usual_magnitude
from engine.nets.contract import Look, SpectrogramNet


@dataclass(frozen=True)
class DeepConvSepConfig:
    """Sizes; the defaults are the paper's."""

    look: Look = Look(rate_hz=44100, n_channels=1, n_fft=1024, hop=512, context_s=0.3)  # 1024 at 44.1 kHz
    n_patch: int = 25  # frames heard at once, 290 ms
    n_vertical: int = 50  # filters along the spectrum (document 002)
    n_horizontal: int = 30  # filters along time (document 002)
    n_long: int = 15  # frames of a filter along time
    n_dense: int = 128  # document 002
    n_stems: int = 4


COMPACT = DeepConvSepConfig(look=Look(rate_hz=22050, n_channels=1, n_fft=2048, hop=512, context_s=0.6), n_vertical=80, n_dense=192)


class DeepConvSep(SpectrogramNet):
    """Magnitudes in, magnitudes out; see the module."""

    def __init__(self, config: DeepConvSepConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DeepConvSepConfig()
        if not 0 < c.n_long <= c.n_patch:
            raise ValueError(f"n_long={c.n_long} frames do not fit a patch of {c.n_patch}.")
        self.look = c.look
        n_rows = c.look.n_channels * c.look.n_bins
        n_steps = c.n_patch - c.n_long + 1
        self.vertical = nn.Conv1d(n_rows, c.n_vertical, 1)
        self.horizontal = nn.Conv1d(c.n_vertical, c.n_horizontal, c.n_long)
        self.bottleneck = nn.Linear(c.n_horizontal * n_steps, c.n_dense)
        self.widen = nn.Linear(c.n_dense, c.n_stems * c.n_horizontal * n_steps)  # a layer a stem, side by side
        self.along_time = nn.ConvTranspose1d(c.n_horizontal, c.n_vertical, c.n_long)
        self.along_bins = nn.ConvTranspose1d(c.n_vertical, n_rows, 1)

    def estimates(self, rows: Tensor) -> Tensor:
        """(batch, row, frame) -> y, summed over the patches that hold a frame: (batch, stem, row, frame) >= 0."""
        c, n_frames = self.config, rows.shape[-1]
        step = max(1, c.n_patch // 2)
        edge = c.n_patch - step  # so that the first and the last frames lie in as many patches as all others
        n_patches = -(-(n_frames + 2 * edge - c.n_patch) // step) + 1
        n_padded = (n_patches - 1) * step + c.n_patch
        cut = F.pad(rows, (edge, n_padded - edge - n_frames)).unfold(-1, c.n_patch, step)  # (batch, row, patch, frame of patch)
        x = self.horizontal(self.vertical(cut.transpose(1, 2).flatten(0, 1)))  # (batch x patch, filter, step)
        x = F.relu(self.widen(F.relu(self.bottleneck(x.flatten(1)))))
        x = x.view(-1, c.n_horizontal, c.n_patch - c.n_long + 1)  # (batch x patch x stem, filter, step)
        y = F.relu(self.along_bins(self.along_time(x))).float()  # (batch x patch x stem, row, frame of patch)
        y = y.view(len(rows), n_patches, -1, c.n_patch).permute(0, 2, 3, 1)  # (batch, stem x row, frame of patch, patch)
        whole = F.fold(y.flatten(1, 2), (1, n_padded), (1, c.n_patch), stride=(1, step))  # (batch, stem x row, 1, n_padded)
        return whole[:, :, 0, edge : edge + n_frames].unflatten(1, (c.n_stems, rows.shape[1]))

    def forward(self, magnitude: Tensor) -> Tensor:
        """(batch, channel, bin, frame) -> (batch, stem, channel, bin, frame)."""
        y = self.estimates(magnitude.flatten(1, 2) / usual_magnitude(self.config.look.n_fft)) + 1e-6
        masks = y / y.sum(1, keepdim=True)
        return masks.unflatten(2, magnitude.shape[1:3]) * magnitude[:, None]
