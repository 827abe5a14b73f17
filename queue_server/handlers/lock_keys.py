"""Keys of locks: kept as digests only, compared in constant time, and guessed slowly."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import deque

from queue_server.clock import Chance, Clock
from queue_server.core.locks import Lock
from queue_server.protocol.errors import BusyError

MOST_GUESSES = 10
GUESSES_WITHIN_S = 60.0

# About 10 ms for each guess, so that a short key of a person is not found from a stolen digest in an afternoon.
_SCRYPT = {"n": 2**12, "r": 8, "p": 1}


class LockKeys:
    """Decides whether a key fits; may be asked from any thread."""

    def __init__(self, clock: Clock, chance: Chance, emergency_key: str | None = None) -> None:
        self._clock = clock
        self._chance = chance
        self._emergency = None if emergency_key is None else _quick_digest(emergency_key)
        self._wrong: deque[float] = deque(maxlen=MOST_GUESSES)
        self._known: tuple[str, bytes] | None = None
        self._guard = threading.Lock()

    @property
    def has_emergency_key(self) -> bool:
        """Whether there is a key that opens every lock."""
        return self._emergency is not None

    def digest(self, key: str) -> str:
        """Return what may be stored of a key."""
        salt = self._chance.identifier()
        return f"{salt}${_slow_digest(key, salt)}"

    def fits(self, key: str, lock: Lock, *, emergency: bool = False) -> bool:
        """Return whether ``key`` opens ``lock``; with ``emergency`` the emergency key does as well.

        Raises:
            BusyError: too many wrong keys were tried within the last minute; this one was not looked at.
        """
        quick = _quick_digest(key)
        with self._guard:
            if self._known is not None and self._known[0] == lock.digest and _are_equal(self._known[1], quick):
                return True
            self._refuse_guessing()
            if emergency and self._emergency is not None and _are_equal(self._emergency, quick):
                return True
            salt, _, digest = lock.digest.partition("$")
            if hmac.compare_digest(_slow_digest(key, salt), digest):
                # Whoever has the key sends it with every request.
                self._known = (lock.digest, quick)
                return True
            self._wrong.append(self._clock.monotonic())
            return False

    def _refuse_guessing(self) -> None:
        now = self._clock.monotonic()
        while self._wrong and now - self._wrong[0] > GUESSES_WITHIN_S:
            self._wrong.popleft()
        if len(self._wrong) >= MOST_GUESSES:
            wait_s = GUESSES_WITHIN_S - (now - self._wrong[0])
            raise BusyError(
                f"Too many wrong lock keys were tried; the next one is looked at in {wait_s:.0f} s.",
                details={"retry_after_s": round(wait_s, 1)},
            )


def _are_equal(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _quick_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _slow_digest(key: str, salt: str) -> str:
    return hashlib.scrypt(key.encode(), salt=salt.encode(), **_SCRYPT).hex()
