"""The remote services of flowserv-core against a whole system: rankings, files and groups made by real runs."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from flowserv.model.template.schema import SortColumn
from flowserv.service.descriptor import ServiceDescriptor
from flowserv.service.files.remote import RemoteUploadFileService
from flowserv.service.group.remote import RemoteWorkflowGroupService
from flowserv.service.run.argument import serialize_arg, serialize_fh
from flowserv.service.run.remote import RemoteRunService
from flowserv.service.user.remote import RemoteUserService
from flowserv.service.workflow.remote import RemoteWorkflowService
from flowserv.tests import serialize
from flowserv.view.validate import validator
from flowserv.volume.base import IOBuffer

from queue_server.client import RunControl
from tests.doubles.flowserv_client import read_members, read_parameters, status_of

TOKEN = "FLOWSERV_ACCESS_TOKEN"
STARTUP = Path(__file__).parent / "flowserv_startup"
NAMES = ("score", "hits", "chi", "note")
MEASUREMENT = {
    "id": "measure",
    "name": "Measurement",
    "description": "Writes results.",
    "plan": {"item_type": "plan", "name": "measure", "kwargs": {name: f"$[[{name}]]" for name in (*NAMES, "mask")}},
    "parameters": [
        {"name": "score", "dtype": "float", "minimum": 0, "exclusive_maximum": 100},
        {"name": "hits", "dtype": "int", "label": "Hits", "group": "more"},
        {"name": "chi", "dtype": "float", "default": 0.0},
        {"name": "note", "dtype": "string", "default": ""},
        {"name": "mask", "dtype": "file", "is_required": False, "target": "mask.txt"},
    ],
    "parameter_groups": [{"name": "more", "title": "More", "index": 0}],
    "result_schema": {
        "file": "fit.json",
        "columns": [
            {"name": "score", "label": "Score", "dtype": "float", "path": "fit/score"},
            {"name": "hits", "label": "Hits", "dtype": "int", "path": "hits"},
            {"name": "chi", "label": "Goodness", "dtype": "float", "path": "chi", "required": False},
            {"name": "note", "label": "Note", "dtype": "string", "path": "note", "required": False},
        ],
    },
    "outputs": [{"source": "fit.json", "key": "fit", "title": "The fit", "format": {"type": "json"}}],
    "postprocessing": {
        "files": ["fit"],
        "item": {"item_type": "plan", "name": "summarize", "kwargs": {"fits": "$[[fit]]"}},
    },
}
DWELL = {
    "id": "dwell",
    "plan": {"item_type": "plan", "name": "dwell", "kwargs": {"seconds": "$[[seconds]]"}},
    "parameters": [{"name": "seconds", "dtype": "float", "minimum": 0}],
}
BARE = {"id": "bare", "plan": {"item_type": "plan", "name": "summarize", "kwargs": {"fits": []}}}
# Group, score, hits, chi, note: ties in the first column, and values that are missing or no number.
RUNS = (
    ("alpha", 2.0, 4, 0.5, "first"),
    ("alpha", 2.0, 3, -1.0, ""),
    ("beta", 2.0, 7, 1.5, "ä"),
    ("beta", 0.5, 9, 0.0, "z"),
    ("gamma", 1.0, 1, 2.5, ""),
)


@pytest.fixture(scope="module")
def system(running_system):
    """A system with a gateway, an open environment and two workflows."""
    with running_system(startup=STARTUP, http="127.0.0.1:0") as system:
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=60) as client:
            client.environment_open()
            client.wait_for_status(lambda status: status["worker_environment_exists"], 60)
            for workflow in (MEASUREMENT, BARE, DWELL):
                client.send_request(method="workflow_add", params={"workflow": workflow})
        yield system


@pytest.fixture(scope="module")
def key(system):
    """The key of the one user."""
    return (system.data / "api-key").read_text().strip()


@pytest.fixture(scope="module")
def services(system, key):
    """The remote services, as somebody who has a token from now on."""
    url = f"{system.ready['http']}/flowserv/api/v1"
    descriptor = ServiceDescriptor(requests.get(f"{url}/", timeout=60).json())
    os.environ[TOKEN] = key
    yield SimpleNamespace(
        url=url,
        workflows=RemoteWorkflowService(descriptor),
        groups=RemoteWorkflowGroupService(descriptor),
        runs=RemoteRunService(descriptor),
        files=RemoteUploadFileService(descriptor),
        users=RemoteUserService(descriptor),
    )
    del os.environ[TOKEN]


@pytest.fixture
def token(monkeypatch):
    """Let the client have another token, or none."""

    def use(secret):
        monkeypatch.setenv(TOKEN, secret) if secret else monkeypatch.delenv(TOKEN)

    return use


@pytest.fixture(scope="module")
def drain(system):
    """Execute what is queued, and wait for its end."""

    def run():
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=60) as client:
            if client.status()["items_in_queue"]:
                client.queue_start()
            client.wait_for_status(lambda told: not told["items_in_queue"] and told["manager_state"] == "idle", 60)

    return run


def arguments(**values):
    """Return arguments in the form of the client."""
    return [serialize_arg(name, value) for name, value in values.items()]


@pytest.fixture(scope="module")
def ranked(services, drain):
    """Three groups whose runs have ended, by the names of the groups the ids of their runs; one more run has failed."""
    found = {name: [] for name in ("alpha", "beta", "gamma")}
    for name in found:
        services.groups.create_group("measure", f"Group {name}", identifier=name)
    for group, score, hits, chi, note in RUNS:
        given = {"score": score, "hits": hits, "chi": chi} | ({"note": note} if note else {})
        found[group].append(services.runs.start_run(group, arguments(**given))["id"])
    drain()
    return found


def check(key, document):
    """Compare a document with the published schema, but for arguments and defaults, which the code has otherwise."""
    shown = {**document, "arguments": []} if "arguments" in document else dict(document)
    if "parameters" in shown:
        shown["parameters"] = [{**each, "defaultValue": ""} for each in shown["parameters"]]
    assert [error.message for error in validator(key).iter_errors(shown)] == []


def test_workflows_are_listed_and_described(services, ranked):
    listed = services.workflows.list_workflows()
    serialize.validate_workflow_listing(listed)
    assert [each["id"] for each in listed["workflows"]] == ["measure", "bare", "dwell"]
    handle = services.workflows.get_workflow("measure")
    serialize.validate_workflow_handle(handle)
    check("WorkflowHandle", handle)
    assert sorted(each["id"] for each in handle["groups"]) == ["alpha", "beta", "gamma"]
    index = read_parameters(handle["parameters"])
    assert [index[name].required for name in index] == [True, True, False, False, False]
    assert index["score"].constraint.to_string() == "[0.0,100.0)"
    serialize.validate_run_handle(handle["postproc"], "SUCCESS")
    assert handle["postproc"] == services.workflows.get_ranking("measure")["postproc"]


def test_without_a_token_there_are_no_groups_and_with_a_wrong_one_nothing(services, ranked, token):
    token(None)
    assert "groups" not in services.workflows.get_workflow("measure")
    serialize.validate_ranking(services.workflows.get_ranking("measure"))
    token("wrong")
    for ask in (services.workflows.list_workflows, lambda: services.workflows.get_ranking("measure")):
        with pytest.raises(requests.HTTPError) as caught:
            ask()
        assert status_of(caught) == 403


def values_of(entry):
    """Return the values of an entry of a ranking by their names."""
    return {each["name"]: each["value"] for each in entry["results"]}


def expected_order(ranked, order):
    """Return the ids of all runs in the order of these columns: missing values last, then who ended first."""
    rows = []
    uids = {name: iter(ids) for name, ids in ranked.items()}
    for ordinal, (group, score, hits, chi, note) in enumerate(RUNS):
        values = {"score": score, "hits": hits, "chi": chi if chi > 0 else None, "note": note or None}
        rows.append({"id": next(uids[group]), "values": values, "ordinal": ordinal})
    rows.sort(key=itemgetter("ordinal"))
    for name, descending in reversed(order):
        present = [row for row in rows if row["values"][name] is not None]
        present.sort(key=lambda row: row["values"][name], reverse=False)
        if descending:
            keyed = itertools.groupby(present, key=lambda row: row["values"][name])
            present = [row for _, rows_of in reversed([(k, list(g)) for k, g in keyed]) for row in rows_of]
        rows = [*present, *(row for row in rows if row["values"][name] is None)]
    return [row["id"] for row in rows]


ORDERS = [[(name, way)] for name in NAMES for way in (True, False)]
ORDERS += [[("score", first), ("hits", second)] for first in (True, False) for second in (True, False)]


def test_rankings_have_the_order_that_is_asked_for(services, ranked):
    for order in ORDERS:
        columns = [SortColumn(name, sort_desc=way) for name, way in order]
        longer = services.workflows.get_ranking("measure", order_by=columns, include_all=True)["ranking"]
        assert [entry["run"]["id"] for entry in longer] == expected_order(ranked, order), order
        shorter = services.workflows.get_ranking("measure", order_by=columns)["ranking"]
        first = {entry["group"]["id"]: entry for entry in reversed(longer)}
        assert shorter == [entry for entry in longer if first[entry["group"]["id"]] is entry], order


def test_the_default_order_is_the_first_column_descending(services, ranked):
    ranking = services.workflows.get_ranking("measure", include_all=True)
    serialize.validate_ranking(ranking)
    assert [entry["run"]["id"] for entry in ranking["ranking"]] == expected_order(ranked, [("score", True)])
    found = [values_of(entry) for entry in ranking["ranking"]]
    assert found[0] == {"score": 2.0, "hits": 4, "chi": 0.5, "note": "first"}
    assert found[1] == {"score": 2.0, "hits": 3}
    assert all(math.isfinite(values["score"]) for values in found)
    assert services.workflows.get_ranking("bare") is None


def test_a_bad_order_is_refused(services, ranked):
    with pytest.raises(requests.HTTPError) as caught:
        services.workflows.get_ranking("measure", order_by=[SortColumn("nothing")])
    assert status_of(caught) == 400


def test_files_of_the_post_processing_are_the_same_alone_and_in_the_archive(services, ranked):
    files = services.workflows.get_workflow("measure")["postproc"]["files"]
    members = read_members(services.workflows.get_result_archive("measure").read())
    assert list(members) == sorted(each["name"] for each in files) == ["deep/summary.json", "table.csv"]
    for file in files:
        assert services.workflows.get_result_file("measure", file["id"]).read() == members[file["name"]]
    assert json.loads(members["deep/summary.json"]) == {"count": 3}
    assert len(members["table.csv"]) > 2048


def test_what_is_not_there_is_a_404(services, ranked):
    own = services.runs.get_run(ranked["alpha"][0])["files"][0]["id"]
    service = services.workflows
    for ask in (
        lambda: service.get_workflow("none"),
        lambda: service.get_ranking("none"),
        lambda: service.get_result_archive("bare"),
        lambda: service.get_result_file("measure", "0" * 32),
        lambda: service.get_result_file("measure", own),
        lambda: services.runs.get_run("none"),
        lambda: services.runs.get_result_file(ranked["beta"][0], own),
        lambda: services.groups.get_group("none"),
    ):
        with pytest.raises(requests.HTTPError) as caught:
            ask()
        assert status_of(caught) == 404


def test_a_run_has_the_files_that_the_workflow_declares(services, ranked):
    run = services.runs.get_run(ranked["alpha"][0])
    serialize.validate_run_handle(run, "SUCCESS")
    check("RunHandle", run)
    assert [(each["name"], each["title"]) for each in run["files"]] == [("fit", "The fit")]
    alone = services.runs.get_result_file(run["id"], run["files"][0]["id"]).read()
    assert json.loads(alone)["fit"] == {"score": 2.0}
    assert read_members(services.runs.get_result_archive(run["id"]).read()) == {"fit": alone}


def test_a_run_that_fails_is_an_error_and_what_follows_it_another_run(services, ranked, drain, system):
    run = services.runs.start_run("gamma", arguments(score=1.0, hits=-1))
    serialize.validate_run_handle(run, "PENDING")
    drain_failing(system)
    serialize.validate_run_handle(services.runs.get_run(run["id"]), "ERROR")
    states = {each["id"]: each["state"] for each in services.runs.list_runs("gamma")["runs"]}
    # A failed plan goes back to the front of the queue of this lane.
    assert states == {ranked["gamma"][0]: "SUCCESS", run["id"]: "ERROR", f"{run['id']}.2": "PENDING"}
    cancelled = services.runs.cancel_run(f"{run['id']}.2", "no sample")
    serialize.validate_run_handle(cancelled, "CANCELED")
    assert cancelled["messages"] == ["no sample"]
    assert [each["state"] for each in services.runs.list_runs("gamma", state="SUCCESS")["runs"]] == ["SUCCESS"]


def drain_failing(system):
    """Execute what is queued until it stops with a failure."""
    with RunControl(system.ready["control"], system.ready["info"], timeout_s=60) as client:
        before = client.status()["items_in_history"]
        client.queue_start()
        client.wait_for_status(lambda told: told["items_in_history"] > before and told["manager_state"] == "idle", 60)


def test_a_run_is_cancelled_and_deleted(services, ranked):
    run = services.runs.start_run("beta", arguments(score=1.0, hits=1))["id"]
    with pytest.raises(requests.HTTPError) as caught:
        services.runs.delete_run(run)
    assert status_of(caught) == 400
    serialize.validate_run_handle(services.runs.cancel_run(run, "wrong sample"), "CANCELED")
    with pytest.raises(requests.HTTPError) as caught:
        services.runs.cancel_run(run)
    assert status_of(caught) == 400
    services.runs.delete_run(run)
    assert run not in [each["id"] for each in services.runs.list_runs("beta")["runs"]]


def test_a_run_is_cancelled_in_the_middle_and_the_next_one_waits_untouched(services, ranked, system):
    group = services.groups.create_group("dwell", "Sleepers")["id"]
    seconds = [serialize_arg("seconds", 600.0)]
    run, other = (services.runs.start_run(group, seconds)["id"] for _ in range(2))
    with RunControl(system.ready["control"], system.ready["info"], timeout_s=60) as client:
        client.queue_start()
        client.wait_for_status(lambda status: status["re_state"] == "running", 60)
        serialize.validate_run_handle(services.runs.get_run(run), "RUNNING")
        assert services.runs.cancel_run(run)["state"] in ("RUNNING", "CANCELED")
        client.wait_for_status(lambda status: status["manager_state"] == "idle", 60)
        assert client.status()["items_in_queue"] == 1
    cancelled = services.runs.get_run(run)
    serialize.validate_run_handle(cancelled, "CANCELED")
    assert cancelled["messages"] == ["canceled by user"]
    # It does not come back as another run, as one that fails does.
    assert [each["id"] for each in services.runs.list_runs(group)["runs"]] == [run, other]
    serialize.validate_run_handle(services.runs.get_run(other), "PENDING")
    services.runs.cancel_run(other)


def test_a_file_is_uploaded_and_is_the_argument_of_a_run(services, ranked):
    made = services.files.upload_file("beta", IOBuffer(io.BytesIO(b'{"a": 1}')), "mask.json")
    serialize.validate_file_handle(made)
    serialize.validate_file_listing(services.files.list_uploaded_files("beta"), 1)
    assert json.loads(services.files.get_uploaded_file("beta", made["id"]).read()) == {"a": 1}
    mask = serialize_fh(made["id"], "data/mask.json")
    run = services.runs.start_run("beta", arguments(score=1.0, hits=1, mask=mask))
    assert {each["name"]: each["value"] for each in run["arguments"]}["mask"] == mask
    services.runs.cancel_run(run["id"])
    services.files.delete_file("beta", made["id"])
    serialize.validate_file_listing(services.files.list_uploaded_files("beta"), 0)


def test_bad_arguments_start_nothing(services, ranked):
    for given in (
        {"score": 1.0},
        {"score": 100, "hits": 1},
        {"score": 1, "hits": 1, "more": 1},
        {"score": 1, "hits": "x"},
    ):
        with pytest.raises(requests.HTTPError) as caught:
            services.runs.start_run("beta", arguments(**given))
        assert status_of(caught) == 400
    with pytest.raises(requests.HTTPError) as caught:
        services.groups.create_group("measure", "Group alpha")
    assert status_of(caught) == 400


def test_groups_and_users(services, ranked):
    group = services.groups.create_group("bare", "Delta", members=["somebody"], identifier="delta")
    serialize.validate_group_handle(group)
    assert services.groups.update_group("delta", name="Other")["name"] == "Other"
    serialize.validate_group_listing(services.groups.list_groups())
    assert [each["id"] for each in services.groups.list_groups("bare")["groups"]] == ["delta"]
    services.groups.delete_group("delta")
    assert services.groups.list_groups("bare") == {"groups": []}
    user = services.users.whoami_user("")
    assert services.users.list_users() == {"users": [user]}
    assert services.users.logout_user("") == user


def test_a_password_in_the_address_will_do(services, ranked, token, key):
    token(None)
    url = services.url.replace("://", f"://x:{key}@")
    service = RemoteWorkflowService(ServiceDescriptor({"name": "here", "url": url}))
    assert sorted(each["id"] for each in service.get_workflow("measure")["groups"]) == ["alpha", "beta", "gamma"]


def test_a_password_in_a_netrc_file_will_do(services, ranked, token, key, tmp_path, monkeypatch):
    token(None)
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login x password {key}")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    assert sorted(each["id"] for each in services.workflows.get_workflow("measure")["groups"]) == [
        "alpha",
        "beta",
        "gamma",
    ]
