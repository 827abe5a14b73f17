"""The OpenAPI document of the native routes: valid, complete, and committed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from http_gateway.openapi import main
from queue_server.protocol.methods import METHODS

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def document():
    """The document as it is committed."""
    return json.loads(COMMITTED.read_text(encoding="utf-8"))


def operations_of(document):
    """Return verb, path and operation of every route."""
    return [(verb, path, operation) for path, verbs in document["paths"].items() for verb, operation in verbs.items()]


def test_the_committed_document_is_fresh(tmp_path):
    assert main(["--write", str(tmp_path)]) == 0
    written = (tmp_path / "openapi.json").read_text(encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == written, "run `make regen` and commit docs/reference"


def test_writing_it_leaves_nothing_else(tmp_path):
    main(["--write", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["openapi.json"]


async def test_the_gateway_serves_the_committed_document(client, document):
    served = (await client.get("/openapi.json")).json()
    assert served == document


def test_it_is_valid(document):
    validate(document)


def test_every_method_is_an_operation(document):
    known = {operation["operationId"] for _, _, operation in operations_of(document)}
    assert known & set(METHODS) == {name for name, method in METHODS.items() if not method.is_for_gateways}


def test_every_operation_has_its_own_name_and_says_what_it_answers(document):
    operations = operations_of(document)
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    silent = [path for _, path, operation in operations if "content" not in operation["responses"]["200"]]
    assert silent == []


def test_every_failure_is_a_problem(document):
    for _, path, operation in operations_of(document):
        for status, response in operation["responses"].items():
            if status != "200":
                assert response == {"$ref": f"#/components/responses/Problem{status}"}, (path, status)


def test_only_native_routes_are_described(document):
    assert [path for path in document["paths"] if not path.startswith("/v1/")] == []


def test_no_parameter_is_what_the_credential_decides(document):
    for _, path, operation in operations_of(document):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert not names & {"user", "user_group"}, path
