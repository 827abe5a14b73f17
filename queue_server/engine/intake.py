"""What comes from workers, turned into entries of the inbox, and acknowledged after the commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial

from msgspec import Struct

from queue_server.clock import Clock
from queue_server.core.effects import Send
from queue_server.core.events import EstopReported, WorkerAnswering, WorkerConnected, WorkerExited, WorkerReported
from queue_server.core.model import State
from queue_server.core.rules_worker import find_dismissal
from queue_server.engine import exam_progress, recordings
from queue_server.engine.allowance import Allowance, cut
from queue_server.engine.engine import Engine
from queue_server.engine.headway import Headway, percent_of
from queue_server.engine.ports import CatalogKeeper, Liveness, NoticeBoard, ReportLink
from queue_server.engine.presence import keeping_last_seen
from queue_server.engine.resolution import Finding, resolve
from queue_server.engine.stand_in import stand_in_for
from queue_server.engine.turn import Turn
from queue_server.protocol.device_link import DeviceReading
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import AttemptKey, Origin
from queue_server.protocol.unreadable_report import UnreadableReport
from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Console,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    EnvironmentUpdated,
    Heartbeat,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    Metadata,
    Progress,
    Report,
    REStateChanged,
    RunClosed,
    RunOpened,
    StopReport,
)

_log = logging.getLogger(__name__)

# Reports that nobody waits for; they come in company, and above all just before the end of an item.
_NEWS = (ItemAcknowledged, RunOpened, RunClosed, REStateChanged)

_STRAY = "the attempt was not known when its worker connected"


class Remains(Struct, frozen=True):
    """What workers had written down and could not deliver before they ended: read by incarnation, and discarded."""

    read: Callable[[str], Iterable[Report]]
    discard: Callable[[str], None]


class Intake:
    """Listens to the worker link and to the host of the worker processes."""

    def __init__(
        self, engine: Engine, keeper: CatalogKeeper, board: NoticeBoard, *, clock: Clock, remains: Remains
    ) -> None:
        self._engine = engine
        self._keeper = keeper
        self._board = board
        self._clock = clock
        self._remains = remains
        self._headway = Headway(engine)
        self._link: ReportLink | None = None
        self._liveness: Liveness | None = None
        # Workers of whose lists a page could not be read.
        self._torn: set[str] = set()
        self._allowance = Allowance()

    def attach(self, link: ReportLink, liveness: Liveness) -> None:
        """Tell where acknowledgements go, and who watches the heartbeats."""
        self._link = link
        self._liveness = liveness
        self._keeper.readings.attach(link)

    def hear_hello(self, hello: Hello) -> None:
        """A worker has connected: adopt or dismiss it."""
        dismissal = find_dismissal(self._engine.state, hello)
        if dismissal is not None:
            # Strangers change nothing, so that nothing has to wait for the store because of them.
            if self._link is not None:
                self._link.send(hello.incarnation, dismissal)
            return
        self._allowance.take_latest("hello", hello.incarnation, lambda: self._greet(hello))

    def _greet(self, hello: Hello) -> asyncio.Future[None]:
        _log.info("The worker of lane %s says hello (process %d)", hello.lane, hello.pid)
        return self._keep(self._engine.post(lambda turn: self._connect(turn, hello), insist=True), "hello")

    def has_room(self, incarnation: str, size_bytes: int) -> bool:
        """Whether a report of that size may be handed over; only a worker out of order has so much under way."""
        return self._allowance.has_room(incarnation, size_bytes)

    def hear_report(self, lane: str, incarnation: str, report: Report, size_bytes: int = 0) -> None:
        """Apply a report in the next turn, and acknowledge it once that is committed."""
        if isinstance(report, CatalogPage):
            # Not acknowledged by itself: a manager that restarts before the environment is open needs the pages again.
            self._keeper.receive(incarnation, report)
            return
        may_wait = isinstance(report, _NEWS)
        answer = self._engine.post(
            lambda turn: self._apply(turn, lane, incarnation, report), insist=True, may_wait=may_wait
        )
        self._allowance.enter(incarnation, size_bytes, answer)
        answer.add_done_callback(lambda done: self._acknowledge(done, incarnation, report.number))

    def hear_unreadable(self, lane: str, incarnation: str, report: UnreadableReport, size_bytes: int = 0) -> None:
        """Record a report that cannot be read, apply what stands in for it, and acknowledge it after the commit."""
        _log.error("A report of the worker of lane %s cannot be read (%s): %s", lane, report.kind, report.reason)
        if report.kind == "catalog_page":
            self._torn.add(incarnation)
        answer = self._engine.post(lambda turn: self._replace(turn, lane, incarnation, report), insist=True)
        self._allowance.enter(incarnation, size_bytes, answer)
        if report.kind == "catalog_page":
            self._keep(answer, "page")
            return
        answer.add_done_callback(lambda done: self._acknowledge(done, incarnation, report.number))

    def hear_heartbeat(self, lane: str, incarnation: str, heartbeat: Heartbeat) -> None:
        """A worker is alive."""
        if self._liveness is not None:
            self._liveness.beat(lane, incarnation, heartbeat.main_thread_age_s)

    def hear_console(self, console: Console) -> None:
        """A worker has printed something."""
        if console.dropped:
            self._board.publish_console(console.time, f"[{console.dropped} chunks of output were dropped]\n")
        self._board.publish_console(console.time, console.text)

    def hear_metadata(self, lane: str, incarnation: str, metadata: Metadata) -> None:
        """The RunEngine of a worker has other metadata than before."""
        self._keeper.keep_metadata(lane, metadata.values)

    def hear_progress(self, lane: str, incarnation: str, progress: Progress) -> None:
        """A plan has advanced; progress of anything but the open attempt of the worker's own lane is passed over."""
        known = next((each for each in self._engine.state.lanes if each.name == lane), None)
        if known is None or known.worker.incarnation != incarnation:
            return
        if known.attempt is None or known.attempt.key != progress.attempt:
            return
        payload = {
            "time": self._clock.wall(),
            "item_uid": progress.attempt.item_uid,
            "attempt": progress.attempt.number,
            "lane": progress.attempt.lane,
            "points": progress.points,
            "total": progress.total,
        }
        self._board.publish_progress(payload)
        if known.is_remote or lane in self._keeper.graph_lanes:
            self._headway.hear(progress.attempt, percent_of(progress.points, progress.total))

    def hear_stop_report(self, lane: str, incarnation: str, report: StopReport) -> None:
        """A worker tells what an emergency stop has reached; this waits for no store."""
        try:
            self._engine.command(EstopReported(lane, incarnation, report), Origin())
        except RefusedError as error:
            _log.info("The report of an emergency stop changed nothing: %s", error)

    def hear_reading(self, lane: str, incarnation: str, reading: DeviceReading) -> None:
        """A worker tells what it has read of a device; this changes nothing here."""
        if not self._keeper.readings.hear(incarnation, reading):
            _log.info("A reading of the worker of lane %s came late and is dropped", lane)

    def hear_exit(self, lane: str, incarnation: str, cause: str) -> None:
        """The process of a worker is gone: apply what it had written down, then its end."""
        _log.info("The worker of lane %s has ended: %s", lane, cause)
        self._disconnect(incarnation)
        finished = self._read_remains(incarnation)

        def end(turn: Turn) -> None:
            stray = _find_stray(turn.state, incarnation)
            is_expected = _is_closing(turn.state, lane)
            self._headway.settle(turn, lane)
            with keeping_last_seen(turn, lane):
                turn.apply(WorkerExited(lane, incarnation, cause, turn.now, finished or ()))
            for report in finished or ():
                if report.attempt == stray:
                    self._record_late(turn, (lane, incarnation), report, _STRAY)
            data = {"incarnation": incarnation, "cause": cause, "is_expected": is_expected}
            turn.record("worker_exited", lane=lane, data=data)
            turn.after_commit.append(lambda: self._forget_pages(incarnation))
            turn.after_commit.append(lambda: self._allowance.forget(incarnation))
            if finished is not None:
                # Every end of an attempt in it is recorded now, if it was not before.
                turn.after_commit.append(lambda: self._remains.discard(incarnation))

        self._keep(self._engine.post(end, insist=True), "exit of a worker")

    def hear_answering(self, lane: str, incarnation: str, *, answering: bool) -> None:
        """A worker has fallen silent, or speaks again."""
        if not answering:
            _log.warning("The worker of lane %s does not answer", lane)
        event = WorkerAnswering(lane, incarnation, answering, self._clock.wall())
        self._allowance.take_latest("answering", incarnation, lambda: self._note(event))

    def _note(self, event: WorkerAnswering) -> asyncio.Future[None]:
        def note(turn: Turn) -> None:
            with keeping_last_seen(turn, event.lane):
                turn.apply(event)

        return self._keep(self._engine.post(note, insist=True), "silence of a worker")

    def _read_remains(self, incarnation: str) -> tuple[ItemFinished, ...] | None:
        try:
            return tuple(report for report in self._remains.read(incarnation) if isinstance(report, ItemFinished))
        except OSError as error:
            # The end of the worker counts, whatever has become of its file.
            _log.error("What the worker had written down cannot be read: %s", error)
            return None

    def _connect(self, turn: Turn, hello: Hello) -> None:
        before = {lane.worker.incarnation for lane in turn.state.lanes if lane.name == hello.lane}
        self._headway.settle(turn, hello.lane)
        turn.apply(WorkerConnected(hello, turn.now))
        for incarnation in before - {"", hello.incarnation}:
            if all(lane.worker.incarnation != incarnation for lane in turn.state.lanes):
                # After what it is told at the end.
                turn.remarks.append(partial(self._forget, incarnation))
        if all(lane.worker.incarnation != hello.incarnation for lane in turn.state.lanes):
            return
        turn.after_commit.append(lambda: self._expect(hello))
        stray = _find_stray(turn.state, hello.incarnation)
        if stray is not None:
            _log.error("The worker of lane %s runs an attempt that is not known here: %s", hello.lane, stray)
            turn.record("unknown_attempt", key=stray, data={"incarnation": hello.incarnation})

    def _forget(self, incarnation: str) -> None:
        """Drop what is known of a worker whose place another one has taken."""
        self._allowance.forget(incarnation)
        self._disconnect(incarnation)

    def _disconnect(self, incarnation: str) -> None:
        if self._liveness is not None:
            self._liveness.forget(incarnation)
        if self._link is not None:
            self._link.forget(incarnation)

    def _expect(self, hello: Hello) -> None:
        if self._liveness is not None:
            self._liveness.expect(hello.lane, hello.incarnation)

    def _replace(self, turn: Turn, lane: str, incarnation: str, unreadable: UnreadableReport) -> None:
        data = {"number": unreadable.number, "report": unreadable.kind, "reason": unreadable.reason}
        if self._allowance.may_record(incarnation):
            turn.record("unreadable_report", key=unreadable.attempt, lane=lane, data=data)
        report = stand_in_for(unreadable, turn.state.lane(lane), turn.now)
        if report is None:
            return
        self._apply(turn, lane, incarnation, report)
        if isinstance(report, EnvironmentFailed):
            # The worker believes that its environment is open.
            turn.orders.append(Send(incarnation, Close()))

    def _apply(self, turn: Turn, lane: str, incarnation: str, report: Report) -> None:
        try:
            with turn.entry():
                stray = _find_stray(turn.state, incarnation)
                if isinstance(report, ItemFinished):
                    self._headway.settle(turn, lane)
                with keeping_last_seen(turn, lane) if isinstance(report, EnvironmentClosed) else nullcontext():
                    turn.apply(WorkerReported(lane, incarnation, report, turn.now))
                if isinstance(report, ItemFinished) and report.attempt == stray:
                    self._record_late(turn, (lane, incarnation), report, _STRAY)
        except RefusedError as error:
            self._take_late(turn, (lane, incarnation), report, str(error))
            return
        if isinstance(report, (RunOpened, RunClosed)) and recordings.is_listed(turn.state.lane(lane).attempt, report):
            recordings.note(turn.tx, report, turn.now)
        if isinstance(report, ItemAcknowledged) and lane in self._keeper.graph_lanes:
            # Only here is it known that what has begun may do an exam task; plans pay nothing for those.
            exam_progress.advance(turn.tx, report.attempt.item_uid, 0, turn.now)
        if isinstance(report, (EnvironmentOpened, EnvironmentUpdated)):
            self._adopt(turn, lane, incarnation, report.kind)

    def _take_late(self, turn: Turn, worker: tuple[str, str], report: Report, reason: str) -> None:
        is_recorded = self._record_late(turn, worker, report, reason)
        if isinstance(report, ItemFinished):
            _resolve_late(turn, worker[0], report)
        elif isinstance(report, (RunOpened, RunClosed)) and is_recorded:
            # Its documents are in a file, whatever has become of the attempt.
            recordings.note(turn.tx, report, turn.now)

    def _record_late(self, turn: Turn, worker: tuple[str, str], report: Report, reason: str) -> bool:
        lane, incarnation = worker
        if not self._allowance.may_record(incarnation):
            return False
        _log.warning("A report was recorded and not applied: %s", reason)
        turn.record("late_report", lane=lane, data={"report": cut(report.model_dump()), "reason": cut(reason)})
        if self._allowance.is_last(incarnation):
            _log.error("The worker of lane %s reports in vain again and again; no more of it is recorded", lane)
        return True

    def _adopt(self, turn: Turn, lane: str, incarnation: str, kind: str) -> None:
        if incarnation in self._torn:
            # Lists that lack a page would take plans and devices away.
            _log.error("The lists of plans and devices of lane %s stay as they were: a page is missing", lane)
            turn.after_commit.append(lambda: self._forget_pages(incarnation))
            return
        self._keeper.adopt(turn, lane, incarnation)
        turn.record(kind, lane=lane, data={"incarnation": incarnation})

    def _forget_pages(self, incarnation: str) -> None:
        self._torn.discard(incarnation)
        self._keeper.forget(incarnation)

    def _acknowledge(self, done: asyncio.Future[None], incarnation: str, number: int) -> None:
        if done.cancelled() or done.exception() is not None:
            self._complain(done, "report")
        elif self._link is not None:
            self._link.acknowledge(incarnation, number)

    def _keep(self, answer: asyncio.Future[None], what: str) -> asyncio.Future[None]:
        answer.add_done_callback(lambda done: self._complain(done, what))
        return answer

    def _complain(self, done: asyncio.Future[None], what: str) -> None:
        if not done.cancelled() and done.exception() is not None:
            _log.error("A %s could not be applied", what, exc_info=done.exception())


def _is_closing(state: State, name: str) -> bool:
    return any(lane.name == name and lane.worker.environment in ("closing", "destroying") for lane in state.lanes)


def _find_stray(state: State, incarnation: str) -> AttemptKey | None:
    return next((lane.worker.stray for lane in state.lanes if lane.worker.incarnation == incarnation), None)


def _resolve_late(turn: Turn, lane: str, report: ItemFinished) -> None:
    """Let a device that was lost say how its item ended after all."""
    known = next((each for each in turn.state.lanes if each.name == lane), None)
    if known is None or not known.is_remote or report.outcome not in ("completed", "failed"):
        return
    entry = turn.tx.history_entry(report.attempt.item_uid)
    is_its = entry is not None and (entry.item.lane, entry.item.attempt) == (lane, report.attempt.number)
    if entry is None or not is_its or entry.result.get("exit_status") != "unknown":
        return
    finding = Finding(report.outcome, "the device", report.message or "the device has said so afterwards")
    resolve(turn, report.attempt.item_uid, finding, Origin())
