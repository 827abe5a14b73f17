from __future__ import annotations

import json

import pytest

from device_worker.remote import Credentials, read_credentials

GOOD = {"device_id": "9b2e", "device_token": "secret-token"}


@pytest.fixture
def write(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "device_credentials.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        path.chmod(mode)
        return path

    return write


def test_the_file_of_a_registration_is_read(write):
    credentials = read_credentials(str(write(GOOD)))
    assert credentials == Credentials("9b2e", "secret-token")
    assert credentials.headers() == {"Device-Id": "9b2e", "Device-Token": "secret-token"}


def test_the_token_is_not_shown(write):
    assert "secret-token" not in repr(read_credentials(write(GOOD)))


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_can_read_is_refused_with_the_correction(write, mode):
    with pytest.raises(PermissionError, match="chmod 600"):
        read_credentials(write(GOOD, mode))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret-token", "no JSON object"),
        ("[]", "no JSON object"),
        ({"device_id": "9b2e"}, "'device_token' is missing"),
        ({**GOOD, "device_id": 7}, "'device_id' is no text"),
        ({**GOOD, "device_token": ""}, "'device_token' is no text"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_without_its_contents(write, text, said):
    with pytest.raises(ValueError, match=said) as refusal:
        read_credentials(write(text))
    assert "secret-token" not in str(refusal.value)
