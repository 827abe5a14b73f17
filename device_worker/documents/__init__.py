"""Documents of runs on their way out of the worker: recorded in a file per run, and published."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Protocol

from device_worker.documents.flow import DocumentFlow
from device_worker.documents.publish import Outlet, Publisher
from device_worker.documents.record import Recorder
from device_worker.documents.sync import Syncer
from queue_server.client.keys import CurveKeys
from queue_server.clock import Clock
from queue_server.protocol.errors import CommunicationError

_log = logging.getLogger(__name__)


class DocumentOptions(Protocol):
    """What decides where documents go."""

    @property
    def data(self) -> Path | None:
        """The data directory of the manager, if it is on this host."""
        ...

    @property
    def state_dir(self) -> Path:
        """The directory that takes its place elsewhere."""
        ...

    @property
    def documents(self) -> str | None:
        """Where they are published; None if they are not."""
        ...

    @property
    def keys(self) -> CurveKeys | None:
        """The keys of an encrypted connection."""
        ...

    @property
    def lane(self) -> str:
        """The lane of the worker."""
        ...

    @property
    def incarnation(self) -> str:
        """The identity of the process."""
        ...


def open_documents(options: DocumentOptions, clock: Clock) -> DocumentFlow:
    """Return the way of the documents of a worker, which is to be closed; nothing is on the disk yet."""
    syncer = Syncer()
    syncer.start()
    recorder = Recorder(options.data or options.state_dir, syncer)
    host = "" if options.data is not None else socket.gethostname()
    return DocumentFlow(recorder, _open_publisher(options, clock), host)


def _open_publisher(options: DocumentOptions, clock: Clock) -> Publisher | None:
    if options.documents is None:
        return None
    # A socket of the file system is protected by its mode.
    keys = options.keys if options.documents.startswith("tcp:") else None
    try:
        publisher = Publisher(Outlet(options.documents, options.lane, options.incarnation, keys), clock)
    except (CommunicationError, OSError) as error:
        _log.error("Documents are recorded, but not published: %s", error)
        return None
    publisher.start()
    return publisher
