"""The inside of a manager on a test bench: real engine, handlers and dispatcher, and a journal in place of processes.

A test drives it as clients do (``ask``), and as a worker does (``report`` and what is built on it).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from typing import Literal

from msgspec.structs import replace

from queue_server.clock import Chance, ManualClock
from queue_server.core.events import RecoveryFinished
from queue_server.core.machine import step
from queue_server.core.view import status_of
from queue_server.dispatch import Dispatcher
from queue_server.engine.board import StatusBoard
from queue_server.engine.engine import Engine
from queue_server.engine.intake import Intake, Remains
from queue_server.engine.perform import Crew, Performer
from queue_server.engine.recovery import apply_lanes, restore
from queue_server.handlers.context import Desk
from queue_server.handlers.lock_keys import LockKeys
from queue_server.handlers.postprocessing import Postprocessor
from queue_server.handlers.resources import Resources, name_in
from queue_server.protocol.codec import Encoding, decode, encode
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.limits import DEFAULT_LIMITS
from queue_server.protocol.worker_link import (
    CatalogPage,
    EnvironmentOpened,
    Execute,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    REStateChanged,
    RunClosed,
    RunOpened,
)
from tests.doubles.crew import RecordingHost, RecordingLink, RecordingLiveness, RecordingPublisher

PATIENCE_S = 60
USER = {"user": "jdoe", "user_group": "primary"}


def describe_plan(name, *parameters):
    """Return the description of a plan whose parameters may be anything."""
    return {
        "name": name,
        "properties": {"is_generator": True},
        "parameters": [
            {"name": each, "kind": {"name": "POSITIONAL_OR_KEYWORD", "value": 1}, "default": "None"}
            for each in parameters
        ],
    }


def describe_device():
    """Return the description of a device."""
    return {
        "classname": "Simulated",
        "module": "simulated",
        "is_readable": True,
        "is_movable": False,
        "is_flyable": False,
    }


PLANS = {name: describe_plan(name, "detectors", "num") for name in ("count", "scan", "_hidden")}
DEVICES = {"det1": describe_device()}


def plan(name="count", **more):
    """Return a plan as a client sends it."""
    return {"item_type": "plan", "name": name, **more}


INSTRUCTION = {"item_type": "instruction", "name": "queue_stop"}


class Bench:
    """Everything between the control socket and the worker link, without sockets and processes."""

    INFO = "tcp://127.0.0.1:60625"
    workflow_files = None
    """The directory of the files of workflows."""

    def __init__(self, store, state, resources, *, clock, remains, limits=DEFAULT_LIMITS):
        self.store = store
        self.clock = clock
        self.journal = []
        self.remains = {} if remains is None else remains
        self.publisher = RecordingPublisher(self.journal)
        self.ended = asyncio.Event()
        self.board = StatusBoard(store.instance_id, "RE Manager test", clock, self.publisher.publish_status)
        performer = Performer(self.publisher, self.ended.set)
        self.engine = Engine(store, state, self.board, performer, clock=clock, chance=Chance.seeded(7))
        self.link = RecordingLink(self.journal)
        self.deadlines = []
        host = RecordingHost(self.journal)
        performer.attach(Crew(lambda: self.engine.state, host, self.link, self._remind))
        self.resources = resources
        left = Remains(lambda who: self.remains.get(who, ()), self._discard)
        self.intake = Intake(self.engine, self.resources, self.publisher, clock=clock, remains=left)
        self.intake.attach(self.link, RecordingLiveness(self.journal))
        self.board.update(state)
        keys = LockKeys(clock, Chance.seeded(8), emergency_key="emergency")
        desk = Desk(
            state=lambda: self.engine.state,
            status=lambda: self.board.status,
            resources=self.resources,
            clock=clock,
            instance_id=store.instance_id,
            keys=keys,
            streams={"info": self.INFO},
            limits=limits,
            workflow_files=self.workflow_files,
        )
        self.engine.postprocess_by(Postprocessor(desk))
        self.desk = desk
        self.dispatcher = Dispatcher(self.engine, desk)
        self.running = asyncio.create_task(self.engine.run())
        self.lane_name = DEFAULT_LANE
        self._reports = 0

    def _remind(self, after_s, event):
        self.deadlines.append((after_s, event))

    def _discard(self, incarnation):
        self.remains.pop(incarnation, None)

    @classmethod
    async def begin(cls, store, *, serving=True, remains=None, lanes=(DEFAULT_LANE,), limits=DEFAULT_LIMITS):
        """Return a bench in the state that is restored from the store, serving unless told otherwise.

        A store that knows no plans is given some first, as if an environment had been open before.
        """
        clock, resources = ManualClock(), Resources()
        state = await store.transact(lambda tx: cls._load(tx, resources, lanes, store.epoch, clock.wall()))
        state = step(state, RecoveryFinished()).state if serving else state
        return cls(store, state, resources, clock=clock, remains=remains, limits=limits)

    @classmethod
    @asynccontextmanager
    async def on(cls, store, **options):
        """Give a bench that begins on a store with the options of ``begin``, and end it."""
        bench = await cls.begin(store, **options)
        try:
            yield bench
        finally:
            await bench.end()

    @staticmethod
    def _load(tx, resources, lanes, epoch, now):
        for lane in lanes:
            if tx.load(name_in(lane, "plans")) is None:
                tx.save(name_in(lane, "plans"), encode(PLANS))
                tx.save(name_in(lane, "devices"), encode(DEVICES))
        resources.restore(tx, lanes)
        return apply_lanes(tx, restore(tx, epoch, now), lanes)

    def in_lane(self, name):
        """Return the same bench, driven as the worker of another lane."""
        other = copy(self)
        other.lane_name = name
        return other

    def look_by(self, inspector):
        """Let stored files be looked at."""
        self.dispatcher = Dispatcher(self.engine, replace(self.desk, inspector=inspector))

    async def end(self):
        """Stop the engine, as the end of the process does."""
        self.running.cancel()
        await asyncio.wait([self.running])

    # --- as a client ------------------------------------------------------------------------------------------------

    def send(self, frame):
        """Hand a frame to the dispatcher; return the future of the frame that it answers with."""
        reply = asyncio.get_running_loop().create_future()

        def respond(data):
            self.journal.append(("reply", data))
            reply.set_result(data)

        self.dispatcher.take(frame, respond)
        return reply

    def request(self, method, /, _encoding: Encoding = "json", _envelope=None, **params):
        """Send a request; return the future of its frame."""
        return self.send(encode({"method": method, "params": params, **(_envelope or {})}, _encoding))

    async def ask(self, method, /, **params):
        """Return the reply to a request."""
        async with asyncio.timeout(PATIENCE_S):
            return decode(await self.request(method, **params))[0]

    async def do(self, method, /, **params):
        """Return the reply to a request that must succeed."""
        reply = await self.ask(method, **params)
        assert reply["success"] is True, reply["msg"]
        return reply

    async def refuse(self, method, /, **params):
        """Return the reply to a request that must be refused, after checking that it changed nothing."""
        before = self.engine.state, await self.rows()
        reply = await self.ask(method, **params)
        assert reply["success"] is False, reply
        assert (self.engine.state, await self.rows()) == before
        return reply

    async def add(self, *names, **more):
        """Add plans to the back of the queue; return their uids."""
        replies = [await self.do("queue_item_add", item=plan(name, **more), **self.named, **USER) for name in names]
        return [reply["item"]["item_uid"] for reply in replies]

    async def uids(self):
        """Return the uids of the queue in order."""
        return [item["item_uid"] for item in (await self.do("queue_get", **self.named))["items"]]

    async def queue_uid(self):
        """Return the uid of the queue's content, after checking that the status has the same one."""
        uid = (await self.do("queue_get"))["plan_queue_uid"]
        assert self.status["plan_queue_uid"] == uid
        return uid

    async def rows(self):
        """Return everything that the store holds about items."""
        return await self.store.transact(lambda tx: (tx.queue(DEFAULT_LANE), tx.running(), tx.history(), tx.last_seq()))

    @property
    def status(self):
        """The status that clients see; it must describe the state that the engine has."""
        shown = self.board.status
        content = status_of(self.engine.state, self.store.instance_id, "RE Manager test")
        own = {name: shown[name] for name in ("time", "status_uid", "revision")}
        assert {**content, **own} == shown
        return shown

    @property
    def lane(self):
        """The lane of the worker; unless told otherwise the one that bluesky clients see."""
        return self.engine.state.lane(self.lane_name)

    @property
    def named(self):
        """The parameter that names the lane of the worker; none for the one that is meant without it."""
        return {} if self.lane_name == DEFAULT_LANE else {"lane": self.lane_name}

    # --- as a worker ------------------------------------------------------------------------------------------------

    @property
    def incarnation(self):
        """The worker of the lane."""
        return self.lane.worker.incarnation

    def noted(self, kind, since=0):
        """Return what the journal has of a kind, from its entry number ``since`` on."""
        return [entry[1:] for entry in self.journal[since:] if entry[0] == kind]

    def events(self, since=0):
        """Return the kinds of the events that were published, from an entry of the journal on."""
        return [event.kind for (event,) in self.noted("event", since)]

    def sent(self, kind):
        """Return the messages of a kind that left for workers."""
        return [message for _, message in self.noted("send") if isinstance(message, kind)]

    async def settle(self):
        """Wait until everything that was posted so far is done."""
        async with asyncio.timeout(PATIENCE_S):
            # The callbacks of earlier answers run before whoever waits for a later one.
            await self.engine.post(lambda _: None)

    async def open(self, plans=None):
        """Open the environment."""
        await self.do("environment_open", **self.named)
        self.hello(environment="loading")
        self.tell(CatalogPage, catalog="plans", first=True, entries=plans or PLANS)
        self.tell(CatalogPage, catalog="devices", first=True, entries=DEVICES)
        await self.report(EnvironmentOpened)

    def hello(self, *, environment: Literal["loading", "open", "failed"] = "open", incarnation=None, **more):
        """Say hello as the worker of the lane."""
        message = Hello(
            lane=self.lane_name,
            incarnation=incarnation or self.incarnation,
            pid=1,
            environment=environment,
            next_report=1,
            **more,
        )
        self.intake.hear_hello(message)

    def tell(self, kind, *, incarnation=None, **fields):
        """Hand over the next numbered report of the worker; return its number."""
        self._reports += 1
        report = kind(number=self._reports, **fields)
        self.intake.hear_report(self.lane_name, incarnation or self.incarnation, report)
        return self._reports

    async def report(self, kind, **fields):
        """Hand over a report and wait until it is committed."""
        number = self.tell(kind, **fields)
        await self.settle()
        return number

    async def exit(self, cause="killed by SIGSEGV", incarnation=None):
        """Let the worker process end."""
        self.intake.hear_exit(self.lane_name, incarnation or self.incarnation, cause)
        await self.settle()

    @property
    def key(self):
        """The attempt that was ordered last."""
        return [order.attempt for order in self.sent(Execute) if order.attempt.lane == self.lane_name][-1]

    async def run_plan(self, run_uid="run-1"):
        """Let the ordered attempt begin and open a run."""
        key = self.key
        self.tell(ItemAcknowledged, attempt=key)
        self.tell(REStateChanged, attempt=key, re_state="running")
        await self.report(RunOpened, attempt=key, run_uid=run_uid, scan_id=1)

    async def close_run(self, run_uid="run-1"):
        """Let a run of the ordered attempt close."""
        await self.report(RunClosed, attempt=self.key, run_uid=run_uid, exit_status="success")

    async def finish(self, outcome="completed", **fields):
        """Let the ordered attempt end."""
        times = {"time_start": self.clock.wall(), "time_stop": self.clock.wall() + 1.5}
        self.tell(REStateChanged, attempt=self.key, re_state="idle")
        await self.report(ItemFinished, **{"attempt": self.key, "outcome": outcome, **times, **fields})

    async def pause(self):
        """Let the running plan pause, as an order to pause does in the end."""
        await self.report(REStateChanged, attempt=self.key, re_state="paused")


def shown(bench):
    """Return what the status says of the lane of a worker."""
    [lane] = [lane for lane in bench.status["lanes"] if lane["lane"] == bench.lane_name]
    return lane


def begun(bench):
    """Return the items that were sent to the worker of a lane."""
    return [order.attempt.item_uid for order in bench.sent(Execute) if order.attempt.lane == bench.lane_name]
