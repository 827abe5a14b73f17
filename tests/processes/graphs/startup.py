"""Startup code with graphs whose nodes wait, fail and never end. Nodes and test meet at named pipes."""

import os
import re
from pathlib import Path

from beside_graphs import take_apart

from device_worker.compute import InputFile, graph, node
from device_worker.sim.reconstruction import reconstruct_image, simulate_scan  # noqa: F401

DIVISOR = 7


@node
def give(pipe):
    """Wait for the other end of a pipe and write the number of this process into it."""
    Path(pipe).write_text(str(os.getpid()))
    return os.getpid()


@node
def take(pipe):
    """Wait for the other end of a pipe and return the numbers of both processes."""
    return [os.getpid(), int(Path(pipe).read_text())]


@node
def join(*parts):
    """Return the arguments."""
    return list(parts)


@node
def count(file: Path):
    """Divide the size of a file."""
    return file.stat().st_size / DIVISOR


@node
def never_end(pipe):
    """Tell that it has begun, and then keep the interpreter's lock for ever."""
    Path(pipe).write_text(str(os.getpid()))
    return re.fullmatch("(a+)+b", "a" * 64)


@node
def wait(begun, end):
    """Tell that it has begun, and wait for the other end of a second pipe."""
    Path(begun).write_text(str(os.getpid()))
    return Path(end).read_text()


@graph
def meet(pipe: str):
    """Two nodes that can only end when they run at the same time."""
    return {"met.json": join(give(pipe), take(pipe))}


@graph
def divide(file: InputFile, parts: int = 0):
    """Take the size of a file apart; without parts a node fails."""
    return {"size.json": count(file), "part.json": join(count(file), node(take_apart)(count(file), parts))}


@graph
def hang(pipe: str):
    """A node that nothing ends but the end of its process, and one after it."""
    return {"hung.json": join(never_end(pipe))}


@graph
def linger(begun: str, end: str):
    """A node that waits until it is told to end."""
    return {"lingered.txt": wait(begun, end)}
