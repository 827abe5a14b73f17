"""What a system has to try foreign clients with: workflows, groups, results and users. It asks for it, and runs it."""

from __future__ import annotations

from typing import Any, Final

PIPELINE: Final[dict[str, Any]] = {
    "id": "demo-pipeline",
    "name": "Demonstration pipeline",
    "description": "Takes any inputs and parameters, and moves nothing.",
    "steps": [{"item_type": "plan", "name": "null"}],
    "accepts_more": True,
}
"""For the project ``demo`` of the ICA dialect."""

PROJECT: Final = "demo"

RANKED: Final[dict[str, Any]] = {
    "id": "demo-ranking",
    "name": "Demonstration of a ranking",
    "description": "Reports a result that is given to it, and moves nothing.",
    "instructions": "The highest score is the best.",
    "steps": [
        {
            "item_type": "plan",
            "name": "report_result",
            "kwargs": {"score": "$[[score]]", "hits": "$[[hits]]", "spread": "$[[spread]]", "label": "$[[label]]"},
        }
    ],
    "parameters": [
        {"name": "score", "label": "Score", "dtype": "float"},
        {"name": "hits", "label": "Hits", "dtype": "int", "minimum": 0, "default": 1},
        {"name": "spread", "label": "Spread", "dtype": "float", "default": 0.0},
        {"name": "label", "label": "Label", "dtype": "string", "default": ""},
    ],
    "result_schema": {
        "file": "results.json",
        "columns": [
            {"name": "score", "label": "Score", "dtype": "float"},
            {"name": "hits", "label": "Hits", "dtype": "int"},
            {"name": "spread", "label": "Spread", "dtype": "float", "required": False},
            {"name": "label", "label": "Label", "dtype": "string", "required": False},
        ],
    },
    "outputs": [{"source": "results.json", "title": "What was reported"}],
    "postprocessing": {
        "files": ["results.json"],
        "item": {
            "item_type": "plan",
            "name": "summarize_submissions",
            "kwargs": {"submissions": "$[[submissions]]"},
        },
    },
}
"""Two columns that every result has, one of numbers and one of words that some lack; ties in the first one."""

USERS: Final = ("demo-ada", "demo-ben")

GROUPS: Final[tuple[dict[str, Any], ...]] = (
    {"id": "demo_alpha", "name": "Alpha", "owner": "demo-ada", "members": ["demo-ada", "demo-ben"]},
    {"id": "demo_beta", "name": "Beta", "owner": "demo-ada", "members": ["demo-ada"]},
    {"id": "demo_gamma", "name": "Gamma", "owner": "demo-ben", "members": ["demo-ben"]},
)

RESULTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("demo_alpha", {"score": 2.5, "hits": 7, "spread": 0.5, "label": "first"}),
    ("demo_alpha", {"score": 1.0, "hits": 9, "spread": 0.25, "label": "second"}),
    ("demo_beta", {"score": 2.5, "hits": 3, "spread": -1.0}),
    ("demo_beta", {"score": 0.5, "hits": 3, "spread": 0.75, "label": "fourth"}),
    ("demo_gamma", {"score": 2.0, "hits": 5}),
)
"""Two groups with two results each, a tie in the first column, one spread that is NaN and one that is missing."""
