"""The outlet: who subscribes decides what is followed, and whoever comes later gets the present values at once."""

from __future__ import annotations

import threading

import pytest
import zmq
from ophyd.sim import SynAxis

from device_worker.device_values.outlet import ValuesOutlet
from device_worker.documents.publish import Outlet
from device_worker.profile import ProfileError
from queue_server.clock import SystemClock
from queue_server.protocol.device_values import asking_topic, read_values, values_topic
from queue_server.transport.documents import DocumentsSocket, Door

PATIENCE_MS = 60_000
PATIENCE_S = 60


class Axis(SynAxis):
    """A motor that counts who has subscribed to its readback, and tells when that changes."""

    def __init__(self, name):
        super().__init__(name=name)
        self.subscribers = 0
        self.changed = threading.Condition()
        begin, end = self.readback.subscribe, self.readback.unsubscribe
        self.readback.subscribe = lambda *args, **options: self._count(1, begin(*args, **options))
        self.readback.unsubscribe = lambda cid: self._count(-1, end(cid))

    def _count(self, change, result):
        with self.changed:
            self.subscribers += change
            self.changed.notify_all()
        return result

    def wait_for(self, subscribers):
        """Wait until so many have subscribed."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.subscribers == subscribers, PATIENCE_S)


class Plain:
    """A device that can only be read."""

    name = "plain"
    parent = None

    def read(self):
        return {"plain": {"value": 1, "timestamp": 1.0}}

    def describe(self):
        return {"plain": {"source": "made", "dtype": "integer", "shape": []}}


class Hanging(Plain):
    """A device that answers only when it is let."""

    def __init__(self):
        self.begun, self.let = threading.Event(), threading.Event()

    def describe(self):
        self.begun.set()
        assert self.let.wait(PATIENCE_S)
        return super().describe()


class Broken(Plain):
    """A device that raises."""

    def describe(self):
        raise OSError("it is off")


class Namespace:
    """An environment with these devices."""

    def __init__(self, loop, **devices):
        self.loop = loop
        self.devices = devices

    def find_device(self, name):
        if name not in self.devices:
            raise ProfileError(f"There is no device {name!r} in this environment")
        return self.devices[name]


class Forwarder:
    """The manager's documents socket, and subscribers of it."""

    def __init__(self, directory):
        self._context = zmq.Context()
        self._subscribers = []
        self.near, self.far = f"ipc://{directory}/near", f"ipc://{directory}/far"
        self._forwarding = DocumentsSocket(self._context, Door(self.far), [Door(self.near)])

    def listen(self, device, asker):
        """Subscribe as a gateway does."""
        socket = self._context.socket(zmq.SUB)
        self._subscribers.append(socket)
        socket.connect(self.far)
        socket.subscribe(values_topic("default", device))
        socket.subscribe(asking_topic("default", device, asker))
        return socket

    def close(self):
        """End."""
        self._forwarding.close()
        self._context.destroy(0)


@pytest.fixture
def forwarder(tmp_path):
    forwarder = Forwarder(tmp_path)
    yield forwarder
    forwarder.close()


@pytest.fixture
def make_outlet(forwarder):
    made = []

    def make():
        outlet = ValuesOutlet(Outlet(forwarder.near, "default", "me"), SystemClock())
        outlet.start()
        made.append(outlet)
        return outlet

    yield make
    for outlet in made:
        outlet.close()


def receive(socket, is_it=lambda values: True):
    """Return the next values that are as described."""
    while True:
        assert socket.poll(PATIENCE_MS)
        values = read_values(socket.recv_multipart())
        if is_it(values):
            return values


def reads(value, signal="m"):
    return lambda values: signal in values.readings and values.readings[signal]["value"] == value


def test_a_subscriber_gets_what_there_is_and_then_what_changes(make_outlet, forwarder, loop):
    motor = Axis("m")
    make_outlet().followers.use(Namespace(loop, m=motor))
    socket = forwarder.listen("m", "a")
    first = receive(socket)
    assert (first.lane, first.device, first.incarnation, first.number, first.error) == ("default", "m", "me", 1, "")
    assert set(first.readings) == {"m", "m_setpoint"}
    motor.set(3).wait(PATIENCE_S)
    assert receive(socket, reads(3)).number > 1


