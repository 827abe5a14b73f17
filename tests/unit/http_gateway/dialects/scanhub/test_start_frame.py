"""The start frame: its fields and its size."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from http_gateway.dialects.scanhub.refusals import StartTooLargeError
from http_gateway.dialects.scanhub.start_frame import (
    Sequence,
    Task,
    check_start,
    measure_start,
    most_start_bytes,
)

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("client", "most"),
    [("gen2", 1_048_576), ("unknown", 1_048_576), ("first", 1_048_576), ("gen3", 64 * 1024 * 1024)],
)
def test_the_size_depends_on_the_generation_and_the_last_byte_counts(client, most):
    assert most_start_bytes(client) == most
    check_start(most, client)
    with pytest.raises(StartTooLargeError) as caught:
        check_start(most + 1, client)
    assert caught.value.http_status == 413
    assert caught.value.details == {"size_bytes": most + 1, "most_bytes": most}


def test_the_size_is_counted_in_bytes_of_utf8():
    assert measure_start("aé€") == 6


def test_times_need_their_offset():
    with pytest.raises(ValidationError, match="offset"):
        Task(name="", creator="", created=NOW.replace(tzinfo=None), sequence_id="1")


def test_a_sequence_has_its_id_with_an_underscore():
    fields = {"name": "", "description": "", "sequence_type": "", "created_at": NOW, "seq_file": None}
    assert Sequence.model_validate({"_id": "1"} | fields).id == "1"
    with pytest.raises(ValidationError):
        Sequence.model_validate({"id": "1"} | fields)
