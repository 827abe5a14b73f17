"""A site with scanners on the real ScanHub device SDK: a whole system behind TLS, and processes of both generations.

`GEN2` and `GEN3` are checkouts of that project at the commits of the two generations, `SCANHUB_PYTHON` an interpreter
that has what the SDK needs. Without them nothing here is collected; `make clients-scanhub` sets them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clients.scanhub.scanner_process import Kit, ScannerProcess
from tests.clients.scanhub.site import Cable, Site

KITS = {name.lower(): Path(os.environ[name]) for name in ("GEN2", "GEN3") if os.environ.get(name)}
collect_ignore_glob = [] if len(KITS) == 2 and os.environ.get("SCANHUB_PYTHON") else ["test_*.py"]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A system of real processes behind TLS, with accounts; nothing of it may be left at the end."""
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def connect(site, tmp_path):
    """Start scanners, each a process of its own; what still runs at the end of the test is killed."""
    made = []

    def start(device, generation, **wanted):
        kit = Kit(generation, KITS[generation], os.environ["SCANHUB_PYTHON"])
        made.append(ScannerProcess(kit, site, device, tmp_path / f"scanner {len(made)}", **wanted))
        made[-1].wait_for("connected")
        return made[-1]

    yield start
    for scanner in made:
        scanner.kill()


@pytest.fixture
def cable(site):
    """A cable to the gateway that can be cut."""
    made = Cable(site.device_uri)
    yield made
    made.close()
