"""Puts together what serves devices, and lets it live as long as the application."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from fastapi import FastAPI

from http_gateway.config import GatewaySettings
from http_gateway.dialects.scanhub.access_watch import AccessWatch
from http_gateway.dialects.scanhub.device_lane import LinkPlace
from http_gateway.dialects.scanhub.device_socket import DeviceService
from http_gateway.dialects.scanhub.exam_access import provide_scan_tokens
from http_gateway.dialects.scanhub.means import Means
from http_gateway.dialects.scanhub.notebook import Notebook
from http_gateway.dialects.scanhub.porter import Porter
from http_gateway.dialects.scanhub.registry import Registry
from http_gateway.dialects.scanhub.seats import Seats
from http_gateway.dialects.scanhub.token_desk import ScanTokens
from http_gateway.dialects.scanhub.upload_sink import Store
from http_gateway.routes import Services
from queue_server.artifacts.store import open_artifacts
from queue_server.client.keys import read_pair
from queue_server.clock import Clock

_log = logging.getLogger(__name__)

DIRECTORY = "devices"
"""Where the notebook lies, in the data directory of the gateway."""
_THREADS = 8
_KEY_FILES = ("worker_key_file", "manager_key_file")


async def open_devices(app: FastAPI, stack: AsyncExitStack, services: Services, expiry: Clock) -> None:
    """Serve devices until ``stack`` ends. ``expiry`` tells what has expired.

    Raises:
        ParameterError: the keys of the link cannot be read.
        StorageError: the artifacts cannot be opened.
    """
    settings = services.settings
    place = _place_of(settings)
    notebook = Notebook(settings.data / DIRECTORY)
    tokens = ScanTokens(notebook, expiry)
    provide_scan_tokens(app, tokens)
    if place is None:
        return
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="device-files")
    stack.callback(threads.shutdown)
    artifacts = await asyncio.get_running_loop().run_in_executor(threads, open_artifacts, settings.data)
    registry = Registry(services.link)
    limits = settings.scanners.limits
    means = Means(services.clock, limits, place, registry, notebook, Store(artifacts, threads), tokens)
    seats = Seats(means)
    stack.push_async_callback(seats.close)
    await seats.restore()
    stack.push_async_callback(AccessWatch(services.link, services.feed, seats).close)
    ending = asyncio.create_task(_end(services, seats), name="end of devices")
    stack.callback(ending.cancel)
    app.state.device_service = DeviceService(Porter(registry, services.clock, services.vigil.ended), seats, limits)


def _place_of(settings: GatewaySettings) -> LinkPlace | None:
    if settings.worker_link is None:
        return None
    if settings.worker_key_file is None or settings.manager_key_file is None:
        return LinkPlace(settings.worker_link)
    return LinkPlace(settings.worker_link, read_pair(settings.worker_key_file, settings.manager_key_file, _KEY_FILES))


async def _end(services: Services, seats: Seats) -> None:
    await services.vigil.ended.wait()
    seats.shut_down()
