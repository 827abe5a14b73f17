"""I7: no text that a client sends is ever taken for an address to connect to."""

from __future__ import annotations

import json
import re
import selectors
import socket
import threading
from itertools import chain
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import httpx
import jwt
import jwt.algorithms
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AnyUrl, BaseModel
from starlette.requests import Request

from http_gateway.app import create_app
from http_gateway.auth.external import OIDCAuthenticator
from http_gateway.config import GatewaySettings
from http_gateway.routes import declared_in
from queue_server.client.blocking import RunControl
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.methods import METHODS
from tests.doubles.spreadsheets import make_xlsx, replace_part
from tests.faults.corpora.addresses import inner_addresses
from tests.processes.system import ROOT
from tests.processes.waiting import wait_until

pytestmark = pytest.mark.fault("I7")

LEAST = 40
REST_S = 1.0
"""Longer than whoever had been told an address would take to connect to the own host."""
NAMES = re.compile(r"ur[ilL]s?$|^ur[il]|callback|redirect|webhook|endpoint|href|^host|hostname|^next$|^return", re.I)
FORMATS = {"uri", "uri-reference", "iri", "url", "hostname", "idn-hostname", "ipv4", "ipv6"}
# They end the manager, or refuse all that comes after them.
LAST = ("lock", "estop")
LEFT_OUT = {"manager_stop", "manager_kill"}


class Canary:
    """A server inside that nobody has a reason to talk to; ``hits`` is how many connections came."""

    def __init__(self):
        self.hits = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        """Serve no more."""
        self._end.close()
        self._thread.join(60)
        for each in (*self._sockets, self._ending):
            each.close()

    def be_checked(self):
        """Be sure that a hit would be counted, and forget this one."""
        build_opener(ProxyHandler({})).open(f"http://localhost:{self.port}/", timeout=5).close()
        wait_until(lambda: self.hits, "the hit that is a check")
        self.hits = 0

    def _serve(self):
        with selectors.DefaultSelector() as selector:
            for each in (*self._sockets, self._ending):
                selector.register(each, selectors.EVENT_READ, each)
            while True:
                for key, _ in selector.select():
                    if key.data is self._ending:
                        return
                    accepted, _ = key.data.accept()
                    self.hits += 1
                    with accepted:
                        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


@pytest.fixture
def canary():
    """A server inside."""
    canary = Canary()
    canary.be_checked()
    yield canary
    canary.close()


@pytest.fixture
def addresses(canary):
    """What leads to it."""
    return list(inner_addresses(canary.port))


# --- which fields there are -----------------------------------------------------------------------------------------


def fields_of(model: type[BaseModel], place: str):
    """Give the place of each field of a model, with its schema."""
    schema = model.model_json_schema()
    for owner in (schema, *schema.get("$defs", {}).values()):
        for name, field in owner.get("properties", {}).items():
            yield f"{place}.{name}", name, json.dumps(field)


def asked_in_document():
    """Give what clients send according to the committed document: parameters, and fields of bodies."""
    document = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            place = f"{verb} {path}"
            yield from (
                (f"{place}?{each['name']}", each["name"], json.dumps(each)) for each in operation.get("parameters", ())
            )
            body = json.dumps(operation.get("requestBody", {}))
            for name in {*re.findall(r"#/components/schemas/(\w+)", body)}:
                properties = schemas[name].get("properties", {})
                yield from ((f"{place} {name}.{field}", field, json.dumps(each)) for field, each in properties.items())
            yield from ((f"{place}.{name}", name, "") for name in re.findall(r'"(\w+)": {"[a-z]+', body))


def is_for_address(name, schema):
    """Whether a field takes an address, by its name or its schema."""
    return bool(NAMES.search(name) or FORMATS & set(re.findall(r'"format": "([^"]+)"', schema)))


def test_no_request_has_a_field_for_an_address(figure):
    """Where one is added, it must refuse inner addresses, and the test below must learn of it."""
    fields = list(asked_in_document())
    fields += chain.from_iterable(fields_of(method.params, name) for name, method in METHODS.items())
    # The endpoint of a key only tells requests apart; nobody asks it.
    found = [place for place, name, schema in fields if name != "endpoint" and is_for_address(name, schema)]
    figure("fields of requests", ">= 100", len(fields))
    figure("fields for addresses", 0, len(found))
    assert found == []
    assert len(fields) >= 100


