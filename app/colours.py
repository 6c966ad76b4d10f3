"""The colours of the picture: one perceptually even dark map, made here, and the tables that fold brightness into it.

The map is a path through OKLCH (B. Ottosson, "A perceptual color space for image processing", 2020) on which lightness
rises in equal steps, so a decibel looks alike anywhere and no false edge (band) appears; hue and chroma turn slowly from
ink blue over violet and coral to cream, and chroma is taken back where sRGB cannot show it.
"""

import math
from functools import lru_cache

import numpy as np

FLOOR_DB, TOP_DB = -96.0, 0.0  # what bytes 0 and 255 of a picture stand for (engine.display)
RANGE_DB = (-80.0, -8.0)  # shown by default: a mastered song's loudest cells lie about -12 dB, its noise below -90
LIGHTNESS = (0.150, 0.965)
HUES = ((0.0, 268.0), (0.25, 285.0), (0.5, 350.0), (0.68, 398.0), (0.85, 432.0), (1.0, 458.0))  # degrees at positions
CHROMAS = ((0.0, 0.025), (0.15, 0.085), (0.35, 0.145), (0.6, 0.165), (0.85, 0.125), (1.0, 0.05))


def _srgb(lightness: np.ndarray, chroma: np.ndarray, hue: np.ndarray) -> np.ndarray:
    """OKLCH -> sRGB (colour, 3), unclipped: outside 0..1 the screen cannot show it."""
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    lms = np.stack([
        lightness + 0.3963377774 * a + 0.2158037573 * b,
        lightness - 0.1055613458 * a - 0.0638541728 * b,
        lightness - 0.0894841775 * a - 1.2914855480 * b,
    ]) ** 3  # fmt: skip
    to_rgb = np.array([
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ])  # fmt: skip
    linear = (to_rgb @ lms).T
    return np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def possible_range(low_db: float, high_db: float) -> tuple[float, float]:
    """The nearest range that can be shown: 12 to 96 dB wide, its middle 6 dB inside the picture's decibels; the default for no numbers.

    >>> possible_range(-50.0, -49.0), possible_range(-20.0, 60.0), possible_range(float("nan"), 0.0)
    ((-55.5, -43.5), (-46.0, 34.0), (-80.0, -8.0))
    """
    if not (math.isfinite(low_db) and math.isfinite(high_db)):
        return RANGE_DB
    span = min(max(high_db - low_db, 12.0), 96.0)
    middle = min(max((low_db + high_db) / 2, FLOOR_DB + 6), TOP_DB - 6)
    return middle - span / 2, middle + span / 2


@lru_cache(maxsize=1)
def colour_map() -> np.ndarray:
    """The map itself: uint8 (1024, 3) from silence to full, finer than the bytes so that stretching shows no steps."""
    at = np.linspace(0.0, 1.0, 1024)
    lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * at
    hue = np.interp(at, *zip(*HUES, strict=True))
    wanted = np.interp(at, *zip(*CHROMAS, strict=True))
    fits, too_much = np.zeros_like(wanted), wanted * 1.0001
    for _ in range(20):  # the largest chroma up to the wanted one that sRGB can show, by bisection
        middle = (fits + too_much) / 2
        rgb = _srgb(lightness, middle, hue)
        inside = np.all((rgb >= 0.0) & (rgb <= 1.0), axis=1)
        fits, too_much = np.where(inside, middle, fits), np.where(inside, too_much, middle)
    return np.rint(np.clip(_srgb(lightness, fits, hue), 0.0, 1.0) * 255).astype(np.uint8)


def _positions(low_db: float, high_db: float) -> np.ndarray:
    """Where each byte of a picture stands between low_db and high_db, 0..1 (256,)."""
    db = FLOOR_DB + np.arange(256) * ((TOP_DB - FLOOR_DB) / 255)
    return np.clip((db - low_db) / max(high_db - low_db, 1e-3), 0.0, 1.0)


def table(low_db: float, high_db: float) -> np.ndarray:
    """Picture byte -> 0xffRRGGBB, uint32 (256,), with brightness and contrast folded in."""
    return packed(colour_map()[np.rint(_positions(low_db, high_db) * 1023).astype(int)])


def tint_tables(low_db: float, high_db: float) -> tuple[np.ndarray, np.ndarray]:
    """Picture byte -> how much of its owner's colour and how much white a cell shows, uint16 (256,) of 0..255 each."""
    at = _positions(low_db, high_db)
    colour = 0.05 + 0.95 * at**0.9
    white = np.clip((at - 0.8) / 0.2, 0.0, 1.0) * 0.45
    return np.rint(colour * (1 - white) * 255).astype(np.uint16), np.rint(white * 255).astype(np.uint16)


def grey_map() -> np.ndarray:
    """Brightness alone, uint8 (1024, 3): the legend of the tinted picture."""
    return np.repeat(np.linspace(12, 235, 1024).astype(np.uint8)[:, None], 3, axis=1)


def packed(rgb: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) -> 0xffRRGGBB, uint32 (...), as QImage.Format_RGB32 wants it."""
    r, g, b = np.moveaxis(rgb.astype(np.uint32), -1, 0)
    return np.asarray(0xFF000000 | r << 16 | g << 8 | b, dtype=np.uint32)


def parsed(colour: str) -> tuple[int, int, int]:
    """#rrggbb -> (r, g, b)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
