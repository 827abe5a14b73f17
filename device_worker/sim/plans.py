"""Simulated plans beside Bluesky's own: annotated ones, nested runs, progress bars, and one that fails."""

import sys
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from bluesky import plan_stubs, plans, preprocessors
from bluesky.protocols import Readable
from bluesky.utils import Msg, ProgressBar

from device_worker.profile.annotation import parameter_annotation_decorator
from device_worker.sim.devices import hardware

Plan = Generator[Msg, Any, Any]

_PROGRESS_STEPS = 10
_PROGRESS_STEP_S = 0.5


class PlanFailure(RuntimeError):
    """A simulated plan failed because it was asked to."""


def failing_count(
    detectors: Sequence[Readable], num: int = 5, fail_after: int = 2, md: Mapping[str, Any] | None = None
) -> Plan:
    """Count, and fail on purpose before all points are taken.

    Parameters
    ----------
    detectors : list
        Devices to read.
    num : int
        Number of points that the run announces.
    fail_after : int
        Number of points that are taken before the plan fails.
    md : dict
        Metadata of the run.
    """
    metadata = {"plan_name": "failing_count", "num_points": num, **(md or {})}

    @preprocessors.stage_decorator(list(detectors))
    @preprocessors.run_decorator(md=metadata)
    def take_points() -> Plan:
        for _ in range(min(num, fail_after)):
            yield from plan_stubs.checkpoint()
            yield from plan_stubs.trigger_and_read(list(detectors))
        raise PlanFailure(f"failing_count fails on purpose after {min(num, fail_after)} of {num} points")

    yield from take_points()


def marked_up_count(
    detectors: list[Readable], num: int = 1, delay: float | None = None, md: dict[str, Any] | None = None
) -> Plan:
    """Count with type hints that any client understands."""
    return (yield from plans.count(detectors, num=num, delay=delay or 0.0, md=md))


@parameter_annotation_decorator(
    {
        "description": "Move the motors, then read the detectors once.",
        "parameters": {
            "motors": {
                "description": "Motors to move before the measurement.",
                "annotation": "typing.List[Motors]",
                "devices": {"Motors": ("motor1", "motor2")},
            },
            "detectors": {
                "description": "Detectors to read.",
                "annotation": "typing.List[Detectors]",
                "devices": {"Detectors": ("det1", "det2", "det3")},
                "default": ["det1", "det2"],
            },
            "positions": {
                "description": "One position for each motor.",
                "annotation": "typing.List[float]",
                "min": -10,
                "max": 10,
                "step": 0.01,
            },
        },
    }
)
def move_then_count(
    motors: list[Any], detectors: list[Any] | None = None, positions: list[float] | None = None
) -> Plan:
    """Move motors and count; clients see the text of the annotation instead."""
    positions = positions or []
    if len(motors) != len(positions):
        raise ValueError(f"There are {len(motors)} motors, but {len(positions)} positions: give one for each")
    yield from plan_stubs.mv(*(value for pair in zip(motors, positions, strict=True) for value in pair))
    yield from plans.count(detectors or [])


@parameter_annotation_decorator(
    {
        "parameters": {
            "detectors": {
                "annotation": "typing.List[DetList]",
                "devices": {"DetList": ("det", "det1", "det2", "det3", ":+^sim_bundle:?.*$")},
            }
        }
    }
)
def count_bundle_test(
    detectors: list[Any], num: int = 1, delay: Any = None, *, per_shot: Any = None, md: Any = None
) -> Plan:
    """Count with detectors from a list that includes components of the simulated bundles."""
    yield from plans.count(detectors, num=num, delay=delay or 0.0, per_shot=per_shot, md=md)


@preprocessors.set_run_key_decorator("run_2")
@preprocessors.run_decorator(md={})
def sim_plan_inner(npts: int, delay: float = 1.0) -> Plan:
    """Measure along two motors, in the inner of two nested runs."""
    for index in range(npts):
        yield from plan_stubs.mv(hardware.motor1, index * 0.1 + 1, hardware.motor2, index * 0.2 - 2)
        yield from plan_stubs.trigger_and_read([hardware.motor1, hardware.motor2, hardware.det2])
        yield from plan_stubs.sleep(delay)


@preprocessors.set_run_key_decorator("run_1")
@preprocessors.run_decorator(md={})
@parameter_annotation_decorator(
    {
        "description": "Two runs, one inside the other.",
        "parameters": {
            "npts": {"description": "Points of the outer run; the inner run has one more."},
            "delay": {"description": "Time between two points in seconds."},
        },
    }
)
def sim_multirun_plan_nested(npts: int, delay: float = 1.0) -> Plan:
    """Measure half of the outer run, the inner run, and the other half."""
    yield from _measure_along_motor(range(npts // 2), delay)
    yield from sim_plan_inner(npts + 1, delay)
    yield from _measure_along_motor(range(npts // 2, npts), delay)


def _measure_along_motor(points: range, delay_s: float) -> Plan:
    for index in points:
        yield from plan_stubs.mv(hardware.motor, index * 0.2)
        yield from plan_stubs.trigger_and_read([hardware.motor, hardware.det])
        yield from plan_stubs.sleep(delay_s)


class _Progress:
    """As much of a status as a progress bar asks for; the plan moves the bar itself."""

    done = False

    def watch(self, _: Any) -> None:
        """Accept a watcher that will never be called."""


def plan_test_progress_bars(n_progress_bars: int = 1) -> Plan:
    """Show progress bars for five seconds.

    Parameters
    ----------
    n_progress_bars: int
        Number of bars to show at a time.
    """
    statuses = [_Progress() for _ in range(max(n_progress_bars, 1))]
    bars = ProgressBar(statuses, delay_draw=0)
    sys.stdout.write(f"TESTING {n_progress_bars} PROGRESS BARS\n")
    for step in range(_PROGRESS_STEPS):
        yield from plan_stubs.sleep(_PROGRESS_STEP_S)
        _draw(bars, len(statuses), (step + 1) / _PROGRESS_STEPS)
    for status in statuses:
        status.done = True
    _draw(bars, len(statuses), 1.0)
    sys.stdout.write("\nTEST COMPLETED\n")


def _draw(bars: ProgressBar, count: int, reached: float) -> None:
    for index in range(count):
        bars.update(index, name=f"TEST{index + 1}", current=reached, initial=0, target=1, fraction=1 - reached)
