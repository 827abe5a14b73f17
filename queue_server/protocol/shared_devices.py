"""The setting that says which devices workers of several lanes reach, and what they are called in each lane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field

from queue_server.protocol.items import LONGEST_CLAIM
from queue_server.protocol.lane_settings import read_pairs

Places = dict[str, dict[str, str]]
"""The name of each device in the facility, its lanes, and its name in each of them."""


def read_places(given: object) -> object:
    """Return the places of each device.

    Text such as ``shutter=default+b,cryo=default:cryo1+b:cold`` is read too. A list of lanes means that the device has
    the same name everywhere.

    Raises:
        ValueError: a part of a text is no pair.
    """
    if isinstance(given, str):
        pairs = read_pairs(given, "each device with its lanes, such as shutter=default+b,cryo=default:cryo1+b:cold")
        given = {name: _split(name, text) for name, text in pairs.items()}
    if not isinstance(given, Mapping):
        return given
    devices = cast("Mapping[object, object]", given)
    return {name: _spread(name, lanes) for name, lanes in devices.items()}


def check_places(devices: Places) -> Places:
    """Return the places if no device of a lane has two names in the facility, and all names can be those of devices.

    Raises:
        ValueError: they cannot.
    """
    known: dict[tuple[str, str], str] = {}
    for name, places in devices.items():
        if not _is_name(name) or name.startswith("lane:"):
            raise ValueError(
                f"a device has a name of 1 to {LONGEST_CLAIM} characters, not like lane:b; {name!r} is none"
            )
        if not places:
            raise ValueError(f"the device {name!r} is in no lane; name those that reach it")
        for lane, local in places.items():
            if not _is_name(local) or "." in local:
                raise ValueError(f"{local!r} is not the name of a whole device of the lane {lane!r}")
            other = known.setdefault((lane, local), name)
            if other != name:
                raise ValueError(f"the device {local!r} of the lane {lane!r} has two names, {other!r} and {name!r}")
    return devices


def _split(device: str, text: str) -> dict[str, str]:
    places = (place.partition(":") for place in text.split("+"))
    return {lane.strip(): local.strip() or device for lane, _, local in places}


def _spread(name: object, lanes: object) -> object:
    return dict.fromkeys(cast("list[object]", lanes), name) if isinstance(lanes, list) else lanes


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_CLAIM and name == name.strip()


CheckedPlaces = Annotated[Places, BeforeValidator(read_places), AfterValidator(check_places)]

SHARED_DEVICES: Any = Field(
    default_factory=dict[str, dict[str, str]],
    description="Devices that several lanes reach, so that items which need the same one do not run at the same time: "
    "the name of each in the facility, and its lanes, as a list ([default, b]) or, where the lanes have other names "
    "for it, as a map ({default: cryo1, b: cold}); as text: shutter=default+b,cryo=default:cryo1+b:cold.",
)
