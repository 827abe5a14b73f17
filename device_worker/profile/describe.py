"""Describes all plans and devices of a profile, as clients see them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from device_worker.profile.describe_device import describe_device
from device_worker.profile.describe_parameter import Surroundings
from device_worker.profile.describe_plan import describe_plan
from device_worker.profile.discover import Plan, find_devices, find_plans
from device_worker.profile.errors import DescriptionError
from device_worker.profile.load import Profile
from queue_server.protocol.descriptions import DeviceDescriptions, PlanDescriptions

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DescribeOptions:
    """How to describe a profile.

    Attributes:
        device_max_depth: levels of a device that are described, the device itself included; 0 means all.
        ignore_invalid_plans: leave out plans that cannot be described, with a warning, instead of failing.
    """

    device_max_depth: int = 0
    ignore_invalid_plans: bool = False


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The described plans and devices by the name that they have in the namespace, in its order."""

    plans: PlanDescriptions
    devices: DeviceDescriptions


DEFAULT_OPTIONS = DescribeOptions()


def describe_profile(profile: Profile, options: DescribeOptions = DEFAULT_OPTIONS) -> Descriptions:
    """Describe the plans and devices of a profile.

    Raises:
        DescriptionError: a device raised an error, or a plan cannot be described and is not to be ignored.
    """
    devices = {
        name: describe_device(name, found, options.device_max_depth)
        for name, found in find_devices(profile.namespace).items()
    }
    plans = find_plans(profile.namespace)
    return Descriptions(_describe_plans(plans, Surroundings(plans, devices), options), devices)


def _describe_plans(plans: dict[str, Plan], surroundings: Surroundings, options: DescribeOptions) -> PlanDescriptions:
    descriptions: PlanDescriptions = {}
    for name, plan in plans.items():
        try:
            descriptions[name] = describe_plan(plan, surroundings)
        except DescriptionError as error:
            if not options.ignore_invalid_plans:
                raise
            _log.warning("A plan is left out: %s", error)
    return descriptions
