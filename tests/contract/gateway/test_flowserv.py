"""The routes of the flowserv dialect in front of a manager that knows workflows, asked with the client of flowserv."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
import pytest_asyncio
import requests
from flowserv.model.template.schema import SortColumn
from flowserv.service.descriptor import ROUTES, ServiceDescriptor
from flowserv.service.workflow.remote import RemoteWorkflowService
from flowserv.tests import serialize
from flowserv.view.validate import validator

from http_gateway.dialects.flowserv.paths import PATTERNS
from tests.doubles.flowserv_client import read_members, read_parameters, status_of
from tests.doubles.flowserv_manager import COLUMNS, CREATED, PARAMETERS, FlowservManager
from tests.doubles.gateway import gateway_with_logins

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/flowserv/api/v1"
LARGE = b"position,counts\n" * 400
SETTINGS = {
    "timeout_s": 20,
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {name: f"{name}_password" for name in ("bob", "eve", "obs")}},
            }
        ]
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"bob": {"roles": "user"}, "eve": {"roles": "user"}, "obs": {"roles": "observer"}}},
    },
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A gateway with accounts: its manager, the directory of its data, and a client without credential."""
    directory = tmp_path_factory.mktemp("gateway")
    async with gateway_with_logins(directory, **SETTINGS) as (manager, client):
        yield SimpleNamespace(manager=manager, directory=directory, client=client, url=str(client.base_url).rstrip("/"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tokens(place):
    """The tokens of bob, eve and obs, each of a login here."""
    found = {}
    for name in ("bob", "eve", "obs"):
        body = {"username": name, "password": f"{name}_password"}
        answer = await place.client.post(f"{BASE}/users/login", json=body)
        assert answer.status_code == 200, answer.text
        found[name] = answer.json()["token"]
    return found


@pytest.fixture
def content(place):
    """Two workflows, three groups, five ranked submissions, and a successful post-processing with two files."""
    place.manager.forget()
    content = FlowservManager(place.directory)
    content.serve(place.manager)
    content.group("alpha", "bob", ["eve"])
    content.group("beta", "eve")
    content.group("gamma", "bob")
    scores = [
        ("alpha", {"score": 2.0, "hits": 4, "chi": 0.5, "note": "first"}),
        ("alpha", {"score": 2.0, "hits": 3, "chi": float("nan")}),
        ("beta", {"score": 2.0, "hits": 7}),
        ("beta", {"score": 0.5, "hits": 9, "note": "ä"}),
        ("gamma", {"score": 1, "hits": 1}),
    ]
    for group, metrics in scores:
        files = [content.file("fit", b'{"fit": 1}'), content.file("plot.csv", b"a\n1\n", "text/csv")]
        content.submission(group, "completed", [content.result(metrics=metrics, files=files)])
    files = [content.file("average.csv", LARGE, "text/csv"), content.file("deep/summary.json", b"{}")]
    processed = content.submission(None, "completed", [content.result(files=files)], workflow_version=1)
    content.postprocessing["peaks"] = processed
    return content


@pytest.fixture
def remote(place, monkeypatch):
    """Ask a method of the real client, with a token if one is given."""

    async def ask(method, *arguments, token=None, login="", **options):
        if token is None:
            monkeypatch.delenv("FLOWSERV_ACCESS_TOKEN", raising=False)
        else:
            monkeypatch.setenv("FLOWSERV_ACCESS_TOKEN", token)
        url = place.url.replace("://", f"://{login}") + BASE
        service = RemoteWorkflowService(ServiceDescriptor({"name": "test", "url": url}))
        return await asyncio.to_thread(getattr(service, method), *arguments, **options)

    return ask


@pytest.fixture
def ask(place, tokens):
    """Send a request as somebody; the status must be the expected one. Returns what is answered."""

    async def send(verb, path, status=200, user="bob", **options):
        headers = {"api_key": tokens[user]} if user else {}
        answer = await place.client.request(verb, f"{BASE}{path}", headers=headers, **options)
        assert answer.status_code == status, f"{verb} {path}: {answer.status_code} {answer.text}"
        if status >= 400:
            assert list(answer.json()) == ["message"]
        return answer.json() if answer.content else None

    return send


def check(key, document):
    """Compare a document with the schema that flowserv publishes, but for what its code has otherwise."""
    shown = dict(document)
    if "parameters" in shown:
        # The schema knows default values as text only.
        shown["parameters"] = [{**each, "defaultValue": ""} for each in shown["parameters"]]
    if "arguments" in shown:
        # And arguments have an id there.
        shown["arguments"] = []
    assert [error.message for error in validator(key).iter_errors(shown)] == []


def flat(document):
    """Return a document as the checkers of flowserv know it: they have forgotten the keys of lists and records."""
    known = [each for each in document["parameters"] if each["dtype"] not in ("list", "record")]
    return {**document, "parameters": known}


async def test_the_patterns_are_those_of_the_client():
    assert {name: pattern for name, (_, pattern) in PATTERNS.items()} == ROUTES


async def test_the_service_describes_itself_with_and_without_a_slash(place, ask, tokens):
    told = await ask("GET", "/", user=None)
    assert await ask("GET", "", user=None) == told
    check("ServiceDescriptor", told)
    assert (told["url"], "username" in told) == (f"{place.url}{BASE}", False)
    assert {each["id"]: each["pattern"] for each in told["routes"]} == {k: v for k, (_, v) in PATTERNS.items()}
    assert (await ask("GET", "/"))["username"] == "bob"


# --- the five methods of the real client ----------------------------------------------------------------------------


@pytest.mark.parametrize("user", [None, "bob"])
async def test_the_client_lists_workflows(content, remote, tokens, user):
    listed = await remote("list_workflows", token=tokens.get(user))
    serialize.validate_workflow_listing(listed)
    check("WorkflowListing", listed)
    assert [each["id"] for each in listed["workflows"]] == ["peaks", "bare.1"]
    assert listed["workflows"][1] == {"id": "bare.1", "name": "Without a ranking"}


@pytest.mark.parametrize("user", [None, "bob", "eve", "obs"])
async def test_the_client_gets_a_workflow_with_the_groups_of_the_caller(content, remote, tokens, user):
    handle = await remote("get_workflow", "peaks", token=tokens.get(user))
    serialize.validate_workflow_handle(flat(handle))
    check("WorkflowHandle", handle)
    groups = {"bob": ["alpha", "gamma"], "eve": ["alpha", "beta"], "obs": []}
    shown = None if user is None else [each["id"] for each in handle["groups"]]
    assert shown == (None if user is None else groups[user])
    listed = await remote("list_workflows")
    assert {name: handle[name] for name in listed["workflows"][0]} == listed["workflows"][0]


async def test_the_client_reads_the_parameters(content, remote):
    handle = await remote("get_workflow", "peaks")
    index = read_parameters(handle["parameters"])
    assert list(index) == [each["name"] for each in PARAMETERS]
    assert (index["energy"].constraint.to_string(), index["energy"].required) == ("[0.0,20.5)", True)
    assert (index["points"].default, index["points"].constraint.to_string()) == (11, "[1.0,inf)")
    assert index["mode"].default == "fast"
    assert str(index["mask"].target) == "data/mask.txt"
    assert handle["parameterGroups"] == [{"name": "more", "title": "More", "index": 0}]
    assert (await remote("get_workflow", "bare.1"))["parameterGroups"] == []


async def test_a_wrong_token_never_gets_the_view_of_anybody(content, remote, tokens):
    for token in ("wrong", f"{tokens['bob']}x", "a.b.c"):
        for method, arguments in (("list_workflows", ()), ("get_workflow", ("peaks",)), ("get_ranking", ("peaks",))):
            with pytest.raises(requests.HTTPError) as caught:
                await remote(method, *arguments, token=token)
            assert status_of(caught) == 403


async def test_the_client_gets_the_ranking(content, remote):
    ranking = await remote("get_ranking", "peaks")
    serialize.validate_ranking(ranking)
    assert ranking["schema"] == [{name: each[name] for name in ("name", "label", "dtype")} for each in COLUMNS]
    results = [{each["name"]: each["value"] for each in entry["results"]} for entry in ranking["ranking"]]
    assert results[:3] == [
        {"score": 2.0, "hits": 4, "chi": 0.5, "note": "first"},
        {"score": 2.0, "hits": 3},
        {"score": 2.0, "hits": 7},
    ]
    entry = ranking["ranking"][0]
    assert entry["group"] == {"id": "alpha", "name": "Group alpha"}
    times = [entry["run"][name] for name in ("createdAt", "startedAt", "finishedAt")]
    assert times[0] == "2023-11-14T22:13:20.250000+00:00"
    assert sorted(times) == times
    serialize.validate_run_handle(ranking["postproc"], "SUCCESS")
    assert ranking["postproc"] == (await remote("get_workflow", "peaks"))["postproc"]


async def test_the_client_says_in_which_order(content, remote):
    order = [SortColumn("score"), SortColumn("hits", sort_desc=False)]
    await remote("get_ranking", "peaks", order_by=order, include_all=True)
    await remote("get_ranking", "peaks", include_all=False)
    named = [{"name": "score", "descending": True}, {"name": "hits", "descending": False}]
    assert content.orders == [(named, True), (None, False)]


async def test_a_workflow_without_schema_has_no_ranking(content, remote):
    assert await remote("get_ranking", "bare.1") is None


@pytest.mark.parametrize("login", ["", "x:TOKEN@"])
async def test_the_client_downloads_the_same_bytes_as_archive_and_alone(content, remote, tokens, login):
    login = login.replace("TOKEN", tokens["obs"])
    handle = await remote("get_workflow", "peaks")
    archive = await remote("get_result_archive", "peaks", login=login)
    assert (archive.headers["Content-Type"], archive.headers.get("Content-Encoding")) == ("application/gzip", None)
    assert archive.headers["Content-Disposition"] == 'attachment; filename="results.tar.gz"'
    members = read_members(await asyncio.to_thread(archive.read))
    assert list(members) == [each["name"] for each in handle["postproc"]["files"]]
    for file in handle["postproc"]["files"]:
        stream = await remote("get_result_file", "peaks", file["id"], login=login)
        alone = await asyncio.to_thread(stream.read)
        assert alone == members[file["name"]]
        assert (stream.headers["Content-Length"], stream.headers.get("Content-Encoding")) == (str(len(alone)), None)
    assert members["average.csv"] == LARGE


async def test_what_is_not_there_is_a_404(content, remote):
    own = content.submissions[next(iter(content.submissions))]["results"][0]["files"][0]["id"]
    for method, *arguments in (
        ("get_workflow", "none"),
        ("get_ranking", "none"),
        ("get_result_archive", "none"),
        ("get_result_archive", "bare.1"),
        ("get_result_file", "bare.1", "x"),
        ("get_result_file", "peaks", uuid.uuid4().hex),
        ("get_result_file", "peaks", own),
    ):
        with pytest.raises(requests.HTTPError) as caught:
            await remote(method, *arguments)
        assert status_of(caught) == 404, (method, arguments)


# --- requests as they are sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (None, False)),
        ("orderBy=", (None, False)),
        ("orderBy=,", (None, False)),
        ("orderBy=score:desc,hits:asc", ([("score", True), ("hits", False)], False)),
        ("orderBy=score,,hits:ASC,", ([("score", True), ("hits", False)], False)),
        ("orderBy=score%3ADESC", ([("score", True)], False)),
        ("includeAll=", (None, True)),
        ("includeAll=True", (None, True)),
        ("includeAll=TRUE", (None, True)),
        ("includeAll=1", (None, True)),
        ("includeAll=None", (None, False)),
        ("includeAll=false", (None, False)),
        ("includeAll=0", (None, False)),
    ],
)
async def test_queries_are_read_as_the_client_writes_them(content, ask, query, expected):
    await ask("GET", f"/workflows/peaks/leaderboard?{query}", user=None)
    order, include_all = expected
    named = order and [{"name": name, "descending": descending} for name, descending in order]
    assert content.orders == [(named, include_all)]


