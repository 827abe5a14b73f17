"""A8 and A9: a fresh installation listens on this host alone, and files that others may read stop the start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import DATABASE_FILE, open_store
from queue_server.config import load_settings
from queue_server.protocol.errors import CuelightError, ParameterError
from tests.doubles.authority import Authority
from tests.processes.lone import ROOT, Manager
from tests.processes.system import System, copy_startup

ACCOUNTS = """
authentication:
  providers: [{provider: local, authenticator: "http_gateway.auth.providers:LocalAuthenticator"}]
"""
WIDER = (0o640, 0o604, 0o660, 0o644, 0o666, 0o610)


# --- A8 -------------------------------------------------------------------------------------------------------------


@pytest.mark.fault("A8")
def test_a_fresh_installation_listens_on_this_host_alone(tmp_path, figure):
    assert all("127.0.0.1" in str(getattr(load_settings({}), name)) for name in ("control", "info", "http"))
    system = System(tmp_path, startup=copy_startup(tmp_path / "startup"), http="127.0.0.1:0").start()
    try:
        system.requester.open()
        pids = [*system.ready["pids"].values(), system.supervisor_pid, system.worker_pid]
        listeners = [
            (pid, each.laddr)
            for pid in set(pids)
            for each in psutil.Process(pid).net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        ]
        public = [place for place in listeners if not ip_address(place[1].ip).is_loopback]
        files = [path for path in system.data.rglob("*") if path.is_file() and not path.is_symlink()]
        open_files = [str(path) for path in files if path.stat().st_mode & 0o077]
        figure("listeners, and those that other hosts reach", "0 public", f"{len(listeners)}, {len(public)} public")
        assert len(listeners) >= 3
        assert public == []
        assert open_files == []
        assert system.data.stat().st_mode & 0o077 == 0
    finally:
        system.close()


@pytest.mark.fault("A8")
@pytest.mark.parametrize("name", ["control", "info", "documents", "worker_link"])
@pytest.mark.parametrize("host", [str(ip_address(0)), "*", "[::]", "192.0.2.1", "example.org"])
def test_an_address_that_other_hosts_reach_needs_keys(name, host, monkeypatch):
    monkeypatch.delenv("QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER", raising=False)
    with pytest.raises(ParameterError):
        load_settings({name: f"tcp://{host}:61999"})


# --- A9 -------------------------------------------------------------------------------------------------------------


def run_gateway(data: Path, **settings):
    """Start a gateway process that should not come up; return what it reports."""
    given, give = os.pipe()
    report, told = os.pipe()
    values = {"http": "127.0.0.1:0", "data": str(data), "console_output": "off", "control": "tcp://127.0.0.1:1"}
    os.write(give, json.dumps({**values, **{name: str(value) for name, value in settings.items()}}).encode())
    os.close(give)
    command = [sys.executable, "-m", "http_gateway", "--settings-fd", str(given), "--report-fd", str(told)]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=(given, told), stdin=subprocess.DEVNULL)
    os.close(given)
    os.close(told)
    with os.fdopen(report) as reports:
        try:
            first = json.loads(reports.readline())
            return first.get("failed", ""), None if "ready" in first else process.wait(60)
        finally:
            process.kill()
            process.wait(60)


@pytest.mark.fault("A9")
@pytest.mark.parametrize("what", ["api-key", "api_key_file", "token-secrets", DATABASE_FILE, "tls_key"])
def test_a_gateway_does_not_start_with_a_secret_that_others_may_read(what, tmp_path):
    settings = {}
    path = tmp_path / what
    if what in ("token-secrets", DATABASE_FILE):
        (tmp_path / "gateway.yaml").write_text(ACCOUNTS)
        settings["http_config"] = tmp_path / "gateway.yaml"
    if what == DATABASE_FILE:
        open_store(DatabaseSettings(), tmp_path).close()
    elif what == "tls_key":
        settings |= Authority().issue(tmp_path / "cert.pem", path)
    else:
        path.write_text("a" * 64)
    if what == "api_key_file":
        settings["api_key_file"] = path
    # Keys of certificates often belong to a group of their own.
    mode = 0o604 if what == "tls_key" else 0o640
    path.chmod(mode)
    failed, code = run_gateway(tmp_path, **settings)
    assert code not in (None, 0), "the gateway serves"
    assert str(path) in failed
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.fault("A9")
def test_every_wider_mode_is_too_wide(tmp_path, figure):
    path = tmp_path / DATABASE_FILE
    open_store(DatabaseSettings(), tmp_path).close()
    refused = 0
    for mode in WIDER:
        path.chmod(mode)
        with pytest.raises(CuelightError, match=str(path)):
            open_store(DatabaseSettings(), tmp_path)
        refused += 1
    figure("modes refused", f"{len(WIDER)} of {len(WIDER)}", f"{refused} of {len(WIDER)}")
    path.chmod(0o600)
    open_store(DatabaseSettings(), tmp_path).close()


@pytest.mark.fault("A9")
@pytest.mark.parametrize("what", ["database", "curve_secret_key_file"])
def test_a_manager_does_not_start_with_a_secret_that_others_may_read(what, directory):
    data = directory / "data"
    settings: dict[str, Any] = {}
    if what == "database":
        first = Manager(data).must_be_ready()
        first.terminate()
        [path] = data.glob("*.sqlite")
    else:
        path = directory / "server.secret"
        path.write_text(zmq.curve_keypair()[1].decode())
        (directory / "clients").write_text(f"{zmq.curve_keypair()[0].decode()} anna\n")
        settings = {"curve_secret_key_file": str(path), "curve_clients_file": str(directory / "clients")}
    path.chmod(0o640)
    manager = Manager(data, **settings)
    try:
        assert not manager.wait_ready()
        assert manager.end() != 0
        assert path.name in f"{manager.failure}{manager.log()}{manager.errors()}"
        assert "Traceback" not in manager.errors()
    finally:
        if manager.is_alive:
            manager.kill()
