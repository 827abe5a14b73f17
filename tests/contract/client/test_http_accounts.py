"""Logging in over HTTP, and tokens that expire: both forms of RunControl before a gateway that answers from a table."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from queue_server.client import HTTPAccessError, HTTPRequestError, ParameterError, RequestTimeoutError

EXPIRED = (401, {"detail": "Access token has expired. Refresh token."})


class Server(ThreadingHTTPServer):
    """Notes every request; ``answers`` has a function for verb and path."""

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.requests = []


class Handler(BaseHTTPRequestHandler):
    """Answers from the table of its server."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[assignment]

    def answer(self):
        """Give the answer for verb and path."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        key = f"{self.command} {self.path}"
        credential = self.headers.get("authorization", "")
        self.server.requests.append((key, credential, body))
        status, content = self.server.answers[key](credential, body)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, format, *args):  # noqa: A002 - the name that the base class gives it
        """Say nothing."""


class Sessions:
    """Tokens that are numbered; ``valid`` is the number of the access token that counts."""

    def __init__(self):
        self.valid = 1
        self.refreshed = 0

    def tokens(self):
        """Return the tokens that count now."""
        return {"access_token": f"a{self.valid}", "refresh_token": f"r{self.valid}", "expires_in": 900}

    def log_in(self, _, body):
        """Answer a login."""
        form = parse_qs(body.decode())
        if form != {"username": ["anna"], "password": ["se cret&"]}:
            return 401, {"detail": "Incorrect username or password"}
        return 200, self.tokens()

    def refresh(self, credential, body):
        """Answer a refresh."""
        if credential or json.loads(body) != {"refresh_token": f"r{self.valid - 1}"}:
            return 401, {"detail": "Session has expired. Please re-authenticate."}
        self.refreshed += 1
        return 200, self.tokens()

    def show(self, credential, _):
        """Answer a request that needs an access token."""
        return (200, {"uuid": "p1"}) if credential == f"Bearer a{self.valid}" else EXPIRED


@pytest.fixture
def sessions():
    """The tokens."""
    return Sessions()


@pytest.fixture
def gateway(sessions):
    """A gateway that answers from a table."""
    answers = {
        "POST /api/auth/provider/toy/token": sessions.log_in,
        "POST /api/auth/session/refresh": sessions.refresh,
        "GET /api/auth/whoami": sessions.show,
        "GET /v1/runs?option=open": sessions.show,
        "POST /api/auth/logout": lambda *_: (200, {}),
    }
    server = Server(answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def client(face, gateway):
    """A client without a credential."""
    client = face(f"http://127.0.0.1:{gateway.server_port}", timeout_s=60)
    yield client
    await client("close")


async def test_after_a_login_requests_carry_the_token(client, gateway):
    reply = await client("login", " anna ", "se cret& ", "/toy/token")
    assert reply["expires_in"] == 900
    assert await client("whoami") == {"uuid": "p1"}
    assert [credential for _, credential, _ in gateway.requests] == ["", "Bearer a1"]


async def test_a_wrong_password_is_an_error_that_does_not_show_it(client):
    with pytest.raises(HTTPAccessError, match="Incorrect username or password") as caught:
        await client("login", "anna", "wrong-password", "toy")
    assert "wrong-password" not in repr(caught.value)


async def test_an_expired_token_is_refreshed_and_nobody_notices(client, sessions):
    await client("login", "anna", "se cret&", "toy")
    sessions.valid = 2
    assert await client("whoami") == {"uuid": "p1"}
    assert await client("re_runs", option="open") == {"success": True, "msg": "", "uuid": "p1"}
    assert sessions.refreshed == 1


async def test_requests_at_the_same_time_share_one_refresh(client, sessions):
    await client("login", "anna", "se cret&", "toy")
    sessions.valid = 2
    replies = await asyncio.gather(*(client("whoami") for _ in range(8)))
    assert replies == [{"uuid": "p1"}] * 8
    assert sessions.refreshed == 1


async def test_a_download_refreshes_an_expired_token_once(client, sessions, gateway):
    gateway.answers["GET /v1/file"] = sessions.show
    pieces = []
    await client("login", "anna", "se cret&", "toy")
    sessions.valid = 2
    await client("download", "/v1/file", pieces.append)
    assert (json.loads(b"".join(pieces)), sessions.refreshed) == ({"uuid": "p1"}, 1)
    gateway.answers["GET /v1/file"] = lambda *_: EXPIRED
    sessions.valid = 3
    with pytest.raises(HTTPAccessError, match="expired"):
        await client("download", "/v1/file", pieces.append)
    assert sessions.refreshed == 2


async def test_without_automatic_refresh_the_caller_sees_the_error_and_may_refresh(client, sessions):
    await client("login", "anna", "se cret&", "toy")
    sessions.valid = 2
    with pytest.raises(HTTPAccessError, match="expired"):
        await client("send_request", method=("GET", "/api/auth/whoami"), auto_refresh_session=False)
    await client("session_refresh")
    assert await client("whoami") == {"uuid": "p1"}


async def test_a_session_that_has_ended_is_an_error(client, sessions):
    await client("login", "anna", "se cret&", "toy")
    sessions.valid = 5
    with pytest.raises(HTTPAccessError, match="Session has expired"):
        await client("whoami")


async def test_after_a_logout_requests_carry_nothing(client, gateway):
    await client("login", "anna", "se cret&", "toy")
    await client("logout")
    with pytest.raises(HTTPAccessError):
        await client("whoami")
    assert [credential for _, credential, _ in gateway.requests][-2:] == ["Bearer a1", ""]


async def test_api_keys_are_made_looked_at_and_deleted(client, gateway):
    gateway.answers |= {
        "POST /api/auth/apikey": lambda _, body: (200, {"secret": "s", **json.loads(body)}),
        "GET /api/auth/apikey": lambda credential, _: (200, {"first_eight": credential}),
        "DELETE /api/auth/apikey?first_eight=12345678": lambda *_: (200, {"success": True, "msg": ""}),
    }
    client.run_control.set_authorization_key("k1")
    made = await client("apikey_new", expires_in=60, scopes=("read:status",), note="n")
    assert made == {"secret": "s", "expires_in": 60, "scopes": ["read:status"], "note": "n"}
    assert await client("apikey_info") == {"first_eight": "ApiKey k1"}
    assert await client("apikey_info", api_key="k2") == {"first_eight": "ApiKey k2"}
    assert await client("apikey_delete", first_eight="12345678") == {"success": True, "msg": ""}


async def test_a_key_and_tokens_exclude_each_other(client):
    with pytest.raises(ParameterError, match="api_key"):
        client.run_control.set_authorization_key("k1", token="a1")


async def test_a_gateway_that_does_not_answer_in_time_is_a_timeout(client, gateway):
    silent = threading.Event()

    def wait(*_):
        silent.wait(10)
        return 200, {}

    gateway.answers["POST /v1/queue/start"] = wait
    with pytest.raises(RequestTimeoutError, match=r"queue_start within 0.1 s; it may still"):
        await client("send_request", method="queue_start", timeout=0.1)
    silent.set()


async def test_a_connection_that_breaks_is_told(client, gateway):
    gateway.answers["POST /v1/queue/start"] = lambda *_: 1 / 0
    gateway.handle_error = lambda *_: None
    with pytest.raises(HTTPRequestError, match=r"queue_start.*may have been carried out"):
        await client("queue_start")
