"""Which items may run together: what an item claims, who holds or awaits that, and which lane is asked next.

It compares names; what a plan does with its arguments it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from queue_server.core.effects import ClaimNext
from queue_server.core.model import Claims, Lane, State, Waiting
from queue_server.protocol.items import Item

WHOLE = "lane:"
"""What the name of a lane stands behind where the lane is claimed with all that its worker can reach."""


@dataclass(frozen=True, slots=True)
class Busy:
    """An item that runs, or that waits to, and what it claims."""

    lane: str
    item_uid: str
    claims: Claims


@dataclass(frozen=True, slots=True)
class Holder:
    """The item of another lane that an item waits for, and one name that both of them claim."""

    claim: str
    lane: str
    item_uid: str


@dataclass(frozen=True, slots=True)
class _Need:
    """What an item of a lane needs for itself, with the shared devices of every lane that it claims as a whole."""

    lane: str
    names: frozenset[str]
    lanes: frozenset[str]

    @classmethod
    def of(cls, state: State, lane: str, claims: Claims) -> _Need:
        names = frozenset((f"{WHOLE}{lane}",)) if claims is None else claims
        lanes = frozenset(name.removeprefix(WHOLE) for name in names if name.startswith(WHOLE))
        reached = (device.name for device in state.shared if any(place in lanes for place, _ in device.places))
        return cls(lane, names.union(reached), lanes)

    def meets(self, other: _Need) -> Iterator[str]:
        """Yield the names for which the two cannot run together."""
        yield from self.names & other.names
        yield from (name for name in self.names if _lane_in(name) in other.lanes)
        yield from (name for name in other.names if _lane_in(name) in self.lanes)
        # Whoever claims a lane runs beside nothing that its worker does.
        if other.lane in self.lanes or self.lane in other.lanes:
            yield f"{WHOLE}{other.lane if other.lane in self.lanes else self.lane}"


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


def busy_claims(state: State) -> Iterator[Busy]:
    """Yield what runs, in the order of the lanes, with its claims."""
    for lane in state.lanes:
        if lane.attempt is not None:
            yield Busy(lane.name, lane.attempt.key.item_uid, lane.attempt.claims)
        if lane.worker.stray is not None:
            # Nobody knows what it claimed.
            yield Busy(lane.name, lane.worker.stray.item_uid, None)


def find_holders(state: State, name: str, claims: Claims) -> tuple[Holder, ...]:
    """Return what keeps the head of a lane from beginning, each item once.

    That is what runs in other lanes, and what has waited there for longer: nobody is overtaken by those who want the
    same.
    """
    if len(state.lanes) == 1:
        return ()
    need = _Need.of(state, name, claims)
    others = (*busy_claims(state), *_line_before(state, state.lane(name).waiting))
    judged = (_judge(state, need, other) for other in others if other.lane != name)
    return tuple(holder for holder in judged if holder is not None)


def are_disjoint(state: State, one: Busy, other: Busy) -> bool:
    """Whether two items of different lanes may run together."""
    return _judge(state, _Need.of(state, one.lane, one.claims), other) is None


def _judge(state: State, need: _Need, other: Busy) -> Holder | None:
    common = need.meets(_Need.of(state, other.lane, other.claims))
    # The name of a device says more than that of a lane.
    claim = min(common, key=lambda name: (name.startswith(WHOLE), name), default=None)
    return None if claim is None else Holder(claim, other.lane, other.item_uid)


def _line_before(state: State, own: Waiting | None) -> Iterator[Busy]:
    for lane in state.lanes:
        waiting = lane.waiting
        if waiting is not None and can_begin(lane) and (own is None or waiting.ticket < own.ticket):
            yield Busy(lane.name, waiting.item_uid, waiting.claims)


def can_begin(lane: Lane) -> bool:
    """Whether nothing but claims keeps the head of a waiting lane from beginning."""
    return lane.worker.environment == "open" and lane.worker.stray is None and lane.condition == "open"


def put_in_line(state: State, lane: Lane, waiting: Waiting) -> Lane:
    """Return a lane that waits: behind all others, or where it stands already."""
    own = lane.waiting
    if own is not None:
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
        if lane.waiting is not None and (anew or not find_holders(state, lane.name, lane.waiting.claims)):
            state, more = ask_again(state, lane)
            effects += more
    return state, effects
