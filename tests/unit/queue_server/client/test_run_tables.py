"""Tables of recorded runs: the same values in CSV, Arrow and Parquet, in parts, with images as they came."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from queue_server.client.run_columns import table_of
from queue_server.client.run_tables import FORMATS, make_table
from queue_server.protocol.errors import ParameterError
from tests.doubles.recorded_runs import descriptor, documents, event, start, write_run


@pytest.fixture
def make(tmp_path):
    """Return the table of the primary stream of some documents in a format."""

    def build(form, given):
        path = write_run(tmp_path / "run.jsonl", given)
        return b"".join(make_table(path, table_of(path, "primary"), form))

    return build


def read_columnar(form, data):
    """Return what another program reads."""
    return pq.read_table(io.BytesIO(data)) if form == "parquet" else pa.ipc.open_file(io.BytesIO(data)).read_all()


def test_csv_has_a_row_for_each_event_and_no_arrays(make):
    rows = list(csv.reader(io.StringIO(make("csv", documents(2)).decode())))
    assert rows == [
        ["seq_num", "time", "det", "motor", "frames", "shutter"],
        ["1", "101.0", "0.5", "1.0", "1", 'open, "wide"'],
        ["2", "102.0", "1.0", "2.0", "2", "shut"],
    ]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_columnar_formats_have_all_columns_with_their_types(form, make):
    table = read_columnar(form, make(form, documents(3)))
    assert table.schema.names == ["seq_num", "time", "det", "motor", "frames", "shutter", "image"]
    plain = table.drop_columns(["image"])
    assert [str(kind) for kind in plain.schema.types] == ["int64", "double", "double", "double", "int64", "string"]
    assert plain.to_pylist()[1] == {
        "seq_num": 2,
        "time": 102.0,
        "det": 1.0,
        "motor": 2.0,
        "frames": 2,
        "shutter": "shut",
    }
    image = table.column("image")
    assert image.to_pylist() == [[[n, n + 1, n + 2], [10, 20, 60_000]] for n in (1, 2, 3)]
    assert table.schema.field("image").type.value_type.value_type == pa.uint16()


def test_images_of_one_shape_are_fixed_size_lists_in_arrow(make):
    table = read_columnar("arrow", make("arrow", documents(2)))
    assert table.schema.field("image").type == pa.list_(pa.list_(pa.uint16(), 3), 2)


ODD = {
    "gaps": ([1.5, None], "number", [1.5, None]),
    "numbers that are not finite": ([math.inf, -math.inf], "number", [math.inf, -math.inf]),
    "large numbers": ([2**70, 1], "integer", [float(2**70), 1.0]),
    "truth values": ([True, None, False], "boolean", [True, None, False]),
    "mixed values": ([1, "a", None, [None]], "string", ["1", '"a"', None, "[null]"]),
    "half a character": (["\ud800", "ä"], "string", ["\\ud800", "ä"]),
    "arrays of different lengths": ([[1, 2], [3]], "array", [[1, 2], [3]]),
    "arrays with a gap": ([[1, 2], None], "array", [[1, 2], None]),
    "empty arrays": ([[], []], "array", [[], []]),
    "truth values in arrays": ([[True, False]], "array", [[True, False]]),
}


@pytest.mark.parametrize("form", ["arrow", "parquet"])
@pytest.mark.parametrize("what", ODD)
def test_odd_values_are_written_as_they_are(what, form, make):
    values, dtype, expected = ODD[what]
    events = [event(number, {} if value is None else {"x": value}) for number, value in enumerate(values, 1)]
    table = read_columnar(form, make(form, [start(), descriptor({"x": {"dtype": dtype}}), *events]))
    assert table.column("x").to_pylist() == expected


def test_odd_values_in_csv(make):
    given = [(True, math.nan, "\ud800"), (None, None, None)]
    events = [
        event(number, {name: value for name, value in zip("bnt", values, strict=True) if value is not None})
        for number, values in enumerate(given, 1)
    ]
    keys = {"b": {"dtype": "boolean"}, "n": {"dtype": "number"}, "t": {"dtype": "string"}}
    text = make("csv", [start(), descriptor(keys), *events]).decode()
    assert text == "seq_num,time,b,n,t\n1,101.0,true,nan,\\ud800\n2,102.0,,,\n"


@pytest.mark.parametrize("form", FORMATS)
def test_a_stream_without_events_is_a_table_without_rows(form, make):
    data = make(form, [start(), descriptor()])
    rows = data.decode().count("\n") - 1 if form == "csv" else read_columnar(form, data).num_rows
    assert rows == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_made_in_parts(form, tmp_path):
    path = write_run(tmp_path / "run.jsonl", documents(5))
    pieces = list(make_table(path, table_of(path, "primary"), form, rows_at_once=2))
    assert len(pieces) == (3 if form == "csv" else 4)
    assert all(pieces)
    if form != "csv":
        assert read_columnar(form, b"".join(pieces)).column("seq_num").to_pylist() == [1, 2, 3, 4, 5]


def test_what_is_recorded_later_is_not_part_of_a_table_that_was_found_before(tmp_path):
    given = documents(2)
    path = write_run(tmp_path / "run.jsonl", given[:-1])
    table = table_of(path, "primary")
    write_run(path, [*given[:-1], event(3, {"frames": "not a number"})])
    for form in FORMATS:
        data = b"".join(make_table(path, table, form))
        rows = data.decode().count("\n") - 1 if form == "csv" else read_columnar(form, data).num_rows
        assert rows == 2


def test_another_format_is_refused(tmp_path):
    path = write_run(tmp_path / "run.jsonl", documents(1))
    with pytest.raises(ParameterError, match="'format' must be one of csv, arrow, parquet, not 'xlsx'"):
        make_table(path, table_of(path, "primary"), "xlsx")


def test_images_come_back_as_the_arrays_that_they_were(make):
    table = read_columnar("parquet", make("parquet", documents(2)))
    found = np.array(table.column("image").to_pylist(), np.uint16)
    assert found.shape == (2, 2, 3)
    assert found[1].tolist() == [[2, 3, 4], [10, 20, 60_000]]
