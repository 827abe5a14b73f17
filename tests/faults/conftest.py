"""Manager processes that are killed at named instants, and what is known of them from one death to the next.

How a test proves a row of the list of faults (``catalog.py``), wherever under ``tests`` it stands::

    @pytest.mark.fault("A2")                    # or several: @pytest.mark.fault("D6", "D8")
    def test_forged_tokens_are_refused(figure):
        ...
        figure("forged tokens accepted", 0, accepted)               # what, asked, reached: printed in the table
        figure("slowest refusal, ms", 50, f"{slowest:.1f}", fault="A2")  # fault: where a test has several rows

    @pytest.mark.night                          # runs only with --night
    @pytest.mark.fault("D7")

    KILLS = rounds(200, 1000)                   # from tests.faults.tiers: with every commit, and at night
    @pytest.mark.fault("D3", scales=True)       # this test does what the night asks for, if it is night

Where asked and reached are both plain numbers, the first is the most that is allowed; what is above it is shown as
such. A row fails if one of its tests fails, if all were skipped, or if it has none. A row that asks for more at night
needs a test that is marked ``night`` or ``scales``. The commands:

    pytest --faults tests                       every row of each commit; a row without a test fails the run
    pytest --faults --night tests               every row of each commit and of the night
    pytest --faults --fault-table FILE tests    and the table as Markdown (FILE may be /dev/stdout)
    pytest PATH                                 the rows that the tests of PATH prove
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.gateway import AnsweringManager
from tests.processes.forked import kill_forked
from tests.processes.ledger import Ledger, Seen
from tests.processes.load import Load, look
from tests.processes.lone import Manager, fast_directory, kill_everything_of
from tests.processes.requester import ManagerGoneError
from tests.processes.system import System, copy_startup, read_journal
from tests.processes.waiting import processes_of

SEED = 20260
MOST_BURSTS = 400

ENDING_S = 2.0


@pytest.fixture
def directory():
    """A directory in memory if there is such a place; every process that names it is gone at the end."""
    place = Path(tempfile.mkdtemp(prefix="cuelight-", dir=fast_directory()))
    yield place
    # One that is just ending is not left behind.
    deadline_s = time.monotonic() + ENDING_S
    while processes_of(str(place)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    left = [*processes_of(str(place)), *kill_forked()]
    kill_everything_of(place)

    shutil.rmtree(place)
    assert left == [], "processes were left behind"


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a gateway; nobody opens its environment."""
    directory = tmp_path_factory.mktemp("system")
    system = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0")
    yield system.start()
    system.close()


@pytest.fixture(scope="module")
def authorization(system):
    """The credential of a client."""
    return f"ApiKey {(system.data / 'api-key').read_text().strip()}"


