"""The items that were ordered for one device, with what belongs to them and is no matter of the session."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from http_gateway.dialects.scanhub.model import Scan, State
from http_gateway.dialects.scanhub.notebook import Entry
from http_gateway.dialects.scanhub.upload_sink import Placed
from queue_server.protocol.items import AttemptKey


@dataclass(frozen=True, slots=True)
class Docket:
    """The attempt at an item, when it began, and the end of its token; in seconds since 1970-01-01 UTC.

    ``place`` is where its results belong, ``start`` its start frame until that is sent. It is in preparation until the
    session knows it.
    """

    attempt: AttemptKey
    time_start: float
    place: Placed
    expires: float | None = None
    start: str = field(default="", repr=False)
    is_in_preparation: bool = False

    @classmethod
    def of(cls, entry: Entry) -> Docket:
        """Return the docket of an item that was kept."""
        return cls(entry.attempt, entry.time_start, entry.place, entry.expires)

    def enter(self, scan: Scan) -> Entry:
        """Return what is kept of the item."""
        # Progress comes each second, and what counts of it is at the manager.
        return Entry(
            scan=replace(scan, progress=0),
            attempt=self.attempt,
            time_start=self.time_start,
            place=self.place,
            expires=self.expires,
        )


class Dockets:
    """The dockets by the uids of the items."""

    def __init__(self) -> None:
        self._dockets: dict[str, Docket] = {}

    def find(self, item_uid: str) -> Docket | None:
        """Return the docket of an item."""
        return self._dockets.get(item_uid)

    def put(self, item_uid: str, docket: Docket) -> None:
        """Keep a docket in the place of an earlier one."""
        self._dockets[item_uid] = docket

    def begin(self, attempt: AttemptKey, now: float) -> None:
        """Keep that an item was ordered; until more is known, its exam task is the one of its own uid."""
        self.put(attempt.item_uid, Docket(attempt, now, (attempt.item_uid, None), is_in_preparation=True))

    def make_ready(self, item_uid: str, place: Placed, start: str) -> None:
        """Keep what the item sends, and where its results belong."""
        self.put(item_uid, replace(self._dockets[item_uid], place=place, start=start))

    def end_preparation(self, item_uid: str) -> None:
        """Note that the session knows the item, or never will."""
        self.put(item_uid, replace(self._dockets[item_uid], is_in_preparation=False))

    def take_start(self, item_uid: str) -> str:
        """Return the start frame of an item, once."""
        docket = self._dockets[item_uid]
        self.put(item_uid, replace(docket, start=""))
        return docket.start

    def expire(self, item_uid: str, at: float) -> None:
        """Keep until when the token of an item counts."""
        if item_uid in self._dockets:
            self.put(item_uid, replace(self._dockets[item_uid], expires=at))

    def attempt_of(self, scan: Scan | None) -> AttemptKey | None:
        """Return the attempt at an item."""
        docket = None if scan is None else self.find(scan.item_uid)
        return None if docket is None else docket.attempt

    def forget_all_but(self, state: State) -> None:
        """Drop what the session does not know any more."""
        known = {scan.item_uid for scan in (state.scan, *state.ended) if scan is not None}
        if not self._dockets.keys() <= known:
            self._dockets = {uid: each for uid, each in self._dockets.items() if uid in known or each.is_in_preparation}

    def enter(self, state: State) -> tuple[Entry, ...]:
        """Return what is kept of all items that the session knows."""
        scans = (*state.ended, *(() if state.scan is None else (state.scan,)))
        return tuple(docket.enter(scan) for scan in scans if (docket := self.find(scan.item_uid)) is not None)
