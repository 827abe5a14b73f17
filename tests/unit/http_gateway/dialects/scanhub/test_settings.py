"""The settings about scanners: the limits of a session unless something else is said, and within reason."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from http_gateway.dialects.scanhub.model import DEFAULT_LIMITS
from http_gateway.dialects.scanhub.settings import ScannerSettings


def test_without_a_word_the_limits_are_those_of_the_session():
    assert ScannerSettings().limits == DEFAULT_LIMITS


def test_what_is_said_becomes_a_limit():
    limits = ScannerSettings(acknowledgement_s=3, upload_bytes=5).limits
    assert (limits.acknowledgement_s, limits.upload_bytes, limits.liveness_s) == (3, 5, DEFAULT_LIMITS.liveness_s)


@pytest.mark.parametrize("given", [{"liveness_s": 0}, {"upload_bytes": -1}, {"register_s": "soon"}, {"more": 1}])
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(ValidationError):
        ScannerSettings(**given)
