"""The manager's end of everything that the gateway asks for devices: their records, and the worker link of their lanes.

Real sockets on both sides, no core behind them: a test decides what is ordered, and sees what is reported.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from typing import Any

import zmq
import zmq.asyncio

from queue_server.protocol.dismissal import REPLACED
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    Acknowledge,
    Dismiss,
    EnvironmentOpened,
    Execute,
    Hello,
    ItemFinished,
    Telegram,
    Welcome,
    pack,
    read_from_worker,
)
from tests.doubles.gateway import PATIENCE_S, AnsweringManager, running_gateway

TELEGRAMS = Telegram.__args__
SEQUENCE = {"name": "spin echo", "seq_file": "[VERSION]", "description": "", "sequence_type": "pulseq"}


def _is_ready(message):
    return isinstance(message, EnvironmentOpened) or message.environment == "open"


class DeviceLanes:
    """Welcomes the workers of all lanes, acknowledges their reports, and remembers what they say.

    With a secret key the link is encrypted, and every worker that knows the public one is heard.
    """

    def __init__(self, secret=None):
        self.heard: list[tuple[str, Any]] = []
        self.acknowledges = True
        self.dismisses = False
        """Whether a worker learns that a newer one has taken its place, as the manager tells it."""
        self._peers: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if secret is not None:
            self._socket.setsockopt(zmq.CURVE_SERVER, 1)
            self._socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
        self.address = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._serving = asyncio.create_task(self._serve())

    async def close(self):
        """End."""
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._context.destroy(0)

    async def send(self, lane, message):
        """Send to the worker that said hello last in a lane."""
        await self._socket.send_multipart([self._peers[lane], pack(message)])

    async def _serve(self):
        while True:
            peer, frame = await self._socket.recv_multipart()
            message: Any = read_from_worker(frame)
            if isinstance(message, Hello):
                older = self._peers.get(message.lane, peer)
                self._peers[message.lane] = peer
                if self.dismisses and older != peer:
                    await self._socket.send_multipart([older, pack(Dismiss(reason=REPLACED))])
                await self._socket.send_multipart([peer, pack(Welcome(epoch=1, greeting=message.greeting))])
            elif self.acknowledges and not isinstance(message, TELEGRAMS):
                await self._socket.send_multipart([peer, pack(Acknowledge(number=message.number))])
            lane = next((lane for lane, known in self._peers.items() if known == peer), "")
            self.heard.append((lane, message))
            self._news.set()

    async def wait_for(self, lane, kind, condition=lambda message: True):
        """Return the first message of a kind in a lane that fulfils a condition, also one that came before."""
        seen = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for whose, message in self.heard[seen:]:
                    if whose == lane and isinstance(message, kind) and condition(message):
                        return message
                seen = len(self.heard)
                self._news.clear()
                await self._news.wait()

    def all_of(self, kind):
        """Return everything of a kind that was said until now."""
        return [message for _, message in self.heard if isinstance(message, kind)]


TOKEN = "a device token of more than thirty-two characters"


class DeviceManager(AnsweringManager):
    """Knows devices by their tokens, sequences and results, in memory."""

    def __init__(self, secret=None):
        super().__init__()
        self.tokens: dict[str, str] = {}
        self.generations: dict[str, int] = {}
        self.parameter: dict[str, Any] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.last_event = 0
        self.lanes = DeviceLanes(secret)
        self.answers |= {
            "device_connect": self._connect,
            "device_get": lambda params: {"success": True, "device": {"parameter": self.parameter}},
            "exam_result_add": self._add_result,
            "exam_result_update": self._update_result,
            "events_get": lambda _: {"success": True, "events": [], "last_seq": 0},
        }

    async def close(self):
        """End."""
        await super().close()
        await self.lanes.close()

    def _connect(self, params):
        device_id = params["device_id"]
        digest = hashlib.sha256(self.tokens.get(device_id, "").encode()).hexdigest()
        if device_id not in self.tokens or digest != params["token_sha256"]:
            return {"success": False, "msg": "refused", "error": {"code": "wrong_credential", "details": {}}}
        self.generations[device_id] = self.generations.get(device_id, 0) + 1
        return {"success": True, "generation": self.generations[device_id], "parameter": None}

    def _add_result(self, params):
        content = repr((params["task_id"], sorted(params["result"].items())))
        result_id = hashlib.sha256(content.encode()).hexdigest()[:32]
        self.results.setdefault(result_id, {"task_id": params["task_id"], **params["result"]})
        return {"success": True, "result": {"id": result_id}}

    def _update_result(self, params):
        self.results[params["result_id"]] |= params["result"]
        return {"success": True, "result": {"id": params["result_id"]}}

    async def execute(self, device_id, item_uid, number=1, **kwargs):
        """Order an acquisition as the manager does, and return its attempt."""
        key = AttemptKey(item_uid, item_uid, device_id, number, 1)
        content = {
            "item_type": "acquisition",
            "name": "scan",
            "kwargs": {"sequence": SEQUENCE, **kwargs},
            "item_uid": item_uid,
            "user": "bob",
        }
        await self.ready(device_id)
        await self.lanes.send(device_id, Execute(attempt=key, content=content))
        return key

    async def ready(self, device_id):
        """Wait until a lane said, in its greeting or after it, that its device takes items."""
        await self.lanes.wait_for(device_id, (Hello, EnvironmentOpened), _is_ready)

    async def outcome(self, key):
        """Return the first report of the end of an attempt."""
        return await self.lanes.wait_for(key.lane, ItemFinished, lambda report: report.attempt == key)

    def ends_of(self, key):
        """Return the outcomes that were reported of an attempt until now."""
        return [report.outcome for report in self.lanes.all_of(ItemFinished) if report.attempt == key]

    def results_of(self, key):
        """Return the results of an item."""
        return [result for result in self.results.values() if result["task_id"] == key.item_uid]


@asynccontextmanager
async def gateway_with_devices(manager, directory, **settings):
    """Serve a gateway that has a link to the lanes of the manager; give its client."""
    values = {"worker_link": manager.lanes.address, **settings}
    async with running_gateway(manager, directory, **values) as client:
        yield client
