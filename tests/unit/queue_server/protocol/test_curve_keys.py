"""Keys as text, and the pair that everybody knows."""

from __future__ import annotations

import pytest
import zmq

from queue_server.protocol.curve_keys import (
    SHARED_PRIVATE_KEY,
    SHARED_PUBLIC_KEY,
    check_key,
    check_public_file,
    check_secret_file,
)
from queue_server.protocol.errors import ParameterError


def test_a_key_is_returned_as_bytes():
    key = zmq.curve_keypair()[0]
    assert check_key(key.decode(), "key") == key


@pytest.mark.parametrize("text", ["", "short", "x" * 41, "x" * 39 + " ", "x" * 39 + "é", "x" * 39 + "~"])
def test_what_is_no_key_is_refused_by_the_name_of_its_field_and_not_repeated(text):
    with pytest.raises(ParameterError, match="'key_of_the_test'") as caught:
        check_key(text, "key_of_the_test")
    assert text == "" or text not in str(caught.value)


def test_the_shared_pair_belongs_together():
    assert zmq.curve_public(SHARED_PRIVATE_KEY) == SHARED_PUBLIC_KEY


KEY = zmq.curve_keypair()[0]


@pytest.mark.parametrize("mode", [0o100600, 0o100400])
def test_a_secret_key_is_for_its_owner_alone(mode):
    assert check_secret_file(KEY + b"\n", mode, "/k", "field") == KEY


@pytest.mark.parametrize("mode", [0o100640, 0o100604, 0o100620, 0o100777])
def test_a_secret_key_that_others_can_use_is_refused(mode):
    with pytest.raises(ParameterError, match=r"'the_field': others may read /k; .*chmod 600 /k"):
        check_secret_file(KEY, mode, "/k", "the_field")


@pytest.mark.parametrize("mode", [0o100600, 0o100644])
def test_a_public_key_may_be_read_by_others(mode):
    assert check_public_file(KEY, mode, "/k", "field") == KEY


@pytest.mark.parametrize("mode", [0o100622, 0o100664, 0o100602])
def test_a_public_key_that_others_can_replace_is_refused(mode):
    with pytest.raises(ParameterError, match="'the_field': others may write /k"):
        check_public_file(KEY, mode, "/k", "the_field")


@pytest.mark.parametrize("check", [check_secret_file, check_public_file])
@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40, KEY + KEY], ids=range(4))
def test_a_file_without_a_key_is_refused(check, content):
    with pytest.raises(ParameterError, match="'the_field'"):
        check(content, 0o600, "/k", "the_field")
