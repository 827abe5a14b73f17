"""Lists of public keys: what a line says, when a change counts, and what a list that cannot be read means."""

from __future__ import annotations

import pytest
import zmq
import zmq.utils.z85

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.peer import Peer
from queue_server.transport.allow_list import AllowList

# Always the same, for they are part of the names of tests.
ANNA, BERTA, CARLA = (zmq.curve_public(zmq.utils.z85.encode(bytes([number]) * 32)) for number in (1, 2, 3))


@pytest.fixture
def write(tmp_path):
    """Write a file; return its path."""

    def write(name, *lines):
        file = tmp_path / name
        file.write_bytes(b"\n".join(lines) + b"\n")
        return file

    return write


def test_a_list_has_a_key_and_a_name_in_each_line(write):
    clients = AllowList(write("clients", b"# of the beamline", b"", ANNA + b" Anna at 7", BERTA))
    assert clients.find(ANNA) == Peer("Anna at 7")
    assert clients.find(BERTA) == Peer(BERTA.decode())
    assert clients.find(CARLA) is None


@pytest.mark.parametrize(
    ("brackets", "scopes", "may_delegate"),
    [
        (b"", None, False),
        (b"[]", set(), False),
        (b"[read:status]", {"read:status"}, False),
        (b"[ read:status  write:queue:* ]", {"read:status", "write:queue:edit", "write:queue:control"}, False),
        (b"[delegate]", None, True),
        (b"[delegate read:queue]", {"read:queue"}, True),
    ],
)
def test_a_key_has_all_scopes_or_those_in_brackets(write, brackets, scopes, may_delegate):
    peer = AllowList(write("clients", ANNA + b" Anna " + brackets)).find(ANNA)
    assert peer == Peer("Anna", None if scopes is None else frozenset(scopes), may_delegate)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"Berta", "line 2"),
        (BERTA + b" Berta [read:everything]", "line 2: 'read:everything' is no scope"),
        (BERTA + b" Berta [read:status", "must end with ]"),
        (BERTA + b" Berta [*x]", "no scope"),
        (BERTA + b" " + b"B" * 129, "at most 128"),
    ],
)
def test_a_line_that_says_nothing_clear_is_refused_by_its_number(write, line, message):
    with pytest.raises(ParameterError, match=message):
        AllowList(write("clients", ANNA + b" Anna", line))


def test_a_missing_list_is_refused_by_name(tmp_path):
    with pytest.raises(ParameterError, match="nowhere") as caught:
        AllowList(tmp_path / "nowhere")
    assert caught.value.field == "curve_clients_file"


def test_a_directory_is_all_its_files_but_the_hidden_ones(write, tmp_path):
    write("anna", ANNA + b" Anna")
    write("berta", BERTA + b" Berta")
    write(".draft", CARLA + b" Draft")
    clients = AllowList(tmp_path)
    assert [clients.find(key) for key in (ANNA, BERTA, CARLA)] == [Peer("Anna"), Peer("Berta"), None]


def test_a_change_counts_at_once_for_those_who_connect(write, tmp_path):
    write("anna", ANNA + b" Anna")
    clients = AllowList(tmp_path)
    berta = write("berta", BERTA + b" Berta")
    assert clients.find(BERTA) == Peer("Berta")
    berta.unlink()
    assert clients.find(BERTA) is None
    assert clients.find(ANNA) == Peer("Anna")


def test_a_change_counts_for_those_who_are_connected_once_the_list_is_renewed(write):
    clients = AllowList(write("clients", ANNA + b" Anna", BERTA + b" Berta"))
    write("clients", ANNA + b" Anna [read:status]")
    assert clients.recall(BERTA) == Peer("Berta")
    clients.renew()
    assert clients.recall(BERTA) is None
    assert clients.recall(ANNA) == Peer("Anna", frozenset({"read:status"}))


def test_whoever_has_just_connected_is_known(write):
    clients = AllowList(write("clients", ANNA + b" Anna"))
    write("clients", ANNA + b" Anna", BERTA + b" Berta")
    assert clients.recall(BERTA) is None
    clients.find(BERTA)
    assert clients.recall(BERTA) == Peer("Berta")


@pytest.mark.parametrize("spoil", [lambda file: file.unlink(), lambda file: file.write_text("no key\n")])
def test_while_the_list_cannot_be_read_nobody_new_is_on_it_and_nobody_leaves_it(write, spoil, caplog):
    file = write("clients", ANNA + b" Anna")
    clients = AllowList(file)
    spoil(file)
    assert clients.find(ANNA) is None
    assert "Nobody new is admitted" in caplog.text
    clients.renew()
    assert "Open connections stay" in caplog.text
    assert clients.recall(ANNA) == Peer("Anna")
    write("clients", ANNA + b" Anna again")
    assert clients.find(ANNA) == Peer("Anna again")
