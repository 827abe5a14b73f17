"""Scanners of both generations on the WebSocket of devices: from connect to a verified upload and a true outcome."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import uuid
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from queue_server.artifacts.store import open_artifacts
from queue_server.client.notices import EVENT_TOPIC
from queue_server.protocol.worker_link import (
    Continue,
    Dismiss,
    EnvironmentClosed,
    EnvironmentOpened,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    Progress,
    REStateChanged,
)
from tests.doubles.device_lanes import SEQUENCE, TOKEN, DeviceManager, gateway_with_devices
from tests.doubles.scanner import address_of, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATIONS = pytest.mark.parametrize("generation", ["gen2", "gen3"])
OTHER = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a04"
TASK = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a05"
WORKFLOW = "8c0a6d0e-5b1f-4b53-9a0e-0d6b8f1f0a06"
CONTENT = b"k-space" * 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manager():
    """A manager that knows devices."""
    manager = DeviceManager()
    manager.tokens[OTHER] = TOKEN
    yield manager
    await manager.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(manager, directory):
    """A gateway in front of it, with little patience."""
    scanners = {"acknowledgement_s": 4, "register_s": 2, "upload_idle_s": 3, "upload_bytes": 10_000_000}
    async with gateway_with_devices(manager, directory, scanners=scanners) as client:
        # To each of the topics.
        for _ in range(4):
            await manager.await_subscriber()
        yield client


async def condition(manager, device, word):
    """Wait until the lane of a device tells this condition."""
    return await manager.lanes.wait_for(device, REStateChanged, lambda report: report.re_state == word)


def is_ready(message):
    """Whether a message tells that a device can be given items."""
    return isinstance(message, EnvironmentOpened) or (isinstance(message, Hello) and message.environment == "open")


# --- a scan ---------------------------------------------------------------------------------------------------------


@GENERATIONS
async def test_a_scan_goes_from_connect_to_a_verified_upload(manager, gateway, directory, device, item, generation):
    content = os.urandom(2_400_000)
    async with connected(gateway, device, TOKEN, generation) as scanner:
        await scanner.register(parameter={"b0": 3})
        hello = await manager.lanes.wait_for(device, Hello)
        # The link may come up before, while or after the device registers; it is never open before.
        assert (hello.environment, hello.re_state) != ("open", "registering")
        await manager.ready(device)
        await condition(manager, device, "ready")
        assert hello.incarnation.startswith(device.replace("-", ""))
        assert hello.incarnation.endswith(".1")
        key = await manager.execute(device, item)
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged, lambda report: report.attempt == key)
        await scanner.progress(50)
        assert (await manager.lanes.wait_for(device, Progress, lambda each: each.points == 50)).total == 100
        await scanner.finish(content)
        assert (await manager.outcome(key)).outcome == "completed"
    [result] = manager.results_of(key)
    assert result["directory"].startswith(f"{item}/")
    assert (result["type"], result["files"]) == ("MRD", ["a.mrd"])
    with open_artifacts(directory).open(result["meta"]["artifacts"]["a.mrd"]["artifact_id"]) as reader:
        assert b"".join(reader) == content
    await manager.lanes.wait_for(device, EnvironmentClosed)


@GENERATIONS
async def test_what_a_device_says_of_itself_goes_to_the_manager(manager, gateway, device, generation):
    async with connected(gateway, device, TOKEN, generation) as scanner:
        await scanner.register(parameter={"b0": 3}, site="here", serial_number=None)
        await manager.lanes.wait_for(device, Hello)
    told = [each["params"] for each in manager.requests if each["method"] == "device_describe"]
    assert told[-1] == {
        "device_id": device,
        "generation": 1,
        "details": {"device_name": "scanner", "site": "here", "client_generation": generation},
        "parameter": {"b0": 3},
    }


async def test_the_parameters_of_device_and_item_go_out_and_are_kept_beside_the_file(manager, gateway, device, item):
    manager.parameter = {"b0": 3, "gain": 1}
    try:
        async with connected(gateway, device, TOKEN) as scanner:
            await scanner.register()
            key = await manager.execute(device, item, device_parameter={"gain": 2}, task_id=TASK, workflow_id=WORKFLOW)
            await scanner.begin()
            await scanner.finish(CONTENT)
            await manager.outcome(key)
    finally:
        manager.parameter = {}
    sent = scanner.started.device_parameter
    assert (sent["b0"], sent["gain"], sent["cuelight"]["item_uid"]) == (3, 2, item)
    [result] = [each for each in manager.results.values() if each["task_id"] == TASK]
    assert result["files"] == ["a.mrd", "device_parameter.json"]
    assert result["directory"].startswith(f"{WORKFLOW}/{TASK}/")


async def test_nothing_is_said_to_a_device_that_scans_but_pongs(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen3") as scanner:
        await scanner.register()
        key = await manager.execute(device, item, expected_uploads=0)
        await scanner.begin()
        for percent in range(50):
            await scanner.progress(percent)
        await scanner.tell(command="ping")
        await scanner.upload(CONTENT)
        await scanner.tell(command="ping")
        assert [(await scanner.next_frame())["command"] for _ in range(2)] == ["pong", "pong"]
        await scanner.online()
        assert (await scanner.next_frame())["command"] == "feedback"
        assert (await manager.outcome(key)).outcome == "completed"


@pytest.mark.parametrize(("uploads", "outcome"), [(1, "failed"), (0, "completed")])
async def test_a_scan_without_upload_ends_as_was_expected(manager, gateway, device, item, uploads, outcome):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item, expected_uploads=uploads, upload_grace_s=0.2)
        await scanner.begin()
        await scanner.progress(100)
        await scanner.online()
        report = await manager.outcome(key)
    assert report.outcome == outcome
    assert ("no upload" in report.message) == (outcome == "failed")


async def test_two_errors_of_one_scan_end_it_once_and_the_next_scan_waits_for_a_person(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen2") as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
        await scanner.fail("the coil is hot")
        await scanner.fail("the coil is very hot")
        assert (await manager.outcome(key)).message == "the coil is hot"
        await condition(manager, device, "fault")
        refused = await manager.execute(device, str(uuid.uuid4()))
        report = await manager.outcome(refused)
        assert report.outcome == "failed"
        assert "nothing was sent to the device" in report.message
    assert manager.ends_of(key) == ["failed"]


async def test_no_acknowledgement_is_an_unknown_outcome(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.wait_for("start")
        report = await manager.outcome(key)
        assert (report.outcome, "no acknowledgement" in report.message) == ("unknown", True)
        await condition(manager, device, "unresolved")


async def test_an_error_without_ids_fails_the_item(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen2") as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.wait_for("start")
        await scanner.status("ERROR", {"error_message": "no scan callback"})
        assert (await manager.outcome(key)).outcome == "failed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expected_uploads": -1}, "kwargs.expected_uploads"),
        ({"acquisition_limits": {"patient_height": 1.5}}, "kwargs.acquisition_limits"),
        ({"sequence": {**SEQUENCE, "created_at": "yesterday"}}, "sequence.created_at"),
        ({"sequence": {**SEQUENCE, "seq_file": "x" * 1_048_576}}, "at most 1048576"),
    ],
)
async def test_an_item_that_cannot_be_sent_fails_and_says_why(manager, gateway, device, item, changes, said):
    async with connected(gateway, device, TOKEN, "gen2") as scanner:
        await scanner.register()
        report = await manager.outcome(await manager.execute(device, item, **changes))
        assert report.outcome == "failed"
        assert said in report.message
        key = await manager.execute(device, str(uuid.uuid4()), expected_uploads=0)
        await scanner.begin()
        await scanner.online()
        assert (await manager.outcome(key)).outcome == "completed"


async def test_a_large_start_goes_to_a_device_of_the_third_generation(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen3") as scanner:
        await scanner.register()
        sequence = {**SEQUENCE, "seq_file": "x" * 3_000_000}
        key = await manager.execute(device, item, expected_uploads=0, sequence=sequence)
        await scanner.begin()
        await scanner.online()
        assert (await manager.outcome(key)).outcome == "completed"


async def test_a_scan_cannot_be_paused_but_given_up(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
        for option in ("resume", "abort"):
            await manager.lanes.send(device, Continue(attempt=key, option=option))
            await manager.lanes.wait_for(device, OrderRefused, lambda report, option=option: report.order == option)
        await manager.lanes.send(device, Continue(attempt=key, option="halt"))
        assert (await manager.outcome(key)).outcome == "unknown"


# --- what does not fit ----------------------------------------------------------------------------------------------


@GENERATIONS
async def test_frames_that_do_not_fit_change_nothing(manager, gateway, device, item, generation):
    async with connected(gateway, device, TOKEN, generation) as scanner:
        await scanner.register()
        for text in ("x", "[]", "{}", '{"command":"cancel"}', '{"command":"register","data":5}', "5"):
            await scanner.socket.send(text)
            assert (await scanner.next_frame())["command"] == "error"
        for _ in range(3):
            await scanner.socket.send(b"stray")
        assert (await scanner.next_frame())["code"] == "stray_bytes"
        key = await manager.execute(device, item, expected_uploads=0)
        await scanner.begin()
        foreign = scanner.started.model_copy(update={"access_token": "0" * 64})
        other = scanner.started.model_copy(update={"id": uuid.uuid4()})
        for about in (foreign, other):
            await scanner.status("ERROR", {"error_message": "not mine"}, about=about)
            await scanner.upload(CONTENT, about=about)
        await scanner.online()
        assert (await manager.outcome(key)).outcome == "completed"
    assert manager.results_of(key) == []


async def test_text_that_is_too_large_ends_the_connection(gateway, device):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        await scanner.socket.send("x" * (1024 * 1024 + 1))
        assert await scanner.closed() == 1009


async def test_bytes_that_are_too_large_end_the_connection(gateway, device):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        with pytest.raises(ConnectionClosed):
            for _ in range(3):
                await scanner.socket.send(bytes(16 * 1024 * 1024 + 1))
        assert await scanner.closed() in (1009, 1006)


# --- uploads --------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def scanning(manager, gateway, device, item):
    """A scanner in a scan that expects one file, and the attempt."""
    async with connected(gateway, device, TOKEN, "gen2") as scanner:
        await scanner.register()
        key = await manager.execute(device, item, upload_grace_s=0.3)
        await scanner.begin()
        yield scanner, key


async def test_an_empty_file_is_a_file(manager, scanning):
    scanner, key = scanning
    await scanner.announce(0, "empty.npy")
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"
    assert manager.results_of(key)[0]["type"] == "NUMPY"


async def test_a_file_without_checksum_with_frames_in_between_is_stored(manager, scanning):
    scanner, key = scanning
    await scanner.announce(8)
    await scanner.socket.send(b"four")
    await scanner.progress(70)
    await scanner.tell(command="ping")
    assert (await scanner.next_frame())["command"] == "pong"
    await scanner.socket.send(b"more")
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"


async def test_the_same_file_twice_is_one_result(manager, scanning):
    scanner, key = scanning
    for _ in range(2):
        await scanner.upload(CONTENT)
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"
    assert len(manager.results_of(key)) == 1


async def send_too_much(scanner):
    await scanner.announce(3)
    await scanner.socket.send(b"four")


async def send_too_little(scanner):
    await scanner.announce(5)
    await scanner.socket.send(b"four")


async def send_something_else(scanner):
    await scanner.announce(4, sha256=hashlib.sha256(b"five").hexdigest())
    await scanner.socket.send(b"four")


async def send_an_unusable_name(scanner):
    await scanner.upload(CONTENT, "../..")


async def send_more_than_is_admitted(scanner):
    await scanner.announce(10_000_001)


WRONG = [send_too_much, send_too_little, send_something_else, send_an_unusable_name]


@pytest.mark.parametrize("wrong", [*WRONG, send_more_than_is_admitted])
async def test_an_upload_that_is_wrong_fails_the_item_after_the_grace(manager, scanning, wrong):
    scanner, key = scanning
    await wrong(scanner)
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "failed"
    assert manager.results_of(key) == []


@pytest.mark.parametrize("wrong", [send_too_much, send_too_little, send_something_else])
async def test_a_replacement_makes_up_for_an_upload_that_was_wrong(manager, scanning, wrong):
    scanner, key = scanning
    await wrong(scanner)
    await scanner.upload(CONTENT)
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"
    assert len(manager.results_of(key)) == 1


@pytest.mark.parametrize("name", ["/etc/passwd.mrd", "..\\..\\passwd.mrd", "c:\\x\\passwd.mrd"])
async def test_of_a_path_only_the_name_counts(manager, scanning, name):
    scanner, key = scanning
    await scanner.upload(CONTENT, name)
    await scanner.online()
    assert (await manager.outcome(key)).outcome == "completed"
    assert manager.results_of(key)[0]["files"] == ["passwd.mrd"]


async def test_a_result_that_the_manager_refuses_is_no_upload(manager, scanning):
    scanner, key = scanning
    known = manager.answers["exam_result_add"]
    manager.answers["exam_result_add"] = {"success": False, "msg": "no such task", "error": {"code": "not_found"}}
    try:
        await scanner.upload(CONTENT)
        await scanner.online()
        report = await manager.outcome(key)
    finally:
        manager.answers["exam_result_add"] = known
    assert (report.outcome, "no such task" in report.message) == ("failed", True)


async def test_a_result_is_asked_for_until_the_manager_answers(manager, scanning):
    scanner, key = scanning
    known = manager.answers["exam_result_add"]
    busy, asked = {"success": False, "msg": "busy", "error": {"code": "busy"}}, asyncio.Event()

    def refuse_once(params):
        manager.answers["exam_result_add"] = known
        asked.set()
        return busy

    manager.answers["exam_result_add"] = refuse_once
    await scanner.upload(CONTENT)
    await scanner.online()
    await asked.wait()
    assert (await manager.outcome(key)).outcome == "completed"


# --- connections ----------------------------------------------------------------------------------------------------


async def test_the_newest_connection_wins_and_the_end_of_the_old_one_is_no_news(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as old:
        await old.register()
        async with connected(gateway, device, TOKEN) as new:
            await new.register()
            assert await old.closed() == 4001
            await manager.lanes.wait_for(device, Hello, lambda hello: hello.incarnation.endswith(".2"))
            key = await manager.execute(device, item, expected_uploads=0)
            await new.begin()
            await new.online()
            assert (await manager.outcome(key)).outcome == "completed"


async def test_connections_that_replace_each_other_mark_the_device_and_get_nothing(manager, gateway, device):
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(connected(gateway, device, TOKEN)) for _ in range(4)]
        await opened[-1].register()
        marked = (Hello, REStateChanged)
        await manager.lanes.wait_for(device, marked, lambda each: each.re_state == "duplicate_connection")
    assert not [each for lane, each in manager.lanes.heard if lane == device and is_ready(each)]


async def test_a_connection_that_is_lost_in_a_scan_leaves_an_unknown_outcome_once(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
    assert (await manager.outcome(key)).outcome == "unknown"
    await manager.lanes.wait_for(device, EnvironmentClosed)
    async with connected(gateway, device, TOKEN) as again:
        await again.register()
        hello = await manager.lanes.wait_for(device, Hello, lambda hello: hello.incarnation.endswith(".2"))
        assert hello.re_state == "unresolved"
        assert hello.attempt in (None, key)
    assert manager.ends_of(key) == ["unknown"]


async def test_what_a_device_delivers_after_a_loss_is_attached_and_proves_the_end(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen3") as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
    assert (await manager.outcome(key)).outcome == "unknown"
    async with connected(gateway, device, TOKEN, "gen3") as again:
        again.started = scanner.started
        await again.register()
        await again.status("ONLINE", {"progress": 100}, about=scanner.started)
        await again.upload(CONTENT)
        await again.wait_for("feedback")
        await manager.lanes.wait_for(device, ItemFinished, lambda report: report.outcome == "completed")
    assert len(manager.results_of(key)) == 1
    assert manager.ends_of(key) == ["unknown", "completed"]


async def test_a_connection_that_never_registers_gets_nothing_and_may_deliver(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN, "gen3") as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
    await manager.lanes.wait_for(device, EnvironmentClosed)
    before = len(manager.lanes.heard)
    async with connected(gateway, device, TOKEN, "gen3") as zombie:
        zombie.started = scanner.started
        for _ in range(3):
            await zombie.tell(command="ping")
            assert (await zombie.next_frame())["command"] == "pong"
        await zombie.upload(CONTENT)
        assert (await zombie.next_frame())["command"] == "feedback"
    assert len(manager.results_of(key)) == 1
    assert not [each for lane, each in manager.lanes.heard[before:] if lane == device and is_ready(each)]


async def test_a_connection_that_never_registers_is_shown_as_such(manager, gateway, device):
    async with connected(gateway, device, TOKEN) as zombie:
        await zombie.tell(command="ping")
        await condition(manager, device, "needs_restart")
        await zombie.register()
        await condition(manager, device, "ready")


async def test_an_item_that_is_ordered_twice_is_sent_once(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item, expected_uploads=0)
        await manager.execute(device, item, expected_uploads=0)
        await scanner.begin()
        await scanner.online()
        await manager.outcome(key)
        await scanner.tell(command="ping")
        await scanner.wait_for("pong")
    assert [frame["command"] for frame in scanner.frames].count("start") == 1


async def test_an_end_that_was_not_acknowledged_is_told_again_on_the_next_connection(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
        manager.lanes.acknowledges = False
    try:
        await manager.lanes.wait_for(device, EnvironmentClosed)
        async with connected(gateway, device, TOKEN) as again:
            await again.register()
            hello = await manager.lanes.wait_for(device, Hello, lambda hello: hello.incarnation.endswith(".2"))
            assert (hello.environment, hello.attempt, hello.next_report) == ("open", key, 1)
            await manager.lanes.wait_for(device, ItemFinished, lambda report: report.number == 1)
    finally:
        manager.lanes.acknowledges = True
    assert manager.ends_of(key) == ["unknown", "unknown"]


# --- credentials ----------------------------------------------------------------------------------------------------


async def test_wrong_credentials_close_with_1008_after_the_handshake_and_ever_later(gateway, device, caplog):
    loop, begun = asyncio.get_running_loop(), []

    async def try_in_vain(token):
        async with connected(gateway, device, token) as scanner:
            begun.append(loop.time())
            assert await scanner.closed() == 1008
            return loop.time() - min(begun)

    tokens = [f"wrong {number} " * 5 for number in range(2)]
    first_s, second_s = sorted(await asyncio.gather(*map(try_in_vain, tokens)))
    assert first_s > 0.9
    assert second_s > 1.4
    assert not any(token in caplog.text for token in tokens)


async def test_a_manager_that_cannot_be_asked_is_no_wrong_credential(manager, gateway, device):
    known = manager.answers["device_connect"]
    manager.answers["device_connect"] = {"success": False, "msg": "busy", "error": {"code": "busy"}}
    try:
        async with connected(gateway, device, TOKEN) as scanner:
            assert await scanner.closed() == 1013
    finally:
        manager.answers["device_connect"] = known
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()


async def test_the_names_of_the_headers_count_in_any_case_and_long_tokens_are_accepted(manager, gateway, device):
    manager.tokens[device] = "ab" * 1024
    headers = {"DEVICE-ID": device.upper(), "device-token": "ab" * 1024}
    async with connect(address_of(gateway), additional_headers=headers) as socket:
        await socket.send('{"command":"ping"}')
        assert await socket.recv() == '{"command":"pong"}'


@pytest.mark.parametrize(
    ("kind", "data", "is_closed"),
    [
        ("device_deleted", {}, True),
        ("device_token_revoked", {}, True),
        ("device_token_rotated", {"grace_s": 0.0}, True),
        ("device_token_rotated", {"grace_s": 60.0}, False),
    ],
)
async def test_a_device_that_has_lost_its_right_is_closed(manager, gateway, device, kind, data, is_closed):
    async with connected(gateway, device, TOKEN) as scanner, connected(gateway, OTHER, TOKEN) as other:
        await scanner.register()
        await other.register()
        manager.last_event += 1
        event = {"seq": manager.last_event, "kind": kind, "lane": device, "data": {"device_id": device, **data}}
        await manager.publish(EVENT_TOPIC, event)
        if is_closed:
            assert await scanner.closed() == 1008
        await other.tell(command="ping")
        await other.wait_for("pong")
        assert (scanner.socket.close_code is None) is not is_closed


async def test_a_device_that_the_manager_dismisses_is_closed_and_comes_back(manager, gateway, device, item):
    async with connected(gateway, device, TOKEN) as scanner:
        await scanner.register()
        key = await manager.execute(device, item)
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
        await manager.lanes.send(device, Dismiss(reason="a newer connection of its device took its place"))
        assert await scanner.closed() == 4001
    async with connected(gateway, device, TOKEN) as again:
        await again.register()
        await manager.lanes.wait_for(device, Hello, lambda hello: hello.incarnation.endswith(".2"))
        # Whoever has dismissed it may not know how the scan ended.
        assert (await manager.outcome(key)).outcome == "unknown"


# --- the end of a gateway -------------------------------------------------------------------------------------------


async def test_after_a_gateway_was_killed_in_a_scan_the_outcome_is_unknown(
    manager, gateway, directory, device, tmp_path
):
    items = [str(uuid.uuid4()) for _ in range(2)]
    async with connected(gateway, device, TOKEN, "gen3") as scanner:
        await scanner.register()
        done = await manager.execute(device, items[0], expected_uploads=0)
        await scanner.begin()
        await scanner.online()
        await manager.outcome(done)
        key = await manager.execute(device, items[1])
        await scanner.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged, lambda report: report.attempt == key)
        # This is what a gateway leaves that ends at this moment.
        (tmp_path / "devices").mkdir(mode=0o700)
        shutil.copy(directory / "devices" / f"{device}.json", tmp_path / "devices")
        before = len(manager.lanes.heard)
        async with gateway_with_devices(manager, tmp_path) as second:
            report = await manager.outcome(key)
            assert (report.outcome, "the gateway ended" in report.message) == ("unknown", True)
            hello = next(each for _, each in manager.lanes.heard[before:] if isinstance(each, Hello))
            first = next(each for lane, each in manager.lanes.heard if lane == device and isinstance(each, Hello))
            # Another process is another worker; the manager refuses a second one of the same name.
            assert hello.incarnation.endswith(".1")
            assert (hello.incarnation != first.incarnation, hello.attempt) == (True, key)
            async with connected(second, device, TOKEN, "gen3") as again:
                again.started = scanner.started
                await again.register()
                await again.status("ONLINE", {"progress": 100}, about=scanner.started)
                await again.upload(CONTENT)
                await again.wait_for("feedback")
    assert len(manager.results_of(key)) == 1


async def test_an_orderly_end_closes_with_1001_and_tells_the_outcome(manager, device, item, tmp_path):
    async with gateway_with_devices(manager, tmp_path) as client:
        async with asyncio.timeout(60):
            socket = connected(client, device, TOKEN)
            scanner = await socket.__aenter__()
            await scanner.register()
            key = await manager.execute(device, item)
            await scanner.begin()
            await manager.lanes.wait_for(device, ItemAcknowledged)
    assert await scanner.closed() == 1001
    assert (await manager.outcome(key)).outcome == "unknown"
    await socket.__aexit__(None, None, None)


async def test_without_a_link_to_the_lanes_devices_are_told_to_try_later(manager, device, tmp_path):
    async with (
        gateway_with_devices(manager, tmp_path, worker_link=None) as client,
        connected(client, device, TOKEN) as scanner,
    ):
        assert await scanner.closed() == 1013
