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


def is_re_worker_active() -> bool:
    """Tell startup code whether it is executed by a worker, where nobody can answer a prompt."""
    return _is_set(_WORKER_ACTIVE)


def is_ipython_mode() -> bool:
    """Tell startup code whether it is executed by a worker with an IPython kernel."""
    return is_re_worker_active() and _is_set(_IPYTHON_KERNEL)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in _FALSE