@pytest.mark.parametrize(
    "query",
    ["orderBy=nothing", "orderBy=score:UP", "orderBy=:ASC", "orderBy=score:ASC:ASC", "includeAll=yes", "includeAll=2"],
)
async def test_other_queries_are_a_400(content, ask, query):
    await ask("GET", f"/workflows/peaks/leaderboard?{query}", 400, user=None)


async def test_without_success_the_latest_post_processing_is_shown_and_nothing_is_served(content, ask):
    failed = content.submission(None, "failed", [content.result(outcome="failed", message="no memory")])
    content.postprocessing["peaks"] = failed
    handle = (await ask("GET", "/workflows/peaks", user=None))["postproc"]
    serialize.validate_run_handle(handle, "ERROR")
    assert handle["messages"] == ["no memory"]
    await ask("GET", "/workflows/peaks/downloads/archive", 404, user=None)
    content.postprocessing["peaks"] = content.submission(None, "queued")
    serialize.validate_run_handle((await ask("GET", "/workflows/peaks", user=None))["postproc"], "PENDING")


async def test_a_download_has_its_type_its_length_and_its_parts(content, place, ask):
    file = content.postprocessing["peaks"]["results"][0]["files"][0]
    path = f"{BASE}/workflows/peaks/downloads/files/{file['id']}"
    whole = await place.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (whole.content, whole.headers["content-type"]) == (LARGE, "text/csv")
    assert whole.headers["x-content-type-options"] == "nosniff"
    tag = whole.headers["etag"]
    for asked, start, stop in (("0-9", 0, 10), ("10-", 10, len(LARGE)), ("-5", len(LARGE) - 5, len(LARGE))):
        part = await place.client.get(path, headers={"Range": f"bytes={asked}", "If-Range": tag})
        assert (part.status_code, part.content) == (206, LARGE[start:stop])
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(LARGE)}"
    for asked in ("bytes=x", "bytes=-", "bytes=0-1,3-4", "lines=0-1"):
        assert (await place.client.get(path, headers={"Range": asked})).status_code == 200
    changed = await place.client.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, len(LARGE))
    beyond = await place.client.get(path, headers={"Range": f"bytes={len(LARGE)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(LARGE)}")


async def test_an_archive_is_the_same_each_time_and_names_files_as_declared(content, place, ask):
    submission = next(iter(content.submissions.values()))
    path = f"/runs/{submission['id']}/downloads/archive"
    first, second = [await place.client.get(f"{BASE}{path}") for _ in range(2)]
    assert first.content == second.content
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first.content))) as opened:
        members = opened.getmembers()
    assert [(each.name, each.isfile(), each.mtime, each.uid) for each in members] == [
        ("fit", True, 0, 0),
        ("plot.csv", True, 0, 0),
    ]
    handle = await ask("GET", f"/runs/{submission['id']}")
    assert [each["name"] for each in handle["files"]] == ["fit", "plot.csv"]


