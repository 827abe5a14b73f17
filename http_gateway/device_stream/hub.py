"""The devices that readers of the stream follow: each is followed once, as long as anybody does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from http_gateway.device_stream.location import DeviceTopicError, find_places, open_lanes
from http_gateway.device_stream.reader import MOST_FOLLOWED, DeviceReader
from http_gateway.device_stream.source import ValuesSource
from http_gateway.device_stream.topics import DeviceTopic, Place
from http_gateway.device_stream.watch import DeviceWatch
from http_gateway.link import ManagerLink, read_reply
from http_gateway.run_stream.hub import Following, Viewer
from http_gateway.run_stream.sources import RunSources
from http_gateway.status import PushedStatus
from queue_server.client.notices import Notice
from queue_server.clock import Clock
from queue_server.protocol.device_values import DeviceValues
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)


class DeviceHub:
    """Follows devices for readers, through the life of environments; for one event loop."""

    def __init__(self, link: ManagerLink, sources: RunSources, status: PushedStatus, clock: Clock) -> None:
        self._link = link
        self._sources = sources
        self._status = status
        self._clock = clock
        self._source: ValuesSource | None = None
        self._watches: dict[Place, DeviceWatch] = {}
        self._readers: list[DeviceReader] = []
        self._standing = _Standing()
        self._refreshing: asyncio.Task[None] | None = None

    async def open(self, topic: DeviceTopic, viewer: Viewer) -> Following:
        """Begin to follow a device, or every one of the open environments.

        Raises:
            DeviceTopicError: there is no such device, the reader's group may not use it, or too many are followed.
            CuelightError: the manager does not answer.
        """
        self._take_status(read_reply(await self._status.frame()))
        reader = DeviceReader(topic, viewer)
        places = await find_places(self._link, topic, viewer.caller, self._standing.lanes)
        address = await self._sources.find_documents() if self._source is None else ""
        if self._source is None:
            self._source = ValuesSource(address, self._sources.keys, self._hear_values)
        self._readers.append(reader)
        try:
            self._place(reader, places)
        except DeviceTopicError:
            self._end(reader)
            raise
        return Following(reader.buffer, lambda: self._end(reader))

    def hear(self, notice: Notice) -> None:
        """Take a status that was published."""
        if notice.status is not None and self._readers:
            self._take_status(notice.status)

    async def close(self) -> None:
        """Follow nothing more."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        self._readers.clear()
        self._close_source()

    # --- what comes -----------------------------------------------------------------------------------------------

    def _hear_values(self, values: DeviceValues) -> None:
        watch = self._watches.get(Place(values.lane, values.device))
        if watch is not None:
            watch.hear(values)

    def _take_status(self, status: Mapping[str, Any]) -> None:
        before, self._standing = self._standing, _Standing(status)
        now = self._standing
        if now.is_like(before):
            return
        for place, watch in list(self._watches.items()):
            self._note_lane(watch, was_open=before.is_open(place), is_open=now.is_open(place))
        self._refresh_soon()

    def _note_lane(self, watch: DeviceWatch, *, was_open: bool, is_open: bool) -> None:
        if was_open and not is_open:
            watch.note_closed()
        elif is_open and not was_open:
            watch.note_opened()
            # Its worker may have told the values before that was known.
            self._ask(watch.place)

    # --- who follows what -----------------------------------------------------------------------------------------

    def _place(self, reader: DeviceReader, places: set[Place]) -> None:
        """Let a reader follow these devices and no others.

        Raises:
            DeviceTopicError: they are too many.
        """
        if len(self._watches.keys() | places) > MOST_FOLLOWED:
            raise DeviceTopicError(f"{MOST_FOLLOWED} devices are followed already; end one of them first.")
        reader.list(places, self._clock.wall())
        for place in places - reader.places:
            reader.begin(self._watch(place))
        left = reader.places - places
        reader.leave(left)
        self._release(left)

    def _watch(self, place: Place) -> DeviceWatch:
        known = self._watches.get(place)
        if known is None:
            known = self._watches[place] = DeviceWatch(place, self._clock, is_open=self._standing.is_open(place))
            if self._source is not None:
                self._source.follow(place)
        elif known.has_failed:
            self._ask(place)
        return known

    def _ask(self, place: Place) -> None:
        if self._source is not None:
            self._source.ask(place)

    def _end(self, reader: DeviceReader) -> None:
        if reader not in self._readers:
            return
        self._readers.remove(reader)
        left = reader.places
        reader.leave(left)
        self._release(left)
        if not self._readers:
            self._close_source()

    def _release(self, places: frozenset[Place]) -> None:
        """Follow devices no more of which nobody is told."""
        for place in places:
            watch = self._watches[place]
            if not watch.is_listened_to:
                watch.close()
                del self._watches[place]
                if self._source is not None:
                    self._source.leave(place)

    def _close_source(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    # --- after a change of environments or permissions --------------------------------------------------------------

    def _refresh_soon(self) -> None:
        if self._readers and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(), name="places of devices")

    async def _refresh(self) -> None:
        seen: _Standing | None = None
        try:
            while seen is None or not self._standing.is_like(seen):
                seen = self._standing
                for reader in list(self._readers):
                    await self._find_again(reader)
        finally:
            self._refreshing = None

    async def _find_again(self, reader: DeviceReader) -> None:
        """Find out where the devices of a reader are now, and whether they may be read."""
        try:
            places = await find_places(self._link, reader.topic, reader.caller, self._standing.lanes)
            if reader in self._readers:
                self._place(reader, places)
        except DeviceTopicError as error:
            left = reader.places
            reader.leave(left)
            self._release(left)
            reader.tell(error)
        except CuelightError as error:
            # What is followed goes on; the next change of the status asks again.
            _log.warning("The devices of %s cannot be found now: %s", reader.topic.name, error.message)


class _Standing:
    """What decides which devices there are, and who may use them."""

    def __init__(self, status: Mapping[str, Any] | None = None) -> None:
        given = status or {}
        self.lanes = open_lanes(given)
        self._uids = given.get("epoch"), given.get("devices_allowed_uid")

    def is_like(self, other: _Standing) -> bool:
        """Whether nothing has changed."""
        return self.lanes == other.lanes and self._uids == other._uids

    def is_open(self, place: Place) -> bool:
        """Return whether the environment of a device is open."""
        return self.lanes.get(place.lane, False)
