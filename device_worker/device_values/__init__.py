"""Values of devices while somebody wants them: followed by subscription, told at most ten times per second."""

from __future__ import annotations

import logging
from typing import Protocol

from device_worker.device_values.follower import Devices
from device_worker.device_values.outlet import ValuesOutlet
from device_worker.documents.publish import Outlet
from queue_server.client.keys import CurveKeys
from queue_server.clock import Clock
from queue_server.protocol.errors import CommunicationError

_log = logging.getLogger(__name__)


class ValuesOptions(Protocol):
    """What decides where values go."""

    @property
    def documents(self) -> str | None:
        """Where documents are published, and values with them; None if they are not."""
        ...

    @property
    def keys(self) -> CurveKeys | None:
        """The keys of an encrypted connection."""
        ...

    @property
    def lane(self) -> str:
        """The lane of the worker."""
        ...

    @property
    def incarnation(self) -> str:
        """The identity of the process."""
        ...


class DeviceValuesFlow:
    """The way of values out of the worker; without an outlet nothing is followed."""

    def __init__(self, outlet: ValuesOutlet | None = None) -> None:
        self._outlet = outlet

    def use(self, devices: Devices) -> None:
        """Follow these devices from now on."""
        if self._outlet is not None:
            self._outlet.followers.use(devices)

    def look_again(self) -> None:
        """Find out which names mean other devices now."""
        if self._outlet is not None:
            self._outlet.followers.look_again()

    def close(self) -> None:
        """Let go of the connection."""
        if self._outlet is not None:
            self._outlet.close()


def open_device_values(options: ValuesOptions, clock: Clock) -> DeviceValuesFlow:
    """Return the way of the values of a worker, which is to be closed; nothing is followed before there are devices."""
    if options.documents is None:
        return DeviceValuesFlow()
    # A socket of the file system is protected by its mode.
    keys = options.keys if options.documents.startswith("tcp:") else None
    try:
        outlet = ValuesOutlet(Outlet(options.documents, options.lane, options.incarnation, keys), clock)
    except CommunicationError as error:
        _log.error("Values of devices are not told: %s", error)
        return DeviceValuesFlow()
    outlet.start()
    return DeviceValuesFlow(outlet)
