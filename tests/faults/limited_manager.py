"""A manager process that limits its own threads and processes: ``python -m tests.faults.limited_manager ORDERS …``.

ORDERS is the path of a named pipe: each line is how many there may be from then on, or ``all``.
"""

from __future__ import annotations

import os
import resource
import sys
import threading


def obey(orders: str) -> None:
    """Do as each line says."""
    before, most = resource.getrlimit(resource.RLIMIT_NPROC)
    with open(orders) as lines:
        for line in lines:
            wanted = before if line.strip() == "all" else int(line)
            resource.setrlimit(resource.RLIMIT_NPROC, (wanted, most))


if __name__ == "__main__":
    threading.Thread(target=obey, args=(sys.argv.pop(1),), daemon=True).start()
    from queue_server.__main__ import main

    code = main()
    sys.stdout.flush()
    os._exit(code)
