"""The blocks that will be heard next: made by the player thread, read by the sound card's callback, without a lock.

A *reel* is one unbroken run of playback. Its samples are counted by *frames*, instants since the run began; where each lies in the
song (`at`) is another matter, because a loop jumps back while the frames run on. Blocks stand in a ring of slots:

    slot      k % SLOTS        written only by the player thread, and only SLOTS blocks ahead of the place that is read
    end       int              written last: whoever sees it sees the blocks before it

A seek begins a new run. New masks or another loop make a new reel of the *same* run, which takes over at the frame that is reached.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from engine.types import Array

SLOTS = 64  # of a ring; 0.3 s needs 4 blocks of 93 ms, a loop of 50 ms up to 18 short ones


@dataclass(frozen=True, eq=False)
class Block:
    """Some instants of the song with everything that is needed to mix them."""

    frame: int  # of its first instant within the run
    at: int  # where that lies in the song, in samples
    mixture: Array  # float64 (channel, sample), 1.0 = full scale
    stems: Array  # float64 (stem, channel, sample)
    names: tuple[str, ...]  # of the stems; empty where no masks are known

    @property
    def n_samples(self) -> int:
        """Instants in the block."""
        return self.mixture.shape[1]


@dataclass(eq=False)
class Reel:
    """A ring of blocks; the player thread appends, the callback reads."""

    run: object  # the same for all reels of one unbroken run
    seek: int  # number of the seek that began the run
    first: int  # frame of the first block
    next_at: int  # where the next block lies in the song; the player thread's
    loop: tuple[int, int] | None = None  # [start, end) in samples that it was made for
    end: int = 0  # frame after the last block that is ready
    n_blocks: int = 0
    ended: bool = False  # nothing follows the last block: the song is over
    finished: bool = False  # the callback came to that end
    slots: list[Block | None] = field(default_factory=lambda: [None] * SLOTS)
    jumps: list[tuple[int, int]] = field(default_factory=list)  # (frame, at): from this frame on the song runs from there

    def __post_init__(self) -> None:
        self.end = self.first

    def append(self, block: Block) -> None:
        """Put a block behind the others; the slot must have been read."""
        if not self.jumps or self.jumps[-1][1] + block.frame - self.jumps[-1][0] != block.at:
            self.jumps.append((block.frame, block.at))
        self.slots[self.n_blocks % SLOTS] = block
        self.n_blocks += 1
        self.end = block.frame + block.n_samples  # last: from here on the callback may use it

    def at(self, frame: int) -> int:
        """Where a frame lies in the song, in samples."""
        if not self.jumps:
            return self.next_at
        jump_frame, jump_at = self.jumps[max(0, bisect_right(self.jumps, (frame, 1 << 62)) - 1)]
        return jump_at + frame - jump_frame


class Cursor:
    """A place in a reel; belongs to the callback."""

    __slots__ = ("frame", "k", "reel")

    def __init__(self, reel: Reel, frame: int) -> None:
        """At a frame that the reel holds or that follows its last one."""
        self.reel, self.frame = reel, frame
        self.k = max(0, reel.n_blocks - SLOTS)  # number of the block
        while self.k < reel.n_blocks and (block := self.block()) is not None and block.frame + block.n_samples <= frame:
            self.k += 1

    def block(self) -> Block | None:
        """The block that holds the frame, None where nothing is ready."""
        return self.reel.slots[self.k % SLOTS] if self.k < self.reel.n_blocks else None

    def left(self) -> int:
        """Instants that are ready from here on."""
        return self.reel.end - self.frame

    def advance(self, n_samples: int) -> None:
        """Go on, at most to the end of the block."""
        block = self.block()
        self.frame += n_samples
        if block is not None and self.frame >= block.frame + block.n_samples:
            self.k += 1
