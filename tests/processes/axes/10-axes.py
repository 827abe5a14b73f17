"""Startup code beside the light one: an axis that takes its time, under the name of the shared shutter, and a plan."""

import threading
import time

from bluesky import plan_stubs as bps
from ophyd.status import Status

STEP_S = 0.02


class Axis:
    """Moves one unit per second, within limits."""

    parent = None
    limits = (-100, 100)

    def __init__(self, name):
        self.name = name
        self.position = 0.0
        self._go_on = threading.Event()

    def set(self, target):
        """Begin to move."""
        status = Status(self)
        self._go_on.set()
        threading.Thread(target=self._move, args=(target, status), daemon=True).start()
        return status

    def _move(self, target, status):
        while self._go_on.is_set() and abs(target - self.position) > STEP_S:
            time.sleep(STEP_S)
            self.position += STEP_S if target > self.position else -STEP_S
        if self._go_on.is_set():
            status.set_finished()
        else:
            status.set_exception(RuntimeError("stopped on its way"))

    def stop(self, *, success=False):
        """Stop at once."""
        self._go_on.clear()

    def read(self):
        """Return the position."""
        return {self.name: {"value": self.position, "timestamp": time.time()}}

    def describe(self):
        """Describe the position."""
        return {self.name: {"source": "test", "dtype": "number", "shape": [], "units": "mm"}}

    def read_configuration(self):
        """There is none."""
        return {}

    describe_configuration = read_configuration


shutter = Axis("shutter")


def touch_shutter():
    """Move the shutter a little."""
    yield from bps.mv(shutter, 0.1)
