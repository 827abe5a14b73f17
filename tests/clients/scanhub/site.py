"""A whole system behind TLS, asked as a site asks it: ScanHub's routes with the token of a login, and an operator."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from queue_server.artifacts.store import open_artifacts
from tests.doubles.authority import Authority
from tests.faults.lossy_proxy import LossyProxy
from tests.processes.requester import Requester
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

PASSWORDS = {"olga": "olga_password", "mia": "mia_password"}
ACCOUNTS: dict[str, Any] = {
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": PASSWORDS},
            }
        ]
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"olga": {"roles": "scanhub:admin"}, "mia": {"roles": "scanhub:admin"}}},
    },
}
FIELD_OF_VIEW = {
    "fov_scaling": {"x": 1, "y": 1, "z": 1},
    "fov_offset": {"x": 0, "y": 0, "z": 0},
    "fov_rotation": {"x": 0, "y": 0, "z": 0},
}
PATIENCE_S = 90


class Cable(LossyProxy):
    """Between a scanner and the gateway; it passes everything on until it is cut."""

    def __init__(self, uri: str) -> None:
        self._far = uri
        parts = urlsplit(uri)
        super().__init__(f"tcp://{parts.netloc}", share=0.0, seed=0)

    @property
    def uri(self) -> str:
        """Where the scanner connects."""
        return urlsplit(self._far)._replace(netloc=self.address.removeprefix("tcp://")).geturl()

    def cut(self) -> None:
        """End every connection; new ones are let through."""

        def cut_all() -> None:
            for pair in list(self._pairs):
                pair.cancel()

        self._loop.call_soon_threadsafe(cut_all)


class Site:
    """One system for all tests; each test registers a device of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        authority = Authority()
        self.ca_file = authority.write(directory / "authority.pem")
        files = authority.issue(directory / "certificate.pem", directory / "key.pem")
        accounts = directory / "gateway.yaml"
        accounts.write_text(json.dumps(ACCOUNTS))
        self.system = System(
            directory,
            startup=copy_startup(directory / "startup"),
            http="127.0.0.1:0",
            http_config=str(accounts),
            **{name: str(file) for name, file in files.items()},
        )
        self._client = httpx.Client(verify=authority.trust(), trust_env=False, timeout=60)
        self._url = ""
        self._tokens: dict[str, str] = {}

    def start(self) -> Site:
        """Start it, and log in."""
        self.system.start(90)
        self._url = self.system.ready["http"]
        assert self._url.startswith("https://")
        self.log_in("olga")
        return self

    def close(self) -> None:
        """End it."""
        self._client.close()
        self.system.close()

    # --- requests ---------------------------------------------------------------------------------------------------

    @property
    def device_uri(self) -> str:
        """Where scanners connect."""
        return self._url.replace("https", "wss", 1) + "/api/v1/device/ws"

    @property
    def operator(self) -> Requester:
        """Somebody at the manager."""
        return self.system.requester

    def log_in(self, name: str) -> None:
        """Log somebody in."""
        form = {"username": name, "password": PASSWORDS[name]}
        answer = self._client.post(f"{self._url}/api/v1/userlogin/login", data=form)
        assert answer.status_code == 200, answer.text
        self._tokens[name] = answer.json()["access_token"]

    def ask(self, verb: str, path: str, status: int = 200, user: str = "olga", **options: Any) -> Any:
        """Return the content of an answer of ScanHub's routes, which must have this status."""
        headers = {"Authorization": f"Bearer {self._tokens[user]}", **options.pop("headers", {})}
        answer = self._client.request(verb, f"{self._url}/api/v1{path}", headers=headers, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    # --- devices ----------------------------------------------------------------------------------------------------

    def register(self, name: str) -> str:
        """Return the id of a new device; its credentials lie in a file."""
        made = self.ask("POST", "/device/createdevice", 201, json={"name": name, "description": "low field"})
        self.credentials(made["device_id"]).write_text(json.dumps(made))
        return made["device_id"]

    def credentials(self, device: str) -> Path:
        """Return the file with the credentials of a device."""
        return self._directory / f"{device}.json"

    def device(self, device: str) -> dict[str, Any]:
        """Return a device as it is now."""
        return self.ask("GET", f"/device/{device}")

    def wait_for_condition(self, device: str, *conditions: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Return the device once it is in one of these conditions."""

        def found() -> Any:
            shown = self.device(device)
            return shown if shown["condition"] in conditions else None

        return wait_until(found, f"{conditions} of the device", seconds)

    # --- scans ------------------------------------------------------------------------------------------------------

    def begin_scan(self, device: str, status: int = 202, **wanted: Any) -> Any:
        """Ask for a scan that does what ``wanted`` says, with its options of the route in ``query``; return the answer.

        ``sequence_bytes`` makes the sequence so long; ``user`` is who asks.
        """
        query, user = wanted.pop("query", {}), wanted.pop("user", "olga")
        length, limits = wanted.pop("sequence_bytes", 0), wanted.pop("limits", None)
        steps = {"steps": 4, "step_s": 0.05, "upload_bytes": 1000} | wanted
        text = json.dumps(steps) + "\n"
        task = {
            "name": "knee",
            "description": "",
            "destination": "",
            "task_type": "ACQUISITION",
            "status": "NEW",
            "progress": 0,
            "is_template": False,
            "device_id": device,
            "sequence": {"name": "echo", "seq_file": text.ljust(length, "x")},
            "acquisition_parameter": FIELD_OF_VIEW,
            "acquisition_limits": limits,
        }
        path = "/device/start_scan_via_websocket"
        return self.ask("POST", path, status, user, json=task, params=query)

    def scan(self, device: str, **wanted: Any) -> str:
        """Ask for a scan; return the uid of its item."""
        return self.begin_scan(device, **wanted)["item_uid"]

    def entry(self, uid: str) -> Any:
        """Return what the history has of an item; None while it has not ended."""
        entries = self.operator.do("history_get", limit=5_000)["items"]
        return next((entry for entry in entries if entry["item_uid"] == uid), None)

    def wait_for_end(self, uid: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Return how an item has ended, with its outcome as `exit_status` and the words about it as `msg`."""
        return wait_until(lambda: self.entry(uid), f"the end of {uid}", seconds)["result"]

    def wait_for_outcome(self, uid: str, outcome: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Return how an item has ended once that is known as ``outcome``."""

        def found() -> Any:
            entry = self.entry(uid)
            return entry["result"] if entry is not None and entry["result"]["exit_status"] == outcome else None

        return wait_until(found, f"the outcome {outcome} of {uid}", seconds)

    def waiting(self, device: str) -> list[dict[str, Any]]:
        """Return the items that wait in the lane of a device."""
        return self.operator.do("queue_get", lane=device)["items"]

    def wait_for_waiting(self, device: str, number: int) -> list[dict[str, Any]]:
        """Return the items that wait in the lane of a device once there are as many."""

        def found() -> Any:
            items = self.waiting(device)
            return items if len(items) == number else None

        return wait_until(found, f"{number} waiting items", PATIENCE_S)

    def release(self, device: str) -> None:
        """Remove the held copies at the front of the lane, so that it goes on."""
        for item in self.waiting(device):
            if item.get("state") == "held":
                self.operator.do("queue_item_remove", uid=item["item_uid"], lane=device)

    def resolve(self, uid: str, outcome: str) -> None:
        """Say as a person how an item has ended."""
        self.operator.do("history_item_resolve", item_uid=uid, outcome=outcome, reason="seen")

    def results(self, uid: str) -> list[dict[str, Any]]:
        """Return the results of the exam task that an item has done."""
        return self.ask("GET", f"/exam/result/all/{uid}")

    def content(self, artifact_id: str) -> bytes:
        """Return the content of an artifact."""
        with open_artifacts(self.system.data).open(artifact_id) as reader:
            return b"".join(reader)

    # --- faults -----------------------------------------------------------------------------------------------------

    def kill_gateway(self) -> None:
        """Kill the gateway, and wait for the next one."""
        killed = self.system.ready["pids"]["gateway"]
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda: self.system.is_ready and self.system.ready["pids"]["gateway"] != killed,
            "the next gateway",
            PATIENCE_S,
        )
        wait_until(self._is_answered, "a gateway that answers", PATIENCE_S)

    def _is_answered(self) -> bool:
        try:
            return self._client.get(f"{self._url}/api/v1/device/health/readiness").status_code == 200
        except httpx.TransportError:
            return False
