"""A soft IOC for trying things out: two axes and a diode in a simulated beam. It knows nothing of Cuelight.

    python ioc.py PREFIX

It serves Channel Access where the variables EPICS_CA_* say, writes one line of JSON when it is ready, and ends when
its standard input is closed. A CA repeater runs inside it, so that no client needs to start one.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import math
import random
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from epicscorelibs.path import get_lib
from softioc import asyncio_dispatcher, builder, softioc

STEP_S = 0.02
SPEED = 10.0
"""Speed of an axis in millimetres per second."""

PEAK = 20_000.0
"""Counts per second in the middle of the beam."""

CENTRE = (0.4, -0.3)
WIDTH = 0.8
"""Where the beam is, and its standard deviation, in millimetres."""

TRACE_LENGTH = 1000


class Axis:
    """An axis: a put to SETPOINT completes when the axis rests, at its target or where STOP has caught it."""

    def __init__(self, name: str) -> None:
        self._target = 0.0
        self._position = 0.0
        self._moving = False
        self._setpoint = builder.aOut(
            f"{name}:SETPOINT",
            initial_value=0.0,
            EGU="mm",
            PREC=4,
            always_update=True,
            blocking=True,
            on_update=self._move,
        )
        self._stop = builder.boolOut(f"{name}:STOP", always_update=True, on_update=self._halt)
        self._readback = builder.aIn(f"{name}:READBACK", initial_value=0.0, EGU="mm", PREC=4)
        self._done = builder.boolIn(f"{name}:DONE", "Moving", "Done", initial_value=1)
        self._moves = builder.longIn(f"{name}:MOVES", initial_value=0)

    @property
    def position(self) -> float:
        """Where the axis is, in millimetres."""
        return self._position

    async def _move(self, target: float) -> None:
        self._target = target
        self._done.set(0)
        while True:
            await asyncio.sleep(STEP_S)
            way = self._target - self._position
            self._position += math.copysign(min(abs(way), SPEED * STEP_S), way)
            self._readback.set(self._position)
            if self._position == self._target:
                break
        self._moves.set(self._moves.get() + 1)
        self._done.set(1)

    def _halt(self, _: int) -> None:
        self._target = self._position


@dataclass
class Diode:
    """A diode behind the axes: a put to ACQUIRE completes when COUNTS has the new value.

    TRACE keeps the last values that were measured, in their order.
    """

    name: str
    axes: tuple[Axis, Axis]
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._exposure = builder.aOut(f"{self.name}:EXPOSURE", initial_value=0.02, DRVL=0.001, DRVH=60.0, EGU="s")
        self._acquire = builder.boolOut(
            f"{self.name}:ACQUIRE", always_update=True, blocking=True, on_update=self._measure
        )
        self._counts = builder.aIn(f"{self.name}:COUNTS", initial_value=0.0)
        self._trace = builder.WaveformIn(f"{self.name}:TRACE", initial_value=[], length=TRACE_LENGTH, datatype=float)
        self._measured: list[float] = []

    async def _measure(self, _: int) -> None:
        exposure_s = self._exposure.get()
        await asyncio.sleep(exposure_s)
        mean = PEAK * exposure_s * math.exp(-self._squared_distance() / (2 * WIDTH**2))
        # Counting noise, so that nobody can know a value who has not read it here.
        counts = float(max(0, round(self.chance.gauss(mean, math.sqrt(mean) + 1))))
        self._measured = [*self._measured, counts][-TRACE_LENGTH:]
        self._trace.set(self._measured)
        self._counts.set(counts)

    def _squared_distance(self) -> float:
        return sum((axis.position - centre) ** 2 for axis, centre in zip(self.axes, CENTRE, strict=True))


def serve(prefix: str) -> None:
    """Serve the records until standard input is closed."""
    _start_repeater()
    builder.SetDeviceName(prefix.removesuffix(":"))
    axes = (Axis("X"), Axis("Y"))
    Diode("DIODE", axes)
    builder.LoadDatabase()
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)
    _say({"prefix": prefix})
    sys.stdin.read()


def _start_repeater() -> None:
    library: Any = ctypes.CDLL(get_lib("ca"))
    threading.Thread(target=library.caRepeaterThread, args=(None,), daemon=True).start()


def _say(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
    # The repeater's thread never ends by itself.
    softioc.safeEpicsExit(0)
