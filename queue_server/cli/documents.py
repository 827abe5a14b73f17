"""The verb ``documents``: what runs emit, as it is published. It keeps nothing."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from queue_server.cli import render
from queue_server.cli.session import Session
from queue_server.client.documents import Document, Gap
from queue_server.protocol.documents import write_line
from queue_server.protocol.errors import ParameterError


def documents(
    session: Session,
    lane: Annotated[list[str] | None, typer.Option(help="Only runs of this lane; may be repeated.")] = None,
) -> None:
    """Print the documents of runs as they come, until Ctrl-C or for --timeout seconds: one line of JSON for each.

    A line is an array of the kind and the content of a document, as in the files of recorded runs. Documents that were
    lost on their way are told on standard error. With --json a line is a map, with lane, number and time, or a gap.
    """
    if session.field is not None:
        raise ParameterError("--field picks a part of one reply; here there is none.", field="--field")
    show = _print_map if session.json else _print_document
    deadline = None if session.timeout_s is None else time.monotonic() + session.timeout_s
    with session.run_control.documents(lane or None) as stream:
        while deadline is None or time.monotonic() < deadline:
            found = stream.receive(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if found is not None:
                show(found)


def _print_document(found: Document | Gap) -> None:
    if isinstance(found, Document):
        render.print_line(write_line(found.name, found.content).decode().rstrip("\n"))
    else:
        render.say(f"Lane {found.lane}: documents {found.first} to {found.last} did not come ({found.reason}).")


def _print_map(found: Document | Gap) -> None:
    render.print_line(json.dumps(found._asdict()))
