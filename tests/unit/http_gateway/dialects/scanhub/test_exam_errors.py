"""The manager's refusals as errors of the gateway: each with the status that clients of this dialect expect."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub.exam_errors import UnfitError, as_not_found, error_in
from http_gateway.dialects.scanhub.face import render_error
from queue_server.protocol.errors import NotFoundError
from tests.doubles.exam_records import identity

STATUSES = {
    "invalid_parameter": 400,
    "bad_request": 400,
    "forbidden": 403,
    "not_found": 404,
    "refused": 409,
    "wrong_state": 409,
    "conflict": 409,
    "unfinished": 409,
    "stale": 412,
    "busy": 429,
    "shutting_down": 503,
    "storage": 503,
    "storage_full": 507,
    "internal": 500,
    "unknown_method": 500,
}


@pytest.mark.parametrize("code", STATUSES)
def test_a_refusal_has_its_status_and_its_words(code):
    error = error_in({"success": False, "msg": "because", "error": {"code": code, "details": {"field": "x"}}})
    answer = render_error(error, "1")
    shown = "Internal Server Error" if STATUSES[code] == 500 else "because"
    assert (answer.status_code, bytes(answer.body).decode()) == (STATUSES[code], f'{{"detail":"{shown}"}}')
    assert error.details == {"field": "x"}


@pytest.mark.parametrize("error", [None, "no map", {}])
def test_a_refusal_that_says_nothing_of_its_kind_is_a_conflict(error):
    assert error_in({"success": False, "msg": "no", "error": error}).http_status == 409


def test_what_is_missing_is_not_found_only_if_the_address_names_it():
    error = error_in({"msg": "no", "error": {"code": "invalid_parameter", "details": {"missing": identity("a")}}})
    assert isinstance(error, UnfitError)
    assert isinstance(as_not_found(error, identity("a")), NotFoundError)
    assert as_not_found(error, identity("b")) is error
    assert as_not_found(error, None) is error
