"""A device session driven by hand: what a device, the sink, the queue and time do, in words of a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from http_gateway.auth.secret_texts import digest_of
from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.effects import (
    Effect,
    ReportOutcome,
    ReportPhase,
    ReportResolved,
    SendFrame,
)
from http_gateway.dialects.scanhub.invariants import violations
from http_gateway.dialects.scanhub.model import (
    DEFAULT_LIMITS,
    Connection,
    Limits,
    Order,
    Scan,
    State,
    Timer,
    TimerKind,
)
from http_gateway.dialects.scanhub.session import read_text, step

DEVICE = "0b5f2a51-3f5c-4d6e-9b1f-5a0c7f2f9a11"
ITEM = "5d2c1a90-6a0f-4b6e-8f0a-0d5d0c2b7e01"
OTHER = "77777777-6a0f-4b6e-8f0a-0d5d0c2b7e02"
SHA = "ab" * 32


def token_of(item: str) -> str:
    """Return the scan token of an item."""
    return f"token of {item}"


def order_of(item: str = ITEM, **changes: Any) -> Order:
    """Return the order of a small scan with one expected file."""
    return replace(Order(item, digest_of(token_of(item)), 1000), **changes)


class DeviceSession:
    """Holds the state, makes events from words, checks every state, and keeps the effects of all steps."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, state: State | None = None) -> None:
        self.state = state or State(DEVICE, limits)
        self.at = 1000.0
        self.log: list[Effect] = []

    def do(self, event: events.Event) -> tuple[Effect, ...]:
        """Take a step and return what it orders."""
        made = step(self.state, event)
        assert violations(made.state) == []
        self.state = made.state
        self.log += made.effects
        return made.effects

    @property
    def generation(self) -> int:
        """That of the newest connection."""
        return self.state.generation

    @property
    def scan(self) -> Scan:
        """The active item."""
        assert self.state.scan is not None
        return self.state.scan

    @property
    def connection(self) -> Connection:
        """The live connection."""
        assert self.state.connection is not None
        return self.state.connection

    # --- the device ------------------------------------------------------------------------------------------------

    def open(self, client: Any = "unknown") -> tuple[Effect, ...]:
        """Connect."""
        return self.do(events.ConnectionOpened(self.at, self.generation + 1, "10.0.0.7", client))

    def close(self, generation: int | None = None) -> tuple[Effect, ...]:
        """Lose a connection, the newest unless another is named."""
        return self.do(events.ConnectionClosed(self.at, generation or self.generation))

    def text(self, text: str) -> tuple[Effect, ...]:
        """Send a text frame as it is."""
        return self.do(read_text(text, self.generation, self.at))

    def send(self, frame: Any, generation: int | None = None) -> tuple[Effect, ...]:
        """Send a frame that was understood."""
        return self.do(events.FrameReceived(self.at, generation or self.generation, frame))

    def bytes(self, size_bytes: int, generation: int | None = None) -> tuple[Effect, ...]:
        """Send a binary frame."""
        return self.do(events.BytesReceived(self.at, generation or self.generation, size_bytes))

    # --- the queue, people, and the sink ---------------------------------------------------------------------------

    def dispatch(self, order: Order | None = None) -> tuple[Effect, ...]:
        """Ask for an item and record it."""
        order = order or order_of()
        asked = self.do(events.DispatchRequested(self.at, order))
        return (*asked, *self.do(events.DispatchRecorded(self.at, order.item_uid)))

    def written(self, upload: int, size_bytes: int, sha256: str = SHA) -> tuple[Effect, ...]:
        """Let the sink say what it has written."""
        return self.do(events.UploadWritten(self.at, upload, size_bytes, sha256))

    def stored(self, upload: int, result_id: str = "result 1") -> tuple[Effect, ...]:
        """Let the sink say that a result exists."""
        return self.do(events.UploadStored(self.at, upload, result_id))

    # --- time --------------------------------------------------------------------------------------------------------

    def passes(self, kind: TimerKind, key: object, after_s: float) -> tuple[Effect, ...]:
        """Let time pass and a deadline be over."""
        self.at += after_s
        return self.do(events.TimerPassed(self.at, Timer(kind, str(key))))

    # --- what has come of it ------------------------------------------------------------------------------------------

    def outcomes(self) -> list[tuple[str, str]]:
        """Return every outcome and resolution until now."""
        found = [effect for effect in self.log if isinstance(effect, (ReportOutcome, ReportResolved))]
        return [(effect.item_uid, effect.outcome) for effect in found]

    def phases(self) -> list[str]:
        """Return every phase that was reported until now."""
        return [effect.phase for effect in self.log if isinstance(effect, ReportPhase)]


def frames_in(effects: tuple[Effect, ...]) -> list[str]:
    """Return the commands of the frames that are to be sent."""
    return [effect.frame.command for effect in effects if isinstance(effect, SendFrame)]


def only(effects: Any, kind: type) -> Any:
    """Return the one effect of a kind."""
    found = [effect for effect in effects if isinstance(effect, kind)]
    assert len(found) == 1, f"{len(found)} effects of {kind.__name__} in {effects}"
    return found[0]


def none_of(effects: Any, *kinds: type) -> bool:
    """Return whether there is no effect of these kinds."""
    return not [effect for effect in effects if isinstance(effect, kinds)]
