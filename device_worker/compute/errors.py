"""What can go wrong with processing graphs, apart from wrong parameters, which are a ``ParameterError``.

::

    ComputeError
    ├── GraphError           a graph or node of the startup code cannot be used as it is written
    ├── OutputError          a value cannot be written into the file that it is meant for
    ├── ComputeUnavailable   nothing can be computed here: a library, a process or a scheduler is missing
    └── StepError            a step of a graph has ended without its value
        ├── NodeFailure      its code raised an error
        └── StepForbidden    it was about to start when its graph had ended
"""

from __future__ import annotations


class ComputeError(Exception):
    """A processing graph cannot be described or executed."""


class GraphError(ComputeError):
    """A graph or node of the startup code cannot be used as it is written.

    Attributes:
        traceback: the formatted traceback, beginning with the graph's own code; empty where none of it raised.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class OutputError(ComputeError):
    """A value cannot be written into the file that it is meant for."""


class ComputeUnavailable(ComputeError):
    """Nothing can be computed here: a library, a process or a scheduler is missing."""


class StepError(ComputeError):
    """A step of a graph has ended without its value."""


class NodeFailure(StepError):
    """The code of a node raised an error; everything is text, so that it can travel between processes."""

    def __init__(self, node: str, message: str, traceback: str) -> None:
        super().__init__(node, message, traceback)
        self.node = node
        self.message = message
        self.traceback = traceback

    def __str__(self) -> str:
        return f"Node {self.node!r} failed: {self.message}"


class StepForbidden(StepError):
    """A step was about to start when its graph had ended."""
