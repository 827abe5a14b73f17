"""A7 and A3: marked secrets go through every path of a whole system, right and wrong ones, and are found nowhere."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest
import websockets
import yaml
import zmq
from websockets.sync.client import connect

from http_gateway.config import read_settings
from http_gateway.configuration_files import with_configuration
from queue_server.config import load_settings
from queue_server.protocol.errors import CuelightError
from queue_server.transport.curve import read_curve
from tests.faults.members import EVERYTHING
from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import processes_of, wait_until

CANARIES = 50
LOGIN = "/api/auth/provider/toy/token"


class Canaries:
    """Makes secrets that cannot be mistaken for anything else, and looks for them."""

    def __init__(self):
        self.made: dict[str, str] = {}

    def __call__(self, where: str) -> str:
        """Return a new secret: letters and digits, so that every place takes it."""
        self.made[where] = f"canary{len(self.made):03}x{abs(hash(where)) % 10**12:012}"
        return self.made[where]

    def keep(self, where: str, secret: str) -> str:
        """Look for a secret that the system has made."""
        self.made[where] = secret
        return secret

    def found_in(self, text: str | bytes) -> list[str]:
        """Return where the secrets that stand in a text were used."""
        shown = text if isinstance(text, bytes) else text.encode(errors="replace")
        return sorted(where for where, secret in self.made.items() if secret.encode() in shown)


class Ears:
    """Hears all notices of a manager."""

    def __init__(self, address: str) -> None:
        self.heard: list[bytes] = []
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.connect(address)
        self._socket.subscribe(b"")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        while not self._stopped.is_set():
            if self._socket.poll(50):
                self.heard += self._socket.recv_multipart()

    def close(self) -> None:
        """Hear no more."""
        self._stopped.set()
        self._thread.join(60)
        self._socket.close(0)


@pytest.fixture
def canary():
    """Makes the secrets of the test."""
    return Canaries()


@pytest.fixture
def system(tmp_path, canary):
    """A system with accounts that logs all it can; what the configuration keeps secret is marked."""
    configuration = {
        "authentication": {
            "providers": [
                {
                    "provider": "toy",
                    "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                    "args": {
                        "users_to_passwords": {"anna": canary("password of anna"), "bob": canary("password of bob")}
                    },
                }
            ],
            "secret_keys": [canary("signing secret") + "0" * 20, canary("older signing secret") + "0" * 20],
        },
        "api_access": {
            "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
            "args": {"roles": EVERYTHING, "users": {"anna": {"roles": "everything"}, "bob": {"roles": "everything"}}},
        },
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(configuration))
    system = System(
        tmp_path,
        startup=copy_startup(tmp_path / "startup"),
        http="127.0.0.1:0",
        http_config=str(file),
        verbosity="verbose",
        console_output="all",
        script_upload=True,
    )
    yield system.start()
    system.close()


class Visitor:
    """Uses marked secrets at every place of the gateway and of the manager; keeps all that is answered."""

    def __init__(self, system, canary):
        self.canary = canary
        self.answers: list[tuple[str, str]] = []
        self._ask = system.requester
        self._socket = system.ready["http"].replace("http", "ws", 1) + "/v1/stream"
        self._client = httpx.Client(base_url=system.ready["http"], timeout=60, trust_env=False)

    def close(self):
        """Close the connections."""
        self._client.close()

    def send(self, verb, path, **options):
        """Send a request; its answer may show no secret."""
        self._client.cookies.clear()
        answer = self._client.request(verb, path, **options)
        self.answers.append((f"{verb} {path}", f"{answer.text}\n{dict(answer.headers)}"))
        return answer

    def receive(self, verb, path, *fields, **options):
        """Send a request whose answer has a secret, in these fields alone."""
        self._client.cookies.clear()
        answer = self._client.request(verb, path, **options)
        assert answer.status_code == 200, answer.text
        fields_left = {name: value for name, value in answer.json().items() if name not in fields}
        self.answers.append((f"{verb} {path}", json.dumps(fields_left)))
        return [self.canary.keep(f"{path} {name}", answer.json()[name]) for name in fields]

    def tell(self, method, **params):
        """Ask the manager; its answer may show no secret."""
        reply = self._ask.ask(method, **params)
        self.answers.append((method, json.dumps(reply)))
        return reply

    def log_in(self):
        """Log in, rightly and wrongly; return the header with a token."""
        canary = self.canary
        good = {"username": "anna", "password": canary.made["password of anna"]}
        access, _ = self.receive("POST", LOGIN, "access_token", "refresh_token", data=good)
        for wrong in ("wrong password", "password of another"):
            self.send("POST", LOGIN, data={"username": "anna", "password": canary(wrong)})
        self.send("POST", LOGIN, data={"username": canary("password as name"), "password": "x"})
        self.send("POST", LOGIN, json={"username": "anna", "password": canary("password in JSON")})
        self.send("POST", LOGIN, content=f'{{"username": "anna", "password": "{canary("password in bad JSON")}"')
        self.send("POST", LOGIN, data={"password": canary("password without name")})
        self.send("POST", LOGIN, params={"password": canary("password in the query")}, data={"username": "anna"})
        self.send("POST", LOGIN, data={"username": "anna", "passwort": canary("password under another name")})
        self.send("POST", "/api/auth/provider/none/token", data={**good, "password": canary("password elsewhere")})
        return {"Authorization": f"Bearer {access}"}

    def use_keys(self, bearer):
        """Use keys and tokens, good and bad, at every place that could take one."""
        canary = self.canary
        [key] = self.receive("POST", "/api/auth/apikey", "secret", headers=bearer, json={"expires_in": 900})
        self.receive("POST", "/v1/stream-ticket", "ticket", headers=bearer)
        keyed = {"Authorization": f"ApiKey {key}"}
        for path in ("/api/status", "/v1/status", "/api/auth/whoami", "/api/auth/apikey", "/v1/none"):
            self.send("GET", path, headers=keyed)
            self.send("GET", path, params={"api_key": key})
        for number, headers in enumerate(
            [
                {"Authorization": f"ApiKey {canary('key in the header')}"},
                {"Authorization": f"Bearer {canary('token')}"},
                {"Authorization": f"Bearer {canary('a')}.{canary('b')}.{canary('c')}"},
                {"Authorization": f"Basic {canary('basic')}"},
                {"Authorization": canary("header without a scheme")},
                {"Authorization": f"Negotiate {canary('another scheme')}"},
                {"X-API-Key": canary("key in a header of its own")},
                {"Cookie": f"bluesky_httpserver_api_key={canary('key in a cookie')}"},
                {"X-CSRF": canary("token of a page"), "Cookie": f"bluesky_httpserver_csrf={canary('its cookie')}"},
            ]
        ):
            for path in ("/api/status", "/v1/queue", "/v1/stream"):
                self.send("POST" if number % 2 else "GET", path, headers=headers)
        for path in ("/api/status", "/v1/queue", "/v1/stream", "/none", "/metrics"):
            self.send("GET", path, params={"api_key": canary(f"key in the query of {path}")})
        self.send("GET", "/v1/stream", params={"ticket": canary("ticket")})
        self.send("DELETE", "/api/auth/apikey", params={"first_eight": canary("key to delete")}, headers=bearer)
        self.send("POST", "/api/auth/session/refresh", json={"refresh_token": canary("refresh token")})
        self.send("POST", "/api/auth/session/refresh", json={"refresh": canary("refresh token under another name")})
        for field in ("api_key", "access_token", "secret"):
            self._try_socket({"type": "auth", field: canary(f"{field} in a message")})

    def _try_socket(self, message):
        with connect(self._socket, proxy=None) as socket:
            socket.send(json.dumps(message))
            try:
                while True:
                    self.answers.append(("stream", str(socket.recv(5))))
            except websockets.ConnectionClosed as end:
                self.answers.append(("stream", str(end)))

    def lock(self, bearer):
        """Lock and unlock, with right and wrong keys, in every form."""
        canary = self.canary
        held = canary("lock key")
        self.tell("lock", lock_key=held, queue=True, environment=True, user="anna")
        item = {"item_type": "plan", "name": "quick"}
        self.tell("queue_item_add", item=item, lock_key=canary("wrong lock key"), **USER)
        self.tell("queue_item_add", item=item, lock_key=held, **USER)
        self.tell("queue_item_add", item=item, lock_kye=canary("misspelt lock key"), **USER)
        self.tell("queue_clear", lock_key=[canary("lock key in a list")])
        self.tell("queue_clear", lock_key={"key": canary("lock key in a map")})
        self.tell("queue_mode_set", mode={"loop": True}, lock_key=canary("another wrong one") * 2)
        self.tell("unlock", lock_key=canary("wrong key to unlock"))
        self.tell("lock", lock_key=canary("another key to lock"), queue=True, user="bob")
        self.tell("lock_info", lock_key=canary("wrong key to look"))
        self.tell("no_such_method", lock_key=canary("key for no method"))
        for path in ("/api/queue/clear", "/v1/queue/clear"):
            self.send("POST", path, json={"lock_key": canary(f"wrong key at {path}")}, headers=bearer)
            self.send("POST", path, json={"lock_key": [canary(f"list at {path}")]}, headers=bearer)
            self.send("POST", path, params={"lock_key": canary(f"query of {path}")}, headers=bearer)
            twice = [("lock_key", canary(f"query of {path}, once")), ("lock_key", canary(f"query of {path}, twice"))]
            self.send("POST", path, params=twice, headers=bearer)
            both = {"lock_key": canary(f"query and body of {path}")}
            self.send("POST", path, params=both, json={"lock_key": canary(f"body of {path}")}, headers=bearer)
            bad = f'{{"lock_key": "{canary(f"bad JSON at {path}")}"'
            self.send("POST", path, content=bad, headers=bearer)
        self.send("GET", "/api/lock/info", json={"lock_key": canary("key to look at the lock")}, headers=bearer)
        form = {"lock_key": canary("key in a form")}
        file = {"spreadsheet": ("plans.csv", b"item_type,name\nplan,quick\n")}
        self.send("POST", "/api/queue/upload/spreadsheet", data=form, files=file, headers=bearer)
        self.tell("unlock", lock_key=held)

    def look(self, bearer):
        """Ask for everything that tells what has happened."""
        for path in ("/v1/events?limit=1000", "/v1/status", "/api/lock/info", "/api/console_output?nlines=2000"):
            assert self.send("GET", path, headers=bearer).status_code == 200, path
        for path in ("/metrics", "/v1/openapi.json", "/docs", "/api/auth/principal", "/api/auth/whoami"):
            self.send("GET", path, headers=bearer)
        self.tell("events_get", since=0, limit=1000)
        self.tell("history_get")


def look_everywhere(system, canary, visitor, ears):
    """Return which secrets were found where."""
    shown = {f"answer {number} of {what}": canary.found_in(text) for number, (what, text) in enumerate(visitor.answers)}
    shown["log"] = canary.found_in("\n".join(system.output.lines))
    shown["notices"] = canary.found_in(b"\n".join(ears.heard))
    shown["processes"] = canary.found_in("\n".join(processes_of(str(system.data)).values()))
    shown["ready file"] = canary.found_in(system.ready_file.read_bytes())
    files = [file for file in system.data.rglob("*") if file.is_file()]
    shown |= {f"file {file.name}": canary.found_in(file.read_bytes()) for file in files}
    return shown


@pytest.mark.fault("A7", "A3")
def test_marked_secrets_are_found_nowhere(system, canary, figure, tmp_path):
    ears = Ears(system.ready["info"])
    try:
        system.requester.open()
        visitor = Visitor(system, canary)
        try:
            bearer = visitor.log_in()
            visitor.use_keys(bearer)
            visitor.lock(bearer)
            visitor.look(bearer)
        finally:
            visitor.close()
        # What was logged last has come through all channels by then.
        system.requester.do("queue_clear")
        wait_until(lambda: any(b"queue_clear" in frame for frame in ears.heard), "the last notice")
    finally:
        ears.close()

    shown = look_everywhere(system, canary, visitor, ears)
    left = {place: found for place, found in shown.items() if found}
    figure("secrets", f">= {CANARIES}", len(canary.made), fault="A7")
    figure("secrets found", 0, sum(len(found) for found in left.values()), fault="A7")
    usable = [found for place, found in left.items() if place.startswith("file")]
    figure("usable keys in the files of the data directory", 0, len(usable), fault="A3")
    assert left == {}
    assert len(canary.made) >= CANARIES
    assert any("logged in" in line for line in system.output.lines), "the log was not looked at"


# --- settings that cannot be used ------------------------------------------------------------------------------------


def _of_gateway(text):
    def read(directory: Path) -> None:
        file = directory / "gateway.yaml"
        file.write_text(text)
        values, sources = with_configuration(file, {"data": str(directory)})
        read_settings(values, sources)

    return read


def _of_curve(text):
    def read(directory: Path) -> None:
        file = directory / "server.secret"
        file.write_text(text)
        file.chmod(0o600)
        read_curve(load_settings({"data": str(directory), "curve_secret_key_file": str(file)}), {})

    return read


def _of_variable(text):
    def read(directory: Path) -> None:
        read_curve(load_settings({"data": str(directory)}), {"QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER": text})

    return read


SECRET = "canary-in-a-setting"
BAD_SETTINGS = {
    "secret in a map": _of_gateway(f"authentication: {{secret_keys: {{a: {SECRET}}}}}"),
    "secret of a wrong type": _of_gateway(f"authentication: {{single_user_api_key: [{SECRET}]}}"),
    "misspelt name": _of_gateway(f"authentication: {{secret_kyes: [{SECRET}]}}"),
    "unknown section": _of_gateway(f"secrets: {{key: {SECRET}}}"),
    "passwords of a wrong type": _of_gateway(
        "authentication: {providers: [{provider: toy, authenticator: "
        f"'bluesky_httpserver.authenticators:DictionaryAuthenticator', args: [{SECRET}]}}]}}"
    ),
    "database address": _of_gateway(f"database: {{uri: [postgresql://u:{SECRET}@h/d]}}"),
    "password of a key": _of_gateway(f"uvicorn: {{ssl_keyfile_password: [{SECRET}]}}"),
    "no YAML": _of_gateway(f"authentication: {{secret_keys: [{SECRET}"),
    "YAML that repeats": _of_gateway(f"authentication:\n  secret_keys: [{SECRET}]\n secret_keys: {SECRET}\n"),
    "key of the manager": _of_curve(SECRET),
    "key file with more": _of_curve(f'metadata\ncurve\n    secret-key = "{SECRET}"\n'),
    "key of the manager in a variable": _of_variable(SECRET),
}


@pytest.mark.fault("A7")
@pytest.mark.parametrize("what", BAD_SETTINGS)
def test_a_setting_that_cannot_be_used_is_refused_without_its_secret(what, tmp_path):
    with pytest.raises(CuelightError) as refused:
        BAD_SETTINGS[what](tmp_path)
    assert SECRET not in f"{refused.value} {refused.value!r} {refused.value.details}"
