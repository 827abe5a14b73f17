"""Our own client, in both its forms, against a whole system."""

from __future__ import annotations

import asyncio
import threading

import pytest

from queue_server.client import RequestFailedError, RequestTimeoutError, RunControl, asynchronous
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC
from queue_server.protocol.methods import METHODS
from queue_server.protocol.methods.history import HistoryGetParams
from queue_server.protocol.methods.items import ItemAddParams
from queue_server.protocol.status import DOCUMENTED_KEYS

WHO = {"user": "anna", "user_group": "primary"}


def plan(name, *args, **kwargs):
    return {"item_type": "plan", "name": name, "args": list(args), "kwargs": kwargs}


def has(**fields):
    return lambda status: all(status[name] == value for name, value in fields.items())


IDLE, PAUSED = has(manager_state="idle"), has(manager_state="paused")
OPEN = has(manager_state="idle", worker_environment_exists=True)
CLOSED = has(manager_state="idle", worker_environment_exists=False)


@pytest.fixture(scope="module")
def system(running_system):
    """A system with the simulated profile for all tests of this file."""
    with running_system() as system:
        yield system


@pytest.fixture
def addresses(system):
    """Its control and notices sockets, with an open environment and nothing queued."""
    found = system.ready["control"], system.ready["info"]
    with RunControl(*found, timeout_s=60) as client:
        if not client.send_request(method="status")["worker_environment_exists"]:
            client.send_request(method="environment_open")
            client.wait_for_status(OPEN, 60)
        client.send_request(method="queue_clear")
        client.send_request(method="history_clear")
    return found


def test_the_three_lines_of_the_manual_work(addresses, monkeypatch):
    monkeypatch.setenv("CUELIGHT_CONTROL", addresses[0])
    RM = RunControl()  # noqa: N806 - as the manual writes it
    status = RM.send_request(method="status")
    RM.close()
    assert set(DOCUMENTED_KEYS) <= status.keys()
    assert "id" not in status


async def test_the_three_lines_of_the_manual_work_with_await(addresses, monkeypatch):
    monkeypatch.setenv("CUELIGHT_CONTROL", addresses[0])
    RM = asynchronous.RunControl()  # noqa: N806 - as the manual writes it
    status = await RM.send_request(method="status")
    await RM.close()
    assert set(DOCUMENTED_KEYS) <= status.keys()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_plan_is_added_paused_aborted_and_found_in_the_history(addresses, encoding):
    with RunControl(*addresses, timeout_s=60, encoding=encoding) as client:
        item = plan("count", ["det1"], num=1000, delay=0.01)
        uid = client.send_request(method="queue_item_add", params={"item": item, **WHO})["item"]["item_uid"]
        client.send_request(method="queue_start")
        client.wait_for_status(has(re_state="running"), 60)
        client.send_request(method="re_pause", params={"option": "immediate"})
        client.wait_for_status(PAUSED, 60)
        client.send_request(method="re_resume")
        client.wait_for_status(has(re_state="running"), 60)
        client.send_request(method="re_pause")
        client.wait_for_status(PAUSED, 60)
        client.send_request(method="re_abort")
        client.wait_for_status(IDLE, 60)
        [entry] = client.send_request(method="history_get")["items"]
        assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "aborted")
        assert len(entry["result"]["run_uids"]) == 1


async def test_a_queue_runs_while_the_stream_is_read(addresses):
    async with asynchronous.RunControl(*addresses, timeout_s=60) as client:
        async with await client.notices() as notices:
            items = [plan("count", ["det1"], num=5, delay=0.05), plan("scan", ["det1"], "motor1", -1, 1, 4)]
            added = await client.send_request(method="queue_item_add_batch", params={"items": items, **WHO})
            await client.send_request(method="queue_start")
            seen, printed = {}, ""
            ran = False
            async for notice in notices:
                seen.setdefault(notice.topic, []).append(notice)
                printed += notice.text or ""
                if notice.status and IDLE(notice.status) and notice.status["items_in_history"] == 2:
                    ran = True
                # Console output comes from the worker on a way of its own, and may be later than the end.
                if ran and "Starting queue processing" in printed and "det1" in printed:
                    break
        first, second = (item["item_uid"] for item in added["items"])
        assert seen.keys() == {STATUS_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, CONSOLE_TOPIC}
        last = {notice.payload["item_uid"]: notice.payload for notice in seen[PROGRESS_TOPIC]}
        assert {uid: payload["total"] for uid, payload in last.items()} == {first: 5, second: 4}
        numbers = [notice.payload["seq"] for notice in seen[EVENT_TOPIC]]
        assert numbers == sorted(set(numbers))


