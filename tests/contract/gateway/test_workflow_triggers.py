"""The route that starts exam tasks, before a real manager: one answer for scans and graphs, and what is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest
import pytest_asyncio

from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from tests.doubles.exam_gateway import Records, exam_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "/api/v1/workflowmanager/trigger_task"
GONE = str(uuid4())
ARTIFACT = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
FFT = {
    "dag_id": "fft",
    "description": "",
    "parameters": {"type": "object", "properties": {"kspace": ARTIFACT}, "additionalProperties": False},
    "inputs": {"kspace": {"kind": "array", "several": False, "required": False, "description": ""}},
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager with an open lane of graphs, and a client of the gateway in front of it."""
    directory = tmp_path_factory.mktemp("gateway")
    async with exam_gateway(directory, lanes=(DEFAULT_LANE, "compute"), timeout_s=20) as (manager, client):
        manager.bench.resources.graph_lanes = ("compute",)
        compute = manager.bench.in_lane("compute")
        await compute.do("environment_open", lane="compute")
        compute.hello(environment="loading")
        compute.tell(CatalogPage, catalog="dags", first=True, entries={"fft": FFT})
        await compute.report(EnvironmentOpened)
        yield manager, client


@pytest.fixture
def bench(place):
    """The manager."""
    return place[0].bench


@pytest.fixture
def records(place):
    """The routes of exam records."""
    return Records(place[1])


@pytest_asyncio.fixture(loop_scope="module")
async def device_id(bench):
    """A scanner that is away."""
    return (await bench.do("device_create", name=f"MR {uuid4()}", description="room 3"))["device_id"]


@pytest_asyncio.fixture(loop_scope="module")
async def scan(bench, records, device_id):
    """A scan for that scanner, as new."""
    sequence = await bench.do("exam_sequence_add", sequence={"name": "spin echo"}, seq_file="[VERSION]")
    workflow = (await records.tree()).workflow
    return await records.scan(workflow, device_id=device_id, sequence_id=sequence["sequence"]["id"])


async def trigger(records, task_id, status=202, query="", **options):
    """Trigger an exam task; return what is answered."""
    answer = await records.client.post(f"{PREFIX}/{task_id}{query}", **options)
    assert answer.status_code == status, answer.text
    return answer


@pytest.mark.parametrize("end", ["/", ""])
async def test_a_scan_is_accepted_with_its_place(records, scan, device_id, end):
    answer = await trigger(records, f"{scan['id']}{end}")
    content = answer.json()
    uid = content["item_uid"]
    assert content == {
        "item_uid": uid,
        "task_id": scan["id"],
        "device_id": device_id,
        "lane": device_id,
        "position": 0,
        "state": "queued",
        "device_status": "OFFLINE",
    }
    assert answer.headers["location"] == f"/v1/queue/item?uid={uid}&lane={device_id}"
    task = await records.ask("GET", f"/task/{scan['id']}")
    assert (task["status"], task["item_uid"], task["item_state"]) == ("STARTED", uid, "queued")


async def test_options_stand_in_the_query_or_in_the_body(bench, records, scan, device_id):
    answer = await trigger(records, scan["id"], query="?expected_uploads=0", json={"held": True, "upload_grace_s": 5})
    assert answer.json()["state"] == "held"
    [item] = (await bench.do("queue_get", lane=device_id))["items"]
    assert (item["kwargs"]["expected_uploads"], item["kwargs"]["upload_grace_s"]) == (0, 5)


async def test_processing_is_accepted_in_the_lane_of_graphs_after_its_inputs(bench, records, scan):
    image = await records.dag({"id": scan["workflow_id"], "is_template": False}, [scan])
    refused = (await trigger(records, image["id"], 409)).json()["detail"]
    assert "trigger it first" in refused
    uid = (await trigger(records, scan["id"])).json()["item_uid"]
    content = (await trigger(records, image["id"])).json()
    assert (content["lane"], content["device_id"], content["device_status"]) == ("compute", None, None)
    item = (await bench.do("queue_item_get", uid=content["item_uid"], lane="compute"))["item"]
    assert (item["after"], item["kwargs"]) == ([uid], {"kspace": {"item_uid": uid}})


async def test_under_one_key_a_task_is_triggered_once(records, scan):
    key = {"Idempotency-Key": str(uuid4())}
    first, again = [await trigger(records, scan["id"], headers=key) for _ in range(2)]
    assert first.json()["item_uid"] == again.json()["item_uid"]
    await trigger(records, scan["id"], 409)


async def test_what_cannot_be_triggered_has_the_status_of_its_reason(records, scan, device_id):
    workflow = {"id": scan["workflow_id"], "is_template": False}
    nowhere = await records.scan(workflow, sequence_id=scan["sequence_id"])
    lost = await records.scan(workflow, sequence_id=scan["sequence_id"], device_id=GONE)
    silent = await records.scan(workflow, sequence_id="7", device_id=device_id)
    template = await records.ask("GET", f"/{await records.template()}")
    of_template = template["workflows"][0]["tasks"][0]["id"]
    for task_id, status in (
        ("no-uuid", 400),
        (GONE, 404),
        (of_template, 400),
        (nowhere["id"], 400),
        (lost["id"], 404),
        (silent["id"], 404),
    ):
        assert list((await trigger(records, task_id, status)).json()) == ["detail"]
    await trigger(records, scan["id"], 422, query="?expected_uploads=-1")
    await trigger(records, scan["id"], 422, content=b"[]")


async def test_without_a_token_nothing_is_triggered(records, scan):
    await trigger(records, scan["id"], 401, headers={"Authorization": ""})