async def test_a_damaged_file_ends_in_an_error_and_not_in_wrong_bytes(content, place):
    file = content.file("large.bin", b"x" * 600_000)
    content.postprocessing["peaks"]["results"][0]["files"] = [file]
    path = place.directory / "artifacts" / file["artifact_id"][:2] / file["artifact_id"]
    path.write_bytes(b"y" + b"x" * 599_999)
    for what in ("archive", f"files/{file['id']}"):
        with pytest.raises(httpx.RemoteProtocolError):
            await place.client.get(f"{BASE}/workflows/peaks/downloads/{what}")
    path.unlink()
    for what in ("archive", f"files/{file['id']}"):
        assert (await place.client.get(f"{BASE}/workflows/peaks/downloads/{what}")).status_code == 404


# --- runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("queued", "PENDING"),
        ("held", "PENDING"),
        ("running", "RUNNING"),
        ("paused", "RUNNING"),
        ("uploading", "RUNNING"),
        ("removed", "CANCELED"),
    ],
)
async def test_a_submission_without_results_is_one_run(content, ask, state, shown):
    submission = content.submission("alpha", state, time_started=CREATED - 5)
    handle = await ask("GET", f"/runs/{submission['id']}")
    serialize.validate_run_handle(flat(handle), shown)
    assert sorted(handle[name] for name in ("createdAt", "startedAt", "finishedAt") if name in handle) == [
        handle[name] for name in ("createdAt", "startedAt", "finishedAt") if name in handle
    ]


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ("completed", "SUCCESS"),
        ("stopped", "SUCCESS"),
        ("failed", "ERROR"),
        ("unknown", "ERROR"),
        ("aborted", "CANCELED"),
        ("halted", "CANCELED"),
    ],
)
async def test_an_ended_submission_is_a_run_in_an_end_state(content, ask, outcome, shown):
    result = content.result(outcome=outcome, time_start=CREATED - 9, time_stop=CREATED - 8)
    submission = content.submission("alpha", outcome, [result])
    handle = await ask("GET", f"/runs/{submission['id']}")
    serialize.validate_run_handle(flat(handle), shown)
    check("RunHandle", handle)
    # The clock was set back; the order of the times holds all the same.
    assert handle["createdAt"] == handle["startedAt"] == handle["finishedAt"]


