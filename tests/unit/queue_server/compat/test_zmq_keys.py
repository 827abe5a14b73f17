"""Key pairs for encrypted connections."""

from __future__ import annotations

import pytest
import zmq

from queue_server.compat.zmq_keys import check_key, find_public_key, main, make_keys
from queue_server.protocol.errors import ParameterError


def keys_in(text):
    return [line.split()[-1] for line in text.splitlines() if line.startswith((" Private", " Public"))]


def test_a_pair_belongs_together():
    private_key, public_key = make_keys()
    assert find_public_key(private_key) == public_key == zmq.curve_public(private_key.encode()).decode()
    assert make_keys() != (private_key, public_key)


def test_a_new_pair_is_printed_private_key_first(capsys):
    assert main([]) == 0
    private_key, public_key = keys_in(capsys.readouterr().out)
    assert find_public_key(private_key) == public_key


def test_the_public_key_of_a_private_one_is_printed(capsys):
    private_key, public_key = make_keys()
    assert main([f"--zmq-private-key={private_key}"]) == 0
    assert keys_in(capsys.readouterr().out) == [private_key, public_key]


@pytest.mark.parametrize("key", ["", "short", "x" * 41, "~" * 40, "é" * 40])
def test_what_is_no_key_is_refused_and_not_repeated(key, capsys):
    assert main([f"--zmq-private-key={key}"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("qserver-zmq-keys: '--zmq-private-key'")
    assert not key or key not in captured.out + captured.err


def test_the_form_of_a_key_is_checked_under_the_name_that_it_has():
    with pytest.raises(ParameterError) as caught:
        check_key("short", "SOME_VARIABLE")
    assert caught.value.field == "SOME_VARIABLE"


def test_help_is_0_and_a_wrong_option_is_1(capsys):
    assert main(["-h"], program="cuelight zmq-keys") == 0
    assert "usage: cuelight zmq-keys" in capsys.readouterr().out
    assert main(["--bogus"]) == 1
