"""The client functions of exam records against a gateway with a real manager, and against servers that fail."""

from __future__ import annotations

import asyncio
import inspect
import runpy
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import HTTPException

from http_gateway.dialects.scanhub import requests
from http_gateway.dialects.scanhub.exam_enums import ItemStatus, ResultType
from http_gateway.dialects.scanhub.exam_models import (
    AcquisitionTaskOut,
    BaseAcquisitionTask,
    DAGTaskOut,
    ResultOut,
    SetResult,
)
from http_gateway.dialects.scanhub.request_calls import Addresses
from http_gateway.dialects.scanhub.requests import AsyncExamClient
from tests.doubles.exam_gateway import LIMITS, Records, dag_of, exam_gateway, give_item, scan_of, workflow_of
from tests.doubles.exam_records import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = identity("gone")
SIX = ("get_task", "set_task", "create_blank_result", "set_result", "get_result", "get_exam_id")
GIVEN = SetResult(type=ResultType.MRD, directory="w/t/r", files=["scan.mrd"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager and a client of the gateway in front of it."""
    async with exam_gateway(tmp_path_factory.mktemp("gateway"), timeout_s=20) as both:
        yield both


@pytest.fixture
def records(place):
    """The routes of exam records."""
    return Records(place[1])


def point_to(monkeypatch, url):
    """Let the functions ask the gateway at an address."""
    there = Addresses.below(url)
    monkeypatch.setattr(requests, "TASK_URI", there.task)
    monkeypatch.setattr(requests, "RESULT_URI", there.result)
    monkeypatch.setattr(requests, "WORKFLOW_URI", there.exam)


@pytest_asyncio.fixture(params=["blocking", "awaited"], loop_scope="module")
async def six(request, records, monkeypatch):
    """The six functions, both forms in one: each is awaited."""
    point_to(monkeypatch, records.url)
    if request.param == "blocking":
        yield SimpleNamespace(**{name: partial(asyncio.to_thread, getattr(requests, name)) for name in SIX})
        return
    async with AsyncExamClient(records.url) as client:
        yield client


async def refuse(asked, status):
    """Check that a request fails with a status; return what is told."""
    with pytest.raises(HTTPException) as raised:
        await asked
    assert raised.value.status_code == status, raised.value.detail
    return raised.value.detail


# --- what they do ---------------------------------------------------------------------------------------------------


async def test_a_task_is_read_changed_and_given_results(six, records, place):
    tree = await records.tree()
    scan = await records.scan(tree.workflow, acquisition_limits=LIMITS)
    task = await six.get_task(scan["id"], records.token)
    assert isinstance(task, AcquisitionTaskOut)
    assert task.acquisition_limits is not None
    assert (task.id, task.acquisition_limits.patient_age) == (UUID(scan["id"]), 40)
    task.status, task.progress = ItemStatus.FINISHED, 100
    changed = await six.set_task(task.id, task, records.token)
    assert (changed.status, changed.progress, changed.version) == (ItemStatus.FINISHED, 100, 2)
    blank = await six.create_blank_result(task.id, records.token)
    assert (blank.type, blank.directory, blank.files, blank.meta) == (ResultType.NOT_SET, "", [], None)
    result = await six.set_result(str(blank.id), GIVEN, records.token)
    assert (result.type, result.files, result.task_id) == (ResultType.MRD, ["scan.mrd"], task.id)
    result.files = [*result.files, "device_parameter.json"]
    assert await six.set_result(result.id, result, records.token) == await six.get_result(result.id, records.token)
    assert [each.id for each in (await six.get_task(task.id, records.token)).results] == [result.id]
    assert await six.get_exam_id(tree.workflow["id"], records.token) == tree.exam["id"]


async def test_processing_is_a_task_of_another_type(six, records):
    tree = await records.tree()
    dag = await records.dag(tree.workflow, [tree.scan])
    task = await six.get_task(UUID(dag["id"]), records.token)
    assert isinstance(task, DAGTaskOut)
    assert task.input_task_ids == [UUID(tree.scan["id"])]
    changed = await six.set_task(dag["id"], dag_of(dag_id="nufft"), records.token)
    assert (changed.dag_id, changed.input_task_ids) == ("nufft", task.input_task_ids)


async def test_the_uid_of_an_item_will_do_as_the_id_of_its_task(six, records, place):
    scan = (await records.tree()).scan
    uid = await give_item(place[0], scan, "done", status="FINISHED", progress=100)
    assert str((await six.get_task(uid, records.token)).id) == scan["id"]
    assert str((await six.create_blank_result(uid, records.token)).task_id) == scan["id"]


async def test_a_result_is_made_once_under_its_key(six, records):
    scan = (await records.tree()).scan
    made = [await six.create_blank_result(scan["id"], records.token, idempotency_key=scan["id"]) for _ in range(2)]
    assert isinstance(made[0], ResultOut)
    assert made[0] == made[1]


# --- what they raise ------------------------------------------------------------------------------------------------


async def test_a_malformed_id_is_a_400(six, records):
    for wrong in ("x", "", "../workflow/all", f"{GONE}0", None):
        for name in ("get_task", "create_blank_result", "get_result", "get_exam_id"):
            await refuse(getattr(six, name)(wrong, records.token), 400)
        await refuse(six.set_task(wrong, scan_of(), records.token), 400)
        await refuse(six.set_result(wrong, GIVEN, records.token), 400)


async def test_what_there_is_not_is_a_404(six, records):
    for name in ("get_task", "create_blank_result", "get_result", "get_exam_id"):
        await refuse(getattr(six, name)(GONE, records.token), 404)
    await refuse(six.set_task(GONE, scan_of(), records.token), 404)
    await refuse(six.set_result(GONE, GIVEN, records.token), 404)


async def test_the_workflow_of_no_exam_is_a_404(six, records):
    alone = await records.ask("POST", "/workflow/new", 201, json=workflow_of(is_template=True))
    assert "None" not in str(await refuse(six.get_exam_id(alone["id"], records.token), 404))


@pytest.mark.parametrize("token", ["wrong", "", "a b", "\u00e4", "a\nb"])
async def test_a_token_that_does_not_count_is_a_401_whether_or_not_the_record_is_there(six, records, token):
    scan = (await records.tree()).scan
    for name in ("get_task", "create_blank_result"):
        for wanted in (scan["id"], GONE):
            await refuse(getattr(six, name)(wanted, token), 401)


async def test_values_that_do_not_fit_are_a_400(six, records):
    tree = await records.tree()
    scan, token = tree.scan, records.token
    result = await six.create_blank_result(scan["id"], token)
    for wrong in (
        {},
        None,
        scan_of(task_type="PROCESSING"),
        scan_of(workflow_id=None),
        scan_of(workflow_id=GONE),
        scan_of(is_template=True),
        scan_of(progress=101),
        scan_of(name="x" * 257),
        dag_of(workflow_id=tree.workflow["id"]),
        BaseAcquisitionTask(**scan_of()),
    ):
        await refuse(six.set_task(scan["id"], wrong, token), 400)
    nested = {}
    for _ in range(2000):
        nested = {"a": nested}
    for wrong in (
        {},
        {"type": "PNG", "directory": ""},
        {"type": "MRD", "directory": "", "files": ["../x"]},
        {"type": "MRD", "directory": "", "meta": nested},
        {"type": "MRD", "directory": "", "meta": {"a": object()}},
    ):
        await refuse(six.set_result(result.id, wrong, token), 400)
    assert (await six.get_task(scan["id"], token)).version == 1


async def test_a_template_has_no_results(six, records):
    template = await records.ask("POST", "/task/new", 201, json=scan_of(is_template=True))
    await refuse(six.create_blank_result(template["id"], records.token), 400)


async def test_what_the_queue_owns_is_a_409_and_another_version_a_412(six, records, place):
    scan = (await records.tree()).scan
    await refuse(six.set_task(scan["id"], scan, records.token, if_version=2), 412)
    changed = await six.set_task(scan["id"], {**scan, "name": "n"}, records.token, if_version=1)
    await give_item(place[0], scan, "running", status="INPROGRESS", progress=1)
    await refuse(six.set_task(scan["id"], {**scan, "progress": 2}, records.token), 409)
    assert changed.name == "n"


# --- servers that fail ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(*answers):
    """Serve answers in turn, the last one for ever: a status with a body, or None for a connection that ends."""
    asked, left = [], list(answers)

    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.split(" ", 2)[0])
        found = left.pop(0) if len(left) > 1 else left[0]
        if found is not None:
            status, body = found
            lines = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(lines.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


RESULT = b'{"id":"%s","task_id":"%s","datetime_created":"2026-01-01T00:00:00Z","type":"MRD","directory":""}' % (
    GONE.encode(),
    GONE.encode(),
)


@pytest.mark.parametrize("failure", [(500, b"oops"), (502, b"{}"), (503, b'{"detail":"later"}'), None])
async def test_get_and_put_are_sent_again_where_the_server_fails_and_post_only_with_a_key(failure):
    async with serving(failure) as (url, asked), AsyncExamClient(url, pauses_s=(0, 0)) as client:
        await refuse(client.get_result(GONE, "t"), 503)
        await refuse(client.set_result(GONE, GIVEN, "t"), 503)
        await refuse(client.create_blank_result(GONE, "t", idempotency_key="k"), 503)
        await refuse(client.create_blank_result(GONE, "t"), 503)
        assert asked == ["GET"] * 3 + ["PUT"] * 3 + ["POST"] * 4
    async with (
        serving(failure, failure, (200, RESULT)) as (url, asked),
        AsyncExamClient(url, pauses_s=(0, 0)) as client,
    ):
        assert (await client.get_result(GONE, "t")).type == "MRD"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
async def test_a_refusal_has_its_true_status_and_is_not_asked_again(status):
    async with serving((status, b'{"detail":"no"}')) as (url, asked), AsyncExamClient(url) as client:
        assert await refuse(client.get_task(GONE, "t"), status) == "no"
        assert len(asked) == 1


@pytest.mark.parametrize(("status", "shown"), [(422, 400), (429, 429), (413, 413), (302, 503), (201, 503)])
async def test_any_other_status_is_shown_as_what_it_means(status, shown):
    async with serving((status, b"not JSON")) as (url, _), AsyncExamClient(url, pauses_s=()) as client:
        await refuse(client.get_task(GONE, "t"), shown)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"task_type":"COFFEE"}', 400), (b'{"task_type":"DAG"}', 503), (b"{}", 503), (b"[]", 503), (b"{", 503)],
)
async def test_an_answer_that_is_no_task_is_no_task(body, status):
    async with serving((200, body)) as (url, _), AsyncExamClient(url, pauses_s=()) as client:
        await refuse(client.get_task(GONE, "t"), status)
        await refuse(client.get_exam_id(GONE, "t"), 503)


async def test_the_functions_that_block_do_the_same(monkeypatch):
    monkeypatch.setattr(requests, "PAUSES_S", (0.0, 0.0))
    async with serving(None, (503, b"{}"), (200, RESULT)) as (url, asked):
        point_to(monkeypatch, url)
        assert (await asyncio.to_thread(requests.get_result, GONE, "t")).type == "MRD"
        assert len(asked) == 3
    await refuse(asyncio.to_thread(requests.get_result, GONE, "t"), 503)
    async with serving((503, b"{}")) as (url, asked):
        point_to(monkeypatch, url)
        await refuse(asyncio.to_thread(requests.create_blank_result, GONE, "t"), 503)
        assert len(asked) == 1


async def test_a_server_that_says_nothing_is_a_503():
    async def read(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(read, "127.0.0.1", 0)
    async with silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with AsyncExamClient(url, timeout_s=0.05, pauses_s=(0,)) as client:
            await refuse(client.get_task(GONE, "t"), 503)


# --- where they ask -------------------------------------------------------------------------------------------------


async def test_the_addresses_are_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("CUELIGHT_SCANHUB_URL", "https://scans.example/")
    fresh = runpy.run_path(requests.__file__)
    assert [fresh[name] for name in ("TASK_URI", "RESULT_URI", "WORKFLOW_URI")] == [
        "https://scans.example/api/v1/exam/task",
        "https://scans.example/api/v1/exam/result",
        "https://scans.example/api/v1/exam",
    ]
    assert (
        requests.find_base_url({}) == requests.find_base_url({"CUELIGHT_SCANHUB_URL": ""}) == "http://127.0.0.1:60610"
    )


async def test_both_forms_take_the_same(records):
    for name in SIX:
        blocking = inspect.signature(getattr(requests, name))
        awaited = inspect.signature(getattr(AsyncExamClient, name))
        assert list(awaited.parameters.values())[1:] == list(blocking.parameters.values())
