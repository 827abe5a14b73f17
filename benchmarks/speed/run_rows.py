"""Rows of what happens around a plan: the time between two, the way to a pause and to an end, and its documents."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.client import COUNT, USER
from benchmarks.speed.row import OURS, PEER, AtMost, Beyond, Row, Side, Stage, Take, Times
from benchmarks.speed.sides import running
from benchmarks.systems import System

BARE = "bare RunEngine"
PLANS = {OURS: 100, PEER: 10}

# The same for both: a RunEngine of its own, and a journal of what that sees.
STARTUP = '''
import json
import time
from pathlib import Path

from bluesky import RunEngine
from bluesky.plan_stubs import checkpoint, sleep
from bluesky.plans import count
from ophyd.sim import det1

RE = RunEngine({})
_journal = (Path(__file__).parent / "journal").open("a", buffering=1)


def _note(name, document):
    if name in ("start", "stop"):
        _journal.write(json.dumps([name, document["time"]]) + "\\n")


RE.subscribe(_note)


def wait_long():
    """Wait, and be paused."""
    yield from checkpoint()
    yield from sleep(3600)
'''


class Journal:
    """What the RunEngine of a system has noted."""

    def __init__(self, startup: Path) -> None:
        self._file = startup / "journal"

    def gaps_ms(self, plans: int) -> list[float]:
        """Return the times from the end of a run to the start of the next, of the last ``plans`` runs."""
        noted = [json.loads(line) for line in self._file.read_text().splitlines()]
        starts = [at for name, at in noted if name == "start"][-plans:]
        stops = [at for name, at in noted if name == "stop"][-plans:]
        return [(start - stop) * 1000 for stop, start in zip(stops, starts[1:], strict=False)]


def _write_startup(stage: Stage) -> Path:
    startup = stage.directory / "startup"
    startup.mkdir(parents=True)
    (startup / "00-benchmark.py").write_text(STARTUP)
    (startup / "user_group_permissions.yaml").write_text(PERMISSIONS)
    return startup


PERMISSIONS = """
user_groups:
  root: {allowed_plans: [null], forbidden_plans: [null], allowed_devices: [null], forbidden_devices: [null]}
  primary: {allowed_plans: [":.*"], allowed_devices: [":?.*:depth=5"]}
