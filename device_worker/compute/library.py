"""The one place that imports Dask, when graphs are to be executed; a worker without it works for all else."""

from __future__ import annotations

import importlib
from types import ModuleType

from device_worker.compute.errors import ComputeUnavailable

# Dask distributes, cryptography makes the certificates of an embedded cluster, Pillow writes images.
_NEEDED = ("dask", "distributed", "cloudpickle", "cryptography", "PIL")


def check_installed() -> None:
    """See to it that everything is there that graphs need.

    Raises:
        ComputeUnavailable: names what is missing and the extra that brings it.
    """
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ComputeUnavailable(
                f"Processing graphs need the library {name!r}, which cannot be imported ({error}): install the extra "
                "'compute', pip install 'cuelight[compute]'"
            ) from error


def load_distributed() -> ModuleType:
    """Return the package ``distributed``, with all that it needs here.

    Raises:
        ComputeUnavailable: something is missing.
    """
    check_installed()
    import distributed

    return distributed
