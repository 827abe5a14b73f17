"""Reads process variables by Channel Access and writes their values as one JSON object: python read_pvs.py PV ..."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aioca import CANothing, caget

TIMEOUT_S = 5.0


async def read(names: list[str]) -> dict[str, Any]:
    """Return the values of process variables.

    Raises:
        CANothing: one of them does not answer.
    """
    # One by one, because an answer for all of them does not say which one is missing.
    values: list[Any] = await asyncio.gather(*(caget(name, timeout=TIMEOUT_S) for name in names))
    return {
        name: value.tolist() if hasattr(value, "tolist") else value for name, value in zip(names, values, strict=True)
    }


if __name__ == "__main__":
    try:
        found = asyncio.run(read(sys.argv[1:]))
    except CANothing as error:
        sys.exit(f"{error.name} cannot be read: {error}")
    sys.stdout.write(json.dumps(found) + "\n")
