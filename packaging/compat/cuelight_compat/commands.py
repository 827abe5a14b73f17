"""The commands of bluesky-queueserver and bluesky-httpserver: each runs what stands for it in Cuelight."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import entry_points

from cuelight_compat import StockPackageError, refuse_stock_packages


def start_re_manager() -> int:
    """Start the whole system."""
    return _run("re-manager", "start-re-manager")


def qserver() -> int:
    """Send one request to a manager."""
    return _run("qserver", "qserver")


def list_plans_devices() -> int:
    """Write the lists of plans and devices of startup code."""
    return _run("list-plans-devices", "qserver-list-plans-devices")


def zmq_keys() -> int:
    """Make a pair of CURVE keys."""
    return _run("zmq-keys", "qserver-zmq-keys")


def clear_lock() -> int:
    """Remove a lock whose key is lost."""
    return _run("clear-lock", "qserver-clear-lock")


def console_monitor() -> int:
    """Print the console output that a manager publishes."""
    return _run("console-monitor", "qserver-console-monitor")


def start_bluesky_httpserver() -> int:
    """Serve HTTP in front of a manager."""
    return _run("gateway", "start-bluesky-httpserver")


def _run(name: str, program: str) -> int:
    try:
        refuse_stock_packages()
    except StockPackageError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    found = list(entry_points(group="cuelight.commands", name=name))
    if not found:
        # Not a program of its own, but a verb of the command.
        from queue_server.cli.main import run

        return run([name, *sys.argv[1:]])
    main: Callable[..., int] = found[0].load()
    return main(sys.argv[1:], program=program)
