"""Keys as text, and the pair that everybody knows."""

from __future__ import annotations

import pytest
import zmq

from queue_server.protocol.curve_keys import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY, check_key
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
