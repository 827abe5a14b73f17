"""Simulated plans that measure nothing and leave result files behind: for trying rankings and downloads."""

import json
from collections.abc import Generator
from typing import Any, Final

from bluesky import plan_stubs
from bluesky.utils import Msg

from device_worker.outputs import output_directory, takes_outputs

Plan = Generator[Msg, Any, Any]

RESULT: Final = "results.json"
SUMMARY: Final = "summary.json"
TABLE: Final = "table.csv"


def report_result(score: float, hits: int, spread: float = 0.0, label: str = "") -> Plan:
    """Write a result with these values, and move nothing.

    Parameters
    ----------
    score : float
        What results are ranked by.
    hits : int
        A whole number beside it.
    spread : float
        0 leaves it out; a negative one is written as NaN.
    label : str
        A word; an empty one is left out.
    """
    yield from plan_stubs.null()
    result: dict[str, Any] = {"score": score, "hits": hits}
    if spread:
        result["spread"] = spread if spread > 0 else float("nan")
    if label:
        result["label"] = label
    _write(RESULT, json.dumps(result))


def summarize_submissions(submissions: list[str]) -> Plan:
    """Write which submissions are the best ones, and a table of them.

    Parameters
    ----------
    submissions : list
        Ids of submissions, the best one first.
    """
    yield from plan_stubs.null()
    _write(SUMMARY, json.dumps({"count": len(submissions), "best": submissions[:1]}))
    rows = [f"{rank},{identity},{'#' * 1000}" for rank, identity in enumerate(submissions, 1)]
    _write(TABLE, "\n".join(("rank,submission,bar", *rows, "")))


def _write(name: str, text: str) -> None:
    if takes_outputs():
        (output_directory() / name).write_text(text, encoding="utf-8")
