"""How a net looks at sound, in plain numbers: kept apart from torch, so that a method can be asked about its grid at once."""

from dataclasses import dataclass

STEMS = ("vocals", "drums", "bass", "other")  # the order of the stem axis, always


@dataclass(frozen=True)
class Look:
    """What a net looks at."""

    rate_hz: int = 44100
    n_channels: int = 2  # 1: the mono sum (mean of the channels); 2: stereo
    n_fft: int = 4096  # of a spectrogram net, and of the masks made from a waveform net's estimates
    hop: int = 1024
    window: str = "hann"  # or "hamming"; always periodic
    context_s: float = 1.0  # seconds of sound heard before and after a chunk

    @property
    def n_bins(self) -> int:
        """Bins of a spectrum, 0 Hz and half the rate included."""
        return self.n_fft // 2 + 1
