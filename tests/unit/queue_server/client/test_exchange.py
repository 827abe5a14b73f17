import math

import pytest

from queue_server.client.exchange import Deadline, Exchange, UnreachableError, check_timeout, result_of, values_of
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.errors import (
    CommunicationError,
    ParameterError,
    RequestFailedError,
    RequestTimeoutError,
)
from queue_server.protocol.methods import METHODS
from queue_server.protocol.methods.items import ItemReply, ItemUpdateParams

ADDRESS = "tcp://127.0.0.1:60615"


@pytest.fixture
def exchange():
    """Requests and replies in JSON."""
    return Exchange(ADDRESS)


def test_a_request_is_one_message_with_method_parameters_and_id(exchange):
    question = exchange.ask("queue_get", {"limit": 3})
    assert decode(question.data) == ({"method": "queue_get", "params": {"limit": 3}, "id": question.id}, "json")
    assert question.timeout_s == 2.0


def test_every_request_has_an_id_of_its_own(exchange):
    assert len({exchange.ask("ping").id for _ in range(10)}) == 10


def test_a_request_may_have_its_own_timeout(exchange):
    assert exchange.ask("ping", timeout_s=30).timeout_s == 30.0


@pytest.mark.parametrize(
    ("encoding", "value"), [("json", object()), ("json", {"a": {1j}}), ("msgpack", object()), ("msgpack", 2**70)]
)
def test_a_value_that_cannot_be_sent_is_refused_with_the_name_of_the_method(encoding, value):
    with pytest.raises(ParameterError, match="parameters of queue_item_add cannot be sent"):
        Exchange(ADDRESS, encoding=encoding).ask("queue_item_add", {"item": value})


def test_the_id_is_taken_out_of_the_reply(exchange):
    question = exchange.ask("ping")
    assert exchange.read(question, encode({"msg": "here", "id": question.id})) == {"msg": "here"}


def test_a_reply_to_another_request_is_none(exchange):
    question = exchange.ask("ping")
    assert exchange.read(question, encode({"msg": "here", "id": question.id + 1})) is None


def test_what_is_no_reply_is_a_communication_error(exchange):
    with pytest.raises(CommunicationError, match=ADDRESS):
        exchange.read(exchange.ask("ping"), b"garbage")


@pytest.mark.parametrize("reply", [{"manager_state": "idle"}, {"success": True, "msg": ""}])
def test_a_reply_that_is_no_refusal_passes(exchange, reply):
    assert exchange.judge(exchange.ask("status"), reply) == reply


def test_a_refusal_without_a_reason_is_still_a_sentence(exchange):
    with pytest.raises(RequestFailedError, match="refused queue_start: no reason was given"):
        exchange.judge(exchange.ask("queue_start"), {"success": False})


def test_not_sent_and_not_answered_are_different_errors(exchange):
    question = exchange.ask("queue_start")
    unsent, unanswered = exchange.unanswered(question, sent=False), exchange.unanswered(question, sent=True)
    assert type(unsent) is UnreachableError
    assert type(unanswered) is RequestTimeoutError
    assert "was not sent" in unsent.message
    assert "may still carry" in unanswered.message
    assert (unsent.exit_code, unanswered.exit_code) == (3, 8)


@pytest.mark.parametrize("timeout_s", [0.001, 1, 2.5, 604_800])
def test_a_timeout_within_a_week_is_accepted(timeout_s):
    assert check_timeout(timeout_s) == timeout_s


@pytest.mark.parametrize("timeout_s", [0, -1, 604_801, math.inf, math.nan, True, None, "1"])
def test_any_other_timeout_is_refused(timeout_s):
    with pytest.raises(ParameterError, match="timeout_s"):
        check_timeout(timeout_s)


def test_a_deadline_that_has_passed_leaves_nothing():
    assert Deadline(-1).left_ms() == 0
    assert Deadline(-1).left_s() == 0.0


def test_a_deadline_rounds_up_so_that_it_never_ends_early():
    assert 900 < Deadline(1000).left_s() <= 1000
    assert 900_000 < Deadline(1000).left_ms() <= 1_000_001


def test_only_parameters_that_were_set_are_sent():
    assert values_of(ItemUpdateParams(item={"name": "count"})) == {"item": {"name": "count"}}
    assert values_of(None) == {}


def test_a_result_takes_its_fields_from_the_reply_and_defaults_for_the_rest():
    reply = {"success": True, "msg": "", "item": {"name": "count"}, "future_field": 1}
    assert result_of(METHODS["queue_item_add"], reply) == ItemReply(item={"name": "count"}, qsize=None)
