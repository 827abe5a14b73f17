"""Batches and their items as the ICA routes show them, against a real manager: versions, pages, projects."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
import pytest_asyncio

from http_gateway.dialects.ica import identities
from tests.doubles.bench import USER
from tests.doubles.ica_gateway import PIPELINE, V3, V4, body_of, gateway_of, ica_gateway, nextflow, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROJECTS = {"projects": {"demo": {}, "other": {}, "closed": {"users": ["x"]}}}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager and somebody who asks the gateway in front of it."""
    async with ica_gateway(tmp_path_factory.mktemp("gateway"), ica=PROJECTS) as both:
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


async def batch_of(batches, size):
    """A new batch whose items are called by their numbers."""
    return await batches.created(body_of(*(nextflow(str(number)) for number in range(size))))


def names_of(items):
    """How the items are called."""
    return [item["request"]["userReference"] for item in items]


# --- one item -------------------------------------------------------------------------------------------------------


async def test_an_item_tells_its_request_and_the_analysis_that_was_created(batches, bench):
    item = nextflow("mine/own", num="3") | {"tags": {"userTags": ["u"], "technicalTags": ["t", None]}}
    batch = await batches.created(body_of(item))
    [shown] = await batches.items(batch)
    tags = {"technicalTags": ["t"], "userTags": ["u"], "referenceTags": []}
    assert shown["request"] == {"userReference": "mine/own", "pipelineId": PIPELINE, "tags": tags}
    assert shown["processing"] == {"status": "SUCCEEDED"}
    analysis = shown["createdAnalysis"]
    assert (analysis["userReference"], analysis["tags"], analysis["status"]) == ("mine/own", tags, "QUEUED")
    assert (analysis["pipeline"]["code"], analysis["pipeline"]["description"]) == (PIPELINE, "Counts.")
    [record] = (await bench.do("batch_items", batch_id=batch))["items"]
    assert (shown["id"], analysis["id"]) == (record["item_id"], record["id"])
    assert datetime.fromisoformat(analysis["timeCreated"]).timestamp() == record["created"]
    assert shown == await batches.read(f"{batch}/items/{shown['id']}")


async def test_each_version_has_its_own_form_and_states(batches):
    batch = await batch_of(batches, 1)
    [new], [old] = [(await batches.read(f"{batch}/items", accept))["items"] for accept in (V4, V3)]
    assert old == await batches.read(f"{batch}/items/{old['id']}", V3)
    assert (old["createdAnalysis"]["status"], new["createdAnalysis"]["status"]) == ("REQUESTED", "QUEUED")
    assert new["createdAnalysis"]["owner"] == {"id": old["createdAnalysis"]["ownerId"]}
    assert {key: old[key] for key in ("id", "request", "processing")} == {
        key: new[key] for key in ("id", "request", "processing")
    }


async def test_an_item_stays_readable_while_it_runs_fails_comes_back_and_is_removed(batches, bench):
    batch = await batch_of(batches, 1)
    [before] = await batches.items(batch)

    async def status():
        [item] = await batches.items(batch)
        assert (item["id"], item["createdAnalysis"]["id"]) == (before["id"], before["createdAnalysis"]["id"])
        return item["createdAnalysis"]["status"]

    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    assert await status() == "IN_PROGRESS"
    await bench.pause()
    assert await status() == "AWAITING_INPUT"
    await bench.do("re_abort")
    await bench.finish("aborted")
    # The copy at the front of the queue is the same analysis.
    assert await status() == "QUEUED"
    await bench.do("queue_clear")
    assert await status() == "ABORTED"
    await bench.do("batch_retry", batch_id=batch, **USER)
    assert await status() == "QUEUED"
    await bench.do("queue_start")
    await bench.run_plan("run-2")
    await bench.finish()
    assert await status() == "SUCCEEDED"
    await bench.do("history_clear")
    assert await status() == "SUCCEEDED"
    await bench.do("environment_close")


@pytest.mark.parametrize("path", ["{other}", "{other}/items", "{other}/items/{item}", "{batch}/items/{other}"])
async def test_what_does_not_exist_is_a_404(batches, path):
    batch = await batch_of(batches, 1)
    [item] = await batches.items(batch)
    filled = path.format(batch=batch, item=item["id"], other=uuid.uuid4())
    problem_of(await batches.get(filled, "*/*"), 404)


async def test_an_analysis_is_found_under_the_id_of_its_item_only(batches):
    batch = await batch_of(batches, 1)
    [item] = await batches.items(batch)
    problem_of(await batches.get(f"{batch}/items/{item['createdAnalysis']['id']}"), 404)


