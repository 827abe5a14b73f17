"""The keys under which requests can be repeated: sent by itself with whatever changes something, over 0MQ and HTTP."""

from __future__ import annotations

import pytest

from queue_server.client import ParameterError, RequestTimeoutError
from queue_server.protocol.methods import METHODS
from queue_server.reference import example
from tests.doubles.gateway import AnsweringManager, running_gateway


@pytest.fixture
async def manager():
    """A manager that answers from a table."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture(params=["0MQ", "HTTP"])
async def connect(request, manager, face, tmp_path):
    """Make a client; it is closed at the end."""
    made = []

    def make(where, **options):
        made.append(face(where, **{"timeout_s": 60, **options}))
        return made[-1]

    if request.param == "0MQ":
        yield lambda **options: make(manager.control, info=manager.info, **options)
    else:
        async with running_gateway(manager, tmp_path) as client:
            key = client.headers["authorization"].partition(" ")[2]
            yield lambda **options: make(str(client.base_url), api_key=key, **options)
            for each in made:
                await each("close")
        return
    for each in made:
        await each("close")


def keys_of(manager, method):
    return [request.get("idempotency_key") for request in manager.requests if request["method"] == method]


async def test_each_request_that_changes_something_has_a_key_of_its_own_and_no_other_has_one(manager, connect):
    client = connect()
    wrong = []
    for name, method in METHODS.items():
        if method.is_for_gateways:
            # They have no route, and what they tell of a connection is not to be repeated.
            continue
        for _ in range(2):
            await client("send_request", method=name, params=example(method).get("params", {}))
        keys = keys_of(manager, name)
        is_right = len(set(keys)) == 2 and None not in keys if method.changes else set(keys) <= {None}
        if not is_right:
            wrong.append((name, keys))
    assert wrong == []


async def test_a_key_of_the_caller_is_sent(manager, connect):
    manager.answers["queue_clear"] = {"success": True, "msg": ""}
    await connect()("send_request", method="queue_clear", idempotency_key="mine")
    assert keys_of(manager, "queue_clear") == ["mine"]


@pytest.mark.parametrize("key", ["", "x" * 129, 5])
async def test_what_is_no_key_is_refused_before_it_is_sent(manager, connect, key):
    with pytest.raises(ParameterError, match="idempotency_key"):
        await connect()("send_request", method="queue_clear", idempotency_key=key)
    assert keys_of(manager, "queue_clear") == []


async def test_a_request_without_an_answer_can_be_repeated_with_the_key_in_the_error(manager, connect):
    client = connect()
    manager.answers["queue_clear"] = lambda _: None
    await client("send_request", method="ping")
    with pytest.raises(RequestTimeoutError) as caught:
        await client("send_request", method="queue_clear", timeout_s=0.5)
    [first] = keys_of(manager, "queue_clear")
    assert caught.value.details["idempotency_key"] == first
    manager.answers["queue_clear"] = {"success": True, "msg": ""}
    await client("send_request", method="queue_clear", idempotency_key=first)
    assert keys_of(manager, "queue_clear") == [first, first]
