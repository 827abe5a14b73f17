"""Limits on guessing: how often a wrong secret may be tried, from where and for whom. Remembers no secret."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from http_gateway.auth.secret_texts import digest_of
from http_gateway.errors import ThrottledError
from queue_server.clock import Clock

_MOST = 8192


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` failures at once, and one more each ``period_s`` seconds."""

    burst: int
    period_s: float


class Failures:
    """Counts failures by a key; the keys that were seen longest ago are forgotten."""

    def __init__(self, limit: Limit, clock: Clock, most: int = _MOST) -> None:
        self._limit = limit
        self._clock = clock
        self._most = most
        # For each key the moment at which all its failures will have been forgiven.
        self._forgiven: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._forgiven)

    def wait_s(self, key: Hashable) -> float:
        """Return for how many seconds the key must wait; 0 if it may try."""
        debt_s = self._forgiven.get(key, 0.0) - self._clock.monotonic()
        return max(0.0, debt_s - (self._limit.burst - 1) * self._limit.period_s)

    def owes(self, key: Hashable) -> bool:
        """Return whether the key has failures that are not yet forgiven."""
        return self._forgiven.get(key, 0.0) > self._clock.monotonic()

    def add(self, key: Hashable) -> None:
        """Count one failure."""
        now = self._clock.monotonic()
        most = now + self._limit.burst * self._limit.period_s
        self._forgiven[key] = min(max(self._forgiven.get(key, now), now) + self._limit.period_s, most)
        self._forgiven.move_to_end(key)
        while len(self._forgiven) > self._most:
            self._forgiven.popitem(last=False)

    def forgive(self, key: Hashable) -> None:
        """Forgive one failure of a key."""
        if key in self._forgiven:
            self._forgiven[key] -= self._limit.period_s

    def forget(self, key: Hashable) -> None:
        """Forgive all failures of a key."""
        self._forgiven.pop(key, None)


class SecretThrottle:
    """Guards keys and tokens: one wrong secret that is repeated, and different ones that are tried from one address.

    Who has shown a good secret is not kept out because somebody else at the same address guesses.
    """

    REPEATS = Limit(300, 0.1)
    GUESSES = Limit(60, 1.0)

    def __init__(self, clock: Clock, repeats: Limit = REPEATS, guesses: Limit = GUESSES) -> None:
        self._repeats = Failures(repeats, clock)
        self._guesses = Failures(guesses, clock)
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def check(self, secret: str, address: str) -> None:
        """Refuse a secret that must wait.

        Raises:
            ThrottledError: it must.
        """
        known = digest_of(secret)
        if known in self._good:
            return
        wait_s = max(self._repeats.wait_s((known, address)), self._guesses.wait_s(address))
        if wait_s > 0:
            raise ThrottledError("Too many wrong credentials came from this address.", retry_after_s=wait_s)

    def fail(self, secret: str, address: str) -> None:
        """Note that a secret was wrong."""
        known = digest_of(secret)
        self._good.pop(known, None)
        if not self._repeats.owes((known, address)):
            self._guesses.add(address)
        self._repeats.add((known, address))

    def succeed(self, secret: str) -> None:
        """Note that a secret was good."""
        known = digest_of(secret)
        self._good[known] = None
        self._good.move_to_end(known)
        while len(self._good) > _MOST:
            self._good.popitem(last=False)


class LoginThrottle:
    """Guards passwords and lock keys: by account and address, by address, and by account.

    Twenty guesses for one account within a quarter of an hour, from however many addresses. Who has logged in from an
    address before is not kept out by guesses from elsewhere.
    """

    PAIR = Limit(10, 90.0)
    ADDRESS = Limit(50, 2.0)
    ACCOUNT = Limit(10, 90.0)

    def __init__(self, clock: Clock, pair: Limit = PAIR, address: Limit = ADDRESS, account: Limit = ACCOUNT) -> None:
        self._pairs = Failures(pair, clock)
        self._addresses = Failures(address, clock)
        self._accounts = Failures(account, clock)
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, account: str, address: str) -> None:
        """Refuse an attempt that must wait.

        Raises:
            ThrottledError: it must.
        """
        pair = (account, address)
        wait_s = max(self._pairs.wait_s(pair), self._addresses.wait_s(address))
        if pair not in self._proven:
            wait_s = max(wait_s, self._accounts.wait_s(account))
        if wait_s > 0:
            raise ThrottledError("Too many failed attempts; wait before the next one.", retry_after_s=wait_s)

    def fail(self, account: str, address: str) -> None:
        """Note a failed attempt, or one that must be taken for it until it has succeeded."""
        self._pairs.add((account, address))
        self._addresses.add(address)
        self._accounts.add(account)

    def succeed(self, account: str, address: str) -> None:
        """Note a successful attempt, which was taken for a failed one before."""
        pair = (account, address)
        self.withdraw(account, address)
        self._pairs.forget(pair)
        self._proven[pair] = None
        self._proven.move_to_end(pair)
        while len(self._proven) > _MOST:
            self._proven.popitem(last=False)

    def withdraw(self, account: str, address: str) -> None:
        """Forgive an attempt that came to nothing."""
        self._pairs.forgive((account, address))
        self._addresses.forgive(address)
        self._accounts.forgive(account)
