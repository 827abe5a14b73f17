"""Batches that are created over the ICA routes, against a real manager: all or none, and once under a key."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import pytest_asyncio

from http_gateway.dialects.ica import identities
from tests.doubles.ica_gateway import PIPELINE, V3, V4, body_of, ica_gateway, nextflow, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = {
    "most_items": 1_200,
    "most_body_bytes": 400_000,
    "projects": {"demo": {}, "other": {}, "closed": {"users": ["x"]}},
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager and somebody who asks the gateway in front of it."""
    async with ica_gateway(tmp_path_factory.mktemp("gateway"), ica=LIMITS) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def batches(place):
    """Somebody who asks; the queue is empty."""
    await place[0].bench.do("queue_clear")
    return place[1]


@pytest.fixture
def bench(place):
    """The inside of the manager."""
    return place[0].bench


async def size_of(bench):
    """How many items wait."""
    return len((await bench.do("queue_get"))["items"])


# --- what is created ------------------------------------------------------------------------------------------------


async def test_the_items_of_all_kinds_stand_in_the_queue_in_the_order_of_the_lists(batches, bench):
    structured = {"objectType": "STRUCTURED", "inputs": [{"parameterCode": "detectors", "dataIds": ["det1", "det2"]}]}
    text = {"objectType": "JSON", "inputJson": json.dumps({"num": 4})}
    form = {"fields": [{"id": "num", "values": ["5"]}, {"id": "detectors", "values": ["det2"]}]}
    body = body_of(nextflow("third", num="3"))
    body["nextflowJsonItems"] = [{"userReference": "last", "pipelineId": PIPELINE, "inputFormValues": form}]
    body["cwlItems"] = [
        {"userReference": "first", "pipelineId": PIPELINE, "analysisInput": structured},
        {"userReference": "second", "pipelineId": PIPELINE, "analysisInput": text},
    ]
    batch = await batches.created(body)
    waiting = (await bench.do("queue_get"))["items"]
    assert [(item["args"], item["kwargs"]) for item in waiting] == [
        ([["det1", "det2"]], {"num": 1}),
        ([["det1"]], {"num": 4}),
        ([["det1"]], {"num": 3}),
        ([["det2"]], {"num": 5}),
    ]
    shown = (await bench.do("batch_items", batch_id=batch))["items"]
    assert [each["reference"] for each in shown] == ["first", "second", "third", "last"]
    assert [each["item_uid"] for each in shown] == [item["item_uid"] for item in waiting]


async def test_the_answer_names_the_batch_and_the_job_that_made_it(batches):
    answer = await batches.create(body_of(nextflow()))
    told = answer.json()
    assert told["job"]["subjectId"] == told["id"]
    assert told["job"]["status"] == "SUCCEEDED"
    assert told == await batches.read(told["id"], V3)


async def test_a_pipeline_has_two_names_that_of_the_workflow_and_the_id_made_from_it(batches, bench):
    body = body_of(nextflow(pipeline=identities.pipeline_id(PIPELINE).upper()), nextflow())
    shown = (await bench.do("batch_items", batch_id=await batches.created(body)))["items"]
    assert [each["workflow_id"] for each in shown] == [PIPELINE, PIPELINE]
    unknown = "11111111-1111-4111-8111-111111111111"
    answer = await batches.create(body_of(nextflow(pipeline=unknown)))
    problem_of(answer, 400, "nextflowItems[0].pipelineId")


async def test_a_thousand_items_are_created_at_once(batches, bench):
    await batches.created(body_of(*(nextflow(f"run {number}", num="2") for number in range(1_000))))
    assert await size_of(bench) == 1_000


# --- what is refused ------------------------------------------------------------------------------------------------


async def test_one_wrong_item_refuses_all_of_them_and_every_wrong_place_is_named(batches, bench):
    items = [
        nextflow(num="1"),
        nextflow(num="x"),
        nextflow(num="101"),
        nextflow(pipeline="none"),
        nextflow(**{"n-u m": "1"}),
    ]
    answer = await batches.create(body_of(*items))
    problem_of(
        answer,
        400,
        "nextflowItems[1].analysisInput.parameters[0]",
        "nextflowItems[2].analysisInput.parameters[0]",
        "nextflowItems[3].pipelineId",
        "nextflowItems[4].analysisInput.parameters[0]",
    )
    assert await size_of(bench) == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"nextflowItems": []}', 400),
        (b'{"nextflowItems": [], "nextflowItems": []}', 400),
        (b'{"nextflowItems": NaN}', 400),
        (b"[" * 100_000, 400),
        (b" " * 400_001, 413),
        (json.dumps(body_of(*[nextflow()] * 1_201)).encode(), 400),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(batches, bench, content, status):
    problem_of(await batches.create(content), status)
    assert await size_of(bench) == 0


