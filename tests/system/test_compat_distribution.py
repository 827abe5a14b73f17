"""The distribution cuelight-compat, built and installed: its commands and import names, without the stock packages."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from tests.doubles.gateway import AnsweringManager

ROOT = Path(__file__).parents[2]
NOT_LINKED = re.compile(r"(bluesky_queueserver|bluesky_httpserver|cuelight|_cuelight|__editable__)", re.IGNORECASE)
COMMANDS = {
    "start-re-manager",
    "qserver",
    "qserver-list-plans-devices",
    "qserver-zmq-keys",
    "qserver-clear-lock",
    "qserver-console-monitor",
    "start-bluesky-httpserver",
}
ROUTER = """
from fastapi import APIRouter
from bluesky_httpserver.resources import SERVER_RESOURCES as SR
from bluesky_httpserver.utils import process_exception

router = APIRouter(prefix="/site")

@router.get("/both")
async def both():
    try:
        status = await SR.RM.status()
        added = await SR.RM.item_add({"item_type": "plan", "name": "count"}, pos="front")
        return {"state": status["manager_state"], "added": added}
    except Exception:
        process_exception()

@router.get("/silent")
async def silent():
    try:
        return await SR.RM.queue_get()
    except Exception:
        process_exception()
"""


def _run(*words, **environ):
    return subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, timeout=60, env={**_clean(), **environ}
    )


def _clean():
    """Return an environment that leads to no other installation and no other settings."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in kept}


def _build(source, target):
    built = _run(sys.executable, "-c", f"import os; os.chdir({str(source)!r}); {BUILD.format(str(target))}")
    assert built.returncode == 0, built.stderr


BUILD = (
    "import sys; sys.argv = ['', 'build', '-t', 'wheel', '-d', {!r}]; import hatchling.cli; hatchling.cli.hatchling()"
)


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    """The commands of a fresh environment with all libraries, both wheels, and none of the stock packages."""
    directory = tmp_path_factory.mktemp("compat")
    venv, wheels = directory / "venv", directory / "wheels"
    made = _run(sys.executable, "-m", "venv", "--without-pip", venv)
    assert made.returncode == 0, made.stderr
    [packages] = venv.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not NOT_LINKED.match(entry.name):
            (packages / entry.name).symlink_to(entry)
    _build(ROOT, wheels)
    _build(ROOT / "packaging" / "compat", wheels)
    python = venv / "bin" / "python"
    installed = _run(python, "-m", "pip", "install", "--no-deps", "--no-index", *wheels.glob("*.whl"))
    assert installed.returncode == 0, installed.stderr
    return venv / "bin"


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture
def stock(tmp_path):
    """A directory on the path in which a stock package counts as installed."""
    metadata = tmp_path / "stock" / "bluesky_queueserver-0.0.25.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: bluesky-queueserver\nVersion: 0.0.25\n")
    return {"PYTHONPATH": str(tmp_path / "stock")}


@pytest.mark.night
def test_all_commands_are_installed_and_explain_themselves_under_their_own_names(binaries):
    assert {path.name for path in binaries.iterdir()} >= COMMANDS
    for command in ("start-re-manager", "qserver-console-monitor", "start-bluesky-httpserver"):
        shown = _run(binaries / command, "--help")
        assert shown.returncode == 0, shown.stderr
        assert f"usage: {command}" in shown.stdout.lower()


def test_the_classes_that_configuration_files_name_can_be_imported(binaries):
    code = (
        "from bluesky_httpserver.authenticators import DictionaryAuthenticator, PAMAuthenticator, OIDCAuthenticator\n"
        "from bluesky_httpserver.authorization import DictionaryAPIAccessControl, DefaultResourceAccessControl\n"
        "print(DictionaryAuthenticator.__module__, DictionaryAPIAccessControl.__module__)"
    )
    shown = _run(binaries / "python", "-c", code)
    assert shown.stdout == "http_gateway.auth.providers http_gateway.auth.policies\n", shown.stderr


