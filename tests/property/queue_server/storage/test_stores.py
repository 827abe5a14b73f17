"""Both stores against the model, by random histories with failures and crashes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import ParameterError, RefusedError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import OUTCOMES, AttemptKey, Item, Place, Result, Run
from queue_server.storage.base import Claim, StoredReply
from queue_server.storage.directory import DATABASE_FILE, MARKER_FILE
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.faults.model import QueueModel
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

EXAMPLES = rounds(100, 1000)
LANES = st.sampled_from(["a", "b"])
STATES = st.sampled_from(["queued", "queued", "held"])
KINDS = st.sampled_from(["plan", "plan", "plan", "instruction"])
SURVIVORS = (DATABASE_FILE, f"{DATABASE_FILE}-wal", MARKER_FILE)


class _Undo(Exception):
    """Ends a transaction or a savepoint that is to be undone."""


class Stores(RuleBasedStateMachine):
    """Does the same to the model, to the store in memory and to the one on disk, and compares everything seen."""

    uids = Bundle("uids")
    keys = Bundle("keys")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = ExitStack()
        self.place = self.stack.enter_context(place_in_memory())
        self.model = QueueModel()
        self.memory = open_memory(clock=ManualClock(), chance=Chance.seeded(1))
        self.disk = self.open_disk(0)
        self.serial = 0

    def open_disk(self, number):
        return open_sqlite(self.place / str(number), clock=ManualClock(), chance=Chance.seeded(2))

    def teardown(self):
        self.run(self.disk.close())
        self.loop.close()
        self.stack.close()

    def do(self, work):
        """Do ``work`` three times and return what it came to, which must be the same each time, as all that is seen."""
        answers = [
            _answer(lambda: self.model.transact(lambda tx: (work(tx), _look(tx)))),
            *(_answer(lambda s=s: self.run(s.transact(lambda tx: (work(tx), _look(tx))))) for s in self.stores),
        ]
        assert answers[0] == answers[1] == answers[2]
        if not isinstance(answers[0], tuple):
            self.look()
            return answers[0]
        return answers[0][0]

    def look(self):
        """Check that all see the same."""
        seen = self.model.transact(_look)
        for store in self.stores:
            assert self.run(store.transact(_look)) == seen

    def run(self, waiting):
        return self.loop.run_until_complete(waiting)

    @property
    def stores(self):
        return self.memory, self.disk

    def next_uids(self, count):
        self.serial += count
        return [f"i{number}" for number in range(self.serial - count, self.serial)]

    # --- what exists at the beginning ---------------------------------------------------------------------------

    @initialize(target=uids)
    def name_an_item_that_never_exists(self):
        return "never"

    @initialize(target=keys)
    def name_an_attempt_that_never_was(self):
        return AttemptKey("never", "s", "a", 1, 1)

    # --- the queue ----------------------------------------------------------------------------------------------

    @rule(
        target=uids,
        lane=LANES,
        count=st.integers(1, 4),
        submission=st.sampled_from(["s", "t", None]),
        state=STATES,
        kind=KINDS,
        place=st.one_of(st.sampled_from(["front", "back"]), st.integers(-1, 8)),
    )
    def insert(self, lane, count, submission, state, kind, place):
        uids = self.next_uids(count)
        items = [Item(uid, lane, submission or f"s-{uid}", {"item_type": kind}, state) for uid in uids]
        self.do(lambda tx: tx.insert(items, Place(place)))
        return multiple(*uids)

    @rule(target=uids, lane=LANES, neighbour=uids, is_before=st.booleans())
    def insert_beside(self, lane, neighbour, is_before):
        [uid] = self.next_uids(1)
        place = Place(before_uid=neighbour) if is_before else Place(after_uid=neighbour)
        self.do(lambda tx: tx.insert([Item(uid, lane, f"s-{uid}", {})], place))
        return uid

    @rule(uid=uids, lane=LANES)
    def insert_again(self, uid, lane):
        [new] = self.next_uids(1)
        self.do(lambda tx: tx.insert([Item(new, lane, "s", {}), Item(uid, lane, "s", {})], Place("back")))

    @rule(uid=uids, place=st.one_of(st.sampled_from(["front", "back"]), st.integers(-1, 8)))
    def move(self, uid, place):
        self.do(lambda tx: tx.move(uid, Place(place)))

    @rule(uid=uids, neighbour=uids, is_before=st.booleans())
    def move_beside(self, uid, neighbour, is_before):
        place = Place(before_uid=neighbour) if is_before else Place(after_uid=neighbour)
        self.do(lambda tx: tx.move(uid, place))

    @rule(target=uids, uid=uids, keeps_uid=st.booleans(), state=STATES)
    def replace(self, uid, keeps_uid, state):
        found = self.model.item(uid)
        [new] = self.next_uids(1)
        item = Item(uid if keeps_uid else new, found.lane if found else "a", f"s-{new}", {"n": new}, state)
        self.do(lambda tx: tx.replace(uid, item))
        return item.uid

    @rule(uids=st.lists(uids, min_size=1, max_size=3))
    def remove(self, uids):
        self.do(lambda tx: tx.remove(uids))

    @rule(uid=uids, lane=LANES, index=st.integers(-4, 4), limit=st.sampled_from([None, 0, 2]))
    def find(self, uid, lane, index, limit):
        self.do(lambda tx: (tx.item(uid), tx.index_of(uid), tx.item_at(lane, index)))
        self.do(lambda tx: tx.queue(lane, limit=limit, after_uid=uid))
        self.do(lambda tx: tx.history(limit=limit, before=index + 4))

    @rule(lane=LANES)
    def clear(self, lane):
        self.do(lambda tx: tx.clear(lane))

    @rule(uid=uids, reason=st.sampled_from([None, "", "why"]))
    def hold(self, uid, reason):
        self.do(lambda tx: tx.set_held(uid, reason))

    # --- attempts -----------------------------------------------------------------------------------------------

    @rule(target=keys, lane=LANES)
    def claim(self, lane):
        answer = self.do(lambda tx: tx.claim_next(lane, self.disk.epoch, 1.0))
        return answer.attempt if isinstance(answer, Claim) else multiple()

    @rule(key=keys, phase=st.sampled_from(["acknowledged", "running"]))
    def advance(self, key, phase):
        self.do(lambda tx: tx.set_phase(key, phase))

    @rule(key=keys, uid=st.sampled_from("xyz"), scan_id=st.sampled_from([None, 7]))
    def open_run(self, key, uid, scan_id):
        self.do(lambda tx: tx.open_run(key, Run(uid, scan_id)))

    @rule(key=keys, uid=st.sampled_from("xyz"))
    def close_run(self, key, uid):
        self.do(lambda tx: tx.close_run(key, uid, "success"))

    @rule(key=keys, outcome=st.sampled_from(OUTCOMES), goes_on=st.booleans())
    def finish(self, key, outcome, goes_on):
        def work(tx):
            finished = tx.finish(key, Result(outcome, 1.0, 2.0, run_uids=("x",)))
            return finished, tx.claim_next(key.lane, self.disk.epoch, 2.0) if goes_on else None

        self.do(work)

    # --- records ------------------------------------------------------------------------------------------------

    @rule(keep=st.integers(0, 5))
    def trim(self, keep):
        self.do(lambda tx: tx.trim_history(keep))

    @rule(uid=uids)
    def trim_to(self, uid):
        self.do(lambda tx: tx.trim_history_to(uid))

    @rule(count=st.integers(1, 3))
    def append(self, count):
        self.do(lambda tx: [tx.append_event(EventRecord("k", 1.0, 1, data={"n": n})) for n in range(count)])

    @rule(name=st.sampled_from("pq"), value=st.binary(max_size=3))
    def save(self, name, value):
        self.do(lambda tx: tx.save(name, value))

    @rule(key=st.sampled_from("kl"), value=st.binary(max_size=3))
    def answer(self, key, value):
        self.do(lambda tx: tx.store_reply(key, StoredReply(b"digest", value), 1.0))

    # --- what fails, and what dies ------------------------------------------------------------------------------

    @rule(uid=uids, lane=LANES, is_whole=st.booleans())
    def undo(self, uid, lane, is_whole):
        """Do many things, and undo all of them, or those inside a savepoint."""
        new = self.next_uids(2)

        def work(tx):
            tx.append_event(EventRecord("before", 1.0, 1))
            try:
                with tx.savepoint():
                    tx.append_event(EventRecord("undone", 1.0, 1))
                    tx.insert([Item(new[0], lane, "s", {}), Item(new[1], lane, "s", {})], Place("front"))
                    claimed = tx.claim_next(lane, self.disk.epoch, 3.0)
                    tx.finish(claimed.attempt, Result("failed", 3.0, 4.0))
                    tx.trim_history(1)
                    tx.remove([new[1], uid])
                    raise _Undo
            except (_Undo, RefusedError):
                if is_whole:
                    raise
            tx.save("after", uid.encode())

        self.do(work)

    @rule(is_clean=st.booleans())
    def restart(self, is_clean):
        """Close and open again; or leave the files as they are at this instant, as a killed process does."""
        self.memory = self.memory.reopen()
        old, number = self.disk, self.disk.epoch
        if is_clean:
            self.run(old.close())
            (self.place / str(number - 1)).rename(self.place / str(number))
        else:
            (self.place / str(number)).mkdir(mode=0o700)
            for name in SURVIVORS:
                shutil.copy2(self.place / str(number - 1) / name, self.place / str(number) / name)
            self.run(old.close())
        self.disk = self.open_disk(number)
        assert self.disk.epoch == self.memory.epoch == number + 1
        assert self.disk.instance_id == old.instance_id
        self.look()


def _look(tx):
    """Return everything that can be seen, after a check that no item is in two places."""
    queues, history = {lane: tx.queue(lane) for lane in "ab"}, tx.history()
    everywhere = [item.uid for queue in queues.values() for item in queue]
    everywhere += [found.item.uid for found in tx.running()] + [entry.item.uid for entry in history]
    assert len(set(everywhere)) == len(everywhere)
    counts = [*(tx.count_queue(lane) for lane in "ab"), tx.count_history(), tx.last_seq()]
    records = [tx.load(name) for name in "pq"], [tx.stored_reply(key) for key in "kl"]
    followed = [(tx.living(submission), tx.completed(submission)) for submission in "st"]
    return queues, tx.running(), history, tx.events(0, 1000), counts, records, followed


def _answer(call):
    """Return what a call returns, or the kind of error that it raises."""
    try:
        return call()
    except (_Undo, RefusedError, ParameterError) as error:
        return type(error)


Stores.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=50, suppress_health_check=[HealthCheck.too_slow]
)
TestStores = pytest.mark.fault("D14", scales=True)(pytest.mark.timeout(300 + EXAMPLES)(Stores.TestCase))
