"""A plan may use what its item has claimed; a message to anything else fails it, before anything is done."""

from __future__ import annotations

import pytest
from bluesky import Msg, RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from ophyd.sim import SynAxis, SynGauss

from device_worker.claimed_devices import ClaimedDevices
from device_worker.run_engine.claimed_messages import MOST_REFUSALS, UnclaimedDeviceError, make_claim_check


@pytest.fixture
def motor():
    return SynAxis(name="motor")


@pytest.fixture
def other():
    return SynAxis(name="other")


@pytest.fixture
def claimed(motor, other):
    claimed = ClaimedDevices()
    claimed.note({"motor": motor, "other": other})
    return claimed


@pytest.fixture
def engine(claimed):
    engine = RunEngine({}, context_managers=[])
    engine.preprocessors.append(make_claim_check(claimed))
    return engine


def test_what_is_claimed_is_moved_and_read(engine, claimed, motor):
    def plan():
        yield from bps.mv(motor, 3)
        yield from bps.open_run()
        yield from bps.trigger_and_read([motor])
        yield from bps.close_run()

    documents = []
    with claimed.limited_to(["motor"]):
        engine(plan(), lambda name, document: documents.append(name))
    assert motor.position == 3
    assert "event" in documents


@pytest.mark.parametrize("use", [lambda device: bps.mv(device, 5), bps.rd, bps.stage, lambda device: bps.read(device)])
def test_what_is_not_claimed_is_neither_moved_nor_read_and_the_plan_fails(engine, claimed, other, use):
    with claimed.limited_to(["motor"]), pytest.raises(UnclaimedDeviceError, match=r"'other'.*it claims: motor"):
        engine(use(other))
    assert other.position == 0


def test_the_clean_up_runs_with_what_is_claimed(engine, claimed, motor, other):
    plan = bpp.finalize_wrapper(bps.mv(other, 5), lambda: bps.mv(motor, 1))
    with claimed.limited_to(["motor"]), pytest.raises(UnclaimedDeviceError):
        engine(plan)
    assert (motor.position, other.position) == (1, 0)


def test_what_a_plan_makes_for_itself_is_its_own(engine, claimed, motor):
    def plan():
        yield from bps.mv(motor, 2)
        gauss = SynGauss("gauss", motor, "motor", center=0, Imax=1)
        yield Msg("trigger", gauss)
        yield from bps.null()

    with claimed.limited_to(["motor"]):
        engine(plan())


def test_a_plan_that_claims_its_whole_lane_is_not_looked_at(claimed):
    def plan():
        yield Msg("null")

    given = plan()
    assert make_claim_check(claimed)(given) is given


def test_a_plan_that_tries_again_for_ever_is_ended(claimed, other):
    tries = []

    def plan():
        while True:
            try:
                yield Msg("set", other, 1)
            except UnclaimedDeviceError:
                tries.append(1)

    with claimed.limited_to([]):
        checked = make_claim_check(claimed)(plan())
        with pytest.raises(UnclaimedDeviceError):
            checked.send(None)
    assert len(tries) == MOST_REFUSALS