def test_a_later_subscriber_gets_the_present_values_though_nothing_changes(make_outlet, forwarder, loop):
    make_outlet().followers.use(Namespace(loop, m=Axis("m")))
    receive(forwarder.listen("m", "a"))
    assert receive(forwarder.listen("m", "b"), reads(0)).device == "m"


def test_devices_are_subscribed_to_only_while_somebody_wants_them(make_outlet, forwarder, loop):
    motor, other = Axis("m"), Axis("m2")
    make_outlet().followers.use(Namespace(loop, m=motor, m2=other))
    first, second = forwarder.listen("m", "a"), forwarder.listen("m", "b")
    receive(first)
    receive(second)
    assert (motor.subscribers, other.subscribers) == (1, 0)
    first.close(0)
    second.unsubscribe(asking_topic("default", "m", "b"))
    motor.set(5).wait(PATIENCE_S)
    receive(second, reads(5))
    assert motor.subscribers == 1
    second.close(0)
    motor.wait_for(0)


def test_what_was_wanted_before_there_are_devices_is_followed_then(make_outlet, forwarder, loop):
    socket = forwarder.listen("m", "a")
    outlet = make_outlet()
    outlet.followers.use(Namespace(loop, m=Axis("m")))
    assert receive(socket).error == ""


def test_a_device_that_tells_no_changes_is_told_as_such(make_outlet, forwarder, loop):
    make_outlet().followers.use(Namespace(loop, plain=Plain()))
    told = receive(forwarder.listen("plain", "a"))
    assert told.readings["plain"]["value"] == 1
    assert "tells no changes" in told.note


def test_devices_that_fail_or_hang_disturb_no_other_one(make_outlet, forwarder, loop):
    hanging = Hanging()
    make_outlet().followers.use(Namespace(loop, broken=Broken(), hanging=hanging, m=Axis("m")))
    late = forwarder.listen("hanging", "a")
    assert hanging.begun.wait(PATIENCE_S)
    assert "it is off" in receive(forwarder.listen("broken", "a")).error
    assert "There is no device 'none'" in receive(forwarder.listen("none", "a")).error
    assert receive(forwarder.listen("m", "a")).error == ""
    hanging.let.set()
    assert receive(late).readings["plain"]["value"] == 1


def test_a_device_that_failed_is_tried_again_for_the_next_subscriber(make_outlet, forwarder, loop):
    namespace = Namespace(loop, m=Broken())
    make_outlet().followers.use(namespace)
    socket = forwarder.listen("m", "a")
    assert receive(socket).error
    namespace.devices["m"] = Axis("m")
    forwarder.listen("m", "b")
    assert receive(socket, reads(0)).error == ""


def test_a_name_that_means_another_device_is_followed_there(make_outlet, forwarder, loop):
    old, new = Axis("m"), Axis("m")
    namespace = Namespace(loop, m=old)
    outlet = make_outlet()
    outlet.followers.use(namespace)
    socket = forwarder.listen("m", "a")
    receive(socket)
    outlet.followers.look_again()
    namespace.devices["m"] = new
    outlet.followers.look_again()
    new.wait_for(1)
    old.wait_for(0)
    new.set(8).wait(PATIENCE_S)
    receive(socket, reads(8))
    del namespace.devices["m"]
    outlet.followers.look_again()
    assert "There is no device" in receive(socket, lambda values: values.error).error
    new.wait_for(0)


def test_while_nothing_changes_nothing_is_told(make_outlet, forwarder, loop):
    outlet = make_outlet()
    outlet.followers.use(Namespace(loop, m=Axis("m")))
    socket = forwarder.listen("m", "a")
    first = receive(socket)
    # The first subscription and the question of the subscriber may be two messages.
    outlet.followers.repeat("m")
    second = receive(socket)
    assert second.number in (first.number + 1, first.number + 2)
    assert outlet.followers.due_s() is None or second.number == first.number + 1
