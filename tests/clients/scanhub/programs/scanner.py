"""A scanner on the unmodified ScanHub device SDK: does what the sequence of each scan says, and tells it line by line.

It runs under the interpreter of that SDK, with the SDK on its path. The argument is a JSON object: `generation`, `uri`,
`credentials` (a file), `ca_file`, `scans` (false: without a scan callback) and `reconnect_delay`. The words `go` and
`stop` on standard input let a waiting scan go on, and end the program.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

Client: Any = importlib.import_module("sdk.client").Client
DeviceDetails: Any = importlib.import_module("scanhub_libraries.models").DeviceDetails


def tell(event: str, **values: Any) -> None:
    """Write what happened as one line."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class Program:
    """The scan callback and what it needs."""

    def __init__(self, wanted: dict[str, Any], directory: Path) -> None:
        self._generation = wanted["generation"]
        self._directory = directory
        self._going_on = asyncio.Event()
        credentials = json.loads(Path(wanted["credentials"]).read_text())
        details = DeviceDetails(
            device_name="low-field scanner",
            serial_number="17",
            manufacturer="us",
            modality="MR",
            status=None,
            site=None,
            parameter=wanted["parameter"],
        )
        self._client = Client(
            wanted["uri"],
            credentials["device_id"],
            credentials["device_token"],
            details,
            reconnect_delay=wanted["reconnect_delay"],
            ca_file=wanted["ca_file"],
        )
        self._client.set_feedback_handler(self._hear_feedback)
        self._client.set_error_handler(self._hear_error)
        if wanted["scans"]:
            self._client.set_scan_callback(self._scan)

    async def run(self) -> None:
        """Serve until `stop` or the end of standard input."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await self._client.start()
        tell("connected")
        while (word := (await reader.readline()).decode().strip()) == "go":
            self._going_on.set()
        if word == "stop":
            await self._client.stop()
            tell("stopped")

    async def _scan(self, payload: Any) -> None:
        wanted = json.loads(payload.sequence.seq_file.splitlines()[0])
        limits = payload.acquisition_limits
        tell(
            "started",
            task_id=str(payload.id),
            name=payload.name,
            parameter=payload.device_parameter,
            sequence_bytes=len(payload.sequence.seq_file),
            limits=None if limits is None else limits.model_dump(mode="json"),
        )
        ids = {"task_id": str(payload.id), "user_access_token": payload.access_token}
        for step in range(1, wanted["steps"] + 1):
            await asyncio.sleep(wanted["step_s"])
            if step == wanted.get("waits_before"):
                tell("waiting")
                await self._going_on.wait()
                self._going_on.clear()
            await self._client.send_scanning_status(progress=100 * step // wanted["steps"], **ids)
        if "failure" in wanted:
            raise RuntimeError(wanted["failure"])
        if wanted["upload_bytes"] is not None:
            await self._upload(os.urandom(wanted["upload_bytes"]), ids)
        tell("done", task_id=str(payload.id))

    async def _upload(self, content: bytes, ids: dict[str, str]) -> None:
        file = self._directory / "raw.mrd"
        file.write_bytes(content)
        if self._generation == "gen2":
            await self._client.upload_file_result(file, **ids)
        else:
            await self._client.upload_file_result(file, "raw", {}, **ids)
        tell("uploads", size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    async def _hear_feedback(self, message: str) -> None:
        tell("feedback", message=message)

    async def _hear_error(self, message: str) -> None:
        tell("error", message=message)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(Program(json.loads(sys.argv[1]), Path(place)).run())
