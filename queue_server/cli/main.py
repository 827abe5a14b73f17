"""The command ``cuelight``: runs the verb that is asked for, and turns errors into words and exit codes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

from queue_server.cli import render
from queue_server.cli.failures import INTERRUPTED, exit_code_of, fix_for
from queue_server.cli.quick import run_status
from queue_server.protocol.errors import CuelightError


def main() -> NoReturn:
    """Run the command with the words of the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    try:
        if words[:1] == ["status"] and run_status(words[1:]):
            return 0
        # What is loaded stays: to look for garbage in it again and again would only take time.
        gc.disable()
        from queue_server.cli.tree import run_tree

        gc.enable()
        return run_tree(words)
    except CuelightError as error:
        return _explain(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _explain(error: CuelightError) -> int:
    render.say(f"Error: {error.message}")
    fix = fix_for(error)
    if fix:
        render.say(fix)
    return exit_code_of(error)


if __name__ == "__main__":
    main()
