from pathlib import Path

import pytest
from msgspec.structs import replace

from queue_server.cli.doctor.facts import SocketFacts
from queue_server.cli.doctor.sockets import check_socket, is_loopback

DATA = Path("/data")
OWN = 41
EVERYWHERE = "0.0.0.0"  # noqa: S104 - judged, not bound
BOUND = SocketFacts("control", "127.0.0.1", 60615, True, OWN, "python3", 1000, "plain")
FREE = replace(BOUND, is_listening=False, holder=None, holder_name="", owner=None, speech=None)


@pytest.mark.parametrize(
    ("facts", "owner", "level"),
    [
        (FREE, None, "ok"),
        (FREE, OWN, "failure"),
        (replace(BOUND, holder=99, speech=None), None, "failure"),
        (replace(BOUND, holder=99, speech=None), OWN, "warning"),
        (replace(BOUND, holder=None, speech=None), None, "failure"),
        (replace(BOUND, holder=None, owner=None, speech=None), OWN, "warning"),
    ],
)
def test_a_port_is_free_or_belongs_to_the_system(facts, owner, level):
    found = check_socket(facts, DATA, owner)
    assert found.level == level
    assert bool(found.action) == (level != "ok")


def test_who_has_taken_a_port_is_told():
    assert "process 99 (nginx)" in check_socket(replace(BOUND, holder=99, holder_name="nginx"), DATA, None).text
    assert "a process of root" in check_socket(replace(BOUND, holder=None, owner=0), DATA, None).text
    found = check_socket(replace(BOUND, name="http", holder=99), DATA, None)
    assert found.action.startswith("cuelight up --data /data --http 127.0.0.1:0")


@pytest.mark.parametrize(
    ("name", "host", "speech", "level"),
    [
        ("control", "127.0.0.1", "plain", "ok"),
        ("control", "127.0.0.1", "curve", "ok"),
        ("control", EVERYWHERE, "curve", "ok"),
        ("control", EVERYWHERE, "plain", "failure"),
        ("control", "10.0.0.7", "other", "failure"),
        ("control", "::", "plain", "failure"),
        ("control", "::1", "plain", "ok"),
        ("info", EVERYWHERE, "plain", "warning"),
        ("info", EVERYWHERE, "curve", "ok"),
        ("worker link", EVERYWHERE, "plain", "failure"),
        ("http", EVERYWHERE, "http", "warning"),
        ("http", EVERYWHERE, "tls", "ok"),
        ("http", "127.0.0.1", "http", "ok"),
        ("control", "127.0.0.1", "silent", "warning"),
        ("control", "127.0.0.1", "refused", "warning"),
    ],
)
def test_what_other_hosts_reach_must_be_encrypted(name, host, speech, level):
    found = check_socket(replace(BOUND, name=name, host=host, speech=speech), DATA, OWN)
    assert found.level == level
    assert bool(found.action) == (level != "ok")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        (EVERYWHERE, False),
        ("::", False),
        ("localhost", True),
        ("beamline", False),
    ],
)
def test_loopback_addresses_are_known(host, expected):
    assert is_loopback(host) is expected


def test_an_address_of_version_6_is_written_in_brackets():
    assert replace(BOUND, host="::1").address == "[::1]:60615"
