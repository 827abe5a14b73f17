"""A workflow in a whole system: from a file by arguments to metrics, a ranking and files of all results together."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.processes.requester import USER
from tests.processes.system import System

EXAMPLES = Path(__file__).parents[2] / "config" / "workflows"
LANE = {"lane": "compute"}
OPEN_S = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with the simulated profile, a lane of its graphs, and the workflows that come with Cuelight."""
    directory = tmp_path_factory.mktemp("system")
    compute = {"startup": "sim", "worker": "graphs", "processes": 1, "memory_limit_mib": 512}
    system = System(directory, startup="sim", lanes={"compute": compute}, workflows=str(EXAMPLES), http="127.0.0.1:0")
    try:
        system.start()
        ask = system.requester
        for lane in ({}, LANE):
            ask.do("environment_open", **lane)
        ask.wait_for(lambda status: all(lane["worker_state"] == "idle" for lane in status["lanes"]), "lanes", OPEN_S)
        yield system
    finally:
        system.close()


@pytest.fixture
def client(system):
    """A client of the gateway."""
    credential = {"Authorization": f"ApiKey {(system.data / 'api-key').read_text().strip()}"}
    with httpx.Client(base_url=system.ready["http"], headers=credential, timeout=OPEN_S, trust_env=False) as client:
        yield client


@pytest.fixture
def ask(system):
    return system.requester


def read(system, file):
    """Return the content of a file of a manifest, which is stored under its hash."""
    identity = file["artifact_id"]
    [stored] = [path for path in system.data.rglob(f"*{identity[2:]}*") if path.is_file()]
    return json.loads(stored.read_text(encoding="utf-8"))


def test_a_submission_is_executed_measured_ranked_and_processed(system, ask):
    submitted = [
        ask.do("submission_add", workflow_id="find-peak", arguments={"start": -reach, "stop": reach}, **USER)
        for reach in (5, 2)
    ]
    uids = [reply["submission"]["id"] for reply in submitted]
    ask.do("queue_autostart", enable=True, **LANE)
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] >= 3, "the end of the scans and of their summary", OPEN_S)
    ranked = ask.do("workflow_ranking", workflow_id="find-peak", include_all=True)
    assert {entry["submission_id"] for entry in ranked["ranking"]} == set(uids)
    heights = [entry["values"]["height"] for entry in ranked["ranking"]]
    assert heights == sorted(heights, reverse=True)
    for entry in ranked["ranking"]:
        assert 0.7 < entry["values"]["height"] < 1.3
        assert entry["values"]["points"] == 41
    first = ask.do("submission_archive", submission_id=uids[0])["manifest"]
    assert [file["name"] for file in first] == ["metrics.json"]
    measured = next(entry["values"] for entry in ranked["ranking"] if entry["submission_id"] == uids[0])
    assert read(system, first[0]) == measured


def test_the_results_are_summarized_together(system, ask):
    """The newest summary is of all results, however many of them came while an earlier one ran."""
    ask.wait_for(lambda status: all(not lane["items_in_queue"] for lane in status["lanes"]), "empty queues", OPEN_S)
    ask.wait_for(lambda status: all(not lane["running_item_uid"] for lane in status["lanes"]), "rest", OPEN_S)
    manifest = ask.do("workflow_result_archive", workflow_id="find-peak")["manifest"]
    [summary] = [file for file in manifest if file["name"] == "summary.json"]
    assert read(system, summary)["height"]["count"] == 2


def test_a_table_becomes_a_batch_once_and_its_mistakes_are_told_by_row_and_column(ask, client):
    query = {"plan": "count", "args": '[["det1"]]', "held": "true"}
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "table"}
    answers = [client.post("/v1/batches", params=query, headers=headers, content=b"num\n2\n3\n") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json()["batch"]["size"] == 2
    assert answers[1].json()["batch"]["id"] == answers[0].json()["batch"]["id"]
    items = ask.do("queue_get")["items"]
    assert [item["kwargs"] for item in items] == [{"num": 2}, {"num": 3}]
    ask.do("batch_cancel", batch_id=answers[0].json()["batch"]["id"], **USER)
    wrong = client.post(
        "/v1/batches", params=query, files={"file": ("a.csv", b"num,speed\n2,\n3,fast\n")}, data={"lane": "default"}
    )
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
    assert "Row 3, column B ('speed')" in wrong.json()["detail"]
