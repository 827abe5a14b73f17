"""Files through a gateway: RunControl gets them piece by piece, and so do the verbs of recorded runs."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from queue_server.cli.main import run
from queue_server.client import (
    HTTPAccessError,
    HTTPClientError,
    HTTPOnlyError,
    RequestFailedError,
    RunControl,
    asynchronous,
)
from tests.doubles.gateway import answering_gateway
from tests.doubles.recorded_runs import RUN_UID, documents, recorded, start, write_run

PATH = f"/v1/runs/{RUN_UID}/documents"


@pytest_asyncio.fixture
async def gateway(tmp_path):
    """A manager that knows one run, the address and the key of a gateway in front of it, and the file of the run."""
    async with answering_gateway(tmp_path) as (manager, client):
        manager.answers["run_get"] = {"success": True, "msg": "", "run": recorded()}
        file = write_run(tmp_path / recorded()["file"], documents(3))
        yield manager, str(client.base_url).rstrip("/"), (tmp_path / "api-key").read_text().strip(), file


async def download_blocking(address, key, path=PATH):
    """Return the pieces that come to the form that blocks."""

    def get():
        pieces = []
        with RunControl(address, api_key=key) as run_control:
            run_control.download(path, pieces.append)
        return pieces

    return await asyncio.to_thread(get)


async def download_awaiting(address, key, path=PATH):
    """Return the pieces that come to the form that awaits."""
    pieces = []
    async with asynchronous.RunControl(address, api_key=key) as run_control:
        await run_control.download(path, pieces.append)
    return pieces


@pytest.fixture(params=[download_blocking, download_awaiting], ids=["blocking", "asynchronous"])
def download(request):
    """Get a file with one form of RunControl."""
    return request.param


async def test_a_file_comes_whole_and_in_pieces(gateway, download):
    _, address, key, file = gateway
    write_run(file, [start(filling="x" * 2_000_000), *documents(3)[1:]])
    pieces = await download(address, key)
    assert len(pieces) > 1
    assert b"".join(pieces) == file.read_bytes()


async def test_a_refusal_of_the_manager_is_the_same_as_of_a_request(gateway, download):
    manager, address, key, _ = gateway
    manager.answers["run_get"] = {"success": False, "msg": "No run.", "error": {"code": "not_found"}}
    with pytest.raises(RequestFailedError, match="No run") as refused:
        await download(address, key)
    assert refused.value.reply_code == "not_found"


async def test_what_the_gateway_does_not_accept_is_told(gateway, download):
    _, address, key, _ = gateway
    with pytest.raises(HTTPAccessError):
        await download(address, "wrong")
    with pytest.raises(HTTPClientError, match="404"):
        await download(address, key, "/v1/nothing")


async def test_files_do_not_come_over_0mq():
    with RunControl("tcp://127.0.0.1:1") as run_control, pytest.raises(HTTPOnlyError, match="come from a gateway"):
        run_control.download(PATH, print)
    async with asynchronous.RunControl("tcp://127.0.0.1:1") as run_control:
        with pytest.raises(HTTPOnlyError, match="come from a gateway"):
            await run_control.download(PATH, print)


async def test_the_command_gets_documents_from_a_gateway(gateway, monkeypatch, capsys):
    _, address, key, file = gateway
    monkeypatch.setenv("CUELIGHT_CONTROL", address)
    monkeypatch.setenv("CUELIGHT_API_KEY", key)
    assert await asyncio.to_thread(run, ["runs", "table", RUN_UID, "--stream", "baseline"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("295.5")
    assert await asyncio.to_thread(run, ["runs", "documents", RUN_UID]) == 0
    assert capsys.readouterr().out == file.read_text()
