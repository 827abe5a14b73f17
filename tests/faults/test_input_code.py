"""I1: text that looks like code stays text, in every place where people can write some."""

from __future__ import annotations

import csv
import io
import json

import httpx
import pytest
import yaml

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.reading import read_items
from queue_server.access.policy import Policy
from queue_server.access.startup_files import find_startup_files
from queue_server.protocol.errors import CuelightError
from tests.doubles.spreadsheets import make_ods, make_xlsx
from tests.faults.corpora.payloads import code_payloads
from tests.processes.lone import Manager
from tests.processes.requester import USER
from tests.processes.system import System, copy_startup

LEAST = 40
pytestmark = pytest.mark.fault("I1")


def item_of(payload, **changes):
    """A plan with a payload as its argument."""
    return {"item_type": "plan", "name": "quick", "args": [payload], "kwargs": {}, **changes}


def test_code_in_requests_forms_and_metadata_is_executed_by_nobody(tmp_path, figure):
    mark = tmp_path / "executed"
    payloads = code_payloads(mark)
    system = System(tmp_path, startup=copy_startup(tmp_path / "startup"), http="127.0.0.1:0").start()
    try:
        ask = system.requester
        ask.open()
        for payload in payloads:
            _send(ask, payload)
        added = ask.queue()
        assert [item["args"][0] for item in added[: len(payloads)]] == payloads
        ask.do("queue_start")
        ask.wait_for(lambda status: status["manager_state"] == "idle" and not status["items_in_queue"], "the end")
        assert {item["result"]["exit_status"] for item in ask.history()} == {"completed"}
        assert [item["args"][0] for item in ask.history()[: len(payloads)]] == payloads
        headers = {"Authorization": f"ApiKey {(system.data / 'api-key').read_text().strip()}"}
        with httpx.Client(base_url=system.ready["http"], headers=headers, trust_env=False) as client:
            for payload in payloads[::6]:
                for data, name in ((_csv(payload), "a.csv"), (make_xlsx(_rows(payload)), "a.xlsx")):
                    file = {"spreadsheet": (name, data)}
                    answer = client.post("/api/queue/upload/spreadsheet", files=file, data={"data_type": payload})
                    assert answer.status_code < 500, answer.text
                client.get("/v1/queue", params={"cursor": payload})
    finally:
        system.close()
    figure("pieces of code", f">= {LEAST}", len(payloads))
    figure("executed", 0, int(mark.exists()))
    assert len(payloads) >= LEAST
    assert not mark.exists()


def _send(ask, payload):
    """Put a payload where a request has room for it."""
    ask.do("queue_item_add", item=item_of(payload, meta={"note": payload}), **USER)
    # Names of metadata are checked by who writes them, so that such a plan would fail.
    added = ask.do("queue_item_add", item=item_of("x", meta={payload: 1}), **USER)
    ask.do("queue_item_remove", uid=added["item"]["item_uid"])
    for wrong in (
        {"item": item_of("x", name=payload)},
        {"item": item_of("x", kwargs={payload: 1})},
        {"item": item_of("x", item_type=payload)},
        {"item": payload},
    ):
        ask.be_refused("queue_item_add", **wrong, **USER)
    ask.be_refused("function_execute", item={"item_type": "function", "name": f"{payload}!"}, **USER)
    ask.be_refused("script_upload", script=payload)
    ask.be_refused("permissions_set", user_group_permissions={"user_groups": {"root": {payload: [payload]}}})
    ask.ask("lock_info", lock_key=payload)


def _rows(payload):
    header = ("item_type", "name", "args", "kwargs")
    return [header, ("plan", "quick", payload, None), ("plan", "quick", None, f"{{'label': {payload}}}")]


def _csv(payload):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_rows(payload))
    return text.getvalue().encode()


def test_code_in_cells_is_read_as_data_or_refused(tmp_path):
    mark = tmp_path / "executed"
    for payload in code_payloads(mark):
        shown = payload.replace("\0", "").replace("\a", "")
        for data, name in (
            (_csv(payload), "a.csv"),
            (make_xlsx(_rows(shown)), "a.xlsx"),
            (make_ods(_rows(shown)), "a.ods"),
        ):
            try:
                items = read_items(data, name)
            except SpreadsheetError:
                continue
            json.dumps(items)
    assert not mark.exists()


def test_code_in_files_beside_the_startup_code_is_read_as_data_or_refused(tmp_path):
    mark = tmp_path / "executed"
    parameter = {"name": "a", "kind": {"name": "POSITIONAL_OR_KEYWORD", "value": 1}}
    for payload in code_payloads(mark):
        for text in (payload, f"user_groups: {payload}", f"user_groups: {{root: {{allowed_plans: [{payload}]}}}}"):
            try:
                Policy.from_yaml(text)
            except CuelightError:
                continue
        described = {**parameter, "annotation": {"type": payload}, "default": payload}
        lists = {
            "existing_plans": {"p": {"name": "p", "parameters": [described], "properties": {}, "description": payload}},
            "existing_devices": {"d": {"classname": payload, "module": payload}},
        }
        for text in (payload, yaml.safe_dump(lists), yaml.safe_dump(lists).replace("existing_plans:", f"{payload}:")):
            (tmp_path / "existing_plans_and_devices.yaml").write_text(text, errors="replace")
            files = find_startup_files(str(tmp_path), None, None, "on_change")
            try:
                files.parse_list_file(files.read_list_file() or b"")
            except CuelightError:
                continue
    assert not mark.exists()


def test_an_uploaded_script_is_in_the_event_log_with_its_author(directory):
    manager = Manager(directory / "data", startup=str(copy_startup(directory / "startup")), script_upload=True)
    ask = manager.must_be_ready().requester
    try:
        ask.open()
        ask.do("script_upload", script="made_by_a_script = 1")
        ask.wait_for_state("idle")
        events = ask.do("events_get", since=0, limit=1000)["events"]
        assert any(event["kind"] == "script_upload" for event in events)
    finally:
        ask.do("environment_destroy")
        manager.kill()
