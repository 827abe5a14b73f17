"""The unmodified ScanHub device SDK of both generations on a whole system behind TLS, from connect to recovery."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.processes.waiting import wait_until

pytestmark = pytest.mark.timeout(400)

GENERATIONS = pytest.mark.parametrize("generation", ["gen2", "gen3"])
OTHER_LIMITS = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "OTHER"}


@pytest.fixture
def device(site, request):
    """A registered device that is not connected."""
    return site.register(request.node.name)


def check_files(site, uid, *uploads):
    """Compare the results of an item with what its scanner says that it has sent."""
    [result] = site.results(uid)
    [told] = uploads
    assert result["type"] == "MRD"
    artifact = result["meta"]["artifacts"]["raw.mrd"]["artifact_id"]
    content = site.content(artifact)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (told["size_bytes"], told["sha256"])


@GENERATIONS
def test_a_scan_goes_from_connect_to_a_verified_upload(site, connect, device, generation):
    scanner = connect(device, generation)
    shown = site.wait_for_condition(device, "ready")
    assert (shown["status"], shown["serial_number"], shown["modality"]) == ("ONLINE", "17", "MR")
    assert shown["registered_parameter"] == {"larmor_frequency": 2_030_000}
    uid = site.scan(device, upload_bytes=2_400_000, limits=OTHER_LIMITS)
    started = scanner.wait_for("started")
    assert (started["task_id"], started["name"], started["limits"]) == (uid, "knee", OTHER_LIMITS)
    assert started["parameter"]["larmor_frequency"] == 2_030_000
    assert site.wait_for_end(uid)["exit_status"] == "completed"
    check_files(site, uid, scanner.wait_for("uploads"))
    task = site.ask("GET", f"/exam/task/{uid}")
    assert (task["status"], task["progress"]) == ("FINISHED", 100)
    site.wait_for_condition(device, "ready")
    assert scanner.told("error") == []


def test_a_scan_of_seventy_seconds_hears_nothing_and_outlives_the_login_that_began_it(site, connect, device):
    devices = {"gen2": device, "gen3": site.register("the other one")}
    scanners = {generation: connect(each, generation) for generation, each in devices.items()}
    site.log_in("mia")
    uids = {}
    for generation, each in devices.items():
        site.wait_for_condition(each, "ready")
        uids[generation] = site.scan(each, steps=70, step_s=1, upload_bytes=50_000, user="mia")
        scanners[generation].wait_for("started")
    site.ask("POST", "/userlogin/logout", user="mia")
    site.ask("GET", "/device", 401, user="mia")
    for generation, scanner in scanners.items():
        scanner.wait_for("done", seconds=150)
        assert site.wait_for_end(uids[generation])["exit_status"] == "completed"
        check_files(site, uids[generation], scanner.wait_for("uploads"))
        told = [each["event"] for each in scanner.story]
        assert told[told.index("started") : told.index("done") + 1] == ["started", "uploads", "done"]
        # What is said of it is said at the end, and nothing is wrong.
        wait_until(lambda which=generation: len(scanners[which].told("feedback")) > 1, "the summary")
        assert scanner.told("error") == []


def test_the_second_generation_takes_a_start_of_one_mebibyte_and_none_that_is_larger(site, connect, device):
    scanner = connect(device, "gen2")
    site.wait_for_condition(device, "ready")
    # What a frame has besides its sequence is found from one that is refused.
    refused = site.begin_scan(device, 413, sequence_bytes=2**20)["detail"]
    size, most = (int(number) for number in re.findall(r"\d+", refused))
    assert most == 2**20
    length = 2**20 - (size - most)
    site.begin_scan(device, 413, sequence_bytes=length + 1)
    uid = site.scan(device, sequence_bytes=length)
    assert scanner.wait_for("started")["sequence_bytes"] == length
    assert site.wait_for_end(uid)["exit_status"] == "completed"
    assert len(scanner.told("started")) == 1
    site.wait_for_condition(device, "ready")


def test_the_third_generation_takes_three_megabytes(site, connect, device):
    scanner = connect(device, "gen3")
    site.wait_for_condition(device, "ready")
    uid = site.scan(device, sequence_bytes=3_000_000)
    assert scanner.wait_for("started")["sequence_bytes"] == 3_000_000
    assert site.wait_for_end(uid)["exit_status"] == "completed"


@pytest.mark.parametrize(("generation", "outcome"), [("gen2", "failed"), ("gen3", "unknown")])
def test_without_a_scan_callback_the_lane_is_held(site, connect, device, generation, outcome):
    connect(device, generation, scans=False)
    site.wait_for_condition(device, "ready")
    uids = [site.scan(device) for _ in range(2)]
    assert site.wait_for_end(uids[0])["exit_status"] == outcome
    copy, next_one = site.wait_for_waiting(device, 2)
    assert (copy.get("state"), next_one["item_uid"]) == ("held", uids[1])
    if generation == "gen3":
        site.wait_for_condition(device, "needs_restart", "unresolved", "offline")
    else:
        site.wait_for_condition(device, "fault")
    assert len(site.waiting(device)) == 2


@GENERATIONS
def test_the_newer_of_two_connections_stays_usable_when_the_older_one_ends(site, connect, device, generation):
    older = connect(device, generation, reconnect_delay=600)
    site.wait_for_condition(device, "ready")
    newer = connect(device, generation)
    # An item that is ordered in between is not sent, and holds the lane.
    site.system.output.wait_for(f"The worker of lane {device} says hello", 2, 60)
    uid = site.scan(device)
    assert newer.wait_for("started")["task_id"] == uid
    older.kill()
    assert site.wait_for_end(uid)["exit_status"] == "completed"
    assert site.wait_for_condition(device, "ready")["status"] == "ONLINE"
    again = site.scan(device)
    assert newer.wait_for("started", 2)["task_id"] == again
    assert site.wait_for_end(again)["exit_status"] == "completed"
    assert older.told("started") == []


@GENERATIONS
def test_two_programs_with_the_credentials_of_one_device_are_found_out(site, connect, device, generation):
    scanners = [connect(device, generation, reconnect_delay=1) for _ in range(2)]
    assert site.wait_for_condition(device, "duplicate_connection")["status"] in ("ERROR", "OFFLINE")
    uid = site.scan(device)
    if generation == "gen2":
        # Longer than it takes them to replace each other twice more.
        scanners[0].wait_for("feedback", len(scanners[0].told("feedback")) + 2)
    assert ([item["item_uid"] for item in site.waiting(device)], site.entry(uid)) == ([uid], None)
    scanners.pop().kill()
    if generation == "gen3":
        # It does not register a second time.
        scanners.pop().kill()
        scanners.append(connect(device, generation))
    site.ask("POST", f"/device/{device}/clear-fault")
    assert scanners[0].wait_for("started")["task_id"] == uid
    assert site.wait_for_end(uid)["exit_status"] == "completed"


@GENERATIONS
def test_after_a_scan_that_failed_the_next_one_succeeds(site, connect, device, generation):
    scanner = connect(device, generation, parameter={})
    site.wait_for_condition(device, "ready")
    failed = site.scan(device, failure="the coil is hot")
    result = site.wait_for_end(failed)
    assert (result["exit_status"], result["msg"]) == ("failed", "the coil is hot")
    assert site.ask("GET", f"/exam/task/{failed}")["error_message"] == "the coil is hot"
    if generation == "gen2":
        # It says nothing more, so that a person has to.
        assert "the coil is hot" in site.wait_for_condition(device, "fault")["fault_message"]
        site.ask("POST", f"/device/{device}/clear-fault")
    site.wait_for_condition(device, "ready")
    uid = site.scan(device)
    assert len(scanner.told("started")) == 1
    site.release(device)
    assert scanner.wait_for("started", 2)["task_id"] == uid
    assert site.wait_for_end(uid)["exit_status"] == "completed"
    check_files(site, uid, scanner.wait_for("uploads"))


@GENERATIONS
@pytest.mark.parametrize(("expected", "outcome"), [(0, "completed"), (1, "failed")])
def test_a_scan_without_upload_is_done_only_if_none_is_expected(site, connect, device, generation, expected, outcome):
    connect(device, generation)
    site.wait_for_condition(device, "ready")
    uid = site.scan(device, upload_bytes=None, query={"expected_uploads": expected, "upload_grace_s": 3})
    result = site.wait_for_end(uid)
    assert result["exit_status"] == outcome
    assert ("no upload" in result["msg"]) is (outcome == "failed")


@GENERATIONS
def test_an_empty_file_is_a_result(site, connect, device, generation):
    scanner = connect(device, generation)
    site.wait_for_condition(device, "ready")
    uid = site.scan(device, upload_bytes=0)
    assert site.wait_for_end(uid)["exit_status"] == "completed"
    check_files(site, uid, scanner.wait_for("uploads"))


def lose_gateway(site, connect, device, generation, request):
    # Longer than a gateway takes to come back: the second generation tries once.
    return connect(device, generation, reconnect_delay=20), site.kill_gateway


def lose_network(site, connect, device, generation, request):
    cable = request.getfixturevalue("cable")
    return connect(device, generation, reconnect_delay=3, uri=cable.uri), cable.cut


@GENERATIONS
@pytest.mark.parametrize("lose", [lose_gateway, lose_network])
def test_a_scan_that_is_lost_is_unknown_and_not_begun_again(site, connect, device, request, generation, lose):
    scanner, lose_connection = lose(site, connect, device, generation, request)
    site.wait_for_condition(device, "ready")
    uid = site.scan(device, steps=4, waits_before=2, upload_bytes=2_400_000)
    later = site.scan(device)
    scanner.wait_for("waiting")
    lose_connection()
    site.wait_for_outcome(uid, "unknown")
    copy, last = site.wait_for_waiting(device, 2)
    assert (copy.get("state"), last["item_uid"]) == ("held", later)
    if generation == "gen3":
        # It has not noticed anything but the end of its connection, and goes on.
        wait_until(lambda: site.device(device)["status"] == "ERROR", "the next connection", 60)
        assert site.device(device)["condition"] == "unresolved"
        scanner.say("go")
        site.wait_for_outcome(uid, "completed")
        check_files(site, uid, scanner.wait_for("uploads"))
    else:
        scanner.say("go")
        wait_until(lambda: site.device(device)["status"] == "ERROR", "the next connection", 60)
        assert site.wait_for_end(uid)["exit_status"] == "unknown"
        site.resolve(uid, "failed")
        site.release(device)
    [begun] = begin_next(site, connect, scanner, device, generation)
    assert (begun["task_id"], scanner.told("started")[0]["task_id"]) == (later, uid)
    site.wait_for_outcome(later, "completed")


def begin_next(site, connect, scanner, device, generation):
    """Wait for the next start; the program is started again if it has made itself deaf."""

    def is_settled():
        return len(scanner.told("started")) == 2 or site.device(device)["condition"] == "needs_restart"

    wait_until(is_settled, "the next scan", 90)
    if len(scanner.told("started")) == 2:
        return scanner.told("started")[1:]
    # Its ping has found the connection gone, too, and has opened another one that never registers.
    assert generation == "gen3"
    scanner.kill()
    return [connect(device, generation).wait_for("started")]


@GENERATIONS
def test_a_scan_that_is_asked_for_while_the_device_is_away_runs_once_it_is_there(site, connect, device, generation):
    uid = site.scan(device)
    site.begin_scan(device, 503, query={"immediate": "true"})
    assert [item["item_uid"] for item in site.waiting(device)] == [uid]
    scanner = connect(device, generation)
    assert scanner.wait_for("started")["task_id"] == uid
    assert site.wait_for_end(uid)["exit_status"] == "completed"


def test_the_third_generation_that_loses_its_connection_while_idle_needs_a_restart(site, connect, device):
    connect(device, "gen3", reconnect_delay=1)
    site.wait_for_condition(device, "ready")
    site.kill_gateway()
    assert site.wait_for_condition(device, "needs_restart")["status"] == "OFFLINE"
    uid = site.scan(device)
    assert [item["item_uid"] for item in site.waiting(device)] == [uid]
    restarted = connect(device, "gen3")
    assert restarted.wait_for("started")["task_id"] == uid
    assert site.wait_for_end(uid)["exit_status"] == "completed"
