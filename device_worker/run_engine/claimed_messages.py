"""The messages of a plan as its claims allow them: one to a device that its item has not claimed fails the plan."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from bluesky import Msg

from device_worker.claimed_devices import ClaimedDevices

# A plan that catches every refusal and tries again would keep the event loop to itself.
MOST_REFUSALS = 100


class UnclaimedDeviceError(Exception):
    """A plan has used a device that its item has not claimed; nothing was done to the device."""


class ClaimedPlan(Generator[Msg, Any, Any]):
    """Passes messages on; one to a device that is not claimed comes back to the plan as an error."""

    def __init__(self, plan: Generator[Msg, Any, Any], claimed: ClaimedDevices) -> None:
        self._plan = plan
        self._find_objection = claimed.find_objection

    def send(self, value: Any, /) -> Msg:
        """Return the next message of the plan."""
        message = self._plan.send(value)
        return message if message.obj is None else self._check(message)

    def throw(self, *error: Any) -> Msg:
        """Raise an error inside the plan, and return its next message."""
        return self._check(self._plan.throw(*error))

    def close(self) -> None:
        """End the plan without its clean-up."""
        self._plan.close()

    def _check(self, message: Msg) -> Msg:
        objection = self._find_objection(message.obj)
        for _ in range(MOST_REFUSALS):
            if not objection:
                return message
            message = self._plan.throw(UnclaimedDeviceError(objection))
            objection = self._find_objection(message.obj)
        raise UnclaimedDeviceError(objection)


def make_claim_check(
    claimed: ClaimedDevices,
) -> Callable[[Generator[Msg, Any, Any]], Generator[Msg, Any, Any]]:
    """Return the preprocessor that checks every plan of an item whose devices are known; others pass unchanged."""

    def check(plan: Generator[Msg, Any, Any]) -> Generator[Msg, Any, Any]:
        return ClaimedPlan(plan, claimed) if claimed.is_limited else plan

    return check
