"""Names of people's files: the last component counts, and what could do harm is refused with the reason."""

from __future__ import annotations

import pytest

from queue_server.artifacts.names import MAX_NAME_BYTES, check_member_name, take_file_name
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.records import MAX_MEMBER_BYTES


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("upload.bin", "upload.bin"),
        ("/home/mri/scan.mrd", "scan.mrd"),
        ("C:\\data\\scan.mrd", "scan.mrd"),
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.npy", "c.npy"),
        ("a\\b/c.npy", "c.npy"),
        (".hidden", ".hidden"),
        ("...x", "...x"),
        ("Messung 3 (Kopf) äöü 头部.dcm", "Messung 3 (Kopf) äöü 头部.dcm"),
        ("scan 12:30.npy", "scan 12:30.npy"),
        ("-rf", "-rf"),
        ("x" * 255, "x" * 255),
        ("ü" * 127 + "x", "ü" * 127 + "x"),
    ],
)
def test_the_last_component_is_the_name(given, taken):
    assert take_file_name(given) == taken


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "is empty"),
        ("/", "empty component"),
        ("dir/", "empty component"),
        ("dir\\", "empty component"),
        (".", "dots and spaces only"),
        ("..", "dots and spaces only"),
        ("a/..", "dots and spaces only"),
        ("a\\..", "dots and spaces only"),
        (".. ", "dots and spaces only"),
        (" ", "dots and spaces only"),
        ("x" * 256, "longer than 255 bytes"),
        ("ü" * 128, "longer than 255 bytes"),
        ("a\0b", r"U\+0000"),
        ("a\nb", r"U\+000A"),
        ("a\x1b[2Jb", r"U\+001B"),
        ("a\x7f", r"U\+007F"),
        ("a\x85", r"U\+0085"),
        ("a\u2028", r"U\+2028"),
        ("a\u202egnp.exe", r"U\+202E"),
        ("a\udcff", r"U\+DCFF"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(given, reason):
    with pytest.raises(ParameterError, match=reason) as caught:
        take_file_name(given)
    assert caught.value.field == "filename"


def test_the_refusal_can_be_shown_anywhere():
    with pytest.raises(ParameterError) as caught:
        take_file_name("\x1b[2J\u202e\udcff" * 100, field="file_name")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600
    assert caught.value.field == "file_name"


@pytest.mark.parametrize("name", ["a", "results/x.json", "a/b/c/d", "ä/头", "x" * 255 + "/" + "y" * 255])
def test_a_relative_path_is_a_name_of_a_member(name):
    check_member_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/../b", "a/..", "a\\b", "..\\a", "C:\\a", "a/\n", "a/\0"],
)
def test_what_leads_elsewhere_is_no_name_of_a_member(name):
    with pytest.raises(ParameterError) as caught:
        check_member_name(name)
    assert caught.value.field == "name"


def test_the_length_of_a_path_and_of_its_components_is_limited():
    longest = "/".join(["x" * 127] * 8)
    assert len(longest) == MAX_MEMBER_BYTES - 1
    check_member_name(longest)
    with pytest.raises(ParameterError, match="1024 bytes"):
        check_member_name(longest + "/x")
    with pytest.raises(ParameterError, match="255 bytes"):
        check_member_name("a/" + "x" * (MAX_NAME_BYTES + 1))
