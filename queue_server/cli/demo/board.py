"""What is seen while plans run: a bar for each on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from queue_server.cli import render
from queue_server.cli.demo.plans import is_expected


class Board(Protocol):
    """Shows how far items are; a context manager."""

    def advance(self, uid: str, points: int, total: int | None) -> None:
        """Show that an item has taken ``points`` of ``total`` points; None if nobody knows how many."""
        ...

    def finish(self, item: Mapping[str, Any]) -> None:
        """Show how an item ended."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_board(items: Sequence[Mapping[str, Any]]) -> Board:
    """Return the board that suits what stdout is."""
    return _Bars(items) if render.on_terminal() else _Lines(items)


class _Lines:
    """A line when an item starts and one when it ends."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        self._items = {item["item_uid"]: item for item in items}
        self._width = _width_of(items)
        self._started: set[str] = set()

    def advance(self, uid: str, points: int, total: int | None) -> None:
        if uid in self._items and uid not in self._started:
            self._started.add(uid)
            item = self._items[uid]
            amount = "" if _unit_of(item) is None else f", {'?' if total is None else total} {_unit_of(item)}"
            render.print_line(f"{item['name']:<{self._width}} started{amount}")

    def finish(self, item: Mapping[str, Any]) -> None:
        amount = "" if _unit_of(item) is None else f" after {item['result']['points']} {_unit_of(item)}"
        render.print_line(f"{item['name']:<{self._width}} {describe_outcome(item)}{amount}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Bars:
    """A bar for each item, drawn by Rich."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn(f"{{task.description:<{_width_of(items)}}}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[outcome]}"),
        )
        self._tasks = {
            item["item_uid"]: self._progress.add_task(item["name"], start=False, total=None, outcome="waits")
            for item in items
        }

    def advance(self, uid: str, points: int, total: int | None) -> None:
        task = self._tasks.get(uid)
        if task is not None:
            self._progress.start_task(task)
            self._progress.update(task, completed=points, total=total, outcome="runs")

    def finish(self, item: Mapping[str, Any]) -> None:
        task = self._tasks.pop(item["item_uid"])
        self._progress.start_task(task)
        self._progress.update(task, completed=item["result"]["points"], outcome=describe_outcome(item))
        self._progress.stop_task(task)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def describe_outcome(item: Mapping[str, Any]) -> str:
    """Return the outcome of an item, and whether it is the one that it should have."""
    outcome = item["result"]["exit_status"]
    if not is_expected(item):
        return f"{outcome} (NOT expected)"
    return outcome if outcome == "completed" else f"{outcome} (expected)"


def _width_of(items: Sequence[Mapping[str, Any]]) -> int:
    return max(len(item["name"]) for item in items)


def _unit_of(item: Mapping[str, Any]) -> str | None:
    """Return what the points of an item are; None where they are a percentage, which a scanner gives."""
    return {"acquisition": None, "dag": "nodes"}.get(item["item_type"], "points")