async def test_an_attempt_after_an_end_is_a_run_of_its_own(content, ask):
    failed = content.result(1, "failed", message="motor stalled")
    submission = content.submission("gamma", "held", [failed], message="held for a person")
    listed = (await ask("GET", "/groups/gamma/runs"))["runs"]
    serialize.validate_run_listing({"runs": listed})
    later = f"{submission['id']}.2"
    states = {each["id"]: each["state"] for each in listed}
    assert (states[submission["id"]], states[later]) == ("ERROR", "PENDING")
    assert (await ask("GET", f"/runs/{submission['id']}"))["messages"] == ["motor stalled"]
    serialize.validate_run_handle(flat(await ask("GET", f"/runs/{later}")), "PENDING")
    submission |= {"state": "completed", "results": [failed, content.result(2)]}
    serialize.validate_run_handle(flat(await ask("GET", f"/runs/{submission['id']}")), "ERROR")
    serialize.validate_run_handle(flat(await ask("GET", f"/runs/{later}")), "SUCCESS")
    for unknown in (f"{submission['id']}.1", f"{submission['id']}.3", f"{submission['id']}.x", uuid.uuid4().hex):
        await ask("GET", f"/runs/{unknown}", 404)


async def test_runs_are_listed_by_state(content, ask):
    for state in ("queued", "running", "held"):
        content.submission("alpha", state)
    for query in ("", "?state=", "?state=None"):
        assert len((await ask("GET", f"/groups/alpha/runs{query}"))["runs"]) == 5
    counts = {
        state: len((await ask("GET", f"/groups/alpha/runs?state={state}"))["runs"]) for state in ("PENDING", "SUCCESS")
    }
    assert counts == {"PENDING": 2, "SUCCESS": 2}
    for wrong in ("pending", "DONE"):
        await ask("GET", f"/groups/alpha/runs?state={wrong}", 400)


