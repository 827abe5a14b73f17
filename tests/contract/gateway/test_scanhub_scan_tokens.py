"""What a scan token opens among exam records: its own task, sequence and results, and nothing else."""

from __future__ import annotations

import httpx
import pytest
import pytest_asyncio

from http_gateway.app import create_app
from http_gateway.config import GatewaySettings
from http_gateway.dialects.scanhub.exam_access import provide_scan_tokens
from tests.doubles.exam_gateway import Records, exam_of, give_item, real_manager, scan_of
from tests.doubles.exam_records import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEVICE = identity("device")


class Tokens:
    """Knows the token of each item as the uid of it; the disk fails for one."""

    def __init__(self):
        self.known = {}

    def verify(self, token):
        """Return device and item of a token."""
        if token == "unreadable":
            raise OSError("no such disk")
        return self.known.get(token)


class Scan:
    """A scan whose item runs, with a sequence and a result, and the routes as a person and as the device see them."""

    def __init__(self, person, device):
        self.person, self.device = person, device

    async def begin(self, manager, tokens):
        """Make it."""
        self.sequence = await self.person.ask(
            "POST",
            "/sequence",
            201,
            data={"name": "s", "description": "", "sequence_type": ""},
            files={"seq_file": b"x", "xml_file": b"<x/>"},
        )
        tree = await self.person.tree()
        self.workflow = tree.workflow
        self.task = await self.person.scan(tree.workflow, sequence_id=self.sequence["_id"])
        self.result = await self.person.ask("POST", f"/result?task_id={self.task['id']}", 201)
        self.uid = await give_item(manager, self.task, "running", status="INPROGRESS", progress=10)
        tokens.known[f"token-{self.uid}"] = (DEVICE, self.uid)
        self.device.client.headers["Authorization"] = f"Bearer token-{self.uid}"
        return self


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager, the application of a gateway, its scan tokens, and the settings."""
    async with real_manager() as manager:
        data = tmp_path_factory.mktemp("gateway")
        app = create_app(GatewaySettings(control=manager.control, info=manager.info, data=data))
        async with app.router.lifespan_context(app):
            tokens = Tokens()
            provide_scan_tokens(app, tokens)
            yield manager, app, tokens, (data / "api-key").read_text().strip()


def client_of(app, token):
    """Return a client of an application."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway", headers=headers)


@pytest_asyncio.fixture(loop_scope="module")
async def scan(place):
    """A scan whose item runs."""
    manager, app, tokens, key = place
    async with client_of(app, key) as person, client_of(app, "none") as device:
        yield await Scan(Records(person), Records(device)).begin(manager, tokens)


@pytest_asyncio.fixture(loop_scope="module")
async def other(place):
    """Another one."""
    manager, app, tokens, key = place
    async with client_of(app, key) as person, client_of(app, "none") as device:
        yield await Scan(Records(person), Records(device)).begin(manager, tokens)


async def test_it_reads_its_own_task_by_the_uid_of_the_item_and_by_its_id(scan):
    for named in (scan.uid, scan.task["id"]):
        assert (await scan.device.ask("GET", f"/task/{named}"))["id"] == scan.task["id"]


async def test_it_reads_its_own_sequence(scan):
    path = f"/sequence/{scan.sequence['_id']}"
    assert (await scan.device.ask("GET", path))["seq_file"] == "x"
    for part in ("file", "header"):
        assert (await scan.device.client.get(f"/api/v1/exam{path}/{part}")).status_code == 200


async def test_it_makes_reads_and_sets_results_of_its_own_task(scan):
    blank = await scan.device.ask("POST", f"/result?task_id={scan.uid}", 201)
    given = {"type": "MRD", "directory": "w/t/r", "files": ["scan.mrd"]}
    changed = await scan.device.ask("PUT", f"/result/{blank['id']}", json=given)
    assert (changed["type"], changed["task_id"]) == ("MRD", scan.task["id"])
    assert await scan.device.ask("GET", f"/result/{blank['id']}") == changed
    assert len(await scan.device.ask("GET", f"/result/all/{scan.task['id']}")) == 2


async def test_it_opens_nothing_of_another_scan(scan, other):
    for verb, path in (
        ("GET", f"/task/{other.uid}"),
        ("GET", f"/task/{other.task['id']}"),
        ("GET", f"/sequence/{other.sequence['_id']}"),
        ("GET", f"/sequence/{other.sequence['_id']}/file"),
        ("GET", f"/sequence/{other.sequence['_id']}/header"),
        ("POST", f"/result?task_id={other.uid}"),
        ("GET", f"/result/all/{other.task['id']}"),
        ("GET", f"/result/{other.result['id']}"),
        ("PUT", f"/result/{other.result['id']}"),
        ("GET", f"/task/{identity('gone')}"),
    ):
        await scan.device.ask(verb, path, 403, json={"type": "MRD", "directory": ""} if verb == "PUT" else None)
    assert len(await other.device.ask("GET", f"/result/all/{other.uid}")) == 1


async def test_it_opens_nothing_else_even_of_its_own(scan):
    exam_id, workflow_id, task_id = scan.workflow["exam_id"], scan.workflow["id"], scan.task["id"]
    for verb, path in (
        ("PUT", f"/task/{task_id}"),
        ("DELETE", f"/task/{task_id}"),
        ("DELETE", f"/result/{scan.result['id']}"),
        ("DELETE", f"/sequence/{scan.sequence['_id']}"),
        ("GET", f"/workflow/{workflow_id}"),
        ("GET", f"/{exam_id}"),
        ("GET", f"/task/all/{workflow_id}"),
        ("GET", "/sequences/all"),
        ("GET", "/templates/all"),
        ("POST", "/new"),
        ("POST", "/task/new"),
        ("PUT", "/task/reorder"),
    ):
        body = {"POST": exam_of(), "PUT": scan_of()}.get(verb)
        await scan.device.ask(verb, path, 403, json=body)
    assert (await scan.person.ask("GET", f"/task/{task_id}"))["version"] == 2


@pytest.mark.parametrize("path", ["/api/v1/userlogin/getcurrentuser", "/v1/exams", "/api/status", "/v1/session"])
async def test_it_counts_nowhere_else(scan, path):
    verb = "POST" if path == "/v1/session" else "GET"
    assert (await scan.device.client.request(verb, path)).status_code == 401


async def test_the_token_of_an_item_that_is_no_exam_task_opens_no_record(scan, place):
    place[2].known["stray"] = (DEVICE, identity("stray item"))
    scan.device.client.headers["Authorization"] = "Bearer stray"
    await scan.device.ask("GET", f"/task/{scan.task['id']}", 403)
    await scan.device.ask("GET", f"/result/{scan.result['id']}", 403)


async def test_a_token_that_does_not_count_any_more_is_a_401_and_not_a_404(scan, place):
    place[2].known.clear()
    await scan.device.ask("GET", f"/task/{scan.uid}", 401)
    await scan.device.ask("GET", f"/task/{identity('gone')}", 401)


async def test_without_the_disk_that_knows_the_tokens_nothing_is_opened(scan):
    scan.device.client.headers["Authorization"] = "Bearer unreadable"
    await scan.device.ask("GET", f"/task/{scan.uid}", 503)
    scan.device.client.headers["Authorization"] = "Basic x"
    await scan.device.ask("GET", f"/task/{scan.uid}", 401)
