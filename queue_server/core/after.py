"""What an item waits for that comes after others, until they are completed or it is clear that they never will be.

What has become of them is read elsewhere; what the items do with one another's results is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from queue_server.core.claims import ask_again
from queue_server.core.effects import ClaimNext
from queue_server.core.model import Awaited, State
from queue_server.protocol.items import Item


class Predecessor(Struct, frozen=True):
    """What is known of an item that another one comes after, and of the copies that failure and retry have made of it.

    Args:
        uid: the one under which it is named.
        is_completed: an attempt at one of them was completed.
        living: those of them that are queued, held or running.
        outcome: how the named one ended; empty if it has not, or if nobody knows of it any more.
    """

    uid: str
    is_completed: bool = False
    living: tuple[Item, ...] = ()
    outcome: str = ""


class Verdict(Struct, frozen=True):
    """What an item waits for, or why that would be in vain; nothing of both if it may begin."""

    awaited: tuple[Awaited, ...] = ()
    obstacle: str = ""


def judge(state: State, lane: str, predecessors: Iterable[Predecessor]) -> Verdict:
    """Return whether the head of a lane may begin, as far as the items matter that it comes after."""
    awaited: list[Awaited] = []
    for each in predecessors:
        if each.is_completed:
            continue
        obstacle = _find_obstacle(state, lane, each)
        if obstacle:
            return Verdict(obstacle=obstacle)
        is_held = all(item.state == "held" for item in each.living)
        awaited.append(Awaited(each.uid, each.living[0].lane, is_held))
    return Verdict(tuple(awaited))


def _find_obstacle(state: State, lane: str, predecessor: Predecessor) -> str:
    named = f"It comes after the item {predecessor.uid}"
    other = "release it once that is completed (queue_item_release), or update it to come after others or none"
    if not predecessor.living:
        if not predecessor.outcome:
            return f"{named}, which is not in a queue and not in the history any more: {_UPDATE}."
        return f"{named}, which ended as {predecessor.outcome!r}, and no copy of it is left: {_UPDATE}."
    lanes = {item.lane for item in predecessor.living}
    if lane in lanes:
        return f"{named}, which stands behind it in its own lane: move that one ahead, then {other}."
    circle = next((each for each in lanes if lane in _lanes_awaited(state, each)), None)
    if circle is not None:
        return f"{named} of the lane {circle!r}, which itself waits for items of the lane {lane!r}: {other}."
    return ""


_UPDATE = "update it to come after others or none (queue_item_update), or remove it"


def _lanes_awaited(state: State, name: str) -> set[str]:
    """Return the lanes that have to go on before a lane that waits for items can, without those asked for just now."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for following in _lanes_before(state, current):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


def _lanes_before(state: State, name: str) -> Iterator[str]:
    for lane in state.lanes:
        if lane.name == name and lane.waiting is not None and not lane.waiting.is_asked:
            yield from (awaited.lane for awaited in lane.waiting.after)


def ask_followers(state: State, changed: str | None = None) -> tuple[State, tuple[ClaimNext, ...]]:
    """Ask for every lane whose head comes after items, because those of a lane, or of any, may have changed."""
    effects: tuple[ClaimNext, ...] = ()
    for lane in state.lanes:
        after = lane.waiting.after if lane.waiting is not None else ()
        if any(changed in (None, awaited.lane) for awaited in after):
            state, more = ask_again(state, state.lane(lane.name))
            effects += more
    return state, effects


def describe(awaited: Awaited) -> str:
    """Return for people what is waited for."""
    held = " (it is held)" if awaited.is_held else ""
    return f"the item {awaited.item_uid} of the lane {awaited.lane!r} to be completed{held}"
