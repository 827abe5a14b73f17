"""What may be announced, and what is compared with it."""

from __future__ import annotations

import pytest

from queue_server.artifacts.expectation import MAX_SIZE_BYTES, Expectation
from queue_server.protocol.errors import ParameterError

SHA256 = "ab" * 32


@pytest.mark.parametrize(
    ("expectation", "field"),
    [
        (Expectation(size_bytes=-1), "size_bytes"),
        (Expectation(size_bytes=MAX_SIZE_BYTES + 1), "size_bytes"),
        (Expectation(size_bytes=11, max_size_bytes=10), "size_bytes"),
        (Expectation(sha256="ab"), "sha256"),
        (Expectation(sha256="g" * 64), "sha256"),
        (Expectation(sha256=SHA256 + "\n"), "sha256"),
        (Expectation(content_type="text"), "content_type"),
        (Expectation(content_type="text/plain\n"), "content_type"),
        (Expectation(content_type="text/" + "x" * 300), "content_type"),
    ],
)
def test_what_no_artifact_can_meet_is_refused_with_its_field(expectation, field):
    with pytest.raises(ParameterError) as caught:
        expectation.check()
    assert caught.value.field == field


def test_nothing_needs_to_be_known():
    Expectation().check()


def test_the_limit_itself_is_admitted():
    Expectation(size_bytes=MAX_SIZE_BYTES).check()


def test_a_checksum_may_be_in_upper_case():
    expectation = Expectation(sha256=SHA256.upper())
    expectation.check()
    expectation.check_end(0, SHA256)


def test_one_byte_more_than_the_limit_is_refused():
    Expectation(max_size_bytes=10).check_size(10)
    with pytest.raises(ParameterError, match="limit of 10 bytes") as caught:
        Expectation(max_size_bytes=10).check_size(11)
    assert caught.value.details["max_size_bytes"] == 10
