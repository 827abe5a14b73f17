"""Which items may run together: what an item claims, who holds or awaits that, and which lane is asked next.

It compares names; what a plan does with its arguments it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from queue_server.core.effects import ClaimNext
from queue_server.core.model import Claims, Lane, State, Waiting
from queue_server.protocol.items import Item
from queue_server.protocol.status import ClaimHolder

WHOLE = "lane:"
"""What the name of a lane stands behind where the lane is claimed with all that its worker can reach."""


class Busy(Struct, frozen=True):
    """An item that runs, or that waits to, and what it claims; or a task that moves a device, with its uid."""

    lane: str
    item_uid: str
    claims: Claims
    task_uid: str = ""


class Holder(Struct, frozen=True):
    """What an item waits for, and one name that both of them claim: an item of another lane, or a task of any."""

    claim: str
    lane: str
    item_uid: str
    task_uid: str = ""

    @property
    def work(self) -> str:
        """What it is, for people."""
        return f"task {self.task_uid}" if self.task_uid else f"item {self.item_uid}"

    def shown(self) -> ClaimHolder:
        """Return what clients see."""
        if self.task_uid:
            return {"claim": self.claim, "lane": self.lane, "item_uid": "", "task_uid": self.task_uid}
        return {"claim": self.claim, "lane": self.lane, "item_uid": self.item_uid}


class _Need(Struct, frozen=True):
    """What an item of a lane needs for itself, with the shared devices of every lane that it claims as a whole.

    ``inside`` has the same names by those that the lane has for them.
    """

    lane: str
    names: frozenset[str]
    lanes: frozenset[str]
    inside: Mapping[str, str]

    @classmethod
    def of(cls, state: State, lane: str, claims: Claims) -> _Need:
        names = frozenset((f"{WHOLE}{lane}",)) if claims is None else claims
        lanes = frozenset(name.removeprefix(WHOLE) for name in names if name.startswith(WHOLE))
        reached = (device.name for device in state.shared if any(place in lanes for place, _ in device.places))
        return cls(lane, names.union(reached), lanes, {_name_in(state, lane, name): name for name in names})

    def meets(self, other: _Need) -> Iterator[str]:
        """Yield the names for which the two cannot run together."""
        if self.lane == other.lane:
            yield from self._meets_inside(other)
            return
        yield from self.names & other.names
        yield from (name for name in self.names if _lane_in(name) in other.lanes)
        yield from (name for name in other.names if _lane_in(name) in self.lanes)
        # Whoever claims a lane runs beside nothing that its worker does.
        if other.lane in self.lanes or self.lane in other.lanes:
            yield f"{WHOLE}{other.lane if other.lane in self.lanes else self.lane}"

    def _meets_inside(self, other: _Need) -> Iterator[str]:
        if self.lane in self.lanes:
            yield from other.names
        elif self.lane in other.lanes:
            yield from self.names
        else:
            yield from (self.inside[name] for name in self.inside.keys() & other.inside.keys())


def _lane_in(name: str) -> str:
    """Return the lane in a name such as ``b/motor``; empty if there is none."""
    lane, slash, _ = name.partition("/")
    return lane if slash else ""


def claims_of(state: State, item: Item, devices: Collection[str] | None) -> Claims:
    """Return what an item claims: what it lists, or else the devices that its plan is known to use, or else all.

    Args:
        state: knows which devices lanes share.
        item: its ``claims`` are names in the facility, or names that its lane has for shared devices.
        devices: what the worker of the lane calls the devices of the plan; None if nobody knows them.
    """
    listed: Collection[str] | None = item.content.get("claims")
    if not listed and devices is None:
        return None
    places = [(device.name, *place) for device in state.shared for place in device.places]
    names = {local: name for name, lane, local in places if lane == item.lane}
    if listed:
        known = {name for name, _, _ in places}
        return frozenset(name if name in known else names.get(name, name) for name in listed)
    return frozenset(names.get(name, f"{item.lane}/{name}") for name in devices or ())


def claim_of(state: State, lane: str, device: str) -> str:
    """Return the name in the facility of what a lane calls ``device``."""
    places = ((each.name, *place) for each in state.shared for place in each.places)
    return next((name for name, *place in places if place == [lane, device]), f"{lane}/{device}")


def _name_in(state: State, lane: str, claim: str) -> str:
    shared = next((device for device in state.shared if device.name == claim), None)
    if shared is None:
        return claim.removeprefix(f"{lane}/")
    return next((name for place, name in shared.places if place == lane), claim)


def names_in(state: State, lane: str, claims: Claims) -> tuple[str, ...] | None:
    """Return the names that a lane has for what is claimed, in order; None for all that its worker can reach."""
    if claims is None or f"{WHOLE}{lane}" in claims:
        return None
    return tuple(sorted(_name_in(state, lane, claim) for claim in claims))


def busy_claims(state: State) -> Iterator[Busy]:
    """Yield what runs, in the order of the lanes, with its claims."""
    for lane in state.lanes:
        if lane.attempt is not None:
            yield Busy(lane.name, lane.attempt.key.item_uid, lane.attempt.claims)
        if lane.worker.stray is not None:
            # Nobody knows what it claimed.
            yield Busy(lane.name, lane.worker.stray.item_uid, None)
        for task in lane.tasks:
            if task.moves:
                yield Busy(lane.name, "", frozenset((task.device,)), task.uid)


def find_holders(state: State, name: str, claims: Claims) -> tuple[Holder, ...]:
    """Return what keeps the head of a lane from beginning, each item once.

    That is what runs in other lanes, and what has waited there for longer: nobody is overtaken by those who want the
    same. And it is what a task moves, in any lane.
    """
    if len(state.lanes) == 1 and not state.lanes[0].tasks:
        return ()
    need = _Need.of(state, name, claims)
    others = (*busy_claims(state), *_line_before(state, state.lane(name).waiting))
    judged = (_judge(state, need, other) for other in others if other.lane != name or other.task_uid)
    return tuple(holder for holder in judged if holder is not None)


def find_users(state: State, name: str, device: str, *, items_only: bool = False) -> tuple[Holder, ...]:
    """Return what runs and claims a device of a lane, in whatever lane; ``device`` is its name in the facility."""
    need = _Need.of(state, name, frozenset((device,)))
    judged = (_judge(state, need, other) for other in busy_claims(state) if not (items_only and other.task_uid))
    return tuple(holder for holder in judged if holder is not None)


def are_disjoint(state: State, one: Busy, other: Busy) -> bool:
    """Whether two items of different lanes may run together, or an item and a task."""
    return _judge(state, _Need.of(state, one.lane, one.claims), other) is None


def _judge(state: State, need: _Need, other: Busy) -> Holder | None:
    common = need.meets(_Need.of(state, other.lane, other.claims))
    # The name of a device says more than that of a lane.
    claim = min(common, key=lambda name: (name.startswith(WHOLE), name), default=None)
    return None if claim is None else Holder(claim, other.lane, other.item_uid, other.task_uid)


def _line_before(state: State, own: Waiting | None) -> Iterator[Busy]:
    for lane in state.lanes:
        waiting = lane.waiting
        is_in_line = waiting is not None and not waiting.after and can_begin(lane)
        if waiting is not None and is_in_line and (own is None or own.after or waiting.ticket < own.ticket):
            yield Busy(lane.name, waiting.item_uid, waiting.claims)


def can_begin(lane: Lane) -> bool:
    """Whether nothing but claims keeps the head of a waiting lane from beginning."""
    return lane.worker.environment == "open" and lane.worker.stray is None and lane.condition == "open"


def put_in_line(state: State, lane: Lane, waiting: Waiting) -> Lane:
    """Return a lane that waits: behind all others, or where it stands already."""
    own = lane.waiting
    if own is not None and bool(own.after) == bool(waiting.after):
        waiting = replace(waiting, ticket=own.ticket, since=own.since)
    else:
        tickets = (other.waiting.ticket for other in state.lanes if other.waiting is not None)
        waiting = replace(waiting, ticket=1 + max(tickets, default=0))
    return replace(lane, queue="starting", waiting=waiting)


def leave_line(lane: Lane) -> Lane:
    """Return a lane whose queue is stopped if it was waiting; any other lane as it is."""
    return lane if lane.waiting is None else replace(lane, queue="stopped", waiting=None)


def ask_again(state: State, lane: Lane) -> tuple[State, tuple[ClaimNext, ...]]:
    """Return the state in which the store is asked once more for the head of a waiting lane, if it may begin."""
    if lane.waiting is None or lane.waiting.is_asked or not can_begin(lane) or state.phase != "serving":
        return state, ()
    lane = replace(lane, waiting=replace(lane.waiting, is_asked=True))
    return state.with_lane(lane), (ClaimNext(lane.name),)


def ask_waiting(state: State, *, anew: bool = False) -> tuple[State, tuple[ClaimNext, ...]]:
    """Ask for every lane that waits for nothing any more, the one first that has waited longest.

    With ``anew`` every lane is asked for, because its head may be another one than is known.
    """
    line = [(lane.waiting.ticket, lane) for lane in state.lanes if lane.waiting is not None]
    effects: tuple[ClaimNext, ...] = ()
    for _, lane in sorted(line, key=lambda place: place[0]):
        if lane.waiting is not None and (anew or _is_free(state, lane.name, lane.waiting)):
            state, more = ask_again(state, lane)
            effects += more
    return state, effects


def _is_free(state: State, name: str, waiting: Waiting) -> bool:
    return not waiting.after and not find_holders(state, name, waiting.claims)
