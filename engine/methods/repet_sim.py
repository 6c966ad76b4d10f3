"""What repeats, and what is laid over it: REPET-SIM.

Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR, Porto 2012; the limited memory is that of their
"Online REPET-SIM for real-time speech enhancement", ICASSP, Vancouver 2013. Numbers are ours, in the order of the paper:

    (1)  S(a, b) = the cosine between the magnitudes V of frames a and b            how alike two moments sound
    (2)  J(a)    = the frames most like a, a second or more apart from each other   its repetitions, itself among them
    (3)  W(a)    = the median over J(a) of V, bin by bin                            what most of them have in common
    (4)  share of what repeats = min(W, V) / V                                      the rest is in the foreground

        V   drums  |.|.|.|.|.|.|.|         a voice is never twice the same: the median over the moments at which
            chords AAAABBBBAAAABBBB        the drums and chords are alike does not know it
            voice     ~~~   ~~  ~~~~~

This differs from the paper in:
- Memory. A frame is compared with the reach_s of sound on either side of it, not with the whole song: the work does not grow with
  its square, a chunk hears all it needs, and a chord of another verse is not taken for one of this.
- The window of the other simple methods (93 ms in place of 40), all channels in one V, and no high-pass for the voice.
- Where fewer than three frames can be compared (a recording of a second or two) nothing can be told to repeat: equal shares.
"""

from dataclasses import asdict, dataclass

import numpy as np

from engine.methods.options import check, setting
from engine.methods.spectra import look_grid, look_stft, near_unit_peak, noise_floor, power
from engine.types import Array, MaskGrid, MethodInfo

INFO = MethodInfo(
    name="repet-sim",
    title="Repeating and foreground",
    group="classic",
    stems=("repeating", "foreground"),
    sentence="Splits what comes back (drums, riffs, chords) from what does not (a voice, a solo); for music built on loops, and any "
    "number of channels.",
    paper="Z. Rafii, B. Pardo, Music/voice separation using the similarity matrix, ISMIR 2012",
)

ENOUGH = 3  # frames in a median that says anything


@dataclass(frozen=True, slots=True)
class RepetSimSettings:
    """What counts as a repetition."""

    n_repetitions: int = setting(15, "Repetitions of a frame, at most; the paper takes 100 in a whole song.", low=ENOUGH, high=100)
    apart_s: float = setting(1.0, "Least time between two of them: nearer ones are the same note.", low=0.1, high=10.0, unit="seconds")
    reach_s: float = setting(
        10.0, "Sound on either side of a frame in which they are sought: the memory of the paper's online version.",
        low=2.0, high=60.0, unit="seconds",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse what finds no repetition or needs too much memory."""
        check(self)


class RepetSim:
    """The method behind the door `engine.types.Method`."""

    info = INFO
    look_rate_hz: int | None = None

    def __init__(self, settings: RepetSimSettings | None = None) -> None:
        """Ten seconds either way unless told otherwise."""
        self._wanted = settings or RepetSimSettings()

    @property
    def settings(self) -> dict[str, float | int | str]:
        """All three numbers."""
        return asdict(self._wanted)

    @property
    def context_s(self) -> float:
        """The reach and half a window (66 ms at most), with room for a stretch that was cut at whole frames."""
        return self._wanted.reach_s + 0.2

    def grid(self, rate_hz: int) -> MaskGrid:
        """4096 / 1024 samples at 44.1 kHz, and as many milliseconds at other rates."""
        return look_grid(rate_hz)

    def shares(self, samples: Array, grid: MaskGrid, first_frame: int, n_frames: int) -> Array:
        """(channel, sample) float32 -> shares (stem=2, channel=1, bin, n_frames) float32, summing to one."""
        n_fft, per_s = 2 * (len(grid.freqs_hz) - 1), grid.rate_hz / grid.hop
        reach, apart = round(self._wanted.reach_s * per_s), max(1, round(self._wanted.apart_s * per_s))
        low = max(0, first_frame - reach)
        high = max(first_frame + n_frames, min(-(-samples.shape[1] // grid.hop) + 1, first_frame + n_frames + reach))
        level, v = near_unit_peak(samples), np.zeros((high - low, len(grid.freqs_hz)), dtype=np.float32)  # (frame, bin)
        for channel in level:
            v += power(look_stft(channel[None], n_fft, grid.hop, low, high - low)[0]).T
        floor = np.sqrt(noise_floor(v[first_frame - low :][:n_frames].T))  # (1, n_frames)
        np.sqrt(v, out=v)
        picks = repetitions(v, np.arange(first_frame - low, first_frame - low + n_frames), reach, apart, self._wanted.n_repetitions)
        out = np.empty((2, 1, len(grid.freqs_hz), n_frames), dtype=np.float32)
        for frame, of_frame in enumerate(picks):
            own = v[first_frame - low + frame]
            common = np.minimum(np.median(v[of_frame], axis=0), own) if len(of_frame) >= ENOUGH else own / 2.0
            out[0, 0, :, frame] = (common + floor[0, frame]) / (own + 2.0 * floor[0, frame])
        np.subtract(1.0, out[0], out=out[1])
        return out


def repetitions(v: Array, frames: Array, reach: int, apart: int, n_most: int) -> list[Array]:
    """(1) and (2): V (frame, bin) -> for each of `frames` the indices of the frames most like it, itself first.

    The most alike is taken, all that are nearer to it than `apart` are struck out, and so on, within `reach` of the frame.
    """
    length = np.sqrt(np.square(v).sum(axis=1, keepdims=True))
    unit = np.divide(v, length, out=np.zeros_like(v), where=length > 0.0)
    alike = unit[frames] @ unit.T  # (frame, frame): -1 where it must not be taken
    every = np.arange(len(v))
    alike[np.abs(every - frames[:, None]) > reach] = -1.0
    alike[:, length[:, 0] == 0.0] = -1.0  # silence is like nothing
    rows = np.arange(len(frames))
    best, found = frames.copy(), [frames.copy()]  # a frame is like itself whatever rounding says
    taken = [np.ones(len(frames), dtype=bool)]
    for _ in range(n_most - 1):
        near = best[:, None] + np.arange(-apart + 1, apart)
        alike[rows[:, None], np.clip(near, 0, len(v) - 1)] = -1.0
        best = alike.argmax(axis=1)
        found.append(best.copy())
        taken.append(alike[rows, best] >= 0.0)
    index, there = np.stack(found, axis=1), np.stack(taken, axis=1)
    return [row[ok] for row, ok in zip(index, there, strict=True)]
