"""What is printed and logged goes to the log file and to the sink."""

from __future__ import annotations

import errno
import io
import logging
import sys

import pytest

from device_worker.console import LINE_LIMIT_CHARS, Tee, captured_console


@pytest.fixture
def original():
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def tee(original, heard):
    return Tee(original, heard.append)


def written(original):
    return original.buffer.getvalue().decode()


def test_whole_lines_are_handed_over_and_the_rest_waits(tee, original, heard):
    assert tee.write("one\ntw") == 6
    assert heard == ["one\n"]
    assert written(original) == "one\ntw"
    tee.write("o\n")
    assert heard == ["one\n", "two\n"]


def test_a_flush_hands_over_what_a_progress_bar_has_drawn(tee, heard):
    tee.write("\r50 %")
    tee.flush()
    tee.flush()
    assert heard == ["\r50 %"]


def test_a_line_without_end_does_not_grow_for_ever(tee, heard):
    tee.write("x" * (LINE_LIMIT_CHARS + 1))
    assert heard == ["x" * (LINE_LIMIT_CHARS + 1)]


def test_it_passes_for_a_standard_stream(tee, original):
    tee.buffer.write(b"bytes")
    assert written(original) == "bytes"
    assert (tee.encoding, tee.writable(), tee.isatty()) == ("utf-8", True, False)
    tee.reconfigure(line_buffering=True)
    assert original.line_buffering
    with pytest.raises(AttributeError):
        tee.nothing_of_the_kind  # noqa: B018
    with pytest.raises(io.UnsupportedOperation):
        tee.fileno()


class FullDisk(io.StringIO):
    """A log file on a full disk."""

    def write(self, text):
        raise OSError(errno.ENOSPC, "full")

    def flush(self):
        raise OSError(errno.ENOSPC, "full")


def test_a_log_file_that_cannot_be_written_does_not_disturb_whoever_prints(heard):
    tee = Tee(FullDisk(), heard.append)
    tee.write("important\n")
    tee.flush()
    assert heard == ["important\n"]


def test_prints_and_logs_are_captured_until_the_block_ends(heard):
    before = sys.stdout, sys.stderr, list(logging.getLogger().handlers)
    with captured_console(heard.append):
        sys.stdout.write("printed\n")
        sys.stderr.write("complained\n")
        logging.getLogger("device_worker.anything").info("logged %d", 1)
        logging.getLogger("somebody.else").info("not interesting")
        logging.getLogger("somebody.else").warning("mind this")
        sys.stdout.write("no end of line")
    assert (sys.stdout, sys.stderr, list(logging.getLogger().handlers)) == before
    assert heard[:2] == ["printed\n", "complained\n"]
    assert heard[2].startswith("[I ")
    assert heard[2].endswith(" device_worker.anything] logged 1\n")
    assert heard[3].endswith(" somebody.else] mind this\n")
    assert heard[4:] == ["no end of line"]
