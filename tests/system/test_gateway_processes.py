"""Several processes behind one socket, as the supervisor starts them: a dead one is replaced, and none is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

import httpx
import psutil
import pytest

from tests.doubles.authority import Authority
from tests.doubles.gateway import AnsweringManager
from tests.processes.system import System

PATIENCE_S = 60


class Started:
    """``python -m http_gateway`` with its reports."""

    def __init__(self, process, reports, reader):
        self.process = process
        self.reports = reports
        self.reader = reader

    async def report(self, name):
        """Return the next report of this name."""
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.reports.readline():
                report = json.loads(line)
                if name in report:
                    return report[name]
        raise AssertionError(f"no report {name!r}")

    async def end(self):
        """Return the exit code."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    @property
    def serving(self):
        """The processes that serve."""
        try:
            return psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []


@asynccontextmanager
async def started(**values):
    """Start it; end it and its processes at the end."""
    settings_fd, feeder = os.pipe()
    os.write(feeder, json.dumps(values).encode())
    os.close(feeder)
    reader, report_fd = os.pipe()
    words = ["--settings-fd", str(settings_fd), "--report-fd", str(report_fd)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "http_gateway",
        *words,
        pass_fds=(settings_fd, report_fd),
        stdout=asyncio.subprocess.DEVNULL,
    )
    os.close(settings_fd)
    os.close(report_fd)
    reports = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reports), os.fdopen(reader, "rb")
    )
    running = Started(process, reports, transport)
    try:
        yield running
    finally:
        if process.returncode is None:
            children = running.serving
            process.terminate()
            await running.end()
            assert not [child for child in children if child.is_running()]
        transport.close()


def _settings(manager, directory, **more):
    return {"control": manager.control, "info": manager.info, "http": "127.0.0.1:0", "data": str(directory), **more}


async def _is_served(url):
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{url}/v1/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def _is_admitted(url, directory):
    """Whether each of several connections, whichever process takes it, accepts the one key."""
    headers = {"Authorization": f"ApiKey {(directory / 'api-key').read_text().strip()}"}
    codes = []
    for _ in range(10):
        async with httpx.AsyncClient(headers=headers) as client:
            codes.append((await client.get(f"{url}/api/status")).status_code)
    return codes == [200] * 10


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.mark.night
async def test_two_processes_serve_one_address_a_killed_one_is_replaced_and_none_is_left(manager, tmp_path):
    async with started(**_settings(manager, tmp_path, workers=2)) as gateway:
        url = (await gateway.report("ready"))["url"]
        assert await _is_admitted(url, tmp_path)
        first, second = gateway.serving
        os.kill(first.pid, signal.SIGKILL)
        # The other one goes on alone, without a gap.
        assert all([await _is_served(url) for _ in range(10)])
        os.kill(second.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while not await _is_served(url):
                pass
        assert await _is_admitted(url, tmp_path)
        left = gateway.serving
        assert {first.pid, second.pid}.isdisjoint(each.pid for each in left)
        gateway.process.kill()
        await gateway.end()
        await asyncio.to_thread(psutil.wait_procs, left, PATIENCE_S)
        assert not any(each.is_running() for each in left)


@pytest.mark.night
async def test_a_gateway_serves_on_when_nobody_reads_its_reports(manager, tmp_path):
    async with started(**_settings(manager, tmp_path)) as gateway:
        http = (await gateway.report("ready"))["url"]
        gateway.reader.close()
        async with httpx.AsyncClient(base_url=http) as client:
            assert (await client.get("/v1/health/live")).status_code == 200


@pytest.mark.night
@pytest.mark.parametrize("workers", [1, 2])
async def test_an_address_in_use_is_reported_as_a_failure_that_no_restart_mends(manager, tmp_path, workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        http = f"127.0.0.1:{taken.getsockname()[1]}"
        async with started(**_settings(manager, tmp_path, http=http, workers=workers)) as gateway:
            assert f"cannot listen on {http}" in await gateway.report("failed")
            assert await gateway.end() == 3


@pytest.mark.night
async def test_a_wrong_value_in_that_configuration_is_reported_with_its_place(manager, tmp_path):
    (tmp_path / "c.yml").write_text("uvicorn: {workers: many}")
    async with started(**_settings(manager, tmp_path, http_config=str(tmp_path / "c.yml"))) as gateway:
        said = await gateway.report("failed")
        assert said.startswith(f"the gateway: 'uvicorn.workers' in {tmp_path}/c.yml: ")
        assert await gateway.end() == 1


async def test_a_setting_that_stops_every_process_ends_the_gateway(manager, tmp_path):
    (tmp_path / "key").write_text("not alphanumeric!")
    (tmp_path / "key").chmod(0o600)
    settings = _settings(manager, tmp_path, workers=2, api_key_file=str(tmp_path / "key"))
    async with started(**settings) as gateway:
        assert "cannot start" in await gateway.report("failed")
        assert await gateway.end() == 3


async def test_configuration_in_the_form_of_bluesky_httpserver_is_read_below_the_settings(manager, tmp_path):
    (tmp_path / "c.yml").write_text("uvicorn: {port: 1}\nauthentication: {allow_anonymous_access: true}")
    async with started(**_settings(manager, tmp_path, http_config=str(tmp_path / "c.yml"))) as gateway:
        url = (await gateway.report("ready"))["url"]
        assert not url.endswith(":1")
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/api/status")).status_code == 200


@pytest.mark.night
def test_the_whole_system_serves_https_in_two_processes_by_its_settings(tmp_path):
    authority = Authority()
    files = authority.issue(tmp_path / "cert.pem", tmp_path / "key.pem")
    tls = {name: str(path) for name, path in files.items()}
    system = System(tmp_path, http="127.0.0.1:0", http_workers=2, **tls)
    try:
        system.start()
        assert system.ready["http"].startswith("https://127.0.0.1:")
        headers = {"Authorization": f"ApiKey {(system.data / 'api-key').read_text().strip()}"}
        with httpx.Client(verify=authority.trust(), headers=headers, base_url=system.ready["http"]) as client:
            assert client.get("/api/status").json()["manager_state"] == "idle"
        assert len(psutil.Process(system.ready["pids"]["gateway"]).children()) == 2
    finally:
        system.close()


def test_a_certificate_that_cannot_be_used_ends_the_whole_system_with_a_sentence(tmp_path):
    authority = Authority()
    files = authority.issue(tmp_path / "cert.pem", tmp_path / "key.pem")
    files["tls_key"].chmod(0o644)
    tls = {name: str(path) for name, path in files.items()}
    system = System(tmp_path, http="127.0.0.1:0", **tls)
    process = system.spawn()
    try:
        assert process.wait(60) == 1
        system.output.wait_for("is open to everybody; do: chmod o=")
    finally:
        system.close()
