"""Adding items: where they go, what they become, and what is refused."""

from __future__ import annotations

from queue_server.core.events import QueueChanged
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.limits import DEFAULT_LIMITS
from tests.doubles.bench import INSTRUCTION, USER, Bench, plan

ABSENT = "no-such-item"


async def add(bench, **place):
    """Add a plan at a place; return the index at which it then stands."""
    reply = await bench.do("queue_item_add", item=plan(), **place, **USER)
    uids = await bench.uids()
    assert reply["qsize"] == len(uids)
    return uids.index(reply["item"]["item_uid"])


async def test_an_item_gets_a_new_uid_its_user_and_its_group(bench):
    sent = plan(args=[["det1"]], kwargs={"num": 5}, meta={"sample": "a"}, item_uid="mine")
    reply = await bench.do("queue_item_add", item=sent, **USER)
    item = reply["item"]
    assert item["item_uid"] != "mine"
    assert item == {**sent, "item_uid": item["item_uid"], **USER}
    assert (await bench.do("queue_get"))["items"] == [item]
    assert (reply["qsize"], reply["msg"]) == (1, "")


async def test_keys_that_an_item_does_not_have_are_dropped(bench):
    await bench.do("queue_item_add", item=plan(result={"msg": "x"}, state="held", lane="b", color="red"), **USER)
    [item] = (await bench.do("queue_get"))["items"]
    assert set(item) == {"item_type", "name", "item_uid", "user", "user_group"}


async def test_a_client_cannot_say_that_its_item_runs_beside_the_queue(bench):
    sent = plan(properties={"immediate_execution": True, "colour": "red"})
    reply = await bench.do("queue_item_add", item=sent, **USER)
    assert reply["item"]["properties"] == {"colour": "red"}


async def test_an_instruction_can_be_added(bench):
    reply = await bench.do("queue_item_add", item=INSTRUCTION, **USER)
    assert reply["item"]["item_type"] == "instruction"


async def test_without_a_place_an_item_goes_to_the_back(bench, queue):
    assert await add(bench) == 4


POSITIONS = {
    "front": 0,
    "back": 4,
    0: 0,
    1: 1,
    3: 3,
    4: 4,
    100: 4,
    -1: 4,
    -2: 3,
    -4: 1,
    -5: 0,
    -100: 0,
}


async def test_positions_mean_what_they_always_meant(bench, queue):
    for pos, index in POSITIONS.items():
        assert await add(bench, pos=pos) == index, pos
        await bench.do("queue_item_remove", pos=index)
    assert await bench.uids() == queue


async def test_every_position_of_an_empty_queue_is_the_same(bench):
    for pos in (0, 1, -1, -2, "front", "back"):
        assert await add(bench, pos=pos) == 0, pos
        await bench.do("queue_clear")


async def test_an_item_can_be_put_before_or_after_any_other(bench, queue):
    for uid in queue:
        place = (await bench.uids()).index(uid)
        assert await add(bench, before_uid=uid) == place
        assert await add(bench, after_uid=uid) == place + 2


async def test_behind_the_running_item_is_the_front_of_the_queue(bench, running):
    assert await add(bench, after_uid=running) == 0


async def test_nothing_comes_before_the_running_item(bench, running):
    reply = await bench.refuse("queue_item_add", item=plan(), before_uid=running, **USER)
    assert "currently running" in reply["msg"]


async def test_a_neighbour_must_be_in_the_queue(bench, queue):
    for place in ("before_uid", "after_uid"):
        reply = await bench.refuse("queue_item_add", item=plan(), **{place: ABSENT}, **USER)
        assert reply["msg"].startswith("Failed to add an item: ")
        assert "not in the queue" in reply["msg"]
        assert reply["error"]["code"] == "not_found"


async def test_a_finished_item_is_no_neighbour(bench, running):
    await bench.finish()
    reply = await bench.refuse("queue_item_add", item=plan(), after_uid=running, **USER)
    assert "not in the queue" in reply["msg"]


TWO_PLACES = [
    {"pos": 0, "before_uid": ABSENT},
    {"pos": "back", "after_uid": ABSENT},
    {"before_uid": ABSENT, "after_uid": ABSENT},
]


async def test_two_places_are_ambiguous(bench):
    for place in TWO_PLACES:
        for method, what in (("queue_item_add", {"item": plan()}), ("queue_item_add_batch", {"items": [plan()]})):
            reply = await bench.refuse(method, **what, **place, **USER)
            assert "Ambiguous parameters" in reply["msg"], (method, place)


async def test_a_position_of_another_kind_is_refused_by_name(bench, queue):
    for pos in ("middle", 1.5, True, [0]):
        reply = await bench.refuse("queue_item_add", item=plan(), pos=pos, **USER)
        assert "'pos" in reply["msg"]
        assert reply["error"]["details"]["field"] == "pos"


# --- refusals -------------------------------------------------------------------------------------------------------


