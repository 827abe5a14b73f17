"""The manager's refusals in this dialect: 409 and 422 belong to keys alone."""

from __future__ import annotations

import json

import pytest

from http_gateway.dialects.ica.errors import AcceptError, ContentError, error_in, refuse_places
from http_gateway.dialects.ica.face import FACE
from queue_server.protocol import errors


def shown(error):
    """Status, headers and body of the answer."""
    answer = FACE.render(error, "1" * 32)
    return answer.status_code, answer.headers, json.loads(bytes(answer.body))


def refusal(code, **details):
    """A reply of the manager that refuses."""
    return {"success": False, "msg": "No.", "error": {"code": code, "details": details}}


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [
        ("idempotency_in_progress", 409, "1"),
        ("idempotency_mismatch", 422, None),
        ("invalid_parameter", 400, None),
        ("bad_request", 400, None),
        ("not_found", 404, None),
        ("forbidden", 403, None),
        ("busy", 429, "1"),
        ("shutting_down", 503, "1"),
        ("storage", 503, None),
        ("storage_busy", 503, "1"),
        ("storage_full", 507, None),
        ("internal", 500, None),
        ("wrong_state", 503, "1"),
        ("conflict", 503, "1"),
        ("stale", 503, "1"),
        ("locked", 503, "1"),
        ("refused", 503, "1"),
        ("what nobody knows", 503, "1"),
    ],
)
def test_every_refusal_has_its_status(code, status, again):
    found, headers, body = shown(error_in(refusal(code)))
    assert (found, headers.get("retry-after"), body["status"]) == (status, again, status)


def test_no_error_of_the_manager_is_a_conflict_but_that_of_a_key():
    def all_kinds(kind):
        return [kind, *(each for child in kind.__subclasses__() for each in all_kinds(child))]

    statuses = {kind.code: shown(error_in(refusal(kind.code)))[0] for kind in all_kinds(errors.CuelightError)
                if kind.__module__ == errors.__name__}  # fmt: skip
    assert {code for code, status in statuses.items() if status in (409, 422)} == {
        errors.InProgressError.code,
        errors.MismatchError.code,
    }


def test_wrong_values_are_told_place_by_place_as_texts():
    listed = [{"field": "items[0].arguments.x", "given": 7, "accepted": "an integer"}]
    for details in ({"errors": listed}, {"fields": listed}):
        assert shown(error_in(refusal("invalid_parameter", **details)))[2]["parameters"] == {
            "items[0].arguments.x": "given 7, accepted an integer"
        }
    whole = [{"field": "items[0]", "given": "", "accepted": "Nothing runs here."}]
    told = shown(error_in(refusal("invalid_parameter", errors=whole)))[2]
    assert told["parameters"] == {"items[0]": "Nothing runs here."}
    assert shown(error_in(refusal("invalid_parameter", field="lane")))[2]["parameters"] == {"lane": "is wrong"}
    assert shown(errors.ParameterError("No.", field="x"))[2]["parameters"] == {"x": "No."}


def test_a_refusal_without_an_error_is_to_be_repeated():
    assert shown(error_in({"success": False, "msg": "x"}))[0] == 503


def test_the_refusal_of_the_accept_header_has_the_title_that_clients_know():
    status, _, body = shown(AcceptError())
    assert (status, body["title"], body["detail"]) == (400, "ICA_API_004", "Invalid Accept Header")


def test_several_problems_at_one_place_are_one():
    error = refuse_places([("a", "one"), ("a", "two"), ("b", "three")])
    assert (error.places, str(error)) == ({"a": "one", "b": "three"}, "a: one. And 1 more.")
    assert isinstance(error, ContentError)
