"""The worker process opens, says what it found, and ends as it is told."""

from __future__ import annotations

import signal

import pytest

from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    Hello,
)
from tests.doubles.router import Router
from tests.doubles.worker_process import Plan, Worker


def test_it_says_hello_before_it_loads_and_describes_its_profile_before_it_is_open(directory, router):
    with Worker(directory) as worker:
        hello = router.wait_for(Hello)
        assert (hello.lane, hello.incarnation, hello.pid) == ("default", "one", worker.process.pid)
        assert (hello.environment, hello.re_state, hello.attempt, hello.next_report) == ("loading", None, None, 1)
        router.wait_for(EnvironmentOpened)
        pages = router.of(CatalogPage)
        assert [page.first for page in pages] == [True, True]
        catalogs = {page.catalog: page.entries for page in pages}
        assert {"measure_around", "count", "grid_scan"} <= set(catalogs["plans"])
        assert {"det1", "motor"} <= set(catalogs["devices"])
        router.wait_for_console("RE Environment is ready\n")
        router.send(Close())
        router.wait_for(EnvironmentClosed)
        assert worker.wait() == 0
        assert not worker.finish_records.exists()
        assert [message.number for message in router.messages if hasattr(message, "number")] == [1, 2, 3, 4]


def test_the_simulated_profile_runs_plans(directory, router):
    with Worker(directory, startup="sim"):
        router.wait_for(EnvironmentOpened)
        assert Plan(router).order("count", ["det1"], num=2).finished().points == 2


@pytest.mark.night
def test_the_list_file_is_there_when_the_environment_is_open(directory, router):
    lists = directory / "lists.yaml"
    with Worker(directory, "--list-file", str(lists)):
        router.wait_for(EnvironmentOpened)
        assert "measure_around" in lists.read_text()


@pytest.mark.parametrize(("code", "words"), [("1 / 0", "division by zero"), ("import sys; sys.exit(7)", "7")])
def test_startup_code_that_fails_is_reported_and_ends_the_process(directory, router, code, words):
    startup = directory / "broken.py"
    startup.write_text(f"\n{code}\n")
    with Worker(directory, startup=startup) as worker:
        failed = router.wait_for(EnvironmentFailed)
        assert words in failed.message
        assert "line 2" in failed.traceback
        assert worker.wait() == 1
        assert not worker.finish_records.exists()


def test_a_failure_to_load_is_told_to_a_manager_that_comes_later(directory):
    with Worker(directory, startup=directory / "missing.py") as worker, Router(worker.address) as router:
        assert "missing.py" in router.wait_for(EnvironmentFailed).message
        assert worker.wait() == 1


def test_sigterm_interrupts_startup_code_that_hangs(directory, router):
    startup = directory / "hangs.py"
    startup.write_text("import threading\nprint('waiting')\nthreading.Event().wait()\n")
    with Worker(directory, startup=startup) as worker:
        router.wait_for_console("waiting\n")
        worker.process.send_signal(signal.SIGTERM)
        assert "SIGTERM" in router.wait_for(EnvironmentFailed).message
        assert worker.wait() == 1


def test_an_idle_worker_ends_in_order_on_sigterm(worker, router):
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0


def test_a_dismissed_worker_ends_at_once_and_reports_nothing(directory):
    with Router(f"ipc://{directory}/link", welcomes=False) as router, Worker(directory) as worker:
        router.wait_for(Hello)
        router.send(Dismiss(reason="no lane expects it"))
        assert worker.wait() == 3
        assert router.drain(0.2) == []
        assert "no lane expects it" in worker.log.read_text()


@pytest.mark.night
def test_an_idle_worker_ends_when_no_manager_comes_back(directory, router):
    with Worker(directory, "--orphan-timeout", "0.3") as worker:
        router.wait_for(EnvironmentOpened)
        router.close()
        assert worker.wait() == 0


def test_a_second_process_of_the_same_incarnation_does_not_start(worker, directory):
    with Worker(directory) as second:
        assert second.wait() == 2
        assert "exists" in second.log.read_text()


def test_one_sigterm_does_not_end_a_plan_but_a_second_aborts_it_in_order(worker, router, go):
    plan = Plan(router).order("measure_around", str(go)).started()
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for_console("SIGTERM is ignored while a plan runs")
    worker.process.send_signal(signal.SIGTERM)
    finished = plan.finished()
    assert finished.outcome == "aborted"
    assert "SIGTERM" in finished.message
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0


def test_signals_that_reach_another_thread_than_the_main_one_abort_a_plan_too(worker, router, go):
    finished = Plan(router).order("tell_worker_twice_to_end", str(go)).finished()
    assert finished.outcome == "aborted"
    assert "SIGTERM" in finished.message
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0


def test_a_paused_plan_is_left_alone_by_one_sigint_and_aborted_by_a_second(worker, router, go):
    plan = Plan(router).order("measure_around", str(go)).started().pause().paused()
    worker.process.send_signal(signal.SIGHUP)
    worker.process.send_signal(signal.SIGINT)
    router.wait_for_console("SIGINT is ignored")
    worker.process.send_signal(signal.SIGINT)
    assert plan.finished().outcome == "aborted"
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0


def test_a_second_signal_aborts_a_plan_that_is_just_being_resumed(worker, router, go, tmp_path):
    resume = tmp_path / "resume"
    plan = Plan(router).order("resume_slowly", str(resume), str(go)).started().pause().paused().proceed("resume")
    router.wait_for_console("resuming")
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for_console("SIGTERM is ignored")
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for_console("SIGTERM again")
    resume.touch()
    assert plan.finished().outcome == "aborted"
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0
