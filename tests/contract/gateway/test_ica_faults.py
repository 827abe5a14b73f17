"""What ICA clients are told when the manager is silent, busy or gone, and what becomes of those that leave early."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
import pytest_asyncio

from http_gateway.dialects.ica import identities
from tests.doubles.gateway import AnsweringManager
from tests.doubles.ica_gateway import V3, body_of, gateway_of, ica_gateway, nextflow, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCH = str(uuid.uuid4())
SOON = {"timeout_s": 0.2, "ica": {"creation_s": 0.2}}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager that answers from a table, and somebody who asks the gateway in front of it."""
    manager = AnsweringManager()
    async with gateway_of(manager, tmp_path_factory.mktemp("gateway"), **SOON) as batches:
        yield manager, batches
    await manager.close()


@pytest.fixture
def manager(place):
    """The manager, which has been asked nothing yet."""
    place[0].forget()
    return place[0]


@pytest.fixture
def batches(place):
    """Somebody who asks."""
    return place[1]


def created(params):
    """The reply to the creation of a batch."""
    batch = {"id": BATCH, "project": params["project"], "owner": "ann", "created": 1000.0, "size": len(params["items"])}
    return {"success": True, "msg": "", "batch": batch, "items": [], "is_repetition": False}


async def test_a_batch_is_one_request_with_all_that_the_manager_needs(manager, batches):
    manager.answers["batch_create"] = created
    body = body_of(nextflow(num="1"), nextflow(num="2"))
    assert (await batches.create(body, "a key")).status_code == 201
    [request] = manager.requests
    params = request["params"]
    assert request["method"] == "batch_create"
    assert "idempotency_key" not in request
    assert params["idempotency"]["key"] == "a key"
    assert params["idempotency"]["endpoint"] == f"POST {batches.path}"
    assert params["answer"] == {"status": 201, "media_type": V3}
    assert params["project"] == "demo"
    assert [item["arguments"] for item in params["items"]] == [{"num": "1"}, {"num": "2"}]


async def test_a_fingerprint_is_of_the_body_as_it_came(manager, batches):
    manager.answers["batch_create"] = created
    bodies = [body_of(nextflow()), {**body_of(nextflow()), "cwlItems": None}, {**body_of(nextflow()), "cwlItems": []}]
    for body in (*bodies, json.dumps(bodies[0], indent=1).encode()):
        await batches.create(body, "a key")
    first, *others, again = [each["params"]["idempotency"]["fingerprint"] for each in manager.requests]
    assert again == first
    assert len({first, *others}) == 3


async def test_when_the_manager_is_silent_the_outcome_is_unknown_and_the_request_to_be_repeated(manager, batches):
    manager.answers.update(batch_create=None, batch_get=None, batch_items=None, batch_item_get=None)
    answers = [await batches.create(body_of(nextflow()), "silent")]
    for path in (BATCH, f"{BATCH}/items", f"{BATCH}/items/{BATCH}"):
        answers.append(await batches.get(path, "*/*"))
    for answer in answers:
        problem_of(answer, 503)
        assert answer.headers["retry-after"] == "1"


async def test_what_is_said_about_a_key_comes_before_what_is_wrong_with_the_items(manager, batches):
    manager.answers["batch_create"] = {"success": False, "msg": "No.", "error": {"code": "idempotency_in_progress"}}
    for body in (body_of(nextflow()), body_of(nextflow("?"))):
        answer = await batches.create(body, "busy")
        problem_of(answer, 409)
        assert answer.headers["retry-after"] == "1"
    assert problem_of(await batches.create(body_of(nextflow("?"))), 400)["parameters"]


async def test_an_answer_that_is_kept_counts_also_where_its_items_would_be_refused_today(manager, batches):
    manager.answers["batch_create"] = created
    answer = await batches.create(body_of(nextflow("?")), "kept")
    assert (answer.status_code, answer.json()["id"]) == (201, BATCH)
    assert manager.requests[0]["params"]["items"] == []


@pytest.mark.parametrize(
    ("code", "status"), [("wrong_state", 503), ("locked", 503), ("internal", 500), ("not_found", 400)]
)
async def test_no_refusal_but_that_of_a_key_is_a_conflict(manager, batches, code, status):
    manager.answers["batch_create"] = {"success": False, "msg": "secret of the inside", "error": {"code": code}}
    problem = problem_of(await batches.create(body_of(nextflow()), "x"), status)
    assert status != 500 or "secret" not in problem["detail"]


