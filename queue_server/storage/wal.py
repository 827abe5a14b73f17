"""The write-ahead log as bytes: whether SQLite has left confirmed transactions unread behind a frame that is damaged.

SQLite reads the log up to the first frame whose checksum is wrong, for behind it there may be what was being written
when the power failed. Damage looks the same to it. This only reads, and knows nothing of what the pages mean.
"""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from functools import lru_cache
from itertools import pairwise
from operator import mul
from pathlib import Path

from msgspec import Struct

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24

# Magic number, format, bytes of a page, number of checkpoints, two salts, two words of the checksum.
_HEADER = struct.Struct(">8I")
# Number of the page, pages of the database after a commit or 0, two salts, two words of the checksum.
_FRAME = struct.Struct(">6I")
_MAGIC, _FORMAT = 0x377F0682, 3007000
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_CHECKED_OF_HEADER = 24
_CHECKED_OF_FRAME = 8
_WORD = 0xFFFFFFFF
_SECTOR_BYTES = 512

# The beginning of the index beside the log, in the order of bytes of this host: format, 4 bytes that do not matter
# here, the number of changes, whether it is complete, 3 more bytes, the last frame that counts, the size of the
# database, the checksum of that frame, the salts as they are in the log. Twice, so that a change in between shows.
_INDEX = struct.Struct("=I4xIB3xII8x8s8x")

Words = tuple[int, int]


class Header(Struct, frozen=True):
    """What the log says of itself: how long a page is, which frames belong to it, and where their checksums begin."""

    page_bytes: int
    salts: Words
    checksum: Words
    is_big_endian: bool


class Frame(Struct, frozen=True):
    """What stands in front of a page; ``size`` is that of the database if the frame ends a transaction, else 0."""

    page: int
    size: int
    salts: Words
    checksum: Words

    @property
    def is_commit(self) -> bool:
        """Whether a transaction ends here."""
        return self.size != 0


def read_header(log: bytes | mmap.mmap) -> Header | None:
    """Return the header of a log, or None if it is not as it was written."""
    if len(log) < HEADER_BYTES:
        return None
    magic, form, page_bytes, _, *rest = _HEADER.unpack_from(log)
    if magic & ~1 != _MAGIC or form != _FORMAT or page_bytes not in _PAGE_SIZES:
        return None
    is_big_endian = bool(magic & 1)
    stored = (rest[2], rest[3])
    if chain_checksum((0, 0), log[:_CHECKED_OF_HEADER], is_big_endian=is_big_endian) != stored:
        return None
    return Header(page_bytes, (rest[0], rest[1]), stored, is_big_endian)


def has_header(file: Path) -> bool:
    """Whether a log is there and can be read from its beginning; one of another format is left to SQLite."""
    try:
        with file.open("rb") as opened:
            start = opened.read(HEADER_BYTES)
    except FileNotFoundError:
        return False
    return read_header(start) is not None


def find_unread(file: Path, index: Path) -> int | None:
    """Return the number of the first frame behind which confirmed transactions lie that SQLite does not read, or None.

    A transaction is known to be confirmed because another one that is complete follows it: that was begun when the
    first one was on the disk. So nothing can be said of damage to the newest transaction of a log.

    Args:
        file: the log of a database that has been read from since it was opened.
        index: the index of the log (``-shm``), which says how far SQLite has come.
    """
    try:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as log:
            header = read_header(log)
            return None if header is None else find_break(log, header, _count_read(index, log))
    except (FileNotFoundError, ValueError):
        # There is none, or it is empty.
        return None


def find_break(log: bytes | mmap.mmap, header: Header, read: int) -> int | None:
    """Return the number (from 1) of the frame at which reading has ended although confirmed transactions follow.

    Args:
        log: the whole log.
        header: its header.
        read: how many frames were read, or fewer.
    """
    frames = _Frames(log, header)
    commits = [number for number in range(read + 1, frames.count + 1) if frames.at(number).is_commit]
    if len(commits) < 2:
        # Nearly always: then no checksum needs to be computed.
        return None
    broken = next((number for number in range(read + 1, commits[-1] + 1) if not frames.follows(number)), None)
    if broken is None:
        # It was the number of frames read that was too small.
        return None
    for first, last in pairwise(number for number in commits if number >= broken):
        if frames.ends_transaction(first) and frames.is_chain(first, last):
            return broken
    return None