REFUSED = [
    ({**USER}, "Incorrect request format: request contains no item info"),
    ({"item": plan(), "user": "jdoe"}, "user group is not specified"),
    ({"item": plan(), "user_group": "primary"}, "user name is not specified"),
    ({"item": plan(), "user": "jdoe", "user_group": "nobody"}, "Unknown user group: 'nobody'"),
    ({"item": plan("absent"), **USER}, "not in the list of allowed plans"),
    ({"item": plan("_hidden"), **USER}, "not in the list of allowed plans"),
    ({"item": {"name": "count"}, **USER}, "item_type"),
    ({"item": plan(item_type="function"), **USER}, "item_type"),
    ({"item": {"item_type": "plan"}, **USER}, "name"),
    ({"item": {**INSTRUCTION, "name": "jump"}, **USER}, "instruction"),
    ({"item": plan(args=[1, 2, 3]), **USER}, "arg"),
    ({"item": plan(kwargs={"absent": 1}), **USER}, "absent"),
    ({"item": "count", **USER}, "'item'"),
]


async def test_what_cannot_be_queued_is_refused_with_the_reason(bench, queue):
    for params, text in REFUSED:
        reply = await bench.refuse("queue_item_add", **params)
        assert reply["msg"].startswith("Failed to add an item: ")
        assert text in reply["msg"]
        assert {"item", "qsize"} <= set(reply)


async def test_a_refusal_shows_the_item_as_it_was_sent(bench):
    sent = plan("absent", kwargs={"num": 3})
    assert (await bench.refuse("queue_item_add", item=sent, **USER))["item"] == sent


async def test_a_full_queue_takes_nothing_more(bench):
    # The size is counted in the state; so the limit is reached without a hundred thousand rows.
    await bench.engine.post(lambda turn: _pretend_size(turn, DEFAULT_LIMITS.max_queue_items))
    reply = await Bench.ask(bench, "queue_item_add", item=plan(), **USER)
    assert str(DEFAULT_LIMITS.max_queue_items) in reply["msg"]
    assert reply["error"]["code"] == "refused"


def _pretend_size(turn, size):
    turn.apply(QueueChanged(DEFAULT_LANE, size - turn.state.lane(DEFAULT_LANE).size))


# --- batches --------------------------------------------------------------------------------------------------------


async def test_a_batch_is_added_side_by_side_in_its_order(bench, queue):
    sent = [plan("scan"), INSTRUCTION, plan("count")]
    reply = await bench.do("queue_item_add_batch", items=sent, pos=1, **USER)
    added = [item["item_uid"] for item in reply["items"]]
    assert await bench.uids() == [queue[0], *added, *queue[1:]]
    assert [item["name"] for item in reply["items"]] == ["scan", "queue_stop", "count"]
    assert reply["results"] == [{"success": True, "msg": ""}] * 3
    assert reply["qsize"] == 7


async def test_a_batch_can_be_put_next_to_an_item(bench, queue):
    for place, index in (("before_uid", 2), ("after_uid", 5)):
        reply = await bench.do("queue_item_add_batch", items=[plan(), plan()], **{place: queue[2]}, **USER)
        assert (await bench.uids())[index : index + 2] == [item["item_uid"] for item in reply["items"]]


async def test_a_batch_with_one_wrong_item_adds_none_and_says_which(bench, queue):
    sent = [plan(), plan("absent"), plan(kwargs={"absent": 1})]
    reply = await bench.refuse("queue_item_add_batch", items=sent, **USER)
    assert [result["success"] for result in reply["results"]] == [True, False, False]
    assert reply["results"][0]["msg"] == ""
    assert "not in the list of allowed plans" in reply["results"][1]["msg"]
    assert reply["items"] == sent
    assert reply["qsize"] == 4
    assert reply["msg"] == "Failed to add all items: validation of 2 out of 3 submitted items failed"


async def test_a_batch_of_things_that_are_no_items_says_so_for_each(bench):
    reply = await bench.refuse("queue_item_add_batch", items=[None, "count", 5, []], **USER)
    assert [result["success"] for result in reply["results"]] == [False] * 4
    assert reply["items"] == [None, "count", 5, []]


async def test_an_empty_batch_succeeds_and_changes_nothing(bench, queue):
    before = await bench.rows()
    reply = await bench.do("queue_item_add_batch", items=[], **USER)
    assert (reply["items"], reply["results"], reply["qsize"]) == ([], [], 4)
    assert await bench.rows() == before


async def test_a_batch_without_a_list_is_refused(bench):
    reply = await bench.refuse("queue_item_add_batch", **USER)
    assert "list of items is not found" in reply["msg"]
    assert (reply["items"], reply["results"], reply["qsize"]) == ([], [], None)


async def test_a_batch_at_an_absent_neighbour_adds_none(bench, queue):
    sent = [plan(), plan()]
    reply = await bench.refuse("queue_item_add_batch", items=sent, after_uid=ABSENT, **USER)
    assert "not in the queue" in reply["msg"]
    assert [("not in the queue" in result["msg"], result["success"]) for result in reply["results"]] == [
        (True, False)
    ] * 2
    assert (reply["items"], reply["qsize"]) == (sent, 4)
