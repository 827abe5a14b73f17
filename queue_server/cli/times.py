"""Times on the command line: a date with or without a time of day, or how long ago. It asks no manager."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Annotated

import typer

from queue_server.protocol.errors import ParameterError

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="From this time on: 2026-05-17, 2026-05-17T14:30, or 10m, 2h, 3d ago."),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this time, in the same forms.")]


def read_time(text: str | None, option: str) -> float | None:
    """Return a time in seconds since 1970-01-01 UTC; without a zone it is local.

    Raises:
        ParameterError: the text is no time; the message names the option.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return time.time() - float(ago[1]) * _UNITS_S[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            f"{option} takes a date such as 2026-05-17 or 2026-05-17T14:30, or a time ago such as 10m, 2h or 3d, "
            f"not {text!r}.",
            field=option,
        ) from error
