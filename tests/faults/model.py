"""The queue as plain lists and dictionaries: what a store should do, written as simply as possible.

It has the methods of a transaction, so that the same work can be done to it and to a store and the outcome compared.
It is slow, keeps everything in memory, and copies all of itself to be able to undo.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager

from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.items import AttemptKey
from queue_server.storage.base import Claim, HeldAtHead, HistoryEntry, InstructionAtHead, RunningItem


class QueueModel:
    """One list per lane, the attempts that are open, and lists of what has been."""

    def __init__(self):
        self.lanes = {}
        self.open = {}
        self.finished = []
        self.finished_ever = 0
        self.attempts = {}
        self.log = []
        self.saved = {}
        self.replies = {}

    def transact(self, work):
        """Do ``work`` to the model, or nothing if it raises."""
        with self.savepoint():
            return work(self)

    @contextmanager
    def savepoint(self):
        # What the lists and dictionaries hold never changes, except the lists of the lanes.
        before = {name: copy.copy(value) for name, value in vars(self).items()}
        before["lanes"] = {lane: queue[:] for lane, queue in self.lanes.items()}
        try:
            yield
        except BaseException:
            self.__dict__.update(before)
            raise

    def _lane_of(self, uid):
        for lane, queue in self.lanes.items():
            if any(item.uid == uid for item in queue):
                return lane
        raise NotFoundError(uid)

    def _index(self, queue, place):
        uids = [item.uid for item in queue]
        for uid, shift in ((place.before_uid, 0), (place.after_uid, 1)):
            if uid is not None:
                if uid not in uids:
                    raise NotFoundError(uid)
                return uids.index(uid) + shift
        if place.position in ("front", "back"):
            return 0 if place.position == "front" else len(queue)
        if not 0 <= place.position <= len(queue):
            raise ParameterError(str(place.position))
        return place.position

    def _exists(self, uid):
        return self.item(uid) is not None

    def insert(self, items, place):
        if not items:
            return
        queue = self.lanes.setdefault(items[0].lane, [])
        index = self._index(queue, place)
        if any(self._exists(item.uid) for item in items) or len({item.uid for item in items}) < len(items):
            raise ConflictError
        queue[index:index] = items

    def move(self, uid, place):
        queue = self.lanes[self._lane_of(uid)]
        if uid in (place.before_uid, place.after_uid):
            return
        others = [item for item in queue if item.uid != uid]
        index = self._index(others, place)
        others.insert(index, self.item(uid))
        queue[:] = others

    def replace(self, uid, item):
        queue = self.lanes[self._lane_of(uid)]
        if item.uid != uid and self._exists(item.uid):
            raise ConflictError
        queue[[other.uid for other in queue].index(uid)] = item

    def remove(self, uids):
        with self.savepoint():
            for uid in uids:
                queue = self.lanes[self._lane_of(uid)]
                queue[:] = [item for item in queue if item.uid != uid]

    def clear(self, lane):
        return len(self.lanes.pop(lane, []))

    def set_held(self, uid, reason):
        state = "queued" if reason is None else "held"
        self.replace(uid, replace(self._queued(uid), state=state, reason=reason or ""))

    def _queued(self, uid):
        return next(item for item in self.lanes[self._lane_of(uid)] if item.uid == uid)

    def item(self, uid):
        everything = [
            *(item for queue in self.lanes.values() for item in queue),
            *(running.item for running in self.open.values()),
            *(entry.item for entry in self.finished),
        ]
        return next((item for item in everything if item.uid == uid), None)

    def item_at(self, lane, index):
        queue = self.lanes.get(lane, [])
        return queue[index] if -len(queue) <= index < len(queue) else None

    def index_of(self, uid):
        try:
            queue = self.lanes[self._lane_of(uid)]
        except NotFoundError:
            return None
        return [item.uid for item in queue].index(uid)

    def queue(self, lane, *, limit=None, after_uid=None):
        queue = self.lanes.get(lane, [])
        if after_uid is not None:
            uids = [item.uid for item in queue]
            if after_uid not in uids:
                raise NotFoundError(after_uid)
            queue = queue[uids.index(after_uid) + 1 :]
        return queue[:] if limit is None else queue[:limit]

    def count_queue(self, lane):
        return len(self.lanes.get(lane, []))

    def claim_next(self, lane, epoch, time):
        if lane in self.open:
            raise ConflictError
        item = self.item_at(lane, 0)
        if item is None:
            return None
        if item.state == "held":
            return HeldAtHead(item)
        if item.kind == "instruction":
            return InstructionAtHead(item)
        number = self.attempts.get(item.submission, 0) + 1
        self.attempts[item.submission] = number
        running = replace(item, state="running", attempt=number)
        key = AttemptKey(item.uid, item.submission, lane, number, epoch)
        self.lanes[lane].pop(0)
        self.open[lane] = RunningItem(running, key, "dispatched", time, ())
        return Claim(running, key)

    def _opened(self, key):
        running = self.open.get(key.lane)
        if running is None or running.attempt != key:
            raise NotFoundError(key.item_uid)
        return running

    def set_phase(self, attempt, phase):
        self.open[attempt.lane] = replace(self._opened(attempt), phase=phase)

    def open_run(self, attempt, run):
        running = self._opened(attempt)
        if run.uid not in [known.uid for known in running.runs]:
            self.open[attempt.lane] = replace(running, runs=(*running.runs, run))

    def close_run(self, attempt, run_uid, exit_status):
        runs = list(self._opened(attempt).runs)
        for index, run in enumerate(runs):
            if run.uid == run_uid:
                runs[index] = run.closed(exit_status)
                self.open[attempt.lane] = replace(self._opened(attempt), runs=tuple(runs))
                return
        raise NotFoundError(run_uid)

    def finish(self, attempt, result):
        item = replace(self._opened(attempt).item, state="finished")
        del self.open[attempt.lane]
        self.finished_ever += 1
        self.finished.append(HistoryEntry(self.finished_ever, item, result.shown()))
        return item

    def running(self):
        return [self.open[lane] for lane in sorted(self.open)]

    def history(self, *, limit=None, before=None):
        found = [entry for entry in self.finished if before is None or entry.number < before]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    def living(self, submission):
        everything = [
            *(item for queue in self.lanes.values() for item in queue),
            *(each.item for each in self.running()),
        ]
        return sorted((item for item in everything if item.submission == submission), key=lambda item: item.uid)

    def completed(self, submission):
        ended = [entry for entry in self.finished if entry.item.submission == submission]
        return next((entry.item.uid for entry in ended[::-1] if entry.result["exit_status"] == "completed"), None)

    def count_history(self):
        return len(self.finished)

    def trim_history(self, keep):
        removed = max(len(self.finished) - keep, 0)
        del self.finished[:removed]
        if removed:
            self._forget_attempts()
        return removed

    def trim_history_to(self, uid):
        numbers = [entry.item.uid for entry in self.finished]
        if uid not in numbers:
            raise NotFoundError(uid)
        return self.trim_history(len(numbers) - numbers.index(uid) - 1)

    def _forget_attempts(self):
        queued = [item for queue in self.lanes.values() for item in queue]
        others = [found.item for found in (*self.open.values(), *self.finished)]
        alive = {item.submission for item in queued + others}
        self.attempts = {key: number for key, number in self.attempts.items() if key in alive}

    def append_event(self, event):
        self.log.append(replace(event, seq=len(self.log) + 1))
        return len(self.log)

    def events(self, since, limit):
        return self.log[since : since + limit]

    def last_seq(self):
        return len(self.log)

    def load(self, name):
        return self.saved.get(name)

    def save(self, name, value):
        self.saved[name] = value

    def stored_reply(self, key):
        return self.replies.get(key)

    def store_reply(self, key, reply, time):
        if key in self.replies:
            raise ConflictError
        self.replies[key] = reply
