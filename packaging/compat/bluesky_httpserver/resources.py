"""``SERVER_RESOURCES.RM``: the manager, for the handlers of custom routers."""

from __future__ import annotations

from bluesky_httpserver.manager import ManagerClient
from http_gateway.site import SITE


class ServerResources:
    """What custom routers share; one client for the time that a gateway serves."""

    def __init__(self) -> None:
        self._client: ManagerClient | None = None

    @property
    def RM(self) -> ManagerClient:  # noqa: N802 - the name that custom routers use
        """The manager. Refusals are returned as replies whose ``success`` is false.

        Raises:
            StateError: no gateway serves in this process yet.
        """
        if self._client is None:
            settings = SITE.settings
            self._client = ManagerClient(
                settings.control,
                settings.info,
                timeout_s=settings.timeout_s,
                request_fail_exceptions=False,
                server_key=settings.server_key,
            )
            SITE.call_at_end(self._close)
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


SERVER_RESOURCES = ServerResources()
