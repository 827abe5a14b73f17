"""Startup code for tests of the worker process: plans wait for files, so that a test decides when they go on."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from bluesky import Msg
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.plans import count, grid_scan, scan  # noqa: F401
from ophyd.sim import hw

hardware = hw()
det1, motor, motor1, motor2 = hardware.det1, hardware.motor, hardware.motor1, hardware.motor2


def _say(what) -> None:
    sys.stdout.write(f"{what}\n")


def _until(path):
    while not Path(path).exists():
        yield from bps.checkpoint()
        yield from bps.sleep(0.02)


@bpp.run_decorator(md={"num_points": 2})
def measure_around(path):
    """Measure once, wait for a file at checkpoints, measure again."""
    yield from bps.trigger_and_read([det1])
    yield from _until(path)
    yield from bps.trigger_and_read([det1])


@bpp.run_decorator(md={"num_points": 2})
def measure_twice_in_one_step(path):
    """Measure without a new checkpoint until there is a file, then once more: a pause leads back to the first."""
    yield from bps.checkpoint()
    yield from bps.trigger_and_read([det1])
    while not Path(path).exists():
        yield from bps.sleep(0.02)
    yield from bps.checkpoint()
    yield from bps.trigger_and_read([det1])


@bpp.run_decorator(md={})
def measure_without_checkpoint(path):
    """Measure, and wait for a file where no pause is possible."""
    yield from bps.trigger_and_read([det1])
    yield from bps.clear_checkpoint()
    while not Path(path).exists():
        yield from bps.sleep(0.02)


@bpp.run_decorator(md={})
def block_loop(path):
    """Measure, and block the event loop of the RunEngine until there is a file."""
    yield from bps.checkpoint()
    yield from bps.trigger_and_read([det1])
    while not Path(path).exists():
        time.sleep(0.02)
    yield from bps.null()
    yield from bps.sleep(0.02)


@bpp.run_decorator(md={})
def fail(message):
    """Fail."""
    yield from bps.trigger_and_read([det1])
    raise ValueError(message)


@bpp.run_decorator(md={})
def fail_in_cleanup(path):
    """Fail while it is being stopped."""
    try:
        yield from _until(path)
    finally:
        raise OSError("the shutter is stuck")


def leave(way):
    """Try to end the worker."""
    yield from bps.null()
    if way == "exit":
        sys.exit("enough")
    raise KeyboardInterrupt


def leave_at_once():
    """Try to end the worker before there is a message."""
    sys.exit(3)
    yield from bps.null()


def kill_worker():
    """Really end the worker."""
    yield from bps.null()
    os.kill(os.getpid(), signal.SIGKILL)


@bpp.run_decorator(md={})
def tell_worker_twice_to_end(path):
    """Send SIGTERM twice to a thread that is not the main one, which waits; then wait for a file at checkpoints."""
    for _ in range(2):
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        yield from bps.checkpoint()
    yield from _until(path)


class _SlowToResume:
    """Goes on after a pause when there is a file."""

    def __init__(self, path):
        self.path = path

    def pause(self):
        pass

    def resume(self):
        _say("resuming")
        while not Path(self.path).exists():
            time.sleep(0.02)


@bpp.run_decorator(md={})
def resume_slowly(resume_path, path):
    """Measure, and wait for a file at checkpoints; a pause ends when there is another."""
    yield from bps.trigger_and_read([det1])
    yield Msg("null", _SlowToResume(resume_path))
    yield from _until(path)


def two_runs(number):
    """Count twice."""
    yield from count([det1], num=number)
    yield from count([det1], num=number)


def do_nothing():
    """Open no run."""
    yield from bps.null()


def print_start(name):
    """Print an entry of the start document."""
    yield from bps.subscribe("start", lambda _, start: _say(start[name]))
    yield from count([det1])


def talk(text):
    """Print."""
    yield from bps.null()
    _say(text)
    sys.stderr.write(f"to stderr: {text}\n")