def test_such_a_field_would_be_found():
    class Hook(BaseModel):
        callback_url: str
        next: str
        name: str
        next_cursor: str
        place: AnyUrl

    found = [name for _, name, schema in fields_of(Hook, "hook") if is_for_address(name, schema)]
    assert found == ["callback_url", "next", "place"]


# --- all fields are tried -------------------------------------------------------------------------------------------


def texts_of(method):
    """Return the names of the parameters that take a text."""
    properties = method.params.model_json_schema().get("properties", {})
    return [name for name, field in properties.items() if '"string"' in json.dumps(field)]


def body_of(method, address):
    """A body with an address wherever there is room for text."""
    item = {"item_type": "plan", "name": "quick", "args": [address], "kwargs": {address: address}}
    whole = {**item, "meta": {"url": address, address: address}, "user": address, "item_uid": address, "url": address}
    objects = {"item": whole, "items": [whole], "mode": {address: address}, "script": f"'{address}'", "plan": whole}
    names = method.params.model_json_schema().get("properties", {}) if method is not None else objects
    return {name: value for name, value in objects.items() if name in names} | (
        dict.fromkeys(texts_of(method), address) if method is not None else {"uid": address, "url": address}
    )


def heads_of(address, port):
    """Headers that tell where somebody comes from, or wants to go."""
    shown = "".join(letter for letter in address if " " < letter <= "~") or "x"
    inner = f"127.0.0.1:{port}"
    return {
        "Referer": shown,
        "X-Forwarded-Host": inner,
        "Forwarded": f"host={inner}",
        "X-Original-URL": shown,
        "X-Callback-URL": shown,
        "Location": shown,
    }


class Visitor:
    """Sends addresses wherever something can be sent; no answer may be a fault."""

    def __init__(self, client, port):
        self._client, self._port = client, port
        self.asked = self.done = 0

    def send(self, verb, path, address, **options):
        """Send one request."""
        self._client.cookies.clear()
        answer = self._client.request(verb, path, headers=heads_of(address, self._port), **options)
        self.asked += 1
        self.done += answer.status_code == 200
        assert answer.status_code < 500, (verb, path, address, answer.text)
        assert not 300 <= answer.status_code < 400 or str(self._port) not in answer.headers["location"]

    def try_method(self, method, address):
        """Send an address to one native route, in all fields at once and in each of them alone."""
        verb, path = method.route
        bodies = [body_of(method, address), *({name: address} for name in texts_of(method))]
        for body in bodies:
            options = (
                {"params": {name: str(value) for name, value in body.items()}} if verb == "GET" else {"json": body}
            )
            self.send(verb, f"/v1{path}", address, **options)

    def try_path(self, verb, path, address):
        """Send an address to any other route: in its path, its query and its body."""
        query = dict.fromkeys(("next", "url", "redirect_uri", "return_to", "callback", "RelayState", "code"), address)
        filled = re.sub(r"{[^}]*}", lambda _: httpx.URL("/", params={"a": address}).query.decode()[2:], path)
        body = {"json": body_of(None, address)} if verb != "GET" else {}
        self.send(verb, filled, address, params=query, **body)

    def try_files(self, address):
        """Send spreadsheets that speak of an address."""
        rows = [("name", "args"), ("quick", f"['{address}']")]
        target = "".join(letter for letter in address if letter.isalnum() or letter in ":/.@[]%#?")
        relations = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath" '
            f'Target="{target}" TargetMode="External"/></Relationships>'
        )
        shown = address.replace("\0", "")
        sheets = [make_xlsx([(cell.replace("\r", "") for cell in row) for row in rows]), shown.encode()]
        sheets.append(
            replace_part(make_xlsx([("name",), ("quick",)]), "xl/externalLinks/_rels/externalLink1.xml.rels", relations)
        )
        for number, sheet in enumerate(sheets):
            file = {"spreadsheet": ("a.csv" if number == 1 else "a.xlsx", sheet)}
            self.send("POST", "/api/queue/upload/spreadsheet", address, files=file)


