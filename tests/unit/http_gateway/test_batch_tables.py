"""Batches from spreadsheets over the native route: one request, one batch, and refusals that name row and column."""

from __future__ import annotations

import json

import pytest

from http_gateway.spreadsheets.limits import LIMITS
from tests.doubles.spreadsheets import FORMATS, make_csv

PATH = "/v1/batches"
PERSON = {"user": "UNAUTHENTICATED_SINGLE_USER", "user_group": "primary"}
ROWS = [["energy", "reference"], [8000, "low"], [9000, None]]
KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}
REPLY = {"success": True, "msg": "", "batch": {"id": "b"}, "items": [{"id": "i"}], "is_repetition": False}
ITEMS = [{"arguments": {"energy": 8000}, "reference": "low"}, {"arguments": {"energy": 9000}}]


@pytest.fixture(autouse=True)
def answers(manager):
    """The manager creates batches."""
    manager.answers["batch_create"] = REPLY


@pytest.fixture
def asked(manager):
    """Return the parameters of the only batch that was asked for."""

    def read():
        [request] = [each for each in manager.requests if each["method"] == "batch_create"]
        return request["params"]

    return read


@pytest.mark.parametrize("ending", sorted(FORMATS))
async def test_a_table_as_the_body_is_one_batch(client, asked, ending):
    answer = await client.post(
        PATH,
        content=FORMATS[ending](ROWS),
        headers={"Content-Type": KINDS[ending]},
        params={"workflow_id": "peak", "name": "7", "held": "true", "lane": "b"},
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {"batch": {"id": "b"}, "items": [{"id": "i"}], "is_repetition": False},
    )
    assert asked() == {"workflow_id": "peak", "name": "7", "held": True, "lane": "b", "items": ITEMS, **PERSON}


@pytest.mark.parametrize("ending", sorted(FORMATS))
async def test_a_table_in_a_form_is_the_same_batch(client, asked, ending):
    form = {"workflow_id": "peak", "common": json.dumps({"sample": "Si", "energy": 1}), "pos": "front"}
    answer = await client.post(PATH, files={"file": (f"points{ending}", FORMATS[ending](ROWS))}, data=form)
    assert answer.status_code == 200
    items = [{**item, "arguments": {"sample": "Si", **item["arguments"]}} for item in ITEMS]
    assert asked() == {"workflow_id": "peak", "pos": "front", "items": items, **PERSON}


async def test_rows_are_the_arguments_of_a_plan(client, asked):
    table = make_csv([["args[1]", "num"], ["motor2", 5]])
    query = {"plan": "scan", "args": '[["det1"], "motor"]', "common": '{"md": {"a": 1}}'}
    answer = await client.post(PATH, content=table, headers={"Content-Type": "text/csv"}, params=query)
    assert answer.status_code == 200
    kwargs = {"md": {"a": 1}, "num": 5}
    item = {"item_type": "plan", "name": "scan", "args": [["det1"], "motor2"], "kwargs": kwargs}
    assert asked()["items"] == [{"item": item}]


async def test_the_key_of_the_request_is_passed_on(client, manager):
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "once", "If-Match": '"uid"'}
    await client.post(PATH, content=make_csv(ROWS), headers=headers, params={"workflow_id": "peak"})
    [request] = [each for each in manager.requests if each["method"] == "batch_create"]
    assert (request["idempotency_key"], request["if_queue_uid"]) == ("once", "uid")


