"""The entry of the worker process; everything else is in ``device_worker.process``."""

from __future__ import annotations

import sys

from device_worker.process import main

if __name__ == "__main__":
    sys.exit(main())
