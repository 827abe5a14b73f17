"""Workflows of files are those of the manager; a file that cannot be used is named, and stops nothing."""

from __future__ import annotations

import pytest
import yaml

from queue_server.access.workflow_files import read_workflow_files
from queue_server.clock import Chance
from queue_server.engine.turn import Turn
from queue_server.handlers.workflow_files import take_files_at_start
from tests.contract.workflows.conftest import WORKFLOW
from tests.doubles.bench import USER, Bench


@pytest.fixture
async def bench(store, tmp_path):
    """A manager with a directory of workflows."""

    class BenchWithFiles(Bench):
        workflow_files = tmp_path / "workflows"

    BenchWithFiles.workflow_files.mkdir()
    bench = await BenchWithFiles.begin(store)
    yield bench
    await bench.end()


@pytest.fixture
def write(bench):
    """Write a file of the directory."""

    def put(name, content):
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (bench.workflow_files / name).write_text(text, encoding="utf-8")

    return put


async def test_files_are_read_when_that_is_asked_for(bench, write):
    write("peak.yaml", {name: value for name, value in WORKFLOW.items() if name != "id"})
    write("other.yml", {**WORKFLOW, "id": "named"})
    write("notes.txt", "no workflow")
    reply = await bench.do("workflow_reload")
    assert (reply["added"], reply["changed"], reply["removed"], reply["problems"]) == (["named", "peak"], [], [], {})
    found = (await bench.do("workflow_get", workflow_id="peak"))["workflow"]
    assert (found["origin"], found["version"], found["name"]) == ("file", 1, "Find the peak")
    again = await bench.do("workflow_reload")
    assert (again["added"], again["changed"]) == ([], [])


async def test_a_changed_file_is_a_version_and_a_file_that_is_gone_removes(bench, write):
    write("peak.yaml", WORKFLOW)
    await bench.do("workflow_reload")
    write("peak.yaml", {**WORKFLOW, "name": "Better"})
    assert (await bench.do("workflow_reload"))["changed"] == ["peak"]
    assert (await bench.do("workflow_get", workflow_id="peak"))["workflow"]["version"] == 2
    (bench.workflow_files / "peak.yaml").unlink()
    assert (await bench.do("workflow_reload"))["removed"] == ["peak"]
    assert (await bench.do("workflow_list"))["workflows"] == []


async def test_a_file_that_cannot_be_used_is_named_and_what_it_said_stays(bench, write):
    write("peak.yaml", WORKFLOW)
    await bench.do("workflow_reload")
    write("peak.yaml", "id: peak\nsteps: [")
    write("bad.yaml", {**WORKFLOW, "id": "bad", "plan": {"item_type": "plan", "name": "count", "args": ["$[[x]]"]}})
    write("list.yaml", "- a")
    write("twice.yaml", "id: a\nid: b")
    reply = await bench.do("workflow_reload")
    assert set(reply["problems"]) == {"peak.yaml", "bad.yaml", "list.yaml", "twice.yaml"}
    assert "workflow.steps[0].args[0]" in reply["problems"]["bad.yaml"]
    assert (await bench.do("workflow_get", workflow_id="peak"))["workflow"]["version"] == 1


async def test_a_workflow_of_a_request_is_not_taken_by_a_file_nor_the_other_way_round(bench, write):
    await bench.do("workflow_add", workflow=WORKFLOW, **USER)
    write("peak.yaml", {**WORKFLOW, "name": "File"})
    reply = await bench.do("workflow_reload")
    assert "added by a request" in reply["problems"]["peak"]
    (bench.workflow_files / "peak.yaml").unlink()
    write("mine.yaml", {**WORKFLOW, "id": "mine"})
    await bench.do("workflow_reload")
    refused = await bench.refuse("workflow_update", workflow={**WORKFLOW, "id": "mine", "name": "x"}, **USER)
    assert "comes from a file" in refused["msg"]


async def test_without_a_directory_there_is_nothing_to_read(store):
    bench = await Bench.begin(store)
    assert (await bench.refuse("workflow_reload"))["error"]["code"] == "not_found"
    await bench.end()


async def test_a_start_reads_the_files_and_what_is_wrong_with_them_stops_nothing(bench, write, store, caplog):
    write("peak.yaml", WORKFLOW)
    write("bad.yaml", "- a")

    def start(tx, directory):
        take_files_at_start(Turn(tx, bench.engine.state, 5.0, Chance.seeded(1)), directory)

    await store.transact(lambda tx: start(tx, None))
    assert (await bench.do("workflow_list"))["workflows"] == []
    await store.transact(lambda tx: start(tx, bench.workflow_files / "peak.yaml"))
    assert "cannot be read" in caplog.text
    await store.transact(lambda tx: start(tx, bench.workflow_files))
    assert "bad.yaml" in caplog.text
    assert [each["id"] for each in (await bench.do("workflow_list"))["workflows"]] == ["peak"]


async def test_more_workflows_than_a_page_come_and_go(bench, write):
    for number in range(502):
        write(f"w{number}.yaml", "plan: {item_type: plan, name: count}")
    assert len((await bench.do("workflow_reload"))["added"]) == 502
    for number in range(501):
        (bench.workflow_files / f"w{number}.yaml").unlink()
    assert len((await bench.do("workflow_reload"))["removed"]) == 501


def test_two_files_with_one_id_are_told_apart(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(WORKFLOW), encoding="utf-8")
    found = read_workflow_files(tmp_path)
    assert list(found.workflows) == ["peak"]
    assert "Another file" in found.problems["b.yaml"]
    assert read_workflow_files(tmp_path / "nowhere").workflows == {}
