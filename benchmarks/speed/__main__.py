"""Measures the rows and prints them: ``python -m benchmarks.speed --help``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.speed import control_rows, list_rows, run_rows, start_rows
from benchmarks.speed.report import describe, show
from benchmarks.speed.row import PEER, Reading, Row, Stage
from benchmarks.systems import missing_parts

ROWS: tuple[Row, ...] = (*run_rows.ROWS, *control_rows.ROWS, *list_rows.ROWS, *start_rows.ROWS)


def main() -> None:
    """Measure and print."""
    options = _read_options()
    wanted = [row for row in ROWS if options.rows is None or row.name in options.rows.split(",")]
    lacking = missing_parts(options.peer, "bluesky_queueserver")
    peer = None if lacking else options.peer.absolute()
    readings: dict[str, list[Reading]] = {}
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-", dir=options.data) as name:
        for row in wanted:
            sizes = row.sizes if options.growth else row.sizes[:1]
            for size in sizes:
                stage = Stage(Path(name) / f"{row.name}-{size}", peer)
                reading = measure(row, size, stage, options.rounds, with_peer=size == sizes[0])
                readings.setdefault(row.name, []).append(reading)
            sys.stderr.write(f"{show([row], readings)[-1]}\n")
    _report(wanted, readings, lacking, options)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="How fast Cuelight is.")
    parser.add_argument("--peer", type=Path, help="interpreter that has bluesky-queueserver 0.0.25")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--rows", help="the rows to measure, with commas between them (default: all)")
    parser.add_argument("--growth", action="store_true", help="measure each row at all its sizes")
    parser.add_argument("--data", type=Path, help="where stores are kept (default: a directory for temporary files)")
    parser.add_argument("--json", type=Path, help="write what was measured into this file")
    parser.add_argument("--plot", type=Path, help="draw what was measured into this PNG file")
    return parser.parse_args()


def measure(row: Row, size: int, stage: Stage, rounds: int, *, with_peer: bool) -> Reading:
    """Return what the sides of a row give in turn, each once in every round."""
    sides = {name: side for name, side in row.sides.items() if name != PEER or (with_peer and stage.peer)}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    with ExitStack() as stack:
        takes = {
            name: stack.enter_context(side(Stage(stage.directory / name, stage.peer), size))
            for name, side in sides.items()
        }
        order: Sequence[str] = list(takes)
        for _ in range(rounds):
            # Whoever comes second may find a warmer machine.
            order = order[::-1]
            for name in order:
                taken[name].append(takes[name]())
    return Reading(size, taken)


def _report(rows: Iterable[Row], readings: dict[str, list[Reading]], lacking: str, options: argparse.Namespace) -> None:
    rows = list(rows)
    sys.stdout.write("\n".join(show(rows, readings)) + "\n")
    if lacking:
        sys.stdout.write(f"Without the peer: {lacking}\n")
    if options.json:
        options.json.write_text(json.dumps(describe(rows, readings), indent=2) + "\n")
    if options.plot:
        from benchmarks.speed.plot import draw

        draw(rows, readings, options.plot)


if __name__ == "__main__":
    main()
