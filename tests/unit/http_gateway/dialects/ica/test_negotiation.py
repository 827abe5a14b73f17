"""Which version of the ICA interface a client gets, and which bodies are read."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from http_gateway.dialects.ica.errors import AcceptError, MediaTypeError
from http_gateway.dialects.ica.negotiation import Version, choose_version, require_version

V3, V4 = (version.media_type for version in (Version.V3, Version.V4))
BOTH, OLD = (Version.V3, Version.V4), (Version.V3,)


def request(**headers):
    """A request with headers; a list is a header that is there several times."""
    pairs = []
    for name, given in headers.items():
        pairs += [(name.replace("_", "-").encode(), value.encode()) for value in given]
    return Request({"type": "http", "headers": pairs})


def test_the_media_types_are_those_of_illumina():
    assert (V3, V4) == ("application/vnd.illumina.v3+json", "application/vnd.illumina.v4+json")


@pytest.mark.parametrize(
    ("accept", "served", "chosen"),
    [
        ([], BOTH, Version.V4),
        ([], OLD, Version.V3),
        ([""], BOTH, Version.V4),
        (["*/*"], BOTH, Version.V4),
        (["application/*"], OLD, Version.V3),
        ([V3], BOTH, Version.V3),
        ([V4], BOTH, Version.V4),
        ([f"{V3}, {V4}"], BOTH, Version.V4),
        ([f"{V4}, {V3}"], OLD, Version.V3),
        ([V3, V4], BOTH, Version.V4),
        ([f"{V3.upper()};q=0.1;charset=utf-8"], BOTH, Version.V3),
        ([f"{V4};q=0, {V3}"], BOTH, Version.V3),
        ([f"{V4}; Q=0.000, {V3}"], BOTH, Version.V3),
        ([f"{V4};q=0.001, {V3}"], BOTH, Version.V4),
        ([f"{V3}, */*"], BOTH, Version.V3),
        (["text/html, */*;q=0.1"], BOTH, Version.V4),
        (["application/problem+json"], BOTH, Version.V4),
        (["application/problem+json"], OLD, Version.V3),
        ([f"application/problem+json, {V3}"], BOTH, Version.V3),
        (["application/vnd.illumina.v5+json, */*"], BOTH, Version.V4),
    ],
)
def test_the_newest_version_that_is_named_is_taken_and_without_a_name_the_newest(accept, served, chosen):
    assert choose_version(request(accept=accept), served) is chosen


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ([V4], OLD),
        (["text/html"], BOTH),
        (["application/json"], BOTH),
        (["application/vnd.illumina.v5+json"], BOTH),
        ([f"{V3};q=0"], BOTH),
        (["*/*;q=0.0"], BOTH),
        (["application/problem+json, text/html"], BOTH),
        ([f"{V4}, application/problem+json"], OLD),
        ([","], BOTH),
    ],
)
def test_what_accepts_nothing_that_is_served_is_refused_in_the_words_of_ica(accept, served):
    with pytest.raises(AcceptError) as raised:
        choose_version(request(accept=accept), served)
    assert (raised.value.title, raised.value.message) == ("ICA_API_004", "Invalid Accept Header")


@pytest.mark.parametrize("given", [V3, f"{V3}; charset=utf-8", V3.upper()])
def test_a_body_of_version_3_is_read_whatever_its_parameters(given):
    require_version(request(content_type=[given]), Version.V3)


@pytest.mark.parametrize("given", [[], [""], [V4], ["application/json"], [V3, V4], [f"{V3}x"]])
def test_a_body_of_any_other_type_is_not(given):
    with pytest.raises(MediaTypeError, match="v3"):
        require_version(request(content_type=given), Version.V3)
