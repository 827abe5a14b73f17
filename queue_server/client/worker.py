"""Being a worker: the link to the manager, in a thread of its own. Knows neither plans nor hardware.

The thread owns the DEALER socket. The first message on every connection is the hello; once the manager welcomes
it, reports leave in order, again from the first one that is not acknowledged. Other threads hand over reports and
telegrams and wake the thread; it waits in one poller and nowhere else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Literal, Protocol

from msgspec import Struct

from queue_server.client.dealer import Connection
from queue_server.client.keys import CurveKeys
from queue_server.client.outbox import Outbox
from queue_server.client.telegrams import Answer, ConsoleText, LatestMetadata, LatestProgress, pack_heartbeat
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.device_link import ReadDevice
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.worker_link import (
    Acknowledge,
    Close,
    Continue,
    Dismiss,
    EmergencyStop,
    EnvironmentOpened,
    Execute,
    FromWorker,
    Hello,
    ItemFinished,
    Metadata,
    Pause,
    Progress,
    Report,
    RunTask,
    TaskFinished,
    ToWorker,
    Welcome,
    pack,
    read_to_worker,
)

_log = logging.getLogger(__name__)

Order = Execute | Pause | Continue | RunTask | EmergencyStop | Close | ReadDevice

ORDERS_PER_TURN = 100
ANY_TIME = float("inf")

_ENDS = (EnvironmentOpened, ItemFinished, TaskFinished)

declare("worker_link.before_hello", "worker_link.before_report", "worker_link.after_report")


class Standing(Struct, frozen=True):
    """What a worker is doing, as it tells in its hello."""

    environment: Literal["loading", "open", "failed"] = "loading"
    re_state: str | None = None
    attempt: AttemptKey | None = None
    runs: tuple[Run, ...] = ()
    tasks: tuple[str, ...] = ()


class Worker(Protocol):
    """What the link asks its worker and tells it, from the link's thread: every answer must come at once."""

    def standing(self) -> Standing:
        """Return what the worker is doing now."""
        ...

    def main_thread_age_s(self) -> float:
        """Return for how many seconds what executes the items has not answered; 0 while it answers."""
        ...

    def take(self, order: Order, epoch: int) -> None:
        """Take an order of the manager that serves in ``epoch``."""
        ...

    def dismiss(self, reason: str) -> None:
        """End the process without touching hardware: no lane expects this worker."""
        ...

    def notice_absence(self, absent_s: float) -> None:
        """Learn that the manager has been away for ``absent_s`` seconds; told again after as long a time."""
        ...

    def link_ended(self) -> None:
        """Learn that the link's thread has ended, in order or not."""
        ...


class LinkSettings(Struct, frozen=True):
    """Who the worker is, and how the link behaves.

    An ``absence_s`` of 0 never reports an absence. With ``keys`` the link is encrypted: no connection is made to a
    manager with another key, nor by a worker that the manager does not list.
    """

    address: str
    lane: str
    incarnation: str
    pid: int
    heartbeat_s: float = 1.0
    progress_s: float = 0.1
    console_s: float = 0.05
    absence_s: float = 3600.0
    keys: CurveKeys | None = None