class _Frames:
    """The frames of a log, by their numbers from 1, and which of them go together."""

    def __init__(self, log: bytes | mmap.mmap, header: Header) -> None:
        self._log = log
        self._header = header
        self._bytes = FRAME_HEADER_BYTES + header.page_bytes
        self.count = (len(log) - HEADER_BYTES) // self._bytes

    def at(self, number: int) -> Frame:
        """Return what stands in front of a page."""
        page, size, *words = _FRAME.unpack_from(self._log, self._start(number))
        return Frame(page, size, (words[0], words[1]), (words[2], words[3]))

    def follows(self, number: int) -> bool:
        """Whether a frame is of this log and was written behind the one before it."""
        return self._is_ours(number) and self._compute(number, self._before(number)) == self.at(number).checksum

    def is_chain(self, first: int, last: int) -> bool:
        """Whether the frames behind ``first`` up to ``last`` were written one behind the other, after ``first``."""
        if not self.follows(first + 1) and not self._follows_repaired(first + 1):
            return False
        return all(self.follows(number) for number in range(first + 2, last + 1))

    def ends_transaction(self, number: int) -> bool:
        """Whether a frame that says so, and may be damaged, does end a transaction.

        What a frame says may be left from another one that was there before, if a loss of power has torn the two
        apart; but what lies in one sector was written at once.
        """
        start = self._start(number)
        is_at_once = (start + 4) // _SECTOR_BYTES == (start + FRAME_HEADER_BYTES - 1) // _SECTOR_BYTES
        if self._is_ours(number) and is_at_once:
            return True
        return self._compute(number, self._before(number)) == self.at(number).checksum

    def _follows_repaired(self, number: int) -> bool:
        """Whether a frame follows the one before it as soon as the checksum of that is what it should be."""
        if number < 2 or not self._is_ours(number):
            return False
        before = self._compute(number - 1, self._before(number - 1))
        return self._compute(number, before) == self.at(number).checksum

    def _is_ours(self, number: int) -> bool:
        frame = self.at(number)
        return frame.page != 0 and frame.salts == self._header.salts

    def _before(self, number: int) -> Words:
        return self._header.checksum if number == 1 else self.at(number - 1).checksum

    def _compute(self, number: int, before: Words) -> Words:
        start = self._start(number)
        page = self._log[start + FRAME_HEADER_BYTES : start + self._bytes]
        checked = self._log[start : start + _CHECKED_OF_FRAME] + page
        return chain_checksum(before, checked, is_big_endian=self._header.is_big_endian)

    def _start(self, number: int) -> int:
        return HEADER_BYTES + (number - 1) * self._bytes


def chain_checksum(before: Words, data: bytes, *, is_big_endian: bool) -> Words:
    """Return the checksum of ``data``, a whole number of 8 bytes, behind what has the checksum ``before``.

    As it is defined, both sums go up word by word, each by the word and the other sum. That is linear, so that each
    word counts as often as a Fibonacci number says.
    """
    words = array("I", data)
    if is_big_endian != (sys.byteorder == "big"):
        words.byteswap()
    factors = _factors(len(words))
    first, second = before
    last, behind, beyond = factors[1], factors[0], factors[0] + factors[1]
    return (
        (last * first + behind * second + sum(map(mul, factors[1:], words))) & _WORD,
        (behind * first + beyond * second + sum(map(mul, factors, words))) & _WORD,
    )


@lru_cache(maxsize=8)
def _factors(count: int) -> array[int]:
    """Return the Fibonacci numbers from that of ``count`` down to that of 0, as far as 32 bits go."""
    numbers = [0, 1]
    while len(numbers) <= count:
        numbers.append((numbers[-1] + numbers[-2]) & _WORD)
    return array("I", reversed(numbers[: count + 1]))


def _count_read(index: Path, log: bytes | mmap.mmap) -> int:
    """Return how many frames SQLite has read; 0 if the index does not tell, which only costs time."""
    try:
        with index.open("rb") as opened:
            start = opened.read(2 * _INDEX.size)
    except FileNotFoundError:
        return 0
    if len(start) < 2 * _INDEX.size or start[: _INDEX.size] != start[_INDEX.size :]:
        return 0
    form, _, is_complete, read, _, salts = _INDEX.unpack_from(start)
    is_of_log = form == _FORMAT and is_complete == 1 and salts == log[16:24]
    return read if is_of_log else 0