def test_typed_calls_return_declared_results(addresses):
    with RunControl(*addresses, timeout_s=60) as client:
        params = ItemAddParams(item=plan("count", ["det1"]), pos="front", user="anna", user_group="primary")
        added = client.call(METHODS["queue_item_add"], params)
        assert (added.item["name"], added.qsize) == ("count", 1)
        queue = client.call(METHODS["queue_get"])
        assert [item["item_uid"] for item in queue.items] == [added.item["item_uid"]]
        assert client.call(METHODS["history_get"], HistoryGetParams(limit=1)).items == []
        assert client.call(METHODS["status"])["items_in_queue"] == 1


def test_a_refusal_tells_machines_and_people_why(addresses):
    with RunControl(*addresses, timeout_s=60) as client:
        with pytest.raises(RequestFailedError, match="re_pause") as caught:
            client.send_request(method="re_pause")
        assert caught.value.reply["success"] is False
        assert caught.value.reply_code == "wrong_state"
        with pytest.raises(RequestFailedError) as caught:
            client.send_request(method="no_such_method")
        assert caught.value.reply_code == "unknown_method"
    with RunControl(*addresses, timeout_s=60, request_fail_exceptions=False) as client:
        assert client.send_request(method="re_pause")["success"] is False


def test_threads_share_a_client(addresses):
    errors = []

    def add(client, number):
        try:
            for index in range(5):
                item = plan("count", ["det1"], md={"from": number, "index": index})
                client.send_request(method="queue_item_add", params={"item": item, **WHO})
        except (RequestFailedError, RequestTimeoutError) as error:
            errors.append(error)

    with RunControl(*addresses, timeout_s=60) as client:
        threads = [threading.Thread(target=add, args=(client, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        queued = [item["kwargs"]["md"] for item in client.send_request(method="queue_get")["items"]]
    assert errors == []
    for number in range(4):
        assert [md["index"] for md in queued if md["from"] == number] == [0, 1, 2, 3, 4]


async def test_tasks_share_a_client(addresses):
    async with asynchronous.RunControl(*addresses, timeout_s=60) as client:
        params = [{"item": plan("count", ["det1"], num=number), **WHO} for number in range(1, 21)]
        replies = await asyncio.gather(*(client.send_request(method="queue_item_add", params=each) for each in params))
        assert [reply["item"]["kwargs"]["num"] for reply in replies] == list(range(1, 21))
        assert sorted(reply["qsize"] for reply in replies) == list(range(1, 21))


def test_the_client_goes_on_after_the_manager_was_killed(system, addresses):
    with RunControl(*addresses, timeout_s=60) as client:
        before = client.send_request(method="status")
        uid = client.send_request(method="queue_item_add", params={"item": plan("count", ["det1"]), **WHO})
        system.kill_manager()
        system.wait_ready(2)
        after = client.wait_for_status(OPEN, 60)
        assert after["epoch"] == before["epoch"] + 1
        [item] = client.send_request(method="queue_get")["items"]
        assert item == uid["item"]


@pytest.mark.night
def test_the_environment_closes_and_opens_again(addresses):
    with RunControl(*addresses, timeout_s=60) as client:
        client.send_request(method="environment_close")
        client.wait_for_status(CLOSED, 60)
        client.send_request(method="environment_open")
        assert client.wait_for_status(OPEN, 60)["re_state"] == "idle"