async def test_a_run_is_started_with_arguments_of_every_type(content, place, ask):
    given = [
        {"name": "energy", "value": 8.5},
        {"name": "mask", "value": {"type": "$file", "value": {"fileId": "abc", "targetPath": "m.txt"}}},
        {"name": "tags", "value": ["a", "b"]},
        {"name": "limits", "value": [{"name": "low", "value": 0.5}, {"name": "flat", "value": True}]},
    ]
    handle = await ask("POST", "/groups/alpha/runs", 201, json={"arguments": given})
    serialize.validate_run_handle(flat(handle), "PENDING")
    assert (handle["arguments"], handle["groupId"], handle["workflowId"]) == (given, "alpha", "peaks")
    added = place.manager.requests[-1]
    assert added["params"]["arguments"] == {
        "energy": 8.5,
        "mask": {"file_id": "abc", "target": "m.txt"},
        "tags": ["a", "b"],
        "limits": {"low": 0.5, "flat": True},
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"arguments": {}},
        {"arguments": [1]},
        {"arguments": [{"name": "energy"}]},
        {"arguments": [{"name": "energy", "value": 1, "as": "x"}]},
        {"arguments": [{"name": "energy", "value": 1}, {"name": "energy", "value": 2}]},
        {"arguments": [{"name": "energy", "value": 1}, {"name": "other", "value": 2}]},
        {"arguments": [{"name": "energy", "value": 1}, {"name": "mask", "value": "abc"}]},
        {"arguments": [{"name": "points", "value": 1}]},
        {"arguments": [], "more": 1},
    ],
)
async def test_a_run_is_not_started_with_wrong_arguments(content, ask, body):
    before = len(content.submissions)
    await ask("POST", "/groups/alpha/runs", 400, json=body)
    assert len(content.submissions) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\x80", b'{"a": NaN}'])
