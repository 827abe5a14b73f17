"""What workers tell of devices, one subscription each; connected only while any device is followed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

import zmq

from http_gateway.device_stream.topics import Place
from queue_server.client.edge import Reader
from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_subscriber, shared_context
from queue_server.protocol.device_values import DeviceValues, asking_topic, read_values, values_topic
from queue_server.protocol.errors import EnvelopeError

Hear = Callable[[DeviceValues], None]


class ValuesSource:
    """Calls ``hear`` with what is told of the devices that are followed; for one event loop."""

    def __init__(self, address: str, keys: CurveKeys | None, hear: Hear) -> None:
        """Connect.

        Raises:
            CommunicationError: the address cannot be used.
        """
        self._hear = hear
        self._asked: dict[Place, bytes] = {}
        self._socket = shared_context().socket(zmq.SUB)
        connect_subscriber(self._socket, address, (), keys)
        self._reader = Reader((self._socket, self._take))

    def follow(self, place: Place) -> None:
        """Hear of a device from now on, at first what is known of it."""
        self._socket.setsockopt(zmq.SUBSCRIBE, values_topic(place.lane, place.device))
        self.ask(place)

    def ask(self, place: Place) -> None:
        """Have the values of a device told again; a worker that has failed to follow it tries again."""
        self._forget_asking(place)
        # Of a name that somebody else has used already, the worker would learn nothing.
        self._asked[place] = asking_topic(place.lane, place.device, uuid.uuid4().hex)
        self._socket.setsockopt(zmq.SUBSCRIBE, self._asked[place])
        # To subscribe may use up what the socket tells of messages that wait.
        self._reader.look_soon()

    def leave(self, place: Place) -> None:
        """Hear of a device no more."""
        self._forget_asking(place)
        self._socket.setsockopt(zmq.UNSUBSCRIBE, values_topic(place.lane, place.device))
        self._reader.look_soon()

    def close(self) -> None:
        """Hear nothing more."""
        self._reader.close()
        self._socket.close(linger=0)

    def _forget_asking(self, place: Place) -> None:
        topic = self._asked.pop(place, None)
        if topic is not None:
            self._socket.setsockopt(zmq.UNSUBSCRIBE, topic)

    def _take(self, frames: Sequence[bytes]) -> None:
        try:
            values = read_values(frames)
        except EnvelopeError:
            return
        self._hear(values)
