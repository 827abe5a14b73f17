"""The verbs of batches: what is asked of the manager for a file, a table or a sweep, and what is shown."""

from __future__ import annotations

import json
from typing import Any

import openpyxl
import pytest

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
OTHER = "3fb85f64-5717-4562-b3fc-2c963f66afa6"
BATCH = {
    "id": ID,
    "name": "energies",
    "project": "demo",
    "owner": "anna",
    "workflow_id": None,
    "lane": "default",
    "created": 1_700_000_000.0,
    "size": 3,
    "counts": {"queued": 2, "failed": 1},
    "is_held": False,
}
ITEM = {
    "ordinal": 1,
    "state": "failed",
    "results": [{}, {}],
    "reference": "",
    "workflow_id": None,
    "arguments": {"num": 5},
    "message": "no beam\nmore of it",
}


@pytest.fixture
def bench(cuelight):
    """A manager with two batches."""
    cuelight.answer("batch_create", {"batch": BATCH})
    cuelight.answer("batch_list", {"batches": [{**BATCH, "counts": None, "is_held": None}, {**BATCH, "id": OTHER}]})
    cuelight.answer("batch_get", {"batch": BATCH})
    cuelight.answer("batch_items", {"items": [ITEM], "total": 7})
    for verb in ("cancel", "hold", "resume", "retry"):
        cuelight.answer(f"batch_{verb}", {"batch": BATCH, "changed": 2, "running": 1})
    return cuelight


def asked(bench, method="batch_create"):
    """Return the parameters of the last request of a method, without those that say who asks."""
    [*_, params] = [params for name, params in bench.requests if name == method]
    return {name: value for name, value in params.items() if name not in {"user", "user_group"}}


def test_a_sweep_over_a_plan_is_one_small_request(bench):
    words = ["--plan", "scan", "--args", '[["det1"],"motor",-1,1]', "--set", "md={}", "--sweep", "args[3]=1:5:5"]
    ended = bench("batch", "create", *words, "--sweep", "num=[11,21]", "--name", "energies", "--held")
    assert (ended.code, ended.out) == (0, f"{ID}\n")
    assert asked(bench) == {
        "sweep": {
            "kind": "grid",
            "parameters": {"args[3]": {"start": 1, "stop": 5, "num": 5}, "num": [11, 21]},
            "base": {"item_type": "plan", "name": "scan", "args": [["det1"], "motor", -1, 1], "kwargs": {"md": {}}},
        },
        "name": "energies",
        "held": True,
    }
    assert ("user", "anna") in bench.requests[-1][1].items()


def test_a_sweep_over_a_workflow_varies_its_arguments(bench):
    bench("batch", "create", "--workflow", "peak", "--set", "sample=Si", "--sweep", "a=[1,2]", "--sweep", "b=0.5:1:2",
          "--kind", "zip", "--pos", "front")  # fmt: skip
    assert asked(bench) == {
        "workflow_id": "peak",
        "sweep": {
            "kind": "zip",
            "parameters": {"a": [1, 2], "b": {"start": 0.5, "stop": 1, "num": 2}},
            "base": {"sample": "Si"},
        },
        "pos": "front",
    }


def test_a_table_of_text_becomes_an_item_for_each_row(bench, tmp_path):
    table = tmp_path / "points.csv"
    table.write_text('reference;num;args[0];note\nfirst;3;"[""det2""]";\n\nsecond;5;;"a; b"\n', encoding="utf-8")
    assert bench("batch", "create", str(table), "--plan", "count", "--args", '[["det1"]]').code == 0
    base = {"item_type": "plan", "name": "count"}
    assert asked(bench) == {
        "items": [
            {"item": {**base, "args": [["det2"]], "kwargs": {"num": 3}}, "reference": "first"},
            {"item": {**base, "args": [["det1"]], "kwargs": {"num": 5, "note": "a; b"}}, "reference": "second"},
        ]
    }


def test_a_workbook_becomes_arguments_of_a_workflow(bench, tmp_path):
    workbook: Any = openpyxl.Workbook()
    for row in (["energy", "sample", None], [8000.0, "Si", None], [8000.5, None, None], [None, None, None]):
        workbook.active.append(row)
    workbook.save(tmp_path / "points.XLSX")
    assert bench("batch", "create", str(tmp_path / "points.XLSX"), "--workflow", "peak", "--set", "sample=Ge").code == 0
    assert asked(bench) == {
        "items": [{"arguments": {"sample": "Si", "energy": 8000}}, {"arguments": {"sample": "Ge", "energy": 8000.5}}],
        "workflow_id": "peak",
    }


