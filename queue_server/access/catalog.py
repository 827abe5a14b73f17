"""Which plans, devices and graphs exist, and which of them each user group may use: computed on first use, then kept.

A catalog is never changed; when plans, devices, graphs or permissions change, a new one is built.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from queue_server.access.descriptions import Description, Expansion, Plans
from queue_server.access.devices import Devices, filter_devices, list_names, require_descriptions
from queue_server.access.graphs import CompiledGraph, Graphs, load_checker
from queue_server.access.plan import CompiledPlan, Names
from queue_server.access.policy import ROOT, GroupRules, Policy
from queue_server.access.reduced import reduce_plans


class GroupCatalog:
    """What one user group may use. The maps are shared and must not be modified."""

    def __init__(self, plans: Plans, devices: Devices, rules: GroupRules, dags: Graphs | None = None) -> None:
        self._given_plans = plans
        self._given_devices = devices
        self._rules = rules
        self._given_dags = dags
        self._compiled: dict[str, CompiledPlan] = {}
        self._compiled_dags: dict[str, CompiledGraph] = {}

    @property
    def executes_graphs(self) -> bool:
        """Whether the lane executes graphs, and so no plans."""
        return self._given_dags is not None

    @cached_property
    def dags(self) -> Graphs:
        """The allowed graphs; the rules for plans hold for their names."""
        given = self._given_dags or {}
        return {name: given[name] for name in self._rules.plans.select(given)}

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

    def compile_dag(self, name: str) -> CompiledGraph:
        """Return an allowed graph, ready for checking parameters.

        Raises:
            KeyError: the group may not use a graph of that name.
            ParameterError: the description of the graph cannot be used.
        """
        compiled = self._compiled_dags.get(name)
        if compiled is None:
            compiled = self._compiled_dags[name] = CompiledGraph(self.dags[name].get("parameters", {}))
        return compiled


class Catalog:
    """The existing plans, devices and graphs of a lane, and what each user group of a policy may use of them."""

    def __init__(self, plans: Plans, devices: Devices, policy: Policy, dags: Graphs | None = None) -> None:
        self._plans = plans
        self._devices = devices
        self._dags = dags
        self._policy = policy
        self._groups: dict[str, GroupCatalog] = {}

    @classmethod
    def build(cls, plans: Plans, devices: Devices, policy: Policy, dags: Graphs | None = None) -> Catalog:
        """Return a catalog of descriptions in the documented structure, by name.

        Without ``dags`` it is that of a lane that executes plans, with them, even if there are none, of one that
        executes graphs. The maps are kept, not copied: do not modify them afterwards. Nothing is computed until a group
        asks.

        Raises:
            ParameterError: a description is not a map.
        """
        require_descriptions("plan", plans)
        require_descriptions("device", devices)
        if dags is not None:
            require_descriptions("graph", dags)
            load_checker()
        return cls(plans, devices, policy, dags)

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

    @property
    def dags_existing(self) -> Graphs:
        """The descriptions of all graphs."""
        return self._dags or {}

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

    def dags_allowed(self, group: str) -> Graphs:
        """Return the graphs that a group may use, or raise ParameterError for an unknown group."""
        return self.for_group(group).dags

    def for_group(self, group: str) -> GroupCatalog:
        """Return all that a group may use, or raise ParameterError for an unknown group."""
        rules = self._policy.rules_of(group)
        known = self._groups.get(group)
        # Two threads may come here at once; what one of them keeps holds for both.
        return known or self._groups.setdefault(group, self._limit(group, rules))

    def _limit(self, group: str, rules: GroupRules) -> GroupCatalog:
        if group == ROOT:
            return GroupCatalog(self._plans, self._devices, rules, self._dags)
        root = self.for_group(ROOT)
        dags = None if self._dags is None else root.dags
        return GroupCatalog(root.selected_plans, root.devices, rules, dags)


EMPTY = Catalog.build({}, {}, Policy.default())
"""No plans, no devices, and the default permissions: what is known before an environment was ever opened."""
