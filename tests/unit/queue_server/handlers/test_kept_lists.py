"""Long lists are kept outside of the memory: found as they were read, in any order of readers, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from queue_server.handlers.kept_lists import JOINED_ENTRIES, KeptList, KeptTextError
from queue_server.protocol.listing import encode_reply
from queue_server.protocol.written_list import TextPiece, ValuePiece, WrittenList


def piece(*numbers):
    return TextPiece(len(numbers), ",".join(f'{{"n":{number}}}' for number in numbers).encode())


def numbers(pieces):
    reply = json.loads(encode_reply({"items": WrittenList(pieces)}, "json"))
    return [entry["n"] for entry in reply["items"]]


def found_in(kept):
    """Return what is kept."""
    assert kept.latest is not None
    return kept.latest


def test_what_was_kept_is_found_with_its_mark():
    kept = KeptList[str]()
    assert kept.latest is None
    assert numbers(kept.keep("a", [piece(), piece(1, 2), piece(3)])) == [1, 2, 3]
    found = found_in(kept)
    assert (found.mark, found.size, numbers(found.pieces)) == ("a", 3, [1, 2, 3])


def test_what_is_added_stands_behind_it_and_what_was_found_before_stays():
    kept = KeptList[int]()
    kept.keep(0, [piece(*range(JOINED_ENTRIES - 2))])
    before = found_in(kept)
    for added in range(1, 6):
        kept.keep(added, [piece(-added)], kept.latest)
    assert numbers(before.pieces) == [*range(JOINED_ENTRIES - 2)]
    assert numbers(found_in(kept).pieces) == [*range(JOINED_ENTRIES - 2), -1, -2, -3, -4, -5]
    assert [each.count for each in found_in(kept).pieces] == [JOINED_ENTRIES, 3]


def test_only_one_of_two_readers_adds_to_what_both_have_found():
    kept = KeptList[str]()
    kept.keep("old", [piece(1)])
    base = kept.latest
    assert numbers(kept.keep("first", [piece(2)], base)) == [1, 2]
    assert numbers(kept.keep("second", [piece(2), piece(3)], base)) == [1, 2, 3]
    assert (found_in(kept).mark, numbers(found_in(kept).pieces)) == ("first", [1, 2])


def test_a_list_that_is_read_anew_takes_the_place_of_the_old_one():
    kept = KeptList[str]()
    kept.keep("old", [piece(1)])
    old = found_in(kept)
    kept.keep("new", [piece(2)])
    assert (numbers(found_in(kept).pieces), numbers(old.pieces)) == ([2], [1])


def test_a_list_that_is_too_long_is_told_and_not_kept():
    kept = KeptList[str](most_bytes=25)
    kept.keep("short", [piece(1, 2)])
    assert numbers(kept.keep("long", [piece(3, 4)], kept.latest)) == [1, 2, 3, 4]
    assert kept.latest is None
    assert numbers(kept.keep("long", [piece(*range(9))])) == [*range(9)]
    assert kept.latest is None


def test_numbers_that_text_does_not_carry_are_not_kept():
    kept = KeptList[str]()
    assert numbers(kept.keep("odd", [piece(1), ValuePiece([{"n": 2}])])) == [1, 2]
    assert kept.latest is None


def test_damaged_text_is_refused_and_given_up():
    kept = KeptList[str]()
    kept.keep("a", [piece(1), piece(2)])
    [found] = found_in(kept).pieces
    with pytest.raises(KeptTextError, match="Repeat the request"):
        replace(found, checksum=found.checksum ^ 1).text()
    assert kept.latest is None


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = KeptList[str]()
    kept.keep("a", [piece(1)])
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_files_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    kept = KeptList[str]()
    assert numbers(kept.keep("a", [piece(1)])) == [1]
    assert kept.latest is None
