"""An encrypted control socket: the client of bluesky-queueserver, and ours with keys of its own."""

from __future__ import annotations

import asyncio
import socket

import pytest
import zmq

from queue_server.client import CurveKeys, RequestTimeoutError, RunControl, asynchronous

PROGRAM = "queueserver_api_curve.py"
PATIENCE_S = 60.0
# Who is refused gets no answer, however long he waits.
REFUSED_S = 1.0


def make_pair():
    """Return a public and a secret key as text."""
    return tuple(key.decode() for key in zmq.curve_keypair())


SERVER_PUBLIC, SERVER_SECRET = make_pair()


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory):
    """The key of the manager."""
    file = tmp_path_factory.mktemp("keys") / "server.secret"
    file.write_text(SERVER_SECRET)
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A directory with the keys of admitted clients; empty at first."""
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def system(running_system, secret_file, clients):
    """A system that admits the listed clients, and those of bluesky-queueserver."""
    settings = {"curve_secret_key_file": str(secret_file), "curve_clients_file": str(clients)}
    with running_system(**settings, curve_accept_stock_key=True) as system:
        yield system


@pytest.fixture(scope="module")
def strict_system(running_system, secret_file, clients):
    """A system that admits the listed clients only."""
    settings = {"curve_secret_key_file": str(secret_file), "curve_clients_file": str(clients)}
    with running_system(**settings) as system:
        yield system


def ask(system, keys, timeout_s=PATIENCE_S):
    with RunControl(system.ready["control"], system.ready["info"], server_key=keys, timeout_s=timeout_s) as client:
        return client.send_request(method="status")["manager_state"]


@pytest.fixture
def admit(clients):
    """Put a new client on the list; return its keys, and the file that admits it."""
    made = []

    def admit(name):
        public, secret = make_pair()
        made.append(clients / name)
        made[-1].write_text(f"# clients of the test\n{public} {name}\n")
        return CurveKeys.from_secret(SERVER_PUBLIC, secret), made[-1]

    yield admit
    for file in made:
        file.unlink(missing_ok=True)


# --- the client of bluesky-queueserver ------------------------------------------------------------------------------


def test_the_stock_client_works_with_the_key_of_the_manager(run_client, system):
    ready = system.ready
    assert run_client(PROGRAM, ready["control"], ready["info"], SERVER_PUBLIC, str(PATIENCE_S), seconds=90) == "idle"


@pytest.mark.parametrize("key", ["", make_pair()[0]], ids=["no key", "wrong key"])
def test_the_stock_client_gets_no_answer_without_the_key_of_the_manager(run_client, system, key):
    assert run_client(PROGRAM, system.ready["control"], system.ready["info"], key, str(REFUSED_S)) == "timeout"


def test_the_stock_client_is_refused_where_only_listed_clients_are_admitted(run_client, strict_system):
    ready = strict_system.ready
    assert run_client(PROGRAM, ready["control"], ready["info"], SERVER_PUBLIC, str(REFUSED_S)) == "timeout"
    strict_system.output.wait_for("is not admitted")


# --- our client -----------------------------------------------------------------------------------------------------


def test_our_client_shares_the_stock_key_where_it_has_none_of_its_own(system, strict_system, monkeypatch):
    monkeypatch.setenv("QSERVER_ZMQ_PUBLIC_KEY", SERVER_PUBLIC)
    assert ask(system, None) == "idle"
    with pytest.raises(RequestTimeoutError):
        ask(strict_system, None, REFUSED_S)


def test_a_listed_client_works_in_both_forms(strict_system, admit):
    keys, _ = admit("anna")
    assert ask(strict_system, keys) == "idle"

    async def ask_asynchronously():
        async with asynchronous.RunControl(strict_system.ready["control"], server_key=keys) as client:
            return (await client.send_request(method="status"))["manager_state"]

    assert asyncio.run(ask_asynchronously()) == "idle"


def test_the_environment_names_the_keys_of_a_client(strict_system, admit, monkeypatch, tmp_path):
    keys, _ = admit("berta")
    file = tmp_path / "client.secret"
    file.write_bytes(keys.secret + b"\n")
    file.chmod(0o600)
    monkeypatch.setenv("CUELIGHT_SERVER_KEY", SERVER_PUBLIC)
    monkeypatch.setenv("CUELIGHT_CLIENT_KEY_FILE", str(file))
    assert ask(strict_system, None) == "idle"


def test_a_client_that_is_not_listed_is_refused(strict_system, admit):
    admit("anna")
    stranger = CurveKeys.from_secret(SERVER_PUBLIC, make_pair()[1])
    with pytest.raises(RequestTimeoutError):
        ask(strict_system, stranger, REFUSED_S)


def test_a_client_without_encryption_gets_no_answer(strict_system):
    with pytest.raises(RequestTimeoutError):
        ask(strict_system, None, REFUSED_S)


def test_a_client_does_not_talk_to_a_manager_with_another_key(strict_system, admit):
    keys, _ = admit("anna")
    with pytest.raises(RequestTimeoutError):
        ask(strict_system, CurveKeys(make_pair()[0].encode(), keys.public, keys.secret), REFUSED_S)


def test_a_revoked_client_cannot_come_back(strict_system, admit):
    keys, file = admit("carla")
    assert ask(strict_system, keys) == "idle"
    file.unlink()
    with pytest.raises(RequestTimeoutError):
        ask(strict_system, keys, REFUSED_S)


def test_a_client_is_admitted_without_a_restart(strict_system, admit):
    manager = strict_system.manager_pid
    keys, _ = admit("dora")
    assert ask(strict_system, keys) == "idle"
    assert strict_system.manager_pid == manager


# --- addresses that other hosts can reach ---------------------------------------------------------------------------


def test_an_open_address_is_bound_with_encryption_and_its_notices_are_encrypted_too(
    running_system, secret_file, clients, admit
):
    keys, _ = admit("emma")
    settings = {"curve_secret_key_file": str(secret_file), "curve_clients_file": str(clients)}
    with running_system(**settings, control="tcp://0.0.0.0:0", info="tcp://0.0.0.0:0") as system:
        assert ask(system, keys) == "idle"
        ready = system.ready
        plain = RunControl(ready["control"], ready["info"], server_key=CurveKeys(keys.server, notices=False))
        client = RunControl(ready["control"], ready["info"], server_key=keys)
        with client, plain, client.notices(["QS_Info"]) as encrypted, plain.notices(["QS_Info"]) as unencrypted:
            assert encrypted.receive(60) is not None
            assert unencrypted.receive(1.5) is None


# --- workers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def link_settings(secret_file, clients, tmp_path):
    """Settings for a worker link over TCP, and the list of its workers, which is empty."""
    public, secret = make_pair()
    key, listed = tmp_path / "worker.secret", tmp_path / "workers"
    key.write_text(secret)
    key.chmod(0o600)
    listed.write_text("# workers of the test\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    settings = {"curve_secret_key_file": str(secret_file), "curve_clients_file": str(clients), "worker_link": address}
    return {**settings, "curve_workers_file": str(listed), "worker_key_file": str(key)}, listed, public


def test_a_listed_worker_opens_over_tcp_and_runs_a_plan(running_system, link_settings, admit):
    settings, listed, public = link_settings
    listed.write_text(f"{public} worker of this host\n")
    keys, _ = admit("frida")
    with running_system(**settings) as system:
        ready = system.ready
        with RunControl(ready["control"], ready["info"], server_key=keys, timeout_s=60) as client:
            client.send_request(method="environment_open")
            client.wait_for_status(lambda status: status["worker_environment_exists"], 60)
            item = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 3}}
            who = {"user": "frida", "user_group": "primary"}
            client.send_request(method="queue_item_add", params={"item": item, **who})
            client.send_request(method="queue_start")
            client.wait_for_status(lambda status: status["items_in_history"] == 1, 60)
            [done] = client.send_request(method="history_get")["items"]
            assert done["result"]["exit_status"] == "completed"


def test_a_worker_that_is_not_listed_is_refused(running_system, link_settings, admit):
    settings, _, public = link_settings
    keys, _ = admit("gerda")
    with running_system(**settings) as system:
        ready = system.ready
        with RunControl(ready["control"], ready["info"], server_key=keys, timeout_s=60) as client:
            client.send_request(method="environment_open")
            system.output.wait_for(f"its key {public} is not on the list")
            assert client.send_request(method="status")["manager_state"] == "creating_environment"
            client.send_request(method="environment_destroy")
            client.wait_for_status(lambda status: status["manager_state"] == "idle", 60)
