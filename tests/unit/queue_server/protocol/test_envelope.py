"""The frame of a request and of its reply: every wrong key is named, and nothing else is believed."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.protocol.envelope import Request, read_request, refuse, succeed
from queue_server.protocol.errors import EnvelopeError, ParameterError, StateError


def test_a_method_is_enough_for_a_request():
    assert read_request({"method": "status"}) == Request("status")


@pytest.mark.parametrize("params", [None, {}])
def test_missing_parameters_are_none(params):
    assert read_request({"method": "status", "params": params}).params == {}


def test_every_key_of_a_request_is_read():
    message = {
        "method": "queue_item_add",
        "params": {"item": {}},
        "id": "7",
        "idempotency_key": "k",
        "origin": {"user": "Alice"},
    }
    request = read_request(message)
    assert request == Request("queue_item_add", {"item": {}}, "7", "k", {"user": "Alice"})
    assert request.as_mapping() == message


def test_keys_that_are_not_set_do_not_cross_the_wire():
    assert Request("status").as_mapping() == {"method": "status", "params": {}}
    assert Request("status", id=0).as_mapping() == {"method": "status", "params": {}, "id": 0}


@pytest.mark.parametrize("message", [{}, {"params": {}}, {"method": None}, {"method": ""}, {"method": 5}])
def test_a_request_names_its_method(message):
    with pytest.raises(EnvelopeError, match="'method' must be a string of 1 to 128 characters"):
        read_request(message)


@pytest.mark.parametrize("name", ["method", "idempotency_key"])
def test_names_are_of_a_limited_length(name):
    message = {"method": "status", name: "x" * 128}
    assert read_request(message)
    with pytest.raises(EnvelopeError, match=f"'{name}' must be a string of 1 to 128 characters"):
        read_request({**message, name: "x" * 129})


@pytest.mark.parametrize("value", [5, "text", [], [["a", 1]], True, 1.5])
@pytest.mark.parametrize("name", ["params", "origin"])
def test_maps_must_be_maps(name, value):
    with pytest.raises(EnvelopeError, match=f"'{name}' must be a map, not {type(value).__name__}"):
        read_request({"method": "status", name: value})


@pytest.mark.parametrize("value", [1.5, [], {}, True, False, b"x"])
def test_an_identifier_is_a_text_or_an_integer(value):
    with pytest.raises(EnvelopeError, match=f"'id' must be a string or an integer, not {type(value).__name__}"):
        read_request({"method": "status", "id": value})


@pytest.mark.parametrize("identifier", ["", "x", 0, -5])
def test_any_text_or_integer_identifies_a_request(identifier):
    assert read_request({"method": "status", "id": identifier}).id == identifier


@pytest.mark.parametrize("value", [5, [], {}, "", b"x"])
def test_an_idempotency_key_is_a_text(value):
    with pytest.raises(EnvelopeError, match="'idempotency_key' must be a string"):
        read_request({"method": "status", "idempotency_key": value})


def test_unknown_keys_are_named_with_those_that_are_known():
    message: Any = {"method": "status", "parms": {}, 5: 1, b"x": 2}
    with pytest.raises(EnvelopeError) as caught:
        read_request(message)
    assert "['5', \"b'x'\", 'parms']" in caught.value.message
    assert "['method', 'params', 'id', 'idempotency_key', 'origin', 'if_queue_uid']" in caught.value.message


# --- replies ------------------------------------------------------------------------------------------------------


def test_a_reply_has_success_and_an_empty_message_first():
    assert list(succeed({"items": []}).items()) == [("success", True), ("msg", ""), ("items", [])]


def test_a_method_may_say_something_in_a_success():
    assert succeed({"msg": "note"})["msg"] == "note"


@pytest.mark.parametrize("identifier", ["7", 0])
def test_a_reply_repeats_the_identifier(identifier):
    assert succeed({}, identifier)["id"] == identifier
    assert refuse(StateError("no"), {}, identifier)["id"] == identifier
    assert "id" not in succeed({})
    assert "id" not in refuse(StateError("no"))


def test_a_refusal_keeps_the_form_of_the_reply_and_tells_machines_the_code():
    error = ParameterError("'pos' is wrong", field="pos")
    assert refuse(error, {"qsize": None, "item": None}, prefix="Failed: ") == {
        "qsize": None,
        "item": None,
        "success": False,
        "msg": "Failed: 'pos' is wrong",
        "error": {"code": "invalid_parameter", "details": {"field": "pos"}},
    }


def test_an_error_may_fill_fields_of_the_reply():
    error = StateError("no").with_fields(item={"name": "count"})
    assert refuse(error, {"item": None, "qsize": None})["item"] == {"name": "count"}


def test_an_error_may_have_a_lead_of_its_own():
    error = StateError("no room")
    assert refuse(error, prefix="Error: ")["msg"] == "Error: no room"
    assert refuse(error.with_lead("All failed: "), prefix="Error: ")["msg"] == "All failed: no room"


def test_no_field_makes_a_refusal_a_success():
    reply = refuse(StateError("no").with_fields(success=True, msg="fine", error=None), {"success": True, "msg": "fine"})
    assert (reply["success"], reply["msg"], reply["error"]["code"]) == (False, "no", "wrong_state")