def test_the_names_that_startup_code_imports_can_be_imported(binaries):
    code = (
        "from bluesky_queueserver import parameter_annotation_decorator, register_plan, is_re_worker_active\n"
        "from bluesky_queueserver.manager.annotation_decorator import parameter_annotation_decorator as same\n"
        "from bluesky_queueserver.manager.profile_tools import set_user_ns\n"
        "print(same is parameter_annotation_decorator, is_re_worker_active())"
    )
    shown = _run(binaries / "python", "-c", code)
    assert shown.stdout == "True False\n", shown.stderr


@pytest.mark.parametrize("module", ["bluesky_httpserver.authenticators", "bluesky_queueserver"])
def test_beside_a_stock_package_nothing_can_be_imported_and_the_reason_is_said(binaries, stock, module):
    refused = _run(binaries / "python", "-c", f"import {module}", **stock)
    assert refused.returncode == 1
    assert "takes the place of bluesky-queueserver, and both are installed" in refused.stderr
    assert "pip uninstall cuelight-compat" in refused.stderr


def test_beside_a_stock_package_no_command_works_and_the_reason_is_said_without_a_trace(binaries, stock):
    refused = _run(binaries / "start-re-manager", "--help", **stock)
    assert refused.returncode == 1
    assert refused.stderr.startswith("start-re-manager: cuelight-compat takes the place of bluesky-queueserver")
    assert "Traceback" not in refused.stderr


def test_a_setting_that_cannot_be_used_ends_uvicorn_with_a_sentence(binaries, tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path), "QSERVER_HTTP_SERVER_ACCESS_TOKEN_MAX_AGE": "soon"}
    refused = _run(binaries / "python", "-m", "uvicorn", "bluesky_httpserver.server:app", "--port", "0", **environ)
    assert refused.returncode == 1
    said = "bluesky_httpserver.server: The variable QSERVER_HTTP_SERVER_ACCESS_TOKEN_MAX_AGE must be a whole number"
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_uvicorn_serves_the_app_with_a_custom_router_that_asks_the_manager(binaries, manager, tmp_path):
    (tmp_path / "site_routes.py").write_text(ROUTER)
    manager.answers |= {"queue_item_add": lambda params: {"success": False, "msg": params["pos"]}, "queue_get": None}
    environ = {
        "XDG_STATE_HOME": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "QSERVER_ZMQ_CONTROL_ADDRESS": manager.control,
        "QSERVER_ZMQ_INFO_ADDRESS": manager.info,
        "QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY": "abc123",
        "QSERVER_HTTP_CUSTOM_ROUTERS": "site_routes.router",
    }
    words = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", "0", "bluesky_httpserver.server:app"]
    server = await asyncio.create_subprocess_exec(
        binaries / "python",
        *words,
        env={**_clean(), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        lines = await _read_until(server.stdout, "Uvicorn running on")
        assert any("Bluesky HTTP Server started successfully" in line for line in lines[:50])
        assert not any("abc123" in line for line in lines)
        [url] = re.findall(r"http://[\d.:]+", lines[-1])
        headers = {"Authorization": "ApiKey abc123"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            assert (await client.get("/api/status")).json()["manager_state"] == "idle"
            both = (await client.get("/api/site/both")).json()
            silent = await client.get("/api/site/silent")
        assert both == {"state": "idle", "added": {"success": False, "msg": "front"}}
        added = next(request for request in manager.requests if request["method"] == "queue_item_add")
        assert added["params"]["item"] == {"item_type": "plan", "name": "count"}
        assert added["params"]["user_group"] == "primary"
        assert (silent.status_code, silent.json()["detail"]) == (
            408,
            "Request timeout: ZMQ communication error: timeout occurred",
        )
    finally:
        server.terminate()
        await server.communicate()


async def _read_until(stream, text):
    lines = []
    async with asyncio.timeout(60):
        while line := (await stream.readline()).decode():
            lines.append(line)
            if text in line:
                return lines
    raise AssertionError("".join(lines))