async def test_a_body_that_is_no_object_is_a_400(content, ask, body):
    for verb, path in (
        ("POST", "/groups/alpha/runs"),
        ("PUT", f"/runs/{uuid.uuid4()}"),
        ("POST", "/workflows/peaks/groups"),
    ):
        await ask(verb, path, 400, content=body)


async def test_only_an_active_run_is_cancelled_and_only_an_inactive_one_deleted(content, ask):
    waiting = content.submission("alpha", "queued")
    path = f"/runs/{waiting['id']}"
    await ask("DELETE", path, 400)
    handle = await ask("PUT", path, json={"reason": "wrong sample"})
    serialize.validate_run_handle(flat(handle), "CANCELED")
    assert handle["messages"] == ["wrong sample"]
    await ask("PUT", path, 400, json={})
    assert await ask("DELETE", path, 204) is None
    await ask("GET", path, 404)


async def test_a_run_that_is_cancelled_while_it_executes_is_shown_as_it_is(content, ask):
    running = content.submission("alpha", "running")
    handle = await ask("PUT", f"/runs/{running['id']}", json={})
    serialize.validate_run_handle(flat(handle), "RUNNING")
    running |= {"state": "aborted", "results": [content.result(1, "aborted", message="canceled by user")]}
    handle = await ask("GET", f"/runs/{running['id']}")
    serialize.validate_run_handle(flat(handle), "CANCELED")
    assert handle["messages"] == ["canceled by user"]


async def test_one_of_several_attempts_is_not_deleted(content, ask):
    results = [content.result(1, "failed"), content.result(2)]
    submission = content.submission("alpha", "completed", results)
    await ask("DELETE", f"/runs/{submission['id']}", 400)
    assert submission["id"] in content.submissions


async def test_only_members_see_and_change_what_belongs_to_a_group(content, ask):
    run = next(each for each in content.submissions.values() if each["group_id"] == "gamma")["id"]
    own = content.group("delta", "bob")
    own["files"].append(content.file("a.txt", b"a", "text/plain"))
    for verb, path, body in (
        ("GET", "/groups/gamma", None),
        ("POST", "/groups/gamma", {"name": "other"}),
        ("PUT", "/groups/gamma", {"name": "other"}),
        ("DELETE", "/groups/gamma", None),
        ("GET", "/groups/gamma/runs", None),
        ("POST", "/groups/gamma/runs", {"arguments": []}),
        ("GET", f"/runs/{run}", None),
        ("PUT", f"/runs/{run}", {}),
        ("DELETE", f"/runs/{run}", None),
        ("GET", "/uploads/delta/files", None),
        ("DELETE", f"/uploads/delta/files/{own['files'][0]['id']}", None),
    ):
        await ask(verb, path, 403, user="eve", json=body)
        await ask(verb, path, 403, user=None, json=body)
    assert content.groups["gamma"]["name"] == "Group gamma"
    assert run in content.submissions