@pytest.mark.parametrize("path", ["{batch}", "{batch}/items", "{batch}/items?pageOffset=7", "{batch}/items/{item}"])
async def test_what_belongs_to_another_project_is_a_404(batches, path):
    batch = await batch_of(batches, 1)
    [item] = await batches.items(batch)
    other, filled = batches.of_project("other"), path.format(batch=batch, item=item["id"])
    problem_of(await other.client.get(f"{other.path}/{filled}"), 404)
    assert (await batches.client.get(f"{batches.path}/{filled}")).status_code == 200


@pytest.mark.parametrize(("project", "status"), [("closed", 403), ("nowhere", 404), ("primary", 404)])
@pytest.mark.parametrize("path", ["", "/items", "/items/{item}"])
async def test_projects_are_checked_on_every_route(batches, project, status, path):
    batch = await batch_of(batches, 1)
    [item] = await batches.items(batch)
    answer = await batches.of_project(project).get(f"{batch}{path}".format(item=item["id"]), "*/*")
    problem_of(answer, status)


async def test_the_user_group_of_the_caller_is_a_project(batches):
    own = batches.of_project("primary")
    batch = await batch_of(own, 2)
    assert names_of(await own.items(batch)) == ["0", "1"]


@pytest.mark.parametrize("path", ["x", "x/items", "x/items/{id}", "{id}/items/x", "{id}/items/{plain}"])
async def test_an_id_that_is_no_uuid_is_a_400(batches, path):
    known = uuid.uuid4()
    problem_of(await batches.get(path.format(id=known, plain=known.hex), "*/*"), 400)


async def test_a_batch_that_was_created_in_another_way_is_shown_too(batches, bench):
    item = {"item_type": "plan", "name": "count", "args": [["det1"]]}
    items = [{"item": item}, {"arguments": {}, "workflow_id": PIPELINE}]
    made = await bench.do("batch_create", project="demo", items=items, **USER)
    plain, filled = await batches.items(made["batch"]["id"])
    assert plain["createdAnalysis"]["pipeline"]["code"] == "none"
    assert filled["request"]["pipelineId"] == PIPELINE
    assert filled["createdAnalysis"]["owner"]["id"] == identities.user_id("jdoe")


# --- versions and routes --------------------------------------------------------------------------------------------


async def test_versions_that_a_route_does_not_serve_are_a_400(batches):
    batch = await batch_of(batches, 1)
    for path, accept in (("", V4), ("", "text/html"), ("/items", "application/json")):
        problem = problem_of(await batches.get(f"{batch}{path}", accept), 400)
        assert (problem["title"], problem["detail"]) == ("ICA_API_004", "Invalid Accept Header")
    problem_of(await batches.create(body_of(nextflow()), headers={"Accept": V4}), 400)


async def test_the_header_that_one_client_needs_for_all_methods_gets_each_the_newest_it_can_have(batches):
    both = f"{V4}, {V3}"
    answer = await batches.create(body_of(nextflow()), headers={"Accept": both})
    batch = answer.json()["id"]
    kinds = [(await batches.get(path, both)).headers["content-type"] for path in (batch, f"{batch}/items")]
    assert [answer.headers["content-type"], *kinds] == [V3, V3, V4]


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "", 405),
        ("PUT", "", 405),
        ("DELETE", "/{batch}", 405),
        ("POST", "/{batch}/items", 405),
        ("GET", "/", 404),
        ("GET", "/{batch}/", 404),
        ("GET", "/{batch}/item", 404),
        ("GET", "/../../nothing", 404),
    ],
)
async def test_other_routes_and_verbs_are_problems(batches, verb, path, status):
    filled = path.format(batch=uuid.uuid4())
    problem_of(await batches.client.request(verb, f"{batches.path}{filled}"), status)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
async def test_pages_of_any_size_have_every_item_once_and_in_order(batches, size):
    count = 20 if size == 1 else 215
    batch = await batch_of(batches, count)
    found = await batches.items(batch, pageSize=size)
    assert names_of(found) == [str(number) for number in range(count)]
    assert len({item["id"] for item in found}) == count


async def test_two_thousand_items_are_complete_and_unique_while_they_change_and_other_batches_come(batches, bench):
    batch = await batch_of(batches, 2_000)

    async def disturb():
        await batch_of(batches, 3)
        waiting = (await bench.do("queue_get"))["items"]
        await bench.do("queue_item_remove_batch", uids=[item["item_uid"] for item in waiting[::50]])

    found = await batches.items(batch, between=disturb)
    assert names_of(found) == [str(number) for number in range(2_000)]
    assert {item["createdAnalysis"]["status"] for item in found} == {"QUEUED", "ABORTED"}