@pytest.mark.parametrize(
    ("rows", "query", "status", "text"),
    [
        ([["a", "b"], [1, "[x"]], {"workflow_id": "w"}, 400, "Row 2, column B ('b')"),
        ([["a"], [1, 2]], {"workflow_id": "w"}, 400, "Row 2, column B"),
        ([["a"]], {"workflow_id": "w"}, 400, "no row below"),
        ([["a"], *[[1]] * 10_001], {"workflow_id": "w"}, 400, "more than 10000 rows"),
        ([["args[2]"], [1]], {"plan": "count", "args": "[5]"}, 400, "Row 2, column A ('args[2]')"),
        (ROWS, {}, 422, "'plan' or 'workflow_id'"),
        (ROWS, {"plan": "a", "workflow_id": "b"}, 422, "'plan' or 'workflow_id'"),
        (ROWS, {"workflow_id": "b", "args": "[1]"}, 422, "'args'"),
        (ROWS, {"plan": "a", "args": "5"}, 422, "'args'"),
        (ROWS, {"plan": "a", "held": "perhaps"}, 422, "'held'"),
        (ROWS, {"plan": "a", "items": "[]"}, 422, "'items'"),
    ],
)
async def test_what_cannot_be_a_batch_is_refused_before_the_manager_is_asked(
    client, manager, rows, query, status, text
):
    answer = await client.post(PATH, content=make_csv(rows), headers={"Content-Type": "text/csv"}, params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert text in answer.json()["detail"]
    assert "batch_create" not in manager.asked


@pytest.mark.parametrize(
    ("files", "data", "text"),
    [
        ({"other": ("a.csv", b"a\n1")}, {}, "'file'"),
        ({"file": ("a.xls", b"a\n1")}, {"workflow_id": "w"}, "save the file as .xlsx"),
        ({"file": ("a.txt", b"a\n1")}, {"workflow_id": "w"}, "must end in one of"),
        ({"file": ("a.csv", b"a\n1")}, {"workflow_id": ["w", "v"]}, "'workflow_id' once"),
        ({"file": ("a.csv", b"a\n1")}, {"else": "x"}, "else"),
    ],
)
async def test_a_form_that_says_something_else_is_refused(client, manager, files, data, text):
    answer = await client.post(PATH, files=files, data=data)
    assert answer.status_code in (400, 422)
    assert text in answer.json()["detail"]
    assert "batch_create" not in manager.asked


async def test_a_table_over_the_limit_is_refused(client, manager):
    content = b"a" * (LIMITS.file_bytes + 1)
    answer = await client.post(PATH, content=content, headers={"Content-Type": "text/csv"}, params={"plan": "a"})
    assert answer.status_code == 413
    assert "batch_create" not in manager.asked


async def test_what_the_manager_refuses_is_told_with_row_and_column(client, manager):
    errors = [
        {"field": "items[1].arguments.energy", "given": "9000", "accepted": "at most 8500"},
        {"field": "items[0].arguments.sample", "given": "", "accepted": "a value"},
    ]
    text = "Failed: items[1].arguments.energy: at most 8500; items[0].arguments.sample: is missing"
    refusal = {"code": "invalid_parameter", "details": {"errors": errors, "more": False}}
    manager.answers["batch_create"] = {"success": False, "msg": text, "error": refusal}
    headers = {"Content-Type": "text/csv"}
    answer = await client.post(PATH, content=make_csv(ROWS), headers=headers, params={"workflow_id": "w"})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:cuelight:problem:invalid_parameter")
    assert "Row 3, column A ('energy'): at most 8500; Row 2 ('sample'): is missing" in problem["detail"]
    assert [each["place"] for each in problem["details"]["errors"]] == [
        "Row 3, column A ('energy')",
        "Row 2 ('sample')",
    ]


async def test_a_map_is_a_batch_as_before(client, asked):
    await client.post(PATH, json={"items": [{"arguments": {}}], "workflow_id": "peak"})
    assert asked() == {"items": [{"arguments": {}}], "workflow_id": "peak", **PERSON}


async def test_the_description_of_the_routes_has_the_tables(client):
    described = (await client.get("/openapi.json")).json()["paths"][PATH]["post"]
    assert {*KINDS.values(), "text/csv", "multipart/form-data", "application/json"} - {KINDS[".csv"]} <= set(
        described["requestBody"]["content"]
    )
    assert {"plan", "args", "common", "workflow_id"} <= {each["name"] for each in described["parameters"]}
