"""Where two results differ: owner tiles whose colour is grey where both agree, and else that of the stem of which B hears more.

    shares by A, shares by B --(engine.display_masks.differences)--> distance 0..255, stem that gains --> grey .. colour of the stem

Composed strip by strip from the Owners of both results, so it fetches nothing itself; decibels give the brightness (mask_overlay.tinted).
"""

from collections import OrderedDict

import numpy as np

from app import colours
from app.mask_overlay import GREY, KEPT, Owners, OwnerTile, strip_frames
from app.state import StemLook
from engine.display_masks import differences

FULL = 128  # distance, of 255, from which on a cell has all of the colour: separators seldom disagree about more than half of a cell
NO_SHARES = np.zeros((0, 0, 0), np.uint8)  # a difference tile has none


class Differences:
    """The difference tiles of two results of one picture, at any level of the pyramid."""

    def __init__(self, a: Owners, b: Owners) -> None:
        self._a, self._b = a, b
        self._looks: tuple[StemLook, ...] = ()
        self._tiles: OrderedDict[tuple[int, int], OwnerTile] = OrderedDict()
        self._forgotten = (-1, -1)  # how often both had forgotten all when this was composed

    def set_looks(self, looks: tuple[StemLook, ...]) -> None:
        """Other colours: compose anew."""
        self._looks = looks
        self._tiles.clear()

    def tile(self, level: int, index: int) -> OwnerTile | None:
        """What is composed of a tile; None if nothing is."""
        found = self._tiles.get((level, index)) if self._forgotten == (self._a.n_forgotten, self._b.n_forgotten) else None
        if found:
            self._tiles.move_to_end((level, index))
        return found

    def fetch_strip(self, level: int, index: int) -> bool:
        """Fetch or compose one strip of a tile that is missing or stale; False when there is none."""
        if self._a.fetch_strip(level, index) or self._b.fetch_strip(level, index):
            return True
        if self._forgotten != (now := (self._a.n_forgotten, self._b.n_forgotten)):
            self._tiles.clear()
            self._forgotten = now
        a, b = self._a.tile(level, index), self._b.tile(level, index)
        if a is None or b is None:
            return False
        tile = self.tile(level, index)
        for strip in a.seen.keys() & b.seen.keys():
            chunks = (a.seen[strip], b.seen[strip])
            if tile is None:
                tile = self._new_tile(level, index, a)
            if tile.seen.get(strip) != chunks:
                part = slice(strip * strip_frames(level), (strip + 1) * strip_frames(level))
                tile.mixed[:, :, part] = self._mix(a.shares[:, :, part], b.shares[:, :, part])
                tile.known[part] = a.known[part] & b.known[part]
                tile.seen[strip] = chunks
                tile.version += 1
                return True
        return False

    def _new_tile(self, level: int, index: int, like: OwnerTile) -> OwnerTile:
        tile = self._tiles[level, index] = OwnerTile(NO_SHARES, np.full_like(like.mixed, GREY), np.zeros_like(like.known))
        while len(self._tiles) > KEPT:
            self._tiles.popitem(last=False)
        return tile

    def _mix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Grey towards the colour of the stem that gains, by the distance: uint8 (rgb, row, frame)."""
        order = [self._b.stems.index(stem) for stem in self._a.stems]
        distance, gains = differences(a, b[order])
        by_name = {look.name: colours.parsed(look.colour) for look in self._looks}
        palette = np.array([by_name.get(stem, (GREY, GREY, GREY)) for stem in self._a.stems], np.int32)  # (stem, rgb)
        strength = np.minimum(distance.astype(np.int32) * 255 // FULL, 255)
        return np.stack([GREY + (palette[:, c][gains] - GREY) * strength // 255 for c in range(3)]).astype(np.uint8)
