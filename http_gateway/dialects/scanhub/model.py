"""The state of one device and its connection: frozen values that only ``session.step`` replaces.

Times are seconds of a monotonic clock, read by whoever makes an event. Nothing here reads one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from http_gateway.dialects.scanhub.scan_tokens import DEFAULT_UNKNOWN_S
from http_gateway.dialects.scanhub.start_frame import MOST_GEN3_BYTES, Client
from http_gateway.dialects.scanhub.uploads import File, StoredFile
from queue_server.artifacts.expectation import MAX_SIZE_BYTES

Phase = Literal["recording", "dispatched", "acknowledged", "running", "uploading"]
"""How far an active item is. While ``recording`` its start is being stored, and nothing has been sent."""

Outcome = Literal["done", "failed", "unknown"]
Stage = Literal["receiving", "draining", "verifying", "storing"]
TimerKind = Literal["register", "liveness", "acknowledgement", "scan", "grace", "upload_idle", "token"]


@dataclass(frozen=True, slots=True)
class Timer:
    """A deadline, and what it is for: a connection generation, an item uid, or the number of an upload."""

    kind: TimerKind
    key: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of a session: times in seconds, sizes in bytes."""

    acknowledgement_s: float = 15.0
    register_s: float = 10.0
    liveness_s: float = 60.0
    upload_idle_s: float = 60.0
    unknown_token_s: float = DEFAULT_UNKNOWN_S
    replacements: int = 3
    replacements_within_s: float = 60.0
    complaints: int = 8
    upload_bytes: int = MAX_SIZE_BYTES
    binary_bytes: int = 16 * 1024 * 1024
    start_gen3_bytes: int = MOST_GEN3_BYTES
    uploads_per_item: int = 256
    uploads_in_check: int = 64
    remembered_items: int = 64
    texts: int = 8
    text_characters: int = 2000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Order:
    """What the session has to know of an item that is to be started.

    ``start_bytes`` is the size of its start frame, ``parameter`` the effective parameters of the device.
    """

    item_uid: str
    token_digest: bytes = field(repr=False)
    start_bytes: int
    expected_uploads: int = 1
    upload_grace_s: float = 60.0
    scan_timeout_s: float | None = None
    parameter: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was announced and is not there; uploads with a higher number can replace it."""

    name: str
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Scan:
    """An item that was given to the device; ``generation`` is that of the connection that it was sent on.

    It is active until it has an outcome. ``late_results`` are those that arrived on a newer connection,
    ``is_late_complete`` tells that progress 100 did.
    """

    order: Order
    generation: int
    phase: Phase = "recording"
    progress: int = 0
    callback_ended: bool = False
    grace_until: float | None = None
    results: tuple[StoredFile, ...] = ()
    failed: tuple[Failure, ...] = ()
    outcome: Outcome | None = None
    texts: tuple[str, ...] = ()
    token_expired: bool = False
    is_late_complete: bool = False
    late_results: frozenset[str] = frozenset()

    @property
    def item_uid(self) -> str:
        """The uid of the item."""
        return self.order.item_uid

    @property
    def lacks(self) -> str:
        """What its uploads lack for success, as a sentence; empty if nothing."""
        if self.failed:
            return "upload failed: " + "; ".join(f"{each.name}: {each.reason}" for each in self.failed[:3])
        if len(self.results) < self.order.expected_uploads:
            return f"no upload: {len(self.results)} of {self.order.expected_uploads} expected files arrived"
        return ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way; one that is draining is refused, and its bytes are passed over.

    ``item_uid`` is empty then. ``sha256`` is known once it is written, and
    ``repeated_as`` is the number of a later upload of the same file, which has ended in this one.
    """

    number: int
    generation: int
    item_uid: str
    file: File
    stage: Stage
    received: int = 0
    last_at: float = 0.0
    sha256: str = ""
    repeated_as: int = 0

    @property
    def is_incoming(self) -> bool:
        """Whether its bytes are still awaited."""
        return self.stage in ("receiving", "draining")


@dataclass(frozen=True, slots=True)
class Connection:
    """The live connection. It is ``quiet`` from a start to the end of the device's callback.

    ``complaints_left`` counts the error frames that it may get meanwhile. A run of stray binary
    frames is answered once.
    """

    generation: int
    address: str
    last_seen: float
    client: Client = "unknown"
    has_spoken: bool = False
    has_extensions: bool = False
    is_registered: bool = False
    is_overdue: bool = False
    is_leaving: bool = False
    is_quiet: bool = False
    complaints_left: int = 0
    is_stray_run: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of one device. ``ended`` are items whose tokens still count, or that a person must judge."""

    device_id: str
    limits: Limits = DEFAULT_LIMITS
    generation: int = 0
    connection: Connection | None = None
    scan: Scan | None = None
    ended: tuple[Scan, ...] = ()
    uploads: tuple[Upload, ...] = ()
    next_upload: int = 1
    faults: tuple[str, ...] = ()
    replacements: tuple[float, ...] = ()
    is_duplicate: bool = False

    @property
    def fault_message(self) -> str | None:
        """What the device said went wrong, until that is cleared."""
        return "; ".join(self.faults) or None

    @property
    def unresolved(self) -> Scan | None:
        """The item of which nobody knows how it ended."""
        return next((scan for scan in self.ended if scan.outcome == "unknown"), None)

    @property
    def incoming(self) -> Upload | None:
        """The upload whose bytes are awaited on the connection."""
        return next((upload for upload in self.uploads if upload.is_incoming), None)

    def find(self, item_uid: str) -> Scan | None:
        """Return the active or ended item of that uid."""
        return next((scan for scan in (self.scan, *self.ended) if scan and scan.item_uid == item_uid), None)

    def find_upload(self, number: int) -> Upload | None:
        """Return an upload that is not finished."""
        return next((upload for upload in self.uploads if upload.number == number), None)

    def has_open_upload(self, item_uid: str) -> bool:
        """Return whether a file of the item is being received, verified or stored."""
        return any(upload.item_uid == item_uid and upload.stage != "draining" for upload in self.uploads)

    def with_connection(self, **changes: Any) -> State:
        """Return the state with changes of its connection, if there is one."""
        return self if self.connection is None else replace(self, connection=replace(self.connection, **changes))

    def with_scan(self, scan: Scan) -> State:
        """Return the state with a new value for an item that it knows."""
        if self.scan is not None and self.scan.item_uid == scan.item_uid:
            return replace(self, scan=scan)
        return replace(self, ended=tuple(scan if each.item_uid == scan.item_uid else each for each in self.ended))

    def with_upload(self, upload: Upload) -> State:
        """Return the state with a new value for an upload."""
        return replace(self, uploads=tuple(upload if each.number == upload.number else each for each in self.uploads))

    def without_upload(self, number: int) -> State:
        """Return the state without an upload."""
        return replace(self, uploads=tuple(each for each in self.uploads if each.number != number))
