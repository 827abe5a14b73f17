"""What viewers see of a run is what its documents tell, whatever form the events have."""

from __future__ import annotations

from http_gateway.run_stream.picture import RunPicture
from tests.doubles.recorded_runs import RUN_UID, descriptor, event, row, start, stop


def picture_of(*documents):
    picture = RunPicture(RUN_UID)
    for name, document in documents:
        picture.add(name, document)
    return picture


def test_documents_are_numbered_by_their_place_in_the_run():
    picture = picture_of(start(), descriptor(), event(1, row(1)), event(2, row(2)), stop())
    assert [(told.number, told.name) for told in picture.documents] == [(1, "start"), (2, "descriptor"), (5, "stop")]
    assert (picture.number, picture.has_ended) == (5, True)
    assert picture.documents[0].document == start()[1]


def test_numbers_without_a_shape_are_columns_and_arrays_are_images():
    picture = picture_of(start(), descriptor(), event(1, row(1)), event(2, row(2)))
    batch = picture.columns["primary"].batch(0, 10)
    assert set(batch.columns) == {"seq_num", "time", "det", "motor", "frames"}
    assert list(batch.columns["det"]) == [0.5, 1.0]
    assert picture.images["image"].number == 4
    assert picture.images["image"].value == row(2)["image"]
    assert not picture.has_ended


def test_a_page_of_events_is_the_same_as_its_events():
    page = {
        "descriptor": "d1",
        "seq_num": [1, 2],
        "time": [101.0, 102.0],
        "data": {"det": [0.5, 1.0], "image": [[[1]], [[2]]]},
    }
    picture = picture_of(start(), descriptor(), ("event_page", page))
    batch = picture.columns["primary"].batch(0, 10)
    assert list(batch.columns["det"]) == [0.5, 1.0]
    assert list(batch.columns["time"]) == [101.0, 102.0]
    assert picture.images["image"].value == [[2]]


def test_streams_have_columns_of_their_own():
    picture = picture_of(
        start(), descriptor(), descriptor(uid="d2", name="baseline"), event(1, row(1), descriptor="d2")
    )
    assert {name: columns.rows for name, columns in picture.columns.items()} == {"primary": 0, "baseline": 1}


def test_documents_of_another_run_and_damaged_ones_are_passed_over():
    picture = picture_of(start(), event(1, row(1)), ("event", {}), ("event_page", {}), ("unreadable", {}))
    assert picture.columns == {}
    assert picture.number == 5


def test_a_run_knows_its_own_documents():
    picture = picture_of(start(), descriptor())
    assert all(picture.owns(*document) for document in (start(), descriptor(), event(1, {}), stop()))
    others = (start("x"), descriptor(run="x"), event(1, {}, descriptor="x"), stop("x"), ("datum", {}))
    assert not any(picture.owns(*document) for document in others)
