"""What an import brings along, seen in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Imports one module after the other and reports for each heavy module who brought it first.
PROBE = """
import importlib, json, sys
names, heavy = json.loads(sys.argv[1])
culprits = {}
for name in names:
    importlib.import_module(name)
    for module in heavy:
        if module in sys.modules:
            culprits.setdefault(module, name)
print(json.dumps(culprits))
"""
LOOP_AND_STORE = ["asyncio", "zmq", "sqlite3", "apsw"]
EXPERIMENT = ["bluesky", "ophyd", "ophyd_async", "event_model", "dask"]
WEB = ["fastapi", "starlette", "uvicorn", "sqlalchemy"]


def _brought_along(root, names, heavy):
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps([names, heavy])],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.parametrize("package", ["queue_server.protocol", "queue_server.core"])
def test_the_pure_packages_load_no_loop_no_socket_and_no_store(package, source_modules, root):
    names = [module.name for module in source_modules if f"{module.name}.".startswith(f"{package}.")]
    assert package in names
    assert _brought_along(root, names, LOOP_AND_STORE + EXPERIMENT + WEB) == {}


def test_the_queue_server_loads_neither_the_experiment_nor_the_web(source_modules, root):
    names = [module.name for module in source_modules if module.name.startswith("queue_server")]
    names = [name for name in names if not name.endswith("__main__")]
    assert _brought_along(root, names, EXPERIMENT + WEB) == {}


def test_the_client_loads_what_http_needs_only_for_those_who_use_it(root):
    heavy = ["httpx", "websockets", "ssl", "pydantic", "asyncio", "queue_server.protocol.methods"]
    assert _brought_along(root, ["queue_server.client"], heavy) == {}
    assert _brought_along(root, ["queue_server.client.http"], ["httpx"]) == {"httpx": "queue_server.client.http"}


def test_a_worker_loads_only_those_parts_of_the_client_that_it_uses(root):
    others = [f"queue_server.client.{name}" for name in ("blocking", "exchange", "calls", "http_errors")]
    assert _brought_along(root, ["queue_server.client.worker"], others) == {}


def test_a_manager_loads_neither_what_reads_settings_nor_what_it_is_not_asked_for(root):
    later = ["pydantic_settings", "queue_server.handlers.exams", "queue_server.protocol.methods.batches"]
    assert _brought_along(root, ["queue_server.app"], later) == {}


def test_the_probe_finds_what_it_looks_for(root):
    assert _brought_along(root, ["json", "asyncio"], ["asyncio", "zmq"]) == {"asyncio": "asyncio"}
