"""What becomes of artifacts that nothing refers to: counted, and removed when the rules of their directory say so.

As a program, ``python -m queue_server.retention VERB``, it works for the command line and prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from queue_server.artifacts.directory import DIRECTORY, ArtifactDirectory
from queue_server.artifacts.rules import Rules, read_rules, write_rules
from queue_server.artifacts.sweep import Swept, sweep
from queue_server.clock import Clock, SystemClock
from queue_server.protocol.errors import CuelightError, NotFoundError, ParameterError
from queue_server.storage.directory import DataDirectory
from queue_server.storage.references import References

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
FIRST_S = 600.0

Report = dict[str, Any]


class Retention:
    """Sweeps the artifacts of a data directory once a day, as long as its rules set a limit of time."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._directory = ArtifactDirectory(data / DIRECTORY)
        self._references = References(DataDirectory(data).database, clock)
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails is logged, and tried again a day later."""
        pause_s = FIRST_S
        try:
            while True:
                await asyncio.sleep(pause_s)
                await self.sweep_once()
                pause_s = DAY_S
        finally:
            self._references.stop()

    async def sweep_once(self) -> Swept | None:
        """Remove what is old enough and nothing refers to; None if the rules set no limit, or it failed."""
        try:
            return await asyncio.to_thread(self._sweep)
        except (CuelightError, RuntimeError):
            # There may be no thread for it now; the next time there may be one.
            logger.exception("Artifacts that nothing refers to were not removed.")
            return None

    def _sweep(self) -> Swept | None:
        if not self._directory.path.exists():
            return None
        keep_days = read_rules(self._directory.path).keep_days
        if keep_days is None:
            return None
        swept = sweep(self._directory, self._references.find, self._clock.wall() - keep_days * DAY_S)
        logger.info(
            "%d artifacts (%d bytes) that nothing refers to were removed.", swept.removed_files, swept.removed_bytes
        )
        return swept


@asynccontextmanager
async def keep_sweeping(data: Path, clock: Clock) -> AsyncGenerator[None]:
    """Obey the rules for artifacts of a data directory inside the block."""
    sweeping = asyncio.create_task(Retention(data, clock).run(), name="retention")
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.wait({sweeping})


def main() -> int:
    """Do what the command line asks for; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m queue_server.retention")
    parser.add_argument("verb", choices=sorted(_VERBS))
    parser.add_argument("data", type=Path)
    parser.add_argument("--quota-bytes", type=int)
    parser.add_argument("--keep-days", type=float)
    options = parser.parse_args()
    try:
        report, exit_code = _VERBS[options.verb](options), 0
    except CuelightError as error:
        exit_code = error.exit_code
        report = {"failed": error.message, "code": error.code, "details": error.details, "exit_code": exit_code}
    sys.stdout.write(json.dumps(report) + "\n")
    return exit_code


def _find(options: argparse.Namespace) -> ArtifactDirectory:
    data: Path = options.data
    directory = ArtifactDirectory(data / DIRECTORY)
    if not DataDirectory(data).database.is_file():
        raise NotFoundError(f"{data} is no data directory of Cuelight.")
    directory.create()
    return directory


def _count(options: argparse.Namespace) -> Report:
    return _look(options, None)


def _clean(options: argparse.Namespace) -> Report:
    directory = _find(options)
    keep_days = options.keep_days if options.keep_days is not None else read_rules(directory.path).keep_days
    if keep_days is None:
        raise ParameterError(
            "Nothing says how long artifacts are kept that nothing refers to: give '--keep-days', or set it with "
            "'cuelight artifacts limit'.",
            field="keep_days",
        )
    Rules(keep_days=keep_days).check()
    return _look(options, SystemClock().wall() - keep_days * DAY_S)


def _look(options: argparse.Namespace, stored_before: float | None) -> Report:
    directory = _find(options)
    references = References(DataDirectory(options.data).database, SystemClock())
    swept = sweep(directory, references.find, stored_before)
    return {**asdict(swept), "data": str(options.data), **asdict(read_rules(directory.path))}


def _limit(options: argparse.Namespace) -> Report:
    directory = _find(options)
    rules = Rules(options.quota_bytes, options.keep_days)
    write_rules(directory.path, rules)
    return {"data": str(options.data), **asdict(rules)}


_VERBS: dict[str, Callable[[argparse.Namespace], Report]] = {"usage": _count, "sweep": _clean, "limit": _limit}

if __name__ == "__main__":
    sys.exit(main())
