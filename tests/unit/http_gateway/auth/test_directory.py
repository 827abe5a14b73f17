"""Directory servers: who binds with the right password is let in, and what is sent cannot be bent by a name."""

from __future__ import annotations

import socketserver
import threading

import pytest

from http_gateway.auth.directory import Directory, read_options
from http_gateway.auth.providers import LDAPAuthenticator
from http_gateway.errors import ProviderError

PEOPLE = "ou=people,dc=site"
TEMPLATE = "uid={username}," + PEOPLE
BIND, SEARCH = 0x60, 0x63
OPERATIONS = {"bind": 0x61, "entry": 0x64, "done": 0x65}


def pack(tag, *parts):
    content = b"".join(parts)
    assert len(content) < 0x10000
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def unpack(data):
    """Return the tags and contents of the values that follow each other."""
    values, place = [], 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        values.append((tag, data[place : place + length]))
        place += length
    return values


def text(value):
    return pack(0x04, value.encode())


class Server(socketserver.ThreadingTCPServer):
    """A directory: passwords by distinguished name, and entries that every search of a text in its filter finds."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.passwords = {f"uid=bob,{PEOPLE}": "secret", "cn=reader": "reading"}
        self.entries = {}
        self.searches = []


class Answer(socketserver.StreamRequestHandler):
    @property
    def directory(self):
        assert isinstance(self.server, Server)
        return self.server

    def handle(self):
        while head := self.rfile.read(2):
            length = head[1]
            if length & 0x80:
                length = int.from_bytes(self.rfile.read(length & 0x7F), "big")
            (_, number), (tag, content) = unpack(self.rfile.read(length))[:2]
            if tag == BIND:
                _, (_, name), (_, password) = unpack(content)
                right = self.directory.passwords.get(name.decode()) == password.decode()
                self._send(number[0], "bind", 0 if right else 49)
            elif tag == SEARCH:
                self._search(number[0], unpack(content))
            else:
                return

    def _search(self, number, parts):
        base, searched = parts[0][1].decode(), parts[6][1].decode("latin-1")
        self.directory.searches.append((base, searched))
        for words, (dn, attributes) in self.directory.entries.items():
            if words in searched:
                listed = [pack(0x30, text(key), pack(0x31, text(value))) for key, value in attributes.items()]
                self._write(number, pack(OPERATIONS["entry"], text(dn), pack(0x30, *listed)))
        self._send(number, "done", 0)

    def _send(self, number, operation, code):
        self._write(number, pack(OPERATIONS[operation], bytes([0x0A, 1, code]), text(""), text("")))

    def _write(self, number, operation):
        self.wfile.write(pack(0x30, bytes([0x02, 1, number]), operation))


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def make(server, **options):
    given = {"use_tls": False, "bind_dn_template": TEMPLATE, **options}
    return Directory(f"127.0.0.1:{server.server_address[1]}", None, read_options(given))


def test_who_binds_is_let_in(server):
    directory = make(server)
    assert directory.verify("bob", "secret") == "bob"
    assert directory.verify("bob", "wrong") is None
    assert directory.verify("nobody", "secret") is None


def test_a_bind_without_a_password_is_not_even_tried(server):
    server.passwords[f"uid=bob,{PEOPLE}"] = ""
    assert make(server).verify("bob", "") is None


@pytest.mark.parametrize("name", ["", "Bob", "bob,ou=x", "bob)(uid=*", "*", "bob\n"])
def test_a_name_of_another_form_is_refused(server, name):
    assert make(server).verify(name, "secret") is None


def test_the_first_template_that_fits_counts(server):
    assert make(server, bind_dn_template=["cn={username},dc=other", TEMPLATE]).verify("bob", "secret") == "bob"


def test_a_name_is_escaped_where_the_site_allows_more(server):
    server.passwords["uid=a\\,b,ou=people,dc=site"] = "secret"
    assert make(server, valid_username_regex=".*").verify("a,b", "secret") == "a,b"


def test_only_members_of_a_group_are_let_in(server):
    directory = make(server, allowed_groups=["cn=users,dc=site"])
    assert directory.verify("bob", "secret") is None
    server.entries[f"uid=bob,{PEOPLE}"] = ("cn=users,dc=site", {"cn": "users"})
    assert directory.verify("bob", "secret") == "bob"
    assert server.searches[-1][0] == "cn=users,dc=site"


def test_a_user_is_looked_up_where_the_name_is_not_part_of_the_entry(server):
    server.passwords["cn=Doe\\, Bob,dc=site"] = "secret"
    server.entries["bob"] = ("cn=Doe\\, Bob,dc=site", {"cn": "Doe, Bob"})
    directory = make(
        server,
        bind_dn_template="cn={username},dc=site",
        lookup_dn=True,
        lookup_dn_search_user="cn=reader",
        lookup_dn_search_password="reading",
        lookup_dn_user_dn_attribute="cn",
        user_search_base=PEOPLE,
        user_attribute="uid",
        use_lookup_dn_username=False,
    )
    assert directory.verify("bob", "secret") == "bob"
    assert directory.verify("ann", "secret") is None


def test_a_search_filter_must_find_the_user(server):
    directory = make(server, search_filter="(&({userattr}={username})(role=staff))", user_attribute="uid",
                     user_search_base=PEOPLE)  # fmt: skip
    assert directory.verify("bob", "secret") is None
    server.entries["staff"] = (f"uid=bob,{PEOPLE}", {"uid": "bob"})
    assert directory.verify("bob", "secret") == "bob"


def test_a_server_that_cannot_be_asked_is_not_a_wrong_password():
    directory = Directory(["127.0.0.1:1"], None, read_options({"use_tls": False, "bind_dn_template": TEMPLATE}))
    with pytest.raises(ProviderError):
        directory.verify("bob", "secret")


def test_without_encryption_nothing_is_sent_where_it_is_wanted(server):
    with pytest.raises(ProviderError):
        make(server, use_tls=True).verify("bob", "secret")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bind_dn_template": "uid=fixed"},
        {"bind_dn_template": TEMPLATE, "unknown": 1},
        {"lookup_dn": True, "bind_dn_template": TEMPLATE},
    ],
)
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match=r"bind_dn_template|arguments|lookup_dn"):
        read_options(options)


async def test_the_provider_asks_the_directory(server):
    provider = LDAPAuthenticator(
        server_address="127.0.0.1", server_port=server.server_address[1], use_tls=False, bind_dn_template=TEMPLATE
    )
    assert await provider.authenticate("bob", "secret") == "bob"
    provider.close()
    with pytest.raises(ValueError, match="server_address"):
        LDAPAuthenticator(server_address=[], bind_dn_template=TEMPLATE)
