"""Where documents of runs come from: the files below the data root, and the documents socket of the manager."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink
from http_gateway.problem import problem_in
from http_gateway.run_stream.wakes import DocumentWakes, Hear
from queue_server.client.documents import documents_address_in
from queue_server.client.keys import CurveKeys
from queue_server.protocol.errors import CommunicationError

GATEWAY: Final = Caller(Identity("", "", frozenset({"read:config", "read:history"})))
"""The gateway itself, where it asks in nobody's name."""


@dataclass(frozen=True, slots=True)
class RunSources:
    """The data root, and how to reach the manager at ``control``."""

    link: ManagerLink
    data: Path
    control: str
    keys: CurveKeys | None = None

    async def connect(self, hear: Hear) -> DocumentWakes:
        """Listen to what workers publish.

        Raises:
            CommunicationError: the manager does not answer, or publishes no documents.
        """
        return DocumentWakes(await self.find_documents(), self.keys, hear)

    async def find_documents(self) -> str:
        """Return the address at which workers publish.

        Raises:
            CommunicationError: the manager does not answer, or publishes no documents.
        """
        reply = await self.link.call("config_get", {}, GATEWAY)
        if not reply.get("success"):
            raise CommunicationError(problem_in(reply).text)
        return documents_address_in(reply, self.control)
