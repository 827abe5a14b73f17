"""How often one person may repeat an emergency stop that holds already. Knows nothing of what it does."""

from __future__ import annotations

from collections import deque

from queue_server.clock import Clock
from queue_server.protocol.errors import BusyError

MOST_REPEATS = 20
WITHIN_S = 10.0
_MOST_PERSONS = 1000


class Repeats:
    """Counts the latest repeats of each person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def admit(self, person: str) -> None:
        """Count one more repeat.

        Raises:
            BusyError: there were too many; everything is stopped already.
        """
        now = self._clock.monotonic()
        if person not in self._times and len(self._times) >= _MOST_PERSONS:
            del self._times[next(iter(self._times))]
        times = self._times.setdefault(person, deque(maxlen=MOST_REPEATS))
        if len(times) == MOST_REPEATS and now - times[0] < WITHIN_S:
            wait_s = round(WITHIN_S - (now - times[0]), 1)
            raise BusyError(
                "The emergency stop holds already, and was repeated too often; repeat it a little later.",
                details={"retry_after_s": wait_s},
            )
        times.append(now)
