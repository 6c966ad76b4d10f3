"""The picture in the plot: tiles of 512 columns, coloured when first seen, drawn as one sheet.

    picture.levels[level] --(remixed)--> bytes --table or tint--> tile, uint32 RGB --side by side--> sheet, one QImage

A tile carries a stamp of all that it was made from (numbers that keep nothing alive) and is made again when the stamp differs.
The sheet holds the tiles in sight, so a pan within them colours nothing and copies nothing; only the part in sight is handed to
QPainter, which cannot count beyond 32,767 pixels.
"""

from collections import OrderedDict

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter

from app import colours, theme
from app.difference import Differences
from app.mask_overlay import TILE, Owners, OwnerTile, tinted
from app.state import StemLook
from engine.display import BLOCK_FRAMES, Picture
from engine.display_masks import Gains, remixed
from engine.masks import Masks

KEPT = 128  # tiles: 128 x 1 MiB
AHEAD = 28  # tiles in sight and next; fewer than any cache keeps, or they would push each other out for ever
UNKNOWN = int(colours.packed(np.array(colours.parsed(theme.PANEL), np.uint8)))  # where the picture is not drawn yet
NO_SHEET: tuple[tuple[np.ndarray, ...], np.ndarray] = ((), np.zeros((1, 1), np.uint32))


