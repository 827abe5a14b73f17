"""A scanner that is made with the kit: what it says to the gateway, and that nothing is lost when a connection is."""

from __future__ import annotations

import asyncio
import hashlib
import re
import runpy
from pathlib import Path

import pytest

from tests.unit.device_worker.remote.conftest import CREDENTIALS

CONTENT = b"k-space" * 400_000
GUIDE = Path(__file__).parents[4] / "docs" / "how-to" / "connect-a-scanner.md"


async def quick(scan):
    """Make one file."""
    scan.progress(50)
    await scan.upload("image.npy", CONTENT)


class Gate:
    """A program that waits for the test in the middle of its scan."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled = False

    async def __call__(self, scan):
        """Wait, then make one file."""
        scan.progress(10)
        self.begun.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await scan.upload("image.npy", CONTENT)


async def test_a_device_proves_itself_and_presents_itself(gateway, scanning):
    async with scanning(quick):
        line = await gateway.next_line()
        assert gateway.headers[0]["Device-Id"] == CREDENTIALS.device_id
        assert gateway.headers[0]["Device-Token"] == CREDENTIALS.device_token
        data = line.heard[0]["data"]
        assert (data["device_name"], data["serial_number"], data["protocol"]) == ("scanner", None, "cuelight/1")


async def test_a_scan_is_told_from_its_start_to_its_end(gateway, scanning):
    async with scanning(quick):
        line = await gateway.next_line()
        await line.start()
        await line.end()
    about = {"task_id": "item-1", "user_access_token": "right-to-item-1"}
    told = [frame for frame in line.heard if isinstance(frame, dict) and frame["command"] == "update_status"]
    assert all(about.items() <= frame.items() for frame in told[:-1])
    assert [frame["status"] for frame in told[:-1]] == ["BUSY"] * (len(told) - 1)
    percents = [frame["data"]["progress"] for frame in told[:-1]]
    assert percents[-1] == 100
    assert percents == sorted(percents)
    header = await line.command("file-transfer")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (header["size_bytes"], header["sha256"]) == (len(CONTENT), digest)
    assert line.files == {"image.npy": CONTENT}


async def test_the_program_of_the_guide_works(gateway, scanning, tmp_path):
    programs = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    [text] = [program for program in programs if "from device_worker.remote import" in program]
    program, serving = text.split("\n\nScanner(")
    (tmp_path / "scanner.py").write_text(program)
    compile(f"Scanner({serving}", "guide", "exec")
    async with scanning(runpy.run_path(str(tmp_path / "scanner.py"))["acquire"]):
        line = await gateway.next_line()
        await line.start()
        await line.end()
    assert line.files["raw.txt"].decode().splitlines()[63] == "localizer line 63"


async def test_a_file_is_sent_from_the_disk(gateway, scanning, tmp_path):
    path = tmp_path / "raw.mrd"
    path.write_bytes(CONTENT)

    async def program(scan):
        await scan.upload("raw.mrd", path)

    async with scanning(program):
        line = await gateway.next_line()
        await line.start()
        await line.end()
    assert line.files == {"raw.mrd": CONTENT}


async def test_a_file_that_has_vanished_does_not_end_the_device(gateway, scanning, tmp_path):
    path = tmp_path / "raw.mrd"
    path.write_bytes(CONTENT)

    async def program(scan):
        await scan.upload("raw.mrd", path)
        path.unlink()

    async with scanning(program):
        line = await gateway.next_line()
        await line.start()
        await line.end()
        await line.start("item-2")
        await line.wait_for(lambda frame: frame.get("task_id") == "item-2" and frame["status"] == "ERROR")


async def test_what_goes_wrong_in_a_scan_is_told_and_the_next_one_runs(gateway, scanning):
    async def program(scan):
        if scan.id == "item-1":
            raise RuntimeError("the gradient is too hot")

    async with scanning(program):
        line = await gateway.next_line()
        await line.start()
        assert (await line.status("ERROR"))["data"]["error_message"] == "RuntimeError: the gradient is too hot"
        await line.end()
        await line.start("item-2")
        await line.wait_for(lambda frame: frame.get("task_id") == "item-2" and frame["data"]["progress"] == 100)


async def test_a_scan_is_cancelled_at_the_request_of_the_gateway(gateway, scanning):
    gate = Gate()
    async with scanning(gate):
        line = await gateway.next_line()
        await line.start()
        await gate.begun.wait()
        await line.say(command="cancel", task_id="another")
        await line.say(command="cancel", task_id="item-1")
        assert (await line.status("ERROR"))["data"]["error_message"] == "The scan was cancelled."
        assert gate.cancelled


async def test_a_scan_goes_on_while_the_gateway_is_away_and_is_told_on_the_next_connection(gateway, scanning):
    gate = Gate()
    async with scanning(gate):
        first = await gateway.next_line()
        await first.start()
        await first.status("BUSY", 10)
        await first.socket.close(1001)
        gate.opened.set()
        second = await gateway.next_line()
        # It says that it is not idle: progress of a scan that another connection has started.
        frame = await second.status("ONLINE", 100)
        assert frame["task_id"] == "item-1"
        assert second.files == {"image.npy": CONTENT}
    commands = [frame["command"] for frame in second.heard if isinstance(frame, dict)]
    assert commands.index("file-transfer") < len(commands) - 2


async def test_a_file_is_sent_again_until_the_gateway_has_it(gateway, scanning):
    async with scanning(quick):
        first = await gateway.next_line()
        await first.start()
        await first.end()
        await first.socket.close(1001)
        second = await gateway.next_line()
        await second.status("ONLINE", 100)
        assert second.files == {"image.npy": CONTENT}
        await second.say(command="feedback", message="stored", result_id="r-1")
        await second.say(command="start", data={"id": "x"})
        await second.start("item-2")
        await second.wait_for(lambda frame: frame.get("task_id") == "item-2")
        await second.socket.close(1001)
        third = await gateway.next_line()
        await third.status("ONLINE", 100)
        assert all(frame.get("task_id") != "item-1" for frame in third.heard if isinstance(frame, dict))


async def test_an_error_is_not_told_again(gateway, scanning):
    async def program(scan):
        raise RuntimeError("no")

    async with scanning(program):
        first = await gateway.next_line()
        await first.start()
        await first.end()
        await first.socket.close(1001)
        second = await gateway.next_line()
        await second.start("item-2")
        await second.end()
    assert all(frame.get("task_id") != "item-1" for frame in second.heard)


async def test_a_start_during_a_scan_is_left_alone(gateway, scanning):
    gate = Gate()
    async with scanning(gate):
        line = await gateway.next_line()
        await line.start()
        await gate.begun.wait()
        await line.start("item-2")
        gate.opened.set()
        await line.end()
    assert {frame["task_id"] for frame in line.heard if isinstance(frame, dict) and frame.get("task_id")} == {"item-1"}


async def test_a_device_that_is_refused_tries_again(gateway, scanning):
    gateway.refuses = True
    async with scanning(quick):
        async with asyncio.timeout(60):
            await gateway.refused.wait()
        gateway.refuses = False
        await gateway.next_line()


@pytest.mark.parametrize("text", ["no json", "[]", '{"command": 1}', '{"command": "start", "data": []}'])
async def test_what_is_no_frame_changes_nothing(gateway, scanning, text):
    async with scanning(quick):
        line = await gateway.next_line()
        await line.socket.send(text)
        await line.start()
        await line.end()
