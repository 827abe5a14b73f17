"""Compares what a store has after each crash with the model, given what was acknowledged before it."""

from __future__ import annotations

from tests.faults.model import QueueModel
from tests.faults.workload import Operation, snapshot


class Witness:
    """Knows what must be there: every acknowledged operation once, and at most the one that was under way."""

    def __init__(self, seed):
        self._seed = seed
        self._model = QueueModel()
        self._acknowledged = 0
        self._epoch = 0
        self.operations = 0
        self.openings = 0

    def hear(self, reports):
        """Take the reports of one child and complain about what contradicts those of the children before."""
        numbers = [report for report in reports if isinstance(report, int)]
        for opened in reports:
            if isinstance(opened, dict) and "found" in opened:
                self._check(opened["epoch"], opened["found"])
                self.openings += 1
        assert numbers == list(range(self._acknowledged + 1, self._acknowledged + 1 + len(numbers)))
        self._acknowledged += len(numbers)
        self.operations += len(numbers)

    def _check(self, epoch, found):
        assert epoch > self._epoch, f"epoch {epoch} after epoch {self._epoch}"
        lost = self._acknowledged - found["last_seq"]
        assert lost <= 0, f"{lost} acknowledged operations were lost"
        assert lost >= -1, f"{-lost} operations were done that nobody knows of"
        for number in range(self._model.last_seq() + 1, found["last_seq"] + 1):
            self._model.transact(Operation(self._seed, number, self._epoch))
        expected = snapshot(self._model)
        for part in expected:
            assert found[part] == expected[part], part
        self._epoch = epoch
        self._acknowledged = found["last_seq"]
