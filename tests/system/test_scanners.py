"""Scanners on a whole system whose gateway is killed: every scan has one outcome, and none runs twice unasked."""

from __future__ import annotations

import os
import signal
import socket
import threading
from itertools import chain

import pytest
import zmq

from device_worker.remote import Credentials
from queue_server.sockets import delegate_address
from tests.faults.tiers import is_night, rounds
from tests.processes.requester import USER, Requester
from tests.processes.scan_operator import ScanOperator
from tests.processes.scanners import CONTENT_BYTES, Gen2Fleet, KitFleet
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

PATIENCE_S = rounds(120, 400)
# What a person needs at least between two looks; each of them reads the whole history.
LOOK_S = 1.0 if is_night() else 0.2
KILLS = rounds(1, 2)

_never = threading.Event()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a gateway, and an encrypted link to its workers, for all tests of this module."""
    directory = tmp_path_factory.mktemp("system")
    keys = encrypted_link(directory)
    system = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0", **keys)
    try:
        system.start()
        yield system
    finally:
        system.close()


@pytest.fixture(scope="module")
def ask(system):
    """A client at the socket of this user, where nothing is encrypted."""
    requester = Requester(delegate_address(system.data), system.ready["info"])
    yield requester
    requester.close()


def encrypted_link(directory):
    """Return the settings of a worker link over TCP; no client has a key."""
    server, worker = (zmq.curve_keypair() for _ in range(2))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    written = {"curve_secret_key_file": server[1], "curve_workers_file": worker[0], "worker_key_file": worker[1]}
    for name, content in written.items():
        (directory / name).write_bytes(content + b"\n")
        (directory / name).chmod(0o600)
    (directory / "clients").touch(0o600)
    files = {name: str(directory / name) for name in written}
    return {**files, "curve_clients_file": str(directory / "clients"), "worker_link": address}


class Site:
    """Some devices with as many scans in the lane of each, and the gateway to which they connect."""

    def __init__(self, system, ask, devices, scans):
        self.system = system
        self.ask = ask
        made = [self.ask.do("device_create", name=f"MR {number}", description="low field") for number in range(devices)]
        self.credentials = [Credentials(each["device_id"], each["device_token"]) for each in made]
        self.lanes = [each.device_id for each in self.credentials]
        self.url = system.ready["http"].replace("http", "ws", 1) + "/api/v1/device/ws"
        self.uids = {lane: self._add(lane, scans) for lane in self.lanes}
        self.total = devices * scans

    def _add(self, lane, scans):
        kwargs = {"sequence": {"seq_file": "…"}, "upload_grace_s": 10}
        items = [{"item_type": "acquisition", "name": f"scan {each}", "kwargs": kwargs} for each in range(scans)]
        reply = self.ask.do("queue_item_add_batch", items=items, lane=lane, **USER)
        return [item["item_uid"] for item in reply["items"]]

    def kill_gateway(self):
        """Kill it, and wait for the next one."""
        killed = self.system.ready["pids"]["gateway"]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: self._has_another(killed), "the next gateway", PATIENCE_S)

    def _has_another(self, pid):
        return self.system.is_ready and self.system.ready["pids"]["gateway"] != pid

    def condition_of(self, lane):
        """Return the condition of a lane."""
        [found] = [each for each in self.ask.status()["lanes"] if each["lane"] == lane]
        return found["condition"]


def watch(operator, is_enough, what):
    """Let the operator work until there is enough."""

    def look():
        _never.wait(LOOK_S)
        return is_enough(operator.work())

    wait_until(look, what, PATIENCE_S)


def check(site, fleet, operator):
    """Check that each scan was completed once, with all of its data, and that nothing ran twice unasked."""
    entries = operator.entries()
    completed = [entry["item_uid"] for entry in entries if entry["result"]["exit_status"] == "completed"]
    others = [entry["item_uid"] for entry in entries if entry["item_uid"] not in completed]
    assert (len(completed), len(set(completed))) == (site.total, site.total)
    assert sorted(others) == sorted(operator.released)
    assert sorted([*completed, *others]) == sorted([*chain(*site.uids.values()), *operator.released.values()])
    assert max(fleet.begun.values()) == 1
    for uid in completed:
        [result] = operator.results_of(uid)
        assert result["meta"]["artifacts"]["raw.mrd"]["size_bytes"] == CONTENT_BYTES
        assert site.ask.do("exam_task_get", task_id=operator.task_of(uid))["task"]["status"] == "FINISHED"


@pytest.mark.timeout(1500)
def test_every_scan_ends_once_though_the_gateway_is_killed(system, ask):
    site = Site(system, ask, rounds(2, 50), rounds(3, 20))
    fleet = KitFleet(site.url, site.credentials)
    # What a scanner has begun it tells itself; it is for a person what has never come to it.
    operator = ScanOperator(site.ask, site.lanes, lambda entry: None if fleet.begun[entry["item_uid"]] else "failed")
    with fleet.running():
        for kill in range(1, KILLS + 1):
            watch(operator, lambda _, part=kill: len(fleet.begun) > part * site.total // (KILLS + 2), "scans")
            site.kill_gateway()
        watch(operator, lambda outcomes: outcomes["completed"] == site.total, "the end of all scans")
        check(site, fleet, operator)


@pytest.mark.timeout(1500)
def test_a_scan_that_was_given_up_with_its_connection_is_unknown_until_a_person_has_looked(system, ask):
    site = Site(system, ask, rounds(4, 50), rounds(3, 20))
    fleet = Gen2Fleet(site.url, site.credentials)

    def judge(entry):
        uid = entry["item_uid"]
        return "completed" if uid in fleet.ended and operator.results_of(uid) else "failed"

    operator = ScanOperator(site.ask, site.lanes, judge)
    with fleet.running():
        for kill in range(1, KILLS + 1):
            watch(operator, lambda _, part=kill: len(fleet.begun) > part * site.total // (KILLS + 2), "scans")
            known, before = len(fleet.begun), set(fleet.interrupted)
            wait_until(lambda least=known: len(fleet.begun) > least, "a scan that has just begun", PATIENCE_S)
            site.kill_gateway()
            check_untouched(operator, site, fleet.interrupted - before)
        watch(operator, lambda outcomes: outcomes["completed"] == site.total, "the end of all scans")
        check(site, fleet, operator)


def check_untouched(operator, site, interrupted):
    """Check that interrupted scans are unknown, and that what waits behind them still does in its order."""
    unknown = {}

    def are_known():
        _never.wait(LOOK_S)
        entries = operator.entries()
        unknown.update({each["item_uid"]: each for each in entries if each["result"]["exit_status"] == "unknown"})
        return unknown and interrupted <= unknown.keys()

    wait_until(are_known, "what became of interrupted scans", PATIENCE_S)
    ended = {entry["item_uid"] for entry in operator.entries()}
    for entry in unknown.values():
        lane = entry["lane"]
        assert site.condition_of(lane) == "held"
        first, *others = operator.queue(lane)
        assert (first["state"], first["name"]) == ("held", entry["name"])
        assert [each["item_uid"] for each in others] == [uid for uid in site.uids[lane] if uid not in ended]
        assert [each for each in others if "state" in each] == []
