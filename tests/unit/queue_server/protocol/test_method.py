"""Declarations: parameters are checked with the field named, and no two methods share a name or a route."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from pydantic import Field

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import (
    SECRET_FIELDS,
    Done,
    LockableParams,
    Method,
    NoParams,
    Params,
    collect,
    fields_of,
)
from queue_server.protocol.methods import METHODS
from tests.cases import each


class SomeParams(Params):
    count: int = Field(ge=1, le=5, description="How many.")
    pos: int | Literal["front", "back"] | None = Field(default=None, description="Where.")
    item: dict[str, Any] | None = Field(default=None, description="What.")
    flag: bool = Field(default=False, description="Whether.")
    uids: list[str] | None = Field(default=None, description="Which.")


@dataclass(frozen=True)
class SomeReply:
    items: list[Any] = field(default_factory=list)
    qsize: int | None = None


def declare(name="some", route="/some", **changes):
    known = {"summary": "Do it.", "kind": "memory", "scope": "read:status", "params": SomeParams, "result": SomeReply}
    return Method(name=name, route=("GET", route), **{**known, **changes})


def refuse(values):
    with pytest.raises(ParameterError) as caught:
        declare().parse(values)
    return caught.value


def test_fitting_parameters_are_returned_with_their_defaults():
    params: Any = declare().parse({"count": 2, "pos": "front"})
    assert params == SomeParams(count=2, pos="front")
    assert (params.item, params.flag) == (None, False)


def test_parameters_cannot_be_changed_afterwards():
    params: Any = declare().parse({"count": 2})
    with pytest.raises(ValueError, match="frozen"):
        params.count = 3


def test_an_unknown_parameter_is_named_with_those_that_are_known():
    error = refuse({"count": 2, "x": 1})
    assert error.message == (
        "API request contains unsupported parameters: 'x'. "
        "Supported parameters: ['count', 'pos', 'item', 'flag', 'uids']"
    )
    assert error.field == "x"


def test_a_method_without_parameters_says_so():
    with pytest.raises(ParameterError, match=r"unsupported parameters: 'a', 'b'. Supported parameters: \[\]") as caught:
        declare(params=NoParams).parse({"a": 1, "b": 2})
    assert caught.value.field == "a"


@pytest.mark.parametrize("name", [5, None, b"x", 1.5, (1,)])
def test_a_name_that_is_no_text_is_unknown_too(name):
    assert refuse({"count": 1, name: 1}).field == str(name)


def test_a_missing_parameter_is_named():
    error = refuse({})
    assert (error.field, error.message) == ("count", "Incorrect parameters: 'count': is required")


@pytest.mark.parametrize(
    ("values", "name", "text"),
    [
        ({"count": "2"}, "count", "not '2'"),
        ({"count": 2.0}, "count", "not 2.0"),
        ({"count": True}, "count", "not True"),
        ({"count": None}, "count", "not None"),
        ({"count": 0}, "count", "greater than or equal to 1"),
        ({"count": 6}, "count", "less than or equal to 5"),
        ({"count": 1, "pos": "middle"}, "pos", "'front' or 'back'"),
        ({"count": 1, "pos": 1.5}, "pos", "integer"),
        ({"count": 1, "pos": []}, "pos", "not []"),
        ({"count": 1, "item": []}, "item", "dictionary"),
        ({"count": 1, "item": {5: 1}}, "item", "string"),
        ({"count": 1, "flag": 1}, "flag", "boolean"),
        ({"count": 1, "flag": "true"}, "flag", "boolean"),
        ({"count": 1, "uids": "abc"}, "uids", "list"),
        ({"count": 1, "uids": [1]}, "uids", "string"),
        ({"count": 1, "uids": ["a", 2, 3]}, "uids", "input should be a valid string, not 2"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(values, name, text):
    error = refuse(values)
    assert error.field == name
    assert f"'{name}'" in error.message
    assert text in error.message
    assert [entry["field"] for entry in error.details["fields"]] == [name]


def test_a_union_is_one_problem_to_a_person():
    assert refuse({"count": 1, "pos": "x"}).message.count("'pos'") == 1


def test_every_wrong_parameter_is_told():
    error = refuse({"count": "x", "flag": "y"})
    assert [entry["field"] for entry in error.details["fields"]] == ["count", "flag"]
    assert "'count'" in error.message
    assert "'flag'" in error.message


def test_a_long_value_is_shown_short():
    assert len(refuse({"count": "x" * 100_000}).message) < 250


def test_a_lock_key_is_not_empty():
    method = declare(params=LockableParams)
    assert method.parse({"lock_key": "k"}) == LockableParams(lock_key="k")
    assert method.parse({}) == LockableParams()
    with pytest.raises(ParameterError) as caught:
        method.parse({"lock_key": ""})
    assert caught.value.field == "lock_key"


def test_a_refusal_keeps_the_fields_of_the_reply():
    assert declare().failure_fields == {"items": [], "qsize": None}
    assert declare(result=Done).failure_fields == {}


def test_fields_are_not_copied():
    reply = SomeReply([1])
    assert fields_of(reply)["items"] is reply.items


def test_declarations_are_collected_by_name():
    first, second = declare("a", "/a"), declare("b", "/b")
    assert collect((first,), (second,)) == {"a": first, "b": second}


def test_a_name_is_declared_once():
    with pytest.raises(ValueError, match=r"declared twice as method: \['a'\]"):
        collect((declare("a", "/a"),), (declare("a", "/b"),))


def test_a_route_is_declared_once_for_each_verb():
    with pytest.raises(ValueError, match=r"declared twice as route: \['GET /a'\]"):
        collect((declare("a", "/a"), declare("b", "/a")))


# --- all declarations ---------------------------------------------------------------------------------------------


@each("method", METHODS.values(), lambda method: method.name)
def test_every_declaration_can_refuse_in_the_form_of_its_reply(method):
    assert method.failure_fields == fields_of(method.result())
    assert not {"success", "msg", "error", "id"} & set(method.failure_fields)


@each("method", METHODS.values(), lambda method: method.name)
def test_what_changes_something_is_never_a_get(method):
    assert method.route[1].startswith("/")
    if method.kind in ("mutation", "motion"):
        assert method.route[0] == "POST"
        assert method.scope.startswith("write:") or method.name == "estop" or method.is_for_gateways


@each("method", METHODS.values(), lambda method: method.name)
def test_what_can_be_locked_takes_the_key_of_the_lock(method):
    takes_key = issubclass(method.params, LockableParams)
    assert takes_key == (method.lock is not None)


def test_only_status_and_ping_answer_without_success():
    assert {name for name, method in METHODS.items() if method.bare} == {"status", "ping"}


def test_motion_is_what_controls_the_running_plan_or_stops_everything():
    motion = {name for name, method in METHODS.items() if method.kind == "motion"}
    assert motion == {"re_pause", "re_resume", "re_stop", "re_abort", "re_halt", "estop"}


@each("method", METHODS.values(), lambda method: method.name)
def test_what_is_told_once_is_a_field_that_no_message_shows(method):
    assert set(method.told_once) <= set(method.failure_fields)
    assert set(method.told_once) <= SECRET_FIELDS
    assert not method.told_once or method.kind == "mutation"


def test_a_secret_of_a_wrong_form_is_not_shown():
    method = METHODS["device_connect"]
    with pytest.raises(ParameterError, match="'token_sha256'") as caught:
        method.parse({"device_id": "x", "token_sha256": "very secret"})
    assert "very secret" not in caught.value.message
