"""Requests made up from the OpenAPI document, good and bad ones, at a whole system: no fault, and no leak."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.faults.tiers import rounds
from tests.processes.system import ROOT

CASES = rounds(1000, 10_000)
# They end the manager, or never end themselves.
LEFT_OUT = {"manager_stop", "manager_kill", "get_stream"}
LEAKS = re.compile(r"Traceback|File \"/|/site-packages/|queue_server/|http_gateway/|\.py\b|sqlite|0x[0-9a-f]{8}")
# A case takes 0.1 s of a processor, most of it to be made up.
TIME_LIMIT_S = rounds(400, 3600)


@pytest.fixture
def client(make_system, startup):
    """A client of a gateway in front of a whole system."""
    system = make_system(startup=startup, http="127.0.0.1:0").start()
    key = (system.data / "api-key").read_text().strip()
    headers = {"Authorization": f"ApiKey {key}"}
    with httpx.Client(base_url=system.ready["http"], headers=headers, timeout=60, trust_env=False) as client:
        yield client


def operations():
    """Return the operations of the committed document."""
    document = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(document)
    found: list[Any] = [each.ok() for each in schema.get_all_operations()]  # pyright: ignore[reportAttributeAccessIssue]
    return [each for each in found if each.definition.raw["operationId"] not in LEFT_OUT]


@pytest.mark.fault("H8", scales=True)
@pytest.mark.timeout(TIME_LIMIT_S)
def test_whatever_is_asked_the_answer_is_a_result_or_a_problem(client, figure):
    known = operations()
    asked = []
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Some operations have nothing that could be wrong.
    each = -(-CASES * 6 // (len(known) * len(modes) * 5))

    for operation in known:
        for mode in modes:
            _try(operation, mode, each, lambda case: asked.append(_check(client, case)))
    figure("requests made up from the document", f">= {CASES}", len(asked))
    assert len(asked) >= CASES
    assert {200, 422} <= set(asked)


def _try(operation, mode, number, check):
    @seed(1)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(st.data())
    def ask(data):
        check(data.draw(operation.as_strategy(generation_mode=mode)))

    with suppress(Unsatisfiable):
        ask()


def _check(client, case):
    values = case.as_transport_kwargs(base_url=str(client.base_url))
    headers = {**dict(values.pop("headers", {})), "Authorization": client.headers["Authorization"]}
    values.pop("cookies", None)
    try:
        request = client.build_request(values.pop("method"), values.pop("url"), headers=headers, **_known(values))
    except (httpx.InvalidURL, ValueError):
        # What cannot be sent.
        return 0
    sent = request.read()
    answer = client.send(request)
    what = f"{request.method} {request.url} {sent[:300]!r} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500, what
    assert not LEAKS.search(answer.text), what
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", what
        assert problem["status"] == answer.status_code, what
        assert problem["request_id"] == answer.headers["x-request-id"], what
    return answer.status_code


def _known(values):
    known = {name: value for name, value in values.items() if name in ("params", "json", "content", "files")}
    if isinstance(known.get("files"), list):
        known["files"] = [(str(name), _as_part(value)) for name, value in known["files"]]
    data = values.get("data")
    return {**known, "content" if isinstance(data, str | bytes) else "data": data} if data is not None else known


def _as_part(value):
    """Return a part of a form as it can be sent: a number as its text."""
    if isinstance(value, tuple):
        return (value[0], _as_part(value[1]), *value[2:])
    return value if isinstance(value, str | bytes) else str(value)
