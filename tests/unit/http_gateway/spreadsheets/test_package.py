"""Zipped formats: bombs and declarations are refused before anything reads them, within bounded memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
import zlib

import pytest

from http_gateway.errors import TooLargeError
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.package import Inspection, copy_inspected, open_package
from http_gateway.spreadsheets.reading import read_items
from tests.doubles.spreadsheets import make_csv, make_xlsx, make_zip, replace_part

MIB = 1024**2
BOMB = b"<a>" + b" " * (64 * MIB) + b"</a>"
LAUGHS = '<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "{}"><!ENTITY d "{}">]><a>&d;</a>'.format(
    "x" * 99, "&b;" * 99, "&c;" * 99
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


def inspect(part, limits=None):
    """Inspect an archive with one part of XML."""
    limits = limits or Limits()
    with open_package(make_zip({"a.xml": part}), limits) as archive:
        copy_inspected(archive, Inspection(limits))


@pytest.fixture(scope="module")
def bomb():
    """A small file that unpacks to 64 MiB."""
    return make_zip({"content.xml": BOMB})


@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_a_file_that_unpacks_to_too_much_is_refused_without_unpacking_it(bomb, ending):
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="unpacks to"):
            read_items(bomb, f"x{ending}")
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_a_file_that_lies_about_its_size_is_refused_within_bounded_memory(bomb, ending):
    size = struct.pack("<I", len(BOMB))
    assert bomb.count(size) == 2
    tracemalloc.start()
    try:
        with pytest.raises(SpreadsheetError, match="damaged"):
            read_items(bomb.replace(size, struct.pack("<I", 100)), f"x{ending}")
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_what_a_reader_gets_is_no_more_than_was_inspected(bomb):
    size, checksum = struct.pack("<I", len(BOMB)), struct.pack("<I", zlib.crc32(BOMB))
    cut = bomb.replace(size, struct.pack("<I", 3)).replace(checksum, struct.pack("<I", zlib.crc32(BOMB[:3])))
    with open_package(cut, Limits()) as archive, pytest.raises(SpreadsheetError, match="damaged"):
        copy_inspected(archive, Inspection(Limits()))
    parts = make_zip({"a.xml": "<a/>", "picture.png": b"\x89PNG"})
    with open_package(parts, Limits()) as archive:
        assert zipfile.ZipFile(copy_inspected(archive, Inspection(Limits()))).namelist() == ["a.xml"]


def test_a_million_rows_are_refused_within_bounded_memory():
    data = make_csv([["plan"]]) + b"count\r\n" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(SpreadsheetError, match="more than 10000 rows"):
            read_items(data, "x.csv")
        # The text of the file, in the two forms that the reader of csv needs.
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()


def test_too_many_parts_are_refused():
    with pytest.raises(TooLargeError, match="in 5 parts"):
        open_package(make_zip(dict.fromkeys("abcde", "")), Limits(parts=4))


def test_a_long_directory_is_refused_before_it_is_read():
    with pytest.raises(TooLargeError, match="more than 2 parts"):
        open_package(make_zip({f"{at}" * 100: "" for at in range(10)}), Limits(parts=2))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_without_bounded_readers_are_refused(method):
    with pytest.raises(SpreadsheetError, match="unusual way"):
        open_package(make_zip({"content.xml": "<a/>"}, method), Limits())


@pytest.mark.parametrize("declaration", [LAUGHS, OUTSIDE, "<!DOCTYPE a><a/>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_refused(declaration, encoding):
    with pytest.raises(SpreadsheetError, match="declares a document type"):
        inspect(declaration.encode(encoding))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/theme/theme1.xml", "x"]
)
def test_entities_are_refused_in_every_part_of_a_workbook(part):
    with pytest.raises(SpreadsheetError, match="declares a document type"):
        read_items(replace_part(make_xlsx([["plan"], ["count"]]), part, LAUGHS), "x.xlsx")


@pytest.mark.parametrize(
    "part",
    [
        "<a>" + "<b/>" * 20 + "</a>",
        "<a>" * 11 + "</a>" * 11,
        f"<a b='{'x' * 101}'/>",
        f"<a><!--{'x' * 101}--></a>",
        f"<?x {'x' * 101}?><a/>",
        f"<{'x' * 101}/>",
    ],
)
def test_what_would_exhaust_a_reader_is_refused(part):
    limits = Limits(elements=20, depth=10, token_chars=100)
    inspect("<a><b c='d'/></a>", limits)
    with pytest.raises(TooLargeError):
        inspect(part, limits)


@pytest.mark.parametrize("part", ["", "<a>", "<a></b>", "<a>&nbsp;</a>", b"<a>\xff</a>"])
def test_what_is_no_xml_is_refused(part):
    with pytest.raises(SpreadsheetError, match=r"'a\.xml' of the file is damaged"):
        inspect(part)
