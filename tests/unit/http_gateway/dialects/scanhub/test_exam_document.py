"""The description of the routes of exam records: valid, complete, and asked for without a token."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from http_gateway.dialects.scanhub.dialect import EXAM_ROUTES
from http_gateway.dialects.scanhub.exam_document import make_document
from http_gateway.dialects.scanhub.exam_routes import READ, WRITE


@pytest.fixture(scope="module")
def document():
    """The document."""
    return make_document(EXAM_ROUTES)


def operations_in(document):
    """Return the operations by verb and path."""
    return {(verb.upper(), path): each for path, verbs in document["paths"].items() for verb, each in verbs.items()}


def test_it_is_valid(document):
    validate(document)


def test_it_has_every_route_under_a_name_of_its_own(document):
    found = operations_in(document)
    assert set(found) == {(route.verb, f"/api/v1{route.path}") for route in EXAM_ROUTES}
    names = [each["operationId"] for each in found.values() if "operationId" in each]
    assert len(set(names)) == len(names) >= len(found) - 1
    assert all(each["summary"].endswith(".") for each in found.values())


def test_reading_needs_one_scope_and_changing_the_other():
    scopes = {(route.verb == "GET", route.scope) for route in EXAM_ROUTES if not route.path.endswith("readiness")}
    assert scopes == {(True, READ), (False, WRITE)}


def test_it_tells_bodies_parameters_and_what_succeeds(document):
    changing = operations_in(document)["PUT", "/api/v1/exam/task/{task_id}"]
    assert [each["name"] for each in changing["parameters"]] == ["task_id", "Idempotency-Key", "If-Match"]
    assert len(changing["requestBody"]["content"]["application/json"]["schema"]["oneOf"]) == 2
    assert {"200", "400", "401", "403", "404", "409", "412", "422"} <= set(changing["responses"])
    copying = operations_in(document)["POST", "/api/v1/exam/workflow"]
    assert [each["name"] for each in copying["parameters"] if each["required"]] == ["template_id"]
    assert "201" in copying["responses"]


async def test_everybody_may_read_it(client, document):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = await client.get("/api/v1/exam/openapi.json", headers=headers)
        assert (answer.status_code, answer.json()) == (200, document)