@pytest.mark.night
@pytest.mark.timeout(900)
def test_whatever_is_sent_nobody_connects_to_it(system, authorization, canary, addresses, tmp_path, figure):
    native = sorted(METHODS.values(), key=lambda method: method.name in LAST)
    routes = declared_in(create_app(GatewaySettings(data=tmp_path, finch_paths=True)))
    others = [(verb, path) for verb, path in routes if not path.startswith("/v1/") and verb != "WEBSOCKET"]
    others = [each for each in others if not each[1].endswith(("/manager/stop", "/test/manager/kill"))]
    system.requester.open()
    with httpx.Client(base_url=system.ready["http"], trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = authorization
        visitor = Visitor(client, canary.port)
        for address in addresses:
            for method in native:
                if method.name not in (*LEFT_OUT, *LAST):
                    visitor.try_method(method, address)
            for verb, path in others:
                visitor.try_path(verb, path, address)
            visitor.try_files(address)
        for name in LAST:
            visitor.try_method(METHODS[name], addresses[0])
    threading.Event().wait(REST_S)
    figure("addresses", f">= {LEAST}", len(addresses))
    figure("requests with them", f">= {LEAST * len(native)}", visitor.asked)
    figure("connections to them", 0, canary.hits)
    assert canary.hits == 0
    assert len(set(addresses)) >= LEAST
    assert visitor.asked >= LEAST * len(native)
    assert visitor.done >= LEAST, "nothing was taken in"


# --- who is told an address by the configuration, and what an answer makes of it -------------------------------------


class Sender:
    """A server that gives everybody the same answer; ``asked`` is how often."""

    def __init__(self, status, head="", body=b""):
        first = f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self._answer = first.encode() + body
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        """Serve no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._socket.close()

    def _serve(self):
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            with accepted:
                accepted.recv(65536)
                self.asked += 1
                accepted.sendall(self._answer)


def request_to_log_in(query, cookie, inner):
    """A request of a browser that claims to come from inside."""
    headers = [(b"host", inner.encode()), (b"cookie", cookie.encode()), (b"x-forwarded-host", inner.encode())]
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": urlencode(query).encode()}
    return Request({**scope, "headers": headers, "server": ("gateway", 80)})


@pytest.mark.night
@pytest.mark.parametrize("answer", ["sends elsewhere", "names keys elsewhere"])
async def test_what_an_identity_provider_answers_is_not_followed(canary, answer, figure):
    inner = f"127.0.0.1:{canary.port}"
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
    if answer == "sends elsewhere":
        sender = Sender(307, f"Location: http://{inner}/inner\r\n")
    else:
        named = {"jku": f"http://{inner}/keys", "x5u": f"http://{inner}/keys", "iss": f"http://{inner}"}
        token = jwt.encode({"sub": "bob", "exp": 2**40, "iss": f"http://{inner}"}, key, "ES256", headers=named)
        sender = Sender(200, "Content-Type: application/json\r\n", json.dumps({"id_token": token}).encode())
    provider = OIDCAuthenticator(
        client_id="test",
        client_secret="a secret of the test",
        redirect_uri="http://gateway/code",
        public_keys=[public],
        token_uri=f"{sender.url}/token",
        authorization_endpoint="http://site/authorize",
    )
    try:
        wishes = dict.fromkeys(("next", "redirect_uri", "return_to", "url"), f"http://{inner}/inner")
        begun = await provider.begin(request_to_log_in(wishes, "", inner))
        sent_to = begun.headers["location"]
        assert sent_to.startswith("http://site/authorize?")
        assert str(canary.port) not in sent_to
        proof = {"code": "c1", "state": parse_qs(urlsplit(sent_to).query)["state"][0], **wishes}
        cookie = begun.headers["set-cookie"].split(";")[0]
        assert await provider.authenticate(request_to_log_in(proof, cookie, inner)) is None
    finally:
        sender.close()
    assert sender.asked == 1
    figure("connections to where an identity provider sends", 0, canary.hits)
    assert canary.hits == 0


@pytest.mark.night
def test_a_gateway_that_sends_elsewhere_is_not_followed_by_our_client(canary, figure):
    sender = Sender(307, f"Location: http://127.0.0.1:{canary.port}/inner\r\n")
    try:
        with RunControl(sender.url) as control, pytest.raises(CuelightError):
            control.send_request(method="status")
    finally:
        sender.close()
    assert sender.asked >= 1
    figure("connections to where a gateway sends", 0, canary.hits)
    assert canary.hits == 0
