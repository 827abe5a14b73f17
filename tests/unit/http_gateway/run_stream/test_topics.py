"""Topics about runs, by their names."""

from __future__ import annotations

import pytest

from http_gateway.run_stream.topics import RunTopic, read_run_topic


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("run:*", RunTopic("run:*", "*", "documents")),
        ("run:8f0c", RunTopic("run:8f0c", "8f0c", "documents")),
        ("run:8f0c:cols", RunTopic("run:8f0c:cols", "8f0c", "columns")),
        ("run:8f0c:frame:det:image", RunTopic("run:8f0c:frame:det:image", "8f0c", "image", "det:image")),
    ],
)
def test_a_topic_names_a_run_and_a_part_of_it(name, topic):
    assert read_run_topic(name) == topic


@pytest.mark.parametrize(
    "name", ["run:", "run", "run:a:", "run:a:frame:", "run:*:cols", "run:*:frame:x", "status", "run:a:b"]
)
def test_other_names_are_of_no_run(name):
    assert read_run_topic(name) is None