def items(version, count=2):
    """The reply with items of a version of a workflow."""
    record = {
        "project": "demo",
        "state": "queued",
        "message": "",
        "workflow_id": "w",
        "workflow_version": version,
        "created": 1000.0,
        "creator": "ann",
        "results": [],
        "time_started": None,
    }
    ids = [str(uuid.UUID(int=number)) for number in range(count)]
    shown = [{**record, "id": each, "item_id": each} for each in ids]
    return {"success": True, "msg": "", "items": shown, "next_cursor": None, "remaining": 0, "total": None}


async def pipelines_of(batches):
    """The pipelines of all items."""
    return [item["createdAnalysis"]["pipeline"] for item in await batches.items(BATCH)]


@pytest.mark.parametrize(("version", "code"), [(1, "forbidden"), (2, "not_found")])
async def test_items_are_shown_also_where_their_workflow_is_not(manager, batches, version, code):
    manager.answers["batch_items"] = items(version)
    manager.answers["workflow_get"] = {"success": False, "msg": "No.", "error": {"code": code}}
    assert {(each["code"], each["description"]) for each in await pipelines_of(batches)} == {("w", "w")}
    assert manager.asked == ["batch_items", "workflow_get"]


async def test_a_version_of_a_workflow_is_asked_for_once(manager, batches):
    workflow = {"id": "w", "name": "W", "description": "", "created": 1000.0, "creator": "eve"}
    manager.answers["workflow_get"] = {"success": True, "msg": "", "workflow": workflow}
    for version in (7, 7, 8):
        manager.answers["batch_items"] = items(version)
        assert {each["description"] for each in await pipelines_of(batches)} == {"W"}
    asked = [each["params"]["version"] for each in manager.requests if each["method"] == "workflow_get"]
    assert asked == [7, 8]


async def test_what_is_kept_of_workflows_does_not_grow_without_end(manager, batches):
    manager.answers["workflow_get"] = lambda params: {
        "success": True,
        "msg": "",
        "workflow": {"id": "w", "name": f"W {params['version']}", "created": 1000.0},
    }
    [newest] = items(0, 1)["items"]
    for first in (10_000, 10_500, 11_000):
        shown = [{**newest, "workflow_version": first + number} for number in range(500)]
        manager.answers["batch_items"] = {**items(0), "items": shown}
        assert len(await pipelines_of(batches)) == 500
    manager.requests.clear()
    manager.answers["batch_items"] = items(10_000)
    await pipelines_of(batches)
    manager.answers["batch_items"] = items(11_499)
    await pipelines_of(batches)
    assert [each["params"]["version"] for each in manager.requests if each["method"] == "workflow_get"] == [10_000]


async def test_a_key_for_batches_alone_names_pipelines_as_workflows(manager, batches):
    manager.answers["batch_create"] = created
    manager.answers["workflow_list"] = {"success": False, "msg": "No.", "error": {"code": "forbidden"}}
    assert (await batches.create(body_of(nextflow(pipeline=BATCH)))).status_code == 201
    assert manager.requests[-1]["params"]["items"][0]["workflow_id"] == BATCH


async def test_the_id_of_a_pipeline_is_looked_for_in_all_pages_of_workflows(manager, batches):
    manager.answers["batch_create"] = created
    pages = {None: (["a", BATCH], "more"), "more": (["b"], None)}

    def list_workflows(params):
        names, cursor = pages[params.get("cursor")]
        return {"success": True, "msg": "", "workflows": [{"id": name} for name in names], "next_cursor": cursor}

    manager.answers["workflow_list"] = list_workflows
    await batches.create(body_of(*(nextflow(pipeline=each) for each in (identities.pipeline_id("b"), BATCH, "c"))))
    assert [item["workflow_id"] for item in manager.requests[-1]["params"]["items"]] == ["b", BATCH, "c"]


async def test_a_reply_that_makes_no_sense_shows_no_internals(manager, batches):
    manager.answers["batch_get"] = {"success": True, "msg": ""}
    problem = problem_of(await batches.get(BATCH, V3), 500)
    assert "batch" not in problem["detail"]


async def test_a_client_that_leaves_early_has_its_batch_created_whole_and_once(tmp_path):
    async with ica_gateway(tmp_path) as (real, batches):
        body = json.dumps(body_of(*(nextflow(str(number)) for number in range(300)))).encode()
        headers = {
            "Host": "gateway",
            "Accept": V3,
            "Content-Type": V3,
            "Content-Length": str(len(body)),
            "Idempotency-Key": "gone",
            "X-API-Key": batches.client.headers["X-API-Key"],
        }
        lines = [f"POST {batches.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        url = batches.client.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        writer.transport.abort()
        while (answer := await batches.create(body, "gone")).status_code != 201:
            problem_of(answer, 409)
        assert len((await real.bench.do("queue_get"))["items"]) == 300
        [batch] = (await real.bench.do("batch_list"))["batches"]
        assert answer.json()["id"] == batch["id"]
