"""Names of people's files: whatever is given, what is accepted is one plain name, and stays what it is."""

from __future__ import annotations

import os
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from queue_server.artifacts.names import MAX_NAME_BYTES, check_member_name, take_file_name
from queue_server.protocol.errors import ParameterError
from tests.faults.places import place_in_memory

# Any text, and text that is made of what is dangerous.
ODD = st.sampled_from(
    ["/", "\\", ".", "..", " ", "\0", "\n", "\x7f", "\u202e", "\u2028", "\udc80", "a", "ä", "C:", "~"]
)
NAMES = st.text(st.characters(), max_size=40) | st.lists(ODD, max_size=8).map("".join)


def _accepted(text):
    try:
        return take_file_name(text)
    except ParameterError as error:
        refusal = error
    assert refusal.field == "filename"
    assert refusal.message.isprintable()
    return None


@given(NAMES)
def test_what_is_accepted_is_one_component_without_control_characters(text):
    name = _accepted(text)
    if name is not None:
        assert name == os.path.basename(text.replace("\\", "/"))
        assert name not in ("", ".", "..")
        assert not set(name) & {"/", "\\", "\0"}
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        assert 1 <= len(name.encode()) <= MAX_NAME_BYTES


@given(NAMES)
def test_what_is_accepted_stays_what_it_is_and_may_stand_in_an_archive(text):
    name = _accepted(text)
    if name is not None:
        assert take_file_name(name) == name
        check_member_name(name)
        check_member_name(f"{name}/{name}")


@given(
    st.text(st.sampled_from("abcäß头 .-_()[]#%&+0123456789"), min_size=1, max_size=60).filter(lambda x: x.strip(". "))
)
def test_ordinary_names_are_accepted_below_any_directory(name):
    assert take_file_name(name) == name
    for directory in ("/tmp/", "C:\\data\\", "../", "a/b\\"):
        assert take_file_name(directory + name) == name


@given(st.integers(1, 400), st.sampled_from(["x", "ü", "头"]))
def test_the_length_is_counted_in_bytes(count, character):
    name = character * count
    assert (_accepted(name) == name) == (len(name.encode()) <= MAX_NAME_BYTES)


@given(st.lists(NAMES, min_size=1, max_size=4).map("/".join) | NAMES)
def test_the_path_of_a_member_stays_below_the_directory_in_which_it_is_unpacked(path):
    try:
        check_member_name(path)
    except ParameterError:
        return
    assert os.path.normpath(os.path.join("/below", path)) == f"/below/{path}"
    assert path.startswith("/") is False


@given(st.lists(NAMES, max_size=12))
def test_what_is_accepted_can_be_the_name_of_a_file(texts):
    names = {name for text in texts if (name := _accepted(text)) is not None}
    with place_in_memory() as directory:
        for name in names:
            (directory / name).write_bytes(b"")
        assert set(os.listdir(directory)) == names
