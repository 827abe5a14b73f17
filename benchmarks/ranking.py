"""Rankings: how long the answer takes among very many results, in several orders, and how long one more result takes.

The answer is what ``workflow_ranking`` returns, with the values, times and groups of its entries, from a store on disk
that has one workflow with so many results in so many groups.

    python -m benchmarks.ranking [--results 100000] [--groups 100] [--rounds 20] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from queue_server.clock import Chance, SystemClock
from queue_server.core.model import State
from queue_server.engine.turn import Turn
from queue_server.handlers.context import Desk, TurnContext
from queue_server.handlers.workflows import rank_results
from queue_server.protocol.items import Origin
from queue_server.protocol.methods.workflows import WorkflowRankingParams
from queue_server.protocol.rankings import RankedRun, RankEntry
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.protocol.workflow_groups import Group
from queue_server.protocol.workflows import Workflow, read_workflow
from queue_server.storage.base import Transaction
from queue_server.storage.sqlite import SqliteStore, open_sqlite

MOST_MS = 50.0
AT_ONCE = 10_000
WORKFLOW = {
    "id": "peak",
    "plan": {"item_type": "plan", "name": "count"},
    "result_schema": {
        "columns": [
            {"name": "height", "dtype": "float", "stop": "height"},
            {"name": "points", "dtype": "int", "stop": "points"},
            {"name": "width", "dtype": "float", "stop": "width", "required": False},
            {"name": "note", "dtype": "string", "stop": "note", "required": False},
        ]
    },
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "the best of each group": {},
    "all, the first 100": {"include_all": True, "limit": 100},
    "all by two columns, the first 100": {
        "include_all": True,
        "limit": 100,
        "order_by": [{"name": "points", "descending": True}, {"name": "width", "descending": False}],
    },
    "the best of each group by text": {"order_by": [{"name": "note", "descending": False}]},
    "all, the first 1000": {"include_all": True, "limit": 1000},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=int, default=100_000, help="how many there are (default: %(default)s)")
    parser.add_argument("--groups", type=int, default=100, help="in how many groups (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is asked (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as name:
        result = asyncio.run(measure(Path(name), options.results, options.groups, options.rounds))
    sys.stdout.write((json.dumps(result, indent=2) if options.json else show(result)) + "\n")


async def measure(directory: Path, results: int, groups: int, rounds: int) -> dict[str, Any]:
    """Return the median and the longest time of each question in milliseconds, and of one more result."""
    store = open_sqlite(directory / "data", clock=SystemClock(), chance=Chance())
    try:
        await fill(store, results, groups)
        found = {name: await ask(store, question, rounds) for name, question in QUESTIONS.items()}
        more = iter(make_results(random.Random(2), rounds, groups, "more"))
        found["one more result"] = await repeat(store, rounds, lambda tx: add(tx, *next(more)))
    finally:
        await store.close()
    return {"results": results, "groups": groups, "milliseconds": found}


async def fill(store: SqliteStore, results: int, groups: int) -> None:
    """Write the workflow, its groups and its results."""

    def begin(tx: Transaction) -> None:
        tx.put_workflow(Workflow(read_workflow(WORKFLOW), 1, "", 0.0))
        for number in range(groups):
            tx.add_group(Group(f"g{number}", f"Group {number}", "peak", "ada", ("ada",), 0.0))

    await store.transact(begin)
    waiting = list(make_results(random.Random(1), results, groups, "known"))
    for at in range(0, len(waiting), AT_ONCE):
        part = waiting[at : at + AT_ONCE]
        await store.transact(lambda tx, part=part: [add(tx, *each) for each in part])


def make_results(
    chance: random.Random, count: int, groups: int, kind: str
) -> Iterator[tuple[Submission, AttemptResult, RankEntry]]:
    """Yield submissions with a result and what the ranking knows of it; every tenth value is missing."""
    for number in range(count):
        uid, group = f"{kind}-{chance.getrandbits(64):016x}-{number}", f"g{chance.randrange(groups)}"
        values: dict[str, Any] = {"height": chance.random(), "points": chance.randrange(200)}
        if number % 10:
            values |= {"width": chance.gauss(1, 0.2), "note": f"sample {chance.randrange(1000)}"}
        stop = chance.random() * 1e9
        submission = Submission(uid, "default", "ada", 0.0, "peak", 1, group, content={"arguments": {"points": 1}})
        result = AttemptResult(uid, 1, uid, "completed", stop - 1, stop, metrics=values)
        yield submission, result, RankEntry("peak", RankedRun(uid, 1), group, stop, values)


def add(tx: Transaction, submission: Submission, result: AttemptResult, entry: RankEntry) -> None:
    """Write a submission with its result."""
    tx.add_submissions([submission])
    tx.add_result(result)
    tx.add_rank(entry)


async def ask(store: SqliteStore, question: dict[str, Any], rounds: int) -> dict[str, float]:
    """Return how long a ranking takes."""
    params = WorkflowRankingParams.model_validate({"workflow_id": "peak", **question})

    def answer(tx: Transaction) -> None:
        turn = Turn(tx, State(1), time.time(), Chance())
        # A ranking asks nothing of what all requests share.
        rank_results(TurnContext(cast("Desk", None), Origin(), turn, "workflow_ranking"), params)

    return await repeat(store, rounds, answer)


async def repeat(store: SqliteStore, rounds: int, work: Callable[[Transaction], object]) -> dict[str, float]:
    """Return the median and the longest time that a transaction with this work takes, in milliseconds."""
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        await store.transact(work)
        taken.append((time.perf_counter() - began) * 1e3)
    return {"median": round(statistics.median(taken), 2), "longest": round(max(taken), 2)}


def show(result: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [f"{result['results']} results in {result['groups']} groups; medians of at most {MOST_MS:g} ms are good"]
    for name, times in result["milliseconds"].items():
        lines.append(f"{name:<40} {times['median']:9.2f} ms   longest {times['longest']:9.2f} ms")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
