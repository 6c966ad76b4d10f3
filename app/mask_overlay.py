"""Whose is a cell: the shares under the tiles in sight, the mixed colours of their owners, and the tint itself.

Shares are fetched tile by tile and, within a tile, in strips of 64 or fewer columns, so that no fetch holds the window up
and a new chunk of masks touches only the strips that it covers. Nothing here paints; engine.display_masks does the reading.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from app import colours
from app.state import StemLook
from engine.display import Picture
from engine.display_masks import mask_chunks, share_columns
from engine.masks import Masks

TILE = 512  # columns of a tile: half of what was first measured, so that the tile made while panning costs half a frame less
STRIP, LEAST_STRIP = 64, 4  # columns fetched at a time, fewer where columns are wide: about 1 ms, and one or two chunks to read
KEPT = 32  # tiles: 32 x 1.8 MB with four stems; more than are ever wanted at a time (spectrogram_tiles.AHEAD)
GREY = 120  # how bright a cell without masks is, of 255
_NUMBERS = count()


def strip_frames(level: int) -> int:
    """Columns of a strip at a level of the pyramid."""
    return max(LEAST_STRIP, STRIP >> level)


@dataclass(eq=False)
class OwnerTile:
    """The shares of one tile as far as they are fetched, and the colours mixed from them."""

    shares: np.ndarray  # uint8 (stem, row, frame)
    mixed: np.ndarray  # uint8 (rgb, row, frame)
    known: np.ndarray  # bool (frame,)
    seen: dict[int, tuple[object, ...]] = field(default_factory=dict)  # for each strip the chunks it was made from
    version: int = 0  # grows whenever a strip is replaced
    number: int = field(default_factory=_NUMBERS.__next__)  # no other tile has it

    @property
    def stamp(self) -> tuple[int, int]:
        """Differs from that of any other tile, and from that of this one before a strip was replaced."""
        return self.number, self.version


class Owners:
    """The owner tiles of one picture and its masks, at any level of the pyramid; fetched when asked, oldest forgotten."""

    def __init__(self) -> None:
        self._picture: Picture | None = None
        self._masks: Masks | None = None
        self._looks: tuple[StemLook, ...] = ()
        self._tiles: OrderedDict[tuple[int, int], OwnerTile] = OrderedDict()
        self._looked: dict[tuple[int, int], tuple[Masks, int]] = {}  # how many strips of a tile are up to date with a snapshot
        self.n_forgotten = 0  # how often everything was forgotten

    @property
    def stems(self) -> tuple[str, ...]:
        """Of the masks, in their order."""
        return self._masks.stems if self._masks else ()

    def set_picture(self, picture: Picture | None) -> None:
        """Another song forgets all; a further snapshot of the same keeps all."""
        old, self._picture = self._picture, picture
        if old is None or picture is None or old.levels is not picture.levels:
            self._forget()

    def set_masks(self, masks: Masks | None) -> None:
        """Another method forgets all; one chunk more keeps all but the strips that it covers."""
        old, self._masks = self._masks, masks
        if old is None or masks is None or old.grid != masks.grid or old.stems != masks.stems or old.seconds != masks.seconds:
            self._forget()

    def _forget(self) -> None:
        self._tiles.clear()
        self._looked.clear()
        self.n_forgotten += 1

    def set_looks(self, looks: tuple[StemLook, ...]) -> None:
        """Other colours: mix again what is there."""
        self._looks = looks
        for tile in self._tiles.values():
            tile.mixed[:] = self._mix(tile.shares)
            tile.version += 1

    def tile(self, level: int, index: int) -> OwnerTile | None:
        """What is known of a tile; None if nothing was fetched."""
        found = self._tiles.get((level, index))
        if found:
            self._tiles.move_to_end((level, index))
        return found

    def fetch_strip(self, level: int, index: int) -> bool:
        """Fetch one strip of a tile that is missing or stale; False when there is none."""
        picture, masks = self._picture, self._masks
        if picture is None or masks is None or level >= len(picture.levels):
            return False
        n_frames = min(TILE, picture.levels[level].shape[1] - index * TILE)
        if index < 0 or n_frames <= 0:
            return False
        tile = self.tile(level, index)
        width = strip_frames(level)
        snapshot, looked = self._looked.get((level, index), (masks, 0))
        for strip in range(looked if snapshot is masks else 0, -(-n_frames // width)):
            self._looked[level, index] = masks, strip + 1
            first, n = strip * width, min(width, n_frames - strip * width)
            place = ((index * TILE + first) << level, n, 1 << level)
            chunks = mask_chunks(masks, picture, *place)
            if not any(chunks) and (tile is None or strip not in tile.seen):
                continue  # nothing is known there, and nothing was
            if tile is None:
                tile = self._new_tile(level, index, n_frames)
            if tile.seen.get(strip) != chunks:
                part = share_columns(masks, picture, *place)
                tile.shares[:, :, first : first + n] = part
                tile.mixed[:, :, first : first + n] = self._mix(part)
                tile.known[first : first + n] = part[:, 0].any(axis=0)
                tile.seen[strip] = chunks
                tile.version += 1
                return True
        return False

    def _new_tile(self, level: int, index: int, n_frames: int) -> OwnerTile:
        assert self._picture is not None and self._masks is not None
        n_rows = len(self._picture.rows_hz)
        tile = OwnerTile(
            np.zeros((len(self._masks.stems), n_rows, n_frames), np.uint8), np.zeros((3, n_rows, n_frames), np.uint8),
            np.zeros(n_frames, bool),
        )  # fmt: skip
        self._tiles[level, index] = tile
        while len(self._tiles) > KEPT:
            forgotten, _ = self._tiles.popitem(last=False)
            self._looked.pop(forgotten, None)
        return tile

    def _mix(self, shares: np.ndarray) -> np.ndarray:
        """Colours of the owners weighted by their shares: uint8 (rgb, row, frame)."""
        by_name = {look.name: colours.parsed(look.colour) for look in self._looks}
        out = np.zeros((3, *shares.shape[1:]), np.uint16)
        for share, stem in zip(shares, self.stems, strict=True):
            for channel, value in enumerate(by_name.get(stem, (160, 160, 160))):
                out[channel] += np.multiply(share, np.uint16(value * 250 // 255), dtype=np.uint16)  # 262 x 250 < 2**16
        return np.asarray(out // np.uint16(250), dtype=np.uint16).clip(0, 255).astype(np.uint8)


def tinted(image: np.ndarray, owner: OwnerTile | None, tables: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """A tile in the colours of its owners, uint32 0xffRRGGBB (row, frame); the decibels give the brightness.

    image: uint8 (row, frame); tables: colours.tint_tables. Columns without masks are grey.
    """
    grey = colours.packed(np.repeat((tables[0] * GREY // 255 + tables[1])[:, None], 3, axis=1))
    if owner is None:
        return np.take(grey, image)
    strength, white = np.take(tables[0], image), np.take(tables[1], image)
    out = np.full(image.shape, 0xFF000000, np.uint32)
    for channel, shift in enumerate((16, 8, 0)):
        value = owner.mixed[channel] * strength  # uint16: 255 x 255 fits
        value //= np.uint16(255)
        value += white
        out |= value.astype(np.uint32) << np.uint32(shift)
    if not owner.known.all():
        out[:, ~owner.known] = np.take(grey, image[:, ~owner.known])
    return out