async def test_checks_come_in_the_order_of_the_contract(batches, bench):
    """Each request has everything wrong that comes later."""
    wrong = {"Accept": "text/html", "Content-Type": V4, "Idempotency-Key": ""}
    elsewhere, closed = batches.of_project("nowhere"), batches.of_project("closed")
    big = b"{" + b" " * 400_000

    async def ask(who, content, **headers):
        return await who.create(content, headers={**wrong, **headers})

    problem_of(await ask(elsewhere, big, **{"X-API-Key": "wrong"}), 401)
    assert problem_of(await ask(elsewhere, big), 400)["title"] == "ICA_API_004"
    good = {"Accept": V3}
    problem_of(await ask(elsewhere, big, **good), 415)
    good["Content-Type"] = V3
    problem_of(await ask(elsewhere, big, **good), 400, "Idempotency-Key")
    good["Idempotency-Key"] = "order"
    problem_of(await ask(elsewhere, big, **good), 413)
    problem_of(await ask(elsewhere, b"{", **good), 400)
    problem_of(await ask(elsewhere, b"{}", **good), 404)
    problem_of(await ask(closed, b"{}", **good), 403)
    assert await size_of(bench) == 0


@pytest.mark.parametrize("keys", [[""], ["x" * 256], ["a", "a"]])
async def test_a_key_has_1_to_255_characters_and_is_there_once(batches, bench, keys):
    headers = [("Accept", V3), ("Content-Type", V3), *(("Idempotency-Key", key) for key in keys)]
    answer = await batches.client.post(batches.path, json=body_of(nextflow()), headers=headers)
    problem_of(answer, 400, "Idempotency-Key")
    assert await size_of(bench) == 0


# --- keys -----------------------------------------------------------------------------------------------------------


async def test_without_a_key_equal_requests_create_separate_batches(batches):
    assert await batches.created(body_of(nextflow())) != await batches.created(body_of(nextflow()))


@pytest.mark.parametrize("key", ["k", "x" * 255, '"quoted"', "a, b", "=?%00"])
async def test_under_a_key_the_answer_is_given_again_and_nothing_is_done(batches, bench, key):
    first = await batches.create(body_of(nextflow(num="2")), key)
    again = json.dumps(body_of(nextflow(num="2")), indent=2, sort_keys=True).encode()
    async with httpx.AsyncClient(base_url=batches.client.base_url, headers=batches.client.headers) as other:
        repeated = await type(batches)(other).create(again, key)
    assert (first.status_code, repeated.status_code) == (201, 201)
    assert repeated.content == first.content
    assert await size_of(bench) == 1


async def test_the_answer_is_given_again_after_the_items_have_gone(batches, bench):
    first = await batches.create(body_of(nextflow()), "gone")
    await bench.do("queue_clear")
    assert (await batches.create(body_of(nextflow()), "gone")).content == first.content
    assert await size_of(bench) == 0


async def test_another_body_under_a_key_is_a_422_and_the_answer_stays(batches, bench):
    first = await batches.create(body_of(nextflow("a"), nextflow("b")), "used")
    for body in (body_of(nextflow("b"), nextflow("a")), body_of(nextflow("a")), {}, body_of(nextflow("?")), []):
        problem_of(await batches.create(body, "used"), 422)
    assert (await batches.create(body_of(nextflow("a"), nextflow("b")), "used")).content == first.content
    assert await size_of(bench) == 2


async def test_after_a_refusal_the_key_is_free_also_for_a_corrected_body(batches):
    for body in (body_of(nextflow(num="x")), body_of(nextflow("?")), {}):
        problem_of(await batches.create(body, "corrected"), 400)
    await batches.created(body_of(nextflow()), "corrected")


async def test_keys_differ_by_case_and_by_project(batches):
    made = [await batches.created(body_of(nextflow()), key) for key in ("case", "Case")]
    made.append(await batches.of_project("other").created(body_of(nextflow()), "case"))
    assert len(set(made)) == 3


@pytest.mark.parametrize("size", [20, 300])
async def test_of_many_that_send_the_same_at_once_one_creates_and_all_others_hear_of_it(batches, bench, size):
    body = body_of(*(nextflow(f"run {number}") for number in range(size)))
    answers = await asyncio.gather(*(batches.create(body, f"race {size}") for _ in range(8)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    for answer in answers:
        if answer.status_code != 201:
            problem_of(answer, 409)
            assert answer.headers["retry-after"] == "1"
    assert len(made) == 1
    assert await size_of(bench) == size
    assert await batches.created(body, f"race {size}") in made
