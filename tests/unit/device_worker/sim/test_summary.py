"""Metrics of several attempts are summarized."""

from __future__ import annotations

import json

from device_worker.sim.summary import average_metrics, read_metrics, summarize_metrics, tabulate_metrics


def test_numbers_are_averaged_and_texts_only_listed(tmp_path):
    files = []
    for number, metrics in enumerate(({"height": 1, "note": "a,b"}, {"height": 3.0, "width": 2})):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(metrics), encoding="utf-8")
    made = summarize_metrics(files)
    assert made["summary.json"] == {
        "height": {"count": 2, "mean": 2.0, "std": 1.0},
        "width": {"count": 1, "mean": 2.0, "std": 0.0},
    }
    assert made["table.csv"].splitlines() == ['"height","note","width"', '1,"a,b",', "3.0,,2"]


def test_nothing_gives_an_empty_summary():
    assert average_metrics([]) == {}
    assert tabulate_metrics([]) == "\n"


def test_a_file_is_read_as_it_is(tmp_path):
    file = tmp_path / "metrics.json"
    file.write_text('{"a": 1}', encoding="utf-8")
    assert read_metrics(file) == {"a": 1}
