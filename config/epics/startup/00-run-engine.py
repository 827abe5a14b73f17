"""The RunEngine. ophyd-async devices connect in its event loop, so that it comes first."""

import json
import os

from bluesky import RunEngine

# Where the IOC's process variables begin, and how long a connection may take.
PREFIX = os.environ.get("EPICS_DEMO_PREFIX", "CUELIGHT:")
CONNECT_WITHIN_S = 5.0

RE = RunEngine({})


def write_document(name, document):
    """Append a document to the file that EPICS_DEMO_DOCUMENTS names, one line for each."""
    with open(os.environ["EPICS_DEMO_DOCUMENTS"], "a", encoding="utf-8") as file:
        file.write(json.dumps([name, document], default=str) + "\n")


if "EPICS_DEMO_DOCUMENTS" in os.environ:
    RE.subscribe(write_document)
