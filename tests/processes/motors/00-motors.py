"""Startup code with devices that take their time, and a journal of every stop on the clock that all processes share."""

import asyncio
import json
import threading
import time
from pathlib import Path

from bluesky import Msg, RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from ophyd.status import Status
from ophyd_async.core import AsyncStatus, StandardReadable, init_devices

HERE = Path(__file__).parent
STEP_S = 0.01
RE = RunEngine({})


def note(what, name):
    """Write down what has happened to a device, and when."""
    with (HERE / "journal").open("a") as stream:
        stream.write(json.dumps({"what": what, "device": name, "at": time.monotonic()}) + "\n")


class SlowMotor:
    """Moves one unit per second, and tells every position in a file."""

    parent = None

    def __init__(self, name):
        self.name = name
        self.position = 0.0
        self._go_on = threading.Event()

    def set(self, target):
        """Begin to move."""
        status = Status(self)
        self._go_on.set()
        note("set", self.name)
        threading.Thread(target=self._move, args=(target, status), daemon=True).start()
        return status

    def _move(self, target, status):
        while self._go_on.is_set() and abs(target - self.position) > STEP_S:
            time.sleep(STEP_S)
            self.position += STEP_S if target > self.position else -STEP_S
            (HERE / f"position-{self.name}").write_text(f"{self.position:.3f}")
        if self._go_on.is_set():
            status.set_finished()
        else:
            status.set_exception(RuntimeError("stopped on its way"))

    def stop(self, *, success=False):
        """Stop at once."""
        note("stop", self.name)
        self._go_on.clear()

    def read(self):
        """Return the position."""
        return {self.name: {"value": self.position, "timestamp": time.time()}}

    def describe(self):
        """Describe the position."""
        return {self.name: {"source": "test", "dtype": "number", "shape": []}}

    def read_configuration(self):
        """There is none."""
        return {}

    describe_configuration = read_configuration


class StuckMotor(SlowMotor):
    """Its stop() never returns."""

    def stop(self, *, success=False):
        """Hang."""
        note("stop", self.name)
        threading.Event().wait()


class BrokenMotor(SlowMotor):
    """Its stop() fails."""

    def stop(self, *, success=False):
        """Fail."""
        raise OSError("the controller does not answer")


class Shutter:
    """Can be set, and has no stop()."""

    parent = None
    name = "shutter"

    def set(self, value):
        """Set at once."""
        note("set", self.name)
        status = Status(self)
        status.set_finished()
        return status

    def read(self):
        """Return nothing."""
        return {}

    describe = read_configuration = describe_configuration = read


class AsyncMotor(StandardReadable):
    """Moves on the event loop, as devices of ophyd-async do."""

    def __init__(self, name=""):
        self._go_on = True
        self.value = 0.0
        super().__init__(name=name)

    @AsyncStatus.wrap
    async def set(self, target):
        """Move until there, or stopped."""
        self._go_on = True
        while self._go_on and self.value < target:
            await asyncio.sleep(STEP_S)
            self.value += STEP_S
        if not self._go_on:
            raise RuntimeError("stopped on its way")

    async def stop(self, success=True):
        """Stop at once."""
        note("stop", self.name)
        self._go_on = False


class Table:
    """Two motors that move together: has children, and moves nothing by itself."""

    def __init__(self, *parts):
        self._parts = parts

    def children(self):
        """Yield the parts by name."""
        return ((part.name, part) for part in self._parts)


motor, other, stuck, broken, shutter = (
    SlowMotor("motor"),
    SlowMotor("other"),
    StuckMotor("stuck"),
    BrokenMotor("broken"),
    Shutter(),
)
table = Table(SlowMotor("upper"), SlowMotor("lower"))
with init_devices():
    async_motor = AsyncMotor()


def move(target: float = 60.0):
    """Move for a minute, and back in the clean-up."""

    def back():
        yield from bps.mv(motor, 0)

    @bpp.run_decorator()
    def there():
        yield from bps.mv(motor, target)

    yield from bpp.finalize_wrapper(there(), back())


def move_async(target: float = 60.0):
    """Move the device of ophyd-async for a minute."""
    yield from bps.mv(async_motor, target)


def block(seconds: float = 60.0):
    """Move, and keep the event loop to oneself meanwhile."""
    yield Msg("set", motor, 60)
    yield from bps.null()
    note("blocked", "plan")
    time.sleep(seconds)


def linger(seconds: float = 60.0):
    """Move, and take long to clean up."""

    def wait():
        note("cleaning", "plan")
        yield from bps.sleep(seconds)

    yield from bpp.finalize_wrapper(bps.mv(motor, 60), wait())


def quick():
    """Do nothing."""
    yield from bps.null()


def work(seconds: float = 60.0):
    """Keep the main thread busy."""
    motor.set(60)
    note("blocked", "function")
    time.sleep(seconds)
