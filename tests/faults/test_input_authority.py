"""I10: whoever a request claims to be, it is its credential that counts, and no item is touched beyond its scope."""

from __future__ import annotations

import json
from itertools import product

import pytest
import zmq

from queue_server.protocol.method import Method
from queue_server.protocol.methods import METHODS
from tests.doubles.accounts import bearer, key_header, make_key
from tests.faults.members import gateway_with_accounts, log_in
from tests.processes.lone import Manager

CASES = 200
pytestmark = pytest.mark.fault("I10")

# What a request of one user may say to be taken for one of another user.
CLAIMS = {
    "in the body": ({}, {"user": "bob", "user_group": "root"}, {}),
    "in the query": ({"user": "bob", "user_group": "root"}, {}, {}),
    "in headers": ({}, {}, {"X-Remote-User": "bob", "X-Forwarded-User": "bob", "From": "bob"}),
    "as an origin": ({}, {"origin": {"user": "bob", "scopes": ["write:queue:edit"]}}, {}),
    "in the item": ({}, {"item": {"item_type": "plan", "name": "x", "user": "bob", "user_group": "root"}}, {}),
    "by its scopes": ({"scopes": "admin"}, {"scopes": ["write:queue:edit"], "roles": ["admin"]}, {}),
}


def changing() -> list[Method]:
    """Return the methods that touch items, plans or people."""
    return [method for method in METHODS.values() if method.scope.startswith("write:")]


async def test_a_user_acts_on_the_items_of_another_within_the_own_scope_only(manager, tmp_path, figure):
    async with gateway_with_accounts(manager, tmp_path) as client:
        anna, cara = bearer(await log_in(client, "anna")), bearer(await log_in(client, "cara"))
        narrow = key_header(await make_key(client, anna, scopes=["read:queue"]))
        beyond, asked = [], 0
        for method, (trick, claim) in product(changing(), CLAIMS.items()):
            query, body, headers = claim
            manager.forget()
            who = (cara, narrow)[asked % 2]
            verb, path = method.route
            answer = await client.request(
                verb, f"/v1{path}", params=query, json={"uid": "of-bob", **body}, headers={**who, **headers}
            )
            asked += 1
            if answer.status_code < 400 or manager.asked:
                beyond.append((method.name, trick, answer.status_code))
        figure("cases", f">= {CASES}", asked)
        figure("beyond the scope", 0, len(beyond))
        assert beyond == []
        assert asked >= CASES


async def test_the_manager_is_told_who_asks_and_not_who_is_claimed(manager, tmp_path):
    item = {"item_type": "plan", "name": "count"}
    async with gateway_with_accounts(manager, tmp_path) as client:
        anna = bearer(await log_in(client, "anna"))
        for path in ("/api/queue/item/add", "/v1/queue/items", "/api/queue/item/update", "/api/queue/item/execute"):
            for trick, (query, body, headers) in CLAIMS.items():
                manager.forget()
                sent = {"item": item, **body}
                await client.post(path, params=query, json=sent, headers={**anna, **headers})
                for request in manager.requests:
                    params = request["params"]
                    assert params.get("user", "anna") == "anna", (path, trick)
                    assert params.get("user_group", "primary") == "primary", (path, trick)
                    assert request.get("origin", {}).get("user", "anna") == "anna", (path, trick)


def test_nobody_speaks_for_others_on_the_public_socket(directory):
    manager = Manager(directory / "data").must_be_ready()
    origin = {"user": "bob", "group": "root"}
    try:
        with zmq.Context.instance().socket(zmq.DEALER) as socket:
            socket.set(zmq.LINGER, 0)
            socket.connect(manager.ready["control"])
            for method in METHODS.values():
                message = {"method": method.name, "params": {}, "origin": {**origin, "scopes": [method.scope]}}
                socket.send(json.dumps(message).encode())
                assert socket.poll(60_000), method.name
                reply = json.loads(socket.recv())
                assert not reply.get("success"), method.name
                assert reply["error"]["code"] == "forbidden", (method.name, reply)
    finally:
        manager.kill()