async def test_an_observer_changes_nothing(content, ask):
    content.group("seen", "obs")
    await ask("GET", "/groups/seen", user="obs")
    await ask("DELETE", "/groups/seen", 403, user="obs")
    await ask("POST", "/workflows/peaks/groups", 403, user="obs", json={"name": "x"})


# --- groups and uploads ---------------------------------------------------------------------------------------------


async def test_a_group_is_made_changed_and_removed(content, ask):
    body = {"name": "Fresh", "members": ["eve"], "id": "fresh_1", "config": {"a": 1}}
    made = await ask("POST", "/workflows/peaks/groups", 201, json=body)
    serialize.validate_group_handle(made)
    check("UserGroupHandle", made)
    assert made["members"] == [{"id": "bob", "username": "bob"}, {"id": "eve", "username": "eve"}]
    assert (made["id"], made["config"], made["workflow"]) == ("fresh_1", {"a": 1}, "peaks")
    assert [each["name"] for each in made["parameters"]] == [each["name"] for each in PARAMETERS]
    listed = await ask("GET", "/groups", user="eve")
    serialize.validate_group_listing(listed)
    assert "fresh_1" in [each["id"] for each in listed["groups"]]
    assert await ask("GET", "/workflows/peaks/groups", user="eve") == listed
    for verb in ("POST", "PUT"):
        changed = await ask(verb, "/groups/fresh_1", json={"name": f"By {verb}", "members": ["bob"]})
        assert (changed["name"], len(changed["members"])) == (f"By {verb}", 1)
    serialize.validate_group_handle(await ask("GET", "/groups/fresh_1"))
    assert await ask("DELETE", "/groups/fresh_1", 204) is None
    await ask("GET", "/groups/fresh_1", 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": 1},
        {"name": "x" * 513},
        {"name": "Group alpha"},
        {"name": "n", "members": "eve"},
        {"name": "n", "members": [1]},
        {"name": "n", "config": []},
        {"name": "n", "parameters": {}},
        {"name": "n", "parameters": [{"dtype": "int", "name": "a", "index": 0, "isRequired": True, "range": "0..1"}]},
        {"name": "n", "id": "x" * 33},
        {"name": "n", "engine": {}},
    ],
)
async def test_a_group_is_not_made_of_wrong_values(content, ask, body):
    before = len(content.groups)
    await ask("POST", "/workflows/peaks/groups", 400, json=body)
    assert len(content.groups) == before


async def test_a_group_of_no_workflow_is_a_404(content, ask):
    await ask("POST", "/workflows/none/groups", 404, json={"name": "n"})
    await ask("GET", "/workflows/none/groups", 404)


@pytest.mark.parametrize("field", ["files", "file"])
async def test_a_file_is_uploaded_listed_downloaded_and_removed(content, place, ask, field):
    data = bytes(range(256)) * 9000
    made = await ask("POST", "/uploads/alpha/files", 201, files={field: ("dir/mask.csv", data)})
    serialize.validate_file_handle(made)
    check("FileHandle", made)
    assert (made["name"], made["size"]) == ("mask.csv", len(data))
    assert datetime.fromisoformat(made["createdAt"]).timestamp() == CREATED
    listed = await ask("GET", "/uploads/alpha/files", user="eve")
    serialize.validate_file_listing(listed, 1)
    path = f"/uploads/alpha/files/{made['id']}"
    got = await place.client.get(f"{BASE}{path}")
    assert (got.content, got.headers["content-type"]) == (data, "text/csv")
    await ask("GET", f"/uploads/beta/files/{made['id']}", 404)
    assert await ask("DELETE", path, 204) is None
    await ask("GET", path, 404)


