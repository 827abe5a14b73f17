"""Device sessions in the situations that the rules tell apart."""

from __future__ import annotations

import pytest

from tests.doubles.device_sdk import opened
from tests.doubles.device_session import order_of


@pytest.fixture
def registered():
    """A session whose device is connected and registered, and the device."""
    return opened()


@pytest.fixture
def dispatched(registered):
    """The same with an item that was sent."""
    registered[0].dispatch()
    return registered


@pytest.fixture
def running(dispatched):
    """The same with a scan that is half through."""
    dispatched[1].busy()
    dispatched[1].progress(50)
    return dispatched


@pytest.fixture
def uploading(running):
    """The same after the end of the callback, with one file missing."""
    running[1].online()
    return running


@pytest.fixture
def lost(running):
    """The same after the connection was lost during the scan, connected and registered again."""
    running[0].close()
    running[0].open()
    running[1].register()
    return running


@pytest.fixture
def dataless(registered):
    """A registered device with an item that expects no file."""
    registered[0].dispatch(order_of(expected_uploads=0))
    return registered
