"""Asks sockets what they speak, the manager for its status and the gateway whether it serves, each with a deadline."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from queue_server.cli import render
from queue_server.cli.doctor.facts import Answer, Speech

PROBE_S = 1.0

# What Python needs to load the command on a busy machine.
_START_S = 10.0
_KEY_VARIABLES = ("CUELIGHT_SERVER_KEY", "QSERVER_ZMQ_PUBLIC_KEY")

# The greeting of ZMTP 3.1 (RFC 37) begins with signature and version; the other side then sends its mechanism. Ours is
# not sent: a socket to which it is wrong would close the connection before it has told its own.
_SIGNATURE_AND_VERSION = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01"
_MECHANISM = slice(12, 32)
_MECHANISMS: dict[bytes, Speech] = {b"NULL": "plain", b"PLAIN": "plain", b"CURVE": "curve"}


def find_speech(host: str, port: int, *, timeout_s: float = PROBE_S) -> Speech:
    """Return what the ZeroMQ socket at an address speaks, from its greeting."""
    try:
        with closing(socket.create_connection((host, port), timeout_s)) as connection:
            connection.sendall(_SIGNATURE_AND_VERSION)
            received = _receive(connection, _MECHANISM.stop, time.monotonic() + timeout_s)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
    if len(received) < _MECHANISM.stop:
        return "silent" if not received else "other"
    if received[:1] != b"\xff":
        return "other"
    return _MECHANISMS.get(received[_MECHANISM].rstrip(b"\0"), "other")


def find_http_speech(host: str, port: int, *, timeout_s: float = PROBE_S) -> Speech:
    """Return whether a socket speaks HTTP with TLS or without."""
    for speech, connect in _connections(host, port, timeout_s):
        try:
            with closing(connect()) as connection:
                connection.request("GET", "/v1/health/live")
                connection.getresponse().read()
                return speech
        except (OSError, http.client.HTTPException):
            continue
    return "silent"


def ask_gateway(host: str, port: int, speech: Speech, timeout_s: float) -> Answer:
    """Ask a gateway whether it can serve."""
    connect = dict(_connections(host, port, timeout_s)).get(speech)
    if connect is None:
        return Answer(timeout_s, "it takes connections and says nothing")
    try:
        with closing(connect()) as connection:
            connection.request("GET", "/v1/health/ready")
            reply = connection.getresponse()
            body = reply.read()
    except TimeoutError:
        return Answer(timeout_s, f"no answer came within {timeout_s:g} s")
    except (OSError, http.client.HTTPException) as error:
        return Answer(timeout_s, str(error))
    return Answer(timeout_s, "" if reply.status == http.client.OK else _reason(reply.status, body))


def ask_manager(address: str, timeout_s: float) -> Answer:
    """Ask the manager at an address for its status, in a process of its own that a broken library may end."""
    command = [sys.executable, "-m", "queue_server.cli", "status", "--json", "--control", address]
    # The socket of the data directory is never encrypted, and keys of other managers must not be tried there.
    dropped = _KEY_VARIABLES if address.startswith("ipc:") else ()
    environ = {name: value for name, value in os.environ.items() if name not in dropped}
    try:
        ended = subprocess.run(
            [*command, "--timeout", f"{timeout_s:g}"],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s + _START_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(timeout_s, "the question could not be put")
    try:
        return Answer(timeout_s, content=json.loads(ended.stdout))
    except ValueError:
        return Answer(timeout_s, render.first_line(ended.stderr).removeprefix("Error: ") or "no status came")


def _receive(connection: socket.socket, size: int, until: float) -> bytes:
    received = b""
    while len(received) < size and (left_s := until - time.monotonic()) > 0:
        connection.settimeout(left_s)
        try:
            more = connection.recv(size - len(received))
        except TimeoutError:
            break
        if not more:
            break
        received += more
    return received


def _connections(
    host: str, port: int, timeout_s: float
) -> list[tuple[Speech, Callable[[], http.client.HTTPConnection]]]:
    # No secret is sent, and a certificate that has expired must not hide whether the gateway serves.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    return [
        ("http", lambda: http.client.HTTPConnection(host, port, timeout=timeout_s)),
        ("tls", lambda: http.client.HTTPSConnection(host, port, timeout=timeout_s, context=unchecked)),
    ]


def _reason(status: int, body: bytes) -> str:
    try:
        content: Any = json.loads(body)
    except ValueError:
        content = None
    said = content.get("detail") or content.get("title") if isinstance(content, dict) else None
    return f"{said or 'it is not ready'} (status {status})"
