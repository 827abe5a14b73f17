from pathlib import Path

import pytest
from msgspec.structs import replace

from queue_server.cli.doctor.facts import Answer, ProcessFacts, SystemFacts
from queue_server.cli.doctor.processes import (
    check_gateway,
    check_manager,
    check_supervisor,
    check_watchdog,
    check_workers,
)

DATA = Path("/data")
SUPERVISOR, MANAGER, GATEWAY, WORKER = (ProcessFacts(pid, "S", 90.0) for pid in (1001, 1002, 1003, 1004))
WELL = Answer(3.0, content={"manager_state": "executing_queue"})
SILENT = Answer(3.0, "no reply came")
SYSTEM = SystemFacts(DATA, SUPERVISOR, MANAGER, GATEWAY, (WORKER,), WELL, Answer(3.0))
FROZEN = {state: replace(MANAGER, state=state) for state in "Tt"}
UNIT = replace(MANAGER, unit="cuelight-manager.service", watchdog_s=5.0)


def only(found):
    [finding] = found
    return finding.level, finding.action.partition("    #")[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", "")),
        ({"supervisor": None}, ("warning", "cuelight up --data /data")),
        ({"supervisor": None, "manager": UNIT}, ("ok", "")),
        ({"supervisor": replace(SUPERVISOR, state="T")}, ("failure", "kill -CONT 1001")),
    ],
)
def test_somebody_must_watch_over_the_manager(changes, expected):
    assert only(check_supervisor(replace(SYSTEM, **changes))) == expected


def test_where_nothing_runs_no_supervisor_is_missed():
    assert check_supervisor(replace(SYSTEM, supervisor=None, manager=None)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", "")),
        ({"manager": None, "supervisor": None}, ("warning", "cuelight up --data /data")),
        (
            {"manager": None, "supervisor": None, "has_launchers": True},
            ("warning", "systemctl start cuelight-manager"),
        ),
        ({"manager": None}, ("failure", "cuelight down --data /data && cuelight up --data /data")),
        ({"manager": FROZEN["T"], "manager_answer": None}, ("failure", "kill -CONT 1002")),
        ({"manager": FROZEN["t"], "manager_answer": None}, ("failure", "kill -CONT 1002")),
        ({"manager_answer": SILENT}, ("failure", "kill -KILL 1002")),
        ({"manager_answer": None}, ("failure", "kill -KILL 1002")),
        (
            {"manager_answer": SILENT, "supervisor": None},
            ("failure", "kill -KILL 1002; cuelight up --data /data"),
        ),
        (
            {"manager_answer": SILENT, "supervisor": None, "manager": UNIT},
            ("failure", "systemctl restart cuelight-manager.service"),
        ),
    ],
)
def test_the_manager_must_run_and_answer(changes, expected):
    assert only(check_manager(replace(SYSTEM, **changes))) == expected


def test_a_silent_manager_is_told_with_its_age_and_how_long_it_was_waited_for():
    [found] = check_manager(replace(SYSTEM, manager_answer=SILENT))
    assert found.text == "The manager (process 1002, for 1 min 30 s) does not answer within 3 s: no reply came."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", "")),
        ({"gateway_answer": None}, ("ok", "")),
        ({"gateway": None}, ("failure", "cuelight down --data /data && cuelight up --data /data")),
        ({"gateway": replace(GATEWAY, state="T")}, ("failure", "kill -CONT 1003")),
        ({"gateway_answer": SILENT}, ("failure", "kill 1003")),
        (
            {"gateway_answer": SILENT, "gateway": replace(GATEWAY, unit="gate.service")},
            ("failure", "systemctl restart gate.service"),
        ),
        ({"gateway_answer": SILENT, "manager_answer": SILENT}, ("failure", "cuelight doctor --data /data")),
        ({"gateway_answer": SILENT, "manager_answer": None}, ("failure", "cuelight doctor --data /data")),
    ],
)
def test_the_gateway_must_run_and_serve(changes, expected):
    assert only(check_gateway(replace(SYSTEM, **changes))) == expected


@pytest.mark.parametrize("changes", [{"wants_gateway": False}, {"supervisor": None}])
def test_a_gateway_that_is_not_wanted_or_started_by_others_is_not_missed(changes):
    assert check_gateway(replace(SYSTEM, gateway=None, **changes)) == []


@pytest.mark.parametrize(
    ("workers", "manager", "levels"),
    [
        ((), MANAGER, []),
        ((WORKER,), MANAGER, ["ok"]),
        ((WORKER, replace(WORKER, pid=1005)), MANAGER, ["ok", "ok"]),
        ((WORKER,), None, ["warning"]),
        ((replace(WORKER, state="T"),), MANAGER, ["failure"]),
        ((replace(WORKER, state="T"), WORKER), None, ["failure", "warning"]),
        ((replace(WORKER, state="Z"),), None, []),
    ],
)
def test_workers_must_not_be_frozen_nor_without_a_manager(workers, manager, levels):
    found = check_workers(replace(SYSTEM, workers=workers, manager=manager))
    assert [finding.level for finding in found] == levels


@pytest.mark.parametrize(
    ("process", "levels"),
    [
        (MANAGER, []),
        (UNIT, ["ok"]),
        (replace(UNIT, watchdog_s=None), ["warning"]),
        (replace(UNIT, watchdog_s=60.0), ["ok"]),
        (replace(UNIT, watchdog_s=61.0), ["warning"]),
    ],
)
def test_a_unit_must_have_a_watchdog_that_is_quick_enough(process, levels):
    assert [finding.level for finding in check_watchdog(process, "manager")] == levels
