"""Judges the sockets: who has bound them, who can reach them, and whether they are encrypted."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from queue_server.cli.doctor.facts import SocketFacts
from queue_server.cli.doctor.files import user_name
from queue_server.cli.doctor.finding import Finding, command_on

KEYS = "cuelight zmq-keys    # then set curve_secret_key_file and curve_clients_file"
CERTIFICATE = "cuelight up --tls-cert FILE --tls-key FILE    # or bind 127.0.0.1 behind a proxy"

_FREE = "tcp://127.0.0.1:0"
_OPTIONS = {"http": "--http 127.0.0.1:0", **{name: f"--{name} {_FREE}" for name in ("control", "info", "documents")}}


def check_socket(facts: SocketFacts, data: Path, owner: int | None) -> Finding:
    """Judge one socket; ``owner`` is the process that should have it, or None if that does not run."""
    if not facts.is_listening:
        return _judge_free(facts, data, owner)
    if facts.holder is None or facts.holder != owner:
        return _judge_taken(facts, data, owner)
    return _judge_reach(facts)


def is_loopback(host: str) -> bool:
    """Return whether only this host can reach an address."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _judge_free(facts: SocketFacts, data: Path, owner: int | None) -> Finding:
    if owner is None:
        return Finding("ports", "ok", f"{facts.name}: {facts.address} is free.")
    text = f"{facts.name}: nobody listens at {facts.address}, though process {owner} runs."
    action = f"{command_on(data, 'down')} && {command_on(data, 'up')}    # workers go on meanwhile"
    return Finding("ports", "failure", text, action)


def _judge_taken(facts: SocketFacts, data: Path, owner: int | None) -> Finding:
    if facts.holder is not None:
        holder = f"process {facts.holder} ({facts.holder_name})"
    else:
        holder = "a process" if facts.owner is None else f"a process of {user_name(facts.owner)}"
    text = f"{facts.name}: {facts.address} is taken by {holder}, which does not belong to this system."
    option = _OPTIONS.get(facts.name, "")
    action = f"{command_on(data, 'up')} {option}".rstrip() + "    # or end that process"
    if owner is None:
        return Finding("ports", "failure", text, action)
    # It runs at another address, so that this one is not what it was started with.
    return Finding("ports", "warning", text, action)


def _judge_reach(facts: SocketFacts) -> Finding:
    where = f"{facts.name}: {facts.address} (process {facts.holder})"
    if facts.speech in ("silent", "refused"):
        return Finding("ports", "warning", f"{where} takes connections and says nothing.", "cuelight status")
    encrypted = facts.speech in ("curve", "tls")
    how = {"curve": "CURVE", "tls": "TLS"}.get(facts.speech or "", "not encrypted")
    if is_loopback(facts.host):
        return Finding("ports", "ok", f"{where}, this host only, {how}.")
    text = f"{where}, open to other hosts, {how}."
    if encrypted:
        return Finding("ports", "ok", text)
    if facts.speech == "http":
        return Finding("ports", "warning", text, CERTIFICATE)
    return Finding("ports", "warning" if facts.name in ("info", "documents") else "failure", text, KEYS)
