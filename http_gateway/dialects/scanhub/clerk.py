"""Tells the manager what a device session reports, in order, and never before it is durable here.

It decides nothing. What is told twice after an end of the gateway, the manager takes for late. A device, too, learns
only of files of which this gateway will still know: it never sends again what has been confirmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from http_gateway.dialects.scanhub.device_lane import DeviceLane
from http_gateway.dialects.scanhub.effects import (
    HoldLane,
    NoteFault,
    RecordDispatch,
    ReportEvidence,
    ReportOutcome,
    ReportPhase,
    ReportProgress,
    ReportResolved,
    ReportReturned,
    ReportUpload,
    ReportUploadFailed,
    SendFrame,
    ToQueue,
)
from http_gateway.dialects.scanhub.model import Outcome
from http_gateway.dialects.scanhub.notebook import Entry, Page
from queue_server.client.outbox import UNNUMBERED
from queue_server.clock import Clock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.items import Outcome as AttemptOutcome
from queue_server.protocol.worker_link import ItemFinished

_log = logging.getLogger(__name__)

_OUTCOMES: Final[dict[Outcome, AttemptOutcome]] = {"done": "completed", "failed": "failed", "unknown": "unknown"}


Begun = tuple[AttemptKey, float]
"""An attempt, and when it began, in seconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class Posture:
    """How a device stands: its condition, its attempt, and the connection on which it is there, if it is.

    ``is_ready`` tells that it has registered there, ``is_gone`` that nobody waits for anything from it any more.
    """

    condition: str
    attempt: AttemptKey | None
    serves: int | None
    is_ready: bool
    is_gone: bool


Deed = ToQueue | NoteFault | Posture | SendFrame
"""What is done once all that the device session has decided before is durable."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Who learns of the start of an item that is durable, of one that cannot be, and of a frame that may leave."""

    recorded: Callable[[str], None]
    unrecorded: Callable[[str], None]
    confirmed: Callable[[SendFrame], None]


@dataclass(frozen=True, slots=True)
class _Job:
    effect: Deed
    generation: int
    entries: tuple[Entry, ...]
    begun: Begun | None


class Clerk:
    """The reports of one device; for one event loop. ``save`` makes a page durable."""

    def __init__(self, lane: DeviceLane, clock: Clock, save: Callable[[Page], Awaitable[None]], heard: Heard) -> None:
        self._lane = lane
        self._clock = clock
        self._save = save
        self._heard = heard
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._page: Page | None = None

    def take(
        self,
        effect: Deed,
        generation: int,
        entries: tuple[Entry, ...],
        begun: Begun | None = None,
    ) -> None:
        """Perform an effect after those before it; ``entries`` are what has to be durable by then."""
        self._jobs.put_nowait(_Job(effect, generation, entries, begun))

    async def settle(self) -> None:
        """Wait until everything that was taken is performed."""
        await self._jobs.join()

    async def run(self) -> None:
        """Perform effects until cancelled."""
        while True:
            jobs = [await self._jobs.get()]
            # What has come in while the disk was busy is made durable at once.
            while not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            try:
                await self._perform(jobs)
            finally:
                for _ in jobs:
                    self._jobs.task_done()

    async def _perform(self, jobs: list[_Job]) -> None:
        reports = [self._end_of(job.effect, job.begun) for job in jobs]
        for report in reports:
            if report is not None:
                self._lane.keep(report)
        newest = jobs[-1]
        page = Page(generation=newest.generation, entries=newest.entries, finished=self._unfinished)
        is_durable = await self._keep(page)
        for job, report in zip(jobs, reports, strict=True):
            if report is not None:
                self._lane.finish(report)
            else:
                self._act(job, is_durable=is_durable)
            self._show(job.effect)

    def _act(self, job: _Job, *, is_durable: bool) -> None:
        effect = job.effect
        if isinstance(effect, RecordDispatch):
            (self._heard.recorded if is_durable else self._heard.unrecorded)(effect.item_uid)
        elif isinstance(effect, SendFrame):
            if is_durable:
                self._heard.confirmed(effect)
        elif isinstance(effect, Posture):
            self._stand(effect)
        elif job.begun is not None:
            self._tell(effect, job.begun[0])

    @property
    def _unfinished(self) -> tuple[ItemFinished, ...]:
        return self._lane.unacknowledged

    async def _keep(self, page: Page) -> bool:
        if page == self._page:
            return True
        try:
            await self._save(page)
        except OSError as error:
            _log.error("The state of a device cannot be kept: %s", error)
            return False
        self._page = page
        return True

    def _end_of(self, effect: Deed, begun: Begun | None) -> ItemFinished | None:
        if begun is None:
            return None
        match effect:
            case ReportOutcome():
                outcome, text = _OUTCOMES[effect.outcome], effect.text
            case ReportResolved(by="evidence"):
                # The attempt has ended before, so that the manager only records it.
                outcome, text = _OUTCOMES[effect.outcome], "the device has delivered everything after all"
            case ReportReturned():
                outcome, text = "failed", f"nothing was sent to the device: {effect.reason}"
            case _:
                return None
        return ItemFinished(
            number=UNNUMBERED,
            attempt=begun[0],
            outcome=outcome,
            time_start=begun[1],
            time_stop=max(self._clock.wall(), begun[1]),
            message=text,
        )

    def _tell(self, effect: ToQueue | NoteFault, attempt: AttemptKey) -> None:
        if isinstance(effect, ReportPhase) and effect.phase == "acknowledged":
            self._lane.acknowledge(attempt)
        elif isinstance(effect, ReportPhase) and effect.phase == "running":
            # The first progress is 0, which alone would tell nothing new.
            self._lane.advance(attempt, 0)
        elif isinstance(effect, ReportProgress) and not effect.is_late:
            self._lane.advance(attempt, effect.percent)

    def _stand(self, posture: Posture) -> None:
        # The first hello tells it.
        self._lane.show(posture.condition, posture.attempt)
        if posture.serves is not None:
            self._lane.serve(posture.serves, is_ready=posture.is_ready)
        if posture.is_gone:
            self._lane.leave()

    def _show(self, effect: Deed) -> None:
        match effect:
            case ReportEvidence():
                self._lane.write(f"item {effect.item_uid}: {effect.text}")
            case ReportUpload():
                self._lane.write(f"item {effect.item_uid}: the file {effect.name!r} is stored")
            case ReportUploadFailed():
                self._lane.write(f"item {effect.item_uid}: the file {effect.name!r} is not stored: {effect.reason}")
            case NoteFault(message=str(message)):
                self._lane.write(f"fault: {message}")
            case HoldLane():
                self._lane.write(effect.reason)
            case _:
                pass
