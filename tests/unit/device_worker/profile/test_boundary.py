from __future__ import annotations

import pytest

from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code


class Hidden(Exception):
    def __str__(self):
        return ""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no beam"), "Trying: no beam"),
        (SystemExit(3), "Trying: 3"),
        (Hidden(), "Trying: Hidden"),
        (ProfileError("inner"), "Trying: inner"),
    ],
)
def test_whatever_profile_code_raises_becomes_a_profile_error(error, message):
    with pytest.raises(ProfileError, match=message) as caught, profile_code("Trying"):
        raise error
    assert caught.value.__cause__ is error
    assert __file__ in caught.value.traceback


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_orders_to_end_pass(error):
    with pytest.raises(type(error)), profile_code("Trying"):
        raise error


def test_the_traceback_shows_what_led_to_the_failure():
    with pytest.raises(ProfileError) as caught, profile_code("Trying"):
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    assert "KeyError: 'first'" in caught.value.traceback
    assert caught.value.traceback.rstrip().endswith("ValueError: second")
