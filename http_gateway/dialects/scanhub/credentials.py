"""Credentials that devices show: read from the handshake, and what a device that shows a wrong one has to wait.

The manager keeps the tokens and compares them. Nothing here opens or closes a connection: whoever does so asks here.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from http_gateway.auth.secret_texts import digest_of
from queue_server.clock import Clock

LONGEST_TOKEN: Final = 4096
"""Characters in a token; those of ScanHub have 2048."""

_FIRST_DELAY_S: Final = 1.0
_LONGEST_DELAY_S: Final = 30.0
_FORGOTTEN_AFTER_S: Final = 900.0
_ALARM_AT: Final = 3


def read_device_headers(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the id of a device in its canonical form and its token; None if one is missing or malformed.

    Args:
        headers: those of the handshake, with names in any case of letters.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    device_id, token = lowered.get("device-id"), lowered.get("device-token")
    if not device_id or not token or len(token) > LONGEST_TOKEN:
        return None
    try:
        return str(uuid.UUID(device_id.strip())), token.strip()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Delay:
    """What follows from a wrong credential: wait before closing, and tell people if ``is_alarm``."""

    seconds: float
    is_alarm: bool


@dataclass(frozen=True, slots=True)
class _Record:
    failures: int
    last_at: float
    is_alarmed: bool


class FailedProofs:
    """Counts wrong credentials by address and by device id, and remembers no credential.

    The delay is 1 second at first and doubles to 30 with each further failure; it is the longer one of address and
    device id, so that neither many ids from one place nor many places with one id escape it. A quarter of an hour
    without failures is forgiven, and what failed longest ago is forgotten first.
    """

    def __init__(self, clock: Clock, most: int = 8192) -> None:
        self._clock = clock
        self._most = most
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def fail(self, address: str, device_id: str | None) -> Delay:
        """Count a failure and return what follows; ``device_id`` is None if the device named none."""
        keys = [("address", address)]
        if device_id is not None:
            keys.append(("device", digest_of(device_id).hex()))
        was_alarmed = any(self._read(key).is_alarmed for key in keys)
        failures = max(self._read(key).failures for key in keys) + 1
        is_alarmed = was_alarmed or failures >= _ALARM_AT
        for key in keys:
            self._write(key, is_alarmed=is_alarmed)
        delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures - 1, 10))
        return Delay(delay_s, is_alarmed and not was_alarmed)

    def succeed(self, device_id: str) -> None:
        """Forget the failures of a device that has proved who it is; those of its address stay."""
        self._records.pop(("device", digest_of(device_id).hex()), None)

    def _read(self, key: tuple[str, str]) -> _Record:
        record = self._records.get(key)
        if record is None or self._clock.monotonic() - record.last_at >= _FORGOTTEN_AFTER_S:
            return _Record(0, 0.0, is_alarmed=False)
        return record

    def _write(self, key: tuple[str, str], *, is_alarmed: bool) -> None:
        failures = self._read(key).failures + 1
        self._records[key] = _Record(failures, self._clock.monotonic(), is_alarmed)
        self._records.move_to_end(key)
        while len(self._records) > self._most:
            self._records.popitem(last=False)


class Antechamber:
    """Counts the sockets of which nobody knows yet whose they are, those that wait for their close included."""

    def __init__(self, most: int = 64, most_per_address: int = 16) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._waiting: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._waiting.values())

    def enter(self, address: str) -> bool:
        """Return whether there is room for one more socket from there; it counts until it leaves."""
        here = self._waiting.get(address, 0)
        if here >= self._most_per_address or len(self) >= self._most:
            return False
        self._waiting[address] = here + 1
        return True

    def leave(self, address: str) -> None:
        """Note that a socket that was let in has proved who it is, or is closed."""
        left = self._waiting.pop(address, 0) - 1
        if left > 0:
            self._waiting[address] = left
