"""Addresses of sockets: their form, and whether other hosts can reach them. Connects nothing."""

from __future__ import annotations

from ipaddress import ip_address


def check_address(address: str, *, is_open: bool = False) -> str:
    """Return ``address`` if it may be bound: ipc, TCP on the loopback interface, or with ``is_open`` any TCP.

    Raises:
        ValueError: the form is wrong, or the address could be reached from other hosts.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "ipc" and rest:
        return address
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("an address has the form tcp://HOST:PORT or ipc://PATH")
    if not is_open and not _is_loopback(host):
        raise ValueError("only loopback addresses can be bound without encryption; use tcp://127.0.0.1:PORT")
    return address


def is_local(address: str) -> bool:
    """Return whether only this host can reach ``address``, which has a form that can be bound."""
    scheme, _, rest = address.partition("://")
    return scheme == "ipc" or _is_loopback(rest.rpartition(":")[0])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