class Rig:
    """One data directory, one manager after the other, and a worker that outlives them."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.startup = copy_startup(directory / "startup")
        self.chance = random.Random(SEED)
        self.kills: list[str] = []
        self.acknowledged = 0
        self.manager: Manager | None = None
        self._ledger: Ledger | None = None
        self._loops = False

    def start(self, failpoints: str = "", **settings: Any) -> Manager:
        """Start a manager; the one before must be gone."""
        assert self.manager is None or not self.manager.is_alive
        self.manager = Manager(self.data, startup=str(self.startup), failpoints=failpoints, forks=True, **settings)
        return self.manager

    def close(self) -> None:
        """Kill everything, and check that nobody complained on standard error."""
        kill_everything_of(self.data)
        if self.manager is not None:
            self.manager.kill()
            assert self.manager.errors() == ""

    # --- deaths ------------------------------------------------------------------------------------------------

    def die(self, failpoint: str, hit: int, *, loops: bool) -> None:
        """Start a manager that will be killed at a failpoint, check K of the death before, and load it until it dies.

        The point may be passed during the start already, or while K is checked; that is a death like any other.
        """
        manager = self.start(f"{failpoint}=kill@{hit}")
        try:
            if manager.wait_ready():
                self.check_if_due(manager)
                load = self.begin(manager, loops=loops)
                for _ in range(MOST_BURSTS):
                    load.burst(executes=True)
                    load.keep_running()
        except ManagerGoneError:
            pass
        self.was_killed(manager, f"{failpoint}@{hit}")

    def die_while_starting(self, failpoint: str) -> None:
        """Start a manager that will be killed before it is ready."""
        manager = self.start(f"{failpoint}=kill@1")
        if not failpoint.endswith("after_recovery"):
            assert not manager.wait_ready(), f"{failpoint} was not passed"
        self.was_killed(manager, failpoint)

    def was_killed(self, manager: Manager, where: str) -> None:
        """Check that a manager has died by its own SIGKILL."""
        assert manager.end() == -signal.SIGKILL, f"{where} did not kill\n{manager.log_end()}"
        self.kills.append(where)

    def begin(self, manager: Manager, *, loops: bool = False, opens: bool = True) -> Load:
        """Begin a new ledger with an empty queue and an empty history; return load for it.

        With ``opens`` the environment is open then. Items can be added as soon as it has been open once.
        """
        self._ledger = None
        ask = manager.requester
        look(ask)
        ask.do("queue_clear")
        ask.do("history_clear")
        ask.do("queue_mode_set", mode={"loop": loops})
        knows_plans = bool(ask.do("plans_existing")["plans_existing"])
        if (opens or not knows_plans) and not ask.status()["worker_environment_exists"]:
            ask.open()
        (self.startup / "journal").unlink(missing_ok=True)
        self._ledger, self._loops = Ledger(), loops
        return Load(ask, self._ledger, self.chance)

    def lose_worker(self, failpoint: str, hit: int) -> Seen:
        """Have the worker killed at a failpoint, under load; return what the manager tells afterwards.

        The manager is restarted where that is what it takes.
        """
        faults = f"{failpoint}=kill@{hit}"
        manager = self.start(faults).must_be_ready()
        manager.requester.do("environment_open")
        status = manager.requester.wait_for_state("idle")
        if status["worker_environment_exists"]:
            load = self.begin(manager)
            for _ in range(MOST_BURSTS):
                load.burst(executes=True)
                load.keep_running()
                if not manager.requester.status()["worker_environment_exists"]:
                    break
                if failpoint.endswith("hello"):
                    # Only a new manager hears another hello.
                    manager.kill()
                    manager = self.start(faults).must_be_ready()
                    load.requester = manager.requester
                    load.requester.wait_for(_is_settled, "adopted or lost worker")
        status = manager.requester.status()
        assert not status["worker_environment_exists"], f"{faults} was not reached"
        assert status["manager_state"] == "idle"
        assert status["lanes"][0]["reason"].startswith(("The worker ended", "attempt"))
        self.kills.append(faults)
        seen = self.check(manager)
        manager.kill()
        return seen

    def check(self, manager: Manager) -> Seen:
        """Return what the manager tells once nothing runs; check K, if anything had been acknowledged."""
        seen = look(manager.requester)
        if self._ledger is None:
            return seen
        try:
            self._ledger.check(seen, loops=self._loops, journal=read_journal(self.startup))
        except AssertionError as error:
            raise AssertionError(f"after {self.kills[-1:]}: {error}\n{manager.log_end()}") from error
        self.acknowledged += self._ledger.acknowledged
        self._ledger = None
        return seen

    def check_if_due(self, manager: Manager) -> None:
        """Check K of the death before, if anything had been acknowledged; otherwise disturb nothing."""
        if self._ledger is not None:
            self.check(manager)

    def recover(self) -> Manager:
        """Start a manager without faults and check K of the death before."""
        manager = self.start().must_be_ready()
        self.check_if_due(manager)
        return manager


def _is_settled(status):
    return status["manager_state"] != "initializing"


@pytest.fixture
def rig(directory):
    """A data directory to kill managers on."""
    made = Rig(directory)
    yield made
    made.close()
