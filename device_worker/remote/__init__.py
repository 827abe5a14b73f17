"""The kit for scanners: a program of a few lines that connects to a gateway and carries out its scans.

It needs no Bluesky and no hardware of ours; docs/how-to/connect-a-scanner.md shows how it is used.
"""

from device_worker.remote.credentials import Credentials, read_credentials
from device_worker.remote.frames import Details
from device_worker.remote.scan import Scan
from device_worker.remote.scanner import Scanner

__all__ = ["Credentials", "Details", "Scan", "Scanner", "read_credentials"]