async def test_the_size_may_change_from_page_to_page(batches):
    batch = await batch_of(batches, 10)
    first = await batches.read(f"{batch}/items", pageSize=3)
    second = await batches.read(f"{batch}/items", pageSize=5, pageToken=first["nextPageToken"])
    last = await batches.read(f"{batch}/items", pageToken=second["nextPageToken"])
    assert [page["remainingRecords"] for page in (first, second, last)] == [7, 2, 0]
    assert names_of(first["items"] + second["items"] + last["items"]) == [str(number) for number in range(10)]
    assert last["nextPageToken"] == ""
    assert "totalItemCount" not in last


async def test_an_offset_leads_anywhere_and_behind_the_end_nothing_is_left(batches):
    batch = await batch_of(batches, 10)
    page = await batches.read(f"{batch}/items", pageOffset=7, pageSize=2)
    assert (names_of(page["items"]), page["totalItemCount"], page["nextPageToken"]) == (["7", "8"], 10, "")
    assert "remainingRecords" not in page
    behind = await batches.read(f"{batch}/items", pageOffset=199_900, pageToken="")
    assert (behind["items"], behind["totalItemCount"]) == ([], 10)


async def test_the_filter_is_about_the_creation(batches):
    batch = await batch_of(batches, 5)
    page = await batches.read(f"{batch}/items", status=["SUCCEEDED", "FAILED"], pageSize=2)
    assert (names_of(page["items"]), page["remainingRecords"]) == (["0", "1"], 3)
    rest = await batches.read(f"{batch}/items", status=["FAILED", "SUCCEEDED"], pageToken=page["nextPageToken"])
    assert names_of(rest["items"]) == ["2", "3", "4"]
    none = await batches.read(f"{batch}/items", status=["RUNNING", "WAITING_RESOURCES"])
    assert none == {"items": [], "nextPageToken": "", "remainingRecords": 0}
    counted = await batches.read(f"{batch}/items", status="FAILED", pageOffset=0)
    assert counted == {"items": [], "nextPageToken": "", "totalItemCount": 0}


async def test_a_token_of_another_batch_or_filter_or_of_nobody_is_refused(batches):
    one, other = await batch_of(batches, 3), await batch_of(batches, 3)
    token = (await batches.read(f"{one}/items", pageSize=1))["nextPageToken"]
    letter = "A" if token[-1] != "A" else "B"
    for batch, query in (
        (other, {"pageToken": token}),
        (one, {"pageToken": token, "status": "SUCCEEDED"}),
        (one, {"pageToken": f"{token[:-1]}{letter}"}),
        (one, {"pageToken": "MQ"}),
    ):
        problem_of(await batches.get(f"{batch}/items", **query), 400, "pageToken")


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=x", "pageOffset=200000", "status=DONE", "sort=id"])
async def test_a_query_that_means_nothing_is_a_400(batches, query):
    batch = await batch_of(batches, 1)
    problem_of(await batches.client.get(f"{batches.path}/{batch}/items?{query}"), 400, query.partition("=")[0])


@asynccontextmanager
async def two_gateways(manager, directory):
    """Serve two more gateways in front of a manager, on one data directory."""
    async with gateway_of(manager, directory) as one, gateway_of(manager, directory) as other:
        yield one, other


async def test_tokens_are_good_at_another_gateway_on_the_same_data_and_after_a_restart(place, tmp_path):
    async with two_gateways(place[0], tmp_path) as (one, other):
        batch = await batch_of(one, 5)
        token = (await one.read(f"{batch}/items", pageSize=2))["nextPageToken"]
        assert names_of((await other.read(f"{batch}/items", pageToken=token))["items"]) == ["2", "3", "4"]
    async with two_gateways(place[0], tmp_path) as (again, _):
        assert names_of((await again.read(f"{batch}/items", pageToken=token))["items"]) == ["2", "3", "4"]


async def test_one_key_at_two_gateways_creates_one_batch(place, tmp_path):
    async with two_gateways(place[0], tmp_path) as gateways:
        body = body_of(*(nextflow(str(number)) for number in range(300)))
        answers = await asyncio.gather(*(gateways[number % 2].create(body, "two doors") for number in range(8)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
        assert made == {await gateway.created(body, "two doors") for gateway in gateways}
        assert len(made) == 1
