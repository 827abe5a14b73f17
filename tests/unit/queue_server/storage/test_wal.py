"""The log as bytes: damage behind which confirmed transactions lie is told from the end of what was written."""

from __future__ import annotations

import random
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from queue_server.storage.wal import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    Header,
    chain_checksum,
    find_break,
    find_unread,
    has_header,
    read_header,
)

PAGE_BYTES = 4096
FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
TRANSACTIONS = 8


@dataclass
class Recorded:
    """A log that SQLite has written, beside its database, and by frame (from 1) the transaction (from 1) it is of."""

    database: Path
    log: bytes
    transaction_of: dict[int, int]

    @property
    def frames(self) -> int:
        """How many frames the log has."""
        return len(self.transaction_of)


def use(file, transactions=TRANSACTIONS):
    """Return a connection that has written transactions of one to several pages into the log of a new database."""
    connection = apsw.Connection(str(file))
    for setting in ("page_size = 4096", "journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = FULL"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    connection.execute("CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT)").fetchall()
    for number in range(1, transactions):
        connection.execute("INSERT INTO notes VALUES (?, ?)", (number, "x" * 3000 * (1 + number % 3))).fetchall()
    return connection


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    database = tmp_path_factory.mktemp("wal") / "a.sqlite"
    connection = use(database)
    log = (database.parent / "a.sqlite-wal").read_bytes()
    kept = shutil.copytree(database.parent, database.parent.with_name(f"{database.parent.name}-kept"))
    connection.close()
    transaction_of, transaction = {}, 1
    for number in range(1, (len(log) - HEADER_BYTES) // FRAME_BYTES + 1):
        transaction_of[number] = transaction
        transaction += struct.unpack_from(">I", log, at_frame(number) + 4)[0] != 0
    assert transaction == TRANSACTIONS + 1
    return Recorded(kept / "a.sqlite", log, transaction_of)


def at_frame(number):
    """Return where a frame begins."""
    return HEADER_BYTES + (number - 1) * FRAME_BYTES


def flip(log, offset, bit=0):
    """Return the log with one bit turned."""
    changed = bytearray(log)
    changed[offset] ^= 1 << bit
    return bytes(changed)


def find(log, read=0):
    header = read_header(log)
    assert header is not None
    return find_break(log, header, read)


@pytest.fixture
def look(recorded, tmp_path):
    """Have SQLite read a log; return how many transactions it has found, and what is found unread."""

    def read(log):
        place = tmp_path / "looked"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        database, file = place / "a.sqlite", place / "a.sqlite-wal"
        shutil.copy2(recorded.database, database)
        file.write_bytes(log)
        connection = apsw.Connection(str(database))
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            rows = [] if tables == [(0,)] else connection.execute("SELECT * FROM notes").fetchall()
            found = 0 if tables == [(0,)] else len(rows) + 1
            return found, find_unread(file, place / "a.sqlite-shm")
        finally:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()

    return read


def test_the_checksum_is_that_of_the_format():
    """Word by word, as the format defines it."""
    chance = random.Random(1)
    for is_big_endian in (False, True):
        data = chance.randbytes(24)
        first, second = before = (chance.getrandbits(32), chance.getrandbits(32))
        words = struct.unpack(">6I" if is_big_endian else "<6I", data)
        for one, two in zip(words[::2], words[1::2], strict=True):
            first = (first + one + second) & 0xFFFFFFFF
            second = (second + two + first) & 0xFFFFFFFF
        assert chain_checksum(before, data, is_big_endian=is_big_endian) == (first, second)


def test_the_header_of_a_log_is_read(recorded):
    header = read_header(recorded.log)
    assert header == Header(
        PAGE_BYTES, struct.unpack_from(">2I", recorded.log, 16), struct.unpack_from(">2I", recorded.log, 24), False
    )


def test_a_header_with_any_bit_turned_is_none(recorded, tmp_path):
    file = tmp_path / "log"
    for offset in range(HEADER_BYTES):
        for bit in range(8):
            assert read_header(flip(recorded.log, offset, bit)) is None
    file.write_bytes(recorded.log)
    assert has_header(file)
    file.write_bytes(flip(recorded.log, 20))
    assert not has_header(file)
    file.write_bytes(recorded.log[: HEADER_BYTES - 1])
    assert not has_header(file)
    assert not has_header(tmp_path / "missing")


def test_nothing_is_unread_in_a_whole_log(recorded, look):
    assert look(recorded.log) == (TRANSACTIONS, None)
    for read in range(recorded.frames + 1):
        assert find(recorded.log, read) is None


def test_a_log_that_is_cut_off_anywhere_ends_there(recorded, look):
    for number in range(1, recorded.frames + 1):
        for size in (at_frame(number), at_frame(number) + 12, at_frame(number) + 2000):
            found, broken = look(recorded.log[:size])
            assert broken is None
            assert found == recorded.transaction_of[number] - 1


def test_a_bit_turned_in_any_frame_is_found_if_another_transaction_follows(recorded, look):
    """Everywhere in the header of each frame, and at some places of its page."""
    chance = random.Random(2)
    for number in range(1, recorded.frames + 1):
        places = [*range(FRAME_HEADER_BYTES), *(chance.randrange(FRAME_HEADER_BYTES, FRAME_BYTES) for _ in range(8))]
        is_last = recorded.transaction_of[number] == TRANSACTIONS
        for place in places:
            log = flip(recorded.log, at_frame(number) + place, chance.randrange(8))
            found, broken = look(log)
            assert found == recorded.transaction_of[number] - 1
            if is_last and place in range(4, 8):
                # It may seem to end a transaction now, which would not be the last one then.
                assert broken in (None, number)
            else:
                assert broken == (None if is_last else number), (number, place)


def test_damage_in_two_places_is_found_if_two_transactions_are_whole_behind_it(recorded, look):
    for number in range(1, recorded.frames):
        log = flip(flip(recorded.log, at_frame(number) + 100), at_frame(number + 1) + 200)
        _, broken = look(log)
        if recorded.transaction_of[number + 1] < TRANSACTIONS:
            assert broken == number


def test_what_is_left_of_an_earlier_log_is_no_damage(tmp_path, look):
    """Behind the frames of a log that was begun anew lie those of the one before, with other salts."""
    connection = use(tmp_path / "b.sqlite")
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_RESTART)
    connection.execute("UPDATE notes SET text = 'y' WHERE number = 1").fetchall()
    log = (tmp_path / "b.sqlite-wal").read_bytes()
    connection.close()
    assert len(log) > HEADER_BYTES + 3 * FRAME_BYTES
    for read in range(4):
        assert find(log, read) is None
    assert find(flip(log, at_frame(1) + 300)) is None


def test_what_a_transaction_that_was_undone_has_left_is_no_damage(tmp_path):
    """It was so large that its pages were written before it was undone."""
    connection = use(tmp_path / "c.sqlite")
    connection.execute("PRAGMA cache_size = 5").fetchall()
    connection.execute("BEGIN").fetchall()
    for number in range(100, 160):
        connection.execute("INSERT INTO notes VALUES (?, ?)", (number, "z" * 8000)).fetchall()
    connection.execute("ROLLBACK").fetchall()
    connection.execute("UPDATE notes SET text = 'y' WHERE number = 1").fetchall()
    log, index = tmp_path / "c.sqlite-wal", tmp_path / "c.sqlite-shm"
    data = log.read_bytes()
    read = struct.unpack_from("=I", index.read_bytes(), 16)[0]
    assert len(data) > at_frame(read + 40)
    assert find_unread(log, index) is None
    # The one transaction behind them is torn, as by a loss of power.
    for place in (0, 4, 16, 20, 3000):
        assert find(flip(data, at_frame(read) + place), read - 1) is None
        assert find(flip(data, at_frame(read) + place)) is None
    connection.close()


def test_any_part_of_the_newest_transaction_may_be_missing(recorded):
    """Of what was not synced each sector may have come to the disk or not; the file may have been longer before."""
    chance = random.Random(3)
    first = min(number for number, transaction in recorded.transaction_of.items() if transaction == TRANSACTIONS)
    start, end = at_frame(first), len(recorded.log)
    old = bytearray(chance.randbytes(end))
    for _ in range(300):
        log = bytearray(recorded.log[:start]) + (bytes(end - start) if chance.random() < 0.5 else old[start:])
        for sector in range(start - start % 512, end, 512):
            if chance.random() < 0.6:
                log[max(sector, start) : sector + 512] = recorded.log[max(sector, start) : sector + 512]
        assert find(bytes(log)) is None


def test_without_an_index_all_frames_are_looked_at(recorded, tmp_path):
    file = tmp_path / "log"
    file.write_bytes(flip(recorded.log, at_frame(2) + 99))
    assert find_unread(file, tmp_path / "missing") == 2
    (tmp_path / "index").write_bytes(bytes(4096))
    assert find_unread(file, tmp_path / "index") == 2


def test_a_log_that_is_missing_or_empty_has_nothing_unread(tmp_path):
    assert find_unread(tmp_path / "missing", tmp_path / "index") is None
    (tmp_path / "empty").touch()
    assert find_unread(tmp_path / "empty", tmp_path / "index") is None
    (tmp_path / "short").write_bytes(bytes(10))
    assert find_unread(tmp_path / "short", tmp_path / "index") is None