class WorkerLink:
    """The link of one worker process; its methods may be called from any thread."""

    def __init__(self, settings: LinkSettings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox
        self._console = ConsoleText(settings.console_s)
        self._progress = LatestProgress(settings.progress_s)
        self._metadata = LatestMetadata()
        self._answers: deque[Answer] = deque(maxlen=ORDERS_PER_TURN)
        # The process stands in it: a ROUTER gives the place of a connection to a newer one of the same name.
        name = f"{settings.lane}.{settings.incarnation}.{settings.pid}"
        self._connection = Connection(settings.address, name, settings.keys)
        self._session: _Session | None = None
        self._thread: threading.Thread | None = None

    def start(self, worker: Worker) -> None:
        """Begin to serve ``worker``: the hello leaves as soon as the manager is there."""
        outgoing = _Outgoing(self._outbox, self._console, self._progress, self._metadata, self._answers)
        self._session = _Session(self._settings, worker, outgoing, self._connection)
        self._thread = threading.Thread(target=self._session.run, name="worker-link", daemon=True)
        self._thread.start()

    def report(self, report: Report) -> None:
        """Keep a report until the manager acknowledges it.

        Raises:
            TypeError: it contains a value that cannot be put into a message.
            ValueError: it exceeds the size of a message.
        """
        self._outbox.put(report)
        self._connection.wake()

    def show_progress(self, progress: Progress) -> None:
        """Send the progress soon; a newer one may take its place."""
        if self._progress.put(progress):
            self._connection.wake()

    def show_metadata(self, metadata: Metadata) -> None:
        """Send the metadata, before any report that is made later, and again after each welcome."""
        self._metadata.put(metadata)
        self._connection.wake()

    def answer(self, answer: Answer) -> None:
        """Send what an emergency stop has reached, or what a device has told, before everything else that waits."""
        self._answers.append(answer)
        self._connection.wake()

    def write_console(self, text: str) -> None:
        """Send what was printed."""
        if self._console.put(text):
            self._connection.wake()

    @property
    def is_welcome(self) -> bool:
        """Whether the manager is there and knows this worker."""
        return self._session is not None and self._session.is_welcome

    def wait_acknowledged(self, timeout_s: float) -> bool:
        """Wait until the manager has committed every report; return whether that happened in time."""
        return self._outbox.wait_empty(timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """End the link's thread and close its sockets."""
        if self._session is None or self._thread is None:
            self._connection.close()
            return
        self._session.stop()
        self._connection.wake()
        self._thread.join(timeout_s)


class _Outgoing(Struct, frozen=True):
    outbox: Outbox
    console: ConsoleText
    progress: LatestProgress
    metadata: LatestMetadata
    answers: deque[Answer]


class _Terms(Struct):
    """The epoch of the manager that sent the last welcome, and the number of the last hello."""

    epoch: int = 0
    greeting: int = 0


class _Session:
    """The work of the link's thread: one turn after the other."""

    def __init__(self, settings: LinkSettings, worker: Worker, outgoing: _Outgoing, connection: Connection) -> None:
        self._settings = settings
        self._worker = worker
        self._outgoing = outgoing
        self._connection = connection
        self._phase: Literal["away", "connected", "greeted", "welcome"] = "away"
        self._terms = _Terms()
        self._is_blocked = False
        self._is_stopping = False
        self._heartbeat_due_s = 0.0
        self._absent_since_s = time.monotonic()

    @property
    def is_welcome(self) -> bool:
        """Whether the manager has welcomed the worker on the present connection."""
        return self._phase == "welcome"

    def stop(self) -> None:
        """Let ``run`` end after its present turn."""
        self._is_stopping = True

    def run(self) -> None:
        """Serve the link until it is stopped."""
        try:
            self._connection.open()
            while not self._is_stopping:
                waits_for_room = self._is_blocked or self._phase == "connected"
                self._connection.wait(self._timeout_s(), for_room=waits_for_room)
                self._follow_connection()
                self._read_orders()
                self._write()
            if self._phase == "welcome":
                self._send_console(ANY_TIME)
        finally:
            self._connection.close()
            self._worker.link_ended()

    def _timeout_s(self) -> float | None:
        deadlines: list[float] = []
        if self._phase == "welcome":
            deadlines.append(self._heartbeat_due_s)
            waiting = [self._outgoing.progress.due_s(), self._outgoing.console.due_s()]
            if not self._is_blocked:
                deadlines += [due_s for due_s in waiting if due_s is not None]
        elif self._settings.absence_s:
            deadlines.append(self._absent_since_s + self._settings.absence_s)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _follow_connection(self) -> None:
        for is_made in self._connection.changes():
            if self._phase == "welcome":
                self._absent_since_s = time.monotonic()
                _log.warning("The connection to the manager is lost; trying again until it is back")
            self._phase = "connected" if is_made else "away"
            self._is_blocked = False
            self._outgoing.outbox.rewind()
        if self._phase != "welcome" and self._settings.absence_s:
            self._note_absence()

    def _note_absence(self) -> None:
        absent_s = time.monotonic() - self._absent_since_s
        if absent_s >= self._settings.absence_s:
            self._absent_since_s = time.monotonic()
            self._worker.notice_absence(absent_s)

    # --- what the manager sends ---------------------------------------------------------------------------------

    def _read_orders(self) -> None:
        for _ in range(ORDERS_PER_TURN):
            frames = self._connection.receive()
            if frames is None:
                return
            try:
                if len(frames) != 1:
                    raise EnvelopeError(f"A message must have one frame, not {len(frames)}.")
                message = read_to_worker(frames[0])
            except EnvelopeError as error:
                _log.error("A message of the manager is dropped: %s", error)
            else:
                self._take(message)

    def _take(self, message: ToWorker) -> None:
        if isinstance(message, Acknowledge):
            self._outgoing.outbox.acknowledge(message.number)
        elif isinstance(message, Welcome):
            self._be_welcome(message)
        elif isinstance(message, Dismiss):
            self._worker.dismiss(message.reason)
        elif self._phase == "welcome":
            self._worker.take(message, self._terms.epoch)
        else:
            _log.warning("Late: the order %r came before the welcome and is dropped", message.kind)

    def _be_welcome(self, message: Welcome) -> None:
        if message.epoch < self._terms.epoch:
            _log.error("A manager of epoch %d is ignored: epoch %d has begun", message.epoch, self._terms.epoch)
            return
        if self._phase != "greeted" or message.greeting not in (0, self._terms.greeting):
            _log.warning("Late: a welcome that does not answer the last hello is dropped")
            return
        self._phase = "welcome"
        self._terms.epoch = message.epoch
        self._outgoing.metadata.renew()
        self._heartbeat_due_s = time.monotonic()

    # --- what the worker sends ----------------------------------------------------------------------------------

    def _write(self) -> None:
        self._is_blocked = False
        if self._phase == "connected":
            self._greet()
        elif self._phase == "welcome":
            self._send_answers()
            self._send_heartbeat()
            self._send_metadata()
            self._send_reports()
            self._send_progress(time.monotonic())
            self._send_console(time.monotonic())

    def _greet(self) -> None:
        failpoint("worker_link.before_hello")
        standing = self._worker.standing()
        # In this order: a task that ends in between is in both, and none is missing.
        tasks = dict.fromkeys((*standing.tasks, *self._outgoing.outbox.ended_tasks))
        hello = Hello(
            lane=self._settings.lane,
            incarnation=self._settings.incarnation,
            pid=self._settings.pid,
            environment=standing.environment,
            re_state=standing.re_state,
            attempt=standing.attempt,
            runs=standing.runs,
            tasks=tuple(tasks),
            next_report=self._outgoing.outbox.first_number,
            greeting=self._terms.greeting + 1,
        )
        if self._send(hello):
            self._phase = "greeted"
            self._terms.greeting += 1

    def _send_heartbeat(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._heartbeat_due_s:
            self._heartbeat_due_s = now_s + self._settings.heartbeat_s
            self._push(pack_heartbeat(self._worker.main_thread_age_s()))

    def _send_answers(self) -> None:
        waiting = self._outgoing.answers
        while waiting and self._send(waiting[0]):
            waiting.popleft()

    def _send_reports(self) -> None:
        while not self._is_blocked and (report := self._outgoing.outbox.take_next()) is not None:
            if isinstance(report, ItemFinished):
                # The last points must not arrive after the end of their attempt.
                self._send_progress(ANY_TIME)
            if isinstance(report, _ENDS):
                # Whoever learns of the end may ask for the metadata at once.
                self._send_metadata()
            if failpoint("worker_link.before_report") or self._send(report):
                failpoint("worker_link.after_report")
            else:
                self._outgoing.outbox.give_back()

    def _send_metadata(self) -> None:
        metadata = None if self._is_blocked else self._outgoing.metadata.take()
        if metadata is not None and not self._send(metadata):
            self._outgoing.metadata.renew()

    def _send_progress(self, until_s: float) -> None:
        due_s = self._outgoing.progress.due_s()
        if due_s is None or due_s > until_s or self._is_blocked:
            return
        progress = self._outgoing.progress.take(time.monotonic())
        if progress is not None and not self._send(progress):
            self._outgoing.progress.put(progress)

    def _send_console(self, until_s: float) -> None:
        waiting = self._outgoing.console
        while not self._is_blocked and (due_s := waiting.due_s()) is not None and due_s <= until_s:
            console = waiting.take(time.monotonic())
            if console is not None and not self._send(console):
                waiting.give_back(console)

    def _send(self, message: FromWorker) -> bool:
        return self._push(pack(message))

    def _push(self, frame: bytes) -> bool:
        self._is_blocked = not self._connection.send(frame)
        return not self._is_blocked