async def test_an_upload_needs_one_file_with_a_name(content, ask):
    for options in (
        {"json": {}},
        {"files": {"other": ("a", b"")}},
        {"files": [("files", ("a", b"")), ("files", ("b", b""))]},
        {"files": {"files": ("..", b"a")}},
        {"data": {"files": "text"}},
        {"content": b"--x", "headers": None},
    ):
        options.pop("headers", None)
        await ask("POST", "/uploads/alpha/files", 400, **options)
    assert content.groups["alpha"]["files"] == []


# --- users ----------------------------------------------------------------------------------------------------------


async def test_a_login_gives_a_token_that_a_logout_ends(content, place, ask, tokens):
    body = {"username": "eve", "password": "eve_password"}
    told = (await place.client.post(f"{BASE}/users/login", json=body)).json()
    serialize.validate_user_handle(told, login=True)
    header = {"api_key": told["token"]}
    assert (await place.client.get(f"{BASE}/users/whoami", headers=header)).json() == {"id": "eve", "username": "eve"}
    ended = await place.client.post(f"{BASE}/users/logout", headers=header)
    assert (ended.status_code, ended.json()) == (200, {"id": "eve", "username": "eve"})
    assert (await place.client.get(f"{BASE}/users/whoami", headers=header)).status_code == 403
    # Other logins of hers go on.
    assert (await ask("GET", "/users/whoami", user="eve"))["id"] == "eve"


async def test_users_are_listed_without_tokens(content, ask, tokens):
    listed = await ask("GET", "/users")
    serialize.validate_user_listing(listed)
    assert [each["id"] for each in listed["users"]] == ["bob", "eve", "obs"]
    await ask("GET", "/users", 403, user=None)


async def test_wrong_logins_and_all_registrations_are_a_403(content, ask):
    for body in ({"username": "bob", "password": "wrong"}, {"username": "nobody", "password": "bob_password"}):
        await ask("POST", "/users/login", 403, user=None, json=body)
    new = {"username": "new", "password": "new_password", "verify": False}
    await ask("POST", "/users/register", 403, user=None, json=new)
    await ask("POST", "/users/activate", 403, json={"id": "new"})
    # Nor are there passwords of this gateway that could be changed.
    await ask("POST", "/users/password/request", 403, json={"username": "bob"})
    await ask("POST", "/users/password/reset", 403, user=None, json={"requestId": "x", "password": "new_password"})
    for body in ({}, {"username": "bob"}, {"username": "bob", "password": 1}):
        await ask("POST", "/users/login", 400, user=None, json=body)


async def test_the_token_lives_for_a_day(place, tokens):
    login = {"username": "bob", "password": "bob_password"}
    answer = await place.client.post("/api/auth/provider/toy/token", data=login)
    header = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    account = (await place.client.get("/api/auth/whoami", headers=header)).json()
    keys = {each["first_eight"]: each for each in account["api_keys"]}
    life = datetime.fromisoformat(f"{keys[tokens['bob'][:8]]['expiration_time']}+00:00") - datetime.now(UTC)
    assert 86_000 < life.total_seconds() <= 86_400


# --- other errors ---------------------------------------------------------------------------------------------------


async def test_a_manager_that_does_not_answer_is_a_503_and_odd_paths_are_a_404(content, place, ask):
    place.manager.answers["workflow_list"] = {"success": False, "msg": "", "error": {"code": "busy"}}
    await ask("GET", "/workflows", 429, user=None)
    place.manager.answers["workflow_list"] = {"success": False, "msg": "at line 7", "error": {"code": "internal"}}
    assert (await ask("GET", "/workflows", 500, user=None))["message"] == "Internal Server Error"
    for path in ("/workflows/a%20b", "/workflows/a%2Fb", "/nothing", "/workflows/", f"/groups/{'x' * 200}"):
        await ask("GET", path, 404)
