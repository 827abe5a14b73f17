"""Which plans and devices exist, and which of them each user group may use: computed on first use, then kept.

A catalog is never changed; when plans, devices or permissions change, a new one is built.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from queue_server.access.descriptions import Description, Expansion, Plans
from queue_server.access.devices import Devices, filter_devices, list_names, require_descriptions
from queue_server.access.plan import CompiledPlan, Names
from queue_server.access.policy import ROOT, GroupRules, Policy
from queue_server.access.reduced import reduce_plans


class GroupCatalog:
    """What one user group may use. The maps are shared and must not be modified."""

    def __init__(self, plans: Plans, devices: Devices, rules: GroupRules) -> None:
        self._given_plans = plans
        self._given_devices = devices
        self._rules = rules
        self._compiled: dict[str, CompiledPlan] = {}

    @cached_property
    def devices(self) -> Devices:
        """The tree of allowed devices; what only leads to an allowed component is marked ``excluded``."""
        return filter_devices(self._given_devices, self._rules.devices.allowed, self._rules.devices.forbidden)

    @cached_property
    def device_names(self) -> Collection[str]:
        """The dotted names of all allowed devices and components."""
        return list_names(self.devices)

    @cached_property
    def selected_plans(self) -> Plans:
        """The allowed plans as they were described, with name lists not yet expanded."""
        return {name: self._given_plans[name] for name in self._rules.plans.select(self._given_plans)}

    @cached_property
    def plans(self) -> Plans:
        """The allowed plans, with name lists expanded to what the group may use."""
        expansion = Expansion(self.devices, self.device_names, self.selected_plans)
        return {name: expansion.expand(description) for name, description in self.selected_plans.items()}

    @cached_property
    def _names(self) -> Names:
        return Names(self.device_names, self.plans)

    @cached_property
    def plans_reduced(self) -> Mapping[str, dict[str, Any]]:
        """The allowed plans in their reduced form."""
        return reduce_plans(self.plans)

    def compile_plan(self, name: str) -> CompiledPlan:
        """Return an allowed plan, ready for checking arguments.

        Raises:
            KeyError: the group may not use a plan of that name.
            ParameterError: the plan's description cannot be used.
        """
        compiled = self._compiled.get(name)
        if compiled is None:
            description: Description = {**self.plans[name], "name": name}
            compiled = CompiledPlan.compile(description, self._names)
            self._compiled[name] = compiled
        return compiled


class Catalog:
    """The existing plans and devices, and what each user group of a policy may use of them."""

    def __init__(self, plans: Plans, devices: Devices, policy: Policy) -> None:
        self._plans = plans
        self._devices = devices
        self._policy = policy
        self._groups: dict[str, GroupCatalog] = {}

    @classmethod
    def build(cls, plans: Plans, devices: Devices, policy: Policy) -> Catalog:
        """Return a catalog of descriptions in the documented structure, by name.

        The maps are kept, not copied: do not modify them afterwards. Nothing is computed until a group asks.

        Raises:
            ParameterError: a description is not a map.
        """
        require_descriptions("plan", plans)
        require_descriptions("device", devices)
        return cls(plans, devices, policy)

    @property
    def policy(self) -> Policy:
        """The permissions that the catalog was built with."""
        return self._policy

    @property
    def plans_existing(self) -> Plans:
        """The descriptions of all plans."""
        return self._plans

    @property
    def devices_existing(self) -> Devices:
        """The descriptions of all devices."""
        return self._devices

    @cached_property
    def plans_existing_reduced(self) -> Mapping[str, dict[str, Any]]:
        """The descriptions of all plans in their reduced form."""
        return reduce_plans(self._plans)

    def plans_allowed(self, group: str) -> Plans:
        """Return the plans that a group may use, or raise ParameterError for an unknown group."""
        return self.for_group(group).plans

    def plans_allowed_reduced(self, group: str) -> Mapping[str, dict[str, Any]]:
        """Return the reduced plans that a group may use, or raise ParameterError for an unknown group."""
        return self.for_group(group).plans_reduced

    def devices_allowed(self, group: str) -> Devices:
        """Return the devices that a group may use, or raise ParameterError for an unknown group."""
        return self.for_group(group).devices

    def for_group(self, group: str) -> GroupCatalog:
        """Return all that a group may use, or raise ParameterError for an unknown group."""
        rules = self._policy.rules_of(group)
        known = self._groups.get(group)
        # Two threads may come here at once; what one of them keeps holds for both.
        return known or self._groups.setdefault(group, self._limit(group, rules))

    def _limit(self, group: str, rules: GroupRules) -> GroupCatalog:
        if group == ROOT:
            return GroupCatalog(self._plans, self._devices, rules)
        root = self.for_group(ROOT)
        return GroupCatalog(root.selected_plans, root.devices, rules)


EMPTY = Catalog.build({}, {}, Policy.default())
"""No plans, no devices, and the default permissions: what is known before an environment was ever opened."""
