"""What routes of exam records read from requests: ids, versions and truth values."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter
from starlette.requests import Request

from http_gateway.dialects.scanhub.exam_calls import MOST_LISTED, query_flag, query_id, read_uuid, shape, version_of
from http_gateway.dialects.scanhub.exam_errors import UnfitError
from http_gateway.dialects.scanhub.exam_models import BaseExam, BaseTaskOfAnyType
from queue_server.protocol.errors import ParameterError, StaleError
from tests.doubles.exam_gateway import dag_of, exam_of, scan_of
from tests.doubles.exam_records import identity

ID = identity("one")


def request_of(query="", **headers):
    """Return a request with this query and these headers."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "query_string": query.encode(), "headers": sent, "path": "/", "method": "PUT"})


@pytest.mark.parametrize("text", [ID, ID.upper(), ID.replace("-", ""), f"urn:uuid:{ID}"])
def test_an_id_has_one_form_however_it_is_written(text):
    assert read_uuid(text, "task_id") == ID
    assert query_id(request_of(f"task_id={text}"), "task_id") == ID


@pytest.mark.parametrize("text", ["", "x", ID[:-1], f"{ID}0", "None"])
def test_what_is_no_id_is_named(text):
    with pytest.raises(UnfitError) as raised:
        read_uuid(text, "task_id")
    assert raised.value.details == {"field": "task_id"}


@pytest.mark.parametrize(
    ("header", "version"), [({}, None), ({"if_match": "*"}, None), ({"if_match": "3"}, 3), ({"if_match": '"12"'}, 12)]
)
def test_a_version_is_a_number_with_or_without_quotes(header, version):
    assert version_of(request_of(**header)) == version


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", 'W/"1"', '"1", "2"', "\u0663", "9" * 11, "latest"])
def test_no_record_has_a_version_that_is_none(text):
    sent = [(b"if-match", text.encode())]
    with pytest.raises(StaleError):
        version_of(Request({"type": "http", "query_string": b"", "headers": sent}))


def test_a_truth_value_may_be_written_in_the_usual_ways():
    assert [query_flag(request_of(f"x={text}"), "x") for text in ("true", "True", "1", "false", "0")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert query_flag(request_of(), "x") is False
    with pytest.raises(ParameterError, match="'x'"):
        query_flag(request_of("x=perhaps"), "x")


def test_nothing_of_a_record_is_shown_where_its_form_is_wrong():
    with pytest.raises(ParameterError) as raised:
        shape(exam_of(name={"secret": "of a patient"}, status="DONE"), TypeAdapter(BaseExam))
    assert "secret" not in raised.value.message
    assert raised.value.field == "name"


def test_only_where_nothing_but_ids_is_wrong_are_they_malformed():
    form = TypeAdapter(BaseTaskOfAnyType)
    for wrong in ({"workflow_id": "x"}, {"workflow_id": 3}, {"input_task_ids": ["x"]}):
        with pytest.raises(UnfitError):
            shape(dag_of(**wrong), form)
    for wrong in ({"workflow_id": "x", "name": 3}, {"task_type": "x"}, {"progress": "x"}):
        with pytest.raises(ParameterError):
            shape(scan_of(**wrong), form)


async def test_a_list_has_an_end(client, manager):
    page = {"sequences": [{"id": ID, "datetime_created": "", "datetime_updated": None}] * 500, "next_cursor": "more"}
    manager.answers["exam_sequence_list"] = {"success": True, "msg": "", **page}
    key = client.headers.pop("Authorization").replace("ApiKey", "Bearer")
    answer = await client.get("/api/v1/exam/sequences/all", headers={"Authorization": key})
    assert (answer.status_code, len(manager.requests)) == (413, MOST_LISTED / 500)
    assert "/v1/exams/sequences" in answer.json()["detail"]