class Tiles(pg.GraphicsObject):
    """The spectrogram; x in seconds, y in rows. The picture and its look are set from outside."""

    work_found = Signal()  # a paint saw something that `work` could do ahead

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(self.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.picture: Picture | None = None
        self.owners = Owners()  # of the masks that are heard
        self._others: Owners | None = None  # of those that they are compared with
        self._differences: Differences | None = None
        self._looks: tuple[StemLook, ...] = ()
        self._look = 0  # counts changes of table, tint and gains
        self._table = colours.table(*colours.RANGE_DB)
        self._tints = colours.tint_tables(*colours.RANGE_DB)
        self._overlay = self._difference = False
        self._gains: Gains | None = None
        self._tiles: OrderedDict[tuple[int, int], tuple[tuple[object, ...], np.ndarray]] = OrderedDict()
        self._sheet: tuple[tuple[np.ndarray, ...], np.ndarray] = NO_SHEET
        self._ahead: list[tuple[int, int]] = []
        self._hears_b = False
        self._masks: tuple[object, ...] = ()  # as they were set
        self._settled: tuple[object, ...] = ()  # what there was when nothing was left to do

    # ------------------------------------------------------------------------------------------------------- what is set

    def set_picture(self, picture: Picture | None) -> None:
        """A new snapshot; tiles whose columns were drawn meanwhile are made again."""
        old, self.picture = self.picture, picture
        for owners in (self.owners, self._others):
            if owners is not None:
                owners.set_picture(picture)
        if old is None or picture is None or old.levels is not picture.levels:
            self._tiles.clear()
            self._sheet, self._settled = NO_SHEET, ()  # both hold on to what they were made from
            self.prepareGeometryChange()
        self.update()

    def set_masks(self, masks: Masks | None) -> None:
        """A new snapshot of the only result; what it changes is fetched by `work`."""
        self._masks = (masks,)
        self._others = self._differences = None
        self.owners.set_masks(masks)
        self.update()

    def set_compared(self, a: Masks, b: Masks, hears_b: bool) -> None:
        """New snapshots of two results, and which of them is heard. A switch fetches nothing: both sides keep their tiles."""
        if self._others is None:
            self._others = Owners()
            self._others.set_picture(self.picture)
            self._others.set_looks(self._looks)
            sides = (self._others, self.owners) if hears_b else (self.owners, self._others)
            self._differences, self._hears_b = Differences(*sides), hears_b
            self._differences.set_looks(self._looks)
        elif hears_b != self._hears_b:
            self.owners, self._others, self._hears_b = self._others, self.owners, hears_b
        self.owners.set_masks(b if hears_b else a)
        self._others.set_masks(a if hears_b else b)
        self._masks = (a, b, hears_b)
        self.update()

    def set_difference(self, difference: bool) -> None:
        """Tint the cells where two results differ; goes before the owners."""
        if difference != self._difference:
            self._difference = difference
            self._changed()

    def set_looks(self, looks: tuple[StemLook, ...]) -> None:
        """Colours of the stems."""
        self._looks = looks
        for part in (self.owners, self._others, self._differences):
            if part is not None:
                part.set_looks(looks)
        self._changed()

    def set_range(self, low_db: float, high_db: float) -> None:
        """Brightness and contrast."""
        self._table, self._tints = colours.table(low_db, high_db), colours.tint_tables(low_db, high_db)
        self._changed()

    def set_overlay(self, overlay: bool) -> None:
        """Tint the cells in the colours of their owners."""
        if overlay != self._overlay:
            self._overlay = overlay
            self._changed()

    def set_gains(self, gains: Gains | None) -> None:
        """Show the remix with these factors, or the mixture (None)."""
        if gains is not None and all(gain == 1.0 for _, row in gains for gain in row):
            gains = None
        if gains != self._gains:
            self._gains = gains
            self._changed()

    def _changed(self) -> None:
        self._look += 1
        self.update()

    # ----------------------------------------------------------------------------------------------------- what is drawn

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The whole song."""
        p = self.picture
        return QRectF(0, 0, p.n_frames / p.fps, len(p.rows_hz)) if p else QRectF()

    def in_sight(self) -> tuple[int, int, int]:
        """Level, first tile and last tile of the view as it stands: the finest level with at most one column a pixel."""
        p, view = self.picture, self.viewRect()
        box = self.getViewBox()
        assert p is not None
        ratio = self.scene().views()[0].devicePixelRatioF() if self.scene() and self.scene().views() else 1.0
        columns_per_px = view.width() * p.fps / max(1.0, box.width() * ratio) if box else 1.0
        level = 0
        while level + 1 < len(p.levels) and columns_per_px > 2**level * 1.05:
            level += 1
        span = TILE * 2**level / p.fps
        last = (p.levels[level].shape[1] - 1) // TILE
        first = min(last, max(0, int(view.left() / span)))
        return level, first, min(last, max(first, int(view.right() / span)))

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """Draw what is in sight; remember what will be wanted next."""
        if self.picture is None:
            return
        p, view = self.picture, self.viewRect()
        level, first, last = self.in_sight()
        tiles = tuple(self._tile(level, k) for k in range(first, last + 1))
        sheet = self._on_sheet(tiles)
        n_rows, n_columns = sheet.shape
        image = QImage(sheet.data, n_columns, n_rows, n_columns * 4, QImage.Format.Format_RGB32)
        column_s = 2**level / p.fps
        start_s = first * TILE * column_s
        # whole columns and rows around the view, one more on each side for the smooth transform
        left = max(0, int((view.left() - start_s) / column_s) - 1)
        right = min(n_columns, int((view.right() - start_s) / column_s) + 3)
        low, high = max(0, int(view.top()) - 1), min(n_rows, int(view.bottom()) + 3)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        part = QRectF(left, low, right - left, high - low)
        painter.drawImage(QRectF(start_s + left * column_s, low, (right - left) * column_s, high - low), image, part)
        # next: the page to the right, the tile to the left, one step of zoom out and in
        around = [(level, k) for k in (*range(last + 1, 2 * last - first + 2), first - 1)]
        coarser = [(level + 1, k) for k in range(first // 2, last // 2 + 1)]
        finer = [(level - 1, k) for k in range(first + last, first + last + 2)]
        self._ahead = ([(level, k) for k in range(first, last + 1)] + around + coarser + finer)[:AHEAD]
        if not self.is_settled:
            self.work_found.emit()

    def _situation(self) -> tuple[object, ...]:
        return self._ahead, self._look, self.picture, self._masks

    @property
    def is_settled(self) -> bool:
        """Whether everything in sight and around is made."""
        return self.picture is None or self._situation() == self._settled

    def work(self) -> bool:
        """Do one small thing ahead of time (a strip of shares, a tile just out of sight); False when all is done."""
        if self.picture is None or self.is_settled:
            return False
        tint, owners = self._tint(), self.owners if self._gains is not None else None
        for n, (level, k) in enumerate(self._ahead):
            if not 0 <= level < len(self.picture.levels) or not 0 <= k * TILE < self.picture.levels[level].shape[1]:
                continue
            if (tint is not None and tint.fetch_strip(level, k)) or (owners is not None and owners.fetch_strip(level, k)):
                if n < len(self._sheet[0]):
                    self.update()
                return True
            if (level, k) not in self._tiles or self._tiles[level, k][0] != self._stamp(level, k):
                self._tile(level, k)
                return True
        self._settled = self._situation()
        return False

    # ------------------------------------------------------------------------------------------------- how tiles are made

    def _stamp(self, level: int, k: int) -> tuple[object, ...]:
        assert self.picture is not None
        owner, tint = self._owner_tiles(level, k)
        span = TILE << level
        done = self.picture.done[k * span // BLOCK_FRAMES : -(-(k + 1) * span // BLOCK_FRAMES)].tobytes()
        return self._look, done, owner and owner.stamp, tint and tint.stamp

    def _tint(self) -> "Owners | Differences | None":
        """What the tint is taken from, if there is one."""
        return self._differences if self._difference and self._differences else self.owners if self._overlay else None

    def _owner_tiles(self, level: int, k: int) -> tuple[OwnerTile | None, OwnerTile | None]:
        """What is known of a tile for the faders to follow, and for the tint; None where that is not wanted."""
        tint = self._tint()
        return self.owners.tile(level, k) if self._gains is not None else None, tint.tile(level, k) if tint else None

    def _tile(self, level: int, k: int) -> np.ndarray:
        """Colours of a tile, uint32 (row, frame); the same array as long as nothing about it changed."""
        stamp = self._stamp(level, k)
        found = self._tiles.get((level, k))
        if found is None or found[0] != stamp:
            found = self._tiles[level, k] = stamp, self._coloured(level, k)
            while len(self._tiles) > KEPT:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end((level, k))
        return found[1]

    def _coloured(self, level: int, k: int) -> np.ndarray:
        assert self.picture is not None
        image = self.picture.levels[level][:, k * TILE : (k + 1) * TILE]
        owner, tint = self._owner_tiles(level, k)
        if owner and self._gains is not None:
            image = remixed(image, owner.shares, self._gains)
        rgb = tinted(image, tint, self._tints) if self._tint() is not None else np.take(self._table, image)
        blocks = ((k * TILE + np.arange(image.shape[1])) << level) // BLOCK_FRAMES
        rgb[:, ~self.picture.done[blocks]] = UNKNOWN
        return rgb

    def _on_sheet(self, tiles: tuple[np.ndarray, ...]) -> np.ndarray:
        """The tiles side by side, uint32 (row, frame); copied only where a tile changed."""
        old, sheet = self._sheet
        if [t.shape for t in old] != [t.shape for t in tiles]:
            sheet = np.ascontiguousarray(np.concatenate(tiles, axis=1))
        else:
            at = 0
            for was, now in zip(old, tiles, strict=True):
                if was is not now:
                    sheet[:, at : at + now.shape[1]] = now
                at += now.shape[1]
        self._sheet = tiles, sheet
        return sheet
