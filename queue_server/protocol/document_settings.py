"""The setting that tells where documents of workers on other hosts come in; the limits of a manager are beside it."""

from __future__ import annotations

from pydantic import Field, field_validator

from queue_server.protocol.addresses import check_address
from queue_server.protocol.stop_limits import TimedLimits


class DocumentSettings(TimedLimits):
    """The limits of one manager, and where it takes documents."""

    worker_documents: str | None = Field(
        default=None,
        description="TCP address at which workers on other hosts publish documents, beside worker_link and with the "
        "same keys; without it their documents are recorded on their host, and not published.",
    )

    @field_validator("worker_documents")
    @classmethod
    def _check_worker_documents(cls, address: str | None) -> str | None:
        if address is None:
            return None
        if not check_address(address, is_open=True).startswith("tcp:") or int(address.rpartition(":")[2]) == 0:
            raise ValueError("workers on other hosts must find it again: write tcp://HOST:PORT, with a port above 0")
        return address
