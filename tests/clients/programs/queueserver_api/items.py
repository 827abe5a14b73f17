"""Journeys about the items of the queue: alone and in batches, as maps and as the objects of the client."""

from __future__ import annotations

from bluesky_queueserver_api import BFunc, BInst, BItem, BPlan
from steps import count, equal, known_as, names_in_queue, raised, refused, status_now

PLACES = (("front", "b"), ("back", "c"), (1, "e"), (-2, "a"), (None, "c"))


def number_of(item):
    return item["kwargs"]["md"]["n"]


def are_added_and_found():
    first = yield lambda rm: rm.item_add(count("a"))
    equal((first["success"], first["qsize"], first["item"]["user_group"]), (True, 1, "primary"))
    uid = first["item"]["item_uid"]
    yield lambda rm: rm.item_add(count("b"), pos="front")
    yield lambda rm: rm.item_add(count("c"), after_uid=uid)
    yield lambda rm: rm.item_add(count("d"), before_uid=uid)
    equal((yield from names_in_queue()), ["b", "d", "a", "c"])
    batch = yield lambda rm: rm.item_add_batch([count("e"), BInst("queue_stop"), count("f")], pos=1)
    equal([result["success"] for result in batch["results"]], [True] * 3)
    equal((yield from names_in_queue()), ["b", "e", "queue_stop", "f", "d", "a", "c"])
    found = yield lambda rm: rm.item_get(uid=batch["items"][0]["item_uid"])
    equal(found["item"], batch["items"][0])
    for position, name in PLACES:
        found = yield lambda rm, position=position: rm.item_get(pos=position)
        equal(number_of(found["item"]), name)
    yield lambda rm: rm.item_add_batch([count("g"), count("h")], before_uid=uid)
    who = {"user": "berta", "user_group": "test_user"}
    batch = yield lambda rm: rm.item_add_batch([count("i")], after_uid=uid, **who)
    equal({name: batch["items"][0][name] for name in who}, (yield from known_as(**who)))
    equal((yield from names_in_queue()), ["b", "e", "queue_stop", "f", "d", "g", "h", "a", "i", "c"])


def are_changed_moved_and_removed():
    batch = yield lambda rm: rm.item_add_batch([count(name) for name in "abcdef"])
    uids = [item["item_uid"] for item in batch["items"]]
    changed = {**batch["items"][1], "kwargs": {"md": {"n": "B"}}}
    updated = yield lambda rm: rm.item_update(changed, user="berta", user_group="test_user")
    equal(updated["item"]["item_uid"], uids[1])
    known = yield from known_as(user="berta", user_group="test_user")
    equal({name: updated["item"][name] for name in known}, known)
    replaced = yield lambda rm: rm.item_update({**changed, "kwargs": {"md": {"n": "BB"}}}, replace=True)
    equal(replaced["item"]["item_uid"] in uids, False)
    equal((yield from names_in_queue()), ["a", "BB", "c", "d", "e", "f"])

    yield lambda rm: rm.item_move(pos="back", pos_dest="front")
    yield lambda rm: rm.item_move(uid=uids[3], before_uid=uids[0])
    yield lambda rm: rm.item_move(uid=uids[2], after_uid=uids[4])
    moved = yield lambda rm: rm.item_move(pos=1, pos_dest=-1)
    equal((number_of(moved["item"]), moved["qsize"]), ("d", 6))
    equal((yield from names_in_queue()), ["f", "a", "BB", "e", "c", "d"])
    removed = yield lambda rm: rm.item_remove(pos=2)
    equal((number_of(removed["item"]), removed["qsize"]), ("BB", 5))
    yield lambda rm: rm.item_remove(uid=uids[0])
    yield lambda rm: rm.item_remove()
    equal((yield from names_in_queue()), ["f", "e", "c"])
    yield lambda rm: rm.queue_clear()
    equal((yield from names_in_queue()), [])
    equal((yield from status_now())["items_in_queue"], 0)


def are_moved_and_removed_in_batches():
    batch = yield lambda rm: rm.item_add_batch([count(name) for name in "abcdefg"])
    a, b, c, d, e, f, g = (item["item_uid"] for item in batch["items"])
    moved = yield lambda rm: rm.item_move_batch(uids=[e, b], pos_dest="front")
    equal(([number_of(item) for item in moved["items"]], moved["qsize"]), (["e", "b"], 7))
    equal((yield from names_in_queue()), list("ebacdfg"))
    moved = yield lambda rm: rm.item_move_batch(uids=[f, a], before_uid=g, reorder=True)
    equal([number_of(item) for item in moved["items"]], ["a", "f"])
    yield lambda rm: rm.item_move_batch(uids=[g, e], after_uid=c)
    equal((yield from names_in_queue()), list("bcgedaf"))
    yield lambda rm: rm.item_move_batch(uids=[c, b], pos_dest="back", reorder=True)
    equal((yield from names_in_queue()), list("gedafbc"))
    yield from refused(lambda rm: rm.item_move_batch(uids=[a, a], pos_dest="front"))
    yield from refused(lambda rm: rm.item_move_batch(uids=[a, b], after_uid=b))
    yield from refused(lambda rm: rm.item_move_batch(uids=[a, "nothing"], pos_dest="front"), "nothing")
    yield from refused(lambda rm: rm.item_move_batch(uids=[a]))

    yield from refused(lambda rm: rm.item_remove_batch(uids=[a, "nothing"], ignore_missing=False), "nothing")
    equal((yield from names_in_queue()), list("gedafbc"))
    removed = yield lambda rm: rm.item_remove_batch(uids=[a, "nothing", g])
    equal(([number_of(item) for item in removed["items"]], removed["qsize"]), (["a", "g"], 5))
    yield lambda rm: rm.item_remove_batch(uids=[d, c], ignore_missing=False)
    equal((yield from names_in_queue()), list("efb"))


def are_made_from_objects():
    item = BItem("plan", "count", ["det1"], num=2)
    equal(
        (item.item_type, item.name, item.args, item.kwargs, item.item_uid),
        ("plan", "count", [["det1"]], {"num": 2}, None),
    )
    equal(set(item.recognized_item_types), {"plan", "instruction", "function"})
    item.meta = {"sample": "gold"}
    added = yield lambda rm: rm.item_add(item)
    equal({name: added["item"][name] for name in item.to_dict()}, item.to_dict())

    again = BPlan(added["item"])
    equal((again.meta, again.item_uid), ({"sample": "gold"}, added["item"]["item_uid"]))
    again.name, again.args, again.kwargs = "scan", [["det1", "det2"], "motor", -1, 1], {"num": 3}
    updated = yield lambda rm: rm.item_update(again)
    equal({name: updated["item"][name] for name in again.dict_ref}, again.to_dict())

    copied = BItem(BInst("queue_stop"))
    added = yield lambda rm: rm.item_add(copied)
    equal((added["item"]["item_type"], added["item"]["name"]), ("instruction", "queue_stop"))
    copied.from_dict(updated["item"])
    copied.item_uid = "mine"
    added = yield lambda rm: rm.item_add(copied, pos="front")
    equal((added["item"]["name"], added["item"]["item_uid"] == "mine"), ("scan", False))
    function = BFunc("function_sleep", 0)
    yield from refused(lambda rm: rm.item_add(function))
    yield from raised(lambda rm: BPlan(function.to_dict()), ValueError)
    equal((yield from names_in_queue()), ["scan", "scan", "queue_stop"])
