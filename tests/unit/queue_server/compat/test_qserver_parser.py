"""The parser that the stand-ins share raises what others print."""

from __future__ import annotations

import pytest

from queue_server.compat.qserver_parser import HelpWanted, OptionParser, read_encoding
from queue_server.protocol.errors import ParameterError


def test_help_is_a_message_and_does_not_end_the_process():
    with pytest.raises(HelpWanted, match="usage: tool"):
        OptionParser(prog="tool").read(["--help"])


def test_a_wrong_argument_is_a_parameter_error_with_the_usage():
    with pytest.raises(ParameterError, match=r"Unrecognized arguments: extra\.\nusage: tool"):
        OptionParser(prog="tool").read(["extra"])


def test_the_encoding_is_json_unless_somebody_says_otherwise():
    assert read_encoding(None, {}) == "json"
    assert read_encoding(None, {"QSERVER_ZMQ_ENCODING": "msgpack"}) == "msgpack"
    assert read_encoding("JSON", {"QSERVER_ZMQ_ENCODING": "msgpack"}) == "json"
