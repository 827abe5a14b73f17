"""One device as the gateway serves it: its session, which alone decides, and whoever performs what that orders."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from http_gateway.dialects.scanhub import events, session
from http_gateway.dialects.scanhub.clerk import Clerk, Heard, Posture
from http_gateway.dialects.scanhub.condition import DeviceCondition, condition_of
from http_gateway.dialects.scanhub.deadlines import Deadlines
from http_gateway.dialects.scanhub.device_lane import DeviceLane
from http_gateway.dialects.scanhub.device_line import DeviceLine
from http_gateway.dialects.scanhub.dockets import Docket, Dockets
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    CloseConnection,
    DescribeDevice,
    DiscardUpload,
    Effect,
    NoteFault,
    ReportOutcome,
    ReportResolved,
    ReportReturned,
    SendFrame,
    SendStart,
    SetTimer,
    ToDevice,
    ToQueue,
    ToSink,
)
from http_gateway.dialects.scanhub.frames import render_frame
from http_gateway.dialects.scanhub.lane_answers import answer_stop, option_of, refuse_order, refuse_task
from http_gateway.dialects.scanhub.means import Means
from http_gateway.dialects.scanhub.model import State, Timer
from http_gateway.dialects.scanhub.notebook import Page
from http_gateway.dialects.scanhub.orders import (
    Content,
    Prepared,
    moment_of,
    prepare,
    read_content,
    read_sequence,
)
from http_gateway.dialects.scanhub.start_frame import Client
from http_gateway.dialects.scanhub.upload_sink import Placed, UploadSink
from queue_server.client.worker import Order
from queue_server.protocol.device_link import ReadDevice
from queue_server.protocol.dismissal import REPLACED
from queue_server.protocol.errors import CuelightError, StateError
from queue_server.protocol.worker_link import Close, Continue, EmergencyStop, Execute, Pause, RunTask

_log = logging.getLogger(__name__)


class DeviceSeat:
    """The session of one device; for one event loop, and for as long as the gateway serves."""

    def __init__(self, device_id: str, means: Means) -> None:
        self.device_id = device_id
        self._means = means
        self._state = State(device_id, means.limits)
        self._dockets = Dockets()
        self._lines: dict[int, DeviceLine] = {}
        self._posture: tuple[Posture, int] | None = None
        self._deadlines = Deadlines(self._pass)
        self._lane = DeviceLane(means.place, device_id, self._obey, self._be_dismissed)
        self._workers = self._hire()
        self._tasks: set[asyncio.Task[None]] = set()

    def _hire(self) -> tuple[Clerk, UploadSink]:
        means = self._means
        heard = Heard(self._be_recorded, self._be_unrecorded, self._send_out)
        clerk = Clerk(self._lane, means.clock, self._save, heard)
        sink = UploadSink(self.device_id, means.store, means.registry, means.clock, self.tell, self._task_of)
        return clerk, sink

    # --- its lifetime ------------------------------------------------------------------------------------------------

    def start(self, page: Page | None) -> None:
        """Begin, with what was kept of the device."""
        clerk, sink = self._workers
        self._spawn(clerk.run(), "reports")
        self._spawn(sink.run(), "uploads")
        if page is None:
            return
        now = self._means.clock.wall()
        entries = [entry for entry in page.entries if entry.expires is None or entry.expires > now]
        for entry in entries:
            self._dockets.put(entry.scan.item_uid, Docket.of(entry))
        for report in page.finished:
            self._lane.keep(report)
        if page.is_open:
            # The first hello names the attempt that was active, so that it is not ordered again.
            active = next((entry.attempt for entry in entries if entry.scan.outcome is None), None)
            self._lane.show("offline", active)
            self._lane.serve(page.generation, is_ready=True)
        scans = [entry.scan for entry in entries]
        restored = session.restore(
            self.device_id, page.generation, scans, self._means.clock.monotonic(), self._means.limits
        )
        self._apply(restored)

    async def close(self) -> None:
        """End; what was ordered is performed first, as far as that takes a moment only."""
        clerk, _ = self._workers
        try:
            async with asyncio.timeout(2):
                await clerk.settle()
        except TimeoutError:
            _log.warning("Not all that is known of the device %s could be told", self.device_id)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._deadlines.close()
        await self._lane.close()

    # --- its connections ---------------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """That of the newest connection."""
        return self._state.generation

    @property
    def line(self) -> DeviceLine | None:
        """The live connection."""
        connection = self._state.connection
        return None if connection is None else self._lines.get(connection.generation)

    @property
    def client(self) -> Client | None:
        """The generation of the device's program, as its frames suggest; None while it is not connected."""
        return None if self._state.connection is None else self._state.connection.client

    @property
    def condition(self) -> DeviceCondition:
        """What the device looks like from outside."""
        return condition_of(self._state)

    def open(self, generation: int, line: DeviceLine) -> None:
        """Take a connection that has proved whose it is."""
        self._lines[generation] = line
        try:
            self.tell(events.ConnectionOpened(self._now, generation, line.address))
        except StateError:
            del self._lines[generation]
            raise

    def lose(self, generation: int) -> None:
        """Note that a connection has ended."""
        line = self._lines.pop(generation, None)
        for item_uid in () if line is None else line.end():
            self.tell(events.StartUnsent(self._now, item_uid))
        self.tell(events.ConnectionClosed(self._now, generation))

    def hear_text(self, generation: int, text: str) -> None:
        """Take a text frame."""
        self.tell(session.read_text(text, generation, self._now))

    def hear_life(self, generation: int) -> None:
        """Take a ping or a pong of the protocol below."""
        self.tell(events.PongReceived(self._now, generation))

    async def hear_bytes(self, generation: int, piece: bytes) -> None:
        """Take a binary frame; wait for a moment where the disk cannot follow."""
        self._apply(session.step(self._state, events.BytesReceived(self._now, generation, len(piece))), piece)
        sink = self._workers[1]
        if await sink.make_room():
            return
        upload = self._state.incoming
        if upload is not None and upload.stage == "receiving":
            sink.take(DiscardUpload(upload.number))
            self.tell(events.UploadBroken(self._now, upload.number, "the disk is too slow"))

    # --- what people want --------------------------------------------------------------------------------------------

    def tell(self, event: events.Event) -> None:
        """Take a step.

        Raises:
            RefusedError: the event does not fit; nothing has changed.
        """
        self._apply(session.step(self._state, event))

    def revoke(self, *, is_forced: bool) -> None:
        """End the connection of a device that may no longer be there.

        Raises:
            StateError: an item is active, and the order is not forced.
        """
        self.tell(events.AccessRevoked(self._now, is_forced))

    def clear_fault(self) -> None:
        """Take the word of a person that the device is in order.

        Raises:
            StateError: nobody knows how an item ended.
        """
        self.tell(events.FaultCleared(self._now))

    async def settle(self) -> None:
        """Wait until what is known of the device until now is told to the manager."""
        await self._workers[0].settle()

    def shut_down(self) -> None:
        """End the connection, because the gateway ends."""
        self.tell(events.ShutdownRequested(self._now))

    # --- what the manager wants, on the event loop -----------------------------------------------------------------

    def _obey(self, order: Order) -> None:
        match order:
            case Execute():
                self._execute(order)
            case Pause() | Continue():
                self._continue(order)
            case EmergencyStop():
                self._lane.tell_stopped(answer_stop(order, self.device_id))
            case RunTask():
                self._lane.report(refuse_task(order, self._means.clock.wall()))
            case ReadDevice():
                _log.warning("A scanner has no devices that could be read; %s was asked for", order.device)
            case Close():
                self.revoke(is_forced=True)

    def _execute(self, order: Execute) -> None:
        key = order.attempt
        if self._dockets.find(key.item_uid) is not None:
            # It is on its way, or its end is: whoever orders it again has not heard of that yet.
            _log.warning("The item %s was ordered again, and is not sent again", key.item_uid)
            return
        self._dockets.begin(key, self._means.clock.wall())
        self._spawn(self._dispatch(order.content, key.item_uid), f"dispatch of item {key.item_uid}")

    async def _dispatch(self, content: Mapping[str, Any], uid: str) -> None:
        # Whoever has ordered it for an older connection takes its outcome for unknown.
        generation = self._lane.generation
        try:
            wanted = read_content({**content, "item_uid": uid})
            prepared = await self._prepare(wanted)
            if self.generation != generation:
                raise StateError("The connection of the device was replaced.")
            self._dockets.make_ready(uid, (wanted.task_id, wanted.acquisition.workflow_id), prepared.start)
            unknown = self._state.unresolved
            if unknown is not None:
                # Its end has held the lane, so that a person has released this item, knowing of it.
                self.tell(events.OutcomeResolved(self._now, unknown.item_uid, "failed"))
            self.tell(events.DispatchRequested(self._now, prepared.order))
        except CuelightError as error:
            _log.warning("The item %s is not sent: %s", uid, error.message)
            self._report(ReportReturned(uid, error.message))
        self._dockets.end_preparation(uid)

    async def _prepare(self, wanted: Content) -> Prepared:
        means = self._means
        now = moment_of(means.clock.wall())
        given = wanted.acquisition.sequence or await means.registry.sequence_of(wanted.acquisition.sequence_id or "")
        sequence = read_sequence(given, wanted, now)
        parameter = await means.registry.parameter_of(self.device_id)
        return prepare(wanted, sequence, parameter, means.tokens.issue(self.device_id, wanted.item_uid), now)

    def _continue(self, order: Pause | Continue) -> None:
        option, uid = option_of(order), order.attempt.item_uid
        try:
            if option == "halt":
                self.tell(events.GivenUp(self._now, uid))
            elif option in ("stop", "abort"):
                self.tell(events.CancelRequested(self._now, uid))
            else:
                raise StateError("A scan can neither be paused nor resumed.")
        except StateError as error:
            self._lane.report(refuse_order(order, error.message))

    def _be_dismissed(self, reason: str) -> None:
        if reason == REPLACED:
            _log.warning("The device %s is served elsewhere: %s", self.device_id, reason)
            self.tell(events.ConnectionSuperseded(self._now))
            return
        _log.warning("The manager does not know the device %s: %s", self.device_id, reason)
        self.revoke(is_forced=True)

    # --- what the session orders -------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._means.clock.monotonic()

    def _pass(self, timer: Timer) -> None:
        self.tell(events.TimerPassed(self._now, timer))

    def _apply(self, step: session.Step, piece: bytes = b"") -> None:
        self._state = step.state
        for effect in step.effects:
            self._perform(effect, piece)
        self._stand()

    def _perform(self, effect: Effect, piece: bytes) -> None:
        if isinstance(effect, SendFrame) and effect.confirms:
            self._workers[0].take(effect, self.generation, self._dockets.enter(self._state))
        elif isinstance(effect, ToDevice):
            self._send_out(effect)
        elif isinstance(effect, SetTimer):
            self._deadlines.set(effect.timer, effect.after_s)
        elif isinstance(effect, CancelTimer):
            self._deadlines.cancel(effect.timer)
        elif isinstance(effect, ToSink):
            self._workers[1].take(effect, piece)
        elif isinstance(effect, DescribeDevice):
            self._spawn(self._describe(effect), "description")
        else:
            self._note_end(effect)
            self._report(effect)

    def _send_out(self, effect: ToDevice) -> None:
        line = self._lines.get(effect.generation)
        if isinstance(effect, SendStart):
            start = self._dockets.take_start(effect.item_uid)
            if line is None:
                asyncio.get_running_loop().call_soon(self.tell, events.StartUnsent(self._now, effect.item_uid))
            else:
                line.send_start(start, effect.item_uid)
        elif line is not None and isinstance(effect, SendFrame):
            line.send(render_frame(effect.frame))
        elif line is not None and isinstance(effect, CloseConnection):
            line.close(effect.code, effect.reason)

    async def _describe(self, effect: DescribeDevice) -> None:
        try:
            client = {} if self.client in (None, "unknown") else {"client_generation": str(self.client)}
            details = {**effect.details, **client}
            await self._means.registry.describe(self.device_id, effect.generation, details, effect.parameter)
        except CuelightError as error:
            _log.warning("What the device %s says of itself is not kept: %s", self.device_id, error.message)

    def _note_end(self, effect: ToQueue | NoteFault) -> None:
        """Keep until when the token of an item counts that has just ended."""
        if not isinstance(effect, (ReportOutcome, ReportResolved)):
            return
        scan = self._state.find(effect.item_uid)
        if scan is not None:
            lasts_s = self._means.limits.unknown_token_s if effect.outcome == "unknown" else scan.order.upload_grace_s
            self._dockets.expire(effect.item_uid, self._means.clock.wall() + lasts_s)

    def _report(self, effect: ToQueue | NoteFault) -> None:
        docket = self._dockets.find(getattr(effect, "item_uid", ""))
        attempt = None if docket is None else (docket.attempt, docket.time_start)
        self._workers[0].take(effect, self.generation, self._dockets.enter(self._state), attempt)

    def _stand(self) -> None:
        state, connection = self._state, self._state.connection
        self._dockets.forget_all_but(state)
        posture = Posture(
            condition_of(state),
            self._dockets.attempt_of(state.scan),
            None if connection is None else connection.generation,
            # Nothing is ordered for two clients of which nobody knows which one is the device.
            is_ready=connection is not None and connection.is_registered and not state.is_duplicate,
            is_gone=connection is None and state.scan is None,
        )
        if (posture, state.generation) != self._posture:
            self._posture = (posture, state.generation)
            self._workers[0].take(posture, state.generation, self._dockets.enter(state))

    # --- what becomes of it ------------------------------------------------------------------------------------------

    async def _save(self, page: Page) -> None:
        is_newest = await self._means.store.run(self._means.notebook.save, self.device_id, page)
        if not is_newest:
            _log.warning("Another process of the gateway has a newer connection of the device %s", self.device_id)
            asyncio.get_running_loop().call_soon(self._be_dismissed, REPLACED)

    def _be_recorded(self, item_uid: str) -> None:
        self.tell(events.DispatchRecorded(self._now, item_uid))

    def _be_unrecorded(self, item_uid: str) -> None:
        # Without its record nothing is sent; the end of the connection gives the item back.
        self.shut_down()

    def _task_of(self, item_uid: str) -> Placed:
        docket = self._dockets.find(item_uid)
        return (item_uid, None) if docket is None else docket.place

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._see_end)

    def _see_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("%s of the device %s has failed", task.get_name(), self.device_id, exc_info=error)
