"""What systemd is told: one datagram each, to the socket that the environment names, and nothing elsewhere."""

from __future__ import annotations

import os
import socket
import uuid

import pytest

from queue_server.systemd import ServiceUnit


@pytest.fixture(params=["path", "abstract name"])
def listener(request, tmp_path):
    """A socket as systemd has it: the address as the environment writes it, and what arrives."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@cuelight-test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        bound.setblocking(False)
        yield address, bound


@pytest.fixture
def take():
    """Make units of environments; all are closed with the test."""
    made = []

    def take(environ):
        made.append(ServiceUnit.take(environ))
        return made[-1]

    yield take
    for unit in made:
        unit.close()


def told(bound):
    """Return the messages that have arrived."""
    messages = []
    try:
        while True:
            messages.append(bound.recv(4096).decode())
    except BlockingIOError:
        return messages


def test_systemd_is_told_what_becomes_of_the_unit(listener, take):
    address, bound = listener
    unit = take({"NOTIFY_SOCKET": address})
    unit.tell_ready("serves tcp://127.0.0.1:60615")
    unit.tell_alive()
    unit.tell_stopping()
    assert told(bound) == ["READY=1\nSTATUS=serves tcp://127.0.0.1:60615", "WATCHDOG=1", "STOPPING=1"]


def test_no_sign_of_life_is_given_before_the_unit_is_ready(listener, take):
    address, bound = listener
    unit = take({"NOTIFY_SOCKET": address})
    unit.tell_alive()
    assert told(bound) == []


def test_children_do_not_speak_for_the_unit(listener, take):
    address, _ = listener
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1", "HOME": "/"}
    take(environ)
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "@"}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_outside_of_a_unit_nobody_is_told(take, environ):
    open_files = len(os.listdir("/proc/self/fd"))
    unit = take(environ)
    unit.tell_ready("serves")
    unit.tell_alive()
    unit.tell_stopping()
    assert len(os.listdir("/proc/self/fd")) == open_files


def test_a_systemd_that_is_gone_or_does_not_read_holds_nobody_up(listener, take):
    address, bound = listener
    unit = take({"NOTIFY_SOCKET": address})
    unit.tell_ready("serves")
    for _ in range(10_000):
        unit.tell_alive()
    bound.close()
    unit.tell_alive()


def test_a_unit_that_is_closed_says_nothing_more(listener, take):
    address, bound = listener
    unit = take({"NOTIFY_SOCKET": address})
    unit.close()
    unit.close()
    unit.tell_ready("serves")
    assert told(bound) == []
