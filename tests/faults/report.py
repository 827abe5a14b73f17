"""The table at the end of a run of the fault tests: each row of the catalogue, what was asked for and what was reached.

It collects and prints; the figures come from the tests, the rows from the catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.catalog import ROWS, SECTIONS, Row
from tests.faults.tiers import is_night
from tests.processes.figures import FIGURE

FAULT = "fault"
HERE = Path(__file__).parent
OK, FAILED, SKIPPED, NO_TEST = "ok", "FAILED", "SKIPPED", "NO TEST"
NOT_BUILT, BEFORE_RELEASE = "not built", "before a release"
SLOW = "ok, but ABOVE"
"""The tests passed, but on this machine a figure is larger than the one asked for."""

BAD = (FAILED, SKIPPED, NO_TEST)


@dataclass
class Found:
    """What the tests of one row have told."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    grew: bool = False
    above: bool = False
    figures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    id: str
    fault: str
    reached: str
    asked: str
    state: str


class FaultReport:
    """A plugin of pytest: it selects the tests of the list, and prints the table."""

    def __init__(self, config: pytest.Config) -> None:
        self._is_whole = bool(config.getoption("--faults"))
        # Only what failed before: no other row is asked for.
        self._is_repeated = bool(config.getoption("lf", default=False))
        self._file = config.getoption("--fault-table")
        self._is_controller = not hasattr(config, "workerinput")
        self._found: dict[str, Found] = defaultdict(Found)
        self._lines: list[Line] = []

    # --- selection ---------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave the long tests out unless asked for, and everything that is no fault test if only those are wanted."""
        left_out = [item for item in items if not self._is_wanted(item)]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if self._is_wanted(item)]
        for item in items:
            item.user_properties += [(FAULT, [name, _grows(name, item)]) for name in _names(item)]

    def _is_wanted(self, item: pytest.Item) -> bool:
        if item.get_closest_marker("night") is not None and not is_night():
            return False
        return not self._is_whole or bool(_names(item)) or item.path.is_relative_to(HERE)

    # --- results -----------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what one test has told to the rows that it names."""
        if not self._is_controller or (report.when != "call" and report.passed):
            return
        for fault, grew in _values(report, FAULT):
            found = self._found[fault]
            found.grew |= grew
            found.passed += report.passed
            found.failed += report.failed
            found.skipped += report.skipped
            if not report.skipped and report.when == "call":
                found.figures += _figures(report, fault)
                found.above |= any(_is_above(value) for value in _values(report, FIGURE) if value[0] in {"", fault})

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the run fail if a row has failed, or has no test although all were asked for."""
        if not self._is_controller or session.config.option.collectonly:
            return
        self._lines = [line for line in self._table() if line.state != NO_TEST or not self._is_repeated]
        if any(line.state in BAD for line in self._lines) and session.exitstatus in {
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        }:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._file and self._lines:
            Path(self._file).write_text(markdown(self._lines), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if not self._lines:
            return
        terminalreporter.section(f"faults, {'night' if is_night() else 'every commit'}")
        for line in self._lines:
            colour = {OK: "green", SLOW: "yellow"} | dict.fromkeys(BAD, "red")
            marking = {colour[line.state]: True} if line.state in colour else {}
            terminalreporter.write_line(f"{line.id:<4} {line.state:<17} {line.fault}", **marking)
            if line.state in {OK, SLOW, *BAD}:
                terminalreporter.write_line(f"       asked    {line.asked}")
                terminalreporter.write_line(f"       reached  {line.reached}")
        states = [line.state for line in self._lines]
        terminalreporter.write_line(
            ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)), bold=True
        )

    def _table(self) -> Iterator[Line]:
        for row in ROWS.values():
            if row.id in self._found or self._is_whole:
                yield from self._line(row)
        for fault in sorted(self._found.keys() - ROWS.keys()):
            yield Line(fault, "an id that the list of faults does not have", "", "", FAILED)

    def _line(self, row: Row) -> Iterator[Line]:
        asked = row.asked(at_night=is_night())
        found = self._found.get(row.id)
        if row.missing:
            yield Line(row.id, row.fault, "", row.commit or row.night, f"{NOT_BUILT}: {row.missing}")
        elif found is not None:
            reached = "; ".join(dict.fromkeys(found.figures)) or _count(found)
            yield Line(row.id, row.fault, reached, asked or row.night or row.release, _state(row, found))
        elif asked:
            yield Line(row.id, row.fault, "", asked, NO_TEST)
        elif row.release:
            yield Line(row.id, row.fault, "", row.release, BEFORE_RELEASE)


def markdown(lines: list[Line]) -> str:
    """Return the table as Markdown, one part for each section of the list."""
    by_id = {line.id: line for line in lines}
    parts = []
    for section, rows in SECTIONS.items():
        here = [by_id[row.id] for row in rows if row.id in by_id]
        if here:
            head = [f"### {section}", "", "| id | fault | asked | reached | |", "|---|---|---|---|---|"]
            body = [
                "| "
                + " | ".join(_cell(text) for text in (line.id, line.fault, line.asked, line.reached, line.state))
                + " |"
                for line in here
            ]
            parts.append("\n".join([*head, *body]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _names(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers(FAULT) for name in marker.args]


def _grows(name: str, item: pytest.Item) -> bool:
    """Whether this test does at night all that the night asks for."""
    by_marker = any(marker.kwargs.get("scales", False) for marker in item.iter_markers(FAULT) if name in marker.args)
    return by_marker or item.get_closest_marker("night") is not None


def _values(report: pytest.TestReport, kind: str) -> Iterator[Any]:
    for name, value in report.user_properties:
        if name == kind:
            yield value


def _figures(report: pytest.TestReport, fault: str) -> Iterator[str]:
    for of, what, _, reached in _values(report, FIGURE):
        if of in {"", fault}:
            yield f"{what}: {reached}"


def _count(found: Found) -> str:
    told = [f"{found.passed} tests passed"] if found.passed else []
    told += [f"{found.failed} failed"] if found.failed else []
    told += [f"{found.skipped} skipped"] if found.skipped else []
    return ", ".join(told)


def _state(row: Row, found: Found) -> str:
    if found.failed:
        return FAILED
    if not found.passed:
        return SKIPPED
    if is_night() and row.grows and not found.grew:
        return NO_TEST
    return SLOW if found.above else OK


def _is_above(value: list[str]) -> bool:
    """Whether both figures are plain numbers, and what was reached is larger; ``>= 50`` is no plain number."""
    try:
        return float(value[3]) > float(value[2])
    except ValueError:
        return False
