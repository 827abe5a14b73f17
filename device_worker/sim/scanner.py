"""A simulated scanner: it connects to a gateway as any other one does, and receives k-space of the Shepp-Logan phantom.

It runs as a process of its own, ``python -m device_worker.sim.scanner URL CREDENTIALS``, and knows no hardware.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from device_worker.remote import Details, Scan, Scanner, read_credentials
from device_worker.sim.phantom import receive_lines

KSPACE: Final = "kspace.npy"
"""The file of a scan: complex64 with shape (coils, size, size), the centre of k-space in the middle."""

Line = npt.NDArray[np.complex64]

_DETAILS = Details(
    device_name="simulated scanner",
    serial_number="0",
    manufacturer="Cuelight",
    modality="MR",
    parameter={"most_coils": 32, "most_lines": 512},
)
_WHOLE_HEAD = {"fov_scaling": 1.0, "fov_offset": 0.0, "fov_rotation": 0.0}


class PhantomSequence(BaseModel):
    """What the sequence of a scan (``seq_file``, JSON) may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    size: Annotated[int, Field(ge=8, le=512, description="Lines, and points in each.")] = 128
    coils: Annotated[int, Field(ge=1, le=32, description="How many coils receive.")] = 8
    noise: Annotated[float, Field(ge=0, description="Standard deviation; the brightest part of the phantom has 1.")] = (
        0.01
    )
    seed: Annotated[int, Field(ge=0, description="The same seed gives the same noise.")] = 0
    repetition_s: Annotated[float, Field(ge=0, le=10, description="Seconds from one line to the next.")] = 0.01


async def acquire(scan: Scan) -> None:
    """Carry out one scan: receive line after line, tell how far it is, and hand over the k-space.

    Raises:
        ValueError: the scan asks for what this scanner cannot do; the message says what, and what it can.
    """
    sequence = read_sequence(scan)
    settings = sequence.size, sequence.coils, sequence.noise, sequence.seed
    lines: list[Line] = []
    for line in await asyncio.to_thread(receive_lines, *settings):
        await asyncio.sleep(sequence.repetition_s)
        lines.append(line)
        scan.progress(100 * len(lines) / sequence.size)
    await scan.upload(KSPACE, await asyncio.to_thread(_pack, lines))


def _pack(lines: list[Line]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.stack(lines, axis=1))
    return file.getvalue()


def read_sequence(scan: Scan) -> PhantomSequence:
    """Return what a scan asks for.

    Raises:
        ValueError: its sequence is not the JSON that ``PhantomSequence`` describes, or its field of view is not the
            whole head.
    """
    _require_whole_head(scan.acquisition_parameter)
    text = scan.sequence.get("seq_file")
    if not isinstance(text, str):
        raise ValueError("the scan has no sequence (sequence.seq_file)")
    try:
        return PhantomSequence.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{_name(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False))
        known = json.dumps(PhantomSequence().model_dump())
        raise ValueError(f"the sequence cannot be played: {faults}. This scanner plays {known}") from None


def _name(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place)) or "seq_file"


def _require_whole_head(parameter: Mapping[str, Any]) -> None:
    for name, neutral in _WHOLE_HEAD.items():
        given: Any = parameter.get(name)
        if isinstance(given, Mapping) and any(given[axis] != neutral for axis in given):
            raise ValueError(f"{name} is {dict(given)}, and this scanner sees the whole head only: {neutral:g} each")


def main(words: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m device_worker.sim.scanner", description="Connect a simulated scanner to a gateway."
    )
    parser.add_argument("url", help="the gateway's socket for devices, such as wss://host:60610/api/v1/device/ws")
    parser.add_argument("credentials", help="the file that 'cuelight device create --credentials' has written")
    parser.add_argument("--ca-file", help="the authority that has signed the gateway's certificate")
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        credentials = read_credentials(given.credentials)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    scanner = Scanner(given.url, credentials, acquire, details=_DETAILS, ca_file=given.ca_file)
    asyncio.run(_serve(scanner))
    return 0


async def _serve(scanner: Scanner) -> None:
    serving = asyncio.create_task(scanner.serve())
    for number in (signal.SIGINT, signal.SIGTERM):
        # A scan that is under way is cancelled, and the connection is closed.
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    sys.exit(main())
