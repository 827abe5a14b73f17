"""The models of devices, and the description that they are part of: valid, with the names that clients build on."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from http_gateway.dialects.scanhub.dialect import DEVICE_ROUTES, DEVICES
from http_gateway.dialects.scanhub.exam_document import make_document

NAMES = {
    "readiness",
    "get_devices",
    "get_device",
    "get_device_status",
    "get_device_ip_address",
    "delete_device",
    "create_device",
    "rotate_token",
    "update_device_parameter",
    "clear_fault",
    "start_scan",
    "start_scan_via_websocket",
}


@pytest.fixture(scope="module")
def document():
    """The document."""
    return make_document(DEVICE_ROUTES, DEVICES)


def operations_in(document):
    """Return the operations by their ids."""
    found = [each for verbs in document["paths"].values() for each in verbs.values()]
    return {each.get("operationId", "readiness"): each for each in found}


def test_it_is_valid_and_has_every_operation_under_its_name(document):
    validate(document)
    assert set(operations_in(document)) == NAMES


def test_it_tells_what_succeeds_and_which_headers_count(document):
    found = operations_in(document)
    succeeds = {name: min(each["responses"]) for name, each in found.items()}
    assert (succeeds["create_device"], succeeds["delete_device"], succeeds["start_scan"]) == ("201", "204", "202")
    headers = {each["name"] for each in found["delete_device"]["parameters"] if each["in"] == "header"}
    assert headers == {"Idempotency-Key"}


async def test_everybody_may_read_it(client, document):
    answer = await client.get("/api/v1/device/openapi.json", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, document)
