"""THE PAGE: from a mixture to the masks of its stems, chunk by chunk, every shape commented.

    mixture -> stretch with context -> the method's look at it -> shares -> a law-abiding chunk -> the cache
       excerpts of the whole song -> what the method must know of it beforehand, where it must (engine.listen)

The grid of chunks is fixed from sample 0. The playhead only decides which chunk is next, so the masks are the same
whatever the order, however often the work was interrupted and resumed.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.cache import Cache
from engine.chunks import Clock, Window, next_chunk, window
from engine.errors import Cancelled, MethodError
from engine.listen import Song
from engine.masks import Masks, normalised, quantised
from engine.samples import to_float
from engine.types import Array, AudioInfo, IsCancelled, MaskGrid, Method, MethodInfo, Mixture, Report, never_cancelled, silent_report


def why_not(method: MethodInfo, info: AudioInfo) -> str:
    """Why a method cannot serve a recording, a sentence without its full stop; empty where it can."""
    if method.needs_stereo and info.n_channels != 2:
        name = info.path.name if info.path else "the recording"
        found = "is mono" if info.n_channels == 1 else f"has {info.n_channels}"
        return f"{method.title} tells stems apart by their place between left and right, so it needs two channels, but {name} {found}"
    return ""


def empty_masks(info: AudioInfo, method: Method) -> Masks:
    """No chunk known yet; refuses a recording that the method cannot serve (MethodError)."""
    if reason := why_not(method.info, info):
        raise MethodError(f"{reason}; choose a method that is not spatial, such as nullsum-4 or hpss.")
    return Masks(grid_for(info, method), method.info.stems, info.seconds)


def grid_for(info: AudioInfo, method: Method) -> MaskGrid:
    """The method's grid, with a top row where the recording reaches above what the method looks at."""
    grid = method.grid(info.rate_hz)
    return replace(grid, has_top=method.look_rate_hz is not None and info.rate_hz > method.look_rate_hz)


def separate(
    mixture: Mixture,
    method: Method,
    cache: Cache | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Report = silent_report,
    is_cancelled: IsCancelled = never_cancelled,
    playhead_s: Callable[[], float] = lambda: 0.0,
    publish: Callable[[Masks], None] = lambda masks: None,
    masks: Masks | None = None,
    in_use: Callable[[], Iterable[Callable[[], Array]]] = tuple,
) -> Masks:
    """Masks of the stretch [start_s, end_s) (default: everything), made chunk by chunk or taken from the cache.

    publish receives a new snapshot after every chunk; playhead_s is asked before each which place is listened to.
    `masks` goes on from an earlier snapshot; chunks that `in_use` gives are left in the cache like its own.
    Raises Cancelled between two chunks; chunks that are done stay cached.
    """
    info = mixture.info
    masks = masks or empty_masks(info, method)
    wanted = masks.needed(start_s, info.seconds if end_s is None else end_s)
    missing = [k for k in wanted if k not in masks.chunks]
    clock = Clock("Separating", len(missing), report)
    song = Song(mixture, method, masks.grid, is_cancelled)  # heard at the first chunk that needs it
    while missing:
        if is_cancelled():
            raise Cancelled("Separating")
        playhead = int(playhead_s() * masks.grid.rate_hz / masks.grid.hop) // masks.grid.chunk_frames
        chunk = next_chunk(missing, playhead)
        missing.remove(chunk)
        w = window(masks.grid, chunk, info.seconds, method.context_s)
        masks = masks.with_chunk(chunk, _chunk(mixture, song, method, masks.grid, w, cache))
        publish(masks)
        clock.step()
    if cache:
        cache.trim(keep=[*masks.chunks.values(), *in_use()])
    return masks


def _chunk(mixture: Mixture, song: Song, method: Method, grid: MaskGrid, w: Window, cache: Cache | None) -> Callable[[], Array]:
    """One chunk: from the cache, or made and put there."""
    info = mixture.info
    # the stretch in the recording's own samples: the sample nearest to its first frame, up to its last frame
    begin = round(w.first * grid.hop * info.rate_hz / grid.rate_hz)
    end = min(info.n_samples, round((w.end - 1) * grid.hop * info.rate_hz / grid.rate_hz) + 1)
    samples = mixture.read(begin, max(1, end - begin))  # (channel, sample), own type
    n_frames = w.core_end - w.core
    shapes = [(len(method.info.stems), n, n_frames, grid.n_rows) for n in (1, info.n_channels)]  # one mask for all, or each its own
    key = ""
    if cache:
        what = {**identity(method), "rate_hz": info.rate_hz, "core": (w.core - w.first, w.core_end - w.core)}
        key = Cache.key(samples, grid, what | ({"heard": song.digest} if song.digest else {}))
        stored = cache.get(key, shapes)
        if stored:
            return stored
    chunk = make_chunk(samples, info, song.knowing, grid, w)
    assert chunk.shape in shapes, f"{method.info.name} gave {chunk.shape}, announced one of {shapes}"
    if cache:
        return cache.put(key, chunk)
    return lambda: chunk


