"""Drives journeys with either form of the client, and records which of its public names they use.

A journey is a generator of calls: each takes the client, and its value or error comes back into the journey.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from typing import Any

from bluesky_queueserver_api.http import REManagerAPI as BlockingHttpAPI
from bluesky_queueserver_api.http.aio import REManagerAPI as AsyncHttpAPI
from bluesky_queueserver_api.zmq import REManagerAPI as BlockingAPI
from bluesky_queueserver_api.zmq.aio import REManagerAPI as AsyncAPI

FORMS = {"blocking": BlockingAPI, "asynchronous": AsyncAPI}
HTTP_FORMS = {"blocking": BlockingHttpAPI, "asynchronous": AsyncHttpAPI}
MONITORS = ("console_monitor", "system_info_monitor")
STATUS_SETTINGS: dict[str, Any] = {"status_polling_period": 0.05, "status_expiration_period": 0.02}
SETTINGS = STATUS_SETTINGS | {"console_monitor_poll_timeout": 0.2, "system_info_monitor_poll_timeout": 0.2}
HTTP_SETTINGS = STATUS_SETTINGS | {"console_monitor_poll_period": 0.1, "system_info_monitor_poll_period": 0.1}


class Watched:
    """A client or a part of it; whatever is called, read and set is noted in ``used``.

    Called itself, it makes another client of the same form with further settings.
    """

    def __init__(self, target: Any, used: set[str], prefix: str = "") -> None:
        vars(self).update(_target=target, _used=used, _prefix=prefix)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if inspect.ismethod(value):
            return self._watch_calls(name, value)
        self._used.add(f"{self._prefix}{name}")
        return Watched(value, self._used, f"{name}.") if name in MONITORS else value

    def __setattr__(self, name: str, value: Any) -> None:
        self._used.add(f"{self._prefix}{name}=")
        setattr(self._target, name, value)

    def __call__(self, **settings: Any) -> Any:
        return type(self._target)(**_settings_for(type(self._target)) | settings)

    def _watch_calls(self, name: str, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(method).bind(*args, **kwargs).arguments
            self._used.add(f"{self._prefix}{name}()")
            self._used.update(f"{self._prefix}{name}({parameter})" for parameter in given)
            return method(*args, **kwargs)

        return call


def find_surface(target: Any, prefix: str = "") -> set[str]:
    """Return the public names of a client.

    They are written ``name``, ``name=`` where it can be set, ``method()`` and ``method(parameter)``.
    """
    found: set[str] = set()
    for name in (name for name in dir(target) if not name.startswith("_")):
        value = getattr(target, name)
        if inspect.ismethod(value):
            parameters = inspect.signature(value).parameters
            found |= {f"{prefix}{name}()", *(f"{prefix}{name}({parameter})" for parameter in parameters)}
            continue
        found.add(f"{prefix}{name}")
        declared = getattr(type(target), name, None)
        if isinstance(declared, property) and declared.fset is not None:
            found.add(f"{prefix}{name}=")
        if name in MONITORS:
            found |= find_surface(value, f"{name}.")
    return found


async def call_one(call: Any, client: Any) -> Any:
    """Make a call: a blocking client answers at once, an asynchronous one is awaited."""
    value = call(client)
    return await value if inspect.isawaitable(value) else value


async def drive(journey: Any, client: Any) -> None:
    """Make the calls of a journey, and hand it what they return or raise."""
    generator = journey()
    resume, value = generator.send, None
    while True:
        try:
            call = resume(value)
        except StopIteration:
            return
        [value] = await asyncio.gather(call_one(call, client), return_exceptions=True)
        resume = generator.throw if isinstance(value, BaseException) else generator.send


async def tell(journey: Any, client: Any) -> str:
    """Drive a journey; return "done", or the traceback of what ended it."""
    [failure] = await asyncio.gather(drive(journey, client), return_exceptions=True)
    return "done" if failure is None else "".join(traceback.format_exception(failure))


async def travel(
    kind: Any, journeys: list[Any], clean_up: Any, key: str | None = None, **settings: Any
) -> dict[str, Any]:
    """Drive journeys with one client of a class; over HTTP ``key`` is the API key that it uses from the start.

    Returns:
        ``told``: name of a journey to "done" or a traceback; ``surface``, ``used``: public names, sorted.
    """
    used: set[str] = set()
    target = kind(**_settings_for(kind), **settings)
    client, told = Watched(target, used), {}
    if key is not None:
        client.set_authorization_key(api_key=key)
    for journey in journeys:
        outcome = await tell(journey, client)
        left = await tell(clean_up, client)
        told[f"{journey.__module__}.{journey.__name__}"] = outcome if left == "done" else f"{outcome}\n{left}"
    surface = find_surface(target)
    await call_one(lambda client: client.close(), client)
    return {"told": told, "surface": sorted(surface), "used": sorted(used)}


def _settings_for(kind: Any) -> dict[str, Any]:
    return HTTP_SETTINGS if kind in HTTP_FORMS.values() else SETTINGS
