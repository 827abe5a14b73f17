"""A person who looks at the lanes of scanners, and says what has become of scans of which nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tests.processes.requester import USER, Requester

Verdict = Literal["completed", "failed"]
Entry = dict[str, Any]


class ScanOperator:
    """Judges each scan that did not end well, once; ``judge`` gives None for what is to be waited for.

    What has failed is started again: its held copy is released.
    """

    def __init__(self, ask: Requester, lanes: Sequence[str], judge: Callable[[Entry], Verdict | None]) -> None:
        self.released: dict[str, str] = {}
        """What was released, by the scans of which those are copies."""
        self._ask = ask
        self._lanes = frozenset(lanes)
        self._judge = judge
        self._judged: set[str] = set()

    def entries(self) -> list[Entry]:
        """Return the scans that have ended."""
        return [entry for entry in self._ask.do("history_get")["items"] if entry["lane"] in self._lanes]

    def task_of(self, uid: str) -> str:
        """Return the exam task of a scan: that of the scan of which it is a copy, if it is one."""
        origins = {copy: origin for origin, copy in self.released.items()}
        while uid in origins:
            uid = origins[uid]
        return uid

    def results_of(self, uid: str) -> list[dict[str, Any]]:
        """Return the results of a scan."""
        found = self._ask.do("exam_result_list", task_id=self.task_of(uid))["results"]
        return [result for result in found if result["meta"]["item_uid"] == uid]

    def queue(self, lane: str) -> list[Entry]:
        """Return what waits in a lane."""
        return self._ask.do("queue_get", lane=lane)["items"]

    def work(self) -> Counter[str]:
        """Deal with what has not ended well; return how often each outcome occurred."""
        entries = self.entries()
        for entry in entries:
            if entry["result"]["exit_status"] != "completed" and entry["item_uid"] not in self._judged:
                self._deal_with(entry)
        return Counter(entry["result"]["exit_status"] for entry in entries)

    def _deal_with(self, entry: Entry) -> None:
        uid, verdict = entry["item_uid"], self._judge(entry)
        if verdict is None:
            return
        if entry["result"]["exit_status"] == "unknown":
            params = {"item_uid": uid, "outcome": verdict, "reason": "looked at the scanner"}
            if not self._ask.ask("history_item_resolve", **params)["success"]:
                # Its device has resolved it in this very moment.
                return
        self._judged.add(uid)
        if verdict == "failed":
            copy = self.queue(entry["lane"])[0]
            assert copy["state"] == "held"
            self._ask.do("queue_item_release", uid=copy["item_uid"], lane=entry["lane"], **USER)
            self.released[uid] = copy["item_uid"]
