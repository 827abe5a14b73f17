"""How a system ends: in order, with nothing left behind, and never at the cost of a plan that runs."""

from __future__ import annotations

import os
import signal
import time

import pytest

from queue_server import supervisor
from queue_server.process import living_workers
from tests.processes.system import READY, System, copy_startup, read_journal
from tests.processes.waiting import processes_of, wait_for_text, wait_until

ENDS_WITHIN_S = 30.0

SIGNALS = [
    pytest.param(signal.SIGTERM, id="SIGTERM"),
    pytest.param(signal.SIGINT, id="Ctrl-C", marks=pytest.mark.night),
]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_an_idle_system_and_its_worker(system, number, figure):
    ask = system.requester
    ask.open()
    uid = ask.add("quick")
    worker = system.worker_pid
    asked_at = time.monotonic()
    os.kill(system.supervisor_pid, number)
    assert system.end() == 0
    took_s = time.monotonic() - asked_at
    figure(f"{number.name} ends an idle system, s", "5", f"{took_s:.2f}")
    assert took_s <= ENDS_WITHIN_S
    assert not system.is_ready
    system.wait_for_worker_end(worker)
    assert processes_of(str(system.data)) == {}

    ask = system.start().requester
    assert [item["item_uid"] for item in ask.queue()] == [uid]
    assert ask.status()["worker_environment_state"] == "closed"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_a_busy_worker_and_the_next_system_records_its_outcome(system, tmp_path, number):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    first, second = ask.add("hold", str(gate)), ask.add("quick")
    ask.do("queue_start")
    ask.wait_for_runs()
    worker = system.worker_pid
    os.kill(system.supervisor_pid, number)
    assert system.end() == 0
    assert living_workers(system.data / "workers") == [worker]
    system.output.wait_for(f"Workers go on with their plans (processes [{worker}])")
    gate.touch()
    wait_for_text(system.worker_log, "The plan ended: completed")

    ask = system.start().requester
    assert system.worker_pid == worker
    ask.wait_for(lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "both plans")
    assert [entry["item_uid"] for entry in ask.history()] == [first, second]
    assert [entry["item_uid"] for entry in read_journal(system.startup)] == [first, second]


@pytest.mark.night
def test_a_plan_that_still_runs_is_adopted_by_the_next_system(system, tmp_path):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    assert supervisor.stop(system.data) == 0
    assert system.end() == 0
    ask = system.start().requester
    assert ask.wait_for_state("executing_queue")["running_item_uid"] == uid
    gate.touch()
    ask.wait_for_state("idle")
    assert [entry["result"]["exit_status"] for entry in ask.history()] == ["completed"]


@pytest.mark.night
def test_down_with_workers_ends_a_running_plan_too(system, tmp_path):
    ask = system.requester
    ask.open()
    uid = ask.add("hold", str(tmp_path / "gate"))
    ask.do("queue_start")
    ask.wait_for_runs()
    assert supervisor.stop(system.data, workers=True) == 0
    assert system.end() == 0
    assert processes_of(str(system.data)) == {}
    ask = system.start().requester
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "failed")
    assert [item["name"] for item in ask.queue()] == ["hold"]


@pytest.mark.night
def test_down_ends_a_worker_whose_manager_is_gone(system, tmp_path):
    ask = system.requester
    ask.open()
    ask.add("hold", str(tmp_path / "gate"))
    ask.do("queue_start")
    ask.wait_for_runs()
    os.kill(system.supervisor_pid, signal.SIGTERM)
    assert system.end() == 0
    assert living_workers(system.data / "workers") != []
    assert supervisor.stop(system.data, workers=True) == 0
    assert processes_of(str(system.data)) == {}


def test_down_on_a_directory_where_nothing_runs_succeeds(tmp_path):
    assert supervisor.stop(tmp_path / "nothing") == 0


def test_manager_stop_refuses_while_a_plan_runs_and_ends_an_idle_system(system, tmp_path):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    refusal = ask.be_refused("manager_stop", option="safe_on")
    assert "safe_off" in refusal
    gate.touch()
    ask.wait_for_state("idle")
    worker = system.worker_pid
    ask.do("manager_stop")
    assert system.end() == 0
    system.wait_for_worker_end(worker)
    assert processes_of(str(system.data)) == {}


@pytest.mark.night
def test_manager_stop_that_is_not_safe_ends_everything(system, tmp_path):
    ask = system.requester
    ask.open()
    ask.add("hold", str(tmp_path / "gate"))
    ask.do("queue_start")
    ask.wait_for_runs()
    ask.do("manager_stop", option="safe_off")
    assert system.end() == 0
    assert processes_of(str(system.data)) == {}


def test_a_system_that_is_told_to_end_while_it_starts_ends(make_system, startup):
    system = make_system(startup=startup)
    process = system.spawn()
    os.kill(process.pid, signal.SIGTERM)
    process.wait(60)
    wait_until(lambda: processes_of(str(system.data)) == {}, "the end of all processes")


def test_a_second_system_on_the_same_data_is_refused_and_told_who_is_there(system):
    ask = system.requester
    ask.open()
    uid = ask.add("quick")
    second = system.spawn()
    assert second.wait(10) == 2
    system.output.wait_for(f"(process {system.supervisor_pid})")
    assert system.output.count(READY) == 0
    assert [item["item_uid"] for item in ask.queue()] == [uid]
    assert ask.status()["epoch"] == 1


@pytest.mark.night
def test_a_system_that_cannot_start_says_why_and_does_not_try_again(system):
    """What a restart would not mend ends the supervisor too, with the reason on its last lines."""
    ask = system.requester
    ask.open()
    ask.add("quick")
    system.kill_everything()
    database = system.data / "queue.sqlite"
    database.write_bytes(b"")
    process = system.spawn()
    assert process.wait(60) == 5
    system.output.wait_for("Cuelight could not start")
    system.output.wait_for("queue.sqlite is empty")
    assert system.output.count("it is started again") == 0
    assert not system.is_ready
    assert database.read_bytes() == b""


# --- what none of these tests ends ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A system that is ready, for all of them."""
    directory = tmp_path_factory.mktemp("system")
    system = System(directory, startup=copy_startup(directory / "startup"))
    yield system.start()
    system.close()


def test_the_ready_file_is_private_and_complete(standing):
    assert standing.ready.keys() == {"control", "info", "documents", "http", "data_dir", "pids", "version"}
    assert standing.ready_file.stat().st_mode & 0o777 == 0o600
    assert standing.ready["data_dir"] == str(standing.data)
    assert not standing.ready["control"].endswith(":0")


def test_a_port_that_is_taken_is_named_and_nothing_stays_behind(standing, make_system, startup):
    other = make_system(startup=startup, control=standing.ready["control"])
    process = other.spawn()
    assert process.wait(60) == 3
    other.output.wait_for(standing.ready["control"].removeprefix("tcp://"))
    assert standing.requester.status()["manager_state"] == "idle"


def test_a_restarted_manager_is_found_at_the_same_addresses(standing):
    before = standing.ready
    standing.kill_manager()
    standing.wait_ready(2)
    after = standing.ready
    assert (after["control"], after["info"]) == (before["control"], before["info"])
    assert after["pids"]["supervisor"] == before["pids"]["supervisor"]
    assert after["pids"]["manager"] != before["pids"]["manager"]
