"""Tells the metadata that the RunEngine puts into every run. Changes none of it."""

from __future__ import annotations

import logging

from bluesky import RunEngine

from device_worker.commands import Reporter
from device_worker.plain_value import make_map_plain
from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code
from queue_server.protocol.worker_link import Metadata

_log = logging.getLogger(__name__)


def show_metadata(engine: RunEngine, reporter: Reporter) -> None:
    """Send the present metadata; where they cannot be read, the manager keeps what it knows."""
    try:
        # The profile decides what kind of map they are; it may live in a file or on a server.
        with profile_code("The metadata of the RunEngine cannot be read"):
            values = make_map_plain(dict(engine.md))
    except ProfileError as error:
        _log.warning("%s", error)
    else:
        reporter.show_metadata(Metadata(values=values))
