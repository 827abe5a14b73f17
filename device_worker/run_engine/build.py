"""Makes the RunEngine of the environment ready: the profile's own, or a new one. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from bluesky import Msg, RunEngine
from bluesky.utils import SigintHandler

from device_worker.profile import Profile, find_run_engine


class PlanExitedError(Exception):
    """A plan tried to end the process; only the plan has ended."""


def prepare_run_engine(profile: Profile) -> RunEngine:
    """Return the RunEngine that the profile calls ``RE``, or a new one under that name that prints live tables.

    Signals are the business of the process, so that the RunEngine's own handling of Ctrl-C is taken out.

    Raises:
        ProfileError: ``RE`` is something else.
    """
    engine = find_run_engine(profile.namespace)
    if engine is None:
        from device_worker.sim.live_table import RunTables  # takes a while, and not everybody needs it

        engine = RunEngine({}, context_managers=[])
        engine.subscribe(RunTables())
        profile.namespace["RE"] = engine
    engine.context_managers = [manager for manager in engine.context_managers if manager is not SigintHandler]
    engine.pause_msg = ""
    # The last preprocessor is the outermost, so nothing that a plan raises gets past it.
    engine.preprocessors.append(contain_exit)
    return engine


def contain_exit(plan: Generator[Msg, Any, Any]) -> Generator[Msg, Any, Any]:
    """Turn an attempt of the plan to end the process into a failure of the plan.

    A SystemExit would otherwise end the thread of the RunEngine's event loop, and whoever waits for the plan would
    wait for ever.

    Raises:
        PlanExitedError: the plan raised SystemExit or KeyboardInterrupt.
    """
    try:
        return (yield from plan)
    except (SystemExit, KeyboardInterrupt) as error:
        raise PlanExitedError(f"The plan tried to end the worker: {error!r}") from error


def watch_state(engine: RunEngine, notice: Callable[[str], None]) -> None:
    """Call ``notice`` with each new state of the RunEngine, after a hook that is there already."""
    earlier_hook = engine.state_hook

    def hook(new: object, old: object) -> None:
        if earlier_hook is not None:
            earlier_hook(new, old)
        notice(str(new))

    engine.state_hook = hook  # pyright: ignore[reportAttributeAccessIssue]
