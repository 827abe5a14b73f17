"""Where the key of a lock comes from."""

import io

import pytest

from queue_server.cli.keys import VARIABLE, find_key, read_key, take_key
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def key_file(tmp_path):
    """A file of its owner alone, with two lines."""
    path = tmp_path / "key"
    path.write_text("first line\r\nsecond\n")
    path.chmod(0o600)
    return path


def test_a_file_wins_over_the_environment(key_file):
    assert find_key(str(key_file), environ={VARIABLE: "other"}) == "first line"
    assert find_key(None, environ={VARIABLE: "other"}) == "other"


def test_a_key_of_an_option_is_itself_or_stands_in_a_file(key_file):
    assert take_key("plain") == "plain"
    assert take_key(f"@{key_file}") == "first line"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_file_that_others_may_use_is_refused(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(ParameterError, match="chmod 600"):
        read_key(str(key_file))


def test_a_key_that_is_not_text_is_refused(key_file):
    key_file.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ParameterError, match="cannot be read"):
        read_key(str(key_file))


def test_standard_input_gives_one_line(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    assert find_key("-", environ={}) == "one"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(ParameterError, match="empty"):
        find_key("-", environ={})
