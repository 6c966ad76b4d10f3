"""Writes one sound file: AudioWriter, whose file appears whole and tagged or not at all (engine.atomic).

Integers go to libsndfile as integers, always: its own conversion from float to PCM rounds down.
"""

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile as sf

from engine.aside import sweep
from engine.atomic import Beside, target_error
from engine.audio_checks import system_name
from engine.audio_sinks import TROUBLE, AvSink, Sink, SndfileSink, av_trouble
from engine.errors import BadInputError, TargetError
from engine.formats import OutputFormat, objection_to, shift_of
from engine.samples import int_range
from engine.tags import Tags, tag_in_place
from engine.types import Array, AudioInfo

_BLOCK = 65536  # samples per channel handed to an encoder at a time; libsndfile's Vorbis takes no very long ones


def expected_bytes(n_samples: int, n_channels: int, fmt: OutputFormat) -> int:
    """At most so many bytes a file takes, tags aside; compressed formats usually need far less."""
    width = 2 if fmt.is_lossy else fmt.sample_type.bits // 8
    plain = n_samples * n_channels * width
    return plain + plain // 64 + 65536


class AudioWriter(Beside):
    """Writes one sound file: a context manager whose target appears, whole and tagged, when its block ends without an error.

    Until then a file ".nullsum-*.tmp" stands beside the target; any exception removes it and leaves the target as it was.
    Raises TargetError where the place cannot take the file, BadInputError where the format cannot hold rate or channels.
    """

    def __init__(
        self, target: Path, rate_hz: int, n_channels: int, fmt: OutputFormat, tags: Tags | None = None, may_replace: bool = True
    ) -> None:
        super().__init__(target, may_replace)
        self._rate_hz, self._n_channels, self._fmt, self._tags = rate_hz, n_channels, fmt, tags or Tags()
        self._sink: Sink | None = None
        self.n_samples = 0  # written so far
        self.tags_lost: list[str] = []  # words of the tags that the finished file does not hold

    def __enter__(self) -> Self:
        info = AudioInfo(None, self._fmt.container, self._fmt.subtype, self._fmt.sample_type, self._rate_hz, self._n_channels, 1)
        if objection := objection_to(self._fmt, info):
            raise BadInputError(objection)
        try:
            self._look_at_target()
            sweep(self._target.parent)
            self.begin()
            kind = AvSink if self._fmt.container == "M4A" else SndfileSink
            self._sink = kind(self.temporary, self._rate_hz, self._n_channels, self._fmt, self._tags)
        except BaseException as error:
            self.give_up()
            if isinstance(error, TROUBLE):
                raise target_error(self._target, error) from error
            raise
        return self

    def write(self, samples: Array) -> None:
        """Append samples (channel, sample) in fmt.sample_type's dtype, integers unscaled. The array is not changed.

        Raises ValueError for another shape or type, integers beyond their bits, NaN or Inf; TargetError where the disk is full.
        """
        kind = self._fmt.sample_type
        if samples.ndim != 2 or samples.shape[0] != self._n_channels or samples.dtype != kind.dtype:
            raise ValueError(f"samples must be ({self._n_channels}, n) of {kind.dtype}; found {samples.shape} of {samples.dtype}")
        if self._sink is None:
            raise ValueError("write needs an open AudioWriter: use it in a with statement")
        shift = shift_of(kind)
        for start in range(0, samples.shape[1], _BLOCK):
            block = samples[:, start : start + _BLOCK].T
            if kind.is_float and not np.isfinite(block).all():
                raise ValueError("samples hold NaN or Inf; nothing of the kind is written to a file")
            if shift and (block.min() < int_range(kind)[0] or block.max() > int_range(kind)[1]):
                raise ValueError(f"samples lie outside {int_range(kind)}; clip them to {kind.bits} bits first")
            try:
                self._sink.write(np.ascontiguousarray(block << shift if shift else block))
            except TROUBLE as error:
                raise target_error(self._target, error) from error
            self.n_samples += len(block)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self.give_up()
            return
        try:
            self.finish()
            self.appear()
        except BaseException:
            self.give_up()  # also where Ctrl-C was pressed between the two
            raise

    def finish(self) -> None:
        """Write the end and the tags; the file is whole, under its temporary name. Raises TargetError."""
        try:
            self._finish()
        except BaseException as problem:
            self.give_up()
            if isinstance(problem, TROUBLE):
                raise target_error(self._target, problem) from problem
            raise

    def _finish(self) -> None:
        if self.n_samples == 0:
            raise TargetError(f'Nothing was written to "{self._target.name}", so no file was made; choose a stretch that holds sound.')
        assert self._sink is not None
        self._sink.close()
        self._sink = None
        if _length_of(self.temporary, self._fmt) != self.n_samples:
            raise OSError(errno.EIO, "the file came out shorter than what was written")
        if self._tags:
            self.tags_lost = tag_in_place(self.temporary, self._tags, self._fmt.container)
        with self.temporary.open("rb+") as file:
            os.fsync(file.fileno())

    def _look_at_target(self) -> None:
        """Refuse at once what would fail only at the end."""
        target = self._target
        try:
            target.lstat()
        except FileNotFoundError:
            return  # a missing folder is told by opening the temporary file
        if target.is_dir():
            raise TargetError(f'"{target.name}" is a folder; choose another name for the file.')
        if not target.is_symlink() and not os.access(target, os.W_OK):
            raise TargetError(f'"{target.name}" exists and is write-protected; choose another name or change its permissions.')

    def give_up(self) -> None:
        """Remove what was written and leave the target as it was; never raises."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.drop()
        super().give_up()


def _length_of(path: Path, fmt: OutputFormat) -> int:
    """Samples in a file that was just written, by its own header."""
    if fmt.container != "M4A":
        return int(sf.info(system_name(path)).frames)
    import av

    with av_trouble(), av.open(str(path)) as file:
        return int(file.streams.audio[0].duration or 0)  # its unit is one sample, see AvSink