def test_a_file_may_have_items_of_a_queue_or_of_a_batch(bench, tmp_path):
    file = tmp_path / "batch.yaml"
    file.write_text("- {name: count, kwargs: {num: 3}}\n- {item: {item_type: plan, name: scan}, reference: x}\n")
    assert bench("batch", "create", str(file)).code == 0
    assert asked(bench) == {
        "items": [
            {"item": {"item_type": "plan", "name": "count", "kwargs": {"num": 3}}},
            {"item": {"item_type": "plan", "name": "scan"}, "reference": "x"},
        ]
    }


def test_a_file_may_have_the_whole_request(bench, tmp_path):
    order = {"workflow_id": "peak", "name": "from file", "items": [{"arguments": {"a": 1}}]}
    file = tmp_path / "batch.json"
    file.write_text(json.dumps(order))
    assert bench("batch", "create", f"@{file}").code == 0
    assert asked(bench) == order


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "What is to be created"),
        (("--sweep", "num=[1]"), "--plan"),
        (("--plan", "count", "--sweep", "num=3"), "START:STOP:NUM"),
        (("--plan", "count", "--sweep", "num"), "NAME=VALUE"),
        (("--plan", "count", "--sweep", "num=[1]", "--sweep", "num=[2]"), "twice"),
        (("--plan", "count", "--sweep", "num=[1]", "--kind", "list"), "grid or zip"),
        (("--plan", "count", "--args", "5", "--sweep", "num=[1]"), "--args must be a list"),
        (("--workflow", "peak", "--plan", "count", "--sweep", "num=[1]"), "leave --plan"),
        (("points.csv", "--sweep", "num=[1]"), "not both"),
        (("absent.csv", "--plan", "count"), "cannot be read"),
        (("absent.yaml", "--plan", "count"), "says it all"),
        (("--plan", "count", "--sweep", "num=[1]", "--pos", "7"), "front or to the back"),
    ],
)
def test_words_that_do_not_say_what_to_create_are_refused(bench, words, told):
    ended = bench("batch", "create", *words)
    assert ended.code == 1
    assert told in ended.err
    assert [name for name, _ in bench.requests if name == "batch_create"] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names of the columns"),
        ("num\n", "no row"),
        ("num,num\n1,2\n", "two columns 'num'"),
        ("num\n1,2\n", "row 2: the value '2' stands in a column without a name"),
        ("args[4]\n1\n", "args[4]"),
        ('num\n"1\n', "commas"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_place(bench, tmp_path, text, told):
    table = tmp_path / "points.csv"
    table.write_text(text)
    ended = bench("batch", "create", str(table), "--plan", "count")
    assert (ended.code, told in ended.err) == (1, True), ended.err


def test_a_damaged_workbook_is_refused(bench, tmp_path):
    table = tmp_path / "points.xlsx"
    table.write_bytes(b"PK\x03\x04 nothing")
    ended = bench("batch", "create", str(table), "--plan", "count")
    assert (ended.code, "no xlsx workbook" in ended.err) == (1, True)


def test_batches_are_listed(bench):
    ended = bench("batch", "list", "--project", "demo")
    assert asked(bench, "batch_list") == {"project": "demo", "limit": 20}
    assert ID in ended.out
    assert "energies" in ended.out


def test_a_batch_is_shown_with_the_states_of_its_items(bench):
    ended = bench("batch", "show", "3fa")
    assert asked(bench, "batch_get") == {"batch_id": ID}
    assert "3: 1 failed, 2 queued" in ended.out


@pytest.mark.parametrize(("beginning", "told"), [("3f", "2 batches begin"), ("9", "No batch begins")])
def test_the_beginning_of_an_id_must_mean_one_batch(bench, beginning, told):
    ended = bench("batch", "show", beginning)
    assert ended.code != 0
    assert told in ended.err


def test_items_are_shown_with_what_became_of_them(bench):
    ended = bench("batch", "items", ID, "--state", "failed", "--state", "unknown", "--offset", "1")
    assert asked(bench, "batch_items") == {
        "batch_id": ID,
        "state": ["failed", "unknown"],
        "limit": 100,
        "offset": 1,
    }
    assert "failed" in ended.out
    assert "num=5" in ended.out
    assert "no beam" in ended.out
    assert "more of it" not in ended.out
    assert "5 more" in ended.err


@pytest.mark.parametrize(
    ("words", "method", "params", "told"),
    [
        (("cancel", ID), "batch_cancel", {}, "Cancelled: 2 items. 1 of the batch are running."),
        (("hold", ID, "-m", "why"), "batch_hold", {"reason": "why"}, "Held: 2 items."),
        (("resume", ID), "batch_resume", {}, "Released: 2 items."),
        (("retry", ID, "--unknown"), "batch_retry", {"include_unknown": True}, "Queued once more: 2 items."),
    ],
)
def test_a_batch_is_changed_as_a_whole(bench, words, method, params, told):
    ended = bench("batch", *words)
    assert (ended.code, asked(bench, method)) == (0, {"batch_id": ID, **params})
    assert told in ended.err
