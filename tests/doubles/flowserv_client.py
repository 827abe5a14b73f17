"""What tests with the client of flowserv read of its answers, whose types it does not tell."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from flowserv.model.template.parameter import ParameterIndex


def read_parameters(declared: Any) -> Any:
    """Return the parameters as the client has them, by their names."""
    return ParameterIndex.from_dict(declared, validate=True)


def read_members(archive: bytes) -> dict[str, bytes]:
    """Return the files of an archive by their names, in their order."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found: dict[str, Any] = {each.name: opened.extractfile(each) for each in opened.getmembers()}
        return {name: file.read() for name, file in found.items()}


def status_of(caught: Any) -> int:
    """Return the status of the answer for which the client has raised."""
    return caught.value.response.status_code
