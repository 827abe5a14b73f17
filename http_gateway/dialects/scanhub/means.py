"""What the seats of all devices share in one process. It does nothing."""

from __future__ import annotations

from dataclasses import dataclass

from http_gateway.dialects.scanhub.device_lane import LinkPlace
from http_gateway.dialects.scanhub.model import Limits
from http_gateway.dialects.scanhub.notebook import Notebook
from http_gateway.dialects.scanhub.registry import Registry
from http_gateway.dialects.scanhub.token_desk import ScanTokens
from http_gateway.dialects.scanhub.upload_sink import Store
from queue_server.clock import Clock


@dataclass(frozen=True, slots=True)
class Means:
    """Time, limits, the manager's link and records, the notebook, the disk, and the scan tokens."""

    clock: Clock
    limits: Limits
    place: LinkPlace
    registry: Registry
    notebook: Notebook
    store: Store
    tokens: ScanTokens
