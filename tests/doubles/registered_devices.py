"""Registered devices as tests need them: records as stores keep them, and tokens with their digests."""

from __future__ import annotations

from typing import Any

from queue_server.protocol.devices import Device, DeviceDetails, DeviceToken, digest_token
from tests.doubles.exam_records import CREATED, identity

TOKEN = "0123456789abcdef" * 4
OTHER_TOKEN = "fedcba9876543210" * 4
DIGEST, OTHER_DIGEST = digest_token(TOKEN), digest_token(OTHER_TOKEN)


def device(name="scanner", **more: Any) -> Device:
    """Return a device with the token ``TOKEN``; its id is the one that the name stands for."""
    known = {"description": "a scanner", "token": DeviceToken(DIGEST), "creator": "anna", "created": CREATED}
    return Device(**{"id": identity(name), "name": name, **known, **more})


def full_device(name="full", **more: Any) -> Device:
    """Return a device with everything that one can have."""
    details = DeviceDetails(
        device_name="low field", serial_number="é-1", manufacturer="ACME", modality="MR", site="room 3"
    )
    known = {
        "details": details,
        "parameter": {"frequency": 2.1e6, "shims": [1, 2.5, None], "on": True, "deep": {"a": {"b": "é\0😀"}}},
        "registered_parameter": {},
        "token": DeviceToken(DIGEST, OTHER_DIGEST, CREATED + 60.0),
        "generation": 7,
        "last_address": "192.0.2.7",
        "last_seen": CREATED + 30.25,
        "updated": CREATED + 1.0,
    }
    return device(name, **{**known, **more})
