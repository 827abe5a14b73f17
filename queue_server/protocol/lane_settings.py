"""What the settings say about lanes: which there are, what their workers load, and how that is written as text.

The lane ``default`` always exists, and its startup code has a setting of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from queue_server.protocol.items import DEFAULT_LANE

ListUpdates = Literal["never", "environment_open", "always"]
WorkerKind = Literal["plans", "graphs"]

GRAPHS_MARK = "graphs:"
"""Before the startup code of a lane that is written as text, it says that its worker executes processing graphs."""


class FarLauncher(StrEnum):
    """In the place of the socket of a launcher: it is on another host, and connects to the worker link by itself."""

    LINK = "link"


Launcher = FarLauncher | Path

MOST_LANES = 64
"""Every status describes all lanes, and clients get it each second."""

# Part of the names of files, sockets and systemd units.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class LaneSettings(BaseModel):
    """One lane; what it does not say is as in the lane default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    startup: str = Field(min_length=1, description="What the worker of the lane loads, written as the setting startup.")
    list_file: Path | None = Field(
        default=None, description="As the setting list_file; by default the one beside the startup code of the lane."
    )
    update_list_file: ListUpdates | None = Field(default=None, description="As the setting update_list_file.")
    device_max_depth: int | None = Field(default=None, ge=0, description="As the setting device_max_depth.")
    ignore_invalid_plans: bool | None = Field(default=None, description="As the setting ignore_invalid_plans.")
    worker: WorkerKind = Field(default="plans", description="What the worker of the lane executes: plans, or graphs.")
    processes: int | None = Field(
        default=None, ge=1, le=256, description="Processes that execute the nodes of graphs; by default from 2 to 8."
    )
    memory_limit_mib: int | None = Field(
        default=None, ge=128, description="Memory of each of them; by default they share half of that of the host."
    )
    scheduler: Path | None = Field(
        default=None, description="File that names an existing Dask scheduler, which is used in their place."
    )

    @field_validator("list_file", "scheduler")
    @classmethod
    def _resolve(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        of_graphs = ("processes", "memory_limit_mib", "scheduler")
        of_plans = ("list_file", "update_list_file", "device_max_depth", "ignore_invalid_plans")
        for name in of_graphs if self.worker == "plans" else of_plans:
            if getattr(self, name) is not None:
                raise ValueError(f"a lane whose worker executes {self.worker} has no {name}")
        return self

    @property
    def executes_graphs(self) -> bool:
        """Whether the worker of the lane executes processing graphs, and so no plans."""
        return self.worker == "graphs"

    def filled(self, default: LaneSettings) -> Self:
        """Return these settings with what they do not say taken from those of the lane default."""
        if self.executes_graphs:
            return self
        shared = ("update_list_file", "device_max_depth", "ignore_invalid_plans")
        missing = {name: getattr(default, name) for name in shared if getattr(self, name) is None}
        return self.model_copy(update=missing)


def read_lanes(given: object) -> object:
    """Return a map of lanes from text such as ``b=sim,c=/path``, or from a map whose values may be startup code alone.

    Behind ``graphs:`` stands the startup code of a lane that executes processing graphs.

    Raises:
        ValueError: a part of a text is no pair, or a lane is named twice.
    """
    if isinstance(given, str):
        given = read_pairs(given, "each lane with its startup code, such as b=/path/of/startup or b=sim,c=module:beam")
    if not isinstance(given, Mapping):
        return given
    lanes = cast("Mapping[str, Any]", given)
    return {name: _read_lane(lane) if isinstance(lane, str) else lane for name, lane in lanes.items()}


def _read_lane(text: str) -> dict[str, str]:
    if text.startswith(GRAPHS_MARK):
        return {"startup": text.removeprefix(GRAPHS_MARK), "worker": "graphs"}
    return {"startup": text}


def check_lanes(lanes: Mapping[str, LaneSettings]) -> None:
    """Refuse names that cannot be those of further lanes.

    Raises:
        ValueError: one of them cannot, or there are too many lanes.
    """
    if DEFAULT_LANE in lanes:
        raise ValueError(f"the lane {DEFAULT_LANE!r} is always there; its startup code is the setting startup")
    for name in lanes:
        if not _NAME.fullmatch(name):
            raise ValueError(
                "a lane has a name of at most 64 letters, digits, - and _, the first one a letter or a digit; "
                f"{name!r} is none"
            )
    if len(lanes) >= MOST_LANES:
        raise ValueError(f"there may be at most {MOST_LANES} lanes, the lane {DEFAULT_LANE} included")


def read_launchers(given: object) -> object:
    """Return a map of launchers from text such as ``default=/run/cuelight/default.launcher,b=link``.

    Raises:
        ValueError: a part of a text is no pair, or a lane is named twice.
    """
    advice = "each lane with the socket of its launcher, or link, such as default=/run/cuelight/default.launcher,b=link"
    return read_pairs(given, advice) if isinstance(given, str) else given


def check_launchers(launchers: Mapping[str, Launcher]) -> None:
    """Refuse sockets that are none, or that two lanes share.

    Raises:
        ValueError: there is such a socket.
    """
    sockets = [launcher for launcher in launchers.values() if not isinstance(launcher, FarLauncher)]
    if any(not socket.is_absolute() for socket in sockets) or len(set(sockets)) != len(sockets):
        raise ValueError("each lane has a launcher of its own, whose socket is an absolute path; or the word link")


def read_policies(text: str) -> dict[str, str]:
    """Return the word for each lane of a text such as ``default=hold,other=front``.

    Raises:
        ValueError: a part is no pair, or a lane is named twice.
    """
    if "=" not in text:
        return {DEFAULT_LANE: text.strip()}
    return read_pairs(text, "front or hold, or one of them for each lane, such as default=hold,other=front")


def read_pairs(text: str, advice: str) -> dict[str, str]:
    """Return the value for each lane of a text such as ``default=one,other=two``; ``advice`` says what to write.

    Raises:
        ValueError: a part is no pair, or a lane is named twice.
    """
    pairs: dict[str, str] = {}
    for part in text.split(","):
        lane, separator, value = (word.strip() for word in part.partition("="))
        if not lane or not separator or lane in pairs:
            raise ValueError(f"write {advice}")
        pairs[lane] = value
    return pairs
