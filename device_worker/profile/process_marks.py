"""The environment variables by which startup code learns that it runs inside a worker."""

from __future__ import annotations

import os

_WORKER_ACTIVE = "_QSERVER_RE_WORKER_ACTIVE"
_IPYTHON_KERNEL = "_QSERVER_RUNNING_IPYTHON_KERNEL"
_FALSE = frozenset({"", "n", "no", "f", "false", "off", "0"})


def mark_worker_process(*, ipython_kernel: bool = False) -> None:
    """Mark this process as a worker; call it before startup code is loaded."""
    os.environ[_WORKER_ACTIVE] = "1"
    os.environ[_IPYTHON_KERNEL] = "1" if ipython_kernel else "0"


def set_re_worker_active() -> None:
    """Mark this process as a worker, for tests of startup code."""
    os.environ[_WORKER_ACTIVE] = "1"


def clear_re_worker_active() -> None:
    """Remove the mark of a worker, for tests of startup code."""
    os.environ.pop(_WORKER_ACTIVE, None)


def set_ipython_mode(using_ipython: bool) -> None:
    """Mark whether the worker has an IPython kernel, for tests of startup code."""
    os.environ[_IPYTHON_KERNEL] = "1" if using_ipython else "0"


def clear_ipython_mode() -> None:
    """Remove the mark of the IPython kernel, for tests of startup code."""
    os.environ.pop(_IPYTHON_KERNEL, None)


def is_re_worker_active() -> bool:
    """Tell startup code whether it is executed by a worker, where nobody can answer a prompt."""
    return _is_set(_WORKER_ACTIVE)


def is_ipython_mode() -> bool:
    """Tell startup code whether it is executed by a worker with an IPython kernel."""
    return is_re_worker_active() and _is_set(_IPYTHON_KERNEL)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in _FALSE
