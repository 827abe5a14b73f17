"""The lane of a device at the manager: the gateway is its worker, one link for each connection that has registered.

It knows neither frames nor files. A report of an end is kept until the manager has committed it, whatever becomes of
the link. A link costs a thread of its own, and two more inside of the messaging library.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from queue_server.client.keys import CurveKeys
from queue_server.client.outbox import UNNUMBERED, Outbox
from queue_server.client.worker import LinkSettings, Order, Standing, WorkerLink
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    EnvironmentClosed,
    EnvironmentOpened,
    ItemAcknowledged,
    ItemFinished,
    Progress,
    Report,
    REStateChanged,
    StopReport,
)

_log = logging.getLogger(__name__)

WHOLE: Final = 100
"""Progress is in percent."""
END_PATIENCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """Where the manager listens for workers, and the keys if that is encrypted."""

    address: str
    keys: CurveKeys | None = None


class _ToldOutbox(Outbox):
    """An outbox that tells when everything is acknowledged."""

    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__()
        self._told = told

    def acknowledge(self, number: int) -> None:
        super().acknowledge(number)
        if self.is_empty:
            self._told()


class _Proxy:
    """The worker as its link sees it, from the link's thread; everything is passed on to the event loop."""

    def __init__(self, take: Callable[[_Proxy, Order], None], dismiss: Callable[[_Proxy, str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take_order = take
        self._dismiss = dismiss
        self._asked_s: float | None = None
        self.standing_now = Standing(environment="open")

    def standing(self) -> Standing:
        """Return what the device is doing now."""
        return self.standing_now

    def main_thread_age_s(self) -> float:
        """Return for how long the event loop has not answered."""
        if self._asked_s is None:
            self._asked_s = time.monotonic()
            self.post(self._answer)
            return 0.0
        return time.monotonic() - self._asked_s

    def take(self, order: Order, epoch: int) -> None:
        """Pass an order on."""
        self.post(self._take_order, self, order)

    def dismiss(self, reason: str) -> None:
        """Pass it on that the manager does not know this connection of the device."""
        self.post(self._dismiss, self, reason)

    def notice_absence(self, absent_s: float) -> None:
        """Go on: a device that scans does not need the manager."""
        _log.warning("The manager has been away for %.0f s", absent_s)

    def link_ended(self) -> None:
        """Go on without it: a link that is closed has ended, too."""

    def post(self, function: Callable[..., None], *args: object) -> None:
        """Call a function on the event loop, unless that has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def _answer(self) -> None:
        self._asked_s = None


@dataclass(frozen=True, slots=True)
class _Open:
    generation: int
    proxy: _Proxy
    outbox: _ToldOutbox
    link: WorkerLink


class DeviceLane:
    """The worker of one device's lane; for one event loop, on which ``take`` and ``dismissed`` are called."""

    def __init__(
        self, place: LinkPlace, device_id: str, take: Callable[[Order], None], dismissed: Callable[[str], None]
    ) -> None:
        self._place = place
        self._device_id = device_id
        # A gateway that is started again is another worker, also for the connection that was there last.
        self._name = f"{uuid.UUID(device_id).hex}-{uuid.uuid4().hex[:8]}"
        self._take = take
        self._dismissed = dismissed
        self._standing = Standing(environment="open")
        self._finished: dict[str, ItemFinished] = {}
        self._open: _Open | None = None
        self._is_leaving = False
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def unacknowledged(self) -> tuple[ItemFinished, ...]:
        """The reports of ends that the manager has not committed."""
        return tuple(self._finished.values())

    @property
    def generation(self) -> int | None:
        """The connection for which the lane is served; None while it is not."""
        return None if self._open is None or self._is_leaving else self._open.generation

    def serve(self, generation: int, *, is_ready: bool) -> None:
        """Be the worker of the lane for this connection, ready for items or not yet.

        What is not acknowledged is told again. As long as something is under way, an older link of a connection goes
        on until the newer one is ready.
        """
        if self.generation == generation:
            if is_ready:
                self._be_ready()
            return
        if not is_ready and (self._finished or self._standing.attempt is not None):
            return
        self._end_link()
        self._is_leaving = False
        self._standing = replace(self._standing, environment="open" if is_ready else "loading")
        outbox = _ToldOutbox(self._be_told)
        incarnation = f"{self._name}.{generation}"
        settings = LinkSettings(
            self._place.address, self._device_id, incarnation, os.getpid(), absence_s=0, keys=self._place.keys
        )
        link = WorkerLink(settings, outbox)
        proxy = _Proxy(self._take_from, self._be_dismissed)
        self._open = _Open(generation, proxy, outbox, link)
        self._refresh()
        for report in self._finished.values():
            link.report(report)
        link.start(proxy)

    def _be_ready(self) -> None:
        if self._standing.environment != "open":
            self._standing = replace(self._standing, environment="open")
            self._refresh()
            self._report(EnvironmentOpened(number=UNNUMBERED))
            self._report(REStateChanged(number=UNNUMBERED, re_state=self._standing.re_state or ""))

    def leave(self) -> None:
        """Be no worker any more, once everything is acknowledged."""
        if self._open is not None and not self._is_leaving:
            self._is_leaving = True
            self._open.link.report(EnvironmentClosed(number=UNNUMBERED))

    def show(self, condition: str, attempt: AttemptKey | None) -> None:
        """Tell the condition of the device, and which attempt it carries out."""
        has_changed = condition != self._standing.re_state
        self._standing = replace(self._standing, re_state=condition, attempt=attempt)
        self._refresh()
        if has_changed:
            self._report(REStateChanged(number=UNNUMBERED, attempt=attempt, re_state=condition))

    def acknowledge(self, attempt: AttemptKey) -> None:
        """Report that the device has begun."""
        self._report(ItemAcknowledged(number=UNNUMBERED, attempt=attempt))

    def advance(self, attempt: AttemptKey, percent: int) -> None:
        """Tell how far the device is."""
        if self._open is not None:
            self._open.link.show_progress(Progress(attempt=attempt, points=percent, total=WHOLE))

    def keep(self, report: ItemFinished) -> None:
        """Keep the report of an end; ``finish`` sends it."""
        self._finished[report.attempt.item_uid] = report
        self._refresh()

    def finish(self, report: ItemFinished) -> None:
        """Report the end of an attempt, until the manager has committed it."""
        self.keep(report)
        self._report(report)

    def report(self, report: Report) -> None:
        """Report something else."""
        self._report(report)

    def tell_stopped(self, report: StopReport) -> None:
        """Tell what an emergency stop has reached."""
        if self._open is not None:
            self._open.link.answer(report)

    def write(self, text: str) -> None:
        """Show a line at the console."""
        if self._open is not None:
            self._open.link.write_console(f"[{self._device_id}] {text}\n")

    async def close(self) -> None:
        """End, after what waits has been acknowledged, if the manager is there, or after a moment."""
        if self._open is not None and self._open.link.is_welcome:
            await asyncio.to_thread(self._open.link.wait_acknowledged, END_PATIENCE_S)
        self._end_link()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _take_from(self, proxy: _Proxy, order: Order) -> None:
        # What a link that has ended still brings is for an older connection.
        if self._open is not None and self._open.proxy is proxy:
            self._take(order)

    def _be_dismissed(self, proxy: _Proxy, reason: str) -> None:
        if self._open is not None and self._open.proxy is proxy:
            # From now on nobody acknowledges anything here.
            self._finished.clear()
            self._end_link()
            self._dismissed(reason)

    def _report(self, report: Report) -> None:
        if self._open is not None:
            self._open.link.report(report)

    def _refresh(self) -> None:
        """Let a hello name what the manager has not heard the end of: it would order that again."""
        waiting = next((report.attempt for report in self._finished.values()), None)
        if self._open is not None:
            self._open.proxy.standing_now = replace(self._standing, attempt=waiting or self._standing.attempt)

    def _be_told(self) -> None:
        # In the thread of the link.
        opened = self._open
        if opened is not None:
            opened.proxy.post(self._forget, opened)

    def _forget(self, opened: _Open) -> None:
        if self._open is not opened or not opened.outbox.is_empty:
            return
        self._finished.clear()
        self._refresh()
        if self._is_leaving:
            self._end_link()

    def _end_link(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            closing = asyncio.create_task(asyncio.to_thread(opened.link.close), name="end of a link")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
