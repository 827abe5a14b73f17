"""The profile's RunEngine is made ready, or a new one is put into its namespace."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky import Msg, RunEngine
from bluesky.utils import SigintHandler

from device_worker.profile import Profile, ProfileError, StartupSource
from device_worker.run_engine.build import PlanExitedError, prepare_run_engine, watch_state


def profile(**namespace):
    return Profile(StartupSource("sim"), dict(namespace))


def null_plan():
    yield Msg("null")


def test_a_profile_without_one_gets_a_run_engine_under_the_usual_name():
    startup = profile()
    engine = prepare_run_engine(startup)
    assert startup.namespace["RE"] is engine
    assert engine.context_managers == []


def test_the_run_engine_of_a_profile_is_used_without_its_handling_of_signals():
    def keep(plan):
        return plan

    own = RunEngine({"beamline": "x"}, preprocessors=[keep])
    assert SigintHandler in own.context_managers
    engine = prepare_run_engine(profile(RE=own))
    assert engine is own
    assert engine.context_managers == []
    assert engine.preprocessors[0] is keep
    assert engine.md["beamline"] == "x"


def test_something_else_under_that_name_is_refused():
    with pytest.raises(ProfileError, match="'RE' is a str"):
        prepare_run_engine(profile(RE="none"))


@pytest.mark.parametrize("way", [SystemExit, KeyboardInterrupt])
def test_a_plan_cannot_end_the_process_and_the_engine_stays_usable(way):
    engine = prepare_run_engine(profile())

    def plan():
        yield Msg("null")
        raise way

    with pytest.raises(PlanExitedError, match=way.__name__):
        engine(plan())
    assert engine(null_plan()) == ()


def test_states_are_told_after_the_hook_that_was_there():
    engine: Any = prepare_run_engine(profile())
    told = []
    engine.state_hook = lambda new, old: told.append(("earlier", str(new)))
    watch_state(engine, lambda state: told.append(("ours", state)))
    engine(null_plan())
    assert told == [("earlier", "running"), ("ours", "running"), ("earlier", "idle"), ("ours", "idle")]
    assert all(type(state) is str for _, state in told)
