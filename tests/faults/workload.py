"""A mixed load on a store, one transaction per operation, that can be repeated on the model.

Which operation comes next depends only on the seed, its number, and the state, all of which survive a crash: the
number is the sequence number of the event that the operation appends.
"""

from __future__ import annotations

import json
import random

import msgspec

from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, FRONT, OUTCOMES, Item, Place, Result, Run
from queue_server.storage.base import Claim, StoredReply

LANES = ("default", "other")
FULL_LANE = 15
PADDING = "x" * 300


class Operation:
    """The operation with a number, as work for a transaction."""

    def __init__(self, seed, number, epoch):
        self._random = random.Random(f"{seed}/{number}")
        self._number = number
        self._epoch = epoch

    def __call__(self, tx):
        """Do one thing and append the event that tells so; return what was done."""
        lane = self._random.choice(LANES)
        done = self._change(tx, lane, tx.queue(lane), {found.attempt.lane: found for found in tx.running()})
        event = EventRecord(done, float(self._number), self._epoch, lane=lane, data={"number": self._number})
        assert tx.append_event(event) == self._number
        if self._number % 7 == 0:
            tx.store_reply(f"key-{self._number}", StoredReply(b"digest", b"reply"), float(self._number))
        return done

    def _change(self, tx, lane, queue, running):
        if lane in running and self._random.random() < 0.4:
            return self._follow(tx, lane, running[lane])
        if len(queue) > FULL_LANE:
            return self._thin_out(tx, lane, queue)
        choices = [self._insert, self._insert, self._save, self._trim]
        if queue:
            choices += [self._move, self._replace, self._remove, self._hold]
        if lane not in running:
            choices += [self._claim, self._claim, self._claim]
        return self._random.choice(choices)(tx, lane, queue)

    def _items(self, lane, count):
        return [
            Item(
                uid=f"i{self._number}-{index}",
                lane=lane,
                submission=f"s{self._number}-{index}",
                content={"item_type": "plan", "name": "count", "kwargs": {"num": index, "md": PADDING}},
            )
            for index in range(count)
        ]

    def _place(self, queue):
        if not queue or self._random.random() < 0.4:
            return self._random.choice([FRONT, BACK])
        neighbour = self._random.choice(queue).uid
        index = Place(self._random.randrange(len(queue)))
        return self._random.choice([Place(before_uid=neighbour), Place(after_uid=neighbour), index])

    def _insert(self, tx, lane, queue):
        tx.insert(self._items(lane, self._random.randint(1, 4)), self._place(queue))
        return "insert"

    def _move(self, tx, lane, queue):
        tx.move(self._random.choice(queue).uid, self._place(queue))
        return "move"

    def _replace(self, tx, lane, queue):
        [item] = self._items(lane, 1)
        tx.replace(self._random.choice(queue).uid, item)
        return "replace"

    def _remove(self, tx, lane, queue):
        tx.remove([item.uid for item in self._random.sample(queue, min(len(queue), 2))])
        return "remove"

    def _hold(self, tx, lane, queue):
        item = self._random.choice(queue)
        tx.set_held(item.uid, "wait" if item.state == "queued" else None)
        return "hold"

    def _claim(self, tx, lane, queue):
        if queue and queue[0].state == "held":
            tx.set_held(queue[0].uid, None)
        answer = tx.claim_next(lane, self._epoch, float(self._number))
        return "claim" if isinstance(answer, Claim) else "look"

    def _save(self, tx, lane, queue):
        tx.save(lane, f"{self._number}".encode())
        return "save"

    def _trim(self, tx, lane, queue):
        tx.trim_history(self._random.randint(5, 20))
        return "trim"

    def _thin_out(self, tx, lane, queue):
        if self._random.random() < 0.2:
            tx.clear(lane)
            return "clear"
        return self._remove(tx, lane, queue)

    def _follow(self, tx, lane, running):
        key = running.attempt
        step = self._random.randrange(4)
        if step == 0:
            tx.set_phase(key, "running")
            return "phase"
        if step == 1:
            tx.open_run(key, Run(f"run-{self._number}", self._number))
            return "open run"
        if step == 2 and running.runs:
            tx.close_run(key, self._random.choice(running.runs).uid, "success")
            return "close run"
        return self._finish(tx, lane, running)

    def _finish(self, tx, lane, running):
        key, outcome = running.attempt, self._random.choice(OUTCOMES)
        uids = tuple(run.uid for run in running.runs)
        tx.finish(key, Result(outcome, running.time_start, float(self._number), run_uids=uids))
        if outcome in ("failed", "unknown"):
            state = "queued" if outcome == "failed" else "held"
            copy = Item(f"c{self._number}", lane, key.submission, running.item.content, state, key.number, "why")
            tx.insert([copy], FRONT)
        elif self._random.random() < 0.5:
            tx.claim_next(lane, self._epoch, float(self._number))
        return f"finish {outcome}"


def snapshot(tx):
    """Return what is stored as plain JSON values, the log shortened to its end."""
    found = {
        "queues": {lane: tx.queue(lane) for lane in LANES},
        "running": tx.running(),
        "history": tx.history(),
        "last_seq": tx.last_seq(),
        "events": tx.events(max(tx.last_seq() - 10, 0), 10),
        "saved": {lane: (tx.load(lane) or b"").decode() for lane in LANES},
    }
    return json.loads(msgspec.json.encode(found))
