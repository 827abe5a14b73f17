"""Where the devices of a topic are, and whether a group may use them: the manager says both. It keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from http_gateway.device_stream.topics import EVERY, DeviceTopic, Place
from http_gateway.errors import GatewayError
from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink
from http_gateway.problem import problem_in
from queue_server.protocol.device_values import MOST_WATCHED
from queue_server.protocol.errors import CommunicationError
from queue_server.protocol.items import DEFAULT_LANE

_LISTING: Final = frozenset({"read:resources"})


class DeviceTopicError(GatewayError):
    """There is no such device, or it may not be followed."""

    code = "topic"
    http_status = 404


def open_lanes(status: Mapping[str, Any]) -> dict[str, bool]:
    """Return for each lane of a status whether its environment is open."""
    lanes = cast("list[Mapping[str, Any]]", status.get("lanes") or [])
    found = {str(lane.get("lane")): bool(lane.get("worker_environment_exists")) for lane in lanes}
    return found or {DEFAULT_LANE: bool(status.get("worker_environment_exists"))}


async def find_places(link: ManagerLink, topic: DeviceTopic, caller: Caller, lanes: Mapping[str, bool]) -> set[Place]:
    """Return the devices that a topic is about, as far as the group of the caller may use them.

    Raises:
        DeviceTopicError: there is no such device, the group may not use it, or they are too many.
        CommunicationError: the manager cannot tell now.
    """
    if topic.device == EVERY:
        found = [await _list_lane(link, lane, caller) for lane, is_open in lanes.items() if is_open]
        return set[Place]().union(*found)
    params = {"name": topic.device, "user_group": caller.identity.group}
    reply = _expect(await link.call("device_locate", params, caller))
    return {Place(str(reply["lane"]), str(reply["name"]))}


async def _list_lane(link: ManagerLink, lane: str, caller: Caller) -> set[Place]:
    # Whoever may read devices may know which there are.
    reader = Caller(Identity("", caller.identity.group, _LISTING), caller.request_id, caller.client)
    params = {"lane": lane, "user_group": caller.identity.group, "limit": MOST_WATCHED}
    reply = _expect(await link.call("devices_page", params, reader))
    if reply["total"] > MOST_WATCHED:
        raise DeviceTopicError(
            f"The lane {lane!r} has {reply['total']} devices, and at most {MOST_WATCHED} are followed at the same "
            "time; name those that you need."
        )
    return {Place(lane, name) for name, described in reply["devices"].items() if not described.get("excluded")}


def _expect(reply: dict[str, Any]) -> dict[str, Any]:
    if reply.get("success"):
        return reply
    problem = problem_in(reply)
    if problem.status in (404, 422):
        raise DeviceTopicError(problem.text)
    raise CommunicationError(problem.text)
