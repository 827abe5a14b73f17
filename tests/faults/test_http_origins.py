"""H5, H7 and H9: what pages of other sites can do with the cookies of this one, and what forged heads are believed."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from http_gateway.app import create_app
from http_gateway.authorize import CSRF_COOKIE, CSRF_HEADER
from http_gateway.config import GatewaySettings
from http_gateway.credentials import API_KEY_COOKIE
from http_gateway.routes import declared_in
from tests.doubles.accounts import bearer, key_header, make_key
from tests.faults.members import SETTINGS, gateway_with_accounts, handshake, log_in
from tests.faults.tiers import SLACK

OTHER_SITE = "https://elsewhere.example"
LISTED_SITE = "https://listed.example"
DEVICE_SOCKET = "/api/v1/device/ws"
MORE: dict[str, Any] = {"test_routes": True, "finch_paths": True}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# No browser attaches anything to these that a page of another site does not have itself.
GIVING_CREDENTIALS = ("/token", "/session/refresh", "/logout", "/code", "/login")


@pytest.fixture
async def client(manager, tmp_path):
    """A client of a gateway with accounts."""
    async with gateway_with_accounts(manager, tmp_path, allow_origins=(LISTED_SITE,), **MORE) as client:
        yield client


@pytest.fixture
def declared(tmp_path):
    """What is served: the scope by verb and path."""
    return declared_in(create_app(GatewaySettings(data=tmp_path, **SETTINGS, **MORE)))


def paths_of(declared, *verbs):
    """Return verb and path of what is served under these verbs, with the parameters filled in."""
    return [(verb, path.replace("{", "").replace("}", "")) for verb, path in declared if verb in verbs]


def origins_of_others(here):
    """Origins that are not this site."""
    host = here.partition("://")[2]
    return [
        OTHER_SITE,
        "null",
        f"http://{host}.elsewhere.example",
        f"http://elsewhere.example/{host}",
        f"http://elsewhere.example#{host}",
        f"http://user@{host}",
        f"http://{host}@elsewhere.example",
        f"http://{host.partition(':')[0]}:1",
        f"http://{host.partition(':')[0]}",
        f"http://{host}.",
        f"http://{host}, {OTHER_SITE}",
        "file://",
        "",
        f"{LISTED_SITE}.elsewhere.example",
        LISTED_SITE.upper(),
    ]


# --- H5: sockets ----------------------------------------------------------------------------------------------------


@pytest.mark.fault("H5")
async def test_no_page_of_another_site_opens_a_socket_unless_it_is_listed(client, declared, figure):
    key = await make_key(client, bearer(await log_in(client, "anna")))
    here = str(client.base_url).rstrip("/")
    sockets = paths_of(declared, "WEBSOCKET")
    opened, asked = [], 0
    for credential in ({"Cookie": f"{API_KEY_COOKIE}={key['secret']}"}, key_header(key), {}):
        for _, path in sockets:
            for origin in origins_of_others(here):
                asked += 1
                if await handshake(client, path, {**credential, "Origin": origin}) != 403:
                    opened.append((path, origin, sorted(credential)))
            # Scanners prove themselves in headers of their own, after the handshake.
            is_device = path.endswith(DEVICE_SOCKET)
            proof, shown = ({}, {}) if is_device else (key_header(key), credential)
            own = await handshake(client, path, {**shown, "Origin": here})
            without = await handshake(client, path, proof)
            listed = await handshake(client, path, {**proof, "Origin": LISTED_SITE})
            assert (own == 101 or not credential, without, listed) == (True, 101, 101), path
    figure("handshakes from other sites", f">= {len(sockets) * 3}", asked)
    figure("opened", 0, len(opened))
    assert opened == []


# --- H7: forged requests --------------------------------------------------------------------------------------------


@pytest.mark.fault("H7")
async def test_no_page_of_another_site_changes_anything_with_a_cookie(client, manager, declared, figure):
    key = await make_key(client, bearer(await log_in(client, "anna")))
    cookie = f"{API_KEY_COOKIE}={key['secret']}; {CSRF_COOKIE}=right"
    unsafe = [each for each in paths_of(declared, *UNSAFE) if not each[1].endswith(GIVING_CREDENTIALS)]
    manager.forget()
    forged = [
        {"Cookie": cookie, "Origin": OTHER_SITE},
        {"Cookie": cookie, "Origin": OTHER_SITE, CSRF_HEADER: "wrong"},
        {"Cookie": cookie, "Origin": OTHER_SITE, CSRF_HEADER: ""},
        {"Cookie": f"{API_KEY_COOKIE}={key['secret']}", "Origin": OTHER_SITE, CSRF_HEADER: "right"},
        {"Cookie": f"{API_KEY_COOKIE}={key['secret']}; {CSRF_COOKIE}=", "Origin": OTHER_SITE, CSRF_HEADER: ""},
        {"Cookie": cookie, "Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Cookie": cookie, "Origin": OTHER_SITE, "X-HTTP-Method-Override": "GET"},
    ]
    accepted, asked = [], 0
    for verb, path in unsafe:
        for number, headers in enumerate(forged):
            query = "?csrf=wrong" if number == 1 else ""
            answer = await client.request(verb, f"{path}{query}", headers=headers, content=b"{}")
            asked += 1
            if answer.status_code < 400:
                accepted.append((verb, path, number, answer.status_code))
    figure("forged requests", f">= {len(unsafe)}", asked)
    figure("accepted, or passed on to the manager", 0, len(accepted) + len(manager.asked))
    assert accepted == []
    assert manager.asked == []
    assert len(unsafe) >= 50


# --- H9: forged heads -----------------------------------------------------------------------------------------------


FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix")
INNER = "127.0.0.1"
PUBLIC_PATHS = (
    "/",
    "/v1/",
    "/v1/health/live",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui.css",
    "/api/auth/provider/none/login",
    "/none",
)
GUARDED_PATHS = ("/api/queue/get", "/v1/queue")
MOST_MS = 50
RANGES = 10_000


def forged_heads():
    """Give headers that claim another host or another origin, and some that ask for much."""
    yield from ({"Host": "evil.example"}, {"Host": "evil.example:80@127.0.0.1"})
    yield from ({name: claim} for name in FORWARDED for claim in ("evil.example", INNER))
    yield {"Forwarded": f"for={INNER};host=evil.example;proto=https"}
    yield {"X-Original-URL": "/v1/status", "X-Rewrite-URL": "/v1/status"}
    yield {"X-Forwarded-For": ", ".join([INNER] * 1000)}
    yield {"X-Remote-User": "anna", "X-Forwarded-User": "anna", "Remote-User": "anna"}
    yield from ({"Range": f"bytes={text}"} for text in many_ranges())


def many_ranges():
    """Give lists of ranges: one, as many as a server may take, and as many as fit into a head."""
    yield "0-0"
    yield ",".join(f"{3 * number}-{3 * number}" for number in range(100))
    yield ",".join(["0-"] * RANGES)
    yield ",".join(["-1"] * RANGES)
    yield ",".join(f"{number}-{number}" for number in range(RANGES))


@pytest.mark.night
@pytest.mark.fault("H9")
async def test_forged_heads_change_no_link_and_no_right(client, figure):
    key = key_header(await make_key(client, bearer(await log_in(client, "cara"))))
    effects = []
    for headers in forged_heads():
        for path in (*PUBLIC_PATHS, *GUARDED_PATHS):
            answer = await client.get(path, headers=headers)
            if "evil.example" in answer.text or "evil.example" in str(answer.headers):
                effects.append((path, headers))
            if path in GUARDED_PATHS and answer.status_code not in (401, 431):
                effects.append((path, headers, answer.status_code))
        refused = await client.post("/v1/queue/clear", headers={**key, **headers})
        if refused.status_code not in (403, 431):
            effects.append(("clear", headers, refused.status_code))
    figure("effects of forged heads", 0, len(effects))
    assert effects == []


@pytest.mark.night
@pytest.mark.fault("H9")
def test_forged_heads_cost_next_to_nothing(system, figure):
    slowest_ms, what = 0.0, ""
    with httpx.Client(base_url=system.ready["http"], trust_env=False) as client:
        for headers in forged_heads():
            for path in (*PUBLIC_PATHS, *GUARDED_PATHS):
                # The best of some: the others who use this host are no property of a request.
                spent_ms = min(_time_ms(client, path, headers) for _ in range(5))
                if spent_ms > slowest_ms:
                    slowest_ms, what = spent_ms, f"{path} with {next(iter(headers))}"
    figure("slowest answer to a forged head, ms", MOST_MS, f"{slowest_ms:.1f}")
    assert slowest_ms <= SLACK * MOST_MS, what


def _time_ms(client, path, headers):
    started = time.perf_counter()
    answer = client.get(path, headers=headers)
    spent_ms = (time.perf_counter() - started) * 1000
    assert answer.status_code in (200, 400, 401, 404, 431), (path, answer.status_code)
    return spent_ms