def identity(method: Method) -> dict[str, Any]:
    """Everything about a method that decides its masks, for cache keys and reports."""
    return {
        "method": method.info.name, "version": method.info.version, "weights": method.info.weights_sha256, "settings": method.settings,
    }  # fmt: skip


def make_chunk(samples: Array, info: AudioInfo, method: Method, grid: MaskGrid, w: Window) -> Array:
    """Masks of one chunk, uint16 (stem, channel or 1, frame, row), from its stretch of own-type samples (channel, sample)."""
    sound = to_float(samples, info.sample_type)  # (channel, sample) float64, 1.0 = full scale
    peak = float(np.abs(sound).max())
    if peak > 0.0:
        sound = sound / peak  # a look is level-free: 1e6 floats and denormals look alike
    if grid.rate_hz != info.rate_hz:
        import soxr

        sound = soxr.resample(sound.T, info.rate_hz, grid.rate_hz, quality="HQ").T  # a look at a copy, never heard
        if not sound.shape[1]:  # one sample at 48 kHz is none at 22.05 kHz
            sound = np.zeros((len(sound), 1))
    look = np.ascontiguousarray(sound, dtype=np.float32)
    shares = method.shares(look, grid, w.core - w.first, w.core_end - w.core)  # (stem, channel or 1, bin, frame)
    masks = normalised(shares)
    masks[..., _silent(look, grid, w)] = 1.0 / len(masks)  # nobody owns silence
    if grid.has_top:
        masks = np.concatenate([masks, _top_row(masks, look, grid, w)], axis=2)  # one row more: above the look's band
    return np.ascontiguousarray(np.swapaxes(quantised(masks), -1, -2))


def _silent(look: Array, grid: MaskGrid, w: Window) -> Array:
    """Which kept frames hear nothing at all within their window of four hops: bool (frame,)."""
    loudness = np.abs(look).max(axis=0)
    loudness = np.pad(loudness, (2 * grid.hop, 2 * grid.hop + (w.end - w.first) * grid.hop - len(loudness)))
    hops = loudness[: len(loudness) // grid.hop * grid.hop].reshape(-1, grid.hop).max(axis=1)  # frame f hears hops f .. f + 3
    heard = np.lib.stride_tricks.sliding_window_view(hops, 4).max(axis=1)
    return np.asarray(heard[w.core - w.first : w.core_end - w.first] == 0.0)


def _top_row(masks: Array, look: Array, grid: MaskGrid, w: Window) -> Array:
    """Energy-weighted shares of the highest octave that holds signal, frame by frame: (stem, channel or 1, 1, frame).

    An octave holds signal when its energy is above -60 dB of the frame's: a copy made from an MP3 is empty above 16 kHz.
    """
    freqs = np.array(grid.freqs_hz)
    n_fft = grid.hop * 4
    frames = np.arange(w.core - w.first, w.core_end - w.first) * grid.hop
    padded = np.pad(look.mean(axis=0), (n_fft // 2, n_fft + int(frames[-1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[frames]  # (frame, n_fft), centred on each frame
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(n_fft), axis=-1)))  # (frame, bin)
    bin_of_row = np.clip(np.round(freqs * n_fft / grid.rate_hz).astype(int), 0, n_fft // 2)
    weight = power[:, bin_of_row].T  # (row, frame): the power where each row stands
    total = weight.sum(axis=0)  # (frame,)
    top = np.full((*masks.shape[:2], 1, masks.shape[3]), 1.0 / masks.shape[0])
    open_frames = total > 0.0
    edge = grid.rate_hz / 2.0
    while edge > 100.0 and open_frames.any():
        rows = (freqs > edge / 2) & (freqs <= edge)
        energy = weight[rows].sum(axis=0)
        here = open_frames & (energy > 1e-6 * total)
        if rows.any() and here.any():
            shared = (masks[:, :, rows][..., here] * weight[rows][:, here]).sum(axis=2, keepdims=True)
            top[..., here] = shared / energy[here]
        open_frames &= ~here
        edge /= 2
    return normalised(top)
