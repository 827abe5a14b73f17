"""The manager as custom routers know it: the method names of bluesky-queueserver-api over Cuelight's own client."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from queue_server.client.asynchronous import RunControl
from queue_server.protocol.methods import METHODS

_USER = {"user": "Queue Server API User", "user_group": "primary"}

# What the client library calls differently, and the parameters that may be given by their place.
_NAMES = {name.removeprefix("queue_"): name for name in METHODS if name.startswith("queue_item_")}
_BY_PLACE = {
    "queue_item_add": ("item",),
    "queue_item_add_batch": ("items",),
    "queue_item_update": ("item",),
    "queue_item_execute": ("item",),
    "function_execute": ("item",),
    "script_upload": ("script",),
    "task_status": ("task_uid",),
    "task_result": ("task_uid",),
    "re_pause": ("option",),
    "re_runs": ("option",),
    "lock": ("lock_key",),
    "unlock": ("lock_key",),
}


class ManagerClient(RunControl):
    """``await RM.item_add(item)``, ``await RM.status()`` and so on: one method for each method of the manager."""

    def __getattribute__(self, name: str) -> Any:
        """Return the method of the manager that the client library calls ``name``, or what the client itself has."""
        method = _NAMES.get(name, name)
        if method in METHODS:
            return partial(self._request, method)
        return super().__getattribute__(name)

    def _request(self, method: str, *values: Any, **named: Any) -> Coroutine[Any, Any, dict[str, Any]]:
        places = _BY_PLACE.get(method, ())
        if len(values) > len(places):
            raise TypeError(f"{method} takes {len(places)} values by place, and {len(values)} were given")
        given = {**dict(zip(places, values, strict=False)), **named}
        known = METHODS[method].params.model_fields
        defaults = {name: value for name, value in _USER.items() if name in known}
        params = defaults | {name: _plain(value) for name, value in given.items() if value is not None}
        return self.send_request(method=method, params=params)


def _plain(value: Any) -> Any:
    """Return an item of the client library, or a list of such, as a dictionary."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping) or not hasattr(value, "to_dict"):
        return value
    return value.to_dict()
