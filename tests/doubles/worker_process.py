"""A worker as its manager sees it: the process, and one plan on its way through it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

from queue_server.client.outbox import finish_record_path
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    Continue,
    Execute,
    ItemFinished,
    Pause,
    Progress,
    REStateChanged,
)
from tests.doubles.router import PATIENCE_S

ROOT = Path(__file__).parents[2]
STARTUP = ROOT / "tests" / "system" / "worker_process" / "startup_code.py"


class Worker:
    """A worker process and its directory."""

    def __init__(self, directory, *options, startup: Path | str = STARTUP, incarnation="one"):
        self.directory = directory
        self.incarnation = incarnation
        self.address = f"ipc://{directory}/link"
        self.log = directory / "worker.log"
        command = [sys.executable, "-m", "device_worker", "--link", self.address, "--incarnation", incarnation]
        command += ["--lane", "default", "--state-dir", str(directory), "--startup", str(startup), *options]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self):
        """Return the exit code."""
        return self.process.wait(PATIENCE_S)

    @property
    def finish_records(self):
        """The file of finish records."""
        return finish_record_path(self.directory, self.incarnation)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Plan:
    """One item on its way through a worker, seen from the manager's side."""

    numbers = itertools.count(1)

    def __init__(self, router, epoch=None, lane="default"):
        number = next(self.numbers)
        self.router = router
        self.key = AttemptKey(f"item-{number}", f"submission-{number}", lane, 1, epoch or router.epoch)

    def order(self, name, *args, **kwargs):
        """Order the worker to execute it."""
        content = {"item_type": "plan", "name": name, "args": list(args), "kwargs": kwargs}
        self.router.send(Execute(attempt=self.key, content={**content, "item_uid": self.key.item_uid}))
        return self

    def started(self, points=1):
        """Wait until some points are measured."""
        self.router.wait_for(Progress, lambda message: message.attempt == self.key and message.points >= points)
        return self

    def pause(self, option: Any = "immediate"):
        """Order a pause."""
        self.router.send(Pause(attempt=self.key, option=option))
        return self

    def paused(self):
        """Wait until the RunEngine is paused."""
        self.router.wait_for(REStateChanged, lambda message: message.re_state == "paused")
        return self

    def proceed(self, option):
        """Order a paused plan to go on, or to end."""
        self.router.send(Continue(attempt=self.key, option=option))
        return self

    def finished(self) -> Any:
        """Return the finish report."""
        return self.router.wait_for(ItemFinished, lambda message: message.attempt == self.key)

    def reports(self, *kinds) -> list[Any]:
        """Return the reports of some kinds about this plan."""
        return [message for message in self.router.of(*kinds) if message.attempt == self.key]

    @property
    def states(self):
        """The states that the RunEngine went through."""
        return [report.re_state for report in self.reports(REStateChanged)]
