"""A scheduler of others with two threads that serve it: CERTIFICATE KEY.

It says its address, and ends with its standard input.
"""

import sys
from typing import Any

from distributed import LocalCluster, Security


def main(certificate, key):
    """Serve until nobody holds the other end of the standard input."""
    roles = ("client", "scheduler", "worker")
    certificates = {f"tls_{role}_cert": certificate for role in roles} | {f"tls_{role}_key": key for role in roles}
    security = Security(require_encryption=True, tls_ca_file=certificate, **certificates)
    options: dict[str, Any] = {"processes": False, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    cluster: Any
    with LocalCluster(protocol="tls://", host="127.0.0.1", security=security, **options) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
