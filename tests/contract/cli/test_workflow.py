"""The verbs of workflows: what is asked of the manager, and what is shown."""

from __future__ import annotations

import json

import pytest

ID = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
WORKFLOW = {
    "id": "peak",
    "name": "Find the peak",
    "description": "Scans once.",
    "lane": None,
    "version": 2,
    "origin": "file",
    "creator": "ada",
    "created": 1_700_000_000.0,
    "steps": [{"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": "$[[points]]"}}],
    "parameters": [
        {"name": "points", "dtype": "int", "is_required": True, "help": "How many"},
        {"name": "delay", "dtype": "float", "is_required": False, "default": 0.5},
    ],
    "result_schema": {"columns": [{"name": "height", "label": "Height"}, {"name": "note", "label": "Note"}]},
}
ENTRY = {
    "rank": 1,
    "submission_id": ID,
    "attempt": 1,
    "group": {"id": "team", "name": "Team"},
    "time_stop": 1_700_000_100.0,
    "values": {"height": 2.5},
}
RANKING = {"schema": WORKFLOW["result_schema"], "ranking": [ENTRY, {**ENTRY, "rank": 2, "group": None}]}


@pytest.fixture
def bench(cuelight):
    """A manager with a workflow."""
    cuelight.answer("workflow_list", {"workflows": [WORKFLOW], "next_cursor": None})
    cuelight.answer("workflow_get", {"workflow": WORKFLOW, "postprocessing": {"id": "p", "state": "queued"}})
    cuelight.answer("workflow_add", {"workflow": {"id": "new", "version": 1}})
    cuelight.answer("workflow_update", {"workflow": WORKFLOW})
    cuelight.answer("workflow_remove", {})
    cuelight.answer("submission_add", {"submission": {"id": ID}})
    cuelight.answer("workflow_ranking", RANKING)
    return cuelight


def asked(bench, method):
    """Return the parameters of the last request of a method, without those that say who asks."""
    [*_, params] = [params for name, params in bench.requests if name == method]
    return {name: value for name, value in params.items() if name not in {"user", "user_group"}}


def test_workflows_are_listed(bench):
    head, line = bench("workflow", "list").out.splitlines()
    assert head.split() == ["WORKFLOW", "VERSION", "FROM", "NAME", "PARAMETERS"]
    assert line.split()[:3] == ["peak", "2", "file"]
    assert "points, delay" in line


def test_a_workflow_is_shown_with_its_parameters(bench):
    out = bench("workflow", "show", "peak", "--version", "2").out
    assert "count([det1], num=" in out
    assert "2 (from a file)" in out
    assert "queued (p)" in out
    assert any(line.split()[:3] == ["points", "int", "required"] for line in out.splitlines())
    assert any(line.split()[:3] == ["delay", "float", "0.5"] for line in out.splitlines())
    assert asked(bench, "workflow_get") == {"workflow_id": "peak", "version": 2}


def test_a_file_is_added_or_becomes_a_version(bench, tmp_path):
    file = tmp_path / "workflow.yaml"
    file.write_text("id: new\nplan: {item_type: plan, name: count}\n", encoding="utf-8")
    assert bench("workflow", "add", str(file)).out == "new: version 1\n"
    assert asked(bench, "workflow_add")["workflow"]["id"] == "new"
    file.write_text("id: peak\nplan: {item_type: plan, name: count}\n", encoding="utf-8")
    assert bench("workflow", "add", str(file)).out == "peak: version 2\n"
    file.write_text("- a", encoding="utf-8")
    ended = bench("workflow", "add", str(file))
    assert ended.code == 1
    assert "is not a workflow" in ended.err


def test_a_workflow_is_submitted_with_its_arguments(bench):
    ended = bench("workflow", "submit", "peak", "points=21", "delay=0.5", "name=det1", "--team", "team", "--held")
    assert (ended.code, ended.out) == (0, f"{ID}\n")
    assert asked(bench, "submission_add") == {
        "workflow_id": "peak",
        "arguments": {"points": 21, "delay": 0.5, "name": "det1"},
        "group_id": "team",
        "held": True,
    }
    assert bench("workflow", "submit", "peak", "points").code == 1
    assert bench("workflow", "submit", "peak", "--pos", "7").code == 1


def test_results_are_ranked(bench):
    head, first, second = bench("workflow", "rank", "peak", "--by", "note:asc", "--by", "height").out.splitlines()
    assert head.split() == ["RANK", "Height", "Note", "GROUP", "ENDED", "SUBMISSION"]
    assert first.split()[:3] == ["1", "2.5", "Team"]
    assert second.split()[-1] == ID
    assert asked(bench, "workflow_ranking") == {
        "workflow_id": "peak",
        "order_by": [{"name": "note", "descending": False}, {"name": "height", "descending": True}],
        "include_all": False,
        "limit": 20,
    }
    bench("workflow", "rank", "peak", "--all", "--limit", "3")
    assert asked(bench, "workflow_ranking") == {"workflow_id": "peak", "include_all": True, "limit": 3}
    assert bench("workflow", "rank", "peak", "--by", "a:up").code == 1
    assert json.loads(bench("workflow", "rank", "peak", "--json").out)["ranking"][0]["rank"] == 1


def test_a_workflow_without_a_schema_has_no_ranking(bench):
    bench.answer("workflow_ranking", {"schema": None, "ranking": []})
    ended = bench("workflow", "rank", "peak")
    assert (ended.out, "no result schema" in ended.err) == ("", True)


def test_files_that_cannot_be_used_are_named(bench):
    bench.answer("workflow_reload", {"added": ["a"], "changed": [], "removed": ["b"], "problems": {"x.yaml": "no"}})
    ended = bench("workflow", "reload")
    assert (ended.code, ended.out) == (1, "added  a\nremoved  b\n")
    assert "x.yaml: no" in ended.err
    assert bench("workflow", "remove", "peak").code == 0
