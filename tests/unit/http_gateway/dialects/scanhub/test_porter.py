"""Who is let in: by credentials that the manager knows; everything else is refused alike, and ever later."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.dialects.scanhub.credentials import Antechamber
from http_gateway.dialects.scanhub.porter import Porter
from http_gateway.dialects.scanhub.registry import Admission
from http_gateway.errors import CredentialError
from queue_server.clock import ManualClock
from queue_server.protocol.errors import CommunicationError
from tests.doubles.device_session import DEVICE, OTHER

TOKEN = "a device token of more than thirty-two characters"
RIGHT = {"Device-Id": DEVICE, "Device-Token": TOKEN}


class Registry:
    """Knows one device."""

    def __init__(self):
        self.is_there = True

    async def connect(self, device_id, token, address):
        """Admit that device."""
        if not self.is_there:
            raise CommunicationError("away")
        if (device_id, token) != (DEVICE, TOKEN):
            raise CredentialError("wrong")
        return Admission(device_id, 1, address)


@pytest.fixture
def stopping():
    """Set: whoever is refused is not kept waiting."""
    stopping = asyncio.Event()
    stopping.set()
    return stopping


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def porter(registry, stopping):
    return Porter(registry, ManualClock(), stopping, Antechamber(most_per_address=1))  # type: ignore[arg-type]


async def test_a_device_that_is_known_is_let_in(porter):
    assert await porter.admit(RIGHT, "10.0.0.7") == Admission(DEVICE, 1, "10.0.0.7")
    shouted = {name.upper(): value for name, value in RIGHT.items()}
    assert (await porter.admit(shouted, "10.0.0.7")).device_id == DEVICE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Device-Id": DEVICE},
        {"Device-Token": TOKEN},
        {"Device_Id": DEVICE, "Device_Token": TOKEN},
        {**RIGHT, "Device-Id": "no uuid"},
        {**RIGHT, "Device-Id": OTHER},
        {**RIGHT, "Device-Token": TOKEN[:-1]},
        {**RIGHT, "Device-Token": "x" * 5000},
    ],
)
async def test_whatever_is_wrong_is_refused_in_the_same_words(porter, headers, caplog):
    with pytest.raises(CredentialError) as caught:
        await porter.admit(headers, "10.0.0.7")
    assert str(caught.value.message) == "The credentials of the device are missing, malformed or wrong."
    assert TOKEN[:-1] not in caplog.text


async def test_a_refusal_takes_a_while_and_people_are_told_once(porter, stopping, caplog):
    for _ in range(5):
        with pytest.raises(CredentialError):
            await porter.admit({}, "10.0.0.7")
    assert caplog.text.count("keep coming from 10.0.0.7") == 1
    stopping.clear()
    waiting = asyncio.create_task(porter.admit({}, "10.0.0.7"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.shield(waiting)
    stopping.set()
    with pytest.raises(CredentialError):
        await waiting


async def test_a_manager_that_does_not_answer_is_no_failure_of_the_device(porter, registry):
    registry.is_there = False
    with pytest.raises(CommunicationError):
        await porter.admit(RIGHT, "10.0.0.7")


async def test_there_is_room_for_a_few_that_nobody_knows_yet(porter):
    async with porter.waiting("10.0.0.7") as first, porter.waiting("10.0.0.7") as second:
        assert (first, second) == (True, False)
    async with porter.waiting("10.0.0.7") as again:
        assert again
