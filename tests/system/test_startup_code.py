"""Where the worker's startup code comes from, and what happens if it cannot be loaded."""

from __future__ import annotations

import pytest

from tests.processes.requester import USER
from tests.processes.system import System

BROKEN = "raise RuntimeError('the beamline is in pieces')\n"


def open_in_vain(ask):
    """Order an environment that cannot open; return the status afterwards."""
    ask.do("environment_open")
    # The order is committed when the reply comes, so whatever is idle now has tried.
    return ask.wait_for(
        lambda status: status["manager_state"] == "idle" and status["worker_environment_state"] == "closed",
        "the failure to open",
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A system with a startup directory, for all code that cannot be loaded."""
    directory = tmp_path_factory.mktemp("system")
    (directory / "startup").mkdir()
    system = System(directory, startup=directory / "startup")
    yield system.start()
    system.close()


@pytest.fixture
def empty(running):
    """The same with nothing in its directory, and without an environment."""
    for file in running.startup.glob("*.py"):
        file.unlink()
    if running.requester.status()["worker_environment_exists"]:
        running.requester.do("environment_destroy")
        running.requester.wait_for(lambda status: not status["worker_environment_exists"], "the end of the environment")
    return running


def test_startup_code_that_raises_is_reported_and_the_manager_is_idle_again(empty):
    system, file = empty, empty.startup / "00-broken.py"
    file.write_text(BROKEN)
    ask = system.requester
    status = open_in_vain(ask)
    assert status["worker_environment_exists"] is False
    assert status["re_state"] is None
    reason = status["lanes"][0]["reason"]
    assert "the beamline is in pieces" in reason
    assert "00-broken.py" in reason
    assert "the beamline is in pieces" in system.worker_log.read_text()
    assert "environment" in ask.be_refused("queue_start").lower()

    file.write_text("def quick():\n    yield from ()\n")
    assert ask.open()["lanes"][0]["reason"] == ""


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("00-syntax.py", "def broken(:\n", "00-syntax.py"),
        ("00-exit.py", "import sys; sys.exit(7)\n", "00-exit.py"),
        ("00-end.py", "import os; os._exit(7)\n", "exit code 7"),
        ("00-type.py", "RE = 5\n", "'RE' is a int"),
        ("00-fault.py", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
    ],
    ids=["syntax error", "sys.exit", "os._exit", "RE is no RunEngine", "segmentation fault"],
)
def test_whatever_startup_code_does_the_reason_is_shown(empty, file, content, told):
    (empty.startup / file).write_text(content)
    status = open_in_vain(empty.requester)
    assert told in status["lanes"][0]["reason"]


@pytest.mark.night
def test_a_startup_source_that_does_not_exist_is_named(make_system, tmp_path):
    system = make_system(startup=tmp_path / "nowhere").start()
    assert "nowhere" in open_in_vain(system.requester)["lanes"][0]["reason"]


@pytest.mark.night
def test_a_directory_a_file_and_a_module_can_be_loaded(make_system, startup, tmp_path):
    file = startup / "00-light.py"
    for kind, source in (("directory", startup), ("file", file), ("module", "device_worker.sim.startup")):
        (tmp_path / kind).mkdir()
        system = make_system(startup=source, data=str(tmp_path / kind / "data")).start()
        ask = system.requester
        ask.open()
        plans = ask.do("plans_allowed", user_group="primary")["plans_allowed"]
        expected = {"count", "scan"} if kind == "module" else {"quick", "hold", "fail"}
        assert expected <= plans.keys(), kind
        system.close()


def test_changed_startup_code_is_used_when_the_environment_opens_again(system):
    ask = system.requester
    before = ask.open()
    (system.startup / "10-more.py").write_text("def one_more():\n    yield from ()\n")
    assert "one_more" in ask.be_refused("queue_item_add", item={"item_type": "plan", "name": "one_more"}, **USER)
    ask.do("environment_close")
    ask.wait_for_state("idle")
    after = ask.open()
    assert after["plans_existing_uid"] != before["plans_existing_uid"]
    assert after["plans_allowed_uid"] != before["plans_allowed_uid"]
    ask.add("one_more")


@pytest.mark.night
def test_the_catalog_of_the_last_environment_is_known_after_a_restart(system):
    ask = system.requester
    ask.open()
    plans = ask.do("plans_existing")["plans_existing"]
    system.kill_everything()
    ask = system.start().requester
    assert ask.do("plans_existing")["plans_existing"] == plans
    ask.add("quick")