"""


# --- dead time ------------------------------------------------------------------------------------------------------


@contextmanager
def _queued(kind: str, stage: Stage, size: int) -> Generator[Take]:
    """Plans in a queue: the median of what passes between them, above that of a bare RunEngine in the same round."""
    del size
    startup = _write_startup(stage)
    plans = PLANS[kind]
    with ExitStack() as stack:
        bare = stack.enter_context(_bare_gaps())
        system = stack.enter_context(running(kind, stage, startup))
        _open_with_plans(system)

        def take() -> float:
            done = _finished(system) + plans
            system.client.ask("queue_item_add_batch", items=[COUNT] * plans, **USER)
            system.client.ask("queue_start")
            system.wait_for(lambda status: status["items_in_history"] == done, 0.05)
            return statistics.median(Journal(startup).gaps_ms(plans)) - bare()

        take()
        yield take


def _open_with_plans(system: System) -> None:
    known = system.client.ask("status")["plans_allowed_uid"]
    system.open_environment()
    # The environment of the peer is open before its manager knows the plans.
    system.wait_for(lambda status: status["plans_allowed_uid"] != known)


def _finished(system: System) -> int:
    system.wait_for(lambda status: status["manager_state"] == "idle")
    return int(str(system.client.ask("status")["items_in_history"]))


@contextmanager
def _bare_gaps() -> Generator[Take]:
    with _bare_process("gaps") as ask:
        yield ask


@contextmanager
def _bare_process(what: str) -> Generator[Take]:
    """Give what asks a bare RunEngine, in a process of its own, for a figure in milliseconds."""
    command = [sys.executable, "-m", "benchmarks.speed.bare_run_engine", what]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        lines, answers = process.stdin, process.stdout

        def ask() -> float:
            lines.write("\n")
            lines.flush()
            return float(answers.readline())

        ask()
        yield ask
    finally:
        process.kill()
        process.wait()


# --- orders ---------------------------------------------------------------------------------------------------------


@contextmanager
def _ordering(kind: str, order: Callable[[System], float], stage: Stage, size: int) -> Generator[Take]:
    """Give what starts a plan that waits, and orders something."""
    del size
    with running(kind, stage, _write_startup(stage)) as system:
        _open_with_plans(system)

        def take() -> float:
            _finished(system)
            system.client.ask("queue_item_add", item={"item_type": "plan", "name": "wait_long"}, **USER)
            system.client.ask("queue_start")
            system.wait_for(lambda status: status["re_state"] == "running")
            # The plan has to be inside of its wait, where all that it takes is the way there.
            time.sleep(0.2)
            return order(system)

        take()
        yield take


def _time_until(system: System, method: str, word: str, state: str, **params: object) -> float:
    began = time.perf_counter()
    system.client.ask(method, **params)
    # A round trip of a status is a tenth of a millisecond, and both systems are asked in the same way.
    system.wait_for(lambda status: status[word] == state, 0.0)
    return (time.perf_counter() - began) * 1000


def _pause(system: System) -> float:
    taken = _time_until(system, "re_pause", "re_state", "paused", option="immediate")
    # The peer says so of its RunEngine before it does of itself.
    system.wait_for(lambda status: status["manager_state"] == "paused", 0.0)
    _time_until(system, "re_abort", "manager_state", "idle")
    system.client.ask("queue_clear")
    return taken


def _abort(system: System) -> float:
    _time_until(system, "re_pause", "manager_state", "paused", option="immediate")
    taken = _time_until(system, "re_abort", "re_state", "idle")
    _finished(system)
    system.client.ask("queue_clear")
    return taken


def _stop_all(system: System) -> float:
    began = time.perf_counter()
    system.client.ask("estop", reason="measured")
    system.wait_for(lambda status: status["re_state"] == "idle", 0.0)
    taken = (time.perf_counter() - began) * 1000
    _finished(system)
    system.client.ask("estop_reset")
    system.client.ask("queue_clear")
    return taken


@contextmanager
def _bare(what: str, stage: Stage, size: int) -> Generator[Take]:
    del stage, size
    with _bare_process(what) as ask:
        yield ask


# --- documents ------------------------------------------------------------------------------------------------------


class _Documents:
    """Measures a RunEngine with recorder, publisher, forwarder and a subscriber in pairs with a bare one.

    Both rates come from the same run of the same process; each side takes its own.
    """

    def __init__(self) -> None:
        self._measured: dict[str, float] = {}

    def take(self, rate: str) -> float:
        """Return a rate, in events per second."""
        if rate not in self._measured:
            command = [sys.executable, "-m", "benchmarks.documents", "--json", "--pairs", "20"]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            self._measured = json.loads(run.stdout)
        return self._measured.pop(rate)

    @contextmanager
    def side(self, rate: str, stage: Stage, size: int) -> Generator[Take]:
        """Be the side of that rate."""
        del stage, size
        yield lambda: self.take(rate)


_DOCUMENTS = _Documents()


def _orders(order: Callable[[System], float], what: str, *kinds: str) -> dict[str, Side]:
    sides: dict[str, Side] = {kind: partial(_ordering, kind, order) for kind in kinds}
    return {**sides, BARE: partial(_bare, what)}


ROWS = (
    Row(
        "dead-time",
        "between two plans, above a bare RunEngine",
        "ms",
        {kind: partial(_queued, kind) for kind in (OURS, PEER)},
        (AtMost(5), Times(100)),
    ),
    Row("pause", "re_pause to paused", "ms", _orders(_pause, "pause", OURS, PEER), (Beyond(20, BARE),)),
    Row("abort", "re_abort to idle", "ms", _orders(_abort, "abort", OURS, PEER), (Beyond(20, BARE),)),
    Row("estop", "estop to idle", "ms", _orders(_stop_all, "stop", OURS), (Beyond(20, BARE),)),
    Row(
        "documents",
        "events, recorded and subscribed to",
        "/s",
        {OURS: partial(_DOCUMENTS.side, "events_per_s"), BARE: partial(_DOCUMENTS.side, "bare_events_per_s")},
        (Times(0.85, BARE),),
        is_rate=True,
    ),
)
