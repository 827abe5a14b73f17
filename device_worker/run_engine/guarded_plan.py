"""The plan as the RunEngine gets it: every device that it moves is noted, and after an emergency stop none moves."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from bluesky import Msg
from bluesky.utils import PlanHalt

from device_worker.activity import Activity
from device_worker.movables import Movables

MOVING = frozenset(("set", "kickoff", "prepare"))

# A plan that catches every refusal and tries again would keep the event loop to itself.
MOST_REFUSALS = 100


class MotionRefusedError(Exception):
    """An emergency stop has come; the plan may clean up, but nothing moves any more."""


class GuardedPlan(Generator[Msg, Any, Any]):
    """Passes messages on.

    After an emergency stop a message that would move a device comes back to the plan as an error, so that its clean-up
    cannot move anything either. Once the plan is to be halted, it gets no further message through.
    """

    def __init__(self, plan: Generator[Msg, Any, Any], activity: Activity, movables: Movables) -> None:
        self._plan = plan
        self._activity = activity
        self._movables = movables

    def send(self, value: Any, /) -> Msg:
        """Return the next message of the plan."""
        return self._check(self._plan.send(value))

    def throw(self, *error: Any) -> Msg:
        """Raise an error inside the plan, and return its next message."""
        emergency = self._activity.emergency
        if emergency is not None and emergency.is_halting:
            raise self._halted()
        return self._check(self._plan.throw(*error))

    def close(self) -> None:
        """End the plan without its clean-up."""
        self._plan.close()

    def _check(self, message: Msg) -> Msg:
        emergency = self._activity.emergency
        if emergency is None:
            if message.command in MOVING:
                self._movables.touch(message.obj)
            return message
        for _ in range(MOST_REFUSALS):
            if emergency.is_halting:
                break
            if message.command not in MOVING:
                return message
            name = getattr(message.obj, "name", message.obj)
            refusal = f"{name} is not moved: emergency stop ({emergency.reason})"
            message = self._plan.throw(MotionRefusedError(refusal))
        raise self._halted()

    def _halted(self) -> PlanHalt:
        # A generator that yields once more raises that it has ignored its end.
        with suppress(RuntimeError):
            self._plan.close()
        return PlanHalt()


def make_guard(
    activity: Activity, movables: Movables
) -> Callable[[Generator[Msg, Any, Any]], Generator[Msg, Any, Any]]:
    """Return the preprocessor that guards every plan of a RunEngine."""

    def guard(plan: Generator[Msg, Any, Any]) -> Generator[Msg, Any, Any]:
        return GuardedPlan(plan, activity, movables)

    return guard
