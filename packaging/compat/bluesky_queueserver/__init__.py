"""The names that startup code imports from bluesky-queueserver; they stand for functions of Cuelight's worker."""

from __future__ import annotations

from cuelight_compat import refuse_stock_packages

refuse_stock_packages()

from device_worker.profile.stock_names import SUPPLIED, supply_stock_names  # noqa: E402

# The modules inside this package are found where the worker finds them for startup code.
supply_stock_names()
globals().update(SUPPLIED[__name__])
