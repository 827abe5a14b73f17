"""Topics about devices, by their names."""

from __future__ import annotations

import pytest

from http_gateway.device_stream.topics import DeviceTopic, Place, read_device_topic


@pytest.mark.parametrize("device", ["m", "stage.x", "b/m", "*"])
def test_a_topic_names_a_device_as_requests_do(device):
    assert read_device_topic(f"devices:{device}") == DeviceTopic(f"devices:{device}", device)


@pytest.mark.parametrize("name", ["devices:", "devices", "device:m", "status", f"devices:{'m' * 513}"])
def test_other_names_are_of_no_device(name):
    assert read_device_topic(name) is None


def test_a_device_has_a_topic_and_a_key_of_its_own():
    assert (Place("default", "m").topic, Place("b", "m").topic) == ("devices:m", "devices:b/m")
    assert Place("default", "m").key != Place("b", "m").key
