"""What an attempt leaves behind depends on how it has ended and on what was asked for; its outcome does not change."""

from __future__ import annotations

import json

import pytest

from device_worker.outputs import output_directory
from device_worker.run_engine.outputs import Outputs
from device_worker.run_engine.products import ProductCollector
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.items import AttemptKey, Outcome
from queue_server.protocol.worker_link import Execute

SCHEMA = {"columns": [{"name": "x", "dtype": "float", "field": "det", "statistic": "max"}]}
FILE_SCHEMA = {"file": "fit.json", "columns": [{"name": "x", "dtype": "float"}]}


class Attempt:
    """An attempt with what its worker is told to take of it."""

    def __init__(self, data, extraction, *, is_far=False):
        self.data = data
        outputs = Outputs(data / "outputs", None if is_far else data)
        order = {"attempt": AttemptKey("item", "s", "default", 1, 1), "content": {}, "extraction": extraction}
        self.collection = ProductCollector(outputs).begin(Execute.model_validate(order))

    def measure(self, *values):
        for watch in self.collection.watchers:
            watch("descriptor", {"uid": "d", "run_start": "r", "name": "primary", "data_keys": {"det": {}}})
            for number, value in enumerate(values, 1):
                watch("event", {"descriptor": "d", "seq_num": number, "data": {"det": value}})

    def write(self, **files):
        with self.collection.opened():
            for name, text in files.items():
                (output_directory() / name).write_text(text)

    def end(self, outcome: Outcome = "completed"):
        products = self.collection.end(outcome)
        store = open_artifacts(self.data)
        files = {entry.name: store.locate(entry.artifact.id).read_text() for entry in products.artifacts}
        return products, files


@pytest.fixture
def begin(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    return lambda extraction=None, **more: Attempt(tmp_path / "data", extraction, **more)


def test_nothing_is_listened_to_where_nothing_is_asked_for(begin):
    attempt = begin()
    assert attempt.collection.watchers == []
    products, files = attempt.end()
    assert (products.metrics, products.metrics_error, products.artifacts, files) == ({}, "", (), {})


@pytest.mark.parametrize("outcome", ["completed", "stopped"])
def test_metrics_are_told_and_kept_as_a_file(begin, outcome):
    attempt = begin({"result_schema": SCHEMA})
    attempt.measure(1, 3, 2)
    products, files = attempt.end(outcome)
    assert (products.metrics, products.metrics_error) == ({"x": 3.0}, "")
    assert {name: json.loads(text) for name, text in files.items()} == {"metrics.json": {"x": 3.0}}


@pytest.mark.parametrize("outcome", ["failed", "aborted", "halted"])
def test_an_attempt_that_has_ended_badly_has_files_and_no_metrics(begin, outcome):
    attempt = begin({"result_schema": SCHEMA})
    attempt.measure(1)
    attempt.write(log="what went wrong")
    products, files = attempt.end(outcome)
    assert (products.metrics, products.metrics_error, files) == ({}, "", {"log": "what went wrong"})


def test_metrics_come_from_a_file_of_the_attempt(begin):
    attempt = begin({"result_schema": FILE_SCHEMA})
    attempt.write(**{"fit.json": '{"x": 4}'})
    products, files = attempt.end()
    assert products.metrics == {"x": 4.0}
    assert sorted(files) == ["fit.json", "metrics.json"]


def test_a_failed_extraction_is_told_and_the_files_are_kept(begin):
    attempt = begin({"result_schema": FILE_SCHEMA})
    attempt.write(other="text")
    products, files = attempt.end()
    assert products.metrics == {}
    assert products.metrics_error == "Column 'x': the attempt has written no file 'fit.json'."
    assert files == {"other": "text"}


@pytest.mark.parametrize(
    ("outputs", "kept"),
    [(["a"], ["a"]), (["a", "metrics.json"], ["a", "metrics.json"]), ([], ["a", "b", "metrics.json"])],
)
def test_with_declared_files_no_others_are_kept(begin, outputs, kept):
    attempt = begin({"result_schema": SCHEMA, "outputs": outputs})
    attempt.measure(1)
    attempt.write(a="1", b="2")
    assert sorted(attempt.end()[1]) == kept


def test_on_another_host_there_are_metrics_and_no_remark_where_the_plan_writes_nothing(begin):
    attempt = begin({"result_schema": SCHEMA}, is_far=True)
    attempt.measure(5)
    products, _ = attempt.end()
    assert (products.metrics, products.remark) == ({"x": 5.0}, "")
