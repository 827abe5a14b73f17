"""A stand-in for IPython's shell, for startup code that was written for an interactive session.

It offers the namespace and a log, and notes what it cannot do. It is not an interpreter.
"""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger(__name__)


class ShellStandIn:
    """What ``get_ipython()`` returns in startup code: ``user_ns`` is the namespace, ``log`` a logger.

    Magic commands have no effect here; each is noted in the log.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = namespace
        self.log = _log

    def run_line_magic(self, magic_name: str, line: str, *_: object) -> None:
        """Note that the magic command is skipped."""
        self.log.info("Skipping the magic command %r: there is no interactive shell", f"%{magic_name} {line}")

    def magic(self, line: str) -> None:
        """Note that the magic command is skipped."""
        self.run_line_magic(*line.partition(" ")[::2])

    def register_magics(self, *magics: object) -> None:
        """Note that the magic commands are skipped."""
        self.log.info("Skipping %d sets of magic commands: the worker has no interactive shell", len(magics))
